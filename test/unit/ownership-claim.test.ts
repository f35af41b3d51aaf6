import { beforeEach, describe, expect, it } from 'vitest';
import { Journal } from '../../orchestrator/journal/journal.ts';
import { readRun } from '../../orchestrator/journal/read-runs.ts';
import { isOpen } from '../../orchestrator/journal/run-state.ts';
import { standingLocks } from '../../orchestrator/locks/durable-locks.ts';
import { writeLock } from '../../orchestrator/locks/lock-record.ts';
import type { LockRecord } from '../../orchestrator/locks/lock-record.ts';
import { interruptedOf } from '../../orchestrator/recovery/interrupted.ts';
import { takeOverStack } from '../../orchestrator/recovery/take-over.ts';
import type { TakenOver } from '../../orchestrator/recovery/take-over.ts';
import { readStandings } from '../../orchestrator/run/standing.ts';
import type { Held } from '../../orchestrator/run/standing.ts';
import { readStates } from '../../orchestrator/state/checkpoints.ts';
import { checkpointKey, durableLockKey, lockFolder } from '../../orchestrator/state/layout.ts';
import type { ObjectStore } from '../../orchestrator/state/object-store.ts';
import { settled } from './support/deferred.ts';
import { breakAt, everyFault, faults } from './support/faults.ts';
import { HookedStore } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';
import { engineLock, lockOf, observer, processOf } from './support/owner.ts';
import { quickPatience } from './support/quick-patience.ts';
import { bodyOf, pending, raw, stack } from './support/recovery.ts';

const network = 'example';
const key = durableLockKey(stack);
const now = Date.parse('2030-01-01T00:00:00Z');

let bucket: MemoryStore;
beforeEach(() => {
  bucket = new MemoryStore();
});

const journalOf = (run: string, writer: string, store: ObjectStore = bucket): Journal =>
  new Journal({ store, network, run, writer, patienceSeconds: 0, now: () => now });

/** A run that died while its engine was at work; what stands in its lock's place is said. */
async function interruptedRun(lock?: LockRecord | '{' | 'gone'): Promise<void> {
  const journal = journalOf('r1', 'r1');
  await journal.open({
    type: 'run-opened',
    operation: 'up',
    process: processOf('r1'),
    session: { accessKeyId: 'ASIA1', session: 's', expires: 'never' },
    account: '111122223333',
    region: 'eu-west-1',
    order: [stack],
    forecastSeconds: 1,
    networkFile: { path: 'n.yaml', text: '' },
  });
  const etag = bucket.set(key, writeLock(lockOf(stack, 'r1')));
  await journal.append({ type: 'lock-taken', stack, epoch: 1, etag, lock: lockOf(stack, 'r1') });
  await journal.append({ type: 'engine-started', stack, epoch: 1, operation: 'up', checkpoint: null, upstreams: {} });
  // As after a provider that was killed: the journal alone says that something is in doubt.
  bucket.set(checkpointKey(stack), bodyOf());
  if (lock === 'gone') bucket.delete(key);
  else if (lock === '{') bucket.set(key, lock);
  else if (lock) bucket.set(key, writeLock(lock));
}

/** What whoever comes now makes of the stack; everybody is dead. */
async function standing() {
  const { states } = await readStates(bucket, network);
  const standings = await readStandings({ store: bucket, network, states, ...observer(() => false), now });
  const found = standings.byStack.get(stack) ?? { kind: 'free' as const };
  return { standings, state: states.get(stack), found };
}

/** As the command does it, by a process of this name. */
async function takeOver(process: string, store: ObjectStore = bucket): Promise<TakenOver> {
  const { standings, state, found } = await standing();
  if (found.kind !== 'held') throw new Error(`the stack is ${found.kind}`);
  const run = found.run ?? process;
  const read = await readRun(bucket, network, run);
  const held: Held = found;
  return takeOverStack({
    store,
    network,
    stack,
    held,
    interrupted: interruptedOf(read, stack),
    standings,
    state,
    record: lockOf(stack, run, { ...processOf(process), operation: 'recover', recovery: process }),
    journal: journalOf(run, process, store),
    patience: quickPatience(2),
  });
}

const kindNow = async (): Promise<string> => (await standing()).found.kind;
const inRun = async (run = 'r1') => (await readRun(bucket, network, run)).state.stacks.get(stack);
const lockNow = async (): Promise<LockRecord | undefined> => {
  const [lock] = await standingLocks(bucket, network);
  return lock?.content.kind === 'holdfast' ? lock.content.record : undefined;
};

describe('a lock that is taken over', () => {
  it('is the recovery’s, at the next epoch, and never leaves its place', async () => {
    await interruptedRun();
    const taken = await takeOver('rec-1');
    expect(taken).toMatchObject({ ok: true, epoch: 2, before: { content: { record: { nonce: 'r1' } } } });
    expect(await lockNow()).toMatchObject({ nonce: 'rec-1', operation: 'recover', epoch: 2, run: 'r1' });
    expect((await bucket.versions(key)).filter(({ etag }) => etag === undefined)).toEqual([]);
  });

  it('is written down, and keeps the stack held', async () => {
    await interruptedRun();
    const taken = await takeOver('rec-1');
    expect(await inRun()).toMatchObject({ phase: 'held', epoch: 2, lock: { etag: taken.ok ? taken.lock.etag : '' } });
  });

  it('by one recovery after another has an epoch of its own each time', async () => {
    await interruptedRun();
    for (const [process, epoch] of [
      ['rec-1', 2],
      ['rec-2', 3],
      ['rec-3', 4],
    ] as const)
      expect(await takeOver(process)).toMatchObject({ ok: true, epoch });
  });

  it('of a recovery that died before it could write it down has a later epoch than that had', async () => {
    await interruptedRun(lockOf(stack, 'r1', { ...processOf('rec-1'), operation: 'recover', epoch: 4 }));
    expect(await takeOver('rec-2')).toMatchObject({ ok: true, epoch: 5 });
  });

  it('that cannot be read is taken over all the same', async () => {
    await interruptedRun('{');
    expect(await takeOver('rec-1')).toMatchObject({ ok: true, epoch: 2, before: { content: { kind: 'unreadable' } } });
    expect(await lockNow()).toMatchObject({ nonce: 'rec-1', epoch: 2 });
  });

  it('that a newer Holdfast wrote is left alone: what it says is not known here', async () => {
    await interruptedRun(lockOf(stack, 'r1', { schema: 99 }));
    const etag = (await bucket.get(key))?.etag;
    expect(await takeOver('rec-1')).toMatchObject({
      ok: false,
      reason: 'locked',
      why: expect.stringContaining('it was written by a newer Holdfast (schema 99)') as string,
    });
    expect((await bucket.get(key))?.etag).toBe(etag);
  });

  it('is not the one that was seen any more: somebody else was faster', async () => {
    await interruptedRun();
    const { standings, state, found } = await standing();
    const theirs = bucket.set(key, writeLock(lockOf(stack, 'r1', { ...processOf('other'), operation: 'recover', epoch: 2 })));
    const taken = await takeOverStack({
      store: bucket,
      network,
      stack,
      held: found as Held,
      interrupted: interruptedOf(await readRun(bucket, network, 'r1'), stack),
      standings,
      state,
      record: lockOf(stack, 'r1', { ...processOf('rec-1') }),
      journal: journalOf('r1', 'rec-1'),
    });
    expect(taken).toEqual({ ok: false, reason: 'locked', why: `the lock of ${stack} was taken by somebody else a moment ago` });
    expect((await bucket.get(key))?.etag).toBe(theirs);
    expect((await inRun())?.epoch).toBe(1);
  });
});

describe('a foreign lock beside it', () => {
  it.each([
    ['of plain pulumi', JSON.stringify(engineLock), /locked by plain pulumi, bob@laptop/],
    ['that is no lock', '{', /locked by an object that is no lock/],
  ])('%s keeps the recovery out, and nothing is written', async (_, body, why) => {
    await interruptedRun();
    bucket.set(`${lockFolder(stack)}1f.json`, body);
    const before = bucket.keys().map((each) => [each, bucket.bodyOf(each)]);
    expect(await takeOver('rec-1')).toMatchObject({ ok: false, reason: 'locked', why: expect.stringMatching(why) as string });
    expect(bucket.keys().map((each) => [each, bucket.bodyOf(each)])).toEqual(before);
  });
});

describe('a lock that is gone', () => {
  beforeEach(() => interruptedRun('gone'));

  it('is taken, at an epoch after all that the run had', async () => {
    expect(await takeOver('rec-1')).toMatchObject({ ok: true, epoch: 2, before: undefined });
    expect(await lockNow()).toMatchObject({ nonce: 'rec-1', epoch: 2 });
  });

  it('and was taken over before is taken at an epoch after that', async () => {
    expect(await takeOver('rec-1')).toMatchObject({ epoch: 2 });
    bucket.delete(key);
    expect(await takeOver('rec-2')).toMatchObject({ ok: true, epoch: 3 });
    expect((await inRun())?.epoch).toBe(3);
  });

  it('leaves the stack held from the first word of the recovery on', async () => {
    await takeOver('rec-1');
    const { events } = await readRun(bucket, network, 'r1');
    const own = events.filter(({ writer }) => writer === 'rec-1');
    expect(own.map(({ type }) => type)[0]).toBe('lock-taken');
    expect(await inRun()).toMatchObject({ phase: 'held' });
  });

  it('does not make the recovery’s own word pass for the end of the run’s engine', async () => {
    await takeOver('rec-1');
    expect(interruptedOf(await readRun(bucket, network, 'r1'), stack)).toMatchObject({
      engineEndedAt: undefined,
      process: { nonce: 'r1' },
    });
  });
});

describe('a stack that no run of Holdfast has open', () => {
  beforeEach(() => void bucket.set(checkpointKey(stack), bodyOf([], [pending('creating', raw('vpc'))])));

  it('is locked by the recovery, which writes down that it is held, and why', async () => {
    expect(await takeOver('rec-1')).toMatchObject({ ok: true, epoch: 1, before: undefined });
    expect(await inRun('rec-1')).toMatchObject({ phase: 'held', epoch: 1, doubts: [{ text: 'CreateVpc outcome unknown' }] });
  });
});

/** Whatever happens at a takeover: the stack stays held for whoever comes next, who gets it. */
describe.each<readonly [string, () => Promise<void>]>([
  ['a takeover', () => interruptedRun()],
  ['a takeover of a lock that is gone', () => interruptedRun('gone')],
  ['a takeover of a lock that cannot be read', () => interruptedRun('{')],
])('%s', (_, prepare) => {
  it.each(everyFault)('loses nothing, at whatever call %s', async (fault) => {
    await prepare();
    const counting = new HookedStore(bucket);
    await takeOver('rec-1', counting);
    for (let number = 1; number <= counting.calls.length; number += 1) {
      bucket = new MemoryStore();
      await prepare();
      const store = new HookedStore(bucket);
      const died = breakAt(store, number, fault);
      const taking = takeOver('rec-1', store);
      const ended = await Promise.race([taking, ...(faults[fault].how === 'hang' ? [died.then(() => undefined)] : [])]);
      for (let turn = 0; turn < 5; turn += 1) await settled();
      const where = `call ${number}, ${fault}: ${ended?.ok === false ? ended.why : 'ok'}`;
      expect(await kindNow(), where).toBe('held');
      const run = await inRun();
      expect(run && isOpen(run), where).toBe(true);
      const before = (await lockNow())?.epoch ?? 0;
      const next = await takeOver('rec-2');
      expect(next, where).toMatchObject({ ok: true });
      expect(next.ok && next.epoch, where).toBeGreaterThan(Math.max(before, run?.epoch ?? 0));
      expect(await kindNow(), where).toBe('held');
    }
  });
});
