import { z } from 'zod';
import { defineKind } from '../orchestrator/pulumi/kind.ts';
import { loadAws } from './aws.ts';

/** The gateway, and a route table for each segment. */
export const transitGateway = defineKind({
  kind: 'transit-gateway',
  title: 'transit gateway',
  references: {},
  outputs: {
    gatewayId: z.string().startsWith('tgw-'),
    /** By segment. */
    routeTableIds: z.record(z.string(), z.string().startsWith('tgw-rtb-')),
  },
  guarded: ['aws:ec2transitgateway/transitGateway:TransitGateway', 'aws:ec2transitgateway/routeTable:RouteTable'],
  earlier: ['aws:ec2transitgateway/route:Route'],
  partOf: (resource) => {
    const [, segment] = /^segment-(.+)$/.exec(resource) ?? [];
    return segment !== undefined ? { of: 'segments', name: segment } : resource === 'gateway' ? { of: 'gateway' } : undefined;
  },

  instances: ({ network, gateway, segments }) => [
    {
      inputs: { asn: gateway.asn, description: gateway.description ?? network, segments: Object.keys(segments) },
      references: {},
    },
  ],

  async program({ inputs, tags, options }) {
    const aws = await loadAws();
    const gateway = new aws.TransitGateway(
      'gateway',
      {
        amazonSideAsn: inputs.asn,
        description: inputs.description,
        // Segments are explicit: what nobody declared is neither associated nor propagated.
        defaultRouteTableAssociation: 'disable',
        defaultRouteTablePropagation: 'disable',
        tags: tags('gateway'),
      },
      options,
    );
    const routeTableIds = Object.fromEntries(
      inputs.segments.map((segment) => {
        const name = `segment-${segment}`;
        return [segment, new aws.TransitGatewayRouteTable(name, { transitGatewayId: gateway.id, tags: tags(name) }, options).id];
      }),
    );
    return { gatewayId: gateway.id, routeTableIds };
  },
});
