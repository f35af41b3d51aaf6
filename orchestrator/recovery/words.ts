import type { Row } from './decision-table.ts';
import type { Dossier, Plan } from './dossier.ts';
import type { Question } from './questions.ts';
import type { Source, Subject } from './subjects.ts';

/** Where the versions of a checkpoint are. */
export interface Copies {
  readonly bucket: string;
  readonly key: string;
  /** Of the quarantine. */
  readonly prefix: string;
  readonly lastGood: string | undefined;
}

/** How what a recovery found and did is said to people, given from outside: nothing is decided by it. */
export interface RecoveryWords {
  /** The page of a dossier, in Markdown. */
  readonly page: (dossier: Dossier) => string;
  /** Why a row of the decision table comes to what it does. @param sources of the subject, where what they say is told too */
  readonly because: (row: Row, sources?: readonly Source[]) => string;
  /** What a source says of an object. */
  readonly source: (source: Source) => string;
  /** @param short the stack, as a person types it */
  readonly questions: (short: string, subjects: readonly Subject[]) => readonly Question[];
  readonly subjects: (subjects: readonly Subject[]) => string;
  readonly checked: (plan: Plan, differences: readonly string[]) => string;
  readonly plan: (plan: Plan) => string;
  /** How a version of the checkpoint comes back that the engine takes. @param lastGood undefined where it takes none */
  readonly restore: (short: string, copies: Copies) => string;
  /**
   * Of a file in the spool. `other`: it is not what the run put there. `unvouched`: the run could not say what it had put there.
   * @param short the stack, as a person types it
   */
  readonly spool: (short: string, what: 'other' | 'unvouched') => string;
  /** What the plan still has to do; undefined where that is nothing. */
  readonly left: (plan: Plan) => string | undefined;
}
