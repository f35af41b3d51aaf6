import { createHash } from 'node:crypto';
import { z } from 'zod';
import { command } from '../domain/command.ts';
import {
  accessKeyIdForm,
  epochForm,
  expiryForm,
  fittedName,
  hostForm,
  incidentForm,
  lineForm,
  linkForm,
  machineForm,
  nonceForm,
  pidForm,
  runForm,
  sessionNameForm,
  stackForm,
  startOfProcessForm,
  timeForm,
  userForm,
} from '../domain/forms.ts';
import { parseJson, readRecord } from '../state/read-json.ts';

/** The process that writes: what says, later and elsewhere, whether it can still be at work. */
export const processSchema = z.object({
  /** Random, one for each process: a job that a CI runs again has the same run, and is another owner. */
  nonce: nonceForm,
  user: userForm,
  host: hostForm,
  /** Equal for two processes exactly where their process numbers mean the same. */
  machine: machineForm,
  pid: pidForm,
  /** Opaque: with the number, tells this process from a later one. */
  processStartedAt: startOfProcessForm,
});

export type ProcessRecord = z.infer<typeof processSchema>;

/** Enough that no two users or machines become one. */
const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** What this machine calls a process, its user and itself, in the form that is read back. It goes by nothing but the names: each process of a user has the same. */
export const fittedProcess = <P extends Pick<ProcessRecord, 'user' | 'host' | 'machine'>>(process: P): P => ({
  ...process,
  user: fittedName(process.user, 'user', digestOf),
  host: fittedName(process.host, 'host', digestOf),
  machine: fittedName(process.machine, 'machine', digestOf),
});

/** Names of a session, never its secret. */
export const sessionSchema = z.object({
  /** Empty for a lock that a person put. */
  accessKeyId: accessKeyIdForm,
  session: sessionNameForm,
  /** What the source of the credentials says: `never` and `unknown` as they are. Only by this can a session be known to have ended. */
  expires: expiryForm,
  /** What a person says of it. */
  statedExpires: timeForm.optional(),
});

export type SessionRecord = z.infer<typeof sessionSchema>;

/** What a durable lock says of its owner. Names people and places, never a secret. */
export const lockRecordSchema = processSchema.extend({
  schema: z.number(),
  stack: stackForm,
  run: runForm,
  operation: z.enum(['up', 'destroy', 'recover', 'freeze']),
  /** 1 when taken; one more for each takeover. */
  epoch: epochForm,
  /** The one that the run started with. */
  ...sessionSchema.shape,
  ciLink: linkForm.optional(),
  /** Of a freeze, or a recovery: what for. */
  incident: incidentForm.optional(),
  /** Of a recovery: its own name. `run` is the one that it recovers. */
  recovery: runForm.optional(),
  startedAt: timeForm,
  /** Set where the lock had been removed and was put back. */
  restoredAt: timeForm.optional(),
  /** Made up for each put: no content of a lock comes twice. */
  put: lineForm(100).optional(),
});

export type LockRecord = z.infer<typeof lockRecordSchema>;

/** The part that the engine itself reads. https://github.com/pulumi/pulumi pkg/backend/diy/lock.go, `lockContent` */
const engineLockSchema = z.looseObject({
  pid: pidForm,
  username: lineForm(500),
  hostname: lineForm(500),
  // In the machine's own zone, to the nanosecond.
  timestamp: z.iso.datetime({ offset: true }).max(60),
});

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
      /**
       * `newer-schema`: a newer Holdfast knows what it says. `not-read`: it was not looked into, as it is too large, or one of very many. Any other one says
       * nothing to anyone.
       */
      readonly reason: 'not-json' | 'not-a-lock' | 'newer-schema' | 'not-read';
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
      username: `${record.user} (${warning}; do not run pulumi cancel, see: ${command('status')})`,
      hostname: record.host,
      timestamp: record.startedAt,
      holdfast: record,
    },
    null,
    2,
  );
}

/** @param stack where the key is the one of Holdfast's lock on it; every other one is the engine's */
export function readLock(body: string, stack: string | undefined): LockContent {
  const json = parseJson(body);
  if (json === undefined) return { kind: 'unreadable', reason: 'not-json', why: 'it is not JSON' };
  if (stack === undefined) {
    const parsed = engineLockSchema.safeParse(json);
    if (!parsed.success) return { kind: 'unreadable', reason: 'not-a-lock', why: 'it is not a lock of Pulumi' };
    const { pid, username, hostname, timestamp } = parsed.data;
    return { kind: 'engine', engine: { pid, username, hostname, timestamp } };
  }
  const lock = z.looseObject({ holdfast: z.unknown() }).safeParse(json);
  const read = readRecord(lock.data?.holdfast, lockRecordSchema);
  if (read.ok && read.value.stack === stack) return { kind: 'holdfast', record: read.value };
  if (read.ok) return { kind: 'unreadable', reason: 'not-a-lock', why: 'it is the lock of another stack' };
  return read.newer === undefined
    ? { kind: 'unreadable', reason: 'not-a-lock', why: 'it is not a lock that Holdfast wrote' }
    : { kind: 'unreadable', reason: 'newer-schema', why: `it was written by a newer Holdfast (schema ${read.newer})` };
}
