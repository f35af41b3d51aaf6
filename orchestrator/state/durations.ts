import { z } from 'zod';
import type { ObjectStore } from './object-store.ts';
import { historyPrefix } from './layout.ts';
import { parseJson } from './read-json.ts';

const updateSchema = z.looseObject({ kind: z.string(), result: z.string(), startTime: z.number(), endTime: z.number() });

/** Updates of one stack that are looked at for one that succeeded. */
const lookedAt = 5;

/**
 * How long the last successful update of each stack took, in seconds, from the history that Pulumi's backend itself keeps.
 * @see https://github.com/pulumi/pulumi pkg/backend/diy: `.pulumi/history/<project>/<stack>/<stack>-<nanoseconds>.history.json`, times in seconds
 */
export async function lastDurations(store: ObjectStore, network: string): Promise<Map<string, number>> {
  const keys = new Map<string, string[]>();
  for (const { key } of await store.list(historyPrefix(network))) {
    const stack = /\/([^/]+)\/[^/]+\.history\.json$/.exec(key)?.[1];
    if (stack !== undefined) keys.set(stack, [...(keys.get(stack) ?? []), key]);
  }
  const durations = new Map<string, number>();
  await Promise.all(
    [...keys].map(async ([stack, ofStack]) => {
      // Keys end in the time, so the last in key order is the newest. An update that failed took no time that says anything.
      for (const key of ofStack.reverse().slice(0, lookedAt)) {
        const stored = await store.get(key);
        const parsed = updateSchema.safeParse(stored === undefined ? undefined : parseJson(stored.body));
        if (!parsed.success || parsed.data.result !== 'succeeded' || parsed.data.kind !== 'update') continue;
        durations.set(stack, Math.max(1, parsed.data.endTime - parsed.data.startTime));
        return;
      }
    }),
  );
  return durations;
}

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
