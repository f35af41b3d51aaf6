import { beforeEach, describe, expect, it } from 'vitest';
import { acquireLocks, describeLock, releaseLocks, standingLocks } from '../../orchestrator/locks/run-locks.ts';
import type { Acquired, LockOwner, TakenLock } from '../../orchestrator/locks/run-locks.ts';
import { engineLocks } from '../../orchestrator/locks/engine-locks.ts';
import { runLockKey, schemaVersion } from '../../orchestrator/state/layout.ts';
import { deferred, settled } from './support/deferred.ts';
import { MemoryStore } from './support/memory-store.ts';
import { ownerOf } from './support/owner.ts';

const stacks = ['example.transit-gateway', 'example.vpc.a', 'example.vpc.b'];

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

const take = (run: string, names: readonly string[] = stacks): Promise<Acquired> => acquireLocks(store, names, ownerOf(run));

function taken(acquired: Acquired): readonly TakenLock[] {
  if (!acquired.ok) throw new Error('expected the locks to be taken');
  return acquired.locks;
}

describe('the locks of a run', () => {
  it('stand in the bucket for each of its stacks, with who holds them', async () => {
    await take('one');
    expect(store.keys()).toEqual(stacks.map(runLockKey));
    expect(JSON.parse(store.bodyOf(runLockKey('example.vpc.a')) ?? '')).toEqual({
      schema: schemaVersion,
      stack: 'example.vpc.a',
      ...ownerOf('one'),
    });
  });

  it('are gone when they are given back', async () => {
    await releaseLocks(store, taken(await take('one')));
    expect(store.keys()).toEqual([]);
  });

  it('are none for no stacks', async () => {
    expect(await take('one', [])).toEqual({ ok: true, locks: [] });
  });
});

describe('locks of which one is held by another run', () => {
  it('are not taken: the others are given back', async () => {
    await take('one', ['example.vpc.b']);
    expect(await take('two')).toMatchObject({ ok: false, heldBy: [{ stack: 'example.vpc.b', record: { run: 'one' } }] });
    expect(store.keys()).toEqual([runLockKey('example.vpc.b')]);
  });

  it('leave no trace of the loser where it is the first', async () => {
    await take('one', [stacks[0] ?? '']);
    const attempts: string[] = [];
    store.beforePut = (key) => {
      attempts.push(key);
      return Promise.resolve();
    };
    expect(await take('two')).toMatchObject({ ok: false });
    expect(attempts).toEqual([runLockKey(stacks[0] ?? '')]);
  });

  it('say so where that run ends in the same moment', async () => {
    const [other] = taken(await take('one', ['example.vpc.b']));
    store.beforeRemove = async (key) => {
      // While the loser gives back its first lock, the holder gives back its own.
      if (key !== other?.key) await releaseLocks(store, other ? [other] : []);
    };
    expect(await take('two')).toMatchObject({ ok: false, heldBy: [{ stack: 'example.vpc.b', unreadable: 'released meanwhile' }] });
  });
});

describe('two runs at once over the same stacks', () => {
  it('become exactly one', async () => {
    const both = await Promise.all([take('one'), take('two')]);
    expect(both.filter(({ ok }) => ok)).toHaveLength(1);
    expect(store.keys()).toHaveLength(stacks.length);
  });

  it('become exactly one also where the loser is slow to see it', async () => {
    const slow = deferred();
    let puts = 0;
    store.beforePut = () => ((puts += 1) === 1 ? slow.promise : Promise.resolve());
    const first = take('one');
    const second = await take('two');
    slow.resolve();
    expect([(await first).ok, second.ok]).toEqual([false, true]);
    expect((await standingLocks(store, 'example')).map(({ record }) => record?.run)).toEqual(['two', 'two', 'two']);
  });
});

describe('giving back', () => {
  it('leaves a lock alone that someone put in its place', async () => {
    const locks = taken(await take('one', ['example.vpc.a']));
    store.set(runLockKey('example.vpc.a'), { schema: schemaVersion, stack: 'example.vpc.a', ...ownerOf('two') });
    await releaseLocks(store, locks);
    expect((await standingLocks(store, 'example'))[0]?.record?.run).toBe('two');
  });

  it('leaves a lock alone whose place was taken with the very same content', async () => {
    const locks = taken(await take('one', ['example.vpc.a']));
    store.set(runLockKey('example.vpc.a'), store.bodyOf(runLockKey('example.vpc.a')) ?? '');
    await releaseLocks(store, locks);
    expect(store.keys()).toEqual([runLockKey('example.vpc.a')]);
  });

  it('of a lock that is gone already is no error', async () => {
    const locks = taken(await take('one', ['example.vpc.a']));
    await releaseLocks(store, locks);
    await releaseLocks(store, locks);
    expect(store.keys()).toEqual([]);
  });
});

describe('a bucket that fails while locks are taken', () => {
  it('gives back those that were taken, and throws', async () => {
    store.beforePut = (key) => (key === runLockKey('example.vpc.b') ? Promise.reject(new Error('ECONNRESET')) : Promise.resolve());
    await expect(take('one')).rejects.toThrow('ECONNRESET');
    expect(store.keys()).toEqual([]);
  });

  it('gives back also a lock whose put was still under way when another one failed', async () => {
    const slow = deferred();
    store.beforePut = (key) => {
      if (key === runLockKey('example.vpc.a')) return Promise.reject(new Error('ECONNRESET'));
      return key === runLockKey('example.vpc.b') ? slow.promise : Promise.resolve();
    };
    const attempt = take('one').catch((cause: unknown) => String(cause));
    await settled();
    slow.resolve();
    expect(await attempt).toBe('Error: ECONNRESET');
    expect(store.keys()).toEqual([]);
  });
});

describe('the locks that stand on a network', () => {
  it('are those of its stacks, and of no other network', async () => {
    await take('one', ['example.vpc.a', 'example-two.vpc.a']);
    expect((await standingLocks(store, 'example')).map(({ stack }) => stack)).toEqual(['example.vpc.a']);
  });

  it.each([
    ['is not JSON', '{', /JSON/],
    ['is another object', '{"hello":1}', /not a lock that Holdfast wrote/],
    ['lacks an owner', JSON.stringify({ schema: schemaVersion, stack: 'example.vpc.a' }), /not a lock that Holdfast wrote/],
    [
      'is of a newer schema',
      JSON.stringify({ schema: schemaVersion + 1, stack: 'example.vpc.a', ...ownerOf('one') }),
      /newer Holdfast \(schema 2\)/,
    ],
    ['is of a newer schema and another shape', JSON.stringify({ schema: 7, held: [] }), /newer Holdfast \(schema 7\)/],
  ])('count also where one %s', async (_, body, why) => {
    store.set(runLockKey('example.vpc.a'), body);
    const [lock] = await standingLocks(store, 'example');
    expect(lock?.record).toBeUndefined();
    expect(lock?.unreadable).toMatch(why);
  });

  it.each(['{', JSON.stringify({ schema: 7 })])('keep a run out that cannot read one: %s', async (body) => {
    store.set(runLockKey('example.vpc.a'), body);
    expect(await take('one')).toMatchObject({ ok: false });
    expect(store.bodyOf(runLockKey('example.vpc.a'))).toBe(body);
  });
});

describe('a lock, for people', () => {
  it('says who, where, which run and since when', async () => {
    await take('one', ['example.vpc.a']);
    const [lock] = await standingLocks(store, 'example');
    expect(lock && describeLock(lock)).toBe('example.vpc.a is locked by ada@build-7 (pid 42, run one, up) since 2030-01-01T00:00:00.000Z');
  });

  it('has the link to its job', async () => {
    const owner: LockOwner = { ...ownerOf('one'), ciLink: 'https://ci.example/1' };
    await acquireLocks(store, ['example.vpc.a'], owner);
    const [lock] = await standingLocks(store, 'example');
    expect(lock && describeLock(lock)).toMatch(/, https:\/\/ci\.example\/1$/);
  });

  it('says since when, where it cannot be read', async () => {
    store.set(runLockKey('example.vpc.a'), '{}');
    const [lock] = await standingLocks(store, 'example');
    expect(lock && describeLock(lock)).toBe('example.vpc.a is locked since 2030-01-01T00:00:00.000Z (not a lock that Holdfast wrote)');
  });

  it('names no secret', async () => {
    await take('one', ['example.vpc.a']);
    expect(store.bodyOf(runLockKey('example.vpc.a'))).not.toMatch(/secret|token|password/i);
  });
});

describe("Pulumi's own locks", () => {
  const folder = '.pulumi/locks/organization/holdfast';

  it('say whose they are', async () => {
    store.set(`${folder}/example.vpc.a/1.json`, { pid: 7, username: 'bob', hostname: 'laptop', timestamp: '2030-01-01T00:00:00Z' });
    expect(await engineLocks(store, 'example')).toMatchObject([
      { stack: 'example.vpc.a', description: 'example.vpc.a is locked by pulumi, bob@laptop (pid 7) since 2030-01-01T00:00:00Z' },
    ]);
  });

  it('count also where one is not what Pulumi writes', async () => {
    store.set(`${folder}/example.vpc.a/odd.json`, 'odd');
    expect(await engineLocks(store, 'example')).toMatchObject([
      { stack: 'example.vpc.a', description: expect.stringContaining('not a lock of Pulumi') as string },
    ]);
  });
});
