import { messageOf } from '../../domain/problem.ts';
import { byTag, isIdLike, shownOf, textOf, unlessGone, within } from './resource-type.ts';
import type { AskAny, ById, Properties, Reading, ResourceType } from './resource-type.ts';
import { tokens } from './tokens.ts';

const topicArn = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/;
const subscriptionArn = /^(arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}):[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type Attributes = Readonly<Record<string, string>>;

const notFound = /^NotFound(Exception)?$/;

/** As the provider writes JSON: its names in order, and no spaces. https://github.com/hashicorp/terraform-plugin-sdk, `NormalizeJsonString` */
function normalized(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return JSON.stringify(ordered(JSON.parse(text) as unknown));
  } catch (cause) {
    return `${text} (${messageOf(cause)})`;
  }
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([name, one]) => [name, ordered(one)]),
  );
}

async function readTopic(ask: AskAny, TopicArn: string): Promise<Reading[]> {
  const attributes = await ask('sns:GetTopicAttributes', async ({ sns }) => {
    const [{ GetTopicAttributesCommand }, client] = await Promise.all([import('@aws-sdk/client-sns'), sns()]);
    return unlessGone(
      client.send(new GetTopicAttributesCommand({ TopicArn })).then(({ Attributes: all }) => all ?? {}),
      notFound,
    );
  });
  if (!attributes) return [];
  const tags = await ask('sns:ListTagsForResource', async ({ sns }) => {
    const [{ ListTagsForResourceCommand }, client] = await Promise.all([import('@aws-sdk/client-sns'), sns()]);
    return unlessGone(
      client.send(new ListTagsForResourceCommand({ ResourceArn: TopicArn })).then(({ Tags }) => Tags ?? []),
      notFound,
    );
  });
  return tags
    ? [{ id: TopicArn, phase: 'there', properties: propertiesOfTopic(TopicArn, attributes), tags, refersTo: [], madeBy: 'somebody' }]
    : [];
}

const topicProperties = [
  { name: 'name' },
  { name: 'displayName', tells: true },
  { name: 'fifoTopic' },
  { name: 'contentBasedDeduplication' },
  { name: 'kmsMasterKeyId' },
  { name: 'policy' },
  { name: 'deliveryPolicy' },
  { name: 'signatureVersion' },
  { name: 'tracingConfig' },
] as const;

const propertiesOfTopic = (arn: string, attributes: Attributes): Properties =>
  shownOf(attributes, topicProperties, {
    name: arn.split(':').at(-1),
    policy: normalized(attributes['Policy']),
    deliveryPolicy: normalized(attributes['DeliveryPolicy']),
    // As the provider has what is not said.
    signatureVersion: attributes['SignatureVersion'] ?? 0,
  });

const topicsById: ById = {
  how: 'by-id',
  actions: ['sns:GetTopicAttributes', 'sns:ListTagsForResource'],
  of: undefined,
  look: async (ask, ids) => (await Promise.all(ids.map((id) => readTopic(ask, id)))).flat(),
};

/** Its ARN follows from its name: in one account and region there is one of a name, or none. */
export const topic: ResourceType = {
  ...byTag,
  token: tokens.topic,
  title: 'topic',
  taggedAs: 'sns:topic',
  isId: isIdLike(topicArn),
  properties: topicProperties,
  find: topicsById,
  events: { create: ['CreateTopic'], delete: ['DeleteTopic'] },
};

/** Of one that waits for its reader's confirmation the list says no id. Nothing is lost by that: whoever subscribes the same again gets the same one. */
async function idsInTopic(ask: AskAny, TopicArn: string): Promise<string[]> {
  const listed = await ask('sns:ListSubscriptionsByTopic', async ({ sns }) => {
    const [{ paginateListSubscriptionsByTopic }, client] = await Promise.all([import('@aws-sdk/client-sns'), sns()]);
    const ids: string[] = [];
    const read = async (): Promise<string[]> => {
      for await (const { Subscriptions } of paginateListSubscriptionsByTopic({ client }, { TopicArn }))
        for (const { SubscriptionArn } of Subscriptions ?? []) if (SubscriptionArn !== undefined) ids.push(SubscriptionArn);
      return ids;
    };
    return unlessGone(read(), notFound);
  });
  return (listed ?? []).filter((id) => subscriptionArn.test(id));
}

const subscriptionProperties = [
  { name: 'protocol', tells: true },
  { name: 'endpoint', tells: true },
  { name: 'topic' },
  { name: 'rawMessageDelivery' },
  { name: 'filterPolicy' },
  { name: 'filterPolicyScope' },
  { name: 'deliveryPolicy' },
  { name: 'redrivePolicy' },
  { name: 'subscriptionRoleArn' },
  // Becomes true by what a reader does, and not by a program: the state is never up to date in it.
  { name: 'pendingConfirmation', tells: true, notInState: true },
] as const;

async function readSubscription(ask: AskAny, SubscriptionArn: string): Promise<Reading[]> {
  const attributes = await ask('sns:GetSubscriptionAttributes', async ({ sns }) => {
    const [{ GetSubscriptionAttributesCommand }, client] = await Promise.all([import('@aws-sdk/client-sns'), sns()]);
    return unlessGone(
      client.send(new GetSubscriptionAttributesCommand({ SubscriptionArn })).then(({ Attributes: all }) => all ?? {}),
      notFound,
    );
  });
  if (!attributes) return [];
  return [
    {
      id: SubscriptionArn,
      phase: 'there',
      properties: shownOf(attributes, subscriptionProperties, {
        topic: attributes['TopicArn'],
        filterPolicy: normalized(attributes['FilterPolicy']),
        deliveryPolicy: normalized(attributes['DeliveryPolicy']),
        redrivePolicy: normalized(attributes['RedrivePolicy']),
        pendingConfirmation: attributes['PendingConfirmation'] === 'true' ? 'not confirmed yet' : undefined,
      }),
      refersTo: [attributes['TopicArn']],
      madeBy: 'somebody',
    },
  ];
}

const subscriptionsById: ById = {
  how: 'by-id',
  actions: ['sns:ListSubscriptionsByTopic', 'sns:GetSubscriptionAttributes'],
  of: tokens.topic,
  look: async (ask, ids, topics) => {
    const inTopics = await Promise.all(topics.map((id) => idsInTopic(ask, id)));
    const all = [...new Set([...ids, ...inTopics.flat()])];
    return (await Promise.all(all.map((id) => readSubscription(ask, id)))).flat();
  },
};

/** A topic has one subscription of a protocol and an endpoint: to subscribe it again gives the same one. */
export const subscription: ResourceType = {
  token: tokens.subscription,
  title: 'subscription',
  taggedAs: undefined,
  by: 'key',
  keyOf: (properties) => {
    const parts = ['topic', 'protocol', 'endpoint'].map((name) => textOf(properties, name));
    return parts.includes(undefined) ? undefined : parts.join(' ');
  },
  idOf: () => undefined,
  isId: isIdLike(subscriptionArn),
  containersOf: within(tokens.topic, 'topic'),
  containersOfId: (id) => {
    const [, arn] = subscriptionArn.exec(id) ?? [];
    return arn === undefined ? [] : [{ type: tokens.topic, id: arn }];
  },
  properties: subscriptionProperties,
  find: subscriptionsById,
  events: { create: ['Subscribe'], delete: ['Unsubscribe'] },
};
