import type { Answer } from '../journal/events.ts';

/**
 * What was answered before, and this. A resource is one object: another one that is adopted takes the first one's place. What names no object is said of
 * the whole resource.
 */
export function withAnswer(before: readonly Answer[], answer: Answer): readonly Answer[] {
  const isReplaced = (old: Answer): boolean =>
    old.resource === answer.resource &&
    (answer.id === undefined || old.id === answer.id || (old.answer === 'adopt' && answer.answer === 'adopt'));
  return [...before.filter((old) => !isReplaced(old)), answer];
}
