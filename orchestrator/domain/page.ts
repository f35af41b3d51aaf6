/** A part of a page that is made from the code. */
export interface MadePart {
  /** For people: `the table of permissions`. */
  readonly what: string;
  /** What makes it: `npm run roles:page`. */
  readonly madeBy: string;
}

/**
 * The page with the part of today between its marks.
 * @throws where the page has no such marks
 */
export function withPart(page: string, { what, madeBy }: MadePart, text: string): string {
  const begin = `<!-- ${what}: made by \`${madeBy}\`, do not edit -->`;
  const end = `<!-- end of ${what} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page has no place for ${what}`);
  return `${page.slice(0, from)}${begin}\n\n${text}\n\n${page.slice(to)}`;
}

/** A row of a table in Markdown. */
export const tableRow = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
