import { beforeEach, describe, expect, it } from 'vitest';
import type { NewEvent } from '../../orchestrator/journal/events.ts';
import { Journal, JournalUnavailable } from '../../orchestrator/journal/journal.ts';
import { allRuns, readRun } from '../../orchestrator/journal/read-runs.ts';
import { runEventKey, runPrefix } from '../../orchestrator/state/layout.ts';
import { deferred, settled } from './support/deferred.ts';
import { breakAt, triedFaults, faults } from './support/faults.ts';
import { HookedStore } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';
import { processOf } from './support/owner.ts';

const a = 'example.a';

let bucket: MemoryStore;
let store: HookedStore;
let seconds: number;
beforeEach(() => {
  bucket = new MemoryStore();
  store = new HookedStore(bucket);
  seconds = 0;
});

const journalOf = (writer = 'one', patienceSeconds = 0, run = 'run-1'): Journal =>
  new Journal({ store, network: 'example', run, writer, patienceSeconds, now: () => (seconds += 1) * 1000 });

const opening = {
  type: 'run-opened',
  operation: 'up',
  process: processOf('one'),
  session: { accessKeyId: 'AKIATEST', session: 's', expires: 'never' },
  account: '111122223333',
  region: 'eu-west-1',
  order: [a],
  forecastSeconds: 1,
  networkFile: { path: 'n.yaml', text: 'network: example' },
} as const satisfies NewEvent;

const started: NewEvent = { type: 'engine-started', stack: a, epoch: 1, operation: 'up', checkpoint: null, upstreams: {} };
const held: NewEvent = { type: 'held', stack: a, epoch: 1, doubts: [], checkpoint: null };
const verified: NewEvent = { type: 'verified', stack: a, epoch: 1, checkpoint: null, outcome: 'applied' };
const released: NewEvent = { type: 'released', stack: a, epoch: 1 };

const read = () => readRun(bucket, 'example', 'run-1');

describe('an event that is appended', () => {
  it('is in the bucket when it resolves, and not before', async () => {
    const gate = deferred();
    store.before = () => gate.promise;
    const journal = journalOf();
    let done = false;
    const appending = journal.append(started).then(() => (done = true));
    await settled();
    expect([done, bucket.keys()]).toEqual([false, []]);
    gate.resolve();
    await appending;
    expect((await read()).events).toMatchObject([started]);
  });

  it('is one object, whose name has its writer, its number and its type', async () => {
    await journalOf().append(started);
    expect(bucket.keys()).toEqual(['.holdfast/runs/example/run-1/one-000001-engine-started.json']);
  });

  it('has what is needed to read it later', async () => {
    await journalOf().append(released);
    expect(JSON.parse(bucket.bodyOf(runEventKey('example', 'run-1', 'one', 1, 'released')) ?? '')).toEqual({
      schema: 1,
      run: 'run-1',
      network: 'example',
      writer: 'one',
      sequence: 1,
      at: '1970-01-01T00:00:01.000Z',
      ...released,
    });
  });

  it('is counted by its writer, also where several are under way at once', async () => {
    const journal = journalOf();
    await Promise.all([opening, started, verified, released].map((event) => journal.append(event)));
    expect((await read()).events.map(({ sequence, type }) => `${sequence} ${type}`)).toEqual([
      '1 run-opened',
      '2 engine-started',
      '3 verified',
      '4 released',
    ]);
  });

  it('is never written over: what stands in its place is an error', async () => {
    const key = runEventKey('example', 'run-1', 'one', 1, 'released');
    bucket.set(key, 'theirs');
    await expect(journalOf().append(released)).rejects.toThrow(JournalUnavailable);
    expect(bucket.history(key)).toEqual(['theirs']);
  });

  it('that the bucket would not take is an error, which names it', async () => {
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    await expect(journalOf().append(started)).rejects.toThrow('the journal could not be written (engine-started): ECONNRESET');
    expect(bucket.keys()).toEqual([]);
  });

  it('leaves its number unused if it failed, so that what may still come late stands in the place of no other', async () => {
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    const journal = journalOf();
    await expect(journal.append(started)).rejects.toThrow(JournalUnavailable);
    store.before = () => undefined;
    await journal.append(held);
    expect((await read()).events).toMatchObject([{ type: 'held', sequence: 2 }]);
  });

  it('is tried again while the patience lasts, and known where only the reply was lost', async () => {
    void breakAt(store, 1, 'the reply is lost');
    await journalOf('one', 5).append(started);
    expect((await read()).events).toMatchObject([started]);
  });

  it('may be lost where it is a note', async () => {
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    const journal = journalOf();
    await journal.note(started);
    store.before = () => undefined;
    await journal.append(held);
    expect((await read()).events).toMatchObject([{ type: 'held', sequence: 2 }]);
  });
});

describe('a journal that is broken off', () => {
  it.each(triedFaults)(
    'has every event that was appended, and of the others at most the one that it was broken off at: %s',
    async (fault) => {
      for (let number = 1; number <= 5; number += 1) {
        bucket = new MemoryStore();
        store = new HookedStore(bucket);
        const died = breakAt(store, number, fault);
        const journal = journalOf();
        const appended: string[] = [];
        const run = (async () => {
          for (const event of [opening, started, verified, released] as const) {
            await journal.append(event);
            appended.push(event.type);
          }
        })().catch(() => undefined);
        await Promise.race([run, ...(faults[fault].how === 'hang' ? [died] : [])]);
        const { events, unreadable } = await read();
        const written = events.map(({ type }) => type as string);
        expect(written.slice(0, appended.length), `call ${number}`).toEqual(appended);
        expect(written.length - appended.length, `call ${number}`).toBeLessThanOrEqual(1);
        expect([appended.length, unreadable], `call ${number}`).toEqual([Math.min(number - 1, 4), []]);
      }
    },
  );

  it('by a note that was lost goes on: nothing depends on it', async () => {
    void breakAt(store, 2, 'the call fails');
    const journal = journalOf();
    for (const event of [opening, started, held] as const) await journal.note(event);
    expect((await read()).events.map(({ type }) => type)).toEqual(['run-opened', 'held']);
  });
});

describe('a run of several processes', () => {
  it('has one opening of each, and the first of them is the one that tells who opened it', async () => {
    await journalOf('one').append(opening);
    await journalOf('two').append({ ...opening, process: processOf('two') });
    const { events, opened } = await read();
    expect([events.length, opened?.writer]).toEqual([2, 'one']);
  });
});

describe('a journal that is read', () => {
  it('has the events of each writer as it wrote them, whatever its clock did, and those of several by their clocks', async () => {
    const at = async (writer: string, times: readonly number[]): Promise<void> => {
      const journal = journalOf(writer);
      for (const time of times) {
        seconds = time - 1;
        await journal.append(held);
      }
    };
    await at('two', [3, 7]);
    await at('one', [1, 9, 5]);
    expect((await read()).events.map(({ writer, sequence }) => `${writer} ${sequence}`)).toEqual([
      'one 1',
      'two 1',
      'two 2',
      'one 2',
      'one 3',
    ]);
  });

  it('of a run of which nothing is there is one without events', async () => {
    expect(await read()).toMatchObject({ run: 'run-1', events: [], unreadable: [] });
  });

  it.each([
    ['is not JSON', '{', /it is not JSON$/],
    ['is of a newer schema', JSON.stringify({ schema: 2 }), /newer Holdfast \(schema 2, this one knows 1\)$/],
    ['is of a newer schema, under a name of this one', JSON.stringify({ schema: 7, type: 'released' }), /newer Holdfast/],
    ['is of no type that is known', JSON.stringify({ schema: 1, type: 'odd' }), /it is not what Holdfast wrote/],
    ['lacks a field', JSON.stringify({ schema: 1, type: 'released' }), /it is not what Holdfast wrote/],
  ])('tells of an event that %s, and has the others', async (_, body, why) => {
    await journalOf().append(started);
    const key = `${runPrefix('example', 'run-1')}two-000001-odd.json`;
    bucket.set(key, body);
    const { events, unreadable } = await read();
    expect([events.length, unreadable]).toEqual([1, [expect.stringMatching(why) as string]]);
    expect(unreadable[0]?.startsWith(`${key}: `)).toBe(true);
  });

  it('tells of an event that went since the listing', async () => {
    await journalOf().append(started);
    const reading = new HookedStore(bucket);
    reading.before = ({ op, key }) => {
      if (op === 'get') bucket.delete(key);
    };
    expect((await readRun(reading, 'example', 'run-1')).unreadable).toEqual([expect.stringMatching(/: it is gone$/)]);
  });

  it('has the events of no other run whose name only begins so', async () => {
    await journalOf('one', 0, 'run-1').append(started);
    await journalOf('one', 0, 'run-10').append(started);
    expect((await read()).events).toHaveLength(1);
  });

  it('throws where the bucket does not answer', async () => {
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    await expect(readRun(store, 'example', 'run-1')).rejects.toThrow('ECONNRESET');
  });
});

describe('the runs of a network', () => {
  it('are all that ever were, oldest first', async () => {
    for (const run of ['20300102T000000Z-b', '20300101T000000Z-a']) await journalOf('one', 0, run).append(started);
    bucket.set(`.holdfast/runs/example-two/20290101T000000Z-c/one-000001-released.json`, {});
    expect(await allRuns(bucket, 'example')).toEqual(['20300101T000000Z-a', '20300102T000000Z-b']);
  });
});
