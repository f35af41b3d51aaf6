import { describe, expect, it } from 'vitest';
import type { JournalEvent, NewEvent } from '../../../orchestrator/journal/events.ts';
import { Journal } from '../../../orchestrator/journal/journal.ts';
import { readRun } from '../../../orchestrator/journal/read-runs.ts';
import { apply, inReplayOrder, isOpen, newRun, replay } from '../../../orchestrator/journal/run-state.ts';
import type { RunState, StackPhase } from '../../../orchestrator/journal/run-state.ts';
import { runEventKey, runPrefix } from '../../../orchestrator/state/layout.ts';
import { breakAt, everyFault, faults } from '../support/faults.ts';
import { HookedStore } from '../support/hooked-store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { lockOf, processOf } from '../support/owner.ts';
import { fc, times } from '../support/property.ts';

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
    event('lock-taken', { etag, lock: fc.constant(lockOf(of.stack, `epoch-${of.epoch}`, { epoch: of.epoch })) }),
    event('engine-started', { operation: fc.constantFrom('up', 'destroy'), checkpoint, upstreams: fc.constant({}) }),
    event('held', { doubts: fc.array(doubt, { maxLength: 2 }), checkpoint }),
    event('verified', { checkpoint, outcome: fc.constant('applied' as const) }),
    event('released', {}),
    event('lock-lost', { how: fc.constantFrom('removed', 'replaced') }),
    event('lock-restored', { etag }),
    event('quarantined', { recovery, prefix: fc.constant('q/'), versions: fc.nat(3), checkpoint }),
    event('answered', {
      recovery,
      by: fc.constant('ada'),
      answer: fc.record({ resource: fc.constantFrom('vpc', 'subnet'), answer: fc.constantFrom('adopt', 'forget', 'disown', 'delete') }),
    }),
    event('writer-dead', { recovery, how: fc.constant('it ended') }),
    event('confirmed', { recovery, changes: fc.constant<string[]>([]) }),
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

const shuffled = <T>(all: readonly T[]): fc.Arbitrary<T[]> => fc.shuffledSubarray([...all], { minLength: all.length });

const phaseOf = (state: RunState, name: string): StackPhase | undefined => state.stacks.get(name)?.phase;

/** What the last event that says how far a stack has come says, of those that were written under the highest epoch until then. */
function modelPhase(events: readonly JournalEvent[], name: string): StackPhase | undefined {
  const own = events.filter((event) => 'stack' in event && event.stack === name) as Extract<JournalEvent, { stack: string }>[];
  const heard = own.filter(({ epoch: of }, index) => own.slice(0, index).every((earlier) => earlier.epoch <= of));
  const says = { 'engine-started': 'running', held: 'held', verified: 'verified', released: 'released' } as const;
  const last = heard.findLast(({ type }) => type === 'lock-taken' || type in says);
  if (!last) return own.length === 0 ? undefined : 'locked';
  if (last.type === 'lock-taken') return last.epoch === 1 ? 'locked' : 'held';
  return says[last.type as keyof typeof says];
}

describe('the replay of any journal', () => {
  it('has each stack in the phase that its last event says, of those whose writer still had the lock', () => {
    fc.assert(
      fc.property(journal, (events) => {
        const state = replay('one', events);
        for (const name of stacks) expect(phaseOf(state, name)).toBe(modelPhase(inReplayOrder(events), name));
      }),
    );
  });

  it('has all events once, each writer’s as it wrote them, and by the clocks where these go forward', () => {
    fc.assert(
      fc.property(journal, (events) => {
        const order = inReplayOrder(events);
        expect(new Set(order)).toEqual(new Set(events));
        expect(order).toHaveLength(events.length);
        const writers = new Set(events.map(({ writer }) => writer));
        for (const writer of writers)
          expect(order.filter((event) => event.writer === writer)).toEqual(events.filter((event) => event.writer === writer));
        const forward = [...writers].every((writer) => {
          const at = events.filter((event) => event.writer === writer).map((event) => event.at);
          return at.every((each, index) => index === 0 || (at[index - 1] ?? '') <= each);
        });
        if (forward) expect(order.map(({ at }) => at)).toEqual(events.map(({ at }) => at).sort());
      }),
    );
  });

  it('comes to the same state in whatever order the objects are listed', () => {
    const listed = journal.chain((events) => fc.tuple(fc.constant(events), shuffled(events)));
    fc.assert(
      fc.property(listed, ([events, listing]) => {
        expect(replay('one', listing)).toEqual(replay('one', events));
      }),
    );
  });

  it('comes to the same state where some of its objects are listed twice, but for the signals, which are all told', () => {
    const listed = journal.chain((events) =>
      fc.tuple(
        fc.constant(events),
        fc.subarray([...events]).chain((twice) => shuffled([...events, ...twice])),
      ),
    );
    fc.assert(
      fc.property(listed, ([events, listing]) => {
        const { stopping, ...state } = replay('one', listing);
        const { stopping: once, ...expected } = replay('one', events);
        expect(state).toEqual(expected);
        expect(new Set(stopping)).toEqual(new Set(once));
      }),
    );
  });

  it('never has the epoch of a stack go back, and an event changes its own stack alone, and only under the lock', () => {
    fc.assert(
      fc.property(journal, (events) => {
        let before = newRun('one');
        for (const event of inReplayOrder(events)) {
          const after = apply(before, event);
          for (const name of stacks) {
            const [was, is] = [before.stacks.get(name), after.stacks.get(name)];
            expect(is?.epoch ?? 0).toBeGreaterThanOrEqual(was?.epoch ?? 0);
            if (!('stack' in event) || event.stack !== name || event.epoch < (was?.epoch ?? 0)) expect(is).toBe(was);
          }
          before = after;
        }
      }),
    );
  });
});

/** How an engine's work on a stack may go on, and be cut short anywhere. */
const life: fc.Arbitrary<readonly string[]> = fc
  .tuple(
    fc.array(fc.constantFrom('held', 'lock-lost', 'lock-restored'), { maxLength: 3 }),
    fc.constantFrom<readonly string[]>(['verified', 'released'], ['verified'], []),
  )
  .map(([between, end]) => ['lock-taken', 'engine-started', ...between, ...end]);

const ofTypes = (types: readonly string[], of: { readonly stack: string; readonly epoch: number }): fc.Arbitrary<NewEvent[]> =>
  fc.tuple(...types.map((type) => stackEvent(of).filter((event) => event.type === type)));

describe('what a journal claims at any time', () => {
  const lives = fc
    .tuple(...stacks.map((name) => life.chain((types) => ofTypes(types, { stack: name, epoch: 1 }))))
    .chain(([a = [], b = []]) => fc.tuple(fc.constant(a), fc.constant(b), fc.array(fc.boolean(), { minLength: 14, maxLength: 14 })))
    .map(([a, b, order]) => {
      const waiting = [[...a], [...b]];
      const merged = order.flatMap((first) => waiting[first ? 0 : 1]?.splice(0, 1) ?? []);
      return [...merged, ...waiting.flat()];
    });

  it('is never that a stack is well between the start of its engine and its verified end', () => {
    fc.assert(
      fc.property(lives, fc.nat(20), (events, length) => {
        const prefix = written('one', events.slice(0, length), [0]);
        const state = replay('one', prefix);
        for (const name of stacks) {
          const own = prefix.flatMap((event) => ('stack' in event && event.stack === name ? [event.type as string] : []));
          const inRun = state.stacks.get(name);
          const isInDoubt = own.includes('engine-started') && !own.includes('verified');
          expect([own, inRun !== undefined && isOpen(inRun)]).toEqual([own, isInDoubt]);
          expect(phaseOf(state, name) === 'released').toBe(own.includes('released'));
          // What says of it that its lock stands, or is gone, does not say that it is well.
          if (isInDoubt) expect(phaseOf(state, name)).toBe(own.includes('held') ? 'held' : 'running');
        }
      }),
    );
  });

  it('is what its process had appended, wherever that died, or one event more', async () => {
    await fc.assert(
      fc.asyncProperty(lives, fc.nat(20), fc.constantFrom(...everyFault), async (events, died, fault) => {
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
        const { state, unreadable, events: read } = await readRun(bucket, 'example', 'one');
        expect([appended, unreadable]).toEqual([Math.min(died, events.length), []]);
        expect([appended, appended + 1]).toContain(read.length);
        expect(state).toEqual(replay('one', written('one', events.slice(0, read.length), [0])));
      }),
      times(0.5),
    );
  });
});

describe('a stack that several processes had one after the other', () => {
  const recovered = fc.constantFrom<readonly string[]>(
    [],
    ['quarantined', 'answered', 'answered'],
    ['answered', 'held'],
    ['answered', 'verified'],
    ['verified', 'released'],
  );
  /** A run and its recoveries, each under an epoch of its own, and all of them with clocks that are wrong. */
  const owners = fc
    .tuple(life, fc.array(recovered, { maxLength: 3 }))
    .chain(([first, later]) =>
      fc.tuple(
        ...[first, ...later.map((types) => ['lock-taken', ...types])].map((types, index) =>
          fc.tuple(ofTypes(types, { stack: stacks[0], epoch: index + 1 }), seconds).map(([events, at]) => ({
            right: written(`writer-${index}`, events, [index * 10]),
            wrong: written(`writer-${index}`, events, at),
          })),
        ),
      ),
    )
    .map((all) => ({ right: all.flatMap(({ right }) => right), wrong: all.flatMap(({ wrong }) => wrong) }));

  it('is where the last of them left it, whatever their clocks said', () => {
    fc.assert(
      fc.property(owners, ({ right, wrong }) => {
        const [expected, found] = [right, wrong].map((events) => replay('one', events).stacks.get(stacks[0]));
        expect([found?.epoch, found?.phase, found?.lock?.record.run]).toEqual([
          expected?.epoch,
          expected?.phase,
          expected?.lock?.record.run,
        ]);
      }),
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

  it('are each an event or named as unreadable, and what can be read counts', async () => {
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
        expect(read.state).toEqual(replay('one', events));
      }),
    );
  });
});
