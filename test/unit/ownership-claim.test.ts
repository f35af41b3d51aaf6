import { beforeEach, describe, expect, it } from 'vitest';
import type { Doubt } from '../../orchestrator/journal/events.ts';
import { describeLock, standingLocks } from '../../orchestrator/locks/durable-locks.ts';
import { writeLock } from '../../orchestrator/locks/lock-record.ts';
import type { LockRecord } from '../../orchestrator/locks/lock-record.ts';
import { takeOverHeld, takeOverStack } from '../../orchestrator/ownership/claim.ts';
import type { Claiming } from '../../orchestrator/ownership/claim.ts';
import { readRecord, swap } from '../../orchestrator/ownership/records.ts';
import type { HeldRecord } from '../../orchestrator/ownership/records.ts';
import type { StackRecord } from '../../orchestrator/ownership/stack-record.ts';
import { interruptedFrom } from '../../orchestrator/recovery/interrupted.ts';
import { readStandings } from '../../orchestrator/run/standing.ts';
import type { Standing } from '../../orchestrator/run/standing.ts';
import { endLeftLocks } from '../../orchestrator/run/tidy.ts';
import { readStates } from '../../orchestrator/state/checkpoints.ts';
import { checkpointKey, durableLockKey, lockFolder, recordKey } from '../../orchestrator/state/layout.ts';
import type { ObjectStore } from '../../orchestrator/state/object-store.ts';
import { settled } from './support/deferred.ts';
import { breakAt, triedFaults, faults } from './support/faults.ts';
import { HookedStore } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';
import { engineLock, lockOf, observer, processOf } from './support/owner.ts';
import { quickPatience } from './support/quick-patience.ts';
import { freeRecord, ownedRecord, putRecord } from './support/records.ts';
import { bodyOf, pending, provider, raw, root, stack } from './support/recovery.ts';
import { trusted } from './support/declared.ts';

const network = 'example';
const key = durableLockKey(stack);
const now = Date.parse('2030-01-01T00:00:00Z');

let bucket: MemoryStore;
beforeEach(() => {
  bucket = new MemoryStore();
});

const requestOf = (store: ObjectStore) => ({ store, network, patience: quickPatience(2), now: () => now, wait: () => Promise.resolve() });

const recoveryOf = (process: string, run = 'r1'): LockRecord =>
  lockOf(stack, run, { ...processOf(process), operation: 'recover', recovery: process });

const killed: Doubt = { source: 'exit', text: 'killed' };

/** A run that died while its engine was at work; what stands in its lock's place is said. */
function interruptedRun(lock?: LockRecord | '{' | 'gone'): void {
  putRecord(bucket, ownedRecord(stack, 'running', { owner: lockOf(stack, 'r1') }));
  // As after a provider that was killed: the record alone says that something is in doubt.
  bucket.set(checkpointKey(stack), bodyOf());
  if (lock === 'gone') return;
  bucket.set(key, lock === '{' ? lock : writeLock(lock ?? lockOf(stack, 'r1')));
}

/** What plain pulumi left behind, with no record of Holdfast's. */
const leftByPulumi = (): void => void bucket.set(checkpointKey(stack), bodyOf([], [pending('creating', raw('vpc'))]));

/** What a command that comes now makes of the stack; every process is dead. */
async function standings() {
  const { states } = await readStates(bucket, network, trusted);
  return readStandings({ store: bucket, network, states, ...observer(() => false), now: () => now });
}

const standing = async (): Promise<Standing> => (await standings()).byStack.get(stack) ?? { kind: 'free' };

/** As the command does it, by a process of this name. */
async function takeOver(process: string, store: ObjectStore = bucket): Promise<Claiming> {
  const seen = await standings();
  const held = seen.byStack.get(stack);
  if (held?.kind !== 'held') throw new Error(`the stack is ${held?.kind ?? 'unknown'}`);
  return takeOverHeld(recoveryOf(process), seen.records.get(stack) ?? stack, held.doubts, 'process-dead', requestOf(store));
}

async function seen(): Promise<HeldRecord> {
  const read = await readRecord(bucket, stack);
  if (read.kind !== 'there') throw new Error(`the record is ${read.kind}`);
  return read;
}
const record = async (): Promise<StackRecord> => (await seen()).record;
const lockNow = async (): Promise<LockRecord | undefined> => {
  const [lock] = await standingLocks(bucket, network);
  return lock?.content.kind === 'holdfast' ? lock.content.record : undefined;
};
const epochOf = (taking: Claiming): number | undefined => (taking.ok ? taking.claim.as.epoch : undefined);
const whyOf = (taking: Claiming): string =>
  taking.ok ? 'ok' : taking.reason === 'record' ? taking.refusal : taking.heldBy.map(describeLock).join('; ');

describe('a stack that is taken over', () => {
  it('is the recovery’s, at the next epoch, and its lock never leaves its place', async () => {
    interruptedRun();
    expect(epochOf(await takeOver('rec-1'))).toBe(2);
    expect(await lockNow()).toMatchObject({ nonce: 'rec-1', operation: 'recover', epoch: 2, run: 'r1' });
    expect((await bucket.versions(key)).filter(({ etag }) => etag === undefined)).toEqual([]);
  });

  it('says so in its record before its lock is touched, and stays held', async () => {
    interruptedRun();
    const store = new HookedStore(bucket);
    await takeOver('rec-1', store);
    expect(store.calls.filter(({ op }) => op === 'put').map((call) => call.key)[0]).toBe(recordKey(stack));
    expect(await record()).toMatchObject({ phase: 'recovering', epoch: 2, owner: { nonce: 'rec-1' }, run: { by: { nonce: 'r1' } } });
    expect((await standing()).kind).toBe('held');
  });

  it('by one recovery after another has an epoch of its own each time', async () => {
    interruptedRun();
    for (const [process, epoch] of [
      ['rec-1', 2],
      ['rec-2', 3],
      ['rec-3', 4],
    ] as const)
      expect(epochOf(await takeOver(process))).toBe(epoch);
    expect(await record()).toMatchObject({ owners: ['r1', 'rec-1', 'rec-2', 'rec-3'].map(processOf) });
  });

  it('comes with all that its owner had written, and every doubt of it', async () => {
    interruptedRun();
    putRecord(bucket, ownedRecord(stack, 'held', { owner: lockOf(stack, 'r1'), doubts: [killed] }));
    const taking = await takeOver('rec-1');
    expect(taking).toMatchObject({ ok: true, before: { record: { phase: 'held', epoch: 1, doubts: [killed] } } });
    expect(await record()).toMatchObject({ phase: 'recovering', doubts: [killed] });
  });

  it('by a recovery that died before it could put its lock has that lock’s epoch no second time', async () => {
    interruptedRun();
    putRecord(bucket, ownedRecord(stack, 'recovering', { owner: recoveryOf('rec-1'), epoch: 4 }));
    expect(epochOf(await takeOver('rec-2'))).toBe(5);
    expect(await lockNow()).toMatchObject({ nonce: 'rec-2', epoch: 5 });
  });
});

describe('a lock in the place of the one that is taken over', () => {
  it('that cannot be read goes', async () => {
    interruptedRun('{');
    expect(epochOf(await takeOver('rec-1'))).toBe(2);
    expect(await lockNow()).toMatchObject({ nonce: 'rec-1', epoch: 2 });
  });

  it('that cannot be read goes also where no run of Holdfast has the stack open', async () => {
    leftByPulumi();
    bucket.set(key, '{');
    expect(await takeOver('rec-1')).toMatchObject({ ok: true });
    expect(await lockNow()).toMatchObject({ nonce: 'rec-1' });
  });

  it('that a newer Holdfast wrote is left alone, and the stack stays held', async () => {
    interruptedRun(lockOf(stack, 'r1', { schema: 99 }));
    const etag = bucket.head(key)?.etag;
    expect(whyOf(await takeOver('rec-1'))).toMatch(/it was written by a newer Holdfast \(schema 99\)/);
    expect(bucket.head(key)?.etag).toBe(etag);
    expect([(await record()).phase, (await standing()).kind]).toEqual(['held', 'held']);
  });

  it('of a later epoch is of no owner where the record knows none, and goes', async () => {
    interruptedRun(lockOf(stack, 'forged', { epoch: 1e9 }));
    expect(epochOf(await takeOver('rec-1'))).toBe(2);
    expect(await lockNow()).toMatchObject({ nonce: 'rec-1', epoch: 2 });
  });

  it('of a later owner is left alone: its record was written before its lock', async () => {
    interruptedRun();
    const store = new HookedStore(bucket);
    store.before = ({ op, key: of }) => {
      if (op !== 'get' || of !== key || bucket.head(key)?.etag === later) return;
      putRecord(bucket, ownedRecord(stack, 'recovering', { owner: recoveryOf('rec-9'), epoch: 9 }));
      later = bucket.set(key, writeLock({ ...recoveryOf('rec-9'), epoch: 9 }));
    };
    let later: string | undefined;
    const before = await seen();
    expect(await takeOverStack(recoveryOf('rec-1'), before, 'process-dead', requestOf(store))).toMatchObject({ ok: false });
    expect(await lockNow()).toMatchObject({ nonce: 'rec-9', epoch: 9 });
    expect(await record()).toMatchObject({ phase: 'recovering', owner: { nonce: 'rec-9' } });
  });
});

describe('a foreign lock beside it', () => {
  it.each([
    ['of plain pulumi', JSON.stringify(engineLock), /locked by plain pulumi, bob@laptop/],
    ['that is no lock', '{', /locked by an object that is no lock/],
  ])('%s keeps the recovery out, and the stack is held as before', async (_, body, why) => {
    interruptedRun();
    putRecord(bucket, ownedRecord(stack, 'held', { owner: lockOf(stack, 'r1'), doubts: [killed] }));
    const foreign = `${lockFolder(stack)}1f.json`;
    bucket.set(foreign, body);
    expect(whyOf(await takeOver('rec-1'))).toMatch(why);
    expect(bucket.bodyOf(foreign)).toBe(body);
    expect(await record()).toMatchObject({ phase: 'held', doubts: [killed], run: { by: { nonce: 'r1' } } });
    expect((await standing()).kind).toBe('held');
  });
});

describe('a takeover of a record that another process has written since it was looked at', () => {
  const others: readonly (readonly [string, StackRecord])[] = [
    ['another recovery, which is at work on it', ownedRecord(stack, 'recovering', { owner: recoveryOf('other'), epoch: 2 })],
    ['another recovery, which left it held', ownedRecord(stack, 'held', { owner: recoveryOf('other'), epoch: 2 })],
    ['a run that has claimed it since', ownedRecord(stack, 'claimed', { owner: lockOf(stack, 'r2', { epoch: 3 }) })],
    ['a run whose engine is at work by now', ownedRecord(stack, 'running', { owner: lockOf(stack, 'r2', { epoch: 3 }) })],
    ['nobody any more', freeRecord(stack, { kind: 'absent' }, { epoch: 2 })],
  ];

  it.each(others)('leaves the stack to its owner of now: %s', async (_, theirs) => {
    interruptedRun();
    const before = await seen();
    const etag = putRecord(bucket, theirs);
    const taking = await takeOverStack(recoveryOf('rec-1'), before, 'process-dead', requestOf(bucket));
    expect(taking).toMatchObject({ ok: false, reason: 'record', now: { etag } });
    expect([bucket.head(recordKey(stack))?.etag, (await lockNow())?.nonce]).toEqual([etag, 'r1']);
  });

  it('goes on where its owner wrote down what it did, and then died: that counts too', async () => {
    interruptedRun();
    const before = await seen();
    const dying = await swap(before, { type: 'hold', as: { epoch: 1, nonce: 'r1' }, doubts: [killed] }, requestOf(bucket));
    expect(dying.ok).toBe(true);
    const taking = await takeOverStack(recoveryOf('rec-1'), before, 'process-dead', requestOf(bucket));
    expect(taking).toMatchObject({ ok: true, before: { record: { phase: 'held', doubts: [killed] } } });
    expect(await record()).toMatchObject({ phase: 'recovering', epoch: 2, doubts: [killed] });
  });

  it('goes on where it was only frozen, and keeps the freeze', async () => {
    interruptedRun();
    const before = await seen();
    await swap(before, { type: 'freeze', by: lockOf(stack, 'f', { operation: 'freeze', incident: 'INC-1' }) }, requestOf(bucket));
    expect(epochOf(await takeOverStack(recoveryOf('rec-1'), before, 'process-dead', requestOf(bucket)))).toBe(2);
    expect(await record()).toMatchObject({ phase: 'recovering', frozen: { incident: 'INC-1' } });
  });

  it('frees no stack that a run has claimed since its dead owner was seen', async () => {
    putRecord(bucket, ownedRecord(stack, 'claimed', { owner: lockOf(stack, 'r1') }));
    const left = await standings();
    expect(left.byStack.get(stack)?.kind).toBe('left');
    const etag = putRecord(bucket, ownedRecord(stack, 'claimed', { owner: lockOf(stack, 'r2', { epoch: 2 }) }));
    const told: string[] = [];
    const lockRecord = (): LockRecord => lockOf(stack, 'tidy');
    await endLeftLocks({ store: bucket, network, standings: left, lockRecord, now: () => now, onNote: (note) => void told.push(note) });
    expect([bucket.head(recordKey(stack))?.etag, told]).toEqual([etag, []]);
  });
});

describe('a lock that is gone', () => {
  beforeEach(() => {
    interruptedRun('gone');
  });

  it('is put, at an epoch after all that the run had', async () => {
    expect(epochOf(await takeOver('rec-1'))).toBe(2);
    expect(await lockNow()).toMatchObject({ nonce: 'rec-1', epoch: 2 });
  });

  it('and was taken over before is put at an epoch after that', async () => {
    expect(epochOf(await takeOver('rec-1'))).toBe(2);
    bucket.delete(key);
    expect(epochOf(await takeOver('rec-2'))).toBe(3);
    expect(await lockNow()).toMatchObject({ nonce: 'rec-2', epoch: 3 });
  });

  it('leaves the stack held from the first write of the recovery on', async () => {
    const store = new HookedStore(bucket);
    const kinds: string[] = [];
    store.after = async ({ op }) => {
      if (op === 'put') kinds.push((await standing()).kind);
    };
    await takeOver('rec-1', store);
    expect([kinds.length > 1, new Set(kinds)]).toEqual([true, new Set(['held'])]);
  });

  it('does not make the recovery’s own word pass for the end of the run’s engine', async () => {
    const taking = await takeOver('rec-1');
    if (taking.ok) await taking.claim.write({ type: 'hold', as: taking.claim.as, doubts: [{ source: 'recovery', text: 'no luck' }] });
    expect(interruptedFrom(await record(), stack, 'rec-2')).toMatchObject({ engineEndedAt: undefined, process: { nonce: 'r1' } });
  });
});

describe('a stack that no run of Holdfast has open', () => {
  it('is locked by the recovery, and its record says that it was held, and why', async () => {
    leftByPulumi();
    expect(await takeOver('rec-1')).toMatchObject({
      ok: true,
      before: { record: { phase: 'held', doubts: [{ text: 'CreateVpc outcome unknown' }] } },
    });
    expect(await record()).toMatchObject({ phase: 'recovering', doubts: [{ text: 'CreateVpc outcome unknown' }] });
    expect(await record()).not.toHaveProperty('run');
  });

  it('is held from its claim on: a recovery that died there is no word of who is at work on it', async () => {
    leftByPulumi();
    putRecord(bucket, ownedRecord(stack, 'claimed', { owner: recoveryOf('rec-1', 'rec-1') }));
    expect(await standing()).toMatchObject({ kind: 'held', doubts: [{ text: 'CreateVpc outcome unknown' }] });
    expect(await standing()).not.toHaveProperty('run');
    expect(interruptedFrom(await record(), stack, 'rec-2')).toMatchObject({ process: undefined, engineStarted: true });
  });

  it('is not taken where a run came in between', async () => {
    leftByPulumi();
    const etag = putRecord(bucket, ownedRecord(stack, 'running', { owner: lockOf(stack, 'r2') }));
    const taking = await takeOverHeld(recoveryOf('rec-1'), stack, [], 'person', requestOf(bucket));
    expect([whyOf(taking), bucket.head(recordKey(stack))?.etag, await lockNow()]).toEqual(['not-free', etag, undefined]);
  });
});

/** Whatever happens at a takeover: the stack stays held for the next command, which gets it. */
describe.each<readonly [string, () => void]>([
  ['a takeover', () => interruptedRun()],
  ['a takeover of a lock that is gone', () => interruptedRun('gone')],
  ['a takeover of a lock that cannot be read', () => interruptedRun('{')],
  ['a takeover of what plain pulumi left', leftByPulumi],
  [
    'a takeover of a checkpoint of which there is no record',
    () => void bucket.set(checkpointKey(stack), bodyOf([root, provider, raw('vpc')])),
  ],
])('%s', (_, prepare) => {
  it.each(triedFaults)('loses nothing, at whatever call %s', async (fault) => {
    prepare();
    const counting = new HookedStore(bucket);
    await takeOver('rec-1', counting);
    expect(counting.calls.length).toBeGreaterThan(2);
    for (let number = 1; number <= counting.calls.length; number += 1) {
      bucket = new MemoryStore();
      prepare();
      const store = new HookedStore(bucket);
      const died = breakAt(store, number, fault);
      const taking = takeOver('rec-1', store).catch((cause: unknown) => String(cause));
      const ended = await Promise.race([taking, ...(faults[fault].how === 'hang' ? [died.then(() => 'died')] : [])]);
      for (let turn = 0; turn < 5; turn += 1) await settled();
      const { op, key: called } = counting.calls[number - 1] ?? { op: '', key: '' };
      const where = `call ${number} (${op} ${called}), ${fault}: ${typeof ended === 'string' ? ended : whyOf(ended)}`;
      expect((await standing()).kind, where).toBe('held');
      const read = await readRecord(bucket, stack);
      const before = Math.max((await lockNow())?.epoch ?? 0, read.kind === 'there' ? read.record.epoch : 0);
      const next = await takeOver('rec-2');
      expect(whyOf(next), where).toBe('ok');
      expect(epochOf(next), where).toBeGreaterThan(before);
      expect(await lockNow(), where).toMatchObject({ nonce: 'rec-2', epoch: epochOf(next) });
      expect((await standing()).kind, where).toBe('held');
    }
  });
});
