import { isSameBlock, parseCidr } from '../domain/cidr.ts';
import type { Cidr } from '../domain/cidr.ts';
import type { Change, GatewayRoute, Topology, Vpc } from './topology.ts';

/** One step of the engine on one resource, as far as routes go: `take` is a delete, and the first or the last half of a replacement. */
export interface RouteStep {
  /** Kind of the stack, and which of them: `vpc`, `production`. */
  readonly kind: string;
  readonly instance: string | undefined;
  /** By its name in the program of the stack. */
  readonly resource: string;
  /** The resource whose traffic it carries, where it is a bridge: it leads where that is to lead. */
  readonly as?: string;
  readonly does: 'make' | 'change' | 'take';
}

/**
 * What a step does to a network, by the names that the programs in `stacks/` give their resources. Of anything else: nothing.
 * @param now what there is before the step
 * @param wanted what the network file makes: from it comes what is made or changed
 */
export function changeOf(
  { kind, instance = '', resource, as = resource, does }: RouteStep,
  now: Topology,
  wanted: Topology,
): Change | undefined {
  const isTaken = does === 'take';
  switch (kind) {
    case 'transit-gateway': {
      const table = after('segment-', resource);
      if (table === undefined || does === 'change') return undefined;
      return { kind: 'gateway-table', table, to: isTaken ? undefined : { routes: [], propagations: new Set() } };
    }
    case 'vpc':
      return vpcChange(instance, resource, does, now.vpcs.get(instance), wanted.vpcs.get(instance));
    case 'member': {
      const association = wanted.vpcs.get(instance)?.attachment?.association;
      if (resource === 'association')
        return {
          kind: 'association',
          vpc: instance,
          table: isTaken || association?.kind !== 'table' ? undefined : association.table,
        };
      const table = after('propagation-', resource);
      return table === undefined ? undefined : { kind: 'propagation', vpc: instance, table, enabled: !isTaken };
    }
    case 'segment': {
      const to = destinationOf(resource);
      if (to === undefined) return undefined;
      const route = wanted.gatewayTables.get(instance)?.routes.find((each) => isSameBlock(each.to, destinationOf(as)));
      return { kind: 'gateway-route', table: instance, to, leads: isTaken ? undefined : leadsOf(route) };
    }
    case 'route-tables': {
      // A destination has no hyphen, and a tier may have some.
      const [, table, destination] = /^route-(.+)-([^-]+)$/.exec(resource) ?? [];
      const to = parseCidr(destination ?? '');
      if (table === undefined || typeof to === 'string') return undefined;
      const route = wanted.vpcs
        .get(instance)
        ?.tables.get(table)
        ?.routes.find((each) => isSameBlock(each.to, to));
      return { kind: 'route', vpc: instance, table, to, target: isTaken ? undefined : route?.target };
    }
    default:
      return undefined;
  }
}

/** Whether a step makes or takes away a blackhole. @param topology that has it: the one before a delete, the wanted one of a create */
export function isBlackhole({ kind, instance = '', resource }: Omit<RouteStep, 'does'>, topology: Topology): boolean {
  const to = destinationOf(resource);
  const route = kind === 'segment' ? topology.gatewayTables.get(instance)?.routes.find((each) => isSameBlock(each.to, to)) : undefined;
  return route !== undefined && route.attachment === undefined;
}

/** Of a static route of a gateway table, by its resource's name. */
export function destinationOf(resource: string): Cidr | undefined {
  const to = parseCidr(after('route-', resource) ?? '');
  return typeof to === 'string' ? undefined : to;
}

const after = (prefix: string, name: string): string | undefined => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined);

const leadsOf = (route: GatewayRoute | undefined) =>
  route === undefined ? undefined : route.attachment === undefined ? 'blackhole' : { attachment: route.attachment };

function vpcChange(
  vpc: string,
  resource: string,
  does: RouteStep['does'],
  now: Vpc | undefined,
  wanted: Vpc | undefined,
): Change | undefined {
  const isTaken = does === 'take';
  if (resource === 'vpc') {
    if (does === 'change') return undefined;
    const blocks = wanted?.blocks ?? [];
    return { kind: 'vpc', vpc, to: isTaken ? undefined : { blocks, subnets: new Map(), tables: new Map(), attachment: undefined } };
  }
  if (resource === 'attachment') {
    if (isTaken) return { kind: 'attachment', vpc, to: undefined };
    const made = wanted?.attachment;
    const association = (does === 'change' ? now?.attachment?.association : undefined) ?? { kind: 'none' };
    return made && { kind: 'attachment', vpc, to: { ...made, association } };
  }
  const table = after('routes-', resource);
  if (table !== undefined)
    return does === 'change' ? undefined : { kind: 'subnet-table', vpc, table, to: isTaken ? undefined : { routes: [] } };
  const subnet = after('subnet-', resource);
  if (subnet !== undefined) {
    if (isTaken) return { kind: 'subnet', vpc, subnet, to: undefined };
    const made = wanted?.subnets.get(subnet);
    // One that is replaced stays, with its table, until the new one has what it is to have.
    const table = now?.subnets.get(subnet)?.table;
    return made && does === 'make' ? { kind: 'subnet', vpc, subnet, to: { ...made, table } } : undefined;
  }
  const associated = after('association-', resource);
  if (associated === undefined) return undefined;
  return { kind: 'table-of-subnet', vpc, subnet: associated, table: isTaken ? undefined : wanted?.subnets.get(associated)?.table };
}
