import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { runHere } from '../support/in-process.ts';
import { cliKilled, interrupted, orchestratorKilled } from '../support/interruptions.ts';
import type { Interruption } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { nightly } from '../support/tier.ts';

const stack = 'small.transit-gateway';
const topic = 'arn:aws:sns:eu-west-1:111122223333:on-call';
const guardrails = `guardrails:
  runbook: https://wiki.example/holdfast
  metric: {}
  topic: { arn: "${topic}" }
  webhook: { urlFrom: CHAT }
`;

/** The chat, and whoever the topic is read by: one address each on this machine. */
class Readers {
  readonly chat: string[] = [];
  readonly topic: string[] = [];
  readonly #server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      if (request.url === '/chat') this.chat.push((JSON.parse(body) as { text: string }).text);
      else this.topic.push((JSON.parse(body) as { Message?: string }).Message ?? '');
      response.end();
    });
  });

  async open(): Promise<string> {
    await new Promise<void>((listening) => this.#server.listen(0, '127.0.0.1', listening));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
  }

  /** What each has read since the last time, by its first line. */
  read(): { chat: string[]; topic: string[] } {
    const titles = (texts: string[]): string[] =>
      texts
        .splice(0)
        .map((text) => text.split(':')[0] ?? '')
        .sort();
    return { chat: titles(this.chat), topic: titles(this.topic) };
  }
}

describe('the lock alarm', { concurrent: false }, () => {
  let rig: LabRig;
  let sns: SNSClient;
  let cloudwatch: CloudWatchClient;
  let env: Record<string, string>;
  let at: string;
  const readers = new Readers();
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork + quickly + guardrails);
    sns = new SNSClient(rig.client);
    cloudwatch = new CloudWatchClient(rig.client);
    at = await readers.open();
    env = { CHAT: `${at}/chat` };
  });
  beforeEach(async () => {
    await sns.send(new CreateTopicCommand({ Name: 'on-call' }));
    await sns.send(new SubscribeCommand({ TopicArn: topic, Protocol: 'http', Endpoint: `${at}/topic` }));
    readers.read();
  });
  afterEach(() => rig.reset());
  afterAll(async () => {
    readers.close();
    sns.destroy();
    cloudwatch.destroy();
    await rig.stop();
  });

  const up = ['up', 'transit-gateway', '--yes', '--no-settle'];
  const hit = (interruption: Interruption, action = 'CreateTransitGateway'): Promise<number | null> =>
    interrupted(rig, up, { service: 'ec2', action }, { ...interruption, env: () => Promise.resolve(env) });
  const minutesLater = (minutes: number) => () => Date.now() + minutes * 60_000;
  const watch = async (now?: () => number) => {
    const watched = await runHere(rig, ['locks', '--notify', '--json'], env, now);
    const told = (watched.events[0]?.['told'] ?? []) as { notifier: string; kind: string; outcome: string }[];
    return { exitCode: watched.exitCode, told: told.map(({ notifier, kind, outcome }) => `${notifier} ${kind} ${outcome}`).sort() };
  };

  it('of a stuck lock reaches each notifier once, and the metric each time; the lock stays', async () => {
    await hit(orchestratorKilled);
    expect(await watch(minutesLater(19))).toEqual({
      exitCode: 0,
      told: ['metric lock-age told', 'sns held told', 'webhook held told'],
    });
    expect(readers.read()).toEqual({ chat: ['HELD small transit-gateway'], topic: ['HELD small transit-gateway'] });

    expect(await watch(minutesLater(21))).toEqual({
      exitCode: 7,
      told: ['metric lock-age told', 'sns held before', 'sns old-lock told', 'webhook held before', 'webhook old-lock told'],
    });
    for (const text of [readers.chat[0] ?? '', readers.topic[0] ?? ''])
      expect(text.split('\n')).toEqual([
        'OLD LOCK small transit-gateway: locked for 21 min (dead)',
        expect.stringMatching(/^owner: \S+@\S+ \(pid \d+, run \S+\)$/),
        'operation: up',
        'age: 21 min',
        'process: dead',
        expect.stringMatching(/^last heartbeat: 20\d\d-.*Z$/),
        'Do not release the lock without checking drift: its age proves nothing, and AWS may have what the state does not say.',
        'next: npm run status, and then npm run recover -- transit-gateway',
        'runbook: https://wiki.example/holdfast',
      ]);
    readers.read();

    for (const minutes of [22, 23, 60, 600])
      expect(await watch(minutesLater(minutes))).toEqual({
        exitCode: 7,
        told: ['metric lock-age told', 'sns held before', 'sns old-lock before', 'webhook held before', 'webhook old-lock before'],
      });
    expect(readers.read()).toEqual({ chat: [], topic: [] });
    expect(await rig.locks()).toEqual([durableLockKey(stack)]);

    const { Datapoints } = await cloudwatch.send(
      new GetMetricStatisticsCommand({
        Namespace: 'Holdfast',
        MetricName: 'OldestLockAge',
        Dimensions: [{ Name: 'Network', Value: 'small' }],
        StartTime: new Date(Date.now() - 3_600_000),
        EndTime: new Date(Date.now() + 11 * 3_600_000),
        Period: 86_400,
        Statistics: ['SampleCount', 'Maximum'],
      }),
    );
    expect(Datapoints?.reduce((sum, { SampleCount }) => sum + (SampleCount ?? 0), 0)).toBe(6);
    expect(Math.max(...(Datapoints ?? []).map(({ Maximum }) => Maximum ?? 0))).toBeGreaterThanOrEqual(36_000);
  });

  nightly('of a lock whose owner is at work says that it lives', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateTransitGateway', times: 1 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run([...up, '--json'], env);
    const { held } = await rig.heldCall(run);
    expect(await watch(minutesLater(21))).toEqual({
      exitCode: 7,
      told: ['metric lock-age told', 'sns old-lock told', 'webhook old-lock told'],
    });
    expect(readers.chat[0]).toMatch(/^OLD LOCK small transit-gateway: locked for 21 min \(alive\)$/m);
    expect(readers.chat[0]).toMatch(/^process: alive$/m);
    expect(readers.chat[0]).toMatch(/^last heartbeat: 20\d\d-/m);
    readers.read();
    await rig.release(held[0]?.n ?? 0);
    expect((await run.ended).exitCode).toBe(0);
    expect(await watch()).toEqual({ exitCode: 0, told: ['metric lock-age told'] });
    expect(readers.read()).toEqual({ chat: [], topic: [] });
  });

  nightly('is not the only one who tells: a hold, a recovery, a freeze and a release are told at once', async () => {
    const both = (title: string) => ({ chat: [title], topic: [title] });
    expect(await hit(cliKilled)).toBe(4);
    expect(readers.read()).toEqual(both('HELD small transit-gateway'));
    expect(await watch()).toEqual({ exitCode: 0, told: ['metric lock-age told', 'sns held before', 'webhook held before'] });

    expect((await rig.holdfast(['freeze', 'vpc.one', '--incident', 'INC-7'], env)).exitCode).toBe(0);
    expect(readers.read()).toEqual(both('FROZEN small vpc.one'));
    expect((await rig.holdfast(['unfreeze', '--all', '--incident', 'INC-7'], env)).exitCode).toBe(0);
    expect(readers.read()).toEqual(both('unfrozen small vpc.one'));

    await rig.holdfast(['recover', '--dry-run'], env);
    expect(readers.read()).toEqual({ chat: [], topic: [] });
    expect((await rig.holdfast(['recover', '--incident', 'INC-7'], env)).exitCode).toBe(0);
    expect(readers.read()).toEqual(both('recovered small transit-gateway'));

    expect(await hit(orchestratorKilled, 'CreateTransitGatewayRouteTable')).toBeNull();
    const release = ['release', 'transit-gateway', '--incident', 'INC-8', '--unreconciled', '--confirm', stack];
    expect((await rig.holdfast(release, env)).exitCode).toBe(0);
    expect(readers.read()).toEqual(both('RELEASED small transit-gateway'));
  });

  it('that cannot get through says so, fails the watch, and is tried again', async () => {
    await hit(orchestratorKilled);
    const failed = await runHere(rig, ['locks', '--notify'], { CHAT: 'http://127.0.0.1:9/secret-path' });
    expect(failed.exitCode).toBe(1);
    expect(failed.stdout).toMatch(/^NOT TOLD webhook: held of transit-gateway: .*the address in CHAT.*The next watch tries again\.$/m);
    expect(failed.stdout).not.toContain('secret-path');
    readers.read();
    expect(await watch()).toMatchObject({ exitCode: 0, told: ['metric lock-age told', 'sns held before', 'webhook held told'] });
    expect(readers.read()).toEqual({ chat: ['HELD small transit-gateway'], topic: [] });
  });

  it('of a network that names nobody to tell is refused', async () => {
    const text = smallNetwork + quickly + guardrails;
    await rig.writeNetwork(smallNetwork);
    const refused = await rig.holdfast(['locks', '--notify']);
    await rig.writeNetwork(text);
    expect(refused.stdout).toMatch(/names nobody to tell/);
    expect(refused.exitCode).toBe(2);
  });
});
