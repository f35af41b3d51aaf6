import type { Decision, FactName, Facts } from './facts.ts';

/** What a plan over the reconciled state may show for the resource, and still be the rest of what the run began. */
export type PlannedOp = 'same' | 'update' | 'create' | 'replace' | 'delete';

export interface Row {
  /** Stable: dossiers name it. */
  readonly row: string;
  /** Facts that are not named do not matter. */
  readonly when: { readonly [F in FactName]?: Facts[F] | readonly Facts[F][] };
  readonly then: Decision;
  readonly because: string;
  /** Absent where the resource is not in doubt: its plan says nothing about the recovery. */
  readonly plan?: readonly PlannedOp[];
}

const settled: readonly PlannedOp[] = ['same', 'update'];

/**
 * Facts to decision: the first row that fits counts. Everything that recovery decides is decided here. What no row is sure of ends in the last one.
 * `docs/failure-model.md` prints it.
 */
export const decisionTable: readonly Row[] = [
  {
    row: 'E1',
    when: { kind: 'engine', state: 'unrecorded' },
    then: 'forget',
    because: 'the engine makes it anew by itself; AWS has nothing of it',
  },
  { row: 'E2', when: { kind: 'engine' }, then: 'keep', because: 'AWS has nothing of it' },
  {
    row: 'E3',
    when: { kind: 'unlisted', operation: 'none', state: ['recorded', 'condemned', 'replaced-away'] },
    then: 'keep',
    because: 'the run did not touch it, and AWS cannot be asked for its type',
  },
  {
    row: 'E5',
    when: { kind: 'unlisted', live: 'there', said: 'disown' },
    then: 'disown',
    because: 'a person said to leave it to somebody else',
  },
  { row: 'E4', when: { kind: 'unlisted' }, then: 'ask', because: 'AWS cannot be asked for its type' },

  { row: 'W1', when: { live: 'unseen' }, then: 'wait', because: 'AWS could not be asked for it' },
  { row: 'W2', when: { live: 'unsettled' }, then: 'wait', because: 'AWS may not show yet what was done' },
  { row: 'W3', when: { live: 'coming' }, then: 'wait', because: 'AWS is still making it' },
  { row: 'W4', when: { live: 'going' }, then: 'wait', because: 'AWS is still deleting it' },

  {
    row: 'G0',
    when: { live: 'gone', findable: 'no', state: ['unrecorded', 'recorded'], said: ['nothing', 'adopt', 'disown', 'delete'] },
    then: 'ask',
    because: 'it may have been made, and nothing tells it from other objects (no tags, or a key that is not known)',
  },
  {
    row: 'G1',
    when: { live: 'gone', state: 'unrecorded', operation: 'create' },
    then: 'forget',
    because: 'nothing was made, or what was made is gone',
    plan: ['create', 'same', 'update', 'replace'],
  },
  {
    row: 'G2',
    when: { live: 'gone', state: 'unrecorded' },
    then: 'forget',
    because: 'it is gone, and the state does not have it',
    plan: ['create', 'same', 'update', 'replace', 'delete'],
  },
  {
    row: 'G3',
    when: { live: ['gone', 'over'], state: 'replaced-away', beside: 'successor' },
    then: 'forget',
    because: 'it was deleted to be replaced, and its replacement was made',
    plan: settled,
  },
  {
    row: 'G4',
    when: { live: ['gone', 'over'], state: 'replaced-away' },
    then: 'keep',
    because: 'it was deleted to be replaced, and the next up makes the replacement',
    plan: ['replace', 'create', 'delete'],
  },
  { row: 'G5', when: { live: 'gone', state: 'condemned' }, then: 'forget', because: 'it was to be deleted, and is gone' },
  {
    row: 'G6',
    when: { live: ['gone', 'over'], state: 'recorded', protect: 'yes', said: ['nothing', 'adopt', 'disown', 'delete'] },
    then: 'ask',
    because: 'it is protected, and gone from AWS',
  },
  {
    row: 'O1',
    when: { live: 'over' },
    then: 'forget',
    because: 'AWS could not make it, and shows that for a while: it will never be there, and nobody can delete it',
    plan: ['create', 'same', 'update', 'replace', 'delete'],
  },
  {
    row: 'G7',
    when: { live: 'gone', state: 'recorded', operation: 'delete' },
    then: 'forget',
    because: 'it was deleted',
    plan: ['create', 'same', 'update', 'replace'],
  },
  {
    row: 'G8',
    when: { live: 'gone', state: 'recorded', operation: 'none' },
    then: 'forget',
    because: 'somebody deleted it: the run did not touch it',
  },
  { row: 'G9', when: { live: 'gone', state: 'recorded' }, then: 'forget', because: 'it is gone', plan: ['create', 'replace'] },

  {
    row: 'P1',
    when: { live: 'there', said: 'adopt', state: 'unrecorded', shape: 'known', beside: ['alone', 'recorded-gone', 'twin'] },
    then: 'adopt',
    because: 'a person said that it is the one',
    plan: settled,
  },
  {
    row: 'P2',
    when: { live: 'there', said: 'adopt', state: 'recorded', beside: ['alone', 'recorded-there', 'recorded-gone', 'twin'] },
    then: 'keep',
    because: 'a person said that it is the one, and the state has it',
  },
  { row: 'P3', when: { live: 'there', said: 'disown' }, then: 'disown', because: 'a person said to leave it to somebody else' },
  {
    row: 'P4',
    when: { live: 'there', said: 'delete', protect: 'no', shape: 'known' },
    then: 'condemn',
    because: 'a person said to delete it: the next up does',
  },

  {
    row: 'R1',
    when: { live: 'there', state: 'recorded', beside: 'successor', protect: 'yes' },
    then: 'ask',
    because: 'it is protected, and the run made another one to replace it',
  },
  {
    row: 'R2',
    when: { live: 'there', state: 'recorded', beside: 'successor', retain: 'yes' },
    then: 'disown',
    because: 'it was replaced, and is to stay in AWS (retainOnDelete)',
  },
  {
    row: 'R3',
    when: { live: 'there', state: 'recorded', beside: 'successor' },
    then: 'condemn',
    because: 'it was replaced: the next up deletes it',
    plan: ['same', 'update', 'delete'],
  },
  {
    row: 'R4',
    when: { live: 'there', state: 'recorded', operation: 'none' },
    then: 'keep',
    because: 'AWS has it, and the run did not touch it',
  },
  {
    row: 'R5',
    when: { live: 'there', state: 'recorded', operation: 'delete' },
    then: 'keep',
    because: 'it was not deleted: the next up does it',
    plan: ['delete', 'replace', 'same', 'update'],
  },
  {
    row: 'R6',
    when: { live: 'there', state: 'recorded' },
    then: 'keep',
    because: 'AWS has it under the id that the state has',
    plan: settled,
  },
  {
    row: 'R7',
    when: { live: 'there', state: 'condemned', retain: 'yes' },
    then: 'disown',
    because: 'it was replaced, and is to stay in AWS (retainOnDelete)',
  },
  { row: 'R8', when: { live: 'there', state: 'condemned' }, then: 'condemn', because: 'it was replaced: the next up deletes it' },

  {
    row: 'U1',
    when: { live: 'there', state: 'unrecorded', beside: 'twin' },
    then: 'duplicate',
    because: 'there are two objects of one resource, and the other one goes before it',
  },
  {
    row: 'U2',
    when: { live: 'there', state: 'unrecorded', operation: 'create', bears: ['our-tags', 'our-key'], shape: 'known' },
    then: 'adopt',
    because: 'the run made it, and nobody wrote it down',
    plan: settled,
  },
  {
    row: 'U3',
    when: { live: 'there', state: 'unrecorded', operation: 'create', trail: 'made', shape: 'known' },
    then: 'adopt',
    because: 'CloudTrail says that the run made it',
    plan: settled,
  },
  {
    row: 'U4',
    when: { live: 'there', state: 'unrecorded', operation: 'create', bears: ['other-target', 'nothing'], trail: 'open', shape: 'known' },
    then: 'wait',
    because: 'CloudTrail may say whether the run made it',
  },
  {
    row: 'U5',
    when: { live: 'there', state: 'unrecorded', operation: ['read', 'import'], findable: 'yes', bears: 'nothing' },
    then: 'forget',
    because: 'the run only looked at it, and the next up does so again',
    plan: ['create', 'same', 'update', 'replace'],
  },
  {
    row: 'U6',
    when: { live: 'there', state: 'unrecorded', operation: 'delete', retain: 'yes' },
    then: 'disown',
    because: 'it is to stay in AWS (retainOnDelete)',
  },
  {
    row: 'U7',
    when: { live: 'there', state: 'unrecorded', operation: 'none', bears: 'our-key', beside: 'recorded-gone', shape: 'known' },
    then: 'adopt',
    because: 'somebody made it anew under the same key',
    plan: settled,
  },
  {
    row: 'U9',
    when: { live: 'there', state: 'unrecorded', operation: 'update', bears: 'our-key', beside: 'recorded-gone', shape: 'known' },
    then: 'adopt',
    because: 'the update made it in the place of the one that the state has',
    plan: settled,
  },
  {
    row: 'U8',
    when: { live: 'there', state: 'unrecorded', operation: 'none', beside: 'recorded-there' },
    then: 'duplicate',
    because: 'the state has another object of the same resource',
  },

  { row: 'X', when: {}, then: 'ask', because: 'the evidence does not decide' },
];

/** The row that fits: there always is one, as the last one fits everything. */
export function decide(facts: Facts): Row {
  const row = decisionTable.find(({ when }) => fits(when, facts));
  if (!row) throw new Error('the decision table has no last row');
  return row;
}

function fits(when: Row['when'], facts: Facts): boolean {
  return Object.entries(when).every(([name, wanted]) => {
    const value = facts[name as FactName];
    return typeof wanted === 'string' ? wanted === value : wanted.includes(value as never);
  });
}
