import { LookupEventsCommand, type CloudTrailClient, type Event } from '@aws-sdk/client-cloudtrail';
import { CreateVpcCommand, DeleteVpcCommand, DescribeVpcsCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { accountId, errorOf, later, noon, region, sessionKey, startRig, vpcId } from './proxy-rig.ts';

const createVpc = (ec2: EC2Client) => ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));

const lookUp = async (cloudtrail: CloudTrailClient, key: 'AccessKeyId' | 'ResourceName' | 'EventName', value: string) => {
  const { Events = [] } = await cloudtrail.send(
    new LookupEventsCommand({ LookupAttributes: [{ AttributeKey: key, AttributeValue: value }] }),
  );
  return Events;
};

const namesOf = (events: Event[]): (string | undefined)[] => events.map(({ EventName }) => EventName);

describe('what stands in the trail', () => {
  test('a call that changes something, by its access key', async () => {
    const { clients } = await startRig();
    await createVpc(clients('AKIAONE').ec2);
    await createVpc(clients('AKIATWO').ec2);
    expect(await lookUp(clients('AKIATEST').cloudtrail, 'AccessKeyId', 'AKIAONE')).toMatchObject([
      {
        EventName: 'CreateVpc',
        EventSource: 'ec2.amazonaws.com',
        ReadOnly: 'false',
        AccessKeyId: 'AKIAONE',
        EventTime: noon,
        Resources: [{ ResourceType: 'AWS::EC2::VPC', ResourceName: vpcId(1) }],
      },
    ]);
  });

  test('no read', async () => {
    const { clients } = await startRig();
    const { ec2, cloudtrail } = clients('AKIATEST');
    await ec2.send(new DescribeVpcsCommand({}));
    expect(await lookUp(cloudtrail, 'AccessKeyId', 'AKIATEST')).toEqual([]);
  });

  test('no call on an object of a bucket', async () => {
    const { clients } = await startRig();
    const { s3, cloudtrail } = clients('AKIATEST');
    await s3.send(new CreateBucketCommand({ Bucket: 'state' }));
    await s3.send(new PutObjectCommand({ Bucket: 'state', Key: 'k', Body: '{}' }));
    expect(namesOf(await lookUp(cloudtrail, 'AccessKeyId', 'AKIATEST'))).toEqual(['CreateBucket']);
  });

  test('a call that failed, with its error', async () => {
    const { clients } = await startRig();
    const { ec2, cloudtrail } = clients('AKIATEST');
    await errorOf(ec2.send(new DeleteVpcCommand({ VpcId: vpcId(1) })));
    const [event] = await lookUp(cloudtrail, 'ResourceName', vpcId(1));
    expect(JSON.parse(event?.CloudTrailEvent ?? '{}')).toMatchObject({
      eventName: 'DeleteVpc',
      errorCode: 'Client.DependencyViolation',
      responseElements: null,
    });
  });

  test('no call of a session that had expired', async () => {
    const { api, clients } = await startRig();
    await api('POST', '/sessions/AKIAGONE/expire');
    await errorOf(createVpc(clients('AKIAGONE').ec2));
    expect(await lookUp(clients('AKIATEST').cloudtrail, 'AccessKeyId', 'AKIAGONE')).toEqual([]);
  });

  test('a call whose reply was lost', async () => {
    const { clients, setFault } = await startRig();
    await setFault({ match: { action: 'CreateVpc' }, do: { kind: 'lose-reply' } });
    await errorOf(createVpc(clients('AKIAONE').ec2));
    expect(namesOf(await lookUp(clients('AKIATEST').cloudtrail, 'ResourceName', vpcId(1)))).toEqual(['CreateVpc']);
  });

  test('who made the call, with which parameters, and what came of it, in a record', async () => {
    const { clients } = await startRig();
    const roleArn = `arn:aws:iam::${accountId}:role/deploy`;
    await clients('AKIATEST').sts.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: 'ci-run-7' }));
    await createVpc(clients(sessionKey).ec2);
    const [event] = await lookUp(clients('AKIATEST').cloudtrail, 'EventName', 'CreateVpc');
    expect(event?.Username).toBe('ci-run-7');
    expect(JSON.parse(event?.CloudTrailEvent ?? '{}')).toMatchObject({
      userIdentity: {
        type: 'AssumedRole',
        arn: `arn:aws:sts::${accountId}:assumed-role/deploy/ci-run-7`,
        accessKeyId: sessionKey,
        sessionContext: { sessionIssuer: { arn: roleArn, userName: 'deploy' } },
      },
      eventTime: '2030-05-01T12:00:00Z',
      eventSource: 'ec2.amazonaws.com',
      awsRegion: region,
      requestParameters: { cidrBlock: '10.0.0.0/16' },
      responseElements: { vpc: { vpcId: vpcId(1) } },
      readOnly: false,
      recipientAccountId: accountId,
    });
  });
});

describe('a lookup', () => {
  test('gives every event once over its pages, the newest first', async () => {
    const { clients } = await startRig();
    const { ec2, cloudtrail } = clients('AKIATEST');
    for (let n = 1; n <= 5; n += 1) await createVpc(ec2);
    const pages: (string | undefined)[][] = [];
    let NextToken: string | undefined;
    do {
      const page = await cloudtrail.send(
        new LookupEventsCommand({
          LookupAttributes: [{ AttributeKey: 'AccessKeyId', AttributeValue: 'AKIATEST' }],
          MaxResults: 2,
          NextToken,
        }),
      );
      pages.push((page.Events ?? []).map(({ Resources }) => Resources?.[0]?.ResourceName));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    expect(pages).toEqual([[vpcId(5), vpcId(4)], [vpcId(3), vpcId(2)], [vpcId(1)]]);
  });

  test('keeps to its time range', async () => {
    const { clients, time } = await startRig();
    const { ec2, cloudtrail } = clients('AKIATEST');
    await createVpc(ec2);
    time.now = later(noon, 60);
    await createVpc(ec2);
    const { Events = [] } = await cloudtrail.send(new LookupEventsCommand({ StartTime: later(noon, 30), EndTime: later(noon, 90) }));
    expect(Events.map(({ Resources }) => Resources?.[0]?.ResourceName)).toEqual([vpcId(2)]);
  });

  test('with two attributes is refused', async () => {
    const { clients } = await startRig();
    const attribute = { AttributeKey: 'EventName' as const, AttributeValue: 'CreateVpc' };
    const lookup = clients('AKIATEST').cloudtrail.send(new LookupEventsCommand({ LookupAttributes: [attribute, attribute] }));
    expect(await errorOf(lookup)).toMatchObject({ name: 'InvalidLookupAttributesException', status: 400 });
  });

  test('for more than 50 events is refused', async () => {
    const { clients } = await startRig();
    const lookup = clients('AKIATEST').cloudtrail.send(new LookupEventsCommand({ MaxResults: 51 }));
    expect(await errorOf(lookup)).toMatchObject({ name: 'InvalidMaxResultsException', status: 400 });
  });

  test('does not see an event that is not delivered yet', async () => {
    const { api, clients, time } = await startRig();
    const { ec2, cloudtrail } = clients('AKIATEST');
    await api('POST', '/cloudtrail', { deliveryDelaySeconds: 300 });
    await createVpc(ec2);
    time.now = later(noon, 299);
    expect(await lookUp(cloudtrail, 'EventName', 'CreateVpc')).toEqual([]);
  });

  test('sees it when it is', async () => {
    const { api, clients, time } = await startRig();
    const { ec2, cloudtrail } = clients('AKIATEST');
    await api('POST', '/cloudtrail', { deliveryDelaySeconds: 300 });
    await createVpc(ec2);
    time.now = later(noon, 300);
    expect(namesOf(await lookUp(cloudtrail, 'EventName', 'CreateVpc'))).toEqual(['CreateVpc']);
  });

  test('is throttled above the limit', async () => {
    const { api, clients } = await startRig();
    const { cloudtrail } = clients('AKIATEST');
    await api('POST', '/cloudtrail', { lookupsPerSecond: 2 });
    await cloudtrail.send(new LookupEventsCommand({}));
    await cloudtrail.send(new LookupEventsCommand({}));
    expect(await errorOf(cloudtrail.send(new LookupEventsCommand({})))).toMatchObject({ name: 'ThrottlingException', status: 400 });
  });
});
