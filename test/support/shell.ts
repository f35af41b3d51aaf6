import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a real shell did of one line. */
export interface Typed {
  /** The words of each program that it ran, its name first. */
  readonly ran: readonly (readonly string[])[];
}

/** What a shell did of several lines, each on its own. */
export interface TypedAll {
  readonly lines: readonly Typed[];
  /** Whatever it did besides: what it printed, said, and left in the folder that it was in. Empty where it did only what the lines say. */
  readonly besides: readonly string[];
}

/** Of every program that is spoken of there is a function that writes its words down, and does nothing. */
const programs = ['npm', 'git', 'cd', 'aws', 'pulumi', 'tool'];
const prelude = programs.map((name) => `${name}() { printf '%s\\001' ${name} "$@" >&3; printf '\\002' >&3; }`).join('\n');

/** The one file of the folder, for a pattern that is not quoted. */
const file = 'x';

/** Types the lines into `sh -c`, one after another, in a folder of its own. */
export function typedInShell(lines: readonly string[]): TypedAll {
  const cwd = mkdtempSync(join(tmpdir(), 'holdfast-shell-'));
  try {
    writeFileSync(join(cwd, file), '');
    const script = [prelude, ...lines.flatMap((line) => [line, "printf '\\003' >&3"])].join('\n');
    const { output, status, error } = spawnSync('sh', ['-c', script], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', HOME: cwd, LC_ALL: 'C.UTF-8' },
    });
    if (error) throw error;
    const [, stdout, stderr, words] = output;
    const typed = (words ?? '').split('\u0003');
    const rest = typed.pop() ?? '';
    return {
      lines: typed.map((line) => ({
        ran: line
          .split('\u0002')
          .slice(0, -1)
          .map((command) => command.split('\u0001').slice(0, -1)),
      })),
      besides: [
        stdout ?? '',
        stderr ?? '',
        rest,
        ...(status === 0 ? [] : [`exit code ${status ?? 'none'}`]),
        ...readdirSync(cwd).filter((name) => name !== file),
      ].filter((text) => text !== ''),
    };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
