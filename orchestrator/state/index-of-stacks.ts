import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { indexKey, schemaVersion } from './layout.ts';
import type { ObjectStore } from './object-store.ts';
import { readObject } from './read-json.ts';

/** Digests by the name of the part. */
export type Fingerprint = Readonly<Record<string, string>>;

/**
 * What is known of one checkpoint: that the engine has nothing to do over it where the fingerprint is this one. Says nothing of who works on the stack,
 * nor of whether this is its checkpoint still.
 */
export interface IndexEntry {
  /** ETag. */
  readonly checkpoint: string;
  /** ETag of the stack's record, when it said that this checkpoint is verified and the stack free. */
  readonly record?: string | undefined;
  readonly fingerprint: Fingerprint;
  /** Digest of each of its outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly resources: number;
}

export type StackIndex = ReadonlyMap<string, IndexEntry>;

const digests = z.record(z.string(), z.string());

const indexSchema = z.object({
  schema: z.number(),
  stacks: z.record(
    z.string(),
    z.object({ checkpoint: z.string(), record: z.string().optional(), fingerprint: digests, outputs: digests, resources: z.number() }),
  ),
});

/** Empty where there is none, or it cannot be read: then nothing is known, and the engine is asked. */
export async function readIndex(
  store: ObjectStore,
  network: string,
): Promise<{ readonly entries: StackIndex; readonly etag: string | undefined }> {
  const stored = await store.get(indexKey(network));
  const read = stored && readObject(stored.body, indexSchema);
  return { entries: new Map(read?.ok ? Object.entries(read.value.stacks) : []), etag: stored?.etag };
}

/**
 * Adds what was learnt. Others may write at the same time: each turn in which somebody else was first is made over what they wrote. Of one checkpoint and one
 * fingerprint there is one truth, so that it does not matter who was.
 * @param inFile stacks of the network file; what is of another one is left out
 */
export async function learn(store: ObjectStore, network: string, learnt: StackIndex, inFile: ReadonlySet<string>): Promise<void> {
  for (;;) {
    const { entries, etag } = await readIndex(store, network);
    const next = new Map([...entries, ...learnt].filter(([stack]) => inFile.has(stack)));
    if (isDeepStrictEqual(next, entries)) return;
    const body = JSON.stringify({ schema: schemaVersion, stacks: Object.fromEntries(next) } satisfies z.infer<typeof indexSchema>);
    const put = await store.put(indexKey(network), body, etag === undefined ? { only: 'if-absent' } : { only: 'if-matches', etag });
    if (put.done) return;
  }
}

/** Whether the engine is known to have nothing to do. */
export const isSettled = (entry: IndexEntry | undefined, checkpoint: string | undefined, fingerprint: Fingerprint | undefined): boolean =>
  entry !== undefined && checkpoint !== undefined && entry.checkpoint === checkpoint && isDeepStrictEqual(entry.fingerprint, fingerprint);
