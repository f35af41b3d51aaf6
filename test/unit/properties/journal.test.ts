import { describe, expect, it } from 'vitest';
import type { JournalEvent, NewEvent } from '../../../orchestrator/journal/events.ts';
import { Journal } from '../../../orchestrator/journal/journal.ts';
import { readRun } from '../../../orchestrator/journal/read-runs.ts';
import type { ReadRun } from '../../../orchestrator/journal/read-runs.ts';
import { runEventKey, runPrefix } from '../../../orchestrator/state/layout.ts';
import { breakAt, triedFaults, faults } from '../support/faults.ts';
import { HookedStore } from '../support/hooked-store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { processOf } from '../support/owner.ts';
import { fc, forged, forgedMs, times } from '../support/property.ts';

const stacks = ['example.a', 'example.b'] as const;
const stack = fc.constantFrom(...stacks);
const epoch = fc.integer({ min: 1, max: 3 });
const etag = fc.constantFrom('"0"', '"1"', '"2"');
const checkpoint = fc.option(etag);
const session = fc.constantFrom('AKIA0', 'AKIA1', '').map((accessKeyId) => ({ accessKeyId, session: 's', expires: 'never' }));
const doubt = fc.constantFrom('exit', 'look').map((source) => ({ source, text: `${source} unknown` }));
const recovery = fc.constant('r');

/** Of one stack, under one epoch. */
const stackEvent = (of: { readonly stack: string; readonly epoch: number }): fc.Arbitrary<NewEvent> => {
  const event = <Type extends string, Fields>(type: Type, fields: { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }) =>
    fc.record(fields).map((made) => ({ type, ...of, ...made }));
  return fc.oneof(
    event('engine-started', { operation: fc.constantFrom('up', 'destroy'), checkpoint, upstreams: fc.constant({}) }),
    event('held', { doubts: fc.array(doubt, { maxLength: 2 }), checkpoint }),
    event('verified', { checkpoint, outcome: fc.constant('applied' as const) }),
    event('released', {}),
    event('answered', {
      recovery,
      by: fc.constant('ada'),
      answer: fc.record({ resource: fc.constantFrom('vpc', 'subnet'), answer: fc.constantFrom('adopt', 'forget', 'disown', 'delete') }),
    }),
    event('evidence', { recovery, said: fc.string() }),
  );
};

const runEvent: fc.Arbitrary<NewEvent> = fc.oneof(
  session.map((made): NewEvent => ({
    type: 'run-opened',
    operation: 'up',
    process: processOf('one'),
    session: made,
    account: '111122223333',
    region: 'eu-west-1',
    order: [...stacks],
    forecastSeconds: 1,
    networkFile: { path: 'n.yaml', text: '' },
  })),
  session.map((made): NewEvent => ({ type: 'session-renewed', session: made })),
  fc.constant<NewEvent>({ type: 'stopping', how: 'draining', signal: 'SIGTERM' }),
  fc.constant<NewEvent>({ type: 'run-ended', exitCode: 4, ends: [] }),
);

const anyEvent: fc.Arbitrary<NewEvent> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ stack, epoch }).chain(stackEvent) },
  { weight: 1, arbitrary: runEvent },
);

/** What one process wrote, with what its clock said each time: it may stand still, and go back. */
const written = (writer: string, events: readonly NewEvent[], seconds: readonly number[]): JournalEvent[] =>
  events.map((event, index) => ({
    schema: 1,
    run: 'one',
    network: 'example',
    writer,
    sequence: index + 1,
    at: new Date((seconds[index % Math.max(1, seconds.length)] ?? 0) * 1000).toISOString(),
    ...event,
  }));

const seconds = fc.array(fc.nat(6), { minLength: 1, maxLength: 8 });

/** Any events, of up to three processes. */
const journal: fc.Arbitrary<readonly JournalEvent[]> = fc
  .uniqueArray(fc.constantFrom('one', 'two', 'three'), { maxLength: 3 })
  .chain((writers) =>
    fc.tuple(
      ...writers.map((writer) =>
        fc.tuple(fc.array(anyEvent, { maxLength: 8 }), seconds).map(([events, at]) => written(writer, events, at)),
      ),
    ),
  )
  .map((all) => all.flat());

const runOf = (events: readonly JournalEvent[]): Promise<ReadRun> => {
  const bucket = new MemoryStore();
  for (const event of events) bucket.set(runEventKey('example', 'one', event.writer, event.sequence, event.type), event);
  return readRun(bucket, 'example', 'one');
};

describe('any journal', () => {
  it('is read with all events once, each writer’s as it wrote them, and by the clocks where these go forward', async () => {
    await fc.assert(
      fc.asyncProperty(journal, async (events) => {
        const { events: order, opened, ended } = await runOf(events);
        expect(order).toHaveLength(events.length);
        const writers = new Set(events.map(({ writer }) => writer));
        for (const writer of writers)
          expect(order.filter((event) => event.writer === writer)).toEqual(events.filter((event) => event.writer === writer));
        const forward = [...writers].every((writer) => {
          const at = events.filter((event) => event.writer === writer).map((event) => event.at);
          return at.every((each, index) => index === 0 || (at[index - 1] ?? '') <= each);
        });
        if (forward) expect(order.map(({ at }) => at)).toEqual(events.map(({ at }) => at).sort());
        expect(opened).toEqual(order.find(({ type }) => type === 'run-opened'));
        expect(ended).toEqual(order.findLast(({ type }) => type === 'run-ended'));
      }),
    );
  });

  it('has what its process had appended, wherever that died, or one event more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyEvent, { maxLength: 10 }), fc.nat(12), fc.constantFrom(...triedFaults), async (events, died, fault) => {
        const bucket = new MemoryStore();
        const store = new HookedStore(bucket);
        const hangs = breakAt(store, died + 1, fault);
        const process = new Journal({ store, network: 'example', run: 'one', writer: 'one', patienceSeconds: 0, now: () => 0 });
        let appended = 0;
        const working = (async () => {
          for (const event of events) {
            await process.append(event);
            appended += 1;
          }
        })().catch(() => undefined);
        await Promise.race([working, ...(faults[fault].how === 'hang' && died < events.length ? [hangs] : [])]);
        const { unreadable, events: read } = await readRun(bucket, 'example', 'one');
        expect([appended, unreadable]).toEqual([Math.min(died, events.length), []]);
        expect([appended, appended + 1]).toContain(read.length);
        expect(read).toEqual(written('one', events.slice(0, read.length), [0]));
      }),
      times(0.5),
    );
  });
});

describe('the objects of a run, whatever they are', () => {
  const garbage = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .record({ schema: fc.constantFrom<unknown>(1, 2, 0, '1'), type: fc.constantFrom('held', 'odd', 'released') }, { requiredKeys: [] })
      .map((each) => JSON.stringify(each)),
    anyEvent.chain((event) => fc.subarray(Object.entries(event))).map((some) => JSON.stringify(Object.fromEntries(some))),
  );

  it(
    'are each an event or named as unreadable, and what can be read counts',
    async () => {
      await fc.assert(
        fc.asyncProperty(journal, fc.array(fc.tuple(fc.nat(999_999), garbage), { maxLength: 5 }), async (events, odd) => {
          const bucket = new MemoryStore();
          for (const event of events) bucket.set(runEventKey('example', 'one', event.writer, event.sequence, event.type), event);
          for (const [number, body] of odd) bucket.set(`${runPrefix('example', 'one')}odd-${number}`, body);
          const read = await readRun(bucket, 'example', 'one');
          expect(read.events.length + read.unreadable.length).toBe(bucket.keys().length);
          expect(new Set(read.unreadable.map((line) => line.split(':')[0]))).toEqual(
            new Set(bucket.keys().filter((key) => key.includes('odd-'))),
          );
          expect(read.events).toEqual((await runOf(events)).events);
        }),
        forged,
      );
    },
    forgedMs,
  );
});
