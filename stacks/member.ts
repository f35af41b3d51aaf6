import { z } from 'zod';
import { reaches } from '../orchestrator/network/spec.ts';
import { defineKind, reads } from '../orchestrator/pulumi/kind.ts';
import { loadAws } from './aws.ts';
import { transitGateway } from './transit-gateway.ts';
import { vpc } from './vpc.ts';

/** What makes a VPC's attachment a member of its segment: the gateway route table that decides where its traffic goes, and those that learn its block. */
export const member = defineKind({
  kind: 'member',
  title: 'members',
  namedBy: 'vpcs',
  references: {
    gateway: reads(transitGateway, 'routeTableIds'),
    vpc: reads(vpc, 'attachmentId'),
  },
  outputs: {
    /** The VPC's, once it is a member. */
    attachmentId: z.string().startsWith('tgw-attach-'),
  },
  guarded: [],

  instances: (spec) =>
    Object.entries(spec.vpcs).map(([name, { segment }]) => {
      /** Segments whose route table learns this VPC's block. */
      const propagations = Object.keys(spec.segments).filter((other) => reaches(spec, other, segment));
      return {
        instance: name,
        inputs: { segment, propagations },
        references: {
          gateway: { keys: { routeTableIds: [...new Set([segment, ...propagations])] } },
          vpc: { instance: name },
        },
      };
    }),

  async program({ inputs, references: { gateway, vpc: network }, options }) {
    const aws = await loadAws();
    // AWS takes one association of an attachment at a time. The provider's `replaceExistingAssociation` takes the old one away inside the create: then the engine
    // still deletes the old one, and of an interrupted step it is not known which of the two was done.
    const oneAtATime = { ...options, deleteBeforeReplace: true };
    const association = new aws.TransitGatewayRouteTableAssociation(
      'association',
      { transitGatewayAttachmentId: network.attachmentId, transitGatewayRouteTableId: gateway.routeTableIds(inputs.segment) },
      oneAtATime,
    );
    for (const segment of inputs.propagations)
      new aws.TransitGatewayRouteTablePropagation(
        `propagation-${segment}`,
        { transitGatewayAttachmentId: network.attachmentId, transitGatewayRouteTableId: gateway.routeTableIds(segment) },
        { ...oneAtATime, dependsOn: association },
      );
    return { attachmentId: network.attachmentId };
  },
});
