import { Paths } from './paths.ts';
import { placesOf } from './places.ts';
import type { Topology } from './topology.ts';
import type { End, Hop } from './walk.ts';

/** A circle in which packets go round until their time to live is over. */
export interface Loop {
  /** Destinations whose addresses go round; of each those that are in no narrower one. */
  readonly to: readonly string[];
  /** Each hop once. It begins at the table of the least name, so that the same circle is always told alike. */
  readonly cycle: readonly Hop[];
}

export const loopsOf = (paths: Paths): Loop[] => merged(circlesOf(paths));

/** The loops that a change brings: of a circle that was there before, those destinations that went another way. */
export function addedLoops(before: Topology, after: Topology): Loop[] {
  const places = placesOf([before, after]);
  const first = new Paths(before, places);
  const had = circlesOf(first);
  return merged(new Map([...circlesOf(new Paths(after, places, first))].filter(([key]) => !had.has(key))));
}

interface Circle {
  readonly key: string;
  readonly to: number;
  readonly name: string;
  readonly cycle: readonly Hop[];
}

/** By circle and class. */
function circlesOf(paths: Paths): Map<string, Circle> {
  const found = new Map<string, Circle>();
  const { prefixes } = paths.places;
  for (const { to, way } of paths.ways())
    for (const cycle of cyclesIn(way.end)) {
      const turned = fromLeast(cycle);
      const key = turned.map(placeOf).join(' ');
      found.set(`${key} ${to}`, { key, to, name: prefixes.at(to).text, cycle: turned });
    }
  return found;
}

function cyclesIn(end: End): (readonly Hop[])[] {
  if (end.kind === 'loop') return [end.cycle];
  return end.kind === 'cannot-tell' && end.why.reason === 'zone' ? end.why.ends.flatMap(cyclesIn) : [];
}

/** The same circle is told alike wherever a packet came into it. In which zone it goes round is no difference. */
function fromLeast(cycle: readonly Hop[]): readonly Hop[] {
  const starts = cycle.flatMap((hop, index) => (hop.at === 'gateway' ? [{ index, name: placeOf(hop) }] : []));
  const least = starts.reduce((a, b) => (b.name < a.name ? b : a), starts[0] ?? { index: 0, name: '' });
  return [...cycle.slice(least.index), ...cycle.slice(0, least.index)];
}

const placeOf = (hop: Hop): string =>
  hop.at === 'gateway' ? `${hop.table} ${hop.to} ${hop.attachment}` : `${hop.vpc} ${hop.table ?? ''} ${hop.to}`;

function merged(circles: ReadonlyMap<string, Circle>): Loop[] {
  const loops = new Map<string, { readonly to: Circle[]; readonly cycle: readonly Hop[] }>();
  for (const circle of circles.values()) {
    const loop = loops.get(circle.key) ?? { to: [], cycle: circle.cycle };
    loop.to.push(circle);
    loops.set(circle.key, loop);
  }
  return [...loops.values()].map(({ to, cycle }) => ({ to: to.sort((a, b) => a.to - b.to).map(({ name }) => name), cycle }));
}
