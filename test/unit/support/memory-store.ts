import type { Conditional, ObjectStore, PutCondition, StoredBody, StoredObject } from '../../../orchestrator/state/object-store.ts';

/** A bucket in memory that honours conditions, as S3 does. Every write gets a new ETag, also of the same content. */
export class MemoryStore implements ObjectStore {
  readonly name = 'memory';
  readonly #objects = new Map<string, StoredBody>();
  #writes = 0;
  /** Runs before a put takes effect: may wait, or throw as a bucket that cannot be reached. */
  beforePut: (key: string) => Promise<void> = () => Promise.resolve();
  /** The same for a delete. */
  beforeRemove: (key: string) => Promise<void> = () => Promise.resolve();
  modified = new Date('2030-01-01T00:00:00Z');

  /** Writes without a condition: what someone else does to the bucket. */
  set(key: string, body: unknown): string {
    this.#writes += 1;
    const etag = `"${this.#writes}"`;
    this.#objects.set(key, { body: typeof body === 'string' ? body : JSON.stringify(body), etag, modified: this.modified });
    return etag;
  }

  keys(): string[] {
    return [...this.#objects.keys()].sort();
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

  get(key: string): Promise<StoredBody | undefined> {
    return Promise.resolve(this.#objects.get(key));
  }

  async put(key: string, body: string, condition: PutCondition): Promise<Conditional<{ readonly etag: string }>> {
    await this.beforePut(key);
    const there = this.#objects.get(key);
    const holds = condition.only === 'if-absent' ? there === undefined : there?.etag === condition.etag;
    return holds ? { done: true, etag: this.set(key, body) } : { done: false };
  }

  async remove(key: string, etag: string): Promise<Conditional> {
    await this.beforeRemove(key);
    if (this.#objects.get(key)?.etag !== etag) return { done: !this.#objects.has(key) };
    this.#objects.delete(key);
    return { done: true };
  }
}
