import { z } from 'zod';
import { escapeOf, visible as visibleText } from './foreign.ts';
import { parseStackName, partPattern } from './stack-name.ts';

/**
 * The forms of everything that is read from the bucket, or from a disk that others write to. They are narrow because of what becomes of such text: a key,
 * a path, a line on a screen, a part of a command. What does not pass is unreadable, and decides nothing. What Holdfast writes itself is made to fit
 * before (`fitted…`), so that it reads back all that it has written.
 */

/** Of names and other text of one line: what is not seen, ends a line, or turns the direction of what follows. */
const unseen = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]`;
const hasUnseen = new RegExp(unseen, 'u');
/** Of prose, which may have several lines. */
const hasUnseenInProse = new RegExp(String.raw`(?![\n\t])${unseen}`, 'u');

/** Says what is wrong, and never what stands there: the text is somebody else's. */
const isPlain = 'it has characters that are not shown';
const isOfForm = (what: string): string => `it is not the form of ${what}`;

const token = (most: number, what: string) =>
  z
    .string()
    .max(most)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, isOfForm(what));

/** Of a run, or of a recovery: it is a part of keys, and of paths. Neither `..` nor a slash is in it. */
export const runForm = token(100, 'a run’s name');

export const isRunName = (text: string): boolean => runForm.safeParse(text).success;

/** Of a process. With `/` and a stack's name it marks the engine's processes: it has no slash of its own. */
export const nonceForm = token(100, 'a nonce');

export const stackForm = z.string().refine((text) => parseStackName(text) !== undefined, isOfForm('a stack’s name'));

export const networkForm = z.string().regex(partPattern, isOfForm('a network’s name'));

/** Any text of one line. */
export const lineForm = (most: number) =>
  z
    .string()
    .max(most)
    .refine((text) => !hasUnseen.test(text), isPlain);

/** Text for people, perhaps of several lines. */
export const proseForm = (most: number) =>
  z
    .string()
    .max(most)
    .refine((text) => !hasUnseenInProse.test(text), isPlain);

/** Letters and digits of any language, and what the names of users and hosts have beside them. */
const characterOf = (others: string): string => String.raw`(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{M}\p{N}${others}]`;
const characters = {
  user: characterOf(String.raw` ._@\\+$\-`),
  host: characterOf(String.raw`._:()\-`),
  machine: String.raw`(?!${unseen})[^]`,
} as const;

const most = { user: 100, host: 253, machine: 500, path: 2000, prose: 4000 } as const;

const nameForm = (of: keyof typeof characters, what: string) =>
  z
    .string()
    .max(most[of])
    .regex(new RegExp(`^(?:${characters[of]})+$`, 'u'), isOfForm(what));

export const userForm = nameForm('user', 'a user’s name');
export const hostForm = nameForm('host', 'a host’s name');
export const machineForm = nameForm('machine', 'a machine');

/** When a process started, as its machine says it: opaque, and only ever compared. */
export const startOfProcessForm = lineForm(200).min(1);

/** Linux gives at most 2^22; what is no number of a process is asked of no process table. */
export const pidForm = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);

/** Counts owners; far fewer than this ever were. */
export const epochForm = z.int().min(0).max(1e9);

/** As Holdfast writes a time. */
export const timeForm = z.iso.datetime().max(40);

export const etagForm = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\x21-\x7e]+$/, isOfForm('an ETag'));

export const digestForm = z.string().regex(/^[0-9a-f]{64}$/, isOfForm('a SHA-256'));

/** As git names one. */
export const commitForm = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/, isOfForm('a commit'));

/** A page that a person is sent to: nothing in it ends a quotation, or begins another command. */
export const linkForm = z
  .string()
  .max(2000)
  .regex(/^https?:\/\/[A-Za-z0-9._~:/?#[\]@!$&()*+,;=%-]+$/, isOfForm('a link'));

export const incidentForm = lineForm(200).min(1);

/** Of a key of AWS. Empty for a lock that a person put. */
export const accessKeyIdForm = z
  .string()
  .max(128)
  .regex(/^[\w.-]*$/, isOfForm('an access key id'));

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html, RoleSessionName; empty for a lock that a person put. */
export const sessionNameForm = z
  .string()
  .max(200)
  .regex(/^[\w+=,.@-]*$/, isOfForm('a session’s name'));

/** `never` and `unknown` are words of what the credentials came from. */
export const expiryForm = z.union([timeForm, z.enum(['never', 'unknown', ''])]);

/** A local path, for people. */
export const pathForm = lineForm(most.path);

/** Short enough, and no half of a character at its end. */
function cut(text: string, longest: number): string {
  return text.length <= longest ? text : text.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, '') + '…';
}

/** The same in characters that are seen, and on one line: of what others may have written, such as a key. */
export const visible = (text: string, longest = 300): string => visibleText(text, longest);

/** Text of one line that is written. */
export const fittedLine = (text: string, longest = 500): string => visible(text.replaceAll(/\s*[\r\n]+\s*/g, ' '), longest);

/** Text for people that is written. */
export const fittedProse = (text: string, longest: number = most.prose): string =>
  cut(text.replaceAll('\r\n', '\n').replaceAll(new RegExp(String.raw`(?![\n\t])${unseen}`, 'gu'), escapeOf), longest);

/**
 * A name that is written: what does not fit its form is replaced, and what makes it another name is put behind it.
 * @param digestOf of a text, in letters and digits: two names that do not fit stay two
 */
export function fittedName(text: string, of: keyof typeof characters, digestOf: (text: string) => string): string {
  const replaced = text.replaceAll(new RegExp(`(?!${characters[of]})[^]`, 'gu'), '_');
  if (replaced === text && text !== '' && text.length <= most[of]) return text;
  const ending = `-${digestOf(text)}`;
  return replaced.slice(0, most[of] - ending.length).replace(/[\ud800-\udbff]$/, '') + ending;
}

/** Every text in what is written for people alone: one that does not fit would make all of it unreadable. */
export function fittedTexts<T>(value: T): T {
  if (typeof value === 'string') return fittedProse(value) as T;
  if (Array.isArray(value)) return value.map(fittedTexts) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, fittedTexts(field as unknown)])) as T;
}
