import { describe, expect, it } from 'vitest';
import { noChanges } from '../../orchestrator/run/events.ts';
import type { PlannedChange, StackPlan } from '../../orchestrator/run/events.ts';
import { passesOf } from '../../orchestrator/run/passes.ts';
import { exampleGraph } from './support/example.ts';

const graph = exampleGraph();

const change = (op: PlannedChange['op'], name: string, changed: readonly string[] = [], type = 'aws:ec2/subnet:Subnet'): PlannedChange => ({
  op,
  urn: name,
  type,
  name,
  changed,
  replacing: [],
});

const plan = (short: string, ...changes: readonly PlannedChange[]): StackPlan => ({
  stack: `example.${short}`,
  short,
  exists: true,
  hasChanges: true,
  counts: noChanges,
  changes,
});

const told = (...plans: readonly StackPlan[]) =>
  passesOf(plans, graph).map(({ kind, stacks }) => [kind, ...stacks.map(({ short, later }) => [short, ...later].join(' without '))]);

describe('the passes of an edit', () => {
  it('are one where all of it is of one sort, whatever its stacks', () => {
    expect(told(plan('vpc.shared', change('create', 'a')), plan('vpc.staging', change('create', 'b')))).toEqual([
      ['expand', 'vpc.shared', 'vpc.staging'],
    ]);
    expect(told(plan('vpc.shared', change('delete', 'a')), plan('vpc.staging', change('delete', 'b')))).toEqual([
      ['contract', 'vpc.shared', 'vpc.staging'],
    ]);
  });

  it('are one where one stack alone changes: the engine makes first and deletes last', () => {
    expect(told(plan('vpc.shared', change('create', 'a'), change('update', 'b', ['cidrBlock']), change('delete', 'c')))).toEqual([
      ['expand', 'vpc.shared'],
    ]);
  });

  it('make first what disturbs nothing, move traffic next, and take away last', () => {
    expect(
      told(
        plan('vpc.shared', change('create', 'made'), change('update', 'moved', ['routeTableId']), change('delete', 'gone')),
        plan('route-tables.shared', change('delete', 'route')),
      ),
    ).toEqual([
      ['expand', 'vpc.shared without moved without gone'],
      ['switch', 'vpc.shared without gone'],
      ['contract', 'vpc.shared', 'route-tables.shared'],
    ]);
  });

  it('take new tags for what disturbs nothing', () => {
    expect(
      told(plan('vpc.shared', change('update', 'a', ['tags.team', 'tagsAll.team'])), plan('vpc.staging', change('delete', 'b'))),
    ).toEqual([
      ['expand', 'vpc.shared'],
      ['contract', 'vpc.staging'],
    ]);
  });

  it('make what stands on a replaced resource when that is there, in its stack and in those that read it', () => {
    expect(
      told(
        plan('vpc.shared', change('create', 'made'), change('replace', 'subnet')),
        plan('vpc.staging', change('create', 'other')),
        plan('route-tables.shared', change('create', 'route'), change('delete', 'old')),
      ),
    ).toEqual([
      ['expand', 'vpc.staging'],
      ['switch', 'vpc.shared', 'route-tables.shared without old'],
      ['contract', 'route-tables.shared'],
    ]);
  });

  it('make a blackhole before a route of the same stack moves traffic: nothing is made with a route', () => {
    const route = 'aws:ec2transitgateway/route:Route';
    expect(
      told(
        plan('member.staging', change('replace', 'association', [], 'aws:ec2transitgateway/routeTableAssociation:RouteTableAssociation')),
        plan('segment.staging', change('create', 'blackhole', [], route), change('replace', 'default', [], route)),
      ),
    ).toEqual([
      ['expand', 'segment.staging without default'],
      ['switch', 'member.staging', 'segment.staging'],
    ]);
  });

  it('replace over a bridge, and take it away in a pass of its own, also where one stack alone changes', () => {
    const bridges = new Map([['example.segment.staging', ['default']]]);
    const route = 'aws:ec2transitgateway/route:Route';
    const plans = [plan('segment.staging', change('create', 'made', [], route), change('replace', 'default', [], route))];
    const passes = passesOf(plans, graph, { bridges, shields: new Map(), moved: new Map() });
    expect(passes.map(({ kind, stacks }) => [kind, stacks[0]?.form, stacks[0]?.later])).toEqual([
      ['expand', undefined, ['default']],
      ['switch', { kind: 'bridged', resources: ['default'] }, []],
      ['contract', undefined, []],
    ]);
  });

  it('put blackholes up first, with the tables that they are in, and take them away last, before these tables', () => {
    const shields = new Map([
      ['example.segment.staging', new Set(['new-blackhole'])],
      ['example.segment.production', new Set(['old-blackhole'])],
    ]);
    const plans = [
      plan('transit-gateway', change('create', 'new-table'), change('delete', 'old-table')),
      plan('member.staging', change('create', 'propagation'), change('delete', 'old-propagation')),
      plan('segment.production', change('delete', 'old-blackhole'), change('delete', 'old-route')),
      plan('segment.staging', change('create', 'new-blackhole'), change('create', 'new-route')),
    ];
    const passes = passesOf(plans, graph, { bridges: new Map(), shields, moved: new Map() });
    expect(
      passes.map(({ kind, stacks }) => [
        kind,
        ...stacks.map(({ short, later, form }) => `${[short, ...later].join(' without ')}${form ? ` as ${form.kind}` : ''}`),
      ]),
    ).toEqual([
      ['shield', 'transit-gateway without old-table', 'segment.staging without new-route as shield'],
      ['expand', 'member.staging without old-propagation', 'segment.staging'],
      ['contract', 'member.staging', 'segment.production without old-blackhole'],
      ['unshield', 'transit-gateway', 'segment.production'],
    ]);
  });

  it('begin with what has new outputs alone, which others wait for', () => {
    expect(told(plan('transit-gateway'), plan('vpc.shared', change('create', 'a')), plan('vpc.staging', change('delete', 'b')))).toEqual([
      ['expand', 'transit-gateway', 'vpc.shared'],
      ['contract', 'vpc.staging'],
    ]);
  });

  it('write down before all else the outputs that a stack lacks, where one that reads them has its turn first', () => {
    const lacking = { ...plan('transit-gateway', change('delete', 'left-over')), lacksOutputs: true } as const;
    expect(told(lacking, plan('member.staging', change('create', 'association')))).toEqual([
      ['tell', 'transit-gateway without left-over'],
      ['expand', 'member.staging'],
      ['contract', 'transit-gateway'],
    ]);
    // Where both only take away, it is the reader's turn first.
    expect(told(lacking, plan('member.staging', change('delete', 'association')))[0]).toEqual([
      'tell',
      'transit-gateway without left-over',
    ]);
  });

  it('have no pass for outputs that nothing reads before their stack has its turn', () => {
    const lacking = { ...plan('transit-gateway', change('create', 'table')), lacksOutputs: true } as const;
    expect(told(lacking, plan('member.staging', change('create', 'association')))).toEqual([
      ['expand', 'transit-gateway', 'member.staging'],
    ]);
    expect(
      told({ ...plan('segment.staging', change('delete', 'route')), lacksOutputs: true }, plan('vpc.staging', change('create', 'a'))),
    ).toEqual([
      ['expand', 'vpc.staging'],
      ['contract', 'segment.staging'],
    ]);
  });

  it('are none where nothing changes', () => {
    expect(passesOf([{ ...plan('vpc.shared'), hasChanges: false }], graph)).toEqual([]);
  });
});
