import type { Output, Resource } from '@pulumi/pulumi';
import { z } from 'zod';
import { cidr, contains, halvesOf } from '../orchestrator/domain/cidr.ts';
import type { Cidr } from '../orchestrator/domain/cidr.ts';
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
  namedBy: 'segments',
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

  shields: (inputs) => ({ inputs: { ...inputs, routes: [], bridged: noDestinations }, references: ['gateway'] }),

  bridged(inputs, resources) {
    const all = new Set(destinationsOf(inputs));
    // Where one of the halves has a route of its own, the other alone would carry half of the traffic: then there is no bridge.
    const destinations = [...all].filter((to) => resources.includes(routeName(to)) && halvesOf(to).every((half) => !all.has(half)));
    return {
      inputs: { ...inputs, bridged: destinations },
      bridges: destinations.map((to) => ({ resource: routeName(to), by: halvesOf(to).map(routeName) })).filter(({ by }) => by.length > 0),
    };
  },

  async program({ inputs, references: { gateway, members }, options }) {
    const aws = await loadAws();
    const routeTableId = gateway.routeTableIds(inputs.segment);
    // A table has one route to a destination.
    const oneAtATime = { ...options, deleteBeforeReplace: true };
    const route = (to: string, target: Target, dependsOn: readonly Resource[]): Resource =>
      new aws.TransitGatewayRoute(
        routeName(to),
        { transitGatewayRouteTableId: routeTableId, destinationCidrBlock: to, ...target },
        { ...oneAtATime, dependsOn: [...dependsOn] },
      );
    const replaceable = (to: string, target: Target, dependsOn: readonly Resource[]): Resource => {
      // AWS replaces no static route in place as the provider does it: the longer match carries its traffic meanwhile.
      const halves = inputs.bridged.includes(to) ? halvesOf(to).map((half) => route(half, target, dependsOn)) : [];
      return route(to, target, [...dependsOn, ...halves]);
    };
    const wanted: readonly (readonly [Cidr, Target])[] = [
      ...inputs.blackholes.map((to) => [cidr(to), { blackhole: true }] as const),
      ...inputs.routes.map(({ to, vpc }) => [cidr(to), { transitGatewayAttachmentId: members(vpc).attachmentId }] as const),
    ];
    // Narrower ones are on first and off last: a wider route takes the traffic to all of its block that no narrower one leads elsewhere, or keeps apart.
    const made: { readonly to: Cidr; readonly resource: Resource }[] = [];
    for (const [to, target] of wanted.toSorted(([a], [b]) => b.prefixLength - a.prefixLength)) {
      const narrower = made.filter((each) => contains(to, each.to)).map(({ resource }) => resource);
      made.push({ to, resource: replaceable(to.text, target, narrower) });
    }
    return { routeTableId };
  },
});

type Target = { readonly blackhole: true } | { readonly transitGatewayAttachmentId: Output<string> };

const noDestinations: readonly string[] = [];

const routeName = (to: string): string => `route-${to}`;

const destinationsOf = ({
  routes,
  blackholes,
}: {
  readonly routes: readonly { readonly to: string }[];
  readonly blackholes: readonly string[];
}): readonly string[] => [...blackholes, ...routes.map(({ to }) => to)];
