import { pulumiCliVersion } from '../../toolchain/versions.ts';
import { Bucket } from '../aws/bucket.ts';
import { lookAtIdentity } from '../aws/identity.ts';
import { usableUntil } from '../aws/session.ts';
import type { Session } from '../aws/session.ts';
import { openStateClients } from '../aws/state-clients.ts';
import { bucketOf } from '../network/spec.ts';
import type { StackPlan } from '../run/events.ts';
import { noChanges } from '../run/events.ts';
import { fingerprintOf } from '../run/fingerprint.ts';
import type { OutputDigest } from '../run/fingerprint.ts';
import { isSettled, readIndex } from '../state/index-of-stacks.ts';
import { listLocks } from '../locks/durable-locks.ts';
import { readRecord } from '../ownership/records.ts';
import { readInstallation } from '../state/installation.ts';
import { installationKey, locksPrefix, recordKey, recordsPrefix, stacksPrefix } from '../state/layout.ts';
import { fingerprintSettings, programSettings } from './fingerprint-settings.ts';
import type { Context } from './context.ts';
import type { OpenedFile } from './open-file.ts';

/** Records that are read one by one; with more of them the whole preflight is as quick. */
const fewRecords = 4;

/**
 * Whether nothing has changed in any of the stacks, from one look at the bucket: its listings and the index, and no checkpoint. Reads only. Wherever it is not
 * plainly so, somebody is at work, something is held or frozen, or a question fails, it is not said: then the whole preflight looks, and tells.
 * @returns the plan in which nothing changes
 */
export async function nothingToDo(
  context: Context,
  file: OpenedFile,
  session: Session,
  selected: ReadonlySet<string>,
): Promise<readonly StackPlan[] | undefined> {
  const { graph, target } = file;
  const { spec } = file.network;
  const { network } = spec;
  const until = usableUntil(session);
  if (until === 'unknown' || (until instanceof Date && until.getTime() <= context.now())) return undefined;
  const { s3, sts } = (context.ports?.openStateClients ?? openStateClients)(target, spec.region, () => session);
  const store = new Bucket(s3, bucketOf(spec), spec.account);
  try {
    // Who is at work is asked with the state, or before it: whoever begins after that has planned over nothing that is said here.
    const [identity, installation, index, locks, records, checkpoints] = await Promise.all([
      lookAtIdentity({ sts }, context.now),
      store.get(installationKey),
      readIndex(store, network),
      listLocks(store, locksPrefix(network)),
      store.list(recordsPrefix(network)),
      store.list(stacksPrefix(network)),
    ]);
    if (!identity.ok || identity.value.account !== spec.account || locks.objects.length > 0) return undefined;
    const made = installation && readInstallation(installation.body);
    if (!made?.ok) return undefined;

    const etags = new Map<string, string>();
    for (const { key, etag } of checkpoints) {
      const name = key.slice(key.lastIndexOf('/') + 1);
      if (name.endsWith('.bak')) continue;
      // Compressed, or what nobody knows: preflight tells of it. So it does of a stack that the file does not have.
      if (!name.endsWith('.json') || !graph.byName.has(name.slice(0, -'.json'.length))) return undefined;
      etags.set(name.slice(0, -'.json'.length), etag);
    }
    // The index is a cache of what each record said. One that is another by now is read, and a few of those are no reason to look at everything.
    const known = new Map([...index.entries].map(([stack, { record }]) => [recordKey(stack), record]));
    const others = records.filter(({ key, etag }) => known.get(key) !== etag);
    if (others.length > fewRecords) return undefined;
    for (const { key } of others) {
      const stack = key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, '');
      const read = key === recordKey(stack) ? await readRecord(store, stack) : undefined;
      if (read?.kind !== 'there') return undefined;
      const { phase, frozen, verified } = read.record;
      const isTrue = verified.kind === 'at' ? verified.etag === etags.get(stack) : verified.kind === 'absent' && !etags.has(stack);
      if (phase !== 'free' || frozen !== undefined || !isTrue) return undefined;
    }
    const recorded = new Set(records.map(({ key }) => key));
    const settings = await fingerprintSettings(context, file, programSettings(file, made.value.installation), pulumiCliVersion);
    const entryOf = (stack: string) => {
      const entry = index.entries.get(stack);
      return entry?.checkpoint === etags.get(stack) ? entry : undefined;
    };
    const outputs: OutputDigest = (stack, name) => entryOf(stack)?.outputs[name];
    const plans: StackPlan[] = [];
    for (const node of graph.nodes) {
      if (!selected.has(node.name)) continue;
      const entry = entryOf(node.name);
      if (!entry || !recorded.has(recordKey(node.name)) || !isSettled(entry, entry.checkpoint, fingerprintOf(node, settings, outputs)))
        return undefined;
      plans.push({ stack: node.name, short: node.short, exists: true, hasChanges: false, counts: noChanges, changes: [] });
    }
    return plans;
  } catch {
    return undefined;
  } finally {
    s3.destroy();
    sts.destroy();
  }
}
