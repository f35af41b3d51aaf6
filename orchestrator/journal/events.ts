import { z } from 'zod';
import {
  commitForm,
  digestForm,
  epochForm,
  etagForm,
  fittedLine,
  fittedProse,
  incidentForm,
  lineForm,
  linkForm,
  networkForm,
  nonceForm,
  proseForm,
  runForm,
  stackForm,
  timeForm,
} from '../domain/forms.ts';
import { processSchema, sessionSchema } from '../locks/lock-record.ts';

/** What a run writes down, one immutable object an event: its history, for people. What decides is in the stacks' records. */

const header = {
  schema: z.number(),
  run: runForm,
  network: networkForm,
  /** Nonce of the process that wrote it: several processes, on several machines, may share a run. */
  writer: nonceForm,
  /** Of this writer, from 1. */
  sequence: z.int().min(1),
  at: timeForm,
};

/** `epoch` is that of the lock under which it was written. */
const stackHeader = { ...header, stack: stackForm, epoch: epochForm };

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
  text: proseForm(4000),
  urn: lineForm(2000).optional(),
  op: lineForm(100).optional(),
  /** Of a cloud object that the state does not have. */
  id: lineForm(1000).optional(),
});

export type Doubt = z.infer<typeof doubtSchema>;

/** As it is written. An id that does not fit is left to the text: another one would be of no object. */
export const fittedDoubt = ({ source, text, urn, op, id }: Doubt): Doubt => ({
  source,
  text: fittedProse(text),
  ...(urn === undefined ? {} : { urn: fittedLine(urn, 2000) }),
  ...(op === undefined ? {} : { op: fittedLine(op, 100) }),
  ...(id === undefined || !lineForm(1000).safeParse(id).success ? {} : { id }),
});

/** What a person says of one resource: `--decide RESOURCE=adopt:ID`. */
export const answerSchema = z.object({
  /** Its name in the stack. */
  resource: lineForm(500),
  answer: z.enum(['adopt', 'forget', 'disown', 'delete']),
  id: lineForm(1000).optional(),
});

export type Answer = z.infer<typeof answerSchema>;

export const runEventSchema = z.discriminatedUnion('type', [
  z.object({
    ...header,
    type: z.literal('run-opened'),
    operation: z.enum(['up', 'destroy', 'recover']),
    process: processSchema,
    session: sessionSchema,
    account: lineForm(20),
    region: lineForm(40),
    /** Of the repository that holds the network file, where it is in one. */
    commit: commitForm.optional(),
    ciLink: linkForm.optional(),
    /** Name of the run that it is a part of, where several processes share one: `up --run`. */
    shared: runForm.optional(),
    order: z.array(stackForm),
    forecastSeconds: z.number(),
    /** As it was read, for people: recovery works with what its stacks' records name. */
    networkFile: z.object({ path: proseForm(4000), text: z.string() }),
    /** Of the code that says what the stacks are, as it was then: recovery compares its plan with what this code meant. */
    program: lineForm(200).optional(),
  }),
  /** A session that was renewed, before its first use. */
  z.object({ ...header, type: z.literal('session-renewed'), session: sessionSchema }),
  z.object({ ...header, type: z.literal('stopping'), how: z.enum(['draining', 'interrupting']), signal: lineForm(40) }),
  z.object({
    ...header,
    type: z.literal('run-ended'),
    exitCode: z.int(),
    ends: z.array(z.object({ stack: stackForm, outcome: lineForm(40), detail: proseForm(4000) })),
  }),
  /** From here on AWS may hold what the state does not say. */
  stackEvent('engine-started', {
    operation: z.enum(['up', 'destroy']),
    /** ETag of the checkpoint that the engine starts from; null where there is none. */
    checkpoint: etagForm.nullable(),
    /** The checkpoints that its references are served from. */
    upstreams: z.record(stackForm, etagForm),
  }),
  stackEvent('held', {
    doubts: z.array(doubtSchema),
    checkpoint: etagForm.nullable(),
    spool: proseForm(4000).optional(),
    spoolDigest: digestForm.optional(),
  }),
  /** State and AWS agree at this checkpoint. */
  stackEvent('verified', {
    checkpoint: etagForm.nullable(),
    outcome: z.enum(['applied', 'destroyed', 'failed', 'nothing-started', 'recovered']),
  }),
  stackEvent('released', {
    outcome: z.enum(['nothing-started']).optional(),
    /** Where a person did it: who, and for which incident. */
    by: lineForm(400).optional(),
    incident: incidentForm.optional(),
    /** Over a state that nobody knows to be true. */
    unreconciled: z.boolean().optional(),
  }),
  /** What a person answered. */
  stackEvent('answered', { recovery: runForm, by: lineForm(400), incident: incidentForm.optional(), answer: answerSchema }),
  /** A step of a recovery, and what it came to as it was told. */
  z.object({ ...stackHeader, type: z.enum(recoverySteps), recovery: runForm, said: proseForm(4000) }),
]);

export type JournalEvent = z.infer<typeof runEventSchema>;

type HeaderField = 'schema' | 'run' | 'network' | 'writer' | 'sequence' | 'at';

/** An event without what the journal adds. */
export type NewEvent = JournalEvent extends infer Event ? (Event extends JournalEvent ? Omit<Event, HeaderField> : never) : never;
