import { z } from 'zod';
import { parseStackName } from '../domain/stack-name.ts';
import { answerSchema, doubtSchema } from '../journal/events.ts';
import { lockRecordSchema, processSchema, sessionSchema } from '../locks/lock-record.ts';
import { disownedSchema } from './disowned.ts';

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

/** A version of the checkpoint object. Contents come twice, and so do ETags: the time by the bucket's clock tells two of them apart. */
const versionSchema = z.object({ etag: z.string().min(1).max(200), modified: z.iso.datetime() });

export type CheckpointVersion = z.infer<typeof versionSchema>;

/** The checkpoint at which state and AWS were last known to agree. */
const verifiedSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('at'),
    ...versionSchema.shape,
    run: z.string().min(1).max(200),
    since: z.iso.datetime(),
    /** Seconds that the last run of it took which was not interrupted: what the next one is forecast by. */
    seconds: z.number().int().min(1).max(86_400).optional(),
    /** What the run was doing that failed in the stack, or was interrupted, and left some of it undone. */
    unfinished: z.enum(['up', 'destroy']).optional(),
  }),
  /** There is no checkpoint. Without a run: there never was one; else that run destroyed all that it had. */
  z.object({ kind: z.literal('absent'), run: z.string().min(1).max(200).optional(), since: z.iso.datetime().optional() }),
  /** A person released it over a state that may not be true. */
  z.object({ kind: z.literal('unknown'), incident: z.string().max(200), since: z.iso.datetime() }),
]);

export type Verified = z.infer<typeof verifiedSchema>;

/** What the stack was to become: recovery goes by it, and not by today's file. */
const programSchema = z.object({
  /** Where the file was, for people. */
  path: z.string().max(1000),
  /** SHA-256 of the network file; its text lies in the bucket under it. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** Of the repository that holds the network file, where it is in one. */
  commit: z
    .string()
    .regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/)
    .optional(),
  /** Of the code that says what the stacks are. */
  code: z.string().max(200).optional(),
  /** Name of the run that several processes share. */
  shared: z.string().max(200).optional(),
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
  sessions: z.array(sessionSchema).max(100),
  /** False: the stack was claimed, and no engine was started. */
  engineStarted: z.boolean(),
  /** When the owner had seen its engine and its plugins end, by its own clock. */
  engineEndedAt: z.iso.datetime().optional(),
  spool: z.string().max(2000).optional(),
});

export type InterruptedRun = z.infer<typeof interruptedSchema>;

const common = {
  schema: z.number(),
  stack: z.string().refine((name) => parseStackName(name) !== undefined),
  /** Made up for each write: no content of the record comes twice. */
  write: z.string().max(100),
  /** One more for each owner. */
  epoch: z.number().int().min(0),
  /** When it came into its phase, by its owner's clock. */
  since: z.iso.datetime(),
  verified: verifiedSchema,
  /** How an owner reaches AWS. `none`: directly, so that its death is a question. */
  fence: z.literal('none'),
  frozen: lockRecordSchema.optional(),
  disowned: z.array(disownedSchema).max(1000),
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
  doubts: z.array(doubtSchema).max(1000),
  answers: z.array(answerSchema).max(1000),
  /** Every process that had the stack since it was verified: an engine of one may have outlived it. */
  owners: z.array(processSchema).max(100),
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
