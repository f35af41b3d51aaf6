import type { Answer, JournalEvent } from '../journal/events.ts';

/** `vpc=adopt:vpc-0a1b`, as a person types it. */
export const describeAnswer = ({ resource, answer, id }: Answer): string => `${resource}=${answer}${id === undefined ? '' : `:${id}`}`;

type Examined = Extract<JournalEvent, { type: 'examined' }>;

/** `adopt vpc (vpc-0a1b), forget subnet-a`; what is kept as it was is not worth a word. */
export function describeDecisions(decisions: Examined['decisions']): string {
  const told = decisions
    .filter(({ decision }) => decision !== 'keep')
    .map(({ urn, id, decision }) => `${decision} ${urn.split('::').at(-1) ?? urn}${id === undefined ? '' : ` (${id})`}`);
  return told.length === 0 ? 'everything is as the state has it' : told.join(', ');
}
