import { beforeEach, describe, expect, it } from 'vitest';
import type { NewEvent } from '../../orchestrator/journal/events.ts';
import { Journal, JournalUnavailable } from '../../orchestrator/journal/journal.ts';
import { allRuns, openRuns, readRun } from '../../orchestrator/journal/read-runs.ts';
import { openRunKey, runEventKey, runPrefix } from '../../orchestrator/state/layout.ts';
import { deferred, settled } from './support/deferred.ts';
import { breakAt, everyFault, faults } from './support/faults.ts';
import { HookedStore } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';
import { lockOf, processOf } from './support/owner.ts';

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

const taken: NewEvent = { type: 'lock-taken', stack: a, epoch: 1, etag: '"1"', lock: lockOf(a) };
const started: NewEvent = { type: 'engine-started', stack: a, epoch: 1, operation: 'up', checkpoint: null, upstreams: {} };
const held: NewEvent = { type: 'held', stack: a, epoch: 1, doubts: [], checkpoint: null };
const verified: NewEvent = { type: 'verified', stack: a, epoch: 1, checkpoint: null, outcome: 'applied' };
const released: NewEvent = { type: 'released', stack: a, epoch: 1 };

const mark = openRunKey('example', 'run-1', 'one');
const read = () => readRun(bucket, 'example', 'run-1');

describe('an event that is appended', () => {
  it('is in the bucket when it resolves, and not before', async () => {
    const gate = deferred();
    store.before = () => gate.promise;
    const journal = journalOf();
    let done = false;
    const appending = journal.append(taken).then(() => (done = true));
    await settled();
    expect([done, bucket.keys(), journal.state.stacks.size]).toEqual([false, [], 0]);
    gate.resolve();
    await appending;
    expect((await read()).events).toMatchObject([taken]);
  });

  it('is one object, whose name has its writer, its number and its type', async () => {
    await journalOf().append(taken);
    expect(bucket.keys()).toEqual(['.holdfast/runs/example/run-1/one-000001-lock-taken.json']);
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
    await Promise.all([taken, started, verified, released].map((event) => journal.append(event)));
    expect((await read()).events.map(({ sequence, type }) => `${sequence} ${type}`)).toEqual([
      '1 lock-taken',
      '2 engine-started',
      '3 verified',
      '4 released',
    ]);
  });

  it('is never written over: what stands in its place is an error', async () => {
    const key = runEventKey('example', 'run-1', 'one', 1, 'released');
    bucket.set(key, 'theirs');
    const journal = journalOf();
    await expect(journal.append(released)).rejects.toThrow(JournalUnavailable);
    expect([bucket.bodyOf(key), journal.state.stacks.size]).toEqual(['theirs', 0]);
  });

  it('is not counted as written where the bucket would not take it', async () => {
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    const journal = journalOf();
    await expect(journal.append(started)).rejects.toThrow('the journal could not be written (engine-started): ECONNRESET');
    expect(journal.state.stacks.size).toBe(0);
  });

  it('is tried again while the patience lasts, and known where only the reply was lost', async () => {
    void breakAt(store, 1, 'the reply is lost');
    const journal = journalOf('one', 5);
    await journal.append(started);
    expect([(await read()).events.length, journal.state.stacks.get(a)?.phase]).toEqual([1, 'running']);
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

describe('the journal and what the run knows of itself', () => {
  it.each(everyFault)('agree on what licenses an act, at whatever call %s', async (fault) => {
    for (let number = 1; number <= 7; number += 1) {
      bucket = new MemoryStore();
      store = new HookedStore(bucket);
      const died = breakAt(store, number, fault);
      const journal = journalOf();
      const licensed: string[] = [];
      const run = (async () => {
        await journal.open(opening);
        for (const event of [taken, started, verified, released]) {
          await journal.append(event);
          licensed.push(event.type);
        }
        await journal.close();
      })().catch(() => undefined);
      await Promise.race([run, ...(faults[fault].how === 'hang' ? [died] : [])]);
      const { events, state } = await read();
      const written = events.map(({ type }) => type as string);
      // Nothing is done that is not written; what is written may not have been done.
      expect(written, `call ${number}`).toEqual(expect.arrayContaining(licensed));
      // A run is found while anything of it is open.
      const open = [...state.stacks.values()].some(({ phase }) => phase !== 'released');
      if (open) expect(await openRuns(bucket, 'example'), `call ${number}`).toEqual(['run-1']);
    }
  });
});

describe('a run that is opened', () => {
  it('is marked before its opening is written', async () => {
    await journalOf().open(opening);
    expect(store.calls.map(({ key }) => key)).toEqual([mark, runEventKey('example', 'run-1', 'one', 1, 'run-opened')]);
  });

  it('is not opened where its mark cannot be put', async () => {
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    await expect(journalOf().open(opening)).rejects.toThrow(JournalUnavailable);
    expect(bucket.keys()).toEqual([]);
  });

  it('is not opened twice by the same writer', async () => {
    await journalOf().open(opening);
    await expect(journalOf().open(opening)).rejects.toThrow('a run run-1 by one is open already');
  });

  it('may be shared by another writer', async () => {
    await journalOf('one').open(opening);
    await journalOf('two').open(opening);
    expect([await openRuns(bucket, 'example'), (await read()).events.length]).toEqual([['run-1'], 2]);
  });
});

describe('the mark of a run', () => {
  const closed = async (...events: NewEvent[]): Promise<boolean> => {
    const journal = journalOf();
    await journal.open(opening);
    for (const event of events) await journal.append(event);
    await journal.close();
    return !bucket.keys().includes(mark);
  };

  it.each<readonly [string, readonly NewEvent[], boolean]>([
    ['goes where nothing was locked', [], true],
    ['goes where all is released', [taken, started, verified, released], true],
    ['stays while a stack is locked', [taken], false],
    ['stays while an engine may run', [taken, started], false],
    ['stays while a stack is held', [taken, started, held], false],
    ['stays while a lock is not given back', [taken, started, verified], false],
  ])('%s', async (_, events, gone) => {
    expect(await closed(...events)).toBe(gone);
  });

  it('of another writer is left alone', async () => {
    await journalOf('two').open(opening);
    await closed();
    expect(bucket.keys()).toContain(openRunKey('example', 'run-1', 'two'));
  });

  it('that cannot be taken away is no error', async () => {
    store.before = ({ op }) => (op === 'remove' ? Promise.reject(new Error('ECONNRESET')) : undefined);
    expect(await closed()).toBe(false);
  });

  it('of a run that never opened is none', async () => {
    await journalOf().close();
    expect(store.calls).toEqual([]);
  });
});

describe('a journal that is read', () => {
  it('comes to what the run knew of itself', async () => {
    const journal = journalOf();
    await journal.open(opening);
    for (const event of [taken, started, held]) {
      await journal.append(event);
      expect((await read()).state).toEqual(journal.state);
    }
  });

  it.each([
    ['is not JSON', '{', /it is not JSON$/],
    ['is of a newer schema', JSON.stringify({ schema: 2 }), /newer Holdfast \(schema 2, this one knows 1\)$/],
    ['is of a newer schema, under a name of this one', JSON.stringify({ schema: 7, type: 'released' }), /newer Holdfast/],
    ['is of no type that is known', JSON.stringify({ schema: 1, type: 'odd' }), /it is not what Holdfast wrote/],
    ['lacks a field', JSON.stringify({ schema: 1, type: 'released' }), /it is not what Holdfast wrote/],
  ])('tells of an event that %s, and has the others', async (_, body, why) => {
    await journalOf().append(taken);
    const key = `${runPrefix('example', 'run-1')}two-000001-odd.json`;
    bucket.set(key, body);
    const { events, unreadable } = await read();
    expect([events.length, unreadable]).toEqual([1, [expect.stringMatching(why) as string]]);
    expect(unreadable[0]?.startsWith(`${key}: `)).toBe(true);
  });

  it('tells of an event that went since the listing', async () => {
    await journalOf().append(taken);
    const reading = new HookedStore(bucket);
    reading.before = ({ op, key }) => {
      if (op === 'get') bucket.delete(key);
    };
    expect((await readRun(reading, 'example', 'run-1')).unreadable).toEqual([expect.stringMatching(/: it is gone$/)]);
  });

  it('has the events of no other run whose name only begins so', async () => {
    await journalOf('one', 0, 'run-1').append(taken);
    await journalOf('one', 0, 'run-10').append(taken);
    expect((await read()).events).toHaveLength(1);
  });

  it('throws where the bucket does not answer', async () => {
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    await expect(readRun(store, 'example', 'run-1')).rejects.toThrow('ECONNRESET');
  });
});

describe('the runs of a network', () => {
  it('are all that ever were, oldest first', async () => {
    for (const run of ['20300102T000000Z-b', '20300101T000000Z-a']) await journalOf('one', 0, run).append(taken);
    bucket.set(`.holdfast/runs/example-two/20290101T000000Z-c/one-000001-released.json`, {});
    expect(await allRuns(bucket, 'example')).toEqual(['20300101T000000Z-a', '20300102T000000Z-b']);
  });

  it('are open while they have a mark, each once', async () => {
    for (const key of [
      mark,
      openRunKey('example', 'run-1', 'two'),
      openRunKey('example', 'run-0', 'one'),
      openRunKey('example-two', 'x', 'one'),
    ])
      bucket.set(key, {});
    expect(await openRuns(bucket, 'example')).toEqual(['run-0', 'run-1']);
  });
});
