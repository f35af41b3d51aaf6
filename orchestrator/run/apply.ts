import { formatSeconds } from '../domain/duration.ts';
import { exitCodes, worstOf } from '../domain/exit-codes.ts';
import type { ExitCode } from '../domain/exit-codes.ts';
import { messageOf } from '../domain/problem.ts';
import type { Engine, EngineResult, EngineStep } from '../pulumi/engine.ts';
import type { LockOwner, TakenLock } from '../locks/run-locks.ts';
import { acquireLocks, describeLock, releaseLocks } from '../locks/run-locks.ts';
import type { ObjectStore } from '../state/object-store.ts';
import type { PendingOperation } from '../state/checkpoints.ts';
import type { Emit, Stage, StackEnd, StackResult } from './events.ts';
import { inOrder } from './schedule.ts';

/** A session that can be asked how long it lasts, and renewed where its source can. */
export interface LiveSession {
  /** Seconds; Infinity for long-term keys. */
  readonly remainingSeconds: () => number;
  /** True where there is a new session now. */
  readonly renew: () => Promise<boolean>;
  readonly environment: () => Readonly<Record<string, string>>;
}

/** One stack of a stage that changes things, in `up` or `destroy`. */
export interface Work {
  readonly stack: string;
  readonly short: string;
  readonly kind: string;
  /** Stacks that have to end well before this one starts. */
  readonly after: readonly string[];
  /** False: nothing to do, so no lock is taken and no engine runs. */
  readonly needed: boolean;
  /** Operations that the plan foresees, for progress. */
  readonly total: number;
  readonly forecastSeconds: number;
  readonly run: (engine: Engine, options: WorkOptions) => Promise<EngineResult>;
  readonly succeeded: (steps: readonly EngineStep[]) => StackEnd;
}

export interface WorkOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly onStep: (step: EngineStep) => void;
  readonly onText?: (text: string) => void;
  readonly signal: AbortSignal;
}

export interface ApplyRequest {
  readonly stage: Exclude<Stage, 'plan'>;
  /** In dependency order. */
  readonly work: readonly Work[];
  readonly engine: Engine;
  readonly store: ObjectStore;
  readonly owner: LockOwner;
  readonly session: LiveSession;
  readonly minimumSessionSeconds: number;
  /** Of these stacks, those whose checkpoint is not the one that was planned over. */
  readonly changedSincePlan: (stacks: readonly string[]) => Promise<readonly string[]>;
  /** What the checkpoint says is still open after an end that was not clean; throws where it cannot be read. */
  readonly pendingOperations: (stack: string) => Promise<readonly PendingOperation[]>;
  readonly parallel: number;
  readonly verbose: boolean;
  readonly emit: Emit;
  readonly now: () => number;
  /** Aborted: nothing new starts. */
  readonly draining: AbortSignal;
  /** Aborted: the engine is interrupted as well. */
  readonly interrupting: AbortSignal;
}

/** Seconds kept between a stack's forecast end and the session's: a gateway attachment may take minutes longer than last time. */
const sessionMarginSeconds = 300;

/**
 * Runs the stacks in dependency order. The locks of all that change are taken before the first of them starts, and each is given back when
 * its stack has ended well. A failed stack skips its dependents, and nothing else.
 */
export async function applyNetwork(request: ApplyRequest): Promise<{ readonly ends: readonly StackResult[]; readonly exitCode: ExitCode }> {
  const { work, store, emit, stage } = request;
  const needed = work.filter((item) => item.needed).map(({ stack }) => stack);
  const acquired = await acquireLocks(store, needed, request.owner);
  if (!acquired.ok) return refused(work, new Map(acquired.heldBy.map((lock) => [lock.stack, describeLock(lock)])));
  const planned = work.filter((item) => item.needed).flatMap(({ stack, after }) => (stage === 'up' ? [stack, ...after] : [stack]));
  const changed = await request.changedSincePlan(planned).catch(async (cause: unknown) => {
    await releaseLocks(store, acquired.locks);
    throw cause;
  });
  if (changed.length > 0) {
    await releaseLocks(store, acquired.locks);
    return refused(work, new Map(changed.map((stack) => [stack, `${stack} was changed by someone else after it was planned: plan again`])));
  }
  const limit: SessionLimit = { tooShort: undefined };
  const locks = new Map(acquired.locks.map((lock) => [lock.stack, lock]));
  const byStack = new Map(work.map((item) => [item.stack, item]));
  emit({ type: 'stage-started', stage, stacks: work.map(({ stack, short, kind }) => ({ stack, short, kind })) });
  const ended = await inOrder<StackResult>(
    work.map(({ stack, after }) => ({ name: stack, after })),
    request.parallel,
    async (name, results): Promise<StackResult> => {
      const item = byStack.get(name);
      if (!item) throw new Error(`${name} is not part of this run`);
      const started = request.now();
      const worked = await workOn(item, request, results, limit).catch((cause: unknown): StackEnd => ({
        outcome: 'held',
        errors: [messageOf(cause)],
      }));
      const end = await settleLock(store, locks.get(name), worked);
      const result: StackResult = { stack: name, short: item.short, end, seconds: (request.now() - started) / 1000 };
      emit({ type: 'stack-ended', stack: name, end, seconds: result.seconds });
      return result;
    },
  );
  emit({ type: 'stage-ended', stage });
  const ends = work.flatMap(({ stack }) => ended.get(stack) ?? []);
  return { ends, exitCode: exitCodeOf(ends, request.draining.aborted) };
}

/** Nothing was started: these stacks are somebody else's at the moment. */
function refused(
  work: readonly Work[],
  messages: ReadonlyMap<string, string>,
): { readonly ends: readonly StackResult[]; readonly exitCode: ExitCode } {
  const ends = work.map(({ stack, short }): StackResult => {
    const message = messages.get(stack);
    return {
      stack,
      short,
      end:
        message === undefined
          ? { outcome: 'not-started', because: 'another run is at work on this network' }
          : { outcome: 'locked', message },
      seconds: 0,
    };
  });
  return { ends, exitCode: exitCodes.lockedByOther };
}

/**
 * The worst thing to do is to release a lock over a state that is not true: a held stack keeps its own. A lock that cannot be given back holds
 * the stack, and ends nothing else: other engines are at work.
 */
async function settleLock(store: ObjectStore, lock: TakenLock | undefined, end: StackEnd): Promise<StackEnd> {
  if (!lock || end.outcome === 'held') return end;
  try {
    await releaseLocks(store, [lock]);
    return end;
  } catch (cause) {
    const before = end.outcome === 'failed' ? end.errors : [];
    return {
      outcome: 'held',
      errors: [...before, `the lock could not be given back (${messageOf(cause)}); the stack itself ${verbOf(end)}`],
    };
  }
}

/** Once a session is too short for a stack it is too short for the run: nothing new starts. */
interface SessionLimit {
  tooShort: string | undefined;
}

async function workOn(
  item: Work,
  request: ApplyRequest,
  results: ReadonlyMap<string, StackResult>,
  limit: SessionLimit,
): Promise<StackEnd> {
  const blocker = item.after.map((name) => results.get(name)).find((result) => result && !endedWell(result.end));
  if (blocker) return { outcome: 'skipped', because: `${blocker.short} ${verbOf(blocker.end)}` };
  if (!item.needed) return { outcome: 'unchanged' };
  if (request.draining.aborted) return { outcome: 'not-started', because: 'stopped by a signal' };

  if (limit.tooShort !== undefined) return { outcome: 'not-started', because: limit.tooShort };
  const neededSeconds = item.forecastSeconds + sessionMarginSeconds;
  if (request.session.remainingSeconds() < Math.max(neededSeconds, request.minimumSessionSeconds))
    await request.session.renew().catch(() => false);
  const remaining = request.session.remainingSeconds();
  if (remaining < neededSeconds) {
    limit.tooShort = `the session has ${formatSeconds(remaining)} left, and ${item.short} needs ${formatSeconds(neededSeconds)}`;
    return { outcome: 'not-started', because: limit.tooShort };
  }

  request.emit({ type: 'stack-started', stack: item.stack, total: item.total });
  const result = await item.run(request.engine, {
    environment: request.session.environment(),
    signal: request.interrupting,
    onStep: ({ phase, op, name, type }) => request.emit({ type: 'step', stack: item.stack, phase, op, resource: name, resourceType: type }),
    ...(request.verbose ? { onText: (text: string) => request.emit({ type: 'engine-output', stack: item.stack, text }) } : {}),
  });
  switch (result.outcome) {
    case 'succeeded':
      return item.succeeded(result.steps);
    case 'locked':
      return { outcome: 'locked', message: result.message };
    case 'failed': {
      const open = new Set([...result.unfinished.map(({ op, name }) => `${op} of ${name}`)]);
      try {
        for (const { type, urn } of await request.pendingOperations(item.stack)) open.add(`${type} ${urn.split('::').at(-1) ?? urn}`);
      } catch (cause) {
        // What the engine said is what a person needs first: most often both have one cause, as a session that ended.
        return { outcome: 'held', errors: [...result.errors, `outcome unknown: the checkpoint cannot be read: ${messageOf(cause)}`] };
      }
      return open.size > 0
        ? { outcome: 'held', errors: [...result.errors, `outcome unknown: ${[...open].join(', ')}`] }
        : { outcome: 'failed', errors: result.errors };
    }
    default:
      return result satisfies never;
  }
}

const endedWell = ({ outcome }: StackEnd): boolean => outcome === 'applied' || outcome === 'destroyed' || outcome === 'unchanged';

function verbOf(end: StackEnd): string {
  switch (end.outcome) {
    case 'failed':
      return 'failed';
    case 'held':
      return 'is held';
    case 'locked':
      return 'is locked by someone else';
    case 'skipped':
      return 'was skipped';
    case 'not-started':
      return 'was not started';
    case 'planned':
    case 'applied':
    case 'destroyed':
    case 'unchanged':
      return 'ended';
    default:
      return end satisfies never;
  }
}

function exitCodeOf(ends: readonly StackResult[], stopped: boolean): ExitCode {
  const codes = ends.map(({ end }): ExitCode => {
    switch (end.outcome) {
      case 'held':
        return exitCodes.held;
      case 'locked':
        return exitCodes.lockedByOther;
      case 'failed':
        return exitCodes.failed;
      case 'not-started':
        return stopped ? exitCodes.stoppedBySignal : exitCodes.preflightRefused;
      // Why a stack was skipped is the end of another one, and counted there.
      case 'skipped':
      case 'planned':
      case 'applied':
      case 'destroyed':
      case 'unchanged':
        return exitCodes.done;
      default:
        return end satisfies never;
    }
  });
  return worstOf(stopped ? [...codes, exitCodes.stoppedBySignal] : codes);
}
