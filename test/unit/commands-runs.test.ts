import { describe, expect, it } from 'vitest';
import { findRun } from '../../orchestrator/cli/commands/runs.ts';
import { Refusal } from '../../orchestrator/domain/problem.ts';
import { Journal } from '../../orchestrator/journal/journal.ts';
import type { NewEvent } from '../../orchestrator/journal/events.ts';
import { readRun } from '../../orchestrator/journal/read-runs.ts';
import type { StackRecord } from '../../orchestrator/ownership/stack-record.ts';
import type { Liveness } from '../../orchestrator/ownership/liveness.ts';
import { runEventKey } from '../../orchestrator/state/layout.ts';
import { describeJournalEvent, describeRunEnd, runStatus } from '../../orchestrator/ui/runs.ts';
import { MemoryStore } from './support/memory-store.ts';
import { known, lockOf, processOf } from './support/owner.ts';
import { ownedRecord } from './support/records.ts';

const network = 'example';
const stack = 'example.vpc.one';
const run = '20300101T140558Z-aaaa1111';
const session = { accessKeyId: 'ASIA1', session: 'holdfast-1', expires: '2030-01-01T16:00:00Z' };

const opening: Extract<NewEvent, { type: 'run-opened' }> = {
  type: 'run-opened',
  operation: 'up',
  process: processOf('writer'),
  session,
  account: '111122223333',
  region: 'eu-west-1',
  order: [stack],
  forecastSeconds: 120,
  networkFile: { path: 'networks/example.yaml', text: '' },
};

const started: NewEvent = { type: 'engine-started', stack, epoch: 1, operation: 'up', checkpoint: '"0123456789abcdef"', upstreams: {} };
const held: NewEvent = {
  type: 'held',
  stack,
  epoch: 1,
  checkpoint: null,
  doubts: [
    { source: 'pending-operation', text: 'CreateVpc outcome unknown' },
    { source: 'exit', text: 'the engine was killed' },
  ],
};
const ended = (exitCode: number): NewEvent => ({ type: 'run-ended', exitCode, ends: [{ stack, outcome: 'held', detail: 'is held' }] });

async function journalOf(events: readonly NewEvent[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  const journal = new Journal({ store, network, run, writer: 'writer', patienceSeconds: 0, now: () => Date.parse('2030-01-01T14:05:58Z') });
  await journal.append(opening);
  for (const event of events) await journal.append(event);
  return store;
}

async function endOf(events: readonly NewEvent[], liveness: Liveness, phase?: 'running' | 'held'): Promise<string> {
  const read = await readRun(await journalOf(events), network, run);
  const of = (by: string): StackRecord[] => (phase === undefined ? [] : [ownedRecord(stack, phase, { owner: lockOf(stack, by) })]);
  const statusBy = (record: StackRecord[]) =>
    runStatus(read, {
      liveness: () => liveness,
      records: new Map(record.map((each) => [each.stack, { kind: 'there', etag: '"1"', record: each }])),
    });
  expect(statusBy(of('another')).held).toEqual([]);
  return describeRunEnd(statusBy(of(run)));
}

describe('how a run ended', () => {
  it.each([
    [[ended(0)], 'dead', undefined, 'exit 0'],
    [[started], 'alive', 'running', 'at work'],
    [[started], 'heard', 'running', 'at work'],
    [[started], 'look-failed', 'running', 'at work'],
    [[started], 'not-shown', 'running', 'no end known, open: 1 held'],
    [[started, held], 'alive', 'held', 'at work, open: 1 held'],
    [[], 'dead', undefined, 'died'],
    [[started], 'dead', 'running', 'died, open: 1 held'],
    [[started], 'quiet', 'running', 'no end known, open: 1 held'],
    [[started, held, ended(4)], 'dead', 'held', 'exit 4, open: 1 held'],
    [[started, held, ended(4)], 'dead', undefined, 'exit 4'],
  ] as const)('%j, its process is %s, and its stack by the record %s: %s', async (events, why, phase, words) => {
    expect(await endOf(events, known[why], phase)).toBe(words);
  });

  it('counts what cannot be read', async () => {
    const store = await journalOf([ended(0)]);
    store.set(runEventKey(network, run, 'other', 1, 'held'), '{');
    const read = await readRun(store, network, run);
    const status = runStatus(read, { liveness: () => known.dead, records: new Map() });
    expect(describeRunEnd(status)).toBe('exit 0, 1 event cannot be read');
    expect(status.unreadable).toEqual([expect.stringMatching(/other-000001-held\.json: it is not JSON$/)]);
  });

  it('is not known where its opening is not there', async () => {
    const read = await readRun(new MemoryStore(), network, run);
    expect(runStatus(read, { liveness: () => known.dead, records: new Map() })).toMatchObject({
      run,
      user: null,
      startedAt: null,
      end: 'unknown',
    });
  });
});

describe('finding a run', () => {
  const names = ['20300101T140558Z-aaaa1111', '20300101T150000Z-bbbb2222', '20300102T090000Z-cccc3333'];
  const refusalOf = (id: string, known: readonly string[] = names): Refusal => {
    try {
      findRun(known, id, network);
    } catch (cause) {
      if (cause instanceof Refusal) return cause;
    }
    throw new Error(`${id} was found`);
  };

  it.each([
    ['by its whole id', '20300101T150000Z-bbbb2222', '20300101T150000Z-bbbb2222'],
    ['by as much as only it has', '20300102', '20300102T090000Z-cccc3333'],
  ])('%s', (_, id, found) => {
    expect(findRun(names, id, network)).toBe(found);
  });

  it('by its whole id even where another one begins with it', () => {
    expect(findRun(['a', 'ab'], 'a', network)).toBe('a');
  });

  it('names those that an ambiguous one may mean', () => {
    const refusal = refusalOf('20300101');
    expect(refusal.exitCode).toBe(2);
    expect(refusal.message).toContain('2 runs of example begin with "20300101": 20300101T150000Z-bbbb2222, 20300101T140558Z-aaaa1111');
  });

  it('names the nearest to one that is not there', () => {
    const refusal = refusalOf('20300103T090000Z');
    expect(refusal.exitCode).toBe(2);
    expect(refusal.message).toMatch(/has no run "20300103T090000Z"; the nearest: 20300102T090000Z-cccc3333, /);
  });

  it('says where there is none at all', () => {
    expect(refusalOf('x', []).problems[0]?.next).toContain('npm run up');
  });
});

describe('a line of the timeline', () => {
  const header = { schema: 1, run, network, writer: 'writer', sequence: 1, at: '2030-01-01T14:06:12.000Z' };
  const line = (event: NewEvent): string => describeJournalEvent({ ...header, ...event });

  it.each<[string, NewEvent]>([
    ['opened: up of 1 stack by ada@build-7', opening],
    ['session renewed: key ASIA1, until 2030-01-01T16:00:00Z', { type: 'session-renewed', session }],
    ['SIGINT: nothing new starts', { type: 'stopping', how: 'draining', signal: 'SIGINT' }],
    ['SIGTERM: the engine is interrupted', { type: 'stopping', how: 'interrupting', signal: 'SIGTERM' }],
    ['ended with exit code 4; vpc.one is held', ended(4)],
    ['engine started (up) over checkpoint 01234567', started],
    [
      'engine started (destroy) where no checkpoint was',
      { type: 'engine-started', stack, epoch: 1, operation: 'destroy', checkpoint: null, upstreams: {} },
    ],
    ['HELD: CreateVpc outcome unknown, and 1 more', held],
    ['HELD: outcome unknown; what it could not write is in /spool', { ...held, doubts: [], spool: '/spool' }],
    ['verified (applied) at checkpoint 01234567', { type: 'verified', stack, epoch: 1, checkpoint: '"0123456789"', outcome: 'applied' }],
    ['verified (destroyed) with no checkpoint', { type: 'verified', stack, epoch: 1, checkpoint: null, outcome: 'destroyed' }],
    ['lock released', { type: 'released', stack, epoch: 1 }],
    ['evidence: 1 in doubt, 2 looks at AWS', { type: 'evidence', stack, epoch: 2, recovery: 'r', said: '1 in doubt, 2 looks at AWS' }],
  ])('%s', (text, event) => {
    expect(line(event)).toBe(text);
  });
});
