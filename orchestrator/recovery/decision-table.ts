import type { Decision, FactName, Facts } from './facts.ts';

/** What a plan over the reconciled state may show for the resource, and still be the rest of what the run began. */
export type PlannedOp = 'same' | 'update' | 'create' | 'replace' | 'delete';

export interface Row {
  /** Stable: dossiers name it. Why it comes to what it does is said in `ui/decision-words.ts`. */
  readonly row: RowName;
  /** Facts that are not named do not matter. */
  readonly when: { readonly [F in FactName]?: Facts[F] | readonly Facts[F][] };
  readonly then: Decision;
  /** Absent where the resource is not in doubt: its plan says nothing about the recovery. */
  readonly plan?: readonly PlannedOp[];
}

const settled: readonly PlannedOp[] = ['same', 'update'];
/** Of no other stack, as far as is known. */
const ours: readonly Facts['bears'][] = ['our-tags', 'our-key', 'other-target', 'nothing'];
/** By the same run of the program that finds nothing there. */
const remade: readonly PlannedOp[] = ['create', 'same', 'update', 'replace'];

/**
 * Facts to decision: the first row that fits counts. Everything that recovery decides is decided here. What no row is sure of ends in the last one.
 * `docs/failure-model.md` prints it.
 */
const table = [
  { row: 'E1', when: { kind: 'engine', state: 'unrecorded' }, then: 'forget' },
  { row: 'E2', when: { kind: 'engine' }, then: 'keep' },
  { row: 'E3', when: { kind: 'unlisted', operation: 'none', state: ['recorded', 'condemned', 'replaced-away'] }, then: 'keep' },
  { row: 'E5', when: { kind: 'unlisted', live: 'there', said: 'disown', bears: ours }, then: 'disown' },
  { row: 'E4', when: { kind: 'unlisted' }, then: 'ask' },

  { row: 'W1', when: { live: 'unseen' }, then: 'wait' },
  { row: 'W2', when: { live: 'unsettled' }, then: 'wait' },
  { row: 'W3', when: { live: 'coming' }, then: 'wait' },
  { row: 'W4', when: { live: 'going' }, then: 'wait' },

  {
    row: 'G0',
    when: { live: 'gone', findable: 'no', state: ['unrecorded', 'recorded'], said: ['nothing', 'adopt', 'disown', 'delete'] },
    then: 'ask',
  },
  {
    row: 'G1',
    when: { live: 'gone', state: 'unrecorded', operation: 'create' },
    then: 'forget',
    plan: remade,
  },
  { row: 'G2', when: { live: 'gone', state: 'unrecorded' }, then: 'forget', plan: ['create', 'same', 'update', 'replace', 'delete'] },
  { row: 'G3', when: { live: ['gone', 'over'], state: 'replaced-away', beside: 'successor' }, then: 'forget', plan: settled },
  { row: 'G4', when: { live: ['gone', 'over'], state: 'replaced-away' }, then: 'keep', plan: ['replace', 'create', 'delete'] },
  { row: 'G5', when: { live: 'gone', state: 'condemned' }, then: 'forget' },
  {
    row: 'G6',
    when: { live: ['gone', 'over'], state: 'recorded', protect: 'yes', said: ['nothing', 'adopt', 'disown', 'delete'] },
    then: 'ask',
  },
  { row: 'O1', when: { live: 'over' }, then: 'forget', plan: ['create', 'same', 'update', 'replace', 'delete'] },
  {
    row: 'G7',
    when: { live: 'gone', state: 'recorded', operation: 'delete' },
    then: 'forget',
    plan: remade,
  },
  { row: 'G8', when: { live: 'gone', state: 'recorded', operation: 'none' }, then: 'forget' },
  { row: 'G9', when: { live: 'gone', state: 'recorded' }, then: 'forget', plan: ['create', 'replace'] },

  { row: 'S1', when: { live: 'there', state: 'unrecorded', bears: 'another-stack' }, then: 'forget', plan: remade },
  { row: 'S2', when: { live: 'there', state: 'recorded', beside: 'successor', bears: 'another-stack' }, then: 'ask' },
  { row: 'S3', when: { live: 'there', state: 'condemned', bears: 'another-stack' }, then: 'ask' },
  {
    row: 'S4',
    when: { live: 'there', state: 'unrecorded', operation: ['none', 'create', 'update', 'delete'], bears: 'cannot-tell' },
    then: 'ask',
  },

  {
    row: 'P1',
    when: { live: 'there', said: 'adopt', state: 'unrecorded', shape: 'known', beside: ['alone', 'recorded-gone', 'twin'], bears: ours },
    then: 'adopt',
    plan: settled,
  },
  {
    row: 'P2',
    when: { live: 'there', said: 'adopt', state: 'recorded', beside: ['alone', 'recorded-there', 'recorded-gone', 'twin'] },
    then: 'keep',
  },
  { row: 'P3', when: { live: 'there', said: 'disown', bears: ours }, then: 'disown' },
  { row: 'P4', when: { live: 'there', said: 'delete', protect: 'no', shape: 'known', bears: ours }, then: 'condemn' },

  { row: 'R1', when: { live: 'there', state: 'recorded', beside: 'successor', protect: 'yes' }, then: 'ask' },
  { row: 'R2', when: { live: 'there', state: 'recorded', beside: 'successor', retain: 'yes' }, then: 'disown' },
  { row: 'R3', when: { live: 'there', state: 'recorded', beside: 'successor' }, then: 'condemn', plan: ['same', 'update', 'delete'] },
  { row: 'R4', when: { live: 'there', state: 'recorded', operation: 'none' }, then: 'keep' },
  {
    row: 'R5',
    when: { live: 'there', state: 'recorded', operation: 'delete' },
    then: 'keep',
    plan: ['delete', 'replace', 'same', 'update'],
  },
  { row: 'R6', when: { live: 'there', state: 'recorded' }, then: 'keep', plan: settled },
  { row: 'R7', when: { live: 'there', state: 'condemned', retain: 'yes' }, then: 'disown' },
  { row: 'R8', when: { live: 'there', state: 'condemned' }, then: 'condemn' },

  { row: 'U1', when: { live: 'there', state: 'unrecorded', beside: 'twin' }, then: 'duplicate' },
  {
    row: 'U2',
    when: { live: 'there', state: 'unrecorded', operation: 'create', bears: ['our-tags', 'our-key'], shape: 'known' },
    then: 'adopt',
    plan: settled,
  },
  {
    row: 'U3',
    when: { live: 'there', state: 'unrecorded', operation: 'create', trail: 'made', shape: 'known' },
    then: 'adopt',
    plan: settled,
  },
  {
    row: 'U4',
    when: { live: 'there', state: 'unrecorded', operation: 'create', bears: ['other-target', 'nothing'], trail: 'open', shape: 'known' },
    then: 'wait',
  },
  {
    row: 'U5',
    when: { live: 'there', state: 'unrecorded', operation: ['read', 'import'], findable: 'yes', bears: ['nothing', 'cannot-tell'] },
    then: 'forget',
    plan: remade,
  },
  { row: 'U6', when: { live: 'there', state: 'unrecorded', operation: 'delete', retain: 'yes' }, then: 'disown' },
  {
    row: 'U7',
    when: { live: 'there', state: 'unrecorded', operation: 'none', bears: 'our-key', beside: 'recorded-gone', shape: 'known' },
    then: 'adopt',
    plan: settled,
  },
  {
    row: 'U9',
    when: { live: 'there', state: 'unrecorded', operation: 'update', bears: 'our-key', beside: 'recorded-gone', shape: 'known' },
    then: 'adopt',
    plan: settled,
  },
  { row: 'U8', when: { live: 'there', state: 'unrecorded', operation: 'none', beside: 'recorded-there' }, then: 'duplicate' },

  { row: 'X', when: {}, then: 'ask' },
] as const satisfies readonly (Omit<Row, 'row'> & { readonly row: string })[];

export type RowName = (typeof table)[number]['row'];

export const decisionTable: readonly Row[] = table;

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
