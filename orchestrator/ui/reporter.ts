import { jsonText } from '../domain/foreign.ts';
import type { Emit } from '../run/events.ts';
import { describeEvent } from './describe.ts';
import { screen } from './screen.ts';

/** Where a command's events go, and what is left to do at its end. */
export interface Reporter {
  readonly emit: Emit;
  /** Resolves when all that was told is on the screen: before a question, and at the end. */
  readonly settled: () => Promise<void>;
}

export interface Output {
  readonly write: (text: string) => unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  readonly getColorDepth?: (env?: Record<string, string | undefined>) => number;
}

export interface ReporterOptions {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
}

/** NDJSON with `--json`, a live screen on a terminal, plain lines everywhere else. */
export function openReporter(options: ReporterOptions): Reporter {
  if (options.json) return ndjson(options.stdout);
  const style = styleFor(options.stdout, options.env);
  if (options.stdout.isTTY === true && !options.env['CI'] && options.env['TERM'] !== 'dumb' && !options.verbose)
    return screen(options.stdout, style);
  return plain(options.stdout, style);
}

function ndjson(stdout: Output): Reporter {
  return { emit: (event) => stdout.write(`${jsonText({ schema: 1, ...event })}\n`), settled: () => Promise.resolve() };
}

/** Seconds between two lines of progress that differ in nothing but numbers: a build of minutes should not fill a log. */
const progressEverySeconds = 5;

function plain(stdout: Output, style: Style): Reporter {
  let last: { readonly about: string; readonly atSeconds: number } | undefined;
  return {
    emit: (event) => {
      if (event.type === 'progress') {
        const about = event.message.replaceAll(/\d+/g, '');
        const atSeconds = performance.now() / 1000;
        if (last?.about === about && atSeconds - last.atSeconds < progressEverySeconds) return;
        last = { about, atSeconds };
      }
      const text = describeEvent(event, style);
      if (text !== undefined) stdout.write(`${text}\n`);
    },
    settled: () => Promise.resolve(),
  };
}

export interface Style {
  readonly columns: number;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** https://no-color.org: NO_COLOR set and not empty means none, whatever the terminal can do. */
export function styleFor(stdout: Output, env: Readonly<Record<string, string | undefined>>): Style {
  const colour = stdout.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const paint = (code: number) => (text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  // Where there is no terminal there is no width to respect: logs are searched, and a cut line is not found.
  const columns = stdout.isTTY === true ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
  return { columns, bold: paint(1), dim: paint(2), red: paint(31), green: paint(32), yellow: paint(33), cyan: paint(36) };
}
