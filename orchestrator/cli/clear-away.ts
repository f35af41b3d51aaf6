import { exitCodes } from '../domain/exit-codes.ts';
import { Refusal } from '../domain/problem.ts';
import { JournalUnavailable } from '../journal/journal.ts';
import { removeOldHeartbeats } from '../locks/heartbeat.ts';
import type { ProcessRecord } from '../locks/lock-record.ts';
import { suspectsOf } from '../ownership/processes.ts';
import { endEngineProcesses } from '../pulumi/orphans.ts';
import type { Emit } from '../run/events.ts';
import type { Standings } from '../run/standing.ts';
import { endLeftLocks, endOrphans } from '../run/tidy.ts';
import { noJournal } from '../ui/bucket.ts';
import type { Context } from './context.ts';
import { tidyRequest } from './open.ts';
import type { OpenedSession } from './open.ts';
import type { OpenedFile } from './open-file.ts';

/** Before a run: engines of this machine that outlived theirs are ended, and locks under which nothing is in doubt are taken away. */
export async function clearAway(context: Context, file: OpenedFile, aws: OpenedSession, standings: Standings, emit: Emit): Promise<void> {
  await endOrphansHere(aws, standings, emit);
  await endLeftLocks(tidyRequest(context, aws, file.network.spec.network, standings, emit));
  await removeOldHeartbeats(aws.store, file.network.spec.network, aws.store.answeredAt ?? context.now());
}

/** @returns the dead orchestrators of which no engine is left on this machine */
export const endOrphansHere = (aws: OpenedSession, standings: Standings, emit: Emit): Promise<readonly ProcessRecord[]> =>
  endOrphans(
    standings,
    async (nonce, owner) => (await endEngineProcesses(nonce, suspectsOf(owner, aws.process.user))).length,
    (message) => emit({ type: 'note', message }),
  );

/** A run whose opening could not be written down has not begun. */
export async function refuseWithoutJournal<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (!(cause instanceof JournalUnavailable)) throw cause;
    throw new Refusal(exitCodes.preflightRefused, noJournal(cause.message));
  }
}
