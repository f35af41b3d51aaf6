import { resourceTypeOf } from '../aws/resource-types/index.ts';
import type { Property } from '../aws/resource-types/resource-type.ts';
import { isIgnoredTag } from '../domain/tag-patterns.ts';
import { isCloudObject } from '../state/deployment.ts';
import type { StateOperation, StateResource } from '../state/deployment.ts';
import type { DisownedObject } from '../ownership/disowned.ts';
import { isLeaving, objectKey } from './live-object.ts';
import type { LiveObject } from './live-object.ts';
import { findOwners } from './owners.ts';

/** One thing in which AWS and a stack's state do not agree. */
export type Difference =
  /** The state has it, and AWS does not; `going`: AWS is deleting it. */
  | { readonly kind: 'missing'; readonly resource: StateResource; readonly phase: 'gone' | 'going' | 'over' }
  /** AWS has it under the stack's tags, or under the key of a resource of its, and the state does not. */
  | {
      readonly kind: 'unrecorded';
      readonly object: LiveObject;
      /** The stack's name for it; undefined where its tags do not say. */
      readonly resource: string | undefined;
      readonly by: 'tag' | 'key';
    }
  | {
      readonly kind: 'changed';
      readonly resource: StateResource;
      readonly object: LiveObject;
      readonly properties: readonly PropertyChange[];
    }
  /** In something of the stack, or beside what only that stack has there, and in no state of the network and under no tags of it. */
  | { readonly kind: 'foreign'; readonly object: LiveObject; readonly inside: string }
  /** On the stack's disowned list; without `object`: AWS does not have it any more. */
  | { readonly kind: 'disowned'; readonly disowned: DisownedObject; readonly object: LiveObject | undefined }
  /** Several objects under the tags of one resource. */
  | {
      readonly kind: 'twice';
      readonly type: string;
      readonly resource: string;
      /** The id that the state has of them, if any. */
      readonly recorded: string | undefined;
      readonly objects: readonly LiveObject[];
    }
  /** Of a type that has no row: nothing can be said of it. */
  | { readonly kind: 'not-compared'; readonly resource: StateResource };

export interface PropertyChange {
  /** As in `description`, `tags.team`. */
  readonly path: string;
  /** Undefined where it says nothing. */
  readonly state: unknown;
  readonly live: unknown;
}

export interface CompareRequest {
  /** Full name. */
  readonly stack: string;
  readonly installation: string;
  readonly resources: readonly StateResource[];
  /** What is pending in the checkpoint: the key of what was being made tells whose a route is. */
  readonly operations: readonly StateOperation[];
  /** What the network's other stacks have, by full name: theirs is not nobody's. One that is not deployed is there, and empty. */
  readonly others: ReadonlyMap<string, readonly StateResource[]>;
  readonly objects: readonly LiveObject[];
  /** The network's disowned lists, by full name of the stack. */
  readonly disowned: ReadonlyMap<string, readonly DisownedObject[]>;
  /** Of the network file: tags of others. */
  readonly ignoreTags: readonly string[];
}

/** Everything in which AWS and the state of one stack do not agree. Nothing is found of what the objects do not show: the look has to be complete. */
export function compareWithState(request: CompareRequest): readonly Difference[] {
  const { stack, resources, others, objects, disowned } = request;
  const cloud = resources.filter(isCloudObject);
  const live = new Map(objects.map((object) => [objectKey(object), object]));
  const states = new Map([...others, [stack, cloud]]);
  const ownerOf = findOwners({
    installation: request.installation,
    stacks: new Set([stack, ...others.keys()]),
    states,
    objects,
  });
  const left = new Set([...disowned.values()].flat().map(objectKey));
  const replaced = new Set(cloud.filter(({ replacing }) => replacing).map((resource) => liveOf(resource, live)));

  const recorded = cloud.filter(({ replacing }) => !replacing).map((resource) => ({ resource, object: liveOf(resource, live) }));
  const missing = recorded.flatMap(({ resource, object }): Difference[] => {
    if (!resourceTypeOf(resource.type)) return [{ kind: 'not-compared', resource }];
    const phase = object ? object.phase : 'gone';
    return phase === 'gone' || phase === 'going' || phase === 'over' ? [{ kind: 'missing', resource, phase }] : [];
  });
  const changed = recorded.flatMap(({ resource, object }): Difference[] => {
    // What is to be deleted need not be as it was.
    if (!object || isLeaving(object) || resource.condemned) return [];
    const properties = changedProperties(resource, object, request.ignoreTags);
    return properties.length === 0 ? [] : [{ kind: 'changed', resource, object, properties }];
  });

  const unrecorded: Extract<Difference, { kind: 'unrecorded' }>[] = [];
  const foreign: Difference[] = [];
  const matched = new Set(recorded.map(({ object }) => object));
  for (const object of objects) {
    if (isLeaving(object) || matched.has(object) || left.has(objectKey(object))) continue;
    const owner = ownerOf(object);
    if (owner.kind === 'stack') {
      // What the engine has deleted to make it anew is not expected to be there.
      const isBack = owner.by === 'state' && replaced.has(object);
      if (owner.stack === stack && (owner.by === 'tag' || isBack))
        unrecorded.push({ kind: 'unrecorded', object, resource: owner.resource, by: object.key === undefined ? 'tag' : 'key' });
      continue;
    }
    if (owner.kind === 'aws') continue;
    const wanted = ofKey(object, request);
    if (wanted) unrecorded.push({ kind: 'unrecorded', object, resource: wanted.name, by: 'key' });
    else if (owner.inside && (soleNeighbour(object, states) ?? owner.inside.stack) === stack)
      foreign.push({ kind: 'foreign', object, inside: owner.inside.id });
  }
  const twice = doubles(unrecorded, recorded);
  const inTwice = new Set(twice.flatMap(({ objects: several }) => several));
  return [
    ...missing,
    ...changed,
    ...twice,
    ...unrecorded.filter(({ object }) => !inTwice.has(object)),
    ...foreign,
    ...(disowned.get(stack) ?? []).map((entry): Difference => ({ kind: 'disowned', disowned: entry, object: live.get(objectKey(entry)) })),
  ];
}

/**
 * The one stack that has all else of its type in what the object is in: the routes of a VPC's table are one stack's, and the table is another's. Undefined
 * where no stack has any, or several do.
 */
function soleNeighbour({ type, properties }: LiveObject, states: ReadonlyMap<string, readonly StateResource[]>): string | undefined {
  const row = resourceTypeOf(type);
  // What bears tags says itself whose it is.
  if (row?.by !== 'key') return undefined;
  const { containersOf } = row;
  const around = new Set(containersOf(properties).map(objectKey));
  const isBeside = (resource: StateResource): boolean =>
    resource.type === type &&
    isCloudObject(resource) &&
    containersOf({ ...resource.inputs, ...resource.outputs }).some((container) => around.has(objectKey(container)));
  const [sole, ...more] = [...states].filter(([, resources]) => resources.some(isBeside)).map(([name]) => name);
  return more.length === 0 ? sole : undefined;
}

/** By its id, or by the one that the provider makes of its key: an import may have left another spelling. */
function liveOf(resource: StateResource, live: ReadonlyMap<string, LiveObject>): LiveObject | undefined {
  const { type, id } = resource;
  const made = resourceTypeOf(type)?.idOf?.({ ...resource.inputs, ...resource.outputs });
  return [id, made].flatMap((one) => (one === undefined ? [] : (live.get(objectKey({ type, id: one })) ?? [])))[0];
}

/** The resource of this stack, recorded or being made, whose key this object has. */
function ofKey(object: LiveObject, { resources, operations }: CompareRequest): StateResource | undefined {
  if (object.key === undefined) return undefined;
  const keyOf = resourceTypeOf(object.type)?.keyOf;
  const candidates = [...resources.filter(({ condemned }) => !condemned), ...operations.map(({ resource }) => resource)];
  return candidates.find(
    (resource) =>
      isCloudObject(resource) && resource.type === object.type && keyOf?.({ ...resource.inputs, ...resource.outputs }) === object.key,
  );
}

/** Resources under whose tags there is more than one object. The recorded one counts, and one that is to be deleted does not. */
function doubles(
  unrecorded: readonly Extract<Difference, { kind: 'unrecorded' }>[],
  recorded: readonly { readonly resource: StateResource; readonly object: LiveObject | undefined }[],
): readonly Extract<Difference, { kind: 'twice' }>[] {
  const byResource = new Map<string, LiveObject[]>();
  for (const { object, resource, by } of unrecorded) {
    if (by !== 'tag' || resource === undefined) continue;
    const key = `${object.type} ${resource}`;
    byResource.set(key, [...(byResource.get(key) ?? []), object]);
  }
  return [...byResource].flatMap(([key, objects]): Extract<Difference, { kind: 'twice' }>[] => {
    const type = objects[0]?.type ?? '';
    const resource = key.slice(type.length + 1);
    const own = recorded.find(
      (one) =>
        one.resource.type === type && one.resource.name === resource && !one.resource.condemned && !(one.object && isLeaving(one.object)),
    )?.object;
    const all = own ? [own, ...objects] : objects;
    return all.length < 2 ? [] : [{ kind: 'twice', type, resource, recorded: own?.id, objects: all }];
  });
}

function changedProperties(resource: StateResource, object: LiveObject, ignoreTags: readonly string[]): PropertyChange[] {
  const row = resourceTypeOf(resource.type);
  const stateOf = (name: string): unknown => (name in resource.outputs ? resource.outputs[name] : resource.inputs[name]);
  const properties = (row?.properties ?? [])
    .filter(({ notInState }) => notInState !== true)
    .flatMap((property): PropertyChange[] => {
      const [state, live] = [stateOf(property.name), object.properties[property.name]];
      return isSecret(state) || isSame(state, live, property) ? [] : [{ path: property.name, state: plain(state), live: plain(live) }];
    });
  return row?.taggedAs === undefined
    ? properties
    : [...properties, ...changedTags(stateOf('tagsAll') ?? stateOf('tags'), object.tags ?? {}, ignoreTags)];
}

function changedTags(state: unknown, live: Readonly<Record<string, string>>, ignoreTags: readonly string[]): PropertyChange[] {
  if (isSecret(state)) return [];
  const said = (state ?? {}) as Readonly<Record<string, unknown>>;
  const names = [...new Set([...Object.keys(said), ...Object.keys(live)])].filter((name) => !isIgnoredTag(ignoreTags, name));
  return names.sort().flatMap((name): PropertyChange[] => {
    const value = said[name];
    // An empty tag is a tag: only here an empty text is something else than none.
    return isSecret(value) || value === live[name] ? [] : [{ path: `tags.${name}`, state: value, live: live[name] }];
  });
}

/** How a checkpoint marks an encrypted value: https://www.pulumi.com/docs/iac/concepts/secrets/ */
const secretMark = '4dabf18193072939515e22adb298388d';

const isSecret = (value: unknown): boolean =>
  Array.isArray(value) ? value.some(isSecret) : typeof value === 'object' && value !== null && secretMark in value;

/** Empty in all its spellings is undefined. */
const plain = (value: unknown): unknown =>
  value === null || value === '' || (Array.isArray(value) && value.length === 0) ? undefined : value;

/** A number may be a text in the one and not in the other, as an ASN is. The provider writes `false` for a switch that AWS leaves out. */
function isSame(state: unknown, live: unknown, { unordered }: Property): boolean {
  const [a, b] = [plain(state), plain(live)];
  if (Array.isArray(a) && Array.isArray(b)) {
    const [left, right] = [a, b].map((list: readonly unknown[]) => list.map(textOf));
    return JSON.stringify(unordered ? left?.sort() : left) === JSON.stringify(unordered ? right?.sort() : right);
  }
  if (b === undefined) return a === undefined || a === false;
  return a !== undefined && textOf(a) === textOf(b);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Whether a difference is one to act on: what was disowned is as a person wanted it. */
export const isFound = ({ kind }: Difference): boolean => kind !== 'disowned' && kind !== 'not-compared';

export interface StackDifferences {
  /** Full name. */
  readonly stack: string;
  /** Objects that its state has. */
  readonly recorded: number;
  readonly differences: readonly Difference[];
}
