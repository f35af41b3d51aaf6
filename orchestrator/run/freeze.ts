import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../domain/problem.ts';
import { describeLock, releaseLock, standingLocks, takeLock } from '../locks/durable-locks.ts';
import type { StandingLock } from '../locks/durable-locks.ts';
import { describeFreeze, putFrozen, readFrozen, removeFrozen } from '../locks/frozen.ts';
import type { Frozen } from '../locks/frozen.ts';
import type { LockRecord } from '../locks/lock-record.ts';
import { mayBeAtWork } from '../ownership/liveness.ts';
import type { ObjectStore } from '../state/object-store.ts';
import type { Patience } from '../state/patience.ts';
import type { Standings } from './standing.ts';

/**
 * A freeze is two objects: the record, which says that the stack is frozen, and the lock, which keeps plain `pulumi` out. The record comes first and
 * also goes first: with it alone any command puts the lock in its place, and with the lock alone the stack is frozen all the same. A stack that is
 * held has the record alone: its lock is its run's.
 */
export interface Freeze {
  readonly stack: string;
  readonly by: LockRecord;
  readonly record?: Frozen;
  readonly lock?: StandingLock;
}

/** Freezes by stack, from what the bucket was read to have. */
export function freezesOf({ frozen, locks }: Pick<Standings, 'frozen' | 'locks'>): Map<string, Freeze> {
  const freezes = new Map<string, Freeze>();
  for (const lock of locks)
    if (lock.content.kind === 'holdfast' && lock.content.record.operation === 'freeze')
      freezes.set(lock.stack, { stack: lock.stack, by: lock.content.record, lock });
  for (const record of frozen.values())
    freezes.set(record.stack, { ...freezes.get(record.stack), stack: record.stack, by: record.lock, record });
  return freezes;
}

export interface FreezeRequest {
  readonly store: ObjectStore;
  readonly network: string;
  /** Full names. */
  readonly stacks: readonly string[];
  readonly incident: string;
  /** What the lock of a stack is to say: a freeze, with the incident and a nonce of this call. */
  readonly lockRecord: (stack: string) => LockRecord;
  readonly standings: Standings;
  readonly wait?: (milliseconds: number) => Promise<unknown>;
  /** With a bucket that fails while a lock is put or taken away. */
  readonly patience?: Patience;
}

export interface FrozenStack {
  readonly stack: string;
  /** Whose freeze it is. */
  readonly by: LockRecord;
  /** It was frozen before this call. */
  readonly before: boolean;
  /** It keeps the lock that it has: its run's. */
  readonly keepsLock: boolean;
}

export interface RefusedFreeze {
  readonly stack: string;
  readonly reason: 'at-work' | 'other-incident' | 'failed';
  readonly message: string;
  /** Of the freeze that is in the way. */
  readonly incident?: string;
}

/** All stacks of a call, or none of them. */
export type Freezing =
  | { readonly ok: true; readonly frozen: readonly FrozenStack[] }
  | {
      readonly ok: false;
      readonly refused: readonly RefusedFreeze[];
      /** Stacks of which it is not known whether what this call put there is gone again. */
      readonly left: readonly string[];
    };

/**
 * Keeps everyone out of the stacks until a person lets them in again. All are looked at before anything is written; where one is lost after that, what
 * was taken is given back. Killed at any instant it leaves some frozen and some not, and the same call again does the rest.
 */
export async function freezeStacks(request: FreezeRequest): Promise<Freezing> {
  const { standings, stacks } = request;
  const freezes = freezesOf(standings);
  const refused = stacks.flatMap((stack) => refusalOf(stack, freezes.get(stack), request) ?? []);
  if (refused.length > 0) return { ok: false, refused, left: [] };
  const frozen: FrozenStack[] = [];
  const begun: LockRecord[] = [];
  for (const stack of stacks) {
    const mine = request.lockRecord(stack);
    begun.push(mine);
    const one = await freezeOne(stack, mine, freezes.get(stack), request).catch((cause: unknown): RefusedFreeze => ({
      stack,
      reason: 'failed',
      message: `${stack} could not be frozen: ${messageOf(cause)}`,
    }));
    if ('reason' in one) return { ok: false, refused: [one], left: await giveBack(request, begun) };
    frozen.push(one);
  }
  return { ok: true, frozen };
}

function refusalOf(stack: string, freeze: Freeze | undefined, { standings, incident }: FreezeRequest): RefusedFreeze | undefined {
  if (freeze && freeze.by.incident !== incident) return otherIncident(stack, freeze.by);
  const standing = standings.byStack.get(stack);
  switch (standing?.kind) {
    case undefined:
    case 'free':
    case 'held':
      return undefined;
    case 'locked':
    case 'left':
      return {
        stack,
        reason: 'at-work',
        message: freeze
          ? `${standing.message}; the freeze by ${freeze.by.user}@${freeze.by.host} since ${freeze.by.startedAt} (incident ${incident}) begins when that has ended`
          : standing.message,
      };
    case 'frozen': {
      // A freeze that was put while somebody was on the way in, or a lock that a run which died has left under it.
      const atWork = standings.locks.filter((lock) => lock.stack === stack && !isFreeze(lock) && !mayStay(lock, standings));
      return atWork.length === 0 ? undefined : { stack, reason: 'at-work', message: atWork.map(describeLock).join('; ') };
    }
    default:
      return standing satisfies never;
  }
}

const otherIncident = (stack: string, by: LockRecord): RefusedFreeze => ({
  stack,
  reason: 'other-incident',
  message: describeFreeze({ stack, by }),
  ...(by.incident === undefined ? {} : { incident: by.incident }),
});

const isFreeze = ({ content }: StandingLock): boolean => content.kind === 'holdfast' && content.record.operation === 'freeze';

/** The lock of a run that is not seen to live: it keeps everyone out as well as a freeze's own. */
function mayStay({ content }: StandingLock, { liveness }: Standings): boolean {
  return content.kind === 'holdfast' && !mayBeAtWork(liveness(content.record));
}

async function freezeOne(
  stack: string,
  mine: LockRecord,
  before: Freeze | undefined,
  request: FreezeRequest,
): Promise<FrozenStack | RefusedFreeze> {
  const { store, network, standings, incident, wait, patience } = request;
  const standing = standings.byStack.get(stack);
  const locked = standings.locks.some((lock) => lock.stack === stack);
  let by = before?.by ?? mine;
  if (before?.record === undefined && !(await putFrozen(store, by))) {
    // Somebody was faster by a moment.
    const there = (await readFrozen(store, network)).get(stack);
    if (!there) return { stack, reason: 'failed', message: `${stack} was frozen and unfrozen by somebody a moment ago` };
    if (there.lock.incident !== incident) return otherIncident(stack, there.lock);
    by = there.lock;
  }
  const end = { stack, by, before: by.nonce !== mine.nonce };
  // Its run's lock stands, or is put back by whoever looks next. Without a run there is none, and ours has to keep the others out.
  if (standing?.kind === 'held' && (locked || standing.run !== undefined)) return { ...end, keepsLock: true };
  if (locked) return { ...end, keepsLock: before?.lock === undefined };
  for (let again = true; ; again = false) {
    const taking = await takeLock(store, network, by, wait ?? sleep, patience);
    if (taking.ok) return { ...end, keepsLock: false };
    // Put there between our record and now, by a command that found the record without its lock, or by another one like this.
    if (taking.heldBy.some(({ content }) => content.kind === 'holdfast' && isOf(content.record, incident)))
      return { ...end, keepsLock: false };
    if (taking.heldBy.length > 0) return { stack, reason: 'at-work', message: taking.heldBy.map(describeLock).join('; ') };
    if (!again) return { stack, reason: 'at-work', message: `${stack} was locked by someone else a moment ago` };
  }
}

const isOf = ({ operation, incident }: LockRecord, wanted: string): boolean => operation === 'freeze' && incident === wanted;

/** Takes away what this call put, found by its nonce and not by what was answered: a reply may have been lost. */
async function giveBack({ store, network, patience }: FreezeRequest, records: readonly LockRecord[]): Promise<string[]> {
  const mine = new Map(records.map(({ stack, nonce }) => [stack, nonce]));
  return removeOurs(store, network, ({ stack, by }) => mine.get(stack) === by.nonce, patience).catch(() => [...mine.keys()]);
}

export interface UnfreezeRequest {
  readonly store: ObjectStore;
  readonly network: string;
  readonly freezes: readonly Freeze[];
  readonly patience?: Patience;
}

/**
 * Takes away exactly these freezes. A stack that is held stays so, under its run's lock.
 * @returns stacks on which a command that runs at the same time put the freeze back each time: once more, and it goes
 * @throws where the bucket fails: what is gone is gone, and the same call again does the rest
 */
export function unfreezeStacks({ store, network, freezes, patience }: UnfreezeRequest): Promise<string[]> {
  const nonces = new Map(
    freezes.map(({ stack, by, lock }) => [stack, [by.nonce, ...(lock?.content.kind === 'holdfast' ? [lock.content.record.nonce] : [])]]),
  );
  return removeOurs(store, network, ({ stack, by }) => nonces.get(stack)?.includes(by.nonce) === true, patience);
}

/** Rounds, each with a fresh look: a command that saw the record before it went may put the lock back after it went. */
const rounds = 3;

/** The record first: once it is gone nobody puts the lock back. The stack is frozen until the lock is gone too. */
async function removeOurs(
  store: ObjectStore,
  network: string,
  isOurs: (part: Pick<Freeze, 'stack' | 'by'>) => boolean,
  patience: Patience | undefined,
): Promise<string[]> {
  for (let round = 1; ; round += 1) {
    const [frozen, locks] = await Promise.all([readFrozen(store, network), standingLocks(store, network)]);
    const records = [...frozen.values()].filter(({ stack, lock }) => isOurs({ stack, by: lock }));
    const ours = locks.filter(
      (lock) => lock.content.kind === 'holdfast' && isFreeze(lock) && isOurs({ stack: lock.stack, by: lock.content.record }),
    );
    const left = [...new Set([...records, ...ours].map(({ stack }) => stack))];
    if (left.length === 0 || round > rounds) return left;
    await Promise.all(
      left.map(async (stack) => {
        for (const record of records) if (record.stack === stack) await removeFrozen(store, record);
        for (const lock of ours) if (lock.stack === stack) await releaseLock(store, lock, patience);
      }),
    );
  }
}
