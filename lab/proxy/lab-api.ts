import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { isFromProgram } from '../../orchestrator/gateway/loopback-request.ts';
import type { Calls } from './calls.ts';
import { trailSettingsSchema, type CloudTrail } from './cloudtrail.ts';
import type { Faults } from './faults.ts';
import type { HeldCalls } from './held-calls.ts';
import { policySchema } from './policy.ts';
import type { Roles } from './roles.ts';
import type { Sessions } from './sessions.ts';
import type { Watch } from './watch.ts';

/** Who this lab is; `lab` is random at each start, so that an endpoint can be told from another lab and from AWS. */
type LabIdentity = { lab: string; accountId: string; region: string; startedAt: string };

export type LabParts = {
  identity: LabIdentity;
  /** What an order must bear; in the lab's record, which only its user can read. */
  token: string;
  calls: Calls;
  faults: Faults;
  held: HeldCalls;
  sessions: Sessions;
  roles: Roles;
  trail: CloudTrail;
  watch: Watch;
  /** Empties the emulator; false when it is not running. */
  resetEmulator: () => Promise<boolean>;
  /** Keeps what AWS has under a name, or goes back to it; false where there is none of that name, or no emulator. */
  snapshot: (name: string, what: 'take' | 'restore') => Promise<boolean>;
};

type Answer = { status: number; body: unknown };

const ok = (body: unknown): Answer => ({ status: 200, body });
const notFound = (what: string): Answer => ({ status: 404, body: { reason: 'not-found', message: `There is no ${what}.` } });
const badRequest = (issues: string[], allowed: unknown): Answer => ({ status: 400, body: { reason: 'bad-request', issues, allowed } });

const issuesOf = (error: z.ZodError): string[] => error.issues.map(({ path, message }) => [...path, message].join(': '));

const flag = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1');

const callsQuery = z.strictObject({
  mutating: flag.optional(),
  service: z.string().optional(),
  action: z.string().optional(),
  accessKeyId: z.string().optional(),
  since: z.coerce.number().int().min(0).optional(),
  wait: flag.optional(),
});
const heldQuery = z.strictObject({ wait: flag.optional(), fault: z.string().optional() });
const releaseOrder = z.strictObject({ how: z.enum(['go-on', 'cut']).optional() });
const endOrder = z.strictObject({ services: z.array(z.string()).min(1).optional() });

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether a request is for the lab itself. No bucket can have that name: S3 allows no underscore. */
export const isForLab = (path: string): boolean => /^\/_lab(\/|\?|$)/.test(path);

/**
 * The lab's own HTTP API. It never reaches the emulator and is not recorded. Pages of a browser are refused; what changes something needs
 * `Authorization: Bearer <token>`.
 *
 * | request | does |
 * | --- | --- |
 * | `GET /_lab` | says which lab this is |
 * | `GET /_lab/calls?service&action&mutating&accessKeyId&since&wait` | the calls after number `since`; `wait=1` answers when there is one |
 * | `DELETE /_lab/calls` | forgets them; CloudTrail does not |
 * | `GET`, `POST`, `DELETE /_lab/faults`, `DELETE /_lab/faults/<id>` | the faults, see `FaultOrder`; what a deleted one held goes on |
 * | `GET /_lab/held?fault&wait` | the held calls; `wait=1` answers when there is one |
 * | `POST /_lab/held/<n>/release` `{how: 'go-on' \| 'cut'}` | lets one go on, or cuts its connection where it stands |
 * | `GET /_lab/sessions` | the ids of the keys that STS gave out: who has a key compares it there, and sends no id |
 * | `GET /_lab/sessions/<accessKeyId>` | a session that STS gave out |
 * | `POST /_lab/sessions/<accessKeyId>/expire`, `/revoke` `{services?}` | ends it now, for all services or for some |
 * | `PUT /_lab/roles/<name>` | the policy of a role, from now on and for every session of it; `GET` shows it, `DELETE` lets the role do everything again |
 * | `GET`, `POST /_lab/cloudtrail` | delivery delay and rate limit of the event history |
 * | `POST /_lab/watch` | from now on AWS is looked at after each call of EC2 that changes something; `DELETE` ends it |
 * | `GET /_lab/watch` | what AWS had at each of these moments, see `Moment` |
 * | `PUT /_lab/snapshots/<name>` | keeps what AWS and the bucket have under a name |
 * | `POST /_lab/snapshots/<name>` | goes back to it, and ends faults, calls, event history and the watch as a reset does |
 * | `POST /_lab/reset` | empties the emulator, calls, faults and event history, and ends the watch; sessions and roles stay |
 */
export class LabApi {
  readonly #parts: LabParts;

  constructor(parts: LabParts) {
    this.#parts = parts;
  }

  /** Why it is not answered: it comes from a page, or it is to change something and does not bear the token. */
  refusal(req: Pick<IncomingMessage, 'headers' | 'method'>): Answer | undefined {
    if (!isFromProgram(req))
      return { status: 403, body: { reason: 'not-from-a-program', message: 'The lab takes requests of programs of this machine only.' } };
    const isLook = req.method === 'GET' || req.method === 'HEAD';
    const token = /^Bearer (\S+)$/i.exec(req.headers.authorization ?? '')?.[1] ?? '';
    if (isLook || timingSafeEqual(sha256(token), sha256(this.#parts.token))) return undefined;
    return {
      status: 401,
      body: {
        reason: 'no-token',
        message: 'What changes the lab needs `Authorization: Bearer TOKEN`; the token is control.token in lab.json.',
      },
    };
  }

  /** Answers what `refusal` has let through. */
  async handle(req: IncomingMessage, res: ServerResponse, body: string): Promise<void> {
    const url = new URL(req.url ?? '/', 'http://lab.invalid');
    const path = url.pathname.split('/').slice(2).map(decodeURIComponent);
    const query = Object.fromEntries(url.searchParams);

    if (req.method === 'GET' && path.length === 1 && (path[0] === 'held' || path[0] === 'calls')) {
      if (path[0] === 'held') this.#answerHeld(res, query);
      else this.#answerCalls(res, query);
      return;
    }
    const order = parseJson(body);
    send(res, order === undefined ? badRequest(['The body is not JSON.'], {}) : await this.#answer(req.method ?? 'GET', path, order));
  }

  async #answer(method: string, path: string[], order: unknown): Promise<Answer> {
    const { identity, calls, faults, held, sessions, roles, trail, watch, resetEmulator, snapshot } = this.#parts;
    const [room = '', id = '', verb = ''] = path;
    switch (`${method} /${[room, id && '*', verb].filter((part) => part !== '').join('/')}`) {
      case 'GET /':
        return ok(identity);
      case 'DELETE /calls':
        calls.forget();
        return ok({ last: calls.last });
      case 'GET /faults':
        return ok({ faults: faults.list(), held: held.list() });
      case 'POST /faults': {
        const fault = faults.add(order);
        if (!('reason' in fault)) return { status: 201, body: fault };
        return fault.reason === 'id-taken' ? { status: 409, body: fault } : { status: 400, body: fault };
      }
      case 'DELETE /faults':
        faults.clear();
        held.releaseAll('go-on');
        return ok({ faults: [] });
      case 'DELETE /faults/*':
        if (!faults.remove(id)) return notFound(`fault ${id}`);
        held.releaseAll('go-on', id);
        return ok({ faults: faults.list() });
      case 'POST /held/*/release': {
        const how = releaseOrder.safeParse(order);
        if (!how.success) return badRequest(issuesOf(how.error), { how: ['go-on', 'cut'] });
        return held.release(Number(id), how.data.how ?? 'go-on') ? ok({ released: Number(id) }) : notFound(`held call ${id}`);
      }
      case 'GET /sessions':
        return ok({ accessKeyIds: sessions.given });
      case 'GET /sessions/*': {
        const session = sessions.get(id);
        return session === undefined ? notFound(`session of ${id}`) : ok(session);
      }
      case 'POST /sessions/*/expire':
      case 'POST /sessions/*/revoke': {
        const scope = endOrder.safeParse(order);
        if (!scope.success) return badRequest(issuesOf(scope.error), Object.keys(endOrder.shape));
        return ok(sessions.end(id, verb === 'expire' ? 'expired' : 'revoked', scope.data.services ?? null));
      }
      case 'GET /roles':
        return ok({ roles: roles.names() });
      case 'GET /roles/*': {
        const policy = roles.get(id);
        return policy === undefined ? notFound(`policy of role ${id}`) : ok(policy);
      }
      case 'PUT /roles/*': {
        const policy = policySchema.safeParse(order);
        if (!policy.success) return badRequest(issuesOf(policy.error), 'a policy document of IAM');
        roles.set(id, policy.data);
        return ok({ role: id });
      }
      case 'DELETE /roles/*':
        return roles.remove(id) ? ok({ removed: id }) : notFound(`policy of role ${id}`);
      case 'GET /cloudtrail':
        return ok(trail.settings);
      case 'POST /cloudtrail': {
        const change = trailSettingsSchema.safeParse(order);
        if (!change.success) return badRequest(issuesOf(change.error), Object.keys(trailSettingsSchema.shape));
        return ok(trail.configure(change.data));
      }
      case 'POST /watch':
        return { status: 201, body: { moments: await watch.begin(calls.last) } };
      case 'GET /watch':
        return watch.moments === undefined ? notFound('watch') : ok({ moments: watch.moments });
      case 'DELETE /watch':
        watch.end();
        return ok({});
      case 'PUT /snapshots/*':
        return (await snapshot(id, 'take')) ? ok({ taken: id }) : notFound(`snapshot ${id}`);
      case 'POST /snapshots/*': {
        faults.clear();
        held.releaseAll('cut');
        watch.end();
        if (!(await snapshot(id, 'restore'))) return notFound(`snapshot ${id}`);
        calls.forget();
        trail.forget();
        return ok({ restored: id });
      }
      case 'POST /reset': {
        faults.clear();
        held.releaseAll('cut');
        watch.end();
        const done = await resetEmulator();
        calls.forget();
        trail.forget();
        return done ? ok({ reset: true }) : { status: 503, body: { reason: 'emulator-down', message: 'The emulator is not running.' } };
      }
      default:
        return notFound(`${method} /_lab/${path.join('/')}`);
    }
  }

  #answerCalls(res: ServerResponse, query: Record<string, string>): void {
    const parsed = callsQuery.safeParse(query);
    if (!parsed.success) {
      send(res, badRequest(issuesOf(parsed.error), Object.keys(callsQuery.shape)));
      return;
    }
    const { wait = false, ...filter } = parsed.data;
    const { calls } = this.#parts;
    if (wait)
      res.on(
        'close',
        calls.whenCalled(filter, (found) => send(res, ok({ calls: found, last: calls.last }))),
      );
    else send(res, ok({ calls: calls.list(filter), last: calls.last }));
  }

  #answerHeld(res: ServerResponse, query: Record<string, string>): void {
    const parsed = heldQuery.safeParse(query);
    if (!parsed.success) {
      send(res, badRequest(issuesOf(parsed.error), Object.keys(heldQuery.shape)));
      return;
    }
    const { wait = false, fault } = parsed.data;
    const { held } = this.#parts;
    if (wait)
      res.on(
        'close',
        held.whenHeld(fault, (found) => send(res, ok({ held: found }))),
      );
    else send(res, ok({ held: held.list(fault) }));
  }
}

const parseJson = (body: string): unknown => {
  if (body.trim() === '') return {};
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
};

export const send = (res: ServerResponse, { status, body }: Answer): void => {
  const text = `${JSON.stringify(body)}\n`;
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
};
