import { patienceMs } from '../alerts/notifiers.ts';
import type { TopicMessage } from '../alerts/notifiers.ts';
import type { Clients } from './clients.ts';

/**
 * Sends one message to a topic.
 * @throws where SNS refuses it, or does not answer within 10 s
 */
export async function publishToTopic({ sns }: Clients, topic: string, { subject, text, attributes }: TopicMessage): Promise<void> {
  const [{ PublishCommand }, client] = await Promise.all([import('@aws-sdk/client-sns'), sns()]);
  await client.send(
    new PublishCommand({
      TopicArn: topic,
      // 100 characters of ASCII, without line breaks. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
      Subject: subject.replaceAll(/[^ -~]/g, '?').slice(0, 100),
      Message: text,
      // https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
      ),
    }),
    { abortSignal: AbortSignal.timeout(patienceMs) },
  );
}

/**
 * Seconds that the network's oldest lock has stood; 0 where none does. Sent at every watch: one that has stopped is a breach as well.
 * @throws where CloudWatch refuses it, or does not answer within 10 s
 */
export async function publishLockAge(
  { cloudwatch }: Clients,
  namespace: string,
  network: string,
  ageSeconds: number,
  now: number,
): Promise<void> {
  const [{ PutMetricDataCommand }, client] = await Promise.all([import('@aws-sdk/client-cloudwatch'), cloudwatch()]);
  await client.send(
    new PutMetricDataCommand({
      Namespace: namespace,
      MetricData: [
        {
          MetricName: 'OldestLockAge',
          Dimensions: [{ Name: 'Network', Value: network }],
          Unit: 'Seconds',
          Value: ageSeconds,
          Timestamp: new Date(now),
        },
      ],
    }),
    { abortSignal: AbortSignal.timeout(patienceMs) },
  );
}
