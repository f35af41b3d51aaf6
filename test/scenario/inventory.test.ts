import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AssociateRouteTableCommand,
  AssociateTransitGatewayRouteTableCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateTransitGatewayRouteCommand,
  CreateTransitGatewayRouteTableCommand,
  CreateVpcCommand,
  DeleteRouteCommand,
  DeleteRouteTableCommand,
  DeleteSubnetCommand,
  DeleteTagsCommand,
  DeleteTransitGatewayRouteCommand,
  DeleteTransitGatewayRouteTableCommand,
  DeleteVpcCommand,
  DescribeRouteTablesCommand,
  DescribeTagsCommand,
  DisableTransitGatewayRouteTablePropagationCommand,
  DisassociateRouteTableCommand,
  DisassociateTransitGatewayRouteTableCommand,
  EnableTransitGatewayRouteTablePropagationCommand,
  ModifySubnetAttributeCommand,
  ModifyTransitGatewayCommand,
  ModifyTransitGatewayVpcAttachmentCommand,
  ModifyVpcAttributeCommand,
} from '@aws-sdk/client-ec2';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { resourceTypeOf, resourceTypes } from '../../orchestrator/aws/resource-types/index.ts';
import type { LiveObject } from '../../orchestrator/inventory/live-object.ts';
import { readStates } from '../../orchestrator/state/checkpoints.ts';
import { isCloudObject, readDeployment } from '../../orchestrator/state/deployment.ts';
import type { StateResource } from '../../orchestrator/state/deployment.ts';
import { readRecord } from '../../orchestrator/ownership/records.ts';
import type { DisownedObject } from '../../orchestrator/ownership/disowned.ts';
import { checkpointKey, installationKey, recordKey } from '../../orchestrator/state/layout.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { runHere } from '../support/in-process.ts';
import { exampleNetwork, smallNetwork } from '../support/networks.ts';
import { trusted } from '../unit/support/declared.ts';

/** As `--json` has them. */
interface Found {
  readonly kind: string;
  readonly short: string;
  readonly resource?: string | null;
  readonly type: string;
  readonly id?: string;
  readonly properties?: readonly { readonly path: string; readonly state: unknown; readonly live: unknown }[];
}

type Shown = LiveObject & { readonly owner: { readonly kind: string; readonly stack?: string; readonly installation?: string } };

/** The example network, and beside it in the account another installation of the same name, deployed by another bucket. */
describe('inventory', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  let bucket: Bucket;
  /** The network file of the other installation. */
  let theirs: string;
  /** Of the example network, alone in its account. */
  let callsOfOneLook: number;
  /** What our states have, by short name of the stack and name of the resource. */
  let installations: { readonly ours: string; readonly theirs: string };
  let recorded: ReadonlyMap<string, StateResource>;
  beforeAll(async () => {
    rig = await LabRig.start(exampleNetwork);
    bucket = new Bucket(rig.s3, rig.record.bucket);
    theirs = join(rig.folder, 'theirs.yaml');
    await writeFile(theirs, smallNetwork.replace('network: small', 'network: example').concat('state:\n  bucket: their-state\n'));
    await succeeds(rig.holdfast(['up', '--yes', '--no-settle']));
    const since = await rig.lastCall();
    // The one that is a process of its own, as a person has it.
    await succeeds(rig.holdfast(['inventory']));
    callsOfOneLook = (await rig.calls({ since, service: 'ec2' })).length;
    await succeeds(rig.holdfast(['bootstrap', '--network', theirs]));
    await succeeds(rig.holdfast(['up', '--yes', '--no-settle', '--beside-existing', '--network', theirs]));
    recorded = await readRecorded();
    installations = { ours: await installationOf(bucket), theirs: await installationOf(new Bucket(rig.s3, 'their-state')) };
  });
  afterEach(() => rig.clearFaults());
  afterAll(() => rig.stop());

  async function succeeds(run: Promise<CommandResult>): Promise<CommandResult> {
    const result = await run;
    if (result.exitCode !== 0) throw new Error(`exit ${String(result.exitCode)}:\n${result.stdout}\n${result.stderr}`);
    return result;
  }

  const installationOf = async (store: Bucket): Promise<string> =>
    (JSON.parse((await store.get(installationKey))?.body ?? '{}') as { installation: string }).installation;

  async function readRecorded(): Promise<ReadonlyMap<string, StateResource>> {
    const { states } = await readStates(bucket, 'example', trusted);
    const all = [...states.values()].flatMap(({ short, body }) => {
      const read = readDeployment(body);
      if (!read.ok) throw new Error(read.why);
      return read.deployment.resources.filter(isCloudObject).map((resource) => [`${short}/${resource.name}`, resource] as const);
    });
    return new Map(all);
  }

  const id = (name: string): string => {
    const found = recorded.get(name)?.id;
    if (found === undefined) throw new Error(`no ${name} in the states`);
    return found;
  };

  /** Each difference in one line: what kind, of whom, and where it is a change of which properties. */
  async function differences(...args: string[]): Promise<{ lines: string[]; found: readonly Found[]; exitCode: number | null }> {
    const { events, exitCode, stdout } = await runHere(rig, ['inventory', '--diff', '--json', ...args]);
    expect(events, stdout).toHaveLength(1);
    const found = (events[0]?.['differences'] ?? []) as Found[];
    const lines = found.map(({ kind, short, resource, type, properties }) =>
      [
        kind,
        kind === 'foreign' ? `in ${short}: ${resourceTypeOf(type)?.title ?? type}` : `${short}/${resource ?? '?'}`,
        ...(properties ?? []).map(({ path, state, live }) => `${path} ${String(state)} -> ${String(live)}`),
      ].join(' '),
    );
    return { lines, found, exitCode };
  }

  async function objectsOf(...args: string[]): Promise<{ objects: readonly Shown[]; document: Readonly<Record<string, unknown>> }> {
    const { events } = await succeeds(runHere(rig, ['inventory', '--json', ...args]));
    const [document] = events;
    if (!document) throw new Error('no document');
    return { objects: document['objects'] as Shown[], document };
  }

  it('has the paths that the network file declares, as paths --live computes them from what AWS has', async () => {
    const pathsOf = async (...args: string[]) => (await succeeds(runHere(rig, ['paths', '--json', ...args]))).events[0];
    const [file, aws] = [await pathsOf(), await pathsOf('--live')];
    expect(file?.['pairs']).toHaveLength(1);
    expect({ ...aws, source: '' }).toEqual({ ...file, source: '', warnings: [] });
    expect([file?.['source'], aws?.['source']]).toEqual(['file', 'aws']);
  });

  describe('of what was just deployed', () => {
    it('agrees with the states, in every type and in every property that the programs set', async () => {
      const { events, exitCode } = await runHere(rig, ['inventory', '--diff', '--json']);
      expect(events[0]).toMatchObject({ differences: [], incomplete: [], unreadable: [] });
      expect(exitCode).toBe(0);
      const compared = events[0]?.['compared'] as { recorded: number }[];
      expect(compared.reduce((sum, one) => sum + one.recorded, 0)).toBe(recorded.size);

      const { objects } = await objectsOf();
      // The example has no guardrails: what is found by its id alone is compared in guardrails.test.ts.
      for (const { token } of resourceTypes.filter(({ find }) => find.how !== 'by-id')) {
        const ofType = objects.filter(({ type, owner }) => type === token && owner.kind === 'stack');
        expect([token, ofType.length > 0 && ofType.every(({ properties }) => Object.keys(properties).length > 0)]).toEqual([token, true]);
      }
      const notCompared = [...recorded.values()].flatMap(({ type, inputs }) => {
        const names = resourceTypeOf(type)?.properties.map(({ name }) => name) ?? [];
        return Object.keys(inputs).filter((name) => ![...names, 'tags', 'tagsAll', 'region', '__defaults'].includes(name));
      });
      expect([...new Set(notCompared)]).toEqual([]);
    });

    it('shows each object of each stack once, by its name in it', async () => {
      const { objects } = await objectsOf();
      const shown = objects.flatMap(({ owner, id: shownId }) => (owner.kind === 'stack' ? [shownId] : []));
      expect([...shown].sort()).toEqual([...recorded.values()].map((resource) => resource.id).sort());
      const { stdout } = await succeeds(runHere(rig, ['inventory', 'vpc.shared']));
      expect(stdout).toMatch(
        new RegExp(`^ {2}subnet-private-a +subnet +${id('vpc.shared/subnet-private-a')} +cidrBlock 10\\.0\\.0\\.0/20`, 'm'),
      );
      expect(stdout).toMatch(/^12 objects of 1 stack, and what AWS made by itself: 1 main route table, /m);
      expect(stdout).not.toContain("nobody's");
    });

    it('makes 23 calls of EC2', () => {
      expect(callsOfOneLook).toBe(23);
    });

    it('changes nothing, neither in AWS nor in the bucket', async () => {
      const since = await rig.lastCall();
      await objectsOf();
      await differences();
      const calls = await rig.calls({ since });
      expect(calls.some(({ service }) => service === 'ec2')).toBe(true);
      // The lab's own session is assumed, which CloudTrail records.
      expect(calls.filter(({ mutating, service }) => mutating && service !== 'sts')).toEqual([]);
    });

    it('waits out a throttled call', async () => {
      await rig.fault({ match: { service: 'ec2', action: 'DescribeSubnets', times: 2 }, do: { kind: 'throttle' } });
      expect(await differences()).toMatchObject({ lines: [], exitCode: 0 });
    });
  });

  /** What somebody does by hand, what is found of it, and how it is undone. */
  interface ByHand {
    readonly act: () => Promise<() => Promise<unknown>>;
    readonly found: readonly string[];
  }

  const change =
    (act: () => Promise<unknown>, undo: () => Promise<unknown>): ByHand['act'] =>
    async () => {
      await act();
      return undo;
    };

  const byHand: Readonly<Record<string, ByHand>> = {
    'the description of the gateway': {
      act: change(
        () => describeGateway('by hand'),
        () => describeGateway('example network'),
      ),
      found: ['changed transit-gateway/gateway description example network -> by hand'],
    },
    'a tag of a gateway route table': {
      act: change(
        () => tag('transit-gateway/segment-shared', 'team', 'network'),
        () => tag('transit-gateway/segment-shared', 'team', 'platform'),
      ),
      found: ['changed transit-gateway/segment-shared tags.team platform -> network'],
    },
    'a gateway route that is gone': {
      act: change(
        () => dropGatewayRoute('transit-gateway/segment-production', '10.2.0.0/16'),
        () => gatewayRoute('transit-gateway/segment-production', '10.2.0.0/16'),
      ),
      found: ['missing segment.production/route-10.2.0.0/16'],
    },
    'a gateway route that leads elsewhere': {
      act: change(
        () => leadGatewayRoute('vpc.staging/attachment'),
        () => leadGatewayRoute('vpc.shared/attachment'),
      ),
      found: ['changed segment.production/route-0.0.0.0/0 transitGatewayAttachmentId (attachment of shared) -> (attachment of staging)'],
    },
    'a gateway route that somebody added': {
      act: change(
        () => gatewayRoute('transit-gateway/segment-shared', '10.77.0.0/16'),
        () => dropGatewayRoute('transit-gateway/segment-shared', '10.77.0.0/16'),
      ),
      found: ['foreign in transit-gateway: gateway route'],
    },
    'a gateway route table that somebody added': {
      act: async () => {
        const { TransitGatewayRouteTable: made } = await rig.ec2.send(
          new CreateTransitGatewayRouteTableCommand({ TransitGatewayId: id('transit-gateway/gateway') }),
        );
        const { TransitGatewayRouteTableId } = made ?? {};
        return () => rig.ec2.send(new DeleteTransitGatewayRouteTableCommand({ TransitGatewayRouteTableId }));
      },
      found: ['foreign in transit-gateway: gateway route table'],
    },
    'an association that is gone': {
      act: change(
        () => rig.ec2.send(new DisassociateTransitGatewayRouteTableCommand(inSegment('staging', 'staging'))),
        () => rig.ec2.send(new AssociateTransitGatewayRouteTableCommand(inSegment('staging', 'staging'))),
      ),
      found: ['missing member.staging/association'],
    },
    'a propagation that is gone': {
      act: change(
        () => rig.ec2.send(new DisableTransitGatewayRouteTablePropagationCommand(inSegment('staging', 'shared'))),
        () => rig.ec2.send(new EnableTransitGatewayRouteTablePropagationCommand(inSegment('staging', 'shared'))),
      ),
      found: ['missing member.staging/propagation-shared'],
    },
    'a propagation that somebody added': {
      act: change(
        () => rig.ec2.send(new EnableTransitGatewayRouteTablePropagationCommand(inSegment('staging', 'production'))),
        () => rig.ec2.send(new DisableTransitGatewayRouteTablePropagationCommand(inSegment('staging', 'production'))),
      ),
      found: ['foreign in transit-gateway: gateway propagation'],
    },
    'a DNS attribute of a VPC': {
      act: change(
        () => dnsHostnames(false),
        () => dnsHostnames(true),
      ),
      found: ['changed vpc.shared/vpc enableDnsHostnames true -> false'],
    },
    'a second VPC with the same tags': {
      act: async () => {
        const { Tags } = await rig.ec2.send(
          new DescribeTagsCommand({ Filters: [{ Name: 'resource-id', Values: [id('vpc.shared/vpc')] }] }),
        );
        const own = (Tags ?? []).map(({ Key, Value }) => ({ Key, Value }));
        const { Vpc: made } = await rig.ec2.send(
          new CreateVpcCommand({ CidrBlock: '10.0.0.0/16', TagSpecifications: [{ ResourceType: 'vpc', Tags: own }] }),
        );
        return () => rig.ec2.send(new DeleteVpcCommand({ VpcId: made?.VpcId }));
      },
      found: ['twice vpc.shared/vpc'],
    },
    'what a subnet gives its machines': {
      act: change(
        () => publicAddresses(true),
        () => publicAddresses(false),
      ),
      found: ['changed vpc.shared/subnet-private-a mapPublicIpOnLaunch false -> true'],
    },
    'a subnet that somebody added, with a tag of another installation': {
      act: async () => {
        const { Subnet: made } = await rig.ec2.send(
          new CreateSubnetCommand({
            VpcId: id('vpc.shared/vpc'),
            CidrBlock: '10.0.100.0/24',
            TagSpecifications: [
              {
                ResourceType: 'subnet',
                Tags: [
                  { Key: 'holdfast:installation', Value: 'someone-elses' },
                  { Key: 'holdfast:stack', Value: 'example.vpc.shared' },
                  { Key: 'holdfast:resource', Value: 'subnet-private-a' },
                ],
              },
            ],
          }),
        );
        return () => rig.ec2.send(new DeleteSubnetCommand({ SubnetId: made?.SubnetId }));
      },
      found: ['foreign in vpc.shared: subnet'],
    },
    'an option of an attachment': {
      act: change(
        () => applianceMode('enable'),
        () => applianceMode('disable'),
      ),
      found: ['changed vpc.shared/attachment applianceModeSupport disable -> enable'],
    },
    'a subnet of an attachment': {
      act: change(
        () => attachmentSubnets({ RemoveSubnetIds: [id('vpc.shared/subnet-attachment-b')] }),
        () => attachmentSubnets({ AddSubnetIds: [id('vpc.shared/subnet-attachment-b')] }),
      ),
      found: ['changed vpc.shared/attachment subnetIds (both) -> (one)'],
    },
    'a tag that was taken from a route table, by which it is found otherwise': {
      act: change(
        () => rig.ec2.send(new DeleteTagsCommand({ Resources: [id('vpc.shared/routes-private')], Tags: [{ Key: 'holdfast:stack' }] })),
        () => tag('vpc.shared/routes-private', 'holdfast:stack', 'example.vpc.shared'),
      ),
      found: ['changed vpc.shared/routes-private tags.holdfast:stack example.vpc.shared -> null'],
    },
    'a route table that somebody added, with a route': {
      act: async () => {
        const { RouteTable: made } = await rig.ec2.send(new CreateRouteTableCommand({ VpcId: id('vpc.shared/vpc') }));
        const { RouteTableId } = made ?? {};
        const TransitGatewayId = id('transit-gateway/gateway');
        await rig.ec2.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock: '10.77.0.0/16', TransitGatewayId }));
        return async () => {
          await rig.ec2.send(new DeleteRouteCommand({ RouteTableId, DestinationCidrBlock: '10.77.0.0/16' }));
          await rig.ec2.send(new DeleteRouteTableCommand({ RouteTableId }));
        };
      },
      found: ['foreign in vpc.shared: route', 'foreign in vpc.shared: route table'],
    },
    'a route that is gone': {
      act: change(
        () => dropRoute(id('vpc.shared/routes-private'), '10.1.0.0/16'),
        () => route(id('vpc.shared/routes-private'), '10.1.0.0/16'),
      ),
      found: ['missing route-tables.shared/route-private-10.1.0.0/16'],
    },
    'a route that somebody added in the console': {
      act: change(
        () => route(id('vpc.shared/routes-private'), '10.77.0.0/16'),
        () => dropRoute(id('vpc.shared/routes-private'), '10.77.0.0/16'),
      ),
      found: ['foreign in route-tables.shared: route'],
    },
    'a route that somebody added to the main table, which is AWS’s own': {
      act: async () => {
        const main = await mainTable();
        await route(main, '10.77.0.0/16');
        return () => dropRoute(main, '10.77.0.0/16');
      },
      found: ['foreign in vpc.shared: route'],
    },
  };

  const describeGateway = (Description: string) =>
    rig.ec2.send(new ModifyTransitGatewayCommand({ TransitGatewayId: id('transit-gateway/gateway'), Description }));
  const tag = (name: string, Key: string, Value: string) =>
    rig.ec2.send(new CreateTagsCommand({ Resources: [id(name)], Tags: [{ Key, Value }] }));
  const gatewayRoute = (table: string, DestinationCidrBlock: string) =>
    rig.ec2.send(new CreateTransitGatewayRouteCommand({ TransitGatewayRouteTableId: id(table), DestinationCidrBlock, Blackhole: true }));
  const dropGatewayRoute = (table: string, DestinationCidrBlock: string) =>
    rig.ec2.send(new DeleteTransitGatewayRouteCommand({ TransitGatewayRouteTableId: id(table), DestinationCidrBlock }));
  const leadGatewayRoute = async (attachment: string) => {
    const at = { TransitGatewayRouteTableId: id('transit-gateway/segment-production'), DestinationCidrBlock: '0.0.0.0/0' };
    await rig.ec2.send(new DeleteTransitGatewayRouteCommand(at));
    await rig.ec2.send(new CreateTransitGatewayRouteCommand({ ...at, TransitGatewayAttachmentId: id(attachment) }));
  };
  const inSegment = (vpc: string, segment: string) => ({
    TransitGatewayAttachmentId: id(`vpc.${vpc}/attachment`),
    TransitGatewayRouteTableId: id(`transit-gateway/segment-${segment}`),
  });
  const dnsHostnames = (Value: boolean) =>
    rig.ec2.send(new ModifyVpcAttributeCommand({ VpcId: id('vpc.shared/vpc'), EnableDnsHostnames: { Value } }));
  const publicAddresses = (Value: boolean) =>
    rig.ec2.send(new ModifySubnetAttributeCommand({ SubnetId: id('vpc.shared/subnet-private-a'), MapPublicIpOnLaunch: { Value } }));
  const applianceMode = (ApplianceModeSupport: 'enable' | 'disable') => attachmentSubnets({ Options: { ApplianceModeSupport } });
  const attachmentSubnets = (what: object) =>
    rig.ec2.send(new ModifyTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: id('vpc.shared/attachment'), ...what }));
  const route = (RouteTableId: string, DestinationCidrBlock: string) =>
    rig.ec2.send(new CreateRouteCommand({ RouteTableId, DestinationCidrBlock, TransitGatewayId: id('transit-gateway/gateway') }));
  const dropRoute = (RouteTableId: string, DestinationCidrBlock: string) =>
    rig.ec2.send(new DeleteRouteCommand({ RouteTableId, DestinationCidrBlock }));
  const mainTable = async (): Promise<string> => {
    const { RouteTables } = await rig.ec2.send(
      new DescribeRouteTablesCommand({
        Filters: [
          { Name: 'vpc-id', Values: [id('vpc.shared/vpc')] },
          { Name: 'association.main', Values: ['true'] },
        ],
      }),
    );
    return RouteTables?.[0]?.RouteTableId ?? '';
  };

  /** Ids that the test knows by a name. */
  const named = (line: string): string =>
    [
      [id('vpc.shared/attachment'), '(attachment of shared)'],
      [id('vpc.staging/attachment'), '(attachment of staging)'],
      [[id('vpc.shared/subnet-attachment-a'), id('vpc.shared/subnet-attachment-b')].sort().join(','), '(both)'],
      [[id('vpc.shared/subnet-attachment-b'), id('vpc.shared/subnet-attachment-a')].sort().reverse().join(','), '(both)'],
      [id('vpc.shared/subnet-attachment-a'), '(one)'],
    ].reduce((text, [from = '', to = '']) => text.replaceAll(from, to), line);

  describe('after somebody has changed AWS by hand', { shuffle: true }, () => {
    it.each(Object.entries(byHand))('finds %s, and nothing else', async (_, { act, found }) => {
      const undo = await act();
      onTestFinished(async () => {
        await undo();
      });
      const { lines, exitCode } = await differences();
      expect(lines.map(named)).toEqual(found);
      expect(exitCode).toBe(7);
    });

    it('tells people the state’s value and AWS’s, and what is nobody’s, with what to do next', async () => {
      await describeGateway('by hand');
      await route(id('vpc.shared/routes-private'), '10.77.0.0/16');
      onTestFinished(async () => {
        await describeGateway('example network');
        await dropRoute(id('vpc.shared/routes-private'), '10.77.0.0/16');
      });
      const diff = await runHere(rig, ['inventory', '--diff', 'transit-gateway', 'route-tables.*']);
      expect(diff.stdout).toContain(
        `  ~ gateway  transit gateway ${id('transit-gateway/gateway')}\n      - description: example network\n      + description: by hand\n`,
      );
      expect(diff.stdout).toMatch(/^ {2}\+ route r-rtb-\w+ \(destinationCidrBlock 10\.77\.0\.0\/16, .*\): nobody's, in rtb-\w+$/m);
      expect(diff.stdout).toMatch(/^2 differences in transit-gateway, route-tables\.shared;/m);
      expect(diff.stdout).toMatch(/^next .*npm run recover -- transit-gateway/m);
      expect(diff.exitCode).toBe(7);
      const plain = await succeeds(runHere(rig, ['inventory']));
      expect(plain.stdout).toMatch(/^in our VPCs and route tables, and nobody's\n {2}route +r-rtb-\w+ +in rtb-\w+ of vpc\.shared +/m);
    });

    it('compares the stacks that were named, and no other', async () => {
      await describeGateway('by hand');
      onTestFinished(async () => {
        await describeGateway('example network');
      });
      expect(await differences('vpc.*')).toMatchObject({ lines: [], exitCode: 0 });
      expect((await differences('example.transit-gateway')).lines).toHaveLength(1);
    });

    it('says of what was disowned that it was, wherever it is, and calls it no difference', async () => {
      const { Subnet: subnet } = await rig.ec2.send(new CreateSubnetCommand({ VpcId: id('vpc.shared/vpc'), CidrBlock: '10.0.101.0/24' }));
      // In nothing of ours, and without our tags: nothing but the list leads to it.
      const { Vpc: vpc } = await rig.ec2.send(new CreateVpcCommand({ CidrBlock: '10.50.0.0/16' }));
      const why = { reason: 'in use by the old cluster', incident: 'INC-7', by: 'ada', at: '2030-01-01T00:00:00Z' };
      // As a recovery writes it, with the answer of a person.
      const disown = async (disowned: readonly DisownedObject[]): Promise<void> => {
        const there = await readRecord(bucket, 'example.vpc.shared');
        if (there.kind !== 'there') throw new Error('the stack has no record');
        const record = JSON.stringify({ ...there.record, disowned });
        expect(await bucket.put(recordKey('example.vpc.shared'), record, { only: 'if-matches', etag: there.etag })).toMatchObject({
          done: true,
        });
      };
      await disown([
        { id: subnet?.SubnetId ?? '', type: 'aws:ec2/subnet:Subnet', ...why },
        { id: vpc?.VpcId ?? '', type: 'aws:ec2/vpc:Vpc', resource: 'vpc', ...why },
      ]);
      onTestFinished(async () => {
        await rig.ec2.send(new DeleteSubnetCommand({ SubnetId: subnet?.SubnetId }));
        await rig.ec2.send(new DeleteVpcCommand({ VpcId: vpc?.VpcId }));
        await disown([]);
      });
      const { lines, found, exitCode } = await differences();
      expect(lines).toEqual(['disowned vpc.shared/?', 'disowned vpc.shared/vpc']);
      expect(found).toMatchObject([{ isThere: true }, { isThere: true }]);
      expect(exitCode).toBe(0);
      const { stdout } = await succeeds(runHere(rig, ['inventory']));
      expect(stdout).toMatch(/^ {2}vpc\.shared +vpc +VPC +vpc-\w+ +in use by the old cluster \(INC-7, ada, 2030-01-01\)$/m);
      expect(stdout).not.toContain("nobody's");
    });
  });

  describe('over a state that a dead run has left', () => {
    it('finds what it was making in a table of another stack, where nothing else of the state leads there', async () => {
      const key = checkpointKey('example.member.staging');
      const before = (await bucket.get(key))?.body ?? '';
      const cut = JSON.parse(before) as { checkpoint: { latest: { resources: { type: string }[]; pending_operations?: unknown[] } } };
      const { latest } = cut.checkpoint;
      const pending = latest.resources.find(({ type }) => type.endsWith(':RouteTableAssociation') && type.includes('transitgateway'));
      latest.resources = latest.resources.filter(({ type }) => !type.includes('transitgateway'));
      latest.pending_operations = [{ type: 'creating', resource: { ...pending, id: '', outputs: {} } }];
      await rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: JSON.stringify(cut) }));
      onTestFinished(async () => {
        await rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: before }));
      });
      const { lines, found, exitCode } = await differences('member.staging');
      expect(lines).toEqual(['unrecorded member.staging/association']);
      expect(found).toMatchObject([{ id: id('member.staging/association'), by: 'key' }]);
      expect(exitCode).toBe(7);
    });
  });

  describe('of two installations with one name in one account', () => {
    it('shows neither the other’s as its own', async () => {
      const [ours, others] = [await objectsOf(), await objectsOf('--network', theirs)];
      const idsOf = ({ objects }: { readonly objects: readonly Shown[] }): string[] =>
        objects.map((object) => `${object.type} ${object.id}`);
      expect(others.objects.filter(({ owner }) => owner.kind === 'stack').length).toBeGreaterThan(8);
      expect(idsOf(ours).filter((one) => idsOf(others).includes(one))).toEqual([]);
      expect(await differences('--network', theirs)).toMatchObject({ lines: [], exitCode: 0 });
    });
  });

  describe('where the bucket does not help', () => {
    /** Of both installations, and of nobody: what is ours has our tags, and what has none stands in the stack whose table it is in. */
    async function showsAllInstallations(args: readonly string[]): Promise<string> {
      const { stdout } = await succeeds(runHere(rig, ['inventory', ...args]));
      expect(stdout).toContain('objects of every installation are shown, each under its own');
      expect(stdout).toMatch(new RegExp(`^transit-gateway  installation ${installations.ours}$`, 'm'));
      expect(stdout).toMatch(new RegExp(`^transit-gateway  installation ${installations.theirs}$`, 'm'));
      expect(stdout).toMatch(/^ {2}\? +route +r-rtb-\w+ +destinationCidrBlock 0\.0\.0\.0\/0/m);
      // Under nobody's a line begins with the type.
      expect(stdout).not.toMatch(/^ {2}(route|gateway route|gateway association|gateway propagation) /m);
      return stdout;
    }

    it('because nobody ever made it, shows the objects of every installation, each under its own name', async () => {
      const file = join(rig.folder, 'no-bucket.yaml');
      await writeFile(file, `${exampleNetwork}\nstate:\n  bucket: nobody-made-it\n`);
      expect(await showsAllInstallations(['--network', file])).toContain('the state bucket nobody-made-it does not exist: ');
      const diff = await runHere(rig, ['inventory', '--diff', '--network', file]);
      expect(diff.stdout).toMatch(/the state bucket nobody-made-it does not exist\n {2}next {2}Make it: npm run bootstrap/);
      expect(diff.exitCode).toBe(3);
    });

    it('because it is refused, does the same', async () => {
      await rig.fault({ match: { service: 's3' }, do: { kind: 'refuse', code: 'AccessDenied', status: 403 } });
      expect(await showsAllInstallations([])).toMatch(/the state bucket \S+ cannot be read \(AccessDenied/);
      const diff = await runHere(rig, ['inventory', '--diff']);
      expect(diff.stdout).toContain('Allow the session s3:GetObject and s3:ListBucket there');
      expect(diff.exitCode).toBe(3);
    });

    it('because one checkpoint in it is broken, compares the others, and calls nothing nobody’s that may be that stack’s', async () => {
      const key = checkpointKey('example.member.shared');
      const before = await bucket.get(key);
      await rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: 'hello' }));
      await describeGateway('by hand');
      onTestFinished(async () => {
        await rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: before?.body ?? '' }));
        await describeGateway('example network');
      });
      const { lines, exitCode } = await differences();
      expect(lines).toEqual(['changed transit-gateway/gateway description example network -> by hand']);
      expect(exitCode).toBe(3);
      const { stdout } = await runHere(rig, ['inventory', '--diff']);
      expect(stdout).toContain(`member.shared was not compared: its checkpoint cannot be read (${key}: `);
      const plain = await succeeds(runHere(rig, ['inventory']));
      expect(plain.stdout).toMatch(/^ {2}\? +gateway association +tgw-rtb-\w+_tgw-attach-\w+$/m);
      expect(plain.stdout).not.toContain("nobody's");
    });
  });

  describe('refused', () => {
    it('by AWS, names the action to allow', async () => {
      await rig.fault({
        match: { service: 'ec2', action: 'GetTransitGatewayRouteTablePropagations' },
        do: { kind: 'refuse', code: 'UnauthorizedOperation', status: 403 },
      });
      const { stdout, exitCode } = await runHere(rig, ['inventory']);
      expect(stdout).toContain('AWS could not be looked at: UnauthorizedOperation: ec2:GetTransitGatewayRouteTablePropagations: ');
      expect(stdout).toMatch(/next .*Allow the session ec2:GetTransitGatewayRouteTablePropagations/);
      expect(exitCode).toBe(3);
    });

    it('for a session of another account, in which everything would look lost', async () => {
      const { stdout, exitCode } = await runHere(rig, ['inventory'], await rig.session(3600, '999999999999'));
      expect(stdout).toContain('the session belongs to account 999999999999');
      expect(exitCode).toBe(3);
    });

    it('for a stack that is not there', async () => {
      const { stdout, exitCode } = await runHere(rig, ['inventory', 'vpc.sharde']);
      expect(stdout).toContain('no stack of ');
      expect(stdout).toContain('Did you mean "vpc.shared"?');
      expect(exitCode).toBe(2);
    });
  });

  // Last: AWS gives it another id each time, so that there is no way back.
  it('finds an association of a subnet that somebody made anew, in the place of the one that the state has', async () => {
    await rig.ec2.send(new DisassociateRouteTableCommand({ AssociationId: id('vpc.shared/association-private-a') }));
    expect((await differences()).lines).toEqual(['missing vpc.shared/association-private-a']);
    await rig.ec2.send(
      new AssociateRouteTableCommand({
        RouteTableId: id('vpc.shared/routes-private'),
        SubnetId: id('vpc.shared/subnet-private-a'),
      }),
    );
    const { lines, found } = await differences();
    expect(lines).toEqual(['missing vpc.shared/association-private-a', 'unrecorded vpc.shared/association-private-a']);
    expect(found[1]).toMatchObject({ by: 'key' });
  });
});
