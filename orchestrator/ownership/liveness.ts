/** Everything that is known of the process that a record names. */
export interface LivenessFacts {
  /**
   * What the process table of this machine said. `same`, `other-start`: a process of that number runs, and it started when the record says, or at another
   * time. `ended`: it is a zombie. `elsewhere`: the record is of another machine, or of other process numbers. The last four: the look failed.
   */
  readonly look: 'same' | 'other-start' | 'ended' | 'absent' | 'elsewhere' | 'descriptors' | 'permission' | 'platform' | 'failed';
  /** Whether this machine shows this user the processes of other users. */
  readonly others: 'shown' | 'hidden';
  /** Whose process the record says that it is. */
  readonly user: 'own' | 'other';
  /** `disagree`: another record has the same nonce, and names another process. */
  readonly records: 'agree' | 'disagree';
  /** `since-the-look`: one came after the process was looked for. `recent`: within the quiet limit. */
  readonly heartbeat: 'since-the-look' | 'recent' | 'old' | 'never';
}

type FactName = keyof LivenessFacts;

/**
 * Is the process alive? *Cannot tell* holds and asks: it never releases, forgets or takes over.
 *
 * `heard`: its heartbeat says that it was alive a moment ago. `quiet`: it is elsewhere, and nothing was heard of it. `look-failed`: another look may succeed.
 * `not-shown`: this user does not get to see it here. `records-disagree`: two records give one nonce to two processes.
 */
export type Liveness = Readonly<
  | { answer: 'alive'; reason: 'seen' }
  | { answer: 'dead'; reason: 'gone' }
  | { answer: 'cannot-tell'; reason: 'heard' | 'quiet' | 'look-failed' | 'not-shown' | 'records-disagree' }
>;

export interface LivenessRow {
  /** Stable. */
  readonly row: string;
  /** Facts that are not named do not matter. */
  readonly when: { readonly [F in FactName]?: LivenessFacts[F] | readonly LivenessFacts[F][] };
  readonly then: Liveness;
  readonly because: string;
}

const alive = { answer: 'alive', reason: 'seen' } as const;
const dead = { answer: 'dead', reason: 'gone' } as const;
const heard = { answer: 'cannot-tell', reason: 'heard' } as const;

/** The first row that fits counts. `dead` is only ever what was seen: of a process of this machine, that its number is free, or another process's. */
export const livenessTable: readonly LivenessRow[] = [
  { row: 'A1', when: { look: 'same' }, then: alive, because: 'it is there' },
  {
    row: 'H1',
    when: { heartbeat: 'since-the-look' },
    then: heard,
    because: 'it was heard of after the look: whatever the look said is not so',
  },
  {
    row: 'D1',
    when: { records: 'agree', look: ['other-start', 'ended'] },
    then: dead,
    because: 'its number is another process’s, or a zombie’s',
  },
  {
    row: 'D2',
    when: { records: 'agree', look: 'absent', others: 'shown' },
    then: dead,
    because: 'its number is free, and every process is shown here',
  },
  { row: 'H2', when: { heartbeat: 'recent' }, then: heard, because: 'it was heard of a moment ago, and was not seen to be gone' },
  {
    row: 'R1',
    when: { records: 'disagree' },
    then: { answer: 'cannot-tell', reason: 'records-disagree' },
    because: 'one of the records is untrue',
  },
  { row: 'Q1', when: { look: 'elsewhere' }, then: { answer: 'cannot-tell', reason: 'quiet' }, because: 'silence proves nothing' },
  {
    row: 'D3',
    when: { look: 'absent', user: 'own' },
    then: dead,
    because: 'its number is free: of this user every process is shown',
  },
  {
    row: 'S1',
    when: { look: 'absent' },
    then: { answer: 'cannot-tell', reason: 'not-shown' },
    because: 'it is another user’s, and those are hidden here',
  },
  {
    row: 'S2',
    when: { look: ['permission', 'platform'] },
    then: { answer: 'cannot-tell', reason: 'not-shown' },
    because: 'the process table may not, or cannot, be looked at',
  },
  {
    row: 'F1',
    when: { look: ['descriptors', 'failed'] },
    then: { answer: 'cannot-tell', reason: 'look-failed' },
    because: 'the look failed, which says nothing about the process',
  },
];

const fits = (row: LivenessRow, facts: LivenessFacts): boolean =>
  Object.entries(row.when).every(([name, wanted]) => [wanted].flat().includes(facts[name as FactName]));

export function livenessRow(facts: LivenessFacts): LivenessRow {
  const row = livenessTable.find((candidate) => fits(candidate, facts));
  if (row === undefined) throw new Error(`No row of the liveness table fits ${JSON.stringify(facts)}`);
  return row;
}

export const livenessOf = (facts: LivenessFacts): Liveness => livenessRow(facts).then;

/** Of a process that nothing is recorded of. */
export const unknownLiveness: Liveness = { answer: 'cannot-tell', reason: 'quiet' };

/**
 * Whether what the process has is left to it for now, without a question: it lives, it said so a moment ago, or the next look may say. All else that
 * cannot be told is held, and asked about.
 */
export function mayBeAtWork({ answer, reason }: Liveness): boolean {
  return answer === 'alive' || reason === 'heard' || reason === 'look-failed';
}
