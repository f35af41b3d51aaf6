import type { Answer } from '../journal/events.ts';

/** `vpc=adopt:vpc-0a1b`, as a person types it. */
export const describeAnswer = ({ resource, answer, id }: Answer): string => `${resource}=${answer}${id === undefined ? '' : `:${id}`}`;

/** `VPC`-like word of a type token, for people. */
export const wordOf = (type: string): string => type.split(':').at(-1) ?? type;
