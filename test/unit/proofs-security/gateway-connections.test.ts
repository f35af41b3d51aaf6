import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';

/** S9: any user of the machine can connect to the state gateway without its name; each connection costs the orchestrator a descriptor. */
const root = fileURLToPath(new URL('../../..', import.meta.url));
const sockets: Socket[] = [];
afterEach(() => sockets.splice(0).forEach((socket) => socket.destroy()));

const child = `
import { openGateway } from './orchestrator/gateway/gateway.ts';
import { isAlive, ownIdentity } from './toolchain/process-identity.ts';
let port; const { Server } = await import('node:net'); const listen = Server.prototype.listen;
Server.prototype.listen = function (...args) { this.once('listening', () => { port ??= this.address().port; }); return listen.apply(this, args); };
await openGateway({ account: '111122223333', region: 'eu-west-1', secrets: 'passphrase' });
const self = await ownIdentity();
console.log(JSON.stringify({ port }));
process.stdin.once('data', async () => {
  const own = await isAlive(self).catch((cause) => cause.reason);
  const files = await import('node:fs/promises').then((fs) => fs.readFile('/proc/self/stat', 'utf8')).then(() => 'ok', (cause) => cause.code);
  console.log(JSON.stringify({ own, files }));
  process.exit(0);
});
`;

it('whoever connects without the name of a mount does not take the descriptors of the process', async () => {
  // 256 stands for the limit of a session (1024 on most machines).
  const process_ = spawn('bash', ['-c', 'ulimit -n 256; exec node --import ./toolchain/tsx.mjs --input-type=module -e "$CODE"'], {
    cwd: root,
    env: { ...process.env, CODE: child },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: process_.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<Record<string, unknown>> => JSON.parse(String((await lines.next()).value)) as Record<string, unknown>;
  const { port } = await next();
  for (let n = 0; n < 400; n += 1) {
    const socket = createConnection({ host: '127.0.0.1', port: Number(port) }).on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
  }
  // One more is accepted when all before it were: it is answered, or closed.
  const last = createConnection({ host: '127.0.0.1', port: Number(port) }).on('error', () => undefined);
  sockets.push(last);
  last.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n');
  await Promise.race([once(last, 'data'), once(last, 'close')]);
  process_.stdin.write('look\n');
  expect(await next()).toEqual({ own: true, files: 'ok' });
}, 30_000);
