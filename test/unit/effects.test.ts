import { describe, expect, it } from 'vitest';
import { tokens } from '../../orchestrator/aws/resource-types/tokens.ts';
import { topologyOf } from '../../orchestrator/reachability/from-network.ts';
import { carriedOut, consequencesOf } from '../../orchestrator/run/effects.ts';
import type { Effects } from '../../orchestrator/run/effects.ts';
import { noChanges } from '../../orchestrator/run/events.ts';
import type { PlannedChange, StackPlan } from '../../orchestrator/run/events.ts';
import { pathLines } from '../../orchestrator/ui/paths.ts';
import { kinds } from '../../stacks/index.ts';
import { exampleGraph, exampleOf, exampleWith } from './support/example.ts';

type Short = readonly [op: PlannedChange['op'], type: keyof typeof tokens, name: string];

function plan(short: string, ...changes: readonly Short[]): StackPlan {
  return {
    stack: `example.${short}`,
    short,
    exists: true,
    hasChanges: true,
    counts: noChanges,
    changes: changes.map(([op, type, name]) => ({
      op,
      urn: name,
      type: tokens[type],
      name,
      changed: [],
      replacing: [],
      ...(op === 'replace' ? { deletesFirst: true as const } : {}),
    })),
  };
}

/** Of an edit of the example. @param stacks in dependency order */
function effects(edit: readonly (readonly [from: string, to: string])[], ...stacks: readonly StackPlan[]): Effects {
  const before = topologyOf(exampleOf().spec);
  const wanted = topologyOf(exampleOf(exampleWith(...edit)).spec);
  return carriedOut({ stacks, graph: exampleGraph(exampleWith(...edit)), kinds, before, wanted }).effects;
}

const told = ({ interrupted, opened }: Effects): string[] =>
  [...interrupted, ...opened].flatMap(({ paths, by }) => pathLines(paths).map((line) => `${by.join(', ')}: ${line}`));

const defaultOfStaging: readonly [string, string] = [
  '    blackholes: [10.1.0.0/16] # production\n    routes:\n      - { to: 0.0.0.0/0, vpc: shared }\n',
  '    blackholes: [10.1.0.0/16]\n    routes:\n      - { to: 0.0.0.0/0, vpc: production }\n',
];

describe('the effects of a plan', () => {
  it('name the paths that appear and those that go', () => {
    const { appear, go } = effects(
      [['  staging:\n    segment: staging\n', '  staging:\n    segment: production\n']],
      plan(
        'member.staging',
        ['create', 'propagation', 'propagation-production'],
        ['replace', 'association', 'association'],
        ['delete', 'propagation', 'propagation-staging'],
      ),
    );
    // The blackhole of production drops what goes to staging still: the edit has left it.
    expect([pathLines(appear), pathLines(go)]).toEqual([['staging --> production'], []]);
  });

  it('name what has no path while its association is replaced, as AWS takes one at a time', () => {
    const moved = effects(
      [['  staging:\n    segment: staging\n', '  staging:\n    segment: production\n']],
      plan(
        'member.staging',
        ['create', 'propagation', 'propagation-production'],
        ['replace', 'association', 'association'],
        ['delete', 'propagation', 'propagation-staging'],
      ),
    );
    expect(told(moved)).toEqual([
      'member.staging/association: staging --> shared',
      'member.staging/association: staging --> everything else (0.0.0.0/0), by shared',
    ]);
    expect(consequencesOf(moved)).toEqual(['interruption']);
  });

  it('have no gap where a route is replaced: its two halves carry its traffic meanwhile', () => {
    const retargeted = effects([defaultOfStaging], plan('segment.staging', ['replace', 'gatewayRoute', 'route-0.0.0.0/0']));
    expect(retargeted.go.outside.length + retargeted.appear.outside.length).toBeGreaterThan(0);
    expect(told(retargeted)).toEqual([]);
  });

  it('have the gap where a half has a route of its own', () => {
    const [from, to] = defaultOfStaging;
    const half = '      - { to: 128.0.0.0/1, vpc: shared }\n';
    const before = topologyOf(exampleOf(exampleWith([from, `${from}${half}`])).spec);
    const file = exampleWith([from, `${to}${half}`]);
    const stacks = [plan('segment.staging', ['replace', 'gatewayRoute', 'route-0.0.0.0/0'])];
    const carried = carriedOut({ stacks, graph: exampleGraph(file), kinds, before, wanted: topologyOf(exampleOf(file).spec) });
    expect(told(carried.effects)).toEqual([expect.stringContaining('segment.staging/route-0.0.0.0/0: staging')]);
    expect(carried.passes).toHaveLength(1);
  });

  it('ask about nothing that an earlier replacement has left: what took its place stays, with its traffic', () => {
    const left = plan('segment.staging', ['delete', 'gatewayRoute', 'route-0.0.0.0/0'], ['delete', 'gatewayRoute', 'route-10.1.0.0/16']);
    const vpc = plan('vpc.shared', ['delete', 'vpc', 'vpc']);
    const condemned = [vpc, left].map((each) => ({ ...each, changes: each.changes.map((one) => ({ ...one, condemned: true as const })) }));
    const nothing = effects([], ...condemned);
    expect([consequencesOf(nothing), told(nothing)]).toEqual([[], []]);
    expect(consequencesOf(effects([], vpc, left))).toEqual(['deletion']);
  });

  it('name what is open between a blackhole that goes and what it kept apart', () => {
    const early = effects(
      [['    blackholes: [10.2.0.0/16] # staging: without this, the default route below would take it to shared\n', '']],
      plan('segment.production', ['delete', 'gatewayRoute', 'route-10.2.0.0/16']),
    );
    expect(told(early)).toEqual([]);
  });

  it('count as deletions what others build on, and what all else leaves by', () => {
    const { deletes } = effects(
      [],
      plan('vpc.shared', ['delete', 'subnet', 'subnet-private-b'], ['delete', 'subnetAssociation', 'association-private-b']),
      plan('segment.staging', ['delete', 'gatewayRoute', 'route-0.0.0.0/0'], ['delete', 'gatewayRoute', 'route-10.1.0.0/16']),
    );
    expect(deletes).toEqual(['vpc.shared/subnet-private-b', 'segment.staging/route-0.0.0.0/0']);
  });

  it('are none for a network that is deployed for the first time, but for its paths', () => {
    const wanted = topologyOf(exampleOf().spec);
    const stacks = [plan('transit-gateway', ['create', 'gateway', 'gateway'], ['create', 'gatewayTable', 'segment-shared'])];
    const { effects: first } = carriedOut({
      stacks,
      graph: exampleGraph(),
      kinds,
      before: { vpcs: new Map(), gatewayTables: new Map() },
      wanted,
    });
    expect(consequencesOf(first)).toEqual([]);
  });

  it('have a loop that the edit adds', () => {
    const looped = effects(
      [
        ['      private: [10.1.0.0/16, 10.2.0.0/16]\n', '      private: [10.1.0.0/16, 10.2.0.0/16]\n      attachment: [0.0.0.0/0]\n'],
        [
          '  shared:\n    reaches: [production, staging]\n',
          '  shared:\n    reaches: [production, staging]\n    routes: [{ to: 0.0.0.0/0, vpc: shared }]\n',
        ],
      ],
      plan('route-tables.shared', ['create', 'route', 'route-attachment-0.0.0.0/0']),
      plan('segment.shared', ['create', 'gatewayRoute', 'route-0.0.0.0/0']),
    );
    expect(looped.loops).toEqual([{ to: ['0.0.0.0/0'], vpcs: ['shared'] }]);
  });
});
