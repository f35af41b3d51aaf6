import { parseStackName } from '../domain/stack-name.ts';
import type { StackState } from './checkpoints.ts';

/** A stack as an earlier release deployed it. */
export interface EarlierStack {
  readonly short: string;
  /** Type tokens of what is another stack's now. */
  readonly types: readonly string[];
}

/**
 * The stacks whose state has what another kind of stack owns now. Over such a state the program would delete what the other stack is about to make.
 * @param earlierOf type tokens that stacks of the kind had in an earlier release, and have no more
 */
export function earlierStacks(
  states: Iterable<Pick<StackState, 'stack' | 'short' | 'types'>>,
  earlierOf: (kind: string) => readonly string[],
): readonly EarlierStack[] {
  return [...states].flatMap(({ stack, short, types }) => {
    const earlier = earlierOf(parseStackName(stack)?.kind ?? '').filter((type) => types.includes(type));
    return earlier.length === 0 ? [] : [{ short, types: earlier }];
  });
}
