import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  CreateRouteCommand,
  CreateSubnetCommand,
  DeleteRouteCommand,
  DescribeRouteTablesCommand,
  DescribeTransitGatewayRouteTablesCommand,
  CreateTransitGatewayRouteCommand,
} from '@aws-sdk/client-ec2';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { lookAtAws } from '../support/aws-look.ts';
import { cliKilled, interrupted } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { engineBelow, isRunning } from '../support/processes.ts';
import { argumentsOf, questionsIn, stateOf, taggableIds, taggedIds } from '../support/recovery-oracle.ts';
import { nightly, tier } from '../support/tier.ts';

const gateway = 'small.transit-gateway';
const vpc = 'small.vpc.one';

let rig: LabRig;
beforeAll(async () => {
  rig = await LabRig.start(smallNetwork + quickly);
});
beforeEach(async () => {
  await rig.reset();
  await rig.writeNetwork(smallNetwork + quickly);
});
afterAll(() => rig.stop());

const up = (...args: string[]): string[] => ['up', ...args, '--yes', '--no-settle', '--bucket-patience', '2s'];

async function deployed(...stacks: string[]): Promise<void> {
  const { exitCode, stdout } = await rig.holdfast(['up', ...stacks, '--yes']);
  expect(exitCode, stdout).toBe(0);
}

const deployedGateway = (): Promise<void> => rig.beginWith('deployed-gateway', () => deployed('transit-gateway'));

async function isWhole(stack: string): Promise<void> {
  expect(await rig.locks()).toEqual([]);
  const state = await stateOf(rig, stack);
  expect(state.operations).toEqual([]);
  expect(await taggedIds(rig, stack)).toEqual(taggableIds(state));
}

/** How late AWS shows things, and for how long at most by the network file: 2 min of a gateway where it says nothing. A push waits a twentieth. */
const late =
  tier === 'all' ? { seconds: 20, network: smallNetwork } : { seconds: 4, network: `${smallNetwork}recovery: { staleness: 6s }\n` };

describe('what AWS shows late', { concurrent: false }, () => {
  nightly(`is neither forgotten nor made twice: describes are stale for ${late.seconds} s`, async () => {
    await rig.writeNetwork(late.network);
    await rig.fault({ match: { service: 'ec2' }, do: { kind: 'stale', seconds: late.seconds } });
    await rig.fault({ match: { service: 'ec2', action: 'CreateTransitGateway', times: 1 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run(up('transit-gateway'));
    const { held } = await rig.heldCall(run);
    process.kill((await engineBelow(run.child.pid ?? 0)).cli, 'SIGKILL');
    await rig.release(held[0]?.n ?? 0);
    expect((await run.ended).exitCode).toBe(4);

    const recovered = await rig.holdfast(['recover']);
    expect(recovered.exitCode, recovered.stdout).toBe(0);
    await rig.clearFaults();
    expect(taggableIds(await stateOf(rig, gateway))).toHaveLength(1);
    await isWhole(gateway);
    await deployed('transit-gateway');
    expect((await lookAtAws(rig.ec2)).gateways).toHaveLength(1);
  });

  it('arrives when its sender is dead: a create that was on its way is found before the release', async () => {
    await rig.writeNetwork(late.network);
    await rig.fault({ match: { service: 'ec2', action: 'CreateTransitGateway', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const run = rig.run(up('transit-gateway'));
    const { held } = await rig.heldCall(run);
    const { cli, plugin } = await engineBelow(run.child.pid ?? 0);
    run.child.kill('SIGKILL');
    process.kill(cli, 'SIGKILL');
    await run.ended;
    expect(await isRunning(plugin)).toBe(true);

    const recovery = rig.run(['recover', '--json']);
    await recovery.event(({ type, step }) => type === 'recovery-step' && step === 'quarantine');
    expect(await isRunning(plugin)).toBe(false);
    // The call itself is in the network, where nobody can end it.
    await pause(late.seconds * 1000);
    await rig.release(held[0]?.n ?? 0);
    const { exitCode, stdout } = await recovery.ended;
    expect(exitCode, stdout).toBe(0);
    expect(taggableIds(await stateOf(rig, gateway))).toHaveLength(1);
    await isWhole(gateway);
    await deployed('transit-gateway');
    expect((await lookAtAws(rig.ec2)).gateways).toHaveLength(1);
  });
});

describe('two objects of one resource', { concurrent: false }, () => {
  it('are told apart: one is adopted, the other is named with its id, and nothing is deleted that nobody said', async () => {
    await deployedGateway();
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'lose-reply' } });
    const run = rig.run([...up('vpc.one'), '--json']);
    expect((await run.ended).exitCode).toBe(4);
    await rig.clearFaults();
    const two = (await taggedIds(rig, vpc)).filter((id) => id.startsWith('vpc-'));
    expect(two).toHaveLength(2);

    const asked = await rig.holdfast(['recover', '--json']);
    expect(asked.exitCode, asked.stdout).toBe(5);
    const recorded = taggableIds(await stateOf(rig, vpc)).find((id) => id.startsWith('vpc-')) ?? '';
    const other = two.find((id) => id !== recorded) ?? '';
    const [question] = questionsIn(asked);
    expect(question?.question).toContain(other);
    expect(question?.question).toContain(recorded);
    expect(await taggedIds(rig, vpc)).toEqual(expect.arrayContaining(two));
    expect((await rig.holdfast(['status'])).stdout).toMatch(/HELD vpc\.one: AWS has two objects for vpc\.one\/vpc/);

    const disown = question?.answers.find(({ command }) => command.includes('=disown:'))?.command ?? '';
    const answered = await rig.holdfast(argumentsOf(disown));
    expect(answered.exitCode, answered.stdout).toBe(0);
    expect(await rig.locks()).toEqual([]);
    expect((await taggedIds(rig, vpc)).filter((id) => id.startsWith('vpc-'))).toEqual(two);
    // What was disowned is reported, and in nobody's way.
    await deployed('vpc.one');
    const inventory = await rig.holdfast(['inventory', 'vpc.one', '--diff']);
    expect(inventory.exitCode, inventory.stdout).toBe(0);
    expect(inventory.stdout).toContain(other);
  });
});

describe('what was changed by hand meanwhile', { concurrent: false }, () => {
  nightly(
    'is found and told before the lock is released: a route that is gone, one that leads elsewhere, two that nobody declared',
    async () => {
      await deployed();
      const routes = 'small.route-tables.one';
      const more = smallNetwork.replace('private: [10.0.0.0/8]', 'private: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]');
      await rig.writeNetwork(more + quickly);
      await deployed();
      const wanted = more.replace('172.16.0.0/12, ', '172.16.0.0/12, 100.64.0.0/10, ');
      await rig.writeNetwork(wanted + quickly);
      const call = { service: 'ec2', action: 'CreateRoute' } as const;
      expect(await interrupted(rig, up('route-tables.one'), call, cliKilled)).toBe(4);

      const state = await stateOf(rig, routes);
      const table = String(state.resources.find(({ name }) => name === 'route-private-192.168.0.0/16')?.outputs['routeTableId']);
      const { TransitGatewayRouteTables } = await rig.ec2.send(new DescribeTransitGatewayRouteTablesCommand({}));
      const segment = TransitGatewayRouteTables?.[0]?.TransitGatewayRouteTableId ?? '';
      const gatewayId = TransitGatewayRouteTables?.[0]?.TransitGatewayId ?? '';
      await rig.ec2.send(new DeleteRouteCommand({ RouteTableId: table, DestinationCidrBlock: '192.168.0.0/16' }));
      await rig.ec2.send(
        new CreateRouteCommand({ RouteTableId: table, DestinationCidrBlock: '10.200.0.0/16', TransitGatewayId: gatewayId }),
      );
      await rig.ec2.send(
        new CreateTransitGatewayRouteCommand({
          TransitGatewayRouteTableId: segment,
          DestinationCidrBlock: '10.201.0.0/16',
          Blackhole: true,
        }),
      );

      const { exitCode, events, stdout } = await rig.holdfast(['recover', '--json']);
      expect(exitCode, stdout).toBe(0);
      const released = events.findIndex(({ type, step }) => type === 'recovery-step' && step === 'release');
      const before = events
        .slice(0, released)
        .map((event) => JSON.stringify(event))
        .join('\n');
      expect(before).toContain('route-private-192.168.0.0/16');
      expect(before).toContain('10.200.0.0/16');
      expect(before).toContain('create route-private-192.168.0.0/16');

      await deployed();
      const aws = await lookAtAws(rig.ec2);
      expect(aws.routes.filter((route) => route.includes('100.64.0.0/10'))).toHaveLength(1);
      expect(aws.routes.filter((route) => route.includes('192.168.0.0/16'))).toHaveLength(1);
      expect((await rig.holdfast(['plan'])).stdout).toContain('nothing to do');
      // What no stack has declared is not ours to delete.
      const { RouteTables } = await rig.ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [table] }));
      expect(RouteTables?.[0]?.Routes?.some(({ DestinationCidrBlock }) => DestinationCidrBlock === '10.200.0.0/16')).toBe(true);
    },
  );

  nightly('in an account that two installations share, under the same names, is only ever its own', async () => {
    const other = smallNetwork.replace('region: eu-west-1\n', 'region: eu-west-1\nstate: { bucket: another-installation }\n');
    await rig.writeNetwork(other + quickly);
    expect((await rig.holdfast(['bootstrap'])).exitCode).toBe(0);
    await deployed();
    const theirs = await lookAtAws(rig.ec2);
    const theirIds = new Set(await taggedIds(rig, gateway));

    await rig.writeNetwork(smallNetwork + quickly);
    expect(await interrupted(rig, up('transit-gateway'), { service: 'ec2', action: 'CreateTransitGateway' }, cliKilled)).toBe(4);
    const recovered = await rig.holdfast(['recover']);
    expect(recovered.exitCode, recovered.stdout).toBe(0);
    const own = taggableIds(await stateOf(rig, gateway));
    expect(own).toHaveLength(1);
    expect(own.filter((id) => theirIds.has(id))).toEqual([]);
    expect(await interrupted(rig, up('transit-gateway'), { service: 'ec2', action: 'CreateTransitGatewayRouteTable' }, cliKilled)).toBe(4);
    expect((await rig.holdfast(['recover'])).exitCode).toBe(0);
    await deployed('transit-gateway');
    const ids = new Set(await taggedIds(rig, gateway));
    for (const id of theirIds) expect(ids).toContain(id);
    const now = await lookAtAws(rig.ec2);
    expect(now.gateways).toHaveLength(2 * theirs.gateways.length);
    expect(now.vpcs).toEqual(theirs.vpcs);
    await rig.writeNetwork(other + quickly);
    expect((await rig.holdfast(['plan'])).stdout).toContain('nothing to do');
  });
});

describe('the quarantine', { concurrent: false }, () => {
  it('holds every version from 24 h before the run until the recovery, byte for byte, also what is no text', async () => {
    const bucket = new Bucket(rig.s3, rig.record.bucket);
    const key = checkpointKey(gateway);
    await rig.s3.send(
      new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: Uint8Array.from([0xff, 0xfe, 0, 1, 2, 0xc3, 0x28]) }),
    );
    await rig.s3.send(new DeleteObjectCommand({ Bucket: rig.record.bucket, Key: key }));
    await deployed('transit-gateway');
    const changed = `${smallNetwork}gateway: { description: changed }\n${quickly}`;
    await rig.writeNetwork(changed);
    expect(await interrupted(rig, up('transit-gateway'), { service: 'ec2', action: 'ModifyTransitGateway' }, cliKilled)).toBe(4);
    const before = (await bucket.versions(key)).filter((version) => version.key === key);
    expect(before.length).toBeGreaterThan(8);
    expect((await rig.holdfast(['recover'])).exitCode).toBe(0);

    const manifestKey = (await rig.keys('.holdfast/quarantine/')).find((name) => name.includes('/manifest-')) ?? '';
    const manifest = JSON.parse((await bucket.get(manifestKey))?.body ?? '') as {
      journal: string;
      versions: { key: string; version: string; deleteMarker: boolean; copy: string | null; sha256: string | null }[];
    };
    const listed = new Map(manifest.versions.filter((version) => version.key === key).map((version) => [version.version, version]));
    for (const { version, etag } of before) {
      const entry = listed.get(version);
      if (etag === undefined) {
        expect(entry).toMatchObject({ deleteMarker: true, copy: null });
        continue;
      }
      const original = Buffer.from((await bucket.getVersion(key, version)) ?? []);
      const copies = (await bucket.versions(entry?.copy ?? 'none')).filter((copy) => copy.key === entry?.copy);
      const copy = Buffer.from((await bucket.getVersion(entry?.copy ?? '', copies[0]?.version ?? '')) ?? []);
      expect(copy.equals(original)).toBe(true);
      expect(entry?.sha256).toBe(createHash('sha256').update(original).digest('hex'));
    }
    expect(manifest.versions.some((version) => version.key.includes('/locks/'))).toBe(true);
    expect((await rig.keys(manifest.journal)).length).toBeGreaterThan(0);
  });
});

describe('a subnet in our VPC that nobody declared', { concurrent: false }, () => {
  nightly("is named, and is in nobody's way", async () => {
    await deployedGateway();
    await deployed('vpc.one');
    const state = await stateOf(rig, vpc);
    const vpcId = state.resources.find(({ name }) => name === 'vpc')?.id ?? '';
    await rig.ec2.send(new CreateSubnetCommand({ VpcId: vpcId, CidrBlock: '10.1.200.0/24' }));
    await rig.writeNetwork(smallNetwork.replace('private: { a: 10.1.0.0/24 }', 'private: { a: 10.1.0.0/24, b: 10.1.1.0/24 }') + quickly);
    expect(await interrupted(rig, up('vpc.one'), { service: 'ec2', action: 'CreateSubnet' }, cliKilled)).toBe(4);
    const { exitCode, stdout } = await rig.holdfast(['recover']);
    expect(exitCode, stdout).toBe(0);
    expect(stdout).toMatch(/nobody's: .*subnet-/);
    await isWhole(vpc);
  });
});
