import { addedFlags, command } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';
import type { Consequence } from '../run/consequences.ts';
import type { PathWarning } from '../reachability/json.ts';
import type { AddedLoop, Disturbed, Effects } from '../run/effects.ts';
import { plural } from './describe.ts';
import { findingInWords, pathLines } from './paths.ts';
import type { Style } from './reporter.ts';

/** What people read of what an edit does to traffic. */

/** Lines of a kind that are shown before the rest is counted: a first deploy of a large network brings thousands of paths. */
const mostLines = 12;

function few(lines: readonly string[]): readonly string[] {
  const more = lines.length - mostLines;
  return more > 1 ? [...lines.slice(0, mostLines), `and ${more} more, all of them with --json`] : lines;
}

/** The sections of a plan: a sign, and what it is of. */
export function effectLines(effects: Effects): readonly { readonly sign: '+' | '-' | '!' | '?'; readonly text: string }[] {
  const lines = (sign: '+' | '-' | '!' | '?', texts: readonly string[]) => few(texts).map((text) => ({ sign, text }));
  return [
    ...lines('+', pathLines(effects.appear)),
    ...lines('-', pathLines(effects.go)),
    ...lines('!', effects.interrupted.flatMap(interruptionLines)),
    ...lines('!', effects.opened.flatMap(openingLines)),
    ...lines(
      '?',
      pathLines(effects.unknown).map((line) => `cannot be told: ${line}`),
    ),
  ];
}

const interruptionLines = ({ paths, by }: Disturbed): string[] =>
  pathLines(paths).map((line) => `interrupted while ${by.join(', ')} ${by.length === 1 ? 'changes' : 'change'}: ${line}`);

const openingLines = ({ paths, by }: Disturbed): string[] =>
  pathLines(paths).map((line) => `open for a while, from ${by.join(', ')} on: ${line}`);

/** For a terminal. */
export function describeEffects(effects: Effects, style: Style): readonly string[] {
  const colour = { '+': style.green, '-': style.red, '!': style.red, '?': style.yellow } as const;
  const lines = effectLines(effects);
  return lines.length === 0 ? [] : ['  who can reach whom:', ...lines.map(({ sign, text }) => `    ${colour[sign](sign)} ${text}`)];
}

const heads: Readonly<Record<Consequence, (effects: Effects) => string>> = {
  interruption: ({ interrupted }) => `it interrupts traffic that flows before and after it: ${shortly(interrupted)}`,
  opening: ({ opened }) => `it opens paths for a while that the network file does not have: ${shortly(opened)}`,
  deletion: ({ deletes }) => `it deletes or replaces ${few(deletes).join(', ')}`,
};

const shortly = (disturbed: readonly Disturbed[]): string => {
  const lines = disturbed.flatMap(({ paths }) => pathLines(paths));
  const [first = ''] = lines;
  return lines.length > 1 ? `${first}, and ${lines.length - 1} more` : first;
};

/** What a run asks about, in one list. */
export const askedAbout = (consequences: readonly Consequence[], effects: Effects): string =>
  ['This run does what is asked about first:', ...consequences.map((consequence) => `  - ${heads[consequence](effects)}`)].join('\n');

export const notAllowed = (consequence: Consequence, effects: Effects): Problem => ({
  reason: `not-allowed-${consequence}`,
  message: `this run was not started, because ${heads[consequence](effects)}`,
  next: `See all of it with ${command('plan')}. If that is what you want: ${addedFlags('up', { allow: consequence })}`,
});

export const addsLoop = ({ to, vpcs }: AddedLoop): Problem => ({
  reason: 'adds-loop',
  message: `with this file packets to ${to.join(', ')} go round between the gateway and ${vpcs.join(', ')}, which they do not now`,
  next: 'Add a blackhole for these addresses, or take the route back to the gateway away.',
});

/** What a network file has that is hardly meant. */
export const describeWarnings = (warnings: readonly PathWarning[], style: Style): readonly string[] =>
  warnings.length === 0
    ? []
    : [`  ${style.yellow(plural(warnings.length, 'warning'))}:`, ...warningLines(warnings).map((line) => `    ${line}`)];

export const warningLines = (warnings: readonly PathWarning[]): readonly string[] =>
  few(warnings.map((warning) => `${warning.line === null ? '' : `line ${warning.line}: `}${findingInWords(warning)}`));

/** For a page: each line with its sign. */
export const effectsInMarkdown = (effects: Effects): readonly string[] => effectLines(effects).map(({ sign, text }) => `${sign} ${text}`);
