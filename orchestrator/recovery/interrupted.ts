import type { Answer, Doubt, JournalEvent } from '../journal/events.ts';
import { withAnswer } from '../ownership/answers.ts';
import type { ReadRun } from '../journal/read-runs.ts';
import type { LockRecord, ProcessRecord } from '../locks/lock-record.ts';

type Opening = Extract<JournalEvent, { type: 'run-opened' }>;

/** What the journal tells of a stack whose run was interrupted. All of its events count, whoever's clock put them in which order. */
export interface Interrupted {
  readonly run: string;
  readonly stack: string;
  readonly operation: 'up' | 'destroy';
  /** ETag of the checkpoint that the run began from; null where there was none, undefined where nobody wrote it down. */
  readonly base: string | null | undefined;
  /** The lock that the run itself took. */
  readonly lock: { readonly record: LockRecord; readonly etag: string } | undefined;
  /** When it began, by its own clock. */
  readonly startedAt: Date | undefined;
  readonly opening: Opening | undefined;
  /** Whose engine it was. */
  readonly process: ProcessRecord | undefined;
  /** False: the license for an engine was never written, and none ran. */
  readonly engineStarted: boolean;
  /** When the run had seen its engine and its plugins end, and wrote that down, by its own clock; undefined where it did not. */
  readonly engineEndedAt: Date | undefined;
  readonly sessions: readonly { readonly accessKeyId: string; readonly session: string; readonly expires: string }[];
  /** Everything that was ever written down as unknown, each once. */
  readonly doubts: readonly Doubt[];
  readonly answers: readonly Answer[];
  /** Of every process that had the stack's lock in this run: an engine of it may have outlived it. */
  readonly nonces: readonly string[];
  /** Those processes, as their locks name them. */
  readonly owners?: readonly ProcessRecord[];
  /** Of the last takeover; 1 where there was none. */
  readonly epoch: number;
}

/** @param stack full name */
export function interruptedOf({ run, events }: ReadRun, stack: string): Interrupted {
  const own = events.filter((event): event is Extract<JournalEvent, { stack: string }> => 'stack' in event && event.stack === stack);
  const openings = events.filter((event) => event.type === 'run-opened');
  const taken = own.filter((event) => event.type === 'lock-taken');
  const first = taken.find(({ epoch }) => epoch === 1);
  const starts = own.filter((event) => event.type === 'engine-started');
  const ended = own
    .filter((event) => event.type === 'held')
    .find(({ epoch, doubts }) => epoch === 1 && !doubts.some(({ source }) => source === 'engine-end-unseen'));
  // Several processes may share a run: whose lock it was says whose engine.
  const opening = openings.find(({ process }) => process.nonce === first?.lock.nonce) ?? openings[0];
  // Of what no run of Holdfast had begun this is the journal of an earlier recovery, which is no writer.
  const isRecovery = starts.length === 0 && (opening?.operation === 'recover' || first?.lock.operation === 'recover');
  // A run that holds a stack before it starts an engine there has found what another process had begun.
  const isFound = starts.length === 0 && own.some(({ type, epoch }) => type === 'held' && epoch === 1);
  const renewed = events.filter((event) => event.type === 'session-renewed');
  const known = new Map<string, Doubt>();
  for (const event of own)
    if (event.type === 'held') for (const doubt of event.doubts) known.set(`${doubt.source} ${doubt.urn ?? ''} ${doubt.text}`, doubt);
  // By their epochs: of two machines the later one's clock may be behind.
  const answered = own.filter((event) => event.type === 'answered').sort((a, b) => a.epoch - b.epoch);
  const answers = answered.map(({ answer }) => answer).reduce<readonly Answer[]>(withAnswer, []);
  const both = {
    run,
    stack,
    doubts: [...known.values()],
    answers,
    nonces: [...new Set(taken.map(({ lock }) => lock.nonce))],
    owners: [...taken].sort((a, b) => a.epoch - b.epoch).map(({ lock }) => lock),
    epoch: Math.max(1, ...own.map(({ epoch }) => epoch)),
  };
  if (isRecovery || isFound) {
    const begun = first ?? opening;
    const startedAt = begun && new Date(Date.parse(begun.at) - evidenceHours * 3_600_000);
    return { ...both, ...withoutRun, ...(isRecovery ? {} : { opening }), startedAt };
  }
  return {
    ...both,
    operation: starts[0]?.operation ?? (first?.lock.operation === 'destroy' ? 'destroy' : 'up'),
    base: starts[0] ? starts[0].checkpoint : first?.lock.checkpoint,
    lock: first ? { record: first.lock, etag: first.etag } : undefined,
    startedAt: first ? new Date(first.at) : opening ? new Date(opening.at) : undefined,
    opening,
    process: first?.lock ?? opening?.process,
    engineStarted: starts.length > 0,
    engineEndedAt: ended && new Date(ended.at),
    sessions: [
      ...openings.map(({ session }) => session),
      ...renewed.map(({ session }) => session),
      ...(first ? [{ accessKeyId: first.lock.accessKeyId, session: first.lock.session, expires: first.lock.expires }] : []),
    ],
  };
}

/** Hours of evidence that a recovery reads if it is not known when the interrupted work began. */
export const evidenceHours = 24;

/** For work that no run recorded: each later recovery knows as much of it as the first one. */
const withoutRun = {
  operation: 'up',
  base: undefined,
  lock: undefined,
  opening: undefined,
  process: undefined,
  engineStarted: false,
  engineEndedAt: undefined,
  sessions: [],
} as const;
