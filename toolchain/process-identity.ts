import { randomUUID } from 'node:crypto';
import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { runTied } from './tied-process.ts';

/** A process, told from a later one of the same number by when it started. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque: only ever compared. */
  readonly startedAt: string;
}

export async function ownIdentity(): Promise<ProcessIdentity> {
  const identity = await identityOf(process.pid);
  if (identity === undefined) throw new Error('This process does not find itself in the process table');
  return identity;
}

/** @returns undefined where no process has that number, or only a zombie */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const startedAt = await startOf(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await startOf(identity.pid)) === identity.startedAt;
}

/**
 * Opaque; the same for two processes exactly if a process number means the same to both. A container has numbers of its own, so that a host
 * is not enough; a machine that has started again has new ones. Where the start of the machine cannot be told, no two answers are the same:
 * a process of elsewhere that is taken for one of here could be taken for dead.
 */
export async function machineIdentity(): Promise<string> {
  const numbering = process.platform === 'linux' ? await numberingOnLinux() : await startOfMachine();
  return [hostname(), ...(numbering ?? [randomUUID()])].join('+');
}

async function numberingOnLinux(): Promise<readonly string[] | undefined> {
  try {
    const [bootId, namespace] = await Promise.all([readFile(bootIdFile, 'utf8'), readlink('/proc/self/ns/pid')]);
    return [bootId.trim(), namespace];
  } catch {
    return undefined;
  }
}

async function startOfMachine(): Promise<readonly string[] | undefined> {
  // A setting of the clock changes the boot time, and not the UUID, which only macOS has.
  for (const name of ['kern.bootsessionuuid', 'kern.boottime']) {
    const result = await runTied('sysctl', ['-n', name], { env: process.env });
    if (result.outcome === 'succeeded' && result.stdout.trim() !== '') return [result.stdout.trim()];
  }
  return undefined;
}

/**
 * This user's processes that were started with such a variable in their environment, the oldest first: a process comes before those that it
 * started. Only on Linux; elsewhere there is no sure way to read another process's environment, and the answer is always empty.
 */
export async function processesWithEnvironment(name: string, matches: (value: string) => boolean): Promise<readonly ProcessIdentity[]> {
  if (process.platform !== 'linux') return [];
  const isStartedWith = async (pid: number): Promise<boolean> => {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    const variable = environment.split('\0').find((entry) => entry.startsWith(`${name}=`));
    return variable !== undefined && matches(variable.slice(name.length + 1));
  };
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Of most processes this is all that is read.
      if (!(await isStartedWith(pid))) return undefined;
      if ((await stat(`/proc/${pid}`).catch(() => undefined))?.uid !== process.getuid?.()) return undefined;
      // First who it is, then once more what it has: a number that is given away in between yields an identity that nobody has any more.
      const identity = await identityOf(pid);
      return (await isStartedWith(pid)) ? identity : undefined;
    }),
  );
  const ticks = ({ startedAt }: ProcessIdentity): number => Number(startedAt.split('+').at(-1));
  return found.filter((identity) => identity !== undefined).sort((a, b) => ticks(a) - ticks(b) || a.pid - b.pid);
}

const bootIdFile = '/proc/sys/kernel/random/boot_id';

/** When the process started, or undefined when there is none; a zombie is none. */
async function startOf(pid: number): Promise<string | undefined> {
  return process.platform === 'linux' ? await startOnLinux(pid) : await startByPs(pid);
}

async function startOnLinux(pid: number): Promise<string | undefined> {
  try {
    const [stat, bootId] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(bootIdFile, 'utf8').catch(() => '')]);
    // The second field is the command's name in parentheses, and may itself have spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTicks] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' ? undefined : `${bootId.trim()}+${startTicks ?? ''}`;
  } catch {
    return undefined;
  }
}

async function startByPs(pid: number): Promise<string | undefined> {
  const result = await runTied('ps', ['-o', 'lstart=', '-p', String(pid)], { env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } });
  return result.outcome === 'succeeded' && result.stdout.trim() !== '' ? result.stdout.trim() : undefined;
}
