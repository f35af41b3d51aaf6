import { formatSeconds } from '../domain/duration.ts';
import { exitCodes, worstOf } from '../domain/exit-codes.ts';
import type { ExitCode } from '../domain/exit-codes.ts';
import { messageOf } from '../domain/problem.ts';
import type { Heartbeat } from '../locks/heartbeat.ts';
import type { NewEvent } from '../journal/events.ts';
import { addCounts } from './events.ts';
import type { StackEnd, StackResult } from './events.ts';
import { takesAway } from './passes.ts';
import type { PassKind } from './passes.ts';
import { servedDigests } from './settled.ts';
import { inOrder } from './schedule.ts';
import { runStack } from './stack-run.ts';
import type { StackRunSettings, Work } from './stack-run.ts';

/** One pass over some stacks: each has its own part of the edit in it. */
export interface PassWork {
  readonly kind: PassKind;
  /** In dependency order. */
  readonly work: readonly Work[];
}

export interface ApplyRequest extends StackRunSettings {
  readonly stage: 'up' | 'destroy';
  /** One after the other. Work of a stack that a later pass goes on with is not `last`. */
  readonly passes: readonly PassWork[];
  readonly opening: Omit<Extract<NewEvent, { type: 'run-opened' }>, 'type'>;
  readonly heartbeat: Heartbeat;
  readonly minimumSessionSeconds: number;
  readonly parallel: number;
}

interface Applied {
  readonly ends: readonly StackResult[];
  readonly exitCode: ExitCode;
}

/** Seconds kept between a stack's forecast end and the session's: a gateway attachment may take minutes longer than last time. */
const sessionMarginSeconds = 300;

/**
 * Runs the stacks in dependency order, each behind a lock of its own that it gives back at its verified end. A failed stack skips its dependents, and
 * nothing else. The first lock is taken alone: of two runs that start at once over the same stacks exactly one goes on.
 * @throws JournalUnavailable where the run's opening could not be written: nothing was started
 */
export async function applyNetwork(request: ApplyRequest): Promise<Applied> {
  const { passes, emit, stage, journal, heartbeat } = request;
  await journal.append({ type: 'run-opened', ...request.opening });
  await heartbeat.start();
  const unlisten = noteSignals(request);
  const stacks = new Map(passes.flatMap(({ work }) => work).map((item) => [item.stack, item]));
  emit({ type: 'stage-started', stage, stacks: [...stacks.values()].map(({ stack, short, kind }) => ({ stack, short, kind })) });
  const shared = { limit: new SessionLimit(), first: new FirstLock() };
  const ended = new Map<string, StackResult>();
  for (const [index, pass] of passes.entries()) {
    if (passes.length > 1)
      emit({ type: 'pass-started', pass: pass.kind, number: index + 1, of: passes.length, stacks: pass.work.map(({ short }) => short) });
    for (const [stack, result] of await runPass(pass, request, ended, shared)) ended.set(stack, result);
  }
  emit({ type: 'stage-ended', stage });
  const ends = [...stacks.keys()].flatMap((stack) => ended.get(stack) ?? []);
  const exitCode = exitCodeOf(ends, request.draining.aborted);
  await unlisten();
  await journal.note({
    type: 'run-ended',
    exitCode,
    ends: ends.map(({ stack, end }) => ({ stack, outcome: end.outcome, detail: verbOf(end) })),
  });
  await heartbeat.stop();
  return { ends, exitCode };
}

/** @param earlier how the stacks ended in the passes before */
function runPass(
  pass: PassWork,
  request: ApplyRequest,
  earlier: ReadonlyMap<string, StackResult>,
  { limit, first }: { readonly limit: SessionLimit; readonly first: FirstLock },
): Promise<ReadonlyMap<string, StackResult>> {
  const byStack = new Map(pass.work.map((item) => [item.stack, item]));
  // What is taken away may still be used by what did not come to its end.
  const unready = takesAway(pass.kind) ? [...earlier.values()].find(({ end }) => !endedWell(end)) : undefined;
  return inOrder<StackResult>(
    // What has nothing to do takes no time.
    pass.work.map(({ stack, after, needed, forecastSeconds }) => ({ name: stack, after, seconds: needed ? forecastSeconds : 0 })),
    request.parallel,
    async (name, results): Promise<StackResult> => {
      const item = byStack.get(name);
      if (!item) throw new Error(`${name} is not part of this run`);
      const before = earlier.get(name);
      // It has been told.
      if (before && !endedWell(before.end)) return before;
      const started = request.now();
      const blocker =
        unready ?? item.after.map((of) => results.get(of) ?? earlier.get(of)).find((result) => result && !endedWell(result.end));
      const end = blocker
        ? ({ outcome: 'skipped', because: `${blocker.short} ${verbOf(blocker.end)}` } as const)
        : await workOn(item, request, limit, first).catch((cause: unknown): StackEnd => ({ outcome: 'held', errors: [messageOf(cause)] }));
      // However it ended, the others wait no longer.
      first.settle(name, false);
      const seconds = (before?.seconds ?? 0) + (request.now() - started) / 1000;
      const result: StackResult = { stack: name, short: item.short, end: before ? together(before.end, end) : end, seconds };
      if (item.last || !endedWell(end)) request.emit({ type: 'stack-ended', stack: name, end: result.end, seconds });
      return result;
    },
  );
}

/** What a stack came to in two passes. */
function together(before: StackEnd, end: StackEnd): StackEnd {
  if (before.outcome !== 'applied') return end;
  if (end.outcome === 'unchanged') return before;
  return end.outcome === 'applied' ? { ...end, counts: addCounts(before.counts, end.counts) } : end;
}

/** Signals are worth a line in the journal: who looks at it later wants to know whether the run was stopped or died. */
function noteSignals({ journal, draining, interrupting }: ApplyRequest): () => Promise<void> {
  const notes: Promise<void>[] = [];
  const listen = (signal: AbortSignal, how: 'draining' | 'interrupting'): (() => void) => {
    const note = (): void => void notes.push(journal.note({ type: 'stopping', how, signal: String(signal.reason) }));
    signal.addEventListener('abort', note, { once: true });
    return () => signal.removeEventListener('abort', note);
  };
  const ends = [listen(draining, 'draining'), listen(interrupting, 'interrupting')];
  return async () => {
    for (const end of ends) end();
    await Promise.all(notes);
  };
}

/** The lock that decides whether this run is alone, of whichever stack comes first: the others of the run are taken once it is had. */
class FirstLock {
  readonly had: Promise<boolean>;
  #stack: string | undefined;
  #resolve: (had: boolean) => void = () => undefined;

  constructor() {
    this.had = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Who asks first is the first. */
  isFor(stack: string): boolean {
    this.#stack ??= stack;
    return this.#stack === stack;
  }

  settle(stack: string, had: boolean): void {
    if (this.#stack === stack) this.#resolve(had);
  }
}

/** What the stacks of a run have in common of its session. */
class SessionLimit {
  /** Once it is too short for a stack it is too short for the run: nothing new starts. */
  tooShort: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** One after the other: one renewal serves all that wait for it. */
  inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

async function workOn(item: Work, request: ApplyRequest, limit: SessionLimit, first: FirstLock): Promise<StackEnd> {
  if (!item.needed) return { outcome: 'unchanged' };
  const { settled, known } = request;
  // Planned, because of what it reads, which came out as it was before.
  if (settled?.isSettled(item.stack, known.get(item.stack)?.etag, item.fingerprint?.(servedDigests(known))))
    return { outcome: 'unchanged' };
  const alone = first.isFor(item.stack) || (await first.had);
  if (request.draining.aborted) return { outcome: 'not-started', reason: 'stopped', because: 'stopped by a signal' };
  if (limit.tooShort !== undefined) return { outcome: 'not-started', reason: 'session-too-short', because: limit.tooShort };
  if (!alone) return { outcome: 'not-started', reason: 'first-stack-locked', because: 'the first stack of this run could not be locked' };
  const neededSeconds = item.forecastSeconds + sessionMarginSeconds;
  await limit.inTurn(() => readySession(request, Math.max(neededSeconds, request.minimumSessionSeconds)));
  const remaining = request.session.remainingSeconds();
  if (remaining < neededSeconds) {
    limit.tooShort = `the session has ${formatSeconds(remaining)} left, and ${item.short} needs ${formatSeconds(neededSeconds)}`;
    return { outcome: 'not-started', reason: 'session-too-short', because: limit.tooShort };
  }
  return runStack(item, request, (had) => first.settle(item.stack, had));
}

/** Renews a session that gets short, where its source can. Each stack's record has the session that its engine works with before that starts. */
async function readySession({ session, journal }: ApplyRequest, neededSeconds: number): Promise<void> {
  if (session.remainingSeconds() >= neededSeconds) return;
  if (await session.renew().catch(() => false)) await journal.note({ type: 'session-renewed', session: session.record() });
}

/** Whether what comes after a stack may start. */
export const endedWell = ({ outcome }: Pick<StackEnd, 'outcome'>): boolean =>
  outcome === 'applied' || outcome === 'destroyed' || outcome === 'unchanged';

/** As in `vpc.shared failed`. */
const verbs: Readonly<Record<StackEnd['outcome'], string>> = {
  failed: 'failed',
  held: 'is held',
  undecided: 'is held',
  locked: 'is locked by someone else',
  skipped: 'was skipped',
  'not-started': 'was not started',
  planned: 'ended',
  applied: 'ended',
  destroyed: 'ended',
  unchanged: 'ended',
  recovered: 'ended',
  recoverable: 'ended',
};

export const verbOf = ({ outcome }: Pick<StackEnd, 'outcome'>): string => verbs[outcome];

/** Why a stack was skipped is the end of another one, and counted there. */
const codes: Readonly<Record<Exclude<StackEnd['outcome'], 'not-started'>, ExitCode>> = {
  held: exitCodes.held,
  undecided: exitCodes.personMustDecide,
  locked: exitCodes.lockedByOther,
  failed: exitCodes.failed,
  skipped: exitCodes.done,
  planned: exitCodes.done,
  applied: exitCodes.done,
  destroyed: exitCodes.done,
  unchanged: exitCodes.done,
  recovered: exitCodes.done,
  recoverable: exitCodes.done,
};

/** The code of a whole run, by how its stacks ended. */
export function exitCodeOf(ends: readonly StackResult[], stopped: boolean): ExitCode {
  const codeOf = ({ end }: StackResult): ExitCode => {
    if (end.outcome !== 'not-started') return codes[end.outcome];
    return stopped ? exitCodes.stoppedBySignal : end.reason === 'first-stack-locked' ? exitCodes.done : exitCodes.preflightRefused;
  };
  return worstOf([...ends.map(codeOf), ...(stopped ? [exitCodes.stoppedBySignal] : [])]);
}
