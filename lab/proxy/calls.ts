/** One AWS call that reached the lab, as `/_lab/calls` shows it. */
export type Call = {
  /** Grows by one with each call, in the order in which they were decided (accepted or refused), not in the order of arrival. */
  seq: number;
  arrivedAt: string;
  /** When the emulator, or the lab in its place, decided the call. */
  time: string;
  service: string;
  action: string;
  mutating: boolean;
  accessKeyId: string | null;
  sessionName: string | null;
  /** In the query protocol's way of naming, whatever the protocol; for S3 `Bucket`, `Key`, `VersionId` and the conditions. */
  params: Record<string, string>;
  /** S3 only. */
  key: string | null;
  /** The status that was decided, even if the reply was lost; null when the emulator broke off before it answered. */
  status: number | null;
  requestId: string;
  errorCode: string | null;
  /** The ids in the reply of a mutating call, such as `vpc-0a1b…`, each once. */
  resourceIds: string[];
  userAgent: string | null;
  decidedBy: 'emulator' | 'lab';
  /** The ids of the faults that acted on it. */
  faults: string[];
  /** `lost`: the client did not get the reply, by a fault or because it had gone. `waiting`: not sent yet, for instance held. */
  reply: 'waiting' | 'sent' | 'lost';
};

export type CallFilter = {
  mutating?: boolean | undefined;
  service?: string | undefined;
  action?: string | undefined;
  accessKeyId?: string | undefined;
  since?: number | undefined;
};

const matches = (call: Call, { mutating, service, action, accessKeyId, since = 0 }: CallFilter): boolean =>
  call.seq > since &&
  (mutating === undefined || call.mutating === mutating) &&
  (service === undefined || call.service === service) &&
  (action === undefined || call.action === action) &&
  (accessKeyId === undefined || call.accessKeyId === accessKeyId);

/** What was called, in order; the oldest go when there are more than `limit`. */
export class Calls {
  readonly #limit: number;
  readonly #watchers = new Set<(call: Call) => void>();
  #calls: Call[] = [];
  #last = 0;

  constructor(limit = 200_000) {
    this.#limit = limit;
  }

  get last(): number {
    return this.#last;
  }

  add(call: Omit<Call, 'seq'>): Call {
    this.#last += 1;
    const recorded = { seq: this.#last, ...call };
    this.#calls.push(recorded);
    // Cut in large pieces: taking one off the front for each call would move the whole array each time.
    if (this.#calls.length > this.#limit * 1.1) this.#calls = this.#calls.slice(-this.#limit);
    for (const watcher of this.#watchers) watcher(recorded);
    return recorded;
  }

  list(filter: CallFilter): Call[] {
    return this.#calls.filter((call) => matches(call, filter));
  }

  /** Calls back once: at once, or as soon as there is a call that matches. The function that it returns ends the wait. */
  whenCalled(filter: CallFilter, notify: (calls: Call[]) => void): () => void {
    const now = this.list(filter);
    if (now.length > 0) {
      notify(now);
      return () => undefined;
    }
    const watcher = (call: Call): void => {
      if (!matches(call, filter)) return;
      this.#watchers.delete(watcher);
      notify([call]);
    };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Forgets what was called; the numbering goes on, so that a `since` from before stays right. */
  forget(): void {
    this.#calls = [];
  }
}
