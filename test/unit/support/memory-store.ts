import { createHash } from 'node:crypto';
import { ObjectTooLarge } from '../../../orchestrator/state/object-store.ts';
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

/** A bucket in memory that honours conditions, as S3 does. */
export class MemoryStore implements ObjectStore {
  readonly name = 'memory';
  readonly #objects = new Map<string, StoredBody>();
  /** Write id of each object's last put, and every version with the newest first, as a versioned bucket keeps them. */
  readonly #ids = new Map<string, string>();
  readonly #versions: (StoredVersion & { readonly body: string })[] = [];
  #writes = 0;
  /** A new one for every write, as where S3 encrypts with a key of KMS; or the content's own, so that the same content has the same one again. */
  etags: 'unique' | 'of-content' = 'unique';
  /** Runs before a put takes effect: may wait, or throw as a bucket that cannot be reached. */
  beforePut: (key: string) => Promise<void> = () => Promise.resolve();
  /** Runs when a put has taken effect: throwing here is a reply that was lost. */
  afterPut: (key: string) => Promise<void> = () => Promise.resolve();
  /** The same as `beforePut` for a delete. */
  beforeRemove: (key: string) => Promise<void> = () => Promise.resolve();
  modified = new Date('2030-01-01T00:00:00Z');

  /** Writes without a condition: what someone else does to the bucket. */
  set(key: string, body: unknown): string {
    this.#writes += 1;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const etag = this.etags === 'unique' ? `"${this.#writes}"` : `"${createHash('md5').update(text).digest('hex')}"`;
    this.#objects.set(key, { body: text, etag, modified: this.modified });
    this.#ids.delete(key);
    this.#remember({ key, etag, body: this.#objects.get(key)?.body ?? '' });
    return etag;
  }

  /** Deletes without a condition: what `pulumi cancel` does. */
  delete(key: string): void {
    if (this.#objects.delete(key)) this.#remember({ key, body: '' });
  }

  #remember(version: { readonly key: string; readonly etag?: string; readonly body: string }): void {
    for (const [index, other] of this.#versions.entries())
      if (other.key === version.key) this.#versions[index] = { ...other, latest: false };
    this.#versions.unshift({ ...version, version: `v${this.#versions.length + 1}`, modified: this.modified, latest: true });
  }

  keys(): string[] {
    return [...this.#objects.keys()].sort();
  }

  head(key: string): StoredObject | undefined {
    const stored = this.#objects.get(key);
    return stored && { key, etag: stored.etag, size: stored.body.length, modified: stored.modified };
  }

  /** Every content that the object had, the oldest first. */
  history(key: string): string[] {
    return this.#versions.flatMap((version) => (version.key === key && version.etag !== undefined ? [version.body] : [])).reverse();
  }

  bodyOf(key: string): string | undefined {
    return this.#objects.get(key)?.body;
  }

  list(prefix: string): Promise<readonly StoredObject[]> {
    const keys = this.keys().filter((key) => key.startsWith(prefix));
    return Promise.resolve(
      keys.flatMap((key) => {
        const stored = this.#objects.get(key);
        return stored ? [{ key, etag: stored.etag, size: stored.body.length, modified: stored.modified }] : [];
      }),
    );
  }

  async sample(prefix: string): Promise<Sample> {
    return { objects: await this.list(prefix), cut: [] };
  }

  get(key: string, mostBytes = Infinity): Promise<StoredBody | undefined> {
    const stored = this.#objects.get(key);
    if (stored !== undefined && Buffer.byteLength(stored.body) > mostBytes)
      return Promise.reject(new ObjectTooLarge(key, { bytes: Buffer.byteLength(stored.body), etag: stored.etag }, mostBytes));
    return Promise.resolve(stored);
  }

  folders(prefix: string): Promise<readonly string[]> {
    const below = this.keys()
      .filter((key) => key.startsWith(prefix) && key.slice(prefix.length).includes('/'))
      .map((key) => key.slice(prefix.length).split('/')[0] ?? '');
    return Promise.resolve([...new Set(below)]);
  }

  versions(prefix: string): Promise<readonly StoredVersion[]> {
    const found = this.#versions.filter(({ key }) => key.startsWith(prefix)).map(({ body: _, ...version }) => version);
    return Promise.resolve(found.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)));
  }

  getVersion(key: string, version: string, mostBytes = Infinity): Promise<Uint8Array | undefined> {
    const found = this.#versions.find((each) => each.key === key && each.version === version && each.etag !== undefined);
    if (found !== undefined && Buffer.byteLength(found.body) > mostBytes)
      return Promise.reject(new ObjectTooLarge(key, { bytes: Buffer.byteLength(found.body), etag: found.etag ?? '' }, mostBytes));
    return Promise.resolve(found && Buffer.from(found.body));
  }

  /** What a lifecycle rule, or a person with too many rights, does to old versions. */
  forgetVersions(isForgotten: (version: StoredVersion) => boolean): void {
    const kept = this.#versions.filter((version) => !isForgotten(version));
    this.#versions.splice(0, this.#versions.length, ...kept);
  }

  async put(
    key: string,
    body: string | Uint8Array,
    condition: PutCondition,
    write?: string,
  ): Promise<Conditional<{ readonly etag: string }>> {
    await this.beforePut(key);
    const there = this.#objects.get(key);
    if (there !== undefined && write !== undefined && this.#ids.get(key) === write) return { done: true, etag: there.etag };
    const holds = condition.only === 'always' || (condition.only === 'if-absent' ? there === undefined : there?.etag === condition.etag);
    if (!holds) return { done: false };
    const etag = this.set(key, typeof body === 'string' ? body : Buffer.from(body).toString('utf8'));
    if (write !== undefined) this.#ids.set(key, write);
    await this.afterPut(key);
    return { done: true, etag };
  }

  async remove(key: string, etag: string): Promise<Removal> {
    await this.beforeRemove(key);
    const there = this.#objects.get(key);
    if (there?.etag !== etag) return { done: false, there: there !== undefined };
    this.delete(key);
    return { done: true };
  }
}
