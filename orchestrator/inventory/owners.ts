import { resourceTypeOf } from '../aws/resource-types/index.ts';
import { isCloudObject } from '../state/deployment.ts';
import type { StateResource } from '../state/deployment.ts';
import { objectKey } from './live-object.ts';
import type { LiveObject } from './live-object.ts';

/** Whose an object is. */
export type Owner =
  | {
      readonly kind: 'stack';
      readonly stack: string;
      /** The stack's own name for it; undefined where its tags do not say. */
      readonly resource: string | undefined;
      /** Undefined where the object bears no tag of one: then it is of the network's own. */
      readonly installation: string | undefined;
      readonly by: 'state' | 'tag';
    }
  | { readonly kind: 'aws' }
  /** Nobody's, as far as states and tags say. */
  | { readonly kind: 'nobody'; readonly inside: Inside | undefined };

/** The nearest thing that is somebody's, around what is nobody's. */
interface Inside {
  readonly id: string;
  readonly stack: string;
  readonly installation: string | undefined;
}

export interface OwnersRequest {
  /** Undefined where it is not known: then tags of every installation count. */
  readonly installation: string | undefined;
  /** Full names of the network's stacks. */
  readonly stacks: ReadonlySet<string>;
  /** What their states have, as far as they could be read. */
  readonly states: ReadonlyMap<string, readonly StateResource[]>;
  readonly objects: readonly LiveObject[];
}

/**
 * A function that says whose an object is. State goes before tags: a state's own object may have lost its tags, and a tag may be copied. What has
 * neither and is not of AWS's own making is nobody's, and is in something that may be somebody's.
 */
export function findOwners({ installation, stacks, states, objects }: OwnersRequest): (object: LiveObject) => Owner {
  const recorded = new Map<string, { stack: string; resource: string }>();
  for (const [stack, resources] of states)
    for (const resource of resources)
      if (isCloudObject(resource) && resource.id !== undefined)
        recorded.set(objectKey({ type: resource.type, id: resource.id }), { stack, resource: resource.name });
  const live = new Map(objects.map((object) => [objectKey(object), object]));

  const ofStack = (type: string, id: string): Extract<Owner, { kind: 'stack' }> | undefined => {
    const key = objectKey({ type, id });
    const tags = live.get(key)?.tags;
    const inState = recorded.get(key);
    if (inState) return { kind: 'stack', ...inState, installation: tags?.['holdfast:installation'], by: 'state' };
    const stack = tags?.['holdfast:stack'];
    const bearer = tags?.['holdfast:installation'];
    if (stack === undefined || !stacks.has(stack) || (installation !== undefined && bearer !== installation)) return undefined;
    return { kind: 'stack', stack, resource: tags?.['holdfast:resource'], installation: bearer, by: 'tag' };
  };

  const around = (type: string, properties: LiveObject['properties']): Inside | undefined => {
    for (const container of resourceTypeOf(type)?.containersOf(properties) ?? []) {
      const owner = ofStack(container.type, container.id);
      if (owner) return { id: container.id, stack: owner.stack, installation: owner.installation };
      const outer = live.get(objectKey(container));
      const inside = outer && around(outer.type, outer.properties);
      if (inside) return inside;
    }
    return undefined;
  };

  return (object) => {
    const owner = ofStack(object.type, object.id);
    if (owner) return owner;
    return object.madeBy === 'aws' ? { kind: 'aws' } : { kind: 'nobody', inside: around(object.type, object.properties) };
  };
}
