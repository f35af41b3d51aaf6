import { CreateSecurityGroupCommand, DeleteSecurityGroupCommand, DescribeVpcsCommand } from '@aws-sdk/client-ec2';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { argumentsOf } from '../support/recovery-oracle.ts';
import { nightly, tier } from '../support/tier.ts';

interface Standing {
  readonly short: string;
  readonly state: string;
  readonly detail: string;
  readonly unfinished?: { readonly operation: string; readonly run: string };
}

const network = smallNetwork + quickly;
/** The command that a message ends with. */
const commandIn = (text: string): string[] => argumentsOf(/npm run up -- [\w. -]*\w/.exec(text)?.[0] ?? '');

describe('a stack whose up failed part-way', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  beforeAll(async () => {
    rig = await LabRig.start(network);
  });
  afterAll(() => rig.stop());

  const refuse = (action: string): Promise<void> =>
    rig.fault({
      match: { service: 'ec2', action },
      do: { kind: 'refuse', code: 'ResourceLimitExceeded', status: 400, message: 'The limit has been reached.' },
    });
  const done = ({ exitCode, stdout }: CommandResult): void => expect(exitCode, stdout).toBe(0);
  const standing = async (stack: string): Promise<Standing | undefined> => {
    const status = await rig.holdfast(['status', '--json']);
    done(status);
    return (JSON.parse(status.stdout) as { stacks: Standing[] }).stacks.find(({ short }) => short === stack);
  };

  it('is told as unfinished, with the run and the command that goes on, and not as applied', async () => {
    done(await rig.holdfast(['up', 'transit-gateway', '--yes']));
    await refuse('CreateTransitGatewayVpcAttachment');
    const failed = await rig.holdfast(['up', 'vpc.one', '--yes', '--json']);
    await rig.clearFaults();
    expect(failed.exitCode, failed.stdout).toBe(1);
    const { run } = (await standing('vpc.one'))?.unfinished ?? { run: '' };
    expect(run).toMatch(/^\d{8}T\d{6}Z-/);
    expect(await standing('vpc.one')).toMatchObject({
      state: 'unfinished',
      detail: `run ${run} left it part-way. Continue: npm run up -- vpc.one`,
      unfinished: { operation: 'up' },
    });
    expect(await standing('transit-gateway')).toMatchObject({ state: 'applied', detail: '' });
    expect((await rig.holdfast(['status'])).stdout).toMatch(/vpc\.one +UNFINISHED +4 resources .* Continue: npm run up -- vpc\.one/);
  });

  it('refuses the up of what reads it in preflight, before any lock, with the command that deploys it', async () => {
    const before = await rig.lastCall();
    const refused = await rig.holdfast(['up', 'member.one', '--yes']);
    expect(refused.exitCode, refused.stdout).toBe(3);
    const told = /not deployed yet, or not to the end: small\.vpc\.one\n.*/.exec(refused.stdout + refused.stderr)?.[0] ?? '';
    expect(told).toContain('--with-upstreams');
    expect(commandIn(told)).toEqual(['up', 'vpc.one']);
    const calls = await rig.calls({ since: before });
    expect(calls.filter(({ service, action }) => service === 'ec2' && !action.startsWith('Describe'))).toEqual([]);
    expect(calls.filter(({ action, key }) => action === 'PutObject' && /^\.pulumi\/|^\.holdfast\/stacks\//.test(key ?? ''))).toEqual([]);
  });

  it('refuses what reads it as locked where another process has it, without a word of deploying it', async () => {
    const lock = '.pulumi/locks/organization/holdfast/small.vpc.one/4f2a.json';
    const Body = JSON.stringify({ pid: 1, username: 'ada', hostname: 'laptop', timestamp: '2030-01-01T00:00:00Z' });
    await rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: lock, Body }));
    const locked = await rig.holdfast(['up', 'member.one', '--yes']);
    await rig.s3.send(new DeleteObjectCommand({ Bucket: rig.record.bucket, Key: lock }));
    expect(locked.exitCode, locked.stdout).toBe(6);
    expect(locked.stdout).toContain('ada@laptop');
    expect(locked.stdout).not.toContain('not deployed yet');
  });

  it('is applied once the told command has gone on with it, and what reads it deploys', async () => {
    done(await rig.holdfast(['up', 'vpc.one', '--yes']));
    expect(await standing('vpc.one')).toMatchObject({ state: 'applied', detail: '' });
    done(await rig.holdfast(['up', 'member.one', '--yes']));
  });

  nightly('is applied once a run has found nothing left to do, as when the network file was taken back', async () => {
    await rig.writeNetwork(network.replace('private: { a: 10.1.0.0/24 }', 'private: { a: 10.1.0.0/24 }\n      spare: { a: 10.1.1.0/24 }'));
    await refuse('CreateSubnet');
    expect((await rig.holdfast(['up', 'vpc.one', '--yes'])).exitCode).toBe(1);
    await rig.clearFaults();
    expect((await standing('vpc.one'))?.state).toBe('unfinished');
    await rig.writeNetwork(network);
    done(await rig.holdfast(['up', '--yes']));
    expect(await standing('vpc.one')).toMatchObject({ state: 'applied', detail: '' });
  });

  it('of a destroy names the destroy that goes on with it', async () => {
    await refuse('DeleteSubnet');
    expect((await rig.holdfast(['destroy', 'vpc.one', '--with-dependents', '--yes'])).exitCode).toBe(1);
    await rig.clearFaults();
    expect(await standing('vpc.one')).toMatchObject({
      state: 'unfinished',
      detail: expect.stringMatching(/^run \S+ left it part-way\. Continue: npm run destroy -- vpc\.one$/) as string,
    });
    done(await rig.holdfast(['destroy', 'vpc.one', '--yes']));
    expect((await standing('vpc.one'))?.state).toBe('not-deployed');
  });

  // AWS is given 45 s before anybody looks.
  if (tier === 'all')
    it('of a destroy that something of others is in the way of says within a minute what that is, and one signal ends it', async () => {
      done(await rig.holdfast(['up', 'vpc.one', '--yes']));
      const { Vpcs } = await rig.ec2.send(
        new DescribeVpcsCommand({ Filters: [{ Name: 'tag:holdfast:stack', Values: ['small.vpc.one'] }] }),
      );
      const VpcId = Vpcs?.[0]?.VpcId ?? '';
      const { GroupId } = await rig.ec2.send(new CreateSecurityGroupCommand({ VpcId, GroupName: 'theirs', Description: 'a database' }));
      const destroying = rig.run(['destroy', 'vpc.one', '--yes', '--json']);
      expect(await destroying.event(({ type }) => type === 'delete-waits')).toMatchObject({
        stack: 'small.vpc.one',
        id: VpcId,
        obstacles: [{ kind: 'security-group', id: GroupId, description: 'theirs' }],
        unseen: [],
      });
      const calls = (await rig.calls({ service: 'ec2', mutating: true })).filter(({ action }) => action === 'DeleteVpc');
      expect(calls.map(({ errorCode }) => errorCode)).toContain('DependencyViolation');
      destroying.child.kill('SIGINT');
      const ended = await destroying.ended;
      expect(ended.exitCode, ended.stdout).toBe(1);
      expect(await rig.locks()).toEqual([]);
      expect(await standing('vpc.one')).toMatchObject({ state: 'unfinished' });
      await rig.ec2.send(new DeleteSecurityGroupCommand({ GroupId }));
      done(await rig.holdfast(['destroy', 'vpc.one', '--yes']));
    });
});
