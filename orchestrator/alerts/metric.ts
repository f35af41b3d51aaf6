import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';

/** What the alarm of the stack `guardrails` looks at. */
export const lockAgeMetric = 'OldestLockAge';

/**
 * Seconds that the network's oldest lock has stood; 0 where none does. Sent at every watch: a watch that has stopped is a breach as well.
 * @throws where CloudWatch refuses it, or does not answer within 10 s
 */
export async function publishLockAge(
  client: CloudWatchClient,
  namespace: string,
  network: string,
  ageSeconds: number,
  now: number,
): Promise<void> {
  const { PutMetricDataCommand } = await import('@aws-sdk/client-cloudwatch');
  await client.send(
    new PutMetricDataCommand({
      Namespace: namespace,
      MetricData: [
        {
          MetricName: lockAgeMetric,
          Dimensions: [{ Name: 'Network', Value: network }],
          Unit: 'Seconds',
          Value: ageSeconds,
          Timestamp: new Date(now),
        },
      ],
    }),
    { abortSignal: AbortSignal.timeout(10_000) },
  );
}
