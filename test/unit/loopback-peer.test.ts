import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { peerIn, peerOf, placeOf, refuseOtherUsers } from '../../toolchain/loopback-peer.ts';

const client = placeOf('127.0.0.1', 50_000);
const server = placeOf('127.0.0.1', 8080);
const connection = { client, server };
const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const row = (local: string, remote: string, uid: number | string, inode: number, state = '01'): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 ${String(uid).padStart(5)}        0 ${inode} 1 ffff 20 4 30 10 -1\n`;
const listening = row(server, '00000000:0000', 1000, 7, '0A');
/** The server's own end of the connection, which is the server's user's, whoever the client is. */
const ownEnd = row(server, client, 1000, 8);
const tables = (tcp?: string, tcp6?: string) => (name: 'tcp' | 'tcp6') => (name === 'tcp' ? tcp : tcp6)?.split('\n');

describe('whose a connection is, by the tables of the kernel', () => {
  it.each([
    ['this user has the client', row(client, server, 1000, 9), 'own'],
    ['root has the client', row(client, server, 0, 9), 'own'],
    ['another user has the client', row(client, server, 1001, 9), 'other'],
    ['nobody has the client', row(client, server, 65534, 9), 'other'],
    ['the client was closed, so that it is shown as of root and without a file', row(client, server, 0, 0, '05'), 'gone'],
    ['the client was closed long ago', row(client, server, 0, 0, '06'), 'gone'],
    ['the client was closed by another user, and is still shown as of that user', row(client, server, 1001, 0, '05'), 'other'],
    ['there is a server, and no such client', '', 'not-shown'],
    ['only a client of another port is there', row(placeOf('127.0.0.1', 50_001), server, 1000, 9), 'not-shown'],
    ['only a client from another address is there', row(placeOf('127.0.0.2', 50_000), server, 1000, 9), 'not-shown'],
    ['the row has no user in the place where one should be', row(client, server, 'ada', 9), 'cannot-tell'],
  ])('where %s', (_, rows, peer) => {
    expect(peerIn(tables(head + listening + ownEnd + rows), connection, 1000)).toBe(peer);
  });

  it('is told by the table of IPv6 where the client may use that too', () => {
    const mapped = placeOf('127.0.0.1', 0).startsWith('0100007F') ? '0000000000000000FFFF0000' : '00000000000000000000FFFF';
    const other = row(mapped + client, mapped + server, 1001, 9);
    expect(peerIn(tables(head + listening, head + other), connection, 1000)).toBe('other');
  });

  it.each([
    ['there is no table', undefined],
    ['the table does not even have the server', head],
  ])('cannot be told where %s', (_, table) => {
    expect(peerIn(tables(table), connection, 1000)).toBe('cannot-tell');
  });

  it('is asked of root like of any other user: what is not of root is of others', () => {
    expect(peerIn(tables(head + listening + row(client, server, 1000, 9)), connection, 0)).toBe('other');
    expect(peerIn(tables(head + listening + row(client, server, 0, 9)), connection, 0)).toBe('own');
  });
});

const servers: { close: () => unknown }[] = [];
afterEach(() => servers.splice(0).forEach((one) => one.close()));

async function portOf(one: Server): Promise<number> {
  servers.push(one);
  one.listen(0, '127.0.0.1');
  await once(one, 'listening');
  return (one.address() as AddressInfo).port;
}

describe.skipIf(process.platform !== 'linux')('a connection to this process', () => {
  it('that this process has made is its own', async () => {
    const one = createServer();
    const port = await portOf(one);
    const asked = once(one, 'connection');
    const socket = connect(port, '127.0.0.1');
    const [accepted] = (await asked) as [Socket];
    expect(peerOf(accepted)).toBe('own');
    socket.destroy();
    accepted.destroy();
  });

  it.each(['destroy', 'resetAndDestroy'])(
    'whose client has sent something and gone by %s is gone, and not taken for one of root',
    async (how) => {
      const one = createServer();
      const port = await portOf(one);
      const asked = once(one, 'connection');
      // This process stands still meanwhile, and accepts it when the client is no more.
      const code = `const s = require('node:net').connect(${port}, '127.0.0.1', () => s.write('forged', () => s.${how}()));`;
      spawnSync(process.execPath, ['-e', code], { timeout: 10_000 });
      const [accepted] = (await asked) as [Socket];
      expect(peerOf(accepted)).toBe('gone');
      accepted.destroy();
    },
  );
});

/** What another user gets of a port: how many bytes, until the connection is closed. */
async function bytesFor(uid: number, port: number): Promise<number> {
  const code = `
    const socket = require('node:net').connect(${port}, '127.0.0.1');
    socket.write('PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n' + '\\0\\0\\0\\4\\0\\0\\0\\0\\0');
    const end = (bytes) => { process.stdout.write(String(bytes)); process.exit(0); };
    socket.on('data', (chunk) => end(chunk.length)).on('error', () => end(0)).on('close', () => end(0));
  `;
  const child = spawn(process.execPath, ['-e', code], { uid, gid: uid, cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  const [[text]] = (await Promise.all([once(child.stdout, 'data'), once(child, 'close')])) as [[Buffer], unknown];
  return Number(text.toString());
}

const isRootOnLinux = process.platform === 'linux' && process.getuid?.() === 0;

describe.skipIf(!isRootOnLinux)('a server that a library opens in this process', () => {
  interface Grpc {
    readonly Server: new () => {
      bindAsync: (at: string, credentials: unknown, done: (error: Error | null, port: number) => void) => void;
      forceShutdown: () => void;
    };
    readonly ServerCredentials: { readonly createInsecure: () => unknown };
  }

  it('as the Automation API opens its event log, answers this user, and no other one a byte', async () => {
    const grpc = createRequire(createRequire(import.meta.url).resolve('@pulumi/pulumi/package.json'))('@grpc/grpc-js') as Grpc;
    const opened = new grpc.Server();
    servers.push({ close: () => opened.forceShutdown() });
    const port = await new Promise<number>((resolve, reject) =>
      opened.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
    );
    refuseOtherUsers();
    // A second time changes nothing.
    refuseOtherUsers();
    expect(await bytesFor(0, port)).toBeGreaterThan(0);
    expect(await bytesFor(65534, port)).toBe(0);
  });
});
