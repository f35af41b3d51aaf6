/** What a stack is taken to need before it was ever deployed. */
export const firstGuessSeconds = 120;

interface Vertex {
  readonly name: string;
  readonly upstreams: readonly string[];
}

/** Seconds of the longest chain of stacks, each after what it reads. `order` has upstreams first. */
export function criticalPathSeconds(order: readonly Vertex[], durations: ReadonlyMap<string, number>): number {
  const end = new Map<string, number>();
  for (const { name, upstreams } of order)
    end.set(name, (durations.get(name) ?? firstGuessSeconds) + Math.max(0, ...upstreams.map((upstream) => end.get(upstream) ?? 0)));
  return Math.max(0, ...end.values());
}
