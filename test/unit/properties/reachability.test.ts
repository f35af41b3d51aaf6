import { describe, expect, it } from 'vitest';
import type { Cidr } from '../../../orchestrator/domain/cidr.ts';
import { allPaths, difference, disturbances, Watch } from '../../../orchestrator/reachability/difference.ts';
import { isOf } from '../../../orchestrator/reachability/grouping.ts';
import { exitOf, Paths, reachOf } from '../../../orchestrator/reachability/paths.ts';
import { placesOf } from '../../../orchestrator/reachability/places.ts';
import type { Places } from '../../../orchestrator/reachability/places.ts';
import { isEmpty } from '../../../orchestrator/reachability/survey.ts';
import type { PathSet } from '../../../orchestrator/reachability/survey.ts';
import { applied } from '../../../orchestrator/reachability/topology.ts';
import type { Topology, Vpc } from '../../../orchestrator/reachability/topology.ts';
import { isDropped } from '../../../orchestrator/reachability/walk.ts';
import type { End } from '../../../orchestrator/reachability/walk.ts';
import { fc, times } from '../support/property.ts';
import { addresses, anyChange, anyTopology } from '../support/topologies.ts';

/**
 * One packet, one address, one table after the other: no classes, no memory, nothing shared. All ends that it may have, as text; several where AWS picks
 * a zone.
 */
function endsOfPacket(topology: Topology, vpcName: string, subnetName: string, address: number): Set<string> {
  const covers = (block: Cidr): boolean => block.first <= address && address <= block.last;
  const longest = <R extends { readonly to: Cidr }>(routes: readonly R[]): R | undefined =>
    routes.filter(({ to }) => covers(to)).reduce<R | undefined>((a, b) => (a && a.to.prefixLength >= b.to.prefixLength ? a : b), undefined);
  const isInside = [...topology.vpcs.values()].some(({ blocks }) => blocks.some(covers));

  const inSubnet = (name: string, vpc: Vpc, subnet: string): { ends?: string; next?: 'gateway' } => {
    const tableName = vpc.subnets.get(subnet)?.table;
    const table = tableName === undefined ? undefined : vpc.tables.get(tableName);
    if (table?.unread) return { ends: 'cannot-tell' };
    const local = vpc.blocks.find(covers);
    const route = longest(table?.routes ?? []);
    if (local && (!route || route.to.prefixLength <= local.prefixLength)) return { ends: `delivered ${name}` };
    if (!route) return { ends: 'no-route' };
    if (route.target.kind === 'blackhole') return { ends: 'dead-route' };
    return route.target.kind === 'other' ? { ends: `left ${name}` } : { next: 'gateway' };
  };

  const atGateway = (tableName: string, zone: string, before: readonly string[]): Set<string> => {
    const here = `${tableName} ${zone}`;
    if (before.includes(here)) return new Set(['loop']);
    const table = topology.gatewayTables.get(tableName);
    if (table?.unread) return new Set(['cannot-tell']);
    const learned = [...(table?.propagations ?? [])].flatMap((name) => {
      const vpc = topology.vpcs.get(name);
      return vpc?.attachment ? vpc.blocks.map((to) => ({ to, attachment: name })) : [];
    });
    const [fixed, propagated] = [longest(table?.routes ?? []), longest(learned)];
    const isStatic = fixed !== undefined && fixed.to.prefixLength >= (propagated?.to.prefixLength ?? -1);
    const route = isStatic ? fixed : propagated;
    if (!route) return new Set(['no-gateway-route']);
    if (route.attachment === undefined) return new Set(['blackhole']);
    const isDisputed = learned.some(
      ({ to, attachment }) => attachment !== route.attachment && to.first <= route.to.last && route.to.first <= to.last,
    );
    if (!isStatic && isDisputed) return new Set(['cannot-tell']);
    const { attachment: name } = route;
    const vpc = topology.vpcs.get(name);
    if (!vpc) return new Set([`left ${name}`]);
    if (!vpc.attachment) return new Set(['dead-gateway-route']);
    const { subnets, association, applianceMode } = vpc.attachment;
    const ends = new Set<string>();
    for (const [arrival, subnet] of subnets) {
      if (subnets.has(zone) && !applianceMode && arrival !== zone) continue;
      const { ends: end, next } = inSubnet(name, vpc, subnet);
      if (end === 'no-route') ends.add(isInside ? 'dropped' : `no-way-out ${name}`);
      else if (end !== undefined) ends.add(end);
      else if (next && association.kind === 'table')
        for (const further of atGateway(association.table, arrival, [...before, here])) ends.add(further);
      else ends.add(association.kind === 'none' ? 'no-association' : 'cannot-tell');
    }
    return ends;
  };

  const vpc = topology.vpcs.get(vpcName);
  if (!vpc) throw new Error(vpcName);
  const { ends, next } = inSubnet(vpcName, vpc, subnetName);
  if (ends !== undefined || next === undefined) return new Set([ends ?? '']);
  if (!vpc.attachment) return new Set(['no-attachment']);
  const zone = vpc.subnets.get(subnetName)?.zone ?? '';
  if (!vpc.attachment.subnets.has(zone)) return new Set(['zone-without-attachment']);
  const { association } = vpc.attachment;
  if (association.kind !== 'table') return new Set([association.kind === 'none' ? 'no-association' : 'cannot-tell']);
  return atGateway(association.table, zone, []);
}

/** Of several ends, what can be said: that it gets nowhere, or nothing. */
function verdictOf(ends: ReadonlySet<string>): string {
  const [only] = ends;
  if (ends.size === 1 && only !== undefined) return only;
  return [...ends].some((end) => /^(delivered|left|no-way-out|cannot-tell)/.test(end)) ? 'cannot-tell' : 'nowhere';
}

function textOf(end: End): string {
  if (end.kind === 'delivered' || end.kind === 'no-way-out') return `${end.kind} ${end.vpc}`;
  return end.kind === 'left' ? `left ${end.vpc ?? end.target}` : end.kind;
}

const classOf = ({ prefixes }: Places, address: number): number => prefixes.around({ first: address, last: address });

describe('the way of a packet', () => {
  it('ends as a walk from table to table says, for every address, from every subnet', () => {
    fc.assert(
      fc.property(anyTopology, (topology) => {
        const paths = new Paths(topology);
        const wrong: string[] = [];
        for (const [name, vpc] of topology.vpcs)
          for (const subnet of vpc.subnets.keys())
            for (const address of addresses) {
              const { end } = paths.wayFrom(name, subnet, classOf(paths.places, address));
              const verdict = verdictOf(endsOfPacket(topology, name, subnet, address));
              const isSame = verdict === 'nowhere' ? isDropped(end) : textOf(end) === verdict;
              if (!isSame) wrong.push(`${name} ${subnet} ${address}: ${textOf(end)}, and not ${verdict}`);
            }
        expect(wrong).toEqual([]);
      }),
    );
  });

  it('is the same where what another topology has walked is used again', () => {
    fc.assert(
      fc.property(anyTopology, fc.array(anyChange, { minLength: 1, maxLength: 3 }), (before, changes) => {
        const after = changes.reduce(applied, before);
        const places = placesOf([before, after]);
        const first = new Paths(before, places);
        allPaths(first);
        const [again, fresh] = [new Paths(after, places, first), new Paths(after, places)];
        for (const [name, vpc] of after.vpcs)
          for (const subnet of vpc.subnets.keys())
            for (const to of places.prefixes.blocks.keys())
              expect(again.wayFrom(name, subnet, to)).toEqual(fresh.wayFrom(name, subnet, to));
      }),
    );
  });

  it('has every hop in a table that is there, and ends where its last hop leads', () => {
    fc.assert(
      fc.property(anyTopology, (topology) => {
        const paths = new Paths(topology);
        for (const [name, vpc] of topology.vpcs)
          for (const subnet of vpc.subnets.keys())
            for (const to of paths.places.prefixes.blocks.keys()) {
              const { hops, end } = paths.wayFrom(name, subnet, to);
              const last = hops.at(-1);
              if (end.kind === 'delivered') expect(last).toMatchObject({ at: 'vpc', vpc: end.vpc, target: 'local' });
              for (const [index, hop] of hops.entries()) expect(hop.at).toBe(index % 2 === 0 ? 'vpc' : 'gateway');
            }
      }),
      times(0.5),
    );
  });
});

describe('the stations of a topology', () => {
  it('have every address of every subnet in which there may be a host, each once, and none is empty', () => {
    fc.assert(
      fc.property(anyTopology, (topology) => {
        const { stations, prefixes, outsides } = placesOf([topology]);
        for (const station of stations) expect(prefixes.ownSize(station.to)).toBeGreaterThan(0);
        for (const [name, vpc] of topology.vpcs)
          for (const [subnet, { block }] of vpc.subnets) {
            const own = stations.filter((station) => station.vpc === name && station.subnet === subnet);
            if (own.length === 0) continue;
            const seen = new Set<number>();
            for (let address = block.first; address <= block.last; address += 1) {
              const to = prefixes.around({ first: address, last: address });
              expect(own.filter((station) => station.to === to)).toHaveLength(1);
              seen.add(to);
            }
            expect(seen.size).toBe(own.length);
          }
        for (const { to } of outsides) {
          const address = prefixes.addressOf(to) ?? -1;
          expect(prefixes.around({ first: address, last: address })).toBe(to);
          for (const { blocks } of topology.vpcs.values())
            expect(blocks.some(({ first, last }) => first <= address && address <= last)).toBe(false);
        }
      }),
    );
  });
});

/** All that a set of groups says: pairs of stations, and stations with what is outside. */
function expanded({ stations, outsides }: Places, { pairs, outside }: PathSet): Set<string> {
  const said = new Set<string>();
  const of = (places: PathSet['outside'][number]['from']): number[] =>
    [...stations.entries()].flatMap(([index, station]) => (places.some((place) => isOf(place, station)) ? [index] : []));
  for (const { from, to, ways } of pairs)
    for (const a of of(from))
      for (const b of of(to)) {
        if (stations[a]?.vpc === stations[b]?.vpc) continue;
        said.add(`${a} ${b}`);
        if (ways === 'both') said.add(`${b} ${a}`);
      }
  for (const { from, to, by } of outside)
    for (const a of of(from))
      for (const text of to) said.add(`${a} ${outsides.findIndex(({ block }) => block.text === text)} by ${by ?? '?'}`);
  return said;
}

/** The same by a look at each pair. */
function pairByPair(paths: Paths, code: 'yes' | 'cannot-tell'): Set<string> {
  const { stations, outsides } = paths.places;
  const said = new Set<string>();
  for (const [from, { vpc, subnet }] of stations.entries()) {
    if (!paths.has(from)) continue;
    for (const [to, target] of stations.entries())
      if (target.vpc !== vpc && reachOf(paths.between(from, to)?.end, target.vpc) === code) said.add(`${from} ${to}`);
    for (const [to, outside] of outsides.entries()) {
      const exit = exitOf(paths.wayFrom(vpc, subnet, outside.to).end);
      if (exit === 'cannot-tell') {
        if (code === 'cannot-tell') said.add(`${from} ${to} by ?`);
      } else if (exit && code === 'yes') said.add(`${from} ${to} by ${exit.by}`);
    }
  }
  return said;
}

const sorted = (set: ReadonlySet<string>): string[] => [...set].sort();
const minus = (a: ReadonlySet<string>, ...others: ReadonlySet<string>[]) =>
  new Set([...a].filter((one) => !others.some((other) => other.has(one))));

describe('paths that are grouped', () => {
  it('are exactly the pairs that have a path, and those of which one cannot tell', () => {
    fc.assert(
      fc.property(anyTopology, (topology) => {
        const paths = new Paths(topology);
        const { there, unknown } = allPaths(paths);
        expect(sorted(expanded(paths.places, there))).toEqual(sorted(pairByPair(paths, 'yes')));
        expect(sorted(expanded(paths.places, unknown))).toEqual(sorted(pairByPair(paths, 'cannot-tell')));
      }),
    );
  });
});

describe('the difference of two topologies', () => {
  it('is nothing but what stays where they are equal', () => {
    fc.assert(
      fc.property(anyTopology, (topology) => {
        const { appear, go, stay, unknown } = difference(topology, topology);
        expect([isEmpty(appear), isEmpty(go)]).toEqual([true, true]);
        expect({ there: stay, unknown }).toEqual(allPaths(new Paths(topology)));
      }),
    );
  });

  it('has each path that is in one of them, and whether it appears, goes or stays', () => {
    fc.assert(
      fc.property(anyTopology, fc.array(anyChange, { minLength: 1, maxLength: 3 }), (before, changes) => {
        const after = changes.reduce(applied, before);
        const places = placesOf([before, after]);
        const [was, is] = [before, after].map((topology) => pairByPair(new Paths(topology, places), 'yes')) as [Set<string>, Set<string>];
        const doubts = [before, after].map((topology) => pairByPair(new Paths(topology, places), 'cannot-tell'));
        const ends = (set: ReadonlySet<string>) => new Set([...set].map((one) => one.replace(/ by .*/, ' by ?')));
        const doubtful = new Set(doubts.flatMap((set) => [...set]));
        const sure = (set: ReadonlySet<string>) =>
          new Set([...set].filter((one) => ![...ends(new Set([one]))].some((end) => doubtful.has(end))));
        const { appear, go, stay, unknown } = difference(before, after);
        expect(sorted(expanded(places, appear))).toEqual(sorted(sure(minus(is, was))));
        expect(sorted(expanded(places, go))).toEqual(sorted(sure(minus(was, is))));
        expect(sorted(expanded(places, stay))).toEqual(sorted(sure(minus(was, minus(was, is)))));
        expect(sorted(expanded(places, unknown))).toEqual(sorted(doubtful));
      }),
    );
  });
});

describe('the moments of a change', () => {
  it('are disturbed exactly by what is not as before and after', () => {
    fc.assert(
      fc.property(anyTopology, fc.array(anyChange, { minLength: 2, maxLength: 4 }), fc.boolean(), (before, changes, isRoundTrip) => {
        const moments = [before];
        for (const change of changes) moments.push(applied(moments.at(-1) ?? before, change));
        if (isRoundTrip) moments.push(before);
        const after = moments.at(-1) ?? before;
        const found = disturbances(moments);
        const watch = new Watch(before, after);
        const finest = placesOf(moments, [before, after]);
        for (const [index, topology] of moments.entries()) {
          const places = placesOf([before, topology, after], [before, after]);
          const [was, is, will] = [before, topology, after].map((one) => new Paths(one, places)) as [Paths, Paths, Paths];
          const pairs = (paths: Paths, code: 'yes' | 'cannot-tell') =>
            new Set([...pairByPair(paths, code)].filter((one) => !one.includes(' by ')));
          const maybe = new Set([...pairs(was, 'cannot-tell'), ...pairs(will, 'cannot-tell')]);
          const [a, b, now, doubt] = [pairs(was, 'yes'), pairs(will, 'yes'), pairs(is, 'yes'), pairs(is, 'cannot-tell')];
          const always = minus(a, minus(a, b), maybe);
          // What is made has no hosts yet, and what is taken away has none any more.
          const hasHosts = (pair: string): boolean => pair.split(' ').every((place) => was.has(Number(place)) && will.has(Number(place)));
          const open = new Set([...minus(now, a, b, maybe)].filter(hasHosts));
          const disturbance = watch.at(topology);
          const onlyPairs = (set: PathSet): PathSet => ({ ...set, outside: [] });
          // The watch knows all destinations that it met, which may be more; so both are said by subnet and address.
          const said = (set: PathSet) => sorted(addressesOfPairs(finest, expanded(finest, onlyPairs(set))));
          const wanted = (set: ReadonlySet<string>) => sorted(addressesOfPairs(places, set));
          expect(said(disturbance.interrupted)).toEqual(wanted(minus(always, now, doubt)));
          expect(said(disturbance.opened)).toEqual(wanted(open));
          expect(watch.isQuiet(topology)).toBe([disturbance.interrupted, disturbance.opened, disturbance.unknown].every(isEmpty));
          const isTold = found.some(({ moment }) => moment === index);
          expect(isTold).toBe(index > 0 && index < moments.length - 1 && !watch.isQuiet(topology));
        }
      }),
      times(0.3),
    );
  });
});

/** Pairs of places as pairs of subnet and first address, which do not depend on how finely the places are cut. */
function addressesOfPairs(places: Places, pairs: ReadonlySet<string>): Set<string> {
  const said = new Set<string>();
  const all = (index: number): string[] => {
    const station = places.stations[index];
    if (station === undefined) return [];
    const own: string[] = [];
    for (let address = station.block.first; address <= station.block.last; address += 1)
      if (classOf(places, address) === station.to) own.push(`${station.vpc} ${station.subnet} ${address}`);
    return own;
  };
  for (const pair of pairs) {
    const [from, to] = pair.split(' ').map(Number) as [number, number];
    for (const a of all(from)) for (const b of all(to)) said.add(`${a} ${b}`);
  }
  return said;
}
