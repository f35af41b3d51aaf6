import { randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as passTime } from 'node:timers/promises';
import { isFromBrowser } from '../../orchestrator/gateway/loopback-request.ts';
import { Calls, type Call } from './calls.ts';
import { systemClock, type Clock } from './clock.ts';
import { CloudTrail } from './cloudtrail.ts';
import { errorReply, type Refusal, type Reply } from './error-replies.ts';
import { Faults, type Fault } from './faults.ts';
import { HeldCalls } from './held-calls.ts';
import { isForLab, LabApi, send } from './lab-api.ts';
import { looksAt } from './own-looks.ts';
import { bucketPolicySchema } from './policy.ts';
import { recognise, type Recognised } from './recognise.ts';
import { emulatorBrokeOff, emulatorDown, lackingPermission, throttled } from './refusals.ts';
import { resourceIds } from './resource-ids.ts';
import { Roles } from './roles.ts';
import { givesSession, Sessions } from './sessions.ts';
import { Births, canBeStale, staleReply } from './stale-describes.ts';
import { Upstream } from './upstream.ts';
import { Watch } from './watch.ts';
import { elementText } from './xml.ts';

export type ProxyOptions = {
  /** The emulator's port on 127.0.0.1. */
  upstreamPort: number;
  /** What the emulator asks for; none where it answers all. */
  upstreamToken?: string;
  /** 0: any free one. */
  port?: number;
  accountId: string;
  region: string;
  clock?: Clock;
  /** How long a connection may be open before its request has begun; 10 s. */
  silenceMs?: number;
};

/** The lab's AWS endpoint, listening on 127.0.0.1. */
export type Proxy = {
  port: number;
  /** `http://127.0.0.1:<port>`. */
  url: string;
  /** The random name of this start, as `GET /_lab` tells it. */
  lab: string;
  /** What an order to the lab must bear. */
  token: string;
  /** Stops listening and cuts every connection; calls that are held are not made. */
  close: () => Promise<void>;
};

export type ProxyNotStarted = { reason: 'port-taken'; port: number };

/** How a call was decided: by the emulator's reply, or by the lab in its place. */
type Decision = {
  reply: Reply;
  status: number | null;
  refusal: Refusal | null;
  decidedBy: Call['decidedBy'];
  /** The service knew who was asking; only then the call stands in the trail. */
  identified: boolean;
};

/** Far above what the engines of the largest tests keep open at once. */
const mostConnections = 1000;

/** Replies above this size are not looked into for an error code. */
const errorDocumentLimitBytes = 1_000_000;

const textOf = (reply: Reply): string => Buffer.concat(reply.body).toString('utf8');

const headerOf = (reply: Reply, name: string): string | undefined => {
  for (let index = 0; index + 1 < reply.headers.length; index += 2) {
    if (reply.headers[index]?.toLowerCase() === name) return reply.headers[index + 1];
  }
  return undefined;
};

/** The code and the message of an error reply, in whichever format. */
const errorOf = (reply: Reply): { code: string; message: string } => {
  const text = reply.body.reduce((sum, chunk) => sum + chunk.length, 0) > errorDocumentLimitBytes ? '' : textOf(reply);
  const code =
    elementText(text, 'Code') ??
    /"__type"\s*:\s*"(?:[^"#]*#)?([^"]*)"/.exec(text)?.[1] ??
    // CBOR is no text; CloudWatch says its code for those who knew it by another protocol as well.
    headerOf(reply, 'x-amzn-query-error')?.split(';')[0] ??
    `${reply.status}`;
  return { code, message: elementText(text, 'Message') ?? /"[mM]essage"\s*:\s*"([^"]*)"/.exec(text)?.[1] ?? '' };
};

const changesPolicy = ({ service, action }: Recognised): boolean =>
  service === 's3' && ['PutBucketPolicy', 'DeleteBucketPolicy', 'CreateBucket', 'DeleteBucket'].includes(action);

/** What of a bucket's policy the lab does not judge as S3 does; undefined where there is nothing of the kind. */
const notJudged = (text: string): string | undefined => {
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    return 'Policies must be valid JSON';
  }
  const read = bucketPolicySchema.safeParse(policy);
  return read.success
    ? undefined
    : `The lab does not judge it: ${read.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ')}`;
};

const readBody = (req: IncomingMessage): Promise<Buffer[] | undefined> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => resolve(chunks));
    req.on('error', () => resolve(undefined));
    req.on('close', () => resolve(undefined));
  });

/**
 * Starts the fault proxy: an AWS endpoint that passes every call on to the emulator, records it, ends sessions as AWS would, answers
 * CloudTrail's `LookupEvents`, and does to calls what the faults set over `/_lab/faults` say.
 */
export const startProxy = async (options: ProxyOptions): Promise<Proxy | ProxyNotStarted> => {
  const { upstreamPort, upstreamToken, port = 0, accountId, region, clock = systemClock, silenceMs = 10_000 } = options;
  const lab = randomBytes(8).toString('hex');
  const token = randomBytes(16).toString('hex');
  const upstream = new Upstream(upstreamPort, upstreamToken);
  const calls = new Calls();
  const faults = new Faults();
  const held = new HeldCalls();
  const births = new Births();
  const sessions = new Sessions(clock);
  const roles = new Roles({ accountId, region }, looksAt(upstream, upstreamPort, region));
  const trail = new CloudTrail({ clock, accountId, region });
  const watch = new Watch(async () => {
    // The SDK takes a while to load, and most labs are not watched.
    const { openLook } = await import('./look-at-networks.ts');
    return openLook({ port: upstreamPort, token: upstreamToken, region });
  });
  const askEmulator = async (method: string, url: string): Promise<boolean> => {
    const result = await upstream.pass({ method, url, rawHeaders: ['Host', `127.0.0.1:${upstreamPort}`], body: [], mutating: true });
    roles.forgetBuckets();
    return result.kind === 'reply' && result.reply.status === 200;
  };
  const labApi = new LabApi({
    identity: { lab, accountId, region, startedAt: clock.now().toISOString() },
    token,
    calls,
    faults,
    held,
    sessions,
    roles,
    trail,
    watch,
    resetEmulator: () => askEmulator('POST', '/moto-api/reset'),
    snapshot: (name, what) => askEmulator(what === 'take' ? 'PUT' : 'POST', `/_emulator/snapshots/${name}`),
  });

  const refused = (call: Recognised, method: string, refusal: Refusal, identified: boolean): Decision => ({
    reply: errorReply(call, method, refusal, randomUUID()),
    status: refusal.status,
    refusal,
    decidedBy: 'lab',
    identified,
  });

  const aged = (call: Recognised, reply: Reply, hits: Fault[]): Reply | Refusal => {
    const ages = hits.flatMap(({ do: act }) => (act.kind === 'stale' ? [act.seconds] : []));
    if (ages.length === 0 || !canBeStale(call)) return reply;
    const bornAfterMs = clock.now().getTime() - Math.max(...ages) * 1000;
    return staleReply(call, reply, (id) => births.isYoungerThan(id, bornAfterMs));
  };

  /** Lets AWS decide a call: the session first, then its role's policy, then the faults that refuse, then the emulator. */
  const decide = async (call: Recognised, req: IncomingMessage, body: Buffer[], hits: Fault[]): Promise<Decision> => {
    const method = req.method ?? 'GET';
    const sessionOver = sessions.refusal(call);
    if (sessionOver !== undefined) return refused(call, method, sessionOver, false);
    const session = call.accessKeyId === null ? undefined : sessions.get(call.accessKeyId);
    const lacking = await roles.lacking(call, session);
    if (lacking !== undefined)
      return refused(call, method, lackingPermission(call.service, lacking, session?.assumedRoleArn ?? null), true);

    for (const { do: act } of hits) {
      if (act.kind === 'throttle') return refused(call, method, throttled(call), true);
      if (act.kind === 'refuse') {
        const { code, status = 400, message = `Refused by the lab: ${code}` } = act;
        return refused(call, method, { status, code, message }, true);
      }
    }

    if (call.service === 'cloudtrail' && call.action === 'LookupEvents') {
      const result = trail.lookup(Buffer.concat(body).toString('utf8'));
      if (result.kind === 'refused') return refused(call, method, result.refusal, true);
      const document = Buffer.from(result.body);
      const headers = [
        'Content-Type',
        'application/x-amz-json-1.1',
        'x-amzn-RequestId',
        randomUUID(),
        'Content-Length',
        `${document.length}`,
      ];
      return { reply: { status: 200, headers, body: [document] }, status: 200, refusal: null, decidedBy: 'lab', identified: true };
    }

    if (call.service === 's3' && call.action === 'PutBucketPolicy') {
      const problem = notJudged(Buffer.concat(body).toString('utf8'));
      if (problem !== undefined) return refused(call, method, { status: 400, code: 'MalformedPolicy', message: problem }, true);
    }
    const result = await upstream.pass({ method, url: req.url ?? '/', rawHeaders: req.rawHeaders, body, mutating: call.mutating });
    if (changesPolicy(call)) roles.forgetBuckets();
    switch (result.kind) {
      case 'reply': {
        const hidden = result.reply.status === 404 ? await roles.lackingForNotFound(call, session) : undefined;
        if (hidden !== undefined)
          return refused(call, method, lackingPermission(call.service, hidden, session?.assumedRoleArn ?? null), true);
        const shown = aged(call, result.reply, hits);
        if ('code' in shown) return refused(call, method, shown, true);
        return { reply: shown, status: shown.status, refusal: null, decidedBy: 'emulator', identified: true };
      }
      case 'unreachable':
        return refused(call, method, emulatorDown(call), false);
      case 'broke-off':
        return { ...refused(call, method, emulatorBrokeOff(call), false), status: null };
    }
  };

  /** Writes down what was decided, before anything can happen to the reply. */
  const record = (call: Recognised, req: IncomingMessage, arrivedAt: Date, decision: Decision, hits: Fault[]): Call => {
    const { reply } = decision;
    const succeeded = reply.status < 400;
    const error = succeeded ? null : (decision.refusal ?? errorOf(reply));
    const isObjectCall = call.service === 's3' && call.params.Key !== undefined;
    const text = succeeded && !isObjectCall && (call.mutating || givesSession(call)) ? textOf(reply) : '';
    if (text !== '' && givesSession(call)) sessions.learn(call, text);
    const session = call.accessKeyId === null ? undefined : sessions.get(call.accessKeyId);
    const recorded = calls.add({
      arrivedAt: arrivedAt.toISOString(),
      time: clock.now().toISOString(),
      service: call.service,
      action: call.action,
      mutating: call.mutating,
      accessKeyId: call.accessKeyId,
      sessionName: session?.sessionName ?? null,
      params: call.params,
      key: call.service === 's3' ? (call.params.Key ?? null) : null,
      status: decision.status,
      requestId: headerOf(reply, 'x-amzn-requestid') ?? headerOf(reply, 'x-amz-request-id') ?? '',
      errorCode: error?.code ?? null,
      resourceIds: call.mutating ? resourceIds(text) : [],
      userAgent: req.headers['user-agent'] ?? null,
      decidedBy: decision.decidedBy,
      faults: hits.map(({ id }) => id),
      reply: 'waiting',
    });
    if (succeeded) births.learn(recorded);
    if (decision.identified) {
      trail.add(recorded, error === null ? { kind: 'succeeded', reply: text } : { kind: 'failed', ...error }, session);
    }
    return recorded;
  };

  const answer = (res: ServerResponse, reply: Reply): boolean => {
    if (res.destroyed || res.socket === null) return false;
    res.writeHead(reply.status, reply.headers);
    for (const chunk of reply.body) res.write(chunk);
    res.end();
    return true;
  };

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const arrivedAt = clock.now();
    const url = req.url ?? '/';
    // No client of AWS is a page: one that sends a form to this port changes nothing here.
    const refused = isFromBrowser(req) || isForLab(url) || url.startsWith('/moto-api/') ? labApi.refusal(req) : undefined;
    if (refused !== undefined) {
      // Read to its end, the connection serves the next request.
      req.resume();
      send(res, refused);
      return;
    }
    const body = await readBody(req);
    if (body === undefined) return;
    if (isForLab(url)) return labApi.handle(req, res, Buffer.concat(body).toString('utf8'));
    const method = req.method ?? 'GET';
    if (url.startsWith('/moto-api/')) {
      const result = await upstream.pass({ method, url, rawHeaders: req.rawHeaders, body, mutating: true });
      if (result.kind === 'reply') answer(res, result.reply);
      else res.destroy();
      return;
    }

    const hasParams = /^application\/(x-|cbor)/.test(req.headers['content-type'] ?? '');
    const call = recognise({ method, url, headers: req.headers }, hasParams ? Buffer.concat(body) : Buffer.alloc(0));
    const hits = faults.hit(call);
    const holdAt = async (point: 'before' | 'after'): Promise<'go-on' | 'cut'> => {
      for (const { id, do: act } of hits) {
        if (act.kind !== 'hold' || act.point !== point) continue;
        const how = await held.hold(call, { fault: id, point, since: clock.now(), clientGone: () => res.destroyed });
        if (how === 'cut') return 'cut';
      }
      return 'go-on';
    };

    for (const { do: act } of hits) if (act.kind === 'delay') await passTime(act.ms);
    if ((await holdAt('before')) === 'cut') {
      res.destroy();
      return;
    }
    const make = async () => {
      const decision = await decide(call, req, body, hits);
      return { decision, recorded: record(call, req, arrivedAt, decision, hits) };
    };
    const { decision, recorded } = call.service === 'ec2' && call.mutating ? await watch.over(make) : await make();
    const isCut = (await holdAt('after')) === 'cut';
    // An error of the emulator is a reply too and is lost like any other; what the lab refused never was a call.
    const isLost = decision.refusal === null && hits.some(({ do: act }) => act.kind === 'lose-reply');
    if (isCut || isLost) {
      recorded.reply = 'lost';
      res.destroy();
      return;
    }
    recorded.reply = answer(res, decision.reply) ? 'sent' : 'lost';
  };

  // A connection that says nothing ends soon, so that connections cannot use up the lab's files. Time for a body and for an answer has no limit: clients may be
  // stopped for long in the middle of a call.
  const server = createServer({ headersTimeout: silenceMs, connectionsCheckingInterval: silenceMs / 2, requestTimeout: 0 }, (req, res) => {
    handle(req, res).catch((error: unknown) => {
      // A bug of the proxy must not look like an answer of AWS: the connection breaks, and the reason is on stderr.
      process.stderr.write(`lab proxy: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      res.destroy();
    });
  });
  // Clients keep connections for minutes and may be stopped for longer; a connection that closes under a call looks like a fault nobody set.
  server.keepAliveTimeout = 10 * 60_000;
  server.maxConnections = mostConnections;
  server.on('drop', () => void process.stderr.write(`lab proxy: ${mostConnections} connections are open; another one was refused\n`));

  const listening = await new Promise<'listening' | 'port-taken'>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve('port-taken');
      else reject(error);
    });
    server.listen(port, '127.0.0.1', () => resolve('listening'));
  });
  if (listening === 'port-taken') {
    upstream.close();
    return { reason: 'port-taken', port };
  }
  const { port: boundPort } = server.address() as AddressInfo;

  return {
    port: boundPort,
    url: `http://127.0.0.1:${boundPort}`,
    lab,
    token,
    close: () =>
      new Promise((resolve) => {
        held.releaseAll('cut');
        server.close(() => {
          upstream.close();
          void watch.close().finally(resolve);
        });
        server.closeAllConnections();
      }),
  };
};
