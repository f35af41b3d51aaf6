import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { SNSClient } from '@aws-sdk/client-sns';
import { describe, expect, it } from 'vitest';
import { lookAtInventory } from '../../orchestrator/aws/inventory.ts';
import { tokens } from '../../orchestrator/aws/resource-types/tokens.ts';
import type { LookClients } from '../../orchestrator/aws/resource-types/resource-type.ts';
import { lookByTag } from '../../orchestrator/aws/tagged-objects.ts';
import { namedObjects } from '../../orchestrator/cli/named-objects.ts';
import type { Inventory, LookScope } from '../../orchestrator/inventory/live-object.ts';
import { exampleOf } from './support/example.ts';
import { FakeEc2, refusal } from './support/fake-ec2.ts';

/** The look at what is of SNS and CloudWatch, which list nothing by tag. */

const installation = 'h123456789abcdef';
const stack = 'example.guardrails';
const topic = 'arn:aws:sns:eu-west-1:111122223333:holdfast-example';
const alarm = `holdfast-example-lock-age-${installation}`;
const reader = `${topic}:42235672-4441-44be-85de-8c25e7269fae`;
const unread = `${topic}:99935672-4441-44be-85de-8c25e7269fae`;
const named = namedObjects(exampleOf().spec, installation, [stack]);

const tags = (resource: string, owner = installation) => [
  { Key: 'holdfast:installation', Value: owner },
  { Key: 'holdfast:stack', Value: stack },
  { Key: 'holdfast:resource', Value: resource },
];

type Answers = Readonly<Record<string, (input: Readonly<Record<string, unknown>>) => object>>;

/** Clients of an AWS that has the topic, two readers of whom one has not confirmed, and the alarm; or what a test says. */
function awsWith(changed: Answers = {}) {
  const asked: string[] = [];
  const attributesOf: Readonly<Record<string, object>> = {
    [reader]: { TopicArn: topic, Protocol: 'sqs', Endpoint: 'arn:aws:sqs:eu-west-1:111122223333:pager', PendingConfirmation: 'false' },
    [unread]: { TopicArn: topic, Protocol: 'email', Endpoint: 'oncall@example.com', PendingConfirmation: 'true' },
  };
  const answers: Answers = {
    GetTopicAttributes: () => ({ Attributes: { TopicArn: topic, Policy: '{"b": [{"d": 1, "c": 2}], "a": 1}' } }),
    ListTagsForResource: ({ ResourceArn }) => ({ Tags: tags(ResourceArn === undefined ? 'lock-age' : 'topic') }),
    ListSubscriptionsByTopic: () => ({ Subscriptions: [{ SubscriptionArn: reader }, { SubscriptionArn: 'PendingConfirmation' }] }),
    GetSubscriptionAttributes: ({ SubscriptionArn }) => ({ Attributes: attributesOf[String(SubscriptionArn)] }),
    DescribeAlarms: () => ({ MetricAlarms: [{ AlarmName: alarm, AlarmArn: 'arn:alarm', Threshold: 1200 }] }),
    ...changed,
  };
  const answering = <T extends object>(client: T): (() => Promise<T>) => {
    const send = (command: { readonly input: object }): Promise<object> => {
      const action = command.constructor.name.replace(/Command$/, '');
      asked.push(action);
      return new Promise((resolve) => resolve(answers[action]?.({ ...command.input }) ?? {}));
    };
    return () => Promise.resolve(Object.assign(client, { send }));
  };
  const settings = { region: 'eu-west-1', credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret' } };
  const clients: LookClients = {
    ec2: new FakeEc2(() => undefined),
    sns: answering(new SNSClient(settings)),
    cloudwatch: answering(new CloudWatchClient(settings)),
  };
  return { clients, asked };
}

async function look(clients: LookClients, scope: Partial<LookScope> = { named }): Promise<Inventory> {
  const looked = await lookAtInventory(clients, { stacks: [stack], installation, known: new Map(), ...scope }, () => 1);
  if (!looked.ok) throw new Error(`${looked.code}: ${looked.message}`);
  return looked.value;
}

const idsOf = ({ objects }: Inventory): string[] => objects.map(({ id }) => id).sort();

const notFound = () => {
  throw refusal('NotFoundException', 'Topic does not exist');
};

describe('what follows from the names of the guardrails', () => {
  it('is the topic and the alarm, and of no other stack anything', () => {
    expect(named).toEqual([
      { type: tokens.topic, id: topic },
      { type: tokens.alarm, id: alarm },
    ]);
    expect(namedObjects(exampleOf().spec, installation, ['example.transit-gateway'])).toEqual([]);
  });

  it('is the topic alone where the installation is not known', () => {
    expect(namedObjects(exampleOf().spec, undefined, [stack])).toEqual([{ type: tokens.topic, id: topic }]);
  });
});

describe('a look by names', () => {
  it('finds the topic, the alarm, and who reads the topic', async () => {
    expect(idsOf(await look(awsWith().clients))).toEqual([alarm, topic, reader].sort());
  });

  it('finds nothing where AWS has nothing', async () => {
    const { clients } = awsWith({ GetTopicAttributes: notFound, DescribeAlarms: () => ({ MetricAlarms: [] }) });
    expect(await look(clients)).toMatchObject({ objects: [], incomplete: [] });
  });

  it('leaves out what bears another installation’s tags, and who reads that', async () => {
    const { clients } = awsWith({ ListTagsForResource: () => ({ Tags: tags('topic', 'hffffffffffffff') }) });
    expect((await look(clients)).objects).toEqual([]);
  });

  it('has a known one whatever its tags say by now', async () => {
    const { clients } = awsWith({ ListTagsForResource: () => ({ Tags: [] }) });
    expect(idsOf(await look(clients, { known: new Map([[tokens.topic, [topic]]]) }))).toEqual([topic, reader]);
  });

  it('finds a reader who has not confirmed by its id, and says so', async () => {
    const { objects } = await look(awsWith().clients, { named, known: new Map([[tokens.subscription, [unread]]]) });
    expect(objects.find(({ id }) => id === unread)?.properties).toMatchObject({ pendingConfirmation: 'not confirmed yet' });
  });

  it('asks nothing by what is no id', async () => {
    const { clients, asked } = awsWith();
    await look(clients, { known: new Map([[tokens.topic, ['on-call']]]) });
    expect(asked).toEqual([]);
  });

  it('writes a policy as the provider does', async () => {
    const [found] = (await look(awsWith().clients)).objects.filter(({ type }) => type === tokens.topic);
    expect(found?.properties['policy']).toBe('{"a":1,"b":[{"c":2,"d":1}]}');
  });

  it('that is refused names the action', async () => {
    const { clients } = awsWith({
      GetTopicAttributes: () => {
        throw refusal('AuthorizationErrorException', 'not authorized');
      },
    });
    expect(await lookAtInventory(clients, { stacks: [stack], installation, known: new Map(), named }, () => 1)).toMatchObject({
      ok: false,
      action: 'sns:GetTopicAttributes',
    });
  });
});

describe('what the checkpoint lacks', () => {
  const lookWith = (clients: LookClients, known: readonly string[] = []) =>
    lookByTag(clients, { installation, stack, known: new Set(known), named });

  it('is told by its name and its tags', async () => {
    expect(await lookWith(awsWith().clients)).toEqual({
      ok: true,
      value: [
        { id: topic, resourceType: 'sns:topic', resource: 'topic' },
        { id: alarm, resourceType: 'cloudwatch:alarm', resource: 'lock-age' },
      ],
    });
  });

  it('is nothing that it has', async () => {
    const { clients, asked } = awsWith();
    expect(await lookWith(clients, [topic, alarm])).toEqual({ ok: true, value: [] });
    expect(asked).toEqual([]);
  });

  it('is nothing of another installation', async () => {
    const { clients } = awsWith({ ListTagsForResource: () => ({ Tags: tags('topic', 'hffffffffffffff') }) });
    expect(await lookWith(clients)).toEqual({ ok: true, value: [] });
  });
});
