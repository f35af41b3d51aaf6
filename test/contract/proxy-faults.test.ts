import { CreateVpcCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { errorOf, startRig, vpcId } from './proxy-rig.ts';

const createVpc = (ec2: EC2Client, stack = 'example.vpc.production') =>
  ec2.send(
    new CreateVpcCommand({
      CidrBlock: '10.0.0.0/16',
      TagSpecifications: [
        {
          ResourceType: 'vpc',
          Tags: [
            { Key: 'holdfast:resource', Value: 'vpc' },
            { Key: 'holdfast:stack', Value: stack },
          ],
        },
      ],
    }),
  );

describe('a lost reply', () => {
  test('ends in a broken connection for the client', async () => {
    const { clients, setFault } = await startRig();
    await setFault({ match: { action: 'CreateVpc' }, do: { kind: 'lose-reply' } });
    expect((await errorOf(createVpc(clients('AKIATEST').ec2))).status).toBeUndefined();
  });

  test('is of a call that was made once', async () => {
    const { clients, setFault, stub } = await startRig();
    await setFault({ match: { action: 'CreateVpc' }, do: { kind: 'lose-reply' } });
    await errorOf(createVpc(clients('AKIATEST').ec2));
    expect(stub.seen.map(({ action }) => action)).toEqual(['CreateVpc']);
  });

  test('is recorded with what the client did not learn', async () => {
    const { clients, setFault, calls } = await startRig();
    await setFault({ id: 'loss', match: { action: 'CreateVpc' }, do: { kind: 'lose-reply' } });
    await errorOf(createVpc(clients('AKIATEST').ec2));
    expect(await calls()).toMatchObject([{ status: 200, reply: 'lost', resourceIds: [vpcId(1)], faults: ['loss'] }]);
  });
});

describe('a create is refused by the tag that it carries', () => {
  const order = {
    match: { service: 'ec2', action: 'CreateVpc', tag: { key: 'holdfast:stack', value: 'example.vpc.staging' } },
    do: { kind: 'refuse' as const, code: 'VpcLimitExceeded', message: 'The maximum number of VPCs has been reached.' },
  };

  test('with the code that was asked for', async () => {
    const { clients, setFault } = await startRig();
    await setFault(order);
    expect(await errorOf(createVpc(clients('AKIATEST').ec2, 'example.vpc.staging'))).toEqual({
      name: 'VpcLimitExceeded',
      status: 400,
      message: 'The maximum number of VPCs has been reached.',
    });
  });

  test('and one with another tag is not', async () => {
    const { clients, setFault } = await startRig();
    await setFault(order);
    expect((await createVpc(clients('AKIATEST').ec2)).Vpc?.VpcId).toBe(vpcId(1));
  });

  test('and one with the value under another key is not', async () => {
    const { clients, setFault } = await startRig();
    await setFault({ ...order, match: { ...order.match, tag: { key: 'holdfast:resource', value: 'example.vpc.staging' } } });
    expect((await createVpc(clients('AKIATEST').ec2, 'example.vpc.staging')).Vpc?.VpcId).toBe(vpcId(1));
  });
});

describe('a held call', () => {
  test('before AWS has not reached it', async () => {
    const { clients, setFault, stub, whenHeld, api } = await startRig();
    await setFault({ match: { action: 'CreateVpc' }, do: { kind: 'hold', point: 'before' } });
    const call = createVpc(clients('AKIATEST').ec2);
    await whenHeld();
    expect(stub.seen).toEqual([]);
    await api('DELETE', '/faults');
    await call;
  });

  test('after AWS is done and recorded', async () => {
    const { clients, setFault, calls, whenHeld, api } = await startRig();
    await setFault({ match: { action: 'CreateVpc' }, do: { kind: 'hold', point: 'after' } });
    const call = createVpc(clients('AKIATEST').ec2);
    await whenHeld();
    expect(await calls()).toMatchObject([{ action: 'CreateVpc', status: 200, reply: 'waiting' }]);
    await api('DELETE', '/faults');
    await call;
  });

  test('ends as if nothing had been once it is released', async () => {
    const { clients, setFault, whenHeld, api } = await startRig();
    await setFault({ match: { action: 'CreateVpc' }, do: { kind: 'hold', point: 'after' } });
    const call = createVpc(clients('AKIATEST').ec2);
    const [held] = await whenHeld();
    await api('POST', `/held/${held?.n}/release`);
    expect((await call).Vpc?.VpcId).toBe(vpcId(1));
  });

  test('that is cut is never made', async () => {
    const { clients, setFault, stub, whenHeld, api } = await startRig();
    await setFault({ match: { action: 'CreateVpc' }, do: { kind: 'hold', point: 'before' } });
    const ended = errorOf(createVpc(clients('AKIATEST').ec2));
    const [held] = await whenHeld();
    await api('POST', `/held/${held?.n}/release`, { how: 'cut' });
    await ended;
    expect(stub.seen).toEqual([]);
  });

  test('whose client has gone is made when it is released', async () => {
    const { setFault, proxy, whenHeld, api, calls } = await startRig();
    await setFault({ match: { action: 'CreateVpc' }, do: { kind: 'hold', point: 'before' } });
    const client = new AbortController();
    const body = new URLSearchParams({ Action: 'CreateVpc', Version: '2016-11-15', CidrBlock: '10.0.0.0/16' });
    const call = fetch(proxy.url, { method: 'POST', body, signal: client.signal });
    const [held] = await whenHeld();
    client.abort();
    await errorOf(call);
    await api('POST', `/held/${held?.n}/release`);
    expect(await calls('?wait=1')).toMatchObject([{ action: 'CreateVpc', status: 200 }]);
  });
});

describe('a throttled call', () => {
  test('is over the limit of EC2', async () => {
    const { clients, setFault } = await startRig();
    await setFault({ match: { service: 'ec2' }, do: { kind: 'throttle' } });
    expect(await errorOf(createVpc(clients('AKIATEST').ec2))).toMatchObject({ name: 'RequestLimitExceeded', status: 503 });
  });

  test('is to slow down for S3', async () => {
    const { clients, setFault } = await startRig();
    await setFault({ match: { service: 's3' }, do: { kind: 'throttle' } });
    const get = clients('AKIATEST').s3.send(new GetObjectCommand({ Bucket: 'state', Key: 'k' }));
    expect(await errorOf(get)).toMatchObject({ name: 'SlowDown', status: 503 });
  });
});

describe('which calls are hit', () => {
  const outcomes = async (match: { nth?: number; times?: number }): Promise<string[]> => {
    const { clients, setFault } = await startRig();
    await setFault({ match: { action: 'CreateVpc', ...match }, do: { kind: 'refuse', code: 'Refused' } });
    const { ec2 } = clients('AKIATEST');
    const seen: string[] = [];
    for (let n = 1; n <= 4; n += 1) {
      seen.push(
        await createVpc(ec2).then(
          () => 'made',
          () => 'refused',
        ),
      );
    }
    return seen;
  };

  test('all, when nothing is said', async () => {
    expect(await outcomes({})).toEqual(['refused', 'refused', 'refused', 'refused']);
  });

  test('the nth alone', async () => {
    expect(await outcomes({ nth: 2 })).toEqual(['made', 'refused', 'made', 'made']);
  });

  test('the first times', async () => {
    expect(await outcomes({ times: 2 })).toEqual(['refused', 'refused', 'made', 'made']);
  });

  test('times from the nth on', async () => {
    expect(await outcomes({ nth: 2, times: 2 })).toEqual(['made', 'refused', 'refused', 'made']);
  });

  test('those of a key in S3', async () => {
    const { clients, setFault } = await startRig();
    await setFault({ match: { key: '.pulumi/locks/**' }, do: { kind: 'refuse', code: 'AccessDenied', status: 403 } });
    const put = (key: string) => clients('AKIATEST').s3.send(new PutObjectCommand({ Bucket: 'state', Key: key, Body: '{}' }));
    expect(await errorOf(put('.pulumi/locks/organization/p/s/holdfast.json'))).toMatchObject({ name: 'AccessDenied' });
    await expect(put('.pulumi/stacks/p/s.json')).resolves.toBeDefined();
  });

  test('those with a parameter', async () => {
    const { clients, setFault } = await startRig();
    await setFault({ match: { params: { CidrBlock: '10.9.0.0/16' } }, do: { kind: 'refuse', code: 'Refused' } });
    await expect(createVpc(clients('AKIATEST').ec2)).resolves.toBeDefined();
  });

  test('those of a session', async () => {
    const { clients, setFault } = await startRig();
    await setFault({ match: { accessKeyId: 'AKIAONE' }, do: { kind: 'refuse', code: 'Refused' } });
    await expect(createVpc(clients('AKIATWO').ec2)).resolves.toBeDefined();
  });
});

describe('the orders', () => {
  test('a fault that is not understood is refused with what is allowed', async () => {
    const { api } = await startRig();
    const { status, body } = await api('POST', '/faults', { match: { services: 'ec2' }, do: { kind: 'throttle' } });
    expect(status).toBe(400);
    expect(body).toMatchObject({
      reason: 'not-a-fault',
      issues: ['match: Unrecognized key: "services"'],
      allowed: { match: expect.arrayContaining(['service']) as string[] },
    });
  });

  test('a fault shows how many calls it has hit', async () => {
    const { api, clients, setFault } = await startRig();
    await setFault({ id: 'f', match: { action: 'CreateVpc', nth: 2 }, do: { kind: 'refuse', code: 'Refused' } });
    await createVpc(clients('AKIATEST').ec2);
    expect((await api('GET', '/faults')).body).toMatchObject({ faults: [{ id: 'f', matched: 1, hits: 0 }] });
  });

  test('a fault that is taken back hits nothing', async () => {
    const { api, clients, setFault } = await startRig();
    await setFault({ id: 'f', match: { action: 'CreateVpc' }, do: { kind: 'refuse', code: 'Refused' } });
    await api('DELETE', '/faults/f');
    await expect(createVpc(clients('AKIATEST').ec2)).resolves.toBeDefined();
  });
});
