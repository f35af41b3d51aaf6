import { describe, expect, it } from 'vitest';
import { contains, parseCidr } from '../../../orchestrator/domain/cidr.ts';
import type { Cidr } from '../../../orchestrator/domain/cidr.ts';
import { buildGraph } from '../../../orchestrator/graph/graph.ts';
import { checkNetwork } from '../../../orchestrator/network/check-network.ts';
import { separated } from '../../../orchestrator/network/renames.ts';
import { networkSchema } from '../../../orchestrator/network/spec.ts';
import type { NetworkSpec } from '../../../orchestrator/network/spec.ts';
import { topologyOf } from '../../../orchestrator/reachability/from-network.ts';
import { changeOf } from '../../../orchestrator/reachability/from-steps.ts';
import { applied } from '../../../orchestrator/reachability/topology.ts';
import type { Topology } from '../../../orchestrator/reachability/topology.ts';
import { carriedOut } from '../../../orchestrator/run/effects.ts';
import type { CarriedOut } from '../../../orchestrator/run/effects.ts';
import { pathLines } from '../../../orchestrator/ui/paths.ts';
import { kinds } from '../../../stacks/index.ts';
import { count } from '../../support/tier.ts';
import { planEdit } from '../support/edit-planner.ts';
import { fc, forged, forgedMs, times } from '../support/property.ts';
import { valueOf } from '../support/results.ts';

/** Pairs of small network files: what is deployed, and what is wanted. */
const pairs = { numRuns: count({ push: times(2 / 3).numRuns, all: forged.numRuns }) };

const segments = ['red', 'blue', 'green'] as const;
const blocks = { one: '10.1.0.0', two: '10.2.0.0', three: '10.3.0.0' } as const;
const vpcNames = Object.keys(blocks) as (keyof typeof blocks)[];
const destination = fc.constantFrom('0.0.0.0/0', '10.0.0.0/8', ...Object.values(blocks).map((block) => `${block}/16`));

const segment = fc.record({
  reaches: fc.subarray([...segments]),
  isolated: fc.boolean(),
  blackholes: fc.uniqueArray(destination, { maxLength: 2 }),
  routes: fc.uniqueArray(fc.record({ to: destination, vpc: fc.constantFrom(...vpcNames) }), { maxLength: 2, selector: ({ to }) => to }),
});

const vpc = (name: keyof typeof blocks) =>
  fc
    .record({
      segment: fc.constantFrom(...segments),
      tiers: fc.subarray(['app', 'data'], { minLength: 1 }),
      zones: fc.subarray(['a', 'b'], { minLength: 1 }),
      routes: fc.record({ app: fc.uniqueArray(destination, { maxLength: 2 }), data: fc.uniqueArray(destination, { maxLength: 1 }) }),
      carriers: fc.uniqueArray(destination, { maxLength: 1 }),
    })
    .map(({ segment: own, tiers, zones, routes, carriers }) => {
      const base = blocks[name].slice(0, -'0.0'.length);
      const tier = (third: number) => Object.fromEntries(zones.map((zone, index) => [zone, `${base}${third}.${index * 64}/26`]));
      return {
        segment: own,
        cidr: `${blocks[name]}/16`,
        subnets: {
          ...(tiers.includes('app') ? { app: tier(1) } : {}),
          ...(tiers.includes('data') ? { data: tier(2) } : {}),
          attachment: tier(255),
        },
        attachment: 'attachment',
        routes: {
          ...(tiers.includes('app') ? { app: routes.app } : {}),
          ...(tiers.includes('data') ? { data: routes.data } : {}),
          attachment: carriers,
        },
      };
    });

/** @param given `segments` and `vpcs` as a network file writes them */
function specOf(given: { readonly segments: object; readonly vpcs: object }): NetworkSpec {
  const written = networkSchema.parse({ network: 'example', account: '111122223333', region: 'eu-west-1', ...given });
  return separated(written).spec;
}

const network = fc
  .record({
    segments: fc.record({ red: segment, blue: segment, green: segment }),
    vpcs: fc.record({ one: vpc('one'), two: vpc('two'), three: vpc('three') }, { requiredKeys: ['one', 'two'] }),
  })
  .map(({ segments: given, vpcs }): NetworkSpec | undefined => {
    const own = Object.fromEntries(
      Object.entries(given).map(([name, each]) => {
        const blackholes = each.blackholes.filter((block) => !each.routes.some(({ to }) => to === block));
        const routes = each.routes.filter((route) => Object.hasOwn(vpcs, route.vpc));
        return [name, { ...each, reaches: each.reaches.filter((other) => other !== name), blackholes, routes }];
      }),
    );
    const used = new Set(Object.values(vpcs).map((each) => each.segment));
    const kept = Object.fromEntries(Object.entries(own).filter(([name]) => used.has(name as never) || name === 'red'));
    for (const each of Object.values(kept)) each.reaches = each.reaches.filter((other) => Object.hasOwn(kept, other));
    const spec = specOf({ segments: kept, vpcs });
    return checkNetwork(spec).length === 0 ? spec : undefined;
  })
  .filter((spec) => spec !== undefined);

type Pair = { readonly before: NetworkSpec; readonly after: NetworkSpec };

/** @param takes of the second network into the first, by the name of a segment or a VPC */
function edited(before: NetworkSpec, other: NetworkSpec, takes: (name: string) => boolean): Pair | undefined {
  const pick = <T>(of: Readonly<Record<string, T>>, from: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(
      [...new Set([...Object.keys(of), ...Object.keys(from)])].flatMap((key) => {
        const value = takes(key) ? from[key] : of[key];
        return value === undefined ? [] : [[key, value]];
      }),
    );
  const after = { ...before, segments: pick(before.segments, other.segments), vpcs: pick(before.vpcs, other.vpcs) };
  return isWhole(after) ? { before, after } : undefined;
}

/** Most of a network stays, or nothing of it. */
const pair = fc
  .tuple(network, network, fc.record({ red: fc.boolean(), blue: fc.boolean(), green: fc.boolean(), one: fc.boolean(), two: fc.boolean() }))
  .map(
    ([before, other, takes]): Pair =>
      edited(before, other, (name) => (takes as Readonly<Record<string, boolean>>)[name] === true) ?? { before, after: other },
  );

/** One line of work of a network team: a segment, or a VPC, is edited, comes or goes. */
const oneThing = fc
  .tuple(network, network, fc.constantFrom(...segments, ...vpcNames))
  .map(([before, other, thing]) => edited(before, other, (name) => name === thing))
  .filter((given) => given !== undefined);

/** A VPC in zone a. @param routes of its tiers, by the tier, and of its attachment's subnet */
function small(
  name: keyof typeof blocks,
  own: string,
  tiers: Readonly<Record<string, readonly string[]>>,
  carriers: readonly string[] = [],
) {
  const base = blocks[name].slice(0, -'0.0'.length);
  const subnets = Object.keys(tiers).map((tier, index): [string, { readonly a: string }] => [tier, { a: `${base}${index + 1}.0/26` }]);
  return {
    segment: own,
    cidr: `${blocks[name]}/16`,
    subnets: { ...Object.fromEntries(subnets), attachment: { a: `${base}255.0/26` } },
    attachment: 'attachment',
    routes: { ...tiers, attachment: carriers },
  };
}

/** Edits that were found to disturb what they need not. */
const found: Readonly<Record<string, Pair>> = {
  'what is taken away has to go first, and what is made to come later, and neither alone is any better': (() => {
    const vpcs = {
      one: small('one', 'blue', { app: ['0.0.0.0/0'] }),
      two: small('two', 'red', { data: [] }, ['0.0.0.0/0']),
      three: small('three', 'blue', { data: [] }),
    };
    const routes = [{ to: '10.3.0.0/16', vpc: 'two' }];
    return {
      before: specOf({ segments: { red: {}, blue: { reaches: ['red'], isolated: true } }, vpcs }),
      after: specOf({ segments: { red: {}, blue: { routes } }, vpcs }),
    };
  })(),
  'two routes and a propagation that open nothing in one order alone': (() => {
    const vpcs = {
      one: small('one', 'green', { app: [] }),
      two: small('two', 'green', { data: ['0.0.0.0/0'] }),
      three: small('three', 'red', { app: [] }),
    };
    const routes = [
      { to: '0.0.0.0/0', vpc: 'one' },
      { to: '10.1.0.0/16', vpc: 'three' },
    ];
    return {
      before: specOf({ segments: { red: {}, green: { isolated: true } }, vpcs }),
      after: specOf({ segments: { red: {}, green: { routes } }, vpcs }),
    };
  })(),
  'what ends a part of a disturbance was taken for what begins the other part': (() => {
    const segments = { red: { routes: [{ to: '0.0.0.0/0', vpc: 'two' }] }, green: { routes: [{ to: '0.0.0.0/0', vpc: 'one' }] } };
    const one = small('one', 'green', { data: [] });
    return {
      before: specOf({ segments, vpcs: { one, two: small('two', 'red', { app: ['0.0.0.0/0'], data: ['0.0.0.0/0'] }, ['0.0.0.0/0']) } }),
      after: specOf({ segments, vpcs: { one, two: small('two', 'green', { app: ['0.0.0.0/0'], data: ['10.1.0.0/16'] }) } }),
    };
  })(),
};

function isWhole(spec: NetworkSpec): boolean {
  const hasSegment = (name: string): boolean => Object.hasOwn(spec.segments, name);
  return (
    Object.values(spec.vpcs).every((each) => hasSegment(each.segment)) &&
    Object.values(spec.segments).every(
      ({ reaches, routes }) => reaches.every(hasSegment) && routes.every((route) => Object.hasOwn(spec.vpcs, route.vpc)),
    ) &&
    checkNetwork(spec).length === 0
  );
}

async function edit({ before, after }: Pair) {
  const graph = valueOf(buildGraph(after, kinds));
  const { deployed } = await planEdit(valueOf(buildGraph(before, kinds)));
  const { plans } = await planEdit(graph, deployed);
  const [from, wanted] = [topologyOf(before), topologyOf(after)];
  return { plans, from, wanted, ...carriedOut({ stacks: plans, graph, kinds, before: from, wanted }) };
}

/** Maps and sets in one order. */
function canonical(topology: Topology): unknown {
  const sorted = <T>(map: ReadonlyMap<string, T>, of: (value: T) => unknown) =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, of(value)]);
  const routes = (list: readonly { readonly to: { readonly text: string } }[]) =>
    [...list].sort((a, b) => (a.to.text < b.to.text ? -1 : 1));
  return {
    vpcs: sorted(topology.vpcs, ({ blocks: own, subnets, tables, attachment }) => ({
      own,
      subnets: sorted(subnets, (each) => each),
      tables: sorted(tables, (table) => routes(table.routes)),
      attachment: attachment && { ...attachment, subnets: sorted(attachment.subnets, (each) => each) },
    })),
    tables: sorted(topology.gatewayTables, ({ routes: own, propagations }) => ({
      own: routes(own),
      propagations: [...propagations].sort(),
    })),
  };
}

describe('an edit of any network file into any other one', () => {
  it('comes, step by step, to what the new file makes', { timeout: forgedMs }, () =>
    fc.assert(
      fc.asyncProperty(pair, async (given) => {
        const { steps, from, wanted } = await edit(given);
        let now = from;
        for (const step of steps) {
          const change = changeOf(step, now, wanted);
          if (change !== undefined) now = applied(now, change);
        }
        expect(canonical(now)).toEqual(canonical(wanted));
      }),
      pairs,
    ),
  );

  it(
    'of one segment or one VPC disturbs nothing by what is made and by what is taken away: only where one thing is put in the place of another',
    { timeout: forgedMs },
    () =>
      fc.assert(
        fc.asyncProperty(oneThing, async (given) => {
          expect(await untimely(given)).toEqual([]);
        }),
        pairs,
      ),
  );

  it(
    'makes no route of a segment after a wider one in an earlier pass, and takes none away before a wider one',
    { timeout: forgedMs },
    () =>
      fc.assert(
        fc.asyncProperty(pair, async (given) => {
          const { passes, steps } = await edit(given);
          expect(outOfOrder(steps, passes)).toEqual([]);
        }),
        pairs,
      ),
  );

  it.each(Object.keys(found))('disturbs nothing by that either where %s', async (name) => {
    const given = found[name];
    expect(given && (await untimely(given))).toEqual([]);
  });
});

/** The engine makes a route when the narrower ones inside it are there, and takes them away when it is gone. */
function outOfOrder(steps: CarriedOut['steps'], passes: CarriedOut['passes']): string[] {
  const turns = new Map<string, { readonly table: string; readonly to: Cidr; made?: number; taken?: number }>();
  for (const { kind, instance = '', resource, does, label, pass } of steps) {
    const to = kind === 'segment' ? parseCidr(resource.slice('route-'.length)) : 'malformed';
    // With its blackholes alone a program has no wider ones.
    if (typeof to === 'string' || (does !== 'take' && passes[pass]?.kind === 'shield')) continue;
    const turn = turns.get(label) ?? { table: instance, to };
    turns.set(label, turn);
    turn[does === 'take' ? 'taken' : 'made'] = pass;
  }
  const all = [...turns];
  return all.flatMap(([wideLabel, wide]) =>
    all.flatMap(([label, narrow]) => {
      if (wideLabel === label || wide.table !== narrow.table || !contains(wide.to, narrow.to)) return [];
      const isMadeLate = narrow.taken === undefined && narrow.made !== undefined && wide.made !== undefined && narrow.made > wide.made;
      const isTakenEarly =
        narrow.made === undefined && narrow.taken !== undefined && wide.made === undefined && (wide.taken ?? -1) > narrow.taken;
      return isMadeLate || isTakenEarly ? [`${label}, in ${wideLabel}`] : [];
    }),
  );
}

/** What is disturbed by changes that could be made at another time. */
async function untimely(given: Pair): Promise<string[]> {
  const { plans, effects } = await edit(given);
  const inPlace = new Set(
    plans.flatMap(({ short, changes }) =>
      changes.flatMap(({ op, name }) => (op === 'replace' || op === 'update' ? [`${short}/${name}`] : [])),
    ),
  );
  return [...effects.interrupted, ...effects.opened].flatMap(({ paths, by }) => {
    const others = by.filter((label) => !inPlace.has(label));
    return others.length === 0 ? [] : pathLines(paths).map((line) => `${others.join(', ')}: ${line}`);
  });
}
