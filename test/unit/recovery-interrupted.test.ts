import { describe, expect, it } from 'vitest';
import type { Answer, Doubt } from '../../orchestrator/journal/events.ts';
import type { LockRecord } from '../../orchestrator/locks/lock-record.ts';
import { unknownLiveness } from '../../orchestrator/ownership/liveness.ts';
import { stackRecordSchema } from '../../orchestrator/ownership/stack-record.ts';
import type { Program, Proof, StackRecord, Verified } from '../../orchestrator/ownership/stack-record.ts';
import { transition } from '../../orchestrator/ownership/transitions.ts';
import type { Event } from '../../orchestrator/ownership/transitions.ts';
import { describeAnswer } from '../../orchestrator/recovery/describe.ts';
import { interruptedFrom } from '../../orchestrator/recovery/interrupted.ts';
import type { Interrupted } from '../../orchestrator/recovery/interrupted.ts';
import { writerOf } from '../../orchestrator/recovery/writer.ts';
import { lockOf, processOf } from './support/owner.ts';
import { stack } from './support/recovery.ts';

const run = 'r1';
const startedAt = '2030-01-01T00:00:00.000Z';
const at = (seconds: number): string => new Date(Date.parse(startedAt) + seconds * 1000).toISOString();
const base = { etag: '"base"', modified: '2029-12-30T00:00:00.000Z' };
const session = { accessKeyId: 'ASIA1', session: 'holdfast', expires: '2030-01-01T02:00:00.000Z' };
const program: Program = { path: 'n.yaml', digest: 'd'.repeat(64) };

/** The record after these events, as the table makes it and the bucket keeps it; each comes a second after the one before. */
function after(from: StackRecord | undefined, ...events: readonly Event[]): StackRecord {
  let record = from;
  for (const [index, event] of events.entries()) {
    const made = transition(record ?? { stack }, event, at(index));
    if (!made.ok) throw new Error(`${event.type}: ${made.refusal}`);
    record = stackRecordSchema.parse(JSON.parse(JSON.stringify({ ...made.next, write: `w${index}` })));
  }
  if (!record) throw new Error('nothing was done');
  return record;
}

const claim = (owner: LockRecord = lockOf(stack, run)): Event => ({ type: 'claim', owner });
const as = (nonce: string, epoch: number) => ({ nonce, epoch });
const start = (more: Partial<Extract<Event, { type: 'start' }>> = {}): Event => ({
  type: 'start',
  as: as(run, 1),
  operation: 'up',
  base,
  program,
  session,
  ...more,
});
const doubt = (text: string, more: Partial<Doubt> = {}): Doubt => ({ source: 'exit', text, ...more });
const hold = (doubts: readonly Doubt[] = [doubt('killed')], more: Partial<Extract<Event, { type: 'hold' }>> = {}): Event => ({
  type: 'hold',
  as: as(run, 1),
  doubts,
  ...more,
});
const recovery = (name: string, of = run): LockRecord => lockOf(stack, of, { ...processOf(name), operation: 'recover', recovery: name });
const takeOver = (name: string, proof: Proof = 'process-dead'): Event => ({ type: 'take-over', owner: recovery(name), proof });
const answer = (name: string, epoch: number, ...answers: readonly Answer[]): Event => ({ type: 'answer', as: as(name, epoch), answers });

/** A stack that was verified at this before. */
const free = (verified: Verified): StackRecord => ({
  schema: 1,
  stack,
  write: 'w',
  epoch: 0,
  since: startedAt,
  verified,
  fence: 'none',
  disowned: [],
  phase: 'free',
});
const verified: Verified = { kind: 'at', ...base, run: 'r0', since: base.modified };

const of = (...events: readonly Event[]): Interrupted => interruptedFrom(after(free(verified), ...events), stack, 'own');

const facts = (interrupted: Interrupted) =>
  ({
    interrupted,
    liveness: unknownLiveness,
    engine: { kind: 'not-looked' },
    now: Date.parse(startedAt),
    clockSkewSeconds: 0,
    saidBy: undefined,
  }) as const;

describe('a run that died at its engine', () => {
  const interrupted = of(claim(), start());

  it('is known by its process and when it began', () => {
    expect(interrupted).toMatchObject({
      run,
      stack,
      process: { nonce: run },
      startedAt: new Date(startedAt),
      engineStarted: true,
      nonces: [run],
      owners: [processOf(run)],
      writerDead: undefined,
    });
  });

  it('has no end of its engine', () => {
    expect(interrupted.engineEndedAt).toBeUndefined();
  });

  it('keeps the network file that it had', () => {
    expect(interrupted.program).toEqual(program);
  });
});

describe('what no run of Holdfast had begun, and an earlier recovery has held', () => {
  const claimed = after(undefined, claim(recovery('rec-1', 'rec-1')));
  const held = after(claimed, hold([doubt('CreateVpc outcome unknown')], { as: as('rec-1', 1) }));
  const second = interruptedFrom(held, stack, 'rec-2');

  it('is known no better than to that recovery: by nothing but the versions, from as long before', () => {
    const nothing = { process: undefined, program: undefined, sessions: [], engineEndedAt: undefined, startedAt: undefined };
    expect(second).toMatchObject({ ...nothing, run: 'rec-2' });
    expect([second.doubts.length, second.nonces]).toEqual([1, ['rec-1']]);
    expect(interruptedFrom(undefined, stack, 'rec-1')).toMatchObject({ ...nothing, run: 'rec-1', base: undefined });
  });

  it.each([
    ['only claimed', interruptedFrom(claimed, stack, 'rec-2')],
    ['held', second],
  ])('is asked about again where it was %s, as that recovery is no word of who is at work on it', (_, interrupted) => {
    expect(writerOf(facts(interrupted))).toMatchObject({ dead: false, reason: 'unknown' });
    expect(writerOf({ ...facts(interrupted), saidBy: 'ada@build-7' })).toMatchObject({ dead: true, saidBy: 'ada@build-7' });
  });

  it('is not asked about again once a takeover was allowed by a person’s word', () => {
    const taken = interruptedFrom(after(held, takeOver('rec-1', 'person')), stack, 'rec-2');
    expect(taken).toMatchObject({ process: undefined, sessions: [], startedAt: undefined });
    expect(writerOf(facts(taken))).toMatchObject({ dead: true, by: 'person' });
  });
});

describe('what a run has found, and held before it started an engine there', () => {
  const behind = doubt('its checkpoint was changed behind Holdfast, and AWS has a VPC for one (vpc-1) that the state does not have');
  const found = of(claim(), hold([behind]));

  it('is not its own doing: who did it is not known, and it was done since the stack was verified', () => {
    expect(found).toMatchObject({
      base: base.etag,
      baseModified: new Date(base.modified),
      process: undefined,
      program: undefined,
      startedAt: undefined,
      sessions: [],
      engineEndedAt: undefined,
      doubts: [behind],
    });
  });

  it('is asked about as plain pulumi’s', () => {
    expect(writerOf(facts(found))).toMatchObject({ dead: false, reason: 'unknown' });
  });

  it('is the run’s own where it had started its engine, or held nothing', () => {
    expect(of(claim(), start(), hold([behind])).process).toMatchObject({ nonce: run });
    expect(of(claim()).process).toMatchObject({ nonce: run });
    expect(of(claim(), takeOver('rec-1')).process).toMatchObject({ nonce: run });
  });
});

describe('the checkpoint that it began from', () => {
  const begun: readonly (readonly [string, Verified, readonly Event[], string | null | undefined, string | undefined])[] = [
    ['is the one that its engine started from', { kind: 'absent' }, [claim(), start()], '"base"', base.modified],
    ['is none where there was none', verified, [claim(), start({ base: null })], null, undefined],
    ['is the verified one, where no engine was started', verified, [claim(), takeOver('rec-1')], '"base"', base.modified],
    ['is none where none was verified, and no engine was started', { kind: 'absent' }, [claim(), takeOver('rec-1')], null, undefined],
    [
      'is not known where it was released over a state that may not be true',
      { kind: 'unknown', incident: 'INC-1', since: startedAt },
      [claim(), takeOver('rec-1')],
      undefined,
      undefined,
    ],
  ];

  it.each(begun)('%s', (_, before, events, etag, modified) => {
    const interrupted = interruptedFrom(after(free(before), ...events), stack, 'own');
    expect([interrupted.base, interrupted.baseModified?.toISOString()]).toEqual([etag, modified]);
  });

  it.each(['"base"', undefined, null])('is the same to whoever asks while it is only claimed: verified at %j', (etag) => {
    const before: Verified =
      etag === null ? { kind: 'absent' } : etag === undefined ? { kind: 'unknown', incident: 'INC-1', since: startedAt } : verified;
    expect(interruptedFrom(after(free(before), claim()), stack, 'own').base).toBe(etag);
  });

  it('is not one that a later recovery found', () => {
    expect(of(claim(), start(), takeOver('rec-1'), takeOver('rec-2')).base).toBe('"base"');
  });
});

describe('its operation', () => {
  it.each<readonly [string, readonly Event[], string]>([
    ['a destroy’s engine', [claim(), start({ operation: 'destroy' })], 'destroy'],
    ['the engine of an up', [claim(), start()], 'up'],
    ['a claim to destroy', [claim(lockOf(stack, run, { operation: 'destroy' }))], 'destroy'],
    ['a claim to destroy that was taken over', [claim(lockOf(stack, run, { operation: 'destroy' })), takeOver('rec-1')], 'destroy'],
    ['a claim of an up', [claim()], 'up'],
    ['a claim of a recovery', [claim(recovery('rec-1'))], 'up'],
  ])('is that of %s', (_, events, operation) => {
    expect(of(...events).operation).toBe(operation);
  });
});

describe('the end of its engine', () => {
  const ended = at(3);

  it('is when the run saw it, where it wrote that down', () => {
    expect(of(claim(), start(), hold([doubt('killed')], { engineEndedAt: ended })).engineEndedAt).toEqual(new Date(ended));
  });

  it('is not known where the run held the stack and did not see it, whatever it is in doubt about', () => {
    const unseen = hold([doubt('CreateVpc outcome unknown'), doubt('in whatever words', { source: 'engine-end-unseen' })]);
    expect(of(claim(), start(), unseen)).toMatchObject({
      engineEndedAt: undefined,
      doubts: [{ source: 'exit' }, { source: 'engine-end-unseen' }],
    });
  });

  it('is known whatever the words of another doubt', () => {
    const worded = hold([doubt("the engine's end was not seen: a process is left", { source: 'look' })], { engineEndedAt: ended });
    expect(of(claim(), start(), worded).engineEndedAt).toEqual(new Date(ended));
  });

  it('is not known by what a recovery wrote down', () => {
    const failed = hold([doubt('AWS could not be looked at', { source: 'recovery' })], { as: as('rec-1', 2) });
    expect(of(claim(), start(), takeOver('rec-1'), failed).engineEndedAt).toBeUndefined();
  });

  it('stays known after a recovery that came to nothing', () => {
    const failed = hold([], { as: as('rec-1', 2) });
    expect(of(claim(), start(), hold([], { engineEndedAt: ended }), takeOver('rec-1'), failed).engineEndedAt).toEqual(new Date(ended));
  });

  it('needs none where no engine was started', () => {
    expect([of(claim()).engineStarted, of(claim(), takeOver('rec-1', 'nothing-started')).engineStarted]).toEqual([false, false]);
  });
});

describe('the sessions that it had', () => {
  it('are those that its engine was given', () => {
    expect(of(claim(), start()).sessions).toEqual([session]);
  });

  it('are none of a recovery’s', () => {
    expect(of(claim(), start(), takeOver('rec-1'), hold([], { as: as('rec-1', 2) }), takeOver('rec-2')).sessions).toEqual([session]);
  });
});

describe('what is unknown of it', () => {
  const create = doubt('CreateVpc outcome unknown', { source: 'unfinished-step', urn: 'urn:1', op: 'create' });
  const asked = (text: string): Doubt => doubt(text, { source: 'question' });

  it('is everything that the run wrote down, each once, and what the last recovery came to', () => {
    const events = [
      claim(),
      start(),
      hold([create, doubt('killed')]),
      takeOver('rec-1'),
      hold([doubt('killed'), asked('no answer')], { as: as('rec-1', 2) }),
      takeOver('rec-2'),
      hold([asked('another one')], { as: as('rec-2', 3) }),
    ];
    expect(
      of(...events)
        .doubts.map(({ text }) => text)
        .sort(),
    ).toEqual(['CreateVpc outcome unknown', 'another one', 'killed']);
  });

  it('is not lost by a recovery that died, nor by one that had nothing to add', () => {
    const events = [claim(), start(), hold([create]), takeOver('rec-1'), takeOver('rec-2'), hold([], { as: as('rec-2', 3) })];
    expect(of(...events).doubts).toEqual([create]);
  });
});

describe('what persons have answered', () => {
  const after2 = (...answers: readonly Answer[]): string[] =>
    of(claim(), start(), takeOver('rec-1'), answer('rec-1', 2, ...answers)).answers.map(describeAnswer);
  const vpc = (word: Answer['answer'], id?: string): Answer => ({ resource: 'vpc', answer: word, ...(id === undefined ? {} : { id }) });

  it('is the newest for each object', () => {
    expect(after2(vpc('adopt', 'vpc-1'), vpc('delete', 'vpc-2'), vpc('disown', 'vpc-2'))).toEqual(['vpc=adopt:vpc-1', 'vpc=disown:vpc-2']);
  });

  it('is one object for a resource: another one that is adopted takes the place of the first', () => {
    expect(after2(vpc('adopt', 'vpc-1'), vpc('adopt', 'vpc-2'))).toEqual(['vpc=adopt:vpc-2']);
  });

  it('is for each of several objects', () => {
    expect(after2(vpc('delete', 'vpc-1'), vpc('delete', 'vpc-2'), { resource: 'net', answer: 'adopt', id: 'vpc-3' })).toHaveLength(3);
  });

  it('is of the whole resource where it names no object', () => {
    expect(after2(vpc('delete', 'vpc-1'), vpc('disown'), { resource: 'net', answer: 'forget' })).toEqual(['vpc=disown', 'net=forget']);
  });

  it('is what was said in the later recovery', () => {
    const events = [
      claim(),
      start(),
      takeOver('rec-1'),
      answer('rec-1', 2, { resource: 'pad', answer: 'forget' }, vpc('adopt', 'vpc-1')),
      hold([], { as: as('rec-1', 2) }),
      takeOver('rec-2'),
      answer('rec-2', 3, vpc('disown', 'vpc-1')),
    ];
    expect(of(...events).answers.map(describeAnswer)).toEqual(['pad=forget', 'vpc=disown:vpc-1']);
  });

  it('is not taken from a recovery that has lost the stack', () => {
    const events = [claim(), start(), takeOver('rec-1'), takeOver('rec-2')];
    expect(() => of(...events, answer('rec-1', 2, vpc('forget')))).toThrow('answer: not-owner');
  });
});

describe('a run that was taken over', () => {
  const interrupted = of(claim(), start(), takeOver('rec-1'), takeOver('rec-2'));

  it('has every process that ever had the stack', () => {
    expect(interrupted.nonces).toEqual([run, 'rec-1', 'rec-2']);
    expect(interrupted.owners).toEqual([run, 'rec-1', 'rec-2'].map(processOf));
  });

  it('is still that of the process that began it', () => {
    expect(interrupted).toMatchObject({ run, process: { nonce: run }, startedAt: new Date(startedAt) });
  });

  it('is known to be dead by what the last takeover was allowed by', () => {
    expect(of(claim(), start(), takeOver('rec-1', 'process-dead'), takeOver('rec-2', 'sessions-ended')).writerDead).toBe('sessions-ended');
  });
});

it('a run of several processes is that of the one that had the stack', () => {
  const owner = lockOf(stack, run, processOf('second'));
  expect(of(claim(owner), start({ as: as('second', 1) }))).toMatchObject({ run, process: { nonce: 'second' }, nonces: ['second'] });
});

it('where no run was, nothing is known, and an engine may be at work', () => {
  expect(interruptedFrom(undefined, stack, 'own')).toEqual({
    stack,
    run: 'own',
    operation: 'up',
    base: undefined,
    startedAt: undefined,
    program: undefined,
    process: undefined,
    engineStarted: true,
    engineEndedAt: undefined,
    sessions: [],
    doubts: [],
    answers: [],
    nonces: [],
  });
});
