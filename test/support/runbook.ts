/** One command of a page, as it is printed there, and the lines that it says come of it. */
export interface PageCommand {
  readonly command: string;
  readonly prints: readonly string[];
}

/** The commands of every `console` block, in order. */
export function commandsOf(page: string): PageCommand[] {
  return [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text): PageCommand => {
        const [command = '', ...prints] = text.trimEnd().split('\n');
        return { command, prints };
      }),
  );
}

/** What differs from one night to the next. */
const volatile: readonly (readonly [RegExp, string])[] = [
  [/\b20\d{6}T\d{6}Z-[0-9a-f]{8}\b/g, 'RUN'],
  [/\b20\d\d-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/(\b20\d\d-\d\d-\d\d )?\b\d\d:\d\d(:\d\d)? UTC/g, 'TIME'],
  [/\b(\d+ h )?(\d+ min )?\d+(\.\d+)? (s|min|h)\b/g, 'AGE'],
  [/\b(vpc|subnet|rtb|tgw|tgw-attach|tgw-rtb)-[0-9a-f]{8,}\b/g, 'ID'],
  [/[\w.-]+@[\w.-]+/g, 'WHO'],
  [/\bpid \d+/g, 'PID'],
  [/\bcheckpoint [0-9a-f]{8}\b/g, 'CHECKPOINT'],
  [/\b\d+ versions\b/g, 'VERSIONS'],
  // What took less than a second has none.
  [/ \(AGE\)$/g, ''],
  [/\S*\/(network|example)\.yaml/g, 'FILE'],
];

/** A command's output, line by line, without what npm says before it, what differs from night to night, and the width of columns. */
export function comparable(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('> '))
    .map(sameEachNight);
}

const sameEachNight = (line: string): string =>
  volatile
    .reduce((text, [pattern, name]) => text.replaceAll(pattern, name), line)
    .replaceAll(/\s+/g, ' ')
    .trim();

/**
 * The first line of the page that the output does not have in its place; undefined where it has all of them. A line `…` stands for any number of
 * lines, and `…` in a line for any text: so the page may leave out what nobody reads, and says that it does.
 */
export function unexpectedLine(printed: readonly string[], page: readonly string[]): string | undefined {
  let at = 0;
  let gap = false;
  for (const line of page.filter((text) => text.trim() !== '')) {
    if (line.trim() === '…') {
      gap = true;
      continue;
    }
    const wanted = new RegExp(`^${sameEachNight(line).split('…').map(escaped).join('.*')}$`);
    const found = printed.slice(at, gap ? printed.length : at + 1).findIndex((each) => wanted.test(each));
    if (found < 0) return line;
    at += found + 1;
    gap = false;
  }
  return gap || at === printed.length ? undefined : `nothing more, and not: ${printed[at] ?? ''}`;
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
