import { availableParallelism, totalmem } from 'node:os';
import { parseDuration } from '../domain/duration.ts';

export const toText = (text: string): string => text;

/** A flag without a value. */
export const onOff = (brief: string) => ({ kind: 'boolean', default: false, brief, withNegated: false }) as const;

/** A flag with a value. */
export const valued = <T>(placeholder: string, parse: (text: string) => T, brief: string) =>
  ({ kind: 'parsed', parse, brief, placeholder }) as const;

/** The same, where it may be left out. */
export const optional = <T>(placeholder: string, parse: (text: string) => T, brief: string) =>
  ({ ...valued(placeholder, parse, brief), optional: true }) as const;

/** The one argument of a command. */
export const argument = <T>(placeholder: string, parse: (text: string) => T, brief: string) =>
  ({ kind: 'tuple', parameters: [{ brief, parse, placeholder }] }) as const;

const stacks = (brief: string) => ({ kind: 'array', parameter: { brief, parse: toText, placeholder: 'stack' } }) as const;

const howStacksAreNamed = 'Stacks by short name, full name or glob, as in vpc.shared, example.vpc.shared, vpc.*';

export const stackArguments = stacks(`${howStacksAreNamed}; all if none`);

/** Where no name does not mean all of them. */
export const namedStackArguments = stacks(howStacksAreNamed);

export const stackArgument = argument('stack', toText, 'One stack, as in vpc.shared');

/** Flags that every command over a network takes. */
export const commonFlags = {
  network: optional('FILE', toText, "The network file (default: the lab's while a lab runs, else the only one under networks/)"),
  json: onOff('Print JSON, one object a line, instead of text'),
  yes: onOff('Ask nothing'),
  verbose: onOff('Also print what the engine itself says'),
};

export const sessionFlags = {
  sessionExpires: optional('TIME', parseTime, 'When the session ends, where that cannot be read, as in 2026-01-31T18:00:00Z'),
};

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

/** A stack of a network burns five seconds of a core, and waits one to three minutes for the attachments and associations of a real gateway. */
const perCore = { LAB: 1, REAL: 4 } as const;

/**
 * How many stacks are at work at once where nothing is said.
 * @param where what they wait for; in the lab it is the machine's own cores
 */
export function defaultParallel(where: 'LAB' | 'REAL', cores = availableParallelism(), memoryBytes = totalmem()): number {
  return Math.max(1, Math.min(cores * perCore[where], Math.floor(memoryBytes / 2 / bytesPerStack)));
}
