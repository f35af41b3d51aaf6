import { randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Conditional, ObjectStore, PutCondition, StoredBody, StoredObject } from '../state/object-store.ts';

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

  async get(key: string): Promise<StoredBody | undefined> {
    try {
      const answer = await this.#s3.send(new GetObjectCommand({ Bucket: this.name, Key: key }));
      return {
        body: (await answer.Body?.transformToString()) ?? '',
        etag: answer.ETag ?? '',
        modified: answer.LastModified ?? new Date(0),
      };
    } catch (cause) {
      if (hasStatus(cause, 404) && !isNoSuchBucket(cause)) return undefined;
      throw cause;
    }
  }

  async put(key: string, body: string, condition: PutCondition): Promise<Conditional<{ readonly etag: string }>> {
    const write = randomUUID();
    try {
      const answer = await this.#s3.send(
        new PutObjectCommand({
          Bucket: this.name,
          Key: key,
          Body: body,
          ContentType: 'application/json',
          Metadata: { 'holdfast-write': write },
          ...(condition.only === 'if-absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.etag }),
        }),
      );
      return { done: true, etag: answer.ETag ?? '' };
    } catch (cause) {
      // Lock protocol, rule 5: a lost reply is not a lost race. A retried put meets its own first try, and knows it by its id.
      const refused = isConditionFailure(cause);
      const head = await this.#head(key).catch((unreachable: unknown) => {
        throw refused ? unreachable : cause;
      });
      if (head?.write === write) return { done: true, etag: head.etag };
      if (refused) return { done: false };
      throw cause;
    }
  }

  async remove(key: string, etag: string): Promise<Conditional> {
    try {
      await this.#s3.send(new DeleteObjectCommand({ Bucket: this.name, Key: key, IfMatch: etag }));
      return { done: true };
    } catch (cause) {
      if (!isConditionFailure(cause) && !hasStatus(cause, 404)) throw cause;
      // Gone already means that a retried delete met its own first try, or that someone removed it: either way it is not there.
      return { done: (await this.#head(key)) === undefined };
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

const isConditionFailure = (cause: unknown): boolean => hasStatus(cause, 412) || hasStatus(cause, 409);

const isNoSuchBucket = (cause: unknown): boolean => cause instanceof S3ServiceException && cause.name === 'NoSuchBucket';
