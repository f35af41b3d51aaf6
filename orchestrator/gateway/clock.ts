import { setTimeout as delay } from 'node:timers/promises';

/** Time, passed in so that a test need not wait. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after the milliseconds, or as soon as the signal is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** From 0 to 1: for the jitter between tries. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // Rejects only when aborted.
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => undefined),
  random: () => Math.random(),
};
