import picomatch from 'picomatch';
import { closest } from 'fastest-levenshtein';
import { command } from '../domain/command.ts';
import { notOk, ok } from '../domain/problem.ts';
import type { Problem, Result } from '../domain/problem.ts';

export interface Candidate {
  readonly name: string;
  readonly short: string;
  /** Another short name of it. Where a stack is called so, it is that one's alone. */
  readonly also?: string;
}

/**
 * The stacks that a person named: short names (`vpc.shared`), full names, or globs over either (`vpc.*`); all of them where none was named.
 * A pattern that matches nothing is a problem, never silently nothing.
 */
export function selectStacks(candidates: readonly Candidate[], patterns: readonly string[], file: string): Result<Set<string>> {
  if (patterns.length === 0) return ok(new Set(candidates.map(({ name }) => name)));
  const problems: Problem[] = [];
  const taken = new Set(candidates.map(({ short }) => short));
  const names = candidates.map(({ name, short, also }) => ({
    name,
    called: [name, short, ...(also === undefined || taken.has(also) ? [] : [also, name.slice(0, name.length - short.length) + also])],
  }));
  const selected = new Set<string>();
  for (const pattern of patterns) {
    if (!/^[a-z0-9.*?{},[\]-]+$/.test(pattern)) {
      problems.push({
        reason: 'bad-stack-name',
        message: `"${pattern}" is not a stack name`,
        next: `A stack is named like vpc.shared, example.vpc.shared or vpc.*; \`${command('graph')}\` lists them.`,
      });
      continue;
    }
    const matches = picomatch(pattern, { dot: true });
    const found = names.filter(({ called }) => called.some((each) => matches(each)));
    for (const { name } of found) selected.add(name);
    if (found.length === 0)
      problems.push({
        reason: 'unknown-stack',
        message: `no stack of ${file} is called "${pattern}"`,
        next:
          candidates.length === 0
            ? 'The network has no stacks.'
            : `Did you mean "${closest(
                pattern,
                candidates.map(({ short }) => short),
              )}"? \`${command('graph')}\` lists them all.`,
      });
  }
  return problems.length > 0 ? notOk(...problems) : ok(selected);
}
