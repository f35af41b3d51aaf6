import { asGiven, command } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { StandingLock } from '../locks/durable-locks.ts';
import { describeLock } from '../locks/durable-locks.ts';
import { describeReason } from '../ownership/describe-liveness.ts';
import type { Liveness } from '../ownership/liveness.ts';
import { dossierOfLock, releaseChecklist } from '../recovery/release-checklist.ts';
import type { ChecklistFacts, ReleasePoint } from '../recovery/release-checklist.ts';
import type { Standing } from '../run/standing.ts';
import { describeHeld } from '../run/standing.ts';
import { unfreezeCommand } from './freeze.ts';
import type { Style } from './reporter.ts';

/** A point of the checklist, as `--json` and the note of the release have it. */
export interface Item {
  readonly what: string;
  readonly done: boolean;
  readonly detail: string;
}

const points: Readonly<Record<ReleasePoint, { readonly what: string; readonly detail: (facts: ChecklistFacts) => string }>> = {
  'writer-dead': {
    what: 'nobody else can write',
    detail: ({ dossier }) => (dossier ? dossier.writer.how : `nobody has looked: ${command('recover')} does`),
  },
  quarantined: {
    what: 'every version is in quarantine',
    detail: ({ dossier }) =>
      dossier?.quarantine ? `${dossier.quarantine.versions} under ${dossier.quarantine.prefix}` : 'nothing was copied',
  },
  looked: { what: 'a recovery looked at AWS behind this very lock', detail: describeLooked },
  verified: { what: 'state and AWS agree at this very checkpoint', detail: describeVerified },
  'nothing-pending': {
    what: 'no operation is pending',
    detail: ({ state, unreadable }) => {
      const pending = state?.pendingOperations.length ?? 0;
      return unreadable ?? (pending === 0 ? 'none' : `${pending} in the checkpoint`);
    },
  },
};

function describeLooked(facts: ChecklistFacts): string {
  const { dossier } = facts;
  if (!dossier) return 'there is no dossier';
  if (dossierOfLock(facts)) return `dossier of ${dossier.recovery}: ${dossier.outcome}`;
  return `the dossier of ${dossier.recovery} is of another lock: somebody has taken it over, or put it back, since`;
}

function describeVerified(facts: ChecklistFacts): string {
  const own = dossierOfLock(facts);
  if (facts.unreadable !== undefined) return facts.unreadable;
  if (!own) return 'not known';
  if (own.promoted === null) return own.why ?? 'the recovery wrote no checkpoint';
  return own.promoted === (facts.state?.etag ?? null)
    ? 'the checkpoint is the one that was verified'
    : 'the checkpoint was written by somebody since it was verified';
}

export function checklistOf(facts: ChecklistFacts): readonly Item[] {
  const done = releaseChecklist(facts);
  return (Object.keys(points) as ReleasePoint[]).map((point) => {
    const { what, detail } = points[point];
    return { what, done: done[point], detail: detail(facts) };
  });
}

export function describeChecklist(short: string, items: readonly Item[], style: Style): string {
  return [
    `Before the lock of ${short} goes:`,
    ...items.map(({ what, done, detail }) => `  ${done ? style.green('done    ') : style.red('NOT DONE')} ${what}: ${detail}`),
  ].join('\n');
}

export const isFrozen = (stack: string, lock: StandingLock, incident: string | undefined): Problem => ({
  reason: 'frozen',
  message: describeLock(lock),
  next: `A freeze is ended by: ${unfreezeCommand([shortOf(stack)], incident)}`,
});

/** @param owner who has the stack */
export const isAtWork = (owner: string, known: Liveness): Problem => ({
  reason: 'at-work',
  message: `${owner}. ${known.reason === 'look-failed' ? 'Whether its process is alive could not be seen' : 'Its process is running'}: ${describeReason(known)}`,
  next: known.reason === 'look-failed' ? 'Try again, or from another machine.' : `Wait, or end that process first: ${command('locks')}`,
});

export const severalLocks = (stack: string, locks: readonly StandingLock[]): Problem => ({
  reason: 'several-locks',
  message: `${stack} has ${locks.length} locks: ${locks.map(describeLock).join('; ')}`,
  next: `Another process is coming in, or was. Look again: ${command('locks')}`,
});

export function notReconciled(stack: string, items: readonly Item[], incident: string): Problem {
  const short = shortOf(stack);
  return {
    reason: 'not-reconciled',
    message: `the lock of ${stack} stays: ${items.filter(({ done }) => !done).length} of ${items.length} points are not done`,
    next: `Recover it: ${command('recover', short, { incident })}. To let everyone in over a state that nobody knows to be true: ${command('release', short, { incident, unreconciled: true })}`,
  };
}

export const askForName = (stack: string): string =>
  `Nobody knows whether state and AWS agree. Type the stack's name to release it all the same (${stack}): `;

/** @param said undefined where there was nobody to ask */
export const notConfirmed = (stack: string, said: string | undefined, incident: string): Problem => ({
  reason: said === undefined ? 'nobody-to-ask' : 'wrong-confirmation',
  message:
    said === undefined
      ? 'an unreconciled release asks for the name of the stack'
      : `${asGiven('confirm', said)} is not the name of this stack, which is ${stack}`,
  next: `If that is what you want: ${command('release', shortOf(stack), { incident, unreconciled: true, confirm: stack })}`,
});

export const lockChanged = (stack: string): Problem => ({
  reason: 'lock-changed',
  message: `the lock of ${stack} was changed by another process a moment ago: nothing was released`,
  next: `Look whose it is now: ${command('locks')}`,
});

/** What everyone is told of it. */
export const releaseAnnouncement = (short: string, isDone: boolean, incident: string) =>
  isDone
    ? { what: 'its lock is released, reconciled', next: command('plan', short) }
    : {
        what: 'its lock is released, UNRECONCILED: plain pulumi is let in over a state that nobody knows to be true',
        next: command('recover', short, { incident }),
      };

/** @param now where the stack stands after it */
export function describeRelease(stack: string, isDone: boolean, now: Standing | undefined): string {
  if (isDone) return `Released the lock of ${stack}.`;
  const still = now?.kind === 'held' ? ` Holdfast still leaves it out: ${describeHeld(shortOf(stack), now)}` : '';
  return `Released the lock of ${stack}, UNRECONCILED. Plain pulumi is let in again.${still}`;
}
