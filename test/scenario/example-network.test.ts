import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countEngines } from '../../bench/requests.ts';
import { lookAtAws, nothing } from '../support/aws-look.ts';
import { LabRig } from '../support/lab-rig.ts';
import { exampleNetwork } from '../support/networks.ts';

interface Planned {
  readonly stacks: readonly { readonly short: string; readonly counts: { readonly create: number }; readonly changes: readonly object[] }[];
}

const planOf = (events: readonly Record<string, unknown>[]): Planned => events.find(({ type }) => type === 'plan')?.['plan'] as Planned;

/** The engine comes to the resources of a stack in an order that is not always the same. */
const inNoOrder = ({ stacks, ...plan }: Planned): object => ({
  ...plan,
  stacks: stacks.map(({ changes, ...stack }) => ({ ...stack, changes: changes.map((change) => JSON.stringify(change)).sort() })),
});

// One life of the example network, in order: each step starts from what the one before left.
describe('the example network', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  /** By the engine and its provider, before anything was deployed. */
  let previewed: Planned;
  beforeAll(async () => {
    rig = await LabRig.start(exampleNetwork);
  });
  afterAll(() => rig.stop());

  it('can be planned before it was ever deployed, and the plan writes nothing', async () => {
    const before = await rig.lastCall();
    const { exitCode, events } = await rig.holdfast(['plan', '--json']);
    expect(exitCode).toBe(0);
    previewed = planOf(events);
    expect(previewed.stacks.map(({ short, counts }) => `${short} ${counts.create}`)).toEqual([
      'transit-gateway 4',
      'vpc.shared 12',
      'vpc.production 12',
      'vpc.staging 12',
      'member.shared 4',
      'member.production 3',
      'member.staging 3',
      'route-tables.shared 2',
      'route-tables.production 1',
      'route-tables.staging 1',
      'segment.shared 0',
      'segment.production 2',
      'segment.staging 2',
    ]);
    expect(await rig.calls({ mutating: true, since: before })).toEqual([]);
  });

  it('comes up with one engine for each stack, as exactly what the file asks for, every taggable object tagged', async () => {
    const before = await rig.lastCall();
    const { exitCode, events } = await rig.holdfast(['up', '--yes', '--json']);
    expect(exitCode).toBe(0);
    expect(countEngines(await rig.calls({ since: before }))).toBe(13);
    // What the programs say of themselves is what the engine and the provider would have said.
    expect(inNoOrder(planOf(events))).toEqual(inNoOrder(previewed));
    const summary = events.find(({ type }) => type === 'summary') as unknown as { ends: { end: { outcome: string } }[] };
    expect(summary.ends.map(({ end }) => end.outcome)).toEqual(Array.from({ length: 13 }, () => 'applied'));
    // Before the engine's reads were served from memory there were 730 of them for seven stacks (test/README.md).
    const reads = await rig.calls({ service: 's3', mutating: false, since: before });
    expect(reads.length).toBeLessThan(((730 / 7) * 13) / 5);
    const tier = (vpc: string, octet: number) => [
      `example.vpc.${vpc}/subnet-attachment-a 10.${octet}.255.0/28 eu-west-1a`,
      `example.vpc.${vpc}/subnet-attachment-b 10.${octet}.255.16/28 eu-west-1b`,
      `example.vpc.${vpc}/subnet-private-a 10.${octet}.0.0/20 eu-west-1a`,
      `example.vpc.${vpc}/subnet-private-b 10.${octet}.16.0/20 eu-west-1b`,
    ];
    const vpcs = ['production', 'shared', 'staging'];
    expect(await lookAtAws(rig.ec2)).toEqual({
      gateways: ['example.transit-gateway/gateway asn 64512'],
      gatewayRouteTables: vpcs.map((vpc) => `example.transit-gateway/segment-${vpc}`),
      vpcs: ['example.vpc.production/vpc 10.1.0.0/16', 'example.vpc.shared/vpc 10.0.0.0/16', 'example.vpc.staging/vpc 10.2.0.0/16'],
      subnets: [...tier('production', 1), ...tier('shared', 0), ...tier('staging', 2)],
      attachments: vpcs.map((vpc) => `example.vpc.${vpc}/attachment`),
      routeTables: vpcs.flatMap((vpc) => [`example.vpc.${vpc}/routes-attachment`, `example.vpc.${vpc}/routes-private`]),
      attachmentLinks: vpcs.map(
        (vpc) =>
          `example.vpc.${vpc}/attachment: example.vpc.${vpc}/vpc [example.vpc.${vpc}/subnet-attachment-a, example.vpc.${vpc}/subnet-attachment-b]`,
      ),
      subnetAssociations: vpcs.flatMap((vpc) =>
        ['attachment', 'private'].flatMap((name) =>
          ['a', 'b'].map((zone) => `example.vpc.${vpc}/subnet-${name}-${zone} -> example.vpc.${vpc}/routes-${name}`),
        ),
      ),
      routes: [
        'example.vpc.production/routes-private: 0.0.0.0/0 -> example.transit-gateway/gateway',
        'example.vpc.shared/routes-private: 10.1.0.0/16 -> example.transit-gateway/gateway',
        'example.vpc.shared/routes-private: 10.2.0.0/16 -> example.transit-gateway/gateway',
        'example.vpc.staging/routes-private: 0.0.0.0/0 -> example.transit-gateway/gateway',
      ],
      associations: vpcs.map((vpc) => `example.vpc.${vpc}/attachment -> example.transit-gateway/segment-${vpc}`),
      propagations: [
        'example.vpc.production/attachment -> example.transit-gateway/segment-production',
        'example.vpc.production/attachment -> example.transit-gateway/segment-shared',
        'example.vpc.shared/attachment -> example.transit-gateway/segment-production',
        'example.vpc.shared/attachment -> example.transit-gateway/segment-shared',
        'example.vpc.shared/attachment -> example.transit-gateway/segment-staging',
        'example.vpc.staging/attachment -> example.transit-gateway/segment-shared',
        'example.vpc.staging/attachment -> example.transit-gateway/segment-staging',
      ],
      gatewayRoutes: [
        'example.transit-gateway/segment-production: 0.0.0.0/0 -> example.vpc.shared/attachment',
        'example.transit-gateway/segment-production: 10.2.0.0/16 -> blackhole',
        'example.transit-gateway/segment-staging: 0.0.0.0/0 -> example.vpc.shared/attachment',
        'example.transit-gateway/segment-staging: 10.1.0.0/16 -> blackhole',
      ],
    });
  });

  it('leaves no lock', async () => {
    expect(await rig.locks()).toEqual([]);
  });

  it('is left alone by a second up: no mutating call, not even to the bucket', async () => {
    const before = await rig.lastCall();
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes']);
    expect(stdout).toContain('13 unchanged');
    expect(exitCode).toBe(0);
    expect(await rig.calls({ mutating: true, since: before })).toEqual([]);
  });

  it('is reported stack by stack by status', async () => {
    const { exitCode, stdout } = await rig.holdfast(['status', '--json']);
    expect(exitCode).toBe(0);
    const status = JSON.parse(stdout) as { target: string; stacks: { short: string; state: string; resources: number }[] };
    expect(status.target).toBe('LAB');
    expect(status.stacks.map(({ short, state, resources }) => `${short} ${state} ${resources}`)).toEqual([
      'transit-gateway applied 4',
      'vpc.shared applied 12',
      'vpc.production applied 12',
      'vpc.staging applied 12',
      'member.shared applied 4',
      'member.production applied 3',
      'member.staging applied 3',
      'route-tables.shared applied 2',
      'route-tables.production applied 1',
      'route-tables.staging applied 1',
      'segment.shared applied 0',
      'segment.production applied 2',
      'segment.staging applied 2',
    ]);
  });

  it('runs only the stacks that a changed line touches', async () => {
    await rig.writeNetwork(
      exampleNetwork.replace('private: [10.1.0.0/16, 10.2.0.0/16]', 'private: [10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16]'),
    );
    const { exitCode, events } = await rig.holdfast(['up', '--yes', '--json']);
    expect(exitCode).toBe(0);
    const summary = events.find(({ type }) => type === 'summary') as unknown as { ends: { short: string; end: { outcome: string } }[] };
    expect(summary.ends.filter(({ end }) => end.outcome !== 'unchanged').map(({ short, end }) => `${short} ${end.outcome}`)).toEqual([
      'route-tables.shared applied',
    ]);
    expect((await lookAtAws(rig.ec2)).routes).toContain(
      'example.vpc.shared/routes-private: 10.3.0.0/16 -> example.transit-gateway/gateway',
    );
  });

  it('refuses a plan that replaces an attachment, and touches nothing', async () => {
    await rig.writeNetwork(exampleNetwork.replaceAll('10.2.0.0/16', '10.8.0.0/16').replaceAll(/10\.2\.(\d+)\./g, '10.8.$1.'));
    const before = await rig.lastCall();
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes', 'vpc.staging']);
    expect(stdout).toContain('it deletes or replaces vpc.staging/');
    expect(stdout).toContain('--allow deletion');
    expect(exitCode).toBe(2);
    expect(await rig.calls({ mutating: true, since: before })).toEqual([]);
  });

  it('names a stack whose VPC has left the file, in plan and in status', async () => {
    const without = exampleNetwork.slice(0, exampleNetwork.indexOf('  staging:\n    segment: staging'));
    await rig.writeNetwork(without);
    const plan = await rig.holdfast(['plan']);
    expect(plan.stdout).toMatch(
      /not in the network file: route-tables\.staging \(1 resource\); it stays\. Destroy it: npm run destroy -- route-tables\.staging/,
    );
    const status = await rig.holdfast(['status']);
    expect(status.stdout).toMatch(/vpc\.staging +not in the network file/);
  });

  it('does not destroy what others stand on', async () => {
    const { exitCode, stdout } = await rig.holdfast(['destroy', '--yes', 'vpc.staging']);
    expect(stdout).toContain('still stand on what would be destroyed');
    expect(exitCode).toBe(2);
  });

  it('destroys by name a stack that has left the file, with its dependents, and nothing else', async () => {
    const { exitCode } = await rig.holdfast(['destroy', '--yes', 'vpc.staging', '--with-dependents']);
    expect(exitCode).toBe(0);
    const { vpcs, attachments } = await lookAtAws(rig.ec2);
    expect(vpcs).toEqual(['example.vpc.production/vpc 10.1.0.0/16', 'example.vpc.shared/vpc 10.0.0.0/16']);
    expect(attachments).toEqual(['example.vpc.production/attachment', 'example.vpc.shared/attachment']);
  });

  it('is destroyed in reverse order, down to nothing in AWS and no lock', async () => {
    const { exitCode } = await rig.holdfast(['destroy', '--yes']);
    expect(exitCode).toBe(0);
    expect(await lookAtAws(rig.ec2)).toEqual(nothing);
    expect(await rig.locks()).toEqual([]);
    expect((await rig.keys('.pulumi/stacks/')).filter((key) => key.endsWith('.json'))).toEqual([]);
  });
});
