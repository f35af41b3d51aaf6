import { z } from 'zod';
import { processSchema, sessionSchema } from '../locks/lock-record.ts';

/** What a run writes down, one immutable object an event: its history, for people. What decides is in the stacks' records. */

const header = {
  schema: z.number(),
  run: z.string(),
  network: z.string(),
  /** Nonce of the process that wrote it: several processes, on several machines, may share a run. */
  writer: z.string(),
  /** Of this writer, from 1. */
  sequence: z.number(),
  at: z.string(),
};

/** `epoch` is that of the lock under which it was written. */
const stackHeader = { ...header, stack: z.string(), epoch: z.number() };

const recoverySteps = ['freeze', 'quarantine', 'evidence', 'reconcile', 'verify', 'promote', 'release', 'confirm'] as const;

export type RecoveryStep = (typeof recoverySteps)[number];

const stackEvent = <Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) =>
  z.object({ ...stackHeader, type: z.literal(type), ...fields });

/** Something of which nobody knows how it ended. */
export const doubtSchema = z.object({
  /** What says so. */
  source: z.enum([
    'exit',
    /** The run could not follow its engine to the end: it may still be at work. Safety: what is seen in AWS before it is dead is no evidence. */
    'engine-end-unseen',
    'pending-operation',
    'unfinished-step',
    'failed-step',
    'not-durable',
    'unknown-object',
    'lock',
    'checkpoint',
    'look',
    'question',
    'recovery',
  ]),
  /** For people: `CreateVpc outcome unknown`. */
  text: z.string(),
  urn: z.string().optional(),
  op: z.string().optional(),
  /** Of a cloud object that the state does not have. */
  id: z.string().optional(),
});

export type Doubt = z.infer<typeof doubtSchema>;

/** What a person says of one resource: `--decide RESOURCE=adopt:ID`. */
export const answerSchema = z.object({
  /** Its name in the stack. */
  resource: z.string(),
  answer: z.enum(['adopt', 'forget', 'disown', 'delete']),
  id: z.string().optional(),
});

export type Answer = z.infer<typeof answerSchema>;

export const runEventSchema = z.discriminatedUnion('type', [
  z.object({
    ...header,
    type: z.literal('run-opened'),
    operation: z.enum(['up', 'destroy', 'recover']),
    process: processSchema,
    session: sessionSchema,
    account: z.string(),
    region: z.string(),
    /** Of the repository that holds the network file, where it is in one. */
    commit: z.string().optional(),
    ciLink: z.string().optional(),
    /** Name of the run that it is a part of, where several processes share one: `up --run`. */
    shared: z.string().optional(),
    order: z.array(z.string()),
    forecastSeconds: z.number(),
    /** As it was read: recovery works with it, and not with today's. */
    networkFile: z.object({ path: z.string(), text: z.string() }),
    /** Of the code that says what the stacks are, as it was then: recovery compares its plan with what this code meant. */
    program: z.string().optional(),
  }),
  /** A session that was renewed, before its first use. */
  z.object({ ...header, type: z.literal('session-renewed'), session: sessionSchema }),
  z.object({ ...header, type: z.literal('stopping'), how: z.enum(['draining', 'interrupting']), signal: z.string() }),
  z.object({
    ...header,
    type: z.literal('run-ended'),
    exitCode: z.number(),
    ends: z.array(z.object({ stack: z.string(), outcome: z.string(), detail: z.string() })),
  }),
  /** From here on AWS may hold what the state does not say. */
  stackEvent('engine-started', {
    operation: z.enum(['up', 'destroy']),
    /** ETag of the checkpoint that the engine starts from; null where there is none. */
    checkpoint: z.string().nullable(),
    /** The checkpoints that its references are served from. */
    upstreams: z.record(z.string(), z.string()),
  }),
  stackEvent('held', {
    doubts: z.array(doubtSchema),
    checkpoint: z.string().nullable(),
    spool: z.string().optional(),
  }),
  /** State and AWS agree at this checkpoint. */
  stackEvent('verified', {
    checkpoint: z.string().nullable(),
    outcome: z.enum(['applied', 'destroyed', 'failed', 'nothing-started', 'recovered']),
  }),
  stackEvent('released', {
    outcome: z.enum(['nothing-started']).optional(),
    /** Where a person did it: who, and for which incident. */
    by: z.string().optional(),
    incident: z.string().optional(),
    /** Over a state that nobody knows to be true. */
    unreconciled: z.boolean().optional(),
  }),
  /** What a person answered. */
  stackEvent('answered', { recovery: z.string(), by: z.string(), incident: z.string().optional(), answer: answerSchema }),
  /** A step of a recovery, and what it came to as it was told. */
  z.object({ ...stackHeader, type: z.enum(recoverySteps), recovery: z.string(), said: z.string() }),
]);

export type JournalEvent = z.infer<typeof runEventSchema>;

type HeaderField = 'schema' | 'run' | 'network' | 'writer' | 'sequence' | 'at';

/** An event without what the journal adds. */
export type NewEvent = JournalEvent extends infer Event ? (Event extends JournalEvent ? Omit<Event, HeaderField> : never) : never;
