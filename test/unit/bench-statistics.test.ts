import { describe, expect, it } from 'vitest';
import { ratiosOf, spreadOf } from '../../bench/statistics.ts';

describe('a spread', () => {
  it('has the middle of an odd number of values, in whatever order they came', () => {
    expect(spreadOf([9, 1, 4])).toEqual({ median: 4, min: 1, max: 9 });
  });

  it('has the mean of the two in the middle of an even number', () => {
    expect(spreadOf([10, 1, 2, 4])).toEqual({ median: 3, min: 1, max: 10 });
  });

  it('of one value is that value', () => {
    expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 });
  });

  it('of nothing is none', () => {
    expect(spreadOf([])).toBeUndefined();
  });
});

describe('ratios', () => {
  it('compare what was measured in the same round', () => {
    const ours = new Map([
      [1, 10],
      [2, 30],
    ]);
    const theirs = new Map([
      [2, 10],
      [1, 20],
    ]);
    expect(ratiosOf(ours, theirs)).toEqual([0.5, 3]);
  });

  it('leave out a round that only one has, and one in which the other took nothing', () => {
    const ours = new Map([
      [1, 10],
      [2, 30],
      [3, 5],
    ]);
    const theirs = new Map([
      [1, 0],
      [2, 15],
    ]);
    expect(ratiosOf(ours, theirs)).toEqual([2]);
  });
});
