import { describe, expect, it } from 'vitest';
import { compareWithState } from '../../orchestrator/inventory/compare.ts';
import type { CompareRequest, Difference } from '../../orchestrator/inventory/compare.ts';
import type { LiveObject } from '../../orchestrator/inventory/live-object.ts';
import type { StateOperation, StateResource } from '../../orchestrator/state/deployment.ts';
import type { DisownedObject } from '../../orchestrator/ownership/disowned.ts';
import { live, recorded, tagsOf, types } from './support/inventory.ts';

const stack = 'n.vpc.a';
const other = 'n.route-tables.a';

interface Network {
  readonly resources?: readonly StateResource[];
  readonly operations?: readonly StateOperation[];
  readonly others?: Readonly<Record<string, readonly StateResource[]>>;
  readonly objects?: readonly LiveObject[];
  readonly disowned?: Readonly<Record<string, readonly DisownedObject[]>>;
}

const compare = ({ resources = [], operations = [], others = {}, objects = [], disowned = {} }: Network): readonly Difference[] =>
  compareWithState({
    stack,
    installation: 'ours',
    resources,
    operations,
    others: new Map(Object.entries({ [other]: [], ...others })),
    objects,
    disowned: new Map(Object.entries(disowned)),
    ignoreTags: ['kubernetes.io/*', 'owner'],
  } satisfies CompareRequest);

const recordedVpc = (outputs: Readonly<Record<string, unknown>> = { cidrBlock: '10.0.0.0/16' }, more = {}): StateResource =>
  recorded(stack, 'vpc', types.vpc, 'vpc-1', outputs, more);
const liveVpc = (
  properties: Readonly<Record<string, unknown>> = { cidrBlock: '10.0.0.0/16' },
  more: Partial<LiveObject> = {},
): LiveObject => live(types.vpc, 'vpc-1', properties, { tags: tagsOf(stack, 'vpc'), ...more });

const kindsOf = (differences: readonly Difference[]): string[] => differences.map(({ kind }) => kind);

it('where AWS has what the state has there is no difference', () => {
  expect(compare({ resources: [recordedVpc()], objects: [liveVpc()] })).toEqual([]);
});

describe('missing', () => {
  it('is what the state has and AWS does not', () => {
    const resource = recordedVpc();
    expect(compare({ resources: [resource] })).toEqual([{ kind: 'missing', resource, phase: 'gone' }]);
  });

  it('is what AWS could not make, and shows for a while, and no object of its own', () => {
    const resource = recordedVpc();
    const failed = liveVpc({}, { phase: 'over' });
    expect(compare({ resources: [resource], objects: [failed] })).toEqual([{ kind: 'missing', resource, phase: 'over' }]);
    expect(compare({ objects: [failed] })).toEqual([]);
  });

  it('is what AWS is deleting, in whatever state it is', () => {
    const resource = recordedVpc();
    expect(compare({ resources: [resource], objects: [liveVpc({ cidrBlock: 'x' }, { phase: 'going' })] })).toEqual([
      { kind: 'missing', resource, phase: 'going' },
    ]);
  });

  it('is not what AWS is still making', () => {
    expect(compare({ resources: [recordedVpc()], objects: [liveVpc(undefined, { phase: 'coming' })] })).toEqual([]);
  });

  it('is a condemned one too: the engine still means to delete it', () => {
    expect(kindsOf(compare({ resources: [recordedVpc({}, { delete: true })] }))).toEqual(['missing']);
  });

  it('is nothing that the engine has deleted to make it anew', () => {
    expect(compare({ resources: [recordedVpc({}, { pendingReplacement: true })] })).toEqual([]);
  });

  it('is nothing that the cloud has no object of', () => {
    const provider = recorded(stack, 'aws', 'pulumi:providers:aws', 'some-id');
    const external = recorded(stack, 'read', types.vpc, 'vpc-9', {}, { external: true });
    expect(compare({ resources: [provider, external] })).toEqual([]);
  });

  it('is not an object that has another id in the state, where the provider makes the id of the key', () => {
    const key = { routeTableId: 'rtb-1', destinationCidrBlock: '10.9.0.0/16' };
    const resource = recorded(stack, 'route', types.route, 'rtb-1_10.9.0.0/16', key);
    // As the provider makes it: `r-`, the table, and the checksum of the destination.
    const object = live(types.route, 'r-rtb-1368380209', key);
    expect(compare({ resources: [resource], objects: [object] })).toEqual([]);
  });
});

describe('changed', () => {
  const changes = (
    type: string,
    state: Readonly<Record<string, unknown>>,
    shown: Readonly<Record<string, unknown>>,
    more: Readonly<Record<string, unknown>> = {},
  ): unknown => {
    const name = 'x';
    const resource = recorded(stack, name, type, 'id-1', state, more);
    const object = live(type, 'id-1', shown, { tags: tagsOf(stack, name) });
    const [difference] = compare({ resources: [resource], objects: [object] });
    return difference?.kind === 'changed' ? difference.properties : difference;
  };

  it('says the state’s value and AWS’s, property by property', () => {
    expect(
      changes(
        types.gateway,
        { description: 'by us', dnsSupport: 'enable', amazonSideAsn: 64512 },
        { description: 'by hand', dnsSupport: 'disable', amazonSideAsn: 64512 },
      ),
    ).toEqual([
      { path: 'description', state: 'by us', live: 'by hand' },
      { path: 'dnsSupport', state: 'enable', live: 'disable' },
    ]);
  });

  it.each([
    ['a number and its text', types.gateway, { amazonSideAsn: '64512' }, { amazonSideAsn: 64512 }],
    ['a switch and its text', types.vpc, { enableDnsSupport: 'true' }, { enableDnsSupport: true }],
    ['an empty text and nothing', types.route, { natGatewayId: '' }, {}],
    ['null and nothing', types.gateway, { transitGatewayCidrBlocks: null }, {}],
    ['an empty list and nothing', types.gateway, { transitGatewayCidrBlocks: [] }, {}],
    ['nothing and an empty list', types.gateway, {}, { transitGatewayCidrBlocks: [] }],
    ['a switch that is off, and one that AWS leaves out', types.subnet, { ipv6Native: false }, {}],
    ['lists without an order', types.attachment, { subnetIds: ['b', 'a'] }, { subnetIds: ['a', 'b'] }],
    ['what only AWS says', types.gatewayRoute, {}, { prefixListId: 'pl-1', state: 'blackhole' }],
  ])('is not %s', (_, type, state, shown) => {
    expect(changes(type, state, shown)).toBeUndefined();
  });

  it.each([
    ['a switch that is on, and one that AWS leaves out', types.subnet, { ipv6Native: true }, {}, ['ipv6Native']],
    ['a switch that is off, and on', types.subnet, { mapPublicIpOnLaunch: false }, { mapPublicIpOnLaunch: true }, ['mapPublicIpOnLaunch']],
    ['nothing and something', types.gateway, {}, { transitGatewayCidrBlocks: ['10.9.0.0/24'] }, ['transitGatewayCidrBlocks']],
    ['something and nothing', types.route, { transitGatewayId: 'tgw-1' }, {}, ['transitGatewayId']],
    ['one more in a list', types.attachment, { subnetIds: ['a'] }, { subnetIds: ['a', 'b'] }, ['subnetIds']],
    [
      'another target of a route',
      types.route,
      { transitGatewayId: 'tgw-1', natGatewayId: '' },
      { natGatewayId: 'nat-1' },
      ['transitGatewayId', 'natGatewayId'],
    ],
    ['a route that has begun to drop', types.route, { state: 'active' }, { state: 'blackhole' }, ['state']],
  ])('is %s', (_, type, state, shown, paths) => {
    expect(changes(type, state, shown)).toMatchObject(paths.map((path) => ({ path })));
  });

  it('goes by the outputs, and by the inputs where the outputs do not say it', () => {
    expect(changes(types.gateway, { description: 'kept' }, { description: 'kept' }, { inputs: { description: 'meant' } })).toBeUndefined();
    expect(changes(types.gateway, {}, { description: 'meant' }, { inputs: { description: 'meant' } })).toBeUndefined();
    expect(changes(types.gateway, {}, { description: 'other' }, { inputs: { description: 'meant' } })).toEqual([
      { path: 'description', state: 'meant', live: 'other' },
    ]);
  });

  it('passes over what is encrypted', () => {
    const secret = { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', ciphertext: 'x' };
    expect(changes(types.gateway, { description: secret }, { description: 'plain' })).toBeUndefined();
    expect(changes(types.gateway, { transitGatewayCidrBlocks: [secret] }, { transitGatewayCidrBlocks: ['x'] })).toBeUndefined();
  });

  it('are tags, one by one: changed, taken away, added, emptied', () => {
    const resource = recorded(stack, 'vpc', types.vpc, 'vpc-1', { tagsAll: { a: '1', b: '2', c: '', e: '3' } });
    const object = live(types.vpc, 'vpc-1', {}, { tags: { a: '9', d: '4', e: '3' } });
    expect(compare({ resources: [resource], objects: [object] })).toMatchObject([
      {
        kind: 'changed',
        properties: [
          { path: 'tags.a', state: '1', live: '9' },
          { path: 'tags.b', state: '2', live: undefined },
          { path: 'tags.c', state: '', live: undefined },
          { path: 'tags.d', state: undefined, live: '4' },
        ],
      },
    ]);
  });

  it('are no tags of others, which the network file leaves to them', () => {
    const resource = recorded(stack, 'vpc', types.vpc, 'vpc-1', { tagsAll: { 'kubernetes.io/role/elb': '1' } });
    const object = live(types.vpc, 'vpc-1', {}, { tags: { 'kubernetes.io/cluster/blue': 'shared', owner: 'ada', owners: 'eve' } });
    expect(compare({ resources: [resource], objects: [object] })).toMatchObject([
      { kind: 'changed', properties: [{ path: 'tags.owners', state: undefined, live: 'eve' }] },
    ]);
  });

  it('are tags as the program said them, where the provider has not yet said all', () => {
    const resource = recorded(stack, 'vpc', types.vpc, 'vpc-1', { tagsAll: undefined, tags: tagsOf(stack, 'vpc') });
    expect(compare({ resources: [resource], objects: [liveVpc({})] })).toEqual([]);
  });

  it('is not what is to be deleted anyway', () => {
    const condemned = recordedVpc({ cidrBlock: '10.0.0.0/16' }, { delete: true });
    expect(compare({ resources: [condemned], objects: [liveVpc({ cidrBlock: '10.9.0.0/16' })] })).toEqual([]);
  });
});

describe('unrecorded', () => {
  it('is what bears the stack’s tags and is in no state', () => {
    const object = liveVpc();
    expect(compare({ objects: [object] })).toEqual([{ kind: 'unrecorded', object, resource: 'vpc', by: 'tag' }]);
  });

  it('is not what another installation has under the same names', () => {
    expect(compare({ objects: [liveVpc({}, { tags: tagsOf(stack, 'vpc', 'theirs') })] })).toEqual([]);
  });

  it('is not what bears the tags of another stack, or is in its state', () => {
    const subnet = live(types.subnet, 'subnet-1', { vpcId: 'vpc-1' }, { tags: tagsOf(other, 'subnet') });
    expect(compare({ objects: [subnet] })).toEqual([]);
    const taken = recorded(other, 'vpc', types.vpc, 'vpc-1');
    expect(compare({ objects: [liveVpc()], others: { [other]: [taken] } })).toEqual([]);
  });

  it('is not what AWS is deleting', () => {
    expect(compare({ objects: [liveVpc({}, { phase: 'going' })] })).toEqual([]);
  });

  it('is what is in the place of a resource, under an id that the state does not have', () => {
    const key = { routeTableId: 'rtb-1', subnetId: 'subnet-1' };
    const resource = recorded(stack, 'association-a', types.subnetAssociation, 'rtbassoc-old', key);
    const object = live(types.subnetAssociation, 'rtbassoc-new', key);
    expect(compare({ resources: [resource], objects: [object] })).toEqual([
      { kind: 'missing', resource, phase: 'gone' },
      { kind: 'unrecorded', object, resource: 'association-a', by: 'key' },
    ]);
  });

  it('is what a pending create was about, by its key', () => {
    const key = { transitGatewayRouteTableId: 'tgw-rtb-1', destinationCidrBlock: '10.9.0.0/16' };
    const pending = recorded(stack, 'gateway-route', types.gatewayRoute, '', {}, { inputs: key });
    const object = live(types.gatewayRoute, 'tgw-rtb-1_10.9.0.0/16', key);
    expect(compare({ operations: [{ type: 'creating', resource: pending }], objects: [object] })).toEqual([
      { kind: 'unrecorded', object, resource: 'gateway-route', by: 'key' },
    ]);
  });

  it('is what the engine has deleted to make it anew, and AWS has', () => {
    const resource = recordedVpc(undefined, { pendingReplacement: true });
    const object = liveVpc();
    expect(compare({ resources: [resource], objects: [object] })).toEqual([{ kind: 'unrecorded', object, resource: 'vpc', by: 'tag' }]);
  });

  it('is an object of a type that has no row, by its tags', () => {
    const object = live('security-group', 'sg-1', {}, { tags: tagsOf(stack, 'group') });
    expect(compare({ objects: [object] })).toEqual([{ kind: 'unrecorded', object, resource: 'group', by: 'tag' }]);
  });
});

describe('twice', () => {
  const second = live(types.vpc, 'vpc-2', {}, { tags: tagsOf(stack, 'vpc') });

  it('is a resource of which the state has one object, and AWS two', () => {
    expect(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), second] })).toEqual([
      { kind: 'twice', type: types.vpc, resource: 'vpc', recorded: 'vpc-1', objects: [liveVpc({}), second] },
    ]);
  });

  it('is a resource of which the state has none, and AWS two', () => {
    expect(compare({ objects: [liveVpc(), second] })).toMatchObject([{ kind: 'twice', recorded: undefined }]);
  });

  it('is not a resource that is being replaced: the state has both', () => {
    const condemned = recorded(stack, 'vpc', types.vpc, 'vpc-2', {}, { delete: true });
    expect(compare({ resources: [recordedVpc({}), condemned], objects: [liveVpc({}), second] })).toEqual([]);
  });

  it('is not one object beside one that is to be deleted', () => {
    const condemned = recorded(stack, 'vpc', types.vpc, 'vpc-2', {}, { delete: true });
    expect(kindsOf(compare({ resources: [condemned], objects: [liveVpc({}), second] }))).toEqual(['unrecorded']);
  });

  it('is not two resources of one name and different types', () => {
    const subnet = live(types.subnet, 'subnet-1', {}, { tags: tagsOf(stack, 'vpc') });
    expect(kindsOf(compare({ objects: [liveVpc(), subnet] }))).toEqual(['unrecorded', 'unrecorded']);
  });

  it('is not an object beside one that AWS is deleting', () => {
    const going = liveVpc({}, { phase: 'going' });
    expect(kindsOf(compare({ resources: [recordedVpc({})], objects: [going, second] }))).toEqual(['missing', 'unrecorded']);
  });

  it('is not an object beside a recorded one of another type', () => {
    const subnet = live(types.subnet, 'subnet-1', {}, { tags: tagsOf(stack, 'vpc') });
    expect(kindsOf(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), subnet] }))).toEqual(['unrecorded']);
  });

  it('is not a resource whose second object was disowned', () => {
    const left = { id: 'vpc-2', type: types.vpc, reason: 'r', by: 'ada', at: '2030-01-01T00:00:00Z' };
    expect(kindsOf(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), second], disowned: { [stack]: [left] } }))).toEqual([
      'disowned',
    ]);
  });
});

describe('foreign', () => {
  const inVpc = (more: Partial<LiveObject> = {}): LiveObject => live(types.subnet, 'subnet-9', { vpcId: 'vpc-1' }, more);

  it('is what is in something of the stack, and nobody’s', () => {
    expect(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), inVpc()] })).toEqual([
      { kind: 'foreign', object: inVpc(), inside: 'vpc-1' },
    ]);
  });

  it('is what is in something that bears the stack’s tags, though no state has it', () => {
    expect(kindsOf(compare({ objects: [liveVpc({}), inVpc()] }))).toEqual(['unrecorded', 'foreign']);
  });

  it('is what another installation has in something of the stack, and it is not called the stack’s', () => {
    const theirs = inVpc({ tags: tagsOf(stack, 'subnet', 'theirs') });
    expect(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), theirs] })).toEqual([
      { kind: 'foreign', object: theirs, inside: 'vpc-1' },
    ]);
  });

  it('is what bears the tags of a stack that the network does not have', () => {
    const left = inVpc({ tags: tagsOf('n.vpc.gone', 'subnet') });
    expect(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), left] })).toMatchObject([{ kind: 'foreign', object: left }]);
  });

  it('is what a program only reads', () => {
    const read = recorded(other, 'subnet', types.subnet, 'subnet-9', {}, { external: true });
    expect(kindsOf(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), inVpc()], others: { [other]: [read] } }))).toEqual([
      'foreign',
    ]);
  });

  it('is what was made anew in the place of what is to be deleted', () => {
    const key = { routeTableId: 'rtb-1', subnetId: 'subnet-1' };
    const condemned = recorded(stack, 'association-a', types.subnetAssociation, 'rtbassoc-old', key, { delete: true });
    const object = live(types.subnetAssociation, 'rtbassoc-new', key);
    const table = recorded(stack, 'table', types.routeTable, 'rtb-1');
    const objects = [live(types.routeTable, 'rtb-1', {}, { tags: tagsOf(stack, 'table') }), object];
    expect(kindsOf(compare({ resources: [table, condemned], objects }))).toEqual(['missing', 'foreign']);
  });

  it('is a route that somebody added, in a table of AWS’s own making too', () => {
    const main = live(types.routeTable, 'rtb-main', { vpcId: 'vpc-1' }, { madeBy: 'aws' });
    const added = live(types.route, 'r-rtb-main1', { routeTableId: 'rtb-main', destinationCidrBlock: '10.9.0.0/16' });
    const local = live(types.route, 'r-rtb-main2', { routeTableId: 'rtb-main', destinationCidrBlock: '10.0.0.0/16' }, { madeBy: 'aws' });
    expect(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), main, added, local] })).toEqual([
      { kind: 'foreign', object: added, inside: 'vpc-1' },
    ]);
  });

  it('is a table that somebody made in our VPC, with what is in it', () => {
    const table = live(types.routeTable, 'rtb-9', { vpcId: 'vpc-1' });
    const route = live(types.route, 'r-rtb-91', { routeTableId: 'rtb-9', destinationCidrBlock: '0.0.0.0/0' });
    expect(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), table, route] })).toMatchObject([
      { kind: 'foreign', object: table, inside: 'vpc-1' },
      { kind: 'foreign', object: route, inside: 'vpc-1' },
    ]);
  });

  it.each([
    ['of the stack whose routes the others of that table are', ['n.vpc.a', 'n.route-tables.a'], 'n.route-tables.a'],
    ['of the stack of the table, where two stacks have routes in it', ['n.vpc.a', 'n.route-tables.a', 'n.route-tables.b'], 'n.vpc.a'],
    ['of the stack of the table, where none has a route in it', ['n.vpc.a'], 'n.vpc.a'],
  ])('is a route in our table: %s', (_, stacks, business) => {
    const routeIn = (name: string) =>
      recorded(name, 'route', types.route, `r-rtb-1${name}`, { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8' });
    const table = recorded('n.vpc.a', 'table', types.routeTable, 'rtb-1');
    const states = new Map(stacks.map((name) => [name, name === 'n.vpc.a' ? [table] : [routeIn(name)]]));
    const added = live(types.route, 'r-rtb-19', { routeTableId: 'rtb-1', destinationCidrBlock: '10.9.0.0/16' });
    const foreignTo = stacks.filter((name) => {
      const others = new Map([...states].filter(([each]) => each !== name));
      const resources = states.get(name) ?? [];
      const request = {
        stack: name,
        installation: 'ours',
        resources,
        operations: [],
        others,
        objects: [added],
        disowned: new Map(),
        ignoreTags: [],
      };
      return compareWithState(request).some(({ kind }) => kind === 'foreign');
    });
    expect(foreignTo).toEqual([business]);
  });

  it('is not what another stack’s state has', () => {
    const key = { routeTableId: 'rtb-1', destinationCidrBlock: '10.9.0.0/16' };
    const table = live(types.routeTable, 'rtb-1', { vpcId: 'vpc-1' });
    const route = live(types.route, 'r-rtb-11', key);
    const others = {
      [other]: [recorded(other, 'table', types.routeTable, 'rtb-1'), recorded(other, 'route', types.route, 'r-rtb-11', key)],
    };
    expect(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), table, route], others })).toEqual([]);
  });

  it('is told of the stack that has the nearest container, and of no other', () => {
    const table = live(types.routeTable, 'rtb-1', { vpcId: 'vpc-1' }, { tags: tagsOf(other, 'table') });
    const added = live(types.route, 'r-rtb-11', { routeTableId: 'rtb-1', destinationCidrBlock: '10.9.0.0/16' });
    expect(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), table, added] })).toEqual([]);
  });

  it('of an attachment is told of the VPC’s stack, and of the gateway’s where the VPC is nobody’s', () => {
    const gateway = recorded(other, 'gateway', types.gateway, 'tgw-1');
    const attached = (vpcId: string): LiveObject => live(types.attachment, 'tgw-attach-9', { vpcId, transitGatewayId: 'tgw-1' });
    const network = { resources: [recordedVpc({})], others: { [other]: [gateway] } };
    expect(kindsOf(compare({ ...network, objects: [liveVpc({}), attached('vpc-1')] }))).toEqual(['foreign']);
    expect(compare({ ...network, objects: [liveVpc({}), attached('vpc-theirs')] })).toEqual([]);
  });

  it('is not what AWS made, or is deleting', () => {
    const objects = [liveVpc({}), inVpc({ phase: 'going' }), live(types.routeTable, 'rtb-m', { vpcId: 'vpc-1' }, { madeBy: 'aws' })];
    expect(compare({ resources: [recordedVpc({})], objects })).toEqual([]);
  });
});

describe('disowned', () => {
  const left = (id: string, type: string): DisownedObject => ({
    id,
    type,
    resource: 'vpc',
    reason: 'keep it',
    incident: 'INC-1',
    by: 'ada',
    at: '2030-01-01T00:00:00Z',
  });

  it('is what a person decided to leave, and nothing else is said of it', () => {
    const object = liveVpc();
    expect(compare({ objects: [object], disowned: { [stack]: [left('vpc-1', types.vpc)] } })).toEqual([
      { kind: 'disowned', disowned: left('vpc-1', types.vpc), object },
    ]);
  });

  it('goes by the type too: an association and a propagation share an id', () => {
    const key = { transitGatewayRouteTableId: 'tgw-rtb-1', transitGatewayAttachmentId: 'tgw-attach-1' };
    const id = 'tgw-rtb-1_tgw-attach-1';
    const resource = recorded(stack, 'association', types.association, '', {}, { inputs: key });
    const differences = compare({
      operations: [{ type: 'creating', resource }],
      objects: [live(types.association, id, key)],
      disowned: { [stack]: [left(id, 'aws:ec2transitgateway/routeTablePropagation:RouteTablePropagation')] },
    });
    expect(kindsOf(differences)).toEqual(['unrecorded', 'disowned']);
  });

  it('says so where AWS does not have it any more', () => {
    expect(compare({ disowned: { [stack]: [left('vpc-1', types.vpc)] } })).toMatchObject([{ kind: 'disowned', object: undefined }]);
  });

  it('by another stack is told there, and is not foreign here', () => {
    const subnet = live(types.subnet, 'subnet-9', { vpcId: 'vpc-1' });
    const disowned = { [other]: [left('subnet-9', types.subnet)] };
    expect(compare({ resources: [recordedVpc({})], objects: [liveVpc({}), subnet], disowned })).toEqual([]);
  });
});

it('what is of a type without a row is named as not compared', () => {
  const resource = recorded(stack, 'queue', 'aws:sqs/queue:Queue', 'https://sqs.eu-west-1.amazonaws.com/1/alarms');
  expect(compare({ resources: [resource] })).toEqual([{ kind: 'not-compared', resource }]);
});
