import { messageOf } from '../domain/problem.ts';
import type { Doubt } from '../journal/events.ts';
import { openMarks, readRun, runsOf, unopenedBy } from '../journal/read-runs.ts';
import type { ReadRun } from '../journal/read-runs.ts';
import { isOpen } from '../journal/run-state.ts';
import type { StackInRun } from '../journal/run-state.ts';
import { describeLock, standingLocks } from '../locks/durable-locks.ts';
import type { StandingLock } from '../locks/durable-locks.ts';
import { describeFreeze, readFrozen } from '../locks/frozen.ts';
import type { Frozen } from '../locks/frozen.ts';
import { lastHeard } from '../locks/heartbeat.ts';
import type { ProcessRecord } from '../locks/lock-record.ts';
import { describeUnseen } from '../ownership/describe-liveness.ts';
import { mayBeAtWork } from '../ownership/liveness.ts';
import type { Liveness } from '../ownership/liveness.ts';
import { seeProcesses } from '../ownership/processes.ts';
import type { Observer } from '../ownership/processes.ts';
import type { PendingOperation, StackState } from '../state/checkpoints.ts';
import { durableLockKey } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { UnreadableRecord } from '../state/read-json.ts';
import { readVerified } from '../state/verified.ts';
import type { Verified } from '../state/verified.ts';

/** Who may do what with a stack. */
export type Standing =
  | { readonly kind: 'free' }
  /** Somebody is at work on it. */
  | { readonly kind: 'locked'; readonly message: string }
  /** A person keeps everyone out. */
  | { readonly kind: 'frozen'; readonly message: string }
  | Held
  /** A lock under which nothing is in doubt any more: its release was licensed, or nothing was ever started. Anyone may end it. */
  | { readonly kind: 'left'; readonly message: string; readonly lock: StandingLock; readonly run: string };

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
  /** Set while the lock is not there. */
  readonly lockGoneSince?: string;
  readonly frozen?: string;
}

export interface StackFacts {
  readonly stack: string;
  readonly locks: readonly StandingLock[];
  /** The stack's part in the newest run that has it open. */
  readonly open?: { readonly run: string; readonly inRun: StackInRun; readonly process: ProcessRecord | undefined };
  readonly state: StackState | undefined;
  readonly frozen: Frozen | undefined;
  readonly liveness: (process: ProcessRecord) => Liveness;
}

/** Held is what the journal says, and never what a lock alone says: a lock can be removed by anyone. */
export function standingOf(facts: StackFacts): Standing {
  const { locks, open, state, frozen } = facts;
  const ours = locks.find(({ content }) => content.kind === 'holdfast');
  const record = ours?.content.kind === 'holdfast' ? ours.content.record : undefined;
  if (open && isOpen(open.inRun)) {
    const owner = open.inRun.lock?.record ?? open.process;
    const works = owner !== undefined && record?.nonce === owner.nonce && mayBeAtWork(facts.liveness(owner));
    if (open.inRun.phase === 'running' && works && ours) return { kind: 'locked', message: describeLock(ours) };
    // Whoever recovers it is at work too: a second recovery beside that one would only be in its way.
    const recovers = record?.operation === 'recover' && mayBeAtWork(facts.liveness(record));
    if (recovers && ours) return { kind: 'locked', message: describeLock(ours) };
    // Whatever stands in the lock's place keeps plain `pulumi` out.
    const lockStands = locks.some(({ key }) => key === durableLockKey(facts.stack));
    return heldBy(open.run, open.inRun, state, lockStands, frozen);
  }
  if (frozen) return { kind: 'frozen', message: describeFreeze({ stack: frozen.stack, by: frozen.lock }) };
  const foreign = locks.filter((lock) => lock !== ours || lock.content.kind === 'unreadable');
  if (foreign.length > 0) return { kind: 'locked', message: locks.map(describeLock).join('; ') };
  if (ours && record) return standingUnder(ours, record, facts);
  const pending = state?.pendingOperations ?? [];
  if (state && pending.length > 0)
    return { kind: 'held', why: describeOperations(pending), since: state.modified.toISOString(), doubts: doubtsOf(pending) };
  return { kind: 'free' };
}

/** A lock of a run that does not have the stack open. */
function standingUnder(
  lock: StandingLock,
  record: ProcessRecord & { readonly run: string; readonly operation: string },
  facts: StackFacts,
): Standing {
  const message = describeLock(lock);
  if (record.operation === 'freeze') return { kind: 'frozen', message };
  const liveness = facts.liveness(record);
  if (mayBeAtWork(liveness)) return { kind: 'locked', message };
  const phase = facts.open?.run === record.run ? facts.open.inRun.phase : undefined;
  const pending = facts.state?.pendingOperations ?? [];
  // Not of this run, which started nothing, but in doubt all the same.
  if (facts.state && pending.length > 0)
    return { kind: 'held', why: describeOperations(pending), since: facts.state.modified.toISOString(), doubts: doubtsOf(pending) };
  if (phase === 'verified' || liveness.answer === 'dead') return { kind: 'left', message, lock, run: record.run };
  return {
    kind: 'held',
    why: `locked by run ${record.run} on ${record.host}, which had started nothing ${describeUnseen(liveness)}`,
    since: lock.since.toISOString(),
    run: record.run,
    doubts: [],
  };
}

function heldBy(run: string, inRun: StackInRun, state: StackState | undefined, lockStands: boolean, frozen: Frozen | undefined): Held {
  const pending = state?.pendingOperations ?? [];
  const doubts = inRun.doubts.length > 0 ? inRun.doubts : doubtsOf(pending);
  return {
    kind: 'held',
    why: doubts.length > 0 ? describeDoubts(doubts) : 'its run ended in the middle, and what it did last is unknown',
    since: inRun.since,
    run,
    doubts,
    ...(inRun.spool === undefined ? {} : { spool: inRun.spool }),
    ...(lockStands ? {} : { lockGoneSince: inRun.lockGoneSince ?? 'unknown' }),
    ...(frozen ? { frozen: describeFreeze({ stack: frozen.stack, by: frozen.lock }) } : {}),
  };
}

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

const describeOperations = (pending: readonly PendingOperation[]): string => describeDoubts(doubtsOf(pending));

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
  return `${held.why} since ${shortTime(held.since)}.${gone}${frozen} Do not cancel. Next: npm run recover -- ${short}`;
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
  readonly openRuns: readonly ReadRun[];
  /** Processes of which their run has no opening, by the key of their mark. */
  readonly marked: ReadonlyMap<string, ProcessRecord>;
  readonly frozen: ReadonlyMap<string, Frozen>;
  readonly verified: ReadonlyMap<string, Verified>;
  readonly heard: ReadonlyMap<string, Date>;
  readonly liveness: (process: ProcessRecord) => Liveness;
  /** Records that cannot be read: what they would say of a stack is not known. */
  readonly unreadable: readonly string[];
}

export interface StandingsRequest extends Observer {
  readonly store: ObjectStore;
  readonly network: string;
  readonly states: ReadonlyMap<string, StackState>;
  readonly now: number;
}

export async function readStandings(request: StandingsRequest): Promise<Standings> {
  const { store, network, states, now } = request;
  const unreadable: string[] = [];
  const orUnreadable = <T>(read: Promise<T>, none: T): Promise<T> =>
    read.catch((cause: unknown) => {
      if (!(cause instanceof UnreadableRecord)) throw cause;
      unreadable.push(messageOf(cause));
      return none;
    });
  // The locks first: whatever lock is seen, the mark of its run was there before, and is found.
  const locks = await standingLocks(store, network);
  const [marks, frozen, verified, heardFirst] = await Promise.all([
    openMarks(store, network),
    orUnreadable(readFrozen(store, network), new Map<string, Frozen>()),
    orUnreadable(readVerified(store, network), new Map<string, Verified>()),
    lastHeard(store, network),
  ]);
  // Whether or not a mark leads there: a mark that is lost takes nothing away from what its run has written down.
  const named = [...new Set([...runsOf(marks), ...runsOfLocks(locks)])].sort();
  const seen = await Promise.all(named.map((run) => readRun(store, network, run)));
  const marked = await unopenedBy(store, marks, seen);
  const processes = [
    ...marked.values(),
    ...locks.flatMap(({ content }) => (content.kind === 'holdfast' ? [content.record] : [])),
    ...seen.flatMap(processesOf),
  ];
  const { liveness, heard } = await seeProcesses(processes, request, {
    heard: heardFirst,
    hearAgain: () => lastHeard(store, network),
    now,
  });
  // A process that is known to be dead writes no more: what it wrote until then is read only now. Before, it could still have started an engine.
  const isOfDead = (run: ReadRun): boolean => processesOf(run).some((process) => liveness(process).answer === 'dead');
  const ofDeadLocks = new Set(
    locks.flatMap(({ content }) => (content.kind === 'holdfast' && liveness(content.record).answer === 'dead' ? [content.record.run] : [])),
  );
  const runs = await Promise.all(
    seen.map((run) => (isOfDead(run) || ofDeadLocks.has(run.run) ? readRun(store, network, run.run) : Promise.resolve(run))),
  );
  unreadable.push(...runs.flatMap((run) => run.unreadable));
  const names = new Set([
    ...states.keys(),
    ...locks.map(({ stack }) => stack),
    ...frozen.keys(),
    ...runs.flatMap(({ state }) => [...state.stacks.keys()]),
  ]);
  const byStack = new Map<string, Standing>();
  for (const stack of names) {
    const open = openPart(runs, stack);
    byStack.set(
      stack,
      standingOf({
        stack,
        locks: locks.filter((lock) => lock.stack === stack),
        ...(open ? { open } : {}),
        state: states.get(stack),
        frozen: frozen.get(stack),
        liveness,
      }),
    );
  }
  return { byStack, locks, openRuns: runs, marked, frozen, verified, heard, liveness, unreadable };
}

/** A freeze is of a person, and has no journal. */
const runsOfLocks = (locks: readonly StandingLock[]): readonly string[] =>
  locks.flatMap(({ content }) => (content.kind === 'holdfast' && content.record.operation !== 'freeze' ? [content.record.run] : []));

function processesOf({ state, events }: ReadRun): ProcessRecord[] {
  return [
    ...events.flatMap((event) => (event.type === 'run-opened' ? [event.process] : [])),
    ...[...state.stacks.values()].flatMap(({ lock }) => (lock ? [lock.record] : [])),
  ];
}

/** Of several runs that name the stack the one that has it open counts, and of those the newest. */
function openPart(runs: readonly ReadRun[], stack: string): StackFacts['open'] {
  const parts = runs.flatMap(({ run, state }) => {
    const inRun = state.stacks.get(stack);
    return inRun ? [{ run, inRun, process: state.opened?.process }] : [];
  });
  return parts.findLast(({ inRun }) => isOpen(inRun)) ?? parts.at(-1);
}
