import { CreateVpcCommand, DeleteVpcCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { startProxy } from '../../lab/proxy/proxy.ts';
import { accountId, errorOf, region, startRig, vpcId } from './proxy-rig.ts';

const aVpc = new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' });

describe('the record of calls', () => {
  test('holds what was asked and what came of it', async () => {
    const { clients, calls } = await startRig();
    await clients('AKIATEST').ec2.send(aVpc);
    expect(await calls()).toMatchObject([
      {
        seq: 1,
        service: 'ec2',
        action: 'CreateVpc',
        mutating: true,
        accessKeyId: 'AKIATEST',
        params: { CidrBlock: '10.0.0.0/16' },
        status: 200,
        requestId: 'request-1',
        errorCode: null,
        resourceIds: [vpcId(1)],
        decidedBy: 'emulator',
        reply: 'sent',
      },
    ]);
  });

  test('holds the code of an error', async () => {
    const { clients, calls } = await startRig();
    await errorOf(clients('AKIATEST').ec2.send(new DeleteVpcCommand({ VpcId: vpcId(1) })));
    expect(await calls()).toMatchObject([{ status: 400, errorCode: 'DependencyViolation' }]);
  });

  test('holds the key and the condition of a put', async () => {
    const { clients, calls } = await startRig();
    await clients('AKIATEST').s3.send(new PutObjectCommand({ Bucket: 'state', Key: 'a b/c.json', Body: '{}', IfMatch: '"1"' }));
    expect(await calls()).toMatchObject([{ action: 'PutObject', key: 'a b/c.json', params: { IfMatch: '"1"' } }]);
  });

  test('gives only what is asked for', async () => {
    const { clients, calls } = await startRig();
    const { ec2, s3 } = clients('AKIATEST');
    await ec2.send(aVpc);
    await ec2.send(new DescribeVpcsCommand({}));
    await s3.send(new PutObjectCommand({ Bucket: 'state', Key: 'k', Body: '{}' }));
    await ec2.send(aVpc);
    expect((await calls('?mutating=true&service=ec2&since=1')).map(({ seq }) => seq)).toEqual([4]);
  });

  test('goes on counting after it was emptied', async () => {
    const { api, clients, calls } = await startRig();
    const { ec2 } = clients('AKIATEST');
    await ec2.send(aVpc);
    await api('DELETE', '/calls');
    await ec2.send(aVpc);
    expect((await calls()).map(({ seq }) => seq)).toEqual([2]);
  });

  test('has no calls of the lab itself', async () => {
    const { api, calls } = await startRig();
    await api('GET', '');
    expect(await calls()).toEqual([]);
  });
});

describe('what passes through', () => {
  test('keeps its path, its host and its body', async () => {
    const { proxy, clients, stub } = await startRig();
    await clients('AKIATEST').s3.send(new PutObjectCommand({ Bucket: 'state', Key: 'a/../b//c d', Body: 'hello' }));
    expect(stub.seen[0]).toMatchObject({
      method: 'PUT',
      url: '/state/a/../b//c%20d?x-id=PutObject',
      headers: { host: `127.0.0.1:${proxy.port}` },
      body: Buffer.from('hello'),
    });
  });

  test('comes back byte for byte', async () => {
    const { clients } = await startRig({ reply: () => ({ headers: { etag: '"e"', 'content-type': 'x/y' }, body: 'hällo' }) });
    const got = await clients('AKIATEST').s3.send(new GetObjectCommand({ Bucket: 'state', Key: 'k' }));
    expect([await got.Body?.transformToString(), got.ETag, got.ContentType]).toEqual(['hällo', '"e"', 'x/y']);
  });

  test('may be unsigned', async () => {
    const { proxy, stub } = await startRig();
    await fetch(`${proxy.url}/public-bucket/key`);
    expect(stub.seen.map(({ url }) => url)).toEqual(['/public-bucket/key']);
  });

  test('may be large', async () => {
    const { clients, stub } = await startRig();
    const Body = Buffer.alloc(20_000_000, 'x');
    await clients('AKIATEST').s3.send(new PutObjectCommand({ Bucket: 'state', Key: 'k', Body }));
    expect(stub.seen[0]?.body.equals(Body)).toBe(true);
  });

  test('is made although the client has gone', async () => {
    let accept: () => void = () => undefined;
    const accepted = new Promise<void>((resolve) => (accept = resolve));
    let arrive: () => void = () => undefined;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const { proxy, calls } = await startRig({
      reply: async () => {
        arrive();
        await accepted;
        return { body: `<CreateVpcResponse><vpc><vpcId>${vpcId(7)}</vpcId></vpc></CreateVpcResponse>` };
      },
    });
    const client = new AbortController();
    const body = new URLSearchParams({ Action: 'CreateVpc', Version: '2016-11-15' });
    const call = fetch(proxy.url, { method: 'POST', body, signal: client.signal });
    await arrived;
    client.abort();
    await errorOf(call);
    accept();
    expect(await calls('?wait=1')).toMatchObject([{ action: 'CreateVpc', resourceIds: [vpcId(7)] }]);
  });
});

describe('an emulator that does not answer', () => {
  test('is said not to be running, in the words of the service', async () => {
    // Port 1 is nobody's.
    const proxy = await startProxy({ upstreamPort: 1, accountId, region });
    if ('reason' in proxy) throw new Error(proxy.reason);
    const body = new URLSearchParams({ Action: 'DescribeVpcs', Version: '2016-11-15' });
    const response = await fetch(proxy.url, { method: 'POST', body });
    expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('<Code>Unavailable</Code>')]);
    await proxy.close();
  });

  test('leaves a call without a known outcome when it breaks off', async () => {
    const { clients, calls } = await startRig({ reply: () => 'break-off' });
    await errorOf(clients('AKIATEST').ec2.send(aVpc));
    expect(await calls()).toMatchObject([{ action: 'CreateVpc', status: null }]);
  });

  test('is not asked twice for a change when it breaks off', async () => {
    const { clients, stub } = await startRig({ reply: () => 'break-off' });
    await errorOf(clients('AKIATEST').ec2.send(aVpc));
    expect(stub.seen).toHaveLength(1);
  });
});

describe('the lab', () => {
  test('says which lab it is', async () => {
    const { api, proxy } = await startRig();
    expect((await api('GET', '')).body).toMatchObject({ lab: proxy.lab, accountId, region });
  });

  test('empties the emulator and its own records on reset', async () => {
    const { api, clients, calls, stub } = await startRig();
    await clients('AKIATEST').ec2.send(aVpc);
    await api('POST', '/reset');
    expect(stub.seen.at(-1)).toMatchObject({ method: 'POST', url: '/moto-api/reset' });
    expect(await calls()).toEqual([]);
  });

  test('does not start on a port that is taken', async () => {
    const { proxy } = await startRig();
    expect(await startProxy({ upstreamPort: 1, port: proxy.port, accountId, region })).toEqual({ reason: 'port-taken', port: proxy.port });
  });
});
