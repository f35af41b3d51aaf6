import { z } from 'zod';
import { schemaVersion } from './layout.ts';

/** An object of Holdfast's own, or why it cannot be used. */
export type ReadObject<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

/** Reads an object that carries Holdfast's schema number; what a newer Holdfast wrote is refused before anything else of it is looked at. */
export function readObject<T>(body: string, schema: z.ZodType<T>): ReadObject<T> {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { ok: false, why: 'it is not JSON' };
  }
  const version = z.looseObject({ schema: z.number() }).safeParse(json);
  if (version.success && version.data.schema > schemaVersion)
    return { ok: false, why: `it was written by a newer Holdfast (schema ${version.data.schema}, this one knows ${schemaVersion})` };
  const parsed = schema.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  return { ok: false, why: `it is not what Holdfast wrote (${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong shape'})` };
}
