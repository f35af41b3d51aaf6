import { beforeEach, describe, expect, it } from 'vitest';
import { describeLock, lockGoneSince, projectLock, putBack, releaseLock, standingLocks } from '../../orchestrator/locks/durable-locks.ts';
import type { StandingLock, Taking } from '../../orchestrator/locks/durable-locks.ts';
import { readLock, writeLock } from '../../orchestrator/locks/lock-record.ts';
import { claimStack, takeOverStack } from '../../orchestrator/ownership/claim.ts';
import type { Claim } from '../../orchestrator/ownership/claim.ts';
import { readRecord } from '../../orchestrator/ownership/records.ts';
import { durableLockKey, lockFolder, recordKey, schemaVersion } from '../../orchestrator/state/layout.ts';
import type { ObjectStore } from '../../orchestrator/state/object-store.ts';
import { nightly } from '../support/tier.ts';
import { breakAt, faults } from './support/faults.ts';
import type { Fault } from './support/faults.ts';
import type { Hook, StoreCall } from './support/hooked-store.ts';
import { HookedStore } from './support/hooked-store.ts';
import { inEveryOrder } from './support/interleavings.ts';
import type { Actor } from './support/interleavings.ts';
import { MemoryStore } from './support/memory-store.ts';
import { engineLock, lockOf } from './support/owner.ts';
import { quickPatience } from './support/quick-patience.ts';
import { ownedRecord, putRecord } from './support/records.ts';

const stack = 'example.vpc.a';
const ours = durableLockKey(stack);
const foreign = `${lockFolder(stack)}0b1c.json`;

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

const noWait = (): Promise<void> => Promise.resolve();
type Waits = (milliseconds: number) => Promise<unknown>;
const take = (run: string, over: ObjectStore = store, wait: Waits = noWait, epoch = 1, patience = quickPatience(2)): Promise<Taking> =>
  projectLock(over, 'example', lockOf(stack, run, { epoch }), { wait, patience });

async function taken(run = 'one', epoch = 1) {
  const taking = await take(run, store, noWait, epoch);
  if (!taking.ok) throw new Error('expected the lock to be taken');
  return taking.lock;
}

const release = (lock: { readonly stack: string; readonly etag: string }, over: ObjectStore = store, patience = quickPatience(2)) =>
  releaseLock(over, lock, patience);

/** What a lock says, but for what each put makes up. */
const contentOf = async (over: ObjectStore = store): Promise<unknown> => {
  const content = (await standingLocks(over, 'example')).find(({ key }) => key === ours)?.content;
  if (content?.kind !== 'holdfast') return content;
  const { put, ...record } = content.record;
  expect(put).toEqual(expect.any(String));
  return record;
};

describe('a lock that is taken', () => {
  it('stands in the bucket with who has it', async () => {
    await taken();
    expect(store.keys()).toEqual([ours]);
    expect(await contentOf()).toEqual(lockOf(stack, 'one'));
  });

  it('has a content of its own each time, so that no version of it comes twice', async () => {
    store.etags = 'of-content';
    const { etag } = await taken();
    expect((await taken()).etag).not.toBe(etag);
  });

  it('is put before anything is listed', async () => {
    const hooked = new HookedStore(store);
    await take('one', hooked);
    expect(hooked.calls.map(({ op }) => op)).toEqual(['put', 'list']);
  });

  it('comes with the locks of plain pulumi on other stacks of the network, of that moment: of its own the records tell', async () => {
    store.set(durableLockKey('example.gateway'), writeLock(lockOf('example.gateway', 'theirs')));
    store.set(`${lockFolder('example.vpc.b')}1.json`, engineLock);
    store.set(durableLockKey('example-two.vpc.a'), writeLock(lockOf('example-two.vpc.a', 'theirs')));
    expect(await take('one')).toMatchObject({
      ok: true,
      others: [{ stack: 'example.vpc.b', content: { kind: 'engine' } }],
    });
  });

  it('is gone when it is released', async () => {
    await release(await taken());
    expect(store.keys()).toEqual([]);
  });
});

describe('a lock of ours that stands in its place', () => {
  it.each([
    ['of an owner before', 1],
    ['of the same epoch, which the record had given to this one', 2],
  ])('is written over, and the folder is never empty: %s', async (_, epoch) => {
    await taken('theirs', epoch);
    const hooked = new HookedStore(store);
    expect((await take('one', hooked, noWait, 2)).ok).toBe(true);
    expect(await contentOf()).toEqual(lockOf(stack, 'one', { epoch: 2 }));
    expect(hooked.calls.map(({ op }) => op)).not.toContain('remove');
  });

  it('of a later owner keeps this one out, which says who has it', async () => {
    await taken('theirs', 3);
    const theirs = store.bodyOf(ours);
    expect(await take('one', store, noWait, 2)).toMatchObject({ ok: false, heldBy: [{ stack, content: { record: { run: 'theirs' } } }] });
    expect(store.bodyOf(ours)).toBe(theirs);
  });

  it('of an owner before that goes in the same moment does not matter: the record says whose the stack is', async () => {
    const theirs = await taken('theirs');
    const hooked = new HookedStore(store);
    hooked.after = async ({ op, number }) => {
      if (op === 'put' && number === 1) await release(theirs);
    };
    expect((await take('one', hooked, noWait, 2)).ok).toBe(true);
    expect(await contentOf()).toEqual(lockOf(stack, 'one', { epoch: 2 }));
  });

  it('is put again where it was removed before the folder was listed', async () => {
    const hooked = new HookedStore(store);
    hooked.before = ({ op, number }) => {
      if (op === 'list' && number === 2) store.delete(ours);
    };
    const taking = await take('one', hooked);
    expect(taking).toMatchObject({ ok: true, lock: { etag: store.head(ours)?.etag } });
    expect(hooked.calls.map(({ op }) => op)).toEqual(['put', 'list', 'put', 'list']);
  });

  it('keeps this one out where a later owner put it before the folder was listed', async () => {
    const hooked = new HookedStore(store);
    hooked.before = async ({ op }) => {
      if (op === 'list') await taken('theirs', 2);
    };
    expect(await take('one', hooked)).toMatchObject({ ok: false, heldBy: [{ content: { record: { run: 'theirs' } } }] });
    expect(await contentOf()).toEqual(lockOf(stack, 'theirs', { epoch: 2 }));
  });

  it.each(['{', JSON.stringify({ schema: 7 }), ''])('keeps it out also where it cannot be read: %j', async (body) => {
    store.set(ours, body);
    expect(await take('one')).toMatchObject({ ok: false, heldBy: [{ content: { kind: 'unreadable' } }] });
    expect(store.bodyOf(ours)).toBe(body);
  });
});

describe("Pulumi's own lock on the stack", () => {
  it('that is gone at a second look does not matter', async () => {
    store.set(foreign, engineLock);
    const waits: number[] = [];
    const taking = await take('one', store, (milliseconds) => {
      if (waits.push(milliseconds) === 2) store.delete(foreign);
      return Promise.resolve();
    });
    expect([taking.ok, waits, store.keys()]).toEqual([true, [100, 200], [ours]]);
  });

  it('that stays keeps this run out: theirs is told, and ours, which the record takes away', async () => {
    store.set(foreign, engineLock);
    const waits: number[] = [];
    const taking = await take('one', store, (milliseconds) => Promise.resolve(waits.push(milliseconds)));
    const put = store.head(ours)?.etag;
    expect(taking).toMatchObject({ ok: false, put, heldBy: [{ key: foreign, content: { kind: 'engine', engine: engineLock } }] });
    expect([waits, store.keys()]).toEqual([
      [100, 200, 400, 800, 1500],
      [foreign, ours],
    ]);
  });

  it('that a dead process has left is no reason to give way, and another one is', async () => {
    const beside = [store.set(foreign, engineLock)];
    const over = (more: readonly string[]) =>
      projectLock(store, 'example', lockOf(stack, 'one'), { wait: noWait, patience: quickPatience(2), beside: more });
    expect((await over(beside)).ok).toBe(true);
    store.set(`${lockFolder(stack)}later.json`, engineLock);
    expect(await over(beside)).toMatchObject({ ok: false, heldBy: [{ key: `${lockFolder(stack)}later.json` }] });
  });

  it('counts under any name, and whatever it says', async () => {
    store.set(`${lockFolder(stack)}anything`, 'odd');
    expect(await take('one')).toMatchObject({ ok: false, heldBy: [{ content: { kind: 'unreadable' } }] });
  });

  it.each([
    ['in a folder below is none', `${lockFolder(stack)}below/1.json`],
    ['on another stack is none', `${lockFolder('example.vpc.ab')}1.json`],
    ['of a network whose name only begins so is none', `${lockFolder('example-two.vpc.a')}1.json`],
    ['that is only a folder is none', `${lockFolder(stack)}empty/`],
  ])('%s', async (_, key) => {
    store.set(key, engineLock);
    expect((await take('one')).ok).toBe(true);
  });

  it('beside which ours was replaced meanwhile is left with that one', async () => {
    store.set(foreign, engineLock);
    const theirs = writeLock(lockOf(stack, 'theirs', { epoch: 2 }));
    const claiming = await claimFor('one', store, () => Promise.resolve(store.set(ours, theirs)));
    expect([claiming.ok, store.bodyOf(ours)]).toEqual([false, theirs]);
  });
});

const claimFor = (run: string, over: ObjectStore = store, wait: Waits = noWait, seconds = 2) =>
  claimStack(lockOf(stack, run), stack, { store: over, network: 'example', patience: quickPatience(seconds), wait, now: () => 0 });

/** The one who comes later, and whom a person tells that the one before is dead. */
async function nextOwner(run: string): Promise<Claim> {
  const read = await readRecord(store, stack);
  const request = { store, network: 'example', patience: quickPatience(2), wait: noWait, now: () => 0 };
  const claiming =
    read.kind === 'there' && read.record.phase === 'claimed'
      ? await takeOverStack(lockOf(stack, run, { operation: 'recover' }), read, 'nothing-started', request)
      : await claimStack(lockOf(stack, run), read, request);
  if (!claiming.ok) throw new Error(`expected the stack to be free: ${claiming.reason}`);
  return claiming.claim;
}

describe('a bucket that fails while a stack is claimed', () => {
  const dying = Object.entries(faults).flatMap(([name, { how }]) => (how === 'throw' ? [name as Fault] : []));

  it.each(dying)('leaves nothing that the next owner has to ask of, at whichever call %s', async (fault) => {
    for (let number = 1; ; number += 1) {
      store = new MemoryStore();
      const hooked = new HookedStore(store);
      void breakAt(hooked, number, fault);
      const claiming = await claimFor('one', hooked, noWait, 0).catch(() => undefined);
      if (hooked.calls.length < number) {
        expect(claiming?.ok).toBe(true);
        break;
      }
      const read = await readRecord(store, stack);
      // Given back where that could be written; else claimed, and a takeover of a claim asks nothing.
      expect(['free', 'claimed', 'none'], `call ${number}`).toContain(read.kind === 'there' ? read.record.phase : read.kind);
      const { lock } = await nextOwner('two');
      expect([store.head(ours)?.etag, lock().record.run], `call ${number}`).toEqual([lock().etag, 'two']);
    }
  });

  it('gives the stack back where only the lock could not be put', async () => {
    const hooked = new HookedStore(store);
    hooked.before = ({ key }) => (key === ours ? Promise.reject(new Error('ECONNRESET')) : undefined);
    await expect(claimFor('one', hooked, noWait, 0)).rejects.toThrow('ECONNRESET');
    expect([store.keys(), await readRecord(store, stack)]).toMatchObject([[recordKey(stack)], { record: { phase: 'free', epoch: 1 } }]);
  });

  it.each(dying)('leaves no lock of ours beside one of plain pulumi where it was told to give way, at whichever call %s', async (fault) => {
    for (let number = 1; ; number += 1) {
      store = new MemoryStore();
      store.set(foreign, engineLock);
      const hooked = new HookedStore(store);
      void breakAt(hooked, number, fault);
      const claiming = await claimFor('one', hooked).catch(() => undefined);
      if (claiming !== undefined) expect([claiming.ok, store.keys().includes(ours)], `call ${number}`).toEqual([false, false]);
      if (hooked.calls.length < number) break;
    }
  });

  it('keeps the lock that it had put, where only the reply was lost', async () => {
    const hooked = new HookedStore(store);
    void breakAt(hooked, 1, 'the reply is lost');
    const taking = await take('one', hooked);
    expect(taking).toMatchObject({ ok: true, lock: { etag: (await store.get(ours))?.etag } });
  });

  /** Answers SlowDown to calls of this kind for the first 45 s of the clock by which the patience goes. */
  const slow = (wanted: StoreCall['op'], isDoneAnyway = false) => {
    const patience = quickPatience(90);
    const now = patience.now ?? Date.now;
    const hooked = new HookedStore(store);
    const refuse: Hook = ({ op }) => {
      if (op === wanted && now() < 45_000) throw new Error('SlowDown');
    };
    if (isDoneAnyway) hooked.after = refuse;
    else hooked.before = refuse;
    return { hooked, patience };
  };

  it.each([
    ['put', false],
    ['put', true],
    ['list', false],
  ] as const)('for 45 s is waited for, as at every other write (%s, the reply alone lost: %s)', async (op, isReplyLost) => {
    const { hooked, patience } = slow(op, isReplyLost);
    const taking = await take('one', hooked, noWait, 1, patience);
    expect(taking).toMatchObject({ ok: true, lock: { etag: (await store.get(ours))?.etag } });
  });

  it.each([false, true])('for 45 s while a lock is taken over is waited for (the reply alone lost: %s)', async (isReplyLost) => {
    await taken();
    const { hooked, patience } = slow('put', isReplyLost);
    const taking = await take('two', hooked, noWait, 2, patience);
    expect(taking).toMatchObject({ ok: true, lock: { etag: store.head(ours)?.etag, record: { run: 'two' } } });
  });

  it.each([false, true])('for 45 s while a lock is released is waited for (the reply alone lost: %s)', async (isReplyLost) => {
    const lock = await taken();
    const { hooked, patience } = slow('remove', isReplyLost);
    expect(await release(lock, hooked, patience)).toEqual({ done: true });
    expect(store.keys()).toEqual([]);
  });

  it('for good throws', async () => {
    const hooked = new HookedStore(store);
    void breakAt(hooked, 1, 'the bucket is gone from there on');
    await expect(take('one', hooked)).rejects.toThrow('ECONNRESET');
  });
});

/** Who is at work on the stack, by name; more than one at once is what the lock is there against. */
class AtWork {
  readonly #now = new Set<string>();
  clash: string | undefined;
  readonly had: string[] = [];
  enter(name: string): void {
    this.#now.add(name);
    this.had.push(name);
    if (this.#now.size > 1) this.clash ??= [...this.#now].join(' and ');
  }
  leave(name: string): void {
    this.#now.delete(name);
  }
}

/** The lock protocol of plain pulumi. https://github.com/pulumi/pulumi pkg/backend/diy/lock.go */
const plainPulumi =
  (atWork: AtWork): Actor =>
  async (over) => {
    const key = `${lockFolder(stack)}1f.json`;
    const seesOther = async (): Promise<boolean> =>
      (await over.list(lockFolder(stack))).some(
        (object) => object.key !== key && !object.key.slice(lockFolder(stack).length).includes('/'),
      );
    if (await seesOther()) return;
    const put = await over.put(key, JSON.stringify(engineLock), { only: 'always' });
    if (!put.done) throw new Error('a put without a condition is done');
    // Until its lock goes: each call more is many orders more.
    if (!(await seesOther())) atWork.enter('pulumi');
    await over.remove(key, put.etag);
    atWork.leave('pulumi');
  };

const aRun =
  (atWork: AtWork, name: string): Actor =>
  async (over) => {
    const claiming = await claimFor(name, over);
    if (!claiming.ok) return;
    const { as, write, dropLock } = claiming.claim;
    atWork.enter(name);
    await write({ type: 'give-back', as });
    atWork.leave(name);
    await dropLock();
  };

/** A recovery of a held stack, which leaves it held. */
const aRecovery =
  (atWork: AtWork, name: string): Actor =>
  async (over) => {
    const seen = await readRecord(over, stack);
    if (seen.kind !== 'there') throw new Error('expected a record');
    const request = { store: over, network: 'example', patience: quickPatience(2), wait: noWait, now: () => 0 };
    const claiming = await takeOverStack(lockOf(stack, name, { operation: 'recover' }), seen, 'process-dead', request);
    if (!claiming.ok) return;
    atWork.enter(name);
    await over.list('work');
    atWork.leave(name);
    await claiming.claim.write({ type: 'hold', as: claiming.claim.as, doubts: [] });
  };

describe('in every order of their calls', () => {
  interface Line {
    /** Before any of them begins. */
    readonly start?: (bucket: MemoryStore) => void;
    readonly make: (atWork: AtWork) => readonly Actor[];
    /** Whether one of them has to come to work: plain pulumi and a run may each give way to the other. */
    readonly someone: boolean;
    readonly left: readonly string[];
    /** Calls of which the order is tried. A read alone decides nothing. */
    readonly counts?: (call: StoreCall) => boolean;
  }

  const neverTwo = ({ start, make, someone, left, counts }: Line) =>
    inEveryOrder((bucket) => {
      start?.(bucket);
      const atWork = new AtWork();
      return {
        actors: make(atWork),
        check: (order) => {
          expect(atWork.clash, order).toBeUndefined();
          if (someone) expect(atWork.had, order).not.toEqual([]);
          expect(
            bucket.keys().filter((key) => key !== recordKey(stack)),
            order,
          ).toEqual(left);
        },
      };
    }, counts);

  const held = (bucket: MemoryStore): void => {
    putRecord(bucket, ownedRecord(stack, 'held', { owner: lockOf(stack, 'held') }));
  };
  const heldAndLocked = (bucket: MemoryStore): void => {
    held(bucket);
    bucket.set(ours, writeLock(lockOf(stack, 'held')));
  };
  const back: Actor = async (over) => {
    await putBack(over, lockOf(stack, 'held'), 0);
  };

  it('a run and plain pulumi are never both at work, and leave no lock', async () => {
    const orders = await neverTwo({ make: (atWork) => [aRun(atWork, 'one'), plainPulumi(atWork)], someone: false, left: [] });
    expect(orders).toBeGreaterThan(100);
  });

  it('two runs are never both at work, one of them is, and they leave no lock', async () => {
    const orders = await neverTwo({ make: (atWork) => [aRun(atWork, 'one'), aRun(atWork, 'two')], someone: true, left: [] });
    expect(orders).toBeGreaterThan(10);
  });

  nightly(
    'two runs and plain pulumi are never more than one at work, and leave no lock',
    async () => {
      const orders = await neverTwo({
        make: (atWork) => [aRun(atWork, 'one'), aRun(atWork, 'two'), plainPulumi(atWork)],
        someone: false,
        left: [],
        // When a run's lock goes is tried against every other call by the two tests above.
        counts: ({ op, key }) => op !== 'get' && !(op === 'remove' && key === ours),
      });
      expect(orders).toBeGreaterThan(1000);
    },
    60_000,
  );

  it('two recoveries of a held stack are never both at work, one of them is, and its lock stands', async () => {
    const orders = await neverTwo({
      start: heldAndLocked,
      make: (atWork) => [aRecovery(atWork, 'one'), aRecovery(atWork, 'two')],
      someone: true,
      left: [ours],
    });
    expect(orders).toBeGreaterThan(5);
  });

  it('a recovery and plain pulumi are never both at work, and the lock of the recovery stands', async () => {
    const orders = await neverTwo({
      start: heldAndLocked,
      make: (atWork) => [aRecovery(atWork, 'one'), plainPulumi(atWork)],
      someone: true,
      left: [ours],
    });
    expect(orders).toBeGreaterThan(5);
  });

  it('a lock that is put back and another run are never both in', async () => {
    const orders = await neverTwo({ start: held, make: (atWork) => [back, aRun(atWork, 'one')], someone: false, left: [ours] });
    expect(orders).toBeGreaterThan(0);
  });

  it('plain pulumi that looks last before a lock is put back goes on, and after it none comes in', async () => {
    let late = 0;
    await inEveryOrder((bucket) => {
      const atWork = new AtWork();
      let had: readonly string[] | undefined;
      return {
        actors: [
          async (over) => {
            await back(over);
            had ??= [...atWork.had];
          },
          plainPulumi(atWork),
        ],
        check: (order) => {
          if (had?.length === 0) late += 1;
          expect([atWork.had, bucket.keys()], order).toEqual([had, [ours]]);
        },
      };
    });
    expect(late).toBeGreaterThan(1);
  });

  it('a lock that two commands put back stands once', async () => {
    let both = 0;
    await inEveryOrder((bucket) => {
      let restored = 0;
      const one: Actor = async (over) => {
        if (await putBack(over, lockOf(stack, 'held'), 0)) restored += 1;
      };
      return {
        actors: [one, one],
        check: (order) => {
          both += 1;
          expect([restored, bucket.keys()], order).toEqual([1, [ours]]);
        },
      };
    });
    expect(both).toBeGreaterThan(1);
  });
});

describe('releasing', () => {
  it('leaves a lock alone that somebody put in its place, with the very same content too', async () => {
    const lock = await taken();
    const etag = store.set(ours, store.bodyOf(ours) ?? '');
    expect(await release(lock)).toEqual({ done: false, there: true });
    expect((await store.get(ours))?.etag).toBe(etag);
  });

  it('tells that a lock was gone already', async () => {
    const lock = await taken();
    store.delete(ours);
    expect(await release(lock)).toEqual({ done: false, there: false });
  });
});

describe('a lock that is put back', () => {
  const back = () => putBack(store, lockOf(stack, 'one'), Date.parse('2030-01-01T05:00:00Z'));

  it('says what it said, and that it was put back', async () => {
    await back();
    expect(await contentOf()).toEqual({ ...lockOf(stack, 'one'), restoredAt: '2030-01-01T05:00:00.000Z' });
  });

  it('has another version than before', async () => {
    const { etag } = await taken();
    store.delete(ours);
    expect((await back())?.etag).not.toBe(etag);
  });

  it.each([
    ['another lock', writeLock(lockOf(stack, 'theirs'))],
    ['what is no lock', 'odd'],
  ])('gives way to %s in its place, and leaves it as it is', async (_, body) => {
    const etag = store.set(ours, body);
    expect(await back()).toBeUndefined();
    expect(await store.list('')).toMatchObject([{ key: ours, etag }]);
  });

  it.each([
    ['a lock of plain pulumi', foreign, engineLock],
    ['what is no lock', `${lockFolder(stack)}odd`, 'odd'],
  ])('stands beside %s, which it leaves as it is: the stack wants one whoever else is in', async (_, key, body) => {
    const etag = store.set(key, body);
    expect(await back()).toMatchObject({ stack, etag: store.head(ours)?.etag });
    expect(store.head(key)?.etag).toBe(etag);
  });
});

describe('since when a lock is gone', () => {
  it('is when it was removed, by the clock of the bucket', async () => {
    await taken();
    store.modified = new Date('2030-01-01T03:00:00Z');
    store.delete(ours);
    expect(await lockGoneSince(store, stack)).toBe('2030-01-01T03:00:00.000Z');
  });

  it('is nothing while it stands, also where it had been gone', async () => {
    await taken();
    store.delete(ours);
    await taken('two');
    expect(await lockGoneSince(store, stack)).toBeUndefined();
  });

  it('is not known where there never was one', async () => {
    expect(await lockGoneSince(store, stack)).toBeUndefined();
  });

  it('is not that of another key that begins so', async () => {
    store.set(`${ours}.old`, 'x');
    store.delete(`${ours}.old`);
    expect(await lockGoneSince(store, stack)).toBeUndefined();
  });
});

describe('the locks that stand on a network', () => {
  it('are all of its stacks, and of no other network', async () => {
    for (const name of [stack, 'example.vpc.b', 'example-two.vpc.a']) store.set(durableLockKey(name), writeLock(lockOf(name, 'one')));
    store.set(foreign, engineLock);
    expect((await standingLocks(store, 'example')).map(({ key }) => key)).toEqual([foreign, ours, durableLockKey('example.vpc.b')]);
  });

  it('are without one that went since the listing', async () => {
    await taken();
    const hooked = new HookedStore(store);
    hooked.before = ({ op }) => {
      if (op === 'get') store.delete(ours);
    };
    expect(await standingLocks(hooked, 'example')).toEqual([]);
  });

  it.each([
    ['is not JSON', '{', 'not-json', /not JSON/],
    ['is empty', '', 'not-json', /not JSON/],
    ['is null', 'null', 'not-a-lock', /not a lock that Holdfast wrote/],
    ['is another object', '{"hello":1}', 'not-a-lock', /not a lock that Holdfast wrote/],
    ['is one of plain pulumi in our place', JSON.stringify(engineLock), 'not-a-lock', /not a lock that Holdfast wrote/],
    ['lacks an owner', JSON.stringify({ holdfast: { schema: 1, stack } }), 'not-a-lock', /not a lock that Holdfast wrote/],
    ['is of a newer schema', JSON.stringify({ holdfast: { ...lockOf(stack), schema: 2 } }), 'newer-schema', /newer Holdfast \(schema 2\)/],
    [
      'is of a newer schema and another shape',
      JSON.stringify({ holdfast: { schema: 7, held: [] } }),
      'newer-schema',
      /newer Holdfast \(schema 7\)/,
    ],
  ])('count also where one %s', async (_, body, reason, why) => {
    store.set(ours, body);
    const [lock] = await standingLocks(store, 'example');
    expect(lock?.content).toEqual({ kind: 'unreadable', reason, why: expect.stringMatching(why) as string });
  });
});

describe('a lock, as plain pulumi reads it', () => {
  const written = (different = {}) => JSON.parse(writeLock(lockOf(stack, 'one', different))) as Record<string, unknown>;

  it('has its process, host and time, and a user name that tells a person what to do', () => {
    expect(written()).toMatchObject({
      pid: 42,
      username: 'ada (Holdfast run one; do not run pulumi cancel, see: npm run status)',
      hostname: 'build-7',
      timestamp: '2030-01-01T00:00:00.000Z',
    });
  });

  it('that a person put has the incident', () => {
    expect(written({ operation: 'freeze', incident: 'INC-7' })['username']).toBe(
      'ada (frozen: INC-7; do not run pulumi cancel, see: npm run status)',
    );
  });

  it('is read back as it was', () => {
    const record = lockOf(stack, 'one', { ciLink: 'https://ci.example/1', restoredAt: '2030-01-01T05:00:00.000Z' });
    expect(readLock(writeLock(record), record.stack)).toEqual({ kind: 'holdfast', record });
  });

  it('is one of the engine under any other name', () => {
    expect(readLock(writeLock(lockOf(stack, 'one')), undefined)).toMatchObject({
      kind: 'engine',
      engine: { pid: 42, hostname: 'build-7' },
    });
  });

  it('names no secret', () => {
    expect(writeLock(lockOf(stack))).not.toMatch(/secret|token|password/i);
  });

  it('has the schema that this version writes', () => {
    expect(lockOf(stack).schema).toBe(schemaVersion);
  });
});

describe('a lock, for people', () => {
  const described = (content: StandingLock['content']): string =>
    describeLock({ stack, key: ours, etag: '"1"', since: new Date('2030-01-01T00:00:00Z'), content });

  it.each<readonly [string, StandingLock['content'], string]>([
    [
      'of a run says who, where, which run and since when',
      { kind: 'holdfast', record: lockOf(stack, 'one') },
      'example.vpc.a is locked by ada@build-7 (pid 42, run one, up) since 2030-01-01T00:00:00.000Z',
    ],
    [
      'of a job has its link',
      { kind: 'holdfast', record: lockOf(stack, 'one', { ciLink: 'https://ci.example/1' }) },
      'example.vpc.a is locked by ada@build-7 (pid 42, run one, up) since 2030-01-01T00:00:00.000Z, https://ci.example/1',
    ],
    [
      'of a person says why',
      { kind: 'holdfast', record: lockOf(stack, 'one', { operation: 'freeze', incident: 'INC-7' }) },
      'example.vpc.a is frozen by ada@build-7 since 2030-01-01T00:00:00.000Z, incident INC-7',
    ],
    [
      'of plain pulumi says so',
      { kind: 'engine', engine: engineLock },
      'example.vpc.a is locked by plain pulumi, bob@laptop (pid 7) since 2030-01-01T00:00:00Z',
    ],
    [
      'that cannot be read has its key, and why',
      { kind: 'unreadable', reason: 'not-json', why: 'it is not JSON' },
      `example.vpc.a is locked by an object that is no lock (${ours}: it is not JSON) since 2030-01-01T00:00:00.000Z`,
    ],
  ])('%s', (_, content, text) => {
    expect(described(content)).toBe(text);
  });
});
