/** One stack to work on, and what has to be worked on before it. */
interface Vertex {
  readonly name: string;
  readonly after: readonly string[];
}

/**
 * Works on every vertex once, each when all that it comes after have ended, at most `parallel` at a time, in the order given among those
 * that are ready. `act` gets the results so far and decides itself what a failed predecessor means. It must not throw.
 * @returns results by name, in the order in which they ended
 */
export async function inOrder<T>(
  vertices: readonly Vertex[],
  parallel: number,
  act: (name: string, ended: ReadonlyMap<string, T>) => Promise<T>,
): Promise<Map<string, T>> {
  const names = new Set(vertices.map(({ name }) => name));
  const ended = new Map<string, T>();
  const waiting = [...vertices];
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
    if (running.size === 0) throw new Error(`nothing can start: ${waiting.map(({ name }) => name).join(', ')} wait for one another`);
    await Promise.race(running);
  }
  return ended;
}
