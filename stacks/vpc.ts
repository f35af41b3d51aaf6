import { z } from 'zod';
import { defineKind, reads } from '../orchestrator/pulumi/kind.ts';
import { loadAws } from './aws.ts';
import { transitGateway } from './transit-gateway.ts';

/** A VPC, its subnets, and its attachment to the gateway. */
export const vpc = defineKind({
  kind: 'vpc',
  title: 'VPCs',
  references: { gateway: reads(transitGateway, 'gatewayId') },
  outputs: {
    vpcId: z.string().startsWith('vpc-'),
    attachmentId: z.string().startsWith('tgw-attach-'),
    /** By tier and zone, as in `private-a`. */
    subnetIds: z.record(z.string(), z.string().startsWith('subnet-')),
  },
  guarded: ['aws:ec2transitgateway/vpcAttachment:VpcAttachment', 'aws:ec2/vpc:Vpc'],

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
    const subnets = Object.entries(inputs.subnets).flatMap(([tier, zones]) =>
      Object.entries(zones).map(([zone, cidrBlock]) => {
        const key = `${tier}-${zone}`;
        const name = `subnet-${key}`;
        const availabilityZone = `${inputs.region}${zone}`;
        return { tier, key, subnet: new aws.Subnet(name, { vpcId: network.id, cidrBlock, availabilityZone, tags: tags(name) }, options) };
      }),
    );
    const attachment = new aws.TransitGatewayVpcAttachment(
      'attachment',
      {
        transitGatewayId: references.gateway.gatewayId,
        vpcId: network.id,
        subnetIds: subnets.filter(({ tier }) => tier === inputs.attachment).map(({ subnet }) => subnet.id),
        // As on the gateway: the association and the propagations are declared, in the stack of the route tables.
        transitGatewayDefaultRouteTableAssociation: false,
        transitGatewayDefaultRouteTablePropagation: false,
        tags: tags('attachment'),
      },
      options,
    );
    return {
      vpcId: network.id,
      attachmentId: attachment.id,
      subnetIds: aws.output(Object.fromEntries(subnets.map(({ key, subnet }) => [key, subnet.id]))),
    };
  },
});
