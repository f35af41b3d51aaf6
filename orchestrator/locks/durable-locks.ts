import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { webLink } from '../domain/foreign.ts';
import { visible } from '../domain/forms.ts';
import { parseStackName } from '../domain/stack-name.ts';
import { fewAtOnce, largest, readListed, straysOf } from '../state/bounded.ts';
import type { Strays } from '../state/bounded.ts';
import { durableLockKey, lockFolder, locksPrefix } from '../state/layout.ts';
import { ObjectTooLarge } from '../state/object-store.ts';
import type { ObjectStore, PutCondition, Removal, StoredObject } from '../state/object-store.ts';
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
      /** Locks of plain pulumi on other stacks of the network, as they stood right after ours was put. */
      readonly others: readonly StandingLock[];
    }
  | {
      readonly ok: false;
      readonly heldBy: readonly StandingLock[];
      /** ETag of our lock, where it stands beside a foreign one. */
      readonly put?: string;
    };

/** Milliseconds between looks at a foreign lock beside ours: raw `pulumi` that lost takes its own away within a request or two. */
const secondLooksMs = [100, 200, 400, 800, 1500];

export interface Projecting {
  readonly patience: Patience;
  readonly wait?: ((milliseconds: number) => Promise<unknown>) | undefined;
  /** ETags of locks of plain pulumi whose process is known to be dead: they are no reason to give way. */
  readonly beside?: readonly string[] | undefined;
  /**
   * Of a takeover: what stands in the lock's place and is no lock at all goes, but for what a newer Holdfast wrote. Asked after a lock of a later epoch was
   * read: whether the record is this owner's still. A later owner writes its record before its lock: where there is none, that lock is of no owner, and goes
   * too. @throws where it cannot be asked
   */
  readonly isOwner?: (() => Promise<boolean>) | undefined;
}

/**
 * Puts the lock that the stack's record wants: where none stands, or over one of no later owner, so that the folder is never empty between two owners.
 * *Then* lists. Raw `pulumi` lists, puts and lists again, so that of the two at least one sees the other, and whoever sees another gives way.
 * The record is written before, and says whose the lock is to be.
 * @throws where the bucket fails for longer than the patience: the lock may stand, and the record says that nothing was started under it
 */
export async function projectLock(store: ObjectStore, network: string, record: LockRecord, projecting: Projecting): Promise<Taking> {
  const { patience, wait = sleep, beside = [] } = projecting;
  const { stack } = record;
  const key = durableLockKey(stack);
  const insist = <T>(act: () => Promise<T>): Promise<T> => patiently(act, patience);
  const isInTheWay = (object: StoredObject): boolean => isForeign(object, key) && !beside.includes(object.etag);
  const etag = await putOver(store, record, projecting, insist);
  if (etag === undefined) return { ok: false, heldBy: await insist(() => locksOf(store, stack)) };
  const look = (): Promise<ListedLocks> => listLocks(store, locksPrefix(network));
  let listed = await insist(look);
  for (const pause of secondLooksMs) {
    if (!listed.objects.some(isInTheWay)) break;
    await wait(pause);
    listed = await insist(look);
  }
  const { objects, cut } = listed;
  const foreign = objects.filter(isInTheWay);
  if (foreign.length > 0) return { ok: false, heldBy: await insist(() => readAll(store, foreign, cut)), put: etag };
  // `pulumi cancel` between the put and the listing, or an owner that took the stack over.
  const ours = objects.find((object) => object.key === key);
  if (ours === undefined) return projectLock(store, network, record, projecting);
  if (ours.etag !== etag) return { ok: false, heldBy: await insist(() => locksOf(store, stack)) };
  const others = objects.filter(({ key: of }) => isOfStack(of) && of !== durableLockKey(stackOf(of)));
  return { ok: true, lock: { stack, etag, record }, others: await insist(() => readAll(store, others, cut)) };
}

/** The ETag of what was put; undefined where a lock of a later owner, or what is no lock of ours, stands at the key. */
async function putOver(
  store: ObjectStore,
  record: LockRecord,
  { isOwner }: Projecting,
  insist: <T>(act: () => Promise<T>) => Promise<T>,
): Promise<string | undefined> {
  const key = durableLockKey(record.stack);
  const body = writeLock({ ...record, put: randomUUID() });
  const put = (condition: PutCondition) => {
    const write = randomUUID();
    return insist(() => store.put(key, body, condition, write));
  };
  for (;;) {
    const fresh = await put({ only: 'if-absent' });
    if (fresh.done) return fresh.etag;
    const stored = await insist(() => lockAt(store, record.stack));
    if (stored === undefined) continue;
    const { content } = stored;
    const gives =
      content.kind === 'holdfast'
        ? content.record.epoch <= record.epoch || (await isOwner?.()) === true
        : isOwner !== undefined && !isOfNewer(content);
    if (!gives) return undefined;
    const over = await put({ only: 'if-matches', etag: stored.etag });
    if (over.done) return over.etag;
  }
}

/** What stands at the key of Holdfast's lock. */
async function lockAt(store: ObjectStore, stack: string): Promise<{ readonly etag: string; readonly content: LockContent } | undefined> {
  try {
    const stored = await store.get(durableLockKey(stack), largest.lock);
    return stored && { etag: stored.etag, content: readLock(stored.body, stack) };
  } catch (cause) {
    if (!(cause instanceof ObjectTooLarge)) throw cause;
    return { etag: cause.etag, content: { kind: 'unreadable', reason: 'not-read', why: cause.message } };
  }
}

const isOfNewer = (content: LockContent): boolean => content.kind === 'unreadable' && content.reason === 'newer-schema';

/** Puts back a lock that was removed. Undefined where one stands there. */
export async function putBack(store: ObjectStore, record: LockRecord, now: number): Promise<TakenLock | undefined> {
  const restored: LockRecord = { ...record, restoredAt: new Date(now).toISOString() };
  const body = writeLock({ ...restored, put: randomUUID() });
  const put = await store.put(durableLockKey(record.stack), body, { only: 'if-absent' }, randomUUID());
  return put.done ? { stack: record.stack, etag: put.etag, record: restored } : undefined;
}

/** Deletes exactly the lock that was taken. `done: false` where somebody removed or replaced it: then it did not keep anyone out. */
export async function releaseLock(
  store: ObjectStore,
  { stack, etag }: Pick<TakenLock, 'stack' | 'etag'>,
  patience: Patience,
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

/** When it was taken. One that was put back is as old as it was before. */
export function takenAt({ since, content }: StandingLock): Date {
  if (content.kind !== 'holdfast' || content.record.restoredAt === undefined) return since;
  const started = new Date(content.record.startedAt);
  return Number.isNaN(started.getTime()) || started > since ? since : started;
}

/** What lies below the lock folders of the network. */
export interface LocksOfNetwork {
  /** Ours, the engine's, and what cannot be read as either. */
  readonly locks: readonly StandingLock[];
  /** In the folder of no stack. */
  readonly strays: Strays;
}

export async function lookAtLocks(store: ObjectStore, network: string): Promise<LocksOfNetwork> {
  const listed = await listLocks(store, locksPrefix(network));
  const objects = listed.objects.filter(({ key }) => isLockKey(key));
  const ofStacks = objects.filter(({ key }) => isOfStack(key));
  return {
    locks: await readAll(store, ofStacks, listed.cut),
    strays: straysOf(objects.flatMap(({ key }) => (isOfStack(key) ? [] : [key]))),
  };
}

/** Every lock on the network's stacks, ours, the engine's, and what cannot be read as either. */
export const standingLocks = async (store: ObjectStore, network: string): Promise<readonly StandingLock[]> =>
  (await lookAtLocks(store, network)).locks;

/** The locks of one stack, ours and others. */
export async function locksOf(store: ObjectStore, stack: string): Promise<StandingLock[]> {
  const { objects, cut } = await listLocks(store, lockFolder(stack));
  return readAll(
    store,
    objects.filter(({ key }) => isOfStack(key)),
    cut,
  );
}

interface ListedLocks {
  readonly objects: readonly StoredObject[];
  /** Stacks in whose folder more lies than that. */
  readonly cut: ReadonlySet<string>;
}

/** What lies in lock folders: of one that was filled the beginning, and Holdfast's own lock, wherever in it that is. */
export async function listLocks(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<ListedLocks> {
  const { objects, cut } = await store.sample(prefix, folderOfStack, signal);
  const stacks = cut.map((folder) => stackOf(folder)).filter((stack) => parseStackName(stack) !== undefined);
  const missing = stacks.map(durableLockKey).filter((own) => !objects.some(({ key }) => key === own));
  const own = await fewAtOnce(missing, async (key) => (await store.list(key, signal)).filter((object) => object.key === key));
  return { objects: [...objects, ...own.flat()], cut: new Set(stacks) };
}

/** `.pulumi/locks/organization/PROJECT/STACK/`, of whatever lies in it or below it. */
const folderOfStack = (key: string): string => `${key.split('/', 5).join('/')}/`;

const isForeign = ({ key }: StoredObject, ours: string): boolean =>
  key !== ours && key.startsWith(ours.slice(0, ours.lastIndexOf('/') + 1)) && isLockKey(key);

const stackOf = (key: string): string => key.split('/').at(-2) ?? '';

/** Directly in a stack's folder: the engine does not look into sub-folders. */
const isLockKey = (key: string): boolean => key.split('/').length === 6 && !key.endsWith('/');

/** The folder's name may be any: only that of a stack is ever taken for one. */
const isOfStack = (key: string): boolean => isLockKey(key) && parseStackName(stackOf(key)) !== undefined;

/** Of each folder, beside our own lock: more say nothing that these do not. */
const othersRead = 8;

async function readAll(store: ObjectStore, objects: readonly StoredObject[], cut: ReadonlySet<string>): Promise<StandingLock[]> {
  const read: StoredObject[] = [];
  const rest = new Map<string, { readonly first: StoredObject; count: number }>();
  const others = new Map<string, number>();
  for (const object of objects) {
    const stack = stackOf(object.key);
    const before = others.get(stack) ?? 0;
    if (object.key === durableLockKey(stack)) read.push(object);
    else if (before < othersRead) {
      read.push(object);
      others.set(stack, before + 1);
    } else {
      const unread = rest.get(stack);
      if (unread) unread.count += 1;
      else rest.set(stack, { first: object, count: 1 });
    }
  }
  const locks = await fewAtOnce(read, async (object): Promise<StandingLock[]> => {
    const { key, etag, modified } = object;
    const stack = stackOf(key);
    const found = await readListed(store, object, 'lock');
    // Released between the listing and now.
    if (found.kind === 'gone') return [];
    const content: LockContent =
      found.kind === 'there'
        ? readLock(found.stored.body, key === durableLockKey(stack) ? stack : undefined)
        : { kind: 'unreadable', reason: 'not-read', why: found.why };
    return [{ stack, key, etag, since: modified, content }];
  });
  const unread = [...rest].map(([stack, { first, count }]): StandingLock => {
    const least = cut.has(stack) ? 'at least ' : '';
    const why = count === 1 && least === '' ? 'it was not read' : `it and ${least}${count - 1} more objects beside it were not read`;
    const content: LockContent = { kind: 'unreadable', reason: 'not-read', why };
    return { stack, key: first.key, etag: first.etag, since: first.modified, content };
  });
  return [...locks.flat(), ...unread];
}

/** One line that a person understands. */
export function describeLock({ stack, key, since, content }: StandingLock): string {
  switch (content.kind) {
    case 'holdfast': {
      const { user, host, pid, run, operation, startedAt, ciLink, incident } = content.record;
      if (operation === 'recover')
        return `${stack} is being recovered by ${user}@${host} (pid ${pid}, recovery ${content.record.recovery ?? run}) since ${startedAt}`;
      if (operation === 'freeze') return `${stack} is frozen by ${user}@${host} since ${startedAt}, incident ${incident ?? 'unknown'}`;
      const page = webLink(ciLink);
      const link = page === undefined ? '' : `, ${page}`;
      return `${stack} is locked by ${user}@${host} (pid ${pid}, run ${run}, ${operation}) since ${startedAt}${link}`;
    }
    case 'engine': {
      const { username, hostname, pid, timestamp } = content.engine;
      return `${stack} is locked by plain pulumi, ${username}@${hostname} (pid ${pid}) since ${timestamp}`;
    }
    case 'unreadable':
      return `${stack} is locked by an object that is no lock (${visible(key)}: ${content.why}) since ${since.toISOString()}`;
    default:
      return content satisfies never;
  }
}
