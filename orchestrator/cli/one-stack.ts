import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../domain/problem.ts';
import { selectStacks } from '../graph/select.ts';
import { severalStacks } from '../ui/usage.ts';
import type { OneOnly } from '../ui/usage.ts';
import { candidatesOf } from './names-in-file.ts';
import type { NamedFile } from './names-in-file.ts';

/**
 * The one stack that a person named, of these full names.
 * @throws Refusal where the pattern matches none, or several
 */
export function oneStack(names: Iterable<string>, pattern: string, file: NamedFile, only: OneOnly): string {
  const stacks = [...orRefuse(selectStacks(candidatesOf(file, names), [pattern], file.network.file), exitCodes.usage)];
  const [stack] = stacks;
  if (stack !== undefined && stacks.length === 1) return stack;
  throw new Refusal(exitCodes.usage, severalStacks(pattern, stacks, only));
}
