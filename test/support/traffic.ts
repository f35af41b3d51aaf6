import type { LabMoment } from '../../lab/control.ts';
import { cidr, overlaps } from '../../orchestrator/domain/cidr.ts';
import type { Cidr } from '../../orchestrator/domain/cidr.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';
import { difference, Watch } from '../../orchestrator/reachability/difference.ts';
import { topologyOfInventory } from '../../orchestrator/reachability/from-inventory.ts';
import { topologyOf } from '../../orchestrator/reachability/from-network.ts';
import { isOf } from '../../orchestrator/reachability/grouping.ts';
import { pathTexts } from '../../orchestrator/reachability/json.ts';
import type { PathTexts, PlaceText } from '../../orchestrator/reachability/json.ts';
import { placesOf } from '../../orchestrator/reachability/places.ts';
import type { Station } from '../../orchestrator/reachability/places.ts';
import type { Subnet, Topology, Vpc } from '../../orchestrator/reachability/topology.ts';
import type { Effects } from '../../orchestrator/run/effects.ts';

/** A topology in which VPCs and subnets are told by their blocks: versions of one name are not taken for one another. */
export type ToVersions = (topology: Topology) => Topology;

export interface Watched {
  /** The first one from before the change. */
  readonly moments: readonly LabMoment[];
  /** What the network file makes. */
  readonly wanted: NetworkSpec;
  /** What the plans of the change have said of it. */
  readonly named: readonly Named[];
  /** Whether it was cut short on its way: then not all that a plan named need have been. */
  readonly cutShort: boolean;
}

export type Named = Pick<Effects, 'interrupted' | 'opened'>;

/** Promise 11 of the design, over what AWS had after each call of a change. */
export interface Traffic {
  /** What was not as promised, each as a sentence. */
  readonly faults: readonly string[];
  /** The number of calls after which AWS was looked at. */
  readonly checkedAt: number;
}

/** The plans in what a command told with `--json`. */
export const namedIn = (events: readonly Readonly<Record<string, unknown>>[]): readonly Named[] =>
  events.flatMap(({ type, plan }) => (type === 'plan' ? ((plan as { readonly effects?: Named }).effects ?? []) : []));

const disturbed = ['interrupted', 'opened'] as const;

/**
 * Paths of before and after that were not there at a moment, and paths that were there and are of neither, but for those that a plan named; what a plan named
 * that never was; and what cannot be told.
 */
export function trafficOf({ moments, wanted, named, cutShort }: Watched): Traffic {
  const [first, ...rest] = moments;
  if (first?.looked.ok !== true) return { faults: ['AWS was not looked at before the change'], checkedAt: 0 };
  const versions = new Versions(topologyOfInventory(first.looked.value), topologyOf(wanted));
  const { before, after } = versions;
  const watch = new Watch(before, after);
  const faults: string[] = [];
  const seen = { interrupted: [] as Path[], opened: [] as Path[], unknown: [] as Path[] };
  const passed: Topology[] = [];
  let checkedAt = 0;
  const stationsNow = (): readonly Station[] => placesOf([before, ...passed, after], [before, after]).stations;
  for (const { seq, action, looked } of rest) {
    const when = `after call ${seq} (${action ?? '?'})`;
    if (!looked.ok) {
      faults.push(`${when} AWS could not be looked at: ${looked.code}`);
      continue;
    }
    const now = versions.of(topologyOfInventory(looked.value));
    passed.push(now);
    if (action !== null) checkedAt += 1;
    if (watch.isQuiet(now)) continue;
    const stations = stationsNow();
    const at = watch.at(now);
    for (const how of [...disturbed, 'unknown'] as const)
      for (const path of pathsOf(pathTexts(at[how]), stations, versions, 'exact')) {
        if (isAmong(path, seen[how])) continue;
        seen[how].push(path);
        const isNamed = how !== 'unknown' && isAmong(path, namedPaths(named, how, stations, versions));
        if (!isNamed) faults.push(`${when} ${textOf(path)} ${words[how]}`);
      }
  }
  if (!cutShort)
    for (const how of disturbed)
      for (const path of namedPaths(named, how, stationsNow(), versions))
        if (!isAmong(path, seen[how])) faults.push(`${textOf(path)} ${words[how]} by the plan, and was not at any call`);
  const last = passed.at(-1) ?? before;
  const left = difference(last, after);
  const atEnd = placesOf([last, after]).stations;
  for (const [set, what] of [
    [left.appear, 'is not there'],
    [left.go, 'is there, and not by the file'],
    [left.unknown, 'cannot be told'],
  ] as const)
    for (const path of pathsOf(pathTexts(set), atEnd, versions, 'exact')) faults.push(`after the last call ${textOf(path)} ${what}`);
  return { faults, checkedAt };
}

/** @returns what AWS had before the change and after each of its calls, and how another topology of it is told in the same terms */
export function recordedTopologies(
  moments: readonly LabMoment[],
  wanted: NetworkSpec,
): { readonly recorded: readonly Topology[]; readonly toVersions: ToVersions } {
  const found = moments.map(({ seq, looked }) => {
    if (!looked.ok) throw new Error(`AWS could not be looked at after call ${seq}: ${looked.code}`);
    return topologyOfInventory(looked.value);
  });
  const [first] = found;
  if (first === undefined) throw new Error('AWS was not looked at before the change');
  const versions = new Versions(first, topologyOf(wanted));
  const toVersions: ToVersions = (topology) => versions.of(topology);
  return { recorded: found.map(toVersions), toVersions };
}

const words = { interrupted: 'is interrupted', opened: 'is open', unknown: 'cannot be told' } as const;

/** From a subnet, which is told by VPC, tier and zone, to another one; or to addresses of no VPC, and by what. */
interface Path {
  readonly from: string;
  readonly to: string;
  readonly block?: Cidr;
}

const textOf = ({ from, to, block }: Path): string => `${from} -> ${block === undefined ? '' : `${block.text} by `}${to}`;

/** Of addresses outside a part will do: a bridge cuts them in two. */
const isAmong = ({ from, to, block }: Path, paths: readonly Path[]): boolean =>
  paths.some(
    (other) =>
      other.from === from &&
      other.to === to &&
      (block === undefined || other.block === undefined ? block === other.block : overlaps(block, other.block)),
  );

const namedPaths = (plans: readonly Named[], how: keyof Named, stations: readonly Station[], versions: Versions): readonly Path[] =>
  plans.flatMap((plan) => plan[how].flatMap(({ paths }) => pathsOf(paths, stations, versions, 'by-name')));

/** Each path of a set once. @param match whether places say which version of a VPC they mean, or name it as the file does */
function pathsOf(
  { pairs, outside }: PathTexts,
  stations: readonly Station[],
  versions: Versions,
  match: 'exact' | 'by-name',
): readonly Path[] {
  const found = new Map<string, Path>();
  const add = (path: Path): void => void found.set(textOf(path), path);
  const among = (places: readonly PlaceText[]): readonly Station[] =>
    stations.filter((station) =>
      places.some((place) => isIn(place, match === 'exact' ? station : { ...station, vpc: versions.nameOf(station.vpc) })),
    );
  const labelOf = ({ vpc, tier, zone, part }: Station): string =>
    `${versions.nameOf(vpc)}.${tier}.${zone}${part === undefined ? '' : ` (${part.text})`}`;
  for (const { from, to, ways } of pairs) {
    const [senders, receivers] = [among(from), among(to)];
    for (const sender of senders)
      for (const receiver of receivers) {
        // A VPC that is replaced is no other one than its successor.
        if (versions.nameOf(sender.vpc) === versions.nameOf(receiver.vpc)) continue;
        add({ from: labelOf(sender), to: labelOf(receiver) });
        if (ways === 'both') add({ from: labelOf(receiver), to: labelOf(sender) });
      }
  }
  for (const { from, to, by } of outside)
    for (const sender of among(from))
      for (const block of to) add({ from: labelOf(sender), to: by === null ? '?' : versions.nameOf(by), block: cidr(block) });
  return [...found.values()];
}

function isIn(place: PlaceText, station: Station): boolean {
  if (place.kind !== 'addresses') return isOf(place, station);
  const { vpc, tier, zone, block, part } = station;
  return (
    place.vpc === vpc && place.tier === tier && place.zone === zone && place.block === block.text && place.part === (part?.text ?? null)
  );
}

/**
 * Topologies in which a VPC is told by its name and its block, and a subnet by its block: while one is replaced AWS has two of one name, and an inventory
 * names one of them by its id.
 */
class Versions {
  readonly before: Topology;
  readonly after: Topology;
  /** Names of VPCs by version. */
  readonly #names = new Map<string, string>();
  readonly #firstBlocks: ReadonlyMap<string, string>;
  /** Names of VPCs by block. */
  readonly #owners = new Map<string, string>();
  /** By version of the VPC and block. */
  readonly #subnets = new Map<string, Pick<Subnet, 'tier' | 'zone'>>();

  constructor(before: Topology, after: Topology) {
    this.#firstBlocks = new Map([...before.vpcs].map(([name, vpc]) => [name, blockOf(vpc)]));
    for (const [name, vpc] of [...after.vpcs, ...before.vpcs]) {
      this.#owners.set(blockOf(vpc), name);
      for (const { tier, zone, block } of vpc.subnets.values())
        this.#subnets.set(`${this.#version(name, vpc)} ${block.text}`, { tier, zone });
    }
    this.before = this.of(before);
    this.after = this.of(after);
  }

  /** As the network file calls it. */
  nameOf(version: string): string {
    return this.#names.get(version) ?? version;
  }

  of({ vpcs, gatewayTables }: Topology): Topology {
    const versions = new Map<string, string>();
    // Of two of one block, as a lost reply makes them, the one that carries something has the name.
    const inOrder = [...vpcs].sort(([, a], [, b]) => Number(a.attachment === undefined) - Number(b.attachment === undefined));
    for (const [name, vpc] of inOrder) {
      const version = this.#version(name, vpc);
      versions.set(name, [...versions.values()].includes(version) ? `another ${version}` : version);
    }
    const versionOf = (name: string): string => versions.get(name) ?? name;
    return {
      vpcs: new Map([...vpcs].map(([name, vpc]) => [versionOf(name), this.#withBlocks(versionOf(name), vpc)])),
      gatewayTables: new Map(
        [...gatewayTables].map(([name, table]) => [
          name,
          {
            ...table,
            routes: table.routes.map(({ to, attachment }) => ({
              to,
              attachment: attachment === undefined ? undefined : versionOf(attachment),
            })),
            propagations: new Set([...table.propagations].map(versionOf)),
          },
        ]),
      ),
    };
  }

  #version(listedAs: string, vpc: Vpc): string {
    const name = this.#owners.get(blockOf(vpc)) ?? listedAs;
    const version = (this.#firstBlocks.get(name) ?? blockOf(vpc)) === blockOf(vpc) ? name : `${name} ${blockOf(vpc)}`;
    this.#names.set(version, name);
    return version;
  }

  #withBlocks(version: string, vpc: Vpc): Vpc {
    const keyOf = (subnet: string): string => vpc.subnets.get(subnet)?.block.text ?? subnet;
    return {
      ...vpc,
      subnets: new Map(
        [...vpc.subnets.values()].map((subnet) => [
          subnet.block.text,
          { ...subnet, ...this.#subnets.get(`${version} ${subnet.block.text}`) },
        ]),
      ),
      attachment: vpc.attachment && {
        ...vpc.attachment,
        subnets: new Map([...vpc.attachment.subnets].map(([zone, subnet]) => [zone, keyOf(subnet)])),
      },
    };
  }
}

const blockOf = ({ blocks }: Vpc): string => blocks[0]?.text ?? '';
