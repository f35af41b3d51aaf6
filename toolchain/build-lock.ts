import { watch } from 'node:fs';
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { randomUUID } from 'node:crypto';
import { isAlive, ownIdentity } from './process-identity.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { makeOwnFolder } from './own-folder.ts';

/**
 * One builder at a time, by tickets as at a bakery (Lamport 1974): each process that wants the lock puts a file of its
 * own into the lock's folder, first `choosing`, then `waiting` with a number above all that it sees, and the lowest
 * number is served.
 *
 * A lock in one shared file would need a takeover when its owner died, and two processes that take over at once can each
 * remove the other's. Here nothing is taken over: a ticket bears its process's number and start in its name, a process
 * that is gone stays gone, so anyone may remove its ticket at any time, and nobody removes another.
 */
export interface LockSettings {
  readonly folder: string;
  /** Called when another process has the lock, with its number; again when that changes. */
  readonly onWait?: (ownerPid: number) => void;
  readonly identity?: () => Promise<ProcessIdentity>;
  readonly isAlive?: (identity: ProcessIdentity) => Promise<boolean>;
}

/** How often a waiter looks whether the owner still lives; a ticket that goes away is noticed at once. */
const lookEveryMs = 500;

export async function withBuildLock<T>(settings: LockSettings, work: () => Promise<T>): Promise<T> {
  await makeOwnFolder(settings.folder);
  const owner = await (settings.identity ?? ownIdentity)();
  const choosing: Ticket = { state: 'choosing', number: 0, owner, nonce: randomUUID() };
  let held = choosing;
  try {
    await writeFile(path.join(settings.folder, nameOf(choosing)), '', { flag: 'wx' });
    const others = await ticketsIn(settings.folder);
    const waiting: Ticket = { ...choosing, state: 'waiting', number: 1 + Math.max(0, ...others.map((other) => other.number)) };
    await rename(path.join(settings.folder, nameOf(choosing)), path.join(settings.folder, nameOf(waiting)));
    held = waiting;
    await ourTurn(settings, waiting);
    return await work();
  } finally {
    await rm(path.join(settings.folder, nameOf(held)), { force: true });
  }
}

interface Ticket {
  readonly state: 'choosing' | 'waiting';
  readonly number: number;
  readonly owner: ProcessIdentity;
  /** Tells apart the tickets of one process, and decides between equal numbers. */
  readonly nonce: string;
}

async function ourTurn(settings: LockSettings, ticket: Ticket): Promise<void> {
  let reported: number | undefined;
  for (;;) {
    // Watched from before the look on: a ticket that goes away in between is not missed.
    const change = nextChange(settings.folder);
    try {
      const ahead = await livingTicketsAhead(settings, ticket);
      const first = ahead[0];
      if (first === undefined) return;
      if (first.state === 'waiting' && first.owner.pid !== reported) {
        reported = first.owner.pid;
        settings.onWait?.(first.owner.pid);
      }
      await change.happened;
    } finally {
      change.stop();
    }
  }
}

async function livingTicketsAhead(settings: LockSettings, ticket: Ticket): Promise<Ticket[]> {
  const ahead: Ticket[] = [];
  for (const other of (await ticketsIn(settings.folder)).sort(inOrder)) {
    if (other.nonce === ticket.nonce || inOrder(other, ticket) > 0) continue;
    if (await (settings.isAlive ?? isAlive)(other.owner)) ahead.push(other);
    else await rm(path.join(settings.folder, nameOf(other)), { force: true });
  }
  return ahead;
}

/** One that still chooses may get any number, and so is before all. */
const inOrder = (a: Ticket, b: Ticket): number =>
  (a.state === b.state ? 0 : a.state === 'choosing' ? -1 : 1) || a.number - b.number || (a.nonce < b.nonce ? -1 : 1);

function nextChange(folder: string): { happened: Promise<void>; stop: () => void } {
  let stop = (): void => undefined;
  const happened = new Promise<void>((resolve) => {
    const watcher = watch(folder, () => resolve());
    watcher.on('error', () => resolve());
    const timer = setTimeout(resolve, lookEveryMs);
    stop = () => {
      watcher.close();
      clearTimeout(timer);
    };
  });
  return { happened, stop };
}

const nameOf = (ticket: Ticket): string =>
  [ticket.state, ticket.number, ticket.owner.pid, encodeURIComponent(ticket.owner.startedAt), ticket.nonce].join('~');

/**
 * Every ticket that was there throughout. One listing may miss a file that is renamed while it runs; a second one, begun
 * after it, then has the new name.
 */
async function ticketsIn(folder: string): Promise<Ticket[]> {
  const tickets = new Map<string, Ticket>();
  for (const name of [...(await readdir(folder)), ...(await readdir(folder))]) {
    const ticket = ticketOf(name);
    if (ticket !== undefined && tickets.get(ticket.nonce)?.state !== 'waiting') tickets.set(ticket.nonce, ticket);
  }
  return [...tickets.values()];
}

function ticketOf(name: string): Ticket | undefined {
  const [state, number, pid, startedAt, nonce] = name.split('~');
  if ((state !== 'choosing' && state !== 'waiting') || startedAt === undefined || nonce === undefined) return undefined;
  return { state, number: Number(number), owner: { pid: Number(pid), startedAt: decodeURIComponent(startedAt) }, nonce };
}
