import { availableParallelism, totalmem } from 'node:os';
import { parseDuration } from '../domain/duration.ts';

const toText = (text: string): string => text;

/** Flags that every command over a network takes. */
export const commonFlags = {
  network: {
    kind: 'parsed',
    parse: toText,
    optional: true,
    brief: "The network file (default: the lab's while a lab runs, else the only one under networks/)",
    placeholder: 'FILE',
  },
  json: { kind: 'boolean', default: false, brief: 'Print JSON, one object a line, instead of text', withNegated: false },
  yes: { kind: 'boolean', default: false, brief: 'Ask nothing', withNegated: false },
  verbose: { kind: 'boolean', default: false, brief: 'Also print what the engine itself says', withNegated: false },
} as const;

export const stackArguments = {
  kind: 'array',
  parameter: {
    brief: 'Stacks by short name, full name or glob, as in vpc.shared, example.vpc.shared, vpc.*; all if none',
    parse: toText,
    placeholder: 'stack',
  },
} as const;

export const sessionFlags = {
  sessionExpires: {
    kind: 'parsed',
    parse: parseTime,
    optional: true,
    brief: 'When the session ends, where that cannot be read, as in 2026-01-31T18:00:00Z',
    placeholder: 'TIME',
  },
} as const;

export const parallelFlag = {
  parallel: {
    kind: 'parsed',
    parse: parseCount,
    optional: true,
    brief: 'At most so many stacks at once (default: from cores and memory)',
    placeholder: 'N',
  },
} as const;

export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new Error(`"${text}" is not a whole number from 1`);
  return count;
}

/** Seconds. */
export function parseSeconds(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined) throw new Error(`"${text}" is not a time such as 90s, 20m or 1h30m`);
  return seconds;
}

/** It is part of keys in the bucket, and of what people type. */
export function parseRunName(text: string): string {
  if (!/^[A-Za-z][A-Za-z0-9._-]{2,39}$/.test(text))
    throw new Error(`"${text}" is not a name for a run: 3 to 40 of A-Z a-z 0-9 . _ -, and a letter first`);
  return text;
}

export function parseTime(text: string): Date {
  const time = new Date(text);
  if (!/^\d{4}-\d{2}-\d{2}T/.test(text) || Number.isNaN(time.getTime()))
    throw new Error(`"${text}" is not a time such as 2026-01-31T18:00:00Z`);
  return time;
}

/**
 * Bytes that one stack at work is taken to need: the engine and its aws plugin. With the lab's plugin they were measured at 230 MB, and at 800 MB with one that has
 * all services of the same provider in it, as the official one has: 180 MB of their own, and the plugin's code, which several share. The official one also has
 * Pulumi's descriptions of all types, and was not measured.
 */
const bytesPerStack = 1024 ** 3;

export function defaultParallel(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / 2 / bytesPerStack)));
}
