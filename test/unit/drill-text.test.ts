import { expect, it } from 'vitest';
import { describeOutcome } from '../../lab/drills/describe-outcome.ts';
import { clock, inColumns, indented } from '../../lab/drills/text.ts';
import { wrapped } from '../../orchestrator/ui/table.ts';
import { styleFor } from '../../orchestrator/ui/reporter.ts';

it('wraps at words, keeps the indentation of a line, and moves the rest of it in', () => {
  expect(wrapped('  one two three four', 10, 2)).toEqual(['  one two', '    three', '    four']);
});

it('leaves a word alone that is longer than a line', () => {
  expect(wrapped('see s3://bucket/a/long/key now', 12)).toEqual(['see', 's3://bucket/a/long/key', 'now']);
});

it('counts colours as nothing', () => {
  expect(wrapped('\u001b[31mred\u001b[0m and blue', 12)).toHaveLength(1);
});

it('indents every line, and leaves out empty ones', () => {
  expect(indented('\na\n\n  b\n', 3, Number.POSITIVE_INFINITY)).toBe('   a\n     b');
});

it('wraps each cell in its own column', () => {
  expect(inColumns([['1', 'a b c', 'last']], [2, 3, 4])).toBe('1   a b  last\n    c');
});

it.each([
  [0, '00:00'],
  [61_400, '01:01'],
  [5_400_000, '90:00'],
  [-5_000, '00:00'],
])('%d ms on the clock are %s', (milliseconds, text) => {
  expect(clock(milliseconds)).toBe(text);
});

it('tells the two timelines beside each other, from the break on, and ends with the one number', () => {
  const row = { step: '1 froze', byHand: 'told everyone', here: 'nothing to do', fromMs: 100_000, toMs: 108_000 };
  const text = describeOutcome(
    {
      brokeAtMs: 100_000,
      greenAtMs: 171_600,
      minutesByHand: 90,
      timeline: [row, { ...row, step: '2 planned', fromMs: 171_000, toMs: 171_000 }],
      proofs: [{ proves: 'it holds', said: 'because', shown: {} }],
    },
    styleFor({ write: () => undefined }, {}),
  );
  expect(text.split('\n').map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
    '',
    'what proves it',
    ' | ok it holds: because',
    '',
    'when | by hand, in 90 min | here',
    '00:00-00:08 | 1 froze | told everyone | nothing to do',
    '01:11 | 2 planned | told everyone | nothing to do',
    '',
    'from break to green: 72 s here; 90 min in the postmortem',
  ]);
});
