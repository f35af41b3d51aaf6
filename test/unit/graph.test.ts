import { describe, expect, it } from 'vitest';
import { toJson } from '../../orchestrator/graph/draw.ts';
import { toMermaid } from '../../orchestrator/ui/mermaid.ts';
import { buildGraph, dependencyOrder, withDependents, withUpstreams } from '../../orchestrator/graph/graph.ts';
import { selectStacks } from '../../orchestrator/graph/select.ts';
import { kinds } from '../../stacks/index.ts';
import { exampleGraph, exampleOf, exampleWith, file } from './support/example.ts';
import { fakeKind } from './support/fake-kinds.ts';
import { problemOf, problemsOf, valueOf } from './support/results.ts';

const { spec } = exampleOf();

describe('the graph of the example', () => {
  it('has every stack after what it reads', () => {
    const seen = new Set<string>();
    for (const { name, upstreams } of exampleGraph().nodes) {
      expect([...seen]).toEqual(expect.arrayContaining([...upstreams]));
      seen.add(name);
    }
    expect(seen.size).toBe(13);
  });

  it('is made of the declared references', () => {
    expect(exampleGraph().byName.get('example.route-tables.shared')).toMatchObject({
      short: 'route-tables.shared',
      references: [
        { reference: 'gateway', stack: 'example.transit-gateway', outputs: { gatewayId: undefined } },
        { reference: 'vpc', stack: 'example.vpc.shared', outputs: { vpcId: undefined, routeTableIds: ['private'] } },
        { reference: 'member', stack: 'example.member.shared', outputs: { attachmentId: undefined } },
      ],
      upstreams: ['example.transit-gateway', 'example.vpc.shared', 'example.member.shared'],
    });
  });

  it('has of one reference as many stacks as the network file asks for', () => {
    const { byName } = valueOf(
      buildGraph(
        exampleOf(
          exampleWith([
            '      - { to: 0.0.0.0/0, vpc: shared }',
            '      - { to: 0.0.0.0/0, vpc: shared }\n      - { to: 192.168.0.0/16, vpc: shared }\n      - { to: 172.16.0.0/12, vpc: staging }',
          ]),
        ).spec,
        kinds,
      ),
    );
    expect(byName.get('example.segment.production')?.references.filter(({ reference }) => reference === 'members')).toEqual([
      { reference: 'members', stack: 'example.member.shared', instance: 'shared', outputs: { attachmentId: undefined } },
      { reference: 'members', stack: 'example.member.staging', instance: 'staging', outputs: { attachmentId: undefined } },
    ]);
    expect(byName.get('example.segment.shared')?.upstreams).toEqual(['example.transit-gateway']);
  });

  it('comes in the same order each time', () => {
    expect(exampleGraph().nodes.map(({ name }) => name)).toEqual(exampleGraph().nodes.map(({ name }) => name));
  });
});

describe('an order', () => {
  it('has upstreams first, else what was given first', () => {
    const order = dependencyOrder([
      { name: 'c', upstreams: ['a', 'b'] },
      { name: 'd', upstreams: [] },
      { name: 'b', upstreams: ['a'] },
      { name: 'a', upstreams: [] },
    ]);
    expect(order).toEqual({ ok: true, names: ['a', 'b', 'c', 'd'] });
  });

  it('does not count upstreams that are not among the vertices', () => {
    expect(dependencyOrder([{ name: 'a', upstreams: ['elsewhere'] }])).toEqual({ ok: true, names: ['a'] });
  });

  it('of a chain of 20000 does not overflow', () => {
    const chain = Array.from({ length: 20_000 }, (_, index) => ({
      name: `v${index}`,
      upstreams: index === 19_999 ? [] : [`v${index + 1}`],
    }));
    const order = dependencyOrder(chain);
    expect(order).toMatchObject({ ok: true });
    expect(order.ok && [order.names[0], order.names.at(-1)]).toEqual(['v19999', 'v0']);
  });

  it('of a circle is that circle, without what leads to it', () => {
    const order = dependencyOrder([
      { name: 'before', upstreams: ['a'] },
      { name: 'a', upstreams: ['b'] },
      { name: 'b', upstreams: ['c'] },
      { name: 'c', upstreams: ['a'] },
    ]);
    expect(order).toEqual({ ok: false, cycle: ['a', 'b', 'c', 'a'] });
  });

  it('of a circle of 20000 does not overflow', () => {
    const circle = Array.from({ length: 20_000 }, (_, index) => ({ name: `v${index}`, upstreams: [`v${(index + 1) % 20_000}`] }));
    const order = dependencyOrder(circle);
    expect(!order.ok && order.cycle.length).toBe(20_001);
  });

  it('of a stack that reads itself is a circle of one', () => {
    expect(dependencyOrder([{ name: 'a', upstreams: ['a'] }])).toEqual({ ok: false, cycle: ['a', 'a'] });
  });
});

describe('kinds made by hand', () => {
  it('that read from one another are refused with the circle', () => {
    const kinds = [
      fakeKind('gateway', { tables: { kind: 'tables' } }),
      fakeKind('vpc', { gateway: { kind: 'gateway' } }),
      fakeKind('tables', { vpc: { kind: 'vpc' } }),
    ];
    expect(problemOf(buildGraph(spec, kinds))).toMatchObject({
      reason: 'cycle',
      message: 'the stacks read from one another in a circle: example.gateway -> example.tables -> example.vpc -> example.gateway',
      next: 'Take one of these references away in stacks/.',
    });
  });

  it('that read a stack that the network does not have are refused with both names', () => {
    const kinds = [fakeKind('gateway'), fakeKind('vpc', { hub: { kind: 'gateway', instance: 'west' } }, ['a'])];
    expect(problemOf(buildGraph(spec, kinds))).toMatchObject({
      reason: 'missing-upstream',
      message: 'stack vpc.a reads hub from example.gateway.west, which the network does not have',
      next: expect.stringContaining('kind "vpc"') as string,
    });
  });

  it('that read one stack twice have it once as upstream', () => {
    const kinds = [fakeKind('gateway'), fakeKind('vpc', { left: { kind: 'gateway' }, right: { kind: 'gateway' } })];
    expect(valueOf(buildGraph(spec, kinds)).byName.get('example.vpc')?.upstreams).toEqual(['example.gateway']);
  });
});

describe('what belongs to a stack', () => {
  it('with its upstreams is everything that it reads, also through others', () => {
    expect([...withUpstreams(exampleGraph(), ['example.route-tables.staging'])].sort()).toEqual([
      'example.member.staging',
      'example.route-tables.staging',
      'example.transit-gateway',
      'example.vpc.staging',
    ]);
  });

  it('with its dependents is everything that reads it, also through others', () => {
    expect(withDependents(exampleGraph(), ['example.transit-gateway']).size).toBe(13);
    expect([...withDependents(exampleGraph(), ['example.vpc.shared'])].sort()).toEqual([
      'example.member.shared',
      'example.route-tables.shared',
      'example.segment.production',
      'example.segment.staging',
      'example.vpc.shared',
    ]);
  });
});

describe('the stacks that a person names', () => {
  const select = (...patterns: string[]): string[] => [...valueOf(selectStacks(exampleGraph().nodes, patterns, file))].sort();

  it('are all of them where none is named', () => {
    expect(select()).toHaveLength(13);
  });

  it.each([
    ['a short name', 'vpc.shared', ['example.vpc.shared']],
    ['a full name', 'example.vpc.shared', ['example.vpc.shared']],
    ['a glob over short names', 'vpc.*', ['example.vpc.production', 'example.vpc.shared', 'example.vpc.staging']],
    [
      'a glob over full names',
      'example.*.staging',
      ['example.member.staging', 'example.route-tables.staging', 'example.segment.staging', 'example.vpc.staging'],
    ],
    ['alternatives', 'vpc.{shared,staging}', ['example.vpc.shared', 'example.vpc.staging']],
    [
      'everything',
      '*',
      exampleGraph()
        .nodes.map(({ name }) => name)
        .sort(),
    ],
  ])('by %s', (_, pattern, expected) => {
    expect(select(pattern)).toEqual(expected);
  });

  it('are not those whose name only begins so', () => {
    expect(problemOf(selectStacks(exampleGraph().nodes, ['vpc.stag'], file))).toMatchObject({ reason: 'unknown-stack' });
  });

  it('are refused where one is unknown, with the one that was meant', () => {
    expect(problemOf(selectStacks(exampleGraph().nodes, ['vpc.shared', 'vpc.stagin'], file))).toMatchObject({
      reason: 'unknown-stack',
      message: `no stack of ${file} is called "vpc.stagin"`,
      next: expect.stringContaining('Did you mean "vpc.staging"?') as string,
    });
  });

  it.each(['../x', '../../etc/passwd', 'vpc/shared', 'vpc.shared;ls', 'VPC.shared', '', 'vpc.$(id)', '-n'.concat(' x')])(
    'are refused where one is no name: %j',
    (pattern) => {
      expect(problemOf(selectStacks(exampleGraph().nodes, [pattern], file))).toMatchObject({
        reason: 'bad-stack-name',
        message: `"${pattern}" is not a stack name`,
      });
    },
  );

  it('are refused with every one that is wrong', () => {
    expect(problemsOf(selectStacks(exampleGraph().nodes, ['../x', 'vpc.nowhere'], file)).map(({ reason }) => reason)).toEqual([
      'bad-stack-name',
      'unknown-stack',
    ]);
  });

  it('have no suggestion where the network has no stacks', () => {
    expect(problemOf(selectStacks([], ['vpc.a'], file)).next).toBe('The network has no stacks.');
  });
});

describe('the graph drawn', () => {
  it('as mermaid has a node a stack and an arrow a reference, from what is read to what reads', () => {
    const lines = toMermaid(exampleGraph()).split('\n');
    expect(lines[0]).toBe('flowchart LR');
    expect(lines).toContain('  example_vpc_shared["vpc.shared"]');
    expect(lines).toContain('  example_transit_gateway --> example_vpc_shared');
    expect(lines.filter((line) => line.includes('-->'))).toHaveLength(25);
  });

  it('as JSON names each reference with the outputs that it reads', () => {
    const drawn = JSON.parse(JSON.stringify(toJson(exampleGraph()))) as ReturnType<typeof toJson>;
    expect(drawn).toMatchObject({ schema: 1, network: 'example' });
    expect(drawn.stacks.find(({ stack }) => stack === 'example.route-tables.staging')).toEqual({
      stack: 'example.route-tables.staging',
      kind: 'route-tables',
      upstreams: ['example.transit-gateway', 'example.vpc.staging', 'example.member.staging'],
      references: [
        { reference: 'gateway', stack: 'example.transit-gateway', outputs: ['gatewayId'] },
        { reference: 'vpc', stack: 'example.vpc.staging', outputs: ['vpcId', 'routeTableIds'] },
        { reference: 'member', stack: 'example.member.staging', outputs: ['attachmentId'] },
      ],
    });
  });
});
