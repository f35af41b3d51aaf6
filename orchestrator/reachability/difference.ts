import { Paths } from './paths.ts';
import type { Exit } from './paths.ts';
import { cover, placesOf } from './places.ts';
import type { Places } from './places.ts';
import { Survey } from './survey.ts';
import type { PairReach, PathSet, PlaceExit, Rules } from './survey.ts';
import type { Topology } from './topology.ts';

export interface Difference {
  readonly appear: PathSet;
  readonly go: PathSet;
  readonly stay: PathSet;
  /** Of which it cannot be told whether they are there, before or after. */
  readonly unknown: PathSet;
}

/** What an edit changes. An address that a VPC has in one of the two counts as that VPC's, and never as outside. */
export function difference(before: Topology, after: Topology): Difference {
  const places = placesOf([before, after]);
  return new Survey(bothEnds(before, after, places), changes).sets();
}

function bothEnds(before: Topology, after: Topology, places: Places): readonly [Paths, Paths] {
  const paths = new Paths(before, places);
  return [paths, new Paths(after, places, paths)];
}

const changes: Rules<keyof Difference> = {
  sorts: ['appear', 'go', 'stay', 'unknown'],
  pair: ([was, is]) => {
    if (was === 'cannot-tell' || is === 'cannot-tell') return 'unknown';
    if (was === 'yes') return is === 'yes' ? 'stay' : 'go';
    return is === 'yes' ? 'appear' : undefined;
  },
  exit: (exits) => {
    const [was, is] = exits.map(present);
    if (was === 'cannot-tell' || is === 'cannot-tell') return [['unknown', undefined]];
    if (was?.by === is?.by) return was === undefined ? [] : [['stay', was.by]];
    return [...(was === undefined ? [] : [['go', was.by] as const]), ...(is === undefined ? [] : [['appear', is.by] as const])];
  },
};

/** All paths of a topology: by ones that are there and ones of which it cannot be told. */
export const allPaths = (paths: Paths): Record<'there' | 'unknown', PathSet> => new Survey([paths], all).sets();

/** What is not there has no way out. */
const present = (exit: PlaceExit): Exit => (exit === 'absent' ? undefined : exit);

const all: Rules<'there' | 'unknown'> = {
  sorts: ['there', 'unknown'],
  pair: ([is]) => (is === 'yes' ? 'there' : is === 'cannot-tell' ? 'unknown' : undefined),
  exit: ([is]) => (is === undefined || is === 'absent' ? [] : is === 'cannot-tell' ? [['unknown', undefined]] : [['there', is.by]]),
};

/** What is not as it should be at one moment of a change: promise 11 of the design. */
export interface Disturbance {
  /** Paths of before and after that are not there. */
  readonly interrupted: PathSet;
  /** Paths that are there, and neither before nor after. */
  readonly opened: PathSet;
  /** Of which it cannot be told whether they are interrupted, or opened. */
  readonly unknown: PathSet;
}

/** What begins to be disturbed from one moment of a change to the next one, and what is over with it. */
export type Turn = Disturbance & { readonly over: PathSet };

/** Holds moments of a change against what is before and after it. Quick to ask again and again, as a search for an order of steps does. */
export class Watch {
  readonly #before: Topology;
  readonly #after: Topology;
  #places: Places;
  #ends: readonly [Paths, Paths];
  /** Of the moment that was looked at last: the next turn begins with it. */
  #last: { readonly topology: Topology; readonly paths: Paths } | undefined;
  /** Moments with destinations that were new. */
  readonly #cuts: Topology[] = [];
  #known = new WeakSet();

  constructor(before: Topology, after: Topology) {
    this.#before = before;
    this.#after = after;
    this.#places = placesOf([before, after]);
    this.#ends = bothEnds(before, after, this.#places);
  }

  at(moment: Topology): Disturbance {
    return this.#survey(moment).sets();
  }

  /** Whether nothing is disturbed at a moment, and nothing unknown; cheaper than to name it. */
  isQuiet(moment: Topology): boolean {
    return this.#survey(moment).isEmpty;
  }

  /** @returns undefined where nothing begins or ceases to be disturbed, which is cheaper than to name it */
  turn(from: Topology, to: Topology): Turn | undefined {
    this.#cover(from);
    this.#cover(to);
    const survey = new Survey([...this.#ends, this.#pathsOf(from), this.#pathsOf(to)], turns);
    return survey.isEmpty ? undefined : survey.sets();
  }

  #survey(moment: Topology): Survey<keyof Disturbance> {
    this.#cover(moment);
    return new Survey([...this.#ends, this.#pathsOf(moment)], disturbance);
  }

  #cover(moment: Topology): void {
    if (cover(this.#places, moment, this.#known)) return;
    this.#cuts.push(moment);
    this.#places = placesOf([this.#before, ...this.#cuts, this.#after], [this.#before, this.#after]);
    this.#known = new WeakSet();
    this.#ends = bothEnds(this.#before, this.#after, this.#places);
    this.#last = undefined;
  }

  #pathsOf(moment: Topology): Paths {
    if (moment === this.#before) return this.#ends[0];
    const paths = this.#last?.topology === moment ? this.#last.paths : new Paths(moment, this.#places, this.#ends[0]);
    this.#last = { topology: moment, paths };
    return paths;
  }
}

/**
 * What is disturbed while a change is carried out.
 * @param moments one topology for each, the first before the change and the last after it
 * @returns the moments at which something is disturbed, by their index
 */
export function disturbances(moments: readonly Topology[]): (Disturbance & { readonly moment: number })[] {
  const [before, after] = [moments[0], moments.at(-1)];
  if (before === undefined || after === undefined) return [];
  const watch = new Watch(before, after);
  return moments.flatMap((topology, moment) => {
    if (moment === 0 || moment === moments.length - 1 || watch.isQuiet(topology)) return [];
    return [{ moment, ...watch.at(topology) }];
  });
}

const disturbance: Rules<keyof Disturbance> = {
  sorts: ['interrupted', 'opened', 'unknown'],
  pair: disturbedPair,
  exit: disturbedExit,
};

/** What is made has no hosts yet, and what is taken away has none any more: nothing is opened to it, nor from it. */
function disturbedPair([was, will, is]: readonly PairReach[]): keyof Disturbance | undefined {
  if (was === 'cannot-tell' || will === 'cannot-tell' || was === 'absent' || will === 'absent') return undefined;
  if ((was === 'yes') !== (will === 'yes')) return undefined;
  if (is === 'cannot-tell') return 'unknown';
  if (was === 'yes') return is === 'yes' ? undefined : 'interrupted';
  return is === 'yes' ? 'opened' : undefined;
}

function disturbedExit(exits: readonly PlaceExit[]): [keyof Disturbance, string | undefined][] {
  if (exits[0] === 'absent' || exits[1] === 'absent') return [];
  const [was, will, is] = exits.map(present);
  if (was === 'cannot-tell' || will === 'cannot-tell') return [];
  if (is === 'cannot-tell') return (was === undefined) === (will === undefined) ? [['unknown', undefined]] : [];
  if (is === undefined) return was !== undefined && will !== undefined ? [['interrupted', was.by]] : [];
  return is.by === was?.by || is.by === will?.by ? [] : [['opened', is.by]];
}

/** Versions: before and after the change, and the two moments. */
const turns: Rules<keyof Turn> = {
  sorts: ['interrupted', 'opened', 'unknown', 'over'],
  pair: (reach) => {
    const [then, now] = [disturbedPair(atFirst(reach)), disturbedPair(atLast(reach))];
    return then === now ? undefined : (now ?? 'over');
  },
  exit: (exits) => {
    const [then, now] = [disturbedExit(atFirst(exits)), disturbedExit(atLast(exits))];
    const without = (these: typeof now, those: typeof now) =>
      these.filter(([sort, by]) => !those.some((other) => other[0] === sort && other[1] === by));
    return [...without(now, then), ...without(then, now).map(([, by]) => ['over', by] as const)];
  },
};

const atFirst = <T>(versions: readonly T[]): readonly T[] => versions.slice(0, 3);
const atLast = <T>(versions: readonly T[]): readonly T[] => [...versions.slice(0, 2), ...versions.slice(3)];
