import { z } from 'zod';
import { heartbeatKey, heartbeatsPrefix, schemaVersion, waitingKey, waitingPrefix } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { readObject } from '../state/read-json.ts';
import { processSchema } from './lock-record.ts';
import type { ProcessRecord } from './lock-record.ts';

const everySeconds = 30;

/** Seconds after which people are told that nothing was heard of a process. It decides nothing: a process may be paused, and its network may be down. */
export const quietAfterSeconds = 4 * everySeconds;

/** @param now by the same clock as the heartbeat's */
export const isHeardOf = (last: Date | undefined, now: number): boolean =>
  last !== undefined && now - last.getTime() < quietAfterSeconds * 1000;

/** What a process that waits for locks says of itself. It is shown, and decides nothing: there is no queue. */
const waiterSchema = processSchema.extend({ schema: z.number(), since: z.string(), ciLink: z.string().optional() });

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

/** When each process was last heard of, by nonce and by the bucket's clock. */
export async function lastHeard(store: ObjectStore, network: string): Promise<Map<string, Date>> {
  const prefix = heartbeatsPrefix(network);
  const objects = await store.list(prefix);
  return new Map(objects.map(({ key, modified }) => [key.slice(prefix.length, -'.json'.length), modified]));
}

/** Who waits for locks, and when each was last heard of. What cannot be read as a waiter is not shown. */
export async function readWaiters(store: ObjectStore, network: string): Promise<{ record: WaiterRecord; heard: Date }[]> {
  const objects = await store.list(waitingPrefix(network));
  const read = await Promise.all(
    objects.map(async ({ key, modified }) => {
      const stored = await store.get(key);
      const waiter = stored && readObject(stored.body, waiterSchema);
      return waiter?.ok ? [{ record: waiter.value, heard: modified }] : [];
    }),
  );
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
  await Promise.all(old.map(({ key, etag }) => store.remove(key, etag).catch(() => undefined)));
}
