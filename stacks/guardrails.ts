import { createHash } from 'node:crypto';
import { z } from 'zod';
import { formatSeconds } from '../orchestrator/domain/duration.ts';
import { ownTopicArn, ownTopicName, subscriptionFlaw } from '../orchestrator/network/spec.ts';
import type { Subscription } from '../orchestrator/network/spec.ts';
import { defineKind } from '../orchestrator/pulumi/kind.ts';
import { loadAws } from './aws.ts';

/** Seconds: the watch sends the metric every ten minutes, so that it may miss one and a start may be late. */
const periodSeconds = 1800;

/** Who is told of old locks: the alarm on the metric that the lock watch sends, the topic, and who reads it. It reads no other stack, and none reads it. */
export const guardrails = defineKind({
  kind: 'guardrails',
  title: 'guardrails',
  references: {},
  outputs: {
    /** Undefined where the network has no topic, or the alarm is not wanted. */
    topicArn: z.string().startsWith('arn:').optional(),
    alarmName: z.string().optional(),
  },
  guarded: ['aws:sns/topic:Topic'],

  named: ({ installation, ...place }) => [
    { type: 'aws:sns/topic:Topic', id: ownTopicArn(place) },
    ...(installation === undefined ? [] : [{ type: 'aws:cloudwatch/metricAlarm:MetricAlarm', id: alarmName(place.network, installation) }]),
  ],

  instances: ({ network, guardrails: wanted }, env) => {
    const topic = wanted?.topic;
    const makesTopic = topic !== undefined && topic.arn === undefined;
    if (!wanted || (!wanted.metric && !makesTopic)) return [];
    return [
      {
        inputs: {
          network,
          lockAge: wanted.lockAge,
          runbook: wanted.runbook ?? 'docs/runbook.md',
          namespace: wanted.metric?.namespace,
          /** Somebody else's, which is only told. */
          topicArn: topic?.arn,
          topicName: makesTopic ? ownTopicName(network) : undefined,
          // With what the variable has by now: another endpoint is another subscription.
          subscriptions: makesTopic
            ? topic.subscriptions.map((each) => ({ ...each, ...(each.endpointFrom && { endpoint: env[each.endpointFrom] }) }))
            : [],
        },
        references: {},
      },
    ];
  },

  async program({ inputs, tags, installation, options }) {
    // Before anything is made.
    const subscriptions = inputs.subscriptions.map((each) => ({ protocol: each.protocol, endpoint: endpointOf(each) }));
    const aws = await loadAws();
    const { network, lockAge, runbook, namespace, topicName } = inputs;
    const topic = topicName === undefined ? undefined : new aws.Topic('topic', { name: topicName, tags: tags('topic') }, options);
    if (topic)
      for (const { protocol, endpoint } of subscriptions)
        new aws.TopicSubscription(subscriptionName(protocol, endpoint), { topic: topic.arn, protocol, endpoint }, options);

    const topicArn = topic ? topic.arn : inputs.topicArn;
    const actions = topicArn === undefined ? [] : [topicArn];
    const alarm =
      namespace === undefined
        ? undefined
        : new aws.MetricAlarm(
            'lock-age',
            {
              name: alarmName(network, installation),
              alarmDescription:
                `A lock of the network ${network} is older than ${formatSeconds(lockAge)}, or the lock watch has stopped. ` +
                `Do not release the lock without checking drift. Runbook: ${runbook}`,
              namespace,
              metricName: 'OldestLockAge',
              dimensions: { Network: network },
              statistic: 'Maximum',
              period: periodSeconds,
              evaluationPeriods: 1,
              datapointsToAlarm: 1,
              comparisonOperator: 'GreaterThanThreshold',
              threshold: lockAge,
              // A watch that has stopped says nothing.
              treatMissingData: 'breaching',
              alarmActions: actions,
              okActions: actions,
              tags: tags('lock-age'),
            },
            options,
          );
    return { topicArn: aws.output(topicArn), alarmName: aws.output(alarm?.name) };
  },
});

/** With the installation: a put of the same name changes the alarm of another one without a word. */
const alarmName = (network: string, installation: string): string => `holdfast-${network}-lock-age-${installation}`;

/** @throws where it is in a variable that has none: the message says nothing of what it has, which is a secret */
function endpointOf({ protocol, endpoint, endpointFrom = '' }: Subscription): string {
  if (endpoint === undefined || endpoint === '')
    throw new Error(`${endpointFrom} is not set, and the network file takes the endpoint of a subscription from it`);
  const flaw = subscriptionFlaw(protocol, endpoint);
  if (flaw !== undefined) throw new Error(`what ${endpointFrom} has is no endpoint: ${flaw}`);
  return endpoint;
}

/** By what it is, so that the order in the file says nothing. An endpoint may have signs that no name of a resource takes, and be half a secret. */
function subscriptionName(protocol: string, endpoint: string): string {
  return `subscription-${protocol}-${createHash('sha256').update(endpoint).digest('hex').slice(0, 8)}`;
}
