import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { schemaVersion, verifiedKey, verifiedPrefix } from './layout.ts';
import type { ObjectStore } from './object-store.ts';
import { patiently } from './patience.ts';
import { readObject, UnreadableRecord } from './read-json.ts';

/** The version of a checkpoint at which state and AWS were last known to agree. Another current version was written behind Holdfast's back. */
export interface Verified {
  readonly stack: string;
  readonly run: string;
  readonly at: string;
  /** ETag of the checkpoint; null where the stack was destroyed. */
  readonly checkpoint: string | null;
  /** Of the record itself. */
  readonly etag: string;
}

const verifiedSchema = z.object({
  schema: z.number(),
  stack: z.string(),
  run: z.string(),
  at: z.string(),
  checkpoint: z.string().nullable(),
});

/** @throws where a record cannot be read: what was verified is then not known */
export async function readVerified(store: ObjectStore, network: string): Promise<Map<string, Verified>> {
  const objects = await store.list(verifiedPrefix(network));
  const read = await Promise.all(
    objects.map(async ({ key, etag }): Promise<Verified[]> => {
      const stored = await store.get(key);
      if (!stored) return [];
      const record = readObject(stored.body, verifiedSchema);
      if (!record.ok) throw new UnreadableRecord(key, record);
      const { stack, run, at, checkpoint } = record.value;
      return [{ stack, run, at, checkpoint, etag }];
    }),
  );
  return new Map(read.flat().map((verified) => [verified.stack, verified]));
}

/**
 * @param before the record that this one takes the place of
 * @returns undefined where somebody else has written one meanwhile: then this run is not the stack's owner any more
 */
export async function writeVerified(
  store: ObjectStore,
  record: Omit<Verified, 'etag'>,
  before: Verified | undefined,
  patienceSeconds: number,
): Promise<Verified | undefined> {
  const { stack, run, at, checkpoint } = record;
  const body = JSON.stringify({ schema: schemaVersion, stack, run, at, checkpoint } satisfies z.infer<typeof verifiedSchema>);
  const condition = before ? ({ only: 'if-matches', etag: before.etag } as const) : ({ only: 'if-absent' } as const);
  const write = randomUUID();
  const put = await patiently(() => store.put(verifiedKey(stack), body, condition, write), { seconds: patienceSeconds });
  return put.done ? { ...record, etag: put.etag } : undefined;
}
