/**
 * One word of a POSIX shell, whatever is in it: as it is where that is safe, else in single quotes. A word with `=` may be an assignment, or to zsh the path
 * of a program.
 */
export function quoted(text: string): string {
  return /^[\w@%+:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
