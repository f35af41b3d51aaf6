import { randomUUID } from 'node:crypto';
import { fittedTexts } from '../domain/forms.ts';
import { messageOf } from '../domain/problem.ts';
import { runEventKey, schemaVersion } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';
import type { NewEvent } from './events.ts';

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

/** An event that could not be written down. */
export class JournalUnavailable extends Error {
  constructor(type: string, cause: unknown) {
    super(`the journal could not be written (${type}): ${messageOf(cause)}`, { cause });
    this.name = 'JournalUnavailable';
  }
}

/** A run that has waited for the bucket once and given up does not wait again for each line of its end. */
const notePatienceSeconds = 5;

/** The journal of a run, as one process writes it: an audit log. Nothing is decided by it. */
export class Journal {
  readonly #settings: JournalSettings;
  #sequence = 0;

  constructor(settings: JournalSettings) {
    this.#settings = settings;
  }

  get run(): string {
    return this.#settings.run;
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
    const complete = { schema: schemaVersion, run, network, writer, sequence, at: new Date(now()).toISOString(), ...fitted(event) };
    const key = runEventKey(network, run, writer, sequence, event.type);
    const write = randomUUID();
    const put = await patiently(() => store.put(key, JSON.stringify(complete), { only: 'if-absent' }, write), {
      seconds: patienceSeconds,
    }).catch((cause: unknown) => {
      throw new JournalUnavailable(event.type, cause);
    });
    if (!put.done) throw new JournalUnavailable(event.type, new Error(`${key} is there already`));
  }

  /** What may be late: a bucket that fails loses it, and nothing else. */
  async note(event: NewEvent): Promise<void> {
    await this.#append(event, Math.min(this.#settings.patienceSeconds, notePatienceSeconds)).catch(() => undefined);
  }
}

/** What came from an engine, from AWS or from a CI fits what is read back. The text of a network file stays as it is. */
function fitted(event: NewEvent): NewEvent {
  const fit = fittedTexts(event);
  return event.type === 'run-opened' && fit.type === 'run-opened'
    ? { ...fit, networkFile: { ...fit.networkFile, text: event.networkFile.text } }
    : fit;
}
