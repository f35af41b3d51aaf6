import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { withBuildLock } from './build-lock.ts';

const run = promisify(execFile);
const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

export type EmulatorProvided = { readonly python: string };

/** What the lab's AWS emulator lacks on this machine. `message` says what to install, for a person. */
export type EmulatorUnavailable = {
  readonly reason: 'python-missing' | 'venv-missing' | 'packages-unobtainable';
  /** What the tools said. */
  readonly evidence: string;
  readonly message: string;
};

export type ProvideEmulatorOptions = {
  /** Where Holdfast keeps what it can make again; the environment goes to `emulator/` in it. */
  readonly cacheFolder: string;
  /** Passed on to Python and pip, so that pip's own settings (index, proxy, certificates) count. */
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: (text: string) => void;
};

/**
 * The interpreter of a virtual environment with moto in it; made on first use (under a minute), then found. One folder for each set of
 * packages and Python: a new pin or another interpreter never changes an environment that a running lab uses.
 */
export async function provideEmulator(options: ProvideEmulatorOptions): Promise<EmulatorProvided | EmulatorUnavailable> {
  const { cacheFolder, onProgress } = options;
  const env = pythonEnvironment(options.env);
  const base = await findPython(env);
  if ('reason' in base) return base;

  const pins = await readFile(requirements);
  const name = createHash('sha256').update(pins).update(base.identity).digest('hex').slice(0, 16);
  const parent = join(cacheFolder, 'emulator');
  const folder = join(parent, name);
  const python = join(folder, 'bin', 'python');
  // A virtual environment holds its own absolute path, so it is built in place and marked complete as the last thing.
  const marker = join(folder, 'complete');
  const isComplete = async (): Promise<boolean> => (await exists(marker)) && (await exists(python));

  if (await isComplete()) return { python };
  await mkdir(parent, { recursive: true });
  return withBuildLock(`${folder}.lock`, onProgress, async () => {
    if (await isComplete()) return { python };
    await rm(folder, { recursive: true, force: true });
    onProgress(`Making the Python environment of the lab's AWS emulator (${base.version})`);
    try {
      await run(base.command, ['-m', 'venv', folder], { env });
    } catch (error) {
      return unavailable(
        'venv-missing',
        error,
        `Python's venv module with pip, for ${base.command} (on Debian and Ubuntu: apt install python3-venv)`,
      );
    }
    onProgress("Installing the packages of the lab's AWS emulator from PyPI");
    try {
      await run(
        python,
        ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--quiet', '--require-hashes', '-r', requirements],
        {
          env,
          maxBuffer: 16 * 1024 * 1024,
        },
      );
    } catch (error) {
      return unavailable(
        'packages-unobtainable',
        error,
        'access to PyPI or a mirror of it (pip obeys PIP_INDEX_URL and its configuration files)',
      );
    }
    await writeFile(marker, `${new Date().toISOString()}\n`);
    return { python };
  });
}

type Python = { readonly command: string; readonly version: string; readonly identity: string };

/** 3.11 first: what the pins are tested with. Any newer one will do. */
const pythons = ['python3.11', 'python3.12', 'python3.13', 'python3.14', 'python3', 'python'];

const probe = `
import sys
assert sys.version_info >= (3, 11), "Python %d.%d is too old" % sys.version_info[:2]
print(sys.version.split()[0], sys.implementation.cache_tag, sys.base_prefix, sep="\\n")
`;

async function findPython(env: NodeJS.ProcessEnv): Promise<Python | EmulatorUnavailable> {
  const tried: string[] = [];
  for (const command of pythons) {
    try {
      const { stdout } = await run(command, ['-c', probe], { env });
      return { command, version: `Python ${stdout.split('\n')[0] ?? ''}`, identity: stdout };
    } catch (error) {
      tried.push(`${command}: ${lastLine(said(error))}`);
    }
  }
  return unavailable('python-missing', tried.join('\n'), 'Python 3.11 or newer');
}

function unavailable(reason: EmulatorUnavailable['reason'], error: unknown, needed: string): EmulatorUnavailable {
  const evidence = said(error);
  return { reason, evidence, message: `The lab's AWS emulator (moto) needs ${needed}. ${lastLine(evidence)}`.trim() };
}

function said(error: unknown): string {
  if (typeof error === 'string') return error;
  if (error instanceof Error && 'stderr' in error && typeof error.stderr === 'string' && error.stderr.trim() !== '')
    return error.stderr.trim();
  if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string' && error.stdout.trim() !== '')
    return error.stdout.trim();
  return error instanceof Error ? error.message : String(error);
}

function lastLine(text: string): string {
  return text.split('\n').at(-1) ?? '';
}

/** Someone's active environment or library path must not leak into ours; credentials have no business here. */
function pythonEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(AWS_|PYTHONHOME$|PYTHONPATH$|VIRTUAL_ENV$|PIP_TARGET$|PIP_USER$)/.test(name)),
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
