import { anyProcess, ProcessesUnseen } from '../../toolchain/process-identity.ts';
import type { Suspects } from '../../toolchain/process-identity.ts';
import type { ProcessRecord } from '../locks/lock-record.ts';
import { describeReason } from '../ownership/describe-liveness.ts';
import type { Liveness } from '../ownership/liveness.ts';
import { suspectsOf } from '../ownership/processes.ts';
import { EngineOwnerAlive, EngineProcessesLeft, endEngineProcesses, findEngineProcesses } from '../pulumi/orphans.ts';
import type { Proof } from '../ownership/stack-record.ts';
import { clockSkewLimitSeconds } from '../aws/identity.ts';
import { formatSeconds } from '../domain/duration.ts';
import type { Interrupted } from './interrupted.ts';

/** Whether any process can still write to AWS for the interrupted run (the lock protocol, rule 8). Evidence counts only after that. */
export type Writer =
  | {
      readonly dead: true;
      readonly by: Proof;
      readonly how: string;
      /** Where it is a person's word and nothing else. */
      readonly saidBy?: string;
    }
  | {
      readonly dead: false;
      /** `at-work`: a process of it lives. `unknown`: it cannot be told from here. */
      readonly reason: 'at-work' | 'unknown';
      readonly why: string;
    };

/** What became of the processes of the run's engine. */
export type LeftEngine =
  /** They were not looked for: the run was on another machine, or its orchestrator is not known to be dead. */
  | { readonly kind: 'not-looked' }
  | { readonly kind: 'ended'; readonly count: number }
  /** By a dry run, which ends none. */
  | { readonly kind: 'found'; readonly count: number }
  /** One of them may have been missed. */
  | { readonly kind: 'cannot-tell'; readonly why: string }
  /** One of them cannot be ended, or belongs to an orchestrator that lives. */
  | { readonly kind: 'lives'; readonly why: string };

export interface WriterFacts {
  readonly interrupted: Interrupted;
  /** Of the orchestrator. */
  readonly liveness: Liveness;
  readonly engine: LeftEngine;
  readonly now: number;
  /** Seconds by which the clock of `now` is ahead of AWS's; undefined where it could not be compared. */
  readonly clockSkewSeconds: number | undefined;
  /** Who said so, where a person did: `--writer-dead RUN`. */
  readonly saidBy: string | undefined;
}

/** Seconds after the expiry that the session's source gave: clocks differ, and a call that was signed before it may still be under way. */
const expiryMarginSeconds = 300;

export function writerOf({ interrupted, liveness, engine, now, clockSkewSeconds, saidBy }: WriterFacts): Writer {
  const { run, process, sessions } = interrupted;
  const host = process?.host ?? 'a machine that was not recorded';
  if (!interrupted.engineStarted && process !== undefined)
    return { dead: true, by: 'nothing-started', how: `run ${run} had started no engine there` };
  if (engine.kind === 'lives') return { dead: false, reason: 'at-work', why: `run ${run} is at work on ${host}: ${engine.why}` };
  if (interrupted.writerDead !== undefined)
    return { dead: true, by: interrupted.writerDead, how: 'that was known when the stack was taken over before' };
  if (interrupted.engineEndedAt !== undefined)
    return { dead: true, by: 'engine-ended', how: `run ${run} saw its engine and its plugins end` };
  if (liveness.answer === 'alive')
    return { dead: false, reason: 'at-work', why: `run ${run} is at work (pid ${process?.pid ?? '?'} on ${host})` };
  if (liveness.answer === 'dead' && (engine.kind === 'ended' || engine.kind === 'found'))
    return {
      dead: true,
      by: 'process-dead',
      how: `its orchestrator (pid ${process?.pid ?? '?'}) is dead, and ${describeLeft(engine)} on ${host}`,
    };
  const expiries = sessions.map(({ expires }) => Date.parse(expires));
  const last = expiries.length > 0 && expiries.every((at) => !Number.isNaN(at)) ? Math.max(...expiries) : undefined;
  const isPast = last !== undefined && now > last + expiryMarginSeconds * 1000;
  const isRight = clockSkewSeconds !== undefined && Math.abs(clockSkewSeconds) <= clockSkewLimitSeconds;
  if (isPast && isRight) return { dead: true, by: 'sessions-ended', how: `its last session expired at ${new Date(last).toISOString()}` };
  if (saidBy !== undefined)
    return { dead: true, by: 'person', how: `a person says that nothing of run ${run} is at work any more`, saidBy };
  const until = last === undefined ? '' : `. Its session lasts until ${new Date(last).toISOString()}`;
  return {
    dead: false,
    reason: 'unknown',
    why: `whether an engine of run ${run} is still running on ${host} cannot be told: ${whyUnknown(liveness, engine, process)}${until}${isPast ? `: ${describeClock(clockSkewSeconds)}` : ''}`,
  };
}

/** Why the expiry of a session is not taken for past, although this machine's clock says so. */
function describeClock(skewSeconds: number | undefined): string {
  if (skewSeconds === undefined) return "whether that is past is not known, because this machine's clock could not be compared with AWS's";
  const far = formatSeconds(Math.abs(skewSeconds));
  return `whether that is past is not known, because this machine's clock is ${far} ${skewSeconds > 0 ? 'ahead of' : 'behind'} AWS's; set the clock (timedatectl set-ntp true), then run the same command again`;
}

function describeLeft({ kind, count }: Extract<LeftEngine, { count: number }>): string {
  if (count === 0) return 'no process of its engine was left';
  const [are, were] = count === 1 ? ['is', 'was'] : ['are', 'were'];
  return `${count} of its engine's processes ${kind === 'ended' ? `${were} ended` : `${are} left, which recover ends,`}`;
}

function whyUnknown(liveness: Liveness, engine: LeftEngine, process: ProcessRecord | undefined): string {
  if (process === undefined) return 'no process of it was recorded';
  if (liveness.answer === 'dead')
    return `its orchestrator (pid ${process.pid}) is dead, and ${engine.kind === 'cannot-tell' ? engine.why : 'its engine was not looked for'}`;
  return describeReason(liveness);
}

export interface EngineSearch {
  readonly interrupted: Interrupted;
  /** Of the orchestrator, looked at before. */
  readonly liveness: Liveness;
  /** This process. */
  readonly own: Pick<ProcessRecord, 'machine' | 'user'>;
  /** Looks, and ends none. */
  readonly dryRun: boolean;
}

/** Ends what is left on this machine of the engine of an orchestrator that is dead, or that saw it end. */
export async function endLeftEngine({ interrupted, liveness, own, dryRun }: EngineSearch): Promise<LeftEngine> {
  const { process, stack, nonces, owners = [], engineEndedAt } = interrupted;
  if (process?.machine !== own.machine || (liveness.answer !== 'dead' && engineEndedAt === undefined)) return { kind: 'not-looked' };
  let count = 0;
  try {
    for (const nonce of nonces) {
      const marker = `${nonce}/${stack}`;
      const owner = [process, ...owners].find((one) => one.nonce === nonce);
      const suspects: Suspects = { ...(owner ? suspectsOf(owner, own.user) : anyProcess), since: process.processStartedAt };
      count += (await (dryRun ? findEngineProcesses(marker, suspects) : endEngineProcesses(marker, suspects))).length;
    }
  } catch (cause) {
    if (cause instanceof ProcessesUnseen) return { kind: 'cannot-tell', why: cause.message };
    if (cause instanceof EngineOwnerAlive || cause instanceof EngineProcessesLeft) return { kind: 'lives', why: cause.message };
    throw cause;
  }
  return { kind: dryRun ? 'found' : 'ended', count };
}

/** What a person names in the place of a run, where there was none. */
export const plainPulumi = 'plain-pulumi';
