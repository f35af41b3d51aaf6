import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('emulator.py', import.meta.url));

/** A running emulator. It lives no longer than this process: it ends when its stdin does. */
export type Emulator = {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly pid: number;
  /** Ends it, and resolves once it has ended; may be called again. */
  stop(): Promise<void>;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<EmulatorExit>;
};

export type EmulatorExit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** Why no emulator runs. `message` says what to do, for a person. */
export type EmulatorNotStarted =
  | { readonly reason: 'port-taken'; readonly port: number; readonly message: string }
  | { readonly reason: 'emulator-failed'; readonly exit: EmulatorExit; readonly stderr: string; readonly message: string };

export type StartEmulatorOptions = {
  /** The interpreter of `provideEmulator`. */
  readonly python: string;
  /** The account of every caller that is not in an assumed role of another one. 12 digits. */
  readonly accountId: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly env: NodeJS.ProcessEnv;
  /** Gets each line that the emulator writes on stderr: its bugs, and with `verbose` its requests. */
  readonly log: (line: string) => void;
  readonly verbose?: boolean;
};

/** Starts the emulator; resolves as soon as it accepts connections, which takes about a second. */
export async function startEmulator(options: StartEmulatorOptions): Promise<Emulator | EmulatorNotStarted> {
  const { python, accountId, port, env, log, verbose = false } = options;
  const flags = ['-B', '-E', '-s', script, '--port', String(port), '--account-id', accountId];
  const child = spawn(python, verbose ? [...flags, '--verbose'] : flags, { env: childEnvironment(env), stdio: ['pipe', 'pipe', 'pipe'] });
  // A child that ended is known by its exit; that its stdin broke then says nothing more.
  child.stdin.on('error', () => undefined);

  const stderr: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    stderr.push(line);
    if (stderr.length > 40) stderr.shift();
    log(line);
  });

  let spawnError = '';
  const exited = new Promise<EmulatorExit>((resolve) => {
    child.once('error', (error) => {
      spawnError = error.message;
      if (child.pid === undefined) resolve({ code: null, signal: null });
    });
    // Not `exit`: what it wrote last must have been read.
    child.once('close', (code, signal) => resolve({ code, signal }));
  });

  const said = new Promise<unknown>((resolve) => {
    createInterface({ input: child.stdout }).once('line', (line) => resolve(parse(line)));
  });
  const first = await Promise.race([said, exited.then(() => undefined)]);

  if (isPort(first) && child.pid !== undefined) {
    const stop = async (): Promise<void> => {
      child.stdin.end();
      child.kill('SIGTERM');
      await exited;
    };
    return { port: first.port, pid: child.pid, stop, exited };
  }

  child.kill('SIGKILL');
  const exit = await exited;
  if (isPortTaken(first)) {
    return {
      reason: 'port-taken',
      port,
      message: `Port ${port} on 127.0.0.1 is taken; end what listens there, or choose another for the lab's AWS emulator.`,
    };
  }
  const evidence = spawnError || stderr.join('\n');
  return { reason: 'emulator-failed', exit, stderr: evidence, message: `The lab's AWS emulator did not start: ${evidence}` };
}

/** Nothing of the caller's AWS, moto or Python settings reaches the emulator. */
function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(AWS_|MOTO_|S3_|PYTHON|TEST_)/.test(name)));
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isPort(said: unknown): said is { port: number } {
  return typeof said === 'object' && said !== null && 'port' in said && typeof said.port === 'number' && !('failure' in said);
}

function isPortTaken(said: unknown): boolean {
  return typeof said === 'object' && said !== null && 'failure' in said && said.failure === 'port-taken';
}
