import { z } from 'zod';
import { parseJson, readRecord } from '../state/read-json.ts';

/** The process that writes: what says, later and elsewhere, whether it can still be at work. */
export const processSchema = z.object({
  /** Random, one for each process: a job that a CI runs again has the same run, and is another owner. */
  nonce: z.string(),
  user: z.string(),
  host: z.string(),
  /** Equal for two processes exactly where their process numbers mean the same. */
  machine: z.string(),
  pid: z.number(),
  /** Opaque: with the number, tells this process from a later one. */
  processStartedAt: z.string(),
});

export type ProcessRecord = z.infer<typeof processSchema>;

/** Names of a session, never its secret. */
export const sessionSchema = z.object({
  /** Empty for a lock that a person put. */
  accessKeyId: z.string().max(200),
  session: z.string().max(200),
  /** What the source of the credentials says: `never` and `unknown` as they are. Only by this can a session be known to have ended. */
  expires: z.string().max(40),
  /** What a person says of it. */
  statedExpires: z.string().max(40).optional(),
});

export type SessionRecord = z.infer<typeof sessionSchema>;

/** What a durable lock says of its owner. Names people and places, never a secret. */
export const lockRecordSchema = processSchema.extend({
  schema: z.number(),
  stack: z.string(),
  run: z.string(),
  operation: z.enum(['up', 'destroy', 'recover', 'freeze']),
  /** 1 when taken; one more for each takeover. */
  epoch: z.number(),
  /** The one that the run started with. */
  ...sessionSchema.shape,
  ciLink: z.string().optional(),
  /** Of a freeze, or a recovery: what for. */
  incident: z.string().optional(),
  /** Of a recovery: its own name. `run` is the one that it recovers. */
  recovery: z.string().optional(),
  startedAt: z.string(),
  /** Set where the lock had been removed and was put back. */
  restoredAt: z.string().optional(),
  /** Made up for each put: no content of a lock comes twice. */
  put: z.string().optional(),
});

export type LockRecord = z.infer<typeof lockRecordSchema>;

/** The part that the engine itself reads. https://github.com/pulumi/pulumi pkg/backend/diy/lock.go, `lockContent` */
const engineLockSchema = z.looseObject({ pid: z.number(), username: z.string(), hostname: z.string(), timestamp: z.string() });

export interface EngineLockContent {
  readonly pid: number;
  readonly username: string;
  readonly hostname: string;
  readonly timestamp: string;
}

/** An object in a stack's lock folder. */
export type LockContent =
  | { readonly kind: 'holdfast'; readonly record: LockRecord }
  | { readonly kind: 'engine'; readonly engine: EngineLockContent }
  | {
      readonly kind: 'unreadable';
      /** `newer-schema`: a newer Holdfast knows what it says. Any other one says nothing to anyone. */
      readonly reason: 'not-json' | 'not-a-lock' | 'newer-schema';
      readonly why: string;
    };

/**
 * The lock in the engine's own format, with ours added in a field that it ignores. Its refusal prints user name, host, process and time, and
 * offers `pulumi cancel`: the user name is the one place where a person is told otherwise in time.
 */
export function writeLock(record: LockRecord): string {
  const warning =
    record.operation === 'freeze'
      ? `frozen: ${record.incident ?? ''}`
      : record.operation === 'recover'
        ? `Holdfast recovers run ${record.run}`
        : `Holdfast run ${record.run}`;
  return JSON.stringify(
    {
      pid: record.pid,
      username: `${record.user} (${warning}; do not run pulumi cancel, see: npm run status)`,
      hostname: record.host,
      timestamp: record.startedAt,
      holdfast: record,
    },
    null,
    2,
  );
}

/** @param ours whether the key is the one of Holdfast's lock; every other one is the engine's */
export function readLock(body: string, ours: boolean): LockContent {
  const json = parseJson(body);
  if (json === undefined) return { kind: 'unreadable', reason: 'not-json', why: 'it is not JSON' };
  if (!ours) {
    const parsed = engineLockSchema.safeParse(json);
    if (!parsed.success) return { kind: 'unreadable', reason: 'not-a-lock', why: 'it is not a lock of Pulumi' };
    const { pid, username, hostname, timestamp } = parsed.data;
    return { kind: 'engine', engine: { pid, username, hostname, timestamp } };
  }
  const lock = z.looseObject({ holdfast: z.unknown() }).safeParse(json);
  const read = readRecord(lock.data?.holdfast, lockRecordSchema);
  if (read.ok) return { kind: 'holdfast', record: read.value };
  return read.newer === undefined
    ? { kind: 'unreadable', reason: 'not-a-lock', why: 'it is not a lock that Holdfast wrote' }
    : { kind: 'unreadable', reason: 'newer-schema', why: `it was written by a newer Holdfast (schema ${read.newer})` };
}
