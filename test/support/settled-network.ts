import { fileURLToPath } from 'node:url';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { fingerprintSettings, programSettings } from '../../orchestrator/cli/fingerprint-settings.ts';
import { buildGraph } from '../../orchestrator/graph/graph.ts';
import { readNetwork } from '../../orchestrator/network/read-network.ts';
import { digestOf, fingerprintOf, namesOf } from '../../orchestrator/run/fingerprint.ts';
import { learn } from '../../orchestrator/state/index-of-stacks.ts';
import type { IndexEntry } from '../../orchestrator/state/index-of-stacks.ts';
import { readInstallation } from '../../orchestrator/state/installation.ts';
import { checkpointKey, installationKey, recordKey, schemaVersion, stacksPrefix } from '../../orchestrator/state/layout.ts';
import type { StackRecord } from '../../orchestrator/ownership/stack-record.ts';
import { verifiedAt } from '../../orchestrator/ownership/verified-at.ts';
import { pulumiCliVersion } from '../../toolchain/versions.ts';
import { kinds } from '../../stacks/index.ts';
import type { LabRig } from './lab-rig.ts';

/**
 * The bucket as it is after the lab's network was deployed, without deploying it: for networks that take an hour. The checkpoints have no resources, which
 * nobody reads who sees that nothing has changed.
 * @returns how many stacks there are
 */
export async function settleNetwork(rig: LabRig): Promise<number> {
  const network = await readNetwork(rig.networkFile);
  if (!network.ok) throw new Error(JSON.stringify(network.problems));
  const { spec } = network.value;
  const graph = buildGraph(spec, kinds);
  if (!graph.ok) throw new Error(JSON.stringify(graph.problems));
  const store = new Bucket(rig.s3, rig.record.bucket);
  const installation = readInstallation((await store.get(installationKey))?.body ?? '');
  if (!installation.ok) throw new Error(JSON.stringify(installation.problems));
  const file = { graph: graph.value, network: network.value, target: { kind: 'LAB', lab: rig.record } } as const;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const settings = await fingerprintSettings({ root }, file, programSettings(file, installation.value.installation), pulumiCliVersion);
  const { nodes } = graph.value;
  const entries = new Map<string, IndexEntry>();
  for (const node of nodes) {
    const body = JSON.stringify({ version: 3, checkpoint: { stack: `organization/holdfast/${node.name}` } });
    const put = await store.put(checkpointKey(node.name), body, { only: 'if-absent' });
    await store.put(`${checkpointKey(node.name)}.bak`, body, { only: 'always' });
    if (!put.done) throw new Error(`there is a ${node.name} already`);
    const read = nodes.flatMap(({ references }) => references.filter(({ stack }) => stack === node.name));
    const outputs = Object.fromEntries(read.flatMap((by) => namesOf(by.outputs)).map((name) => [name, digestOf(`${node.name} ${name}`)]));
    const fingerprint = fingerprintOf(node, settings, (stack, output) => entries.get(stack)?.outputs[output]);
    if (!fingerprint) throw new Error(`${node.name} reads what no stack before it has`);
    entries.set(node.name, { checkpoint: put.etag, fingerprint, outputs, resources: 6 });
  }
  const heads = new Map((await store.list(stacksPrefix(spec.network))).map((head) => [head.key, head]));
  const since = new Date().toISOString();
  for (const [stack, entry] of entries) {
    const record: StackRecord = {
      schema: schemaVersion,
      stack,
      write: `settled ${stack}`,
      epoch: 1,
      since,
      verified: verifiedAt(heads.get(checkpointKey(stack)), 'settled', Date.now()),
      fence: 'none',
      disowned: [],
      phase: 'free',
    };
    const put = await store.put(recordKey(stack), JSON.stringify(record), { only: 'if-absent' });
    if (!put.done) throw new Error(`there is a record of ${stack} already`);
    entries.set(stack, { ...entry, record: put.etag });
  }
  await learn(store, spec.network, entries, new Set(entries.keys()));
  return nodes.length;
}
