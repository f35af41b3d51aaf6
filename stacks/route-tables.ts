import { z } from 'zod';
import { reaches } from '../orchestrator/network/spec.ts';
import { defineKind, reads } from '../orchestrator/pulumi/kind.ts';
import { loadAws } from './aws.ts';
import { transitGateway } from './transit-gateway.ts';
import { vpc } from './vpc.ts';

/**
 * Everything that makes traffic flow: the VPC's route tables with their subnets and routes to the gateway, and on the gateway's
 * side the attachment's association, its propagations, and the static routes that leave by it.
 */
export const routeTables = defineKind({
  kind: 'route-tables',
  title: 'route tables',
  references: {
    gateway: reads(transitGateway, 'gatewayId', 'routeTableIds'),
    vpc: reads(vpc, 'vpcId', 'attachmentId', 'subnetIds'),
  },
  outputs: { routeTableIds: z.record(z.string(), z.string().startsWith('rtb-')) },
  guarded: ['aws:ec2/routeTable:RouteTable', 'aws:ec2transitgateway/routeTableAssociation:RouteTableAssociation'],

  instances: (spec) =>
    Object.entries(spec.vpcs).map(([name, wanted]) => ({
      instance: name,
      inputs: {
        segment: wanted.segment,
        /** Tier to its zones, and to the destinations that it sends to the gateway. */
        tiers: Object.entries(wanted.subnets).map(([tier, zones]) => ({
          tier,
          zones: Object.keys(zones),
          routes: wanted.routes[tier] ?? [],
        })),
        /** Segments whose route table learns this VPC's block. */
        propagations: Object.keys(spec.segments).filter((segment) => reaches(spec, segment, wanted.segment)),
        /** Gateway routes that leave by this VPC's attachment. */
        gatewayRoutes: Object.entries(spec.segments).flatMap(([segment, { routes }]) =>
          routes.filter((route) => route.vpc === name).map(({ to }) => ({ segment, to })),
        ),
      },
      references: { gateway: {}, vpc: { instance: name } },
    })),

  async program({ inputs, references: { gateway, vpc: network }, tags, options }) {
    const aws = await loadAws();
    const segmentTable = (segment: string) =>
      gateway.routeTableIds.apply((ids) => present(ids[segment], `route table of segment ${segment}`));

    const tables = inputs.tiers.map(({ tier, zones, routes }) => {
      const name = `routes-${tier}`;
      const table = new aws.RouteTable(name, { vpcId: network.vpcId, tags: tags(name) }, options);
      for (const destination of routes)
        new aws.Route(
          `route-${tier}-${destination}`,
          {
            routeTableId: table.id,
            destinationCidrBlock: destination,
            // AWS takes a route to a gateway only once the VPC is attached to it: reading both keeps that order across the stacks.
            transitGatewayId: network.attachmentId.apply(() => gateway.gatewayId),
          },
          options,
        );
      for (const zone of zones) {
        const subnetId = network.subnetIds.apply((ids) => present(ids[`${tier}-${zone}`], `subnet ${tier} ${zone}`));
        new aws.RouteTableAssociation(`association-${tier}-${zone}`, { routeTableId: table.id, subnetId }, options);
      }
      return [tier, table.id] as const;
    });

    new aws.TransitGatewayRouteTableAssociation(
      'association',
      { transitGatewayAttachmentId: network.attachmentId, transitGatewayRouteTableId: segmentTable(inputs.segment) },
      options,
    );
    for (const segment of inputs.propagations)
      new aws.TransitGatewayRouteTablePropagation(
        `propagation-${segment}`,
        { transitGatewayAttachmentId: network.attachmentId, transitGatewayRouteTableId: segmentTable(segment) },
        options,
      );
    for (const { segment, to } of inputs.gatewayRoutes)
      new aws.TransitGatewayRoute(
        `gateway-route-${segment}-${to}`,
        { transitGatewayAttachmentId: network.attachmentId, transitGatewayRouteTableId: segmentTable(segment), destinationCidrBlock: to },
        options,
      );
    return { routeTableIds: aws.output(Object.fromEntries(tables)) };
  },
});

/** A missing key is a network file and a deployed upstream that disagree: the upstream has to be deployed first. */
function present(id: string | undefined, what: string): string {
  if (id === undefined)
    throw new Error(`the ${what} does not exist in the stack that was read; deploy that stack first (--with-upstreams)`);
  return id;
}
