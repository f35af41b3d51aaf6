import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** A second user of this machine, and a process table that hides the processes of others. Nothing outside the started processes is changed. */

/** A user of no special rights. */
export const alice = 1001;
export const bob = 1002;

/** Why this machine cannot play it; undefined where it can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'only Linux has hidepid';
  if (process.getuid?.() !== 0) return 'only root can start processes of other users and mount a /proc of its own';
  try {
    execFileSync('unshare', ['-m', 'sh', '-c', `${mountHidden(2)} && setpriv --reuid=${bob} --regid=${bob} --clear-groups true`], {
      stdio: 'pipe',
    });
    return undefined;
  } catch (cause) {
    return `this kernel, or this container, does not allow it: ${cause instanceof Error ? cause.message : ''}`;
  }
}

const mountHidden = (hidepid: number): string => `mount -t proc -o hidepid=${hidepid} proc /proc`;

/** A process of that user that lives until it is killed. */
export async function processOf(uid: number, env: Record<string, string> = {}): Promise<ChildProcess> {
  const child = spawn('sleep', ['600'], { uid, gid: uid, stdio: 'ignore', env: { PATH: process.env['PATH'], ...env } });
  await once(child, 'spawn');
  return child;
}

/**
 * The command line that runs another one.
 *
 * @param as its user; `root`: may do all that root may, but look at the processes of others (for which root's group would be enough), and so needs no
 * files of its own
 * @param hidepid of the process table: 2 hides the processes of other users, 1 refuses to show what they are, 0 shows them
 */
export function asUser(as: number | 'root', hidepid: 0 | 1 | 2, command: readonly string[]): readonly [string, ...string[]] {
  const user =
    as === 'root'
      ? ['--bounding-set=-sys_ptrace', `--regid=${bob}`, '--clear-groups']
      : [`--reuid=${as}`, `--regid=${as}`, '--clear-groups'];
  return ['unshare', '-m', 'sh', '-c', `${mountHidden(hidepid)} && exec "$@"`, 'sh', 'setpriv', ...user, ...command];
}
