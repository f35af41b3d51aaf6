import { randomUUID } from 'node:crypto';
import { readFile, readdir, readlink, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { runTied } from './tied-process.ts';
import { toolEnvironment } from './tool-environment.mjs';

/** A process, told from a later one of the same number by when it started. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque: only ever compared. */
  readonly startedAt: string;
}

/**
 * Why the process table could not be looked at. `descriptors`: too many files are open. `permission`: the kernel refused. `hidden`: this machine shows
 * a user only the user's own processes (hidepid). `platform`: this system has no process table that can be read so. `failed`: any other error.
 */
export type CannotLook = 'descriptors' | 'permission' | 'hidden' | 'platform' | 'failed';

/** What a look at one process number showed. That nothing was seen is never taken for *not there* by itself. */
export type ProcessLook =
  | { readonly kind: 'seen'; readonly startedAt: string }
  /** A zombie: it runs no more, and its number is not free yet. */
  | { readonly kind: 'ended' }
  | {
      readonly kind: 'absent';
      /** Whether this machine would have shown it if it were another user's. */
      readonly others: 'shown' | 'hidden';
    }
  | { readonly kind: 'cannot-look'; readonly reason: CannotLook; readonly code?: string };

/** The process table could not be looked at: what it would have shown is not known. */
export class ProcessesUnseen extends Error {
  readonly reason: CannotLook;
  /** The system's error code, where one was given. */
  readonly code: string | undefined;

  constructor(why: CannotLook, code?: string) {
    super(`the processes of this machine could not be looked at: ${cannotLookText[why]}${code === undefined ? '' : ` (${code})`}`);
    this.name = 'ProcessesUnseen';
    this.reason = why;
    this.code = code;
  }
}

const cannotLookText: Readonly<Record<CannotLook, string>> = {
  descriptors: 'too many files are open',
  permission: 'another user has processes here that this user may not look at',
  hidden: 'this machine hides the processes of other users (hidepid)',
  platform: 'only Linux shows what a process was started with',
  failed: 'the system gave an error',
};

export async function ownIdentity(): Promise<ProcessIdentity> {
  const identity = await identityOf(process.pid);
  if (identity === undefined) throw new Error('This process does not find itself in the process table');
  return identity;
}

/**
 * @returns undefined where no process that is shown here has that number, or only a zombie
 * @throws ProcessesUnseen where the look failed
 */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const look = await lookAt(pid);
  if (look.kind === 'cannot-look') throw new ProcessesUnseen(look.reason, look.code);
  return look.kind === 'seen' ? { pid, startedAt: look.startedAt } : undefined;
}

/**
 * Of a process that was seen from here before, so that this machine shows it. Of any other one: `lookAt`, and `orchestrator/ownership/liveness.ts`.
 *
 * @throws ProcessesUnseen where the look failed
 */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await identityOf(identity.pid))?.startedAt === identity.startedAt;
}

/** Never throws: a look that failed is an answer. */
export async function lookAt(pid: number): Promise<ProcessLook> {
  try {
    return process.platform === 'linux' ? await lookOnLinux(pid) : await lookByPs(pid);
  } catch (cause) {
    const { reason, code } = unseen(cause);
    return { kind: 'cannot-look', reason, ...(code === undefined ? {} : { code }) };
  }
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
    const result = await runTied('sysctl', ['-n', name], { env: toolEnvironment(process.env) });
    if (result.outcome === 'succeeded' && result.stdout.trim() !== '') return [result.stdout.trim()];
  }
  return undefined;
}

/** Which processes may be among those that are looked for, where the environment of one cannot be read. */
export interface Suspects {
  /** `own`: they were started by this user. */
  readonly users: 'own' | 'all';
  /** `ProcessIdentity.startedAt` of the process that started them: none of them is older. */
  readonly since?: string;
}

/** Nothing is known of them. */
export const anyProcess: Suspects = { users: 'all' };

/** They were started by this process, or by one that it started. */
export const startedFromHere = async (): Promise<Suspects> => ({ users: 'own', since: (await ownIdentity()).startedAt });

export interface StartedProcess extends ProcessIdentity {
  /** What it was started with. */
  readonly environment: ReadonlyMap<string, string>;
}

/**
 * The processes that were started with such a variable in their environment, the oldest first: a process comes before those that it started.
 *
 * @throws ProcessesUnseen where one of them may have been missed: the look failed, or a process that may be one of them does not show its environment
 */
export async function processesWithEnvironment(
  name: string,
  matches: (value: string) => boolean,
  suspects: Suspects = anyProcess,
): Promise<readonly StartedProcess[]> {
  if (process.platform !== 'linux') throw new ProcessesUnseen('platform');
  try {
    await refuseOtherNumbering();
    if (suspects.users === 'all' && !(await showsOthers())) throw new ProcessesUnseen('hidden');
    const startedWith = async (pid: number): Promise<ReadonlyMap<string, string> | undefined> => {
      const environment = await environmentOf(pid, suspects);
      const value = environment?.get(name);
      return value !== undefined && matches(value) ? environment : undefined;
    };
    const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry)).map(Number);
    const found = await fewAtOnce(pids, async (pid) => {
      // Of most processes this is all that is read.
      if ((await startedWith(pid)) === undefined) return undefined;
      // First who it is, then once more what it has: a number that is given away in between yields an identity that no process has any more.
      const identity = await identityOf(pid);
      const environment = await startedWith(pid);
      return identity && environment && { ...identity, environment };
    });
    return found.filter((one) => one !== undefined).sort((a, b) => ticksOf(a.startedAt) - ticksOf(b.startedAt) || a.pid - b.pid);
  } catch (cause) {
    throw unseen(cause);
  }
}

const bootIdFile = '/proc/sys/kernel/random/boot_id';

/** A process that has few descriptors left can look too. */
const atOnce = 4;

async function fewAtOnce<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) results.push(await act(item));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

/**
 * @returns undefined where the process is gone, has none (a thread of the kernel), or is none of the suspects
 * @throws where it may be one of them, and does not show it
 */
async function environmentOf(pid: number, suspects: Suspects): Promise<ReadonlyMap<string, string> | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/environ`, 'utf8');
  } catch (cause) {
    if (isGone(cause) || (isRefused(cause) && !(await isSuspect(pid, suspects)))) return undefined;
    throw cause;
  }
  return new Map(
    text.split('\0').flatMap((entry): [string, string][] => {
      const at = entry.indexOf('=');
      return at < 1 ? [] : [[entry.slice(0, at), entry.slice(at + 1)]];
    }),
  );
}

async function isSuspect(pid: number, { users, since }: Suspects): Promise<boolean> {
  const process = await readStat(pid).catch((cause: unknown) => {
    // It hides that too.
    if (isRefused(cause)) return 'refused' as const;
    throw cause;
  });
  if (process === undefined) return false;
  if (process !== 'refused') {
    if (process.isOver || process.isOfKernel) return false;
    if (since !== undefined && isBefore(process.startedAt, since)) return false;
  }
  return users === 'all' || (await isOwn(pid));
}

/**
 * Whether the kernel counts the process among this user's. One that gave itself more rights (ssh-agent, what is setuid) shows its files as root's: what
 * Holdfast starts does not do that.
 */
async function isOwn(pid: number): Promise<boolean> {
  try {
    const { uid } = await stat(`/proc/${pid}/environ`).catch((cause: unknown) => {
      if (isRefused(cause)) return stat(`/proc/${pid}`);
      throw cause;
    });
    return uid === process.getuid?.();
  } catch (cause) {
    if (isGone(cause)) return false;
    throw cause;
  }
}

/** Of the same start of the machine; what cannot be compared is not before anything. */
function isBefore(startedAt: string, since: string): boolean {
  const bootOf = (text: string): string => text.slice(0, text.lastIndexOf('+'));
  return bootOf(startedAt) === bootOf(since) && ticksOf(startedAt) < ticksOf(since);
}

const ticksOf = (startedAt: string): number => Number(startedAt.split('+').at(-1));

async function lookOnLinux(pid: number): Promise<ProcessLook> {
  await refuseOtherNumbering();
  const process = await readStat(pid);
  if (process === undefined) return { kind: 'absent', others: (await showsOthers()) ? 'shown' : 'hidden' };
  return process.isOver ? { kind: 'ended' } : { kind: 'seen', startedAt: process.startedAt };
}

interface ProcStat {
  readonly startedAt: string;
  readonly isOver: boolean;
  readonly isOfKernel: boolean;
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, PF_KTHREAD */
const threadOfKernel = 0x00200000;

/** @returns undefined where no process that is shown here has the number */
async function readStat(pid: number): Promise<ProcStat | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch (cause) {
    if (isGone(cause)) return undefined;
    throw cause;
  }
  // The second field is the command's name in parentheses, and may itself have spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, flags, startTicks] = [fields[0], fields[6], fields[19]];
  if (state === undefined || flags === undefined || startTicks === undefined) throw new ProcessesUnseen('failed');
  return {
    startedAt: `${await bootId()}+${startTicks}`,
    isOver: state === 'Z' || state === 'X',
    isOfKernel: (Number(flags) & threadOfKernel) !== 0,
  };
}

/** Empty on a kernel that has none. An error is none of its answers: by it a living process would seem to have started at another time. */
async function bootId(): Promise<string> {
  try {
    return (await readFile(bootIdFile, 'utf8')).trim();
  } catch (cause) {
    if (isGone(cause)) return '';
    throw cause;
  }
}

/** In a process namespace whose /proc is that of another one, the number of a process says nothing about this /proc. */
async function refuseOtherNumbering(): Promise<void> {
  if ((await readlink('/proc/self')) !== String(process.pid)) throw new ProcessesUnseen('platform');
}

/**
 * Whether this /proc shows processes of other users, or at least refuses by name to show them (hidepid=1): only then a number that is not there is
 * free. https://docs.kernel.org/filesystems/proc.html, "Mount options"
 */
export async function showsOthers(): Promise<boolean> {
  return mountShowsOthers(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** @param mountinfo https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html */
export function mountShowsOthers(mountinfo: string): boolean {
  const mounts = mountinfo.split('\n').map((line) => {
    const [place = '', system = ''] = line.split(' - ');
    const [type, , options = ''] = system.split(' ');
    return { point: place.split(' ')[4], type, options: options.split(',') };
  });
  // What is mounted later lies on top.
  const proc = mounts.findLast(({ point }) => point === '/proc');
  if (proc?.type !== 'proc') return false;
  const hidepid = proc.options.find((option) => option.startsWith('hidepid='))?.slice('hidepid='.length);
  return hidepid === undefined || ['0', 'off', '1', 'noaccess'].includes(hidepid);
}

async function lookByPs(pid: number): Promise<ProcessLook> {
  const result = await runTied('ps', ['-o', 'lstart=', '-p', String(pid)], {
    env: { ...toolEnvironment(process.env), LC_ALL: 'C', TZ: 'UTC' },
  });
  switch (result.outcome) {
    case 'succeeded': {
      const startedAt = result.stdout.trim();
      return startedAt === '' ? { kind: 'cannot-look', reason: 'failed' } : { kind: 'seen', startedAt };
    }
    case 'failed':
      // What `ps` answers where it looked and found none; with anything else it says more.
      return result.exitCode === 1 && result.stdout.trim() === '' && result.stderrTail === ''
        ? { kind: 'absent', others: 'shown' }
        : { kind: 'cannot-look', reason: 'failed' };
    case 'not-started':
      return { kind: 'cannot-look', reason: whyOf(result.code), code: result.code };
    case 'timed-out':
      return { kind: 'cannot-look', reason: 'failed' };
    default:
      return result satisfies never;
  }
}

const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;

export const isGone = (cause: unknown): boolean => ['ENOENT', 'ESRCH'].includes(codeOf(cause) ?? '');
const isRefused = (cause: unknown): boolean => ['EACCES', 'EPERM'].includes(codeOf(cause) ?? '');

function whyOf(code: string | undefined): CannotLook {
  if (code === 'EMFILE' || code === 'ENFILE') return 'descriptors';
  return code === 'EACCES' || code === 'EPERM' ? 'permission' : 'failed';
}

/** What a look that failed is to those who asked. */
export function unseen(cause: unknown): ProcessesUnseen {
  if (cause instanceof ProcessesUnseen) return cause;
  const code = codeOf(cause);
  return new ProcessesUnseen(whyOf(code), code);
}
