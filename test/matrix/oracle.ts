import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { LabCall } from '../../lab/control.ts';
import { changesOf } from '../../lab/drills/object-history.ts';
import type { Change, Watched } from '../../lab/drills/object-history.ts';
import { quarantineIsComplete } from '../../lab/drills/proofs.ts';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { allRuns, readRun } from '../../orchestrator/journal/read-runs.ts';
import { readRecords } from '../../orchestrator/ownership/records.ts';
import type { Dossier } from '../../orchestrator/recovery/dossier.ts';
import { readDeployment } from '../../orchestrator/state/deployment.ts';
import type { Deployment, StateResource } from '../../orchestrator/state/deployment.ts';
import { checkpointKey, durableLockKey } from '../../orchestrator/state/layout.ts';
import { lookAtAws } from '../support/aws-look.ts';
import type { LabRig } from '../support/lab-rig.ts';

/** What must be so, whatever was done to a run: each finding is a sentence about what is not. */

const network = 'small';

export type AwsLook = Awaited<ReturnType<typeof lookAtAws>>;

/** What AWS has of a stack, as names that the state can be asked for too: ids, and keys of what has none. */
export type Things = ReadonlySet<string>;

interface Kind {
  readonly create: string;
  readonly delete: string;
  readonly type: string;
  /** Of the id, in the reply of the create. */
  readonly prefix?: string;
  /** Parameter of the delete that names the id. */
  readonly idParameter?: string;
  /** Parameters that are the key of what has no id, and the outputs that are; of what has one: those that name what it goes with. */
  readonly key?: readonly (readonly [parameter: string, output: string])[];
}

const kinds: readonly Kind[] = [
  { create: 'CreateVpc', delete: 'DeleteVpc', type: 'aws:ec2/vpc:Vpc', prefix: 'vpc', idParameter: 'VpcId' },
  { create: 'CreateSubnet', delete: 'DeleteSubnet', type: 'aws:ec2/subnet:Subnet', prefix: 'subnet', idParameter: 'SubnetId' },
  {
    create: 'CreateTransitGateway',
    delete: 'DeleteTransitGateway',
    type: 'aws:ec2transitgateway/transitGateway:TransitGateway',
    prefix: 'tgw',
    idParameter: 'TransitGatewayId',
  },
  {
    create: 'CreateTransitGatewayRouteTable',
    delete: 'DeleteTransitGatewayRouteTable',
    type: 'aws:ec2transitgateway/routeTable:RouteTable',
    prefix: 'tgw-rtb',
    idParameter: 'TransitGatewayRouteTableId',
  },
  {
    create: 'CreateTransitGatewayVpcAttachment',
    delete: 'DeleteTransitGatewayVpcAttachment',
    type: 'aws:ec2transitgateway/vpcAttachment:VpcAttachment',
    prefix: 'tgw-attach',
    idParameter: 'TransitGatewayAttachmentId',
  },
  {
    create: 'CreateRouteTable',
    delete: 'DeleteRouteTable',
    type: 'aws:ec2/routeTable:RouteTable',
    prefix: 'rtb',
    idParameter: 'RouteTableId',
  },
  {
    create: 'CreateRoute',
    delete: 'DeleteRoute',
    type: 'aws:ec2/route:Route',
    key: [
      ['RouteTableId', 'routeTableId'],
      ['DestinationCidrBlock', 'destinationCidrBlock'],
    ],
  },
  {
    create: 'CreateTransitGatewayRoute',
    delete: 'DeleteTransitGatewayRoute',
    type: 'aws:ec2transitgateway/route:Route',
    key: [
      ['TransitGatewayRouteTableId', 'transitGatewayRouteTableId'],
      ['DestinationCidrBlock', 'destinationCidrBlock'],
    ],
  },
  {
    create: 'AssociateTransitGatewayRouteTable',
    delete: 'DisassociateTransitGatewayRouteTable',
    type: 'aws:ec2transitgateway/routeTableAssociation:RouteTableAssociation',
    key: [
      ['TransitGatewayRouteTableId', 'transitGatewayRouteTableId'],
      ['TransitGatewayAttachmentId', 'transitGatewayAttachmentId'],
    ],
  },
  {
    create: 'EnableTransitGatewayRouteTablePropagation',
    delete: 'DisableTransitGatewayRouteTablePropagation',
    type: 'aws:ec2transitgateway/routeTablePropagation:RouteTablePropagation',
    key: [
      ['TransitGatewayRouteTableId', 'transitGatewayRouteTableId'],
      ['TransitGatewayAttachmentId', 'transitGatewayAttachmentId'],
    ],
  },
  {
    create: 'AssociateRouteTable',
    delete: 'DisassociateRouteTable',
    type: 'aws:ec2/routeTableAssociation:RouteTableAssociation',
    prefix: 'rtbassoc',
    idParameter: 'AssociationId',
    key: [['SubnetId', 'subnetId']],
  },
];

/** The name of a thing. @param valueOf what a parameter or an output is */
function nameOf({ type, prefix, key }: Kind, id: string | undefined, valueOf: (parameter: string, output: string) => string | undefined) {
  if (key === undefined) return id;
  const values = key.map(([parameter, output]) => valueOf(parameter, output));
  return [type, ...(prefix === undefined ? values : [id, ...values]).map((value) => value ?? '?')].join(' ');
}

export function thingsInState({ resources }: Pick<Deployment, 'resources'>): Things {
  return new Set(resources.flatMap((resource) => thingInState(resource)));
}

function thingInState({ type, id, outputs, inputs, replacing }: StateResource): string[] {
  const kind = kinds.find((candidate) => candidate.type === type);
  if (kind === undefined || id === undefined || replacing) return [];
  return [nameOf(kind, id, (_, output) => String(outputs[output] ?? inputs[output])) ?? id];
}

/** What the accepted calls have made of what there was. */
function afterCall(things: Things, { action, params, resourceIds }: LabCall): Things {
  const made = kinds.find((kind) => kind.create === action);
  if (made !== undefined) {
    const id = resourceIds.find((one) => one.slice(0, one.lastIndexOf('-')) === made.prefix);
    return new Set([...things, nameOf(made, id, (parameter) => params[parameter]) ?? `${action} of an unknown id`]);
  }
  const gone = kinds.find((kind) => kind.delete === action);
  if (gone === undefined) return things;
  // By its id where it has one: what else its name has a delete does not say.
  const thing = gone.idParameter === undefined ? nameOf(gone, undefined, (parameter) => params[parameter]) : params[gone.idParameter];
  if (thing === undefined) return things;
  return new Set([...things].filter((other) => other !== thing && !leavesWith(other, thing)));
}

/** What AWS has after these calls of what it had, whether or not anybody heard of it. */
export const afterCalls = (before: Things, calls: readonly LabCall[]): Things =>
  calls.filter(({ service, status }) => service === 'ec2' && status === 200).reduce(afterCall, before);

/** Routes and associations go with their table, a VPC's associations with their subnet; and what has more to its name than its id, by its id. */
const leavesWith = (other: string, thing: string): boolean => other.includes(` ${thing} `) || other.endsWith(` ${thing}`);

export interface Expected {
  /** All that the command changes. */
  readonly stacks: readonly string[];
  /** What AWS had of them when the case began. */
  readonly before: Things;
  /** Those whose lock stood then. */
  readonly locked: readonly string[];
  /** What AWS has of everything after a clean run. */
  readonly look: AwsLook;
  /** Those of which the clean run leaves a checkpoint. */
  readonly stand: readonly string[];
}

export async function findings(rig: LabRig, expected: Expected): Promise<readonly string[]> {
  const bucket = new Bucket(rig.s3, rig.record.bucket);
  const watched: Watched = { bucket, control: rig, countedLate: true };
  const each = await Promise.all([
    sameAsClean(rig, expected),
    stateIsAws(rig, bucket, expected),
    nothingLeft(rig),
    lockStood(rig, watched, expected),
    recordsSay(bucket, expected),
    quarantines(watched, expected),
  ]);
  return each.flat();
}

async function sameAsClean(rig: LabRig, { look }: Expected): Promise<string[]> {
  const now = await lookAtAws(rig.ec2);
  return Object.entries(now).flatMap(([kind, list]) => {
    const wanted = look[kind as keyof AwsLook];
    const twice = list.filter((name, index) => list.indexOf(name) !== index);
    if (twice.length > 0) return [`AWS has twice: ${twice.join(', ')} (${kind})`];
    return list.join() === wanted.join()
      ? []
      : [`AWS has other ${kind} than after a clean run: [${list.join(', ')}] and not [${wanted.join(', ')}]`];
  });
}

async function stateIsAws(rig: LabRig, bucket: Bucket, { stacks, stand, before }: Expected): Promise<string[]> {
  const found: string[] = [];
  const states: Deployment[] = [];
  for (const stack of stacks) {
    const stored = await bucket.get(checkpointKey(stack));
    const read = stored && readDeployment(stored.body);
    if (stored && !stand.includes(stack)) found.push(`the checkpoint of ${stack} is still there`);
    if (!stored && stand.includes(stack)) found.push(`there is no checkpoint of ${stack}`);
    if (read?.ok === true) states.push(read.deployment);
    if (read?.ok === false) found.push(`the checkpoint of ${stack} cannot be read: ${read.why}`);
  }
  const aws = afterCalls(before, await rig.calls({ mutating: true }));
  return [
    ...found,
    ...states.flatMap(({ operations, resources }) => [
      ...operations.map(({ type, resource }) => `the checkpoint has a pending operation: ${type} ${resource.name}`),
      ...resources.filter(({ condemned, replacing }) => condemned || replacing).map(({ name }) => `${name} is still to be deleted`),
    ]),
    ...Object.values(compared(thingsOfAll(states), aws)).flat(),
  ];
}

const thingsOfAll = (states: readonly Pick<Deployment, 'resources'>[]): Things =>
  new Set(states.flatMap((state) => [...thingsInState(state)]));

function compared(state: Things, aws: Things): { readonly lacking: readonly string[]; readonly unknown: readonly string[] } {
  return {
    lacking: [...state].filter((thing) => !aws.has(thing)).map((thing) => `the state has ${thing}, and AWS has not`),
    unknown: [...aws].filter((thing) => !state.has(thing)).map((thing) => `AWS has ${thing}, and the state has not`),
  };
}

async function nothingLeft(rig: LabRig): Promise<string[]> {
  return [...(await rig.locks()).map((key) => `left in the bucket: ${key}`), ...(await spooled(rig))];
}

/** Of the runs that this bucket knows: others of the same checkout may be at work. */
async function spooled(rig: LabRig): Promise<string[]> {
  const runs = await allRuns(new Bucket(rig.s3, rig.record.bucket), network);
  const files = await Promise.all(
    runs.map(async (run) => {
      const folder = fileURLToPath(new URL(`../../.holdfast/spool/${network}/${run}`, import.meta.url));
      return (await readdir(folder).catch(() => [])).map((file) => `left in the spool: ${run}/${file}`);
    }),
  );
  return files.flat();
}

/**
 * A lock stood at each change of AWS, and a stack's own at each of its checkpoint; whenever it went, AWS had what the stack's state had, and when the last one
 * went, nothing that no state had: by the calls in the proxy's order and the versions of the checkpoints, past all that Holdfast says.
 */
async function lockStood(rig: LabRig, watched: Watched, { stacks, before, locked }: Expected): Promise<string[]> {
  const bodies = new Map<number, Uint8Array | undefined>();
  const states = new Map<string, Uint8Array | undefined>();
  for (const stack of stacks) {
    const checkpoints = await changesOf(watched, checkpointKey(stack));
    const bodyOf = async (change: Change | undefined): Promise<Uint8Array | undefined> =>
      change?.kind === 'put' ? await watched.bucket.getVersion(checkpointKey(stack), change.version) : undefined;
    for (const change of checkpoints) if (change.order > 0) bodies.set(change.order, await bodyOf(change));
    states.set(stack, await bodyOf(checkpoints.findLast(({ order }) => order === 0)));
  }
  let aws = before;
  const standing = new Set(locked);
  const found: string[] = [];
  for (const call of await rig.calls({ mutating: true })) {
    if (call.service === 'ec2' && call.status === 200) {
      if (standing.size === 0) found.push(`${call.action} was accepted while no lock stood`);
      aws = afterCall(aws, call);
    }
    if (call.service !== 's3' || call.status >= 300) continue;
    const written = stacks.find((stack) => call.key === checkpointKey(stack));
    if (written !== undefined) {
      if (!standing.has(written)) found.push(`the checkpoint was written while no lock stood (call ${call.seq})`);
      states.set(written, call.action === 'DeleteObject' ? undefined : bodies.get(call.seq));
    }
    const stack = stacks.find((each) => call.key === durableLockKey(each));
    if (stack === undefined) continue;
    if (call.action === 'PutObject') standing.add(stack);
    else {
      standing.delete(stack);
      // While another one is held, what its run did last is in AWS alone.
      const all = standing.size === 0 ? [...states.values()] : undefined;
      found.push(...atRelease(states.get(stack), all, aws, call.seq));
    }
  }
  return found;
}

/** @param all states of the stacks, where no lock is left */
function atRelease(
  state: Uint8Array | undefined,
  all: readonly (Uint8Array | undefined)[] | undefined,
  aws: Things,
  seq: number,
): string[] {
  const read = deploymentIn(state);
  if (!read.ok) return [`the lock went (call ${seq}) over a checkpoint that cannot be read: ${read.why}`];
  const others = (all ?? []).map(deploymentIn).flatMap((each) => (each.ok ? [each.deployment] : []));
  const { lacking } = compared(thingsInState(read.deployment), aws);
  const { unknown } = all === undefined ? { unknown: [] } : compared(thingsOfAll(others), aws);
  return [
    ...read.deployment.operations.map(({ type, resource }) => `the lock went (call ${seq}) while ${type} ${resource.name} was pending`),
    ...[...lacking, ...unknown].map((text) => `when the lock went (call ${seq}): ${text}`),
  ];
}

function deploymentIn(state: Uint8Array | undefined) {
  const nothing: Pick<Deployment, 'resources' | 'operations'> = { resources: [], operations: [] };
  return state === undefined ? ({ ok: true, deployment: nothing } as const) : readDeployment(Buffer.from(state).toString('utf8'));
}

/** No stack of the network has an owner any more, the version that was verified last is the one that is there, and every journal can be read. */
async function recordsSay(bucket: Bucket, { stacks }: Expected): Promise<string[]> {
  const found: string[] = [];
  const { byStack, unreadable: broken } = await readRecords(bucket, network);
  found.push(...[...broken.values()].map(({ key, why }) => `the record ${key} cannot be read: ${why}`));
  for (const { record } of byStack.values())
    if ('owner' in record) found.push(`by its record, run ${record.owner.run} still has ${record.stack} (${record.phase})`);
  for (const name of await allRuns(bucket, network)) {
    const { unreadable } = await readRun(bucket, network, name);
    found.push(...unreadable.map((text) => `the journal of ${name} cannot be read: ${text}`));
  }
  for (const stack of stacks) {
    const verified = byStack.get(stack)?.record.verified;
    const current = (await bucket.list(checkpointKey(stack))).find(({ key }) => key === checkpointKey(stack));
    const now = current && versionOf(current.etag, current.modified.toISOString());
    const then = verified?.kind === 'at' ? versionOf(verified.etag, verified.modified) : undefined;
    if (verified === undefined) found.push(`there is no record of ${stack}`);
    else if (verified.kind === 'unknown' || then !== now)
      found.push(`the checkpoint of ${stack} (${now ?? 'none'}) is not the one that was verified (${then ?? verified.kind})`);
  }
  return found;
}

/** Contents come twice, and so do ETags. */
const versionOf = (etag: string, modified: string): string => `${etag} of ${modified}`;

/** Of every recovery that wrote a state: each version of checkpoint and lock from before has a copy, byte for byte. */
async function quarantines(watched: Watched, { stacks }: Expected): Promise<string[]> {
  const found: string[] = [];
  for (const { key } of await watched.bucket.list('.holdfast/dossiers/')) {
    const stack = stacks.find((each) => key.includes(`/${each}/`));
    if (!key.endsWith('.json') || stack === undefined) continue;
    const dossier = JSON.parse((await watched.bucket.get(key))?.body ?? '') as Dossier;
    if (dossier.quarantine === null) continue;
    const short = stack.replace(`${network}.`, '');
    await quarantineIsComplete(watched, { stack, short, run: dossier.run, dossier }).catch((cause: unknown) =>
      found.push(cause instanceof Error ? cause.message : String(cause)),
    );
  }
  return found;
}
