/** Why a mount refuses. */
export interface Fence {
  readonly kind:
    /** Another writer was at the checkpoint since this run saw it last. */
    | 'changed-behind'
    /** The bucket would not take a checkpoint for longer than the run is patient. */
    | 'bucket-failed'
    /** Said from outside: the run's lock is gone. */
    | 'lock-lost'
    | 'closed'
    /** The engine asked to write a checkpoint in a form that is not read here. */
    | 'refused-format'
    /** The engine asked to write what no engine would be shown afterwards. */
    | 'distrusted';
  /** For people: it is also what the engine is told. */
  readonly message: string;
}

/** The fence of one mount: once up it stays, and the first reason is the one that is told. */
export class Fencing {
  readonly #fenced = new AbortController();
  readonly #stopped = new AbortController();
  #fence: Fence | undefined;

  /** Aborted with the fence as its reason. */
  get fenced(): AbortSignal {
    return this.#fenced.signal;
  }

  /** Aborted where what was accepted before is to stop as well: by every fence but `closed`. */
  get stopped(): AbortSignal {
    return this.#stopped.signal;
  }

  get fence(): Fence | undefined {
    return this.#fence;
  }

  isUp(): boolean {
    return this.#fence !== undefined;
  }

  isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  raise(fence: Fence): void {
    if (this.#fence === undefined) {
      this.#fence = fence;
      this.#fenced.abort(fence);
    }
    if (fence.kind !== 'closed') this.#stopped.abort(fence);
  }
}
