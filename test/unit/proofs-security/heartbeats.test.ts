import { describe, expect, it } from 'vitest';
import { Heartbeat, readWaiters } from '../../../orchestrator/locks/heartbeat.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import { heartbeatKey, waitingKey } from '../../../orchestrator/state/layout.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { lockOf, observer, processOf } from '../support/owner.ts';
import { ownedRecord, putRecord } from '../support/records.ts';

/** S17: a heartbeat that another keeps alive kept a dead run heard of, and a recovery answered that it is at work for as long. */
describe('a heartbeat at the key of a run on another machine', () => {
  const owner = lockOf('example.a', 'r1', { nonce: 'n1', machine: 'machine-2' });
  const standing = async (beat: (store: MemoryStore) => unknown): Promise<string | undefined> => {
    const store = new MemoryStore();
    store.modified = new Date();
    putRecord(store, ownedRecord('example.a', 'running', { owner }));
    await beat(store);
    const standings = await readStandings({
      ...observer(() => false),
      store,
      network: 'example',
      states: new Map(),
      now: () => Date.now(),
    });
    return standings.byStack.get('example.a')?.kind;
  };
  const own = { schema: 1, nonce: 'n1', run: 'r1', host: 'build-7', pid: 42 };

  it('is what the run is heard of by, as the run writes it', async () => {
    expect(await standing((store) => new Heartbeat(store, 'example', 'r1', owner).start())).toBe('locked');
  });

  it.each([
    ['nothing', {}],
    ['no JSON', '{'],
    ['another nonce', { ...own, nonce: 'n2' }],
    ['another host', { ...own, host: 'elsewhere' }],
    ['another process', { ...own, pid: 43 }],
    ['another run', { ...own, run: 'r2' }],
    ['a megabyte', { ...own, more: 'x'.repeat(1_000_000) }],
  ])('that says %s is not heard', async (_, body) => {
    expect(await standing((store) => store.set(heartbeatKey('example', 'n1'), body))).toBe('held');
  });

  it('that cannot be read just now leaves everything unsaid', async () => {
    const store = new MemoryStore();
    putRecord(store, ownedRecord('example.a', 'running', { owner }));
    store.set(heartbeatKey('example', 'n1'), own);
    const get = store.get.bind(store);
    store.get = (key) => (key.includes('heartbeats') ? Promise.reject(new Error('ECONNRESET')) : get(key));
    await expect(
      readStandings({ ...observer(() => false), store, network: 'example', states: new Map(), now: () => Date.now() }),
    ).rejects.toThrow('ECONNRESET');
  });
});

it('a waiter that is not the one that its key names is not shown', async () => {
  const store = new MemoryStore();
  const waiter = { schema: 1, ...processOf('n1'), since: '2030-01-01T00:00:00.000Z' };
  store.set(waitingKey('example', 'n2'), waiter);
  expect(await readWaiters(store, 'example')).toEqual([]);
  store.set(waitingKey('example', 'n1'), waiter);
  expect(await readWaiters(store, 'example')).toHaveLength(1);
});
