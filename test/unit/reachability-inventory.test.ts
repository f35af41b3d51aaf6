import { describe, expect, it } from 'vitest';
import type { Inventory, LiveObject } from '../../orchestrator/inventory/live-object.ts';
import { allPaths } from '../../orchestrator/reachability/difference.ts';
import { topologyOfInventory } from '../../orchestrator/reachability/from-inventory.ts';
import { topologyOf } from '../../orchestrator/reachability/from-network.ts';
import { Paths } from '../../orchestrator/reachability/paths.ts';
import type { Topology } from '../../orchestrator/reachability/topology.ts';
import { pathLines } from '../../orchestrator/ui/paths.ts';
import { deployed } from './support/deployed.ts';
import { exampleOf } from './support/example.ts';
import { live, types } from './support/inventory.ts';

const { spec } = exampleOf();

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
