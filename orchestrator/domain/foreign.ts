/**
 * Text that Holdfast did not write: of the bucket, of AWS (tags, names, error messages), of the engine, of a disk. Raw, it can move a cursor, hide what was
 * said before, forge a line, or give a CI an order. So there are two rules, and one function for both:
 * - a sentence is one line. Whatever is in it that is no printable character (a line break too) was not written by us, and is shown as an escape;
 * - text of several lines is a block (`Foreign`), which is shown line by line, each behind something of ours.
 */

/** Nearly all text, and the quick way through. */
const plain = /^[ -~]*$/;

/**
 * Controls (C0, DEL, C1); format characters, among them bidirectional overrides and isolates, zero-width ones, the byte order mark and tags; line and
 * paragraph separators; halves of surrogate pairs; and whatever else Unicode says is not to be seen.
 */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;
const everyUnseen = new RegExp(unseen, 'gu');

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** `\n`, or `\u{202e}`. */
export const escapeOf = (character: string): string => short[character] ?? `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`;

/** Characters of one value that are worth a place on a screen. */
const mostShown = 4000;

/** Room for the mark of a cut. */
const markLength = 40;

/**
 * The text as one line of printable characters, cut where it is too long, with how much more there was. Applied twice it is as applied once.
 * @param most at least 100
 */
export function visible(text: string, most = mostShown): string {
  if (text.length <= most) {
    if (plain.test(text) || !unseen.test(text)) return text;
    const escaped = text.replaceAll(everyUnseen, escapeOf);
    if (escaped.length <= most) return escaped;
  }
  let kept = '';
  let used = 0;
  for (const character of text) {
    const next = unseen.test(character) ? escapeOf(character) : character;
    if (kept.length + next.length > most - markLength) break;
    kept += next;
    used += character.length;
  }
  return `${kept}… (${text.length - used} more characters)`;
}

/** Lines of one block that are worth a place on a screen. */
const mostLines = 200;

/** Text of others, which is no string: it can be put into a sentence, where it is made visible, but never gets anywhere as it is. */
export class Foreign {
  /** To compare it, and for machines. Never for a person. */
  readonly raw: string;

  constructor(raw: string) {
    this.raw = raw;
  }

  static of(text: Text): Foreign {
    return typeof text === 'string' ? new Foreign(text) : text;
  }

  toString(): string {
    return visible(this.raw);
  }

  /** As a block: each is made visible by itself, and has to stand behind something of ours. */
  lines(): readonly string[] {
    const lines = this.raw.trimEnd().split(/\r?\n/);
    const more = lines.length - mostLines;
    return [
      ...(more > 0 ? lines.slice(0, mostLines) : lines).map((line) => visible(line.replaceAll('\t', '  '))),
      ...(more > 0 ? [`… (${more} more lines)`] : []),
    ];
  }

  /** A machine gets the same value as ever; `jsonText` is how it gets there. */
  toJSON(): string {
    return this.raw;
  }
}

/** A sentence of ours, or a block of others. */
export type Text = string | Foreign;

/** How a person reads it below a heading. */
export const linesOf = (text: Text): readonly string[] => (typeof text === 'string' ? [visible(text)] : text.lines());

/** Levels of nesting that are looked into. What a person reads has a handful; a crafted object may have 200,000. */
const deepest = 40;

/**
 * The same data with every string in it made visible, keys too: what a describing function gets, so that it cannot forget one. What has nothing to hide comes
 * back as it is. Instances of classes (dates, `Foreign`) and functions are left alone.
 */
export const shown = <T>(data: T): T => seen(data, 0) as T;

function seen(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return visible(value);
  if (typeof value !== 'object' || value === null || value instanceof Foreign) return value;
  if (Array.isArray(value)) return depth > deepest ? '…' : unlessSame(value, seenEach(value, depth));
  if (value instanceof Map) {
    const entries = [...(value as Map<unknown, unknown>)];
    const made = unlessSame(entries, seenEach(entries, depth));
    return made === entries ? value : new Map(made);
  }
  if (value instanceof Set) {
    const members = [...(value as Set<unknown>)];
    const made = unlessSame(members, seenEach(members, depth));
    return made === members ? value : new Set(made);
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  if (depth > deepest) return '…';
  const entries = Object.entries(value);
  const made = entries.map(([name, each]): [string, unknown] => [visible(name), seen(each, depth + 1)]);
  // Not by assignment: a key may be `__proto__`.
  return made.every(([name, each], index) => name === entries[index]?.[0] && each === entries[index][1]) ? value : Object.fromEntries(made);
}

const seenEach = <T>(values: readonly T[], depth: number): T[] => values.map((each) => seen(each, depth + 1) as T);

const unlessSame = <T>(values: T[], made: T[]): T[] => (made.every((each, index) => each === values[index]) ? values : made);

/** What JSON leaves as it is, and a terminal, a log or an editor does not; and what a CI takes for an order wherever it stands in a line. */
const unseenInJson = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|##(?=\[|vso\[|teamcity\[)/gu;

/** JSON in printable characters: the same value for who parses it. @param indent as of `JSON.stringify` */
export function jsonText(value: unknown, indent?: number): string {
  // `undefined` has no JSON.
  const json = (JSON.stringify(value, undefined, indent) as string | undefined) ?? 'null';
  return json.replaceAll(unseenInJson, (found) =>
    found === '##' ? '#\\u0023' : found.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}

/** A link that a person may follow; undefined for what is none, or leads elsewhere than to a web page. */
export function webLink(link: string | null | undefined): string | undefined {
  if (link === null || link === undefined || !URL.canParse(link) || /\s/.test(link) || visible(link) !== link) return undefined;
  return ['http:', 'https:'].includes(new URL(link).protocol) ? link : undefined;
}
