import { createHash } from 'node:crypto';
import { commitForm } from '../domain/forms.ts';
import type { NewEvent } from '../journal/events.ts';
import { JournalUnavailable } from '../journal/journal.ts';
import type { Program } from '../ownership/stack-record.ts';
import { readListed } from '../state/bounded.ts';
import { networkFileKey } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';

/**
 * Puts the text of the network file under its digest, and says of the run what its stacks' records say: a recovery goes by that text, and not by
 * today's file.
 * @throws JournalUnavailable where the bucket fails for longer than the patience: nothing was started
 */
export async function keepProgram(
  store: ObjectStore,
  network: string,
  { networkFile, commit, program }: Extract<NewEvent, { type: 'run-opened' }>,
  shared: string | undefined,
  patienceSeconds: number,
): Promise<Program> {
  const digest = sha256(networkFile.text);
  await patiently(() => store.put(networkFileKey(network, digest), networkFile.text, { only: 'if-absent' }), {
    seconds: patienceSeconds,
  }).catch((cause: unknown) => {
    throw new JournalUnavailable('network-file', cause);
  });
  return {
    path: networkFile.path,
    digest,
    ...(commit !== undefined && commitForm.safeParse(commit).success ? { commit } : {}),
    ...(program === undefined ? {} : { code: program }),
    ...(shared === undefined ? {} : { shared }),
  };
}

/** @returns undefined where it is gone, or is not what its key says: then nothing is known of what was meant */
export async function readProgram(store: ObjectStore, network: string, { digest }: Program): Promise<string | undefined> {
  const found = await readListed(store, { key: networkFileKey(network, digest), size: 0 }, 'networkFile');
  return found.kind === 'there' && sha256(found.stored.body) === digest ? found.stored.body : undefined;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
