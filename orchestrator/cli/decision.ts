import type { Answer } from '../journal/events.ts';

/** `vpc=adopt:vpc-0a1b`, or `vpc.one/vpc=adopt:vpc-0a1b` where several stacks are recovered. */
export interface Decided {
  readonly text: string;
  readonly resource: string;
  readonly answer: Answer['answer'];
  readonly id?: string;
}

/** @throws where the text is none */
export function parseDecision(text: string): Decided {
  const match = /^(.+?)=(adopt|forget|disown|delete)(?::(.+))?$/.exec(text);
  const [, resource, answer, id] = match ?? [];
  if (resource === undefined || answer === undefined)
    throw new Error(`"${text}" is no decision: RESOURCE=adopt:ID, RESOURCE=forget, RESOURCE=disown:ID or RESOURCE=delete:ID`);
  if (id === undefined && (answer === 'adopt' || answer === 'delete'))
    throw new Error(`"${text}" does not say which: ${resource}=${answer}:ID`);
  if (id !== undefined && answer === 'forget') throw new Error(`"${text}": what is forgotten has no id: ${resource}=forget`);
  return { text, resource, answer: answer as Answer['answer'], ...(id === undefined ? {} : { id }) };
}
