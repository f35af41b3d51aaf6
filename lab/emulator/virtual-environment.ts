import { createHash } from 'node:crypto';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ok, type Problem, type Result } from '../../orchestrator/domain/problem.ts';
import { withBuildLock } from '../../toolchain/build-lock.ts';
import type { Environment } from '../../toolchain/cache-folder.ts';
import { makeOwnFolder, requireOwn, requireOwnFolder } from '../../toolchain/own-folder.ts';
import { runTied, type TiedResult } from '../../toolchain/tied-process.ts';
import { toolEnvironment } from '../../toolchain/tool-environment.mjs';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

export interface EmulatorProvided {
  /** The interpreter to run the emulator with. */
  readonly python: string;
}

/** What the lab's AWS emulator lacks on this machine, and what to install. */
export interface EmulatorUnavailable extends Problem {
  readonly reason: 'python-missing' | 'venv-missing' | 'packages-unobtainable';
  /** What the tools said. */
  readonly evidence: string;
}

export interface ProvideEmulatorOptions {
  /** Where Holdfast keeps what it can make again; the environment goes to `emulator/` in it. */
  readonly cacheFolder: string;
  /** Of it Python and pip get what they need: pip's own settings (index, proxy, certificates) count. */
  readonly env: Environment;
  readonly onProgress: (text: string) => void;
}

/**
 * The interpreter of a virtual environment with moto in it; made on first use (under a minute), then found. One folder for each set of
 * packages and Python: a new pin or another interpreter never changes an environment that a running lab uses.
 *
 * @throws NotOwn where another user of the machine may have put there what is found
 */
export async function provideEmulator(options: ProvideEmulatorOptions): Promise<Result<EmulatorProvided, readonly [EmulatorUnavailable]>> {
  const { cacheFolder, onProgress } = options;
  const env = toolEnvironment(options.env, 'python');
  const found = await findPython(env);
  if (!found.ok) return found;
  const base = found.value;

  const pins = await readFile(requirements);
  const name = createHash('sha256').update(pins).update(base.identity).digest('hex').slice(0, 16);
  const folder = path.join(cacheFolder, 'emulator', name);
  const python = path.join(folder, 'bin', 'python');
  // A virtual environment holds its own absolute path, so it is built in place, and marked complete as the last thing.
  const marker = path.join(folder, 'complete');
  const isComplete = async (): Promise<boolean> => {
    // The interpreter in it is a link to the one on PATH; whose the link is, its folder says.
    await requireOwn(path.dirname(python), cacheFolder);
    return (await exists(marker)) && (await exists(python));
  };
  await requireOwnFolder(cacheFolder);
  if (await isComplete()) return ok({ python });

  const onWait = (pid: number) => onProgress(`Waiting for process ${pid}, which makes the emulator's Python environment`);
  return await withBuildLock({ folder: `${folder}.lock`, onWait }, async () => {
    if (await isComplete()) return ok({ python });
    await rm(folder, { recursive: true, force: true });
    await makeOwnFolder(folder, cacheFolder);
    onProgress(`Making the emulator's Python environment (${base.version})`);
    const made = await runTied(base.command, ['-m', 'venv', folder], { env, isPrivate: true });
    if (made.outcome !== 'succeeded') return unavailable('venv-missing', said(made));
    onProgress("Installing the emulator's packages from PyPI");
    const installed = await runTied(python, ['-m', 'pip', ...install], { env, isPrivate: true });
    if (installed.outcome !== 'succeeded') return unavailable('packages-unobtainable', said(installed));
    await writeFile(marker, '');
    return ok({ python });
  });
}

const install = ['install', '--disable-pip-version-check', '--no-input', '--quiet', '--require-hashes', '-r', requirements];

interface Python {
  readonly command: string;
  readonly version: string;
  readonly identity: string;
}

/** 3.11 first: what the pins are tested with. Any newer one will do. */
const pythons = ['python3.11', 'python3.12', 'python3.13', 'python3.14', 'python3', 'python'];

const probe = `
import sys
if sys.version_info < (3, 11): sys.exit("too old: %d.%d" % sys.version_info[:2])
print(sys.version.split()[0], sys.implementation.cache_tag, sys.base_prefix, sep="\\n")
`;

async function findPython(env: Environment): Promise<Result<Python, readonly [EmulatorUnavailable]>> {
  const tried: string[] = [];
  for (const command of pythons) {
    const found = await runTied(command, ['-c', probe], { env });
    if (found.outcome === 'succeeded') {
      return ok({ command, version: `Python ${found.stdout.split('\n')[0] ?? ''}`, identity: found.stdout });
    }
    tried.push(`${command}: ${lastLine(said(found))}`);
  }
  return unavailable('python-missing', tried.join('\n'));
}

const advice = {
  'python-missing': { lacks: 'Python 3.11 or newer', next: 'Install Python 3.11 or newer, so that python3.11 or python3 is on PATH.' },
  'venv-missing': {
    lacks: "Python's venv module, with pip",
    next: 'Install it (Debian and Ubuntu: apt install python3-venv), or another Python 3.11 or newer.',
  },
  'packages-unobtainable': {
    lacks: 'packages from PyPI',
    next: 'Let pip reach PyPI, or name a mirror of it: PIP_INDEX_URL, or index-url in pip.conf.',
  },
} as const satisfies Record<EmulatorUnavailable['reason'], { lacks: string; next: string }>;

function unavailable(reason: EmulatorUnavailable['reason'], evidence: string): { ok: false; problems: readonly [EmulatorUnavailable] } {
  const { lacks, next } = advice[reason];
  const message = `The lab's AWS emulator (moto) lacks ${lacks}:\n${evidence.replaceAll(/^/gm, '  ')}`;
  return { ok: false, problems: [{ reason, message, next, evidence }] };
}

function said(result: Exclude<TiedResult, { outcome: 'succeeded' }>): string {
  switch (result.outcome) {
    case 'failed':
      return (result.stderrTail || result.stdout).trim() || `exit code ${result.exitCode ?? 'none'}`;
    case 'not-started':
      return result.code === 'ENOENT' ? 'not on PATH' : result.code;
    case 'timed-out':
      return `not done within ${result.afterMs / 1000} s`;
  }
}

const lastLine = (text: string): string => text.split('\n').at(-1) ?? '';

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
