import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  ListObjectVersionsCommand,
  paginateListObjectsV2,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { ListObjectsV2CommandOutput, ListObjectVersionsCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { noteDates } from './answer-date.ts';
import { bodyOf } from './bounded-body.ts';
import { TooManyObjects } from '../state/object-store.ts';
import type {
  Conditional,
  ObjectStore,
  PutCondition,
  Removal,
  Sample,
  StoredBody,
  StoredObject,
  StoredVersion,
} from '../state/object-store.ts';

/** Rows of a listing that are kept. A network of a thousand stacks has far fewer in any of its folders; twice as many would fill the memory of a small machine. */
const mostRows = 200_000;

/** Objects of one folder after which the rest of it is left out, where a page of the listing ends there. */
const fullFolder = 100;

/** Bytes of an object, where the caller does not say: S3's own bound of one put is five times as much. */
const mostBytesOfAny = 1024 ** 3;

/** The state bucket over S3. */
export class Bucket implements ObjectStore {
  readonly name: string;
  readonly #s3: S3Client;
  readonly #mostRows: number;
  /** Of every request. */
  readonly #where: { readonly Bucket: string; readonly ExpectedBucketOwner?: string };
  #answeredAt: number | undefined;

  /**
   * @param owner account that owns it: S3 answers no request where a bucket of that name is another's, which it becomes where the first one was deleted.
   * Left out by tests alone, whose stores have no accounts.
   * @param rows of one listing, at most
   */
  constructor(s3: S3Client, name: string, owner?: string, rows = mostRows) {
    this.#s3 = s3;
    this.name = name;
    this.#mostRows = rows;
    this.#where = { Bucket: name, ...(owner === undefined ? {} : { ExpectedBucketOwner: owner }) };
    noteDates(s3, (at) => (this.#answeredAt = Math.max(at, this.#answeredAt ?? at)));
  }

  /** When S3 last answered, by its own clock: that of the times in it. Undefined where no answer bore a date. */
  get answeredAt(): number | undefined {
    return this.#answeredAt;
  }

  async list(prefix: string, signal?: AbortSignal): Promise<readonly StoredObject[]> {
    const objects: StoredObject[] = [];
    const options = signal === undefined ? [] : [{ abortSignal: signal }];
    for await (const page of paginateListObjectsV2({ client: this.#s3 }, { ...this.#where, Prefix: prefix }, ...options)) {
      for (const { Key, ETag, Size, LastModified } of page.Contents ?? [])
        if (Key !== undefined) objects.push({ key: Key, etag: ETag ?? '', size: Size ?? 0, modified: LastModified ?? new Date(0) });
      signal?.throwIfAborted();
      this.#refuseTooMany(prefix, objects.length);
    }
    return objects;
  }

  async sample(prefix: string, folderOf: (key: string) => string, signal?: AbortSignal): Promise<Sample> {
    const objects: StoredObject[] = [];
    const cut: string[] = [];
    let from: { readonly ContinuationToken?: string; readonly StartAfter?: string } | undefined = {};
    while (from) {
      const page: ListObjectsV2CommandOutput = await this.#s3.send(
        new ListObjectsV2Command({ ...this.#where, Prefix: prefix, ...from }),
        signal === undefined ? {} : { abortSignal: signal },
      );
      signal?.throwIfAborted();
      for (const { Key, ETag, Size, LastModified } of page.Contents ?? [])
        if (Key !== undefined) objects.push({ key: Key, etag: ETag ?? '', size: Size ?? 0, modified: LastModified ?? new Date(0) });
      this.#refuseTooMany(prefix, objects.length);
      const last = objects.at(-1);
      if (page.IsTruncated !== true || last === undefined) break;
      const folder = folderOf(last.key);
      const isFull = folder.endsWith('/') && objects.filter(({ key }) => key.startsWith(folder)).length >= fullFolder;
      if (isFull) cut.push(folder);
      // What follows `/` in the order of keys follows all that is in the folder.
      from = isFull
        ? { StartAfter: `${folder.slice(0, -1)}0` }
        : page.NextContinuationToken === undefined
          ? undefined
          : { ContinuationToken: page.NextContinuationToken };
    }
    return { objects, cut };
  }

  #refuseTooMany(prefix: string, rows: number): void {
    if (rows > this.#mostRows) throw new TooManyObjects(prefix, this.#mostRows);
  }

  async folders(prefix: string): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const page of paginateListObjectsV2({ client: this.#s3 }, { ...this.#where, Prefix: prefix, Delimiter: '/' })) {
      for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix !== undefined) names.push(Prefix.slice(prefix.length, -1));
      this.#refuseTooMany(prefix, names.length);
    }
    return names;
  }

  async versions(prefix: string): Promise<readonly StoredVersion[]> {
    const versions: StoredVersion[] = [];
    const markers: StoredVersion[] = [];
    let from: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
    while (from) {
      const page: ListObjectVersionsCommandOutput = await this.#s3.send(
        new ListObjectVersionsCommand({ ...this.#where, Prefix: prefix, ...from }),
      );
      for (const { Key, VersionId, ETag, LastModified, IsLatest } of page.Versions ?? [])
        if (Key !== undefined && VersionId !== undefined)
          versions.push({
            key: Key,
            version: VersionId,
            etag: ETag ?? '',
            modified: LastModified ?? new Date(0),
            latest: IsLatest ?? false,
          });
      for (const { Key, VersionId, LastModified, IsLatest } of page.DeleteMarkers ?? [])
        if (Key !== undefined && VersionId !== undefined)
          markers.push({ key: Key, version: VersionId, modified: LastModified ?? new Date(0), latest: IsLatest ?? false });
      this.#refuseTooMany(prefix, versions.length + markers.length);
      from =
        page.IsTruncated === true && page.NextKeyMarker !== undefined
          ? {
              KeyMarker: page.NextKeyMarker,
              ...(page.NextVersionIdMarker === undefined ? {} : { VersionIdMarker: page.NextVersionIdMarker }),
            }
          : undefined;
    }
    return inOrder(versions, markers);
  }

  async get(key: string, mostBytes = mostBytesOfAny): Promise<StoredBody | undefined> {
    try {
      const answer = await this.#s3.send(new GetObjectCommand({ ...this.#where, Key: key }));
      return {
        body: (await bodyOf(key, answer, mostBytes)).toString('utf8'),
        etag: answer.ETag ?? '',
        modified: answer.LastModified ?? new Date(0),
      };
    } catch (cause) {
      if (isNoSuchKey(cause)) return undefined;
      throw cause;
    }
  }

  async getVersion(key: string, version: string, mostBytes = mostBytesOfAny): Promise<Uint8Array | undefined> {
    try {
      const answer = await this.#s3.send(new GetObjectCommand({ ...this.#where, Key: key, VersionId: version }));
      return await bodyOf(key, answer, mostBytes);
    } catch (cause) {
      if (isNoSuchKey(cause)) return undefined;
      throw cause;
    }
  }

  put(
    key: string,
    body: string | Uint8Array,
    condition: PutCondition,
    write: string = randomUUID(),
  ): Promise<Conditional<{ readonly etag: string }>> {
    return askAgain(() => this.#put(key, body, condition, write));
  }

  async #put(
    key: string,
    body: string | Uint8Array,
    condition: PutCondition,
    write: string,
  ): Promise<Conditional<{ readonly etag: string }>> {
    try {
      const answer = await this.#s3.send(
        new PutObjectCommand({
          ...this.#where,
          Key: key,
          Body: body,
          ContentType: 'application/json',
          Metadata: { 'holdfast-write': write },
          ...(condition.only === 'if-absent' ? { IfNoneMatch: '*' } : condition.only === 'if-matches' ? { IfMatch: condition.etag } : {}),
        }),
      );
      return { done: true, etag: answer.ETag ?? '' };
    } catch (cause) {
      // Lock protocol, rule 5: a lost reply is not a lost race. A retried put meets its own first try, and knows it by its id.
      const refused = isConditionFailure(cause) || (condition.only === 'if-matches' && isNoSuchKey(cause));
      const head = await this.#head(key).catch((unreachable: unknown) => {
        throw refused || isConflict(cause) ? unreachable : cause;
      });
      if (head?.write === write) return { done: true, etag: head.etag };
      const differs =
        condition.only === 'if-absent' ? head !== undefined : condition.only === 'if-matches' && head?.etag !== condition.etag;
      if (refused || (isConflict(cause) && differs)) return { done: false };
      throw cause;
    }
  }

  remove(key: string, etag: string): Promise<Removal> {
    return askAgain(() => this.#remove(key, etag));
  }

  async #remove(key: string, etag: string): Promise<Removal> {
    try {
      await this.#s3.send(new DeleteObjectCommand({ ...this.#where, Key: key, IfMatch: etag }));
      return { done: true };
    } catch (cause) {
      if (!isConditionFailure(cause) && !isConflict(cause) && !isNoSuchKey(cause)) throw cause;
      const head = await this.#head(key);
      if (isConflict(cause) && head?.etag === etag) throw cause;
      if (head !== undefined) return { done: false, there: true };
      // A delete that the SDK tried more than once may have met its own first try.
      const tries = cause instanceof S3ServiceException ? (cause.$metadata.attempts ?? 1) : 1;
      return tries > 1 ? { done: true } : { done: false, there: false };
    }
  }

  async #head(key: string): Promise<{ etag: string; write: string | undefined } | undefined> {
    try {
      const head = await this.#s3.send(new HeadObjectCommand({ ...this.#where, Key: key }));
      return { etag: head.ETag ?? '', write: head.Metadata?.['holdfast-write'] };
    } catch (cause) {
      if (hasStatus(cause, 404)) return undefined;
      throw cause;
    }
  }
}

const hasStatus = (cause: unknown, status: number): boolean =>
  cause instanceof S3ServiceException && cause.$metadata.httpStatusCode === status;

const isConditionFailure = (cause: unknown): boolean => hasStatus(cause, 412);

/** S3 had another write to the key under way, and did nothing: whether the condition holds it does not say. */
const isConflict = (cause: unknown): boolean => hasStatus(cause, 409);

/** Times that a write is sent while S3 has others to its key under way: the answer to 409 is to send it again. */
const mostTries = 6;
const firstPauseMs = 25;

async function askAgain<T>(write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await write();
    } catch (cause) {
      if (!isConflict(cause) || tries === mostTries) throw cause;
      await sleep(firstPauseMs * 2 ** tries * (0.5 + Math.random() / 2));
    }
  }
}

/** Also S3's word for a write that is to replace, or to delete, an object that is not there. */
const isNoSuchKey = (cause: unknown): boolean =>
  cause instanceof S3ServiceException && cause.$metadata.httpStatusCode === 404 && cause.name !== 'NoSuchBucket';

/**
 * By key, newest first. S3 lists the versions of a key so, and its markers apart from them: its own order within each stands, as the clocks of its hosts
 * may differ. Between the two the latest comes first, then what was modified later.
 */
function inOrder(versions: readonly StoredVersion[], markers: readonly StoredVersion[]): StoredVersion[] {
  const [ofVersions, ofMarkers] = [byKey(versions), byKey(markers)];
  const keys = [...new Set([...ofVersions.keys(), ...ofMarkers.keys()])].sort();
  return keys.flatMap((key) => merged(ofVersions.get(key) ?? [], ofMarkers.get(key) ?? []));
}

function merged(versions: readonly StoredVersion[], markers: readonly StoredVersion[]): StoredVersion[] {
  const all: StoredVersion[] = [];
  let taken = 0;
  for (const marker of markers) {
    for (let version = versions[taken]; version && !isBefore(marker, version); version = versions[taken]) {
      all.push(version);
      taken += 1;
    }
    all.push(marker);
  }
  return [...all, ...versions.slice(taken)];
}

const isBefore = (a: StoredVersion, b: StoredVersion): boolean => a.latest || (!b.latest && a.modified > b.modified);

function byKey(all: readonly StoredVersion[]): ReadonlyMap<string, readonly StoredVersion[]> {
  const keyed = new Map<string, StoredVersion[]>();
  for (const one of all) {
    const own = keyed.get(one.key);
    if (own) own.push(one);
    else keyed.set(one.key, [one]);
  }
  return keyed;
}
