import { isSameBlock } from '../domain/cidr.ts';
import type { Cidr } from '../domain/cidr.ts';

/**
 * A network at the level of routes: what a packet meets on its way. It says nothing of where it came from, a network file or AWS. Never changed in place;
 * `applied` makes the next one, and what a change does not touch is shared.
 */
export interface Topology {
  readonly vpcs: ReadonlyMap<string, Vpc>;
  /** The gateway's route tables: one for each segment. */
  readonly gatewayTables: ReadonlyMap<string, GatewayTable>;
}

export interface Vpc {
  readonly blocks: readonly Cidr[];
  readonly subnets: ReadonlyMap<string, Subnet>;
  readonly tables: ReadonlyMap<string, SubnetTable>;
  /** To the gateway; undefined for a VPC that stands alone. */
  readonly attachment: Attachment | undefined;
}

export interface Subnet {
  readonly tier: string;
  readonly zone: string;
  readonly block: Cidr;
  /** The route table that it is associated with; undefined: a main table that has nothing but the VPC's own blocks. */
  readonly table: string | undefined;
}

/** The routes of a VPC's table beside those that every table has: the VPC's own blocks. */
export interface SubnetTable {
  readonly routes: readonly SubnetRoute[];
  /** Whether it may have routes that are not known. */
  readonly unread?: true;
}

export interface SubnetRoute {
  readonly to: Cidr;
  readonly target: RouteTarget;
}

export type RouteTarget =
  | { readonly kind: 'gateway' }
  /** Anything else, by AWS's word or its id: `internet-gateway`, `nat-0a…`. What goes there has left the routes that are known. */
  | { readonly kind: 'other'; readonly name: string }
  /** What it led to is gone: AWS keeps the route, and drops what it matches. */
  | { readonly kind: 'blackhole' };

export interface Attachment {
  /** Zone to the subnet that carries the attachment there. */
  readonly subnets: ReadonlyMap<string, string>;
  readonly association: Association;
  /** AWS picks a zone for each flow, instead of the zone that it came in by. */
  readonly applianceMode: boolean;
}

export type Association =
  | { readonly kind: 'table'; readonly table: string }
  | { readonly kind: 'none' }
  /** Not read, or AWS is just changing it. */
  | { readonly kind: 'unread' };

export interface GatewayTable {
  readonly routes: readonly GatewayRoute[];
  /** Attachments, by their VPC, whose blocks the table learns. */
  readonly propagations: ReadonlySet<string>;
  /** Whether it may have routes that are not known. */
  readonly unread?: true;
}

/** A static route. */
export interface GatewayRoute {
  readonly to: Cidr;
  /** By its VPC, or by an id where it is of something else; undefined for a blackhole. */
  readonly attachment: string | undefined;
}

/** All routes of a gateway table, as `SearchTransitGatewayRoutes` lists them. */
export type ListedRoute =
  | { readonly type: 'static' | 'propagated'; readonly to: Cidr; readonly attachment: string }
  | { readonly type: 'blackhole'; readonly to: Cidr };

export function listedRoutes(topology: Topology, { routes, propagations }: GatewayTable): ListedRoute[] {
  return [
    ...routes.map(({ to, attachment }): ListedRoute =>
      attachment === undefined ? { type: 'blackhole', to } : { type: 'static', to, attachment },
    ),
    ...[...propagations].flatMap((attachment) => {
      const vpc = topology.vpcs.get(attachment);
      return (vpc?.attachment === undefined ? [] : vpc.blocks).map((to): ListedRoute => ({ type: 'propagated', to, attachment }));
    }),
  ];
}

/** What one mutating call of AWS does to a topology. Undefined takes away what there was. */
export type Change =
  | { readonly kind: 'vpc'; readonly vpc: string; readonly to: Vpc | undefined }
  | { readonly kind: 'subnet'; readonly vpc: string; readonly subnet: string; readonly to: Subnet | undefined }
  | { readonly kind: 'subnet-table'; readonly vpc: string; readonly table: string; readonly to: SubnetTable | undefined }
  | { readonly kind: 'table-of-subnet'; readonly vpc: string; readonly subnet: string; readonly table: string | undefined }
  | { readonly kind: 'route'; readonly vpc: string; readonly table: string; readonly to: Cidr; readonly target: RouteTarget | undefined }
  | { readonly kind: 'attachment'; readonly vpc: string; readonly to: Attachment | undefined }
  | { readonly kind: 'association'; readonly vpc: string; readonly table: string | undefined }
  | { readonly kind: 'gateway-table'; readonly table: string; readonly to: GatewayTable | undefined }
  | { readonly kind: 'propagation'; readonly vpc: string; readonly table: string; readonly enabled: boolean }
  | {
      readonly kind: 'gateway-route';
      readonly table: string;
      readonly to: Cidr;
      readonly leads: { readonly attachment: string } | 'blackhole' | undefined;
    };

/** The topology after a change. A change of something that is not there changes nothing. */
export function applied(topology: Topology, change: Change): Topology {
  switch (change.kind) {
    case 'vpc':
      return { ...topology, vpcs: set(topology.vpcs, change.vpc, change.to) };
    case 'subnet':
      return inVpc(topology, change.vpc, (vpc) => ({ ...vpc, subnets: set(vpc.subnets, change.subnet, change.to) }));
    case 'subnet-table':
      return inVpc(topology, change.vpc, (vpc) => ({ ...vpc, tables: set(vpc.tables, change.table, change.to) }));
    case 'table-of-subnet':
      return inVpc(topology, change.vpc, (vpc) => {
        const subnet = vpc.subnets.get(change.subnet);
        return subnet === undefined ? vpc : { ...vpc, subnets: set(vpc.subnets, change.subnet, { ...subnet, table: change.table }) };
      });
    case 'route':
      return inVpc(topology, change.vpc, (vpc) => {
        const table = vpc.tables.get(change.table);
        if (table === undefined) return vpc;
        const route = change.target === undefined ? undefined : { to: change.to, target: change.target };
        return { ...vpc, tables: set(vpc.tables, change.table, { ...table, routes: withRoute(table.routes, change.to, route) }) };
      });
    case 'attachment':
      return inVpc(topology, change.vpc, (vpc) => ({ ...vpc, attachment: change.to }));
    case 'association':
      return inVpc(topology, change.vpc, (vpc) => {
        const association: Association = change.table === undefined ? { kind: 'none' } : { kind: 'table', table: change.table };
        return vpc.attachment === undefined ? vpc : { ...vpc, attachment: { ...vpc.attachment, association } };
      });
    case 'gateway-table':
      return { ...topology, gatewayTables: set(topology.gatewayTables, change.table, change.to) };
    case 'propagation':
      return inGatewayTable(topology, change.table, (table) => {
        const propagations = new Set(table.propagations);
        if (change.enabled) propagations.add(change.vpc);
        else propagations.delete(change.vpc);
        return { ...table, propagations };
      });
    case 'gateway-route':
      return inGatewayTable(topology, change.table, (table) => {
        const { leads, to } = change;
        const route = leads === undefined ? undefined : { to, attachment: leads === 'blackhole' ? undefined : leads.attachment };
        return { ...table, routes: withRoute(table.routes, to, route) };
      });
    default:
      return change satisfies never;
  }
}

function set<Value>(map: ReadonlyMap<string, Value>, key: string, value: Value | undefined): ReadonlyMap<string, Value> {
  const next = new Map(map);
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  return next;
}

/** A table holds one route of a destination. */
function withRoute<Route extends { readonly to: Cidr }>(routes: readonly Route[], to: Cidr, route: Route | undefined): readonly Route[] {
  const others = routes.filter((one) => !isSameBlock(one.to, to));
  return route === undefined ? others : [...others, route];
}

function inVpc(topology: Topology, name: string, change: (vpc: Vpc) => Vpc): Topology {
  const vpc = topology.vpcs.get(name);
  return vpc === undefined ? topology : { ...topology, vpcs: set(topology.vpcs, name, change(vpc)) };
}

function inGatewayTable(topology: Topology, name: string, change: (table: GatewayTable) => GatewayTable): Topology {
  const table = topology.gatewayTables.get(name);
  return table === undefined ? topology : { ...topology, gatewayTables: set(topology.gatewayTables, name, change(table)) };
}
