import { z } from 'zod';
import { frozenKey, frozenPrefix, schemaVersion } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { readObject, UnreadableRecord } from '../state/read-json.ts';
import { lockRecordSchema } from './lock-record.ts';
import type { LockRecord } from './lock-record.ts';

/** That a person froze a stack. Beside the lock, because a held stack's lock is its run's, and because `pulumi cancel` removes locks. */
const frozenSchema = z.object({ schema: z.number(), lock: lockRecordSchema });

export interface Frozen {
  readonly stack: string;
  readonly etag: string;
  readonly lock: LockRecord;
}

/** One line that a person understands. */
export const describeFreeze = ({ stack, by }: { readonly stack: string; readonly by: LockRecord }): string =>
  `${stack} is frozen by ${by.user}@${by.host} since ${by.startedAt}, incident ${by.incident ?? 'unknown'}`;

/** @throws where a record cannot be read: whether the stack is frozen is then not known */
export async function readFrozen(store: ObjectStore, network: string): Promise<Map<string, Frozen>> {
  const objects = await store.list(frozenPrefix(network));
  const read = await Promise.all(
    objects.map(async ({ key, etag }): Promise<Frozen[]> => {
      const stored = await store.get(key);
      if (!stored) return [];
      const frozen = readObject(stored.body, frozenSchema);
      if (!frozen.ok) throw new UnreadableRecord(key, frozen);
      return [{ stack: frozen.value.lock.stack, etag, lock: frozen.value.lock }];
    }),
  );
  return new Map(read.flat().map((frozen) => [frozen.stack, frozen]));
}

export async function putFrozen(store: ObjectStore, lock: LockRecord): Promise<boolean> {
  const body = JSON.stringify({ schema: schemaVersion, lock } satisfies z.infer<typeof frozenSchema>);
  return (await store.put(frozenKey(lock.stack), body, { only: 'if-absent' })).done;
}

export async function removeFrozen(store: ObjectStore, { stack, etag }: Frozen): Promise<boolean> {
  return (await store.remove(frozenKey(stack), etag)).done;
}
