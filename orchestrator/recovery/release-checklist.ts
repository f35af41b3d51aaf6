import type { StackState } from '../state/checkpoints.ts';
import type { Verified } from '../ownership/stack-record.ts';
import type { ReadableDossier } from './dossier.ts';

/** One thing that has to be so before a lock goes, and whether it is. */
export interface Item {
  readonly what: string;
  readonly done: boolean;
  readonly detail: string;
}

export interface ChecklistFacts {
  /** ETag of the lock that is to go. */
  readonly lock: string;
  readonly state: StackState | undefined;
  /** Why the checkpoint cannot be read. */
  readonly unreadable: string | undefined;
  readonly verified: Verified | undefined;
  /** The newest dossier of the stack in that run. */
  readonly dossier: ReadableDossier | undefined;
}

/** In the incident's own order. All of it has to be done for a lock to go without `--unreconciled`. */
export function releaseChecklist({ lock, state, unreadable, verified, dossier }: ChecklistFacts): readonly Item[] {
  const own = dossier?.lock.etag === lock ? dossier : undefined;
  const etag = state?.etag ?? null;
  const pending = state?.pendingOperations.length ?? 0;
  return [
    {
      what: 'nobody else can write',
      done: dossier !== undefined,
      detail: dossier ? dossier.writer.how : 'nobody has looked: npm run recover does',
    },
    {
      what: 'every version is in quarantine',
      done: dossier?.quarantine != null,
      detail: dossier?.quarantine ? `${dossier.quarantine.versions} under ${dossier.quarantine.prefix}` : 'nothing was copied',
    },
    {
      what: 'a recovery looked at AWS behind this very lock',
      done: own !== undefined,
      detail: !dossier
        ? 'there is no dossier'
        : own
          ? `dossier of ${own.recovery}: ${own.outcome}`
          : `the dossier of ${dossier.recovery} is of another lock: somebody has taken it over, or put it back, since`,
    },
    {
      what: 'state and AWS agree at this very checkpoint',
      done: own !== undefined && own.promoted !== null && own.promoted === etag && verified?.kind === 'at' && verified.etag === etag,
      detail:
        unreadable ??
        (!own
          ? 'not known'
          : own.promoted === null
            ? (own.why ?? 'the recovery wrote no checkpoint')
            : own.promoted === etag
              ? 'the checkpoint is the one that was verified'
              : 'the checkpoint was written by somebody since it was verified'),
    },
    {
      what: 'no operation is pending',
      done: unreadable === undefined && pending === 0,
      detail: unreadable ?? (pending === 0 ? 'none' : `${pending} in the checkpoint`),
    },
  ];
}
