import { visible } from '../domain/forms.ts';
import { takenAt } from '../locks/durable-locks.ts';
import type { StandingLock } from '../locks/durable-locks.ts';
import type { Standings } from '../run/standing.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { LockStatus } from './locks.ts';
import { describeLiveness, ownerOf } from './locks.ts';

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
          owner: `an object that is no lock (${visible(key)}: ${content.why})`,
          process: 'not known',
          ...unheard,
          tooOld,
        };
      default:
        return content satisfies never;
    }
  });
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
