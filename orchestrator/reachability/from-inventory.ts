import { tokens } from '../aws/resource-types/tokens.ts';
import { parseCidr } from '../domain/cidr.ts';
import type { Cidr } from '../domain/cidr.ts';
import { parseStackName } from '../domain/stack-name.ts';
import type { Inventory, LiveObject } from '../inventory/live-object.ts';
import { subnetName } from './from-network.ts';
import type {
  Association,
  Attachment,
  GatewayRoute,
  GatewayTable,
  RouteTarget,
  Subnet,
  SubnetRoute,
  SubnetTable,
  Topology,
  Vpc,
} from './topology.ts';

/**
 * What AWS has. Names are those of the network file where tags say them, else ids. What was not listed, or is just changing, is unread: of it one cannot tell.
 * IPv4 alone.
 */
export function topologyOfInventory({ objects, incomplete, unlisted }: Inventory): Topology {
  const all = new Objects(objects, incomplete.length > 0 && unlisted === undefined ? 'all' : new Set(unlisted));
  return {
    vpcs: new Map(all.of(tokens.vpc).map((vpc) => [all.nameOf(vpc), vpcOf(all, vpc)])),
    gatewayTables: new Map(all.of(tokens.gatewayTable).map((table) => [all.nameOf(table), gatewayTableOf(all, table)])),
  };
}

/** A table of which nothing is known: that of a subnet that AWS is just moving. */
const betweenTables = '?';

class Objects {
  readonly #byType = new Map<string, LiveObject[]>();
  readonly #names = new Map<LiveObject, string>();
  readonly #indexes = new Map<string, Map<string | undefined, LiveObject[]>>();
  readonly #unlisted: ReadonlySet<string> | 'all';

  constructor(objects: readonly LiveObject[], unlisted: ReadonlySet<string> | 'all') {
    this.#unlisted = unlisted;
    const taken = new Set<string>();
    for (const object of objects) {
      if (object.phase === 'over') continue;
      this.#byType.set(object.type, [...(this.#byType.get(object.type) ?? []), object]);
      const name = ownName(object);
      const scope = `${object.type} ${text(object, 'vpcId') ?? ''} ${name ?? ''}`;
      this.#names.set(object, name === undefined || taken.has(scope) ? object.id : name);
      taken.add(scope);
    }
  }

  of(type: string): readonly LiveObject[] {
    return this.#byType.get(type) ?? [];
  }

  /** Of a type those that say this of themselves. */
  with(type: string, name: string, value: string): readonly LiveObject[] {
    const key = `${type} ${name}`;
    let index = this.#indexes.get(key);
    if (index === undefined) {
      index = new Map();
      for (const object of this.of(type)) {
        const own = text(object, name);
        const same = index.get(own);
        if (same) same.push(object);
        else index.set(own, [object]);
      }
      this.#indexes.set(key, index);
    }
    return index.get(value) ?? [];
  }

  nameOf(object: LiveObject): string {
    return this.#names.get(object) ?? object.id;
  }

  /** The name of the object of this id; the id itself where it was not listed. */
  nameOfId(type: string, id: string): string {
    const object = this.of(type).find((one) => one.id === id);
    return object === undefined ? id : this.nameOf(object);
  }

  isUnlisted(id: string): boolean {
    return this.#unlisted === 'all' || this.#unlisted.has(id);
  }

  /** A table of the gateway that is not known to its end may have any association. */
  get hasUnlistedTable(): boolean {
    return this.of(tokens.gatewayTable).some(({ id }) => this.isUnlisted(id));
  }
}

function text({ properties }: LiveObject, name: string): string | undefined {
  const value = properties[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** What the network file calls it, by its tags. */
function ownName(object: LiveObject): string | undefined {
  const { type, tags } = object;
  const resource = tags?.['holdfast:resource'];
  switch (type) {
    case tokens.vpc:
      return parseStackName(tags?.['holdfast:stack'] ?? '')?.instance;
    case tokens.gatewayTable:
      return /^segment-(.+)$/.exec(resource ?? '')?.[1];
    case tokens.routeTable:
      return /^routes-(.+)$/.exec(resource ?? '')?.[1];
    case tokens.subnet:
      return /^subnet-(.+)$/.exec(resource ?? '')?.[1];
    default:
      return undefined;
  }
}

const blockOf = (object: LiveObject, name: string): Cidr | undefined => {
  const parsed = parseCidr(text(object, name) ?? '');
  return typeof parsed === 'string' ? undefined : parsed;
};

function vpcOf(all: Objects, vpc: LiveObject): Vpc {
  const attachments = all.with(tokens.attachment, 'vpcId', vpc.id);
  // AWS shows one that it is deleting beside the one that there is.
  const attachment = attachments.find(({ phase }) => phase === 'there') ?? attachments[0];
  const gateway = attachment && text(attachment, 'transitGatewayId');
  const tables = all.with(tokens.routeTable, 'vpcId', vpc.id);
  const routes = tables.flatMap((table) => all.with(tokens.route, 'routeTableId', table.id));
  const local = routes.filter((route) => text(route, 'gatewayId') === 'local' && route.madeBy === 'aws');
  const blocks = [blockOf(vpc, 'cidrBlock'), ...local.map((route) => blockOf(route, 'destinationCidrBlock'))].flatMap(
    (block) => block ?? [],
  );
  const subnets = all.with(tokens.subnet, 'vpcId', vpc.id);
  return {
    blocks: [...new Map(blocks.map((block) => [block.text, block])).values()],
    subnets: new Map(subnets.flatMap((subnet) => subnetOf(all, subnet, tables))),
    tables: new Map([
      ...tables.map((table) => [all.nameOf(table), subnetTableOf(all, table, gateway)] as const),
      [betweenTables, { routes: [], unread: true }],
    ]),
    attachment: attachment && attachmentOf(all, attachment, subnets),
  };
}

/** Zones of an account are a letter behind the region. */
const zoneOf = (subnet: LiveObject): string => {
  const name = text(subnet, 'availabilityZone') ?? '';
  return /^[a-z]+(?:-[a-z]+)+-\d+([a-z])$/.exec(name)?.[1] ?? name;
};

function subnetOf(all: Objects, subnet: LiveObject, tables: readonly LiveObject[]): [string, Subnet][] {
  const block = blockOf(subnet, 'cidrBlock');
  if (block === undefined) return [];
  const [name, zone] = [all.nameOf(subnet), zoneOf(subnet)];
  const tier = name.endsWith(`-${zone}`) ? name.slice(0, -zone.length - 1) : name;
  return [[tier === name ? name : subnetName(tier, zone), { tier, zone, block, table: tableOf(all, subnet, tables) }]];
}

function tableOf(all: Objects, subnet: LiveObject, tables: readonly LiveObject[]): string | undefined {
  const [association] = all.with(tokens.subnetAssociation, 'subnetId', subnet.id);
  if (association !== undefined)
    return association.phase === 'there' ? all.nameOfId(tokens.routeTable, text(association, 'routeTableId') ?? '') : betweenTables;
  const main = tables.find(({ id }) =>
    all
      .with(tokens.subnetAssociation, 'routeTableId', id)
      .some((one) => text(one, 'subnetId') === undefined && text(one, 'gatewayId') === undefined),
  );
  return main === undefined ? betweenTables : all.nameOf(main);
}

function subnetTableOf(all: Objects, table: LiveObject, gateway: string | undefined): SubnetTable {
  const routes: SubnetRoute[] = [];
  let isUnread = all.isUnlisted(table.id);
  for (const route of all.with(tokens.route, 'routeTableId', table.id)) {
    if (text(route, 'gatewayId') === 'local') continue;
    const to = blockOf(route, 'destinationCidrBlock');
    if (to !== undefined) routes.push({ to, target: targetOf(route, gateway) });
    // AWS's own lists, to which a gateway endpoint leads, have public addresses alone. What is in another list is not read.
    else if (text(route, 'destinationPrefixListId') !== undefined && text(route, 'vpcEndpointId') === undefined) isUnread = true;
  }
  return { routes, ...(isUnread ? { unread: true } : {}) };
}

function targetOf(route: LiveObject, gateway: string | undefined): RouteTarget {
  if (text(route, 'state') === 'blackhole') return { kind: 'blackhole' };
  const transit = text(route, 'transitGatewayId');
  if (transit !== undefined && transit === gateway) return { kind: 'gateway' };
  const name = [
    transit,
    ...[
      'gatewayId',
      'natGatewayId',
      'vpcPeeringConnectionId',
      'networkInterfaceId',
      'vpcEndpointId',
      'egressOnlyGatewayId',
      'carrierGatewayId',
      'localGatewayId',
      'coreNetworkArn',
      'odbNetworkArn',
    ].map((property) => text(route, property)),
  ].find((id) => id !== undefined);
  return name === undefined ? { kind: 'blackhole' } : { kind: 'other', name };
}

function attachmentOf(all: Objects, attachment: LiveObject, subnets: readonly LiveObject[]): Attachment {
  const ids = attachment.properties['subnetIds'];
  const carriers = subnets.filter(({ id }) => Array.isArray(ids) && ids.includes(id));
  return {
    subnets: new Map(
      carriers.map((subnet) => {
        const [name, zone] = [all.nameOf(subnet), zoneOf(subnet)];
        return [zone, name];
      }),
    ),
    association: associationOf(all, attachment),
    applianceMode: text(attachment, 'applianceModeSupport') === 'enable',
  };
}

function associationOf(all: Objects, attachment: LiveObject): Association {
  const associations = all.with(tokens.association, 'transitGatewayAttachmentId', attachment.id);
  const [association] = associations;
  if (attachment.phase !== 'there' || associations.some(({ phase }) => phase !== 'there')) return { kind: 'unread' };
  if (association === undefined) return { kind: all.hasUnlistedTable ? 'unread' : 'none' };
  return { kind: 'table', table: all.nameOfId(tokens.gatewayTable, text(association, 'transitGatewayRouteTableId') ?? '') };
}

function gatewayTableOf(all: Objects, table: LiveObject): GatewayTable {
  const routes: GatewayRoute[] = [];
  const propagations = new Set<string>();
  let isUnread = all.isUnlisted(table.id) || table.phase !== 'there';
  for (const route of all.with(tokens.gatewayRoute, 'transitGatewayRouteTableId', table.id)) {
    const to = blockOf(route, 'destinationCidrBlock');
    if (to !== undefined) routes.push({ to, attachment: leadsTo(all, route) });
    if (route.phase !== 'there' || (to === undefined && text(route, 'prefixListId') !== undefined)) isUnread = true;
  }
  for (const propagation of all.with(tokens.propagation, 'transitGatewayRouteTableId', table.id)) {
    const vpc = vpcOfAttachment(all, text(propagation, 'transitGatewayAttachmentId') ?? '');
    // What a VPN or another account's VPC announces is not read.
    if (vpc === undefined || propagation.phase !== 'there') isUnread = true;
    if (vpc !== undefined) propagations.add(vpc);
  }
  return { routes, propagations, ...(isUnread ? { unread: true } : {}) };
}

/** Undefined for a blackhole, and for a route whose attachment is gone. */
function leadsTo(all: Objects, route: LiveObject): string | undefined {
  const attachment = text(route, 'transitGatewayAttachmentId');
  if (attachment === undefined || text(route, 'state') === 'blackhole') return undefined;
  return vpcOfAttachment(all, attachment) ?? attachment;
}

function vpcOfAttachment(all: Objects, id: string): string | undefined {
  const attachment = all.of(tokens.attachment).find((one) => one.id === id);
  const vpc = attachment && all.of(tokens.vpc).find((one) => one.id === text(attachment, 'vpcId'));
  return vpc && all.nameOf(vpc);
}
