import { anyProcess, ProcessesUnseen } from '../../toolchain/process-identity.ts';
import type { Suspects } from '../../toolchain/process-identity.ts';
import type { ProcessRecord } from '../locks/lock-record.ts';
import type { Liveness } from '../ownership/liveness.ts';
import { identityKeyOf, suspectsOf } from '../ownership/processes.ts';
import { EngineLeftAlone, EngineProcessesLeft, endEngineProcesses, findEngineProcesses } from '../pulumi/orphans.ts';
import type { Proof } from '../ownership/stack-record.ts';
import { clockSkewLimitSeconds } from '../aws/identity.ts';
import type { Interrupted } from './interrupted.ts';

/** Whether any process can still write to AWS for the interrupted run (the lock protocol, rule 8). Evidence counts only after that. */
export type Writer =
  | {
      readonly dead: true;
      readonly by: Proof;
      /** It was known when the stack was taken over before. */
      readonly before?: true;
      /** Where it is a person's word and nothing else. */
      readonly saidBy?: string;
    }
  /** `at-work`: a process of it lives. `unknown`: it cannot be told from here. */
  | { readonly dead: false; readonly reason: 'at-work' | 'unknown' };

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
  if (!interrupted.engineStarted && interrupted.process !== undefined) return { dead: true, by: 'nothing-started' };
  if (engine.kind === 'lives') return { dead: false, reason: 'at-work' };
  if (interrupted.writerDead !== undefined) return { dead: true, by: interrupted.writerDead, before: true };
  if (interrupted.engineEndedAt !== undefined) return { dead: true, by: 'engine-ended' };
  if (liveness.answer === 'alive') return { dead: false, reason: 'at-work' };
  if (liveness.answer === 'dead' && (engine.kind === 'ended' || engine.kind === 'found')) return { dead: true, by: 'process-dead' };
  const isRight = clockSkewSeconds !== undefined && Math.abs(clockSkewSeconds) <= clockSkewLimitSeconds;
  if (sessionsEnd(interrupted, now).isPast && isRight) return { dead: true, by: 'sessions-ended' };
  return saidBy === undefined ? { dead: false, reason: 'unknown' } : { dead: true, by: 'person', saidBy };
}

/** When the last of its sessions expires, as far as that is known, and whether that is past by this machine's clock. */
export function sessionsEnd({ sessions }: Interrupted, now: number): { readonly at: Date | undefined; readonly isPast: boolean } {
  const expiries = sessions.map(({ expires }) => Date.parse(expires));
  if (expiries.length === 0 || expiries.some((at) => Number.isNaN(at))) return { at: undefined, isPast: false };
  const last = Math.max(...expiries);
  return { at: new Date(last), isPast: now > last + expiryMarginSeconds * 1000 };
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
      const those = [process, ...owners].filter((one) => one.nonce === nonce);
      const [owner] = those;
      // Of a nonce that two records give to two processes it is not known whose its engine is.
      const isOne = owner !== undefined && those.every((one) => identityKeyOf(one) === identityKeyOf(owner));
      const suspects: Suspects = { ...(isOne ? suspectsOf(owner, own.user) : anyProcess), since: process.processStartedAt };
      count += (await (dryRun ? findEngineProcesses(marker, suspects) : endEngineProcesses(marker, suspects))).length;
    }
  } catch (cause) {
    if (cause instanceof ProcessesUnseen) return { kind: 'cannot-tell', why: cause.message };
    if (cause instanceof EngineLeftAlone || cause instanceof EngineProcessesLeft) return { kind: 'lives', why: cause.message };
    throw cause;
  }
  return { kind: dryRun ? 'found' : 'ended', count };
}

/** What a person names in the place of a run, where there was none. */
export const plainPulumi = 'plain-pulumi';
