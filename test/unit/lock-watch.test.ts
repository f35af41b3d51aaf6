import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LockWatch } from '../../orchestrator/locks/lock-watch.ts';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { deferred } from './support/deferred.ts';
import { HookedStore, never } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';

let bucket: MemoryStore;
let store: HookedStore;
let watch: LockWatch;
let told: string[];
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
  bucket = new MemoryStore();
  store = new HookedStore(bucket);
  watch = new LockWatch(store, 'example');
  told = [];
});

afterEach(() => {
  vi.useRealTimers();
});

const put = (stack: string): string => bucket.set(durableLockKey(stack), 'a lock');
const add = (stack: string): (() => void) => watch.add({ stack, etag: put(stack) }, (how) => told.push(`${stack} ${how}`));
const remove = (stack: string): void => bucket.delete(durableLockKey(stack));
const seconds = (count: number): Promise<unknown> => vi.advanceTimersByTimeAsync(count * 1000);

describe('a lock that is watched', () => {
  it('is told to be removed within 3 s', async () => {
    add('example.a');
    remove('example.a');
    await seconds(3);
    expect(told).toEqual(['example.a removed']);
  });

  it('is told to be replaced, with the same content too', async () => {
    add('example.a');
    put('example.a');
    await seconds(3);
    expect(told).toEqual(['example.a replaced']);
  });

  it('is told once', async () => {
    add('example.a');
    remove('example.a');
    await seconds(30);
    expect(told).toEqual(['example.a removed']);
  });

  it('is nothing to tell of while it stands', async () => {
    add('example.a');
    await seconds(30);
    expect(told).toEqual([]);
  });

  it('is not told of where the bucket does not answer, and told when it does', async () => {
    add('example.a');
    remove('example.a');
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    await seconds(10);
    expect(told).toEqual([]);
    store.before = () => undefined;
    await seconds(3);
    expect(told).toEqual(['example.a removed']);
  });

  it('is looked at with one listing for all of the run', async () => {
    for (const stack of ['example.a', 'example.b', 'example.c']) add(stack);
    await seconds(3);
    expect(store.calls.length).toBe(1);
  });

  it('is not looked at any more when its watch ended', async () => {
    const end = add('example.a');
    end();
    remove('example.a');
    await seconds(30);
    expect([told, store.calls]).toEqual([[], []]);
  });

  it('is not told of where its watch ended while a look was under way', async () => {
    const gate = deferred();
    const end = add('example.a');
    store.before = () => gate.promise;
    const look = watch.look();
    end();
    remove('example.a');
    gate.resolve();
    await look;
    expect(told).toEqual([]);
  });

  it('is not told of where it was taken anew while a look was under way', async () => {
    const gate = deferred();
    add('example.a')();
    store.after = () => gate.promise;
    const look = watch.look();
    add('example.a');
    gate.resolve();
    await look;
    expect(told).toEqual([]);
  });

  it('does not keep the others from being told', async () => {
    add('example.a')();
    add('example.b');
    remove('example.b');
    await seconds(3);
    expect(told).toEqual(['example.b removed']);
  });

  // Its timer is forgotten by the look that was under way, and set a second time.
  it('is looked at once every 3 s, also where the watch ended and began again during a look', async () => {
    const gate = deferred();
    const end = add('example.a');
    store.before = () => gate.promise;
    await seconds(3);
    end();
    add('example.a');
    store.before = () => undefined;
    gate.resolve();
    await seconds(0.1);
    const before = store.calls.length;
    await seconds(30);
    expect(store.calls.length - before).toBeLessThanOrEqual(10);
  });
});

describe('a lock that is to be written by', () => {
  it('is not known to stand where a look did not end within 10 s, and the next look asks anew', async () => {
    add('example.a');
    vi.setSystemTime(Date.now() + 60_000);
    store.before = () => never();
    const confirmed = watch.confirm('example.a').catch((cause: unknown) => String(cause));
    await seconds(9);
    expect(told).toEqual([]);
    await seconds(2);
    expect(await confirmed).toMatch(/whether the lock stands is not known: the bucket did not say within 10 s/);
    store.before = () => undefined;
    const again = watch.confirm('example.a');
    // The look of the timer was under way by then, and is given up too.
    await seconds(11);
    await expect(again).resolves.toBeUndefined();
    expect(told).toEqual([]);
  });

  it('is asked for with a signal that is aborted where nobody waits for it any more', async () => {
    const signals: (AbortSignal | undefined)[] = [];
    bucket.sample = (_: string, _folderOf?: unknown, signal?: AbortSignal) => {
      signals.push(signal);
      return never();
    };
    const look = new LockWatch(bucket, 'example').look();
    await seconds(11);
    expect([await look, signals.map((signal) => signal?.aborted)]).toEqual([expect.any(Error), [true]]);
  });

  it('is confirmed at once where it was seen a moment ago', async () => {
    add('example.a');
    await watch.confirm('example.a');
    expect(store.calls).toEqual([]);
  });

  it('is looked at where it was not', async () => {
    add('example.a');
    vi.setSystemTime(Date.now() + 60_000);
    await watch.confirm('example.a');
    expect([store.calls.length, told]).toEqual([1, []]);
  });

  it('is looked at where the clock was set back', async () => {
    add('example.a');
    vi.setSystemTime(Date.now() - 60_000);
    await watch.confirm('example.a');
    expect(store.calls.length).toBe(1);
  });

  it('and is gone is told before it resolves', async () => {
    add('example.a');
    remove('example.a');
    vi.setSystemTime(Date.now() + 60_000);
    await watch.confirm('example.a');
    expect(told).toEqual(['example.a removed']);
  });

  it('is not known where the bucket does not answer', async () => {
    add('example.a');
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    vi.setSystemTime(Date.now() + 60_000);
    await expect(watch.confirm('example.a')).rejects.toThrow('whether the lock stands is not known: ECONNRESET');
    expect(told).toEqual([]);
  });
});
