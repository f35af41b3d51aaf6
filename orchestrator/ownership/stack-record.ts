import { z } from 'zod';
import {
  commitForm,
  digestForm,
  epochForm,
  etagForm,
  fittedLine,
  incidentForm,
  lineForm,
  pathForm,
  runForm,
  stackForm,
  timeForm,
} from '../domain/forms.ts';
import { answerSchema, doubtSchema, fittedDoubt } from '../journal/events.ts';
import { lockRecordSchema, processSchema, sessionSchema } from '../locks/lock-record.ts';
import { disownedSchema, fittedDisowned } from './disowned.ts';

/**
 * The one object that says who may write a stack, and in which phase it is. It is changed by compare-and-swap only, and never deleted: a create that
 * arrives late must find it. Pulumi's lock folder is a projection of it, and the journal tells its history; neither decides anything.
 *
 * ```
 *  none ──claim──► claimed ──start──► running ──verify──► free
 *                    │ ▲                │ │
 *             give back │claim       hold │ take over
 *                    ▼ │                ▼ ▼
 *                   free ◄──release── held ──take over──► recovering ──verify──► free
 *                                       ▲                   │
 *                                       └───────hold────────┘
 * ```
 * Frozen is no phase: any phase may bear it.
 */

/** None of them is ever cut: each names what a recovery has to know of. One that grew beyond would not be written. */
const mostOf = { sessions: 1000, owners: 1000, answers: 2000, disowned: 5000, doubts: 5000 } as const;

/** A version of the checkpoint object. Contents come twice, and so do ETags: the time by the bucket's clock tells two of them apart. */
const versionSchema = z.object({ etag: etagForm, modified: timeForm });

export type CheckpointVersion = z.infer<typeof versionSchema>;

/** The checkpoint at which state and AWS were last known to agree. */
const verifiedSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('at'),
    ...versionSchema.shape,
    run: runForm,
    since: timeForm,
    /** Seconds that the last run of it took which was not interrupted: what the next one is forecast by. */
    seconds: z.number().int().min(1).max(86_400).optional(),
    /** What the run was doing that failed in the stack, or was interrupted, and left some of it undone. */
    unfinished: z.enum(['up', 'destroy']).optional(),
  }),
  /** There is no checkpoint. Without a run: there never was one; else that run destroyed all that it had. */
  z.object({ kind: z.literal('absent'), run: runForm.optional(), since: timeForm.optional() }),
  /** A person released it over a state that may not be true. */
  z.object({ kind: z.literal('unknown'), incident: incidentForm, since: timeForm }),
]);

export type Verified = z.infer<typeof verifiedSchema>;

/** What the stack was to become: recovery goes by it, and not by today's file. */
const programSchema = z.object({
  /** Where the file was, for people. */
  path: pathForm,
  /** SHA-256 of the network file; its text lies in the bucket under it. */
  digest: digestForm,
  /** Of the repository that holds the network file, where it is in one. */
  commit: commitForm.optional(),
  /** Of the code that says what the stacks are. */
  code: lineForm(200).optional(),
  /** Name of the run that several processes share. */
  shared: runForm.optional(),
});

export type Program = z.infer<typeof programSchema>;

/** A run that changed the stack, or may have, since it was verified: what its recovery goes by. */
const interruptedSchema = z.object({
  /** The lock record of the run itself: its process, its session and when it began. */
  by: lockRecordSchema,
  operation: z.enum(['up', 'destroy']),
  /** What the run began from; null where there was no checkpoint, absent where that is not known. */
  base: versionSchema.nullable().optional(),
  program: programSchema.optional(),
  /** Every session that may have called AWS since the stack was verified. */
  sessions: z.array(sessionSchema).max(mostOf.sessions),
  /** False: the stack was claimed, and no engine was started. */
  engineStarted: z.boolean(),
  /** When the owner had seen its engine and its plugins end, by its own clock. */
  engineEndedAt: timeForm.optional(),
  spool: pathForm.optional(),
  /** SHA-256 of what lies there: a file of that name alone could be anybody's. */
  spoolDigest: digestForm.optional(),
});

export type InterruptedRun = z.infer<typeof interruptedSchema>;

const common = {
  schema: z.number(),
  stack: stackForm,
  /** Made up for each write: no content of the record comes twice. */
  write: lineForm(100),
  /** One more for each owner. */
  epoch: epochForm,
  /** When it came into its phase, by its owner's clock. */
  since: timeForm,
  verified: verifiedSchema,
  /** How an owner reaches AWS. `none`: directly, so that its death is a question. */
  fence: z.literal('none'),
  frozen: lockRecordSchema.optional(),
  disowned: z.array(disownedSchema).max(mostOf.disowned),
};

/** Why a run's process and its engine are taken to call AWS no more. */
const proofSchema = z.enum([
  /** This machine shows that neither the process nor an engine of it is there. */
  'process-dead',
  /** The owner saw its engine and its plugins end, and wrote that down. */
  'engine-ended',
  /** No engine was started. */
  'nothing-started',
  /** Every session that it worked with has ended, by its source's word. */
  'sessions-ended',
  /** A person says so. */
  'person',
]);

export type Proof = z.infer<typeof proofSchema>;

/** What is not known of a stack that was not verified. */
const open = {
  /** Undefined where it was no run of Holdfast. */
  run: interruptedSchema.optional(),
  doubts: z.array(doubtSchema).max(mostOf.doubts),
  answers: z.array(answerSchema).max(mostOf.answers),
  /** Every process that had the stack since it was verified: an engine of one may have outlived it. */
  owners: z.array(processSchema).max(mostOf.owners),
  /** By what a takeover was allowed. It stays true: the next recovery asks no person again. */
  writerDead: proofSchema.optional(),
};

const recordSchema = z.discriminatedUnion('phase', [
  z.object({ ...common, phase: z.literal('free') }),
  /** Owned, and nothing started: a takeover has nothing to look for. */
  z.object({ ...common, phase: z.literal('claimed'), owner: lockRecordSchema }),
  z.object({ ...common, phase: z.literal('running'), owner: lockRecordSchema, ...open, run: interruptedSchema }),
  z.object({ ...common, phase: z.literal('held'), owner: lockRecordSchema, ...open }),
  z.object({ ...common, phase: z.literal('recovering'), owner: lockRecordSchema, ...open }),
]);

export type StackRecord = z.infer<typeof recordSchema>;

export type Phase = StackRecord['phase'];

/** The record that is of this phase. */
export type InPhase<P extends Phase> = Extract<StackRecord, { phase: P }>;

/** Every phase in which AWS may have what the state does not say. */
export type OpenRecord = InPhase<'running' | 'held' | 'recovering'>;

export const isOpen = (record: StackRecord | undefined): record is OpenRecord =>
  record?.phase === 'running' || record?.phase === 'held' || record?.phase === 'recovering';

/** Pulumi's lock folder is to have a lock: of the owner, or of the freeze. */
export const wantsLock = (record: StackRecord | undefined): boolean =>
  record !== undefined && (record.phase !== 'free' || record.frozen !== undefined);

export const stackRecordSchema = recordSchema;

/** As it is written: texts that came from an engine, from AWS or from a machine fit what is read back. No name or id is ever changed. */
export function fittedRecord(record: StackRecord): StackRecord {
  const fitted = { ...record, disowned: record.disowned.map(fittedDisowned) };
  if (fitted.phase === 'free' || fitted.phase === 'claimed') return fitted;
  const { run, doubts } = fitted;
  const open = { ...fitted, doubts: doubts.map(fittedDoubt) };
  if (run === undefined) return open;
  const { program, spool } = run;
  return {
    ...open,
    run: {
      ...run,
      ...(program === undefined ? {} : { program: { ...program, path: fittedLine(program.path, 2000) } }),
      ...(spool === undefined ? {} : { spool: fittedLine(spool, 2000) }),
    },
  };
}
