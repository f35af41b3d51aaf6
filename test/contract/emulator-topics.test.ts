import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CreateTopicCommand,
  GetSubscriptionAttributesCommand,
  ListSubscriptionsByTopicCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
  UnsubscribeCommand,
} from '@aws-sdk/client-sns';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { account, region, useEmulator } from './emulator-lab.ts';

const lab = useEmulator();

let sns: SNSClient;
beforeAll(() => {
  sns = new SNSClient(lab.config());
});
afterAll(() => sns.destroy());

const topic = `arn:aws:sns:${region}:${account}:on-call`;
const tags = (value: string) => [{ Key: 'team', Value: value }];
const made = () => sns.send(new CreateTopicCommand({ Name: 'on-call', Tags: tags('a') }));
const subscribe = (Protocol: string, Endpoint: string, ReturnSubscriptionArn = false) =>
  sns.send(new SubscribeCommand({ TopicArn: topic, Protocol, Endpoint, ReturnSubscriptionArn }));
const listed = async () => (await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn: topic }))).Subscriptions ?? [];

describe('a topic', () => {
  test('is made once of a name', async () => {
    expect((await made()).TopicArn).toBe(topic);
    expect((await made()).TopicArn).toBe(topic);
    expect((await sns.send(new CreateTopicCommand({ Name: 'on-call' }))).TopicArn).toBe(topic);
  });

  test('of the same name with other tags is refused', async () => {
    await made();
    await expect(sns.send(new CreateTopicCommand({ Name: 'on-call', Tags: tags('b') }))).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: 'Invalid parameter: Tags Reason: Topic already exists with different tags',
    });
  });
});

describe.each([
  ['email', 'oncall@example.com'],
  ['https', 'https://oncall.example/topic'],
])('a subscription of %s', (protocol, endpoint) => {
  test('waits for its reader, and until then no list has its ARN', async () => {
    await made();
    expect((await subscribe(protocol, endpoint)).SubscriptionArn).toBe('pending confirmation');
    const { SubscriptionArn } = await subscribe(protocol, endpoint, true);
    expect(SubscriptionArn).toMatch(`${topic}:`);
    expect(await listed()).toEqual([
      { SubscriptionArn: 'PendingConfirmation', Owner: account, Protocol: protocol, Endpoint: endpoint, TopicArn: topic },
    ]);
    const { Attributes } = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
    expect(Attributes).toMatchObject({ PendingConfirmation: 'true', Protocol: protocol, Endpoint: endpoint });
  });

  test('that nobody has confirmed cannot be ended', async () => {
    await made();
    const { SubscriptionArn } = await subscribe(protocol, endpoint, true);
    await expect(sns.send(new UnsubscribeCommand({ SubscriptionArn }))).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringContaining('Cannot unsubscribe a subscription that is pending confirmation') as string,
    });
  });
});

describe('a message', () => {
  const publish = () => sns.send(new PublishCommand({ TopicArn: topic, Message: 'm' }));

  test('reaches an address on the loopback', async () => {
    const read: string[] = [];
    const server = createServer((request, response) => {
      request.on('data', (part: Buffer) => read.push((JSON.parse(part.toString()) as { Message: string }).Message));
      request.on('end', () => response.end());
    });
    onTestFinished(() => void server.close());
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    await made();
    await subscribe('http', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await publish();
    expect(read).toEqual(['m']);
  });

  test.each([
    ['nobody has confirmed', 'https', 'https://oncall.example/topic'],
    ['nobody listens at', 'http', 'http://127.0.0.1:9/'],
    ['is a queue that is not there', 'sqs', `arn:aws:sqs:${region}:${account}:none`],
    ['is a function', 'lambda', `arn:aws:lambda:${region}:${account}:function:page`],
  ])('is published also where a reader %s', async (_, protocol, endpoint) => {
    await made();
    await subscribe(protocol, endpoint);
    expect((await publish()).MessageId).toBeDefined();
  });
});
