import { CreateTagsCommand, CreateVpcCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { useEmulator } from './emulator-lab.ts';

const lab = useEmulator();

const ask = async (method: 'PUT' | 'POST', name: string): Promise<number> =>
  (await fetch(`http://127.0.0.1:${lab.port}/_emulator/snapshots/${name}`, { method })).status;
const moto = (): Promise<Response> => fetch(`http://127.0.0.1:${lab.port}/moto-api/reset`, { method: 'POST' });

const Bucket = 'state-bucket';
const put = (Body: string) => lab.s3.send(new PutObjectCommand({ Bucket, Key: 'key', Body }));
const text = async (): Promise<string | undefined> =>
  (await lab.s3.send(new GetObjectCommand({ Bucket, Key: 'key' }))).Body?.transformToString();
const versions = async (): Promise<number | undefined> => (await lab.s3.send(new ListObjectVersionsCommand({ Bucket }))).Versions?.length;
const vpcs = async (): Promise<string[]> =>
  ((await lab.ec2.send(new DescribeVpcsCommand({}))).Vpcs ?? []).map(
    ({ CidrBlock, Tags }) => `${CidrBlock ?? ''} ${Tags?.[0]?.Value ?? ''}`,
  );

async function something(): Promise<void> {
  const { Vpc } = await lab.ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
  await lab.ec2.send(new CreateTagsCommand({ Resources: [Vpc?.VpcId ?? ''], Tags: [{ Key: 'Name', Value: 'first' }] }));
  await lab.s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }));
  await lab.s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  await put('one');
  await put('two');
}

test('a snapshot is gone back to again and again: objects, their versions, networks and their tags', async () => {
  await something();
  expect(await ask('PUT', 'kept')).toBe(200);
  for (const more of ['three', 'four']) {
    await put(more);
    await lab.ec2.send(new CreateVpcCommand({ CidrBlock: '10.1.0.0/16' }));
    expect(await ask('POST', 'kept')).toBe(200);
    expect([await text(), await versions(), await vpcs()]).toEqual(['two', 2, ['10.0.0.0/16 first']]);
  }
});

test('a snapshot outlives a reset', async () => {
  await something();
  await ask('PUT', 'kept');
  await moto();
  expect(await vpcs()).toEqual([]);
  await ask('POST', 'kept');
  expect([await text(), await vpcs()]).toEqual(['two', ['10.0.0.0/16 first']]);
});

test('what nobody took cannot be gone back to', async () => {
  await something();
  expect([await ask('POST', 'unknown'), await text()]).toEqual([404, 'two']);
});
