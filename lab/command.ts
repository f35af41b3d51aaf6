import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Holdfast as its users run it: a process of its own, of which only the output and the exit code are seen. */

export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of `--json`. */
  readonly events: readonly Record<string, unknown>[];
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
  /** Resolves with the first event of `--json` that matches; rejects where the command ends without one. */
  readonly event: (matches: (event: Record<string, unknown>) => boolean) => Promise<Record<string, unknown>>;
}

export interface CommandOptions {
  readonly cwd: string;
  /** The lab that it finds. */
  readonly labFolder: string;
  /** On top of a shell in which nobody has signed in anywhere. */
  readonly env?: Readonly<Record<string, string>>;
}

const command = fileURLToPath(new URL('../bin/holdfast.mjs', import.meta.url));

export function runHoldfast(args: readonly string[], { cwd, labFolder, env }: CommandOptions): RunningCommand {
  const child = spawn(process.execPath, [command, ...args], {
    cwd,
    env: { ...cleanEnvironment(), HOLDFAST_LAB_DIR: labFolder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return follow(child);
}

/** A shell in which nobody has signed in anywhere. */
export function cleanEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || /^(AWS_|INIT_CWD|PULUMI_CONFIG|HOLDFAST_LAB|NO_COLOR|FORCE_COLOR|VITEST)/.test(name) ? [] : [[name, value]],
    ),
  );
}

/** A command that is under way already. */
export function follow(child: ChildProcess): RunningCommand {
  let stdout = '';
  let stderr = '';
  const events: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  let pending = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const text = chunk.toString();
    stdout += text;
    const lines = (pending + text).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('{')) continue;
      events.push(JSON.parse(line) as Record<string, unknown>);
    }
    for (const look of waiting) look();
  });
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<CommandResult>((resolve) => {
    child.once('close', (exitCode) => {
      resolve({ exitCode, stdout, stderr, events });
      for (const look of waiting) look();
    });
  });
  let isOver = false;
  void ended.then(() => (isOver = true));
  return {
    child,
    ended,
    event: (matches) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = events.find(matches);
          if (found) {
            waiting.delete(look);
            resolve(found);
          } else if (isOver) {
            waiting.delete(look);
            reject(new Error(`the command ended without that event:\n${stdout}\n${stderr}`));
          }
        };
        waiting.add(look);
        void ended.then(look);
        look();
      }),
  };
}
