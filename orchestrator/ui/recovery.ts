import { command, commandOf, lineOf } from '../domain/command.ts';
import type { RowName } from '../recovery/decision-table.ts';
import type { Plan } from '../recovery/dossier.ts';
import type { Subject } from '../recovery/subjects.ts';
import { isEmptyPlan } from '../recovery/verify.ts';
import type { PlannedStep } from '../recovery/verify.ts';
import type { RecoveryWords } from '../recovery/words.ts';
import { reasons } from './decision-words.ts';
import { plural } from './describe.ts';
import { dossierPage } from './dossier-page.ts';
import { questionsOf } from './questions.ts';
import { describeSource } from './sources.ts';

/** More than this of one kind are counted: each decision has had its own line. */
const namedAtMost = 3;

/** Of the first deploy of a stack nearly everything is left. */
const leftToldAtMost = 8;

/** Rows that go by what the states of other stacks have. */
const tellsWhose: readonly RowName[] = ['S1', 'S2', 'S3', 'S4'];

export const recoveryWords: RecoveryWords = {
  page: dossierPage,
  because: ({ row }, sources = []) => {
    const told = sources.find(({ from }) => from === 'another-state' || from === 'unread-states');
    return told && tellsWhose.includes(row) ? `${reasons[row]} (${describeSource(told)})` : reasons[row];
  },
  source: describeSource,
  questions: questionsOf,
  subjects: describeSubjects,
  checked: (plan, differences) => {
    const other = differences.length === 0 ? '' : `; ${plural(differences.length, 'other difference')}`;
    return `AWS and the state agree${other}; ${'failed' in plan ? 'the plan failed' : describePlan(plan)}`;
  },
  plan: describePlan,
  restore: (short, { bucket, key, prefix, lastGood }) => {
    const again = `then again: ${command('recover', short)}`;
    return lastGood !== undefined
      ? `Every version is under ${prefix}. Put the last good one back, ${again}\n  ${lineOf(commandOf('aws', 's3api', 'copy-object', { bucket, key, copySource: `${bucket}/${key}?versionId=${lastGood}` }))}`
      : `Every version is under ${prefix}, and the engine takes none of them. Put a good one back, ${again}`;
  },
  spool: (short, what) =>
    what === 'other'
      ? `${short}: the file in the spool of its run is not what the run put there, by its SHA-256 in the record: it is left out. Where it was fetched, fetch it again.`
      : `${short}: its run left a checkpoint in the spool, and nothing in the bucket says what is in it: it counts as far as this machine can be believed.`,
  left: (plan) => {
    const left = 'failed' in plan ? [] : plan.changes.filter(({ op }) => op !== 'same').map(describeChange);
    const more = left.length - leftToldAtMost;
    if (left.length === 0) return undefined;
    return `left to do: ${left.slice(0, leftToldAtMost).join(', ')}${more > 0 ? `, and ${more} more in its dossier` : ''}`;
  },
};

/** `adopted vpc (vpc-0a1b); forgot subnet-a`, of what is not as the state had it. */
function describeSubjects(subjects: readonly Subject[]): string {
  const words = { adopt: 'adopted', forget: 'forgot', condemn: 'to be deleted:', disown: 'disowned' } as const;
  const isTold = ({ row, facts }: Subject): boolean => facts.kind === 'cloud' && !(row.then === 'condemn' && facts.state === 'condemned');
  const told = Object.entries(words).flatMap(([decision, word]) => {
    const those = subjects.filter((subject) => subject.row.then === decision && isTold(subject));
    return those.length > namedAtMost
      ? [`${word} ${those.length} resources`]
      : those.map(({ name, id }) => `${word} ${name}${id === undefined ? '' : ` (${id})`}`);
  });
  return told.length === 0 ? 'everything is as the state has it' : told.join(', ');
}

function describePlan(plan: Plan): string {
  if ('failed' in plan) return `the plan failed: ${plan.failed.join('; ')}`;
  if (isEmptyPlan(plan.changes)) return 'a plan shows nothing to do';
  const counts = new Map<string, number>();
  for (const { op } of plan.changes) if (op !== 'same') counts.set(op, (counts.get(op) ?? 0) + 1);
  return `a plan shows ${[...counts].map(([op, count]) => `${count} to ${op}`).join(', ')}`;
}

const describeChange = ({ op, name, changed }: PlannedStep): string =>
  `${op} ${name}${changed.length === 0 ? '' : ` (${changed.join(', ')})`}`;
