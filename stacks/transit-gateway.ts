import { z } from 'zod';
import { defineKind } from '../orchestrator/pulumi/kind.ts';
import { loadAws } from './aws.ts';

interface Inputs {
  readonly asn: number;
  readonly description: string;
  /** Segment to the destinations that its route table drops. */
  readonly blackholes: Readonly<Record<string, readonly string[]>>;
}

/** The gateway, a route table for each segment, and the blackhole routes. */
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

  instances: (spec) => [
    {
      inputs: {
        asn: spec.gateway.asn,
        description: spec.gateway.description ?? spec.network,
        blackholes: Object.fromEntries(Object.entries(spec.segments).map(([name, segment]) => [name, segment.blackholes])),
      },
      references: {},
    },
  ],

  async program({ inputs, tags, options }: { inputs: Inputs; tags: (resource: string) => Record<string, string>; options: object }) {
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
      Object.entries(inputs.blackholes).map(([segment, destinations]) => {
        const name = `segment-${segment}`;
        const table = new aws.TransitGatewayRouteTable(name, { transitGatewayId: gateway.id, tags: tags(name) }, options);
        for (const destination of destinations)
          new aws.TransitGatewayRoute(
            `blackhole-${segment}-${destination}`,
            { transitGatewayRouteTableId: table.id, destinationCidrBlock: destination, blackhole: true },
            options,
          );
        return [segment, table.id];
      }),
    );
    return { gatewayId: gateway.id, routeTableIds: aws.output(routeTableIds) };
  },
});
