import { readdir, readFile, stat } from 'node:fs/promises';
import { isGone, ProcessesUnseen, showsOthers, unseen } from './process-identity.ts';
import { runTied } from './tied-process.ts';

/** Who else is in this network, which is this machine's or this container's: what listens on its loopback is open to all of them. */

export interface OtherUser {
  readonly uid: number;
  /** By the machine's own list of users; a directory may have more. */
  readonly name?: string;
  /** In this network. 0: it has connections there, and no process that is shown here, as from outside of a container. */
  readonly processes: number;
}

export type OtherUsers =
  | { readonly kind: 'seen'; readonly users: readonly OtherUser[] }
  /** The processes, or whose a connection is: that is what tells our own servers whom to refuse. */
  | { readonly kind: 'cannot-tell'; readonly what: 'processes' | 'connections'; readonly cause: ProcessesUnseen };

/** A look at this moment: who comes later is not seen. Never throws: a look that failed is an answer. */
export async function lookAtOtherUsers(): Promise<OtherUsers> {
  let what: 'processes' | 'connections' = 'connections';
  try {
    const own = process.geteuid?.();
    if (own === undefined) return { kind: 'cannot-tell', what: 'processes', cause: new ProcessesUnseen('platform') };
    const [first, names] = await Promise.all([firstOfPeople(), namesOfUsers()]);
    const isOther = (uid: number): boolean => uid !== own && (uid >= first || uid === nobody);
    const isLinux = process.platform === 'linux';
    const connected = isLinux ? (await ownersOfConnections()).filter(isOther) : [];
    what = 'processes';
    const owners = isLinux ? await ownersOnLinux(isOther) : (await ownersByPs()).filter(isOther);
    const uids = [...new Set([...owners, ...connected])].sort((a, b) => a - b);
    const users = uids.map((uid): OtherUser => {
      const name = names.get(uid);
      return { uid, ...(name === undefined ? {} : { name }), processes: owners.filter((owner) => owner === uid).length };
    });
    return { kind: 'seen', users };
  } catch (cause) {
    return { kind: 'cannot-tell', what, cause: unseen(cause) };
  }
}

/** Of no account: what is run under it belongs to whoever started it, and of outside a user namespace everyone is shown as it. */
const nobody = 65534;

async function ownersOnLinux(isOther: (uid: number) => boolean): Promise<readonly number[]> {
  if (!(await showsOthers())) throw new ProcessesUnseen('hidden');
  const network = await networkOf('self');
  const owners: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // The folder of a process is its user's, also where it may not be looked into.
      const { uid } = await stat(`/proc/${entry}`);
      if (isOther(uid) && (await mayBeIn(network, entry))) owners.push(uid);
    } catch (cause) {
      if (!isGone(cause)) throw cause;
    }
  }
  return owners;
}

/** The kernel has a table of connections for each network namespace, and a number for each table: of processes of other users too. */
const networkOf = async (pid: string): Promise<number> => (await stat(`/proc/${pid}/net/tcp`)).ino;

/** What runs in a container with a network of its own does not reach this loopback. */
async function mayBeIn(network: number, pid: string): Promise<boolean> {
  try {
    return (await networkOf(pid)) === network;
  } catch (cause) {
    // It has ended, but for its number.
    if (isGone(cause)) return false;
    return true;
  }
}

/** All of this network, whosever processes are shown here: a container may share the network of its host, and not its processes. */
async function ownersOfConnections(): Promise<readonly number[]> {
  const tables = await Promise.all([
    readFile('/proc/net/tcp', 'utf8'),
    // Without IPv6 there is none.
    readFile('/proc/net/tcp6', 'utf8').catch((cause: unknown) => {
      if (isGone(cause)) return '';
      throw cause;
    }),
  ]);
  return tables.flatMap(ownersInTable);
}

/** @param table https://docs.kernel.org/networking/proc_net_tcp.html */
export function ownersInTable(table: string): readonly number[] {
  const rows = table.split('\n').slice(1);
  return rows.map((row) => Number(row.trim().split(/\s+/)[7])).filter((uid) => Number.isInteger(uid));
}

async function ownersByPs(): Promise<readonly number[]> {
  const result = await runTied('ps', ['-axo', 'uid='], { env: { ...process.env, LC_ALL: 'C' } });
  if (result.outcome !== 'succeeded') throw new ProcessesUnseen('failed');
  const owners = ownersInList(result.stdout);
  // It lists itself at least.
  if (owners.length === 0) throw new ProcessesUnseen('failed');
  return owners;
}

/** @param list one uid a line; that of nobody is -2 on macOS */
export function ownersInList(list: string): readonly number[] {
  const uids = list.split('\n').filter((line) => line.trim() !== '');
  return uids.map((line) => {
    const uid = Number(line);
    if (!Number.isInteger(uid)) throw new ProcessesUnseen('failed');
    return uid < 0 || uid === 2 ** 32 - 2 ? nobody : uid;
  });
}

/** Below it are the services of the machine. */
async function firstOfPeople(): Promise<number> {
  if (process.platform === 'darwin') return 500;
  const text = await readFile('/etc/login.defs', 'utf8').catch((cause: unknown) => {
    if (isGone(cause)) return '';
    throw cause;
  });
  return firstUidIn(text);
}

/** @param text https://man7.org/linux/man-pages/man5/login.defs.5.html */
export const firstUidIn = (text: string): number => Number(/^\s*UID_MIN\s+(\d+)\s*$/m.exec(text)?.[1] ?? 1000);

/** Only for people to read: where it cannot be read the numbers have to do. */
async function namesOfUsers(): Promise<ReadonlyMap<number, string>> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.split(':'));
  return new Map(lines.flatMap(([name = '', , uid]) => (/^[\w.-]{1,32}\$?$/.test(name) && uid ? [[Number(uid), name]] : [])));
}
