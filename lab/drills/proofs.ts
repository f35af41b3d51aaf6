import { paginateDescribeRouteTables, paginateDescribeTags } from '@aws-sdk/client-ec2';
import { readLock } from '../../orchestrator/locks/lock-record.ts';
import type { LockRecord } from '../../orchestrator/locks/lock-record.ts';
import type { Dossier } from '../../orchestrator/recovery/dossier.ts';
import type { QuarantinedVersion } from '../../orchestrator/recovery/quarantine.ts';
import { readDeployment } from '../../orchestrator/state/deployment.ts';
import type { StateResource } from '../../orchestrator/state/deployment.ts';
import { checkpointKey, dossiersPrefix, durableLockKey } from '../../orchestrator/state/layout.ts';
import { expect } from './drill.ts';
import type { Proof } from './drill.ts';
import { changesOf } from './object-history.ts';
import type { Change, Watched } from './object-history.ts';
import type { Rehearsal } from './rehearsal.ts';

/** What shows, past all that Holdfast says of itself, that a recovery was one: read from the bucket's versions, the proxy's calls, and AWS. */

export interface RecoveredStack {
  readonly stack: string;
  readonly short: string;
  /** The interrupted one. */
  readonly run: string;
  readonly dossier: Dossier;
}

export async function readDossier({ bucket, network }: Rehearsal, run: string, stack: string): Promise<Dossier> {
  const prefix = dossiersPrefix(network.spec.network, run, stack);
  const keys = (await bucket.list(prefix)).map(({ key }) => key).filter((key) => key.endsWith('.json'));
  const [key = ''] = keys;
  expect(keys.length === 1, `there is one dossier of ${stack}`, keys.length === 0 ? `none under ${prefix}` : keys.join(', '));
  return JSON.parse((await bucket.get(key))?.body ?? '') as Dossier;
}

/** The lock that stands; who has it. */
export async function standingLock({ bucket }: Watched, stack: string): Promise<LockRecord> {
  const stored = await bucket.get(durableLockKey(stack));
  expect(stored !== undefined, `the lock of ${stack} stands`, 'there is none in the bucket');
  return ownerOf(stored.body, stack);
}

function ownerOf(body: string, stack: string): LockRecord {
  const lock = readLock(body, stack);
  if (lock.kind !== 'holdfast') throw new Error(`a lock that cannot be read: ${lock.kind === 'unreadable' ? lock.why : lock.kind}`);
  return lock.record;
}

/** From the interrupted run's take to after the promoted checkpoint, by the versions of both objects. */
export async function lockStood(watched: Watched, { stack, short, run, dossier }: RecoveredStack): Promise<Proof> {
  const lock = await changesOf(watched, durableLockKey(stack));
  const owners = new Map<string, LockRecord>();
  for (const change of lock)
    if (change.kind === 'put') {
      const body = await watched.bucket.getVersion(durableLockKey(stack), change.version);
      owners.set(change.version, ownerOf(Buffer.from(body ?? []).toString('utf8'), stack));
    }
  const from = lock.findIndex(({ kind, version }) => kind === 'put' && owners.get(version)?.run === run);
  const taken = lock[from];
  const gone = lock.slice(from).find(({ kind }) => kind === 'delete');
  const promoted = (await changesOf(watched, checkpointKey(stack))).findLast(
    (change): boolean => change.kind === 'put' && change.etag === dossier.promoted,
  );
  expect(
    taken !== undefined,
    `the bucket has the lock of run ${run} on ${stack}`,
    `${lock.length} changes of the lock, none of them by that run`,
  );
  expect(
    promoted !== undefined,
    `the bucket has the checkpoint of ${stack} that was promoted`,
    `none with ETag ${dossier.promoted ?? 'none'}`,
  );
  expect(
    gone !== undefined && gone.order > promoted.order,
    `the lock of ${stack} was removed only after its checkpoint was promoted (${timeOf(promoted.modified)})`,
    gone === undefined ? 'it was never removed' : `it was removed at ${timeOf(gone.modified)}, before`,
  );
  const between = lock.filter(({ order }) => order >= taken.order && order < gone.order);
  const strangers = between.flatMap(({ version }) => {
    const owner = owners.get(version);
    return owner?.run === run ? [] : [`${owner?.operation ?? 'a removal'} of run ${owner?.run ?? 'nobody'}`];
  });
  expect(strangers.length === 0, `only run ${run} and its recovery had ${stack}`, strangers.join(', '));
  return {
    proves: `the lock of ${short} stood until after the promoted checkpoint`,
    said:
      `${timeOf(taken.modified)} taken by the run, ${between.length} versions and no delete marker, ` +
      `${timeOf(promoted.modified)} checkpoint promoted, ${timeOf(gone.modified)} lock removed`,
    shown: {
      stack,
      run,
      lock: lock.map((change) => ({ ...shownChange(change), owner: describeOwner(owners.get(change.version)) })),
      promoted: shownChange(promoted),
    },
  };
}

const describeOwner = (owner: LockRecord | undefined): object | null =>
  owner === undefined ? null : { operation: owner.operation, run: owner.run, recovery: owner.recovery ?? null, epoch: owner.epoch };

const shownChange = (change: Change): object => ({ ...change, modified: change.modified.toISOString() });

/** Every version of checkpoint and lock from before the recovery wrote the state has a copy, byte for byte. */
export async function quarantineIsComplete(watched: Watched, { stack, short, dossier }: RecoveredStack): Promise<Proof> {
  const { bucket } = watched;
  const { quarantine } = dossier;
  expect(quarantine !== null, `${stack} has a quarantine`, 'its dossier names none');
  const stored = await bucket.get(quarantine.manifest);
  const [listed] = await changesOf(watched, quarantine.manifest);
  expect(stored !== undefined && listed !== undefined, `the quarantine of ${stack} has its manifest`, `there is no ${quarantine.manifest}`);
  const { versions } = JSON.parse(stored.body) as { readonly versions: readonly QuarantinedVersion[] };
  const byVersion = new Map(versions.map((version) => [`${version.key} ${version.version}`, version]));
  let count = 0;
  for (const key of [checkpointKey(stack), durableLockKey(stack)])
    for (const change of await changesOf(watched, key)) {
      if (change.order > listed.order) continue;
      count += 1;
      const entry = byVersion.get(`${key} ${change.version}`);
      expect(entry !== undefined, `version ${change.version} of ${key} is in the manifest`, `${versions.length} others are`);
      if (change.kind === 'delete') continue;
      const [original, copy] = await Promise.all([
        bucket.getVersion(key, change.version),
        entry.copy === null ? undefined : bucket.get(entry.copy),
      ]);
      expect(
        original !== undefined && copy !== undefined && Buffer.from(original).equals(Buffer.from(copy.body)),
        `version ${change.version} of ${key} has a copy, byte for byte`,
        copy === undefined ? 'it has none' : 'the copy is another text',
      );
    }
  expect(count > 0, `there is something to copy of ${stack}`, `the bucket has no version of it from before ${quarantine.manifest}`);
  return {
    proves: `the quarantine of ${short} is complete`,
    said: `all ${count} versions of its checkpoint and its lock until then, compared byte for byte, under ${quarantine.prefix}`,
    shown: { stack, manifest: quarantine.manifest, versions: versions.length, compared: count },
  };
}

/** Of everything that bears a tag, and of every route of a VPC's table: AWS is asked directly. */
export async function stateIsAws(rehearsal: Rehearsal, stacks: readonly string[]): Promise<Proof> {
  const state: string[] = [];
  for (const stack of stacks) {
    const stored = await rehearsal.bucket.get(checkpointKey(stack));
    const read = readDeployment(stored?.body ?? '');
    expect(read.ok, `the checkpoint of ${stack} can be read`, read.ok ? '' : read.why);
    expect(read.deployment.operations.length === 0, `${stack} has no pending operation`, `${read.deployment.operations.length}`);
    state.push(...read.deployment.resources.flatMap(namesInState));
  }
  const aws = await namesInAws(rehearsal);
  const missing = state.filter((name) => !aws.includes(name));
  const unrecorded = aws.filter((name) => !state.includes(name));
  expect(
    missing.length === 0 && unrecorded.length === 0 && state.length === aws.length,
    'the states have each object of AWS exactly once, and no other',
    `not in AWS: ${missing.join(', ') || 'none'}; not in a state: ${unrecorded.join(', ') || 'none'}; ${state.length} in the states, ${aws.length} in AWS`,
  );
  return {
    proves: 'the states have what AWS has',
    said: `${state.length} ids and routes of ${stacks.length} stacks, each once on both sides`,
    shown: { state: [...state].sort(), aws: [...aws].sort() },
  };
}

function namesInState({ type, id, outputs }: StateResource): string[] {
  if (id === undefined || type.startsWith('pulumi:')) return [];
  if (type === 'aws:ec2/route:Route') return [`${String(outputs['routeTableId'])} ${String(outputs['destinationCidrBlock'])}`];
  return outputs['tagsAll'] === undefined ? [] : [id];
}

async function namesInAws({ ec2, network }: Rehearsal): Promise<string[]> {
  const ids: string[] = [];
  const ofNetwork = `${network.spec.network}.*`;
  for await (const { Tags } of paginateDescribeTags(
    { client: ec2 },
    {
      Filters: [
        { Name: 'key', Values: ['holdfast:stack'] },
        { Name: 'value', Values: [ofNetwork] },
      ],
    },
  ))
    for (const { ResourceId } of Tags ?? []) if (ResourceId !== undefined) ids.push(ResourceId);
  for await (const { RouteTables } of paginateDescribeRouteTables(
    { client: ec2 },
    { Filters: [{ Name: 'tag:holdfast:stack', Values: [ofNetwork] }] },
  ))
    for (const { RouteTableId, Routes } of RouteTables ?? [])
      for (const { DestinationCidrBlock, GatewayId } of Routes ?? [])
        if (GatewayId !== 'local') ids.push(`${RouteTableId ?? ''} ${DestinationCidrBlock ?? ''}`);
  return ids;
}

const timeOf = (date: Date): string => date.toISOString().slice(11, 19);
