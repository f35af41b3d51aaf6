import { expect, it } from 'vitest';
import { defaultParallel } from '../../orchestrator/cli/flags.ts';

const gib = 1024 ** 3;

it.each([
  ['in the lab, where stacks wait for the same cores, as many as there are', 'LAB', 4, 64, 4],
  ['on a real account, where they wait for AWS, four times as many', 'REAL', 4, 64, 16],
  ['on a real account never more than half of the memory has room for', 'REAL', 4, 16, 8],
  ['on the smallest machine one', 'REAL', 1, 1, 1],
] as const)('so many stacks are at work at once: %s', (_, where, cores, memory, expected) => {
  expect(defaultParallel(where, cores, memory * gib)).toBe(expected);
});
