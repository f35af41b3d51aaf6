import type { StackState } from '../state/checkpoints.ts';
import type { Verified } from '../ownership/stack-record.ts';
import type { ReadableDossier } from './dossier.ts';

/** What has to be so before a lock goes, in the incident's own order. */
export type ReleasePoint = 'writer-dead' | 'quarantined' | 'looked' | 'verified' | 'nothing-pending';

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

/** Which of it is so. All of it has to be for a lock to go without `--unreconciled`. */
export function releaseChecklist(facts: ChecklistFacts): Readonly<Record<ReleasePoint, boolean>> {
  const { state, unreadable, verified, dossier } = facts;
  const own = dossierOfLock(facts);
  const etag = state?.etag ?? null;
  return {
    'writer-dead': dossier !== undefined,
    quarantined: dossier?.quarantine != null,
    // Behind this very lock.
    looked: own !== undefined,
    // At this very checkpoint.
    verified: own !== undefined && own.promoted !== null && own.promoted === etag && verified?.kind === 'at' && verified.etag === etag,
    'nothing-pending': unreadable === undefined && (state?.pendingOperations.length ?? 0) === 0,
  };
}

/** The dossier, where its recovery worked behind the lock that is to go. */
export const dossierOfLock = ({ lock, dossier }: ChecklistFacts): ReadableDossier | undefined =>
  dossier?.lock.etag === lock ? dossier : undefined;
