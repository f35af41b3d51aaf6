import { z } from 'zod';
import { visible } from '../domain/forms.ts';
import { schemaVersion } from './layout.ts';

/** An object of Holdfast's own, or why it cannot be used. */
export type ReadObject<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly why: string;
      /** The schema number of a newer Holdfast, where that is why. */
      readonly newer?: number;
    };

/** A record that is there and cannot be used: what it would say is not known. */
export class UnreadableRecord extends Error {
  constructor(key: string, { why }: { readonly why: string }) {
    super(`${visible(key)}: ${why}`);
    this.name = 'UnreadableRecord';
  }
}

/** Undefined where the text is not JSON: no JSON is. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads an object that carries Holdfast's schema number; what a newer Holdfast wrote is refused before anything else of it is looked at. */
export function readObject<T>(body: string, schema: z.ZodType<T>): ReadObject<T> {
  const json = parseJson(body);
  return json === undefined ? { ok: false, why: 'it is not JSON' } : readRecord(json, schema);
}

/** The same of what is parsed already. */
export function readRecord<T>(json: unknown, schema: z.ZodType<T>): ReadObject<T> {
  const version = z.looseObject({ schema: z.number() }).safeParse(json);
  if (version.success && version.data.schema > schemaVersion) {
    const newer = version.data.schema;
    return { ok: false, why: `it was written by a newer Holdfast (schema ${newer}, this one knows ${schemaVersion})`, newer };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  const [issue] = parsed.error.issues;
  // The names of fields may be anybody's, too.
  const place = visible(issue?.path.join('.') ?? '', 100);
  return { ok: false, why: `it is not what Holdfast wrote (${place}: ${visible(issue?.message ?? 'wrong shape')})` };
}
