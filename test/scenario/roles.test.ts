import {
  AssociateRouteTableCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateVpcCommand,
  DeleteRouteTableCommand,
  DeleteSubnetCommand,
  DeleteTagsCommand,
  DeleteVpcCommand,
  DescribeTagsCommand,
  DescribeVpcsCommand,
  DisassociateRouteTableCommand,
  ModifyVpcAttributeCommand,
} from '@aws-sdk/client-ec2';
import { DeleteObjectCommand, ListObjectVersionsCommand, PutObjectAclCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyOf } from '../../orchestrator/aws/permissions/policy.ts';
import { permissions } from '../../orchestrator/aws/permissions/roles.ts';
import type { Place } from '../../orchestrator/aws/permissions/places.ts';
import { checkpointKey, durableLockKey, lockFolder, recordKey } from '../../orchestrator/state/layout.ts';
import { network, parts } from '../roles/parts.ts';
import { answer, clientsOf } from '../roles/role-clients.ts';
import { Room } from '../roles/room.ts';
import { takenAway } from '../roles/take-away.ts';
import { runHere } from '../support/in-process.ts';
import { casesOf, nightly } from '../support/tier.ts';

let room: Room;
beforeAll(async () => {
  room = await Room.open();
});
afterAll(() => room.close());

/** At night: the same command as another part, at another beginning or on another kind of stack. */
const alike: ReadonlySet<string> = new Set([
  'plan: plan with a key',
  'plan: plan of a change',
  'plan: plan of what is frozen',
  'apply: up of which nobody knows what became',
  'apply: up that leaves a stack held',
  'apply: up of guardrails that are changed',
  'apply: destroy of the guardrails',
  'inventory: inventory --diff of the guardrails',
  'recover: recover of the gateway',
  'recover: recover of a member',
  'release: unfreeze, where the lock is gone',
  'release: release of a lock from elsewhere',
  'watch: status, where a lock is gone',
  'watch: locks of what is frozen',
]);

describe('every command does its work under its own role, and no call of it is refused', { concurrent: false }, () => {
  const tried = casesOf(
    parts.filter(({ slow }) => slow === undefined),
    { push: ({ name }) => !alike.has(name) },
  );
  it.each(tried.map((part) => [part.name, part] as const))('%s', async (_, part) => {
    const { exitCode, stdout, stderr, refused } = await room.run(part);
    expect(refused, stdout + stderr).toEqual([]);
    expect(exitCode, stdout + stderr).toBe(part.exitCode);
  });
});

/** One of each way in which a refusal reaches a person. `npm run roles` takes away every row of every role. */
const sample: readonly (readonly [part: string, action: string, place: Place])[] = [
  ['plan: preflight', 's3:GetBucketVersioning', 'bucket'],
  ['inventory: inventory', 'ec2:DescribeVpcs', 'ec2-reads'],
  ['watch: runs', 's3:GetObject', 'runs'],
  ['watch: locks --notify', 'sns:Publish', 'topic'],
  ['bootstrap: bootstrap', 's3:PutEncryptionConfiguration', 'bucket'],
  ['release: release', 's3:DeleteObject', 'locks'],
  ['recover: freeze', 's3:PutObject', 'locks'],
  ['recover: recover', 's3:PutObject', 'quarantine'],
  ['apply: up that AWS refuses', 's3:PutObject', 'checkpoints'],
  ['apply: up with a key', 'ec2:CreateTransitGateway', 'ec2-new-gateway'],
  ['apply: first up', 'ec2:CreateTags', 'ec2-tags-new'],
  ['apply: up of a change', 'ec2:DeleteTags', 'ec2-tags-own'],
  ['apply: part of a shared run', 'ec2:CreateTransitGatewayRouteTable', 'ec2-own'],
];

/** On a push one of each kind of service and place, of commands that take no more than moments, and one that starts an engine. */
const onPush: ReadonlySet<string> = new Set([
  'plan: preflight',
  'inventory: inventory',
  'watch: runs',
  'watch: locks --notify',
  'bootstrap: bootstrap',
  'apply: first up',
]);

describe('a role that lacks one action', { concurrent: false }, () => {
  it.each(casesOf(sample, { push: ([part]) => onPush.has(part) }))(
    '%s without %s (%s) fails, and names it',
    async (name, action, place) => {
      const part = parts.find((one) => one.name === name);
      const row = permissions.find((one) => one.action === action && one.place === place && part && one.roles.includes(part.role));
      if (!part || !row) throw new Error(`there is no ${part ? `row ${action}` : `part ${name}`}`);
      const { findings, result } = await takenAway(room, part, row);
      expect(findings, result.stdout + result.stderr).toEqual([]);
    },
  );
});

describe('a session with the policy of apply', { concurrent: false }, () => {
  it.each([
    ['bears no tag', []],
    ['bears the tag of another network', [{ Key: 'holdfast:stack', Value: 'small-2.vpc.one' }]],
  ])('neither changes, deletes nor tags a network that %s', async (_, tags) => {
    const { rig } = room;
    await room.begin('everything');
    const tagged = (ResourceType: 'vpc' | 'subnet' | 'route-table') =>
      tags.length === 0 ? {} : { TagSpecifications: [{ ResourceType, Tags: tags }] };
    const { Vpc } = await rig.ec2.send(new CreateVpcCommand({ CidrBlock: '10.200.0.0/16', ...tagged('vpc') }));
    const VpcId = Vpc?.VpcId ?? '';
    const { Subnet } = await rig.ec2.send(new CreateSubnetCommand({ VpcId, CidrBlock: '10.200.0.0/24', ...tagged('subnet') }));
    const { RouteTable } = await rig.ec2.send(new CreateRouteTableCommand({ VpcId, ...tagged('route-table') }));
    const [SubnetId, RouteTableId] = [Subnet?.SubnetId ?? '', RouteTable?.RouteTableId ?? ''];
    const { AssociationId } = await rig.ec2.send(new AssociateRouteTableCommand({ SubnetId, RouteTableId }));
    const before = await rig.ec2.send(new DescribeTagsCommand({}));

    const { ec2, close } = await clientsOf(rig, 'apply', policyOf('apply', await room.spec()));
    const Tags = [{ Key: 'team', Value: 'ours' }];
    const own = [{ ResourceType: 'subnet' as const, Tags: [{ Key: 'holdfast:stack', Value: 'small.vpc.one' }] }];
    const answers = await Promise.all(
      [
        new DeleteVpcCommand({ VpcId }),
        new DeleteSubnetCommand({ SubnetId }),
        new DeleteRouteTableCommand({ RouteTableId }),
        new DisassociateRouteTableCommand({ AssociationId }),
        new ModifyVpcAttributeCommand({ VpcId, EnableDnsSupport: { Value: false } }),
        new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: '0.0.0.0/0', TransitGatewayId: 'tgw-0123456789abcdef0' }),
        new CreateSubnetCommand({ VpcId, CidrBlock: '10.200.1.0/24', TagSpecifications: own }),
        new CreateTagsCommand({ Resources: [VpcId], Tags }),
        new CreateTagsCommand({ Resources: [VpcId], Tags: own[0]?.Tags }),
        new DeleteTagsCommand({ Resources: [VpcId], Tags: [{ Key: 'holdfast:stack' }] }),
        new DeleteTagsCommand({ Resources: [VpcId] }),
      ].map((command) => answer(ec2.send(command as never))),
    );
    close();
    expect(new Set(answers)).toEqual(new Set(['UnauthorizedOperation']));
    expect((await rig.ec2.send(new DescribeVpcsCommand({ VpcIds: [VpcId] }))).Vpcs).toHaveLength(1);
    expect((await rig.ec2.send(new DescribeTagsCommand({}))).Tags).toEqual(before.Tags);
  });

  it('tags its own objects, and leaves them the tags that say whose they are', async () => {
    const { rig } = room;
    await room.begin('everything');
    const { Tags = [] } = await rig.ec2.send(new DescribeTagsCommand({ Filters: [{ Name: 'value', Values: ['small.vpc.one/vpc'] }] }));
    const Resources = Tags.flatMap(({ ResourceId }) => ResourceId ?? []);
    expect(Resources).toHaveLength(1);
    const { ec2, close } = await clientsOf(rig, 'apply', policyOf('apply', await room.spec()));
    const tag = (Key: string) => answer(ec2.send(new CreateTagsCommand({ Resources, Tags: [{ Key, Value: 'x' }] })));
    const untag = (Key: string) => answer(ec2.send(new DeleteTagsCommand({ Resources, Tags: [{ Key }] })));
    expect([await tag('team'), await untag('team')]).toEqual(['done', 'done']);
    expect([await tag('holdfast:stack'), await untag('holdfast:stack'), await untag('holdfast:installation')]).toEqual(
      Array(3).fill('UnauthorizedOperation'),
    );
    expect(await answer(ec2.send(new DeleteTagsCommand({ Resources })))).toBe('UnauthorizedOperation');
    // What is not there is AWS's to say, and no question of rights: a provider takes it for done.
    expect(await answer(ec2.send(new DeleteVpcCommand({ VpcId: 'vpc-0123456789abcdef0' })))).toBe('InvalidVpcID.NotFound');
    close();
  });
});

describe('an administrator of the account, whom no policy of a role keeps from anything', { concurrent: false }, () => {
  it('neither deletes evidence, nor writes over it, nor deletes a version', async () => {
    const { rig } = room;
    await room.begin('dossier');
    const { s3, close } = await clientsOf(rig, 'administrator');
    const Bucket = rig.record.bucket;
    for (const folder of ['quarantine', 'runs', 'dossiers']) {
      const [key] = await rig.keys(`.holdfast/${folder}/`);
      expect(key).toBeDefined();
      const Key = key ?? '';
      const { Versions = [] } = await rig.s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }));
      const VersionId = Versions[0]?.VersionId;
      expect(await answer(s3.send(new DeleteObjectCommand({ Bucket, Key })))).toBe('AccessDenied');
      expect(await answer(s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId })))).toBe('AccessDenied');
      expect(await answer(s3.send(new PutObjectCommand({ Bucket, Key, Body: 'other' })))).toBe('AccessDenied');
      expect(await answer(s3.send(new PutObjectAclCommand({ Bucket, Key, ACL: 'public-read' })))).toBe('AccessDenied');
      expect((await rig.s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }))).Versions).toEqual(Versions);
    }
    expect(await answer(s3.send(new PutObjectCommand({ Bucket, Key: 'other/people/have.txt', Body: 'x' })))).toBe('done');
    close();
  });
});

describe('a session with the policy of watch', { concurrent: false }, () => {
  const stack = 'small.vpc.one';
  const keys = [
    `.holdfast/runs/small/20990101T000000Z-forged/a-000001-verified.json`,
    recordKey(stack),
    checkpointKey(stack),
    `.pulumi/history/holdfast/${stack}/x.json`,
    `.holdfast/heartbeats/small/0123.json`,
    `.holdfast/networks/small/0123.yaml`,
    `.holdfast/shared/small/index.json`,
    `.holdfast/shared/small/latest.json`,
    `.holdfast/quarantine/small/r/${stack}/x.json`,
    `.holdfast/dossiers/small/r/${stack}/x.json`,
    `.holdfast/installation.json`,
    `.holdfast/store-probe.json`,
    `.pulumi/meta.yaml`,
    `${lockFolder(stack)}0123.json`,
    durableLockKey('other.vpc.one'),
  ];

  it('puts nothing in the bucket that a run goes by', async () => {
    const { rig } = room;
    await room.begin('everything');
    const { s3, close } = await clientsOf(rig, 'watch', policyOf('watch', await room.spec()));
    const Bucket = rig.record.bucket;
    for (const Key of keys) {
      expect(await answer(s3.send(new PutObjectCommand({ Bucket, Key, Body: '{}', IfNoneMatch: '*' }))), Key).toBe('AccessDenied');
      expect(await answer(s3.send(new DeleteObjectCommand({ Bucket, Key }))), Key).toBe('AccessDenied');
    }
    close();
  });

  nightly('keeps runs out by an object in the place of a lock that is none, until a person releases it, and nothing else', async () => {
    const { rig } = room;
    await room.begin('everything');
    await rig.writeNetwork(network);
    const { s3, close } = await clientsOf(rig, 'watch', policyOf('watch', await room.spec()));
    const Key = durableLockKey(stack);
    expect(await answer(s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key, Body: '{}', IfNoneMatch: '*' })))).toBe('done');
    close();
    const blocked = await runHere(rig, ['up', '--yes', '--force']);
    expect(blocked.exitCode, blocked.stdout + blocked.stderr).toBe(6);
    expect(blocked.stdout + blocked.stderr).toContain(Key);
    expect(await rig.calls({ service: 'ec2', mutating: true })).toEqual([]);
  });
});
