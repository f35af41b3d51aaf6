import { blockKey } from '../domain/cidr.ts';
import type { Cidr } from '../domain/cidr.ts';
import { Prefixes } from './prefixes.ts';
import type { Topology, Vpc } from './topology.ts';

/** Addresses of one subnet that every route table treats alike. Most subnets are one station. */
export interface Station {
  /** The gateway table that its VPC is associated with; undefined where it is with none. */
  readonly segment: string | undefined;
  readonly vpc: string;
  readonly subnet: string;
  readonly tier: string;
  readonly zone: string;
  readonly block: Cidr;
  /** Class of its addresses. */
  readonly to: number;
  /** The destination that cuts these addresses out of the block; undefined for the addresses that none cuts out. */
  readonly part: Cidr | undefined;
}

/** Addresses that routes name and no VPC has: those of the destination that are in no narrower one. */
export interface Outside {
  readonly block: Cidr;
  readonly to: number;
}

/** The ends that paths have, of one topology or of several that are to be compared: so that the same index is the same place in each. */
export interface Places {
  readonly prefixes: Prefixes;
  /** By segment, VPC, tier, zone and block. */
  readonly stations: readonly Station[];
  readonly outsides: readonly Outside[];
  /** Keys of all subnets of the topologies. */
  readonly subnets: ReadonlySet<string>;
}

const subnetKey = (vpc: string, subnet: string, block: Cidr): string => `${vpc}\n${subnet}\n${blockKey(block)}`;

/**
 * Subnets that only carry the attachment are no places: no host is expected there. That is a subnet of the attachment in a VPC with others, from which no
 * route leads to the gateway.
 * @param ends where these topologies are moments of a change, those before and after it: they say in which subnets there are hosts, and what is outside
 */
export function placesOf(topologies: readonly Topology[], ends: readonly Topology[] = topologies): Places {
  const prefixes = new Prefixes(topologies.flatMap(destinationsOf));
  const stations: Station[] = [];
  const subnets = new Set<string>();
  const names = new Set(topologies.flatMap(({ vpcs }) => [...vpcs.keys()]));
  for (const vpc of names) {
    const versions = topologies.flatMap((topology) => topology.vpcs.get(vpc) ?? []);
    const atEnds = ends.flatMap((topology) => topology.vpcs.get(vpc) ?? []);
    const segment = segmentOf(atEnds) ?? segmentOf(versions);
    const isTransit = (subnet: string): boolean => {
      const own = [atEnds, versions].map((all) => all.filter((version) => version.subnets.has(subnet))).find((all) => all.length > 0) ?? [];
      return own.some((version) => carries(version, subnet)) && own.every((version) => !sendsToGateway(version, subnet));
    };
    for (const version of new Set(versions))
      for (const [subnet, { tier, zone, block }] of version.subnets) {
        const key = subnetKey(vpc, subnet, block);
        if (subnets.has(key)) continue;
        subnets.add(key);
        if (isTransit(subnet)) continue;
        for (const to of prefixes.within(block)) {
          const cut = to < 0 ? undefined : prefixes.at(to);
          const part = cut !== undefined && cut.prefixLength > block.prefixLength ? cut : undefined;
          stations.push({ segment, vpc, subnet, tier, zone, block, to, part });
        }
      }
  }
  const isInside = prefixes.inside(ends.flatMap(({ vpcs }) => [...vpcs.values()].flatMap(({ blocks }) => blocks)));
  const outsides = prefixes.blocks.flatMap((block, to) => (isInside[to] === false && prefixes.ownSize(to) > 0 ? [{ block, to }] : []));
  return { prefixes, stations: stations.sort(inOrder), outsides, subnets };
}

/** Every destination that a table of the topology has. */
function destinationsOf({ vpcs, gatewayTables }: Topology): Cidr[] {
  return [
    ...[...vpcs.values()].flatMap((vpc) => [
      ...vpc.blocks,
      ...[...vpc.tables.values()].flatMap(({ routes }) => routes.map(({ to }) => to)),
    ]),
    ...[...gatewayTables.values()].flatMap(({ routes }) => routes.map(({ to }) => to)),
  ];
}

/** Whether these are places enough for another topology: it has no destination and no subnet of which they do not know. */
export function cover(places: Places, topology: Topology, known: WeakSet<object>): boolean {
  for (const [name, vpc] of topology.vpcs) {
    if (known.has(vpc)) continue;
    for (const block of vpc.blocks) if (!places.prefixes.has(block)) return false;
    for (const { routes } of vpc.tables.values()) for (const { to } of routes) if (!places.prefixes.has(to)) return false;
    for (const [subnet, { block }] of vpc.subnets) if (!places.subnets.has(subnetKey(name, subnet, block))) return false;
    known.add(vpc);
  }
  for (const table of topology.gatewayTables.values()) {
    if (known.has(table)) continue;
    for (const { to } of table.routes) if (!places.prefixes.has(to)) return false;
    known.add(table);
  }
  return true;
}

/** The last one that it was in: what a VPC moves to is what it is called by. */
function segmentOf(versions: readonly Vpc[]): string | undefined {
  for (const { attachment } of versions.toReversed()) if (attachment?.association.kind === 'table') return attachment.association.table;
  return undefined;
}

/** Whether a subnet is one of the attachment's in a VPC that has others. */
function carries({ attachment, subnets }: Vpc, name: string): boolean {
  const carriers = new Set(attachment?.subnets.values());
  return carriers.has(name) && [...subnets.keys()].some((subnet) => !carriers.has(subnet));
}

function sendsToGateway({ subnets, tables }: Vpc, name: string): boolean {
  const subnet = subnets.get(name);
  const table = subnet?.table === undefined ? undefined : tables.get(subnet.table);
  return table?.unread === true || (table?.routes ?? []).some(({ target }) => target.kind === 'gateway');
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** What is in no segment comes last. */
function inOrder(a: Station, b: Station): number {
  if (a.segment !== b.segment) return a.segment === undefined ? 1 : b.segment === undefined ? -1 : compareTexts(a.segment, b.segment);
  return (
    compareTexts(a.vpc, b.vpc) ||
    compareTexts(a.tier, b.tier) ||
    compareTexts(a.zone, b.zone) ||
    compareTexts(a.subnet, b.subnet) ||
    a.block.first - b.block.first ||
    a.block.prefixLength - b.block.prefixLength ||
    a.to - b.to
  );
}
