import { chmod, lstat, mkdir, mkdtemp, readlink, realpath, rmdir } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '../orchestrator/domain/exit-codes.ts';
import { Refusal } from '../orchestrator/domain/problem.ts';
import { foreignPlace } from './problems.ts';

/** Why another user of this machine could decide what lies at a path, or read what is kept there. */
export type Foreign = Fault & {
  /** Of the folder or file that is wrong: the one that was asked about, or one on the way to it. */
  readonly path: string;
  /** Whether it is at or below the folder that is Holdfast's own: one above it may have other things of other people. */
  readonly isOurs: boolean;
};

type Fault =
  | { readonly reason: 'other-owner'; readonly uid: number }
  | { readonly reason: 'others-write' }
  /** The file system keeps no modes: every user may read and write what is there, whatever is asked of it. */
  | { readonly reason: 'no-modes' }
  | { readonly reason: 'not-a-folder' }
  | { readonly reason: 'cannot-look' | 'cannot-make'; readonly code: string };

/** Nothing of what lies there was used. */
export class NotOwn extends Refusal {
  readonly foreign: Foreign;

  constructor(foreign: Foreign) {
    super(exitCodes.preflightRefused, foreignPlace(foreign));
    this.name = 'NotOwn';
    this.foreign = foreign;
  }
}

/**
 * Makes the folder, and what is missing above it, for this user alone, whatever the umask. One that is there and this user's own is narrowed to that.
 *
 * @param top the folder that is Holdfast's own, at or above it
 * @throws NotOwn where another user may write there, or on the way to it
 */
export async function makeOwnFolder(folder: string, top = folder): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    // What is in the way may be another user's: that says more.
    await requireOwn(folder, top);
    throw new NotOwn({ reason: 'cannot-make', path: folder, isOurs: true, code: codeOf(cause) });
  }
  await requireOwnFolder(folder, top);
}

/** As `makeOwnFolder`, of a folder that may be there: nothing is made. */
export async function requireOwnFolder(folder: string, top = folder): Promise<void> {
  await requireOwn(folder, top);
  // One that its user has named, somewhere on the machine, may be of others too: /opt of a root.
  if (folder === top && anchorOf(path.resolve(folder)) === undefined) return;
  const isWide = async (): Promise<boolean> => {
    const stats = await statsOf(folder);
    // One of root's is as good, and not ours to narrow.
    return stats !== undefined && stats.uid === process.getuid?.() && (stats.mode & 0o077) !== 0;
  };
  if (!(await isWide())) return;
  await chmod(folder, 0o700).catch(() => undefined);
  if (await isWide()) throw new NotOwn({ reason: 'no-modes', path: folder, isOurs: true });
}

/**
 * That no other user can have put there, or changed, what lies at this path, as ssh asks it of its keys: the file or folder, and each folder on the way to it,
 * belongs to this user or to root, and no other user may write there. A folder in which all may write, but change only what is their own (the sticky bit of
 * /tmp), may be on the way. What is not there is of no user.
 *
 * The way begins at the root of the file system. For what is below the user's home it begins there: whose the home is, its user has said by naming it (in a job's
 * container it is the host's). For what is in the checkout that Holdfast runs from it begins below that: a user who may write there may change Holdfast itself.
 *
 * @param top the folder that is Holdfast's own, at or above it
 * @throws NotOwn
 */
export async function requireOwn(file: string, top = file): Promise<void> {
  const user = process.getuid?.();
  // Windows has no such owners and modes.
  if (user === undefined) return;
  const found = await firstFault(path.resolve(file), user);
  if (found === undefined) return;
  const tops = [path.resolve(top), await realpath(top).catch(() => top)];
  throw new NotOwn({ ...found, isOurs: tops.some((each) => isAtOrBelow(found.path, each)) });
}

const checkout = path.resolve(fileURLToPath(new URL('..', import.meta.url)));

/** Where the way to it begins, if not at the root of the file system. */
function anchorOf(file: string): string | undefined {
  // A HOME that is empty or relative is none.
  const places = [checkout, homedir()].filter((each) => path.isAbsolute(each)).map((each) => path.resolve(each));
  const anchors = places.filter((each) => each !== '/' && each !== file && isAtOrBelow(file, each));
  return anchors.sort((a, b) => b.length - a.length)[0];
}

/** As many as Linux follows. */
const mostLinks = 40;

async function firstFault(file: string, user: number): Promise<(Fault & { path: string }) | undefined> {
  const anchor = anchorOf(file);
  const ahead = file
    .slice(anchor?.length ?? 0)
    .split('/')
    .filter((name) => name !== '');
  let at = anchor ?? '/';
  try {
    at = await realpath(at);
    if (anchor !== checkout) {
      const fault = await faultOf(at, await lstat(at), { owners: anchor === undefined ? [user, 0] : 'any', isOnTheWay: true });
      if (fault !== undefined) return { ...fault, path: at };
    }
    for (let links = 0, name = ahead.shift(); name !== undefined; name = ahead.shift()) {
      at = path.join(at, name);
      const stats = await lstat(at);
      if (stats.isSymbolicLink()) {
        if (stats.uid !== user && stats.uid !== 0) return { reason: 'other-owner', uid: stats.uid, path: at };
        links += 1;
        if (links > mostLinks) return { reason: 'cannot-look', code: 'ELOOP', path: at };
        const target = await readlink(at);
        ahead.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
        at = path.isAbsolute(target) ? '/' : path.dirname(at);
        continue;
      }
      const isOnTheWay = ahead.length > 0;
      if (isOnTheWay && !stats.isDirectory()) return { reason: 'not-a-folder', path: at };
      const fault = await faultOf(at, stats, { owners: [user, 0], isOnTheWay });
      if (fault !== undefined) return { ...fault, path: at };
    }
    return undefined;
  } catch (cause) {
    const code = codeOf(cause);
    return code === 'ENOENT' ? undefined : { reason: 'cannot-look', code, path: at };
  }
}

async function faultOf(
  file: string,
  stats: Stats,
  { owners, isOnTheWay }: { readonly owners: readonly number[] | 'any'; readonly isOnTheWay: boolean },
): Promise<Fault | undefined> {
  if (owners !== 'any' && !owners.includes(stats.uid)) return { reason: 'other-owner', uid: stats.uid };
  if ((stats.mode & 0o022) === 0 || (isOnTheWay && (stats.mode & 0o1000) !== 0)) return undefined;
  return { reason: stats.isDirectory() && !(await keepsModes(file)) ? 'no-modes' : 'others-write' };
}

/** Whether the file system has a mode for each file: a drive of Windows has one for all. Asked only where a refusal is to say what helps. */
async function keepsModes(folder: string): Promise<boolean> {
  try {
    const made = await mkdtemp(path.join(folder, '.holdfast-'));
    try {
      return ((await lstat(made)).mode & 0o022) === 0;
    } finally {
      await rmdir(made);
    }
  } catch {
    return true;
  }
}

const isAtOrBelow = (file: string, folder: string): boolean => file === folder || file.startsWith(folder === '/' ? '/' : `${folder}/`);

async function statsOf(folder: string): Promise<Stats | undefined> {
  try {
    return await lstat(await realpath(folder));
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cause;
  }
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'unknown';
