import type { Looked } from '../../orchestrator/aws/looked.ts';
import type { Inventory } from '../../orchestrator/inventory/live-object.ts';
import type { Call } from './calls.ts';

/** What AWS has after a call of EC2 that changes something, as `/_lab/watch` shows it; the first moment is that of the watch's beginning. */
export type Moment = {
  /** Of the call, as in `/_lab/calls`; at the beginning that of the last call before it. */
  seq: number;
  /** Null at the beginning. */
  action: string | null;
  /** Where AWS could not be looked at, why. */
  looked: Looked<Inventory>;
};

/** Looks at AWS past the proxy, so that no record is made of that. */
export type Look = { look: () => Promise<Looked<Inventory>>; close: () => void };

/**
 * While it is on, calls of EC2 that change something are made one after another, and AWS is looked at after each, before its reply goes on. Calls that are held
 * wait before their turn, or after it, and so keep no other one waiting.
 */
export class Watch {
  readonly #open: () => Promise<Look>;
  #opened: Promise<Look> | undefined;
  #moments: Moment[] | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param open called with the first watch: not every lab has one */
  constructor(open: () => Promise<Look>) {
    this.#open = open;
  }

  /** Begins, or begins again, with what AWS has now. @param seq of the last call */
  async begin(seq: number): Promise<Moment[]> {
    const moments: Moment[] = [];
    this.#moments = moments;
    await this.#inTurn(() => this.#keep(moments, seq, null));
    return moments;
  }

  end(): void {
    this.#moments = undefined;
  }

  /** Undefined where it is not on. */
  get moments(): Moment[] | undefined {
    return this.#moments;
  }

  /** Makes a call that changes something of EC2. */
  async over<Made extends { recorded: Call }>(make: () => Promise<Made>): Promise<Made> {
    if (this.#moments === undefined) return make();
    return this.#inTurn(async () => {
      const made = await make();
      const { seq, action, decidedBy, status } = made.recorded;
      // What the lab itself has refused has not reached AWS; of a call that broke off nobody knows.
      const mayHaveChanged = decidedBy === 'emulator' || status === null;
      if (this.#moments !== undefined && mayHaveChanged) await this.#keep(this.#moments, seq, action);
      return made;
    });
  }

  async close(): Promise<void> {
    this.end();
    (await this.#opened)?.close();
  }

  async #keep(moments: Moment[], seq: number, action: string | null): Promise<void> {
    const { look } = await (this.#opened ??= this.#open());
    moments.push({ seq, action, looked: await look() });
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(act);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
