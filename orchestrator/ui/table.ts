/** Columns padded to their widest cell; the last one is cut where the terminal is narrower. Colour codes count as nothing. */
export function table(rows: readonly (readonly string[])[], columns: number): string {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => visibleLength(row[index] ?? ''))));
  return rows
    .map((row) =>
      clip(
        row
          .map((cell, index) =>
            index === row.length - 1 ? cell : cell + ' '.repeat(Math.max(0, (widths[index] ?? 0) - visibleLength(cell))),
          )
          .join('  ')
          .trimEnd(),
        columns,
      ),
    )
    .join('\n');
}

const colourCode = /\u001b\[\d+m/g;

export const withoutColours = (text: string): string => text.replaceAll(colourCode, '');

export const visibleLength = (text: string): number => withoutColours(text).length;

/** A word of a shell in quotes. */
const quotedWord = /(?<=^| )'[^']*'(?:\\''[^']*')*/g;

/**
 * Lines of at most so many columns; a word that is longer stands alone, and so does one in quotes: half of it, which a person may copy, is another command.
 * @param hang columns that each line after the first is moved in
 */
export function wrapped(text: string, columns: number, hang = 0): string[] {
  return text.split('\n').flatMap((line) => {
    if (visibleLength(line) <= columns) return [line];
    const indent = /^ */.exec(line)?.[0] ?? '';
    let lead = indent;
    const lines: string[] = [];
    let current = '';
    const joined = line.trimStart().replaceAll(quotedWord, (word) => word.replaceAll(' ', '\0'));
    for (const part of joined.split(' ')) {
      const word = part.replaceAll('\0', ' ');
      if (current !== '' && visibleLength(lead) + visibleLength(current) + 1 + visibleLength(word) > columns) {
        lines.push(lead + current);
        lead = `${indent}${' '.repeat(hang)}`;
        current = word;
      } else current = current === '' ? word : `${current} ${word}`;
    }
    return [...lines, lead + current];
  });
}

/** Cuts at a visible length, and closes a colour that the cut left open. */
export function clip(text: string, columns: number): string {
  if (visibleLength(text) <= columns) return text;
  let visible = 0;
  let kept = '';
  for (const part of text.split(/(\u001b\[\d+m)/)) {
    if (part.startsWith('\u001b')) {
      kept += part;
      continue;
    }
    const room = columns - 1 - visible;
    // Not in the middle of a character that takes two places.
    kept += part.slice(0, Math.max(0, room)).replace(/[\ud800-\udbff]$/, '');
    visible += Math.min(part.length, Math.max(0, room));
  }
  return `${kept}…`;
}
