import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../domain/problem.ts';
import { shortOf } from '../domain/stack-name.ts';
import { selectStacks } from '../graph/select.ts';

export interface OneOnly {
  /** As in `plain pulumi works on one`. */
  readonly because: string;
  /** The command for a stack. */
  readonly command: (short: string) => string;
}

/**
 * The one stack that a person named, of these full names.
 * @throws Refusal where the pattern matches none, or several
 */
export function oneStack(names: Iterable<string>, pattern: string, file: string, { because, command }: OneOnly): string {
  const candidates = [...names].map((name) => ({ name, short: shortOf(name) }));
  const [stack, ...more] = orRefuse(selectStacks(candidates, [pattern], file), exitCodes.usage);
  if (stack !== undefined && more.length === 0) return stack;
  throw new Refusal(exitCodes.usage, {
    reason: 'several-stacks',
    message: `"${pattern}" means ${more.length + 1} stacks, and ${because}`,
    next: `Name one: ${command(stack === undefined ? 'STACK' : shortOf(stack))}`,
  });
}
