import { describe, expect, it } from 'vitest';
import type { Inventory, LiveObject } from '../../orchestrator/inventory/live-object.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';
import { reaches } from '../../orchestrator/network/spec.ts';
import { allPaths } from '../../orchestrator/reachability/difference.ts';
import { topologyOfInventory } from '../../orchestrator/reachability/from-inventory.ts';
import { topologyOf } from '../../orchestrator/reachability/from-network.ts';
import { Paths } from '../../orchestrator/reachability/paths.ts';
import type { Topology } from '../../orchestrator/reachability/topology.ts';
import { pathLines } from '../../orchestrator/ui/paths.ts';
import { exampleOf } from './support/example.ts';
import { live, tagsOf, types } from './support/inventory.ts';

const { spec } = exampleOf();

/** What AWS has when the stacks of a network are deployed. Ids are the names. */
function deployed({ network, region, segments, vpcs }: NetworkSpec): LiveObject[] {
  const gateway = 'tgw-1';
  const tables = Object.keys(segments).map((segment) => ({ segment, id: `tgw-rtb-${segment}` }));
  return [
    ...tables.map(({ segment, id }) =>
      live(types.gatewayTable, id, { transitGatewayId: gateway }, { tags: tagsOf(`${network}.transit-gateway`, `segment-${segment}`) }),
    ),
    ...tables.flatMap(({ segment, id }) => [
      ...(segments[segment]?.blackholes ?? []).map((to) =>
        live(types.gatewayRoute, `${id}_${to}`, {
          transitGatewayRouteTableId: id,
          destinationCidrBlock: to,
          blackhole: true,
          state: 'blackhole',
        }),
      ),
      ...(segments[segment]?.routes ?? []).map(({ to, vpc }) =>
        live(types.gatewayRoute, `${id}_${to}`, {
          transitGatewayRouteTableId: id,
          destinationCidrBlock: to,
          transitGatewayAttachmentId: `tgw-attach-${vpc}`,
          blackhole: false,
          state: 'active',
        }),
      ),
    ]),
    ...Object.entries(vpcs).flatMap(([name, { cidr, segment, subnets, routes, attachment }]) => {
      const [id, attached] = [`vpc-${name}`, `tgw-attach-${name}`];
      const carriers = Object.keys(subnets[attachment] ?? {}).map((zone) => `subnet-${name}-${attachment}-${zone}`);
      const inTable = (table: string) => ({ transitGatewayRouteTableId: `tgw-rtb-${table}`, transitGatewayAttachmentId: attached });
      return [
        live(types.vpc, id, { cidrBlock: cidr }, { tags: tagsOf(`${network}.vpc.${name}`, 'vpc') }),
        live(types.attachment, attached, { vpcId: id, transitGatewayId: gateway, subnetIds: carriers, applianceModeSupport: 'disable' }),
        live(types.association, `tgw-rtb-${segment}_${attached}`, inTable(segment)),
        ...Object.keys(segments)
          .filter((table) => reaches(spec, table, segment))
          .map((table) => live(types.propagation, `tgw-rtb-${table}_${attached}`, inTable(table))),
        ...Object.entries(subnets).flatMap(([tier, zones]) => {
          const table = `rtb-${name}-${tier}`;
          return [
            live(types.routeTable, table, { vpcId: id }, { tags: tagsOf(`${network}.route-tables.${name}`, `routes-${tier}`) }),
            live(
              types.route,
              `r-${table}-local`,
              { routeTableId: table, destinationCidrBlock: cidr, gatewayId: 'local', state: 'active' },
              { madeBy: 'aws' },
            ),
            ...(routes[tier] ?? []).map((to) =>
              live(types.route, `r-${table}-${to}`, {
                routeTableId: table,
                destinationCidrBlock: to,
                transitGatewayId: gateway,
                state: 'active',
              }),
            ),
            ...Object.entries(zones).flatMap(([zone, cidrBlock]) => [
              live(
                types.subnet,
                `subnet-${name}-${tier}-${zone}`,
                { vpcId: id, cidrBlock, availabilityZone: `${region}${zone}` },
                { tags: tagsOf(`${network}.vpc.${name}`, `subnet-${tier}-${zone}`) },
              ),
              live(types.subnetAssociation, `rtbassoc-${name}-${tier}-${zone}`, {
                routeTableId: table,
                subnetId: `subnet-${name}-${tier}-${zone}`,
              }),
            ]),
          ];
        }),
      ];
    }),
  ];
}

const seen = (objects: readonly LiveObject[], more: Partial<Inventory> = {}): Topology =>
  topologyOfInventory({ from: 0, until: 0, objects, incomplete: [], unlisted: [], ...more });

const pathsOf = (topology: Topology) => {
  const { there, unknown } = allPaths(new Paths(topology));
  return { there: pathLines(there), unknown: pathLines(unknown) };
};

const all = deployed(spec);

/** All objects, with one of them otherwise. */
const but = (id: string, change: (object: LiveObject) => LiveObject | undefined): LiveObject[] =>
  all.flatMap((object) => (object.id === id ? (change(object) ?? []) : [object]));

describe('the topology that AWS has', () => {
  it('of a network that is deployed has the paths of its file, under the names of the file', () => {
    expect(pathsOf(seen(all))).toEqual(pathsOf(topologyOf(spec)));
    expect(pathsOf(seen(all)).there).toContain('production, staging <-> shared');
  });

  it('has no path over an association that is not there', () => {
    const { there, unknown } = pathsOf(
      seen(
        but('tgw-rtb-staging_tgw-attach-staging', ({ type }) =>
          type === types.association
            ? undefined
            : live(types.propagation, 'tgw-rtb-staging_tgw-attach-staging', {
                transitGatewayRouteTableId: 'tgw-rtb-staging',
                transitGatewayAttachmentId: 'tgw-attach-staging',
              }),
        ),
      ),
    );
    expect(there).toContain('production <-> shared');
    expect(there.join()).not.toContain('staging -');
    expect(unknown).toEqual([]);
  });

  it('says that it cannot tell where an association is just changing', () => {
    const changing = all.map((object): LiveObject =>
      object.type === types.association && object.id.endsWith('attach-staging') ? { ...object, phase: 'going' } : object,
    );
    const { there, unknown } = pathsOf(seen(changing));
    expect(there).toContain('production <-> shared');
    expect(unknown).toEqual(expect.arrayContaining([expect.stringMatching(/^staging --> /)]));
  });

  it('says that it cannot tell of what a table that was not listed to its end routes, and tells the rest', () => {
    const { there, unknown } = pathsOf(seen(all, { incomplete: ['gateway routes of …'], unlisted: ['tgw-rtb-staging'] }));
    expect(unknown.join()).toContain('staging --> ');
    expect(unknown.join()).not.toContain('production --> shared');
    expect(there).toContain('production <-> shared');
  });

  it('says that it cannot tell of anything where it is not known what was not listed', () => {
    const { unlisted: _, ...look } = { from: 0, until: 0, objects: all, incomplete: ['something'], unlisted: [] };
    expect(pathsOf(topologyOfInventory(look)).there).toEqual([]);
  });

  it('drops what matches a route whose target is gone', () => {
    const dead = but('r-rtb-staging-private-0.0.0.0/0', (object) => ({
      ...object,
      properties: { ...object.properties, state: 'blackhole' },
    }));
    expect(pathsOf(seen(dead)).there).toEqual([
      'production <-> shared',
      'shared --> staging',
      'production --> everything else (0.0.0.0/0), by shared',
    ]);
  });

  it('has the route that a hand has added, to a thing by its id', () => {
    const nat = live(types.route, 'r-hand', {
      routeTableId: 'rtb-shared-private',
      destinationCidrBlock: '192.168.0.0/16',
      natGatewayId: 'nat-0a',
      state: 'active',
    });
    expect(pathsOf(seen([...all, nat])).there).toContain('production, shared, staging --> 192.168.0.0/16, by shared');
  });
});
