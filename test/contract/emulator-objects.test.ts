import { connect } from 'node:net';
import { once } from 'node:events';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketEncryptionCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { beforeEach, describe, expect, test } from 'vitest';
import { account, present, refusal, region, useEmulator } from './emulator-lab.ts';

const lab = useEmulator();
const Bucket = 'holdfast-state';
const Key = '.pulumi/stacks/p/s.json';

beforeEach(async () => {
  await lab.s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: region } }));
  await lab.s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
});

const put = (Body: string, condition: { IfMatch?: string; IfNoneMatch?: string } = {}) =>
  lab.s3.send(new PutObjectCommand({ Bucket, Key, Body, ...condition }));
const remove = (condition: { IfMatch?: string; VersionId?: string } = {}) =>
  lab.s3.send(new DeleteObjectCommand({ Bucket, Key, ...condition }));
const text = async (VersionId?: string) => {
  const found = await lab.s3.send(new GetObjectCommand({ Bucket, Key, VersionId }));
  return await present(found.Body).transformToString();
};
const versions = async () => {
  const listed = await lab.s3.send(new ListObjectVersionsCommand({ Bucket }));
  const shown = ({ VersionId, IsLatest }: { VersionId?: string | undefined; IsLatest?: boolean | undefined }) => [VersionId, IsLatest];
  return { versions: (listed.Versions ?? []).map(shown), markers: (listed.DeleteMarkers ?? []).map(shown) };
};

describe('a conditional put', () => {
  test('if none is there: the first wins, also over a delete marker', async () => {
    await put('1', { IfNoneMatch: '*' });
    expect(await refusal(put('2', { IfNoneMatch: '*' }))).toBe('PreconditionFailed');
    expect(await text()).toBe('1');
    await remove();
    await put('3', { IfNoneMatch: '*' });
    expect(await text()).toBe('3');
  });

  test('if none is there, of twenty at once: exactly one wins, and it is the one that is stored', async () => {
    const bodies = Array.from({ length: 20 }, (_, i) => String(i));
    const tries = await Promise.allSettled(bodies.map((body) => put(body, { IfNoneMatch: '*' })));
    const winners = bodies.filter((_, i) => tries[i]?.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    expect(await text()).toBe(winners[0]);
    expect((await versions()).versions).toHaveLength(1);
  });

  test('if it is the one last seen: a stale writer is refused, of twenty at once all but one', async () => {
    const seen = present((await put('0')).ETag);
    const tries = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => put(`new ${i}`, { IfMatch: seen })));
    expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    expect(await refusal(put('late', { IfMatch: seen }))).toBe('PreconditionFailed');
  });

  test('if it is the one last seen, of an object that is gone, finds no key', async () => {
    const seen = present((await put('0')).ETag);
    await remove();
    expect(await refusal(put('1', { IfMatch: seen }))).toBe('NoSuchKey');
  });

  test('holds for the end of a multipart upload', async () => {
    const upload = async (body: string, condition: { IfMatch?: string; IfNoneMatch?: string }) => {
      const { UploadId } = await lab.s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
      const { ETag } = await lab.s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: body }));
      const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
      return await lab.s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload, ...condition }));
    };
    const first = await upload('1', { IfNoneMatch: '*' });
    expect(await refusal(upload('2', { IfNoneMatch: '*' }))).toBe('PreconditionFailed');
    expect(await text()).toBe('1');
    await upload('3', { IfMatch: present(first.ETag) });
    expect(await refusal(upload('4', { IfMatch: present(first.ETag) }))).toBe('PreconditionFailed');
    expect(await text()).toBe('3');
  });

  test('holds for a copy', async () => {
    const { ETag } = await put('1');
    const copy = (condition: { IfMatch?: string; IfNoneMatch?: string }) =>
      lab.s3.send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/${Key}`, ...condition }));
    await copy({ IfNoneMatch: '*' });
    expect(await refusal(copy({ IfNoneMatch: '*' }))).toBe('PreconditionFailed');
    expect(await refusal(copy({ IfMatch: '"0123"' }))).toBe('PreconditionFailed');
    await copy({ IfMatch: present(ETag) });
  });
});

describe('a conditional delete', () => {
  test('removes only the one that was seen', async () => {
    const seen = present((await put('1')).ETag);
    const now = present((await put('2')).ETag);
    expect(await refusal(remove({ IfMatch: seen }))).toBe('PreconditionFailed');
    await remove({ IfMatch: now });
    expect(await refusal(lab.s3.send(new HeadObjectCommand({ Bucket, Key })))).toBe('NotFound');
    expect(await refusal(remove({ IfMatch: now }))).toMatch(/^(NoSuchKey|PreconditionFailed)$/);
  });

  test('of anything that is there', async () => {
    expect(await refusal(remove({ IfMatch: '*' }))).toBe('NoSuchKey');
    await put('1');
    await remove({ IfMatch: '*' });
    expect(await refusal(remove({ IfMatch: '*' }))).toBe('PreconditionFailed');
  });
});

describe('a versioned object', () => {
  test('keeps every version, newest first, and a delete marker in its place', async () => {
    expect((await lab.s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled');
    const first = present((await put('1')).VersionId);
    const second = present((await put('2')).VersionId);
    expect(await versions()).toEqual({
      versions: [
        [second, true],
        [first, false],
      ],
      markers: [],
    });
    expect([await text(first), await text(second), await text()]).toEqual(['1', '2', '2']);

    const marker = present((await remove()).VersionId);
    expect(await versions()).toEqual({
      versions: [
        [second, false],
        [first, false],
      ],
      markers: [[marker, true]],
    });
    expect((await lab.s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
    expect(await refusal(text())).toBe('NoSuchKey');
    expect(await text(first)).toBe('1');

    await remove({ VersionId: marker });
    expect(await text()).toBe('2');
    await remove({ VersionId: second });
    expect(await versions()).toEqual({ versions: [[first, true]], markers: [] });
  });

  test('is copied from any version, with its metadata', async () => {
    const Metadata = { 'holdfast-write': 'id-1' };
    const first = await lab.s3.send(new PutObjectCommand({ Bucket, Key, Body: '1', Metadata }));
    await put('2');
    const source = `${Bucket}/${Key}?versionId=${present(first.VersionId)}`;
    await lab.s3.send(new CopyObjectCommand({ Bucket, Key: 'quarantine/1', CopySource: source }));
    const copied = await lab.s3.send(new GetObjectCommand({ Bucket, Key: 'quarantine/1' }));
    expect(copied).toMatchObject({ Metadata, ETag: first.ETag });
    expect(await present(copied.Body).transformToString()).toBe('1');
  });
});

describe('a bucket', () => {
  test('keeps its region, encryption, access block and policy', async () => {
    expect((await lab.s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBe(region);
    const ServerSideEncryptionConfiguration = { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' as const } }] };
    await lab.s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }));
    const encryption = await lab.s3.send(new GetBucketEncryptionCommand({ Bucket }));
    expect(encryption.ServerSideEncryptionConfiguration).toMatchObject(ServerSideEncryptionConfiguration);

    const PublicAccessBlockConfiguration = {
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: true,
    };
    await lab.s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
    const block = await lab.s3.send(new GetPublicAccessBlockCommand({ Bucket }));
    expect(block.PublicAccessBlockConfiguration).toEqual(PublicAccessBlockConfiguration);

    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:*',
          Resource: `arn:aws:s3:::${Bucket}/*`,
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ],
    });
    await lab.s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    expect((await lab.s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toBe(Policy);
  });

  test('is made once', async () => {
    const again = lab.s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: region } }));
    expect(await refusal(again)).toBe('BucketAlreadyOwnedByYou');
  });
});

test('a put whose sender dies halfway stores nothing', async () => {
  const socket = connect(lab.port, '127.0.0.1');
  await once(socket, 'connect');
  const head = [`PUT /${Bucket}/half HTTP/1.1`, 'Host: 127.0.0.1', 'Content-Length: 1000', '', ''].join('\r\n');
  const answered = once(socket, 'data');
  socket.end(`${head}only this`);
  expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 400 /);
  expect((await lab.s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
});

test('a sender that takes its time holds up nobody', async () => {
  const slow = connect(lab.port, '127.0.0.1');
  await once(slow, 'connect');
  slow.write([`PUT /${Bucket}/slow HTTP/1.1`, 'Host: 127.0.0.1', 'Content-Length: 4', '', 'ha'].join('\r\n'));
  await Promise.all(Array.from({ length: 8 }, (_, i) => put(String(i))));
  const answered = once(slow, 'data');
  slow.end('lf');
  expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 200 /);
});

describe('a bucket that is expected to be of an owner', () => {
  test('answers where it is, and refuses everything where it is not', async () => {
    await put('1');
    const asked = (ExpectedBucketOwner: string) => [
      () => lab.s3.send(new HeadBucketCommand({ Bucket, ExpectedBucketOwner })),
      () => lab.s3.send(new GetBucketVersioningCommand({ Bucket, ExpectedBucketOwner })),
      () => lab.s3.send(new GetObjectCommand({ Bucket, Key, ExpectedBucketOwner })),
      () => lab.s3.send(new PutObjectCommand({ Bucket, Key, Body: '2', ExpectedBucketOwner })),
    ];
    for (const ask of asked('999988887777')) expect(await refusal(ask())).toMatch(/^(AccessDenied|403|Unknown\w*)$/);
    for (const ask of asked(account)) await ask();
  });

  test('is missing, and not refused, where there is none', async () => {
    expect(await refusal(lab.s3.send(new HeadBucketCommand({ Bucket: 'no-such-bucket', ExpectedBucketOwner: account })))).toBe('NotFound');
  });
});

describe('the policy of a bucket', () => {
  test('is given back as it was put, and judged by the proxy in front and not by the emulator', async () => {
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`] }],
    });
    await lab.s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    await put('1');
    expect(await text()).toBe('1');
    expect((await lab.s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toBe(Policy);
  });
});
