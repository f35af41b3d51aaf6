import { describe, expect, it } from 'vitest';
import { stackRecordSchema } from '../../orchestrator/ownership/stack-record.ts';
import type { Proof, StackRecord } from '../../orchestrator/ownership/stack-record.ts';
import { table, transition } from '../../orchestrator/ownership/transitions.ts';
import type { As, Event, EventType, From, Refusal, Transition } from '../../orchestrator/ownership/transitions.ts';
import { lockOf } from './support/owner.ts';
import { fc, times } from './support/property.ts';

const stack = 'example.vpc.shared';
const now = '2030-01-01T00:00:00.000Z';
const session = { accessKeyId: 'ASIAONE', session: 'holdfast-mine', expires: '2030-01-01T02:00:00.000Z' };
const version = { etag: '"1"', modified: now };
const verified = { kind: 'at', ...version, run: 'mine', since: now } as const;
const disowned = { id: 'vpc-1', type: 'aws:ec2/vpc:Vpc', reason: 'an old one', by: 'ada', at: now };
const freezeOf = (incident: string) => lockOf(stack, `freeze-${incident}`, { operation: 'freeze', incident });

type At = StackRecord | { readonly stack: string };

const none: At = { stack };

const isRecord = (at: At): at is StackRecord => 'phase' in at;

/** What cannot be changed behind a test's back. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}

/** As it is when it was written and read again. */
const readAgain = (made: Transition): StackRecord => {
  if (!made.ok) throw new Error(made.refusal);
  return deepFreeze(stackRecordSchema.parse(JSON.parse(JSON.stringify({ ...made.next, write: 'w' }))));
};

const after = (...history: readonly Event[]): At => history.reduce<At>((at, event) => readAgain(transition(at, event, now)), none);

const mine = (epoch: number): As => ({ epoch, nonce: 'mine' });
const takeOver = (nonce: string, proof: Proof): Event => ({
  type: 'take-over',
  owner: lockOf(stack, nonce, { operation: 'recover' }),
  proof,
});
const claim: Event = { type: 'claim', owner: lockOf(stack) };
const start = (as: As): Event => ({ type: 'start', as, operation: 'up', base: null, session });
const hold = (as: As): Event => ({ type: 'hold', as, doubts: [{ source: 'exit', text: 'CreateVpc outcome unknown' }] });
const giveBack = (as: As): Event => ({ type: 'give-back', as });

/** A record of each phase, as the table itself makes it. Where it has an owner that is `mine`, by its first claim or by a takeover. */
const records: Readonly<Record<From, At>> = {
  none,
  free: after(claim, giveBack(mine(1))),
  claimed: after(claim),
  running: after(claim, start(mine(1))),
  held: after(claim, start(mine(1)), hold(mine(1))),
  recovering: after(claim, start(mine(1)), takeOver('mine', 'person')),
};
const phases = ['none', 'free', 'claimed', 'running', 'held', 'recovering'] as const;

/** Every event, as an owner would ask for it, if it is an owner's. */
const events: { readonly [T in EventType]: (as: As) => Extract<Event, { type: T }> } = {
  claim: () => ({ type: 'claim', owner: lockOf(stack, 'another') }),
  'give-back': (as) => ({ type: 'give-back', as }),
  start: (as) => ({ type: 'start', as, operation: 'up', base: version, session }),
  hold: (as) => ({ type: 'hold', as, doubts: [], engineEndedAt: now }),
  verify: (as) => ({ type: 'verify', as, verified }),
  'take-over': () => ({ type: 'take-over', owner: lockOf(stack, 'another', { operation: 'recover' }), proof: 'person' }),
  release: (as) => ({ type: 'release', as, incident: 'INC-9' }),
  freeze: () => ({ type: 'freeze', by: freezeOf('INC-1') }),
  unfreeze: () => ({ type: 'unfreeze', nonce: 'freeze-INC-1' }),
  disown: (as) => ({ type: 'disown', as, objects: [disowned] }),
  answer: (as) => ({ type: 'answer', as, answers: [{ resource: 'vpc', answer: 'forget' }] }),
};
const eventTypes = Object.keys(events) as EventType[];

/** The phase after it, or why not. */
type Cell = From | Refusal;

/** Of none, free, claimed, running, held, recovering; by the owner. */
const allowed: Readonly<Record<EventType, readonly [Cell, Cell, Cell, Cell, Cell, Cell]>> = {
  claim: ['claimed', 'claimed', 'not-free', 'not-free', 'not-free', 'not-free'],
  'give-back': ['wrong-phase', 'not-owner', 'free', 'wrong-phase', 'not-owner', 'wrong-phase'],
  start: ['wrong-phase', 'not-owner', 'running', 'wrong-phase', 'not-owner', 'wrong-phase'],
  hold: ['wrong-phase', 'not-owner', 'held', 'held', 'not-owner', 'held'],
  verify: ['wrong-phase', 'not-owner', 'wrong-phase', 'free', 'not-owner', 'free'],
  'take-over': ['wrong-phase', 'wrong-phase', 'recovering', 'recovering', 'recovering', 'recovering'],
  release: ['wrong-phase', 'not-owner', 'wrong-phase', 'wrong-phase', 'free', 'free'],
  freeze: ['free', 'free', 'claimed', 'running', 'held', 'recovering'],
  unfreeze: ['not-frozen', 'not-frozen', 'not-frozen', 'not-frozen', 'not-frozen', 'not-frozen'],
  disown: ['wrong-phase', 'not-owner', 'wrong-phase', 'wrong-phase', 'not-owner', 'recovering'],
  answer: ['wrong-phase', 'not-owner', 'wrong-phase', 'wrong-phase', 'not-owner', 'recovering'],
};

/** What a freeze changes of that. There is no record of none that is frozen. */
const allowedFrozen: typeof allowed = {
  ...allowed,
  claim: ['claimed', 'frozen', 'not-free', 'not-free', 'not-free', 'not-free'],
  start: ['wrong-phase', 'not-owner', 'frozen', 'wrong-phase', 'not-owner', 'wrong-phase'],
  unfreeze: ['not-frozen', 'free', 'claimed', 'running', 'held', 'recovering'],
};

const frozen = (at: At): At => (isRecord(at) ? readAgain(transition(at, { type: 'freeze', by: freezeOf('INC-1') }, now)) : at);

const ownerOf = (at: At): As => (isRecord(at) && at.phase !== 'free' ? { epoch: at.epoch, nonce: at.owner.nonce } : mine(1));

const outcome = (made: Transition): Cell => (made.ok ? made.next.phase : made.refusal);

/** Nonces of every process that had the stack since it was verified. */
const ownersOf = (at: At): string[] => (isRecord(at) && 'owners' in at ? at.owners.map(({ nonce: of }) => of) : []);

const gridOf = (recordOf: (phase: From) => At, asOf: (at: At) => As) =>
  Object.fromEntries(
    eventTypes.map((type) => [
      type,
      phases.map((phase) => {
        const at = recordOf(phase);
        return outcome(transition(at, events[type](asOf(at)), now));
      }),
    ]),
  );

/** By a process that is not the owner, or is no more. */
const allowedToAnother: typeof allowed = {
  ...allowed,
  'give-back': ['wrong-phase', 'not-owner', 'not-owner', 'wrong-phase', 'not-owner', 'wrong-phase'],
  start: ['wrong-phase', 'not-owner', 'not-owner', 'wrong-phase', 'not-owner', 'wrong-phase'],
  hold: ['wrong-phase', 'not-owner', 'not-owner', 'not-owner', 'not-owner', 'not-owner'],
  verify: ['wrong-phase', 'not-owner', 'wrong-phase', 'not-owner', 'not-owner', 'not-owner'],
  release: ['wrong-phase', 'not-owner', 'wrong-phase', 'wrong-phase', 'free', 'not-owner'],
  disown: ['wrong-phase', 'not-owner', 'wrong-phase', 'wrong-phase', 'not-owner', 'not-owner'],
  answer: ['wrong-phase', 'not-owner', 'wrong-phase', 'wrong-phase', 'not-owner', 'not-owner'],
};

describe('the transition table', () => {
  it('allows each event in the phases that are written here, and refuses it in every other one with its code', () => {
    expect([...eventTypes].sort()).toEqual(Object.keys(table).sort());
    expect(gridOf((phase) => records[phase], ownerOf)).toEqual(allowed);
  });

  it('refuses a claim and the start of an engine of a frozen stack, and nothing else because it is frozen', () => {
    expect(gridOf((phase) => frozen(records[phase]), ownerOf)).toEqual(allowedFrozen);
  });

  it.each([
    ['an epoch before', (at: At): As => ({ ...ownerOf(at), epoch: ownerOf(at).epoch - 1 })],
    ['a later epoch', (at: At): As => ({ ...ownerOf(at), epoch: ownerOf(at).epoch + 1 })],
    ['another nonce', (at: At): As => ({ ...ownerOf(at), nonce: 'another' })],
  ])('refuses every event of an owner to a process with %s', (_, asOf) => {
    expect(gridOf((phase) => records[phase], asOf)).toEqual(allowedToAnother);
  });

  it('refuses a freeze under another incident than the one that stands, in every phase', () => {
    const other: Event = { type: 'freeze', by: freezeOf('INC-2') };
    const refused = phases.map((phase) => outcome(transition(frozen(records[phase]), other, now)));
    expect(refused).toEqual(['free', 'other-freeze', 'other-freeze', 'other-freeze', 'other-freeze', 'other-freeze']);
  });

  it('keeps the first freeze where the same incident freezes a second time', () => {
    const again = transition(frozen(records.held), { type: 'freeze', by: { ...freezeOf('INC-1'), nonce: 'second' } }, now);
    expect(readAgain(again).frozen?.nonce).toBe('freeze-INC-1');
  });

  it('refuses to end a freeze that is not the one that was looked at', () => {
    expect(outcome(transition(frozen(records.free), { type: 'unfreeze', nonce: 'freeze-INC-2' }, now))).toBe('not-frozen');
  });

  it('takes over as one where nothing was started only a claim, and what was taken over from one', () => {
    const at: Readonly<Record<string, At>> = { ...records, 'recovering a claim': after(claim, takeOver('another', 'nothing-started')) };
    const outcomes = Object.entries(at).map(([phase, record]) => [
      phase,
      outcome(transition(record, takeOver('third', 'nothing-started'), now)),
    ]);
    expect(Object.fromEntries(outcomes)).toEqual({
      none: 'wrong-phase',
      free: 'wrong-phase',
      claimed: 'recovering',
      running: 'wrong-phase',
      held: 'wrong-phase',
      recovering: 'wrong-phase',
      'recovering a claim': 'recovering',
    });
  });

  it('writes into a held record that the engine had ended, and keeps every doubt that the run left', () => {
    const doubt = { source: 'exit', text: 'CreateVpc outcome unknown' } as const;
    const another = { source: 'look', text: 'AWS did not answer' } as const;
    const held = after(claim, start(mine(1)), { type: 'hold', as: mine(1), doubts: [doubt], engineEndedAt: now, spool: '/spool' });
    expect(held).toMatchObject({ phase: 'held', doubts: [doubt], run: { engineEndedAt: now, spool: '/spool' } });
    const recovering = readAgain(transition(held, takeOver('another', 'engine-ended'), now));
    const as = { nonce: 'another', epoch: 2 };
    const again = readAgain(transition(recovering, { type: 'hold', as, doubts: [another, doubt] }, now));
    expect(again).toMatchObject({ phase: 'held', run: { engineEndedAt: now, spool: '/spool' } });
    expect('doubts' in again ? new Set(again.doubts) : undefined).toEqual(new Set([doubt, another]));
  });

  it('knows after any number of takeovers which run was interrupted, and who had the stack', () => {
    const record = after(claim, start(mine(1)), takeOver('second', 'person'), takeOver('third', 'person'), takeOver('second', 'person'));
    expect(record).toMatchObject({ epoch: 4, run: { by: { nonce: 'mine' } } });
    expect(new Set(ownersOf(record))).toEqual(new Set(['mine', 'second', 'third']));
  });
});

const nonces = ['mine', 'another', 'third'] as const;
const nonce = fc.constantFrom(...nonces);

/** Made when it is known what the record is: events of the owner, of an earlier one, and of processes that never were one. */
interface Wish {
  readonly type: EventType;
  readonly nonce: (typeof nonces)[number];
  /** Added to the record's epoch. */
  readonly off: number;
  readonly asOwner: boolean;
  readonly proof: Proof;
  readonly incident: string;
}

const wish: fc.Arbitrary<Wish> = fc.record({
  type: fc.constantFrom(...eventTypes),
  nonce,
  off: fc.constantFrom(-1, 0, 0, 1),
  asOwner: fc.boolean(),
  proof: fc.constantFrom<Proof>('process-dead', 'engine-ended', 'nothing-started', 'sessions-ended', 'person'),
  incident: fc.constantFrom('INC-1', 'INC-2'),
});

const asOf = (at: At, { nonce: by, off, asOwner }: Wish): As => {
  const owner = ownerOf(at);
  return asOwner ? owner : { nonce: by, epoch: owner.epoch + off };
};

const eventOf = (at: At, made: Wish): Event => {
  switch (made.type) {
    case 'claim':
      return { type: 'claim', owner: lockOf(stack, made.nonce) };
    case 'take-over':
      return takeOver(made.nonce, made.proof);
    case 'freeze':
      return { type: 'freeze', by: freezeOf(made.incident) };
    case 'unfreeze':
      return { type: 'unfreeze', nonce: `freeze-${made.incident}` };
    default:
      return events[made.type](asOf(at, made));
  }
};

type Look = (seen: {
  readonly at: At;
  readonly event: Event;
  readonly as: As;
  readonly made: Transition;
  readonly next: StackRecord | undefined;
}) => void;

/** Looks at each step of sequences that are made up. */
const atEachStep = (look: Look): void => {
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 25 }), (wishes) => {
      let at: At = none;
      for (const one of wishes) {
        const event = eventOf(at, one);
        const made = transition(at, deepFreeze(event), now);
        const next = made.ok ? readAgain(made) : undefined;
        look({ at, event, as: asOf(at, one), made, next });
        at = next ?? at;
      }
    }),
    times(10),
  );
};

const epochOf = (at: At): number => (isRecord(at) ? at.epoch : 0);
const raising: ReadonlySet<EventType> = new Set(['claim', 'take-over', 'release']);

describe('any sequence of events', () => {
  it('leaves no trace of an event that is refused', () => {
    atEachStep(({ made }) => {
      if (!made.ok) expect(Object.keys(made).sort()).toEqual(['ok', 'refusal']);
    });
  });

  it('raises the epoch by one where the owner changes, and never else', () => {
    atEachStep(({ at, event, next }) => {
      if (!next) return;
      const isRaised =
        event.type === 'claim' || event.type === 'take-over' || (event.type === 'release' && isRecord(at) && at.phase === 'held');
      expect(next.epoch - epochOf(at)).toBe(isRaised ? 1 : 0);
      if (next.epoch !== epochOf(at)) expect(raising).toContain(event.type);
    });
  });

  it('lets nothing but the owner do what is for the owner', () => {
    atEachStep(({ at, event, as, made }) => {
      if (!('as' in event) || (event.type === 'release' && isRecord(at) && at.phase === 'held')) return;
      const isOwner = isRecord(at) && at.phase !== 'free' && at.owner.nonce === as.nonce && at.epoch === as.epoch;
      if (!isOwner) expect(made.ok).toBe(false);
    });
  });

  it('leaves a record that can be read again: a free one without an owner, any other with one of its own epoch', () => {
    atEachStep(({ next }) => {
      if (!next) return;
      if (next.phase === 'free') expect(next).not.toHaveProperty('owner');
      else expect(next.owner.epoch).toBe(next.epoch);
      expect(next.stack).toBe(stack);
    });
  });

  it.each([
    ['a freeze', ['freeze', 'unfreeze'], (record: StackRecord) => record.frozen],
    ['the disowned objects', ['disown'], (record: StackRecord) => record.disowned],
    ['the verified version', ['verify', 'release'], (record: StackRecord) => record.verified],
  ])('keeps %s through every event but %j', (_, changers, fieldOf) => {
    atEachStep(({ at, event, next }) => {
      if (next && isRecord(at) && !changers.includes(event.type)) expect(fieldOf(next)).toEqual(fieldOf(at));
    });
  });

  it('keeps what was interrupted, and who had the stack, until it is verified or released', () => {
    atEachStep(({ at, event, next }) => {
      if (!isRecord(at) || !next || !('owners' in at) || event.type === 'verify' || event.type === 'release') return;
      expect(ownersOf(next)).toEqual(expect.arrayContaining(ownersOf(at)));
      if (at.run) expect(next).toMatchObject({ run: { by: at.run.by, engineStarted: at.run.engineStarted, sessions: at.run.sessions } });
    });
  });
});

describe('how long a stack took', () => {
  const secondsOf = (at: At): number | undefined => (isRecord(at) && at.verified.kind === 'at' ? at.verified.seconds : undefined);
  const running = after(claim, start(mine(1)));
  const later = (seconds: number): string => new Date(Date.parse(now) + seconds * 1000).toISOString();
  const verifiedAfter = (at: At, seconds: number, as = ownerOf(at)): At =>
    readAgain(transition(at, { type: 'verify', as, verified }, later(seconds)));

  it('is written down when its run verifies it', () => {
    expect(secondsOf(verifiedAfter(running, 42))).toBe(42);
  });

  it('is a second at least, whatever a clock says', () => {
    expect(secondsOf(verifiedAfter(running, -5))).toBe(1);
  });

  it('is a quarter of an hour at most, so that a machine that slept makes no later run ask for a longer session', () => {
    expect(secondsOf(verifiedAfter(running, 8_000))).toBe(900);
  });

  it('stays as it was where a recovery verifies it', () => {
    const held = [claim, start(mine(2)), hold(mine(2)), takeOver('other', 'person')].reduce<At>(
      (at, event) => readAgain(transition(at, event, now)),
      verifiedAfter(running, 42),
    );
    expect(secondsOf(verifiedAfter(held, 4_000))).toBe(42);
  });
});
