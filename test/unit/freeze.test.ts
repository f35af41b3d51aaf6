import { describe, expect, it } from 'vitest';
import { readLock, writeLock } from '../../orchestrator/locks/lock-record.ts';
import type { LockRecord, ProcessRecord } from '../../orchestrator/locks/lock-record.ts';
import { freezesOf, freezeStacks, mayStillChange, unfreezeStacks } from '../../orchestrator/run/freeze.ts';
import type { Freezing } from '../../orchestrator/run/freeze.ts';
import { readStandings } from '../../orchestrator/run/standing.ts';
import type { Standing, Standings } from '../../orchestrator/run/standing.ts';
import { endLeftLocks, restoreLocks } from '../../orchestrator/run/tidy.ts';
import type { TidyRequest } from '../../orchestrator/run/tidy.ts';
import { readRecord } from '../../orchestrator/ownership/records.ts';
import type { StackRecord } from '../../orchestrator/ownership/stack-record.ts';
import { checkpointKey, durableLockKey, lockFolder, recordKey } from '../../orchestrator/state/layout.ts';
import { readStates } from '../../orchestrator/state/checkpoints.ts';
import type { StackState } from '../../orchestrator/state/checkpoints.ts';
import type { ObjectStore } from '../../orchestrator/state/object-store.ts';
import { breakAt, triedFaults } from './support/faults.ts';
import type { Fault } from './support/faults.ts';
import { checkpointOf } from './support/fake-engine.ts';
import { HookedStore } from './support/hooked-store.ts';
import { quickPatience } from './support/quick-patience.ts';
import { MemoryStore } from './support/memory-store.ts';
import { engineLock, lockOf, observer, processOf } from './support/owner.ts';
import { freeRecord, ownedRecord, putRecord } from './support/records.ts';
import { trusted } from './support/declared.ts';

const network = 'example';
const one = 'example.vpc.one';
const two = 'example.vpc.two';
const noWait = (): Promise<void> => Promise.resolve();

/** As any command begins: what the bucket says, with the locks put back that are missing, and those gone that are left over. */
async function look(store: ObjectStore, alive: readonly string[] = []): Promise<Standings> {
  await restoreLocks(lookerOf(store, await read(store, alive)));
  await endLeftLocks(lookerOf(store, await read(store, alive)));
  return read(store, alive);
}

const lookerOf = (store: ObjectStore, standings: Standings): TidyRequest => ({
  store,
  network,
  standings,
  lockRecord: (stack) => lockOf(stack, 'looker'),
  now: () => 0,
  onNote: () => undefined,
});

function read(store: ObjectStore, alive: readonly string[] = [], states: ReadonlyMap<string, StackState> = new Map()): Promise<Standings> {
  return readStandings({ store, network, states, ...observer(({ nonce }) => alive.includes(nonce)), now: () => 0 });
}

interface Call {
  readonly nonce?: string;
  readonly incident?: string;
  readonly stacks?: readonly string[];
  readonly alive?: readonly string[];
  /** Where they are not as any command finds them. */
  readonly standings?: Standings;
}

/** @param through where the calls of the freeze itself go, when they are to fail */
async function freeze(
  store: MemoryStore,
  { nonce = 'freezer', incident = 'INC-1', stacks = [one, two], alive = [], standings }: Call = {},
  through: ObjectStore = store,
): Promise<Freezing> {
  return freezeStacks({
    store: through,
    network,
    stacks,
    incident,
    lockRecord: (stack) => lockOf(stack, nonce, { operation: 'freeze', incident }),
    standings: standings ?? (await look(store, alive)),
    wait: noWait,
    patience: quickPatience(0),
    now: () => 0,
  });
}

const unfreezing = { network, patience: quickPatience(0), now: () => 0 };

async function unfreeze(store: MemoryStore, through: ObjectStore = store): Promise<string[]> {
  return unfreezeStacks({ ...unfreezing, store: through, freezes: [...freezesOf(await look(store)).values()] });
}

function lockAt(store: MemoryStore, stack: string): LockRecord | undefined {
  const body = store.bodyOf(durableLockKey(stack));
  const content = body === undefined ? undefined : readLock(body, stack);
  return content?.kind === 'holdfast' ? content.record : undefined;
}

/** A run that died with an engine at work on the stack: its lock stands, and the stack is held. */
function holdByRun(store: MemoryStore, stack: string, run = 'run-1'): void {
  const owner = lockOf(stack, run);
  store.set(durableLockKey(stack), writeLock(owner));
  putRecord(store, ownedRecord(stack, 'running', { owner }));
}

/** What the bucket has in the end: who is in which stack, and whose lock stands. No write of a record has the content of another. */
const contentOf = async (store: MemoryStore): Promise<unknown> =>
  Promise.all(
    [one, two].map(async (stack) => {
      const read = await readRecord(store, stack);
      if (read.kind !== 'there') return [read.kind === 'none' ? 'nothing' : read.kind, 0, undefined, lockAt(store, stack)?.nonce];
      const { phase, epoch, frozen } = read.record;
      return [phase === 'free' ? 'nothing' : phase, epoch, frozen?.nonce, lockAt(store, stack)?.nonce];
    }),
  );

/** Nobody is in either stack, and nothing keeps anyone out. */
const nothing = [
  ['nothing', 0, undefined, undefined],
  ['nothing', 0, undefined, undefined],
];

const kindsOf = (standings: Standings): Record<string, string> =>
  Object.fromEntries([...standings.byStack].map(([stack, { kind }]) => [stack, kind]));

describe('freezing', () => {
  it('puts a record and a lock on each stack, both saying who and what for', async () => {
    const store = new MemoryStore();
    const freezing = await freeze(store);
    expect(freezing).toMatchObject({ ok: true, frozen: [{ stack: one, before: false, keepsLock: false }, { stack: two }] });
    expect(store.keys()).toEqual([recordKey(one), recordKey(two), durableLockKey(one), durableLockKey(two)]);
    expect(lockAt(store, one)).toMatchObject({ operation: 'freeze', incident: 'INC-1', user: 'ada' });
    expect(kindsOf(await look(store))).toEqual({ [one]: 'frozen', [two]: 'frozen' });
  });

  it('writes the record before the lock', async () => {
    const store = new MemoryStore();
    const hooked = new HookedStore(store);
    await freeze(store, { stacks: [one] }, hooked);
    expect(hooked.calls.filter(({ op }) => op === 'put').map(({ key }) => key)).toEqual([recordKey(one), durableLockKey(one)]);
  });

  it('again for the same incident changes nothing, and says whose it was', async () => {
    const store = new MemoryStore();
    await freeze(store, { nonce: 'first' });
    const before = await contentOf(store);
    const again = await freeze(store, { nonce: 'second' });
    expect(again).toMatchObject({ ok: true, frozen: [{ by: { nonce: 'first' }, before: true }, { before: true }] });
    expect(await contentOf(store)).toEqual(before);
    expect(lockAt(store, one)?.nonce).toBe('first');
  });

  it('again for the same incident leaves the lock as old as it is', async () => {
    const store = new MemoryStore();
    await freeze(store, { nonce: 'first' });
    const hooked = new HookedStore(store);
    await freeze(store, { nonce: 'second' }, hooked);
    expect(hooked.calls.filter(({ op, key }) => op === 'put' && [one, two].map(durableLockKey).includes(key))).toEqual([]);
  });

  it('again after half an unfreeze makes it whole: the record beside the lock that stands', async () => {
    const store = new MemoryStore();
    await freeze(store, { nonce: 'first', stacks: [one] });
    putRecord(store, freeRecord(one));
    expect(await freeze(store, { nonce: 'second', stacks: [one] })).toMatchObject({
      ok: true,
      frozen: [{ by: { nonce: 'second' }, before: false }],
    });
    expect(store.keys()).toEqual([recordKey(one), durableLockKey(one)]);
    expect(await contentOf(store)).toMatchObject([['nothing', 0, 'second', 'second'], {}]);
  });

  it('is refused where it is frozen for another incident, and leaves the others alone', async () => {
    const store = new MemoryStore();
    await freeze(store, { incident: 'INC-1', stacks: [two] });
    const before = await contentOf(store);
    const refused = await freeze(store, { nonce: 'other', incident: 'INC-2' });
    expect(refused).toMatchObject({ ok: false, left: [], refused: [{ stack: two, reason: 'other-incident', incident: 'INC-1' }] });
    expect(await contentOf(store)).toEqual(before);
  });

  it.each([
    ['plain pulumi', `${lockFolder(two)}b1.json`, JSON.stringify(engineLock), /plain pulumi, bob@laptop/],
    ['a run', durableLockKey(two), writeLock(lockOf(two, 'live')), /two is locked by ada@build-7 \(pid 42, run live, up\)/],
    ['something that is no lock', `${lockFolder(two)}notes.txt`, 'hello', /an object that is no lock/],
  ])('is refused where %s is at work, before anything is written', async (name, key, body, message) => {
    const store = new MemoryStore();
    store.set(key, body);
    if (name === 'a run') putRecord(store, ownedRecord(two, 'claimed', { owner: lockOf(two, 'live') }));
    const hooked = new HookedStore(store);
    const refused = await freeze(store, { alive: ['live'] }, hooked);
    expect(refused).toMatchObject({ ok: false, refused: [{ stack: two, reason: 'at-work' }] });
    expect(refused.ok ? '' : refused.refused[0]?.message).toMatch(message);
    expect(hooked.calls).toEqual([]);
  });

  it('gives back what it took where plain pulumi comes in between', async () => {
    const store = new MemoryStore();
    const hooked = new HookedStore(store);
    hooked.after = ({ op, key }) => {
      if (op === 'put' && key === durableLockKey(two)) store.set(`${lockFolder(two)}b1.json`, engineLock);
    };
    const refused = await freeze(store, {}, hooked);
    expect(refused).toMatchObject({ ok: false, left: [], refused: [{ stack: two, reason: 'at-work' }] });
    expect(store.keys().filter((key) => key.startsWith('.pulumi/'))).toEqual([`${lockFolder(two)}b1.json`]);
    expect(await contentOf(store)).toEqual(nothing);
  });

  it('gives back what it took where a run claims a stack in between', async () => {
    const store = new MemoryStore();
    const hooked = new HookedStore(store);
    let isFirst = true;
    hooked.before = ({ op, key }) => {
      if (op !== 'put' || key !== recordKey(two) || !isFirst) return;
      isFirst = false;
      putRecord(store, ownedRecord(two, 'claimed', { owner: lockOf(two, 'live') }));
      store.set(durableLockKey(two), writeLock(lockOf(two, 'live')));
    };
    const refused = await freeze(store, {}, hooked);
    expect(refused).toMatchObject({ ok: false, left: [], refused: [{ stack: two, reason: 'at-work' }] });
    expect(await contentOf(store)).toEqual([
      ['nothing', 0, undefined, undefined],
      ['claimed', 1, undefined, 'live'],
    ]);
  });

  it('leaves a lock of a later epoch alone that was put by a run which came after an unfreeze', async () => {
    const store = new MemoryStore();
    const hooked = new HookedStore(store);
    hooked.after = ({ op, key }) => {
      if (op !== 'put' || key !== recordKey(one)) return;
      // Unfrozen, and claimed, while the freeze was on its way to its lock.
      putRecord(store, ownedRecord(one, 'claimed', { owner: lockOf(one, 'live') }));
      store.set(durableLockKey(one), writeLock(lockOf(one, 'live')));
    };
    expect(await freeze(store, { stacks: [one] }, hooked)).toMatchObject({
      ok: false,
      left: [],
      refused: [{ stack: one, reason: 'failed' }],
    });
    expect(await contentOf(store)).toMatchObject([['claimed', 1, undefined, 'live'], {}]);
  });

  it('takes a lock that another command put in its place meanwhile for its own', async () => {
    const store = new MemoryStore();
    const hooked = new HookedStore(store);
    hooked.after = async ({ op, key }) => {
      if (op === 'put' && key === recordKey(one)) await look(store);
    };
    expect(await freeze(store, { stacks: [one] }, hooked)).toMatchObject({ ok: true });
    expect(kindsOf(await look(store))).toEqual({ [one]: 'frozen' });
  });

  it('of two at once for one incident lets both have it', async () => {
    const store = new MemoryStore();
    const hooked = new HookedStore(store);
    let isFirst = true;
    hooked.before = async ({ op }) => {
      if (op !== 'put' || !isFirst) return;
      isFirst = false;
      await freeze(store, { nonce: 'faster', stacks: [one] });
    };
    expect(await freeze(store, { stacks: [one] }, hooked)).toMatchObject({ ok: true, frozen: [{ by: { nonce: 'faster' }, before: true }] });
  });

  it('of two at once for two incidents refuses the second', async () => {
    const store = new MemoryStore();
    const hooked = new HookedStore(store);
    let isFirst = true;
    hooked.before = async ({ op }) => {
      if (op !== 'put' || !isFirst) return;
      isFirst = false;
      await freeze(store, { nonce: 'faster', incident: 'INC-2', stacks: [one] });
    };
    expect(await freeze(store, { stacks: [one] }, hooked)).toMatchObject({ ok: false, left: [], refused: [{ reason: 'other-incident' }] });
    expect(lockAt(store, one)?.nonce).toBe('faster');
  });
});

describe('freezing a held stack', () => {
  it('does not take the place of a lock that is gone and will be put back', async () => {
    const store = new MemoryStore();
    holdByRun(store, one);
    store.delete(durableLockKey(one));
    expect(await freeze(store, { stacks: [one], standings: await read(store) })).toMatchObject({ ok: true, frozen: [{ keepsLock: true }] });
    expect(lockAt(store, one)).toBeUndefined();
    await look(store);
    expect(lockAt(store, one)?.run).toBe('run-1');
  });

  it('that plain pulumi has left, and that no lock protects, puts one', async () => {
    const store = new MemoryStore();
    store.set(checkpointKey(one), checkpointOf(one, new Map(), [{ type: 'creating', name: 'vpc' }]));
    const { states } = await readStates(store, network, trusted);
    const standings = await read(store, [], states);
    expect(standings.byStack.get(one)?.kind).toBe('held');
    expect(await freeze(store, { stacks: [one], standings })).toMatchObject({ ok: true, frozen: [{ keepsLock: false }] });
    expect(lockAt(store, one)?.operation).toBe('freeze');
  });

  it('leaves the lock of its run where it is', async () => {
    const store = new MemoryStore();
    holdByRun(store, one);
    expect(await freeze(store, { stacks: [one] })).toMatchObject({ ok: true, frozen: [{ stack: one, keepsLock: true }] });
    expect(lockAt(store, one)?.run).toBe('run-1');
    expect((await look(store)).byStack.get(one)).toMatchObject({ kind: 'held', frozen: expect.stringContaining('INC-1') as string });
  });

  it('is refused where it was recovered after it was looked at, and a run has begun on it', async () => {
    const store = new MemoryStore();
    holdByRun(store, one);
    const standings = await read(store);
    const live = lockOf(one, 'live', { epoch: 3 });
    putRecord(store, ownedRecord(one, 'running', { owner: live }));
    store.set(durableLockKey(one), writeLock(live));
    expect(await freeze(store, { stacks: [one], standings })).toMatchObject({ ok: false, left: [], refused: [{ reason: 'at-work' }] });
    expect(await contentOf(store)).toMatchObject([['running', 3, undefined, 'live'], {}]);
  });

  it('and unfreezing it leaves it held', async () => {
    const store = new MemoryStore();
    holdByRun(store, one);
    const before = await contentOf(store);
    await freeze(store, { stacks: [one] });
    expect(await unfreeze(store)).toEqual([]);
    expect(await contentOf(store)).toEqual(before);
    expect(lockAt(store, one)?.run).toBe('run-1');
    expect(kindsOf(await look(store))).toEqual({ [one]: 'held' });
  });

  it('twice is once', async () => {
    const store = new MemoryStore();
    holdByRun(store, one);
    await freeze(store, { stacks: [one] });
    expect(await freeze(store, { nonce: 'again', stacks: [one] })).toMatchObject({ ok: true, frozen: [{ before: true, keepsLock: true }] });
  });

  it('that has started nothing and is not heard of is repeatable too', async () => {
    const store = new MemoryStore();
    const owner = lockOf(one, 'far', { machine: 'elsewhere' });
    putRecord(store, ownedRecord(one, 'claimed', { owner }));
    store.set(durableLockKey(one), writeLock(owner));
    expect(kindsOf(await look(store))).toEqual({ [one]: 'held' });
    for (const nonce of ['first', 'second']) expect(await freeze(store, { nonce, stacks: [one] })).toMatchObject({ ok: true });
    expect(lockAt(store, one)?.run).toBe('far');
    await unfreeze(store);
    expect(kindsOf(await look(store))).toEqual({ [one]: 'held' });
  });
});

describe('whether a run may still change what was frozen', () => {
  const run = lockOf(one, 'run-1');
  const held: Standing = { kind: 'held', why: '', since: '', doubts: [] };
  const recordOf = (different: Parameters<typeof ownedRecord>[2] = {}) => ownedRecord(one, 'running', { owner: run, ...different });

  it.each<[string, boolean, Standing | undefined, StackRecord | undefined, readonly ProcessRecord[]]>([
    ['no: nothing was ever there', false, undefined, undefined, []],
    ['no: nothing but the freeze is there', false, { kind: 'frozen', message: '' }, freeRecord(one), []],
    ['yes: a process is at work on it', true, { kind: 'locked', message: '' }, recordOf(), []],
    ['yes: its run was not seen to be dead', true, { ...held, unseen: run }, recordOf(), [run]],
    ['yes: whether an engine of its dead run is left is not known', true, held, recordOf(), []],
    ['no: its dead run has no engine left', false, held, recordOf(), [run]],
    ['yes: only of another process was it seen that no engine is left', true, held, recordOf(), [{ ...run, pid: 43 }]],
    ['no: its run saw its engine end', false, held, recordOf({ run: { engineEndedAt: run.startedAt } }), []],
    ['no: its run started none', false, held, recordOf({ run: { engineStarted: false } }), []],
    ['no: its run is known to be dead with its engines', false, held, recordOf({ writerDead: 'person' }), []],
    ['no: it was no run of Holdfast', false, held, undefined, []],
  ])('%s', (_, expected, standing, record, ended) => {
    expect(mayStillChange(standing, record, ended)).toBe(expected);
  });
});

describe('unfreezing', () => {
  it('writes the record and then takes away exactly that lock', async () => {
    const store = new MemoryStore();
    await freeze(store, { stacks: [one] });
    const hooked = new HookedStore(store);
    expect(await unfreeze(store, hooked)).toEqual([]);
    expect(hooked.calls.filter(({ op }) => op === 'put' || op === 'remove').map(({ op, key }) => `${op} ${key}`)).toEqual([
      `put ${recordKey(one)}`,
      `remove ${durableLockKey(one)}`,
    ]);
    expect(store.keys()).toEqual([recordKey(one)]);
    expect(await contentOf(store)).toEqual(nothing);
  });

  it('leaves a lock alone that is not the freeze’s', async () => {
    const store = new MemoryStore();
    await freeze(store, { stacks: [one] });
    const freezes = [...freezesOf(await look(store)).values()];
    store.delete(durableLockKey(one));
    store.set(durableLockKey(one), writeLock(lockOf(one, 'live')));
    expect(await unfreezeStacks({ ...unfreezing, store, freezes })).toEqual([]);
    expect(lockAt(store, one)?.run).toBe('live');
  });

  it('leaves a freeze alone that came after it', async () => {
    const store = new MemoryStore();
    await freeze(store, { nonce: 'old', stacks: [one] });
    const freezes = [...freezesOf(await look(store)).values()];
    await unfreeze(store);
    await freeze(store, { nonce: 'new', stacks: [one] });
    await unfreezeStacks({ ...unfreezing, store, freezes });
    expect(await contentOf(store)).toMatchObject([['nothing', 0, 'new', 'new'], {}]);
  });

  it('leaves a lock alone that a run has put over the freeze’s since', async () => {
    const store = new MemoryStore();
    await freeze(store, { stacks: [one] });
    const hooked = new HookedStore(store);
    hooked.before = ({ op, key }) => {
      if (op !== 'remove' || key !== durableLockKey(one)) return;
      putRecord(store, ownedRecord(one, 'claimed', { owner: lockOf(one, 'live') }));
      store.set(durableLockKey(one), writeLock(lockOf(one, 'live')));
    };
    expect(await unfreeze(store, hooked)).toEqual([]);
    expect(await contentOf(store)).toMatchObject([['claimed', 1, undefined, 'live'], {}]);
  });

  it('is not undone by a command that puts the lock back and had read the record before', async () => {
    const store = new MemoryStore();
    await freeze(store, { stacks: [one] });
    store.delete(durableLockKey(one));
    const seen = await read(store);
    expect(await unfreezeStacks({ ...unfreezing, store, freezes: [...freezesOf(seen).values()] })).toEqual([]);
    await restoreLocks(lookerOf(store, seen));
    expect(await contentOf(store)).toEqual(nothing);
  });

  it('is not undone by such a command that dies when it has put the lock: the next one takes it away', async () => {
    const store = new MemoryStore();
    await freeze(store, { stacks: [one] });
    store.delete(durableLockKey(one));
    const seen = await read(store);
    await unfreezeStacks({ ...unfreezing, store, freezes: [...freezesOf(seen).values()] });
    const dying = new HookedStore(store);
    dying.after = ({ op }) => (op === 'put' ? Promise.reject(new Error('it dies')) : undefined);
    await expect(restoreLocks(lookerOf(dying, seen))).rejects.toThrow('it dies');
    expect((await read(store)).byStack.get(one)?.kind).toBe('left');
    await look(store);
    expect(await contentOf(store)).toEqual(nothing);
  });

  it('names a stack whose record cannot be read, and ends the others', async () => {
    const store = new MemoryStore();
    await freeze(store);
    const freezes = [...freezesOf(await look(store)).values()];
    store.set(recordKey(one), '{');
    expect(await unfreezeStacks({ ...unfreezing, store, freezes })).toEqual([one]);
    expect(await contentOf(store)).toEqual([
      ['unreadable', 0, undefined, 'freezer'],
      ['nothing', 0, undefined, undefined],
    ]);
  });

  it('of nothing is nothing', async () => {
    const store = new MemoryStore();
    expect(await unfreeze(store)).toEqual([]);
  });
});

/** Numbers of the calls that the act makes of a bucket where nothing fails. */
async function callsOf(
  prepare: (store: MemoryStore) => Promise<unknown>,
  act: (store: MemoryStore, through: HookedStore) => Promise<unknown>,
) {
  const store = new MemoryStore();
  await prepare(store);
  const hooked = new HookedStore(store);
  await act(store, hooked);
  return hooked.calls;
}

/** Runs the act until it ends, or its process dies. */
async function broken<T>(
  store: MemoryStore,
  number: number,
  fault: Fault,
  act: (through: HookedStore) => Promise<T>,
): Promise<T | Error | undefined> {
  const hooked = new HookedStore(store);
  const died = breakAt(hooked, number, fault).then(() => undefined);
  return Promise.race([act(hooked).catch((cause: unknown) => cause as Error), died]);
}

describe('broken off at any of its calls', () => {
  const starts: [string, (store: MemoryStore) => Promise<unknown>][] = [
    ['free stacks', () => Promise.resolve()],
    [
      'a free stack and a held one',
      (store) => {
        holdByRun(store, one);
        return Promise.resolve();
      },
    ],
  ];

  it.each(starts.flatMap(([name, start]) => triedFaults.map((fault) => [fault, name, start] as const)))(
    'a freeze can be repeated, and taken back (%s; %s)',
    async (fault, _, start) => {
      const calls = await callsOf(start, (store, through) => freeze(store, {}, through));
      expect(calls.length).toBeGreaterThan(3);
      for (const { number } of calls) {
        const store = new MemoryStore();
        await start(store);
        const before = await contentOf(store);
        const end = await broken(store, number, fault, (through) => freeze(store, {}, through));
        // What it says is so: all of them, none, or that it does not know.
        if (end !== undefined && !(end instanceof Error)) {
          const there = freezesOf(await look(store));
          if (end.ok) expect([...there.keys()].sort()).toEqual([one, two]);
          else if (end.left.length === 0) expect(await contentOf(store)).toEqual(before);
        }
        const repeated = new MemoryStore();
        for (const key of store.keys()) repeated.set(key, store.bodyOf(key));

        // By another process, as the first one is dead.
        expect(await freeze(repeated, { nonce: 'second' })).toMatchObject({ ok: true });
        expect([...freezesOf(await look(repeated)).keys()].sort()).toEqual([one, two]);
        for (const stack of [one, two]) expect(lockAt(repeated, stack)).toBeDefined();

        for (const bucket of [store, repeated]) {
          expect(await unfreeze(bucket)).toEqual([]);
          expect(await contentOf(bucket)).toEqual(before);
        }
      }
    },
  );

  it.each(triedFaults)('an unfreeze can be repeated (%s)', async (fault) => {
    const start = (store: MemoryStore) => freeze(store);
    const calls = await callsOf(start, unfreeze);
    for (const { number } of calls) {
      const store = new MemoryStore();
      await start(store);
      const end = await broken(store, number, fault, (through) => unfreeze(store, through));
      if (Array.isArray(end) && end.length === 0) expect(await contentOf(store)).toEqual(nothing);
      // Somebody looks in between, which puts back what is half gone.
      await look(store);
      expect(await unfreeze(store)).toEqual([]);
      expect(await contentOf(store)).toEqual(nothing);
    }
  });

  it('an unfreeze that died leaves the stack frozen with its lock, or, once its record is written, free without it', async () => {
    const calls = await callsOf((store) => freeze(store, { stacks: [one] }), unfreeze);
    const ends = new Set<string>();
    for (const { number } of calls) {
      const store = new MemoryStore();
      await freeze(store, { stacks: [one] });
      await broken(store, number, 'the process dies before it', (through) => unfreeze(store, through));
      const { kind } = (await look(store)).byStack.get(one) ?? { kind: 'free' };
      const whole = kind === 'frozen' ? ['nothing', 0, 'freezer', 'freezer'] : nothing[0];
      expect(((await contentOf(store)) as unknown[])[0]).toEqual(whole);
      ends.add(kind);
    }
    expect([...ends].sort()).toEqual(['free', 'frozen']);
  });

  it('a freeze whose record stands without its lock is whole again after anyone has looked', async () => {
    const store = new MemoryStore();
    const calls = await callsOf(noWait, (bucket, through) => freeze(bucket, { stacks: [one] }, through));
    const put = calls.find(({ op, key }) => op === 'put' && key === durableLockKey(one));
    await broken(store, put?.number ?? 0, 'the process dies before it', (through) => freeze(store, { stacks: [one] }, through));
    expect(store.keys()).toEqual([recordKey(one)]);
    await look(store);
    expect(lockAt(store, one)).toMatchObject({ operation: 'freeze', incident: 'INC-1' });
  });
});

it('a stack of a process that lives is not taken for a held one', async () => {
  const store = new MemoryStore();
  holdByRun(store, one, 'live');
  expect(kindsOf(await look(store, [processOf('live').nonce]))).toEqual({ [one]: 'locked' });
  expect(await freeze(store, { stacks: [one], alive: ['live'] })).toMatchObject({ ok: false, refused: [{ reason: 'at-work' }] });
});
