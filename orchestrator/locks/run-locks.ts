import { z } from 'zod';
import { messageOf } from '../domain/problem.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { runLockKey, runLocksPrefix, schemaVersion } from '../state/layout.ts';

/** Who holds a stack. Names people and places, never a secret. */
const lockSchema = z.object({
  schema: z.number(),
  stack: z.string(),
  run: z.string(),
  operation: z.string(),
  user: z.string(),
  host: z.string(),
  pid: z.number(),
  accessKeyId: z.string(),
  session: z.string(),
  expires: z.string(),
  ciLink: z.string().optional(),
  startedAt: z.string(),
});

export type LockRecord = z.infer<typeof lockSchema>;

export type LockOwner = Omit<LockRecord, 'schema' | 'stack'>;

/** A lock that stands in the bucket. */
export interface StandingLock {
  readonly stack: string;
  readonly key: string;
  readonly since: Date;
  /** Undefined where the object cannot be read as a lock of ours, with why in `unreadable`. */
  readonly record?: LockRecord;
  readonly unreadable?: string;
}

export interface TakenLock {
  readonly stack: string;
  readonly key: string;
  readonly etag: string;
}

export type Acquired =
  { readonly ok: true; readonly locks: readonly TakenLock[] } | { readonly ok: false; readonly heldBy: readonly StandingLock[] };

/**
 * Takes the locks of all stacks, or of none. The first is taken alone: two runs that start at once over the same stacks meet there, and exactly
 * one goes on. Nothing has been done under the locks that are given back.
 */
export async function acquireLocks(store: ObjectStore, stacks: readonly string[], owner: LockOwner): Promise<Acquired> {
  const [first, ...rest] = stacks;
  if (first === undefined) return { ok: true, locks: [] };
  const taken: TakenLock[] = [];
  const lost: string[] = [];
  const take = async (stack: string): Promise<void> => {
    const key = runLockKey(stack);
    const body = JSON.stringify({ schema: schemaVersion, stack, ...owner } satisfies LockRecord, null, 2);
    const put = await store.put(key, body, { only: 'if-absent' });
    if (put.done) taken.push({ stack, key, etag: put.etag });
    else lost.push(stack);
  };
  // Settled, not raced: what is given back below has to include a lock whose put was still under way when another one failed.
  const puts = await Promise.allSettled([take(first)]);
  if (lost.length === 0 && taken.length > 0) puts.push(...(await Promise.allSettled(rest.map(take))));
  const failed = puts.find((put) => put.status === 'rejected');
  if (failed) {
    await releaseLocks(store, taken);
    throw failed.reason;
  }
  if (lost.length === 0) return { ok: true, locks: taken };
  await releaseLocks(store, taken);
  return { ok: false, heldBy: await Promise.all(lost.map((stack) => readLock(store, stack))) };
}

/** Deletes exactly the objects that were put: a lock that someone replaced meanwhile is left alone. */
export async function releaseLocks(store: ObjectStore, locks: readonly TakenLock[]): Promise<void> {
  await Promise.all(locks.map(({ key, etag }) => store.remove(key, etag)));
}

/** Every lock of ours on the network's stacks. */
export async function standingLocks(store: ObjectStore, network: string): Promise<StandingLock[]> {
  const objects = await store.list(runLocksPrefix(network));
  return Promise.all(objects.map(({ key }) => readLock(store, key.slice('.holdfast/locks/'.length, -'.json'.length))));
}

async function readLock(store: ObjectStore, stack: string): Promise<StandingLock> {
  const key = runLockKey(stack);
  const stored = await store.get(key);
  if (!stored) return { stack, key, since: new Date(0), unreadable: 'released meanwhile' };
  const base = { stack, key, since: stored.modified };
  try {
    const json: unknown = JSON.parse(stored.body);
    // The number first: what else a newer one holds is not known here.
    const version = z.looseObject({ schema: z.number() }).safeParse(json);
    if (version.success && version.data.schema > schemaVersion)
      return { ...base, unreadable: `written by a newer Holdfast (schema ${version.data.schema})` };
    const parsed = lockSchema.safeParse(json);
    if (!parsed.success) return { ...base, unreadable: 'not a lock that Holdfast wrote' };
    return { ...base, record: parsed.data };
  } catch (cause) {
    return { ...base, unreadable: messageOf(cause) };
  }
}

/** One line that a person understands. */
export function describeLock({ stack, since, record, unreadable }: StandingLock): string {
  if (!record) return `${stack} is locked since ${since.toISOString()} (${unreadable ?? 'unknown owner'})`;
  const link = record.ciLink === undefined ? '' : `, ${record.ciLink}`;
  return `${stack} is locked by ${record.user}@${record.host} (pid ${record.pid}, run ${record.run}, ${record.operation}) since ${record.startedAt}${link}`;
}
