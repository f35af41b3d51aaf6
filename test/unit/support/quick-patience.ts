import type { Patience } from '../../../orchestrator/state/patience.ts';

/** By a clock that only waiting moves, and that moves at once. */
export function quickPatience(seconds: number): Patience {
  let now = 0;
  return {
    seconds,
    now: () => now,
    wait: (milliseconds) => {
      now += milliseconds;
      return Promise.resolve();
    },
  };
}
