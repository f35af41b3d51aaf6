import type { Clock } from '../../../orchestrator/gateway/clock.ts';

/** Time that passes only where somebody waits for it, and then at once. */
export class QuickClock implements Clock {
  #nowMs = Date.parse('2030-01-01T00:00:00Z');

  now(): number {
    return this.#nowMs;
  }

  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) =>
      setImmediate(() => {
        if (!signal.aborted) this.#nowMs += milliseconds;
        resolve();
      }),
    );
  }

  random(): number {
    return 1;
  }
}
