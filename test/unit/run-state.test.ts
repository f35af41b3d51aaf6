import { describe, expect, it } from 'vitest';
import { runEventSchema } from '../../orchestrator/journal/events.ts';
import type { JournalEvent, NewEvent } from '../../orchestrator/journal/events.ts';
import { apply, inReplayOrder, isOpen, newRun, replay } from '../../orchestrator/journal/run-state.ts';
import type { RunState } from '../../orchestrator/journal/run-state.ts';
import { lockOf, processOf } from './support/owner.ts';

const a = 'example.a';
const b = 'example.b';

/** Everything in it too: what changes it, throws. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const inner of Object.values(value)) frozen(inner);
    if (value instanceof Map) {
      for (const inner of value.values()) frozen(inner);
      value.set = () => {
        throw new Error('it is frozen');
      };
    }
    Object.freeze(value);
  }
  return value;
}

const eventOf = (writer: string, sequence: number, second: number, event: NewEvent): JournalEvent =>
  frozen({ schema: 1, run: 'one', network: 'example', writer, sequence, at: new Date(second * 1000).toISOString(), ...event });

const session = (accessKeyId: string) => ({ accessKeyId, session: 's', expires: 'never' });

const opening: NewEvent = {
  type: 'run-opened',
  operation: 'up',
  process: processOf('one'),
  session: session('AKIA0'),
  account: '111122223333',
  region: 'eu-west-1',
  order: [a, b],
  forecastSeconds: 1,
  networkFile: { path: 'n.yaml', text: '' },
};
const taken = (stack: string, epoch = 1): NewEvent => ({
  type: 'lock-taken',
  stack,
  epoch,
  etag: `"${stack}"`,
  lock: lockOf(stack, 'one', { epoch }),
});
const started = (stack: string, epoch = 1): NewEvent => ({
  type: 'engine-started',
  stack,
  epoch,
  operation: 'up',
  checkpoint: '"c0"',
  upstreams: {},
});
const held = (stack: string, epoch = 1, text = 'CreateVpc outcome unknown'): NewEvent => ({
  type: 'held',
  stack,
  epoch,
  doubts: [{ source: 'exit', text }],
  checkpoint: '"c1"',
  spool: '/spool/a.json',
});
const verified = (stack: string, epoch = 1): NewEvent => ({ type: 'verified', stack, epoch, checkpoint: '"c2"', outcome: 'applied' });
const released = (stack: string, epoch = 1): NewEvent => ({ type: 'released', stack, epoch });
const lost = (stack: string, goneSince?: string): NewEvent => ({
  type: 'lock-lost',
  stack,
  epoch: 1,
  how: 'removed',
  ...(goneSince === undefined ? {} : { goneSince }),
});
const restored = (stack: string): NewEvent => ({ type: 'lock-restored', stack, epoch: 1, etag: '"back"' });

/** One writer's events, a second apart. */
const written = (...events: NewEvent[]): JournalEvent[] => events.map((event, index) => eventOf('one', index + 1, index + 1, event));
const stateOf = (...events: NewEvent[]): RunState => written(...events).reduce(apply, newRun('one'));

/** A run with every type of event. */
const whole = written(
  opening,
  taken(a),
  taken(b),
  started(a),
  { type: 'session-renewed', session: session('AKIA1') },
  started(b),
  { type: 'stopping', how: 'draining', signal: 'SIGTERM' },
  lost(b, '1970-01-01T00:00:03.000Z'),
  held(b),
  restored(b),
  verified(a),
  released(a),
  held(b, 1, 'look'),
  { type: 'run-ended', exitCode: 4, ends: [] },
);

describe('a stack in a run', () => {
  it.each<readonly [string, readonly NewEvent[], string, boolean]>([
    ['locked', [taken(a)], 'locked', false],
    ['at work', [taken(a), started(a)], 'running', true],
    ['of unknown outcome', [taken(a), started(a), held(a)], 'held', true],
    ['held before anything was started', [taken(a), held(a)], 'held', true],
    ['well', [taken(a), started(a), verified(a)], 'verified', false],
    ['done', [taken(a), started(a), verified(a), released(a)], 'released', false],
    ['recovered', [taken(a), started(a), held(a), verified(a), released(a)], 'released', false],
    ['of which the lock was not written down', [started(a)], 'running', true],
  ])('is %s', (_, events, phase, open) => {
    const inRun = stateOf(...events).stacks.get(a);
    expect([inRun?.phase, inRun && isOpen(inRun)]).toEqual([phase, open]);
  });

  it('is in its phase since it came there', () => {
    expect(stateOf(taken(a), started(a), verified(a)).stacks.get(a)?.since).toBe('1970-01-01T00:00:03.000Z');
  });

  it('is held since it first was, and for what was found out last', () => {
    expect(stateOf(taken(a), started(a), held(a), held(a, 1, 'two VPCs')).stacks.get(a)).toMatchObject({
      since: '1970-01-01T00:00:03.000Z',
      doubts: [{ text: 'two VPCs' }],
    });
  });

  it('that is held again after it was verified is held since then', () => {
    expect(stateOf(taken(a), held(a), verified(a), held(a)).stacks.get(a)?.since).toBe('1970-01-01T00:00:04.000Z');
  });

  it('has no doubts any more when it is verified', () => {
    expect(stateOf(taken(a), held(a), verified(a)).stacks.get(a)).toMatchObject({ doubts: [], checkpoint: '"c2"' });
  });

  it('keeps where its spool is', () => {
    expect(stateOf(taken(a), held(a)).stacks.get(a)?.spool).toBe('/spool/a.json');
  });

  it('has its lock gone since the bucket says so, else since it was seen', () => {
    expect(stateOf(taken(a), lost(a, '1970-01-01T00:00:00.500Z')).stacks.get(a)?.lockGoneSince).toBe('1970-01-01T00:00:00.500Z');
    expect(stateOf(taken(a), lost(a)).stacks.get(a)?.lockGoneSince).toBe('1970-01-01T00:00:02.000Z');
  });

  it('has its lock gone since it was first seen to be', () => {
    expect(stateOf(taken(a), lost(a), lost(a)).stacks.get(a)?.lockGoneSince).toBe('1970-01-01T00:00:02.000Z');
  });

  it('has the lock that was put back', () => {
    const inRun = stateOf(taken(a), lost(a), restored(a)).stacks.get(a);
    expect([inRun?.lockGoneSince, inRun?.lock?.etag]).toEqual([undefined, '"back"']);
  });

  it('is in the phase that it was in when its lock goes and comes back', () => {
    expect(stateOf(taken(a), started(a), lost(a), restored(a)).stacks.get(a)?.phase).toBe('running');
  });
});

describe('a writer whose lock was taken over', () => {
  it.each([released(a), verified(a), started(a), held(a), lost(a), restored(a)])('is not heard any more: $type', (late) => {
    const before = stateOf(taken(a), started(a), held(a), taken(a, 2));
    expect(apply(before, eventOf('one', 9, 9, late))).toBe(before);
  });

  it('is heard of other stacks', () => {
    const state = stateOf(taken(a), taken(a, 2), taken(b), started(b));
    expect(state.stacks.get(b)?.phase).toBe('running');
  });

  it('is not heard, wherever the clock of the other one puts its events', () => {
    const old = written(taken(a), started(a));
    const takeover = [eventOf('two', 1, 0, taken(a, 2)), eventOf('two', 2, 0, verified(a, 2))];
    expect(replay('one', [...old, ...takeover]).stacks.get(a)).toMatchObject({ epoch: 2, phase: 'verified' });
  });
});

describe('a run', () => {
  it('has its access keys in the order of their first use, each once', () => {
    const renewed = (key: string): NewEvent => ({ type: 'session-renewed', session: session(key) });
    expect(stateOf(opening, renewed('AKIA1'), renewed('AKIA0'), renewed(''), renewed('AKIA2')).accessKeyIds).toEqual([
      'AKIA0',
      'AKIA1',
      'AKIA2',
    ]);
  });

  it('was opened by the first that did', () => {
    const state = [...written(opening), eventOf('two', 1, 5, { ...opening, operation: 'recover' })].reduce(apply, newRun('one'));
    expect(state.opened).toMatchObject({ operation: 'up', writer: 'one' });
  });

  it('has every signal that it got, and its end', () => {
    expect(replay('one', whole)).toMatchObject({ stopping: [{ signal: 'SIGTERM' }], ended: { exitCode: 4 } });
  });
});

describe('replay', () => {
  it('changes nothing that it is given', () => {
    let state = frozen(newRun('one'));
    for (const event of whole) state = frozen(apply(state, event));
    expect(state.stacks.get(b)?.phase).toBe('held');
  });

  it('comes to what the live run came to, after every event and in whatever order they are listed', () => {
    let live = newRun('one');
    for (const [index, event] of whole.entries()) {
      live = apply(live, event);
      const prefix = whole.slice(0, index + 1);
      const listings = [prefix, [...prefix].reverse(), [...prefix].sort((x, y) => (x.type < y.type ? -1 : 1))];
      for (const listing of listings) expect(replay('one', listing)).toEqual(live);
    }
  });

  it('has the events of each writer as it wrote them, whatever its clock did', () => {
    const events = [eventOf('one', 1, 9, taken(a)), eventOf('one', 2, 3, started(a)), eventOf('one', 3, 1, verified(a))];
    expect(inReplayOrder([...events].reverse())).toEqual(events);
  });

  it('merges those of several writers by their clocks', () => {
    const one = [eventOf('one', 1, 1, taken(a)), eventOf('one', 2, 5, started(a))];
    const two = [eventOf('two', 1, 3, taken(b)), eventOf('two', 2, 7, started(b))];
    const order = inReplayOrder([...two, ...one]).map(({ writer, sequence }) => `${writer} ${sequence}`);
    expect(order).toEqual(['one 1', 'two 1', 'one 2', 'two 2']);
  });

  it('comes to one order where the clocks are the same', () => {
    const events = [eventOf('one', 1, 1, taken(a)), eventOf('two', 1, 1, taken(b)), eventOf('three', 1, 1, lost(a))];
    const orders = [events, [...events].reverse()].map((listing) => inReplayOrder(listing).map(({ writer }) => writer));
    expect(orders[0]).toEqual(orders[1]);
  });

  it('of nothing is a run without events', () => {
    expect(replay('one', [])).toEqual(newRun('one'));
  });
});

describe('an event', () => {
  it.each(whole.map((event) => [event.type, event] as const))('is read back as it was written: %s', (_, event) => {
    expect(runEventSchema.parse(JSON.parse(JSON.stringify(event)))).toEqual(event);
  });
});
