import { randomUUID } from 'node:crypto';
import { messageOf } from '../domain/problem.ts';
import { distrust, distrustInWords } from '../state/checkpoint-trust.ts';
import type { Distrust, Trusted } from '../state/checkpoint-trust.ts';
import { checkpointKey } from '../state/layout.ts';
import type { ObjectStore, PutCondition } from '../state/object-store.ts';
import { digestOf } from './body.ts';
import { lookInto } from './checkpoint-content.ts';
import type { Clock } from './clock.ts';
import type { Fencing } from './fence.ts';
import type { Spool } from './spool.ts';

/** An object in a mount's memory. */
export interface Held {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly modified: Date;
}

/** Where the engine's checkpoint writes go. */
export type MountMode =
  /** They stay in memory, and are thrown away with the mount. */
  | { readonly kind: 'overlay' }
  | {
      readonly kind: 'apply';
      readonly store: ObjectStore;
      /** How long a write that fails is tried again, from its first failure on. */
      readonly patienceSeconds: number;
      readonly spool: Spool;
      /**
       * Asked before each try to write: throws where it cannot say that the run still is the stack's owner, which counts as a bucket that fails, and
       * fences the mount where it is not. It is how a process that was paused for long learns what it missed.
       */
      readonly beforeWrite?: () => Promise<void>;
      readonly onTrouble?: (trouble: Trouble) => void;
    };

/** What a screen shows of a bucket that fails while the engine waits. A mount that gives up says so by its fence. */
export type Trouble =
  | {
      readonly kind: 'bucket-fails';
      readonly stack: string;
      /** When the write failed first. */
      readonly since: Date;
      /** The bucket's own word, of the last try. */
      readonly error: string;
      readonly patienceSeconds: number;
      /** File with what could not be written. */
      readonly spooled: string | undefined;
      /** Why there is no such file. */
      readonly spoolError: string | undefined;
    }
  | { readonly kind: 'bucket-back'; readonly stack: string; readonly since: Date };

export type WriteResult =
  | { readonly outcome: 'written'; readonly etag: string }
  /** The fence says why. */
  | { readonly outcome: 'refused' }
  /** Nothing was to be written: the condition that came with it does not hold. */
  | { readonly outcome: 'unmet' }
  | { readonly outcome: 'invalid'; readonly message: string };

const firstBackoffMs = 250;
const longestBackoffMs = 5_000;
/** A try without an answer for so long, and the time of its bytes, is taken for a failure, though it may still succeed. */
const silentAfterMs = 10_000;
const slowestBytesPerMs = 1_000;
/** How long a stopped mount still waits for the answer to a write that is under way: with it, the outcome is known. */
const graceMs = 10_000;

const refused: WriteResult = { outcome: 'refused' };

/**
 * The stack's own checkpoint: promise 3 is kept here. Writes follow one another, each on the condition that the bucket still has what this run
 * saw last; the engine is answered when the bucket has answered.
 */
export class OwnCheckpoint {
  readonly #stack: string;
  readonly #mode: MountMode;
  readonly #trusted: Trusted;
  readonly #fencing: Fencing;
  readonly #clock: Clock;
  #held: Held | undefined;
  #intended = false;
  #removed = false;
  /** What the engine asked for last, and the last of it that was done: the same where nothing is missing. */
  #asked = 0;
  #done = 0;
  #bucketRequests = 0;
  #queue: Promise<unknown> = Promise.resolve();
  /** The write that was asked for last, until it is answered. */
  #open: { readonly digest: string; readonly result: Promise<WriteResult> } | undefined;
  #spooled: { readonly digest: string; readonly file: string } | undefined;
  #spoolError: string | undefined;

  /** @param held one that an engine may be shown */
  constructor(stack: string, mode: MountMode, trusted: Trusted, held: Held | undefined, fencing: Fencing, clock: Clock) {
    this.#stack = stack;
    this.#mode = mode;
    this.#trusted = trusted;
    this.#held = held;
    this.#fencing = fencing;
    this.#clock = clock;
  }

  /** In overlay mode what is in memory, else what is in the bucket. */
  get held(): Held | undefined {
    return this.#held;
  }

  get intended(): boolean {
    return this.#intended;
  }

  get durable(): boolean {
    return this.#done === this.#asked;
  }

  /** Whether the engine removed the stack, now or before it made it anew. */
  get removed(): boolean {
    return this.#removed;
  }

  get spooled(): string | undefined {
    return this.#spooled?.file;
  }

  /** SHA-256 of it, in hexadecimal. */
  get spoolDigest(): string | undefined {
    return this.#spooled && Buffer.from(this.#spooled.digest, 'base64').toString('hex');
  }

  get bucketRequests(): number {
    return this.#bucketRequests;
  }

  /** The engine asked for a write that did not even arrive whole. */
  missed(): void {
    this.#asked += 1;
  }

  /** @param holds the condition that the engine set; asked when the writes before this one are done */
  async write(bytes: Buffer, holds: (held: Held | undefined) => boolean): Promise<WriteResult> {
    const digest = digestOf('sha256', bytes);
    // The engine's client tries again when its connection breaks: the same content, while the first is under way, is the same write.
    if (this.#open?.digest === digest) return await this.#open.result;
    this.#asked += 1;
    const asked = this.#asked;
    const content = lookInto(bytes);
    if (!content.valid) return { outcome: 'invalid', message: content.message };
    if (content.pendingOperations) this.#intended = true;
    // It began with one that was checked. What it shows it again, and the next engine after it, is this: somebody else is at its ports, or it is another release.
    const found = distrust(content.text, this.#stack, this.#trusted, content.json);
    if (found.length > 0) this.#distrusted(found);
    const late = this.#fencing.isUp();
    let isUnmet = false;
    const written = this.#inTurn(async () => {
      // What an engine still wants to say after the fence is evidence too: a step that was under way ends there.
      if (late || this.#fencing.isStopped()) {
        await this.#keepAside(bytes, digest);
        return;
      }
      isUnmet = !holds(this.#held);
      // Of what was not to be written nothing is missing.
      if (isUnmet ? this.#done === asked - 1 : await this.#put(bytes, digest)) this.#done = asked;
    });
    const result = this.#orStopped(written).then((): WriteResult => {
      // After a fence the engine must not go on, not even by a write that went well: it would begin its next step.
      if (this.#fencing.isUp()) return refused;
      if (isUnmet) return { outcome: 'unmet' };
      if (!this.#held) return refused;
      return { outcome: 'written', etag: this.#held.etag };
    });
    const open = { digest, result: late ? written.then(() => refused) : result };
    this.#open = open;
    try {
      return await open.result;
    } finally {
      // Reads as always the same to the compiler; another write may have come meanwhile.
      if ((this.#open as unknown) === open) this.#open = undefined;
    }
  }

  /** @returns whether there is none any more */
  async remove(): Promise<boolean> {
    this.#asked += 1;
    const asked = this.#asked;
    if (this.#fencing.isUp()) return false;
    await this.#orStopped(
      this.#inTurn(async () => {
        if (this.#fencing.isStopped() || !(await this.#delete())) return;
        this.#done = asked;
      }),
    );
    return !this.#fencing.isUp();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#queue;
  }

  async #put(bytes: Buffer, digest: string): Promise<boolean> {
    const mode = this.#mode;
    if (mode.kind === 'overlay') {
      this.#held = { bytes, etag: `"${digestOf('md5', bytes, 'hex')}"`, modified: new Date(this.#clock.now()) };
      return true;
    }
    const condition: PutCondition = this.#held ? { only: 'if-matches', etag: this.#held.etag } : { only: 'if-absent' };
    // One id for all tries: one whose reply was lost is known as our own.
    const id = randomUUID();
    const put = () => mode.store.put(checkpointKey(this.#stack), bytes, condition, id);
    const result = await this.#persist(mode, { bytes, digest }, put);
    if (result === undefined) return false;
    if (!result.done) {
      await this.#keepAside(bytes, digest);
      this.#changedBehind(mode.store);
      return false;
    }
    this.#held = { bytes, etag: result.etag, modified: new Date(this.#clock.now()) };
    return true;
  }

  async #delete(): Promise<boolean> {
    const held = this.#held;
    if (!held) return true;
    const mode = this.#mode;
    if (mode.kind === 'apply') {
      let tries = 0;
      const result = await this.#persist(mode, undefined, () => {
        tries += 1;
        return mode.store.remove(checkpointKey(this.#stack), held.etag);
      });
      if (result === undefined) return false;
      // Gone at a second try: by the first one, whose reply was lost.
      if (!result.done && (result.there || tries === 1)) {
        this.#changedBehind(mode.store);
        return false;
      }
    }
    this.#held = undefined;
    this.#removed = true;
    return true;
  }

  #distrusted(found: readonly Distrust[]): void {
    this.#fencing.raise({
      kind: 'distrusted',
      message: `the engine would write a checkpoint of ${this.#stack} that ${distrustInWords(found)}`,
    });
  }

  #changedBehind(store: ObjectStore): void {
    const found = `the checkpoint of ${this.#stack} in ${store.name} was changed by someone else while this run had it`;
    this.#fencing.raise({ kind: 'changed-behind', message: `${found}; nothing was written over it${this.#whereSpooled()}` });
  }

  /** Tries until the bucket has answered; undefined where the mount is fenced before it has. */
  async #persist<T>(mode: ApplyMode, wanted: Wanted | undefined, act: () => Promise<T>): Promise<T | undefined> {
    const allowanceMs = (wanted?.bytes.length ?? 0) / slowestBytesPerMs;
    const trouble: { since?: Date } = {};
    let backoffMs = firstBackoffMs;
    const failed = async (error: string): Promise<Date> => {
      const since = (trouble.since ??= new Date(this.#clock.now()));
      if (wanted) await this.#keepAside(wanted.bytes, wanted.digest);
      mode.onTrouble?.({
        kind: 'bucket-fails',
        stack: this.#stack,
        since,
        error,
        patienceSeconds: mode.patienceSeconds,
        spooled: this.spooled,
        spoolError: this.#spoolError,
      });
      return since;
    };
    for (;;) {
      const asOwner = async (): Promise<T> => {
        await mode.beforeWrite?.();
        if (this.#fencing.isStopped()) throw new Error(this.#fencing.fence?.message ?? 'it may no longer write');
        return act();
      };
      const tried = await this.#try(asOwner, silentAfterMs + allowanceMs, async (error) => {
        const start = await failed(error);
        return start.getTime() + mode.patienceSeconds * 1_000 + allowanceMs - this.#clock.now();
      });
      if (tried.answered) {
        if (trouble.since) {
          await this.#dropSpooled(mode.spool);
          mode.onTrouble?.({ kind: 'bucket-back', stack: this.#stack, since: trouble.since });
        }
        return tried.value;
      }
      const start = await failed(tried.error);
      if (this.#fencing.isStopped()) return undefined;
      const leftMs = start.getTime() + mode.patienceSeconds * 1_000 - this.#clock.now();
      if (leftMs <= 0) {
        const waited = Math.round((this.#clock.now() - start.getTime()) / 1_000);
        const what = wanted ? 'the checkpoint of' : 'the removal of';
        this.#fencing.raise({
          kind: 'bucket-failed',
          message: `${mode.store.name} did not take ${what} ${this.#stack} for ${waited} s: ${tried.error}${this.#whereSpooled()}`,
        });
        return undefined;
      }
      const waitMs = Math.min(backoffMs * (0.5 + this.#clock.random() / 2), leftMs);
      await this.#clock.sleep(waitMs, this.#fencing.stopped);
      if (this.#fencing.isStopped()) return undefined;
      backoffMs = Math.min(backoffMs * 2, longestBackoffMs);
    }
  }

  /**
   * One request to the bucket. It cannot be taken back: where it is given up without an answer it may still take effect, which is why every
   * write is conditional.
   * @param onSilent says for how many more milliseconds to wait
   */
  async #try<T>(act: () => Promise<T>, silentMs: number, onSilent: (error: string) => Promise<number>): Promise<Tried<T>> {
    this.#bucketRequests += 1;
    const timers = new AbortController();
    const answer = Promise.resolve()
      .then(act)
      .then(
        (value): Tried<T> => ({ answered: true, value }),
        (cause: unknown): Tried<T> => ({ answered: false, error: messageOf(cause) }),
      );
    const startedMs = this.#clock.now();
    const silence = (): string => `no answer for ${Math.round((this.#clock.now() - startedMs) / 1_000)} s`;
    const stopped = whenAborted(this.#fencing.stopped, timers.signal)
      .then(() => this.#clock.sleep(graceMs, timers.signal))
      .then((): Tried<T> => ({ answered: false, error: silence() }));
    const ended = Promise.race([answer, stopped]);
    try {
      const first = await Promise.race([ended, this.#clock.sleep(silentMs, timers.signal).then(() => undefined)]);
      if (first) return first;
      const leftMs = await onSilent(silence());
      const late = await Promise.race([ended, this.#clock.sleep(Math.max(0, leftMs), timers.signal).then(() => undefined)]);
      return late ?? { answered: false, error: silence() };
    } finally {
      timers.abort();
    }
  }

  /** One after the other, in the order of the calls. A throw here is a bug of ours, after which nobody knows what was written. */
  #inTurn(task: () => Promise<void>): Promise<void> {
    const turn = this.#queue.then(task).catch((cause: unknown) => {
      this.#fencing.raise({ kind: 'bucket-failed', message: `the checkpoint of ${this.#stack} could not be written: ${messageOf(cause)}` });
    });
    this.#queue = turn;
    return turn;
  }

  /** The engine is refused at once, also where a write is still under way. */
  async #orStopped(turn: Promise<void>): Promise<void> {
    const timers = new AbortController();
    await Promise.race([turn, whenAborted(this.#fencing.stopped, timers.signal)]);
    timers.abort();
  }

  /** Never fails: a disk that is full must not be what ends a run. */
  async #keepAside(bytes: Buffer, digest: string): Promise<void> {
    if (this.#mode.kind === 'overlay' || this.#spooled?.digest === digest) return;
    try {
      this.#spooled = { digest, file: await this.#mode.spool.write(this.#stack, bytes) };
      this.#spoolError = undefined;
    } catch (cause) {
      // An older file would pass for this one.
      this.#spooled = undefined;
      this.#spoolError = messageOf(cause);
    }
  }

  async #dropSpooled(spool: Spool): Promise<void> {
    if (!this.#spooled) return;
    try {
      await spool.remove(this.#stack);
      this.#spooled = undefined;
    } catch (cause) {
      this.#spoolError = messageOf(cause);
    }
  }

  #whereSpooled(): string {
    if (this.#spooled) return `; what was to be written is in ${this.#spooled.file}`;
    return this.#spoolError === undefined ? '' : `; nor could it be kept on this machine: ${this.#spoolError}`;
  }
}

type ApplyMode = Extract<MountMode, { kind: 'apply' }>;

interface Wanted {
  readonly bytes: Buffer;
  readonly digest: string;
}

type Tried<T> = { readonly answered: true; readonly value: T } | { readonly answered: false; readonly error: string };

/** Never resolves where `given up` is aborted first; leaves no listener behind then. */
function whenAborted(signal: AbortSignal, givenUp: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true, signal: givenUp });
  });
}
