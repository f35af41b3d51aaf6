import { lookAtIdentity } from '../../aws/identity.ts';
import { lookAtInventory } from '../../aws/inventory.ts';
import { resourceTypeOf } from '../../aws/resource-types/index.ts';
import { exitCodes, worstOf } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { messageOf, orRefuse, Refusal } from '../../domain/problem.ts';
import type { Problem } from '../../domain/problem.ts';
import { shortOf } from '../../domain/stack-name.ts';
import { withUpstreams } from '../../graph/graph.ts';
import { selectStacks } from '../../graph/select.ts';
import { compareWithState, isFound } from '../../inventory/compare.ts';
import type { StackDifferences } from '../../inventory/compare.ts';
import type { Inventory, LiveObject, LookScope } from '../../inventory/live-object.ts';
import { findOwners } from '../../inventory/owners.ts';
import type { Owner } from '../../inventory/owners.ts';
import { checkIdentity } from '../../preflight/checks.ts';
import type { NetworkSpec } from '../../network/spec.ts';
import type { Emit } from '../../run/events.ts';
import { readStates } from '../../state/checkpoints.ts';
import { isCloudObject, readDeployment } from '../../state/deployment.ts';
import type { Deployment } from '../../state/deployment.ts';
import type { DisownedObject } from '../../ownership/disowned.ts';
import { readRecords as readStackRecords } from '../../ownership/records.ts';
import { readInstallation } from '../../state/installation.ts';
import { installationKey } from '../../state/layout.ts';
import type { ObjectStore } from '../../state/object-store.ts';
import { styleFor } from '../../ui/reporter.ts';
import type { CommonFlags, Context } from '../context.ts';
import { namedObjects } from '../named-objects.ts';
import { candidatesOf } from '../names-in-file.ts';
import { openAws } from '../open.ts';
import { openFile } from '../open-file.ts';
import type { OpenedSession } from '../open.ts';
import type { OpenedFile } from '../open-file.ts';
import { print, printJson, report } from '../report.ts';
import { missingBucket, uninventoriedBucket, unpreparedBucket } from '../../ui/bucket.ts';
import {
  cannotLook,
  describeDifferences,
  describeInventory,
  differenceRecord,
  disownedUnknown,
  everyInstallation,
  unreadState,
} from '../../ui/inventory.ts';

export interface InventoryFlags extends CommonFlags {
  readonly diff: boolean;
}

/**
 * What AWS has of the network, in the state's shape. It reads and writes nothing: a role that may only read is enough, and a held stack stays as it is.
 * Without `--diff` the bucket is only asked for what it can add: the installation's name, and which of the objects without tags are whose.
 */
export async function inventory(this: Context, flags: InventoryFlags, ...patterns: string[]): Promise<void> {
  await report(this, flags, async (emit) => {
    const notes: string[] = [];
    const tell: Emit = (event) => {
      if (event.type === 'note') notes.push(event.message);
      if (!flags.json) emit(event);
    };
    const file = await openFile(this, flags, 'inventory', tell);
    const aws = await openAws(this, file);
    try {
      return await look(this, flags, patterns, file, aws, tell, notes);
    } finally {
      aws.clients.destroy();
    }
  });
}

async function look(
  context: Context,
  flags: InventoryFlags,
  patterns: readonly string[],
  file: OpenedFile,
  aws: OpenedSession,
  tell: Emit,
  notes: readonly string[],
): Promise<ExitCode> {
  const { network, target, graph } = file;
  const name = network.spec.network;
  // In another account there is nothing of the network to be seen, which would look like the loss of everything.
  const identity = checkIdentity({ identity: await lookAtIdentity(aws.clients, context.now), network, target: target.kind });
  if (identity.outcome !== 'ok') throw new Refusal(exitCodes.preflightRefused, { reason: 'wrong-identity', ...identity });

  const read = await readRecords(aws.store, network.spec, flags.diff);
  for (const message of read.notes) tell({ type: 'note', message });
  const { deployments, unreadable, disowned, installation } = read;
  const upstreamsOf = new Map([...[...deployments].map(([stack, { upstreams }]) => [stack, { upstreams }] as const), ...graph.byName]);
  const stacks = new Set([...graph.nodes.map((node) => node.name), ...deployments.keys(), ...unreadable.keys()]);
  const selected = orRefuse(selectStacks(candidatesOf({ graph, network }, stacks), patterns, network.file), exitCodes.usage);

  // What a stack was making in a table of another one, and has nothing else in, is found only where that one is looked at too.
  const scope = scopeOf(withUpstreams({ byName: upstreamsOf }, selected), read);
  const named = namedObjects(network.spec, installation, scope.stacks);
  const looked = await lookAtInventory(aws.clients, { ...scope, named }, context.now);
  if (!looked.ok) throw new Refusal(exitCodes.preflightRefused, cannotLook(looked));
  const { objects, incomplete } = looked.value;
  const states = new Map([...deployments].map(([stack, { deployment }]) => [stack, deployment.resources]));
  const ownerOf = findOwners({ installation, stacks, states, objects });
  const header = {
    schema: 1,
    network: name,
    file: network.file,
    account: network.spec.account,
    region: network.spec.region,
    target: target.kind,
    bucket: aws.bucket,
    installation: installation ?? null,
    stacks: [...selected],
    ...instants(looked.value),
    incomplete,
    notes,
    unreadable: [...unreadable].map(([stack, why]) => ({ stack, why })),
  };
  const style = styleFor(context.process.stdout, context.env);
  const incompleteCode = incomplete.length > 0 ? [exitCodes.failed] : [];

  if (!flags.diff) {
    const owned = objects.map((object) => ({ object, owner: ownerOf(object) })).filter(({ owner }) => isAbout(owner, selected));
    const left = [...disowned].filter(([stack]) => selected.has(stack));
    const isTold = read.statesRead && unreadable.size === 0;
    if (flags.json)
      printJson(context, {
        ...header,
        objects: owned.map(({ object, owner }) => ({ ...object, owner: ownerRecord(object, owner, isTold) })),
        disowned: left.flatMap(([stack, list]) => list.map((entry) => ({ stack, ...entry, isThere: isThere(objects, entry) }))),
      });
    else
      print(
        context,
        describeInventory,
        { selected: [...selected], owned, isOurs: installation !== undefined, isTold, disowned: new Map(left), objects, incomplete },
        style,
      );
    return worstOf([exitCodes.done, ...incompleteCode]);
  }

  const compared = [...selected].flatMap((stack): StackDifferences[] => {
    if (unreadable.has(stack)) return [];
    const { deployment } = deployments.get(stack) ?? { deployment: nothing };
    const others = new Map([...stacks].filter((other) => other !== stack).map((other) => [other, states.get(other) ?? []]));
    const differences = compareWithState({
      stack,
      installation: installation ?? '',
      resources: deployment.resources,
      operations: deployment.operations,
      others,
      objects,
      disowned,
      ignoreTags: network.spec.ignoreTags,
    });
    // What has no tags may be in the state that cannot be read.
    const isTold = (object: LiveObject): boolean => unreadable.size === 0 || object.tags !== undefined;
    return [
      {
        stack,
        recorded: deployment.resources.filter(isCloudObject).length,
        differences: differences.filter((difference) => difference.kind !== 'foreign' || isTold(difference.object)),
      },
    ];
  });
  if (flags.json)
    printJson(context, {
      ...header,
      differences: compared.flatMap(({ stack, differences }) => differences.map((difference) => differenceRecord(stack, difference))),
      compared: compared.map(({ stack, recorded }) => ({ stack, recorded })),
    });
  else print(context, describeDifferences, { compared, unreadable, incomplete }, style);
  const all = compared.flatMap(({ differences }) => differences);
  return worstOf([
    exitCodes.done,
    ...(all.some(isFound) ? [exitCodes.found] : []),
    ...([...unreadable.keys()].some((stack) => selected.has(stack)) ? [exitCodes.preflightRefused] : []),
    ...(all.some(({ kind }) => kind === 'not-compared') ? [exitCodes.failed] : []),
    ...incompleteCode,
  ]);
}

const nothing: Deployment = { resources: [], operations: [] };

/** What the bucket says that an inventory can use. */
interface Records {
  /** Undefined where the bucket does not say. */
  readonly installation: string | undefined;
  readonly deployments: ReadonlyMap<string, { readonly deployment: Deployment; readonly upstreams: readonly string[] }>;
  /** Checkpoints that cannot be read, each with its key and why. */
  readonly unreadable: ReadonlyMap<string, string>;
  readonly disowned: ReadonlyMap<string, readonly DisownedObject[]>;
  /** Whether the checkpoints were asked for, and the bucket answered. */
  readonly statesRead: boolean;
  readonly notes: readonly string[];
}

/**
 * @param isNeeded there is nothing to compare with otherwise
 * @throws Refusal where it is needed, and the bucket is not there, was never prepared, or cannot be read
 */
async function readRecords(store: ObjectStore, spec: NetworkSpec, isNeeded: boolean): Promise<Records> {
  const { network } = spec;
  const notes: string[] = [];
  const without = (problem: Problem): void => {
    if (isNeeded) throw new Refusal(exitCodes.preflightRefused, problem);
    notes.push(everyInstallation(problem.message));
  };
  let installation: string | undefined;
  const deployments = new Map<string, { deployment: Deployment; upstreams: readonly string[] }>();
  const unreadable = new Map<string, string>();
  const bare = { deployments, unreadable, disowned: new Map<string, readonly DisownedObject[]>(), notes };
  try {
    const stored = await store.get(installationKey);
    const named = stored && readInstallation(stored.body);
    if (named?.ok === true) installation = named.value.installation;
    else without(named?.problems[0] ?? unpreparedBucket(store.name));
    const read = await readStates(store, network, spec);
    for (const { stack, key, detail } of read.unreadable) unreadable.set(stack, `${key}: ${detail}`);
    for (const { stack, key, body, upstreams } of read.states.values()) {
      const full = readDeployment(body);
      if (full.ok) deployments.set(stack, { deployment: full.deployment, upstreams });
      else unreadable.set(stack, `${key}: ${full.why}`);
    }
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    without(bucketProblem(store.name, cause));
    return { ...bare, installation, statesRead: false };
  }
  for (const [stack, why] of unreadable) notes.push(unreadState(shortOf(stack), why));
  const disowned = new Map<string, readonly DisownedObject[]>();
  try {
    const records = await readStackRecords(store, network);
    for (const [stack, { record }] of records.byStack) if (record.disowned.length > 0) disowned.set(stack, record.disowned);
    for (const { key, why } of records.unreadable.values()) notes.push(disownedUnknown(`${key}: ${why}`));
  } catch (cause) {
    notes.push(disownedUnknown(messageOf(cause)));
  }
  return { ...bare, installation, disowned, statesRead: true };
}

function bucketProblem(bucket: string, cause: unknown): Problem {
  const { name } = cause as { name?: string };
  const isMissing = name === 'NoSuchBucket' || name === 'NotFound';
  return isMissing ? missingBucket(bucket) : uninventoriedBucket(bucket, name, messageOf(cause));
}

/** Everything that a state or a disowned list names is looked up by its id: its tags may be gone. */
function scopeOf(stacks: ReadonlySet<string>, { installation, deployments, disowned }: Records): LookScope {
  const known = new Map<string, Set<string>>();
  const add = (type: string, id: string | undefined): void => {
    if (id !== undefined && resourceTypeOf(type)) known.set(type, (known.get(type) ?? new Set()).add(id));
  };
  for (const stack of stacks) {
    for (const resource of deployments.get(stack)?.deployment.resources ?? []) if (isCloudObject(resource)) add(resource.type, resource.id);
    for (const { type, id } of disowned.get(stack) ?? []) add(type, id);
  }
  return { stacks: [...stacks].sort(), installation, known: new Map([...known].map(([type, ids]) => [type, [...ids].sort()])) };
}

function isAbout(owner: Owner, selected: ReadonlySet<string>): boolean {
  switch (owner.kind) {
    case 'stack':
      return selected.has(owner.stack);
    case 'nobody':
      return owner.inside === undefined || selected.has(owner.inside.stack);
    case 'aws':
      return true;
    default:
      return owner satisfies never;
  }
}

/** `untold`: it has no tags, and not every state could be read. */
function ownerRecord(object: LiveObject, owner: Owner, isTold: boolean): object {
  return owner.kind === 'nobody' && !isTold && object.tags === undefined ? { ...owner, kind: 'untold' } : owner;
}

const isThere = (objects: readonly LiveObject[], { type, id }: DisownedObject): boolean =>
  objects.some((object) => object.type === type && object.id === id);

const instants = ({ from, until }: Inventory) => ({ from: new Date(from).toISOString(), until: new Date(until).toISOString() });
