import { groupsOf, placesOfStations } from './grouping.ts';
import type { Group, Kind, Place } from './grouping.ts';
import { exitOf, reachOf } from './paths.ts';
import type { Exit, Paths, Reach, Row } from './paths.ts';

/** Paths, as people say them. Exact: every pair is in a group, and the groups have no other pairs. */
export interface PathSet {
  /** Between subnets of two VPCs. */
  readonly pairs: readonly Group[];
  /** To addresses that no VPC has. */
  readonly outside: readonly OutsideGroup[];
}

export interface OutsideGroup {
  readonly from: readonly Place[];
  /** Destinations, each without those of its addresses that a narrower one, or a VPC, has. */
  readonly to: readonly string[];
  /** The VPC, or the attachment of something else; undefined where one cannot tell. */
  readonly by: string | undefined;
}

export const isEmpty = ({ pairs, outside }: PathSet): boolean => pairs.length + outside.length === 0;

/** `absent`: one of the two places is not there. */
export type PairReach = Reach | 'absent';

/** `absent`: the place is not there. */
export type PlaceExit = Exit | 'absent';

/** How pairs of places, and their ways outside, are sorted by what they are in each of several topologies. */
export interface Rules<Sort extends string> {
  readonly sorts: readonly Sort[];
  /** Always of as many versions. */
  readonly pair: (reach: readonly PairReach[]) => Sort | undefined;
  readonly exit: (exits: readonly PlaceExit[]) => readonly (readonly [sort: Sort, by: string | undefined])[];
}

/** Stations that send alike in every version. */
interface Senders {
  readonly rows: readonly (Row | undefined)[];
  readonly stations: number[];
  readonly vpcs: Set<string>;
}

/** Stations that are reached alike: their addresses are of one class and one VPC. */
interface Receivers {
  readonly vpc: string;
  readonly to: number;
  /** By version. */
  readonly isThere: readonly boolean[];
  readonly stations: number[];
}

const nothing = 255;

const reaches: readonly PairReach[] = ['no', 'yes', 'cannot-tell', 'absent'];
const base = reaches.length;

const knownSorts = new WeakMap<object, Uint8Array>();

/** The sort of each combination of `reaches`, read as digits of a number: it is the same for every survey by these rules. */
function sortsOf<Sort extends string>(rules: Rules<Sort>, versions: number): Uint8Array {
  const known = knownSorts.get(rules);
  if (known) return known;
  const sorts = Uint8Array.from({ length: base ** versions }, (_, code) => {
    const sort = rules.pair(Array.from({ length: versions }, (__, version) => reaches[Math.floor(code / base ** version) % base] ?? 'no'));
    return sort === undefined ? nothing : rules.sorts.indexOf(sort);
  });
  knownSorts.set(rules, sorts);
  return sorts;
}

/**
 * All pairs of the places of several topologies, sorted. Stations that send alike, and those that are reached alike, are looked at once: so it costs what the
 * network has of different tables, and not what it has of subnets.
 */
export class Survey<Sort extends string> {
  readonly #paths: readonly Paths[];
  readonly #rules: Rules<Sort>;
  readonly #sorts: Uint8Array;
  readonly #senders: readonly Senders[];
  readonly #receivers: readonly Receivers[];

  /** @param versions over the same places */
  constructor(versions: readonly Paths[], rules: Rules<Sort>) {
    this.#paths = versions;
    this.#rules = rules;
    this.#sorts = sortsOf(rules, versions.length);
    const numbers = new Map<Row, number>();
    const senders = new Map<string, Senders>();
    const receivers = new Map<string, Receivers>();
    for (const [index, { vpc, to }] of this.#stations.entries()) {
      const rows = versions.map((paths) => paths.row(index));
      const key = rows.map((row) => (row === undefined ? '-' : numberOf(numbers, row))).join(' ');
      const own = senders.get(key) ?? { rows, stations: [], vpcs: new Set<string>() };
      own.stations.push(index);
      own.vpcs.add(vpc);
      senders.set(key, own);
      const isThere = rows.map((row) => row !== undefined);
      const target = `${vpc}\n${to}\n${isThere.join()}`;
      const reached = receivers.get(target) ?? { vpc, to, isThere, stations: [] };
      reached.stations.push(index);
      receivers.set(target, reached);
    }
    this.#senders = [...senders.values()];
    this.#receivers = [...receivers.values()];
  }

  /** Whether no pair and no way outside is of any sort. */
  get isEmpty(): boolean {
    const { outsides } = this.#paths[0]?.places ?? { outsides: [] };
    // A row that all versions share holds for its receivers too: what leads into a VPC that has changed was walked again, and is another row.
    const isAlike = reaches.every((_, digit) => this.#sorts[digit * ((this.#sorts.length - 1) / (base - 1))] === nothing);
    return this.#senders.every(
      (senders) =>
        (isAlike && senders.rows.every((row) => row === senders.rows[0])) ||
        (this.#receivers.every(
          (receivers) => this.#sortOf(senders, receivers) === nothing || (senders.vpcs.size === 1 && senders.vpcs.has(receivers.vpc)),
        ) &&
          outsides.every(({ to }) => this.#exitsOf(senders, to).length === 0)),
    );
  }

  sets(): Record<Sort, PathSet> {
    const table = this.#senders.map((senders) => Uint8Array.from(this.#receivers, (receivers) => this.#sortOf(senders, receivers)));
    const sender = new Map(this.#senders.flatMap(({ stations }, row) => stations.map((station) => [station, row] as const)));
    const receiver = new Map(this.#receivers.flatMap(({ stations }, column) => stations.map((station) => [station, column] as const)));
    // Rows and columns that are the same throughout make one kind.
    const rows = sameAs(table.map((row) => row.join(' ')));
    const columns = sameAs(this.#receivers.map((_, column) => table.map((row) => row[column]).join(' ')));
    const kinds = new Map<string, { row: number; column: number; stations: number[]; vpcs: Set<string> }>();
    for (const [index, { vpc }] of this.#stations.entries()) {
      const [row, column] = [rows[sender.get(index) ?? 0] ?? 0, columns[receiver.get(index) ?? 0] ?? 0];
      const kind = kinds.get(`${row} ${column}`) ?? { row, column, stations: [], vpcs: new Set<string>() };
      kind.stations.push(index);
      kind.vpcs.add(vpc);
      kinds.set(`${row} ${column}`, kind);
    }
    const all = [...kinds.values()];
    const listed = all.map(({ stations, vpcs }): Kind => ({ stations, vpc: vpcs.size === 1 ? [...vpcs][0] : undefined }));
    const outside = this.#outside();
    const sets = this.#rules.sorts.map((sort, code) => {
      const isRelated = (from: number, to: number): boolean => table[all[from]?.row ?? 0]?.[all[to]?.column ?? 0] === code;
      return [sort, { pairs: groupsOf(this.#stations, listed, isRelated), outside: outside.get(sort) ?? [] }] as const;
    });
    return Object.fromEntries(sets) as unknown as Record<Sort, PathSet>;
  }

  get #stations() {
    return this.#paths[0]?.places.stations ?? [];
  }

  #sortOf({ rows }: Senders, { vpc, to, isThere }: Receivers): number {
    let [code, digit] = [0, 1];
    for (const [version, row] of rows.entries()) {
      const reach = isThere[version] === true && row !== undefined ? reachOf(row[to], vpc) : 'absent';
      code += digit * reaches.indexOf(reach);
      digit *= base;
    }
    return this.#sorts[code] ?? nothing;
  }

  #exitsOf({ rows }: Senders, to: number): readonly (readonly [Sort, string | undefined])[] {
    return this.#rules.exit(rows.map((row) => (row === undefined ? 'absent' : exitOf(row[to]))));
  }

  #outside(): ReadonlyMap<Sort, readonly OutsideGroup[]> {
    const { outsides } = this.#paths[0]?.places ?? { outsides: [] };
    /** By sort, exit and destination: who sends there. */
    const leaving = new Map<
      string,
      { readonly sort: Sort; readonly by: string | undefined; readonly to: string; readonly senders: number[] }
    >();
    for (const { block, to } of outsides)
      for (const [index, senders] of this.#senders.entries())
        for (const [sort, by] of this.#exitsOf(senders, to)) {
          const key = JSON.stringify([sort, by, to]);
          const entry = leaving.get(key) ?? { sort, by, to: block.text, senders: [] };
          entry.senders.push(index);
          leaving.set(key, entry);
        }
    const groups = new Map<
      string,
      { readonly sort: Sort; readonly by: string | undefined; readonly to: string[]; readonly senders: number[] }
    >();
    for (const { sort, by, to, senders } of leaving.values()) {
      const key = JSON.stringify([sort, by, senders]);
      const group = groups.get(key) ?? { sort, by, to: [], senders };
      group.to.push(to);
      groups.set(key, group);
    }
    const found = new Map<Sort, OutsideGroup[]>();
    for (const { sort, by, to, senders } of groups.values()) {
      const from = placesOfStations(this.#stations, new Set(senders.flatMap((index) => this.#senders[index]?.stations ?? [])));
      found.set(sort, [...(found.get(sort) ?? []), { from, to, by }]);
    }
    return found;
  }
}

function numberOf<T>(numbers: Map<T, number>, value: T): number {
  const number = numbers.get(value) ?? numbers.size;
  numbers.set(value, number);
  return number;
}

/** For each text the index of its first equal. */
function sameAs(texts: readonly string[]): readonly number[] {
  const first = new Map<string, number>();
  return texts.map((text, index) => {
    const same = first.get(text) ?? index;
    first.set(text, same);
    return same;
  });
}
