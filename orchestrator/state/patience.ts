import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** Seconds from the first failure until it is given up. */
  readonly seconds: number;
  readonly now?: () => number;
  readonly wait?: (milliseconds: number) => Promise<void>;
  /** Aborted: the next failure is the last one. */
  readonly signal?: AbortSignal;
  readonly onFailure?: (cause: unknown) => void;
}

const firstWaitMs = 250;
const longestWaitMs = 5000;

/** Tries again while the store throws, ever more slowly and not in step with others, until the patience has run out; then throws the last cause. */
export async function patiently<T>(attempt: () => Promise<T>, patience: Patience): Promise<T> {
  const now = patience.now ?? Date.now;
  const wait = patience.wait ?? ((milliseconds: number) => sleep(milliseconds, undefined, { ref: true }));
  let failingSince: number | undefined;
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (cause) {
      patience.onFailure?.(cause);
      failingSince ??= now();
      const left = failingSince + patience.seconds * 1000 - now();
      if (left <= 0 || patience.signal?.aborted === true) throw cause;
      const pause = Math.min(firstWaitMs * 2 ** tries, longestWaitMs) * (0.5 + Math.random() / 2);
      await wait(Math.min(pause, left));
    }
  }
}
