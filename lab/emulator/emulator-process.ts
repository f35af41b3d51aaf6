import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ok, type Problem, type Result } from '../../orchestrator/domain/problem.ts';
import type { Environment } from '../../toolchain/cache-folder.ts';
import { toolEnvironment } from '../../toolchain/tool-environment.mjs';

const script = fileURLToPath(new URL('emulator.py', import.meta.url));

/** A running emulator. It lives no longer than this process: it ends when its stdin does. */
export interface Emulator {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly pid: number;
  /** Ends it, and resolves once it has ended; may be called again. */
  stop(): Promise<void>;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<EmulatorExit>;
}

export interface EmulatorExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface EmulatorNotStarted extends Problem {
  readonly reason: 'port-taken' | 'emulator-failed';
  /** What it wrote on stderr before it ended. */
  readonly evidence: string;
}

export interface StartEmulatorOptions {
  /** The interpreter of `provideEmulator`. */
  readonly python: string;
  /** The account of every caller that is not in an assumed role of another one. 12 digits. */
  readonly accountId: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly env: Environment;
  /** With it the emulator answers only what bears it as `X-Holdfast-Emulator`. */
  readonly token?: string;
  /** Gets each line that the emulator writes on stderr: its bugs, and with `verbose` its requests. */
  readonly log: (line: string) => void;
  readonly verbose?: boolean;
}

/** Starts the emulator; resolves as soon as it accepts connections, which takes one to two seconds. */
export async function startEmulator(options: StartEmulatorOptions): Promise<Result<Emulator, readonly [EmulatorNotStarted]>> {
  const { python, accountId, port, env, token, log, verbose = false } = options;
  // -B: nothing is written beside the sources. -E and -s: nobody's Python settings or packages count.
  const flags = ['-B', '-E', '-s', script, '--port', String(port), '--account-id', accountId, ...(verbose ? ['--verbose'] : [])];
  const child = spawn(python, flags, {
    env: { ...emulatorEnvironment(env), HOLDFAST_EMULATOR_TOKEN: token },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A child that ended is known by its exit; that its stdin broke then says nothing more.
  child.stdin.on('error', () => undefined);

  const stderr: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr.push(line);
    if (stderr.length > tailLines) stderr.shift();
    log(line);
  });
  const exited = new Promise<EmulatorExit>((resolve) => {
    child.once('error', (cause) => {
      stderr.push(cause.message);
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
    // Not `exit`: what it wrote last must have been read.
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const said = new Promise<Said>((resolve) => {
    createInterface({ input: child.stdout }).once('line', (line) => resolve(readLine(line)));
  });

  const first = await Promise.race([said, exited.then((): Said => ({ kind: 'nothing' }))]);
  if (first.kind === 'listening' && child.pid !== undefined) {
    const stop = async (): Promise<void> => {
      child.kill('SIGTERM');
      await exited;
    };
    return ok({ port: first.port, pid: child.pid, stop, exited });
  }
  child.kill('SIGKILL');
  await exited;
  return { ok: false, problems: [notStarted(first, port, stderr.join('\n'))] };
}

/** Nothing of the caller's AWS, moto or Python settings. By the lab's folder it is told whose emulator a process is. */
function emulatorEnvironment(env: Environment): Environment {
  return { ...toolEnvironment(env), HOLDFAST_LAB_DIR: env['HOLDFAST_LAB_DIR'] };
}

/** How many lines of stderr a failure keeps. */
const tailLines = 40;

function notStarted(said: Said, port: number, evidence: string): EmulatorNotStarted {
  if (said.kind === 'port-taken') {
    const message = `Port ${port} on 127.0.0.1 is taken; the lab's AWS emulator cannot listen there.`;
    return { reason: 'port-taken', message, next: 'End what listens there, or choose another port.', evidence };
  }
  const message = `The lab's AWS emulator did not start:\n${evidence.replaceAll(/^/gm, '  ')}`;
  const next = 'Delete the folder emulator/ in the cache folder, so that its Python environment is made anew, and try again.';
  return { reason: 'emulator-failed', message, next, evidence };
}

type Said = { readonly kind: 'listening'; readonly port: number } | { readonly kind: 'port-taken' } | { readonly kind: 'nothing' };

/** The one line of emulator.py. */
function readLine(line: string): Said {
  try {
    const message = JSON.parse(line) as { port?: number; failure?: string };
    if (message.failure === 'port-taken') return { kind: 'port-taken' };
    return message.port === undefined ? { kind: 'nothing' } : { kind: 'listening', port: message.port };
  } catch {
    return { kind: 'nothing' };
  }
}
