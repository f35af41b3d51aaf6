import type { Verified } from './stack-record.ts';

/** What a record says of the checkpoint at which state and AWS agree. @param head as it was listed after the last write; undefined where there is none */
export const verifiedAt = (head: { readonly etag: string; readonly modified: Date } | undefined, run: string, nowMs: number): Verified =>
  head === undefined
    ? { kind: 'absent', run, since: new Date(nowMs).toISOString() }
    : { kind: 'at', etag: head.etag, modified: head.modified.toISOString(), run, since: new Date(nowMs).toISOString() };
