import { CreateTagsCommand, DeleteVpcCommand } from '@aws-sdk/client-ec2';
import { DeleteObjectCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { accountId, errorOf, littleAws, region, sessionKey, startRig, vpcId } from './proxy-rig.ts';

const Bucket = 'state';
const deny = (Condition?: object): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Principal: '*',
        Action: 's3:DeleteObject',
        Resource: `arn:aws:s3:::${Bucket}/*`,
        ...(Condition ? { Condition } : {}),
      },
    ],
  });

/** AWS with one bucket whose policy is as it was put last, and with tags of VPCs. */
async function startRigWithSession(tags: Readonly<Record<string, string>> = {}) {
  const aws = littleAws();
  let policy: string | undefined;
  const bucket = { isDown: false };
  const rig = await startRig({
    reply: (seen) => {
      if (/[?&]policy(=|&|$)/.test(seen.url)) {
        if (seen.method === 'PUT') policy = seen.body.toString();
        if (bucket.isDown) return { status: 500 };
        return policy === undefined ? { status: 404 } : { body: policy };
      }
      if (seen.action === 'DescribeTags') {
        const id = new URLSearchParams(seen.body.toString()).get('Filter.1.Value.1') ?? '';
        const tag = tags[id] === undefined ? '' : `<item><key>holdfast:stack</key><value>${tags[id]}</value></item>`;
        return { body: `<DescribeTagsResponse><tagSet>${tag}</tagSet></DescribeTagsResponse>` };
      }
      return aws(seen);
    },
  });
  await rig
    .clients('AKIATEST')
    .sts.send(new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${accountId}:role/deploy`, RoleSessionName: 'ci-run-7' }));
  return { ...rig, ...rig.clients(sessionKey), bucket, test: rig.clients('AKIATEST') };
}

const remove = new DeleteObjectCommand({ Bucket, Key: 'a' });

describe('the policy of a bucket', () => {
  test('denies to the session of a role, whether that has a policy or not, and not to a key that no role gave', async () => {
    const { s3, test: fixture } = await startRigWithSession();
    await s3.send(remove);
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: deny() }));
    const { name, message } = await errorOf(s3.send(remove));
    expect([name, message]).toEqual([
      'AccessDenied',
      expect.stringMatching(/s3:DeleteObject .* with an explicit deny in a resource-based policy/),
    ]);
    await fixture.s3.send(remove);
  });

  test('lets through whom it leaves out', async () => {
    const { s3 } = await startRigWithSession();
    await s3.send(
      new PutBucketPolicyCommand({
        Bucket,
        Policy: deny({ ArnNotEquals: { 'aws:PrincipalArn': `arn:aws:iam::${accountId}:role/deploy` } }),
      }),
    );
    await s3.send(remove);
    await s3.send(
      new PutBucketPolicyCommand({
        Bucket,
        Policy: deny({ ArnNotEquals: { 'aws:PrincipalArn': `arn:aws:iam::${accountId}:role/other` } }),
      }),
    );
    expect(await errorOf(s3.send(remove))).toMatchObject({ name: 'AccessDenied' });
  });

  test('is asked for again where the emulator did not say', async () => {
    const { s3, bucket } = await startRigWithSession();
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: deny() }));
    bucket.isDown = true;
    await s3.send(remove);
    bucket.isDown = false;
    expect(await errorOf(s3.send(remove))).toMatchObject({ name: 'AccessDenied' });
  });

  test('is refused, and not put, where the lab does not judge all of it', async () => {
    const { s3, stub } = await startRigWithSession();
    const refused = await errorOf(
      s3.send(new PutBucketPolicyCommand({ Bucket, Policy: deny({ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }) })),
    );
    expect(refused).toMatchObject({ name: 'MalformedPolicy', status: 400 });
    expect(stub.seen.filter(({ method, url }) => method === 'PUT' && url.includes('policy'))).toEqual([]);
  });
});

describe('the policy of a role that asks for tags', () => {
  const own = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['ec2:DeleteVpc', 'ec2:CreateTags'],
        Resource: `arn:aws:ec2:${region}:${accountId}:*`,
        Condition: { StringLike: { 'aws:ResourceTag/holdfast:stack': 'prod.*' } },
      },
    ],
  };

  test('is judged by the tags that the object has', async () => {
    const { api, ec2 } = await startRigWithSession({ [vpcId(1)]: 'prod.vpc.one', [vpcId(2)]: 'prod-eu.vpc.one' });
    await api('PUT', '/roles/deploy', own);
    const tag = (n: number) => ec2.send(new CreateTagsCommand({ Resources: [vpcId(n)], Tags: [{ Key: 'a', Value: 'b' }] }));
    await tag(1);
    expect(await errorOf(tag(2))).toMatchObject({ name: 'UnauthorizedOperation', status: 403 });
    // Of several objects each has to be allowed.
    const both = ec2.send(new CreateTagsCommand({ Resources: [vpcId(1), vpcId(2)], Tags: [{ Key: 'a', Value: 'b' }] }));
    expect(await errorOf(both)).toMatchObject({ name: 'UnauthorizedOperation' });
  });

  test('leaves it to the service to say that there is no such object', async () => {
    const { api, ec2 } = await startRigWithSession();
    await api('PUT', '/roles/deploy', own);
    // The little AWS has no VPC to show, and something of its own to say of a delete.
    expect(await errorOf(ec2.send(new DeleteVpcCommand({ VpcId: vpcId(9) })))).toMatchObject({ name: 'DependencyViolation' });
  });
});
