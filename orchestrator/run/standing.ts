import { command } from '../domain/command.ts';
import { describeLock, lockGoneSince, locksOf, lookAtLocks } from '../locks/durable-locks.ts';
import type { StandingLock } from '../locks/durable-locks.ts';
import { isHeartbeatOf, listHeartbeats } from '../locks/heartbeat.ts';
import type { LockRecord, ProcessRecord } from '../locks/lock-record.ts';
import { describeUnseen } from '../ownership/describe-liveness.ts';
import { mayBeAtWork } from '../ownership/liveness.ts';
import type { Liveness } from '../ownership/liveness.ts';
import { seeProcesses } from '../ownership/processes.ts';
import type { Observer } from '../ownership/processes.ts';
import { readRecord, readRecords } from '../ownership/records.ts';
import type { HeldRecord, ReadRecord } from '../ownership/records.ts';
import { isOpen } from '../ownership/stack-record.ts';
import type { InPhase, OpenRecord, StackRecord, Verified } from '../ownership/stack-record.ts';
import { fewAtOnce, noStrays } from '../state/bounded.ts';
import type { Strays } from '../state/bounded.ts';
import { visible } from '../domain/forms.ts';
import { checkpointVersions } from '../state/checkpoints.ts';
import type { PendingOperation, StackState } from '../state/checkpoints.ts';
import type { Doubt } from '../journal/events.ts';
import { durableLockKey } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';

/** Who may do what with a stack. */
export type Standing =
  | { readonly kind: 'free' }
  /** Another process is at work on it. */
  | {
      readonly kind: 'locked';
      readonly message: string;
      /** Locks of plain pulumi, where no process of Holdfast has the stack: whether that one lives cannot be told. */
      readonly plain?: readonly StandingLock[];
    }
  /** A person keeps everyone out. */
  | { readonly kind: 'frozen'; readonly message: string }
  | Held
  /** Nothing is in doubt: its owner died before it started anything, or left its lock behind a verified end. Any command ends it. */
  | { readonly kind: 'left'; readonly message: string; readonly lock?: StandingLock };

/** AWS may have what the state does not say. */
export interface Held {
  readonly kind: 'held';
  /** `CreateVpc outcome unknown` */
  readonly why: string;
  readonly since: string;
  /** Absent where it was no run of Holdfast. */
  readonly run?: string;
  readonly spool?: string;
  readonly doubts: readonly Doubt[];
  /** Its owner, where that was not seen to be dead: it may be at work on the stack. */
  readonly unseen?: LockRecord;
  /** Set while the lock is not there. */
  readonly lockGoneSince?: string;
  readonly frozen?: string;
  /** Key of the record, where that cannot be read: nothing is done to the stack then. */
  readonly unreadable?: string;
}

export interface StackFacts {
  readonly stack: string;
  readonly locks: readonly StandingLock[];
  readonly record: ReadRecord;
  readonly state: StackState | undefined;
  readonly liveness: (process: ProcessRecord) => Liveness;
}

/** What the record says, and never what a lock alone says: any person can remove a lock. */
export function standingOf(facts: StackFacts): Standing {
  const { record: read, locks, state, liveness } = facts;
  if (read.kind === 'unreadable')
    return {
      kind: 'held',
      why: `its record cannot be read (${visible(read.key)}: ${read.why})`,
      since: (locks[0]?.since ?? state?.modified ?? new Date(0)).toISOString(),
      doubts: [],
      unreadable: read.key,
    };
  const record = read.kind === 'there' ? read.record : undefined;
  if (isOpen(record)) {
    if (record.phase === 'held') return heldBy(record, facts);
    if (mayBeAtWork(liveness(record.owner))) return at(record.owner, facts);
    // Who took over a claim of a dead process, and died as well.
    const isLeft = isUnstarted(record) && liveness(record.owner).answer === 'dead';
    return isLeft ? { kind: 'left', message: describeOwner(record.owner) } : heldBy(record, facts);
  }
  if (record?.phase === 'claimed') {
    const { owner } = record;
    if (mayBeAtWork(liveness(owner))) return at(owner, facts);
    const isDead = liveness(owner).answer === 'dead';
    // A recovery claims only what is held: what that was for is still so.
    const isRecovery = owner.operation === 'recover';
    if (isDead && !isRecovery) return { kind: 'left', message: describeOwner(owner) };
    return {
      kind: 'held',
      why: isDead
        ? `recovery ${owner.recovery ?? owner.run} died before it could write down why the stack is held`
        : `locked by run ${owner.run} on ${owner.host}, which had started nothing ${describeUnseen(liveness(owner))}`,
      since: record.since,
      ...(isRecovery ? {} : { run: owner.run }),
      ...(isDead ? {} : { unseen: owner }),
      doubts: isRecovery ? doubtsOf(state?.pendingOperations ?? []) : [],
      ...goneOf(facts),
      ...frozenOf(record),
    };
  }
  // Over a free stack: a lock that is not ours is of plain pulumi, and one of ours is only left over.
  const ours = locks.find((lock) => isOurs(lock));
  const pending = state?.pendingOperations ?? [];
  const isVerified = state !== undefined && record?.verified.kind === 'at' && record.verified.etag === state.etag;
  if (state && pending.length > 0 && !isVerified)
    return {
      kind: 'held',
      why: describeDoubts(doubtsOf(pending)),
      since: state.modified.toISOString(),
      doubts: doubtsOf(pending),
      ...frozenOf(record),
    };
  if (!record && ((state && !state.empty) || ours))
    return {
      kind: 'held',
      why: ours ? 'it has a lock of Holdfast, and no record' : 'it has a checkpoint that no run of Holdfast has written, and no record',
      since: (ours?.since ?? state?.modified ?? new Date(0)).toISOString(),
      doubts: [],
    };
  if (record?.frozen) return { kind: 'frozen', message: describeFreeze({ stack: facts.stack, by: record.frozen }) };
  const foreign = locks.filter((lock) => lock !== ours);
  if (foreign.length > 0)
    return {
      kind: 'locked',
      message: locks.map(describeLock).join('; '),
      ...(foreign.every(({ content }) => content.kind === 'engine') ? { plain: foreign } : {}),
    };
  if (ours) return { kind: 'left', message: describeLock(ours), lock: ours };
  return { kind: 'free' };
}

/** Nothing was started under it, and nothing is in doubt: its end can be made without a look at AWS. */
export const isUnstarted = (record: StackRecord): record is InPhase<'claimed' | 'recovering'> =>
  record.phase === 'claimed' || (record.phase === 'recovering' && record.run?.engineStarted === false && record.doubts.length === 0);

const isOurs = ({ content }: StandingLock): boolean => content.kind === 'holdfast';

/** Its owner is at work. */
function at(owner: LockRecord, { locks }: StackFacts): Standing {
  const lock = locks.find(({ content }) => content.kind === 'holdfast' && content.record.nonce === owner.nonce);
  return { kind: 'locked', message: lock ? describeLock(lock) : describeOwner(owner) };
}

function heldBy(record: OpenRecord, facts: StackFacts): Held {
  const pending = facts.state?.pendingOperations ?? [];
  const last = record.doubts.filter(({ source }) => source === 'question' || source === 'recovery');
  const doubts = last.length > 0 ? last : record.doubts.length > 0 ? record.doubts : doubtsOf(pending);
  const { run, owner } = record;
  const isUnseen = record.phase !== 'held' && facts.liveness(owner).answer !== 'dead';
  const ofOwner = isUnseen
    ? `run ${owner.run} on ${owner.host} was at work on it ${describeUnseen(facts.liveness(owner))}`
    : 'its run ended in the middle, and what it did last is unknown';
  return {
    kind: 'held',
    why: doubts.length > 0 ? describeDoubts(doubts) : ofOwner,
    since: record.since,
    ...(isUnseen ? { unseen: owner } : {}),
    ...(run === undefined ? {} : { run: run.by.run }),
    doubts,
    ...(run?.spool === undefined ? {} : { spool: run.spool }),
    ...goneOf(facts),
    ...frozenOf(record),
  };
}

/** Whatever stands in the lock's place keeps plain `pulumi` out. */
const goneOf = ({ stack, locks }: StackFacts): Pick<Held, 'lockGoneSince'> =>
  locks.some(({ key }) => key === durableLockKey(stack)) ? {} : { lockGoneSince: 'unknown' };

const frozenOf = (record: StackRecord | undefined): Pick<Held, 'frozen'> =>
  record?.frozen ? { frozen: describeFreeze({ stack: record.stack, by: record.frozen }) } : {};

/** As a lock of it is described. */
export const describeOwner = (owner: LockRecord): string =>
  describeLock({
    stack: owner.stack,
    key: durableLockKey(owner.stack),
    etag: '',
    since: new Date(owner.startedAt),
    content: { kind: 'holdfast', record: owner },
  });

/** One line that a person understands. */
export const describeFreeze = ({ stack, by }: { readonly stack: string; readonly by: LockRecord }): string =>
  `${stack} is frozen by ${by.user}@${by.host} since ${by.startedAt}, incident ${by.incident ?? 'unknown'}`;

const operationVerbs: Readonly<Record<string, string>> = {
  creating: 'Create',
  create: 'Create',
  'create-replacement': 'Create',
  updating: 'Update',
  update: 'Update',
  deleting: 'Delete',
  delete: 'Delete',
  'delete-replaced': 'Delete',
  reading: 'Read',
  importing: 'Import',
  import: 'Import',
};

/** `CreateVpc`, of an engine's operation and the resource's type token. */
export function operationName(op: string, type: string): string {
  return `${operationVerbs[op] ?? op}${type.split(':').at(-1) ?? type}`;
}

/** `urn:pulumi:<stack>::<project>::<parents$type>::<name>` */
export function typeOfUrn(urn: string): string {
  return (urn.split('::')[2] ?? '').split('$').at(-1) ?? '';
}

export function doubtsOf(pending: readonly PendingOperation[]): Doubt[] {
  return pending.map(({ type, urn }) => ({
    source: 'pending-operation',
    op: type,
    urn,
    text: `${operationName(type, typeOfUrn(urn))} outcome unknown`,
  }));
}

/** The first, and how many more there are: a tired person reads one line. */
export function describeDoubts(doubts: readonly Doubt[]): string {
  const [first, ...more] = doubts;
  if (!first) return 'outcome unknown';
  return more.length === 0 ? first.text : `${first.text}, and ${more.length} more`;
}

/** `HELD vpc.staging: CreateVpc outcome unknown since 14:06. Do not cancel. Next: npm run recover -- vpc.staging` */
export function describeHeld(short: string, held: Held): string {
  return `HELD ${short}: ${detailOfHeld(short, held)}`;
}

/** The same without the stack, where the place says already which one is held. */
export function detailOfHeld(short: string, held: Held): string {
  const gone =
    held.lockGoneSince === undefined
      ? ''
      : ` Its lock is gone${held.lockGoneSince === 'unknown' ? '' : ` since ${shortTime(held.lockGoneSince)}`}.`;
  const frozen = held.frozen === undefined ? '' : ` Frozen too (${held.frozen}).`;
  return `${held.why} since ${shortTime(held.since)}.${gone}${frozen} Do not cancel. Next: ${command('recover', short)}`;
}

/** Today as `14:06 UTC`, else with its date. */
export function shortTime(iso: string, now = Date.now()): string {
  const time = iso.slice(11, 16);
  return iso.slice(0, 10) === new Date(now).toISOString().slice(0, 10) ? `${time} UTC` : `${iso.slice(0, 10)} ${time} UTC`;
}

/** Everything that the bucket says of who owns the network's stacks. */
export interface Standings {
  readonly byStack: ReadonlyMap<string, Standing>;
  readonly locks: readonly StandingLock[];
  readonly records: ReadonlyMap<string, HeldRecord>;
  readonly heard: ReadonlyMap<string, Date>;
  /** When that was read, by the clock that it bears. */
  readonly readAt: number;
  readonly liveness: (process: ProcessRecord) => Liveness;
  /** Records that cannot be read, each with its key: what they would say of their stack is not known. */
  readonly unreadable: readonly string[];
  /** Objects among the locks, or among the records, that are of no stack of this network: they decide nothing. */
  readonly strays: Strays;
}

/** Where state and AWS were last known to agree; undefined where there is no record. */
export const verifiedOf = ({ records }: Pick<Standings, 'records'>, stack: string): Verified | undefined =>
  records.get(stack)?.record.verified;

/** Whether the checkpoint is the one that was verified; true where there was none then, and there is none. */
export function isAsVerified(
  verified: Verified | undefined,
  checkpoint: { readonly etag: string; readonly modified: Date } | undefined,
): boolean {
  if (verified?.kind === 'at') return checkpoint?.etag === verified.etag && checkpoint.modified.toISOString() === verified.modified;
  return verified?.kind === 'absent' && checkpoint === undefined;
}

export interface StandingsRequest extends Observer {
  readonly store: ObjectStore;
  readonly network: string;
  readonly states: ReadonlyMap<string, StackState>;
  /** Of these stacks alone. */
  readonly only?: readonly string[];
  /** By the clock of the store, where it is known. */
  readonly now: () => number;
}

/** @param looks how often all is read at most, where the record of a silent run changes meanwhile: locks, records and processes are then of one look */
export async function readStandings(request: StandingsRequest, looks = 3): Promise<Standings> {
  const { store, network, states, only, now } = request;
  // The lock first, the record second: a lock that its record does not want is then left over, and not on its way.
  const { locks: seenLocks, strays } = only
    ? { locks: (await fewAtOnce(only, (stack) => locksOf(store, stack))).flat(), strays: noStrays }
    : await lookAtLocks(store, network);
  const seen = await readRecords(store, network, only);
  // A process is heard of before a record names it.
  const heardFirst = await listHeartbeats(store, network);
  const readAt = now();
  const records = new Map(seen.byStack);
  const unreadable = new Map(seen.unreadable);
  const processes = [
    ...[...records.values()].flatMap(({ record }) => [
      ...('owner' in record ? [record.owner] : []),
      ...('run' in record && record.run !== undefined ? [record.run.by] : []),
    ]),
    ...seenLocks.flatMap(({ content }) => (content.kind === 'holdfast' ? [content.record] : [])),
  ];
  const { liveness, heard } = await seeProcesses(processes, request, {
    heard: heardFirst,
    hearAgain: () => listHeartbeats(store, network),
    isOf: (listed, process) => isHeartbeatOf(store, listed, process),
    now: readAt,
  });
  const readOf = (stack: string): ReadRecord => records.get(stack) ?? unreadable.get(stack) ?? { kind: 'none', stack };
  const judge = (stack: string, locks: readonly StandingLock[], state: StackState | undefined): Standing =>
    standingOf({ stack, locks: locks.filter((lock) => lock.stack === stack), record: readOf(stack), state, liveness });
  const names = new Set([...states.keys(), ...seenLocks.map(({ stack }) => stack), ...records.keys(), ...unreadable.keys()]);
  const byStack = new Map<string, Standing>();
  const locks = seenLocks;
  for (const stack of names) {
    let standing = judge(stack, locks, states.get(stack));
    // The checkpoint was read before the record, and the silent had not ended yet: what rests on the two of them is looked at once more.
    const isOfTwo =
      standing.kind === 'left' || (standing.kind === 'held' && standing.run === undefined && standing.unreadable === undefined);
    const before = readOf(stack);
    if (isOfTwo || isOfSilent(before, liveness)) {
      const again = await readRecord(store, stack);
      if (again.kind === 'there') records.set(stack, again);
      else records.delete(stack);
      if (again.kind === 'unreadable') unreadable.set(stack, again);
      const etag = (await checkpointVersions(store, [stack])).get(stack)?.etag;
      const state = states.get(stack);
      const isSame = again.kind === 'there' && before.kind === 'there' ? again.etag === before.etag : again.kind === before.kind;
      // Where it has changed, its lock and its process may be others by now.
      if (!isSame && looks > 1) return readStandings(request, looks - 1);
      standing = judge(stack, locks, etag === state?.etag ? state : undefined);
    }
    if (standing.kind === 'held' && standing.lockGoneSince !== undefined)
      standing = { ...standing, lockGoneSince: (await lockGoneSince(store, stack).catch(() => undefined)) ?? 'unknown' };
    byStack.set(stack, standing);
  }
  return {
    byStack,
    locks,
    records,
    heard,
    readAt,
    liveness,
    unreadable: [...unreadable.values()].map(({ key, why }) => `${visible(key)}: ${why}`),
    strays: { keys: [...strays.keys, ...seen.strays.keys], more: strays.more + seen.strays.more },
  };
}

/** What it wrote until it died, or ended, is read only now: of one that ended nothing is heard either. */
const isOfSilent = (read: ReadRecord, liveness: StackFacts['liveness']): boolean =>
  read.kind === 'there' && 'owner' in read.record && read.record.phase !== 'held' && !mayBeAtWork(liveness(read.record.owner));
