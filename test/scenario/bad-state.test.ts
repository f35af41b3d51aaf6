import { CreateVpcCommand } from '@aws-sdk/client-ec2';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { checkpointKey, durableLockKey, lockFolder, recordKey } from '../../orchestrator/state/layout.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { RawPulumi } from '../support/raw-pulumi.ts';
import { casesOf, nightly } from '../support/tier.ts';
import { engineLock, lockOf } from '../unit/support/owner.ts';

const gateway = 'small.transit-gateway';
const vpc = 'small.vpc.one';

describe('a state bucket in which something is wrong', { concurrent: false }, () => {
  let rig: LabRig;
  let raw: RawPulumi;
  let bucket: Bucket;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
    raw = await RawPulumi.open(rig.record);
    bucket = new Bucket(rig.s3, rig.record.bucket);
  });
  afterEach(() => rig.reset());
  afterAll(async () => {
    await raw.close();
    await rig.stop();
  });

  const put = (key: string, body: unknown) =>
    rig.s3.send(
      new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: typeof body === 'string' ? body : JSON.stringify(body) }),
    );
  const get = async (key: string): Promise<string> =>
    (await (await rig.s3.send(new GetObjectCommand({ Bucket: rig.record.bucket, Key: key }))).Body?.transformToString()) ?? '';
  const remove = (key: string) => rig.s3.send(new DeleteObjectCommand({ Bucket: rig.record.bucket, Key: key }));
  const up = (...args: string[]): Promise<CommandResult> => rig.holdfast(['up', ...args, '--yes', '--no-settle']);

  /** Nothing of AWS changed, and nothing of Pulumi's own part of the bucket. */
  async function refused(act: () => Promise<CommandResult>, exitCode: number, says: RegExp): Promise<void> {
    const [before, state] = [await rig.lastCall(), await bucket.list('.pulumi/')];
    const result = await act();
    expect(result.stdout).toMatch(says);
    expect(result.exitCode).toBe(exitCode);
    expect(await rig.calls({ service: 'ec2', mutating: true, since: before })).toEqual([]);
    expect(await bucket.list('.pulumi/')).toEqual(state);
  }

  const noLocks: readonly (readonly [what: string, body: unknown, says: RegExp])[] = [
    ['that is not JSON', '{', /locked by an object that is no lock \(\S*\/holdfast\.json: it is not JSON\)/],
    ['that is not one of ours', engineLock, /holdfast\.json: it is not a lock that Holdfast wrote/],
    ['of a newer Holdfast', { ...engineLock, holdfast: { ...lockOf(gateway), schema: 99 } }, /newer Holdfast \(schema 99\)/],
  ];
  const tried = casesOf(noLocks, { push: ([what]) => what === 'that is not JSON' });
  it.each(tried)('a lock %s keeps everyone out, and stays as it is', async (_, body, says) => {
    await put(durableLockKey(gateway), body);
    await refused(() => up('transit-gateway'), 6, says);
    expect((await rig.holdfast(['locks'])).stdout).toContain(durableLockKey(gateway));
  });

  nightly('several locks are all named', async () => {
    await put(`${lockFolder(gateway)}one.json`, engineLock);
    await put(`${lockFolder(gateway)}two.json`, 'x');
    await refused(() => up('transit-gateway'), 6, /plain pulumi, bob@laptop \(pid 7\)[^\n]*two\.json: it is not JSON/);
  });

  nightly('a journal that cannot be read is named by the run that it tells of, and in the way of nothing: it decides nothing', async () => {
    await put('.holdfast/runs/small/20300101T000000Z-00000000/w-000001-run-opened.json', '{');
    const run = await rig.holdfast(['runs', '20300101T000000Z-00000000']);
    expect(run.stdout).toContain('w-000001-run-opened.json: it is not JSON');
    expect((await up('transit-gateway')).exitCode).toBe(0);
  });

  it('a record of a stack that cannot be read refuses, and names the object', async () => {
    await put(recordKey(gateway), { schema: 99 });
    const says = /\.holdfast\/stacks\/small\/small\.transit-gateway\.json: it was written by a newer Holdfast/;
    await refused(() => up('transit-gateway'), 4, says);
    await refused(() => rig.holdfast(['recover', 'transit-gateway']), 4, says);
    expect((await rig.holdfast(['status'])).stdout).toMatch(says);
    expect(JSON.parse(await get(recordKey(gateway)))).toEqual({ schema: 99 });
  });

  it('what a Holdfast without stack records has left refuses, and names the object', async () => {
    await put('.holdfast/verified/small.transit-gateway.json', { schema: 1 });
    await refused(() => up('transit-gateway'), 3, /is of an older Holdfast, .*\.holdfast\/verified\/small\.transit-gateway\.json/);
  });

  it.each(casesOf(['plan', 'up', 'destroy', 'recover'], { push: (command) => command === 'up' }))(
    '%s refuses states of a Holdfast whose stacks had other resources, and touches nothing',
    async (command) => {
      const urn = (type: string, name: string): string => `urn:pulumi:small.route-tables.one::holdfast::${type}::${name}`;
      const resources = ['aws:ec2/routeTable:RouteTable', 'aws:ec2/route:Route'].map((type) => ({
        urn: urn(type, 'routes'),
        custom: true,
        id: 'rtb-1',
        type,
      }));
      await put(checkpointKey('small.route-tables.one'), { version: 3, checkpoint: { latest: { resources } } });
      await refused(
        () => rig.holdfast([command, ...(command === 'plan' || command === 'recover' ? [] : ['--yes'])]),
        3,
        /1 stack of this network was deployed by an earlier Holdfast.*\n +route-tables\.one: aws:ec2\/routeTable:RouteTable\n/,
      );
    },
  );

  it('a checkpoint that plain pulumi changed between two runs is looked at first, and goes on where AWS has nothing more', async () => {
    expect((await up('transit-gateway')).exitCode).toBe(0);
    expect((await raw.run('refresh', gateway)).exitCode).toBe(0);
    expect((await rig.holdfast(['status'])).stdout).toMatch(/transit-gateway +CHANGED/);
    await rig.writeNetwork(`${smallNetwork}gateway: { description: another }\n`);
    const result = await up('transit-gateway');
    await rig.writeNetwork(smallNetwork);
    expect(result.stdout).toMatch(/its checkpoint was changed behind Holdfast since .* going on/);
    expect(result.exitCode).toBe(0);
  });

  it('a checkpoint that is gone while AWS has its objects holds the stack, and makes nothing a second time', async () => {
    expect((await up('transit-gateway')).exitCode).toBe(0);
    await remove(checkpointKey(gateway));
    const before = await rig.lastCall();
    const result = await up('transit-gateway');
    expect(result.stdout).toMatch(/its checkpoint is missing since .*, and AWS has a transit-gateway/);
    expect(result.exitCode).toBe(4);
    expect(await rig.calls({ service: 'ec2', mutating: true, since: before })).toEqual([]);
    expect((await up('transit-gateway')).exitCode).toBe(4);
  });

  nightly('an object of AWS that no state has, under the tags of a stack that was changed behind, holds it', async () => {
    expect((await up('transit-gateway')).exitCode).toBe(0);
    expect((await raw.run('refresh', gateway)).exitCode).toBe(0);
    const { installation } = JSON.parse(await get('.holdfast/installation.json')) as { installation: string };
    const tags = { 'holdfast:stack': gateway, 'holdfast:installation': installation, 'holdfast:resource': 'second' };
    await rig.ec2.send(
      new CreateVpcCommand({
        CidrBlock: '10.77.0.0/16',
        TagSpecifications: [{ ResourceType: 'vpc', Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }],
      }),
    );
    await rig.writeNetwork(`${smallNetwork}gateway: { description: another }\n`);
    const result = await up('transit-gateway');
    await rig.writeNetwork(smallNetwork);
    expect(result.stdout).toMatch(/AWS has a vpc for second \(vpc-\w+\) that the state does not have/);
    expect(result.exitCode).toBe(4);
    expect(await rig.locks()).toEqual([durableLockKey(gateway)]);
  });

  nightly('a checkpoint that somebody changes in the middle of a run is not written over', async () => {
    expect((await up('transit-gateway')).exitCode).toBe(0);
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run(['up', 'vpc.one', '--yes', '--no-settle', '--json']);
    const { held } = await rig.heldCall(run);
    const changed = JSON.stringify({ ...(JSON.parse(await get(checkpointKey(vpc))) as object), changed: true });
    await put(checkpointKey(vpc), changed);
    await rig.release(held[0]?.n ?? 0);
    const { exitCode, stdout } = await run.ended;
    expect(stdout).toContain('was changed by someone else while this run had it');
    expect(exitCode).toBe(4);
    expect(await get(checkpointKey(vpc))).toBe(changed);
    const status = await rig.holdfast(['status']);
    expect(status.stdout).toMatch(/HELD vpc\.one: CreateVpc outcome unknown/);
  });
});
