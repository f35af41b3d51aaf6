import { once } from 'node:events';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startProxy } from '../../lab/proxy/proxy.ts';
import { accountId, region, startRig } from './proxy-rig.ts';

/** S16: the lab's own paths took orders from any page in a browser and any user of the machine. */

type Rig = Awaited<ReturnType<typeof startRig>>;

async function ask(
  { proxy }: Rig,
  method: string,
  path: string,
  { headers = {}, body = '' }: { headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number | undefined; body: string }> {
  const asking = request({ host: '127.0.0.1', port: proxy.port, method, path, headers });
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [import('node:http').IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode, body: Buffer.concat(chunks).toString() };
}

const orders = [
  ['DELETE', '/_lab/calls'],
  ['POST', '/_lab/faults'],
  ['DELETE', '/_lab/faults'],
  ['POST', '/_lab/held/1/release'],
  ['POST', '/_lab/sessions/AKIA/revoke'],
  ['PUT', '/_lab/roles/viewer'],
  ['POST', '/_lab/cloudtrail'],
  ['PUT', '/_lab/snapshots/x'],
  ['POST', '/_lab/reset'],
  ['POST', '/moto-api/reset'],
] as const;

describe('an order to the lab', () => {
  test.each(orders)('%s %s is refused without its token, and with another one', async (method, path) => {
    const rig = await startRig();
    expect(await ask(rig, method, path)).toMatchObject({ status: 401, body: expect.stringContaining('control.token') as string });
    const headers = { authorization: `Bearer ${'0'.repeat(rig.proxy.token.length)}` };
    expect(await ask(rig, method, path, { headers })).toMatchObject({ status: 401 });
    expect(rig.stub.seen).toEqual([]);
  });

  test('is taken with its token', async () => {
    const rig = await startRig();
    const headers = { authorization: `Bearer ${rig.proxy.token}` };
    expect(await ask(rig, 'DELETE', '/_lab/faults', { headers })).toMatchObject({ status: 200 });
  });

  test.each([
    ['with the Origin of a page', { origin: 'https://page.example' }],
    ['with the Referer of a page', { referer: 'https://page.example/' }],
    ['with what a browser says of its fetch', { 'sec-fetch-site': 'cross-site' }],
    ['for a Host that is not this machine', { host: 'page.example' }],
  ])('is refused %s, also with its token', async (_, headers) => {
    const rig = await startRig();
    const authorization = `Bearer ${rig.proxy.token}`;
    expect(await ask(rig, 'POST', '/_lab/reset', { headers: { ...headers, authorization } })).toMatchObject({ status: 403 });
    expect(await ask(rig, 'GET', '/_lab/calls', { headers })).toMatchObject({ status: 403 });
    expect(rig.stub.seen).toEqual([]);
  });
});

test('a look at the lab needs no token: by it an endpoint is known to be a lab', async () => {
  const rig = await startRig();
  expect(await ask(rig, 'GET', '/_lab')).toMatchObject({ status: 200, body: expect.stringContaining(rig.proxy.lab) as string });
  expect((await ask(rig, 'GET', '/_lab')).body).not.toContain(rig.proxy.token);
});

test('a call of AWS that a page sends reaches no emulator', async () => {
  const rig = await startRig();
  const headers = { origin: 'https://page.example', 'content-type': 'application/x-www-form-urlencoded' };
  expect(await ask(rig, 'POST', '/', { headers, body: 'Action=DeleteVpc&VpcId=vpc-1' })).toMatchObject({ status: 403 });
  expect(rig.stub.seen).toEqual([]);
});

describe('a connection to the lab', () => {
  const silence = async (silenceMs: number) => {
    const proxy = await startProxy({ upstreamPort: 1, accountId, region, silenceMs });
    if ('reason' in proxy) throw new Error(proxy.reason);
    onTestFinished(() => proxy.close());
    return proxy;
  };

  test('that says nothing ends by itself', async () => {
    const { port } = await silence(100);
    const connection = createConnection({ host: '127.0.0.1', port });
    connection.resume();
    await once(connection, 'close');
  });

  test('that has been answered stays open for the next call', async () => {
    const { port } = await silence(100);
    const connection = createConnection({ host: '127.0.0.1', port }).setEncoding('utf8');
    const answered = async (): Promise<string> => {
      connection.write('GET /_lab HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      const [text] = (await once(connection, 'data')) as [string];
      return text;
    };
    expect(await answered()).toContain('200 OK');
    // Another one, that was opened after it, has ended for its silence: this one would have as well.
    const later = createConnection({ host: '127.0.0.1', port });
    later.resume();
    await once(later, 'close');
    expect(await answered()).toContain('200 OK');
    connection.destroy();
  });
});
