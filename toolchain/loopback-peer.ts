import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { closeSync, openSync, readSync } from 'node:fs';
import type { Socket } from 'node:net';
import { endianness } from 'node:os';

/**
 * Whose connection it is, by the kernel. Loopback is open to every user of a machine: what listens there is asked by all of them, and the engine's own
 * protocols have no token that would tell them apart.
 */

/**
 * `own`: of this user, or of root, who may do all that this user may. `gone`: its client has closed it, and the kernel says no more whose it was.
 * `cannot-tell`: this machine does not say.
 */
export type Peer = 'own' | 'other' | 'gone' | 'cannot-tell';

/** Addresses as the kernel's tables have them. */
interface Connection {
  readonly client: string;
  readonly server: string;
}

/** Rows of the kernel's table; undefined where it cannot be read. */
export type ReadTable = (name: 'tcp' | 'tcp6') => Iterable<string> | undefined;

/** The size of two rows: the kernel goes through its whole hash table for more, and the row that is looked for may be the next. */
const pieceBytes = 300;

/** At once, and not while others have their turn: nothing of the connection is read before it is known whose it is. */
const readTable: ReadTable = (name) => {
  try {
    return rowsOf(openSync(`/proc/net/${name}`, 'r'));
  } catch {
    return undefined;
  }
};

function* rowsOf(file: number): Generator<string> {
  try {
    const piece = Buffer.alloc(pieceBytes);
    let rest = '';
    for (;;) {
      const read = readSync(file, piece);
      if (read === 0) return;
      const rows = (rest + piece.toString('latin1', 0, read)).split('\n');
      rest = rows.pop() ?? '';
      yield* rows;
    }
  } finally {
    closeSync(file);
  }
}

/** A table is read in pieces, while rows of it come and go: one that was there all the time may be missed once. */
const mostLooks = 2;

const seen = new WeakMap<Socket, Peer>();

/** @param socket one that a server on 127.0.0.1 has accepted */
export function peerOf(socket: Socket): Peer {
  const before = seen.get(socket);
  if (before !== undefined) return before;
  const peer = look(socket);
  seen.set(socket, peer);
  return peer;
}

function look({ localAddress, localPort, remoteAddress, remotePort }: Socket): Peer {
  const user = process.geteuid?.();
  if (process.platform !== 'linux' || user === undefined || !localAddress?.startsWith('127.')) return 'cannot-tell';
  // Reset before it was looked at. What its client had sent could still be read.
  if (remoteAddress === undefined || remotePort === undefined) return 'gone';
  const connection = { client: placeOf(remoteAddress, remotePort), server: placeOf(localAddress, localPort ?? 0) };
  try {
    for (let looks = 0; looks < mostLooks; looks += 1) {
      const peer = peerIn(readTable, connection, user);
      if (peer !== 'not-shown') return peer;
    }
    return 'gone';
  } catch {
    return 'cannot-tell';
  }
}

/**
 * @param user who asks
 * @returns `not-shown` where the tables show the server, and no such client
 * @see https://docs.kernel.org/networking/proc_net_tcp.html
 */
export function peerIn(read: ReadTable, { client, server }: Connection, user: number): Peer | 'not-shown' {
  const table = read('tcp');
  if (table === undefined) return 'cannot-tell';
  let showsServer = false;
  for (const row of table) {
    if (row.includes(` ${client} ${server} `)) return ownerOf(row, user);
    showsServer ||= row.includes(` ${server} 00000000:0000 0A `);
  }
  // A client that may also use IPv6 has its row in the other table, with its addresses mapped.
  for (const row of read('tcp6') ?? []) if (row.includes(` ${mapped}${client} ${mapped}${server} `)) return ownerOf(row, user);
  // A table that shows this very server shows its clients as well.
  return showsServer ? 'not-shown' : 'cannot-tell';
}

function ownerOf(row: string, user: number): Peer {
  // number, client, server, state, queues, timer, retransmits, uid, timeout, inode
  const fields = row.trim().split(/\s+/);
  const [uid, inode] = [Number(fields[7]), Number(fields[9])];
  if (!Number.isInteger(uid) || !Number.isInteger(inode)) return 'cannot-tell';
  // What its process has closed is shown as root's, without a file.
  if (uid === 0) return inode === 0 ? 'gone' : 'own';
  return uid === user ? 'own' : 'other';
}

/** The kernel prints each word of an address as this machine has it in memory. */
const isLittle = endianness() === 'LE';
const mapped = isLittle ? '0000000000000000FFFF0000' : '00000000000000000000FFFF';

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');

/** `0100007F:1F90` of 127.0.0.1 and 8080 */
export function placeOf(address: string, port: number): string {
  const bytes = address.split('.').map(Number);
  return `${(isLittle ? bytes.toReversed() : bytes).map((byte) => hex(byte, 2)).join('')}:${hex(port, 4)}`;
}

/** Of another user, or of one that is not known any more: it is closed unread. */
export const isRefused = (peer: Peer): boolean => peer === 'other' || peer === 'gone';

const accepted = 'net.server.socket';

/**
 * From here on every server of this process closes connections of other users before a byte of them is read: those too that a library opens, as the Automation
 * API opens its event log and its language runtime, and gives to nobody. May be called again.
 */
export function refuseOtherUsers(): void {
  unsubscribe(accepted, refuse);
  subscribe(accepted, refuse);
}

/** Told by Node of each connection, in the same turn in which it was accepted. */
function refuse(message: unknown): void {
  const { socket } = message as { readonly socket: Socket };
  // A pipe has none: it is a file, with an owner and a mode.
  if (socket.localAddress !== undefined && isRefused(peerOf(socket))) socket.destroy();
}
