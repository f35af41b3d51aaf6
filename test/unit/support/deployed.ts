import type { LiveObject } from '../../../orchestrator/inventory/live-object.ts';
import { reaches } from '../../../orchestrator/network/spec.ts';
import type { NetworkSpec } from '../../../orchestrator/network/spec.ts';
import { live, tagsOf, types } from './inventory.ts';

/** What AWS has when the stacks of a network are deployed. Ids are the names. @param suffixOf of the ids of a VPC and of what is in it */
export function deployed(spec: NetworkSpec, suffixOf: (vpc: string) => string = () => ''): LiveObject[] {
  const { network, region, segments, vpcs } = spec;
  const gateway = 'tgw-1';
  const tables = Object.keys(segments).map((segment) => ({ segment, id: `tgw-rtb-${segment}` }));
  return [
    ...tables.map(({ segment, id }) =>
      live(types.gatewayTable, id, { transitGatewayId: gateway }, { tags: tagsOf(`${network}.transit-gateway`, `segment-${segment}`) }),
    ),
    ...tables.flatMap(({ segment, id }) => [
      ...(segments[segment]?.blackholes ?? []).map((to) =>
        live(types.gatewayRoute, `${id}_${to}`, {
          transitGatewayRouteTableId: id,
          destinationCidrBlock: to,
          blackhole: true,
          state: 'blackhole',
        }),
      ),
      ...(segments[segment]?.routes ?? []).map(({ to, vpc }) =>
        live(types.gatewayRoute, `${id}_${to}`, {
          transitGatewayRouteTableId: id,
          destinationCidrBlock: to,
          transitGatewayAttachmentId: `tgw-attach-${vpc}${suffixOf(vpc)}`,
          blackhole: false,
          state: 'active',
        }),
      ),
    ]),
    ...Object.entries(vpcs).flatMap(([vpc, { cidr, segment, subnets, routes, attachment }]) => {
      const name = `${vpc}${suffixOf(vpc)}`;
      const [id, attached] = [`vpc-${name}`, `tgw-attach-${name}`];
      const carriers = Object.keys(subnets[attachment] ?? {}).map((zone) => `subnet-${name}-${attachment}-${zone}`);
      const inTable = (table: string) => ({ transitGatewayRouteTableId: `tgw-rtb-${table}`, transitGatewayAttachmentId: attached });
      return [
        live(types.vpc, id, { cidrBlock: cidr }, { tags: tagsOf(`${network}.vpc.${vpc}`, 'vpc') }),
        live(types.attachment, attached, { vpcId: id, transitGatewayId: gateway, subnetIds: carriers, applianceModeSupport: 'disable' }),
        live(types.association, `tgw-rtb-${segment}_${attached}`, inTable(segment)),
        ...Object.keys(segments)
          .filter((table) => reaches(spec, table, segment))
          .map((table) => live(types.propagation, `tgw-rtb-${table}_${attached}`, inTable(table))),
        ...Object.entries(subnets).flatMap(([tier, zones]) => {
          const table = `rtb-${name}-${tier}`;
          return [
            live(types.routeTable, table, { vpcId: id }, { tags: tagsOf(`${network}.route-tables.${vpc}`, `routes-${tier}`) }),
            live(
              types.route,
              `r-${table}-local`,
              { routeTableId: table, destinationCidrBlock: cidr, gatewayId: 'local', state: 'active' },
              { madeBy: 'aws' },
            ),
            ...(routes[tier] ?? []).map((to) =>
              live(types.route, `r-${table}-${to}`, {
                routeTableId: table,
                destinationCidrBlock: to,
                transitGatewayId: gateway,
                state: 'active',
              }),
            ),
            ...Object.entries(zones).flatMap(([zone, cidrBlock]) => [
              live(
                types.subnet,
                `subnet-${name}-${tier}-${zone}`,
                { vpcId: id, cidrBlock, availabilityZone: `${region}${zone}` },
                { tags: tagsOf(`${network}.vpc.${vpc}`, `subnet-${tier}-${zone}`) },
              ),
              live(types.subnetAssociation, `rtbassoc-${name}-${tier}-${zone}`, {
                routeTableId: table,
                subnetId: `subnet-${name}-${tier}-${zone}`,
              }),
            ]),
          ];
        }),
      ];
    }),
  ];
}
