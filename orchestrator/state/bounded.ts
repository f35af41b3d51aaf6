import { visible } from '../domain/forms.ts';
import type { ObjectStore, StoredBody, StoredObject } from './object-store.ts';
import { ObjectTooLarge } from './object-store.ts';

/**
 * What lies in the bucket decides neither how much a command reads, nor how much of it at once. A folder may have been filled by one who may write there
 * and nothing else.
 */

/** Objects that are read at the same time: enough to hide the way to S3. */
export const readsAtOnce = 64;

const [kilobyte, megabyte] = [1024, 1024 ** 2];

/** Bytes. Whatever is larger is none of Holdfast's: what it writes itself stays far below. */
export const largest = {
  lock: 64 * kilobyte,
  record: 8 * megabyte,
  event: 8 * megabyte,
  heartbeat: 16 * kilobyte,
  dossier: 32 * megabyte,
  index: 32 * megabyte,
  networkFile: 2 * megabyte,
  /** The installation, what a bucket was found to do, what was told, and the parts of a shared run. */
  small: megabyte,
  /** No longer text fits into a JavaScript string. */
  checkpoint: 500 * megabyte,
} as const;

export type Kind = keyof typeof largest;

/** Acts on each of them, on a few at the same time. @returns in the order of the items */
export async function fewAtOnce<T, R>(items: readonly T[], act: (item: T) => Promise<R>, atOnce = readsAtOnce): Promise<R[]> {
  const results = new Array<R>(items.length);
  const rest = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of rest) results[index] = await act(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}

export type ReadListed =
  | { readonly kind: 'there'; readonly stored: StoredBody }
  /** Removed between the listing and now. */
  | { readonly kind: 'gone' }
  /** It was not read. */
  | { readonly kind: 'too-large'; readonly why: string };

/** Reads one object of a listing: none that is larger than its kind, by the listing or by the time that it comes. @throws where the bucket does not answer */
export async function readListed(store: ObjectStore, { key, size }: Pick<StoredObject, 'key' | 'size'>, kind: Kind): Promise<ReadListed> {
  const tooLarge = (bytes: number): ReadListed => ({ kind: 'too-large', why: tooLargeText(bytes, kind) });
  if (size > largest[kind]) return tooLarge(size);
  try {
    const stored = await store.get(key, largest[kind]);
    return stored === undefined ? { kind: 'gone' } : { kind: 'there', stored };
  } catch (cause) {
    if (cause instanceof ObjectTooLarge) return tooLarge(cause.bytes);
    throw cause;
  }
}

const tooLargeText = (bytes: number, kind: Kind): string =>
  `it has ${bytes} bytes or more, and at most ${largest[kind]} are read of what it is to be`;

/** Objects that lie where none of Holdfast's does, as people are told of them: the first few by their keys, and how many more there are. */
export interface Strays {
  readonly keys: readonly string[];
  readonly more: number;
}

export const noStrays: Strays = { keys: [], more: 0 };

/** So many are named. */
const namedStrays = 5;

/** @param keys in the order of their listing */
export const straysOf = (keys: readonly string[]): Strays => ({
  keys: keys.slice(0, namedStrays).map((key) => visible(key)),
  more: Math.max(0, keys.length - namedStrays),
});
