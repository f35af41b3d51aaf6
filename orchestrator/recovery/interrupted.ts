import type { Answer, Doubt } from '../journal/events.ts';
import type { ProcessRecord, SessionRecord } from '../locks/lock-record.ts';
import { isOpen } from '../ownership/stack-record.ts';
import type { OpenRecord, Program, Proof, StackRecord } from '../ownership/stack-record.ts';

/** What the record tells of a stack that was not verified. */
export interface Interrupted {
  /** Where it was no run of Holdfast: the recovery's own. */
  readonly run: string;
  readonly stack: string;
  readonly operation: 'up' | 'destroy';
  /** ETag of the checkpoint that it began from; null where there was none, undefined where that is not known. */
  readonly base: string | null | undefined;
  /** When that was written, by the bucket's clock: the same content may come again. */
  readonly baseModified?: Date | undefined;
  /** When it began, by its own clock. */
  readonly startedAt: Date | undefined;
  readonly program: Program | undefined;
  /** Whose engine it was. */
  readonly process: ProcessRecord | undefined;
  /** False: the record never said that an engine may run, and none ran. */
  readonly engineStarted: boolean;
  /** When the run had seen its engine and its plugins end, and wrote that down, by its own clock; undefined where it did not. */
  readonly engineEndedAt: Date | undefined;
  readonly sessions: readonly SessionRecord[];
  /** SHA-256 of the checkpoint that its engine could not write, as the run gave it; undefined where it could say nothing of one. */
  readonly spoolDigest?: string | undefined;
  /** By what an earlier takeover was allowed. */
  readonly writerDead?: Proof | undefined;
  /** Everything that was ever written down as unknown, each once. */
  readonly doubts: readonly Doubt[];
  readonly answers: readonly Answer[];
  /** Of every process that had the stack: an engine of it may have outlived it. */
  readonly nonces: readonly string[];
  /** Those processes, as their locks name them. */
  readonly owners?: readonly ProcessRecord[];
}

/** @param own name of the run that asks */
export function interruptedOf({ stack, run, doubts, answers, owners, writerDead, verified }: OpenRecord, own: string): Interrupted {
  const open = { stack, doubts, answers, owners, writerDead, nonces: owners.map(({ nonce }) => nonce) };
  if (run === undefined)
    return {
      ...open,
      run: own,
      operation: 'up',
      base: verified.kind === 'at' ? verified.etag : verified.kind === 'absent' ? null : undefined,
      baseModified: verified.kind === 'at' ? new Date(verified.modified) : undefined,
      startedAt: undefined,
      program: undefined,
      process: undefined,
      engineStarted: true,
      engineEndedAt: undefined,
      sessions: [],
    };
  const { by, operation, base, program, sessions, engineStarted, engineEndedAt, spoolDigest } = run;
  return {
    ...open,
    run: by.run,
    operation,
    base: base === null || base === undefined ? base : base.etag,
    baseModified: base ? new Date(base.modified) : undefined,
    startedAt: new Date(by.startedAt),
    program,
    process: by,
    engineStarted,
    engineEndedAt: engineEndedAt === undefined ? undefined : new Date(engineEndedAt),
    sessions,
    spoolDigest,
  };
}

/** Of a stack in whatever phase. What plain pulumi left so is no run's, and neither is what a recovery has only claimed. */
export function interruptedFrom(record: StackRecord | undefined, stack: string, own: string): Interrupted {
  if (isOpen(record)) return interruptedOf(record, own);
  const nothing = { stack, answers: [], doubts: [], program: undefined, engineEndedAt: undefined, sessions: [], base: baseOf(record) };
  if (record?.phase === 'claimed' && record.owner.operation !== 'recover') {
    const { owner } = record;
    return {
      ...nothing,
      run: owner.run,
      operation: owner.operation === 'destroy' ? 'destroy' : 'up',
      startedAt: new Date(owner.startedAt),
      process: owner,
      engineStarted: false,
      nonces: [owner.nonce],
    };
  }
  return { ...nothing, run: own, operation: 'up', startedAt: undefined, process: undefined, engineStarted: true, nonces: [] };
}

const baseOf = (record: StackRecord | undefined): string | null | undefined =>
  record === undefined || record.verified.kind === 'unknown' ? undefined : record.verified.kind === 'at' ? record.verified.etag : null;

/** Hours of evidence that a recovery reads if it is not known when the interrupted work began. */
export const evidenceHours = 24;
