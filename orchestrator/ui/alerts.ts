import { nothingKnown } from '../alerts/alert.ts';
import type { Alert, AlertKind } from '../alerts/alert.ts';
import type { AlertWords } from '../alerts/notifiers.ts';
import type { Telling } from '../alerts/tell.ts';
import { command } from '../domain/command.ts';
import { formatSeconds } from '../domain/duration.ts';
import { shown, webLink } from '../domain/foreign.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { StackEnd } from '../run/events.ts';
import type { Standings } from '../run/standing.ts';
import type { LockStatus } from './locks.ts';
import { nextOf } from './locks.ts';

/** @param runbook where it is, for who reads the alert */
export const alertWords = (runbook: string): AlertWords => ({
  title: (alert) => titleOf(shown(alert)),
  text: (alert) => textOf(shown(alert), runbook),
});

const words: Readonly<Record<AlertKind, string>> = {
  'old-lock': 'OLD LOCK',
  held: 'HELD',
  undecided: 'A PERSON MUST DECIDE',
  frozen: 'FROZEN',
  unfrozen: 'unfrozen',
  recovered: 'recovered',
  released: 'RELEASED',
};

/** Kinds under which a lock stands that a person may want to remove. */
const locked: readonly AlertKind[] = ['old-lock', 'held', 'undecided', 'frozen'];

/** The first line. */
const titleOf = ({ kind, network, short }: Alert): string => `${words[kind]} ${network} ${short}`;

/** The whole message, as lines of plain text. */
function textOf(alert: Alert, runbook: string): string {
  const { what, owner, operation, ageSeconds, lastHeard, process, incident, next } = alert;
  const job = webLink(alert.ciLink);
  const facts = [
    `owner: ${owner}`,
    ...(operation === null ? [] : [`operation: ${operation}`]),
    ...(ageSeconds === null ? [] : [`age: ${formatSeconds(ageSeconds)}`]),
    ...(process === null ? [] : [`process: ${process}`]),
    ...(lastHeard === null ? [] : [`last heartbeat: ${lastHeard}`]),
    ...(incident === null ? [] : [`incident: ${incident}`]),
    ...(job === undefined ? [] : [`job: ${job}`]),
  ];
  return [
    `${titleOf(alert)}: ${what}`,
    ...facts,
    ...(locked.includes(alert.kind)
      ? ['Do not release the lock without checking drift: its age proves nothing, and AWS may have what the state does not say.']
      : []),
    `next: ${next}`,
    `runbook: ${runbook}`,
  ].join('\n');
}

/** What is to be said of a stack; who did it, and where, is the process's. */
export type Said = Pick<Alert, 'kind' | 'about' | 'what' | 'next'> & Partial<Pick<Alert, 'short' | 'incident'>>;

/** What is worth telling of a stack's end. Holds are told once for the run that left them, by the first command that sees them. */
export function saidOf(end: StackEnd, short: string, run: string): Said | undefined {
  switch (end.outcome) {
    case 'held':
      return { kind: 'held', about: run, what: String(end.errors[0] ?? 'its outcome is unknown'), next: command('recover', short) };
    case 'undecided':
      return { kind: 'undecided', about: run, what: end.questions[0] ?? 'a question is open', next: command('recover', short) };
    case 'recovered':
      return { kind: 'recovered', about: run, what: `${end.said}; its lock is released`, next: command('plan', short) };
    case 'planned':
    case 'applied':
    case 'destroyed':
    case 'unchanged':
    case 'failed':
    case 'recoverable':
    case 'locked':
    case 'skipped':
    case 'not-started':
      return undefined;
    default:
      return end satisfies never;
  }
}

export const describeFailed = ({ alert, notifier, why }: Extract<Telling, { outcome: 'failed' }>): string =>
  `${alert.short}: ${notifier.id} (${notifier.to}) could not be told: ${why}.`;

/** An old lock, as it is told. */
export function alertOfLock(network: string, lock: LockStatus): Alert {
  return {
    kind: 'old-lock',
    network,
    stack: lock.stack,
    short: lock.short,
    about: lock.identity,
    what: `locked for ${formatSeconds(lock.ageSeconds)} (${lock.process})`,
    ...ofLock(lock),
    next: nextOf(lock),
  };
}

/** Holds that no command told of: it was killed, or reached no notifier. */
export function alertsOfHolds(network: string, found: readonly LockStatus[], { byStack }: Standings): Alert[] {
  return [...byStack].flatMap(([stack, standing]): Alert[] => {
    if (standing.kind !== 'held') return [];
    const short = shortOf(stack);
    const lock = found.find((each) => each.stack === stack);
    return [
      {
        kind: 'held',
        network,
        stack,
        short,
        about: standing.run ?? standing.since,
        what: `${standing.why} since ${standing.since}`,
        ...(lock ? ofLock(lock) : { ...nothingKnown, owner: standing.run === undefined ? 'plain pulumi' : `run ${standing.run}` }),
        next: command('recover', short),
      },
    ];
  });
}

const ofLock = ({ owner, operation, ageSeconds, lastHeard, process, incident, ciLink }: LockStatus) => ({
  owner,
  operation,
  ageSeconds,
  lastHeard,
  process,
  incident,
  ciLink,
});
