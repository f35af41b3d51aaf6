import { randomUUID } from 'node:crypto';
import { messageOf } from '../domain/problem.ts';
import { openRunKey, runEventKey, schemaVersion } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';
import type { NewEvent, OpenMark } from './events.ts';
import { apply, isOpen, newRun } from './run-state.ts';
import type { RunState } from './run-state.ts';

export interface JournalSettings {
  readonly store: ObjectStore;
  readonly network: string;
  readonly run: string;
  /** Nonce of this process. */
  readonly writer: string;
  /** Seconds for which a bucket that fails is tried again. */
  readonly patienceSeconds: number;
  readonly now: () => number;
}

/** An event that could not be written down: what it was to license must not be done. */
export class JournalUnavailable extends Error {
  constructor(type: string, cause: unknown) {
    super(`the journal could not be written (${type}): ${messageOf(cause)}`, { cause });
    this.name = 'JournalUnavailable';
  }
}

/** A run that has waited for the bucket once and given up does not wait again for each line of its end. */
const notePatienceSeconds = 5;

/** The journal of a run, as one process writes it. */
export class Journal {
  readonly #settings: JournalSettings;
  #state: RunState;
  #sequence = 0;
  #mark: string | undefined;

  constructor(settings: JournalSettings) {
    this.#settings = settings;
    this.#state = newRun(settings.run);
  }

  get run(): string {
    return this.#settings.run;
  }

  /** What is durable of this run, by this process. */
  get state(): RunState {
    return this.#state;
  }

  /** Marks the run as open, so that it is found, and writes its opening. Before the first lock. */
  async open(opening: Extract<NewEvent, { type: 'run-opened' }>): Promise<void> {
    const { store, network, run, writer, patienceSeconds } = this.#settings;
    const write = randomUUID();
    const body = JSON.stringify({ schema: schemaVersion, run, network, writer, process: opening.process } satisfies OpenMark);
    const marked = await patiently(() => store.put(openRunKey(network, run, writer), body, { only: 'if-absent' }, write), {
      seconds: patienceSeconds,
    }).catch((cause: unknown) => {
      throw new JournalUnavailable('open', cause);
    });
    if (!marked.done) throw new JournalUnavailable('open', new Error(`a run ${run} by ${writer} is open already`));
    this.#mark = marked.etag;
    await this.append(opening);
  }

  /**
   * Resolves when the event is in the bucket.
   * @throws JournalUnavailable where the bucket failed for longer than the patience, or something stands in the event's place
   */
  append(event: NewEvent): Promise<void> {
    return this.#append(event, this.#settings.patienceSeconds);
  }

  async #append(event: NewEvent, patienceSeconds: number): Promise<void> {
    const { store, network, run, writer, now } = this.#settings;
    this.#sequence += 1;
    const sequence = this.#sequence;
    const complete = { schema: schemaVersion, run, network, writer, sequence, at: new Date(now()).toISOString(), ...event };
    const key = runEventKey(network, run, writer, sequence, event.type);
    const write = randomUUID();
    const put = await patiently(() => store.put(key, JSON.stringify(complete), { only: 'if-absent' }, write), {
      seconds: patienceSeconds,
    }).catch((cause: unknown) => {
      throw new JournalUnavailable(event.type, cause);
    });
    if (!put.done) throw new JournalUnavailable(event.type, new Error(`${key} is there already`));
    this.#state = apply(this.#state, complete);
  }

  /** What may be late: a bucket that fails loses it, and nothing else. */
  async note(event: NewEvent): Promise<void> {
    await this.#append(event, Math.min(this.#settings.patienceSeconds, notePatienceSeconds)).catch(() => undefined);
  }

  /** Takes the mark away where nothing is left open: the run is over, and need not be read again. */
  async close(): Promise<void> {
    const { store, network, run, writer } = this.#settings;
    if (this.#mark === undefined || [...this.#state.stacks.values()].some((stack) => isOpen(stack) || stack.phase !== 'released')) return;
    // A mark that stays costs a reader one more look, and says nothing wrong.
    await store.remove(openRunKey(network, run, writer), this.#mark).catch(() => undefined);
  }
}
