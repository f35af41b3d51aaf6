import type { LockRecord } from '../../orchestrator/locks/lock-record.ts';
import { stackRecordSchema, wantsLock } from '../../orchestrator/ownership/stack-record.ts';
import type { CheckpointVersion, Proof, StackRecord } from '../../orchestrator/ownership/stack-record.ts';
import { transition } from '../../orchestrator/ownership/transitions.ts';
import type { Event, From, Refusal } from '../../orchestrator/ownership/transitions.ts';

/**
 * The record of a model: every write of it is what the real table makes of an event. Records that are equal are the same object, and what the table said
 * is remembered, so that a million states ask it some hundred times.
 */
export interface Written {
  readonly id: number;
  readonly at: StackRecord | { readonly stack: string };
  readonly phase: From;
  readonly epoch: number;
  /** Nonce; empty where it is free. */
  readonly owner: string;
  /** Nonce of the interrupted run, or of the one that has the stack; empty where there is none. */
  readonly run: string;
  readonly isEngineStarted: boolean;
  readonly isEngineEnded: boolean;
  /** Nonce of the freeze, or empty. */
  readonly frozen: string;
  readonly wantsLock: boolean;
  /** ETag of the verified checkpoint; empty where there never was one; `?` after a release. */
  readonly verified: string;
}

const now = '2030-01-01T00:00:00.000Z';
const stackName = 'example.vpc.main';

const written = new Map<string, Written>();
const answers = new Map<string, Written | Refusal>();

function intern(at: StackRecord | { readonly stack: string }): Written {
  const key = JSON.stringify(at);
  const known = written.get(key);
  if (known) return known;
  const record = 'phase' in at ? stackRecordSchema.parse(at) : undefined;
  const owner = record && 'owner' in record ? record.owner.nonce : '';
  const run = record && 'run' in record ? record.run : undefined;
  const verified = record?.verified ?? { kind: 'absent' };
  const made: Written = {
    id: written.size,
    at,
    phase: record?.phase ?? 'none',
    epoch: record?.epoch ?? 0,
    owner,
    run: run?.by.nonce ?? (record?.phase === 'claimed' ? owner : ''),
    isEngineStarted: run?.engineStarted ?? false,
    isEngineEnded: run?.engineEndedAt !== undefined,
    frozen: record?.frozen?.nonce ?? '',
    wantsLock: wantsLock(record),
    verified: verified.kind === 'at' ? verified.etag : verified.kind === 'absent' ? '' : '?',
  };
  written.set(key, made);
  return made;
}

/** No record was ever written. */
export const noRecord = intern({ stack: stackName });

/** @param key of the event: the same for no other one */
export function ask(at: Written, key: string, event: () => Event): Written | Refusal {
  const question = `${at.id} ${key}`;
  const known = answers.get(question);
  if (known !== undefined) return known;
  const said = transition(at.at, event(), now);
  // In the bucket each write is one of its own; the searches tell contents apart by epoch and owner.
  const answer = said.ok ? intern({ ...said.next, write: 'w' }) : said.refusal;
  answers.set(question, answer);
  return answer;
}

const owners = new Map<string, LockRecord>();

/** Each process is on a machine of its own. */
export function processOf(nonce: string, operation: LockRecord['operation']): LockRecord {
  const known = owners.get(nonce);
  if (known) return known;
  const owner: LockRecord = {
    schema: 1,
    nonce,
    user: 'ada',
    host: `host-${nonce}`,
    machine: `machine-${nonce}`,
    pid: 42,
    processStartedAt: '1',
    stack: stackName,
    run: `run-${nonce}`,
    operation,
    epoch: 0,
    ...sessionOf(nonce),
    startedAt: now,
    ...(operation === 'freeze' ? { incident: 'INC-1' } : {}),
  };
  owners.set(nonce, owner);
  return owner;
}

const sessionOf = (nonce: string) => ({ accessKeyId: `ASIA${nonce}`, session: nonce, expires: now });

export const events = {
  claim: (nonce: string): Event => ({ type: 'claim', owner: processOf(nonce, 'up') }),
  giveBack: (nonce: string, epoch: number): Event => ({ type: 'give-back', as: { nonce, epoch } }),
  start: (nonce: string, epoch: number, base: string): Event => ({
    type: 'start',
    as: { nonce, epoch },
    operation: 'up',
    base: base === '' ? null : versionOf(base),
    session: sessionOf(nonce),
  }),
  hold: (nonce: string, epoch: number, isEngineEnded: boolean): Event => ({
    type: 'hold',
    as: { nonce, epoch },
    doubts: [{ source: 'exit', text: nonce }],
    ...(isEngineEnded ? { engineEndedAt: now } : {}),
  }),
  takeOver: (nonce: string, proof: Proof): Event => ({ type: 'take-over', owner: processOf(nonce, 'recover'), proof }),
  verify: (nonce: string, epoch: number, checkpoint: string): Event => ({
    type: 'verify',
    as: { nonce, epoch },
    verified: { kind: 'at', ...versionOf(checkpoint), run: nonce, since: now },
  }),
} as const;

/** Of the model's checkpoints the content is the ETag, as it is on S3. */
const versionOf = (content: string): CheckpointVersion => ({ etag: content, modified: now });

const earlier = 'earlier';

/** A stack that a run deployed before: free, and verified at this checkpoint. */
export const verifiedRecord = (checkpoint: string): Written =>
  writtenBy(events.claim(earlier), events.start(earlier, 1, ''), events.verify(earlier, 1, checkpoint));

/** A stack that a run had when it died. */
export const interruptedRecord = (): Written => writtenBy(events.claim(earlier), events.start(earlier, 1, ''));

const writtenBy = (...history: readonly Event[]): Written =>
  history.reduce((at, event) => {
    const next = ask(at, JSON.stringify(event), () => event);
    if (typeof next === 'string') throw new Error(`${event.type}: ${next}`);
    return next;
  }, noRecord);
