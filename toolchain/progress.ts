/** What is provided, by the name that people see. */
export type Part = 'pulumi-cli' | 'aws-plugin' | 'actionlint';

export interface Progress {
  readonly part: Part;
  readonly phase: 'look' | 'wait' | 'download' | 'prepare' | 'build' | 'done';
  readonly message: string;
  /** Of `total`, in units of the message. */
  readonly done?: number;
  readonly total?: number;
}

export type OnProgress = (progress: Progress) => void;

/**
 * Passes on at most one event of a phase in this time, and the first of each at once. Dropped events are gone: each one is
 * the whole state, not a difference.
 */
export function throttled(onProgress: OnProgress, everyMs = 1000, nowMs: () => number = () => performance.now()): OnProgress {
  let last: { phase: Progress['phase']; atMs: number } | undefined;
  return (progress) => {
    const atMs = nowMs();
    if (last?.phase === progress.phase && atMs - last.atMs < everyMs) return;
    last = { phase: progress.phase, atMs };
    onProgress(progress);
  };
}
