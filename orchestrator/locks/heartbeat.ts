import { z } from 'zod';
import { heartbeatKey, heartbeatsPrefix, schemaVersion, waitingKey, waitingPrefix } from '../state/layout.ts';
import { hostForm, linkForm, nonceForm, pidForm, runForm, timeForm } from '../domain/forms.ts';
import { fewAtOnce, readListed } from '../state/bounded.ts';
import type { ObjectStore, StoredObject } from '../state/object-store.ts';
import { readObject } from '../state/read-json.ts';
import { processSchema } from './lock-record.ts';
import type { LockRecord, ProcessRecord } from './lock-record.ts';

const everySeconds = 30;

/** Seconds after which people are told that nothing was heard of a process. It decides nothing: a process may be paused, and its network may be down. */
export const quietAfterSeconds = 4 * everySeconds;

/** @param now by the same clock as the heartbeat's */
export const isHeardOf = (last: Date | undefined, now: number): boolean =>
  last !== undefined && now - last.getTime() < quietAfterSeconds * 1000;

/** What a process that waits for locks says of itself. It is shown, and decides nothing: there is no queue. */
const waiterSchema = processSchema.extend({ schema: z.number(), since: timeForm, ciLink: linkForm.optional() });

const heartbeatSchema = z.object({ schema: z.number(), nonce: nonceForm, run: runForm, host: hostForm, pid: pidForm });

export type WaiterRecord = z.infer<typeof waiterSchema>;

/** One object for each process that has locks, or waits for some, overwritten every half minute, and gone at its end. Shown to people. */
export class Heartbeat {
  readonly #store: ObjectStore;
  readonly #key: string;
  readonly #body: string;
  #timer: NodeJS.Timeout | undefined;
  #last: Promise<string | undefined> = Promise.resolve(undefined);

  /** @param waiting of a process that has no lock yet */
  constructor(store: ObjectStore, network: string, run: string, process: ProcessRecord, waiting?: Pick<WaiterRecord, 'since' | 'ciLink'>) {
    this.#store = store;
    const { nonce, host, pid } = process;
    this.#key = waiting ? waitingKey(network, nonce) : heartbeatKey(network, nonce);
    this.#body = JSON.stringify({ schema: schemaVersion, ...(waiting ? { ...process, ...waiting } : { nonce, run, host, pid }) });
  }

  /** Resolves when the first one is in the bucket, or could not be put there: a record that names this process is written after it. */
  async start(): Promise<void> {
    if (this.#timer) return;
    this.#beat();
    this.#timer = setInterval(() => this.#beat(), everySeconds * 1000);
    this.#timer.unref();
    await this.#last;
  }

  async stop(): Promise<void> {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    const etag = await this.#last;
    if (etag !== undefined) await this.#store.remove(this.#key, etag).catch(() => undefined);
  }

  #beat(): void {
    this.#last = this.#last.then(async (before) => {
      const put = await this.#store.put(this.#key, this.#body, { only: 'always' }).catch(() => undefined);
      return put?.done === true ? put.etag : before;
    });
  }
}

/** A process that a record names for a moment only is heard of for as long. */
export async function whileHeard<T>(heartbeat: Heartbeat, act: () => Promise<T>): Promise<T> {
  await heartbeat.start();
  return act().finally(() => heartbeat.stop());
}

/** A heartbeat as it is listed, by the nonce in its key. Whose it is, its content says: @see isHeartbeatOf */
export type Heartbeats = ReadonlyMap<string, StoredObject>;

export async function listHeartbeats(store: ObjectStore, network: string): Promise<Heartbeats> {
  const prefix = heartbeatsPrefix(network);
  const objects = await store.list(prefix);
  return new Map(objects.map((object) => [object.key.slice(prefix.length, -'.json'.length), object]));
}

/** A process as a record names it: with its run, where the record is of the run itself. */
export type NamedProcess = ProcessRecord & Partial<Pick<LockRecord, 'run' | 'operation'>>;

/**
 * Whether that process writes it. All of it can be copied by one who may write both: it keeps out what is made up, and what another process left.
 * @throws where the bucket does not answer
 */
export async function isHeartbeatOf(store: ObjectStore, listed: StoredObject, process: NamedProcess): Promise<boolean> {
  const found = await readListed(store, listed, 'heartbeat');
  const read = found.kind === 'there' ? readObject(found.stored.body, heartbeatSchema) : undefined;
  if (read?.ok !== true) return false;
  const { nonce, host, pid, run } = read.value;
  // A recovery's record bears the name of the run that it is for.
  const isOfRun = process.run === undefined || process.operation === 'recover' || process.run === run;
  return nonce === process.nonce && host === process.host && pid === process.pid && isOfRun;
}

/** Those that were heard of last: of hundreds nobody reads all. */
const waitersRead = 100;

/** Who waits for locks, and when each was last heard of. What cannot be read as the waiter that its key names is not shown. */
export async function readWaiters(store: ObjectStore, network: string): Promise<{ record: WaiterRecord; heard: Date }[]> {
  const listed = await store.list(waitingPrefix(network));
  const newest = listed.toSorted((a, b) => b.modified.getTime() - a.modified.getTime()).slice(0, waitersRead);
  const read = await fewAtOnce(newest, async (object) => {
    const found = await readListed(store, object, 'heartbeat');
    const waiter = found.kind === 'there' ? readObject(found.stored.body, waiterSchema) : undefined;
    if (waiter?.ok !== true || waitingKey(network, waiter.value.nonce) !== object.key) return [];
    return [{ record: waiter.value, heard: object.modified }];
  });
  return read.flat();
}

/** After so long the process was killed, or begins again with its next beat. */
const keptSeconds = 24 * 3600;

/**
 * Removes the heartbeats of processes that were killed and could not do it themselves. One that cannot be removed does no harm.
 * @param now by the clock of the store: one that is ahead would make living processes quiet until their next beat
 */
export async function removeOldHeartbeats(store: ObjectStore, network: string, now: number): Promise<void> {
  const objects = await store.list(heartbeatsPrefix(network)).catch(() => []);
  const old = objects.filter(({ modified }) => modified.getTime() < now - keptSeconds * 1000);
  await fewAtOnce(old, ({ key, etag }) => store.remove(key, etag).catch(() => undefined));
}
