import { z } from 'zod';
import { lockRecordSchema, processSchema } from '../locks/lock-record.ts';

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

/** @param fields `epoch` is that of the lock under which it was written: what a writer says that lost its lock to a later one does not count */
const stackEvent = <Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) =>
  z.object({ ...header, type: z.literal(type), stack: z.string(), epoch: z.number(), ...fields });

const sessionSchema = z.object({
  accessKeyId: z.string(),
  session: z.string(),
  /** What the source of the credentials says; `never` and `unknown` as they are. */
  expires: z.string(),
  /** What a person says of it. */
  statedExpires: z.string().optional(),
});

/** Something of which nobody knows how it ended. */
export const doubtSchema = z.object({
  /** What says so. */
  source: z.enum([
    'exit',
    /** The run could not follow its engine to the end: it may still be at work. Safety: what is seen in AWS before it is dead is no evidence. */
    'engine-end-unseen',
    /** The engine was ended because its session ended: a step of it did not. */
    'session-ended',
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

const decisionSchema = z.object({ urn: z.string(), id: z.string().optional(), decision: z.string(), because: z.string() });

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
  /** With an epoch above 1: taken over from a run that may have left AWS as the state does not say. */
  stackEvent('lock-taken', { etag: z.string(), lock: lockRecordSchema }),
  /** License: from here on AWS may hold what the state does not say. */
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
  /** License for the release: state and AWS agree at this checkpoint. */
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
  /** The lock was removed, or replaced, by somebody else. */
  stackEvent('lock-lost', { how: z.enum(['removed', 'replaced']), goneSince: z.string().optional() }),
  stackEvent('lock-restored', { etag: z.string(), goneSince: z.string().optional() }),
  /** Nobody else can write any more; `how` says from where that is known, and who said it where it is a person's word. */
  stackEvent('writer-dead', { recovery: z.string(), how: z.string(), saidBy: z.string().optional() }),
  /** Every version is copied, and the checkpoint has a content that no old writer's condition meets. */
  stackEvent('quarantined', { recovery: z.string(), prefix: z.string(), versions: z.number(), checkpoint: z.string().nullable() }),
  /** What a person answered. It counts in every later recovery of the stack in this run, until another answer for the same resource. */
  stackEvent('answered', { recovery: z.string(), by: z.string(), incident: z.string().optional(), answer: answerSchema }),
  /** What the evidence came to, before anything is made of it. */
  stackEvent('examined', { recovery: z.string(), decisions: z.array(decisionSchema), questions: z.array(z.string()) }),
  stackEvent('reconciled', { recovery: z.string(), resources: z.number() }),
  stackEvent('checked', { recovery: z.string(), differences: z.array(z.string()) }),
  /** License for the one write: over this version, and of exactly this content. */
  stackEvent('promoting', { recovery: z.string(), over: z.string().nullable(), sha256: z.string() }),
  stackEvent('confirmed', { recovery: z.string(), changes: z.array(z.string()) }),
]);

export type JournalEvent = z.infer<typeof runEventSchema>;

type HeaderField = 'schema' | 'run' | 'network' | 'writer' | 'sequence' | 'at';

/** An event without what the journal adds. */
export type NewEvent = JournalEvent extends infer Event ? (Event extends JournalEvent ? Omit<Event, HeaderField> : never) : never;
