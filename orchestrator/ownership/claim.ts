import type { Doubt } from '../journal/events.ts';
import { projectLock, putBack, releaseLock } from '../locks/durable-locks.ts';
import type { StandingLock, TakenLock } from '../locks/durable-locks.ts';
import type { LockRecord } from '../locks/lock-record.ts';
import type { Removal } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';
import type { Patience } from '../state/patience.ts';
import { readRecord, swap } from './records.ts';
import type { HeldRecord, ReadRecord, Swapped, SwapRequest } from './records.ts';
import { wantsLock } from './stack-record.ts';
import type { As, Event, Refusal } from './transitions.ts';
import type { Proof } from './stack-record.ts';

/** A stack as its owner has it: the record that it wrote last, and the lock that is the record's projection. */
export interface Claim {
  readonly stack: string;
  readonly as: As;
  readonly held: () => HeldRecord;
  readonly lock: () => TakenLock;
  /** The record first. @throws where the bucket fails: whether it was written is not known */
  readonly write: (event: Event) => Promise<Swapped>;
  /** Whether the record still says that this owner has the stack. @throws where it cannot be asked */
  readonly isMine: () => Promise<boolean>;
  /** Deletes exactly this lock, after the record says that none is wanted; of a frozen stack the freeze's takes its place. */
  readonly dropLock: () => Promise<Removal>;
  /** @returns false where another lock stands in its place */
  readonly putLockBack: () => Promise<boolean>;
}

export interface ClaimRequest extends SwapRequest {
  readonly network: string;
  readonly wait?: (milliseconds: number) => Promise<unknown>;
  /** With a bucket that fails before anything was started; where left out, as with every other write. */
  readonly claiming?: Patience;
  /** Locks of plain pulumi whose process is dead by a person's word: no reason to give way, and gone once a takeover's own lock stands. */
  readonly beside?: readonly StandingLock[];
  /** Of a stack that is held: what stands in the lock's place goes (`isOwner` of `Projecting`). */
  readonly isTakeover?: boolean;
}

export type Claiming =
  | {
      readonly ok: true;
      readonly claim: Claim;
      /** Of a takeover: the record that it was written over, with what its owner wrote last. */
      readonly before: HeldRecord | undefined;
      /** Locks of plain pulumi on other stacks of the network, as they stood right after ours was put. */
      readonly others: readonly StandingLock[];
    }
  /** The record does not allow it. */
  | { readonly ok: false; readonly reason: 'record'; readonly refusal: Refusal | 'unreadable'; readonly now: ReadRecord }
  /** A lock that is not Holdfast's: plain pulumi is in, or coming in. */
  | { readonly ok: false; readonly reason: 'lock'; readonly heldBy: readonly StandingLock[] };

/**
 * Makes a stack this process's own: the record by a swap, then the lock over whatever of ours stands in its place, then a look at the folder.
 * @param seen the record as it was read; the stack's name: it is read first
 * @throws where the bucket fails: the stack may be claimed, and nothing was started
 */
export async function claimStack(owner: LockRecord, seen: ReadRecord | string, request: ClaimRequest): Promise<Claiming> {
  const { patience, claiming = patience } = request;
  const claimed = await swap(seen, { type: 'claim', owner }, { ...request, patience: claiming });
  if (!claimed.ok) return { ok: false, reason: 'record', refusal: claimed.refusal, now: claimed.now };
  return underLock(owner, claimed.held, undefined, request, { type: 'give-back', as: asOf(owner, claimed.held) });
}

/**
 * The stuck lock becomes this process's. It never leaves the bucket.
 * @param proof of the owner that `seen` names: where another one has the stack by now, it is refused
 */
export async function takeOverStack(owner: LockRecord, seen: HeldRecord, proof: Proof, request: ClaimRequest): Promise<Claiming> {
  const taken = await swap(seen, { type: 'take-over', owner, proof }, request);
  if (!taken.ok) return { ok: false, reason: 'record', refusal: taken.refusal, now: taken.now };
  return underLock(
    owner,
    taken.held,
    taken.over,
    { ...request, isTakeover: true },
    { type: 'hold', as: asOf(owner, taken.held), doubts: [] },
  );
}

/** Of a stack that is held without an owner: it is claimed and held first, so that its record says that it is in question, whoever dies next. */
export async function takeOverHeld(
  owner: LockRecord,
  seen: HeldRecord | string,
  doubts: readonly Doubt[],
  proof: Proof,
  request: ClaimRequest,
): Promise<Claiming> {
  if (typeof seen !== 'string' && seen.record.phase !== 'free') return takeOverStack(owner, seen, proof, request);
  const claiming = await claimStack(owner, seen, { ...request, isTakeover: true });
  if (!claiming.ok) return claiming;
  const { claim } = claiming;
  const written = await claim.write({ type: 'hold', as: claim.as, doubts });
  if (!written.ok) return { ok: false, reason: 'record', refusal: written.refusal, now: written.now };
  return takeOverStack(owner, written.held, proof, request);
}

const asOf = ({ nonce }: LockRecord, { record }: HeldRecord): As => ({ nonce, epoch: record.epoch });

async function underLock(
  owner: LockRecord,
  written: HeldRecord,
  before: HeldRecord | undefined,
  request: ClaimRequest,
  giveWay: Event,
): Promise<Claiming> {
  const { store, network, patience, claiming = patience, wait, beside = [], isTakeover } = request;
  const { stack, epoch } = written.record;
  const insist = <T>(act: () => Promise<T>): Promise<T> => patiently(act, patience);
  const own = { ...owner, epoch };
  const as = asOf(owner, written);
  /** The record, where it says that this owner has the stack. */
  const ownRecord = async (): Promise<HeldRecord | undefined> => {
    const now = await insist(() => readRecord(store, stack));
    if (now.kind === 'unreadable') throw new Error(`${now.key}: ${now.why}`);
    if (now.kind === 'none') return undefined;
    const { record } = now;
    return record.epoch === as.epoch && 'owner' in record && record.owner.nonce === as.nonce ? now : undefined;
  };
  const projecting = {
    patience,
    wait,
    beside: beside.map(({ etag }) => etag),
    isOwner: isTakeover === true ? async () => (await ownRecord()) !== undefined : undefined,
  };
  let taking: Awaited<ReturnType<typeof projectLock>>;
  try {
    taking = await projectLock(store, network, own, { ...projecting, patience: claiming });
  } catch (cause) {
    await swap(written, giveWay, { ...request, patience: { seconds: 0 } }).catch(() => undefined);
    throw cause;
  }
  if (!taking.ok) {
    const { put } = taking;
    const given = await swap(written, giveWay, request);
    // The record first. A stack that is held, or frozen, wants a lock whoever else is in.
    if (put !== undefined && given.ok && !wantsLock(given.held.record)) await releaseLock(store, { stack, etag: put }, patience);
    return { ok: false, reason: 'lock', heldBy: taking.heldBy };
  }
  // Ours keeps everyone out now, and the record says what is in question: a claim alone does not, and would be given back.
  if (written.record.phase === 'recovering') for (const { key, etag } of beside) await insist(() => store.remove(key, etag));
  let held = written;
  let lock = taking.lock;
  const claim: Claim = {
    stack,
    as,
    held: () => held,
    lock: () => lock,
    write: async (event) => {
      const swapped = await swap(held, event, request);
      if (swapped.ok) held = swapped.held;
      return swapped;
    },
    isMine: async () => {
      const now = await ownRecord();
      held = now ?? held;
      return now !== undefined;
    },
    dropLock: async () => {
      const { frozen, epoch: last } = held.record;
      if (frozen === undefined) return releaseLock(store, lock, patience);
      const over = await projectLock(store, network, { ...frozen, epoch: last }, projecting);
      return over.ok ? { done: true } : { done: false, there: true };
    },
    putLockBack: async () => {
      const back = await putBack(store, lock.record, request.now());
      if (back) lock = back;
      return back !== undefined;
    },
  };
  return { ok: true, claim, before, others: taking.others };
}
