import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { disownedSchema, withDisowned } from '../ownership/disowned.ts';
import type { DisownedObject } from '../ownership/disowned.ts';
import { disownedKey, disownedPrefix, schemaVersion } from './layout.ts';
import type { ObjectStore, StoredBody } from './object-store.ts';
import { patiently } from './patience.ts';
import { readObject, UnreadableRecord } from './read-json.ts';

const listSchema = z.object({ schema: z.number(), stack: z.string(), objects: z.array(disownedSchema) });

/**
 * Every disowned list of the network, by full name of the stack.
 * @throws where a list cannot be read, with its key: what was disowned is then not known
 */
export async function readDisowned(store: ObjectStore, network: string): Promise<Map<string, readonly DisownedObject[]>> {
  const listed = await store.list(disownedPrefix(network));
  const read = await Promise.all(
    listed.map(async ({ key }): Promise<[string, readonly DisownedObject[]][]> => {
      const list = await readList(store, key);
      return list ? [[list.stack, list.objects]] : [];
    }),
  );
  return new Map(read.flat());
}

/** The list of one stack, with one request. @throws as `readDisowned` does */
export async function disownedOf(store: ObjectStore, stack: string): Promise<readonly DisownedObject[]> {
  return (await readList(store, disownedKey(stack)))?.objects ?? [];
}

/** More lost races than this are no races: somebody's writes never end. */
const mostRaces = 20;

/**
 * Adds objects to a stack's list. What is on it already stays as it is: who disowned it first is what counts. Somebody else who adds at the same time
 * loses nothing.
 * @throws where the list cannot be read, and where the bucket fails for longer than the patience
 */
export async function disown(
  store: ObjectStore,
  stack: string,
  objects: readonly DisownedObject[],
  patienceSeconds: number,
): Promise<void> {
  const key = disownedKey(stack);
  for (let races = 0; races < mostRaces; races += 1) {
    const stored = await patiently(() => store.get(key), { seconds: patienceSeconds });
    const list = stored && parseList(key, stored);
    const before = list?.objects ?? [];
    const after = withDisowned(before, objects);
    if (after.length === before.length) return;
    const body = JSON.stringify({ schema: schemaVersion, stack, objects: after } satisfies z.infer<typeof listSchema>);
    const condition = list ? ({ only: 'if-matches', etag: list.etag } as const) : ({ only: 'if-absent' } as const);
    const write = randomUUID();
    const put = await patiently(() => store.put(key, body, condition, write), { seconds: patienceSeconds });
    if (put.done) return;
  }
  throw new Error(`${key}: somebody else wrote it ${mostRaces} times in a row`);
}

interface List {
  readonly stack: string;
  readonly objects: readonly DisownedObject[];
  readonly etag: string;
}

async function readList(store: ObjectStore, key: string): Promise<List | undefined> {
  const stored = await store.get(key);
  return stored && parseList(key, stored);
}

function parseList(key: string, { body, etag }: StoredBody): List {
  const list = readObject(body, listSchema);
  if (!list.ok) throw new UnreadableRecord(key, list);
  return { stack: list.value.stack, objects: list.value.objects, etag };
}
