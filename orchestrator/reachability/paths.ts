import { isSameBlock } from '../domain/cidr.ts';
import { placesOf } from './places.ts';
import type { Places } from './places.ts';
import type { Topology } from './topology.ts';
import { Walk } from './walk.ts';
import type { End, Way } from './walk.ts';

/** Whether a place has a path to another one. */
export type Reach = 'yes' | 'no' | 'cannot-tell';

/** By which VPC, or attachment of something else, the outside is reached; undefined where it is not. */
export type Exit = { readonly by: string } | 'cannot-tell' | undefined;

/** Those addresses of a subnet that are of one class. A station is such. */
export interface Addresses {
  readonly vpc: string;
  readonly subnet: string;
  readonly to: number;
}

/** A pair of places, forth and back. */
export interface Pair {
  readonly forth: Way;
  readonly back: Way;
  readonly ways: 'both' | 'forth' | 'back' | 'none' | 'cannot-tell';
}

/** Where packets of each class end that leave a subnet: what all stations of one row have in common. */
export type Row = readonly End[];

/**
 * Who can reach whom in one topology. As AWS routes: the longest match; of one destination a static gateway route before a propagated one; a VPC's own blocks
 * before every route that is not more specific; what comes in by an attachment by the table of its subnet in that zone.
 */
export class Paths {
  readonly topology: Topology;
  readonly places: Places;
  readonly #walk: Walk;
  readonly #other: Paths | undefined;
  /** VPCs of which another one has addresses too. */
  readonly #overlapping: ReadonlySet<string>;
  readonly #rows = new Map<string, Row>();

  /** @param other over the same places, of a topology that has most in common with this one: what both have is not looked at again */
  constructor(topology: Topology, places: Places = placesOf([topology]), other?: Paths) {
    this.topology = topology;
    this.places = places;
    this.#other = other;
    this.#walk = new Walk(topology, places.prefixes, other && other.#walk);
    this.#overlapping = overlappingVpcs(topology);
  }

  /** Steps over the gateway that were walked so far: each is walked once. */
  get steps(): number {
    return this.#walk.steps;
  }

  /** The way of a packet of a class from any subnet of the topology. */
  wayFrom(vpc: string, subnet: string, to: number): Way {
    return this.#walk.from(vpc, subnet, to);
  }

  /** The way from one station to another; undefined where the topology does not have both. Where VPCs overlap, it may be delivered to another one. */
  between(from: number, to: number): Way | undefined {
    const [station, target] = [this.places.stations[from], this.places.stations[to]];
    if (station === undefined || target === undefined || !this.has(from) || !this.has(to)) return undefined;
    return this.#walk.from(station.vpc, station.subnet, target.to);
  }

  /** Two subnets of the topology, of each the addresses of a class, forth and back. */
  pair(from: Addresses, to: Addresses): Pair {
    const [forth, back] = [this.wayFrom(from.vpc, from.subnet, to.to), this.wayFrom(to.vpc, to.subnet, from.to)];
    const [there, home] = [reachOf(forth.end, to.vpc), reachOf(back.end, from.vpc)];
    if (there === 'cannot-tell' || home === 'cannot-tell') return { forth, back, ways: 'cannot-tell' };
    if (there === 'yes') return { forth, back, ways: home === 'yes' ? 'both' : 'forth' };
    return { forth, back, ways: home === 'yes' ? 'back' : 'none' };
  }

  /** Every way that leaves a subnet: of subnets that send alike only the first one's. */
  *ways(): Iterable<{ readonly to: number; readonly way: Way }> {
    const { prefixes } = this.places;
    const classes = [...prefixes.blocks.keys()].filter((to) => prefixes.ownSize(to) > 0);
    /** By what subnets send alike: the classes that none of them has shown yet, as they were all its own. */
    const pending = new Map<string, readonly number[]>();
    for (const [name, vpc] of this.topology.vpcs)
      for (const subnet of vpc.subnets.keys()) {
        const shape = this.#shapeOf(name, subnet);
        const left: number[] = [];
        for (const to of pending.get(shape) ?? classes) {
          const way = this.#walk.from(name, subnet, to);
          if (way.end.kind === 'delivered' && way.end.vpc === name) left.push(to);
          else yield { to, way };
        }
        pending.set(shape, left);
      }
  }

  /** Whether the topology has the subnet of a station. */
  has(index: number): boolean {
    const station = this.places.stations[index];
    return station !== undefined && isSameBlock(this.topology.vpcs.get(station.vpc)?.subnets.get(station.subnet)?.block, station.block);
  }

  /**
   * The ends of what a station sends, by class; undefined where the topology does not have it. The same object for stations that send alike. Of the classes
   * in the station's own VPC it says what would be if they were elsewhere.
   */
  row(from: number): Row | undefined {
    const station = this.places.stations[from];
    if (station === undefined || !this.has(from)) return undefined;
    const { vpc, subnet } = station;
    const shape = this.#shapeOf(vpc, subnet);
    const known = this.#rows.get(shape);
    if (known) return known;
    const row = this.#isAlone(vpc, subnet)
      ? this.#walk.endsBeyond(vpc, subnet)
      : this.places.prefixes.blocks.map((_, to) => this.#walk.from(vpc, subnet, to).end);
    const before = this.#other && this.#other.#rows.get(shape);
    const kept = before?.every((end, to) => end === row[to]) === true ? before : row;
    this.#rows.set(shape, kept);
    return kept;
  }

  /** Text that is the same for subnets that send alike to all classes outside their own VPCs. */
  #shapeOf(vpc: string, subnet: string): string {
    return this.#isAlone(vpc, subnet) ? this.#walk.shapeOf(vpc, subnet) : `${vpc}\n${subnet}`;
  }

  /** What is in its own blocks does not leave the VPC, whoever else has these addresses; and a way out of its own is not that of another VPC. */
  #isAlone(vpc: string, subnet: string): boolean {
    return !this.#overlapping.has(vpc) && !this.#walk.leavesBy(vpc, subnet);
  }
}

export function reachOf(end: End | undefined, vpc: string | undefined): Reach {
  if (end?.kind === 'delivered') return end.vpc === vpc ? 'yes' : 'no';
  return end?.kind === 'cannot-tell' ? 'cannot-tell' : 'no';
}

export function exitOf(end: End | undefined): Exit {
  switch (end?.kind) {
    case 'no-way-out':
      return { by: end.vpc };
    case 'left':
      return { by: end.vpc ?? end.target };
    case 'cannot-tell':
      return 'cannot-tell';
    default:
      return undefined;
  }
}

/** Sorted by first address, so that 500 VPCs are one pass. */
function overlappingVpcs({ vpcs }: Topology): ReadonlySet<string> {
  const blocks = [...vpcs]
    .flatMap(([vpc, { blocks: own }]) => own.map((block) => ({ vpc, block })))
    .sort((a, b) => a.block.first - b.block.first);
  const found = new Set<string>();
  let widest: (typeof blocks)[number] | undefined;
  for (const current of blocks) {
    if (widest && current.block.first <= widest.block.last && current.vpc !== widest.vpc) found.add(current.vpc).add(widest.vpc);
    if (!widest || current.block.last > widest.block.last) widest = current;
  }
  return found;
}
