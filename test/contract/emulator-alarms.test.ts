import { expect, test } from 'vitest';
import { region, useEmulator } from './emulator-lab.ts';

const lab = useEmulator();

/** As the provider's SDK calls CloudWatch: Smithy RPC v2, in CBOR. */
async function call(operation: string, input: Record<string, unknown>) {
  const answer = await fetch(`http://127.0.0.1:${lab.port}/service/GraniteServiceVersion20100801/operation/${operation}`, {
    method: 'POST',
    headers: {
      'smithy-protocol': 'rpc-v2-cbor',
      'content-type': 'application/cbor',
      authorization: `AWS4-HMAC-SHA256 Credential=k/20260101/${region}/monitoring/aws4_request, SignedHeaders=host, Signature=s`,
    },
    body: Buffer.from(encode(input)),
  });
  return { status: answer.status, headers: answer.headers, body: Buffer.from(await answer.arrayBuffer()).toString('latin1') };
}

/** CBOR (RFC 8949) of what these calls hold. */
function encode(value: unknown): number[] {
  if (typeof value === 'string') return [...head(3, Buffer.byteLength(value)), ...Buffer.from(value)];
  if (typeof value === 'boolean') return [value ? 0xf5 : 0xf4];
  if (typeof value === 'number' && Number.isInteger(value)) return head(0, value);
  if (typeof value === 'number') {
    const double = Buffer.alloc(8);
    double.writeDoubleBE(value);
    return [0xfb, ...double];
  }
  if (Array.isArray(value)) return [...head(4, value.length), ...value.flatMap(encode)];
  const entries = Object.entries(value as Record<string, unknown>);
  return [...head(5, entries.length), ...entries.flatMap(([key, one]) => [...encode(key), ...encode(one)])];
}

const head = (kind: number, n: number): number[] =>
  n < 24 ? [(kind << 5) | n] : n < 256 ? [(kind << 5) | 24, n] : [(kind << 5) | 25, n >> 8, n & 255];

const alarm = {
  AlarmName: 'black-hole-drops',
  ComparisonOperator: 'GreaterThanThreshold',
  EvaluationPeriods: 1,
  MetricName: 'PacketDropCountBlackhole',
  Namespace: 'AWS/TransitGateway',
  Period: 300,
  Statistic: 'Sum',
  Threshold: 0.5,
  ActionsEnabled: true,
  Dimensions: [{ Name: 'TransitGateway', Value: 'tgw-1' }],
};

test('an alarm is made, shown and deleted in the protocol of the current SDKs', async () => {
  const made = await call('PutMetricAlarm', alarm);
  expect(made.status).toBe(200);
  expect(made.headers.get('smithy-protocol')).toBe('rpc-v2-cbor');
  const shown = await call('DescribeAlarms', { AlarmNames: [alarm.AlarmName] });
  for (const text of ['AlarmName', alarm.AlarmName, 'PacketDropCountBlackhole', 'AlarmConfigurationUpdatedTimestamp']) {
    expect(shown.body).toContain(text);
  }
  // The threshold is a double, and a time is tagged as one, also where JSON would not tell.
  expect(shown.body).toContain(`Threshold${Buffer.from(encode(0.5)).toString('latin1')}`);
  expect(shown.body).toMatch(/AlarmConfigurationUpdatedTimestamp\xc1/);
  expect((await call('DeleteAlarms', { AlarmNames: [alarm.AlarmName] })).status).toBe(200);
  expect((await call('DescribeAlarms', {})).body).not.toContain(alarm.AlarmName);
});

test('a refusal has its code', async () => {
  const refused = await call('SetAlarmState', { AlarmName: 'none', StateValue: 'OK', StateReason: 'test' });
  expect(refused.status).toBeGreaterThanOrEqual(400);
  expect(refused.body).toContain('ResourceNotFound');
  expect(refused.headers.get('x-amzn-query-error')).toBe('ResourceNotFound;Sender');
});
