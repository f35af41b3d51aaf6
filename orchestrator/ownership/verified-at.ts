import type { InterruptedRun, Verified } from './stack-record.ts';

/**
 * What a record says of the checkpoint at which state and AWS agree.
 * @param head as it was listed after the last write; undefined where there is none
 * @param unfinished what the run was doing, where it left some of that undone
 */
export const verifiedAt = (
  head: { readonly etag: string; readonly modified: Date } | undefined,
  run: string,
  nowMs: number,
  unfinished?: InterruptedRun['operation'],
): Verified => {
  const since = new Date(nowMs).toISOString();
  if (head === undefined) return { kind: 'absent', run, since };
  const at = { kind: 'at', etag: head.etag, modified: head.modified.toISOString(), run, since } as const;
  return unfinished === undefined ? at : { ...at, unfinished };
};
