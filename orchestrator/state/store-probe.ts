import { z } from 'zod';
import { timeForm } from '../domain/forms.ts';
import { schemaVersion } from './layout.ts';
import { parseJson } from './read-json.ts';

/** Whether a store keeps to the conditions of writes: everything that excludes two runs from one another rests on it. */
export interface StoreProbe {
  /** A put on condition that there is nothing was refused where there was something. */
  readonly putIfAbsent: boolean;
  /** A put on condition of another version was refused. */
  readonly putIfMatches: boolean;
  /** A delete on condition of another version was refused. */
  readonly deleteIfMatches: boolean;
}

const probeSchema = z.object({
  schema: z.number().max(schemaVersion),
  putIfAbsent: z.boolean(),
  putIfMatches: z.boolean(),
  deleteIfMatches: z.boolean(),
  at: timeForm,
});

export function writeProbe(probe: StoreProbe, now: number): string {
  return JSON.stringify({ schema: schemaVersion, ...probe, at: new Date(now).toISOString() });
}

/** Undefined where it is none, or a newer one: then the store counts as not tried. */
export function readProbe(body: string): StoreProbe | undefined {
  return probeSchema.safeParse(parseJson(body)).data;
}

/** What the store was seen to ignore, for people. */
export function ignoredConditions({ putIfAbsent, putIfMatches, deleteIfMatches }: StoreProbe): string[] {
  return [
    ...(putIfAbsent ? [] : ['If-None-Match on put']),
    ...(putIfMatches ? [] : ['If-Match on put']),
    ...(deleteIfMatches ? [] : ['If-Match on delete']),
  ];
}
