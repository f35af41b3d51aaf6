import { LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { HeadObjectCommand, ListBucketsCommand } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { accountId, errorOf, later, noon, sessionKey, startRig } from './proxy-rig.ts';

const roleArn = `arn:aws:iam::${accountId}:role/deploy`;

const startRigWithSession = async () => {
  const rig = await startRig();
  await rig.clients('AKIATEST').sts.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'ci-run-7' }));
  return { ...rig, ...rig.clients(sessionKey) };
};

describe('a session that has expired is refused by each service in its own words', () => {
  const afterExpiry = later(noon, 3600);

  test('EC2', async () => {
    const { time, ec2 } = await startRigWithSession();
    time.now = afterExpiry;
    expect(await errorOf(ec2.send(new DescribeVpcsCommand({})))).toMatchObject({ name: 'RequestExpired', status: 400 });
  });

  test('S3', async () => {
    const { time, s3 } = await startRigWithSession();
    time.now = afterExpiry;
    expect(await errorOf(s3.send(new ListBucketsCommand({})))).toMatchObject({ name: 'ExpiredToken', status: 400 });
  });

  test('S3, where the reply has no body', async () => {
    const { time, s3 } = await startRigWithSession();
    time.now = afterExpiry;
    expect(await errorOf(s3.send(new HeadObjectCommand({ Bucket: 'state', Key: 'k' })))).toMatchObject({ status: 400 });
  });

  test('STS', async () => {
    const { time, sts } = await startRigWithSession();
    time.now = afterExpiry;
    expect(await errorOf(sts.send(new GetCallerIdentityCommand({})))).toMatchObject({ name: 'ExpiredToken', status: 403 });
  });

  test('CloudTrail', async () => {
    const { time, cloudtrail } = await startRigWithSession();
    time.now = afterExpiry;
    expect(await errorOf(cloudtrail.send(new LookupEventsCommand({})))).toMatchObject({ name: 'ExpiredTokenException', status: 400 });
  });
});

describe('a session that is revoked is denied', () => {
  test('by EC2', async () => {
    const { api, ec2 } = await startRigWithSession();
    await api('POST', `/sessions/${sessionKey}/revoke`);
    expect(await errorOf(ec2.send(new DescribeVpcsCommand({})))).toMatchObject({ name: 'UnauthorizedOperation', status: 403 });
  });

  test('by S3', async () => {
    const { api, s3 } = await startRigWithSession();
    await api('POST', `/sessions/${sessionKey}/revoke`);
    expect(await errorOf(s3.send(new ListBucketsCommand({})))).toMatchObject({ name: 'AccessDenied', status: 403 });
  });

  test('a further role', async () => {
    const { api, sts } = await startRigWithSession();
    await api('POST', `/sessions/${sessionKey}/revoke`);
    const assume = sts.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'next' }));
    expect(await errorOf(assume)).toMatchObject({ name: 'AccessDenied', status: 403 });
  });

  test('but may still ask who it is', async () => {
    const { api, sts } = await startRigWithSession();
    await api('POST', `/sessions/${sessionKey}/revoke`);
    expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: accountId });
  });

  test('only by the services that the order names', async () => {
    const { api, s3 } = await startRigWithSession();
    await api('POST', `/sessions/${sessionKey}/revoke`, { services: ['ec2'] });
    await expect(s3.send(new ListBucketsCommand({}))).resolves.toBeDefined();
  });
});

test('a session that is ended for one service still expires for the others', async () => {
  const { api, time, s3 } = await startRigWithSession();
  await api('POST', `/sessions/${sessionKey}/expire`, { services: ['ec2'] });
  time.now = later(noon, 3600);
  expect(await errorOf(s3.send(new ListBucketsCommand({})))).toMatchObject({ name: 'ExpiredToken' });
});

test('a session works until its expiry', async () => {
  const { time, ec2 } = await startRigWithSession();
  time.now = later(noon, 3599);
  await expect(ec2.send(new DescribeVpcsCommand({}))).resolves.toBeDefined();
});

test('a session can be ended before its time', async () => {
  const { api, ec2 } = await startRigWithSession();
  await api('POST', `/sessions/${sessionKey}/expire`);
  expect(await errorOf(ec2.send(new DescribeVpcsCommand({})))).toMatchObject({ name: 'RequestExpired' });
});

test('a refused call does not reach the emulator', async () => {
  const { stub, api, ec2 } = await startRigWithSession();
  await api('POST', `/sessions/${sessionKey}/expire`);
  await errorOf(ec2.send(new DescribeVpcsCommand({})));
  expect(stub.seen.map(({ action }) => action)).toEqual(['AssumeRole']);
});

test('a key that the lab did not give may do everything', async () => {
  const { clients } = await startRig();
  await expect(clients('AKIAANY').ec2.send(new DescribeVpcsCommand({}))).resolves.toBeDefined();
});

test('a session can be asked after by its key', async () => {
  const { api } = await startRigWithSession();
  expect((await api('GET', `/sessions/${sessionKey}`)).body).toMatchObject({
    accessKeyId: sessionKey,
    expiration: later(noon, 3600).toISOString(),
    sessionName: 'ci-run-7',
    roleArn,
    revoked: false,
  });
});

test('the lab says which keys it gave, and not those that it was told of', async () => {
  const { api } = await startRigWithSession();
  await api('POST', '/sessions/AKIATOLD/expire');
  expect((await api('GET', '/sessions')).body).toEqual({ accessKeyIds: [sessionKey] });
});

test('a key without a session is not found', async () => {
  const { api } = await startRig();
  expect((await api('GET', '/sessions/AKIAANY')).status).toBe(404);
});
