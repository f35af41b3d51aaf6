import { z } from 'zod';
import { defineKind, reads, readsEach } from '../orchestrator/pulumi/kind.ts';
import { loadAws } from './aws.ts';
import { member } from './member.ts';
import { routeTables } from './route-tables.ts';
import { transitGateway } from './transit-gateway.ts';

/**
 * All static and blackhole routes of a segment's gateway route table. A destination is one resource, whatever it leads to: another target, or a
 * blackhole in its place, is one change of one stack. There is one without routes too, which takes away the last route of its table.
 */
export const segment = defineKind({
  kind: 'segment',
  title: 'segments',
  references: {
    gateway: reads(transitGateway, 'routeTableIds'),
    // Traffic is sent to a VPC that is a member, and whose own tables have the way back.
    members: readsEach(member, 'attachmentId'),
    routeTables: readsEach(routeTables, 'vpcId'),
  },
  outputs: { routeTableId: z.string().startsWith('tgw-rtb-') },
  guarded: [],

  instances: (spec) =>
    Object.entries(spec.segments).map(([name, { routes, blackholes }]) => {
      const targets = [...new Set(routes.map((route) => route.vpc))].map((instance) => ({ instance }));
      return {
        instance: name,
        inputs: { segment: name, routes, blackholes },
        references: { gateway: { keys: { routeTableIds: [name] } }, members: targets, routeTables: targets },
      };
    }),

  async program({ inputs, references: { gateway, members }, options }) {
    const aws = await loadAws();
    const routeTableId = gateway.routeTableIds(inputs.segment);
    const targets = [
      ...inputs.blackholes.map((to) => ({ to, target: { blackhole: true } })),
      ...inputs.routes.map(({ to, vpc }) => ({ to, target: { transitGatewayAttachmentId: members(vpc).attachmentId } })),
    ];
    for (const { to, target } of targets)
      new aws.TransitGatewayRoute(
        `route-${to}`,
        { transitGatewayRouteTableId: routeTableId, destinationCidrBlock: to, ...target },
        // A table has one route to a destination.
        { ...options, deleteBeforeReplace: true },
      );
    return { routeTableId };
  },
});
