import { messageOf } from '../domain/problem.ts';
import { durableLockKey, locksPrefix } from '../state/layout.ts';
import { listLocks } from './durable-locks.ts';
import type { ObjectStore, StoredObject } from '../state/object-store.ts';

type OnLost = (how: 'removed' | 'replaced') => void;

/** Milliseconds between looks. `pulumi cancel` removes a lock without a word: until the next look only the checkpoint's condition keeps two writers apart. */
const everyMs = 3000;

/** Milliseconds for which a look is good enough to write by. A process that was paused finds its last one older. */
const goodForMs = 5000;

/**
 * Milliseconds after which a look that has not ended is given up: it could not look. A bucket that hangs, or in which very much lies, would otherwise leave
 * every later look waiting behind it.
 */
const deadlineMs = 10_000;

interface Watched {
  readonly etag: string;
  readonly onLost: OnLost;
  /** When the request went out that last saw it stand. */
  confirmed: Moment;
}

/** By both clocks: one of them stands still while the machine sleeps, the other one can be set. */
interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

const moment = (): Moment => ({ wall: Date.now(), monotonic: performance.now() });

const isRecent = ({ wall, monotonic }: Moment): boolean =>
  Math.abs(Date.now() - wall) < goodForMs && performance.now() - monotonic < goodForMs;

/** @throws where it does not end by the deadline; what it asked is then aborted */
async function inTime<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`the bucket did not say within ${deadlineMs / 1000} s which locks stand`));
      late.abort();
    }, deadlineMs);
  });
  try {
    return await Promise.race([ask(late.signal), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks, with one listing for all stacks of the run, whether the locks still stand as they were taken. */
export class LockWatch {
  readonly #store: ObjectStore;
  readonly #network: string;
  readonly #watched = new Map<string, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(store: ObjectStore, network: string) {
    this.#store = store;
    this.#network = network;
  }

  /** @returns ends the watch over this lock */
  add(lock: { readonly stack: string; readonly etag: string }, onLost: OnLost): () => void {
    this.#watched.set(lock.stack, { etag: lock.etag, onLost, confirmed: moment() });
    this.#schedule();
    return () => {
      this.#watched.delete(lock.stack);
      if (this.#watched.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /**
   * Resolves at once where the lock was seen to stand a moment ago, else after a look. A lock that is gone is told to `onLost` first.
   * @throws where the bucket does not answer: then nobody knows
   */
  async confirm(stack: string): Promise<void> {
    // A look that took long may have been overtaken by a pause, or the bucket is just slow: that is told by looking again, and not for ever.
    for (let looks = 0; looks < 3; looks += 1) {
      const watched = this.#watched.get(stack);
      if (!watched || isRecent(watched.confirmed)) return;
      const cause = await this.look();
      if (cause !== undefined) throw cause;
    }
  }

  /** Looks now. What the bucket failed with, where it does not answer: that says nothing about a lock. */
  look(): Promise<Error | undefined> {
    const look = this.#looking.then(async (): Promise<Error | undefined> => {
      const before = new Map(this.#watched);
      const asked = moment();
      let objects: readonly StoredObject[];
      try {
        ({ objects } = await inTime((signal) => listLocks(this.#store, locksPrefix(this.#network), signal)));
      } catch (cause) {
        return new Error(`whether the lock stands is not known: ${messageOf(cause)}`, { cause });
      }
      const etags = new Map(objects.map(({ key, etag }) => [key, etag]));
      for (const [stack, watched] of before) {
        const etag = etags.get(durableLockKey(stack));
        if (this.#watched.get(stack) !== watched) continue;
        if (etag === watched.etag) {
          watched.confirmed = asked;
          continue;
        }
        this.#watched.delete(stack);
        watched.onLost(etag === undefined ? 'removed' : 'replaced');
      }
      return undefined;
    });
    this.#looking = look;
    return look;
  }

  #schedule(): void {
    if (this.#timer) return;
    const timer = setTimeout(() => {
      void this.look().then(() => {
        // The watch may have ended, and begun again, during the look.
        if (this.#timer !== timer) return;
        this.#timer = undefined;
        if (this.#watched.size > 0) this.#schedule();
      });
    }, everyMs);
    this.#timer = timer;
  }
}
