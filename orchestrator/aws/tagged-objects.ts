import type { EC2Client } from '@aws-sdk/client-ec2';
import { messageOf } from '../domain/problem.ts';
import type { Looked } from './looked.ts';
import { isLeaving } from '../inventory/live-object.ts';
import type { NamedObject } from '../inventory/live-object.ts';
import { filter, inParts, tagsOfObjects, tagsOfStacks } from './ec2-queries.ts';
import { resourceTypeOf, resourceTypes } from './resource-types/index.ts';
import type { LookClients } from './resource-types/resource-type.ts';

/** An object in AWS that bears the tags of a stack. */
export interface TaggedObject {
  readonly id: string;
  /** In AWS's words: `vpc`, `transit-gateway-attachment`, `sns:topic`. */
  readonly resourceType: string;
  /** The stack's own name for it, of the tag `holdfast:resource`; empty where it has none. */
  readonly resource: string;
  /** Its tags are there, and its own describe does not show it: it is deleted, or made a moment ago. */
  readonly shown?: false;
}

export interface TagLook {
  /** Two installations may share an account, and the name of a stack. */
  readonly installation: string;
  /** Full name. */
  readonly stack: string;
  /** Ids that the stack's checkpoint has. */
  readonly known: ReadonlySet<string>;
  /** Ids that follow from names that the stack's program gives. */
  readonly named?: readonly NamedObject[];
}

/**
 * What AWS has of a stack beyond its checkpoint, by tag: a create whose reply was lost and that an SDK has tried again makes two objects of one
 * resource, and only one of them is recorded. One call where there is none. What is deleted, or on its way there, is not counted.
 *
 * One look: AWS shows a new object after a while, seconds most often, so that an empty answer right after a create is not yet proof, and neither is an
 * object that only its tags show. Routes,
 * associations and propagations have no tags. Of other services than EC2 there is one of a name or none: it is looked for by that.
 */
export async function lookByTag(
  clients: LookClients,
  { installation, stack, known, named = [] }: TagLook,
): Promise<Looked<readonly TaggedObject[]>> {
  const { ec2 } = clients;
  try {
    const unknown = new Set((await tagsOfStacks(ec2, [stack])).map(({ id }) => id));
    for (const id of known) unknown.delete(id);
    const unknownNamed = named.filter(({ id }) => !known.has(id));
    if (unknown.size + unknownNamed.length === 0) return { ok: true, value: [] };

    const objects = [...(await describedByTags(ec2, [...unknown])), ...(await describedByName(clients, stack, unknownNamed))];
    const ours = objects.filter((object) => object.installation === installation);
    const phases = await phasesOf(ec2, ours);
    return {
      ok: true,
      value: ours.flatMap(({ id, resourceType, resource }): TaggedObject[] => {
        const phase = phases.get(id);
        return phase === 'over' ? [] : [{ id, resourceType, resource, ...(phase === undefined ? { shown: false } : {}) }];
      }),
    };
  } catch (cause) {
    const { name, code } = cause as { name?: string; code?: string };
    return { ok: false, code: code ?? name ?? 'unknown', message: messageOf(cause) };
  }
}

type Described = TaggedObject & { readonly installation: string | undefined };

/** What bears the stack's tags of the objects that have these names. */
async function describedByName(clients: LookClients, stack: string, named: readonly NamedObject[]): Promise<Described[]> {
  const found: Described[] = [];
  for (const { type, id } of named) {
    const row = resourceTypeOf(type);
    if (row?.find.how !== 'by-id') continue;
    for (const { tags } of await row.find.look((_, call) => call(clients), [id], [])) {
      const valueOf = (key: string): string | undefined => tags?.find(({ Key }) => Key === key)?.Value;
      if (valueOf('holdfast:stack') !== stack) continue;
      const resource = valueOf('holdfast:resource') ?? '';
      found.push({ id, resourceType: row.taggedAs ?? type, resource, installation: valueOf('holdfast:installation') });
    }
  }
  return found;
}

/** In the order of their ids, so that two looks at the same compare. */
async function describedByTags(ec2: EC2Client, ids: readonly string[]): Promise<Described[]> {
  if (ids.length === 0) return [];
  const found = await tagsOfObjects(ec2, ids);
  return [...new Set(found.map(({ id }) => id))].sort().map((id) => {
    const own = found.filter((tag) => tag.id === id);
    const valueOf = (key: string): string | undefined => own.find((tag) => tag.key === key)?.value;
    return {
      id,
      resourceType: own[0]?.resourceType ?? '',
      resource: valueOf('holdfast:resource') ?? '',
      installation: valueOf('holdfast:installation'),
    };
  });
}

/**
 * Tags outlive their object for a while, and gateways and attachments are shown as deleted for an hour. A type that has no row counts as alive:
 * nothing has said otherwise. What AWS does not show has no phase.
 */
async function phasesOf(ec2: EC2Client, objects: readonly TaggedObject[]): Promise<ReadonlyMap<string, 'alive' | 'over'>> {
  const types = [...new Set(objects.map(({ resourceType }) => resourceType))];
  const phases = await Promise.all(
    types.map(async (type): Promise<[string, 'alive' | 'over'][]> => {
      const ids = objects.filter(({ resourceType }) => resourceType === type).map(({ id }) => id);
      const find = resourceTypes.find(({ taggedAs }) => taggedAs === type)?.find;
      if (find?.how !== 'listed') return ids.map((id) => [id, 'alive']);
      const shown = await inParts(ids, (part) => find.list(ec2, [filter(find.filters.id, part)]));
      return shown.flatMap((raw): [string, 'alive' | 'over'][] => {
        const [id, { phase }] = [find.idOf(raw), find.read(raw, undefined)];
        return id === undefined ? [] : [[id, phase !== undefined && !isLeaving({ phase }) ? 'alive' : 'over']];
      });
    }),
  );
  return new Map(phases.flat());
}
