import { messageOf } from '../domain/problem.ts';
import type { Journal } from '../journal/journal.ts';
import { describeLock, takeLock, takeOver } from '../locks/durable-locks.ts';
import type { StandingLock, TakenLock } from '../locks/durable-locks.ts';
import type { LockRecord } from '../locks/lock-record.ts';
import type { Held, Standings } from '../run/standing.ts';
import { doubtsOf } from '../run/standing.ts';
import type { StackState } from '../state/checkpoints.ts';
import { durableLockKey } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import type { Patience } from '../state/patience.ts';
import type { Interrupted } from './interrupted.ts';

/** Step 1: the stuck lock becomes this recovery's. It never leaves the bucket. */
export type TakenOver =
  | { readonly ok: true; readonly lock: TakenLock; readonly before: StandingLock | undefined; readonly epoch: number }
  | { readonly ok: false; readonly reason: 'locked' | 'failed'; readonly why: string };

export interface TakeOverRequest {
  readonly store: ObjectStore;
  readonly network: string;
  readonly stack: string;
  readonly held: Held;
  readonly interrupted: Interrupted;
  readonly standings: Pick<Standings, 'locks'>;
  readonly state: StackState | undefined;
  /** What the lock is to say, but for its epoch. */
  readonly record: LockRecord;
  /** Of the interrupted run; of this recovery where there was no run. */
  readonly journal: Journal;
  /** With a bucket that fails while the lock is taken over. */
  readonly patience?: Patience;
}

export async function takeOverStack(request: TakeOverRequest): Promise<TakenOver> {
  const { store, stack, interrupted, standings, journal } = request;
  const locks = standings.locks.filter((lock) => lock.stack === stack);
  const before = locks.find(({ key }) => key === durableLockKey(stack));
  const foreign = locks.filter((lock) => lock !== before);
  // What a newer Holdfast says in it is not known here.
  if (before?.content.kind === 'unreadable' && before.content.reason === 'newer-schema')
    return { ok: false, reason: 'locked', why: describeLock(before) };
  if (foreign.length > 0) return { ok: false, reason: 'locked', why: foreign.map(describeLock).join('; ') };
  const ofLock = before?.content.kind === 'holdfast' ? before.content.record.epoch : 0;
  // The lock may be of a recovery that died before it could write its takeover down. Where it is gone, the run has had it all the same: what is written
  // under its own epoch would pass for its own, and under an earlier one would not count.
  const epoch = before || request.held.run !== undefined ? Math.max(interrupted.epoch, ofLock) + 1 : 1;
  const record = { ...request.record, epoch };
  try {
    const lock = before ? await takeOver(store, before.etag, record, request.patience) : await taken(request, record);
    if (!lock) return { ok: false, reason: 'locked', why: `the lock of ${stack} was taken by somebody else a moment ago` };
    await journal.append({ type: 'lock-taken', stack, epoch, etag: lock.etag, lock: lock.record });
    // Without a run nobody has written down yet that the stack is held.
    if (epoch === 1)
      await journal.append({
        type: 'held',
        stack,
        epoch,
        doubts: request.held.doubts.length > 0 ? [...request.held.doubts] : doubtsOf(request.state?.pendingOperations ?? []),
        checkpoint: request.state?.etag ?? null,
      });
    return { ok: true, lock, before, epoch };
  } catch (cause) {
    return { ok: false, reason: 'failed', why: messageOf(cause) };
  }
}

async function taken({ store, network, patience }: TakeOverRequest, record: LockRecord): Promise<TakenLock | undefined> {
  const taking = await takeLock(store, network, record, undefined, patience);
  return taking.ok ? taking.lock : undefined;
}
