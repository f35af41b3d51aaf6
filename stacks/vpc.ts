import { z } from 'zod';
import { defineKind, reads } from '../orchestrator/pulumi/kind.ts';
import { loadAws } from './aws.ts';
import { transitGateway } from './transit-gateway.ts';

/** A VPC, its subnets with their route tables, and its attachment to the gateway. */
export const vpc = defineKind({
  kind: 'vpc',
  title: 'VPCs',
  namedBy: 'vpcs',
  references: { gateway: reads(transitGateway, 'gatewayId') },
  outputs: {
    vpcId: z.string().startsWith('vpc-'),
    attachmentId: z.string().startsWith('tgw-attach-'),
    /** By tier and zone, as in `private-a`. */
    subnetIds: z.record(z.string(), z.string().startsWith('subnet-')),
    /** By tier. */
    routeTableIds: z.record(z.string(), z.string().startsWith('rtb-')),
  },
  guarded: [
    'aws:ec2transitgateway/vpcAttachment:VpcAttachment',
    'aws:ec2/vpc:Vpc',
    'aws:ec2/subnet:Subnet',
    'aws:ec2/routeTable:RouteTable',
  ],

  instances: (spec) =>
    Object.entries(spec.vpcs).map(([name, { cidr, subnets, attachment }]) => ({
      instance: name,
      inputs: { cidr, subnets, attachment, region: spec.region },
      references: { gateway: {} },
    })),

  async program({ inputs, references, tags, options }) {
    const aws = await loadAws();
    const network = new aws.Vpc(
      'vpc',
      { cidrBlock: inputs.cidr, enableDnsSupport: true, enableDnsHostnames: true, tags: tags('vpc') },
      options,
    );
    const tiers = Object.entries(inputs.subnets).map(([tier, zones]) => {
      const name = `routes-${tier}`;
      const table = new aws.RouteTable(name, { vpcId: network.id, tags: tags(name) }, options);
      const subnets = Object.entries(zones).map(([zone, cidrBlock]) => {
        const key = `${tier}-${zone}`;
        const subnetName = `subnet-${key}`;
        const availabilityZone = `${inputs.region}${zone}`;
        const subnet = new aws.Subnet(subnetName, { vpcId: network.id, cidrBlock, availabilityZone, tags: tags(subnetName) }, options);
        const association = new aws.RouteTableAssociation(`association-${key}`, { routeTableId: table.id, subnetId: subnet.id }, options);
        return { key, id: subnet.id, association };
      });
      return { tier, table, subnets };
    });
    const carriers = tiers.filter(({ tier }) => tier === inputs.attachment).flatMap(({ subnets }) => subnets);
    const attachment = new aws.TransitGatewayVpcAttachment(
      'attachment',
      {
        transitGatewayId: references.gateway.gatewayId,
        vpcId: network.id,
        subnetIds: carriers.map(({ id }) => id),
        // As on the gateway: the association and the propagations are declared, in the stack `member`.
        transitGatewayDefaultRouteTableAssociation: false,
        transitGatewayDefaultRouteTablePropagation: false,
        tags: tags('attachment'),
      },
      // What comes in by a subnet of the attachment is routed by the subnet's own table from its first packet on.
      { ...options, dependsOn: carriers.map(({ association }) => association) },
    );
    return {
      vpcId: network.id,
      attachmentId: attachment.id,
      subnetIds: Object.fromEntries(tiers.flatMap(({ subnets }) => subnets.map(({ key, id }) => [key, id]))),
      routeTableIds: Object.fromEntries(tiers.map(({ tier, table }) => [tier, table.id])),
    };
  },
});
