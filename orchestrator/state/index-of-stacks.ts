import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { etagForm, lineForm } from '../domain/forms.ts';
import { parseStackName } from '../domain/stack-name.ts';
import { largest } from './bounded.ts';
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

const digests = z.record(lineForm(500), lineForm(200));

const entrySchema = z.object({
  checkpoint: etagForm,
  record: etagForm.optional(),
  fingerprint: digests,
  outputs: digests,
  resources: z.int().min(0),
});

const indexSchema = z.object({ schema: z.number(), stacks: z.record(z.string(), z.unknown()) });

interface WrittenIndex {
  readonly schema: number;
  readonly stacks: Readonly<Record<string, IndexEntry>>;
}

/** Without the entries that cannot be read, each of which is of its own stack alone; empty where there is none. Then nothing is known, and the engine is asked. */
export async function readIndex(
  store: ObjectStore,
  network: string,
): Promise<{ readonly entries: StackIndex; readonly etag: string | undefined }> {
  const stored = await store.get(indexKey(network), largest.index);
  const read = stored && readObject(stored.body, indexSchema);
  const entries = Object.entries(read?.ok ? read.value.stacks : {}).flatMap(([stack, entry]): [string, IndexEntry][] => {
    const parsed = parseStackName(stack)?.network === network ? entrySchema.safeParse(entry).data : undefined;
    return parsed === undefined ? [] : [[stack, parsed]];
  });
  return { entries: new Map(entries), etag: stored?.etag };
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
    const body = JSON.stringify({ schema: schemaVersion, stacks: Object.fromEntries(next) } satisfies WrittenIndex);
    const put = await store.put(indexKey(network), body, etag === undefined ? { only: 'if-absent' } : { only: 'if-matches', etag });
    if (put.done) return;
  }
}

/** Whether the engine is known to have nothing to do. */
export const isSettled = (entry: IndexEntry | undefined, checkpoint: string | undefined, fingerprint: Fingerprint | undefined): boolean =>
  entry !== undefined && checkpoint !== undefined && entry.checkpoint === checkpoint && isDeepStrictEqual(entry.fingerprint, fingerprint);
