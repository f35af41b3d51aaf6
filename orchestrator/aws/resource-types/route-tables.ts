import { crc32 } from 'node:zlib';
import { paginateDescribeRouteTables } from '@aws-sdk/client-ec2';
import type { Route, RouteTable, RouteTableAssociation } from '@aws-sdk/client-ec2';
import { pages } from '../ec2-queries.ts';
import { byTag, idPattern, isIdLike, isTagged, shownOf, sorted, textOf, within } from './resource-type.ts';
import type { Container, Inside, Listed, Properties, Reading, ResourceType } from './resource-type.ts';
import { tokens } from './tokens.ts';

const isMain = ({ Associations }: RouteTable): boolean => Associations?.some(({ Main }) => Main === true) ?? false;

const listedTables: Listed<RouteTable> = {
  how: 'listed',
  action: 'ec2:DescribeRouteTables',
  filters: { id: 'route-table-id', within: { [tokens.vpc]: 'vpc-id' } },
  list: (client, Filters) => pages(paginateDescribeRouteTables({ client }, { Filters }), ({ RouteTables }) => RouteTables),
  idOf: ({ RouteTableId }) => RouteTableId,
  read: (raw) => ({
    id: raw.RouteTableId,
    phase: 'there',
    properties: { vpcId: raw.VpcId, propagatingVgws: sorted(raw.PropagatingVgws?.map(({ GatewayId }) => GatewayId)) },
    tags: raw.Tags,
    refersTo: [raw.VpcId],
    // A table of ours that somebody has made the main one stays ours.
    madeBy: isMain(raw) && !isTagged(raw.Tags) ? 'aws' : 'somebody',
  }),
};

export const routeTable: ResourceType = {
  ...byTag,
  token: tokens.routeTable,
  title: 'route table',
  taggedAs: 'route-table',
  isId: isIdLike(idPattern('rtb')),
  containersOf: within(tokens.vpc, 'vpcId'),
  properties: [
    { name: 'vpcId', tells: true },
    { name: 'propagatingVgws', unordered: true },
  ],
  find: listedTables,
  awsMakes: 'main route table',
  events: { create: ['CreateRouteTable'], delete: ['DeleteRouteTable'] },
};

const destinations = ['destinationCidrBlock', 'destinationIpv6CidrBlock', 'destinationPrefixListId'] as const;

/** Every place where a route can lead, as the provider names them. */
const targets = [
  'transitGatewayId',
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
] as const;

const routeProperties = [
  ...[...destinations, ...targets].map((name) => ({ name, tells: true }) as const),
  { name: 'routeTableId', tells: true },
  { name: 'state', tells: true },
] as const;

function readRoute(raw: Route, table: RouteTable): Reading {
  // An endpoint's id is in the place of the gateway's.
  const isEndpoint = raw.GatewayId?.startsWith('vpce-') ?? false;
  const properties = shownOf(raw, routeProperties, {
    routeTableId: table.RouteTableId,
    gatewayId: isEndpoint ? undefined : raw.GatewayId,
    vpcEndpointId: isEndpoint ? raw.GatewayId : undefined,
    egressOnlyGatewayId: raw.EgressOnlyInternetGatewayId,
  });
  const isLocal = raw.GatewayId === 'local' && raw.Origin !== 'CreateRoute';
  return {
    phase: 'there',
    properties,
    refersTo: [table.RouteTableId, table.VpcId, ...targets.map((name) => textOf(properties, name)).filter((id) => id !== 'local')],
    // Local routes come with the table; those of a VPN gateway or a route server are propagated.
    madeBy: isLocal || (raw.Origin !== undefined && !['CreateRoute', 'CreateRouteTable'].includes(raw.Origin)) ? 'aws' : 'somebody',
  };
}

const routesInside: Inside<RouteTable> = {
  how: 'inside',
  of: tokens.routeTable,
  idFilter: undefined,
  read: (table) => (table.Routes ?? []).map((route) => readRoute(route, table)),
};

/** A route's id is `r-`, its table's id and a decimal checksum of up to 10 digits, with nothing between. An id of 8 digits is tried first. */
function tableOfRouteId(id: string): readonly Container[] {
  const [, digits] = /^r-rtb-([0-9a-f]{8}|[0-9a-f]{17})\d{1,10}$/.exec(id) ?? [];
  return digits === undefined ? [] : [{ type: tokens.routeTable, id: `rtb-${digits}` }];
}

const destinationOf = (properties: Properties): string | undefined =>
  destinations.map((name) => textOf(properties, name)).find((text) => text !== undefined);

export const route: ResourceType = {
  token: tokens.route,
  title: 'route',
  taggedAs: undefined,
  by: 'key',
  keyOf: (properties) => {
    const [table, destination] = [textOf(properties, 'routeTableId'), destinationOf(properties)];
    return table === undefined || destination === undefined ? undefined : `${table} ${destination}`;
  },
  // As the provider makes it: hashicorp/terraform-provider-aws internal/service/ec2, routeCreateID.
  idOf: (properties) => {
    const [table, destination] = [textOf(properties, 'routeTableId'), destinationOf(properties)];
    return table === undefined || destination === undefined ? undefined : `r-${table}${crc32(destination)}`;
  },
  isId: isIdLike(/^r-rtb-[0-9a-f]{8,17}\d{1,10}$/),
  containersOf: within(tokens.routeTable, 'routeTableId'),
  containersOfId: tableOfRouteId,
  properties: routeProperties,
  find: routesInside,
  awsMakes: 'local or propagated route',
  events: { create: ['CreateRoute'], delete: ['DeleteRoute'] },
};

const associationPhase = (state: string | undefined): Reading['phase'] => {
  if (state === 'disassociated') return undefined;
  return state === 'associating' ? 'coming' : state === 'disassociating' || state === 'failed' ? 'going' : 'there';
};

function readAssociation(raw: RouteTableAssociation, table: RouteTable): Reading {
  return {
    id: raw.RouteTableAssociationId,
    phase: associationPhase(raw.AssociationState?.State),
    properties: { routeTableId: table.RouteTableId, subnetId: raw.SubnetId, gatewayId: raw.GatewayId },
    refersTo: [table.RouteTableId, table.VpcId, raw.SubnetId, raw.GatewayId],
    madeBy: raw.Main === true ? 'aws' : 'somebody',
  };
}

const associationsInside: Inside<RouteTable> = {
  how: 'inside',
  of: tokens.routeTable,
  idFilter: 'association.route-table-association-id',
  read: (table) => (table.Associations ?? []).map((association) => readAssociation(association, table)),
};

export const subnetAssociation: ResourceType = {
  token: tokens.subnetAssociation,
  title: 'route table association',
  taggedAs: undefined,
  by: 'key',
  keyOf: (properties) => {
    const [table, end] = [textOf(properties, 'routeTableId'), textOf(properties, 'subnetId') ?? textOf(properties, 'gatewayId')];
    return table === undefined || end === undefined ? undefined : `${table} ${end}`;
  },
  idOf: () => undefined,
  isId: isIdLike(idPattern('rtbassoc')),
  containersOf: within(tokens.routeTable, 'routeTableId'),
  containersOfId: () => [],
  properties: [
    { name: 'subnetId', tells: true },
    { name: 'gatewayId', tells: true },
    { name: 'routeTableId', tells: true },
  ],
  find: associationsInside,
  awsMakes: 'main association',
  // A replacement ends one association and makes another, which has an id of its own.
  events: {
    create: ['AssociateRouteTable', 'ReplaceRouteTableAssociation'],
    delete: ['DisassociateRouteTable', 'ReplaceRouteTableAssociation'],
  },
};
