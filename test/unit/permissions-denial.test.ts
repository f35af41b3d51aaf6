import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucketProperties, failed as bucketFailed, unknown } from '../../orchestrator/aws/bucket-properties.ts';
import { nameDenials } from '../../orchestrator/aws/name-denials.ts';
import { asDenied, deniedActionOf, explainDenial, explainIfDenied } from '../../orchestrator/aws/permissions/denial.ts';
import { messageOf } from '../../orchestrator/domain/problem.ts';

const who = 'User: arn:aws:sts::111122223333:assumed-role/deployer/test is not authorized to perform:';

describe('what AWS denied', () => {
  it('is told by the call, where AWS does not name it', () => {
    expect(explainDenial('Access Denied', { action: 's3:PutBucketVersioning', on: 'state' })).toBe(
      'Access Denied: the session may not call s3:PutBucketVersioning on state. Allow s3:PutBucketVersioning: the role bootstrap has it (npm run policy -- bootstrap)',
    );
  });

  it('is told in AWS’s words, which may name another action than the call', () => {
    const words = `You are not authorized to perform this operation. ${who} ec2:CreateTags on resource: arn:aws:ec2:eu-west-1:111122223333:vpc/* because no identity-based policy allows the ec2:CreateTags action`;
    expect(explainDenial(words, { action: 'ec2:CreateVpc' })).toBe(
      `${words}. Allow ec2:CreateTags: the role apply has it (npm run policy -- apply)`,
    );
  });

  it('is told otherwise where a policy denies it outright: a session that was revoked has the permission', () => {
    expect(explainDenial(`${who} ec2:CreateVpc with an explicit deny in an identity-based policy`, { action: 'ec2:CreateVpc' })).toMatch(
      /ec2:CreateVpc is denied outright: by a policy, a boundary, or because the session was revoked; the role apply has it/,
    );
  });

  it('is told of no role, where none needs it', () => {
    expect(explainDenial('Access Denied', { action: 's3:DeleteObjectVersion' })).toContain(
      "No role of Holdfast's needs s3:DeleteObjectVersion (docs/roles.md)",
    );
  });
});

describe('what the provider tells', () => {
  const told = 'creating EC2 VPC: operation error EC2: CreateVpc, https response error StatusCode: 403, RequestID: 1, api error';

  it('names the action, where AWS does not', () => {
    expect(explainIfDenied(`${told} UnauthorizedOperation: You are not authorized to perform this operation.`)).toContain(
      'the session may not call ec2:CreateVpc. Allow ec2:CreateVpc: the role apply has it (npm run policy -- apply)',
    );
  });

  it('stays as it is where nothing was denied', () => {
    const text = `${told} VpcLimitExceeded: The maximum number of VPCs has been reached.`;
    expect(explainIfDenied(text)).toBe(text);
    expect(explainIfDenied('AccessDenied, by whomever')).toBe('AccessDenied, by whomever');
  });
});

describe('the clients', () => {
  let server: Server;
  let answer = { status: 403, body: '' };
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  let s3: S3Client;
  let ec2: EC2Client;
  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(answer.status).end(request.method === 'HEAD' ? '' : answer.body));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    s3 = nameDenials(new S3Client({ endpoint, region: 'eu-west-1', credentials, forcePathStyle: true, maxAttempts: 1 }));
    ec2 = nameDenials(new EC2Client({ endpoint, region: 'eu-west-1', credentials, maxAttempts: 1 }));
  });
  afterAll(() => {
    s3.destroy();
    ec2.destroy();
    server.close();
  });

  const failed = async (call: () => Promise<unknown>): Promise<string> => {
    try {
      await call();
    } catch (cause) {
      return messageOf(cause);
    }
    throw new Error('it was not refused');
  };
  const object = { Bucket: 'state', Key: 'a/b.json' };
  const denied = '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';

  it('name the permission and the object of a call that S3 denies', async () => {
    answer = { status: 403, body: denied };
    expect(await failed(() => s3.send(new PutObjectCommand({ ...object, Body: 'x' })))).toContain(
      'Access Denied: the session may not call s3:PutObject on state/a/b.json. ',
    );
    expect(await failed(() => s3.send(new GetObjectCommand({ ...object, VersionId: '1' })))).toContain(
      's3:GetObjectVersion on state/a/b.json',
    );
  });

  it('carry the permission beside the words, for what tells it in words of its own', async () => {
    answer = { status: 403, body: denied };
    const property = bucketProperties.find(({ id }) => id === 'bucket');
    if (!property) throw new Error('there is no such property');
    const cause: unknown = await s3.send(new GetObjectCommand({ ...object, VersionId: '1' })).catch((thrown: unknown) => thrown);
    // However it is worded.
    if (cause instanceof Error) cause.message = 'no';
    expect([unknown(property, cause), bucketFailed(property, cause)]).toMatchObject([
      { shortfalls: [{ text: 'not known: the session may not call s3:GetObjectVersion' }] },
      { shortfalls: [{ text: 'could not be made so: the session may not call s3:GetObjectVersion' }] },
    ]);
  });

  it('carry the permission that AWS names, where that is another one than the call’s', () => {
    const cause = asDenied(new Error(`${who} ec2:CreateTags on resource: *`), { action: 'ec2:CreateVpc' });
    expect(deniedActionOf(cause)).toBe('ec2:CreateTags');
    expect(deniedActionOf(new Error(cause.message))).toBeUndefined();
  });

  it('name it also where the answer has no body', async () => {
    answer = { status: 403, body: '' };
    expect(await failed(() => s3.send(new HeadObjectCommand(object)))).toContain('s3:GetObject on state/a/b.json');
  });

  it('name it for EC2, which says it in another way', async () => {
    answer = {
      status: 403,
      body: '<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation.</Message></Error></Errors><RequestID>1</RequestID></Response>',
    };
    expect(await failed(() => ec2.send(new DescribeVpcsCommand({})))).toContain('ec2:DescribeVpcs');
  });

  it('leave every other error as it is', async () => {
    answer = { status: 403, body: denied.replaceAll('AccessDenied', 'ExpiredToken').replace('Access Denied', 'The token has expired.') };
    expect(await failed(() => s3.send(new GetObjectCommand(object)))).toBe('The token has expired.');
  });
});
