import type { Recognised } from './recognise.ts';

/** A call that waits to be released, as `/_lab/held` shows it. `before`: AWS has not seen it. `after`: AWS has done it. */
export type HeldCall = {
  n: number;
  fault: string;
  point: 'before' | 'after';
  since: string;
  service: string;
  action: string;
  accessKeyId: string | null;
  params: Record<string, string>;
  /** The client has gone meanwhile. A call that is on its way arrives all the same. */
  clientGone: boolean;
};

/** What becomes of a held call: it goes on, or it is cut off where it stands, as by a network that fails. */
export type Release = 'go-on' | 'cut';

type Entry = { held: Omit<HeldCall, 'clientGone'>; clientGone: () => boolean; release: (how: Release) => void };

type Watcher = { fault: string | undefined; notify: (held: HeldCall[]) => void };

/** The calls that are held, and those who wait for one to be. */
export class HeldCalls {
  readonly #entries = new Map<number, Entry>();
  readonly #watchers = new Set<Watcher>();
  #made = 0;

  /** Holds a call until it is released. */
  hold(call: Recognised, at: { fault: string; point: 'before' | 'after'; since: Date; clientGone: () => boolean }): Promise<Release> {
    this.#made += 1;
    const n = this.#made;
    const { service, action, accessKeyId, params } = call;
    return new Promise((resolve) => {
      this.#entries.set(n, {
        held: { n, fault: at.fault, point: at.point, since: at.since.toISOString(), service, action, accessKeyId, params },
        clientGone: at.clientGone,
        release: (how) => {
          this.#entries.delete(n);
          resolve(how);
        },
      });
      for (const watcher of this.#watchers) {
        const seen = this.list(watcher.fault);
        if (seen.length > 0) watcher.notify(seen);
      }
    });
  }

  list(fault?: string): HeldCall[] {
    return [...this.#entries.values()]
      .filter(({ held }) => fault === undefined || held.fault === fault)
      .map(({ held, clientGone }) => ({ ...held, clientGone: clientGone() }));
  }

  /** Calls back once, at once or as soon as a call is held (by that fault). The function that it returns ends the wait. */
  whenHeld(fault: string | undefined, notify: (held: HeldCall[]) => void): () => void {
    const now = this.list(fault);
    if (now.length > 0) {
      notify(now);
      return () => undefined;
    }
    const watcher: Watcher = {
      fault,
      notify: (held) => {
        this.#watchers.delete(watcher);
        notify(held);
      },
    };
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  release(n: number, how: Release): boolean {
    const entry = this.#entries.get(n);
    entry?.release(how);
    return entry !== undefined;
  }

  releaseAll(how: Release, fault?: string): void {
    for (const { held, release } of [...this.#entries.values()]) if (fault === undefined || held.fault === fault) release(how);
  }
}
