import { createHash, randomUUID } from 'node:crypto';
import { largest } from '../state/bounded.ts';
import { checkpointKey, durableLockKey, lockFolder, quarantinePrefix, runPrefix, schemaVersion } from '../state/layout.ts';
import { ObjectTooLarge } from '../state/object-store.ts';
import type { ObjectStore, StoredVersion } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';

/** One version of an object, as it was copied. A delete marker has no copy: that it stood there is all that there is of it. */
export interface QuarantinedVersion {
  readonly key: string;
  readonly version: string;
  readonly etag: string | null;
  readonly modified: string;
  readonly latest: boolean;
  readonly deleteMarker: boolean;
  readonly copy: string | null;
  readonly bytes: number | null;
  readonly sha256: string | null;
}

export interface Quarantine {
  readonly prefix: string;
  readonly manifest: string;
  readonly versions: readonly QuarantinedVersion[];
  /** Versions of the checkpoint since the run began, oldest first, the one that it began from before them. */
  readonly checkpoints: readonly { readonly version: string; readonly etag: string | null }[];
  /** As it was given. */
  readonly lockedAt: Date;
  /** The version that the run began from is not there any more: what it did since is only partly told. */
  readonly baseIsGone: boolean;
}

/** A version of the checkpoint that tells what the run did, as it is in the bucket; null where it is a removal, or was taken away meanwhile. */
export interface ReadVersion {
  readonly version: string;
  readonly etag: string | null;
  readonly body: string | null;
}

export interface QuarantineRequest {
  readonly store: ObjectStore;
  readonly network: string;
  readonly stack: string;
  /** The interrupted run. */
  readonly run: string;
  readonly recovery: string;
  /** When the run took its lock, by the bucket's clock where that is known. */
  readonly lockedAt: Date;
  /** Now, by the bucket's clock. */
  readonly bucketNow: Date;
  /** ETag of the checkpoint that the run began from; null where there was none, undefined where nobody wrote it down. */
  readonly base: string | null | undefined;
  readonly patienceSeconds: number;
  /** False: nothing is written, for a rehearsal. */
  readonly copies: boolean;
  /** Told each of the `checkpoints`, in their order, when it is copied. None is kept here: of a day there may be more than the memory holds. */
  readonly onCheckpoint: (version: ReadVersion) => void;
  readonly onProgress: (message: string) => void;
}

/** Promise 5: at least this much is kept, however short the run was. */
const keptHours = 24;

/** Objects of a lock folder: at most one is ours, and a few are of plain pulumi. */
const lockKeysCopied = 50;

/** At once: enough to hide the way to S3, and few enough not to be throttled. */
const copiesAtOnce = 8;

/**
 * Copies every version of the checkpoint, back to the one that was current when the run took its lock and at least 24 h, and its locks.
 * The journal of the run is named, and not copied: each of its events is written once, and none is ever removed. Copies are never written over: a recovery that was killed here goes on where it was, and a later one adds what is new.
 */
export async function quarantine(request: QuarantineRequest): Promise<Quarantine> {
  const { store, network, stack, run, recovery, lockedAt, patienceSeconds } = request;
  const prefix = quarantinePrefix(network, run, stack);
  const insist = <T>(act: () => Promise<T>): Promise<T> => patiently(act, { seconds: patienceSeconds });
  const checkpoint = checkpointKey(stack);
  const ofLocks = await insist(() => store.versions(lockFolder(stack)));
  const since = new Date(Math.min(lockedAt.getTime(), request.bucketNow.getTime() - keptHours * 3_600_000));
  const ofStack = await insist(() => store.versions(checkpoint));
  const { evidence, baseIsGone } = sinceBase(
    ofStack.filter(({ key }) => key === checkpoint),
    request.base,
    lockedAt,
  );
  const kept = new Set([
    ...[checkpoint, `${checkpoint}.bak`, `${checkpoint}.gz`, `${checkpoint}.zst`].flatMap((key) => ofKey(ofStack, key, since)),
    // Whatever is read of the run is copied too, wherever its clock puts its beginning.
    ...evidence,
  ]);
  // Our own lock, and of all others as many as tell what was there: a folder may have been filled.
  const lockKeys = [...new Set([durableLockKey(stack), ...ofLocks.map(({ key }) => key)])];
  const wanted = [
    ...ofStack.filter((version) => kept.has(version)),
    ...lockKeys.slice(0, lockKeysCopied).flatMap((key) => ofKey(ofLocks, key, since)),
  ];
  const copied = new Map<StoredVersion, QuarantinedVersion>();
  // What tells what the run did comes first, and in its order.
  const isEvidence = new Set(evidence);
  const isOfLocks = ({ key }: StoredVersion): boolean => key.startsWith(lockFolder(stack));
  const order = [...evidence, ...wanted.filter((version) => !isEvidence.has(version))];
  for (let from = 0; from < order.length; from += copiesAtOnce) {
    request.onProgress(`copying versions to quarantine: ${from} of ${order.length}`);
    const part = await Promise.all(
      order.slice(from, from + copiesAtOnce).map(async (version) => {
        const most = isOfLocks(version) ? largest.lock : largest.checkpoint;
        const bytes = version.etag === undefined ? undefined : await insist(() => versionOf(store, version, most));
        return { version, bytes, copy: await copyOne(request, prefix, version, bytes, insist) };
      }),
    );
    for (const { version, bytes, copy } of part) {
      copied.set(version, copy);
      if (!isEvidence.has(version)) continue;
      const body = bytes === undefined ? null : Buffer.from(bytes).toString('utf8');
      request.onCheckpoint({ version: version.version, etag: version.etag ?? null, body });
    }
  }
  const versions = wanted.flatMap((version) => copied.get(version) ?? []);
  const text = JSON.stringify(
    {
      schema: schemaVersion,
      network,
      stack,
      run,
      recovery,
      since: since.toISOString(),
      journal: runPrefix(network, run),
      versions,
      // Objects of the lock folder beyond those that were copied.
      lockKeysLeftOut: Math.max(0, lockKeys.length - lockKeysCopied),
    },
    null,
    2,
  );
  // Where it goes on after somebody else wrote, the last one tells all: beside the one before, as nothing here is written over.
  let manifest = `${prefix}manifest-${recovery}.json`;
  const write = randomUUID();
  if (request.copies)
    for (let number = 2; !(await insist(() => store.put(manifest, text, { only: 'if-absent' }, write))).done; number += 1)
      manifest = `${prefix}manifest-${recovery}-${number}.json`;
  return {
    prefix,
    manifest,
    versions,
    checkpoints: evidence.map(({ version, etag }) => ({ version, etag: etag ?? null })),
    lockedAt,
    baseIsGone,
  };
}

/** Undefined where it is gone, or larger than what it is to be: of that no copy is made, and the manifest says that there is none. */
async function versionOf(store: ObjectStore, { key, version }: StoredVersion, most: number): Promise<Uint8Array | undefined> {
  return store.getVersion(key, version, most).catch((cause: unknown) => {
    if (cause instanceof ObjectTooLarge) return undefined;
    throw cause;
  });
}

/** Of the one key, as `backTo` has them. */
const ofKey = (versions: readonly StoredVersion[], key: string, since: Date): readonly StoredVersion[] =>
  backTo(
    versions.filter((version) => version.key === key),
    since,
  );

/** The versions since then, and the one that was current at that time. Newest first, as they come. */
function backTo(versions: readonly StoredVersion[], since: Date): readonly StoredVersion[] {
  const older = versions.findIndex(({ modified }) => modified < since);
  return older < 0 ? versions : versions.slice(0, older + 1);
}

/** From the version that the run began from to the newest, oldest first. */
function sinceBase(
  versions: readonly StoredVersion[],
  base: QuarantineRequest['base'],
  lockedAt: Date,
): { readonly evidence: readonly StoredVersion[]; readonly baseIsGone: boolean } {
  const oldestFirst = versions.toReversed();
  if (base === null) {
    // There was none: everything since the last removal before the lock is the run's own.
    const removed = oldestFirst.findLastIndex(({ etag, modified }) => etag === undefined && modified <= lockedAt);
    return { evidence: oldestFirst.slice(removed + 1), baseIsGone: false };
  }
  if (base === undefined) return { evidence: backTo(versions, lockedAt).toReversed(), baseIsGone: false };
  // The same content may have come again later: what the run began from is the one that was there when it took its lock.
  const same = oldestFirst.flatMap(({ etag, modified }, index) => (etag === base ? [{ index, isBefore: modified <= lockedAt }] : []));
  const found = same.findLast(({ isBefore }) => isBefore) ?? same[0];
  return found ? { evidence: oldestFirst.slice(found.index), baseIsGone: false } : { evidence: oldestFirst, baseIsGone: true };
}

async function copyOne(
  { store, copies }: QuarantineRequest,
  prefix: string,
  { key, version, etag, modified, latest }: StoredVersion,
  bytes: Uint8Array | undefined,
  insist: <T>(act: () => Promise<T>) => Promise<T>,
): Promise<QuarantinedVersion> {
  const described = { key, version, etag: etag ?? null, modified: modified.toISOString(), latest, deleteMarker: etag === undefined };
  if (bytes === undefined) return { ...described, copy: null, bytes: null, sha256: null };
  const copy = `${prefix}${key}/${encodeURIComponent(version)}`;
  // Written once: where it is there already it is the same version.
  if (copies) await insist(() => store.put(copy, bytes, { only: 'if-absent' }));
  return { ...described, copy, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
