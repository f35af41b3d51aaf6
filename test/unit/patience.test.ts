import { describe, expect, it } from 'vitest';
import { patiently } from '../../orchestrator/state/patience.ts';
import type { Patience } from '../../orchestrator/state/patience.ts';

/** Time that passes where somebody waits, and at each try. */
function withClock(seconds: number, triesTakeMs = 0) {
  let nowMs = 0;
  const waits: number[] = [];
  const patience: Patience = {
    seconds,
    now: () => nowMs,
    wait: (milliseconds) => {
      waits.push(milliseconds);
      nowMs += milliseconds;
      return Promise.resolve();
    },
  };
  let tries = 0;
  const failing = (times: number) => (): Promise<string> => {
    tries += 1;
    nowMs += triesTakeMs;
    return tries <= times ? Promise.reject(new Error(`failure ${tries}`)) : Promise.resolve('done');
  };
  return { patience, waits, failing, tries: () => tries, nowMs: () => nowMs };
}

describe('patience', () => {
  it('asks once where it is answered', async () => {
    const { patience, failing, tries, waits } = withClock(60);
    expect([await patiently(failing(0), patience), tries(), waits]).toEqual(['done', 1, []]);
  });

  it('asks again until it is answered', async () => {
    const { patience, failing, tries } = withClock(60);
    expect([await patiently(failing(4), patience), tries()]).toEqual(['done', 5]);
  });

  it('waits longer each time, up to 5 s, and never in step with others', async () => {
    const { patience, failing, waits } = withClock(3600);
    await patiently(failing(12), patience);
    for (const [index, wait] of waits.entries()) {
      const full = Math.min(250 * 2 ** index, 5000);
      expect(wait).toBeGreaterThanOrEqual(full / 2);
      expect(wait).toBeLessThanOrEqual(full);
    }
  });

  it('gives up with the last cause when it has run out, counted from the first failure', async () => {
    const { patience, failing, tries, nowMs } = withClock(10);
    await expect(patiently(failing(Infinity), patience)).rejects.toThrow(/^failure \d+$/);
    expect([tries() > 3, nowMs()]).toEqual([true, 10_000]);
  });

  it('counts the time of the tries, too', async () => {
    const { patience, failing, tries } = withClock(10, 6000);
    await expect(patiently(failing(Infinity), patience)).rejects.toThrow('failure 3');
    expect(tries()).toBe(3);
  });

  it('of no seconds asks once', async () => {
    const { patience, failing, tries } = withClock(0);
    await expect(patiently(failing(1), patience)).rejects.toThrow('failure 1');
    expect(tries()).toBe(1);
  });

  it('ends with the next failure when it is called off', async () => {
    const { patience, failing, tries } = withClock(60);
    await expect(patiently(failing(Infinity), { ...patience, signal: AbortSignal.abort() })).rejects.toThrow('failure 1');
    expect(tries()).toBe(1);
  });

  it('tells of every failure', async () => {
    const { patience, failing } = withClock(60);
    const told: unknown[] = [];
    await patiently(failing(2), { ...patience, onFailure: (cause) => told.push((cause as Error).message) });
    expect(told).toEqual(['failure 1', 'failure 2']);
  });
});
