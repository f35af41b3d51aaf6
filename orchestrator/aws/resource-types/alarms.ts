import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { byTag, isIdLike, sorted } from './resource-type.ts';
import type { AskAny, ById, Reading, ResourceType } from './resource-type.ts';
import { tokens } from './tokens.ts';

/** CloudWatch's limit for one call. */
const mostNames = 100;

async function readAlarms(ask: AskAny, AlarmNames: string[]): Promise<Reading[]> {
  const alarms = await ask('cloudwatch:DescribeAlarms', async ({ cloudwatch }) => {
    const [{ DescribeAlarmsCommand }, client] = await Promise.all([import('@aws-sdk/client-cloudwatch'), cloudwatch()]);
    const { MetricAlarms } = await client.send(
      new DescribeAlarmsCommand({ AlarmNames, AlarmTypes: ['MetricAlarm'], MaxRecords: mostNames }),
    );
    return MetricAlarms ?? [];
  });
  return (await Promise.all(alarms.map((raw) => readAlarm(ask, raw)))).flat();
}

async function readAlarm(ask: AskAny, raw: MetricAlarm): Promise<Reading[]> {
  const tags = await ask('cloudwatch:ListTagsForResource', async ({ cloudwatch }) => {
    const [{ ListTagsForResourceCommand }, client] = await Promise.all([import('@aws-sdk/client-cloudwatch'), cloudwatch()]);
    return client.send(new ListTagsForResourceCommand({ ResourceARN: raw.AlarmArn })).then(
      ({ Tags }) => Tags ?? [],
      (cause: unknown) => {
        if (cause instanceof Error && /^ResourceNotFound(Exception)?$/.test(cause.name)) return undefined;
        throw cause;
      },
    );
  });
  if (!tags) return [];
  const actions = [...(raw.AlarmActions ?? []), ...(raw.OKActions ?? []), ...(raw.InsufficientDataActions ?? [])];
  return [
    {
      id: raw.AlarmName,
      phase: 'there',
      properties: {
        name: raw.AlarmName,
        alarmDescription: raw.AlarmDescription,
        namespace: raw.Namespace,
        metricName: raw.MetricName,
        dimensions: Object.fromEntries((raw.Dimensions ?? []).map(({ Name, Value }) => [Name ?? '', Value ?? ''])),
        statistic: raw.Statistic,
        extendedStatistic: raw.ExtendedStatistic,
        unit: raw.Unit,
        period: raw.Period,
        evaluationPeriods: raw.EvaluationPeriods,
        datapointsToAlarm: raw.DatapointsToAlarm,
        comparisonOperator: raw.ComparisonOperator,
        threshold: raw.Threshold,
        treatMissingData: raw.TreatMissingData,
        actionsEnabled: raw.ActionsEnabled,
        alarmActions: sorted(raw.AlarmActions),
        okActions: sorted(raw.OKActions),
        insufficientDataActions: sorted(raw.InsufficientDataActions),
      },
      tags,
      refersTo: [...new Set(actions)],
      madeBy: 'somebody',
    },
  ];
}

const alarmsById: ById = {
  how: 'by-id',
  actions: ['cloudwatch:DescribeAlarms', 'cloudwatch:ListTagsForResource'],
  of: undefined,
  look: async (ask, ids) => {
    const readings: Reading[] = [];
    for (let from = 0; from < ids.length; from += mostNames) readings.push(...(await readAlarms(ask, ids.slice(from, from + mostNames))));
    return readings;
  },
};

/** Its id is its name, which a put of the same name does not refuse: the stacks put the installation into it. */
export const alarm: ResourceType = {
  ...byTag,
  token: tokens.alarm,
  title: 'alarm',
  taggedAs: 'cloudwatch:alarm',
  // CloudWatch takes any text; those of the stacks begin so.
  isId: isIdLike(/^holdfast-[a-z0-9-]+$/),
  containersOf: () => [],
  properties: [
    { name: 'name' },
    { name: 'namespace', tells: true },
    { name: 'metricName', tells: true },
    { name: 'threshold', tells: true },
    { name: 'dimensions' },
    { name: 'alarmDescription' },
    { name: 'statistic' },
    { name: 'extendedStatistic' },
    { name: 'unit' },
    { name: 'period' },
    { name: 'evaluationPeriods' },
    { name: 'datapointsToAlarm' },
    { name: 'comparisonOperator' },
    { name: 'treatMissingData' },
    { name: 'actionsEnabled' },
    { name: 'alarmActions', unordered: true },
    { name: 'okActions', unordered: true },
    { name: 'insufficientDataActions', unordered: true },
  ],
  find: alarmsById,
  awsMakes: undefined,
  events: { create: ['PutMetricAlarm'], delete: ['DeleteAlarms'] },
};
