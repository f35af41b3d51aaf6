import { clockSkewLimitSeconds } from '../aws/identity.ts';
import { formatSeconds } from '../domain/duration.ts';
import type { Liveness } from '../run/standing.ts';
import type { Interrupted } from './interrupted.ts';

/** Whether anybody can still write to AWS for the interrupted run (the lock protocol, rule 8). Evidence counts only after that. */
export type Writer =
  | {
      readonly dead: true;
      readonly how: string;
      /** Where it is a person's word and nothing else. */
      readonly saidBy?: string;
    }
  | {
      readonly dead: false;
      /** `at-work`: its process lives. `unknown`: from here nobody can tell. */
      readonly reason: 'at-work' | 'unknown';
      readonly why: string;
    };

export interface WriterFacts {
  readonly interrupted: Interrupted;
  /** Of the orchestrator. */
  readonly liveness: Liveness;
  /** The run was on this machine, and this machine shows which processes are an engine's. */
  readonly isHere: boolean;
  /** Processes of its engine that were found here and ended. */
  readonly ended: number;
  readonly now: number;
  /** Seconds by which the clock of `now` is ahead of AWS's; undefined where it could not be compared. */
  readonly clockSkewSeconds: number | undefined;
  /** Who said so, where a person did: `--writer-dead RUN`. */
  readonly saidBy: string | undefined;
}

/** Seconds after the expiry that the session's source gave: clocks differ, and a call that was signed before it may still be under way. */
const expiryMarginSeconds = 300;

export function writerOf({ interrupted, liveness, isHere, ended, now, clockSkewSeconds, saidBy }: WriterFacts): Writer {
  const { run, process, sessions } = interrupted;
  const host = process?.host ?? 'a machine that nobody wrote down';
  if (!interrupted.engineStarted && process !== undefined) return { dead: true, how: `run ${run} had started no engine there` };
  if (interrupted.engineEndedAt !== undefined) return { dead: true, how: `run ${run} saw its engine and its plugins end` };
  if (liveness === 'alive') return { dead: false, reason: 'at-work', why: `run ${run} is at work (pid ${process?.pid ?? '?'} on ${host})` };
  if (isHere && liveness === 'dead')
    return {
      dead: true,
      how: `its orchestrator (pid ${process?.pid ?? '?'}) is dead, and ${ended === 0 ? 'no process of its engine was left' : `${ended} of its engine's processes ${ended === 1 ? 'was' : 'were'} ended`} on ${host}`,
    };
  const expiries = sessions.map(({ expires }) => Date.parse(expires));
  const last = expiries.length > 0 && expiries.every((at) => !Number.isNaN(at)) ? Math.max(...expiries) : undefined;
  const isPast = last !== undefined && now > last + expiryMarginSeconds * 1000;
  const isRight = clockSkewSeconds !== undefined && Math.abs(clockSkewSeconds) <= clockSkewLimitSeconds;
  if (isPast && isRight) return { dead: true, how: `its last session expired at ${new Date(last).toISOString()}` };
  if (saidBy !== undefined) return { dead: true, how: `a person says that nothing of run ${run} is at work any more`, saidBy };
  const until = last === undefined ? '' : `, and its session lasts until ${new Date(last).toISOString()}`;
  return {
    dead: false,
    reason: 'unknown',
    why: `whether an engine of run ${run} is still at work on ${host} cannot be seen from here${until}${isPast ? `: ${describeClock(clockSkewSeconds)}` : ''}`,
  };
}

/** Why the expiry of a session is not taken for past, although this machine's clock says so. */
function describeClock(skewSeconds: number | undefined): string {
  if (skewSeconds === undefined) return "whether that is past is not known, because this machine's clock could not be compared with AWS's";
  const far = formatSeconds(Math.abs(skewSeconds));
  return `whether that is past is not known, because this machine's clock is ${far} ${skewSeconds > 0 ? 'ahead of' : 'behind'} AWS's; set the clock (timedatectl set-ntp true), then run the same command again`;
}
