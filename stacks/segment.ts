import type { Resource } from '@pulumi/pulumi';
import { z } from 'zod';
import { halvesOf } from '../orchestrator/domain/cidr.ts';
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
  // The table goes with the gateway's stack, and these routes before it.
  leavesWithFile: true,

  instances: (spec) =>
    Object.entries(spec.segments).map(([name, { routes, blackholes }]) => {
      const targets = [...new Set(routes.map((route) => route.vpc))].map((instance) => ({ instance }));
      return {
        instance: name,
        inputs: { segment: name, routes, blackholes, bridged: noDestinations },
        references: { gateway: { keys: { routeTableIds: [name] } }, members: targets, routeTables: targets },
      };
    }),

  bridged(inputs, resources) {
    const all = new Set(destinationsOf(inputs));
    // Where one of the halves has a route of its own, the other alone would carry half of the traffic: then there is no bridge.
    const destinations = [...all].filter((to) => resources.includes(routeName(to)) && halvesOf(to).every((half) => !all.has(half)));
    return {
      inputs: { ...inputs, bridged: destinations },
      bridges: destinations
        .map((to) => ({ resource: routeName(to), by: halvesOf(to).map(routeName) }))
        .filter(({ by }) => by.length > 0),
    };
  },

  async program({ inputs, references: { gateway, members }, options }) {
    const aws = await loadAws();
    const routeTableId = gateway.routeTableIds(inputs.segment);
    const targets = [
      ...inputs.blackholes.map((to) => ({ to, target: { blackhole: true } })),
      ...inputs.routes.map(({ to, vpc }) => ({ to, target: { transitGatewayAttachmentId: members(vpc).attachmentId } })),
    ];
    // A table has one route to a destination.
    const oneAtATime = { ...options, deleteBeforeReplace: true };
    for (const { to, target } of targets) {
      const route = (destination: string, dependsOn: readonly Resource[]) =>
        new aws.TransitGatewayRoute(
          routeName(destination),
          { transitGatewayRouteTableId: routeTableId, destinationCidrBlock: destination, ...target },
          { ...oneAtATime, dependsOn: [...dependsOn] },
        );
      // AWS replaces no static route in place as the provider does it: the longer match carries its traffic meanwhile.
      const halves = inputs.bridged.includes(to) ? halvesOf(to).map((half) => route(half, [])) : [];
      route(to, halves);
    }
    return { routeTableId };
  },
});

const noDestinations: readonly string[] = [];

const routeName = (to: string): string => `route-${to}`;

const destinationsOf = ({
  routes,
  blackholes,
}: {
  readonly routes: readonly { readonly to: string }[];
  readonly blackholes: readonly string[];
}): readonly string[] => [...blackholes, ...routes.map(({ to }) => to)];
