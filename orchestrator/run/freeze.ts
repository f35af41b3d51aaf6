import { messageOf } from '../domain/problem.ts';
import { describeLock, locksOf, projectLock, releaseLock, standingLocks } from '../locks/durable-locks.ts';
import type { StandingLock } from '../locks/durable-locks.ts';
import type { LockRecord, ProcessRecord } from '../locks/lock-record.ts';
import { identityKeyOf } from '../ownership/processes.ts';
import { readRecord, swap } from '../ownership/records.ts';
import type { HeldRecord, SwapRequest } from '../ownership/records.ts';
import { isOpen, wantsLock } from '../ownership/stack-record.ts';
import type { StackRecord } from '../ownership/stack-record.ts';
import { durableLockKey } from '../state/layout.ts';
import { describeFreeze, describeOwner } from './standing.ts';
import type { Standing, Standings } from './standing.ts';

/** A freeze is a field of the stack's record, which keeps Holdfast out; the lock that it wants keeps plain `pulumi` out. */
export interface Freeze {
  readonly stack: string;
  readonly by: LockRecord;
}

/** Freezes by stack, from what the bucket was read to have. */
export const freezesOf = ({ records }: Pick<Standings, 'records'>): Map<string, Freeze> =>
  new Map([...records].flatMap(([stack, { record }]) => (record.frozen ? [[stack, { stack, by: record.frozen }]] : [])));

export interface FreezeRequest extends SwapRequest {
  readonly network: string;
  /** Full names. */
  readonly stacks: readonly string[];
  readonly incident: string;
  /** What the lock of a stack is to say: a freeze, with the incident and a nonce of this call. */
  readonly lockRecord: (stack: string) => LockRecord;
  readonly standings: Standings;
  readonly wait?: (milliseconds: number) => Promise<unknown>;
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
 * Keeps everyone out of the stacks until a person lets them in again. All are looked at before anything is written; if one is lost after that, what
 * was frozen is unfrozen again. Killed at any instant it leaves some frozen and some not, and the same call again does the rest.
 */
export async function freezeStacks(request: FreezeRequest): Promise<Freezing> {
  const { standings, stacks } = request;
  const freezes = freezesOf(standings);
  const refused = stacks.flatMap((stack) => refusalOf(stack, freezes.get(stack), request) ?? []);
  if (refused.length > 0) return { ok: false, refused, left: [] };
  const frozen: FrozenStack[] = [];
  const begun: Freeze[] = [];
  for (const stack of stacks) {
    const mine = request.lockRecord(stack);
    begun.push({ stack, by: mine });
    const one = await freezeOne(stack, mine, request).catch((cause: unknown): RefusedFreeze => ({
      stack,
      reason: 'failed',
      message: `${stack} could not be frozen: ${messageOf(cause)}`,
    }));
    if ('reason' in one)
      return {
        ok: false,
        refused: [one],
        left: await unfreezeStacks({ ...request, freezes: begun }).catch(() => begun.map((each) => each.stack)),
      };
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
      // A lock beside it that is not Holdfast's: plain pulumi was on its way in.
      const atWork = standings.locks.filter((lock) => lock.stack === stack && lock.content.kind !== 'holdfast');
      return atWork.length === 0 ? undefined : { stack, reason: 'at-work', message: atWork.map(describeLock).join('; ') };
    }
    default:
      return standing satisfies never;
  }
}

/**
 * A freeze lets no run begin, and ends none: whether one may still change the stack.
 * @param ended orchestrators of which no engine is left
 */
export function mayStillChange(standing: Standing | undefined, record: StackRecord | undefined, ended: readonly ProcessRecord[]): boolean {
  if (standing?.kind !== 'held') return standing?.kind === 'locked';
  if (standing.unseen !== undefined) return true;
  if (!isOpen(record) || record.writerDead !== undefined) return false;
  const { run } = record;
  if (run?.engineStarted !== true || run.engineEndedAt !== undefined) return false;
  // An engine outlives its orchestrator, and a recovery that has died here says nothing about the run that it was for.
  return !ended.some((owner) => identityKeyOf(owner) === identityKeyOf(run.by));
}

const otherIncident = (stack: string, by: LockRecord): RefusedFreeze => ({
  stack,
  reason: 'other-incident',
  message: describeFreeze({ stack, by }),
  ...(by.incident === undefined ? {} : { incident: by.incident }),
});

/** Looks at a stack whose phase changes all the time; more than this are no accident. */
const mostLooks = 10;

/**
 * The record first: from then on no run of Holdfast begins there. Then the lock, if no owner has one of its own, and a look at the folder; the record is
 * read after that, and only then is it told.
 */
async function freezeOne(stack: string, mine: LockRecord, request: FreezeRequest): Promise<FrozenStack | RefusedFreeze> {
  const { store, network, patience, wait } = request;
  const swapped = await swap(request.standings.records.get(stack) ?? stack, { type: 'freeze', by: mine }, request);
  if (!swapped.ok) {
    if (swapped.refusal === 'other-freeze' && swapped.now.kind === 'there' && swapped.now.record.frozen)
      return otherIncident(stack, swapped.now.record.frozen);
    return { stack, reason: 'failed', message: `the record of ${stack} cannot be read: it is not known whether it is frozen` };
  }
  let held: HeldRecord = swapped.held;
  const by = held.record.frozen ?? mine;
  const end = { stack, by, before: by.nonce !== mine.nonce };
  const seen = request.standings.records.get(stack)?.record;
  const isHeld = request.standings.byStack.get(stack)?.kind === 'held';
  for (let looks = 0; looks < mostLooks; looks += 1) {
    const { record } = held;
    // Its owner's lock stands, or is put back by the next command that looks.
    if (record.phase !== 'free' && isHeld && record.epoch === seen?.epoch) return { ...end, keepsLock: true };
    // Claimed since it was looked at: frozen would be told of a stack on which a run is at work.
    if (record.phase !== 'free') return { stack, reason: 'at-work', message: describeOwner(record.owner) };
    const { epoch } = record;
    // Frozen before, and nothing but its lock is there: put again it would look younger than it is.
    const there = end.before ? await locksOf(store, stack) : [];
    const isThere = there.length > 0 && there.every(({ content }) => content.kind === 'holdfast' && content.record.nonce === by.nonce);
    const taking = isThere ? undefined : await projectLock(store, network, { ...by, epoch }, { patience, wait });
    const now = await readRecord(store, stack);
    if (now.kind !== 'there' || now.record.frozen?.nonce !== by.nonce) {
      // Of a freeze that another process put meanwhile it is the lock now: that one's own is gone, replaced by it.
      if (taking?.ok === true && !(now.kind === 'there' && wantsLock(now.record))) await releaseLock(store, taking.lock, patience);
      return { stack, reason: 'failed', message: `${stack} was unfrozen by another process a moment ago` };
    }
    if (taking?.ok !== false && now.record.phase === 'free') return { ...end, keepsLock: false };
    const inTheWay = taking?.ok !== false ? [] : taking.heldBy.filter(({ content }) => content.kind !== 'holdfast');
    if (inTheWay.length > 0) return { stack, reason: 'at-work', message: inTheWay.map(describeLock).join('; ') };
    held = now;
  }
  return { stack, reason: 'failed', message: `${stack} is being worked on by one process after the other` };
}

export interface UnfreezeRequest extends SwapRequest {
  readonly network: string;
  readonly freezes: readonly Freeze[];
}

/**
 * Ends exactly these freezes: the record first, the lock second. A stack that is held stays so, under its run's lock.
 * @returns stacks of which the record cannot be read
 * @throws where the bucket fails: what is unfrozen is unfrozen, and the same call again does the rest
 */
export async function unfreezeStacks(request: UnfreezeRequest): Promise<string[]> {
  const { store, network, freezes } = request;
  const left: string[] = [];
  for (const { stack, by } of freezes) {
    const swapped = await swap(stack, { type: 'unfreeze', nonce: by.nonce }, request);
    if (!swapped.ok && swapped.refusal === 'unreadable') left.push(stack);
  }
  const locks = (await standingLocks(store, network)).filter(
    (lock) => freezes.some(({ stack }) => stack === lock.stack) && isFreezeLock(lock),
  );
  for (const { stack, etag } of locks) {
    const now = await readRecord(store, stack);
    if (now.kind === 'there' && !wantsLock(now.record)) await releaseLock(store, { stack, etag }, request.patience);
  }
  return left;
}

/** Of a freeze, at the key of Holdfast's lock. */
const isFreezeLock = ({ stack, key, content }: StandingLock): boolean =>
  key === durableLockKey(stack) && content.kind === 'holdfast' && content.record.operation === 'freeze';
