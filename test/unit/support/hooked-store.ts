import type {
  Conditional,
  ObjectStore,
  PutCondition,
  Removal,
  Sample,
  StoredBody,
  StoredObject,
  StoredVersion,
} from '../../../orchestrator/state/object-store.ts';

export interface StoreCall {
  readonly op: 'list' | 'folders' | 'versions' | 'get' | 'get-version' | 'put' | 'remove';
  /** Key or prefix. */
  readonly key: string;
  /** From 1. */
  readonly number: number;
}

export type Hook = (call: StoreCall) => Promise<void> | void;

/** One caller's way to a bucket: each call can be made to wait, to fail before it takes effect, or to lose its reply after it did. */
export class HookedStore implements ObjectStore {
  readonly name: string;
  readonly #inner: ObjectStore;
  readonly calls: StoreCall[] = [];
  before: Hook = () => undefined;
  after: Hook = () => undefined;

  constructor(inner: ObjectStore) {
    this.#inner = inner;
    this.name = inner.name;
  }

  list(prefix: string, signal?: AbortSignal): Promise<readonly StoredObject[]> {
    return this.#hooked('list', prefix, () => this.#inner.list(prefix, signal));
  }

  /** A listing as any other. */
  sample(prefix: string, folderOf: (key: string) => string, signal?: AbortSignal): Promise<Sample> {
    return this.#hooked('list', prefix, () => this.#inner.sample(prefix, folderOf, signal));
  }

  folders(prefix: string): Promise<readonly string[]> {
    return this.#hooked('folders', prefix, () => this.#inner.folders(prefix));
  }

  versions(prefix: string): Promise<readonly StoredVersion[]> {
    return this.#hooked('versions', prefix, () => this.#inner.versions(prefix));
  }

  get(key: string, mostBytes?: number): Promise<StoredBody | undefined> {
    return this.#hooked('get', key, () => this.#inner.get(key, mostBytes));
  }

  getVersion(key: string, version: string, mostBytes?: number): Promise<Uint8Array | undefined> {
    return this.#hooked('get-version', key, () => this.#inner.getVersion(key, version, mostBytes));
  }

  put(key: string, body: string | Uint8Array, condition: PutCondition, write?: string): Promise<Conditional<{ readonly etag: string }>> {
    return this.#hooked('put', key, () => this.#inner.put(key, body, condition, write));
  }

  remove(key: string, etag: string): Promise<Removal> {
    return this.#hooked('remove', key, () => this.#inner.remove(key, etag));
  }

  async #hooked<T>(op: StoreCall['op'], key: string, act: () => Promise<T>): Promise<T> {
    const call = { op, key, number: this.calls.length + 1 };
    this.calls.push(call);
    await this.before(call);
    const value = await act();
    await this.after(call);
    return value;
  }
}

export const never = (): Promise<never> => new Promise(() => undefined);
