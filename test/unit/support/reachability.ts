import { cidr } from '../../../orchestrator/domain/cidr.ts';
import type { GatewayRoute, GatewayTable, RouteTarget, Subnet, Topology, Vpc } from '../../../orchestrator/reachability/topology.ts';

const targetOf = (target: string): RouteTarget =>
  target === 'gateway' || target === 'blackhole' ? { kind: target } : { kind: 'other', name: target };

/**
 * A VPC with a host subnet in each zone of `zones` and the attachment in `attached`.
 * @param hosts routes of the hosts' table, destination to target
 * @param carriers routes of the table of the attachment's subnets
 */
export function vpcWith({
  block,
  segment,
  zones = ['a', 'b'],
  attached = zones,
  hosts = { '0.0.0.0/0': 'gateway' },
  carriers = {},
  more = [],
}: {
  readonly block: string;
  readonly segment?: string | undefined;
  readonly zones?: readonly string[];
  readonly attached?: readonly string[];
  readonly hosts?: Readonly<Record<string, string>>;
  readonly carriers?: Readonly<Record<string, string>>;
  readonly more?: readonly string[];
}): Vpc {
  const base = block.split('.').slice(0, 2).join('.');
  const table = (routes: Readonly<Record<string, string>>) => ({
    routes: Object.entries(routes).map(([to, target]) => ({ to: cidr(to), target: targetOf(target) })),
  });
  return {
    blocks: [block, ...more].map(cidr),
    subnets: new Map<string, Subnet>([
      ...zones.map((zone, index) => [`app-${zone}`, { tier: 'app', zone, block: cidr(`${base}.${index}.0/24`), table: 'app' }] as const),
      ...attached.map(
        (zone, index) => [`att-${zone}`, { tier: 'att', zone, block: cidr(`${base}.255.${index * 16}/28`), table: 'att' }] as const,
      ),
    ]),
    tables: new Map([
      ['app', table(hosts)],
      ['att', table(carriers)],
    ]),
    attachment: {
      subnets: new Map(attached.map((zone) => [zone, `att-${zone}`])),
      association: segment === undefined ? { kind: 'none' } : { kind: 'table', table: segment },
      applianceMode: false,
    },
  };
}

/** @param routes destination to a VPC, or to `blackhole` */
export const gatewayTableWith = (learns: readonly string[], routes: Readonly<Record<string, string>> = {}): GatewayTable => ({
  routes: Object.entries(routes).map(([to, leads]): GatewayRoute => ({
    to: cidr(to),
    attachment: leads === 'blackhole' ? undefined : leads,
  })),
  propagations: new Set(learns),
});

export const topologyWith = (vpcs: Readonly<Record<string, Vpc>>, tables: Readonly<Record<string, GatewayTable>>): Topology => ({
  vpcs: new Map(Object.entries(vpcs)),
  gatewayTables: new Map(Object.entries(tables)),
});
