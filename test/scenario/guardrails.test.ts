import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { ListSubscriptionsByTopicCommand, ListTopicsCommand, SNSClient, SubscribeCommand, UnsubscribeCommand } from '@aws-sdk/client-sns';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { runHere } from '../support/in-process.ts';
import { cliKilled, interrupted } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';

const stack = 'small.guardrails';
const topic = 'arn:aws:sns:eu-west-1:111122223333:holdfast-small';
const guardrails = `guardrails:
  lockAge: 15m
  metric: {}
  topic:
    subscriptions:
      - { protocol: email, endpoint: oncall@example.com }
      - { protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:111122223333:pager" }
`;
const up = ['up', 'guardrails', '--yes', '--no-settle'];

describe('the guardrails of a network', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  let sns: SNSClient;
  let cloudwatch: CloudWatchClient;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork + quickly + guardrails);
    const client = {
      endpoint: rig.record.endpoint,
      region: rig.record.region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    };
    sns = new SNSClient(client);
    cloudwatch = new CloudWatchClient(client);
  });
  afterEach(() => rig.reset());
  afterAll(async () => {
    sns.destroy();
    cloudwatch.destroy();
    await rig.stop();
  });

  const alarms = async () => (await cloudwatch.send(new DescribeAlarmsCommand({}))).MetricAlarms ?? [];
  const topics = async () => ((await sns.send(new ListTopicsCommand({}))).Topics ?? []).map(({ TopicArn }) => TopicArn);

  it('are an alarm, a topic and its readers, which a second up leaves alone and a destroy takes away', async () => {
    const first = await rig.holdfast(up);
    expect(first.stdout).toContain('1 applied');
    expect(first.exitCode).toBe(0);
    expect(await topics()).toEqual([topic]);
    expect((await alarms()).map(({ AlarmArn: _, AlarmConfigurationUpdatedTimestamp: __, ...alarm }) => alarm)).toEqual([]);
  });
});
