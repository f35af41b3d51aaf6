import type { Rehearsal } from './rehearsal.ts';

/** An incident that is played on a lab of its own, with the commands that a person would type. */
export interface Drill {
  readonly name: string;
  /** One line. */
  readonly brief: string;
  /** The network file that its lab is started with, as text. */
  readonly network: string;
  readonly play: (rehearsal: Rehearsal) => Story;
}

export interface Story {
  /** In order. */
  readonly steps: readonly Step[];
  /** Undefined until then. */
  readonly brokeAtMs: () => number | undefined;
  /** Asked after the last step. */
  readonly outcome: () => Outcome;
}

export interface Step {
  readonly name: string;
  /** One sentence, printed before it. */
  readonly does: string;
  /** One sentence, printed where it is not so. */
  readonly expects: string;
  /** @returns what was seen, in one line @throws ExpectationFailed */
  readonly run: () => Promise<string>;
}

export interface Outcome {
  readonly brokeAtMs: number;
  readonly greenAtMs: number;
  readonly timeline: readonly TimelineRow[];
  readonly proofs: readonly Proof[];
  /** Minutes from break to green in the postmortem. */
  readonly minutesByHand: number;
}

/** One step of the postmortem, and what became of it here. */
export interface TimelineRow {
  readonly step: string;
  readonly byHand: string;
  readonly here: string;
  readonly fromMs: number;
  /** Later than `fromMs` where it was done for one stack after the other. */
  readonly toMs: number;
}

/** Something that holds, with what shows it. */
export interface Proof {
  readonly proves: string;
  readonly said: string;
  /** What it was concluded from, as it was read. */
  readonly shown: object;
}

/** The product did not do what it should: what was expected, and what was seen in its place. */
export class ExpectationFailed extends Error {
  readonly expected: string;
  readonly seen: string;

  constructor(expected: string, seen: string) {
    super(`expected: ${expected}; seen: ${seen}`);
    this.name = 'ExpectationFailed';
    this.expected = expected;
    this.seen = seen;
  }
}

/** @param seen what is so in its place */
export function expect(holds: boolean, expected: string, seen: string): asserts holds {
  if (!holds) throw new ExpectationFailed(expected, seen);
}
