import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../bench/options.ts';
import type { Options } from '../../bench/options.ts';

function optionsOf(...args: string[]): Options {
  const parsed = parseOptions(args, 2);
  if (parsed.kind !== 'run') throw new Error(JSON.stringify(parsed));
  return parsed.options;
}

const sizesOf = ({ blocks }: Options) => blocks.map(({ size, delayMs, rounds }) => [size, delayMs, rounds]);

describe('the options of the benchmark', () => {
  it('without any: the example at both delays, and 64 stacks once', () => {
    const options = optionsOf();
    expect(sizesOf(options)).toEqual([
      [13, 0, 3],
      [13, 40, 2],
      [64, 0, 1],
    ]);
    expect(options).toMatchObject({ parallel: 2, json: false, write: true });
  });

  it('of sizes alone: at both delays', () => {
    expect(sizesOf(optionsOf('--sizes', '304'))).toEqual([
      [304, 0, 3],
      [304, 40, 3],
    ]);
  });

  it('choose sizes, delays, cases and rounds', () => {
    const options = optionsOf('--sizes', '7,304', '--delays', '0', '--cases', 'add,noop', '--rounds', '5');
    expect(sizesOf(options)).toEqual([
      [7, 0, 5],
      [304, 0, 5],
    ]);
    expect(options.blocks[0]?.cases).toEqual(['noop', 'add']);
  });

  it('at scale: 1,504 stacks by Holdfast alone, deployed and then left as they are', () => {
    expect(optionsOf('--scale').blocks).toEqual([
      { size: 1504, delayMs: 0, cases: ['first', 'noop'], rounds: 3, contenders: ['holdfast'], scale: true },
    ]);
  });

  it('do not write a page of which the peers are missing', () => {
    expect(optionsOf('--only', 'holdfast')).toMatchObject({ write: false, blocks: [{ contenders: ['holdfast'] }, {}, {}] });
  });

  it.each([
    [
      ['--sizes', '8'],
      '--sizes "8": it takes numbers of stacks (three for each VPC, three for segments, and one for the gateway: 7, 10, 13) up to 12289, with commas between them.',
    ],
    [['--sizes', '7,,64'], '--sizes "": it takes numbers'],
    [['--delays', 'none'], '--delays "none": it takes milliseconds from 0 to 10000, with commas between them.'],
    [['--cases', 'noop,nothing'], '--cases "nothing": it takes first, noop, change, add, with commas between them.'],
    [['--rounds', '0'], '--rounds "0": it takes a number from 1 to 99.'],
    [['--rounds', '1,2'], '--rounds "1,2": it takes one number.'],
    [['--scale', '--only', 'holdfast'], '--scale is of Holdfast alone'],
    [['--fast'], "Unknown option '--fast'"],
    [['fast'], "Unexpected argument 'fast'"],
  ])('refuse %j in words', (args, words) => {
    const parsed = parseOptions(args, 2);
    expect(parsed).toMatchObject({ kind: 'refused' });
    expect(parsed.kind === 'refused' && parsed.message).toContain(words);
  });
});
