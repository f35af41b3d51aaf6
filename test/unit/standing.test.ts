import { beforeEach, describe, expect, it } from 'vitest';
import type { StandingLock } from '../../orchestrator/locks/durable-locks.ts';
import { readLock, writeLock } from '../../orchestrator/locks/lock-record.ts';
import type { ProcessRecord } from '../../orchestrator/locks/lock-record.ts';
import type { Liveness } from '../../orchestrator/ownership/liveness.ts';
import type { ReadRecord } from '../../orchestrator/ownership/records.ts';
import type { StackRecord } from '../../orchestrator/ownership/stack-record.ts';
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
import { checkpointKey, durableLockKey, heartbeatKey, lockFolder, recordKey } from '../../orchestrator/state/layout.ts';
import type { ProcessLook } from '../../toolchain/process-identity.ts';
import { checkpointOf, urnOf } from './support/fake-engine.ts';
import { MemoryStore } from './support/memory-store.ts';
import { beatOf, engineLock, known, lockOf, lookOf, observer, processOf } from './support/owner.ts';
import { freeRecord, ownedRecord, putRecord } from './support/records.ts';
import { trusted } from './support/declared.ts';

const stack = 'example.vpc.a';
const since = new Date('2030-01-01T00:00:00Z');

const lockAt = (name: string, body: string): StandingLock => {
  const key = `${lockFolder(stack)}${name}`;
  return { stack, key, etag: '"1"', since, content: readLock(body, key === durableLockKey(stack) ? stack : undefined) };
};

const byAda = lockOf(stack, 'ada', { operation: 'freeze', incident: 'INC-7' });

const locks = {
  none: [],
  ours: [lockAt('holdfast.json', writeLock(lockOf(stack, 'one')))],
  'of another run': [lockAt('holdfast.json', writeLock(lockOf(stack, 'two')))],
  engine: [lockAt('1f.json', JSON.stringify(engineLock))],
  unreadable: [lockAt('holdfast.json', '{')],
  freeze: [lockAt('holdfast.json', writeLock(byAda))],
  'ours and engine': [lockAt('holdfast.json', writeLock(lockOf(stack, 'one'))), lockAt('1f.json', JSON.stringify(engineLock))],
} satisfies Record<string, StandingLock[]>;

type LockKind = keyof typeof locks;

const stateWith = (...pending: { type: string; urn: string }[]): StackState => ({
  stack,
  short: 'vpc.a',
  key: checkpointKey(stack),
  etag: '"1"',
  body: '',
  modified: since,
  resources: 1,
  ids: [],
  types: [],
  empty: false,
  pendingOperations: pending,
  upstreams: [],
  outputs: {},
});

const verified = { kind: 'at', etag: '"1"', modified: since.toISOString(), run: 'before', since: since.toISOString() } as const;
const owner = lockOf(stack, 'one');
const exit = { source: 'exit', text: 'CreateVpc outcome unknown' } as const;

const records = {
  'no record and no checkpoint': undefined,
  'no record': undefined,
  free: freeRecord(stack, verified),
  claimed: ownedRecord(stack, 'claimed', { owner, verified }),
  running: ownedRecord(stack, 'running', { owner, verified }),
  held: ownedRecord(stack, 'held', { owner, verified, doubts: [exit] }),
  recovering: ownedRecord(stack, 'recovering', { owner, verified }),
} satisfies Record<string, StackRecord | undefined>;

type Phase = keyof typeof records;

const asRead = (record: StackRecord | undefined): ReadRecord =>
  record === undefined ? { kind: 'none', stack } : { kind: 'there', record, etag: '"r"' };

const pendingCreate = { type: 'creating', urn: urnOf(stack, 'vpc') };

function factsOf(phase: Phase, lock: LockKind, liveness: Liveness, different: Partial<StackFacts> = {}): StackFacts {
  return {
    stack,
    locks: locks[lock],
    record: asRead(records[phase]),
    state: phase === 'no record and no checkpoint' ? undefined : stateWith(),
    liveness: () => liveness,
    ...different,
  };
}

const frozenAlike = (phase: Phase): Partial<StackFacts> => {
  const record = records[phase];
  return { record: asRead(record === undefined ? freeRecord(stack, undefined, { frozen: byAda }) : { ...record, frozen: byAda }) };
};

const kindsWhere = (answers: readonly (keyof typeof known)[], phase: Phase, lock: LockKind, different: Partial<StackFacts> = {}): string =>
  answers.map((answer) => standingOf(factsOf(phase, lock, known[answer], different)).kind).join(' ');

const kinds = (phase: Phase, lock: LockKind, different: Partial<StackFacts> = {}): string =>
  kindsWhere(['alive', 'heard', 'quiet', 'dead'], phase, lock, different);

const every = (kind: Standing['kind']): string => [kind, kind, kind, kind].join(' ');

describe('who may do what with a stack', () => {
  const whateverLock = (expected: string): Readonly<Record<LockKind, string>> => ({
    none: expected,
    ours: expected,
    'of another run': expected,
    engine: expected,
    unreadable: expected,
    freeze: expected,
    'ours and engine': expected,
  });
  /** For each phase and lock: what it is where the process is alive, was heard of, is quiet, and is dead. */
  const table: Readonly<Record<Phase, Readonly<Record<LockKind, string>>>> = {
    'no record and no checkpoint': {
      none: every('free'),
      ours: every('held'),
      'of another run': every('held'),
      engine: every('locked'),
      unreadable: every('locked'),
      freeze: every('held'),
      'ours and engine': every('held'),
    },
    'no record': whateverLock(every('held')),
    free: {
      none: every('free'),
      ours: every('left'),
      'of another run': every('left'),
      engine: every('locked'),
      unreadable: every('locked'),
      freeze: every('left'),
      'ours and engine': every('locked'),
    },
    claimed: whateverLock('locked locked held left'),
    running: whateverLock('locked locked held held'),
    held: whateverLock(every('held')),
    recovering: whateverLock('locked locked held held'),
  };
  const rows = Object.entries(table).flatMap(([phase, byLock]) =>
    Object.entries(byLock).map(([lock, expected]) => [phase as Phase, lock as LockKind, expected] as const),
  );

  it.each(rows)('%s, with the lock %s: %s', (phase, lock, expected) => {
    expect(kinds(phase, lock)).toBe(expected);
  });

  const ofFreeze = rows.filter(([phase]) => phase !== 'no record');

  it.each(ofFreeze)('%s, with the lock %s, and frozen: as it was where an owner has it, else frozen', (phase, lock, expected) => {
    const record = records[phase];
    const isOwned = record !== undefined && 'owner' in record;
    expect(kinds(phase, lock, frozenAlike(phase))).toBe(isOwned ? expected : every('frozen'));
  });

  it.each(Object.keys(locks) as LockKind[])('a record that cannot be read holds the stack, whatever the lock says: %s', (lock) => {
    const record: ReadRecord = { kind: 'unreadable', stack, key: recordKey(stack), why: 'it is not JSON' };
    expect(kinds('free', lock, { record })).toBe(every('held'));
    expect(standingOf(factsOf('free', lock, known.dead, { record }))).toMatchObject({ kind: 'held', unreadable: recordKey(stack) });
  });
});

describe('a process of which it cannot be told whether it is alive', () => {
  const everyPhase = Object.keys(records) as Phase[];
  const cases = everyPhase.flatMap((phase) => (Object.keys(locks) as LockKind[]).map((lock) => [phase, lock] as const));

  it.each(cases)('keeps what is its own if the look failed, as a living one does: %s, with the lock %s', (phase, lock) => {
    expect(kindsWhere(['look-failed'], phase, lock)).toBe(kindsWhere(['alive'], phase, lock));
  });

  it.each(cases)('is held and asked about if this user cannot see it, as one elsewhere is: %s, with the lock %s', (phase, lock) => {
    expect(kindsWhere(['not-shown', 'records-disagree'], phase, lock)).toBe(kindsWhere(['quiet', 'quiet'], phase, lock));
  });

  it('is said to be so where it has the stack and nothing was started', () => {
    expect(standingOf(factsOf('claimed', 'ours', known['not-shown']))).toMatchObject({
      kind: 'held',
      why: 'locked by run one on build-7, which had started nothing and may still be alive: this machine does not show this user the processes of other users',
    });
  });
});

describe('a takeover of a claim under which nothing was started', () => {
  const takenOver = (doubts: readonly (typeof exit)[] = []): Partial<StackFacts> => ({
    record: asRead(ownedRecord(stack, 'recovering', { owner, verified, run: { engineStarted: false, sessions: [] }, doubts: [...doubts] })),
  });

  it('is left over as well, once the process that took it over is dead', () => {
    expect(kinds('recovering', 'ours', takenOver())).toBe('locked locked held left');
    expect(kinds('recovering', 'none', takenOver())).toBe('locked locked held left');
  });

  it('is held where something is in doubt, or an engine may have run', () => {
    expect(kinds('recovering', 'ours', takenOver([exit]))).toBe('locked locked held held');
    expect(kinds('recovering', 'ours')).toBe('locked locked held held');
  });
});

describe('a pending operation in the checkpoint', () => {
  const state = { ...stateWith(pendingCreate), etag: '"plain"' };

  it.each(['no record', 'free'] as const)('holds a stack that no run has and nobody has locked: %s', (phase) => {
    expect(standingOf(factsOf(phase, 'none', known.dead, { state }))).toEqual({
      kind: 'held',
      why: 'CreateVpc outcome unknown',
      since: '2030-01-01T00:00:00.000Z',
      doubts: [{ source: 'pending-operation', op: 'creating', urn: pendingCreate.urn, text: 'CreateVpc outcome unknown' }],
    });
  });

  it('is no news while somebody is at work', () => {
    expect(kinds('running', 'ours', { state })).toBe('locked locked held held');
  });

  it('is plain pulumi’s own affair no more when its process left a lock beside it: the stack is held', () => {
    expect(kinds('free', 'engine', { state })).toBe(every('held'));
  });

  it('still holds the stack when a claim under which nothing was started is ended', () => {
    expect(kinds('claimed', 'ours')).toBe('locked locked held left');
    for (const lock of ['ours', 'none'] as const) expect(kinds('free', lock, { state })).toBe(every('held'));
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
      doubts: [exit],
    });
  });

  it('whose run died says that nobody knows', () => {
    expect(standingOf(factsOf('running', 'ours', known.dead))).toMatchObject({
      why: 'its run ended in the middle, and what it did last is unknown',
    });
  });

  it('whose run was not seen to be dead says that it may still be at work, and which run that is', () => {
    expect(standingOf(factsOf('running', 'ours', known.quiet))).toMatchObject({
      why: `run one on ${owner.host} was at work on it and is not heard of any more`,
      unseen: owner,
    });
    expect(standingOf(factsOf('running', 'ours', known['not-shown']))).toMatchObject({
      why: `run one on ${owner.host} was at work on it and may still be alive: this machine does not show this user the processes of other users`,
      unseen: owner,
    });
    expect(standingOf(factsOf('running', 'ours', known.dead))).not.toHaveProperty('unseen');
    expect(standingOf(factsOf('held', 'ours', known.quiet))).not.toHaveProperty('unseen');
  });

  it('says first what a recovery could not answer', () => {
    const question = { source: 'question', text: 'which of the two VPCs is it?' } as const;
    const record = asRead(ownedRecord(stack, 'held', { owner, doubts: [exit, question] }));
    expect(standingOf(factsOf('held', 'ours', known.dead, { record }))).toMatchObject({ why: question.text, doubts: [question] });
  });

  it('whose lock is gone says so', () => {
    expect(standingOf(factsOf('held', 'none', known.dead))).toMatchObject({ lockGoneSince: 'unknown' });
  });

  it('that is frozen too says so', () => {
    expect(standingOf(factsOf('held', 'ours', known.dead, frozenAlike('held')))).toMatchObject({
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
    const { states } = await readStates(store, 'example', trusted);
    const now = (): number => Date.parse('2030-01-01T01:00:00Z');
    return readStandings({ store, network: 'example', states, ...observer(() => false), now, ...different });
  };
  const standing = async (different: Partial<StandingsRequest> = {}): Promise<Standing | undefined> =>
    (await read(different)).byStack.get(stack);

  /** A run that has come so far. */
  function runOf(run: string, phase: 'claimed' | 'running'): void {
    const record = lockOf(stack, run);
    store.set(durableLockKey(stack), writeLock(record));
    putRecord(store, ownedRecord(stack, phase, { owner: record }));
  }

  it('is nothing of an empty bucket', async () => {
    expect([...(await read()).byStack]).toEqual([]);
  });

  it('is that a stack with its verified checkpoint is free', async () => {
    const etag = store.set(checkpointKey(stack), checkpointOf(stack));
    putRecord(store, freeRecord(stack, { ...verified, etag }));
    expect(await standing()).toEqual({ kind: 'free' });
  });

  it('is that a stack with a checkpoint and no record is held: nobody says that the checkpoint is true', async () => {
    store.set(checkpointKey(stack), checkpointOf(stack, new Map([['vpc', 'vpc-1']])));
    expect(await standing()).toMatchObject({ kind: 'held', doubts: [] });
  });

  it.each([
    ['in which it is at work', true, 'locked'],
    ['that died', false, 'held'],
  ])('is read of the record of a run %s', async (_, isAlive, kind) => {
    runOf('one', 'running');
    expect(await standing(observer(() => isAlive))).toMatchObject({ kind });
  });

  it('asks of a process of this machine only, by its number and start', async () => {
    runOf('one', 'running');
    const asked: unknown[] = [];
    await read({ lookAt: (process) => (asked.push([process.pid, process.processStartedAt]), lookOf(process, true)) });
    expect(asked[0]).toEqual([42, '100']);
    await read({ machine: 'machine-2', lookAt: () => Promise.reject(new Error('not asked')) });
  });

  it.each([
    [119, 'locked'],
    [121, 'held'],
  ])('is of a process elsewhere what its heartbeat says: %i s ago is %s', async (seconds, kind) => {
    runOf('one', 'running');
    store.set(heartbeatKey('example', 'one'), beatOf('one'));
    expect(await standing({ machine: 'machine-2', now: () => since.getTime() + seconds * 1000 })).toMatchObject({ kind });
  });

  it('is not what an earlier heartbeat says of a process of this machine that is seen to be gone', async () => {
    runOf('one', 'running');
    store.set(heartbeatKey('example', 'one'), beatOf('one'));
    expect(await standing({ now: () => since.getTime() })).toMatchObject({ kind: 'held' });
  });

  it('is what a heartbeat says that came after the process was taken for gone', async () => {
    runOf('one', 'running');
    store.set(heartbeatKey('example', 'one'), beatOf('one'));
    const lookAt = (process: ProcessRecord): Promise<ProcessLook> => {
      store.modified = new Date(since.getTime() + 30_000);
      store.set(heartbeatKey('example', 'one'), beatOf('one'));
      return lookOf(process, false);
    };
    expect(await standing({ lookAt, now: () => since.getTime() + 3_600_000 })).toMatchObject({ kind: 'locked' });
  });

  it('is held where another user of this machine may have the process, and nothing was heard of it', async () => {
    runOf('one', 'running');
    const hidden = (): Promise<ProcessLook> => Promise.resolve({ kind: 'absent', others: 'hidden' });
    const standings = await read({ user: 'bob', lookAt: hidden });
    expect([standings.byStack.get(stack)?.kind, standings.liveness(processOf('one'))]).toEqual(['held', known['not-shown']]);
    expect((await read({ lookAt: hidden })).liveness(processOf('one'))).toEqual(known.dead);
  });

  it('is held also where the lock went, and says since when it is gone', async () => {
    runOf('one', 'running');
    store.modified = new Date('2030-01-01T03:00:00Z');
    store.delete(durableLockKey(stack));
    expect(await standing()).toMatchObject({ kind: 'held', run: 'one', lockGoneSince: '2030-01-01T03:00:00.000Z' });
  });

  it('is held also where the lock went, and the lock of another run stands in its place', async () => {
    runOf('one', 'running');
    store.set(durableLockKey(stack), writeLock(lockOf(stack, 'two')));
    expect(await standing()).toMatchObject({ kind: 'held', run: 'one' });
  });

  it('is frozen where a person froze it, also without a lock', async () => {
    putRecord(store, freeRecord(stack, undefined, { frozen: byAda }));
    expect(await standing()).toMatchObject({ kind: 'frozen' });
  });

  it('has a record that cannot be read, by key and reason, and holds that stack alone', async () => {
    const other = 'example.vpc.b';
    putRecord(store, freeRecord(other));
    store.set(recordKey(stack), '{');
    const standings = await read();
    expect(standings.unreadable).toEqual([`${recordKey(stack)}: it is not JSON`]);
    expect([...standings.byStack].map(([name, { kind }]) => [name, kind])).toEqual([
      [other, 'free'],
      [stack, 'held'],
    ]);
  });

  it('throws where a record could not be asked for, also where the bucket’s words begin with its key', async () => {
    store.set(recordKey(stack), '{}');
    store.get = (asked) => Promise.reject(new Error(`${asked}: SlowDown`));
    await expect(read()).rejects.toThrow('SlowDown');
  });

  it('throws where the bucket does not answer', async () => {
    store.list = () => Promise.reject(new Error('ECONNRESET'));
    await expect(read()).rejects.toThrow('ECONNRESET');
  });

  // Whether the process lives is asked when its record has been read: what it wrote in between is not known, and its claim passes for one under
  // which nothing was started.
  it('is held where the run started an engine and died while it was being read', async () => {
    runOf('one', 'claimed');
    const lookAt = (process: ProcessRecord): Promise<ProcessLook> => {
      putRecord(store, ownedRecord(stack, 'running', { owner: lockOf(stack, 'one') }));
      return lookOf(process, false);
    };
    expect(await standing({ lookAt })).toMatchObject({ kind: 'held' });
  });

  it('is locked where a run claimed the stack while the bucket was being read: its lock is not one that was left', async () => {
    const list = store.list.bind(store);
    store.list = async (prefix) => {
      if (prefix.startsWith('.pulumi/locks/')) runOf('one', 'claimed');
      return list(prefix);
    };
    expect(await standing(observer(() => true))).toMatchObject({ kind: 'locked' });
  });

  it.each([
    ['before the locks', '.pulumi/locks/'],
    ['after the locks, and before the records', '.holdfast/stacks/'],
  ])('is held where the run began, started an engine and died while the bucket was being read, %s', async (_, listing) => {
    const list = store.list.bind(store);
    store.list = async (prefix) => {
      if (prefix.startsWith(listing)) runOf('one', 'running');
      return list(prefix);
    };
    expect(await standing()).toMatchObject({ kind: 'held' });
  });

  // The record was read, and then a run began on the free stack, whose first intent is the checkpoint that was seen.
  it('reads the record again where a checkpoint that it did not verify would hold the stack', async () => {
    const etag = store.set(checkpointKey(stack), checkpointOf(stack, new Map(), [{ type: 'creating', name: 'vpc' }]));
    const { states } = await readStates(store, 'example', trusted);
    const before = putRecord(store, freeRecord(stack, { ...verified, etag: '"older"' }));
    const get = store.get.bind(store);
    let reads = 0;
    store.get = async (key) => {
      const stored = await get(key);
      if (key === recordKey(stack) && (reads += 1) === 1) {
        const after = store.set(checkpointKey(stack), checkpointOf(stack, new Map([['vpc', 'vpc-1']])));
        putRecord(store, freeRecord(stack, { ...verified, etag: after }));
      }
      return stored;
    };
    expect(before).not.toBe(etag);
    expect(await standing({ states })).toEqual({ kind: 'free' });
  });
});
