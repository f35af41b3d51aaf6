import { cidr } from '../domain/cidr.ts';
import { ownOf, reaches } from '../network/spec.ts';
import type { NetworkSpec } from '../network/spec.ts';
import type { GatewayTable, SubnetTable, Topology, Vpc } from './topology.ts';

/** What the stacks of a network file make, when all of them are deployed. Tables of a VPC have the name of their tier, those of the gateway of their segment. */
export function topologyOf(spec: NetworkSpec): Topology {
  return {
    vpcs: new Map(Object.entries(spec.vpcs).map(([name, vpc]) => [name, vpcOf(vpc)])),
    gatewayTables: new Map(Object.keys(spec.segments).map((segment) => [segment, gatewayTableOf(spec, segment)])),
  };
}

function vpcOf(vpc: NetworkSpec['vpcs'][string]): Vpc {
  const tiers = Object.entries(vpc.subnets);
  return {
    blocks: [cidr(vpc.cidr)],
    subnets: new Map(
      tiers.flatMap(([tier, zones]) =>
        Object.entries(zones).map(([zone, block]) => [subnetName(tier, zone), { tier, zone, block: cidr(block), table: tier }] as const),
      ),
    ),
    tables: new Map(
      tiers.map(([tier]): [string, SubnetTable] => [
        tier,
        { routes: (ownOf(vpc.routes, tier) ?? []).map((to) => ({ to: cidr(to), target: { kind: 'gateway' } })) },
      ]),
    ),
    attachment: {
      subnets: new Map(Object.keys(ownOf(vpc.subnets, vpc.attachment) ?? {}).map((zone) => [zone, subnetName(vpc.attachment, zone)])),
      association: { kind: 'table', table: vpc.segment },
      applianceMode: false,
    },
  };
}

/** As the stack has it: `private-a`. */
export const subnetName = (tier: string, zone: string): string => `${tier}-${zone}`;

function gatewayTableOf(spec: NetworkSpec, segment: string): GatewayTable {
  const { blackholes = [], routes = [] } = ownOf(spec.segments, segment) ?? {};
  return {
    routes: [
      ...blackholes.map((to) => ({ to: cidr(to), attachment: undefined })),
      ...routes.map(({ to, vpc }) => ({ to: cidr(to), attachment: vpc })),
    ],
    propagations: new Set(Object.entries(spec.vpcs).flatMap(([name, vpc]) => (reaches(spec, segment, vpc.segment) ? [name] : []))),
  };
}
