import { describe, expect, it } from 'vitest';
import { nameFaults } from '../../orchestrator/run/renamed.ts';
import type { NameFault } from '../../orchestrator/run/renamed.ts';
import type { StackState } from '../../orchestrator/state/checkpoints.ts';
import { nameFault } from '../../orchestrator/ui/names.ts';
import { exampleNetwork } from '../support/networks.ts';
import { exampleGraph, exampleOf, exampleWith, file, lineOf } from './support/example.ts';
import { deployed, stateOf, statesOf } from './support/states.ts';

type Edit = readonly [from: string, to: string];

const example = deployed(exampleOf().spec);

interface Known {
  readonly states?: ReadonlyMap<string, StackState>;
  readonly unknown?: readonly string[];
  readonly begun?: readonly string[];
}

const faultsOf = (text: string, { states = example, unknown = [], begun = [] }: Known = {}): readonly NameFault[] => {
  const { spec, renames } = exampleOf(text);
  return nameFaults({ spec, renames, states, unknown: new Set(unknown), begun: new Set(begun) });
};

/** What is deployed, but for one VPC. */
const without = (vpc: string) => new Map([...example].filter(([stack]) => stack !== `example.vpc.${vpc}`));

const stage: Edit = ['  staging:\n    segment: staging\n', '  stage:\n    segment: staging\n'];
const stageWas: Edit = [stage[0], '  stage:\n    was: staging\n    segment: staging\n'];
const apps = (tier: string): readonly Edit[] => [
  ['      private: { a: 10.0.0.0/20, b: 10.0.16.0/20 }', `      apps: ${tier}`],
  ['      private: [10.1.0.0/16, 10.2.0.0/16]', '      apps: [10.1.0.0/16, 10.2.0.0/16]'],
];
const segmentWas = (was: string): Edit => ['  shared:\n    reaches:', `  shared:\n    was: ${was}\n    reaches:`];
const subnets: Edit[0] = 'private: { a: 10.2.0.0/20, b: 10.2.16.0/20 }';

describe('the network file against what is deployed', () => {
  it('has no fault where nothing was edited', () => {
    expect(faultsOf(exampleNetwork)).toEqual([]);
  });

  it('has none where a VPC, a subnet and a tier are new and have addresses of their own', () => {
    const text = exampleWith(
      [subnets, 'private: { a: 10.2.0.0/20, b: 10.2.16.0/20, c: 10.2.32.0/20 }\n      data: { a: 10.2.48.0/20 }'],
      [
        'vpcs:\n',
        'vpcs:\n  new:\n    segment: staging\n    cidr: 10.9.0.0/16\n    subnets: { all: { a: 10.9.0.0/20 } }\n    attachment: all\n',
      ],
    );
    expect(faultsOf(text)).toEqual([]);
  });
});

describe('a `was` that names what is not deployed', () => {
  it.each<readonly [string, readonly Edit[], object]>([
    ['VPC', [[stage[0], '  stage:\n    was: stagin\n    segment: staging\n']], { of: 'vpc', name: 'stage', was: 'stagin' }],
    ['segment', [segmentWas('common')], { of: 'segment', name: 'shared', was: 'common' }],
    ['tier', apps('{ was: privat, a: 10.0.32.0/20 }'), { of: 'tier', name: 'apps', was: 'privat' }],
  ])('is a fault of a %s, at its line', (_, edits, found) => {
    const text = exampleWith(...edits);
    const [fault] = faultsOf(text).filter(({ kind }) => kind === 'never-was');
    expect(fault).toMatchObject(found);
    expect(fault && nameFault(fault, exampleOf(text))).toMatchObject({ reason: 'never-was', file, line: lineOf(text, 'was: ') });
  });

  const withTier = exampleWith(...apps('{ was: privat, a: 10.0.32.0/20 }'));

  it.each([
    ['VPC', exampleWith(stageWas)],
    ['segment', exampleWith(segmentWas('common'))],
    ['tier', withTier],
  ])('is a fault of a %s in a network that is new, so that a first deploy that is stopped can go on', (_, text) => {
    expect(faultsOf(text, { states: new Map() })).toMatchObject([{ kind: 'never-was' }]);
  });

  it('is none where the VPC was destroyed, which its record says: it gets the name that it had', () => {
    expect(faultsOf(exampleWith(stageWas), { states: without('staging'), begun: ['example.vpc.staging'] })).toEqual([]);
  });

  it('is none where it cannot be read whether it is deployed', () => {
    expect(faultsOf(exampleWith(stageWas), { states: without('staging'), unknown: ['example.vpc.staging'] })).toEqual([]);
  });

  it('is none of a tier whose VPC was destroyed, or is just made again: which tiers it had is not known', () => {
    const begun = ['example.vpc.shared'];
    const halfWay = stateOf('vpc.shared', [{ type: 'vpc', name: 'vpc', cidrBlock: '10.0.0.0/16' }], false);
    expect(faultsOf(withTier, { states: without('shared'), begun })).toEqual([]);
    expect(faultsOf(withTier, { states: new Map([...example, ...statesOf(halfWay)]), begun })).toEqual([]);
  });
});

describe('a VPC that is not deployed', () => {
  it('is refused where it has addresses of a deployed one that has left the file, with the line to write', () => {
    const text = exampleWith(stage);
    const [fault, ...more] = faultsOf(text);
    expect(more).toEqual([]);
    expect(fault).toMatchObject({ kind: 'vpc-renamed', name: 'stage', other: 'staging', otherBlock: '10.2.0.0/16' });
    const problem = fault && nameFault(fault, exampleOf(text));
    expect(problem).toMatchObject({ file, line: lineOf(text, '  stage:\n    segment') });
    expect(problem?.next).toContain('add "was: staging" to "stage"');
  });

  it('is refused for a part of these addresses, too', () => {
    expect(
      faultsOf(
        exampleWith(
          stage,
          ['cidr: 10.2.0.0/16', 'cidr: 10.2.0.0/17'],
          ['10.2.255.0/28', '10.2.127.0/28'],
          ['10.2.255.16/28', '10.2.127.16/28'],
        ),
      ),
    ).toMatchObject([{ kind: 'vpc-renamed', block: '10.2.0.0/17' }]);
  });

  it('is the deployed one, with the same stacks, where that line is written', () => {
    const text = exampleWith(stageWas);
    expect(faultsOf(text)).toEqual([]);
    expect(exampleGraph(text).nodes.map(({ name }) => name)).toEqual(exampleGraph().nodes.map(({ name }) => name));
  });

  it('is not refused for one that was destroyed', () => {
    expect(faultsOf(exampleWith(stage), { states: new Map([...example, ...statesOf(stateOf('vpc.staging', []))]) })).toEqual([]);
  });

  it('is refused where one has left the file of which the addresses cannot be read', () => {
    expect(faultsOf(exampleWith(stage), { states: without('staging'), unknown: ['example.vpc.staging'] })).toMatchObject([
      { kind: 'vpc-unread', name: 'stage', other: 'staging' },
    ]);
  });

  it('is refused where one that stays in the file has its addresses until the end of the edit', () => {
    const moved = stateOf('vpc.shared', [{ type: 'vpc', name: 'vpc', cidrBlock: '10.2.0.0/16' }]);
    expect(faultsOf(exampleNetwork, { states: new Map([...without('staging'), ...statesOf(moved)]) })).toMatchObject([
      { kind: 'vpc-overlaps', name: 'staging', block: '10.2.0.0/16', other: 'shared' },
    ]);
  });
});

describe('a VPC that gets another block', () => {
  const block = (vpc: string, cidrBlock: string) => statesOf(stateOf(`vpc.${vpc}`, [{ type: 'vpc', name: 'vpc', cidrBlock }]));

  it('is refused where that is another one’s until the end of the edit', () => {
    const swapped = new Map([...example, ...block('shared', '10.2.0.0/16'), ...block('staging', '10.0.0.0/16')]);
    expect(faultsOf(exampleNetwork, { states: swapped }).map((fault) => [fault.kind, 'other' in fault && fault.other])).toEqual([
      ['vpc-overlaps', 'staging'],
      ['vpc-overlaps', 'shared'],
    ]);
  });

  it('is not refused where only its own one is in that', () => {
    expect(faultsOf(exampleNetwork, { states: new Map([...example, ...block('staging', '10.2.0.0/17')]) })).toEqual([]);
  });
});

describe('a tier that is not deployed', () => {
  it('is refused where it has the subnets of a deployed one that has left the file, with the line to write', () => {
    const text = exampleWith(...apps('{ a: 10.0.0.0/20, b: 10.0.16.0/20 }'));
    const [fault, ...more] = faultsOf(text);
    expect(more).toEqual([]);
    expect(fault).toMatchObject({
      kind: 'tier-renamed',
      vpc: 'shared',
      name: 'apps',
      other: 'private',
      blocks: ['10.0.0.0/20', '10.0.16.0/20'],
    });
    const problem = fault && nameFault(fault, exampleOf(text));
    expect(problem).toMatchObject({ file, line: lineOf(text, 'apps: { a') });
    expect(problem?.next).toContain('add "was: private" beside its zones');
  });

  it('is the deployed one where that line is written', () => {
    const text = exampleWith(...apps('{ was: private, a: 10.0.0.0/20, b: 10.0.16.0/20 }'));
    expect(faultsOf(text)).toEqual([]);
    expect(exampleOf(text).spec).toEqual(exampleOf().spec);
  });

  it.each<readonly [string, string, object]>([
    ['the blocks are not the same', '{ a: 10.0.0.0/21 }', { tier: 'apps', zone: 'a', block: '10.0.0.0/21', otherBlock: '10.0.0.0/20' }],
    ['the zones are not the same', '{ c: 10.0.0.0/20 }', { tier: 'apps', zone: 'c', other: 'subnet-private-a' }],
  ])('is no rename where %s: it takes two edits', (_, tier, found) => {
    expect(faultsOf(exampleWith(...apps(tier)))).toMatchObject([{ kind: 'subnet-overlaps', vpc: 'shared', ...found }]);
  });

  it('is found in a VPC that was renamed, under its name in the file', () => {
    const text = exampleWith(stageWas, [subnets, 'apps: { a: 10.2.0.0/20, b: 10.2.16.0/20 }']);
    const renamed = text.replace(/private: \[0\.0\.0\.0\/0\]\n$/, 'apps: [0.0.0.0/0]\n');
    expect(faultsOf(renamed)).toMatchObject([{ kind: 'tier-renamed', vpc: 'stage', name: 'apps', other: 'private' }]);
  });
});

describe('a subnet that overlaps a deployed one of its VPC', () => {
  it.each<readonly [string, string, object]>([
    [
      'is resized',
      'private: { a: 10.2.0.0/21, b: 10.2.16.0/20 }',
      { tier: 'private', zone: 'a', block: '10.2.0.0/21', other: 'subnet-private-a' },
    ],
    ['moves to another zone', 'private: { a: 10.2.0.0/20, c: 10.2.16.0/20 }', { tier: 'private', zone: 'c', other: 'subnet-private-b' }],
    [
      'is put into another tier',
      'private: { a: 10.2.0.0/20 }\n      data: { b: 10.2.16.0/20 }',
      { tier: 'data', zone: 'b', other: 'subnet-private-b' },
    ],
  ])('is refused where it %s in one edit', (_, to, found) => {
    const text = exampleWith([subnets, to]);
    const [fault, ...more] = faultsOf(text);
    expect(more).toEqual([]);
    expect(fault).toMatchObject({ kind: 'subnet-overlaps', vpc: 'staging', ...found });
    expect(fault && nameFault(fault, exampleOf(text))).toMatchObject({ file, line: lineOf(text, to.split('\n').at(-1) ?? '') });
  });

  it('is refused where a deployed tier gets the subnet of one that leaves the file', () => {
    const text = exampleWith([`      ${subnets}\n`, ''], ['a: 10.2.255.0/28', 'a: 10.2.0.0/20']).replace(
      / {4}routes:\n {6}private: \[0\.0\.0\.0\/0\]\n$/,
      '',
    );
    expect(faultsOf(text)).toMatchObject([{ kind: 'subnet-overlaps', tier: 'attachment', other: 'subnet-private-a' }]);
  });

  it('is refused where a replaced one is still to be deleted', () => {
    const state = stateOf('vpc.staging', [
      { type: 'vpc', name: 'vpc', cidrBlock: '10.2.0.0/16' },
      { type: 'routeTable', name: 'routes-private' },
      { type: 'subnet', name: 'subnet-private-a', cidrBlock: '10.2.32.0/20' },
      { type: 'subnet', name: 'subnet-private-a', cidrBlock: '10.2.0.0/20', condemned: true },
    ]);
    expect(faultsOf(exampleNetwork, { states: statesOf(state) }).filter(({ kind }) => kind === 'subnet-overlaps')).toMatchObject([
      { zone: 'a', block: '10.2.0.0/20', otherBlock: '10.2.0.0/20' },
    ]);
  });

  it('is not refused in a VPC that is replaced: there it is in no other one’s way', () => {
    const elsewhere = exampleWith(
      ['cidr: 10.2.0.0/16', 'cidr: 10.2.0.0/17'],
      ['10.2.255.0/28', '10.2.127.0/28'],
      ['10.2.255.16/28', '10.2.127.16/28'],
      [subnets, 'private: { a: 10.2.0.0/21, b: 10.2.16.0/20 }'],
    );
    expect(faultsOf(elsewhere)).toEqual([]);
  });
});
