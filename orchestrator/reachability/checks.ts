import { cidr } from '../domain/cidr.ts';
import { ownOf } from '../network/spec.ts';
import type { NetworkSpec } from '../network/spec.ts';
import { allPaths } from './difference.ts';
import { topologyOf } from './from-network.ts';
import { isOf } from './grouping.ts';
import type { Group, Place } from './grouping.ts';
import { loopsOf } from './loops.ts';
import type { Loop } from './loops.ts';
import { Paths } from './paths.ts';
import { isDropped } from './walk.ts';
import type { End } from './walk.ts';

type Path = readonly (string | number)[];

/** Something in a network file that works, and is hardly meant. `path`: its place in the file. `P`: in which form the places are. */
export type PathFinding<P = Place> = { readonly path: Path } & (
  | ({ readonly reason: 'loop' } & Loop)
  /** A path forth, and none back. `missing`: how what comes back ends. */
  | { readonly reason: 'one-way'; readonly from: readonly P[]; readonly to: readonly P[]; readonly missing: readonly End[] }
  /** A path forth, and a blackhole for what comes back. */
  | {
      readonly reason: 'blackholed-return';
      readonly from: readonly P[];
      readonly to: readonly P[];
      readonly missing: readonly End[];
    }
  /** A tier has routes to the gateway, and a subnet in a zone where the attachment has none: AWS lets nothing out from there. */
  | { readonly reason: 'zone-without-attachment'; readonly vpc: string; readonly tier: string; readonly zone: string }
  /** Nothing that a VPC's route matches gets anywhere. */
  | { readonly reason: 'unused-route'; readonly vpc: string; readonly tier: string; readonly to: string }
  /** No packet of a VPC meets the gateway's route. */
  | { readonly reason: 'unused-gateway-route'; readonly segment: string; readonly to: string; readonly vpc: string }
  /** Longer routes of the table have all of its addresses. */
  | { readonly reason: 'unused-blackhole'; readonly segment: string; readonly to: string }
);

/** @param paths of the file, where they were computed before */
export function checkPaths(spec: NetworkSpec, paths: Paths = new Paths(topologyOf(spec))): PathFinding[] {
  return [
    ...loops(spec, paths),
    ...oneWays(spec, paths),
    ...zones(spec),
    ...unusedRoutes(spec, paths),
    ...unusedGatewayRoutes(spec, paths),
  ];
}

function* loops(spec: NetworkSpec, paths: Paths): Iterable<PathFinding> {
  for (const loop of loopsOf(paths)) {
    const back = loop.cycle.find((hop) => hop.at === 'vpc');
    yield { reason: 'loop', path: back?.at === 'vpc' ? routePath(spec, back.vpc, back.table ?? '', back.to) : [], ...loop };
  }
}

/** The way back of one group, as often as it ends in another way. A zone without attachment is told once, and not with each way back. */
function* oneWays(spec: NetworkSpec, paths: Paths): Iterable<PathFinding> {
  for (const group of allPaths(paths).there.pairs) {
    if (group.ways === 'both') continue;
    const missing = waysBack(paths, group).filter(({ kind }) => kind !== 'zone-without-attachment' && kind !== 'cannot-tell');
    const [first] = missing;
    if (first === undefined) continue;
    const reason = missing.every(({ kind }) => kind === 'blackhole') ? 'blackholed-return' : 'one-way';
    yield { reason, path: missingPath(spec, first), from: group.from, to: group.to, missing };
  }
}

function waysBack(paths: Paths, { from, to }: Group): End[] {
  const { stations } = paths.places;
  const of = (places: readonly Place[]): number[] =>
    [...stations.entries()].flatMap(([index, station]) => (places.some((place) => isOf(place, station)) ? [index] : []));
  const answerers = of(to).flatMap((index) => {
    const [row, vpc] = [paths.row(index), stations[index]?.vpc];
    return row === undefined || vpc === undefined ? [] : [{ index, row, vpc }];
  });
  const targets = new Map(
    of(from).flatMap((index) => {
      const station = stations[index];
      return station === undefined ? [] : [[`${station.vpc} ${station.to}`, { index, vpc: station.vpc }] as const];
    }),
  );
  const found = new Map<string, End>();
  const seen = new Set<string>();
  const rows = new Map<unknown, number>();
  for (const { index, row, vpc } of answerers) {
    const number = rows.get(row) ?? rows.size;
    rows.set(row, number);
    for (const [key, target] of targets) {
      // What stations of one row and VPC answer to one class is the same.
      if (target.vpc === vpc || seen.has(`${number} ${vpc} ${key}`)) continue;
      seen.add(`${number} ${vpc} ${key}`);
      const end = paths.between(index, target.index)?.end;
      if (end !== undefined && isDropped(end)) found.set(end.kind === 'loop' ? 'loop' : JSON.stringify({ ...end, subnet: '' }), end);
    }
  }
  return [...found.values()];
}

function* zones(spec: NetworkSpec): Iterable<PathFinding> {
  for (const [vpc, { subnets, attachment, routes }] of Object.entries(spec.vpcs))
    for (const [tier, own] of Object.entries(subnets))
      for (const zone of Object.keys(own))
        if ((ownOf(routes, tier) ?? []).length > 0 && !Object.hasOwn(ownOf(subnets, attachment) ?? {}, zone))
          yield { reason: 'zone-without-attachment', path: ['vpcs', vpc, 'subnets', tier, zone], vpc, tier, zone };
}

function* unusedRoutes(spec: NetworkSpec, paths: Paths): Iterable<PathFinding> {
  const { prefixes } = paths.places;
  for (const [vpc, { routes }] of Object.entries(spec.vpcs))
    for (const [tier, destinations] of Object.entries(routes)) {
      const unused = new Set(destinations);
      const subnets = [...(paths.topology.vpcs.get(vpc)?.subnets ?? [])].filter(([, subnet]) => subnet.tier === tier);
      for (const [subnet] of subnets)
        for (let to = 0; to < prefixes.blocks.length && unused.size > 0; to += 1) {
          if (prefixes.ownSize(to) === 0) continue;
          const { hops, end } = paths.wayFrom(vpc, subnet, to);
          if (hops[0]?.at === 'vpc' && (!isDropped(end) || end.kind === 'loop')) unused.delete(hops[0].to);
        }
      for (const to of unused) yield { reason: 'unused-route', path: routePath(spec, vpc, tier, to), vpc, tier, to };
    }
}

function* unusedGatewayRoutes(spec: NetworkSpec, paths: Paths): Iterable<PathFinding> {
  const { prefixes } = paths.places;
  const used = new Set<string>();
  const key = (table: string, to: string): string => `${table} ${to}`;
  for (const { way } of paths.ways())
    for (const hop of [...way.hops, ...(way.end.kind === 'loop' ? way.end.cycle : [])])
      if (hop.at === 'gateway' && hop.type === 'static') used.add(key(hop.table, hop.to));
  for (const [segment, { routes, blackholes }] of Object.entries(spec.segments)) {
    for (const [index, { to, vpc }] of routes.entries())
      if (!used.has(key(segment, to)))
        yield { reason: 'unused-gateway-route', path: ['segments', segment, 'routes', index], segment, to, vpc };
    // A blackhole that drops nothing today is a guard, and no mistake.
    const fixed = new Set([...routes.map(({ to }) => to), ...blackholes].map((to) => prefixes.indexOf(cidr(to))));
    for (const [index, to] of blackholes.entries()) {
      const own = prefixes.indexOf(cidr(to));
      const matches = prefixes.blocks.some((_, leaf) => {
        let around = leaf;
        while (around >= 0 && !fixed.has(around)) around = prefixes.parentOf(around);
        return around === own && prefixes.ownSize(leaf) > 0;
      });
      if (!matches) yield { reason: 'unused-blackhole', path: ['segments', segment, 'blackholes', index], segment, to };
    }
  }
}

/** A route of a tier; the tier where it is a route that the file does not write, as a VPC's own block. */
function routePath(spec: NetworkSpec, vpc: string, tier: string, to: string): Path {
  const index = ownOf(ownOf(spec.vpcs, vpc)?.routes ?? {}, tier)?.indexOf(to) ?? -1;
  return index < 0 ? ['vpcs', vpc, 'subnets', tier] : ['vpcs', vpc, 'routes', tier, index];
}

/** Where what is missing would have to be written. */
function missingPath(spec: NetworkSpec, end: End): Path {
  switch (end.kind) {
    case 'blackhole': {
      const index = ownOf(spec.segments, end.table)?.blackholes.indexOf(end.to) ?? -1;
      return index < 0 ? ['segments', end.table] : ['segments', end.table, 'blackholes', index];
    }
    case 'no-gateway-route':
    case 'dead-gateway-route':
      return ['segments', end.table];
    case 'no-route':
    case 'dropped': {
      const tier = end.table ?? '';
      return Object.hasOwn(ownOf(spec.vpcs, end.vpc)?.routes ?? {}, tier)
        ? ['vpcs', end.vpc, 'routes', tier]
        : ['vpcs', end.vpc, 'subnets', tier];
    }
    case 'dead-route':
    case 'no-attachment':
    case 'no-association':
    case 'zone-without-attachment':
    case 'delivered':
    case 'no-way-out':
      return ['vpcs', end.vpc];
    case 'loop':
    case 'left':
    case 'cannot-tell':
      return [];
    default:
      return end satisfies never;
  }
}
