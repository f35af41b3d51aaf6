import { command, isIncident } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { LockRecord } from '../locks/lock-record.ts';
import type { Freeze, Freezing, FrozenStack } from '../run/freeze.ts';
import type { Standing } from '../run/standing.ts';
import { describeFreeze, describeHeld } from '../run/standing.ts';
import type { Style } from './reporter.ts';
import { table } from './table.ts';

/** What a command did to one stack, as `--json` has it. */
export interface StackOutcome {
  readonly stack: string;
  readonly short: string;
  readonly outcome: 'frozen' | 'already-frozen' | 'unfrozen' | 'not-frozen';
  /** Where the stack stands now. */
  readonly standing: Standing['kind'];
  /** Its run, or an engine of that, was not seen to be dead, and may go on: a freeze lets no other one begin. */
  readonly mayBeAtWork: boolean;
  readonly by: { readonly user: string; readonly host: string; readonly since: string; readonly incident: string | null } | null;
  readonly detail: string;
}

/**
 * What ends a freeze. @param incident the freeze's; where the command would not take it, the person gives their own
 * @param shorts none for all that are frozen
 */
export const unfreezeCommand = (shorts: readonly string[], incident: string | null | undefined): string => {
  const stacks = shorts.length === 0 ? [{ all: true }] : shorts;
  if (incident !== null && incident !== undefined && isIncident(incident)) return command('unfreeze', ...stacks, { incident });
  return command('unfreeze', ...stacks, { incident: 'ID', force: incident !== null && incident !== undefined });
};

/** What still keeps a stack that was unfrozen. */
function whatNow(short: string, standing: Standing | undefined): string | undefined {
  switch (standing?.kind) {
    case 'held':
      return `it stays held: ${describeHeld(short, standing)}`;
    case 'locked':
    case 'frozen':
    case 'left':
      return standing.message;
    case 'free':
    case undefined:
      return undefined;
    default:
      return standing satisfies never;
  }
}

export function freezeProblems({ refused, left }: Extract<Freezing, { ok: false }>, incident: string): readonly Problem[] {
  const problems = refused.map(({ stack, reason, message, incident: other }): Problem => {
    const short = shortOf(stack);
    switch (reason) {
      case 'at-work':
        return {
          reason: 'stack-at-work',
          message: `${message}: nothing was frozen`,
          next: `Wait for its end (${command('locks')}), or freeze the others without it.`,
        };
      case 'other-incident':
        return {
          reason: 'frozen-by-other',
          message: `${message}, and not ${incident}: nothing was frozen`,
          next: `It keeps everyone out as it is. Once that incident is over: ${unfreezeCommand([short], other)}`,
        };
      case 'failed':
        return {
          reason: 'freeze-failed',
          message: `${message}: nothing was frozen`,
          next: `Check the session and the bucket (${command('preflight')}), and run the same command again.`,
        };
      default:
        return reason satisfies never;
    }
  });
  const unknown: Problem = {
    reason: 'not-given-back',
    message: `${left.join(', ')} may still be frozen: what this call had written there could not be removed`,
    next: `Look: ${command('locks')}. Then freeze again, or: ${unfreezeCommand(left.map(shortOf), incident)}`,
  };
  return [...problems, ...(left.length > 0 ? [unknown] : [])];
}

export function describeOutcomes(outcomes: readonly StackOutcome[], style: Style): string {
  const word: Record<StackOutcome['outcome'], string> = {
    frozen: style.cyan('frozen'),
    'already-frozen': style.cyan('frozen already'),
    unfrozen: style.green('unfrozen'),
    'not-frozen': style.dim('not frozen'),
  };
  // Never cut: whose freeze it was, and that a stack stays held, is what the command is asked for.
  return table(
    outcomes.map(({ short, outcome, detail }) => [short, word[outcome], detail]),
    Number.POSITIVE_INFINITY,
  );
}

/** @param same short names of what is frozen for the incident that was named */
export function otherIncident(other: Freeze, same: readonly string[], incident: string): Problem {
  const short = shortOf(other.stack);
  const itsOwn = unfreezeCommand([short], other.by.incident);
  return {
    reason: 'other-incident',
    message: `${describeFreeze(other)}, and not ${incident}: nothing was unfrozen`,
    next: `Ask ${other.by.user} whether that incident is over; then: ${itsOwn}, or --force.${
      same.length === 0 ? '' : ` Those of ${incident} alone: ${unfreezeCommand(same, incident)}`
    }`,
  };
}

export const whichStacks = (all: boolean, incident: string): Problem => ({
  reason: 'which-stacks',
  message: all ? 'unfreeze was given both stacks and --all' : 'unfreeze was given no stack',
  next: `Name the stacks, or all that are frozen: ${unfreezeCommand([], incident)}. Which those are: ${command('locks')}`,
});

export const stillUnread = (left: readonly string[]): Problem => ({
  reason: 'unreadable-record',
  message: `the record of ${left.join(', ')} cannot be read: whether it is still frozen is not known`,
  next: `See which object it is: ${command('status')}. Then run the same command again: it goes on where this one stopped.`,
});

/** @param why what cannot be read of a stack, and why */
export const unreadableStack = (why: string): Problem => ({
  reason: 'unreadable-record',
  message: `${why}: nothing was changed`,
  next: 'If a newer Holdfast wrote it, use that one. Otherwise look at the object in the state bucket, and restore its last good version.',
});

export function detailOfFrozen(
  { by, keepsLock }: FrozenStack,
  short: string,
  standing: Standing | undefined,
  mayBeAtWork: boolean,
): string {
  const unseen = standing?.kind === 'held' ? standing.unseen : undefined;
  const work = unseen
    ? `; run ${unseen.run} on ${unseen.host} was not seen to be dead, and may go on`
    : mayBeAtWork
      ? '; an engine of its run may still be at work on it'
      : '';
  const held = standing?.kind === 'held' ? `${work}; ${describeHeld(short, standing)}` : '';
  return `by ${by.user}@${by.host} since ${by.startedAt}, incident ${by.incident ?? 'unknown'}${keepsLock ? '; it keeps the lock that it has' : ''}${held}`;
}

/** @param was undefined where it was not frozen */
export function detailOfUnfrozen(was: LockRecord | undefined, short: string, standing: Standing | undefined): string {
  const now = whatNow(short, standing);
  return [
    ...(was ? [`it was frozen by ${was.user}@${was.host} since ${was.startedAt}, incident ${was.incident ?? 'unknown'}`] : []),
    ...(now === undefined ? [] : [now]),
  ].join('; ');
}

export const frozenUntil = (shorts: readonly string[], incident: string): string =>
  `No run begins on ${shorts.length === 1 ? 'it' : 'them'} until: ${unfreezeCommand(shorts, incident)}`;

/** What everyone is told, in one message, however many stacks it is about. */
export function announcementOf(kind: 'frozen' | 'unfrozen', stacks: readonly string[], incident: string) {
  const shorts = stacks.map(shortOf);
  const short = shorts.length > 3 ? `${shorts.slice(0, 3).join(', ')} and ${shorts.length - 3} more` : shorts.join(', ');
  return kind === 'frozen'
    ? {
        short,
        what: 'no run begins on it until it is unfrozen',
        next: `once the incident is over: ${unfreezeCommand(shorts.length === 1 ? shorts : [], incident)}`,
      }
    : { short, what: 'everyone may work on it again; what was held stays held', next: command('status') };
}
