import { CloudWatchClient, DescribeAlarmsCommand, PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { CreateTopicCommand, ListSubscriptionsCommand, ListTopicsCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { runHere } from '../support/in-process.ts';
import { cliKilled, interrupted } from '../support/interruptions.ts';
import type { HitCall } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { stateOf } from '../support/recovery-oracle.ts';
import { nightly } from '../support/tier.ts';

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
const diff = ['inventory', 'guardrails', '--diff'];

describe('the guardrails of a network', { concurrent: false }, () => {
  let rig: LabRig;
  let sns: SNSClient;
  let cloudwatch: CloudWatchClient;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork + quickly + guardrails);
    sns = new SNSClient(rig.client);
    cloudwatch = new CloudWatchClient(rig.client);
  });
  afterEach(() => rig.reset());
  afterAll(async () => {
    sns.destroy();
    cloudwatch.destroy();
    await rig.stop();
  });

  const alarms = async (): Promise<MetricAlarm[]> => (await cloudwatch.send(new DescribeAlarmsCommand({}))).MetricAlarms ?? [];
  const topics = async () => ((await sns.send(new ListTopicsCommand({}))).Topics ?? []).map(({ TopicArn }) => TopicArn);
  const readers = async () =>
    ((await sns.send(new ListSubscriptionsCommand({}))).Subscriptions ?? [])
      .map(({ TopicArn, Protocol, Endpoint }) => `${TopicArn ?? ''} ${Protocol ?? ''} ${Endpoint ?? ''}`)
      .sort();
  const wanted = [`${topic} email oncall@example.com`, `${topic} sqs arn:aws:sqs:eu-west-1:111122223333:pager`];
  const publishedSince = async (since: number) =>
    (await rig.calls({ service: 'sns', mutating: true, since }))
      .filter(({ action }) => action === 'Publish')
      .map(({ params }) => `${params['TopicArn'] ?? ''} ${params['Message']?.split(':')[0] ?? ''}`);

  it('are an alarm, a topic and its readers; a second up leaves them alone, and a destroy takes them away', async () => {
    const first = await rig.holdfast(up);
    expect(first.stdout).toContain('1 applied');
    expect(first.exitCode).toBe(0);
    expect(await topics()).toEqual([topic]);
    expect(await readers()).toEqual(wanted);
    const [alarm, ...others] = await alarms();
    expect(others).toEqual([]);
    expect(alarm).toMatchObject({
      AlarmName: expect.stringMatching(/^holdfast-small-lock-age-h[0-9a-f]{15}$/) as string,
      Namespace: 'Holdfast',
      MetricName: 'OldestLockAge',
      Dimensions: [{ Name: 'Network', Value: 'small' }],
      Statistic: 'Maximum',
      Period: 1800,
      EvaluationPeriods: 1,
      DatapointsToAlarm: 1,
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: 900,
      TreatMissingData: 'breaching',
      AlarmActions: [topic],
      OKActions: [topic],
    });

    const before = await rig.lastCall();
    expect((await rig.holdfast(up)).stdout).toContain('1 unchanged');
    const changes = (await rig.calls({ mutating: true, since: before })).filter(({ service }) => service !== 's3');
    expect(changes.map(({ action }) => action)).toEqual([]);
    const same = await rig.holdfast(diff);
    expect(same.exitCode, same.stdout).toBe(0);

    expect((await rig.holdfast(['destroy', 'guardrails', '--yes'])).exitCode).toBe(0);
    expect([await topics(), await readers(), await alarms()]).toEqual([[], [], []]);
  });

  it('have the topic that the lock watch and every command tell, and no other', async () => {
    await rig.holdfast(up);
    const before = await rig.lastCall();
    expect((await rig.holdfast(['freeze', 'vpc.one', '--incident', 'INC-7'])).exitCode).toBe(0);
    expect(await publishedSince(before)).toEqual([`${topic} FROZEN small vpc.one`]);

    const watch = (minutes: number) => runHere(rig, ['locks', '--notify', '--json'], {}, () => Date.now() + minutes * 60_000);
    const frozen = await rig.lastCall();
    expect((await watch(14)).exitCode).toBe(0);
    expect(await publishedSince(frozen)).toEqual([]);
    expect((await watch(16)).exitCode).toBe(7);
    expect(await publishedSince(frozen)).toEqual([`${topic} OLD LOCK small vpc.one`]);
  });

  nightly('that were changed by hand are told by the inventory', async () => {
    await rig.holdfast(up);
    const [alarm] = await alarms();
    await sns.send(new SubscribeCommand({ TopicArn: topic, Protocol: 'sqs', Endpoint: 'arn:aws:sqs:eu-west-1:111122223333:somebody' }));
    await cloudwatch.send(
      new PutMetricAlarmCommand({
        AlarmName: alarm?.AlarmName,
        AlarmDescription: alarm?.AlarmDescription,
        Namespace: alarm?.Namespace,
        MetricName: alarm?.MetricName,
        Dimensions: alarm?.Dimensions,
        Statistic: alarm?.Statistic,
        Period: alarm?.Period,
        EvaluationPeriods: alarm?.EvaluationPeriods,
        DatapointsToAlarm: alarm?.DatapointsToAlarm,
        ComparisonOperator: alarm?.ComparisonOperator,
        Threshold: 86_400,
        TreatMissingData: 'notBreaching',
        AlarmActions: alarm?.AlarmActions,
        OKActions: alarm?.OKActions,
      }),
    );
    const { exitCode, stdout } = await rig.holdfast(diff);
    expect(stdout).toMatch(/^ *~ lock-age {2}alarm /m);
    expect(stdout).toMatch(/threshold: 86400/);
    expect(stdout).toMatch(/treatMissingData: notBreaching/);
    expect(stdout).toMatch(/^ *\+ subscription .*nobody's, in arn:aws:sns:/m);
    expect(exitCode).toBe(7);
  });

  const creates: readonly HitCall[] = [
    { service: 'sns', action: 'CreateTopic' },
    { service: 'sns', action: 'Subscribe' },
    { service: 'cloudwatch', action: 'PutMetricAlarm' },
  ];

  nightly.each(creates)(
    'whose $action AWS has accepted and nobody has written down are held, and recovered to one of each',
    async (call) => {
      expect(await interrupted(rig, up, call, cliKilled)).toBe(4);
      expect(await rig.locks()).toEqual([durableLockKey(stack)]);
      expect((await rig.holdfast(['status'])).stdout).toMatch(/^HELD guardrails: .* outcome unknown/m);

      const recovered = await rig.holdfast(['recover', '--incident', 'INC-7']);
      expect(recovered.exitCode, recovered.stdout).toBe(0);
      expect(await rig.locks()).toEqual([]);
      const adopted = new Set((await stateOf(rig, stack)).resources.map(({ type }) => type));
      expect(adopted.has('aws:sns/topic:Topic')).toBe(true);

      const rest = await rig.holdfast(up);
      expect(rest.exitCode, rest.stdout).toBe(0);
      expect([await topics(), await readers(), (await alarms()).length]).toEqual([[topic], wanted, 1]);
      const same = await rig.holdfast(diff);
      expect(same.exitCode, same.stdout).toBe(0);
    },
  );

  nightly('of another installation that has the name are left alone', async () => {
    await sns.send(
      new CreateTopicCommand({
        Name: 'holdfast-small',
        Tags: [
          { Key: 'holdfast:installation', Value: 'hfffffffffffffff' },
          { Key: 'holdfast:stack', Value: stack },
          { Key: 'holdfast:resource', Value: 'topic' },
        ],
      }),
    );
    // A look settles it: what has the name does not bear our tags.
    const { exitCode, stdout } = await rig.holdfast(['up', 'guardrails', '--yes']);
    expect(stdout).toContain('Topic already exists with different tags');
    expect(exitCode, stdout).toBe(1);
    expect(await topics()).toEqual([topic]);
    expect(await readers()).toEqual([]);
  });
});
