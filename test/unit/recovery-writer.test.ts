import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { Interrupted } from '../../orchestrator/recovery/interrupted.ts';
import { endLeftEngine, writerOf } from '../../orchestrator/recovery/writer.ts';
import type { Writer, WriterFacts } from '../../orchestrator/recovery/writer.ts';
import { describeWriter } from '../../orchestrator/ui/writer.ts';
import { markedEnvironment } from '../../orchestrator/pulumi/orphans.ts';
import { isAlive, identityOf, ownIdentity } from '../../toolchain/process-identity.ts';
import type { ProcessIdentity } from '../../toolchain/process-identity.ts';
import { known, machine, processOf, user } from './support/owner.ts';
import { stack } from './support/recovery.ts';

const expires = '2030-01-01T02:00:00.000Z';
const session = (until: string) => ({ accessKeyId: 'ASIA1', session: 'holdfast', expires: until });

/** A run that had an engine at work, of which no end is known. */
const interrupted = (different: Partial<Interrupted> = {}): Interrupted => ({
  run: 'r1',
  stack,
  operation: 'up',
  base: null,
  startedAt: new Date('2030-01-01T00:00:00Z'),
  program: undefined,
  process: processOf('r1'),
  engineStarted: true,
  engineEndedAt: undefined,
  sessions: [session(expires)],
  doubts: [],
  answers: [],
  nonces: ['r1'],
  ...different,
});

/** The verdict, and what is said of it. */
const writer = (different: Partial<WriterFacts> = {}, run: Partial<Interrupted> = {}): Writer & { readonly said: string } => {
  const facts: WriterFacts = {
    interrupted: interrupted(run),
    liveness: known.quiet,
    engine: { kind: 'not-looked' },
    now: Date.parse(expires),
    clockSkewSeconds: 0,
    saidBy: undefined,
    ...different,
  };
  const verdict = writerOf(facts);
  return { ...verdict, said: describeWriter(verdict, facts) };
};

const everyLiveness = Object.values(known);
const ended = (count: number) => ({ kind: 'ended', count }) as const;

describe('nobody can write any more', () => {
  it.each(everyLiveness)('where no engine was started, be its process %o', (liveness) => {
    expect(writer({ liveness }, { engineStarted: false })).toEqual({
      dead: true,
      by: 'nothing-started',
      said: 'run r1 had started no engine there',
    });
  });

  it.each(everyLiveness)('where the run saw its engine end, be its process %o', (liveness) => {
    expect(writer({ liveness }, { engineEndedAt: new Date() })).toEqual({
      dead: true,
      by: 'engine-ended',
      said: 'run r1 saw its engine and its plugins end',
    });
  });

  it.each([
    [0, 'its orchestrator (pid 42) is dead, and no process of its engine was left on build-7'],
    [1, "its orchestrator (pid 42) is dead, and 1 of its engine's processes was ended on build-7"],
    [2, "its orchestrator (pid 42) is dead, and 2 of its engine's processes were ended on build-7"],
  ])('where it died on this machine, and %i of its engine were ended', (count, how) => {
    expect(writer({ liveness: known.dead, engine: ended(count) })).toEqual({ dead: true, by: 'process-dead', said: how });
  });

  it.each([
    [0, 'its orchestrator (pid 42) is dead, and no process of its engine was left on build-7'],
    [1, "its orchestrator (pid 42) is dead, and 1 of its engine's processes is left, which recover ends, on build-7"],
  ])('as a dry run tells it, which ends none: %i are left', (count, how) => {
    expect(writer({ liveness: known.dead, engine: { kind: 'found', count } })).toEqual({ dead: true, by: 'process-dead', said: how });
  });

  it('where its last session has expired, and some minutes for clocks and calls under way', () => {
    const at = (seconds: number) => writer({ now: Date.parse(expires) + seconds * 1000 }).dead;
    expect([at(0), at(300), at(300.001)]).toEqual([false, false, true]);
    expect(writer({ now: Date.parse(expires) + 400_000 })).toEqual({
      dead: true,
      by: 'sessions-ended',
      said: `its last session expired at ${expires}`,
    });
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
      by: 'person',
      said: 'a person says that nothing of run r1 is at work any more',
      saidBy: 'ada@laptop',
    });
  });

  it('which is known, and not said, where both are', () => {
    expect(writer({ saidBy: 'ada@laptop', liveness: known.dead, engine: ended(0) })).not.toHaveProperty('saidBy');
  });
});

describe('somebody may still write', () => {
  it('where its process lives, whatever a person says', () => {
    expect(writer({ liveness: known.alive, saidBy: 'ada@laptop' })).toEqual({
      dead: false,
      reason: 'at-work',
      said: 'run r1 is at work (pid 42 on build-7)',
    });
  });

  it.each([
    ['quiet', 'it is on another machine, and nothing was heard of it, which proves nothing'],
    ['heard', 'it was heard of a moment ago'],
    ['not-shown', 'this machine does not show this user the processes of other users'],
    ['look-failed', 'the processes of this machine could not be looked at just now'],
    ['records-disagree', 'two records name different processes as the same one'],
  ] as const)('where it cannot be told whether it is alive, and its session lasts: %s', (why, words) => {
    expect(writer({ liveness: known[why], engine: ended(0) })).toEqual({
      dead: false,
      reason: 'unknown',
      said: `whether an engine of run r1 is still running on build-7 cannot be told: ${words}. Its session lasts until ${expires}`,
    });
  });

  it('where its orchestrator is dead and its engine could not be looked for', () => {
    expect(writer({ liveness: known.dead, engine: { kind: 'cannot-tell', why: 'they are hidden' } })).toEqual({
      dead: false,
      reason: 'unknown',
      said: `whether an engine of run r1 is still running on build-7 cannot be told: its orchestrator (pid 42) is dead, and they are hidden. Its session lasts until ${expires}`,
    });
  });

  it('where a process of its engine lives, whatever a person says and whatever the run wrote down', () => {
    expect(
      writer({ liveness: known.dead, engine: { kind: 'lives', why: 'x' }, saidBy: 'ada@laptop' }, { engineEndedAt: new Date() }),
    ).toEqual({ dead: false, reason: 'at-work', said: 'run r1 is at work on build-7: x' });
  });

  it.each([
    [7200, "this machine's clock is 2 h ahead of AWS's; set the clock (timedatectl set-ntp true), then run the same command again"],
    [-241, "this machine's clock is 4 min 1 s behind AWS's; set the clock (timedatectl set-ntp true), then run the same command again"],
    [undefined, "this machine's clock could not be compared with AWS's"],
  ])('where its session has expired by a clock that differs from that of AWS by %s s', (clockSkewSeconds, because) => {
    expect(writer({ now: Date.parse(expires) + 400_000, clockSkewSeconds })).toEqual({
      dead: false,
      reason: 'unknown',
      said: `whether an engine of run r1 is still running on build-7 cannot be told: it is on another machine, and nothing was heard of it, which proves nothing. Its session lasts until ${expires}: whether that is past is not known, because ${because}`,
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
      said: 'whether an engine of run r1 is still running on build-7 cannot be told: it is on another machine, and nothing was heard of it, which proves nothing',
    });
  });

  it('where nothing at all was written down of it', () => {
    const nothing = { process: undefined, sessions: [], engineStarted: false, nonces: [] };
    expect(writer({ now: Date.parse('2099-01-01T00:00:00Z') }, nothing)).toMatchObject({
      dead: false,
      reason: 'unknown',
      said: expect.stringContaining('a machine that was not recorded') as string,
    });
  });
});

describe.runIf(process.platform === 'linux')('what is left of the engine of an interrupted run', () => {
  const children: ReturnType<typeof spawn>[] = [];
  afterEach(async () => {
    // The next test looks for the same marker.
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });

  /** A process as an engine of run r1 is one, started by such an orchestrator. */
  async function engineProcess(orchestrator: ProcessIdentity): Promise<ProcessIdentity> {
    const child = spawn('sleep', ['600'], { env: { ...process.env, ...markedEnvironment(`r1/${stack}/1`, orchestrator) }, detached: true });
    children.push(child);
    await once(child, 'spawn');
    const identity = await identityOf(child.pid ?? 0);
    if (!identity) throw new Error('the process is not there');
    return identity;
  }
  const own = { machine, user };
  /** As of an orchestrator that started when this process did: nothing older can be its engine. */
  const run = async (): Promise<Interrupted> =>
    interrupted({ process: { ...processOf('r1'), processStartedAt: (await ownIdentity()).startedAt } });
  const search = async (different: Partial<Parameters<typeof endLeftEngine>[0]> = {}) =>
    endLeftEngine({ interrupted: await run(), liveness: known.dead, own, dryRun: false, ...different });
  const gone: ProcessIdentity = { pid: 2 ** 22 + 1, startedAt: 'then' };

  it('is ended, and counted', async () => {
    const left = await engineProcess(gone);
    expect([await search(), await isAlive(left)]).toEqual([{ kind: 'ended', count: 1 }, false]);
  });

  it('is found by a dry run, and left as it is', async () => {
    const left = await engineProcess(gone);
    expect([await search({ dryRun: true }), await isAlive(left)]).toEqual([{ kind: 'found', count: 1 }, true]);
  });

  it('is not touched where its own environment names an orchestrator that lives, whatever the bucket says of it', async () => {
    const other = await engineProcess(gone);
    const left = await engineProcess(other);
    expect(await search()).toEqual({
      kind: 'lives',
      why: `the engine's own orchestrator (pid ${other.pid}) is alive: the engine was left alone`,
    });
    expect(await isAlive(left)).toBe(true);
  });

  it.each(Object.entries(known).filter(([why]) => why !== 'dead'))(
    'is not looked for where its orchestrator is %s',
    async (_, liveness) => {
      const left = await engineProcess(gone);
      expect([await search({ liveness }), await isAlive(left)]).toEqual([{ kind: 'not-looked' }, true]);
    },
  );

  it('is not looked for where the run was elsewhere', async () => {
    expect(await search({ own: { machine: 'machine-2', user } })).toEqual({ kind: 'not-looked' });
  });
});
