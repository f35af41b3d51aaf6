import { once } from 'node:events';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openGateway } from '../../orchestrator/gateway/gateway.ts';
import type { Gateway, Mount } from '../../orchestrator/gateway/gateway.ts';
import { UnnamedConnections } from '../../orchestrator/gateway/unnamed.ts';
import type { UnnamedSettings } from '../../orchestrator/gateway/unnamed.ts';
import { trusted } from './support/declared.ts';

const sockets: Socket[] = [];
const servers: Server[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  sockets.push(socket);
  await once(socket, 'connect');
  return socket.resume();
}

/** A server that does nothing but to count who has not named a mount. */
async function doorWith(settings: UnnamedSettings): Promise<{ port: number; door: UnnamedConnections; accepted: () => Promise<Socket> }> {
  const door = new UnnamedConnections(settings);
  const server = createServer((socket) => door.accept(socket.on('error', () => undefined)));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    door,
    accepted: async () => ((await once(server, 'connection')) as [Socket])[0],
  };
}

describe('a connection that has not named a mount', () => {
  const settings: UnnamedSettings = { most: () => 2, namingMs: 60_000, peerOf: () => 'own' };

  it.each(['other', 'gone'] as const)('is closed at once where its client is %s', async (peer) => {
    const { port } = await doorWith({ ...settings, peerOf: () => peer });
    const socket = await open(port);
    await once(socket, 'close');
    expect(socket.destroyed).toBe(true);
  });

  it('is closed for a newer one where there are too many, and the oldest first', async () => {
    const { port } = await doorWith(settings);
    const first = await open(port);
    const closed = once(first, 'close');
    const second = await open(port);
    const third = await open(port);
    await closed;
    expect([second.destroyed, third.destroyed]).toEqual([false, false]);
  });

  it('does not count any more when it has named one', async () => {
    const { port, door, accepted } = await doorWith(settings);
    const asked = accepted();
    const first = await open(port);
    door.named(await asked);
    const second = await open(port);
    const closed = once(second, 'close');
    await open(port);
    await open(port);
    await closed;
    expect(first.destroyed).toBe(false);
  });

  it('is closed after a while where this machine does not say whose it is, and not where it is known to be of this user', async () => {
    const unknown = await doorWith({ ...settings, namingMs: 1, peerOf: () => 'cannot-tell' });
    const own = await doorWith({ ...settings, namingMs: 1 });
    const stays = await open(own.port);
    const goes = await open(unknown.port);
    await once(goes, 'close');
    expect(stays.destroyed).toBe(false);
  });

  it('stays where this machine does not say whose it is, and it has named one in time', async () => {
    const { port, door, accepted } = await doorWith({ ...settings, namingMs: 50, peerOf: () => 'cannot-tell' });
    // In the turn in which it is accepted: before any time passes.
    const asked = accepted().then((socket) => door.named(socket));
    const named = await open(port);
    await asked;
    const unnamed = await open(port);
    // The later one has gone: so would the earlier one have.
    await once(unnamed, 'close');
    expect(named.destroyed).toBe(false);
  });
});

describe('the gateway', () => {
  let gateway: Gateway;
  let mount: Mount;
  beforeEach(async () => {
    gateway = await openGateway(trusted);
    mount = gateway.mount({ stack: 'example.vpc.a', checkpoints: new Map(), mode: { kind: 'overlay' } });
  });
  afterEach(() => gateway.close());

  const endpoint = (): URL => new URL(new URL(mount.url).searchParams.get('endpoint') ?? '');
  const name = (): string => new URL(mount.url).hostname;

  /** Over the socket that it is given, or a new one that is kept. */
  function ask(bucket: string, method = 'GET'): Promise<{ status: number; connection: string | undefined; socket: Socket }> {
    return new Promise((resolve, reject) => {
      const asked = request({
        host: '127.0.0.1',
        port: endpoint().port,
        method,
        path: `/${bucket}/.pulumi/meta.yaml`,
        headers: { connection: 'keep-alive' },
      });
      asked.on('response', (answer) => {
        const { socket } = answer;
        answer.resume().on('end', () => resolve({ status: answer.statusCode ?? 0, connection: answer.headers.connection, socket }));
      });
      asked.on('error', reject).end();
    });
  }

  it('closes a connection that names no mount of it after the answer, and keeps one that names one', async () => {
    expect(await ask('0'.repeat(32))).toMatchObject({ status: 404, connection: 'close' });
    expect(await ask(name())).toMatchObject({ status: 200, connection: 'keep-alive' });
  });

  it('reads no more of what is sent to a mount that is none', async () => {
    const socket = await open(Number(endpoint().port));
    const closed = once(socket, 'close');
    socket.write(`PUT /${'0'.repeat(32)}/x HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000000000000\r\n\r\n`);
    await closed;
    expect(socket.destroyed).toBe(true);
  });

  it('answers the engine while others hold all connections that have not named a mount', async () => {
    const first = await open(Number(endpoint().port));
    const closed = once(first, 'close');
    for (let n = 0; n < 60; n += 1) await open(Number(endpoint().port));
    await closed;
    expect(await ask(name())).toMatchObject({ status: 200 });
    expect(sockets.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(41);
  });
});
