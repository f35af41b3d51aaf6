import type { Alert, AlertKind } from '../alerts/alert.ts';
import type { AlertWords } from '../alerts/notifiers.ts';
import { formatSeconds } from '../domain/duration.ts';

/** @param runbook where it is, for who reads the alert */
export const alertWords = (runbook: string): AlertWords => ({ title: titleOf, text: (alert) => textOf(alert, runbook) });

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
  const { what, owner, operation, ageSeconds, lastHeard, process, incident, ciLink, next } = alert;
  const facts = [
    `owner: ${owner}`,
    ...(operation === null ? [] : [`operation: ${operation}`]),
    ...(ageSeconds === null ? [] : [`age: ${formatSeconds(ageSeconds)}`]),
    ...(process === null ? [] : [`process: ${process}`]),
    ...(lastHeard === null ? [] : [`last heartbeat: ${lastHeard}`]),
    ...(incident === null ? [] : [`incident: ${incident}`]),
    ...(ciLink === null ? [] : [`job: ${ciLink}`]),
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
