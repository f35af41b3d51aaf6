import { randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  ListObjectVersionsCommand,
  paginateListObjectsV2,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { ListObjectVersionsCommandOutput, S3Client } from '@aws-sdk/client-s3';
import type { Conditional, ObjectStore, PutCondition, Removal, StoredBody, StoredObject, StoredVersion } from '../state/object-store.ts';

/** The state bucket over S3. */
export class Bucket implements ObjectStore {
  readonly name: string;
  readonly #s3: S3Client;

  constructor(s3: S3Client, name: string) {
    this.#s3 = s3;
    this.name = name;
  }

  async list(prefix: string): Promise<readonly StoredObject[]> {
    const objects: StoredObject[] = [];
    for await (const page of paginateListObjectsV2({ client: this.#s3 }, { Bucket: this.name, Prefix: prefix }))
      for (const { Key, ETag, Size, LastModified } of page.Contents ?? [])
        if (Key !== undefined) objects.push({ key: Key, etag: ETag ?? '', size: Size ?? 0, modified: LastModified ?? new Date(0) });
    return objects;
  }

  async folders(prefix: string): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const page of paginateListObjectsV2({ client: this.#s3 }, { Bucket: this.name, Prefix: prefix, Delimiter: '/' }))
      for (const { Prefix } of page.CommonPrefixes ?? []) if (Prefix !== undefined) names.push(Prefix.slice(prefix.length, -1));
    return names;
  }

  async versions(prefix: string): Promise<readonly StoredVersion[]> {
    const versions: StoredVersion[] = [];
    let from: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
    while (from) {
      const page: ListObjectVersionsCommandOutput = await this.#s3.send(
        new ListObjectVersionsCommand({ Bucket: this.name, Prefix: prefix, ...from }),
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
          versions.push({ key: Key, version: VersionId, modified: LastModified ?? new Date(0), latest: IsLatest ?? false });
      from =
        page.IsTruncated === true && page.NextKeyMarker !== undefined
          ? {
              KeyMarker: page.NextKeyMarker,
              ...(page.NextVersionIdMarker === undefined ? {} : { VersionIdMarker: page.NextVersionIdMarker }),
            }
          : undefined;
    }
    // S3 lists versions and markers of a page apart from each other; a later version was modified later, and the latest comes first in a tie.
    const latestFirst = (a: StoredVersion, b: StoredVersion): number => Number(b.latest) - Number(a.latest);
    return versions.sort(
      (a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0) || b.modified.getTime() - a.modified.getTime() || latestFirst(a, b),
    );
  }

  async get(key: string): Promise<StoredBody | undefined> {
    try {
      const answer = await this.#s3.send(new GetObjectCommand({ Bucket: this.name, Key: key }));
      return {
        body: (await answer.Body?.transformToString()) ?? '',
        etag: answer.ETag ?? '',
        modified: answer.LastModified ?? new Date(0),
      };
    } catch (cause) {
      if (isNoSuchKey(cause)) return undefined;
      throw cause;
    }
  }

  async getVersion(key: string, version: string): Promise<Uint8Array | undefined> {
    try {
      const answer = await this.#s3.send(new GetObjectCommand({ Bucket: this.name, Key: key, VersionId: version }));
      return (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
    } catch (cause) {
      if (isNoSuchKey(cause)) return undefined;
      throw cause;
    }
  }

  async put(
    key: string,
    body: string | Uint8Array,
    condition: PutCondition,
    write: string = randomUUID(),
  ): Promise<Conditional<{ readonly etag: string }>> {
    try {
      const answer = await this.#s3.send(
        new PutObjectCommand({
          Bucket: this.name,
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

  async remove(key: string, etag: string): Promise<Removal> {
    try {
      await this.#s3.send(new DeleteObjectCommand({ Bucket: this.name, Key: key, IfMatch: etag }));
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
      const head = await this.#s3.send(new HeadObjectCommand({ Bucket: this.name, Key: key }));
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

/** Also S3's word for a write that is to replace, or to delete, an object that is not there. */
const isNoSuchKey = (cause: unknown): boolean =>
  cause instanceof S3ServiceException && cause.$metadata.httpStatusCode === 404 && cause.name !== 'NoSuchBucket';
