import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../domain/problem.ts';
import { shortOf } from '../domain/stack-name.ts';
import { selectStacks } from '../graph/select.ts';
import { severalStacks } from '../ui/usage.ts';
import type { OneOnly } from '../ui/usage.ts';

/**
 * The one stack that a person named, of these full names.
 * @throws Refusal where the pattern matches none, or several
 */
export function oneStack(names: Iterable<string>, pattern: string, file: string, only: OneOnly): string {
  const candidates = [...names].map((name) => ({ name, short: shortOf(name) }));
  const stacks = [...orRefuse(selectStacks(candidates, [pattern], file), exitCodes.usage)];
  const [stack] = stacks;
  if (stack !== undefined && stacks.length === 1) return stack;
  throw new Refusal(exitCodes.usage, severalStacks(pattern, stacks, only));
}
