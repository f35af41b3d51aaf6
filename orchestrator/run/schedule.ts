import { dependencyOrder } from '../graph/graph.ts';

/** One stack to work on, and what has to be worked on before it. */
interface Vertex {
  readonly name: string;
  readonly after: readonly string[];
  /** What it is taken to need; 1 where absent. */
  readonly seconds?: number;
}

/** Seconds from the beginning of each vertex to the end of the longest chain that begins with it; of what waits in a circle nothing is said. */
function chains(vertices: readonly Vertex[]): ReadonlyMap<string, number> {
  const order = dependencyOrder(vertices.map(({ name, after }) => ({ name, upstreams: after })));
  const byName = new Map(vertices.map((vertex) => [vertex.name, vertex]));
  const chain = new Map<string, number>();
  const longestAfter = new Map<string, number>();
  for (const name of order.ok ? [...order.names].reverse() : []) {
    const { seconds = 1, after = [] } = byName.get(name) ?? {};
    const own = seconds + (longestAfter.get(name) ?? 0);
    chain.set(name, own);
    for (const before of after) longestAfter.set(before, Math.max(longestAfter.get(before) ?? 0, own));
  }
  return chain;
}

/**
 * Works on every vertex once, each when all that it comes after have ended, at most `parallel` at a time; of those that are ready first the one on the
 * longest chain, and of equals in the order given. `act` gets the results so far and decides itself what a failed predecessor means. It must not throw.
 * @returns results by name, in the order in which they ended
 */
export async function inOrder<T>(
  vertices: readonly Vertex[],
  parallel: number,
  act: (name: string, ended: ReadonlyMap<string, T>) => Promise<T>,
): Promise<Map<string, T>> {
  const names = new Set(vertices.map(({ name }) => name));
  const ended = new Map<string, T>();
  const chain = chains(vertices);
  const waiting = [...vertices].sort((a, b) => (chain.get(b.name) ?? 0) - (chain.get(a.name) ?? 0));
  const running = new Set<Promise<void>>();
  const ready = (vertex: Vertex): boolean => vertex.after.every((name) => !names.has(name) || ended.has(name));
  while (waiting.length > 0 || running.size > 0) {
    for (let index = 0; index < waiting.length && running.size < parallel;) {
      const vertex = waiting[index];
      if (!vertex || !ready(vertex)) {
        index += 1;
        continue;
      }
      waiting.splice(index, 1);
      const work: Promise<void> = act(vertex.name, ended).then((result) => {
        ended.set(vertex.name, result);
        running.delete(work);
      });
      running.add(work);
    }
    if (running.size === 0) {
      const left = vertices.filter((vertex) => waiting.includes(vertex)).map(({ name }) => name);
      throw new Error(`nothing can start: ${left.join(', ')} wait for one another`);
    }
    await Promise.race(running);
  }
  return ended;
}
