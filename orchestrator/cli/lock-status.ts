import { formatSeconds } from '../domain/duration.ts';
import type { StandingLock } from '../locks/durable-locks.ts';
import type { LockRecord } from '../locks/lock-record.ts';
import { describeReason } from '../ownership/describe-liveness.ts';
import type { Liveness } from '../ownership/liveness.ts';
import type { Standings } from '../run/standing.ts';
import { quoted } from '../domain/quoted.ts';
import { shortOf } from '../domain/stack-name.ts';

/** One object in a lock folder, as `--json` has it. */
export interface LockStatus {
  readonly stack: string;
  readonly short: string;
  readonly key: string;
  /** Who put it; `unreadable` where nobody can say. */
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

/** @param maxAgeSeconds a lock that is older is too old; absent: none is */
export function lockStatuses(standings: Standings, now: number, maxAgeSeconds: number | undefined): LockStatus[] {
  return standings.locks.map((lock): LockStatus => {
    const { stack, key, content } = lock;
    const since = takenAt(lock);
    const ageSeconds = Math.max(0, Math.floor((now - since.getTime()) / 1000));
    const identity = content.kind === 'holdfast' ? content.record.nonce : content.kind === 'engine' ? key : lock.etag;
    const base = { stack, short: shortOf(stack), key, since: since.toISOString(), ageSeconds, identity };
    const tooOld = maxAgeSeconds !== undefined && ageSeconds > maxAgeSeconds;
    const standing = standingWord(lock, standings);
    const nobody = { operation: null, user: null, host: null, pid: null, run: null, incident: null, ciLink: null };
    const unheard = { liveness: null, livenessReason: null, lastHeard: null };
    switch (content.kind) {
      case 'holdfast': {
        const { record } = content;
        const isFreeze = record.operation === 'freeze';
        const liveness = standings.liveness(record);
        const heard = standings.heard.get(record.nonce);
        return {
          ...base,
          ...(isFreeze
            ? { by: 'person', process: 'a person put it, and no process', ...unheard }
            : {
                by: 'run',
                process: describeLiveness(liveness, heard, now),
                liveness: liveness.answer,
                livenessReason: liveness.reason,
                lastHeard: heard?.toISOString() ?? null,
              }),
          standing,
          owner: ownerOf(record),
          operation: record.operation,
          user: record.user,
          host: record.host,
          pid: record.pid,
          run: isFreeze ? null : record.run,
          incident: record.incident ?? null,
          ciLink: record.ciLink ?? null,
          tooOld,
        };
      }
      case 'engine': {
        const { username, hostname, pid } = content.engine;
        return {
          ...base,
          ...nobody,
          by: 'pulumi',
          standing,
          owner: `plain pulumi, ${username}@${hostname} (pid ${pid})`,
          user: username,
          host: hostname,
          pid,
          // A host's name and a number are no proof: the number may be another container's.
          process: 'plain pulumi sends no heartbeat',
          ...unheard,
          tooOld,
        };
      }
      case 'unreadable':
        return {
          ...base,
          ...nobody,
          by: 'unreadable',
          standing,
          owner: `an object that is no lock (${key}: ${content.why})`,
          process: 'not known',
          ...unheard,
          tooOld,
        };
      default:
        return content satisfies never;
    }
  });
}

/** A lock that was put back is as old as it was before. */
function takenAt({ since, content }: StandingLock): Date {
  if (content.kind !== 'holdfast' || content.record.restoredAt === undefined) return since;
  const started = new Date(content.record.startedAt);
  return Number.isNaN(started.getTime()) || started > since ? since : started;
}

function ownerOf({ operation, user, host, pid, run, incident }: LockRecord): string {
  return operation === 'freeze' ? `${user}@${host} (incident ${incident ?? 'unknown'})` : `${user}@${host} (pid ${pid}, run ${run})`;
}

function standingWord({ stack, content }: StandingLock, { byStack }: Standings): LockStatus['standing'] {
  const kind = byStack.get(stack)?.kind;
  switch (kind) {
    case 'held':
    case 'frozen':
      return kind;
    case 'left':
      return 'left-over';
    case 'locked':
      return content.kind === 'unreadable' ? 'unknown' : 'at-work';
    case 'free':
    case undefined:
      return 'unknown';
    default:
      return kind satisfies never;
  }
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
      return `Ask whether the incident is over, and look: npm run status. Only then: npm run unfreeze -- ${short} --incident ${incident === null ? 'ID' : quoted(incident)}`;
    case 'left-over':
      return 'npm run status; nothing is in doubt, and the next up releases it by itself';
    case 'held':
    case 'at-work':
    case 'unknown':
      return `npm run status, and then npm run recover -- ${short}`;
    default:
      return standing satisfies never;
  }
}
