/** What is worth waking somebody for, or telling everyone. */
export type AlertKind = 'old-lock' | 'held' | 'undecided' | 'frozen' | 'unfrozen' | 'recovered' | 'released';

/** One thing that happened to one stack. The same to every notifier: a person who reads it in a chat at 3 in the morning has nothing else. */
export interface Alert {
  readonly kind: AlertKind;
  readonly network: string;
  /** Full name. */
  readonly stack: string;
  readonly short: string;
  /** What it is told once for: the owner of a lock, the run of a hold. */
  readonly about: string;
  /** What happened, in one line. */
  readonly what: string;
  /** `ada@build-7 (pid 42, run …)` */
  readonly owner: string;
  readonly operation: string | null;
  readonly ageSeconds: number | null;
  /** By the bucket's clock; null where nothing was ever heard. */
  readonly lastHeard: string | null;
  /** Whether the process looks alive, in words. */
  readonly process: string | null;
  readonly incident: string | null;
  readonly ciLink: string | null;
  /** The command to go on with. */
  readonly next: string;
}

/** Of what is not, or not yet, known. */
export const nothingKnown = { operation: null, ageSeconds: null, lastHeard: null, process: null, incident: null, ciLink: null } as const;
