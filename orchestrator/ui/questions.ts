import type { Answer } from '../journal/events.ts';
import { wordOf } from '../recovery/describe.ts';
import type { Subject } from '../recovery/subjects.ts';
import type { Question } from '../recovery/questions.ts';
import { reasons } from './decision-words.ts';

/** @param short the stack, as a person types it */
export function questionsOf(short: string, subjects: readonly Subject[]): readonly Question[] {
  return subjects.flatMap((subject) => {
    if (subject.row.then !== 'ask' && subject.row.then !== 'duplicate') return [];
    return [{ question: questionOf(short, subject, subjects), answers: answersTo(short, subject) }];
  });
}

function questionOf(short: string, { name, type, id, row, facts, urn }: Subject, all: readonly Subject[]): string {
  const what = `${short}/${name} (${wordOf(type)}${id === undefined ? '' : ` ${id}`})`;
  if (row.then === 'duplicate') {
    const other = all.find((each) => each.urn === urn && each.id !== id && ['adopt', 'keep'].includes(each.row.then));
    return `AWS has two objects for ${short}/${name}: ${other?.id ?? 'one'} ${other?.facts.state === 'recorded' ? 'is in the state' : 'is adopted'}. What is to become of the other one, ${id ?? ''}?`;
  }
  if (facts.kind === 'unlisted' && facts.live !== 'there') return `${what}: ${reasons[row.row]}. What has become of it?`;
  if (facts.live === 'gone' && facts.findable === 'no') return `${what}: ${reasons[row.row]}. What has become of it?`;
  if (facts.live === 'gone' || facts.live === 'over') return `${what}: ${reasons[row.row]}. Is it to leave the state?`;
  if (facts.bears === 'other-target') return `${what}: it is there, and leads elsewhere than the run wanted. Whose is it?`;
  return `${what}: ${reasons[row.row]}. Whose is it?`;
}

function answersTo(short: string, { name, id, facts }: Subject): Question['answers'] {
  const command = (answer: Answer['answer'], withId = true): string =>
    `npm run recover -- ${short} --decide '${name}=${answer}${withId && id !== undefined ? `:${id}` : ''}'`;
  // Found by its tags alone; of anything else of its type no answer could be checked.
  if (facts.kind === 'unlisted' && facts.live !== 'there')
    return [
      {
        means: 'you mend it by hand, in a copy of the state (pulumi import, pulumi state delete)',
        command: `npm run recover -- ${short} --shell`,
      },
    ];
  if (facts.live === 'gone' && facts.findable === 'no')
    return [
      ...(facts.shape === 'known'
        ? [{ means: 'it was made, and enters the state', command: `npm run recover -- ${short} --decide '${name}=adopt:ID'` }]
        : []),
      { means: 'nothing was made (or you have deleted it yourself)', command: command('forget', false) },
    ];
  if (id === undefined || facts.live === 'gone' || facts.live === 'over')
    return [{ means: 'it is gone, and leaves the state', command: command('forget', false) }];
  const canAdopt = facts.state === 'unrecorded' && facts.shape === 'known' && facts.beside !== 'recorded-there';
  return [
    ...(canAdopt ? [{ means: 'it belongs to the stack, and enters the state', command: command('adopt') }] : []),
    ...(facts.shape === 'known' && facts.protect === 'no' ? [{ means: 'the next up deletes it', command: command('delete') }] : []),
    { means: 'it stays in AWS, and belongs to the stack no more', command: command('disown') },
    { means: 'you have deleted it yourself', command: `npm run recover -- ${short}` },
  ];
}
