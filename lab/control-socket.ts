import { createHash } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import type { Server } from 'node:net';
import { join, resolve } from 'node:path';

/**
 * How a lab hears that it is to end. A connection lasts exactly as long as the lab's process, which is how `lab stop` knows that it is gone. An order names the
 * lab that it is for, and another one refuses it.
 */

/** Of the name of a socket, in bytes: macOS takes 103, Linux 107. */
const longestName = 103;

/**
 * In the lab's own folder; where that is too deep for the name of a socket, in the cache, under a hash of the whole path.
 *
 * @returns the places that it may have, the better one first; none where all are too long
 */
export function controlSocketsOf(folder: string, cache: string): readonly string[] {
  const hash = createHash('sha256').update(resolve(folder)).digest('base64url').slice(0, 22);
  return [join(folder, 'control.sock'), join(cache, 'labs', `${hash}.sock`)].filter((name) => Buffer.byteLength(name) <= longestName);
}

/** Of the lab's process. @param end called when it is told to end */
export async function listenForStop(socket: string, lab: string, end: () => void): Promise<Server> {
  const server = createServer((connection) => {
    connection.on('error', () => undefined);
    let order = '';
    connection.setEncoding('utf8').on('data', (text: string) => {
      order = (order + text).slice(0, 200);
      if (!order.includes('\n')) return;
      if (order === stopOf(lab)) end();
      else connection.end('another lab\n');
    });
  });
  await rm(socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  await chmod(socket, 0o600);
  return server;
}

/** Tells a lab to end, and waits until its process is gone. `none`: no process listens there. `another`: one of another lab does, and goes on. */
export async function tellToStop(socket: string, lab: string): Promise<'ended' | 'another' | 'none'> {
  return await new Promise((resolve) => {
    let result: 'ended' | 'another' | 'none' = 'none';
    const connection = createConnection(socket);
    connection.once('connect', () => {
      result = 'ended';
      connection.write(stopOf(lab));
    });
    connection.once('data', () => (result = 'another'));
    connection.on('error', () => undefined);
    connection.once('close', () => resolve(result));
  });
}

const stopOf = (lab: string): string => `stop ${lab}\n`;
