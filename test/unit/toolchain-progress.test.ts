import { expect, test } from 'vitest';
import { throttled } from '../../toolchain/progress.ts';
import type { Progress } from '../../toolchain/progress.ts';

/** The messages that come through of those given at these times. */
function passed(given: readonly (readonly [atMs: number, phase: Progress['phase'], message: string])[]): string[] {
  const seen: string[] = [];
  let nowMs = 0;
  const report = throttled(
    ({ message }) => seen.push(message),
    1000,
    () => nowMs,
  );
  for (const [atMs, phase, message] of given) {
    nowMs = atMs;
    report({ part: 'pulumi-cli', phase, message });
  }
  return seen;
}

test('one message of a phase passes in a second', () => {
  expect(passed([[0, 'build', 'a'], [999, 'build', 'b'], [1000, 'build', 'c'], [1500, 'build', 'd']])).toEqual(['a', 'c']); // prettier-ignore
});

test('the first message of a phase passes at once', () => {
  expect(passed([[0, 'download', 'a'], [1, 'build', 'b']])).toEqual(['a', 'b']); // prettier-ignore
});
