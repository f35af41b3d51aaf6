import { escapeOf } from '../domain/foreign.ts';
import type { Output } from './reporter.ts';

/**
 * The second line of defence. What is printed was made visible where it was put together; here whatever of a control is left is found, and let through only
 * if it is ours: line breaks, tabs, and the colours of `styleFor` and of the help. It is the one way to a terminal or a log.
 */

/** Back to the beginning of the line, which is emptied: at the beginning of what a live screen writes, and nowhere else. */
export const clearLine = '\r\u001b[2K';

/** Bold, dim, italic, underlined, colours of the foreground, and their ends. Nothing that hides, blinks, or paints over. */
const styles: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 22, 23, 24, 39, ...range(31, 37), ...range(90, 97)]);

/** Quick, and true of nearly all that is written without colours. */
const harmless = /^[\n\t -~…]*$/;
const control = /\u001b\[([\d;]{0,20})m|[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** What GitHub takes for an order: at the beginning of a line, blanks aside. https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs */
const order = /^((?:[^\S\n]|\u001b\[[\d;]*m)*)::/gm;
/** And those that it, Azure and TeamCity take wherever they stand. */
const orderWithin = /##(?=\[|vso\[|teamcity\[)/g;

/** The text as a terminal or a log may have it. Holdfast gives a CI no orders, so that none in it is ours. */
export function outgoing(text: string): string {
  const printable = harmless.test(text)
    ? text
    : text.replaceAll(control, (found, codes?: string) => (codes !== undefined && isStyle(codes) ? found : escapeAll(found)));
  return printable.includes('::') || printable.includes('##')
    ? printable.replaceAll(order, '$1| ::').replaceAll(orderWithin, '#\\u{23}')
    : printable;
}

const isStyle = (codes: string): boolean => codes.split(';').every((code) => code === '' || styles.has(Number(code)));

const escapeAll = (found: string): string =>
  Array.from(found, (character, index) => (index === 0 ? escapeOf(character) : character)).join('');

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** A stream of the process behind that. */
export function outlet(stream: Output): Output {
  return {
    write: (text) => stream.write(text.startsWith(clearLine) ? `${clearLine}${outgoing(text.slice(clearLine.length))}` : outgoing(text)),
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
    get rows() {
      return stream.rows;
    },
    // Asked by the help; a stream that is no terminal has none.
    ...(stream.getColorDepth === undefined ? {} : { getColorDepth: (env) => stream.getColorDepth?.(env) ?? 1 }),
  };
}
