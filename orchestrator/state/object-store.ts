import { visible } from '../domain/forms.ts';

/** What Holdfast asks of the state bucket. Implemented over S3 in `aws/`, and by tests in memory. */
export interface ObjectStore {
  readonly name: string;
  /**
   * Every object below a prefix, paged to the end, in key order.
   * @param signal aborted: it throws, and asks for no further page
   * @throws TooManyObjects
   */
  list(prefix: string, signal?: AbortSignal): Promise<readonly StoredObject[]>;
  /**
   * The same, but of a folder in which very much lies only the beginning: in one listing of all folders nobody can hide what is in the others.
   * @param folderOf which folder a key counts to: a beginning of the key, as far as a `/`
   */
  sample(prefix: string, folderOf: (key: string) => string, signal?: AbortSignal): Promise<Sample>;
  /** Names of the folders directly below a prefix that ends in `/`, paged to the end, without the slash. @throws TooManyObjects */
  folders(prefix: string): Promise<readonly string[]>;
  /** Every version and delete marker below a prefix, newest first for each key. Empty where the store keeps none. @throws TooManyObjects */
  versions(prefix: string): Promise<readonly StoredVersion[]>;
  /**
   * Undefined where there is none.
   * @param mostBytes of a larger one no more than that is taken into memory. It may have grown since it was listed
   * @throws ObjectTooLarge
   */
  get(key: string, mostBytes?: number): Promise<StoredBody | undefined>;
  /** One version, byte for byte. Undefined where it is gone. @throws ObjectTooLarge */
  getVersion(key: string, version: string, mostBytes?: number): Promise<Uint8Array | undefined>;
  /**
   * A condition that does not hold is a value, not an error.
   * @param write id of this write, kept in the object's metadata: a caller that tries again after an error passes the same one, so that a try
   * whose reply was lost is known as its own. Made up for this one call where absent.
   */
  put(key: string, body: string | Uint8Array, condition: PutCondition, write?: string): Promise<Conditional<{ readonly etag: string }>>;
  /** Deletes exactly the object with this ETag. */
  remove(key: string, etag: string): Promise<Removal>;
}

export interface Sample {
  readonly objects: readonly StoredObject[];
  /** Folders of which more is there than this. */
  readonly cut: readonly string[];
}

/** It was not read. */
export class ObjectTooLarge extends Error {
  /** That it has at least. */
  readonly bytes: number;
  readonly etag: string;

  constructor(key: string, { bytes, etag }: { readonly bytes: number; readonly etag: string }, most: number) {
    super(`${visible(key)} has ${bytes} bytes or more, and at most ${most} are read: it was not read`);
    this.name = 'ObjectTooLarge';
    this.bytes = bytes;
    this.etag = etag;
  }
}

/** What lies there is not known. */
export class TooManyObjects extends Error {
  constructor(prefix: string, most: number) {
    super(
      `below ${visible(prefix)} lie more than ${most} objects, which is more than Holdfast lists: what is among them is not known. Find out who puts them there, and remove them`,
    );
    this.name = 'TooManyObjects';
  }
}

export interface StoredObject {
  readonly key: string;
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  /** By the bucket's clock. */
  readonly modified: Date;
}

export interface StoredBody {
  readonly body: string;
  readonly etag: string;
  readonly modified: Date;
}

export interface StoredVersion {
  readonly key: string;
  readonly version: string;
  /** Absent for a delete marker. */
  readonly etag?: string;
  /** By the bucket's clock. */
  readonly modified: Date;
  readonly latest: boolean;
}

export type PutCondition =
  | { readonly only: 'if-absent' }
  | { readonly only: 'if-matches'; readonly etag: string }
  /** For what no decision rests on. */
  | { readonly only: 'always' };

export type Conditional<T = object> = ({ readonly done: true } & T) | { readonly done: false };

export type Removal =
  | { readonly done: true }
  /** `there`: another object stands at the key. Otherwise there is none, and it was not this call that took it away. */
  | { readonly done: false; readonly there: boolean };
