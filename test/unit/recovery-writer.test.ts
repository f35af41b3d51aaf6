import { describe, expect, it } from 'vitest';
import type { Interrupted } from '../../orchestrator/recovery/interrupted.ts';
import { writerOf } from '../../orchestrator/recovery/writer.ts';
import type { Writer, WriterFacts } from '../../orchestrator/recovery/writer.ts';
import type { Liveness } from '../../orchestrator/run/standing.ts';
import { lockOf, processOf } from './support/owner.ts';
import { stack } from './support/recovery.ts';

const expires = '2030-01-01T02:00:00.000Z';
const session = (until: string) => ({ accessKeyId: 'ASIA1', session: 'holdfast', expires: until });

/** A run that had an engine at work, of which no end is known. */
const interrupted = (different: Partial<Interrupted> = {}): Interrupted => ({
  run: 'r1',
  stack,
  operation: 'up',
  base: null,
  lock: { record: lockOf(stack, 'r1'), etag: '"1"' },
  startedAt: new Date('2030-01-01T00:00:00Z'),
  opening: undefined,
  process: processOf('r1'),
  engineStarted: true,
  engineEndedAt: undefined,
  sessions: [session(expires)],
  doubts: [],
  answers: [],
  nonces: ['r1'],
  epoch: 1,
  ...different,
});

const writer = (different: Partial<WriterFacts> = {}, run: Partial<Interrupted> = {}): Writer =>
  writerOf({
    interrupted: interrupted(run),
    liveness: 'quiet',
    isHere: false,
    ended: 0,
    now: Date.parse(expires),
    clockSkewSeconds: 0,
    saidBy: undefined,
    ...different,
  });

const everyLiveness: readonly Liveness[] = ['alive', 'dead', 'heard-of', 'quiet'];

describe('nobody can write any more', () => {
  it.each(everyLiveness)('where no engine was started, be its process %s', (liveness) => {
    expect(writer({ liveness }, { engineStarted: false })).toEqual({ dead: true, how: 'run r1 had started no engine there' });
  });

  it.each(everyLiveness)('where the run saw its engine end, be its process %s', (liveness) => {
    expect(writer({ liveness }, { engineEndedAt: new Date() })).toEqual({ dead: true, how: 'run r1 saw its engine and its plugins end' });
  });

  it.each([
    [0, 'its orchestrator (pid 42) is dead, and no process of its engine was left on build-7'],
    [1, "its orchestrator (pid 42) is dead, and 1 of its engine's processes was ended on build-7"],
    [2, "its orchestrator (pid 42) is dead, and 2 of its engine's processes were ended on build-7"],
  ])('where it died on this machine, and %i of its engine were ended', (ended, how) => {
    expect(writer({ liveness: 'dead', isHere: true, ended })).toEqual({ dead: true, how });
  });

  it('where its last session has expired, and some minutes for clocks and calls under way', () => {
    const at = (seconds: number) => writer({ now: Date.parse(expires) + seconds * 1000 }).dead;
    expect([at(0), at(300), at(300.001)]).toEqual([false, false, true]);
    expect(writer({ now: Date.parse(expires) + 400_000 })).toEqual({ dead: true, how: `its last session expired at ${expires}` });
  });

  it('where the last of several sessions has expired', () => {
    const sessions = [session('2030-01-01T03:00:00.000Z'), session(expires)];
    const at = (time: string) => writer({ now: Date.parse(time) }, { sessions }).dead;
    expect([at('2030-01-01T02:30:00Z'), at('2030-01-01T03:06:00Z')]).toEqual([false, true]);
  });

  it.each([-240, 240])('where its last session has expired by a clock that differs from that of AWS by %i s', (clockSkewSeconds) => {
    expect(writer({ now: Date.parse(expires) + 301_000, clockSkewSeconds }).dead).toBe(true);
  });

  it('where a person says so: that is in the answer', () => {
    expect(writer({ saidBy: 'ada@laptop' })).toEqual({
      dead: true,
      how: 'a person says that nothing of run r1 is at work any more',
      saidBy: 'ada@laptop',
    });
  });

  it('which is known, and not said, where both are', () => {
    expect(writer({ saidBy: 'ada@laptop', liveness: 'dead', isHere: true })).not.toHaveProperty('saidBy');
  });
});

describe('somebody may still write', () => {
  it('where its process lives, whatever a person says', () => {
    expect(writer({ liveness: 'alive', isHere: true, saidBy: 'ada@laptop' })).toEqual({
      dead: false,
      reason: 'at-work',
      why: 'run r1 is at work (pid 42 on build-7)',
    });
  });

  it.each(['dead', 'quiet', 'heard-of'] as const)('where it was elsewhere, and its session lasts: %s', (liveness) => {
    expect(writer({ liveness })).toEqual({
      dead: false,
      reason: 'unknown',
      why: `whether an engine of run r1 is still at work on build-7 cannot be seen from here, and its session lasts until ${expires}`,
    });
  });

  it.each([
    [7200, "this machine's clock is 2 h ahead of AWS's; set the clock (timedatectl set-ntp true), then run the same command again"],
    [-241, "this machine's clock is 4 min 1 s behind AWS's; set the clock (timedatectl set-ntp true), then run the same command again"],
    [undefined, "this machine's clock could not be compared with AWS's"],
  ])('where its session has expired by a clock that differs from that of AWS by %s s', (clockSkewSeconds, because) => {
    expect(writer({ now: Date.parse(expires) + 400_000, clockSkewSeconds })).toEqual({
      dead: false,
      reason: 'unknown',
      why: `whether an engine of run r1 is still at work on build-7 cannot be seen from here, and its session lasts until ${expires}: whether that is past is not known, because ${because}`,
    });
  });

  it('of whom a person says that it is dead, where the clock is wrong: that is what counts', () => {
    expect(writer({ now: Date.parse(expires) + 400_000, clockSkewSeconds: 7200, saidBy: 'ada@laptop' })).toMatchObject({
      dead: true,
      saidBy: 'ada@laptop',
    });
  });

  it.each(['never', 'unknown'])('where it was elsewhere, and its session expires %s', (until) => {
    const long = writer({ now: Date.parse('2099-01-01T00:00:00Z') }, { sessions: [session(expires), session(until)] });
    expect(long).toEqual({
      dead: false,
      reason: 'unknown',
      why: 'whether an engine of run r1 is still at work on build-7 cannot be seen from here',
    });
  });

  it('where nothing at all was written down of it', () => {
    const nothing = { process: undefined, sessions: [], engineStarted: false, lock: undefined, nonces: [] };
    expect(writer({ now: Date.parse('2099-01-01T00:00:00Z') }, nothing)).toMatchObject({
      dead: false,
      reason: 'unknown',
      why: expect.stringContaining('a machine that nobody wrote down') as string,
    });
  });
});
