import { readFileSync } from 'node:fs';
import type { Linter, Rule } from 'eslint';
import { describe, expect, it } from 'vitest';
import { foundBy, loadLint } from './support/lint-rule.ts';

const root = new URL('../../', import.meta.url);
const { default: rule } = await loadLint<{ default: Rule.RuleModule }>('lint/no-decision-on-words.js');
const { mayReadWords, default: config } = await loadLint<{
  mayReadWords: Readonly<Record<string, string>>;
  default: readonly Linter.Config[];
}>('eslint.config.js');

/** How many decisions on words the code has. */
const found = foundBy(rule);

describe('a decision on a sentence', () => {
  it.each([
    ['of what a destructured doubt begins with', 'doubts.some(({ text }) => text.startsWith(unseenEnd))'],
    ['of a comparison with a constant', 'const code = end.because === otherRun ? 0 : 3;'],
    ['of a comparison the other way round', "if ('gone' !== standing.message) stop();"],
    ['of what a reason includes', "if (content.kind === 'unreadable' && content.why.includes('newer')) stop();"],
    ['of the message of an error', "if (!(cause instanceof Error) || !cause.message.startsWith('.holdfast/')) throw cause;"],
    ['of the message of whatever was thrown', "if (messageOf(cause).includes('locked')) stop();"],
    ['of a message that was given a name', "const words = messageOf(cause); if (words.includes('locked')) stop();"],
    ['of words that are renamed where they are taken apart', 'const { why: reason } = read; if (/newer/.test(reason)) stop();'],
    ['of words that may be missing', 'if (event?.detail?.match(/denied/) ?? false) stop();'],
    ['of words or nothing', "if ((read.why ?? '').endsWith('gone')) stop();"],
    ['of words in small letters', "if (end.said.toLowerCase().trim() === 'held') stop();"],
    ['of words by a regular expression', 'const action = /may not call (.*)/.exec(cause.message)?.[1];'],
    ['of words by a list of sentences', 'if (known.has(end.because)) stop();'],
    ['of words by a switch', "switch (lock.why) { case 'gone': stop(); }"],
    ['that cuts a sentence up', "print(line.message.replace(/^HELD /, ''));"],
  ])('is refused: %s', (_, code) => {
    expect(found(code)).toBe(1);
  });

  it.each([
    ['a code', "if (doubt.source === 'engine-end-unseen' && end.reason !== 'stopped') stop();"],
    ['whether there are words', "if (flags.why !== undefined && end.said !== null && doubt.text !== '') stop();"],
    ['words that are only told', 'print(`${short}: ${held.why}. ${messageOf(cause)}`, notes.map(({ text }) => text).join());'],
    [
      'a value that is called a text, and is none of these',
      "export const parse = (text: string) => text.split('.').length === 2 && /x/.test(text);",
    ],
    ['the name of an error', "if (/^NotFound/.test(cause.name) || cause.code.startsWith('E')) stop();"],
  ])('is not: %s', (_, code) => {
    expect(found(code)).toBe(0);
  });

  it('is looked for in all of the orchestrator but what words things, and where words are read with a reason', () => {
    expect(config.find(({ name }) => name === 'codes-and-not-sentences')).toMatchObject({
      files: ['orchestrator/**/*.ts'],
      ignores: ['orchestrator/ui/**', ...Object.keys(mayReadWords)],
      rules: { 'holdfast/no-decision-on-words': 'error' },
    });
  });

  it.each(Object.entries(mayReadWords))('is allowed only where there is one: %s, since %s', (path) => {
    expect(found(readFileSync(new URL(path, root), 'utf8'))).toBeGreaterThan(0);
  });
});
