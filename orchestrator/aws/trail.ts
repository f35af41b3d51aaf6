import { LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import type {
  CloudTrailClient,
  Event,
  LookupAttribute,
  LookupEventsCommandInput,
  LookupEventsCommandOutput,
} from '@aws-sdk/client-cloudtrail';
import { z } from 'zod';
import { messageOf } from '../domain/problem.ts';
import { systemClock } from '../gateway/clock.ts';
import type { Clock } from '../gateway/clock.ts';
import { parseJson } from '../state/read-json.ts';
import type { Looked } from './looked.ts';
import type { Clients } from './clients.ts';

/** One call of AWS that changed something, or was to, as CloudTrail keeps it. */
export interface TrailEvent {
  readonly eventId: string;
  /** Of the call, as in `CreateVpc`. */
  readonly name: string;
  /** As in `ec2.amazonaws.com`: two services may have a call of one name. */
  readonly source: string;
  /** In whole seconds. */
  readonly at: Date;
  /** Undefined where the caller signed with none: a service, or a web identity. */
  readonly accessKeyId: string | undefined;
  /** Of an assumed role; undefined for a user and for a service. */
  readonly sessionName: string | undefined;
  /** The call failed: it says what was wanted, and is no evidence that anything exists. As in `Client.VpcLimitExceeded`. */
  readonly errorCode?: string;
  /** `requestParameters` and `responseElements` of the record, in whichever of CloudTrail's shapes; null where it has none. */
  readonly request: unknown;
  readonly response: unknown;
}

export interface TrailRequest {
  /** Of the sessions whose calls are asked for, one after the other. */
  readonly accessKeyIds?: readonly string[] | undefined;
  /** Asked by only where there are no keys: it collides, also with the name of a user. */
  readonly sessionName?: string | undefined;
  /** Both included. CloudTrail keeps 90 days. */
  readonly from: Date;
  readonly to: Date;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** After each page. */
  readonly onProgress?: (progress: TrailProgress) => void;
}

export interface TrailProgress {
  readonly pages: number;
  /** That are not reads, each once. */
  readonly events: number;
  /** That are not in the form of an event: nothing is known of them, and nothing is said of them. */
  readonly unreadable: number;
}

/** As a policy names it. */
const action = 'cloudtrail:LookupEvents';

/** CloudTrail's limit for one page. */
const mostEvents = 50;

/** Two requests a second, per account and region; a little less, as their way to AWS is not equally long. */
const requestEveryMs = 550;

/** Of one page, where CloudTrail throttles or does not answer: up to 40 s of waiting. */
const mostTries = 8;
const firstWaitMs = 1_000;
const longestWaitMs = 8_000;

/** More than any queue of look-ups makes: a turn further away is of a clock that was set back since. */
const furthestTurnMs = 60_000;

/**
 * What the sessions of a run did, in the order of time: calls that changed something, and the failed ones, marked. It proves presence, never
 * absence: CloudTrail is minutes late, and an empty answer is no error.
 *
 * Refused, throttled for too long, aborted (`Aborted`), or without an answer: not ok, with CloudTrail's own code. It names the action that is to be
 * permitted.
 * @see https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
 */
export async function lookUpTrail(
  { cloudtrail }: Pick<Clients, 'cloudtrail'>,
  request: TrailRequest,
): Promise<Looked<readonly TrailEvent[]>> {
  const { from, to, signal, clock = systemClock, onProgress } = request;
  const newestFirst: TrailEvent[] = [];
  const seen = new Set<string>();
  let pages = 0;
  let unreadable = 0;
  for (const attribute of attributesOf(request)) {
    let token: string | undefined;
    do {
      // The same parameters with each token, as CloudTrail wants it.
      const page = await askForPage(
        cloudtrail,
        { LookupAttributes: [attribute], StartTime: from, EndTime: to, MaxResults: mostEvents, NextToken: token },
        { clock, signal },
      );
      if (!page.ok) return page;
      for (const raw of page.value.Events ?? []) {
        const read = readEvent(raw);
        if (read === 'read-only') continue;
        if (read === 'unreadable') {
          unreadable += 1;
          continue;
        }
        if (seen.has(read.eventId)) continue;
        seen.add(read.eventId);
        newestFirst.push(read);
      }
      pages += 1;
      token = page.value.NextToken;
      onProgress?.({ pages, events: newestFirst.length, unreadable });
    } while (token !== undefined && token !== '');
  }
  // CloudTrail says "the most recent first", in whole seconds, and does not keep to it. Within a second its order is the best guess that there is.
  return { ok: true, value: newestFirst.reverse().sort((one, other) => one.at.getTime() - other.at.getTime()) };
}

/** One attribute is allowed in a request. */
function attributesOf({ accessKeyIds = [], sessionName }: TrailRequest): readonly LookupAttribute[] {
  if (accessKeyIds.length > 0)
    return [...new Set(accessKeyIds)].map((key) => ({ AttributeKey: 'AccessKeyId' as const, AttributeValue: key }));
  if (sessionName === undefined || sessionName === '') throw new Error('neither a key nor a session to look up in CloudTrail');
  // The user name of an assumed role is its session's.
  return [{ AttributeKey: 'Username', AttributeValue: sessionName }];
}

interface Waiting {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function askForPage(
  cloudtrail: CloudTrailClient,
  input: LookupEventsCommandInput,
  waiting: Waiting,
): Promise<Looked<LookupEventsCommandOutput>> {
  const { clock, signal } = waiting;
  for (let tries = 1; ; tries += 1) {
    await waitForTurn(cloudtrail, waiting);
    if (signal.aborted) return aborted;
    try {
      return { ok: true, value: await cloudtrail.send(new LookupEventsCommand(input), { abortSignal: signal }) };
    } catch (cause) {
      // Asked through a function: the signal may have changed since.
      if (isAborted(signal)) return aborted;
      if (!mayPass(cause) || tries === mostTries) return failed(cause, tries);
      await clock.sleep(Math.min(firstWaitMs * 2 ** (tries - 1), longestWaitMs) * (0.5 + clock.random() / 2), signal);
    }
  }
}

const aborted = { ok: false, code: 'Aborted', message: 'the look-up in CloudTrail was stopped', action } as const;

const isAborted = (signal: AbortSignal): boolean => signal.aborted;

/** When the next request may leave. AWS counts those of an account, so that look-ups for several stacks share one pace. */
const nextTurnMs = new WeakMap<CloudTrailClient, number>();

async function waitForTurn(cloudtrail: CloudTrailClient, { clock, signal }: Waiting): Promise<void> {
  const now = clock.now();
  const free = nextTurnMs.get(cloudtrail) ?? now;
  const turn = free > now && free <= now + furthestTurnMs ? free : now;
  nextTurnMs.set(cloudtrail, turn + requestEveryMs);
  if (turn > now) await clock.sleep(turn - now, signal);
}

interface Failure {
  readonly name?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean };
}

/** Whether the next try may go better: throttled, an answer that says so, none, or a clock that the SDK has learned to read since. */
function mayPass(cause: unknown): boolean {
  const { name = '', code = '', $metadata } = cause as Failure;
  const status = $metadata?.httpStatusCode ?? 0;
  return (
    /Throttl|TooManyRequests|RequestLimitExceeded/.test(name) ||
    status === 429 ||
    status >= 500 ||
    $metadata?.clockSkewCorrected === true ||
    isBroken(name, code)
  );
}

const isBroken = (name: string, code: string): boolean =>
  name === 'TimeoutError' || /^(ECONN(RESET|REFUSED|ABORTED)|EPIPE|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(code);

function failed(cause: unknown, tries: number): Looked<never> {
  const { name, code } = cause as Failure;
  const said = messageOf(cause);
  const message = isDenied(name) ? `${action} is not permitted: ${said}` : tries > 1 ? `${said} (asked ${tries} times)` : said;
  return { ok: false, code: code ?? name ?? 'unknown', message, action };
}

const isDenied = (name: string | undefined): boolean => name === 'AccessDeniedException' || name === 'AccessDenied';

/** @see https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html */
const recordSchema = z.object({
  eventID: z.string().min(1),
  eventName: z.string().min(1),
  eventSource: z.string(),
  eventTime: z.iso.datetime({ offset: true }),
  userIdentity: z.object({ arn: z.string().nullish(), accessKeyId: z.string().nullish() }).nullish(),
  errorCode: z.string().nullish(),
  readOnly: z.boolean().nullish(),
  requestParameters: z.unknown(),
  responseElements: z.unknown(),
});

function readEvent({ CloudTrailEvent, ReadOnly }: Event): TrailEvent | 'read-only' | 'unreadable' {
  if (ReadOnly === 'true') return 'read-only';
  const parsed = recordSchema.safeParse(parseJson(CloudTrailEvent ?? ''));
  if (!parsed.success) return 'unreadable';
  const { eventID, eventName, eventSource, eventTime, userIdentity, errorCode, readOnly, requestParameters, responseElements } =
    parsed.data;
  if (readOnly === true) return 'read-only';
  return {
    eventId: eventID,
    name: eventName,
    source: eventSource,
    at: new Date(eventTime),
    accessKeyId: userIdentity?.accessKeyId ?? undefined,
    sessionName: sessionOf(userIdentity?.arn ?? ''),
    ...(errorCode ? { errorCode } : {}),
    request: requestParameters ?? null,
    response: responseElements ?? null,
  };
}

/** `arn:aws:sts::111122223333:assumed-role/ROLE/SESSION` */
const sessionOf = (arn: string): string | undefined => /^arn:[^:]+:sts::\d*:assumed-role\/[^/]+\/(.+)$/.exec(arn)?.[1];
