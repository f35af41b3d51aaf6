import { isSameBlock } from '../domain/cidr.ts';
import type { Cidr } from '../domain/cidr.ts';
import type { Station } from './places.ts';

/** Stations as people say them. Without tiers or zones: all of them. */
export type Place =
  | { readonly kind: 'segment'; readonly segment: string; readonly tiers?: readonly string[]; readonly zones?: readonly string[] }
  | { readonly kind: 'vpc'; readonly vpc: string; readonly tiers?: readonly string[]; readonly zones?: readonly string[] }
  | {
      readonly kind: 'addresses';
      readonly vpc: string;
      readonly tier: string;
      readonly zone: string;
      readonly subnet: string;
      readonly block: Cidr;
      /** The longer route that cuts these addresses out of the block; undefined for the rest of the block. */
      readonly part: Cidr | undefined;
    };

/** All pairs of a station of `from` and a station, of another VPC, of `to`. `both`: and back. */
export interface Group {
  readonly from: readonly Place[];
  readonly to: readonly Place[];
  readonly ways: 'both' | 'one';
}

/** Whether a station is of a place. */
export function isOf(place: Place, station: Station): boolean {
  switch (place.kind) {
    case 'segment':
    case 'vpc': {
      const isWithin = place.kind === 'vpc' ? station.vpc === place.vpc : station.segment === place.segment;
      return isWithin && (place.tiers?.includes(station.tier) ?? true) && (place.zones?.includes(station.zone) ?? true);
    }
    case 'addresses':
      return (
        station.vpc === place.vpc &&
        station.subnet === place.subnet &&
        isSameBlock(station.block, place.block) &&
        isSameBlock(station.part, place.part)
      );
    default:
      return place satisfies never;
  }
}

/** Exactly these stations, as few places as people would name. @param chosen indexes into the stations, which come by segment and VPC */
export function placesOfStations(stations: readonly Station[], chosen: ReadonlySet<number>): Place[] {
  const found: Place[] = [];
  for (const segment of runs(stations.entries(), ([, one]) => one.segment ?? `\n${one.vpc}`)) {
    const inSegment = segment.filter(([index]) => chosen.has(index));
    if (inSegment.length === 0) continue;
    const name = segment[0]?.[1].segment;
    const vpcs = runs(segment, ([, one]) => one.vpc);
    const whole = name === undefined || vpcs.length === 1 ? undefined : narrowed(segment, inSegment);
    if (name !== undefined && whole) found.push({ kind: 'segment', segment: name, ...whole });
    else
      for (const vpc of vpcs)
        found.push(
          ...placesInVpc(
            vpc,
            vpc.filter(([index]) => chosen.has(index)),
          ),
        );
  }
  return found;
}

type Listed = readonly [index: number, station: Station];

function placesInVpc(all: readonly Listed[], chosen: readonly Listed[]): Place[] {
  const vpc = chosen[0]?.[1].vpc;
  if (vpc === undefined) return [];
  const whole = narrowed(all, chosen);
  if (whole) return [{ kind: 'vpc', vpc, ...whole }];
  return runs(chosen, ([, one]) => one.tier).flatMap((ofTier): Place[] => {
    const tier = ofTier[0]?.[1].tier ?? '';
    const allOfTier = all.filter(([, one]) => one.tier === tier);
    const inTier = narrowed(allOfTier, ofTier);
    if (inTier) return [{ kind: 'vpc', vpc, tiers: [tier], ...(inTier.zones && { zones: inTier.zones }) }];
    return runs(ofTier, ([, one]) => one.zone).flatMap((ofZone): Place[] => {
      const zone = ofZone[0]?.[1].zone ?? '';
      if (ofZone.length === allOfTier.filter(([, one]) => one.zone === zone).length)
        return [{ kind: 'vpc', vpc, tiers: [tier], zones: [zone] }];
      return ofZone.map(([, { subnet, block, part }]) => ({ kind: 'addresses', vpc, tier, zone, subnet, block, part }));
    });
  });
}

/** The tiers and zones that single out the chosen ones; undefined where none do. */
function narrowed(
  all: readonly Listed[],
  chosen: readonly Listed[],
): { readonly tiers?: readonly string[]; readonly zones?: readonly string[] } | undefined {
  const of = (list: readonly Listed[], name: 'tier' | 'zone') => [...new Set(list.map(([, one]) => one[name]))].sort();
  const [tiers, zones] = [of(chosen, 'tier'), of(chosen, 'zone')];
  const matching = all.filter(([, { tier, zone }]) => tiers.includes(tier) && zones.includes(zone));
  if (matching.length !== chosen.length) return undefined;
  return {
    ...(tiers.length < of(all, 'tier').length ? { tiers } : {}),
    ...(zones.length < of(all, 'zone').length ? { zones } : {}),
  };
}

/** Neighbours of the same key. */
function runs<T>(all: Iterable<T>, keyOf: (one: T) => string): T[][] {
  const found: T[][] = [];
  let last: string | undefined;
  for (const one of all) {
    const key = keyOf(one);
    if (key === last) found.at(-1)?.push(one);
    else found.push([one]);
    last = key;
  }
  return found;
}

/** Stations that are paired with the same ones: whole kinds are in a relation, or are not. */
export interface Kind {
  readonly stations: readonly number[];
  /** The VPC of all of them; undefined where there are several. */
  readonly vpc: string | undefined;
}

/**
 * The pairs of a relation, as few groups as people would say. Exact: the groups have every pair of it, and no other. Pairs within one VPC are none.
 * @param isRelated by index of the kinds
 */
export function groupsOf(stations: readonly Station[], kinds: readonly Kind[], isRelated: (from: number, to: number) => boolean): Group[] {
  const isPair = (from: number, to: number): boolean =>
    isRelated(from, to) && (kinds[from]?.vpc === undefined || kinds[from].vpc !== kinds[to]?.vpc);
  const rows = kinds.map((_, from) => kinds.map((__, to) => isPair(from, to)));
  const isBoth = (from: number, to: number): boolean => rows[from]?.[to] === true && rows[to]?.[from] === true;
  const placesOf = (chosen: readonly number[]): Place[] =>
    placesOfStations(stations, new Set(chosen.flatMap((kind) => kinds[kind]?.stations ?? [])));

  // Kinds that have the same partners are one side of a group. Partners forth and back are said once, from the first of the two.
  const mutual = alike(kinds.map((_, from) => kinds.flatMap((__, to) => (isBoth(from, to) ? [to] : []))));
  const sideOf = new Map(mutual.flatMap(({ members }, side) => members.map((kind) => [kind, side] as const)));
  const both = mutual.flatMap(({ members, partners }, side): Group[] => {
    const later = partners.filter((kind) => (sideOf.get(kind) ?? 0) >= side);
    return later.length === 0 ? [] : [{ from: placesOf(members), to: placesOf(later), ways: 'both' }];
  });
  const oneWay = alike(kinds.map((_, from) => kinds.flatMap((__, to) => (rows[from]?.[to] === true && !isBoth(from, to) ? [to] : []))));
  return [...both, ...oneWay.map(({ members, partners }): Group => ({ from: placesOf(members), to: placesOf(partners), ways: 'one' }))];
}

/** Indexes of the same partners, with them; without those that have none. */
function alike(partners: readonly (readonly number[])[]): { readonly members: number[]; readonly partners: readonly number[] }[] {
  const found = new Map<string, { readonly members: number[]; readonly partners: readonly number[] }>();
  for (const [index, own] of partners.entries()) {
    if (own.length === 0) continue;
    const key = own.join(' ');
    const side = found.get(key) ?? { members: [], partners: own };
    side.members.push(index);
    found.set(key, side);
  }
  return [...found.values()];
}
