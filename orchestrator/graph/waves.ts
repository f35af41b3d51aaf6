import type { StackNode } from './graph.ts';

/** What one job of a CI deploys: stacks that do not read from one another. */
export interface Job {
  /** For people, and unique in its wave. */
  readonly job: string;
  /** Short names. */
  readonly stacks: readonly string[];
}

type Vertex = Pick<StackNode, 'name' | 'short' | 'upstreams'>;

/**
 * The stacks in waves: each comes in the first wave in which all that it reads has gone before it. What is not among the vertices does not count.
 * @param vertices in dependency order
 */
export function wavesOf<V extends Vertex>(vertices: readonly V[]): V[][] {
  const waveOf = new Map<string, number>();
  const waves: V[][] = [];
  for (const vertex of vertices) {
    const wave = Math.max(0, ...vertex.upstreams.map((upstream) => (waveOf.get(upstream) ?? -1) + 1));
    waveOf.set(vertex.name, wave);
    (waves[wave] ??= []).push(vertex);
  }
  return waves;
}

/** A wave as at most so many jobs, whose sizes differ by one at most. */
export function jobsOf(wave: readonly Vertex[], atMost: number): Job[] {
  const count = Math.min(wave.length, atMost);
  return Array.from({ length: count }, (_, index) => {
    const stacks = wave
      .slice(Math.ceil((index * wave.length) / count), Math.ceil(((index + 1) * wave.length) / count))
      .map(({ short }) => short);
    return { job: stacks.length === 1 ? (stacks[0] ?? '') : `${stacks[0] ?? ''} and ${stacks.length - 1} more`, stacks };
  });
}
