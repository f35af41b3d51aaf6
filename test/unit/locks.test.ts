import { beforeEach, describe, expect, it } from 'vitest';
import {
  describeLock,
  lockGoneSince,
  putBack,
  releaseLock,
  standingLocks,
  takeLock,
  takeOver,
} from '../../orchestrator/locks/durable-locks.ts';
import type { StandingLock, Taking } from '../../orchestrator/locks/durable-locks.ts';
import { readLock, writeLock } from '../../orchestrator/locks/lock-record.ts';
import { durableLockKey, lockFolder, schemaVersion } from '../../orchestrator/state/layout.ts';
import type { ObjectStore } from '../../orchestrator/state/object-store.ts';
import { breakAt } from './support/faults.ts';
import type { Hook, StoreCall } from './support/hooked-store.ts';
import { HookedStore } from './support/hooked-store.ts';
import { inEveryOrder } from './support/interleavings.ts';
import type { Actor } from './support/interleavings.ts';
import { MemoryStore } from './support/memory-store.ts';
import { engineLock, lockOf } from './support/owner.ts';
import { quickPatience } from './support/quick-patience.ts';

const stack = 'example.vpc.a';
const ours = durableLockKey(stack);
const foreign = `${lockFolder(stack)}0b1c.json`;

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

const noWait = (): Promise<void> => Promise.resolve();
const take = (run: string, over: ObjectStore = store, wait: (milliseconds: number) => Promise<unknown> = noWait): Promise<Taking> =>
  takeLock(over, 'example', lockOf(stack, run), wait, quickPatience(2));

async function taken(run = 'one') {
  const taking = await take(run);
  if (!taking.ok) throw new Error('expected the lock to be taken');
  return taking.lock;
}

describe('a lock that is taken', () => {
  it('stands in the bucket with who has it', async () => {
    await taken();
    expect(store.keys()).toEqual([ours]);
    expect((await standingLocks(store, 'example'))[0]?.content).toEqual({ kind: 'holdfast', record: lockOf(stack, 'one') });
  });

  it('is put before anything is listed', async () => {
    const hooked = new HookedStore(store);
    await take('one', hooked);
    expect(hooked.calls.map(({ op }) => op)).toEqual(['put', 'list']);
  });

  it('comes with the other locks of the network, of that moment', async () => {
    store.set(durableLockKey('example.gateway'), writeLock(lockOf('example.gateway', 'theirs')));
    store.set(`${lockFolder('example.vpc.b')}1.json`, engineLock);
    store.set(durableLockKey('example-two.vpc.a'), writeLock(lockOf('example-two.vpc.a', 'theirs')));
    expect(await take('one')).toMatchObject({
      ok: true,
      others: [
        { stack: 'example.gateway', content: { kind: 'holdfast' } },
        { stack: 'example.vpc.b', content: { kind: 'engine' } },
      ],
    });
  });

  it('is gone when it is released', async () => {
    await releaseLock(store, await taken());
    expect(store.keys()).toEqual([]);
  });
});

describe('a lock of another run', () => {
  it.each(['another process', 'the same run in another process'])('keeps this one out, which says who has it: %s', async (who) => {
    const theirs = writeLock(lockOf(stack, 'one', { nonce: who }));
    store.set(ours, theirs);
    expect(await take('one')).toMatchObject({ ok: false, heldBy: [{ stack, content: { record: { run: 'one', nonce: who } } }] });
    expect(store.bodyOf(ours)).toBe(theirs);
  });

  it('that went in the same moment keeps it out too: what that run did is not known here', async () => {
    const theirs = await taken('theirs');
    const hooked = new HookedStore(store);
    hooked.after = async ({ op }) => {
      if (op === 'put') await releaseLock(store, theirs);
    };
    expect(await take('one', hooked)).toEqual({ ok: false, heldBy: [] });
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

  it('that stays keeps this run out: ours is taken away, and theirs is told', async () => {
    store.set(foreign, engineLock);
    const waits: number[] = [];
    const taking = await take('one', store, (milliseconds) => Promise.resolve(waits.push(milliseconds)));
    expect(taking).toMatchObject({ ok: false, heldBy: [{ key: foreign, content: { kind: 'engine', engine: engineLock } }] });
    expect([waits, store.keys()]).toEqual([[100, 200, 400, 800, 1500], [foreign]]);
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
    const theirs = writeLock(lockOf(stack, 'theirs'));
    await take('one', store, () => Promise.resolve(store.set(ours, theirs)));
    expect(store.bodyOf(ours)).toBe(theirs);
  });
});

describe('a bucket that fails while a lock is taken', () => {
  it.each([
    ['free', () => undefined],
    ['locked by plain pulumi', () => store.set(foreign, engineLock)],
    ['beside a locked one', () => store.set(durableLockKey('example.b'), writeLock(lockOf('example.b', 'theirs')))],
  ])('leaves no lock of ours, at whichever call, where the stack is %s', async (_, prepare) => {
    for (let number = 1; ; number += 1) {
      store = new MemoryStore();
      prepare();
      const hooked = new HookedStore(store);
      void breakAt(hooked, number, 'the call fails');
      const taking = await take('one', hooked).catch(() => undefined);
      if (taking?.ok !== true) expect(store.keys(), `call ${number}`).not.toContain(ours);
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
    const taking = await takeLock(hooked, 'example', lockOf(stack, 'one'), noWait, patience);
    expect(taking).toMatchObject({ ok: true, lock: { etag: (await store.get(ours))?.etag } });
  });

  it.each([false, true])('for 45 s while a lock is taken over is waited for (the reply alone lost: %s)', async (isReplyLost) => {
    const { etag } = await taken();
    const { hooked, patience } = slow('put', isReplyLost);
    expect(await takeOver(hooked, etag, lockOf(stack, 'two'), patience)).toMatchObject({ record: { run: 'two' } });
  });

  it.each([false, true])('for 45 s while a lock is released is waited for (the reply alone lost: %s)', async (isReplyLost) => {
    const lock = await taken();
    const { hooked, patience } = slow('remove', isReplyLost);
    expect(await releaseLock(hooked, lock, patience)).toEqual({ done: true });
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
    if (!(await seesOther())) {
      atWork.enter('pulumi');
      await over.list('work');
      atWork.leave('pulumi');
    }
    await over.remove(key, put.etag);
  };

const aRun =
  (atWork: AtWork, name: string): Actor =>
  async (over) => {
    const taking = await take(name, over);
    if (!taking.ok) return;
    atWork.enter(name);
    await over.list('work');
    atWork.leave(name);
    await releaseLock(over, taking.lock);
  };

/** A run that is held: its lock was removed, and a command puts it back, for good. */
const aRestore =
  (atWork: AtWork, name: string): Actor =>
  async (over) => {
    if (await putBack(over, lockOf(stack, 'held'), 0)) atWork.enter(name);
  };

describe('in every order of their calls', () => {
  /** @param someone whether one of them has to come to work: plain pulumi and a run may each give way to the other */
  const neverTwo = (make: (atWork: AtWork) => readonly Actor[], someone: boolean) =>
    inEveryOrder((bucket) => {
      const atWork = new AtWork();
      return {
        actors: make(atWork),
        check: (order) => {
          expect(atWork.clash, order).toBeUndefined();
          if (someone) expect(atWork.had, order).not.toEqual([]);
          const left = bucket.keys();
          expect(left, order).toEqual(atWork.had.includes('restored') ? [ours] : []);
        },
      };
    });

  it('a run and plain pulumi are never both at work, and leave no lock', async () => {
    expect(await neverTwo((atWork) => [aRun(atWork, 'one'), plainPulumi(atWork)], false)).toBeGreaterThan(100);
  });

  it('two runs are never both at work, one of them is, and they leave no lock', async () => {
    expect(await neverTwo((atWork) => [aRun(atWork, 'one'), aRun(atWork, 'two')], true)).toBeGreaterThan(10);
  });

  it('two runs and plain pulumi are never more than one at work, and leave no lock', async () => {
    const orders = await neverTwo((atWork) => [aRun(atWork, 'one'), aRun(atWork, 'two'), plainPulumi(atWork)], false);
    expect(orders).toBeGreaterThan(1000);
  }, 60_000);

  it('a lock that is put back and plain pulumi are never both in', async () => {
    expect(await neverTwo((atWork) => [aRestore(atWork, 'restored'), plainPulumi(atWork)], false)).toBeGreaterThan(10);
  });

  it('a lock that is put back and another run are never both in', async () => {
    expect(await neverTwo((atWork) => [aRestore(atWork, 'restored'), aRun(atWork, 'one')], true)).toBeGreaterThan(5);
  });

  it('a lock that two commands put back stands once', async () => {
    let both = 0;
    await inEveryOrder((bucket) => {
      let restored = 0;
      const back: Actor = async (over) => {
        if (await putBack(over, lockOf(stack, 'held'), 0)) restored += 1;
      };
      return {
        actors: [back, back],
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
    expect(await releaseLock(store, lock)).toEqual({ done: false, there: true });
    expect((await store.get(ours))?.etag).toBe(etag);
  });

  it('tells that a lock was gone already', async () => {
    const lock = await taken();
    store.delete(ours);
    expect(await releaseLock(store, lock)).toEqual({ done: false, there: false });
  });
});

describe('a lock that is put back', () => {
  const back = () => putBack(store, lockOf(stack, 'one'), Date.parse('2030-01-01T05:00:00Z'));

  it('says what it said, and that it was put back', async () => {
    await back();
    expect((await standingLocks(store, 'example'))[0]?.content).toEqual({
      kind: 'holdfast',
      record: { ...lockOf(stack, 'one'), restoredAt: '2030-01-01T05:00:00.000Z' },
    });
  });

  it('has another version than before', async () => {
    const { etag } = await taken();
    store.delete(ours);
    expect((await back())?.etag).not.toBe(etag);
  });

  it.each([
    ['a lock of plain pulumi', foreign, engineLock],
    ['another lock in its place', ours, writeLock(lockOf(stack, 'theirs'))],
    ['what is no lock', `${lockFolder(stack)}odd`, 'odd'],
  ])('gives way to %s, and leaves it as it is', async (_, key, body) => {
    const etag = store.set(key, body);
    expect(await back()).toBeUndefined();
    expect(await store.list('')).toMatchObject([{ key, etag }]);
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
    expect(readLock(writeLock(record), true)).toEqual({ kind: 'holdfast', record });
  });

  it('is one of the engine under any other name', () => {
    expect(readLock(writeLock(lockOf(stack, 'one')), false)).toMatchObject({ kind: 'engine', engine: { pid: 42, hostname: 'build-7' } });
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
