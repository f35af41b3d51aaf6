import { beforeEach, describe, expect, it } from 'vitest';
import type { JournalEvent, NewEvent } from '../../orchestrator/journal/events.ts';
import { Journal } from '../../orchestrator/journal/journal.ts';
import { apply, newRun } from '../../orchestrator/journal/run-state.ts';
import type { StackInRun } from '../../orchestrator/journal/run-state.ts';
import type { StandingLock } from '../../orchestrator/locks/durable-locks.ts';
import { putFrozen } from '../../orchestrator/locks/frozen.ts';
import { readLock, writeLock } from '../../orchestrator/locks/lock-record.ts';
import type { LockRecord, ProcessRecord } from '../../orchestrator/locks/lock-record.ts';
import type { Liveness } from '../../orchestrator/ownership/liveness.ts';
import {
  describeDoubts,
  describeHeld,
  detailOfHeld,
  operationName,
  readStandings,
  shortTime,
  standingOf,
  typeOfUrn,
} from '../../orchestrator/run/standing.ts';
import type { StackFacts, Standing, StandingsRequest } from '../../orchestrator/run/standing.ts';
import { readStates } from '../../orchestrator/state/checkpoints.ts';
import type { StackState } from '../../orchestrator/state/checkpoints.ts';
import {
  checkpointKey,
  durableLockKey,
  frozenKey,
  heartbeatKey,
  lockFolder,
  openRunKey,
  runEventKey,
  verifiedKey,
} from '../../orchestrator/state/layout.ts';
import type { ProcessLook } from '../../toolchain/process-identity.ts';
import { checkpointOf, urnOf } from './support/fake-engine.ts';
import { MemoryStore } from './support/memory-store.ts';
import { engineLock, known, lockOf, lookOf, observer, processOf } from './support/owner.ts';

const stack = 'example.vpc.a';
const since = new Date('2030-01-01T00:00:00Z');

const lockAt = (name: string, body: string): StandingLock => {
  const key = `${lockFolder(stack)}${name}`;
  return { stack, key, etag: '"1"', since, content: readLock(body, key === durableLockKey(stack)) };
};

const locks = {
  none: [],
  ours: [lockAt('holdfast.json', writeLock(lockOf(stack, 'one')))],
  'of another run': [lockAt('holdfast.json', writeLock(lockOf(stack, 'two')))],
  engine: [lockAt('1f.json', JSON.stringify(engineLock))],
  unreadable: [lockAt('holdfast.json', '{')],
  freeze: [lockAt('holdfast.json', writeLock(lockOf(stack, 'ada', { operation: 'freeze', incident: 'INC-7' })))],
  'ours and engine': [lockAt('holdfast.json', writeLock(lockOf(stack, 'one'))), lockAt('1f.json', JSON.stringify(engineLock))],
} satisfies Record<string, StandingLock[]>;

type LockKind = keyof typeof locks;

const header = { schema: 1, run: 'one', network: 'example', writer: 'one', sequence: 1, at: '2030-01-01T00:00:00.000Z' };

const events: readonly JournalEvent[] = [
  { ...header, type: 'lock-taken', stack, epoch: 1, etag: '"1"', lock: lockOf(stack, 'one') },
  { ...header, type: 'engine-started', stack, epoch: 1, operation: 'up', checkpoint: null, upstreams: {} },
  { ...header, type: 'held', stack, epoch: 1, doubts: [{ source: 'exit', text: 'CreateVpc outcome unknown' }], checkpoint: null },
  { ...header, type: 'verified', stack, epoch: 1, checkpoint: null, outcome: 'applied' },
  { ...header, type: 'released', stack, epoch: 1 },
];

const phases = ['locked', 'running', 'held', 'verified', 'released'] as const;
type Phase = (typeof phases)[number] | 'in no run';

function inPhase(phase: Phase): StackInRun | undefined {
  if (phase === 'in no run') return undefined;
  // A stack that is well was never held.
  const reached = events.slice(0, phases.indexOf(phase) + 1).filter(({ type }) => phase === 'held' || type !== 'held');
  return reached.reduce(apply, newRun('one')).stacks.get(stack);
}

const stateWith = (...pending: { type: string; urn: string }[]): StackState => ({
  stack,
  short: 'vpc.a',
  key: checkpointKey(stack),
  etag: '"1"',
  body: '',
  modified: since,
  resources: 1,
  ids: [],
  empty: false,
  pendingOperations: pending,
  upstreams: [],
  outputs: {},
});

const pendingCreate = { type: 'creating', urn: urnOf(stack, 'vpc') };
const frozen = { stack, etag: '"1"', lock: lockOf(stack, 'ada', { operation: 'freeze', incident: 'INC-7' }) };

function factsOf(phase: Phase, lock: LockKind, liveness: Liveness, different: Partial<StackFacts> = {}): StackFacts {
  const inRun = inPhase(phase);
  return {
    stack,
    locks: locks[lock],
    ...(inRun ? { open: { run: 'one', inRun, process: processOf('one') } } : {}),
    state: stateWith(),
    frozen: undefined,
    liveness: () => liveness,
    ...different,
  };
}

const kindsWhere = (answers: readonly (keyof typeof known)[], phase: Phase, lock: LockKind, different: Partial<StackFacts> = {}): string =>
  answers.map((answer) => standingOf(factsOf(phase, lock, known[answer], different)).kind).join(' ');

const kinds = (phase: Phase, lock: LockKind, different: Partial<StackFacts> = {}): string =>
  kindsWhere(['alive', 'heard', 'quiet', 'dead'], phase, lock, different);

describe('who may do what with a stack', () => {
  /** For each phase and lock: what it is where the process is alive, was heard of, is quiet, and is dead. */
  const table: Readonly<Record<Phase, Readonly<Record<LockKind, string>>>> = {
    'in no run': {
      none: 'free free free free',
      ours: 'locked locked held left',
      'of another run': 'locked locked held left',
      engine: 'locked locked locked locked',
      unreadable: 'locked locked locked locked',
      freeze: 'frozen frozen frozen frozen',
      'ours and engine': 'locked locked locked locked',
    },
    locked: {
      none: 'free free free free',
      ours: 'locked locked held left',
      'of another run': 'locked locked held left',
      engine: 'locked locked locked locked',
      unreadable: 'locked locked locked locked',
      freeze: 'frozen frozen frozen frozen',
      'ours and engine': 'locked locked locked locked',
    },
    running: {
      none: 'held held held held',
      ours: 'locked locked held held',
      'of another run': 'held held held held',
      engine: 'held held held held',
      unreadable: 'held held held held',
      freeze: 'held held held held',
      'ours and engine': 'locked locked held held',
    },
    held: {
      none: 'held held held held',
      ours: 'held held held held',
      'of another run': 'held held held held',
      engine: 'held held held held',
      unreadable: 'held held held held',
      freeze: 'held held held held',
      'ours and engine': 'held held held held',
    },
    verified: {
      none: 'free free free free',
      ours: 'locked locked left left',
      'of another run': 'locked locked held left',
      engine: 'locked locked locked locked',
      unreadable: 'locked locked locked locked',
      freeze: 'frozen frozen frozen frozen',
      'ours and engine': 'locked locked locked locked',
    },
    released: {
      none: 'free free free free',
      ours: 'locked locked held left',
      'of another run': 'locked locked held left',
      engine: 'locked locked locked locked',
      unreadable: 'locked locked locked locked',
      freeze: 'frozen frozen frozen frozen',
      'ours and engine': 'locked locked locked locked',
    },
  };
  const rows = Object.entries(table).flatMap(([phase, byLock]) =>
    Object.entries(byLock).map(([lock, expected]) => [phase as Phase, lock as LockKind, expected] as const),
  );

  it.each(rows)('%s, with the lock %s: %s', (phase, lock, expected) => {
    expect(kinds(phase, lock)).toBe(expected);
  });

  it.each(rows)('%s, with the lock %s, and frozen: held where it was held, else frozen', (phase, lock, expected) => {
    const isOpen = phase === 'running' || phase === 'held';
    expect(kinds(phase, lock, { frozen })).toBe(isOpen ? expected : 'frozen frozen frozen frozen');
  });
});

describe('a process of which it cannot be told whether it is alive', () => {
  const everyPhase: readonly Phase[] = ['in no run', ...phases];
  const cases = everyPhase.flatMap((phase) => (Object.keys(locks) as LockKind[]).map((lock) => [phase, lock] as const));

  it.each(cases)('keeps what is its own if the look failed, as a living one does: %s, with the lock %s', (phase, lock) => {
    expect(kindsWhere(['look-failed'], phase, lock)).toBe(kindsWhere(['alive'], phase, lock));
  });

  it.each(cases)('is held and asked about if this user cannot see it, as one elsewhere is: %s, with the lock %s', (phase, lock) => {
    expect(kindsWhere(['not-shown', 'records-disagree'], phase, lock)).toBe(kindsWhere(['quiet', 'quiet'], phase, lock));
  });

  it('is said to be so where a lock of it stands and nothing was started', () => {
    expect(standingOf(factsOf('locked', 'ours', known['not-shown']))).toMatchObject({
      kind: 'held',
      why: 'locked by run one on build-7, which had started nothing and may still be alive: this machine does not show this user the processes of other users',
    });
  });
});

describe('a pending operation in the checkpoint', () => {
  const state = stateWith(pendingCreate);

  it('holds a stack that no run has and nobody has locked', () => {
    expect(standingOf(factsOf('in no run', 'none', known.dead, { state }))).toEqual({
      kind: 'held',
      why: 'CreateVpc outcome unknown',
      since: '2030-01-01T00:00:00.000Z',
      doubts: [{ source: 'pending-operation', op: 'creating', urn: pendingCreate.urn, text: 'CreateVpc outcome unknown' }],
    });
  });

  it('is no news while somebody is at work', () => {
    expect(kinds('running', 'ours', { state })).toBe('locked locked held held');
    expect(kinds('in no run', 'engine', { state })).toBe('locked locked locked locked');
  });

  it('stands in the way of ending a lock under which nothing was started', () => {
    expect(kinds('locked', 'ours')).toBe('locked locked held left');
    expect(kinds('locked', 'ours', { state })).toBe('locked locked held held');
    expect(kinds('verified', 'ours', { state })).toBe('locked locked held held');
  });

  it('is why, where the run died before it could say', () => {
    expect(standingOf(factsOf('running', 'ours', known.dead, { state }))).toMatchObject({
      kind: 'held',
      run: 'one',
      why: 'CreateVpc outcome unknown',
    });
  });
});

describe('a held stack', () => {
  it('says why, since when and of which run', () => {
    expect(standingOf(factsOf('held', 'ours', known.dead))).toEqual({
      kind: 'held',
      why: 'CreateVpc outcome unknown',
      since: '2030-01-01T00:00:00.000Z',
      run: 'one',
      doubts: [{ source: 'exit', text: 'CreateVpc outcome unknown' }],
    });
  });

  it('whose run died says that nobody knows', () => {
    expect(standingOf(factsOf('running', 'ours', known.dead))).toMatchObject({
      why: 'its run ended in the middle, and what it did last is unknown',
    });
  });

  it('whose lock is gone says since when, where that is known', () => {
    expect(standingOf(factsOf('held', 'none', known.dead))).toMatchObject({ lockGoneSince: 'unknown' });
    const goneSince = '2030-01-01T03:00:00.000Z';
    const lost: JournalEvent = { ...header, type: 'lock-lost', stack, epoch: 1, how: 'removed', goneSince };
    const inRun = [...events.slice(0, 3), lost].reduce(apply, newRun('one')).stacks.get(stack);
    if (!inRun) throw new Error('the run has the stack');
    const open = { run: 'one', inRun, process: undefined };
    expect(standingOf(factsOf('held', 'none', known.dead, { open }))).toMatchObject({ lockGoneSince: '2030-01-01T03:00:00.000Z' });
  });

  it('that is frozen too says so', () => {
    expect(standingOf(factsOf('held', 'ours', known.dead, { frozen }))).toMatchObject({
      kind: 'held',
      frozen: 'example.vpc.a is frozen by ada@build-7 since 2030-01-01T00:00:00.000Z, incident INC-7',
    });
  });

  it('is one line for a person', () => {
    const standing = standingOf(factsOf('held', 'ours', known.dead));
    if (standing.kind !== 'held') throw new Error('expected it to be held');
    const more = { lockGoneSince: '2030-01-01T03:04:00.000Z', frozen: 'by ada' };
    expect(describeHeld('vpc.a', standing)).toBe(
      'HELD vpc.a: CreateVpc outcome unknown since 2030-01-01 00:00 UTC. Do not cancel. Next: npm run recover -- vpc.a',
    );
    expect(detailOfHeld('vpc.a', standing)).toBe(
      'CreateVpc outcome unknown since 2030-01-01 00:00 UTC. Do not cancel. Next: npm run recover -- vpc.a',
    );
    expect(describeHeld('vpc.a', { ...standing, ...more })).toBe(
      'HELD vpc.a: CreateVpc outcome unknown since 2030-01-01 00:00 UTC. Its lock is gone since 2030-01-01 03:04 UTC. Frozen too (by ada). Do not cancel. Next: npm run recover -- vpc.a',
    );
  });
});

describe('words for people', () => {
  it('count the doubts after the first one', () => {
    const doubt = { source: 'exit', text: 'CreateVpc outcome unknown' } as const;
    expect([describeDoubts([]), describeDoubts([doubt]), describeDoubts([doubt, doubt, doubt])]).toEqual([
      'outcome unknown',
      'CreateVpc outcome unknown',
      'CreateVpc outcome unknown, and 2 more',
    ]);
  });

  it.each([
    ['creating', 'aws:ec2/vpc:Vpc', 'CreateVpc'],
    ['delete-replaced', 'aws:ec2/subnet:Subnet', 'DeleteSubnet'],
    ['import', 'aws:ec2/vpc:Vpc', 'ImportVpc'],
    ['odd', 'aws:ec2/vpc:Vpc', 'oddVpc'],
  ])('name the operation %s of a %s: %s', (op, type, name) => {
    expect(operationName(op, type)).toBe(name);
  });

  it.each([
    ['urn:pulumi:s::p::aws:ec2/vpc:Vpc::vpc', 'aws:ec2/vpc:Vpc'],
    ['urn:pulumi:s::p::my:Thing$aws:ec2/vpc:Vpc::vpc', 'aws:ec2/vpc:Vpc'],
    ['odd', ''],
  ])('know the type of %s', (urn, type) => {
    expect(typeOfUrn(urn)).toBe(type);
  });

  it('have the date of another day', () => {
    const now = Date.parse('2030-01-01T23:00:00Z');
    expect([shortTime('2030-01-01T14:06:00.000Z', now), shortTime('2029-12-31T14:06:00.000Z', now)]).toEqual([
      '14:06 UTC',
      '2029-12-31 14:06 UTC',
    ]);
  });
});

describe('what the bucket says', () => {
  let store: MemoryStore;
  beforeEach(() => {
    store = new MemoryStore();
  });

  const read = async (different: Partial<StandingsRequest> = {}) => {
    const { states } = await readStates(store, 'example');
    const now = Date.parse('2030-01-01T01:00:00Z');
    return readStandings({ store, network: 'example', states, ...observer(() => false), now, ...different });
  };
  const standing = async (different: Partial<StandingsRequest> = {}): Promise<Standing | undefined> =>
    (await read(different)).byStack.get(stack);

  /** A run that has come so far. */
  async function runOf(run: string, upTo: number, record: LockRecord = lockOf(stack, run)): Promise<Journal> {
    const journal = new Journal({ store, network: 'example', run, writer: run, patienceSeconds: 0, now: () => since.getTime() });
    await journal.open({
      type: 'run-opened',
      operation: 'up',
      process: processOf(run),
      session: { accessKeyId: 'AKIATEST', session: 's', expires: 'never' },
      account: '111122223333',
      region: 'eu-west-1',
      order: [stack],
      forecastSeconds: 1,
      networkFile: { path: 'n.yaml', text: '' },
    });
    const etag = store.set(durableLockKey(stack), writeLock(record));
    const steps: NewEvent[] = [
      { type: 'lock-taken', stack, epoch: 1, etag, lock: record },
      { type: 'engine-started', stack, epoch: 1, operation: 'up', checkpoint: null, upstreams: {} },
    ];
    for (const event of steps.slice(0, upTo)) await journal.append(event);
    return journal;
  }

  it('is nothing of an empty bucket', async () => {
    expect([...(await read()).byStack]).toEqual([]);
  });

  it('is that a stack with a checkpoint alone is free', async () => {
    store.set(checkpointKey(stack), checkpointOf(stack));
    expect(await standing()).toEqual({ kind: 'free' });
  });

  it.each([
    ['in which it is at work', true, 'locked'],
    ['that died', false, 'held'],
  ])('is read of the journal of a run %s', async (_, isAlive, kind) => {
    await runOf('one', 2);
    expect(await standing(observer(() => isAlive))).toMatchObject({ kind });
  });

  it('asks of a process of this machine only, by its number and start', async () => {
    await runOf('one', 2);
    const asked: unknown[] = [];
    await read({ lookAt: (process) => (asked.push([process.pid, process.processStartedAt]), lookOf(process, true)) });
    expect(asked[0]).toEqual([42, '100']);
    await read({ machine: 'machine-2', lookAt: () => Promise.reject(new Error('not asked')) });
  });

  it.each([
    [119, 'locked'],
    [121, 'held'],
  ])('is of a process elsewhere what its heartbeat says: %i s ago is %s', async (seconds, kind) => {
    await runOf('one', 2);
    store.set(heartbeatKey('example', 'one'), {});
    expect(await standing({ machine: 'machine-2', now: since.getTime() + seconds * 1000 })).toMatchObject({ kind });
  });

  it('is not what an earlier heartbeat says of a process of this machine that is seen to be gone', async () => {
    await runOf('one', 2);
    store.set(heartbeatKey('example', 'one'), {});
    expect(await standing({ now: since.getTime() })).toMatchObject({ kind: 'held' });
  });

  it('is what a heartbeat says that came after the process was taken for gone', async () => {
    await runOf('one', 2);
    store.set(heartbeatKey('example', 'one'), {});
    const lookAt = (process: ProcessRecord): Promise<ProcessLook> => {
      store.modified = new Date(since.getTime() + 30_000);
      store.set(heartbeatKey('example', 'one'), {});
      return lookOf(process, false);
    };
    expect(await standing({ lookAt, now: since.getTime() + 3_600_000 })).toMatchObject({ kind: 'locked' });
  });

  it('is held where another user of this machine may have the process, and nothing was heard of it', async () => {
    await runOf('one', 2);
    const hidden = (): Promise<ProcessLook> => Promise.resolve({ kind: 'absent', others: 'hidden' });
    const standings = await read({ user: 'bob', lookAt: hidden });
    expect([standings.byStack.get(stack)?.kind, standings.liveness(processOf('one'))]).toEqual(['held', known['not-shown']]);
    expect((await read({ lookAt: hidden })).liveness(processOf('one'))).toEqual(known.dead);
  });

  it('is read of the journal of the run that a lock names, also where its mark is lost', async () => {
    await runOf('one', 2);
    store.delete(openRunKey('example', 'one', 'one'));
    expect(await standing()).toMatchObject({ kind: 'held', run: 'one' });
  });

  it('is held also where the lock went, and a newer run has touched the stack since', async () => {
    await runOf('one', 2);
    store.delete(durableLockKey(stack));
    const newer = await runOf('two', 1);
    await newer.append({ type: 'verified', stack, epoch: 1, checkpoint: null, outcome: 'nothing-started' });
    await newer.append({ type: 'released', stack, epoch: 1 });
    store.delete(durableLockKey(stack));
    expect(await standing()).toMatchObject({ kind: 'held', run: 'one' });
  });

  it('is frozen where a person froze it, also without a lock', async () => {
    await putFrozen(store, lockOf(stack, 'ada', { operation: 'freeze', incident: 'INC-7' }));
    expect(await standing()).toMatchObject({ kind: 'frozen' });
  });

  it.each([
    ['an event', () => runEventKey('example', 'one', 'other', 1, 'held')],
    ['a freeze', () => frozenKey(stack)],
    ['a verified record', () => verifiedKey(stack)],
  ])('has what cannot be read, by key and reason: %s', async (_, key) => {
    await runOf('one', 2);
    store.set(key(), '{');
    expect((await read()).unreadable).toEqual([`${key()}: it is not JSON`]);
  });

  it('throws where a record could not be asked for, also where the bucket’s words begin with its key', async () => {
    store.set(frozenKey(stack), '{}');
    store.get = (asked) => Promise.reject(new Error(`${asked}: SlowDown`));
    await expect(read()).rejects.toThrow('SlowDown');
  });

  it('throws where the bucket does not answer', async () => {
    store.list = () => Promise.reject(new Error('ECONNRESET'));
    await expect(read()).rejects.toThrow('ECONNRESET');
  });

  it('has a run of which there is only the mark, and no stack of it', async () => {
    store.set(openRunKey('example', 'one', 'one'), {});
    const standings = await read();
    expect([standings.openRuns.map(({ run }) => run), [...standings.byStack]]).toEqual([['one'], []]);
  });

  // Whether the process lives is asked when its journal has been read: what it wrote in between is not known, and its lock passes for one under
  // which nothing was started.
  it('is held where the run started an engine and died while it was being read', async () => {
    const journal = await runOf('one', 1);
    const lookAt = async (process: ProcessRecord): Promise<ProcessLook> => {
      if (journal.state.stacks.get(stack)?.phase === 'locked')
        await journal.append({ type: 'engine-started', stack, epoch: 1, operation: 'up', checkpoint: null, upstreams: {} });
      return lookOf(process, false);
    };
    expect(await standing({ lookAt })).toMatchObject({ kind: 'held' });
  });

  // The open runs and the locks are listed at the same time: a lock may be seen of a run that is not.
  it('is held where the run began, started an engine and died while the bucket was being read', async () => {
    const list = store.list.bind(store);
    let begun: Promise<unknown> | undefined;
    store.list = async (prefix) => {
      if (!prefix.startsWith('.pulumi/locks/')) return list(prefix);
      // Slow: the other listings are answered before it.
      await Promise.resolve();
      await (begun ??= runOf('one', 2));
      return list(prefix);
    };
    expect(await standing()).toMatchObject({ kind: 'held' });
  });
});
