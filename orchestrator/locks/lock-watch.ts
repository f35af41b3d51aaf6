import { durableLockKey, locksPrefix } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';

type OnLost = (how: 'removed' | 'replaced') => void;

/** Milliseconds between looks. `pulumi cancel` removes a lock without a word: until the next look only the checkpoint's condition keeps two writers apart. */
const everyMs = 3000;

/** Looks, with one listing for all stacks of the run, whether the locks still stand as they were taken. */
export class LockWatch {
  readonly #store: ObjectStore;
  readonly #network: string;
  readonly #watched = new Map<string, { readonly etag: string; readonly onLost: OnLost }>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(store: ObjectStore, network: string) {
    this.#store = store;
    this.#network = network;
  }

  /** @returns ends the watch over this lock */
  add(lock: { readonly stack: string; readonly etag: string }, onLost: OnLost): () => void {
    this.#watched.set(lock.stack, { etag: lock.etag, onLost });
    this.#schedule();
    return () => {
      this.#watched.delete(lock.stack);
      if (this.#watched.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /** Looks now. A bucket that does not answer says nothing about a lock. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(async () => {
      const before = new Map(this.#watched);
      const objects = await this.#store.list(locksPrefix(this.#network)).catch(() => undefined);
      if (!objects) return;
      const etags = new Map(objects.map(({ key, etag }) => [key, etag]));
      for (const [stack, watched] of before) {
        const etag = etags.get(durableLockKey(stack));
        if (etag === watched.etag || this.#watched.get(stack) !== watched) continue;
        this.#watched.delete(stack);
        watched.onLost(etag === undefined ? 'removed' : 'replaced');
      }
    });
    return this.#looking;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => {
      void this.look().then(() => {
        this.#timer = undefined;
        if (this.#watched.size > 0) this.#schedule();
      });
    }, everyMs);
  }
}
