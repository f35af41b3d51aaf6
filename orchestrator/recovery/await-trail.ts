import type { Looked } from '../aws/account.ts';
import type { TrailEvent } from '../aws/trail.ts';
import type { Clock } from '../gateway/clock.ts';
import { trailObjects } from '../inventory/trail-objects.ts';
import type { TrailObject } from '../inventory/trail-objects.ts';

export interface AwaitTrailRequest {
  /** For people: what CloudTrail is to say something of, as in `vpc.staging/vpc`. */
  readonly of: string;
  /** Asks once for everything, from the run's beginning on: what is late may be older than what came first. */
  readonly lookUp: () => Promise<Looked<readonly TrailEvent[]>>;
  /** Whether that is enough to decide by. */
  readonly satisfied: (objects: readonly TrailObject[]) => boolean;
  /** From the first look to the last. */
  readonly limitSeconds: number;
  /** Between the end of one look and the beginning of the next. */
  readonly everySeconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Once before each wait, in words. */
  readonly onProgress: (message: string) => void;
}

/** With what CloudTrail has said until then, satisfying or not: it proves what is there, and never what is not. */
export type AwaitedTrail =
  | { readonly ok: true; readonly objects: readonly TrailObject[] }
  | {
      readonly ok: false;
      /** `not-permitted`: it was not waited for. `not-answered`: the last look failed. */
      readonly reason: 'limit-reached' | 'stopped' | 'not-permitted' | 'not-answered';
      readonly objects: readonly TrailObject[];
      readonly why: string;
    };

/** There is nothing to wait for: the next answer will be the same. */
const refusals: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'AccessDenied',
  'OperationNotPermittedException',
  'UnsupportedOperationException',
]);

/**
 * Looks into CloudTrail until it says enough, or the limit is reached. It is 5 minutes late on the average and 15 most often at the most, and AWS
 * guarantees neither; so it is waited for only where nothing else decides.
 * @see https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html
 */
export async function awaitTrail(request: AwaitTrailRequest): Promise<AwaitedTrail> {
  const { of, lookUp, satisfied, limitSeconds, everySeconds, clock, signal, onProgress } = request;
  const untilMs = clock.now() + limitSeconds * 1000;
  const until = `${new Date(untilMs).toISOString().slice(11, 16)} UTC`;
  let objects: readonly TrailObject[] = [];
  while (!signal.aborted) {
    const looked = await lookUp();
    if (looked.ok) {
      objects = trailObjects(looked.value);
      if (satisfied(objects)) return { ok: true, objects };
    } else if (refusals.has(looked.code)) return { ok: false, reason: 'not-permitted', objects, why: `CloudTrail: ${looked.message}` };
    if (isAborted(signal)) break;

    const leftMs = untilMs - clock.now();
    const silence = looked.ok ? undefined : `CloudTrail did not answer (${looked.code}: ${looked.message})`;
    if (leftMs <= 0)
      return silence === undefined
        ? {
            ok: false,
            reason: 'limit-reached',
            objects,
            why: `CloudTrail: nothing of ${of} by ${until}, which does not say that there is none`,
          }
        : { ok: false, reason: 'not-answered', objects, why: `${silence}, asked until ${until}` };
    onProgress(`${silence ?? `CloudTrail: nothing yet of ${of}; it is up to 15 min late`}, waiting until ${until}`);
    // The last look is at the limit, and not up to one interval before it.
    await clock.sleep(Math.min(everySeconds * 1000, leftMs), signal);
  }
  return { ok: false, reason: 'stopped', objects, why: 'CloudTrail was waited for, and that was stopped' };
}

/** Asked through a function: it may have changed since. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;
