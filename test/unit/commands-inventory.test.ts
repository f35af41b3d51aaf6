import { describe, expect, it } from 'vitest';
import { isFound } from '../../orchestrator/inventory/compare.ts';
import type { Difference } from '../../orchestrator/inventory/compare.ts';
import {
  describeDifference,
  describeDifferences,
  describeInventory,
  tellingOf,
  differenceRecord,
} from '../../orchestrator/ui/inventory.ts';
import type { InventoryText } from '../../orchestrator/ui/inventory.ts';
import type { LiveObject } from '../../orchestrator/inventory/live-object.ts';
import { findOwners } from '../../orchestrator/inventory/owners.ts';
import type { StateResource } from '../../orchestrator/state/deployment.ts';
import type { DisownedObject } from '../../orchestrator/ownership/disowned.ts';
import { styleFor } from '../../orchestrator/ui/reporter.ts';
import { live, recorded, tagsOf, types } from './support/inventory.ts';

const style = styleFor({ write: () => undefined }, {});
const stack = 'n.vpc.a';

interface Shown {
  readonly objects: readonly LiveObject[];
  readonly resources?: readonly StateResource[];
  /** Null: nobody knows which is ours. */
  readonly installation?: string | null;
  readonly more?: Partial<InventoryText>;
}

function shown({ objects, resources = [], installation = 'ours', more = {} }: Shown): string[] {
  const ownerOf = findOwners({
    installation: installation ?? undefined,
    stacks: new Set([stack]),
    states: new Map([[stack, resources]]),
    objects,
  });
  const owned = objects.map((object) => ({ object, owner: ownerOf(object) }));
  const text = {
    selected: [stack],
    owned,
    isOurs: installation !== null,
    isTold: true,
    disowned: new Map(),
    objects,
    incomplete: [],
    ...more,
  };
  return describeInventory(text, style)
    .split('\n')
    .map((line) => line.trimEnd().replaceAll(/ {2,}/g, '  '));
}

const vpc = live(types.vpc, 'vpc-1', { cidrBlock: '10.0.0.0/16', enableDnsSupport: true }, { tags: tagsOf(stack, 'vpc') });
const vpcInState = recorded(stack, 'vpc', types.vpc, 'vpc-1');
const subnet = live(types.subnet, 'subnet-9', { vpcId: 'vpc-1', cidrBlock: '10.0.9.0/24' }, { tags: { Name: 'test' } });
const route = live(types.route, 'r-rtb-11', { routeTableId: 'rtb-1', destinationCidrBlock: '10.9.0.0/16', natGatewayId: 'nat-1' });
const table = live(types.routeTable, 'rtb-1', { vpcId: 'vpc-1' }, { tags: tagsOf(stack, 'routes') });
const tableInState = recorded(stack, 'routes', types.routeTable, 'rtb-1');

describe('what people read of an inventory', () => {
  it('is each stack’s objects by name, type, id and what tells them', () => {
    expect(shown({ objects: [vpc], resources: [vpcInState] })).toEqual([
      'vpc.a',
      '  vpc  VPC  vpc-1  cidrBlock 10.0.0.0/16',
      '1 object of 1 stack',
    ]);
  });

  it('says which of them the state does not have', () => {
    expect(shown({ objects: [vpc] })[1]).toBe('  vpc  VPC  vpc-1  not in the state, cidrBlock 10.0.0.0/16');
  });

  it('does not say so where the states could not be read', () => {
    expect(shown({ objects: [vpc], more: { isTold: false } })[1]).toBe('  vpc  VPC  vpc-1  cidrBlock 10.0.0.0/16');
  });

  it('says that AWS has nothing of a stack', () => {
    expect(shown({ objects: [] })).toEqual(['vpc.a  AWS has nothing of it', '0 objects of 1 stack']);
  });

  it('names what is in our VPCs and tables, and nobody’s, with what it is in and what its tags say', () => {
    const theirs = live(types.subnet, 'subnet-8', { vpcId: 'vpc-1' }, { tags: tagsOf(stack, 'subnet', 'theirs') });
    expect(shown({ objects: [vpc, subnet, theirs], resources: [vpcInState] }).slice(2)).toEqual([
      "in our VPCs and route tables, and nobody's",
      '  subnet  subnet-9  in vpc-1 of vpc.a  cidrBlock 10.0.9.0/24, Name test',
      '  subnet  subnet-8  in vpc-1 of vpc.a  tagged as n.vpc.a of installation theirs',
      "1 object of 1 stack, 2 nobody's",
    ]);
  });

  it('calls a route without an owner nobody’s only where every state was read', () => {
    const objects = [vpc, table, route];
    const told = shown({ objects, resources: [vpcInState, tableInState] });
    expect(told).toContain("in our VPCs and route tables, and nobody's");
    expect(told).toContain(
      '  route  r-rtb-11  in rtb-1 of vpc.a  destinationCidrBlock 10.9.0.0/16, natGatewayId nat-1, routeTableId rtb-1',
    );
    const untold = shown({ objects, more: { isTold: false } });
    expect(untold).not.toContain("in our VPCs and route tables, and nobody's");
    expect(untold).toContain('  ?  route  r-rtb-11  destinationCidrBlock 10.9.0.0/16, natGatewayId nat-1, routeTableId rtb-1');
  });

  it('keeps installations apart where nobody knows which is ours', () => {
    const theirs = live(types.vpc, 'vpc-2', { cidrBlock: '10.0.0.0/16' }, { tags: tagsOf(stack, 'vpc', 'theirs') });
    const lines = shown({ objects: [vpc, theirs], installation: null, more: { isTold: false } });
    expect(lines).toEqual([
      'vpc.a  installation ours',
      '  vpc  VPC  vpc-1  cidrBlock 10.0.0.0/16',
      'vpc.a  installation theirs',
      '  vpc  VPC  vpc-2  cidrBlock 10.0.0.0/16',
      '2 objects of 1 stack',
    ]);
  });

  it('counts what AWS made by itself', () => {
    const main = live(types.routeTable, 'rtb-main', { vpcId: 'vpc-1' }, { madeBy: 'aws' });
    const local = live(types.route, 'r-rtb-main1', { routeTableId: 'rtb-main', destinationCidrBlock: '10.0.0.0/16' }, { madeBy: 'aws' });
    expect(shown({ objects: [vpc, main, local, { ...main, id: 'rtb-m2' }], resources: [vpcInState] }).at(-1)).toBe(
      '1 object of 1 stack, and what AWS made by itself: 2 main route tables, 1 local or propagated route',
    );
  });

  it('has what was disowned by itself, with why, and not among what is nobody’s', () => {
    const entry: DisownedObject = {
      id: 'subnet-9',
      type: types.subnet,
      resource: 'subnet-a',
      reason: 'it is in use',
      incident: 'INC-1',
      by: 'ada',
      at: '2030-01-01T08:00:00Z',
    };
    const disowned = new Map([[stack, [entry, { ...entry, id: 'subnet-7' }]]]);
    expect(shown({ objects: [vpc, subnet], resources: [vpcInState], more: { disowned } }).slice(2)).toEqual([
      'disowned',
      '  vpc.a  subnet-a  subnet  subnet-9  it is in use (INC-1, ada, 2030-01-01)',
      '  vpc.a  subnet-a  subnet  subnet-7  AWS does not have it any more; it is in use (INC-1, ada, 2030-01-01)',
      '1 object of 1 stack',
    ]);
  });

  it('says what could not be listed to its end', () => {
    expect(shown({ objects: [], more: { incomplete: ['gateway routes of tgw-rtb-1: …'] } })[1]).toBe(
      'not listed to the end: gateway routes of tgw-rtb-1: …',
    );
  });
});

describe('what tells an object', () => {
  it('leaves out what is as it mostly is', () => {
    expect(tellingOf({ ...route, properties: { ...route.properties, state: 'active' } })).not.toContain('active');
    expect(tellingOf({ ...route, properties: { state: 'blackhole' } })).toBe('state blackhole');
  });

  it('says that AWS is not done with it', () => {
    expect(tellingOf({ ...vpc, phase: 'coming' })).toBe('AWS is still making it, cidrBlock 10.0.0.0/16');
    expect(tellingOf({ ...vpc, phase: 'over' })).toBe('AWS could not make it, cidrBlock 10.0.0.0/16');
    expect(tellingOf({ ...vpc, phase: 'going' })).toBe('AWS is still deleting it, cidrBlock 10.0.0.0/16');
  });
});

const disownedSubnet: Difference = {
  kind: 'disowned',
  disowned: { id: 'subnet-9', type: types.subnet, reason: 'in use', incident: 'INC-1', by: 'ada', at: '2030-01-01T08:00:00Z' },
  object: undefined,
};

/** Each kind of difference: its lines, and its record. */
const differences: readonly (readonly [Difference, readonly string[], object])[] = [
  [
    { kind: 'missing', resource: vpcInState, phase: 'gone' },
    ['  - vpc  VPC vpc-1: the state has it, and AWS does not'],
    { kind: 'missing', resource: 'vpc', type: types.vpc, id: 'vpc-1', urn: vpcInState.urn, phase: 'gone' },
  ],
  [
    { kind: 'missing', resource: vpcInState, phase: 'going' },
    ['  - vpc  VPC vpc-1: the state has it, and AWS is deleting it'],
    { phase: 'going' },
  ],
  [
    { kind: 'missing', resource: vpcInState, phase: 'over' },
    ['  - vpc  VPC vpc-1: the state has it, and AWS could not make it'],
    { phase: 'over' },
  ],
  [
    { kind: 'unrecorded', object: vpc, resource: 'vpc', by: 'tag' },
    ['  + vpc  VPC vpc-1 (cidrBlock 10.0.0.0/16): AWS has it under the tags of the stack, and the state does not'],
    { kind: 'unrecorded', resource: 'vpc', type: types.vpc, id: 'vpc-1', by: 'tag', object: { id: 'vpc-1' } },
  ],
  [
    { kind: 'unrecorded', object: { ...route, properties: {} }, resource: 'route-a', by: 'key' },
    ['  + route-a  route r-rtb-11: AWS has it in the place of that resource, and the state does not'],
    { by: 'key' },
  ],
  [
    { kind: 'twice', type: types.vpc, resource: 'vpc', recorded: 'vpc-1', objects: [vpc, { ...vpc, id: 'vpc-2' }] },
    ['  + vpc  VPC, 2 of it: vpc-1, vpc-2; the state has vpc-1'],
    { kind: 'twice', resource: 'vpc', recorded: 'vpc-1', ids: ['vpc-1', 'vpc-2'] },
  ],
  [
    {
      kind: 'changed',
      resource: vpcInState,
      object: vpc,
      properties: [
        { path: 'enableDnsSupport', state: true, live: false },
        { path: 'tags.team', state: 'net', live: undefined },
        { path: 'tags.empty', state: '', live: 'a' },
      ],
    },
    [
      '  ~ vpc  VPC vpc-1',
      '      - enableDnsSupport: true',
      '      + enableDnsSupport: false',
      '      - tags.team: net',
      '      + tags.team: (none)',
      '      - tags.empty: ""',
      '      + tags.empty: a',
    ],
    {
      kind: 'changed',
      resource: 'vpc',
      id: 'vpc-1',
      properties: [
        { path: 'enableDnsSupport', state: true, live: false },
        { path: 'tags.team', state: 'net', live: null },
        { path: 'tags.empty', state: '', live: 'a' },
      ],
    },
  ],
  [
    { kind: 'foreign', object: subnet, inside: 'vpc-1' },
    ["  + subnet subnet-9 (cidrBlock 10.0.9.0/24): nobody's, in vpc-1 (Name test)"],
    { kind: 'foreign', type: types.subnet, id: 'subnet-9', inside: 'vpc-1', object: { id: 'subnet-9' } },
  ],
  [
    disownedSubnet,
    ['    ?  subnet subnet-9: disowned (INC-1), in use; AWS does not have it any more'],
    { kind: 'disowned', id: 'subnet-9', reason: 'in use', isThere: false },
  ],
  [
    { kind: 'not-compared', resource: recorded(stack, 'queue', 'aws:sqs/queue:Queue', 'arn:x') },
    ['    queue  aws:sqs/queue:Queue arn:x: not compared, as this Holdfast does not know the type (orchestrator/aws/resource-types)'],
    { kind: 'not-compared', resource: 'queue', type: 'aws:sqs/queue:Queue', id: 'arn:x' },
  ],
];

describe.each(differences.map((one) => [one[0].kind, ...one] as const))('a difference: %s', (_, difference, lines, record) => {
  it('is told to people line by line', () => {
    expect(describeDifference(difference, style)).toEqual(lines);
  });

  it('is told to machines with its stack, and nothing of the checkpoint beside it', () => {
    const told = differenceRecord(stack, difference);
    expect(told).toMatchObject({ stack, short: 'vpc.a', ...record });
    expect(JSON.stringify(told)).not.toContain('"raw"');
  });
});

describe('the end of a comparison', () => {
  const end = (
    found: readonly Difference[],
    unreadable: ReadonlyMap<string, string> = new Map(),
    incomplete: readonly string[] = [],
  ): string => describeDifferences({ compared: [{ stack, recorded: 6, differences: found }], unreadable, incomplete }, style);

  it('where there is none, says of how many objects that was asked', () => {
    expect(end([])).toBe('no difference: 6 objects of 1 stack, in every property');
  });

  it('counts what there is to act on, and says what to do', () => {
    const text = end([{ kind: 'missing', resource: vpcInState, phase: 'gone' }, disownedSubnet]);
    expect(text).toContain('1 difference in vpc.a');
    expect(text).toContain('npm run recover -- vpc.a');
    expect(text).toContain('pulumi refresh');
  });

  it('shows what was disowned, and calls it no difference', () => {
    const text = end([disownedSubnet]);
    expect(text).toContain('disowned (INC-1)');
    expect(text).toContain('no difference');
  });

  it('names the stack whose checkpoint cannot be read', () => {
    expect(end([], new Map([['n.vpc.b', 'key: it is not JSON']]))).toContain(
      'vpc.b was not compared: its checkpoint cannot be read (key: it is not JSON)',
    );
  });

  it('warns that what is called missing may be there, where AWS did not list all', () => {
    expect(end([], new Map(), ['routes of x'])).toContain(
      'not listed to the end, so that what is called missing may be there: routes of x',
    );
  });

  it('finds everything but what was disowned, or cannot be compared', () => {
    expect(differences.filter(([difference]) => !isFound(difference)).map(([{ kind }]) => kind)).toEqual(['disowned', 'not-compared']);
  });
});
