import { command, isTypeable } from '../domain/command.ts';
import type { Answer } from '../journal/events.ts';
import { wordOf } from '../recovery/describe.ts';
import type { Source, Subject } from '../recovery/subjects.ts';
import type { Question } from '../recovery/questions.ts';
import { reasons } from './decision-words.ts';
import { describeSource } from './sources.ts';

/** @param short the stack, as a person types it */
export function questionsOf(short: string, subjects: readonly Subject[]): readonly Question[] {
  return subjects.flatMap((subject) => {
    if (subject.row.then !== 'ask' && subject.row.then !== 'duplicate') return [];
    return [{ question: questionOf(short, subject, subjects) + byTagAlone(short, subject), answers: answersTo(short, subject) }];
  });
}

/** Sources that speak of this very object. A create that was begun has no id: what it made is told by the tags. */
const speakOfIt: readonly Source['from'][] = ['checkpoint', 'version', 'spool', 'cloudtrail'];

/** A tag is no evidence: it makes a question at most, and the person who answers has to know that. */
function byTagAlone(short: string, { id, facts, sources }: Subject): string {
  if (facts.bears !== 'our-tags' || facts.state !== 'unrecorded' || sources.some(({ from }) => speakOfIt.includes(from))) return '';
  return ` Only the tags of ${id ?? 'it'} say that it belongs to ${short}, and anyone who may tag objects in this account can set them`;
}

function questionOf(short: string, { name, type, id, row, facts, urn, sources }: Subject, all: readonly Subject[]): string {
  const what = `${short}/${name} (${wordOf(type)}${id === undefined ? '' : ` ${id}`})`;
  if (row.then === 'duplicate') {
    const other = all.find((each) => each.urn === urn && each.id !== id && ['adopt', 'keep'].includes(each.row.then));
    return `AWS has two objects for ${short}/${name}: ${other?.id ?? 'one'} ${other?.facts.state === 'recorded' ? 'is in the state' : 'is adopted'}. What is to become of the other one, ${id ?? ''}?`;
  }
  if (facts.kind === 'unlisted' && facts.live !== 'there') return `${what}: ${reasons[row.row]}. What has become of it?`;
  if (facts.live === 'gone' && facts.findable === 'no') return `${what}: ${reasons[row.row]}. What has become of it?`;
  if (facts.live === 'gone' || facts.live === 'over') return `${what}: ${reasons[row.row]}. Is it to leave the state?`;
  const whose = facts.live === 'there' ? sources.find(({ from }) => from === 'another-state' || from === 'unread-states') : undefined;
  if (whose?.from === 'another-state') return `${what}: ${reasons[row.row]}: ${describeSource(whose)}. Which of the two is to have it?`;
  if (facts.bears === 'cannot-tell' && whose) return `${what}: ${reasons[row.row]} (${describeSource(whose)}). Whose is it?`;
  if (facts.bears === 'other-target') return `${what}: it is there, and leads elsewhere than the run wanted. Whose is it?`;
  return `${what}: ${reasons[row.row]}. Whose is it?`;
}

/** Whether `--decide` can name it, and means it: what comes behind the name is told from it by its form. */
const canBeNamed = (name: string, id = 'ID'): boolean =>
  name !== '' && id !== '' && isTypeable(`${name}=disown:${id}`) && !/=(adopt|forget|disown|delete):/.test(name);

function answersTo(short: string, { name, id, facts, sources }: Subject): Question['answers'] {
  // What begins with the name of a stack is taken for its.
  const named = name.startsWith(`${short}/`) ? `${short}/${name}` : name;
  const decide = (answer: Answer['answer'], withId = true): string =>
    command('recover', short, { decide: `${named}=${answer}${withId && id !== undefined ? `:${id}` : ''}` });
  if (!canBeNamed(name, id))
    return [
      {
        means: 'no command can name it: correct what is wrong with its name, in the tag of the object or in the program, and then again',
        command: command('recover', short),
      },
    ];
  // Found by its tags alone; of anything else of its type no answer could be checked.
  if (facts.kind === 'unlisted' && facts.live !== 'there')
    return [
      {
        means: 'you mend it by hand, in a copy of the state (pulumi import, pulumi state delete)',
        command: command('recover', short, { shell: true }),
      },
    ];
  if (facts.live === 'gone' && facts.findable === 'no')
    return [
      ...(facts.shape === 'known'
        ? [{ means: 'it was made, and enters the state', command: command('recover', short, { decide: `${named}=adopt:ID` }) }]
        : []),
      { means: 'nothing was made (or you have deleted it yourself)', command: decide('forget', false) },
    ];
  if (id === undefined || facts.live === 'gone' || facts.live === 'over')
    return [{ means: 'it is gone, and leaves the state', command: decide('forget', false) }];
  if (facts.bears === 'another-stack')
    return [
      {
        means: 'you take it out of one of the two states, here in a copy (pulumi state delete)',
        command: command('recover', short, { shell: true }),
      },
    ];
  // What may be another stack's is not to be had, and not to be deleted.
  if (facts.bears === 'cannot-tell' || sources.some(({ from }) => from === 'unread-states'))
    return [
      { means: 'the states of the other stacks can be read again, or you have deleted it yourself', command: command('recover', short) },
    ];
  const canAdopt = facts.state === 'unrecorded' && facts.shape === 'known' && facts.beside !== 'recorded-there';
  return [
    ...(canAdopt ? [{ means: 'it belongs to the stack, and enters the state', command: decide('adopt') }] : []),
    ...(facts.shape === 'known' && facts.protect === 'no' ? [{ means: 'the next up deletes it', command: decide('delete') }] : []),
    { means: 'it stays in AWS, and belongs to the stack no more', command: decide('disown') },
    { means: 'you have deleted it yourself', command: command('recover', short) },
  ];
}
