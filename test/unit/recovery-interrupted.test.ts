import { describe, expect, it } from 'vitest';
import type { Doubt, JournalEvent, NewEvent } from '../../orchestrator/journal/events.ts';
import { runEventSchema } from '../../orchestrator/journal/events.ts';
import { inReplayOrder, newRun } from '../../orchestrator/journal/run-state.ts';
import { describeAnswer } from '../../orchestrator/recovery/describe.ts';
import { interruptedOf } from '../../orchestrator/recovery/interrupted.ts';
import type { Interrupted } from '../../orchestrator/recovery/interrupted.ts';
import { unknownLiveness } from '../../orchestrator/ownership/liveness.ts';
import { writerOf } from '../../orchestrator/recovery/writer.ts';
import { lockOf, processOf } from './support/owner.ts';
import { stack } from './support/recovery.ts';

const other = 'example.vpc.b';
const run = 'r1';
const session = (accessKeyId: string, expires = '2030-01-01T02:00:00.000Z') => ({ accessKeyId, session: 'holdfast', expires });

/** Each a second after the one before. */
const by = (writer: string, ...events: readonly NewEvent[]): JournalEvent[] =>
  events.map((event, index) => ({
    schema: 1,
    run,
    network: 'example',
    writer,
    sequence: index + 1,
    at: new Date(Date.parse('2030-01-01T00:00:00Z') + index * 1000).toISOString(),
    ...event,
  }));

const opened = (writer = run, key = 'ASIA1'): NewEvent => ({
  type: 'run-opened',
  operation: 'up',
  process: processOf(writer),
  session: session(key),
  account: '111122223333',
  region: 'eu-west-1',
  order: [stack],
  forecastSeconds: 1,
  networkFile: { path: 'n.yaml', text: 'then' },
});
const taken = (epoch = 1, more: object = {}, of = stack): NewEvent => ({
  type: 'lock-taken',
  stack: of,
  epoch,
  etag: `"lock-${epoch}"`,
  lock: lockOf(of, run, { epoch, checkpoint: '"as-locked"', ...more }),
});
const started = (checkpoint: string | null = '"base"', operation: 'up' | 'destroy' = 'up'): NewEvent => ({
  type: 'engine-started',
  stack,
  epoch: 1,
  operation,
  checkpoint,
  upstreams: {},
});
const doubt = (text: string, more: Partial<Doubt> = {}): Doubt => ({ source: 'exit', text, ...more });
const held = (doubts: readonly Doubt[] = [doubt('killed')], epoch = 1): NewEvent => ({
  type: 'held',
  stack,
  epoch,
  doubts: [...doubts],
  checkpoint: null,
});
const answered = (resource: string, answer: 'adopt' | 'forget' | 'disown' | 'delete', id?: string, epoch = 2): NewEvent => ({
  type: 'answered',
  stack,
  epoch,
  recovery: 'rec',
  by: 'ada',
  answer: { resource, answer, ...(id === undefined ? {} : { id }) },
});

const of = (...events: readonly JournalEvent[]): Interrupted =>
  interruptedOf({ run, state: newRun(run), events: inReplayOrder(events), unreadable: [] }, stack);

describe('a run that died at its engine', () => {
  const interrupted = of(...by(run, opened(), taken(), started()));

  it('is known by its lock, its process and when it began', () => {
    expect(interrupted).toMatchObject({
      run,
      stack,
      lock: { etag: '"lock-1"', record: { nonce: run } },
      process: { nonce: run },
      startedAt: new Date('2030-01-01T00:00:01Z'),
      engineStarted: true,
      nonces: [run],
      epoch: 1,
    });
  });

  it('has no end of its engine', () => {
    expect(interrupted.engineEndedAt).toBeUndefined();
  });

  it('keeps the network file that it had', () => {
    expect(interrupted.opening?.networkFile.text).toBe('then');
  });
});

describe('what no run of Holdfast had begun, and an earlier recovery has taken over', () => {
  const first = by(run, { ...opened(), operation: 'recover' } as NewEvent, taken(1, { operation: 'recover' }), held());
  const second = of(...first);

  it('is known no better than to that recovery: by nothing but the versions, from as long before', () => {
    expect(second).toMatchObject({ base: undefined, process: undefined, opening: undefined, sessions: [], engineEndedAt: undefined });
    expect(second.startedAt).toEqual(new Date('2029-12-31T00:00:01Z'));
    expect([second.doubts.length, second.nonces, second.epoch]).toEqual([1, [run], 1]);
  });

  it('is asked about again, as that recovery is no word of who is at work on it', () => {
    const facts = {
      interrupted: second,
      liveness: unknownLiveness,
      engine: { kind: 'not-looked' },
      now: Date.now(),
      clockSkewSeconds: 0,
      saidBy: undefined,
    } as const;
    expect(writerOf(facts)).toMatchObject({ dead: false, reason: 'unknown' });
    expect(writerOf({ ...facts, saidBy: 'ada@build-7' })).toMatchObject({ dead: true, saidBy: 'ada@build-7' });
  });
});

describe('what a run has found, and held before it started an engine there', () => {
  const behind = doubt('its checkpoint was changed behind Holdfast, and AWS has a VPC for one (vpc-1) that the state does not have');
  const found = of(...by(run, opened(), taken(), held([behind])));

  it('is not its own doing: who did it, and since when, nobody wrote down', () => {
    expect(found).toMatchObject({
      base: undefined,
      process: undefined,
      sessions: [],
      engineStarted: false,
      engineEndedAt: undefined,
      doubts: [behind],
    });
    expect([found.startedAt, found.opening?.networkFile.text]).toEqual([new Date('2029-12-31T00:00:01Z'), 'then']);
  });

  it('is asked about as plain pulumi’s', () => {
    const facts = {
      interrupted: found,
      liveness: unknownLiveness,
      engine: { kind: 'not-looked' },
      now: Date.now(),
      clockSkewSeconds: 0,
      saidBy: undefined,
    } as const;
    expect(writerOf(facts)).toMatchObject({ dead: false, reason: 'unknown' });
  });

  it('is the run’s own where it had started its engine, or held nothing', () => {
    expect(of(...by(run, opened(), taken(), started(), held([behind]))).process).toMatchObject({ nonce: run });
    expect(of(...by(run, opened(), taken())).process).toMatchObject({ nonce: run });
  });
});

describe('the checkpoint that it began from', () => {
  it.each<readonly [string, readonly NewEvent[], string | null | undefined]>([
    ['is the one that its engine started from', [opened(), taken(), started('"base"')], '"base"'],
    ['is none where there was none', [opened(), taken(), started(null)], null],
    ['is the one that its lock names, where no engine was started', [opened(), taken()], '"as-locked"'],
    ['is not known where nobody wrote it down', [opened()], undefined],
  ])('%s', (_, events, base) => {
    expect(of(...by(run, ...events)).base).toBe(base);
  });

  it('is not the one that a later recovery found', () => {
    const takeover = by('rec', taken(2, { checkpoint: '"later"' }));
    expect(of(...by(run, opened(), taken(), started('"base"')), ...takeover).base).toBe('"base"');
  });
});

describe('its operation', () => {
  it.each<readonly [readonly NewEvent[], string]>([
    [[started(null, 'destroy')], 'destroy'],
    [[started(null, 'up')], 'up'],
    [[taken(1, { operation: 'destroy' })], 'destroy'],
    [[taken(1, { operation: 'up' })], 'up'],
    [[], 'up'],
  ])('%#: %j', (events, operation) => {
    expect(of(...by(run, ...events)).operation).toBe(operation);
  });
});

describe('the end of its engine', () => {
  it('is when the run wrote down that the stack is held', () => {
    expect(of(...by(run, opened(), taken(), started(), held())).engineEndedAt).toEqual(new Date('2030-01-01T00:00:03Z'));
  });

  it('is not known where that says that the end was not seen', () => {
    const unseen = held([doubt('CreateVpc outcome unknown'), doubt('in whatever words', { source: 'engine-end-unseen' })]);
    expect(of(...by(run, opened(), taken(), started(), unseen)).engineEndedAt).toBeUndefined();
  });

  it('is known whatever the words of another doubt', () => {
    const worded = held([doubt("the engine's end was not seen: a process is left", { source: 'look' })]);
    expect(of(...by(run, opened(), taken(), started(), worded)).engineEndedAt).toBeDefined();
  });

  it('is not known where a journal says so that was written before there was a code for it', () => {
    const unseen = held([doubt('CreateVpc outcome unknown'), doubt("the engine's end was not seen: a process is left")]);
    const events = by(run, opened(), taken(), started(), unseen).map((event) => runEventSchema.parse(JSON.parse(JSON.stringify(event))));
    expect(of(...events)).toMatchObject({ engineEndedAt: undefined, doubts: [{ source: 'exit' }, { source: 'engine-end-unseen' }] });
  });

  it('is not known by what a recovery wrote down', () => {
    const recovery = by('rec', taken(2), held([doubt('AWS could not be looked at')], 2));
    expect(of(...by(run, opened(), taken(), started()), ...recovery).engineEndedAt).toBeUndefined();
  });

  it('is not known where another stack of the run is held', () => {
    const events = by(run, opened(), taken(), started(), { type: 'held', stack: other, epoch: 1, doubts: [], checkpoint: null });
    expect(of(...events).engineEndedAt).toBeUndefined();
  });

  it('needs none where no engine was started', () => {
    expect(of(...by(run, opened(), taken())).engineStarted).toBe(false);
  });
});

describe('the sessions that it had', () => {
  it('are that of its opening, those that it renewed, and that of its lock', () => {
    const renewed: NewEvent = { type: 'session-renewed', session: session('ASIA2') };
    expect(of(...by(run, opened(), taken(), renewed, started())).sessions.map(({ accessKeyId }) => accessKeyId)).toEqual([
      'ASIA1',
      'ASIA2',
      'AKIATEST',
    ]);
  });

  it('are none of a recovery’s', () => {
    const takeover = by('rec', taken(2, { accessKeyId: 'ASIA9' }));
    expect(of(...by(run, opened(), taken(), started()), ...takeover).sessions.map(({ accessKeyId }) => accessKeyId)).not.toContain('ASIA9');
  });
});

describe('what is unknown of it', () => {
  it('is everything that was ever written down, each once', () => {
    const create = doubt('CreateVpc outcome unknown', { source: 'unfinished-step', urn: 'urn:1', op: 'create' });
    const events = [
      ...by(run, opened(), taken(), started(), held([create, doubt('killed')])),
      ...by('rec', taken(2), held([doubt('killed'), doubt('no answer', { source: 'question' })], 2)),
    ];
    expect(
      of(...events)
        .doubts.map(({ text }) => text)
        .sort(),
    ).toEqual(['CreateVpc outcome unknown', 'killed', 'no answer']);
  });

  it('is nothing of another stack', () => {
    const events = by(run, opened(), { type: 'held', stack: other, epoch: 1, doubts: [doubt('theirs')], checkpoint: null });
    expect(of(...events).doubts).toEqual([]);
  });
});

describe('what persons have answered', () => {
  it('is the newest for each object', () => {
    const events = [
      ...by(run, opened(), taken(), started()),
      ...by('rec', taken(2), answered('vpc', 'adopt', 'vpc-1'), answered('vpc', 'delete', 'vpc-2'), answered('vpc', 'disown', 'vpc-2')),
    ];
    expect(of(...events).answers).toEqual([
      { resource: 'vpc', answer: 'adopt', id: 'vpc-1' },
      { resource: 'vpc', answer: 'disown', id: 'vpc-2' },
    ]);
  });

  const after = (...answers: readonly NewEvent[]): string[] =>
    of(...by(run, opened(), taken(), started()), ...by('rec', taken(2), ...answers)).answers.map(describeAnswer);

  it('is one object for a resource: another one that is adopted takes the place of the first', () => {
    expect(after(answered('vpc', 'adopt', 'vpc-1'), answered('vpc', 'adopt', 'vpc-2'))).toEqual(['vpc=adopt:vpc-2']);
  });

  it('is for each of several objects', () => {
    expect(after(answered('vpc', 'delete', 'vpc-1'), answered('vpc', 'delete', 'vpc-2'), answered('net', 'adopt', 'vpc-3'))).toHaveLength(
      3,
    );
  });

  it('is of the whole resource where it names no object', () => {
    expect(after(answered('vpc', 'delete', 'vpc-1'), answered('vpc', 'disown'), answered('net', 'forget'))).toEqual([
      'vpc=disown',
      'net=forget',
    ]);
  });

  it('is what was said in the later recovery, whatever its clock says', () => {
    const events = [
      ...by('rec-1', taken(2), answered('pad', 'forget'), answered('vpc', 'adopt', 'vpc-1', 2)),
      ...by('rec-2', taken(3), answered('vpc', 'disown', 'vpc-1', 3)),
    ];
    expect(of(...events).answers.map(describeAnswer)).toEqual(['pad=forget', 'vpc=disown:vpc-1']);
  });
});

describe('a run that was taken over', () => {
  const events = [
    ...by(run, opened(), taken(), started()),
    ...by('rec-1', taken(2, { nonce: 'rec-1' })),
    ...by('rec-2', taken(3, { nonce: 'rec-2' })),
  ];

  it('has the epoch of the last takeover, in whatever order the events come', () => {
    expect([of(...events).epoch, of(...events.toReversed()).epoch]).toEqual([3, 3]);
  });

  it('has every process that ever had its lock', () => {
    expect(of(...events).nonces.toSorted()).toEqual([run, 'rec-1', 'rec-2']);
  });

  it('is still that of the process that began it', () => {
    expect(of(...events)).toMatchObject({ process: { nonce: run }, lock: { etag: '"lock-1"' } });
  });
});

describe('a run of several processes', () => {
  it('is that of the one whose lock it was', () => {
    const events = [...by('first', opened('first')), ...by('second', opened('second'), taken(1, { nonce: 'second' }), started())];
    expect(of(...events).opening?.process.nonce).toBe('second');
  });

  it('that had no lock there is that of its opening', () => {
    expect(of(...by(run, opened()))).toMatchObject({
      process: { nonce: run },
      startedAt: new Date('2030-01-01T00:00:00Z'),
      lock: undefined,
    });
  });
});

it('where no run was, nothing is known', () => {
  expect(of()).toMatchObject({
    operation: 'up',
    base: undefined,
    lock: undefined,
    startedAt: undefined,
    opening: undefined,
    process: undefined,
    engineStarted: false,
    engineEndedAt: undefined,
    sessions: [],
    doubts: [],
    answers: [],
    nonces: [],
    epoch: 1,
  });
});
