import { describe, expect, it } from 'vitest';
import { readLock, writeLock } from '../../orchestrator/locks/lock-record.ts';
import type { LockRecord } from '../../orchestrator/locks/lock-record.ts';
import { freezesOf, freezeStacks, unfreezeStacks } from '../../orchestrator/run/freeze.ts';
import type { Freezing } from '../../orchestrator/run/freeze.ts';
import { readStandings } from '../../orchestrator/run/standing.ts';
import type { Standings } from '../../orchestrator/run/standing.ts';
import { restoreLocks } from '../../orchestrator/run/tidy.ts';
import { checkpointKey, durableLockKey, frozenKey, lockFolder, openRunKey, runEventKey } from '../../orchestrator/state/layout.ts';
import type { StackState } from '../../orchestrator/state/checkpoints.ts';
import type { ObjectStore } from '../../orchestrator/state/object-store.ts';
import { breakAt, everyFault } from './support/faults.ts';
import type { Fault } from './support/faults.ts';
import { HookedStore } from './support/hooked-store.ts';
import { quickPatience } from './support/quick-patience.ts';
import { MemoryStore } from './support/memory-store.ts';
import { engineLock, lockOf, observer, processOf } from './support/owner.ts';

const network = 'example';
const one = 'example.vpc.one';
const two = 'example.vpc.two';
const noWait = (): Promise<void> => Promise.resolve();

/** As any command begins: what the bucket says, with the locks put back that are missing. */
async function look(store: ObjectStore, alive: readonly string[] = []): Promise<Standings> {
  const standings = await read(store, alive);
  await restoreLocks({ store, network, writer: 'looker', standings, now: () => 0, onNote: () => undefined });
  return read(store, alive);
}

function read(store: ObjectStore, alive: readonly string[] = [], states: ReadonlyMap<string, StackState> = new Map()): Promise<Standings> {
  return readStandings({ store, network, states, ...observer(({ nonce }) => alive.includes(nonce)), now: 0 });
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
    patience: quickPatience(2),
  });
}

async function unfreeze(store: MemoryStore, through: ObjectStore = store): Promise<string[]> {
  return unfreezeStacks({ store: through, network, freezes: [...freezesOf(await look(store)).values()], patience: quickPatience(2) });
}

function lockAt(store: MemoryStore, stack: string): LockRecord | undefined {
  const body = store.bodyOf(durableLockKey(stack));
  const content = body === undefined ? undefined : readLock(body, true);
  return content?.kind === 'holdfast' ? content.record : undefined;
}

/** A run that died with an engine at work on the stack: its lock stands, and the stack is held. */
function holdByRun(store: MemoryStore, stack: string, run = 'run-1'): void {
  const header = { schema: 1, run, network, writer: run, at: '2030-01-01T00:00:00.000Z', stack, epoch: 1 };
  const lock = lockOf(stack, run);
  const etag = store.set(durableLockKey(stack), writeLock(lock));
  store.set(openRunKey(network, run, run), {});
  store.set(runEventKey(network, run, run, 1, 'lock-taken'), { ...header, sequence: 1, type: 'lock-taken', etag, lock });
  store.set(runEventKey(network, run, run, 2, 'engine-started'), {
    ...header,
    sequence: 2,
    type: 'engine-started',
    operation: 'up',
    checkpoint: null,
    upstreams: {},
  });
}

const kindsOf = (standings: Standings): Record<string, string> =>
  Object.fromEntries([...standings.byStack].map(([stack, { kind }]) => [stack, kind]));

describe('freezing', () => {
  it('puts a record and a lock on each stack, both saying who and what for', async () => {
    const store = new MemoryStore();
    const freezing = await freeze(store);
    expect(freezing).toMatchObject({ ok: true, frozen: [{ stack: one, before: false, keepsLock: false }, { stack: two }] });
    expect(store.keys()).toEqual([frozenKey(one), frozenKey(two), durableLockKey(one), durableLockKey(two)]);
    expect(lockAt(store, one)).toMatchObject({ operation: 'freeze', incident: 'INC-1', user: 'ada' });
    expect(kindsOf(await look(store))).toEqual({ [one]: 'frozen', [two]: 'frozen' });
  });

  it('writes the record before the lock', async () => {
    const store = new MemoryStore();
    const hooked = new HookedStore(store);
    await freeze(store, { stacks: [one] }, hooked);
    expect(hooked.calls.filter(({ op }) => op === 'put').map(({ key }) => key)).toEqual([frozenKey(one), durableLockKey(one)]);
  });

  it('again for the same incident changes nothing, and says whose it was', async () => {
    const store = new MemoryStore();
    await freeze(store, { nonce: 'first' });
    const keys = store.keys();
    const again = await freeze(store, { nonce: 'second' });
    expect(again).toMatchObject({ ok: true, frozen: [{ by: { nonce: 'first' }, before: true }, { before: true }] });
    expect(store.keys()).toEqual(keys);
    expect(lockAt(store, one)?.nonce).toBe('first');
  });

  it('again after half an unfreeze makes it whole: the record beside the lock that stands', async () => {
    const store = new MemoryStore();
    await freeze(store, { nonce: 'first', stacks: [one] });
    store.delete(frozenKey(one));
    expect(await freeze(store, { nonce: 'second', stacks: [one] })).toMatchObject({
      ok: true,
      frozen: [{ by: { nonce: 'first' }, before: true }],
    });
    expect(store.keys()).toEqual([frozenKey(one), durableLockKey(one)]);
    expect(lockAt(store, one)?.nonce).toBe('first');
  });

  it('is refused where it is frozen for another incident, and leaves the others alone', async () => {
    const store = new MemoryStore();
    await freeze(store, { incident: 'INC-1', stacks: [two] });
    const keys = store.keys();
    const refused = await freeze(store, { nonce: 'other', incident: 'INC-2' });
    expect(refused).toMatchObject({ ok: false, left: [], refused: [{ stack: two, reason: 'other-incident', incident: 'INC-1' }] });
    expect(store.keys()).toEqual(keys);
  });

  it.each([
    ['plain pulumi', `${lockFolder(two)}b1.json`, JSON.stringify(engineLock), /plain pulumi, bob@laptop/],
    ['a run', durableLockKey(two), writeLock(lockOf(two, 'live')), /two is locked by ada@build-7 \(pid 42, run live, up\)/],
    ['something that is no lock', `${lockFolder(two)}notes.txt`, 'hello', /an object that is no lock/],
  ])('is refused where %s is at work, before anything is written', async (_, key, body, message) => {
    const store = new MemoryStore();
    store.set(key, body);
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
    expect(store.keys()).toEqual([`${lockFolder(two)}b1.json`]);
  });

  it('gives back what it took where a run takes the lock in between', async () => {
    const store = new MemoryStore();
    const hooked = new HookedStore(store);
    hooked.after = ({ op, key }) => {
      if (op === 'put' && key === frozenKey(two)) store.set(durableLockKey(two), writeLock(lockOf(two, 'live')));
    };
    expect(await freeze(store, {}, hooked)).toMatchObject({ ok: false, left: [], refused: [{ stack: two, reason: 'at-work' }] });
    expect(store.keys()).toEqual([durableLockKey(two)]);
    expect(lockAt(store, two)?.run).toBe('live');
  });

  it('takes a lock that another command put in its place meanwhile for its own', async () => {
    const store = new MemoryStore();
    const hooked = new HookedStore(store);
    hooked.after = async ({ op, key }) => {
      if (op === 'put' && key === frozenKey(one)) await look(store);
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
    const state: StackState = {
      stack: one,
      short: 'vpc.one',
      key: checkpointKey(one),
      etag: '"1"',
      body: '',
      modified: new Date(0),
      resources: 0,
      ids: [],
      empty: false,
      pendingOperations: [{ type: 'creating', urn: 'urn:pulumi:s::p::aws:ec2/vpc:Vpc::vpc' }],
      upstreams: [],
      outputs: {},
    };
    const standings = await read(store, [], new Map([[one, state]]));
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

  it('and unfreezing it leaves it held', async () => {
    const store = new MemoryStore();
    holdByRun(store, one);
    const before = store.keys();
    await freeze(store, { stacks: [one] });
    expect(await unfreeze(store)).toEqual([]);
    expect(store.keys()).toEqual(before);
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
    store.set(durableLockKey(one), writeLock(lockOf(one, 'far', { machine: 'elsewhere' })));
    expect(kindsOf(await look(store))).toEqual({ [one]: 'held' });
    for (const nonce of ['first', 'second']) expect(await freeze(store, { nonce, stacks: [one] })).toMatchObject({ ok: true });
    expect(lockAt(store, one)?.run).toBe('far');
    await unfreeze(store);
    expect(kindsOf(await look(store))).toEqual({ [one]: 'held' });
  });
});

describe('unfreezing', () => {
  it('takes away the record and then exactly that lock', async () => {
    const store = new MemoryStore();
    await freeze(store, { stacks: [one] });
    const hooked = new HookedStore(store);
    expect(await unfreeze(store, hooked)).toEqual([]);
    expect(hooked.calls.filter(({ op }) => op === 'remove').map(({ key }) => key)).toEqual([frozenKey(one), durableLockKey(one)]);
    expect(store.keys()).toEqual([]);
  });

  it('leaves a lock alone that is not the freeze’s', async () => {
    const store = new MemoryStore();
    await freeze(store, { stacks: [one] });
    const freezes = [...freezesOf(await look(store)).values()];
    store.delete(durableLockKey(one));
    store.set(durableLockKey(one), writeLock(lockOf(one, 'live')));
    expect(await unfreezeStacks({ store, network, freezes })).toEqual([]);
    expect(store.keys()).toEqual([durableLockKey(one)]);
  });

  it('leaves a freeze alone that came after it', async () => {
    const store = new MemoryStore();
    await freeze(store, { nonce: 'old', stacks: [one] });
    const freezes = [...freezesOf(await look(store)).values()];
    await unfreeze(store);
    await freeze(store, { nonce: 'new', stacks: [one] });
    await unfreezeStacks({ store, network, freezes });
    expect(lockAt(store, one)?.nonce).toBe('new');
    expect(store.keys()).toContain(frozenKey(one));
  });

  it('takes the lock away again that a command puts back which had seen the record', async () => {
    const store = new MemoryStore();
    await freeze(store, { stacks: [one] });
    const lock = store.bodyOf(durableLockKey(one)) ?? '';
    const hooked = new HookedStore(store);
    let isFirst = true;
    hooked.after = ({ op, key }) => {
      if (op !== 'remove' || key !== durableLockKey(one) || !isFirst) return;
      isFirst = false;
      store.set(durableLockKey(one), lock);
    };
    expect(await unfreeze(store, hooked)).toEqual([]);
    expect(store.keys()).toEqual([]);
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

  it.each(starts.flatMap(([name, start]) => everyFault.map((fault) => [fault, name, start] as const)))(
    'a freeze can be repeated, and taken back (%s; %s)',
    async (fault, _, start) => {
      const calls = await callsOf(start, (store, through) => freeze(store, {}, through));
      expect(calls.length).toBeGreaterThan(3);
      for (const { number } of calls) {
        const store = new MemoryStore();
        await start(store);
        const before = store.keys();
        const end = await broken(store, number, fault, (through) => freeze(store, {}, through));
        // What it says is so: all of them, none, or that it does not know.
        if (end !== undefined && !(end instanceof Error)) {
          const there = freezesOf(await look(store));
          if (end.ok) expect([...there.keys()].sort()).toEqual([one, two]);
          else if (end.left.length === 0) expect(store.keys()).toEqual(before);
        }
        const repeated = new MemoryStore();
        for (const key of store.keys()) repeated.set(key, store.bodyOf(key));

        // By another process, as the first one is dead.
        expect(await freeze(repeated, { nonce: 'second' })).toMatchObject({ ok: true });
        expect([...freezesOf(await look(repeated)).keys()].sort()).toEqual([one, two]);
        for (const stack of [one, two]) expect(lockAt(repeated, stack)).toBeDefined();

        for (const bucket of [store, repeated]) {
          expect(await unfreeze(bucket)).toEqual([]);
          expect(bucket.keys()).toEqual(before);
        }
      }
    },
  );

  it.each(everyFault)('an unfreeze can be repeated (%s)', async (fault) => {
    const start = (store: MemoryStore) => freeze(store);
    const calls = await callsOf(start, unfreeze);
    for (const { number } of calls) {
      const store = new MemoryStore();
      await start(store);
      const end = await broken(store, number, fault, (through) => unfreeze(store, through));
      if (Array.isArray(end) && end.length === 0) expect(store.keys()).toEqual([]);
      // Somebody looks in between, which puts back what is half gone.
      await look(store);
      expect(await unfreeze(store)).toEqual([]);
      expect(store.keys()).toEqual([]);
    }
  });

  it('an unfreeze leaves nobody in before all of it is gone', async () => {
    const calls = await callsOf((store) => freeze(store, { stacks: [one] }), unfreeze);
    for (const { number } of calls) {
      const store = new MemoryStore();
      await freeze(store, { stacks: [one] });
      await broken(store, number, 'the process dies before it', (through) => unfreeze(store, through));
      const standing = (await look(store)).byStack.get(one);
      if (store.keys().length > 0) expect([standing?.kind, lockAt(store, one)?.operation]).toEqual(['frozen', 'freeze']);
    }
  });

  it('a freeze whose record stands without its lock is whole again after anyone has looked', async () => {
    const store = new MemoryStore();
    const calls = await callsOf(noWait, (bucket, through) => freeze(bucket, { stacks: [one] }, through));
    const put = calls.find(({ op, key }) => op === 'put' && key === durableLockKey(one));
    await broken(store, put?.number ?? 0, 'the process dies before it', (through) => freeze(store, { stacks: [one] }, through));
    expect(store.keys()).toEqual([frozenKey(one)]);
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
