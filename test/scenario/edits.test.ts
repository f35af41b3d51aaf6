import { CreateTagsCommand, DescribeSubnetsCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { lookAtAws } from '../support/aws-look.ts';
import { LabRig } from '../support/lab-rig.ts';
import { exampleNetwork } from '../support/networks.ts';
import { orderOf, outOfOrder } from '../support/order.ts';
import { nightly } from '../support/tier.ts';
import { namedIn, trafficOf } from '../support/traffic.ts';
import { parseNetwork, readNetwork } from '../../orchestrator/network/read-network.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';

const planSchema = z.object({
  plan: z.object({
    stacks: z.array(
      z.object({
        short: z.string(),
        hasChanges: z.boolean(),
        leaves: z.boolean().optional(),
        changes: z.array(z.object({ op: z.string(), name: z.string() })),
      }),
    ),
    warnings: z.array(z.looseObject({ reason: z.string() })).optional(),
  }),
});

/** The example with some of its text replaced, which has to be there once. */
function edited(...changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`the example has ${JSON.stringify(from)} not once`);
    return text.replace(from, to);
  }, exampleNetwork);
}

/** What a network team does all week, each over the example network as it was deployed: one edit, one `up`, and AWS asked directly. */
describe('one edit of the network file', { concurrent: false }, () => {
  let rig: LabRig;
  let before: Awaited<ReturnType<typeof lookAtAws>>;
  /** What was deployed last; undefined after a run that was stopped on its way. */
  let deployed: NetworkSpec | undefined;
  beforeAll(async () => {
    rig = await LabRig.start(exampleNetwork);
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes']);
    expect(exitCode, stdout).toBe(0);
    before = await lookAtAws(rig.ec2);
    await rig.takeSnapshot('deployed');
  });
  beforeEach(async () => {
    await rig.restoreSnapshot('deployed');
    const example = parseNetwork('networks/example.yaml', exampleNetwork);
    deployed = example.ok ? example.value.spec : undefined;
  });
  afterAll(() => rig.stop());

  /** What the plan says, in no order: `<op> <stack>/<resource>`, and the stack alone where only its outputs change. */
  const changesIn = (events: readonly Record<string, unknown>[]): string[] =>
    events
      .flatMap((event) => planSchema.safeParse(event).data?.plan.stacks ?? [])
      .filter(({ hasChanges }) => hasChanges)
      .flatMap(({ short, changes }) => (changes.length === 0 ? [short] : changes.map(({ op, name }) => `${op} ${short}/${name}`)))
      .sort();
  /** Stacks that have left the file, and that the plan takes away. */
  const leavingIn = (events: readonly Record<string, unknown>[]): string[] =>
    events
      .flatMap((event) => planSchema.safeParse(event).data?.plan.stacks ?? [])
      .flatMap(({ short, leaves }) => (leaves === true ? [short] : []));
  /** Stacks whose engine was started, in the plan or after it. */
  const enginesIn = (events: readonly Record<string, unknown>[]): string[] =>
    [...new Set(events.flatMap(({ type, stack }) => (type === 'step' ? [String(stack).replace('example.', '')] : [])))].sort();

  /** One `up` that disturbs no traffic but what its plan names, looked at after each of its calls; and a plan after it that has nothing to do. */
  async function upTo(network: string, ...flags: readonly string[]) {
    await rig.writeNetwork(network);
    const read = await readNetwork(rig.networkFile);
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    await rig.watch();
    const from = await rig.lastCall();
    const { exitCode, events, stdout } = await rig.holdfast(['up', '--yes', '--json', ...flags]);
    expect(exitCode, stdout).toBe(0);
    const calls = await rig.calls({ service: 'ec2', mutating: true, since: from });
    const moments = await rig.moments();
    const traffic = trafficOf({ moments, wanted: read.value.spec, named: namedIn(events), cutShort: false });
    expect(traffic).toEqual({ faults: [], checkedAt: calls.length });
    const order = deployed && (await orderOf(deployed, read.value.spec, moments));
    expect(order && outOfOrder(order), JSON.stringify(order, undefined, 1)).toEqual(order && []);
    deployed = read.value.spec;
    const engines = enginesIn(events);
    // Of what changed the engine is asked again, where the file has it still, and of all others it is known that there is nothing to ask.
    const gone = leavingIn(events);
    for (const asked of [[...engines.filter((stack) => !gone.includes(stack)), '--force'], []]) {
      const next = await rig.holdfast(['plan', '--json', ...asked]);
      expect([next.exitCode, changesIn(next.events)]).toEqual([0, []]);
    }
    return {
      changes: changesIn(events),
      engines,
      calls: calls.map(({ action }) => action),
      warnings: events.flatMap((event) => planSchema.safeParse(event).data?.plan.warnings ?? []),
      aws: await lookAtAws(rig.ec2),
    };
  }

  it('moves a VPC to another segment: off its old route table, onto the new one, and then known to it', async () => {
    const moved = edited(['  staging:\n    segment: staging\n', '  staging:\n    segment: production\n']);
    const { changes, engines, calls, aws } = await upTo(moved, '--allow', 'interruption');
    expect(changes).toEqual([
      'create member.staging/propagation-production',
      'delete member.staging/propagation-staging',
      'replace member.staging/association',
    ]);
    expect(engines).toEqual(['member.staging']);
    expect(calls).toEqual([
      'DisassociateTransitGatewayRouteTable',
      'AssociateTransitGatewayRouteTable',
      'EnableTransitGatewayRouteTablePropagation',
      'DisableTransitGatewayRouteTablePropagation',
    ]);
    const inStaging = 'example.vpc.staging/attachment -> example.transit-gateway/segment-staging';
    const inProduction = 'example.vpc.staging/attachment -> example.transit-gateway/segment-production';
    const put = (links: readonly string[]): string[] => [...links.filter((link) => link !== inStaging), inProduction].sort();
    expect(aws).toEqual({ ...before, associations: put(before.associations), propagations: put(before.propagations) });
  });

  nightly('makes a route a blackhole, and a route again: one change of one stack each time', async () => {
    const route = 'example.transit-gateway/segment-staging: 0.0.0.0/0 -> ';
    const toShared = `${route}example.vpc.shared/attachment`;
    const dropped = edited([
      '    blackholes: [10.1.0.0/16] # production\n    routes:\n      - { to: 0.0.0.0/0, vpc: shared }\n',
      '    blackholes: [10.1.0.0/16, 0.0.0.0/0]\n',
    ]);
    const there = await upTo(dropped);
    const once = { changes: ['replace segment.staging/route-0.0.0.0/0'], engines: ['segment.staging'] };
    expect(there).toMatchObject({ ...once, calls: ['DeleteTransitGatewayRoute', 'CreateTransitGatewayRoute'] });
    expect(there.aws).toEqual({
      ...before,
      gatewayRoutes: [...before.gatewayRoutes.filter((each) => each !== toShared), `${route}blackhole`].sort(),
    });
    const back = await upTo(exampleNetwork);
    expect(back).toMatchObject(once);
    expect(back.aws).toEqual(before);
  });

  it('adds a subnet in another zone: that and its route table association, and no other stack is asked', async () => {
    const wider = edited(['private: { a: 10.2.0.0/20, b: 10.2.16.0/20 }', 'private: { a: 10.2.0.0/20, b: 10.2.16.0/20, c: 10.2.32.0/20 }']);
    const { changes, engines, aws, warnings } = await upTo(wider);
    expect(changes).toEqual(['create vpc.staging/association-private-c', 'create vpc.staging/subnet-private-c']);
    expect(engines).toEqual(['vpc.staging']);
    expect(aws.subnetAssociations).toContain('example.vpc.staging/subnet-private-c -> example.vpc.staging/routes-private');
    // Nothing of that zone gets to the gateway.
    expect(warnings).toMatchObject([{ reason: 'zone-without-attachment', vpc: 'staging', tier: 'private', zone: 'c' }]);
  });

  const tagsOfCluster = { 'kubernetes.io/cluster/blue': 'shared', 'kubernetes.io/role/internal-elb': '1' };

  it('leaves the tags of others on a subnet, also where it asks AWS before the change', async () => {
    const { Subnets = [] } = await rig.ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: 'cidr-block', Values: ['10.2.0.0/20'] }] }));
    const id = Subnets[0]?.SubnetId ?? '';
    const Tags = Object.entries(tagsOfCluster).map(([Key, Value]) => ({ Key, Value }));
    await rig.ec2.send(new CreateTagsCommand({ Resources: [id], Tags }));
    expect((await rig.holdfast(['inventory', '--diff'])).exitCode).toBe(0);
    await rig.writeNetwork(edited(['    team: platform\n', '    team: network\n']));
    const { exitCode, stdout } = await rig.holdfast(['up', 'vpc.staging', '--yes', '--refresh']);
    expect(exitCode, stdout).toBe(0);
    const after = await rig.ec2.send(new DescribeSubnetsCommand({ SubnetIds: [id] }));
    const tags = Object.fromEntries((after.Subnets?.[0]?.Tags ?? []).map(({ Key = '', Value }) => [Key, Value]));
    expect(tags).toMatchObject({ ...tagsOfCluster, team: 'network' });
  });

  nightly(
    'moves the default route of a segment to another VPC where AWS is asked first: what the state refers to, and the file no longer',
    async () => {
      const { changes } = await upTo(
        edited([
          '  staging:\n    blackholes: [10.1.0.0/16] # production\n    routes:\n      - { to: 0.0.0.0/0, vpc: shared }\n',
          '  staging:\n    blackholes: [10.1.0.0/16]\n    routes:\n      - { to: 0.0.0.0/0, vpc: production }\n',
        ]),
        '--refresh',
      );
      expect(changes).toContain('replace segment.staging/route-0.0.0.0/0');
    },
  );

  nightly('adds a segment that nothing uses: its route table, and no other stack is asked', async () => {
    const { changes, engines, aws } = await upTo(edited(['\nvpcs:\n', '  dev: {}\n\nvpcs:\n']));
    expect(changes).toEqual(['create transit-gateway/segment-dev', 'segment.dev']);
    expect(engines).toEqual(['segment.dev', 'transit-gateway']);
    expect(aws).toEqual({ ...before, gatewayRouteTables: ['example.transit-gateway/segment-dev', ...before.gatewayRouteTables] });
  });

  it('is refused for a new segment alone, before anything starts: what it reads of the gateway is not there yet', async () => {
    await rig.writeNetwork(edited(['\nvpcs:\n', '  dev: {}\n\nvpcs:\n']));
    const from = await rig.lastCall();
    const { exitCode, stdout } = await rig.holdfast(['up', 'segment.dev', '--yes']);
    expect(stdout).toContain('not deployed yet, or not to the end: example.transit-gateway');
    expect(exitCode).toBe(3);
    expect(await rig.calls({ mutating: true, since: from })).toEqual([]);
  });

  nightly('takes the last route of a segment away: its table stays, and is empty', async () => {
    const emptied = edited([
      '    blackholes: [10.1.0.0/16] # production\n    routes:\n      - { to: 0.0.0.0/0, vpc: shared }\n',
      '    blackholes: []\n',
    ]);
    const { changes, engines, aws } = await upTo(emptied, '--allow', 'deletion');
    expect(changes).toEqual(['delete segment.staging/route-0.0.0.0/0', 'delete segment.staging/route-10.1.0.0/16']);
    expect(engines).toEqual(['segment.staging']);
    expect(aws).toEqual({ ...before, gatewayRoutes: before.gatewayRoutes.filter((route) => !route.includes('segment-staging')) });
  });

  nightly('moves the default route of a segment to another VPC: at no call has its traffic no route', async () => {
    const retargeted = edited([
      '  staging:\n    blackholes: [10.1.0.0/16] # production\n    routes:\n      - { to: 0.0.0.0/0, vpc: shared }\n',
      '  staging:\n    blackholes: [10.1.0.0/16]\n    routes:\n      - { to: 0.0.0.0/0, vpc: production }\n',
    ]);
    const { changes, engines, calls, aws } = await upTo(retargeted);
    expect(changes).toEqual(['replace segment.staging/route-0.0.0.0/0']);
    expect(engines).toEqual(['segment.staging']);
    expect(calls.sort()).toEqual([
      ...Array<string>(3).fill('CreateTransitGatewayRoute'),
      ...Array<string>(3).fill('DeleteTransitGatewayRoute'),
    ]);
    const route = 'example.transit-gateway/segment-staging: 0.0.0.0/0 -> example.vpc.';
    expect(aws.gatewayRoutes).toEqual(
      before.gatewayRoutes.map((each) => (each === `${route}shared/attachment` ? `${route}production/attachment` : each)).sort(),
    );
  });

  nightly('goes on with the next `up` where the move of a default route was stopped over its bridge', async () => {
    const retargeted = edited([
      '  staging:\n    blackholes: [10.1.0.0/16] # production\n    routes:\n      - { to: 0.0.0.0/0, vpc: shared }\n',
      '  staging:\n    blackholes: [10.1.0.0/16]\n    routes:\n      - { to: 0.0.0.0/0, vpc: production }\n',
    ]);
    await rig.writeNetwork(retargeted);
    await rig.fault({ match: { service: 'ec2', action: 'DeleteTransitGatewayRoute', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const run = rig.run(['up', '--yes', '--json']);
    const { held } = await rig.heldCall(run);
    run.child.kill('SIGINT');
    await run.event(({ type }) => type === 'draining');
    await rig.release(held[0]?.n ?? 0);
    const stopped = await run.ended;
    expect(stopped.exitCode, stopped.stdout).toBe(130);
    deployed = undefined;
    const halfWay = await lookAtAws(rig.ec2);
    expect(halfWay.gatewayRoutes.filter((each) => each.includes('.0.0.0/1 ') && each.includes('segment-staging'))).toHaveLength(2);
    const { aws } = await upTo(retargeted);
    expect(aws.gatewayRoutes.filter((each) => each.includes('.0.0.0/1 '))).toEqual([]);
  });

  const withoutStaging = [
    ['  staging:\n    blackholes: [10.1.0.0/16] # production\n    routes:\n      - { to: 0.0.0.0/0, vpc: shared }\n', ''],
    ['    reaches: [production, staging]\n', '    reaches: [production]\n'],
  ] as const;

  nightly('removes a segment whose VPC moves to another one: the VPC first, its routes and its table last', async () => {
    const merged = edited(...withoutStaging, ['  staging:\n    segment: staging\n', '  staging:\n    segment: production\n']);
    const { calls, aws } = await upTo(merged, '--allow', 'interruption', '--allow', 'deletion');
    expect(calls.indexOf('AssociateTransitGatewayRouteTable')).toBeLessThan(calls.indexOf('DeleteTransitGatewayRoute'));
    expect(calls.at(-1)).toBe('DeleteTransitGatewayRouteTable');
    expect(
      [...aws.gatewayRouteTables, ...aws.gatewayRoutes, ...aws.associations].filter((each) => each.includes('segment-staging')),
    ).toEqual([]);
  });

  it('asks about what it deletes and interrupts, each with the flag that says yes, and touches nothing', async () => {
    await rig.writeNetwork(edited(...withoutStaging, ['  staging:\n    segment: staging\n', '  staging:\n    segment: production\n']));
    const from = await rig.lastCall();
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes']);
    expect(stdout).toContain('it deletes or replaces transit-gateway/segment-staging');
    expect(stdout).toContain('--allow deletion');
    expect(stdout).toContain('--allow interruption');
    expect(exitCode).toBe(2);
    expect(await rig.calls({ mutating: true, since: from })).toEqual([]);
  });

  const stagingVpc = exampleNetwork.slice(exampleNetwork.indexOf('  staging:\n    segment: staging\n'));

  it('takes a VPC that has left the file away where it is asked to, what stands on it first', async () => {
    const { calls, aws } = await upTo(edited([stagingVpc, '']), '--prune', '--allow', 'deletion');
    expect(calls.at(-1)).toBe('DeleteVpc');
    expect(calls.indexOf('DisassociateTransitGatewayRouteTable')).toBeLessThan(calls.indexOf('DeleteTransitGatewayVpcAttachment'));
    expect(aws.vpcs.filter((each) => each.includes('staging'))).toEqual([]);
  });

  it('is refused where a segment goes whose VPC has left the file too, and stays: with the flag that takes both away', async () => {
    await rig.writeNetwork(edited(...withoutStaging, [stagingVpc, '']));
    const from = await rig.lastCall();
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes', '--allow', 'deletion']);
    expect(stdout).toContain('the plan deletes transit-gateway/segment-staging, which member.staging still uses');
    expect(stdout).toContain('up -- --prune');
    expect(exitCode).toBe(2);
    expect(await rig.calls({ mutating: true, since: from })).toEqual([]);
  });

  /** A VPC, a segment and a tier under other names, each with what it was. */
  const renames = [
    ['  staging:\n    segment: staging\n', '  stage:\n    was: staging\n    segment: staging\n'],
    ['    reaches: [production, staging]\n', '    reaches: [prod, staging]\n'],
    ['  production:\n    blackholes', '  prod:\n    was: production\n    blackholes'],
    ['    segment: production\n', '    segment: prod\n'],
    ['      private: { a: 10.0.0.0/20', '      apps: { was: private, a: 10.0.0.0/20'],
    ['      private: [10.1.0.0/16, 10.2.0.0/16]', '      apps: [10.1.0.0/16, 10.2.0.0/16]'],
  ] as const;

  it('renames a VPC, a segment and a tier without a call to AWS or a write to the bucket, where the file says what each was', async () => {
    const from = await rig.lastCall();
    const { changes, engines, aws } = await upTo(edited(...renames));
    expect([changes, engines, aws]).toEqual([[], [], before]);
    expect(await rig.calls({ mutating: true, since: from })).toEqual([]);
    const status = await rig.holdfast(['status']);
    expect(status.stdout).toMatch(/vpc\.staging \(stage\) +applied/);
    const alone = await rig.holdfast(['plan', 'vpc.stage', '--force', '--json']);
    expect([alone.exitCode, enginesIn(alone.events), changesIn(alone.events)]).toEqual([0, ['vpc.staging'], []]);
  });

  /** Of a command that has to be refused before it changes anything. */
  const refusedFor = async (args: readonly string[]): Promise<string> => {
    const from = await rig.lastCall();
    const { exitCode, stdout } = await rig.holdfast(args);
    expect(exitCode, stdout).toBe(2);
    expect(await rig.calls({ mutating: true, since: from })).toEqual([]);
    return stdout;
  };

  it('is refused for a VPC and a tier that were renamed without that, each with its line and what to write', async () => {
    const text = edited(...renames.map(([from, to]) => [from, to.replace(/ *was: \w+[,\n]/, '')] as const));
    await rig.writeNetwork(text);
    const lineOf = (part: string): number => text.slice(0, text.indexOf(part)).split('\n').length;
    for (const command of ['up', 'plan']) {
      const said = await refusedFor([command, ...(command === 'up' ? ['--yes', '--allow', 'deletion', '--allow', 'interruption'] : [])]);
      expect(said).toMatch(new RegExp(`:${lineOf('  stage:\n')}: VPC "stage" .*\\n.*add "was: staging" to "stage"`));
      expect(said).toMatch(new RegExp(`:${lineOf('      apps: {')}: tier "apps" of VPC "shared" .*\\n.*add "was: private"`));
    }
  });

  it('is refused where AWS would refuse a subnet, because the one that goes still has its addresses: with the two edits', async () => {
    await rig.writeNetwork(edited(['private: { a: 10.2.0.0/20, b: 10.2.16.0/20 }', 'private: { a: 10.2.0.0/20, c: 10.2.16.0/20 }']));
    const said = await refusedFor(['up', '--yes', '--allow', 'deletion']);
    expect(said).toContain('subnet private c (10.2.16.0/20) of VPC "staging" overlaps subnet-private-b (10.2.16.0/20)');
    expect(said).toContain('Make two edits');
  });

  it('neither shrinks nor destroys what the file protects, whatever the flags', async () => {
    await rig.writeNetwork(
      edited(
        ['  staging:\n    segment: staging\n', '  staging:\n    protect: true\n    segment: staging\n'],
        ['private: { a: 10.2.0.0/20, b: 10.2.16.0/20 }', 'private: { a: 10.2.0.0/20 }'],
      ),
    );
    const refusal = /:\d+: the plan deletes or replaces vpc\.staging\/subnet-private-b, and the file protects VPC "staging"/;
    expect(await refusedFor(['up', '--yes', '--allow', 'deletion'])).toMatch(refusal);
    expect(await refusedFor(['plan'])).toMatch(refusal);
    expect(await refusedFor(['destroy', 'route-tables.staging', '--with-dependents', '--yes'])).toContain(
      'would be destroyed, and the file protects VPC "staging"',
    );
  });

  const zoneMoves = edited(
    ['private: { a: 10.1.0.0/20, b: 10.1.16.0/20 }', 'private: { a: 10.1.0.0/20 }'],
    ['private: { a: 10.2.0.0/20, b: 10.2.16.0/20 }', 'private: { a: 10.2.0.0/20, b: 10.2.16.0/20, c: 10.2.32.0/20 }'],
  );
  const inTwoPasses = [
    { kind: 'expand', stacks: [{ short: 'vpc.staging' }] },
    { kind: 'contract', stacks: [{ short: 'vpc.production' }] },
  ];

  it('makes what is new in all stacks before it takes anything away in one', async () => {
    const { calls } = await upTo(zoneMoves, '--allow', 'deletion');
    expect(calls).toEqual(['CreateSubnet', 'AssociateRouteTable', 'DisassociateRouteTable', 'DeleteSubnet']);
  });

  it('says in the plan in which passes it is carried out, and goes on with the next `up` where it was stopped between two', async () => {
    await rig.writeNetwork(zoneMoves);
    await rig.fault({ match: { service: 'ec2', action: 'CreateSubnet', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const run = rig.run(['up', '--yes', '--json', '--allow', 'deletion']);
    const { held } = await rig.heldCall(run);
    run.child.kill('SIGINT');
    await run.event(({ type }) => type === 'draining');
    await rig.release(held[0]?.n ?? 0);
    const stopped = await run.ended;
    expect(stopped.exitCode, stopped.stdout).toBe(130);
    deployed = undefined;
    expect(stopped.events.find(({ type }) => type === 'plan')).toMatchObject({ plan: { passes: inTwoPasses } });
    const halfWay = await lookAtAws(rig.ec2);
    expect(halfWay.subnets).toEqual(expect.arrayContaining([...before.subnets, expect.stringContaining('subnet-private-c')]));
    const { changes } = await upTo(zoneMoves, '--allow', 'deletion');
    expect(changes).toEqual(['delete vpc.production/association-private-b', 'delete vpc.production/subnet-private-b']);
  });
});
