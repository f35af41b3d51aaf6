import { describe, expect, it } from 'vitest';
import { networkFor, networkOf, stacksToRun } from '../../bench/networks.ts';
import { byNetwork, contenders, isDeployedTwice, turnsOf } from '../../bench/plan.ts';
import type { Block, Case } from '../../bench/plan.ts';
import { parseNetwork } from '../../orchestrator/network/read-network.ts';

const block: Block = { size: 7, delayMs: 0, cases: ['first', 'noop'], rounds: 2, contenders, scale: false };

describe('the turns of a block', () => {
  it('measure each contender in each case of each round', () => {
    const turns = turnsOf(block).map(({ case: which, round, contender }) => `${which} ${round} ${contender}`);
    expect(new Set(turns).size).toBe(12);
    expect(turns.length).toBe(12);
  });

  it('begin with another contender each time', () => {
    const begins = turnsOf(block).filter((_, index) => index % contenders.length === 0);
    expect(begins.map(({ round, contender }) => [round, contender])).toEqual([
      [1, 'one-stack'],
      [1, 'holdfast'],
      [2, 'holdfast'],
      [2, 'plain-loop'],
    ]);
  });

  it('deploy once at scale, however often the rest is measured', () => {
    const turns = turnsOf({ ...block, contenders: ['holdfast'], rounds: 3, scale: true });
    expect(turns.map(({ case: which }) => which)).toEqual(['first', 'noop', 'noop', 'noop']);
  });
});

describe('blocks', () => {
  it('of one network share a lab, whatever their delay', () => {
    const groups = byNetwork([block, { ...block, size: 61 }, { ...block, delayMs: 40 }, { ...block, scale: true }]);
    expect(groups.map((group) => group.map(({ size, delayMs, scale }) => [size, delayMs, scale]))).toEqual([
      [
        [7, 0, false],
        [7, 40, false],
      ],
      [[61, 0, false]],
      [[7, 0, true]],
    ]);
  });

  it('that only look again at what they deployed need no snapshot', () => {
    expect(isDeployedTwice([{ ...block, contenders: ['holdfast'] }])).toBe(false);
    expect(isDeployedTwice([{ ...block, contenders: ['holdfast'], cases: ['change'] }])).toBe(true);
    expect(isDeployedTwice([block])).toBe(true);
  });
});

describe.each([13, 64])('the network of %d stacks', (size) => {
  it.each<[Case, number]>([
    ['first', size],
    ['noop', 0],
    ['change', 1],
    ['add', 3],
  ])('in the case %s is a valid one that gives so many stacks something to do', async (which, toRun) => {
    const text = await networkOf(size);
    expect(parseNetwork('bench.yaml', networkFor(which, text))).toMatchObject({ ok: true });
    expect(stacksToRun(which, text).size).toBe(toRun);
  });
});
