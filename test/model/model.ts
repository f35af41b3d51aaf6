import { leftOut, lineUps, spare } from './line-ups.ts';
import type { Search } from './line-ups.ts';
import type { Result } from './search.ts';

/**
 * `npm run model`: every line-up, and every rule left out. `npm run model -- freeze` runs those that have the word in their name.
 * Exits with 1 where one does not come out as it is to.
 */

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const number = (value: number): string => value.toLocaleString('en-US');

const word = process.argv[2] ?? '';
const unexpected: string[] = [];

function all(title: string, searches: readonly Search[], expected: 'holds' | 'violated'): void {
  const asked = searches.filter(({ name }) => name.includes(word));
  if (asked.length === 0) return;
  say(`\n${title}\n\n| line-up | states | transitions | depth | seconds | result |\n| --- | --- | --- | --- | --- | --- |`);
  const told: string[] = [];
  for (const { name, run } of asked) {
    const { states, transitions, depth, milliseconds, verdict } = run();
    const isAsExpected = verdict.kind === expected;
    if (!isAsExpected) unexpected.push(name);
    const cells = [name, number(states), number(transitions), depth, (milliseconds / 1000).toFixed(1), inWords(verdict)];
    say(`| ${cells.join(' | ')} |${isAsExpected ? '' : ' NOT AS EXPECTED'}`);
    if ('history' in verdict)
      told.push(`\n${name}: ${inWords(verdict)}`, ...verdict.history.map((step, index) => `  ${index + 1}. ${step}`));
  }
  for (const line of told) say(line);
}

function inWords(verdict: Result['verdict']): string {
  switch (verdict.kind) {
    case 'holds':
      return 'holds; every state can end well';
    case 'violated':
      return `after ${verdict.history.length} steps: ${verdict.what}`;
    case 'stuck':
      return `after ${verdict.history.length} steps: a state that cannot end well`;
    case 'too-many-states':
      return 'more states than it was to have';
  }
}

all('With every rule', lineUps, 'holds');
all(
  'With one rule left out, something breaks',
  leftOut.map(({ number: rule, name, run }) => ({ name: `${rule}: ${name}`, run })),
  'violated',
);
all('With one of these left out, nothing does', spare, 'holds');
const memory = Math.round(process.resourceUsage().maxRSS / 1024);
say(
  `\n${unexpected.length === 0 ? 'All as expected.' : `NOT as expected: ${unexpected.join('; ')}.`} Largest memory: ${number(memory)} MB.`,
);
process.exitCode = unexpected.length === 0 ? 0 : 1;
