import {
  paginateDescribeRouteTables,
  paginateDescribeSubnets,
  paginateDescribeTags,
  paginateDescribeTransitGatewayRouteTables,
  paginateDescribeTransitGatewayVpcAttachments,
  paginateDescribeTransitGateways,
  paginateDescribeVpcs,
} from '@aws-sdk/client-ec2';
import type { EC2Client, Filter } from '@aws-sdk/client-ec2';
import { messageOf } from '../domain/problem.ts';
import type { Looked } from './account.ts';
import type { Clients } from './clients.ts';

/** An object in AWS that bears the tags of a stack. */
export interface TaggedObject {
  readonly id: string;
  /** In EC2's words: `vpc`, `transit-gateway-attachment`. */
  readonly resourceType: string;
  /** The stack's own name for it, of the tag `holdfast:resource`; empty where it has none. */
  readonly resource: string;
}

export interface TagLook {
  /** Two installations may share an account, and the name of a stack. */
  readonly installation: string;
  /** Full name. */
  readonly stack: string;
  /** Ids that the stack's checkpoint has. */
  readonly known: ReadonlySet<string>;
}

/**
 * What AWS has of a stack beyond its checkpoint, by tag: a create whose reply was lost and that an SDK has tried again makes two objects of one
 * resource, and only one of them is recorded. One call where there is none. What is deleted, or on its way there, is not counted.
 *
 * One look: AWS shows a new object after a while, seconds most often, so that an empty answer right after a create is not yet proof. Routes,
 * associations and propagations have no tags, and what is not of EC2 is not seen.
 */
export async function lookByTag(
  { ec2 }: Pick<Clients, 'ec2'>,
  { installation, stack, known }: TagLook,
): Promise<Looked<readonly TaggedObject[]>> {
  try {
    // By key and by value, and not by `tag:KEY`: of that AWS does not say whether an object's other tags are listed as well.
    const ofStack = await tags(ec2, [filter('key', ['holdfast:stack']), filter('value', [stack])]);
    const unknown = new Set(ofStack.filter(({ value }) => value === stack).map(({ id }) => id));
    for (const id of known) unknown.delete(id);
    if (unknown.size === 0) return { ok: true, value: [] };

    const objects = await describedByTags(ec2, [...unknown]);
    const ours = objects.filter((object) => object.installation === installation);
    const alive = await aliveOf(ec2, ours);
    return {
      ok: true,
      value: ours.filter(({ id }) => alive.has(id)).map(({ id, resourceType, resource }) => ({ id, resourceType, resource })),
    };
  } catch (cause) {
    const { name, code } = cause as { name?: string; code?: string };
    return { ok: false, code: code ?? name ?? 'unknown', message: messageOf(cause) };
  }
}

/** In the order of their ids, so that two looks at the same compare. */
async function describedByTags(
  ec2: EC2Client,
  ids: readonly string[],
): Promise<(TaggedObject & { readonly installation: string | undefined })[]> {
  const found = await inParts(ids, (part) => tags(ec2, [filter('resource-id', part)]));
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
 * Tags outlive their object for a while, and gateways and attachments are shown as deleted for an hour. A type that is not in the table counts as
 * alive: nothing has said otherwise.
 */
async function aliveOf(ec2: EC2Client, objects: readonly TaggedObject[]): Promise<ReadonlySet<string>> {
  const types = [...new Set(objects.map(({ resourceType }) => resourceType))];
  const alive = await Promise.all(
    types.map(async (type) => {
      const ids = objects.filter(({ resourceType }) => resourceType === type).map(({ id }) => id);
      const describe = describes[type];
      if (describe === undefined) return ids;
      const shown = await inParts(ids, (part) => describe(ec2, part));
      return shown.filter(({ state }) => state !== 'deleted' && state !== 'deleting').flatMap(({ id }) => id ?? []);
    }),
  );
  return new Set(alive.flat());
}

interface Shown {
  readonly id: string | undefined;
  /** Absent for what is gone as soon as it is deleted. */
  readonly state?: string | undefined;
}

/** By filter, and not by id: an id that is no more would be an error of the whole call. */
const describes: Readonly<Record<string, (client: EC2Client, ids: string[]) => Promise<Shown[]>>> = {
  vpc: (client, ids) =>
    pages(paginateDescribeVpcs({ client }, { Filters: [filter('vpc-id', ids)] }), ({ Vpcs }) => Vpcs?.map(({ VpcId }) => ({ id: VpcId }))),
  subnet: (client, ids) =>
    pages(paginateDescribeSubnets({ client }, { Filters: [filter('subnet-id', ids)] }), ({ Subnets }) =>
      Subnets?.map(({ SubnetId }) => ({ id: SubnetId })),
    ),
  'route-table': (client, ids) =>
    pages(paginateDescribeRouteTables({ client }, { Filters: [filter('route-table-id', ids)] }), ({ RouteTables }) =>
      RouteTables?.map(({ RouteTableId }) => ({ id: RouteTableId })),
    ),
  'transit-gateway': (client, ids) =>
    pages(paginateDescribeTransitGateways({ client }, { Filters: [filter('transit-gateway-id', ids)] }), ({ TransitGateways }) =>
      TransitGateways?.map(({ TransitGatewayId, State }) => ({ id: TransitGatewayId, state: State })),
    ),
  'transit-gateway-attachment': (client, ids) =>
    pages(
      paginateDescribeTransitGatewayVpcAttachments({ client }, { Filters: [filter('transit-gateway-attachment-id', ids)] }),
      ({ TransitGatewayVpcAttachments }) =>
        TransitGatewayVpcAttachments?.map(({ TransitGatewayAttachmentId, State }) => ({ id: TransitGatewayAttachmentId, state: State })),
    ),
  'transit-gateway-route-table': (client, ids) =>
    pages(
      paginateDescribeTransitGatewayRouteTables({ client }, { Filters: [filter('transit-gateway-route-table-id', ids)] }),
      ({ TransitGatewayRouteTables }) =>
        TransitGatewayRouteTables?.map(({ TransitGatewayRouteTableId, State }) => ({ id: TransitGatewayRouteTableId, state: State })),
    ),
};

interface Tag {
  readonly id: string;
  readonly resourceType: string;
  readonly key: string;
  readonly value: string;
}

function tags(client: EC2Client, filters: Filter[]): Promise<Tag[]> {
  return pages(paginateDescribeTags({ client, pageSize: mostTags }, { Filters: filters }), ({ Tags }) =>
    Tags?.flatMap(({ ResourceId, ResourceType, Key, Value }) =>
      ResourceId === undefined ? [] : [{ id: ResourceId, resourceType: ResourceType ?? '', key: Key ?? '', value: Value ?? '' }],
    ),
  );
}

/** EC2's limit for one page. */
const mostTags = 1000;

/** EC2's limit for the values of one filter. */
const mostValues = 200;

const filter = (Name: string, Values: string[]): Filter => ({ Name, Values });

async function inParts<T>(ids: readonly string[], ask: (part: string[]) => Promise<T[]>): Promise<T[]> {
  const answers: T[] = [];
  for (let from = 0; from < ids.length; from += mostValues) answers.push(...(await ask(ids.slice(from, from + mostValues))));
  return answers;
}

async function pages<Page, T>(asked: AsyncIterable<Page>, itemsOf: (page: Page) => readonly T[] | undefined): Promise<T[]> {
  const items: T[] = [];
  for await (const page of asked) items.push(...(itemsOf(page) ?? []));
  return items;
}
