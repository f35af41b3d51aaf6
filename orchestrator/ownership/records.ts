import { randomUUID } from 'node:crypto';
import { parseStackName } from '../domain/stack-name.ts';
import { recordKey, recordsPrefix } from '../state/layout.ts';
import type { ObjectStore, StoredBody } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';
import type { Patience } from '../state/patience.ts';
import { fewAtOnce, largest, readListed, straysOf } from '../state/bounded.ts';
import type { Strays } from '../state/bounded.ts';
import { readObject } from '../state/read-json.ts';
import { fittedRecord, stackRecordSchema } from './stack-record.ts';
import type { StackRecord } from './stack-record.ts';
import { transition } from './transitions.ts';
import type { Event, EventType, NextRecord, Refusal } from './transitions.ts';

/** A record that was read, with what a write over it is conditional on. */
export interface HeldRecord {
  readonly kind: 'there';
  readonly record: StackRecord;
  readonly etag: string;
}

/** *Unreadable* is no answer: what it says of its stack is not known, and nothing is done to that stack. */
export type ReadRecord =
  | HeldRecord
  | { readonly kind: 'none'; readonly stack: string }
  | { readonly kind: 'unreadable'; readonly stack: string; readonly key: string; readonly why: string };

/** The record of one stack. @throws where the bucket does not answer */
export async function readRecord(store: ObjectStore, stack: string): Promise<ReadRecord> {
  return readListedRecord(store, stack, 0);
}

async function readListedRecord(store: ObjectStore, stack: string, size: number): Promise<ReadRecord> {
  const key = recordKey(stack);
  const found = await readListed(store, { key, size }, 'record');
  if (found.kind === 'gone') return { kind: 'none', stack };
  return found.kind === 'there' ? parseRecord(stack, found.stored) : { kind: 'unreadable', stack, key, why: found.why };
}

export interface Records {
  readonly byStack: ReadonlyMap<string, HeldRecord>;
  /** By the name that the key gives. */
  readonly unreadable: ReadonlyMap<string, Extract<ReadRecord, { kind: 'unreadable' }>>;
  /** Objects beside them whose key is that of no stack's record. */
  readonly strays: Strays;
}

/**
 * The record of every stack of a network. One that cannot be read says nothing of the others.
 * @param only of these stacks alone
 */
export async function readRecords(store: ObjectStore, network: string, only?: readonly string[]): Promise<Records> {
  const prefix = recordsPrefix(network);
  const objects = only?.map((stack) => ({ key: recordKey(stack), size: 0 })) ?? (await store.list(prefix));
  const byStack = new Map<string, HeldRecord>();
  const unreadable = new Map<string, Extract<ReadRecord, { kind: 'unreadable' }>>();
  const isRecord = ({ key }: { readonly key: string }): boolean => stackOf(key) !== undefined;
  await fewAtOnce(objects.filter(isRecord), async ({ key, size }) => {
    const stack = stackOf(key) ?? '';
    const read = await readListedRecord(store, stack, size);
    if (read.kind === 'there') byStack.set(stack, read);
    else if (read.kind === 'unreadable') unreadable.set(stack, read);
  });
  return { byStack, unreadable, strays: straysOf(objects.flatMap((object) => (isRecord(object) ? [] : [object.key]))) };
}

/** Undefined where the key is that of no stack's record: what lies there says nothing of any stack. */
function stackOf(key: string): string | undefined {
  const stack = key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, '');
  return parseStackName(stack) !== undefined && recordKey(stack) === key ? stack : undefined;
}

function parseRecord(stack: string, { body, etag }: StoredBody): ReadRecord {
  const key = recordKey(stack);
  const read = readObject(body, stackRecordSchema);
  if (!read.ok) return { kind: 'unreadable', stack, key, why: read.why };
  const record = read.value;
  const owner = 'owner' in record ? record.owner : undefined;
  const isOfKey =
    record.stack === stack &&
    (owner === undefined || (owner.stack === stack && owner.epoch === record.epoch)) &&
    (record.frozen === undefined || record.frozen.stack === stack) &&
    (!('run' in record) || record.run === undefined || record.run.by.stack === stack);
  return isOfKey ? { kind: 'there', record, etag } : { kind: 'unreadable', stack, key, why: 'it is not of the stack that its key names' };
}

export type Swapped =
  | {
      readonly ok: true;
      readonly held: HeldRecord;
      /** What it was written over; undefined where there was none. */
      readonly over: HeldRecord | undefined;
    }
  | { readonly ok: false; readonly refusal: Refusal | 'unreadable'; readonly now: ReadRecord };

export interface SwapRequest {
  readonly store: ObjectStore;
  readonly patience: Patience;
  readonly now: () => number;
}

/** More lost races than this are no races. */
const mostRaces = 50;

/**
 * Writes what the event makes of the record, over exactly the version that it was made of. A freeze, or another's write, that came between is no end:
 * the table is asked again over what is there now, and so it is where it refuses what was read a while ago. A write whose reply was lost is known by
 * phase, epoch and owner of what is read. A takeover goes no further than the owner that was seen: of a later one its proof says nothing.
 * @param seen as it was last read or written by this process; the stack's name: it is read first
 * @throws where the bucket fails for longer than the patience: whether it was written is not known
 */
export async function swap(seen: ReadRecord | string, event: Event, { store, patience, now }: SwapRequest): Promise<Swapped> {
  const insist = <T>(act: () => Promise<T>): Promise<T> => patiently(act, patience);
  const stack = typeof seen === 'string' ? seen : seen.kind === 'there' ? seen.record.stack : seen.stack;
  let current = typeof seen === 'string' ? await insist(() => readRecord(store, stack)) : seen;
  const seenEpoch = epochOf(current);
  let isStale = typeof seen !== 'string';
  let tried: NextRecord | undefined;
  let over: HeldRecord | undefined;
  for (let races = 0; races < mostRaces; races += 1) {
    if (current.kind === 'unreadable') return { ok: false, refusal: 'unreadable', now: current };
    if (tried !== undefined && current.kind === 'there' && isDone(tried, current.record)) return { ok: true, held: current, over };
    if (event.type === 'take-over' && epochOf(current) !== seenEpoch) return { ok: false, refusal: 'not-owner', now: current };
    const made = transition(current.kind === 'there' ? current.record : { stack }, event, new Date(now()).toISOString());
    if (!made.ok && isStale) {
      current = await insist(() => readRecord(store, stack));
      isStale = false;
      continue;
    }
    if (!made.ok) return { ok: false, refusal: made.refusal, now: current };
    tried = changesPhase.has(event.type) ? made.next : undefined;
    over = current.kind === 'there' ? current : undefined;
    const write = randomUUID();
    const record = fittedRecord({ ...made.next, write });
    const condition = current.kind === 'there' ? ({ only: 'if-matches', etag: current.etag } as const) : ({ only: 'if-absent' } as const);
    const body = bodyOf(record);
    const put = await insist(() => store.put(recordKey(stack), body, condition, write));
    if (put.done) return { ok: true, held: { kind: 'there', record, etag: put.etag }, over };
    current = await insist(() => readRecord(store, stack));
    isStale = false;
  }
  throw new Error(`${recordKey(stack)} was written by others ${mostRaces} times in a row`);
}

/** @throws where it would not be read back: that would end every way on for its stack, and the one that is there stays as it is */
function bodyOf(record: StackRecord): string {
  const body = JSON.stringify(record);
  const read = parseRecord(record.stack, { body, etag: '', modified: new Date(0) });
  if (read.kind === 'unreadable') throw new Error(`a record of ${record.stack} that could not be read again was not written: ${read.why}`);
  if (Buffer.byteLength(body) > largest.record)
    throw new Error(`a record of ${record.stack} that is too large to be read again was not written`);
  return body;
}

const epochOf = (read: ReadRecord): number | undefined => (read.kind === 'there' ? read.record.epoch : undefined);

/** Of these it can be read off the record whether they were done. Every other one is the same when it is done twice. */
const changesPhase: ReadonlySet<EventType> = new Set(['claim', 'give-back', 'start', 'hold', 'verify', 'take-over', 'release']);

/** What was tried is there, perhaps with a freeze on top. */
function isDone(tried: NextRecord, { phase, epoch, ...rest }: StackRecord): boolean {
  if (tried.phase !== phase || tried.epoch !== epoch) return false;
  if (!('owner' in tried)) return !('owner' in rest);
  return 'owner' in rest && tried.owner.nonce === (rest.owner as { readonly nonce: string }).nonce;
}
