import { z } from 'zod';
import { defineKind, reads } from '../orchestrator/pulumi/kind.ts';
import { loadAws } from './aws.ts';
import { member } from './member.ts';
import { transitGateway } from './transit-gateway.ts';
import { vpc } from './vpc.ts';

/** The routes of a VPC's route tables. They turn its traffic on, so that they come last and go first. */
export const routeTables = defineKind({
  kind: 'route-tables',
  title: 'route tables',
  namedBy: 'vpcs',
  references: {
    gateway: reads(transitGateway, 'gatewayId'),
    vpc: reads(vpc, 'vpcId', 'routeTableIds'),
    // AWS takes a route to a gateway only once the VPC is attached to it, and drops what comes before the attachment has a route table.
    member: reads(member, 'attachmentId'),
  },
  outputs: {
    /** The VPC's, once its tables have all their routes. */
    vpcId: z.string().startsWith('vpc-'),
  },
  guarded: [],
  earlier: [
    'aws:ec2/routeTable:RouteTable',
    'aws:ec2/routeTableAssociation:RouteTableAssociation',
    'aws:ec2transitgateway/routeTableAssociation:RouteTableAssociation',
    'aws:ec2transitgateway/routeTablePropagation:RouteTablePropagation',
    'aws:ec2transitgateway/route:Route',
  ],

  instances: (spec) =>
    Object.entries(spec.vpcs).map(([name, { routes }]) => ({
      instance: name,
      /** Tier to the destinations that it sends to the gateway. */
      inputs: { routes },
      references: {
        gateway: {},
        vpc: { instance: name, keys: { routeTableIds: Object.keys(routes) } },
        member: { instance: name },
      },
    })),

  async program({ inputs, references: { gateway, vpc: network }, options }) {
    const aws = await loadAws();
    for (const [tier, destinations] of Object.entries(inputs.routes))
      for (const destination of destinations)
        new aws.Route(
          `route-${tier}-${destination}`,
          {
            routeTableId: network.routeTableIds(tier),
            destinationCidrBlock: destination,
            transitGatewayId: gateway.gatewayId,
          },
          options,
        );
    return { vpcId: network.vpcId };
  },
});
