import type { Alert } from '../alerts/alert.ts';
import { command } from '../domain/command.ts';
import { formatSeconds } from '../domain/duration.ts';
import { webLink } from '../domain/foreign.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { LockRecord } from '../locks/lock-record.ts';
import { describeReason } from '../ownership/describe-liveness.ts';
import type { Liveness } from '../ownership/liveness.ts';
import type { Standings } from '../run/standing.ts';
import { describeHeld } from '../run/standing.ts';
import { unfreezeCommand } from './freeze.ts';
import type { Style } from './reporter.ts';
import { describeStrays, unreadableRecord } from './status.ts';
import { table } from './table.ts';

/** One object in a lock folder, as `--json` has it. */
export interface LockStatus {
  readonly stack: string;
  readonly short: string;
  readonly key: string;
  /** Who put it; `unreadable` where the lock does not say. */
  readonly by: 'run' | 'person' | 'pulumi' | 'unreadable';
  readonly standing: 'held' | 'at-work' | 'frozen' | 'left-over' | 'unknown';
  readonly owner: string;
  readonly operation: string | null;
  readonly user: string | null;
  readonly host: string | null;
  readonly pid: number | null;
  readonly run: string | null;
  readonly incident: string | null;
  readonly ciLink: string | null;
  readonly since: string;
  readonly ageSeconds: number;
  /** In words. */
  readonly process: string;
  readonly liveness: Liveness['answer'] | null;
  /** How that is known, or why it cannot be told. */
  readonly livenessReason: Liveness['reason'] | null;
  /** By the bucket's clock; null where nothing was ever heard, or it sends nothing. */
  readonly lastHeard: string | null;
  readonly tooOld: boolean;
  /** Of whom it is, over a takeover and a putting back: what an alarm is given once for. */
  readonly identity: string;
}

export function ownerOf({ operation, user, host, pid, run, incident }: LockRecord): string {
  return operation === 'freeze' ? `${user}@${host} (incident ${incident ?? 'unknown'})` : `${user}@${host} (pid ${pid}, run ${run})`;
}

/** What can be said of a process; what was not heard proves nothing, and is said so. */
export function describeLiveness(liveness: Liveness, heard: Date | undefined, now: number): string {
  const ago = heard === undefined ? undefined : formatSeconds((now - heard.getTime()) / 1000);
  switch (liveness.reason) {
    case 'seen':
      return 'alive';
    case 'gone':
      return 'dead';
    case 'heard':
      return `heard of ${ago ?? '0 s'} ago`;
    case 'look-failed':
    case 'not-shown':
    case 'records-disagree':
      return `cannot tell whether it is alive: ${describeReason(liveness)}${ago === undefined ? '' : `; last heard of ${ago} ago`}`;
    case 'quiet':
      return ago === undefined ? 'nothing heard of it, which proves nothing' : `nothing heard for ${ago}, which proves nothing`;
    default:
      return liveness satisfies never;
  }
}

/** In so many words: age alone is how locks were released over a state that was not true. */
export function describeOld(lock: LockStatus): string {
  const { short, owner, operation, ageSeconds, process } = lock;
  const what = operation === null ? '' : `, ${operation}`;
  return `OLD ${short}: locked for ${formatSeconds(ageSeconds)} by ${owner}${what} (${process}). Do not release it without checking what AWS has: its age proves nothing. ${lock.standing === 'frozen' ? '' : 'Next: '}${nextOf(lock)}`;
}

/** What to do about an old lock. */
export function nextOf({ short, standing, incident }: LockStatus): string {
  switch (standing) {
    case 'frozen':
      return `Ask whether the incident is over, and look: ${command('status')}. Only then: ${unfreezeCommand([short], incident)}`;
    case 'left-over':
      return `${command('status')}; nothing is in doubt, and the next up releases it by itself`;
    case 'held':
    case 'at-work':
    case 'unknown':
      return `${command('status')}, and then ${command('recover', short)}`;
    default:
      return standing satisfies never;
  }
}

/** What one watch came to for one notifier, as `--json` has it. */
export interface Told {
  readonly notifier: 'metric' | 'sns' | 'webhook';
  /** Null for the metric, which is of the network. */
  readonly stack: string | null;
  readonly kind: Alert['kind'] | 'lock-age';
  /** `before`: it was told by an earlier watch, or by the command that did it. */
  readonly outcome: 'told' | 'before' | 'failed';
  readonly detail: string;
}

export const describeTold = (told: readonly Told[]): string => told.map(describeOneTold).join('\n');

function describeOneTold({ notifier, stack, kind, outcome, detail }: Told): string {
  const what = stack === null ? kind : `${kind} of ${shortOf(stack)}`;
  switch (outcome) {
    case 'told':
      return `told ${notifier}: ${what} (${detail})`;
    case 'before':
      return `${notifier} was told before: ${what}`;
    case 'failed':
      return `NOT TOLD ${notifier}: ${what}: ${detail} The next watch tries again.`;
    default:
      return outcome satisfies never;
  }
}

export function describeLocks(network: string, found: readonly LockStatus[], standings: Standings, style: Style): string {
  const word: Record<LockStatus['standing'], string> = {
    held: style.red('HELD'),
    'at-work': style.green('at work'),
    frozen: style.cyan('FROZEN'),
    'left-over': style.dim('left over'),
    unknown: style.yellow('unknown'),
  };
  const rows = found.map((lock) => [
    lock.short,
    word[lock.standing],
    lock.operation ?? '',
    formatSeconds(lock.ageSeconds),
    lock.owner,
    lock.process,
    webLink(lock.ciLink) ?? '',
  ]);
  const held = [...standings.byStack].flatMap(([stack, standing]) =>
    standing.kind === 'held' ? [style.red(describeHeld(shortOf(stack), standing))] : [],
  );
  return [
    found.length === 0 ? `No lock stands on ${network}.` : table(rows, style.columns),
    ...held,
    ...found.filter(({ tooOld }) => tooOld).map((lock) => style.yellow(describeOld(lock))),
    ...standings.unreadable.map(unreadableRecord),
    ...describeStrays(standings.strays),
  ].join('\n');
}
