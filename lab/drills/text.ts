import { visibleLength, wrapped } from '../../orchestrator/ui/table.ts';

/** How a drill is set: indented, wrapped to the width of a terminal, and in columns. Colour codes count as nothing. */

/** Wider lines are hard to read, also where there is room. */
export const widest = 120;

/** Indented and wrapped; empty lines are left out. */
export function indented(text: string, by: number, columns: number, hang = 0): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => wrapped(line, columns - by, hang))
    .map((line) => ' '.repeat(by) + line)
    .join('\n');
}

/** Rows of cells that are wrapped each in its column. @param widths of all columns, in characters */
export function inColumns(rows: readonly (readonly string[])[], widths: readonly number[]): string {
  return rows
    .map((row) => {
      const cells = row.map((cell, index) => wrapped(cell, widths[index] ?? 0));
      const height = Math.max(...cells.map((lines) => lines.length));
      return Array.from({ length: height }, (_, line) =>
        cells
          .map((lines, index) => {
            const text = lines[line] ?? '';
            return text + ' '.repeat(Math.max(0, (widths[index] ?? 0) - visibleLength(text)));
          })
          .join('  ')
          .trimEnd(),
      ).join('\n');
    })
    .join('\n');
}

/** `07:05`, as a stopwatch shows it. */
export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}
