import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { byTag, isIdLike, shownOf, sorted, unlessGone } from './resource-type.ts';
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

const alarmProperties = [
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
] as const;

async function readAlarm(ask: AskAny, raw: MetricAlarm): Promise<Reading[]> {
  const tags = await ask('cloudwatch:ListTagsForResource', async ({ cloudwatch }) => {
    const [{ ListTagsForResourceCommand }, client] = await Promise.all([import('@aws-sdk/client-cloudwatch'), cloudwatch()]);
    const asked = client.send(new ListTagsForResourceCommand({ ResourceARN: raw.AlarmArn }));
    return unlessGone(
      asked.then(({ Tags }) => Tags ?? []),
      /^ResourceNotFound(Exception)?$/,
    );
  });
  if (!tags) return [];
  const actions = [...(raw.AlarmActions ?? []), ...(raw.OKActions ?? []), ...(raw.InsufficientDataActions ?? [])];
  return [
    {
      id: raw.AlarmName,
      phase: 'there',
      properties: shownOf(raw, alarmProperties, {
        name: raw.AlarmName,
        dimensions: Object.fromEntries((raw.Dimensions ?? []).map(({ Name, Value }) => [Name ?? '', Value ?? ''])),
        alarmActions: sorted(raw.AlarmActions),
        okActions: sorted(raw.OKActions),
        insufficientDataActions: sorted(raw.InsufficientDataActions),
      }),
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
  properties: alarmProperties,
  find: alarmsById,
  events: { create: ['PutMetricAlarm'], delete: ['DeleteAlarms'] },
};
