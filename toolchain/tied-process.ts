import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface TiedOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** What it makes is for this user alone, whatever the umask: it makes what is run later. */
  readonly isPrivate?: boolean;
  readonly onStderrLine?: (line: string) => void;
}

export type TiedResult =
  | { readonly outcome: 'succeeded'; readonly stdout: string }
  | { readonly outcome: 'failed'; readonly exitCode: number | undefined; readonly stdout: string; readonly stderrTail: string }
  | { readonly outcome: 'timed-out'; readonly afterMs: number }
  | { readonly outcome: 'not-started'; readonly code: string };

/** How many lines of stderr a failure keeps. */
const tailLines = 20;

/**
 * Runs the command in a process group whose watcher reads from a pipe that only this process holds open. However this
 * process ends, by a signal that nothing can catch too, the pipe closes and the watcher ends the whole group: a compiler
 * never outlives the command that asked for it. `kill 0` is the group, that is: the shell, the command and its children; what
 * does not end by SIGTERM is killed.
 */
const script = `
exec 3<&0
( read -r _ <&3; trap '' TERM; kill -TERM 0; sleep 1; kill -KILL 0 ) >/dev/null 2>&1 &
watcher=$!
"$@" </dev/null 3<&-
status=$?
kill -KILL "$watcher" 2>/dev/null
exit "$status"
`;

/** Runs a command to its end; its life is tied to this process's. Never throws for what the command does. */
export async function runTied(command: string, args: readonly string[], options: TiedOptions): Promise<TiedResult> {
  const child = spawn('/bin/sh', ['-c', options.isPrivate === true ? `umask 077\n${script}` : script, 'sh', command, ...args], {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });

  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  const tail: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    tail.push(line);
    if (tail.length > tailLines) tail.shift();
    options.onStderrLine?.(line);
  });
  // A closed pipe is how the child's end shows here; it is told by `close`.
  child.stdin.on('error', () => undefined);

  let timedOut = false;
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          child.stdin.end();
        }, options.timeoutMs);

  const result = await new Promise<TiedResult>((resolve) => {
    child.once('error', (cause: NodeJS.ErrnoException) => resolve({ outcome: 'not-started', code: cause.code ?? cause.message }));
    child.once('close', (code) => {
      if (timedOut) resolve({ outcome: 'timed-out', afterMs: options.timeoutMs ?? 0 });
      else if (code === 0) resolve({ outcome: 'succeeded', stdout });
      // What a shell answers for a command that it did not find, or could not run.
      else if (code === 127 || code === 126) resolve({ outcome: 'not-started', code: code === 127 ? 'ENOENT' : 'EACCES' });
      else resolve({ outcome: 'failed', exitCode: code ?? undefined, stdout, stderrTail: tail.join('\n') });
    });
  });
  clearTimeout(timer);
  child.stdin.destroy();
  return result;
}
