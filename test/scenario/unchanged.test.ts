import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DescribeVpcAttributeCommand, DescribeVpcsCommand, ModifyVpcAttributeCommand } from '@aws-sdk/client-ec2';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkpointKey, indexKey } from '../../orchestrator/state/layout.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { exampleNetwork } from '../support/networks.ts';
import { tier } from '../support/tier.ts';

const whySchema = z.object({ runs: z.boolean(), reasons: z.array(z.string()) });

// One life, in order: each step starts from what the one before left. At night: a push tries that nothing changed in unchanged-large.test.ts, and that one thing
// changed in edits.test.ts.
describe.runIf(tier === 'all')('what has not changed costs no engine', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  beforeAll(async () => {
    rig = await LabRig.start(exampleNetwork);
    expect((await rig.holdfast(['up', '--yes'])).exitCode).toBe(0);
  });
  afterAll(() => rig.stop());

  const up = async (...more: readonly string[]): Promise<CommandResult> => {
    const ended = await rig.holdfast(['up', '--yes', '--json', ...more]);
    expect(ended.exitCode).toBe(0);
    return ended;
  };
  const shorts = (stacks: readonly string[]): string[] => stacks.map((stack) => stack.replace('example.', '')).sort();
  /** Stacks whose engine was started, in the plan and after it. */
  const planned = ({ events }: CommandResult): string[] =>
    shorts([...new Set(events.filter(({ type, op }) => type === 'step' && op !== undefined).map(({ stack }) => String(stack)))]);
  const applied = ({ events }: CommandResult): string[] =>
    shorts(
      events.flatMap(({ type, stack, end }) =>
        type === 'stack-ended' && (end as { outcome: string }).outcome === 'applied' ? [String(stack)] : [],
      ),
    );
  const why = async (stack: string): Promise<z.infer<typeof whySchema>> =>
    whySchema.parse(JSON.parse((await rig.holdfast(['status', '--why', stack, '--json'])).stdout));
  const all = shorts([
    'transit-gateway',
    ...['shared', 'production', 'staging'].flatMap((name) => ['vpc', 'member', 'route-tables', 'segment'].map((kind) => `${kind}.${name}`)),
  ]);

  it('and at most ten requests to the bucket, none of which writes', async () => {
    const before = await rig.lastCall();
    const ended = await up();
    expect(planned(ended)).toEqual([]);
    const calls = await rig.calls({ service: 's3', since: before });
    expect(calls.length).toBeLessThanOrEqual(10);
    expect(calls.filter(({ action }) => !/^(Get|List|Head)/.test(action))).toEqual([]);
    expect((await rig.calls({ service: 'ec2', since: before })).length).toBe(0);
    expect(await why('vpc.shared')).toEqual({ runs: false, reasons: [expect.stringMatching(/^nothing has changed/)] });
  });

  it.each([
    [['up', '--yes'], false],
    [['plan'], false],
    [['status'], false],
    [['--help'], false],
    // Else nobody would know that the list has what was loaded.
    [['plan', '--force'], true],
  ])('and the SDK of Pulumi is loaded by what starts an engine only: %j', async (args, isLoaded) => {
    const list = join(rig.folder, 'loaded-packages.json');
    const probe = fileURLToPath(new URL('../support/loaded-packages.cjs', import.meta.url));
    const { exitCode } = await rig.holdfast(args, { NODE_OPTIONS: `--require ${probe}`, LOADED_PACKAGES: list });
    expect(exitCode).toBe(0);
    const packages = z.array(z.string()).parse(JSON.parse(await readFile(list, 'utf8')));
    expect(packages.some((name) => name.startsWith('@pulumi/') || name.startsWith('@grpc/'))).toBe(isLoaded);
  });

  it('where a VPC is changed in the file, exactly it runs, as nothing reads what is new of it', async () => {
    await rig.writeNetwork(
      exampleNetwork.replace(
        'private: { a: 10.2.0.0/20, b: 10.2.16.0/20 }',
        'private: { a: 10.2.0.0/20, b: 10.2.16.0/20, c: 10.2.32.0/20 }',
      ),
    );
    expect(await why('vpc.staging')).toEqual({ runs: true, reasons: ['changed: what the network file says of it'] });
    const ended = await up();
    expect(planned(ended)).toEqual(['vpc.staging']);
    expect(applied(ended)).toEqual(['vpc.staging']);
    expect(planned(await up())).toEqual([]);
  });

  it('where only the routes of one VPC are changed, exactly its route tables run', async () => {
    await rig.writeNetwork(
      exampleNetwork
        .replace('private: { a: 10.2.0.0/20, b: 10.2.16.0/20 }', 'private: { a: 10.2.0.0/20, b: 10.2.16.0/20, c: 10.2.32.0/20 }')
        .replace('private: [10.1.0.0/16, 10.2.0.0/16]', 'private: [10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16]'),
    );
    const ended = await up();
    expect(planned(ended)).toEqual(['route-tables.shared']);
    expect(planned(await up())).toEqual([]);
  });

  it('where an output is planned anew and comes out as it was, what reads it does not run', async () => {
    // A new description of the gateway: an update of it, whose id stays.
    await rig.writeNetwork((await readFile(rig.networkFile, 'utf8')).replace('description: example network', 'description: another'));
    const ended = await up();
    expect(applied(ended)).toEqual(['transit-gateway']);
    expect(planned(await up())).toEqual([]);
  });

  it('where somebody has written a checkpoint behind our back, its stack is looked at', async () => {
    const key = checkpointKey('example.vpc.shared');
    const text = await (await rig.s3.send(new GetObjectCommand({ Bucket: rig.record.bucket, Key: key }))).Body?.transformToString();
    await rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: `${text ?? ''}\n` }));
    expect((await why('vpc.shared')).runs).toBe(true);
    expect(planned(await up())).toEqual(['vpc.shared']);
    expect(planned(await up())).toEqual([]);
  });

  it('where the index is lost, everything is asked once', async () => {
    await rig.s3.send(new DeleteObjectCommand({ Bucket: rig.record.bucket, Key: indexKey('example') }));
    expect(planned(await up())).toEqual(all);
    expect(planned(await up())).toEqual([]);
  });

  it('where a stack is frozen, it is said, and not passed over', async () => {
    expect((await rig.holdfast(['freeze', 'vpc.shared', '--incident', 'INC-1'])).exitCode).toBe(0);
    expect((await rig.holdfast(['up', '--yes'])).exitCode).toBe(6);
    expect((await why('vpc.shared')).reasons).toEqual(['it is frozen: it is left out, and all that stands on it']);
    expect((await rig.holdfast(['unfreeze', 'vpc.shared', '--incident', 'INC-1'])).exitCode).toBe(0);
    expect(planned(await up())).toEqual([]);
  });

  it('with --force everything is asked, and nothing comes of it', async () => {
    const ended = await up('--force');
    expect(planned(ended)).toEqual(all);
    expect(applied(ended)).toEqual([]);
  });

  it('with --refresh what was changed by hand is found and put right', async () => {
    const { Vpcs } = await rig.ec2.send(
      new DescribeVpcsCommand({ Filters: [{ Name: 'tag:holdfast:stack', Values: ['example.vpc.production'] }] }),
    );
    const VpcId = Vpcs?.[0]?.VpcId;
    await rig.ec2.send(new ModifyVpcAttributeCommand({ VpcId, EnableDnsHostnames: { Value: false } }));
    expect(planned(await up())).toEqual([]);
    await up('vpc.production', '--refresh');
    const { EnableDnsHostnames } = await rig.ec2.send(new DescribeVpcAttributeCommand({ VpcId, Attribute: 'enableDnsHostnames' }));
    expect(EnableDnsHostnames?.Value).toBe(true);
    expect(planned(await up())).toEqual([]);
  });
});
