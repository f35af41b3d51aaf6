import { addedFlags, asGiven, command, commandOf, holdfast, inOrder, lineOf } from '../domain/command.ts';
import { commitForm } from '../domain/forms.ts';
import type { Problem } from '../domain/problem.ts';
import type { StandingLock } from '../locks/durable-locks.ts';
import { describeLock } from '../locks/durable-locks.ts';
import type { Interrupted } from '../recovery/interrupted.ts';
import type { Question } from '../recovery/questions.ts';
import type { Claiming } from '../ownership/claim.ts';
import { afterUnreadable, tellUnreadable } from '../preflight/unreadable-checkpoints.ts';
import { plainPulumi } from '../recovery/writer.ts';
import { describeFreeze, describeOwner } from '../run/standing.ts';
import type { UnreadableState } from '../state/checkpoints.ts';

export const ifPlainIsDead = (short: string): string =>
  `If that process is dead, and all that it started: ${command('recover', short, { writerDead: plainPulumi })}`;

/** Asked where it cannot be seen whether the process that wrote is dead. */
export function writerQuestion(
  short: string,
  { process, run, doubts }: Interrupted,
  why: string,
  plain: readonly StandingLock[],
): Question {
  if (process)
    return {
      question: `${short}: ${why}. Is it dead?`,
      answers: [
        { means: 'yes: nothing of it runs any more, nor will', command: command('recover', short, { writerDead: run }) },
        { means: 'not known: wait until its session has expired, and again', command: command('recover', short) },
      ],
    };
  if (plain.length > 0) return plainQuestion(short, plain.map(describeLock).join('; '));
  return plainQuestion(
    short,
    doubts.some(({ source }) => source !== 'pending-operation')
      ? 'it was changed by something else than Holdfast, as plain pulumi does'
      : 'its checkpoint has operations that plain pulumi began',
  );
}

/** Its locks and its changes name no process that could be looked for. */
export const plainQuestion = (short: string, found: string): Question => ({
  question: `${short}: ${found}. Is that process dead, and all that it started?`,
  answers: [
    { means: 'yes: nothing of it runs any more, nor will', command: command('recover', short, { writerDead: plainPulumi }) },
    { means: 'not known: ask the person whose process it is, and again', command: command('recover', short) },
  ],
});

/** What git names a commit by, and nothing that it would take for a branch, a path or a flag. */
const isCommit = (text: string): boolean => commitForm.safeParse(text).success;

const checkoutOf = (commit: string): string => `../holdfast-${commit.slice(0, 8)}`;

/** @param refused why the journaled network file cannot be gone by */
export function programQuestion(
  short: string,
  { program, run }: Pick<Interrupted, 'program' | 'run'>,
  refused: string | undefined,
): Question {
  const commit = program?.commit;
  const what =
    refused === undefined
      ? 'the code in stacks/ is not what it was'
      : `the code of today refuses the network file (${refused}) that was used`;
  return {
    question: `${short}: ${what} in run ${run}${commit === undefined ? '' : ` (commit ${commit})`}. With which is the plan to be made that has to agree?`,
    answers: [
      ...(commit === undefined || !isCommit(commit)
        ? []
        : [
            {
              means: 'with the code of then, from a checkout of it',
              command: lineOf(
                inOrder(
                  commandOf('git', 'worktree', 'add', checkoutOf(commit), commit),
                  commandOf('cd', checkoutOf(commit)),
                  commandOf('npm', 'ci'),
                  holdfast('recover', short),
                ),
              ),
            },
          ]),
      { means: 'with the code of today', command: command('recover', short, { changedProgram: true }) },
    ],
  };
}

/** Of a stack that a person named, and that is not held. @param lock who is at work on it */
export const atWorkOn = (lock: string): Problem => ({
  reason: 'locked',
  message: lock,
  next: `It is not held: somebody is at work on it. See ${command('locks')}; a run that hangs has to be ended by its owner first.`,
});

/** @param text of the answer @param shorts of the stacks that are recovered */
export const whoseDecision = (text: string, shorts: readonly string[]): Problem => ({
  reason: 'whose-decision',
  message:
    shorts.length === 0 ? `${asGiven('decide', text)}: no stack is held` : `${asGiven('decide', text)} may be of ${shorts.join(' or ')}`,
  next:
    shorts[0] === undefined
      ? `See where the stacks stand: ${command('status')}`
      : `Say which: ${addedFlags('recover', { decide: `${shorts[0]}/${text}` })}`,
});

/** Of a held stack whose checkpoint no engine is shown: it is not taken over. */
export const distrustedHeld = (short: string, bucket: string, state: UnreadableState): string =>
  `${tellUnreadable([state]).join('; ')}. It stays held. ${afterUnreadable(bucket, [state])} Then again: ${command('recover', short)}`;

/** Why a recovery did not get the stack. */
export function describeNotTaken(stack: string, taken: Extract<Claiming, { ok: false }>): string {
  if (taken.reason === 'lock') return taken.heldBy.map(describeLock).join('; ');
  const record = taken.now.kind === 'there' ? taken.now.record : undefined;
  if (taken.refusal === 'frozen' && record?.frozen)
    return `${describeFreeze({ stack, by: record.frozen })}, and no run of Holdfast left it so: unfreeze it, then recover it`;
  return `${stack} was taken by another process a moment ago${record && 'owner' in record ? `: ${describeOwner(record.owner)}` : ''}`;
}
