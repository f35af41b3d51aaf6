import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heartbeat, listHeartbeats, removeOldHeartbeats } from '../../orchestrator/locks/heartbeat.ts';
import { heartbeatKey } from '../../orchestrator/state/layout.ts';
import { HookedStore } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';
import { processOf } from './support/owner.ts';

const key = heartbeatKey('example', 'one');

let bucket: MemoryStore;
let store: HookedStore;
let heartbeat: Heartbeat;
beforeEach(() => {
  vi.useFakeTimers();
  bucket = new MemoryStore();
  store = new HookedStore(bucket);
  heartbeat = new Heartbeat(store, 'example', 'run-1', processOf('one'));
});

afterEach(() => {
  vi.useRealTimers();
});

const seconds = (count: number): Promise<unknown> => vi.advanceTimersByTimeAsync(count * 1000);
const beats = (): number => store.calls.filter(({ op }) => op === 'put').length;

describe('the heartbeat of a process', () => {
  it('is there at once, and names the process and its run', async () => {
    await heartbeat.start();
    await seconds(0);
    expect(JSON.parse(bucket.bodyOf(key) ?? '')).toEqual({ schema: 1, nonce: 'one', run: 'run-1', host: 'build-7', pid: 42 });
  });

  it('is written again every half minute', async () => {
    await heartbeat.start();
    await seconds(95);
    expect(beats()).toBe(4);
  });

  it('beats once however often it is started', async () => {
    await heartbeat.start();
    await heartbeat.start();
    await seconds(31);
    expect(beats()).toBe(2);
  });

  it('goes on where the bucket failed once', async () => {
    store.before = ({ number }) => (number === 1 ? Promise.reject(new Error('ECONNRESET')) : undefined);
    await heartbeat.start();
    await seconds(31);
    expect(bucket.keys()).toEqual([key]);
  });

  it('is gone at its end, and does not come back', async () => {
    await heartbeat.start();
    await seconds(31);
    await heartbeat.stop();
    await seconds(95);
    expect(bucket.keys()).toEqual([]);
  });

  it('is gone at its end also where the last beat failed', async () => {
    await heartbeat.start();
    await seconds(1);
    store.before = ({ op }) => (op === 'put' ? Promise.reject(new Error('ECONNRESET')) : undefined);
    await seconds(30);
    await heartbeat.stop();
    expect(bucket.keys()).toEqual([]);
  });

  it('that cannot be taken away is no error', async () => {
    await heartbeat.start();
    await seconds(1);
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    await expect(heartbeat.stop()).resolves.toBeUndefined();
  });

  it('that never began needs no end', async () => {
    await heartbeat.stop();
    expect(store.calls).toEqual([]);
  });

  it('is listed by nonce and by the clock of the bucket, in its network', async () => {
    await heartbeat.start();
    await seconds(1);
    bucket.set(heartbeatKey('example-two', 'two'), {});
    expect(await listHeartbeats(bucket, 'example')).toEqual(new Map([['one', bucket.head(key)]]));
  });
});

describe('the heartbeat of a process that was killed', () => {
  const dayMs = 24 * 3_600_000;

  async function leftAt(): Promise<number> {
    await heartbeat.start();
    await seconds(0);
    return (await listHeartbeats(bucket, 'example')).get('one')?.modified.getTime() ?? Number.NaN;
  }

  it('is removed when it is older than a day, and those of another network stay', async () => {
    const at = await leftAt();
    bucket.set(heartbeatKey('example-two', 'one'), '{}');
    await removeOldHeartbeats(store, 'example', at + dayMs);
    expect(bucket.keys()).toContain(key);
    await removeOldHeartbeats(store, 'example', at + dayMs + 1);
    expect(bucket.keys()).toEqual([heartbeatKey('example-two', 'one')]);
  });

  it('stays where the bucket fails, and stops nothing', async () => {
    const at = await leftAt();
    store.before = () => {
      throw new Error('SlowDown');
    };
    await removeOldHeartbeats(store, 'example', at + 2 * dayMs);
    expect(bucket.keys()).toEqual([key]);
  });
});
