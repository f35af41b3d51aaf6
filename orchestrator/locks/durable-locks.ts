import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { durableLockKey, lockFolder, locksPrefix } from '../state/layout.ts';
import type { ObjectStore, Removal, StoredObject } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';
import type { Patience } from '../state/patience.ts';
import { readLock, writeLock } from './lock-record.ts';
import type { LockContent, LockRecord } from './lock-record.ts';

/** An object in the lock folder of a stack: it keeps everyone else out, whatever it says. */
export interface StandingLock {
  readonly stack: string;
  readonly key: string;
  readonly etag: string;
  /** By the bucket's clock: when it was put. */
  readonly since: Date;
  readonly content: LockContent;
}

export interface TakenLock {
  readonly stack: string;
  readonly etag: string;
  readonly record: LockRecord;
}

export type Taking =
  | {
      readonly ok: true;
      readonly lock: TakenLock;
      /** All locks of the network, as they stood right after ours was put. */
      readonly others: readonly StandingLock[];
    }
  | { readonly ok: false; readonly heldBy: readonly StandingLock[] };

/** As long as every other write of a run, where no other time is given. */
const bucketPatience: Patience = { seconds: 90 };

/** Milliseconds between looks at a foreign lock beside ours: raw `pulumi` that lost takes its own away within a request or two. */
const secondLooksMs = [100, 200, 400, 800, 1500];

/**
 * Takes a stack's durable lock: put if absent, *then* list. Raw `pulumi` lists, puts and lists again, so that of the two at least one sees the
 * other, and whoever sees another gives way.
 */
export async function takeLock(
  store: ObjectStore,
  network: string,
  record: LockRecord,
  wait: (milliseconds: number) => Promise<unknown> = sleep,
  patience: Patience = bucketPatience,
): Promise<Taking> {
  const ask = <T>(question: () => Promise<T>): Promise<T> => patiently(question, patience);
  const { stack } = record;
  const key = durableLockKey(stack);
  const write = randomUUID();
  // A lost reply is no lost race: where only the reply was lost, the lock stands, and the next try knows it by the id of the write.
  const put = await ask(() => store.put(key, writeLock(record), { only: 'if-absent' }, write));
  if (!put.done) {
    const heldBy = await ask(() => locksOf(store, stack));
    // Released in between: whoever had it has changed the stack under us.
    return { ok: false, heldBy };
  }
  const lock: TakenLock = { stack, etag: put.etag, record };
  try {
    let objects = await ask(() => store.list(locksPrefix(network)));
    for (const pause of secondLooksMs) {
      if (!objects.some((object) => isForeign(object, key))) break;
      await wait(pause);
      objects = await ask(() => store.list(locksPrefix(network)));
    }
    const foreign = objects.filter((object) => isForeign(object, key));
    // A store that lets one conditional put write over another one: whoever sees the other's gives way.
    const ours = objects.find((object) => object.key === key);
    if (ours?.etag !== put.etag) return { ok: false, heldBy: await ask(() => locksOf(store, stack)) };
    if (foreign.length === 0) {
      const others = objects.filter((object) => object.key !== key && isLockKey(object.key));
      return { ok: true, lock, others: await ask(() => readAll(store, others)) };
    }
    await ask(() => store.remove(key, put.etag));
    return { ok: false, heldBy: await ask(() => readAll(store, foreign)) };
  } catch (cause) {
    // Nothing was done under it.
    await store.remove(key, put.etag).catch(() => undefined);
    throw cause;
  }
}

/** Puts back a lock that somebody removed, where nobody else has come in since. Undefined where the folder is not free. */
export async function putBack(store: ObjectStore, record: LockRecord, now: number): Promise<TakenLock | undefined> {
  const restored: LockRecord = { ...record, restoredAt: new Date(now).toISOString() };
  const key = durableLockKey(record.stack);
  const put = await store.put(key, writeLock(restored), { only: 'if-absent' }, randomUUID());
  if (!put.done) return undefined;
  const foreign = (await store.list(lockFolder(record.stack))).filter((object) => isForeign(object, key));
  if (foreign.length === 0) return { stack: record.stack, etag: put.etag, record: restored };
  await store.remove(key, put.etag);
  return undefined;
}

/**
 * Puts our lock in the place of exactly this one: it never leaves the folder, so that nobody comes in between.
 * @returns undefined where somebody else was faster: the lock is not the one that was seen any more
 */
export async function takeOver(
  store: ObjectStore,
  etag: string,
  record: LockRecord,
  patience: Patience = bucketPatience,
): Promise<TakenLock | undefined> {
  const write = randomUUID();
  // As for a lock that is taken: all tries are one write.
  const put = await patiently(
    () => store.put(durableLockKey(record.stack), writeLock(record), { only: 'if-matches', etag }, write),
    patience,
  );
  return put.done ? { stack: record.stack, etag: put.etag, record } : undefined;
}

/** Deletes exactly the lock that was taken. `done: false` where somebody removed or replaced it: then it did not keep anyone out. */
export async function releaseLock(
  store: ObjectStore,
  { stack, etag }: Pick<TakenLock, 'stack' | 'etag'>,
  patience: Patience = bucketPatience,
): Promise<Removal> {
  let failures = 0;
  const removed = await patiently(() => store.remove(durableLockKey(stack), etag), {
    ...patience,
    onFailure: (cause) => {
      failures += 1;
      patience.onFailure?.(cause);
    },
  });
  // Where only the reply was lost, the lock was ours until this call took it away.
  return failures > 0 && !removed.done && !removed.there ? { done: true } : removed;
}

/** When the lock was last taken away, by the bucket's clock and its versions; undefined while it stands, or where that is not known. */
export async function lockGoneSince(store: ObjectStore, stack: string): Promise<string | undefined> {
  const key = durableLockKey(stack);
  const [newest] = (await store.versions(key)).filter((version) => version.key === key);
  return newest === undefined || newest.etag !== undefined ? undefined : newest.modified.toISOString();
}

/** Every lock on the network's stacks, ours, the engine's, and what cannot be read as either. */
export async function standingLocks(store: ObjectStore, network: string): Promise<StandingLock[]> {
  return readAll(
    store,
    (await store.list(locksPrefix(network))).filter(({ key }) => isLockKey(key)),
  );
}

async function locksOf(store: ObjectStore, stack: string): Promise<StandingLock[]> {
  return readAll(
    store,
    (await store.list(lockFolder(stack))).filter(({ key }) => isLockKey(key)),
  );
}

const isForeign = ({ key }: StoredObject, ours: string): boolean =>
  key !== ours && key.startsWith(ours.slice(0, ours.lastIndexOf('/') + 1)) && isLockKey(key);

/** Directly in a stack's folder: the engine does not look into sub-folders. */
const isLockKey = (key: string): boolean => key.split('/').length === 6 && !key.endsWith('/');

async function readAll(store: ObjectStore, objects: readonly StoredObject[]): Promise<StandingLock[]> {
  const locks = await Promise.all(
    objects.map(async ({ key, etag, modified }): Promise<StandingLock[]> => {
      const stored = await store.get(key);
      // Released between the listing and now.
      if (!stored) return [];
      const stack = key.split('/').at(-2) ?? '';
      return [{ stack, key, etag, since: modified, content: readLock(stored.body, key === durableLockKey(stack)) }];
    }),
  );
  return locks.flat();
}

/** One line that a person understands. */
export function describeLock({ stack, key, since, content }: StandingLock): string {
  switch (content.kind) {
    case 'holdfast': {
      const { user, host, pid, run, operation, startedAt, ciLink, incident } = content.record;
      if (operation === 'recover')
        return `${stack} is being recovered by ${user}@${host} (pid ${pid}, recovery ${content.record.recovery ?? run}) since ${startedAt}`;
      if (operation === 'freeze') return `${stack} is frozen by ${user}@${host} since ${startedAt}, incident ${incident ?? 'unknown'}`;
      const link = ciLink === undefined ? '' : `, ${ciLink}`;
      return `${stack} is locked by ${user}@${host} (pid ${pid}, run ${run}, ${operation}) since ${startedAt}${link}`;
    }
    case 'engine': {
      const { username, hostname, pid, timestamp } = content.engine;
      return `${stack} is locked by plain pulumi, ${username}@${hostname} (pid ${pid}) since ${timestamp}`;
    }
    case 'unreadable':
      return `${stack} is locked by an object that is no lock (${key}: ${content.why}) since ${since.toISOString()}`;
    default:
      return content satisfies never;
  }
}
