/** What Holdfast asks of the state bucket. Implemented over S3 in `aws/`, and by tests in memory. */
export interface ObjectStore {
  readonly name: string;
  /** Every object below a prefix, paged to the end, in key order. */
  list(prefix: string): Promise<readonly StoredObject[]>;
  /** Undefined where there is none. */
  get(key: string): Promise<StoredBody | undefined>;
  /** A condition that does not hold is a value, not an error. */
  put(key: string, body: string, condition: PutCondition): Promise<Conditional<{ readonly etag: string }>>;
  /** Deletes exactly the object with this ETag. */
  remove(key: string, etag: string): Promise<Conditional>;
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

export type PutCondition = { readonly only: 'if-absent' } | { readonly only: 'if-matches'; readonly etag: string };

export type Conditional<T = object> = ({ readonly done: true } & T) | { readonly done: false };
