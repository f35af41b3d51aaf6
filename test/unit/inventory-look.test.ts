import { describe, expect, it } from 'vitest';
import { onlyEc2 } from '../support/only-ec2.ts';
import { lookAtInventory } from '../../orchestrator/aws/inventory.ts';
import type { Inventory, LiveObject, LookScope } from '../../orchestrator/inventory/live-object.ts';
import { FakeEc2, filterOf, refusal } from './support/fake-ec2.ts';
import type { FakeCall } from './support/fake-ec2.ts';

/** What of AWS the emulator does not do: pages, refusals, states on the way, words of types that it does not have. */

const tags = (stack: string, resource: string, installation = 'ours') => [
  { Key: 'holdfast:installation', Value: installation },
  { Key: 'holdfast:stack', Value: stack },
  { Key: 'holdfast:resource', Value: resource },
];

type Answers = Readonly<Record<string, (call: FakeCall) => object | undefined>>;

/** An EC2 in which these ids bear the stack's tags, and which answers these actions. */
const ec2With = (tagged: Readonly<Record<string, string>>, answers: Answers): FakeEc2 =>
  new FakeEc2((call) => {
    if (call.action !== 'DescribeTags' || answers['DescribeTags']) return answers[call.action]?.(call);
    return {
      Tags: Object.entries(tagged).map(([ResourceId, ResourceType]) => ({ ResourceId, ResourceType, Key: 'holdfast:stack', Value: 'n.a' })),
    };
  });

const scopeOf = (known: Readonly<Record<string, readonly string[]>> = {}, stacks: readonly string[] = ['n.a']): LookScope => ({
  stacks,
  installation: 'ours',
  known: new Map(Object.entries(known)),
});

let clock = 1000;
const now = (): number => (clock += 1);

async function look(ec2: FakeEc2, scope: LookScope = scopeOf()): Promise<Inventory> {
  const looked = await lookAtInventory(onlyEc2(ec2), scope, now);
  if (!looked.ok) throw new Error(`${looked.code}: ${looked.message}`);
  return looked.value;
}

const byType = (objects: readonly LiveObject[], part: string): LiveObject[] => objects.filter(({ type }) => type.includes(part));

const dns = () => ({ EnableDnsSupport: { Value: true }, EnableDnsHostnames: { Value: false } });

const oneVpc: Answers = {
  DescribeVpcs: () => ({ Vpcs: [{ VpcId: 'vpc-1', State: 'available', CidrBlock: '10.0.0.0/16', Tags: tags('n.a', 'vpc') }] }),
  DescribeVpcAttribute: dns,
};

const oneTable: Answers = {
  DescribeTransitGatewayRouteTables: () => ({
    TransitGatewayRouteTables: [
      { TransitGatewayRouteTableId: 'tgw-rtb-1', TransitGatewayId: 'tgw-1', State: 'available', Tags: tags('n.a', 'segment') },
    ],
  }),
};

describe('a look', () => {
  it('reads every page', async () => {
    const ec2 = ec2With(
      {},
      {
        DescribeTags: ({ input }) =>
          input['NextToken'] === undefined
            ? { Tags: [{ ResourceId: 'vpc-1', ResourceType: 'vpc', Value: 'n.a' }], NextToken: 'more' }
            : { Tags: [{ ResourceId: 'vpc-2', ResourceType: 'vpc', Value: 'n.a' }] },
        DescribeVpcs: ({ input }) => ({
          Vpcs: [{ VpcId: input['NextToken'] === undefined ? 'vpc-1' : 'vpc-2', Tags: tags('n.a', 'vpc') }],
          ...(input['NextToken'] === undefined ? { NextToken: 'more' } : {}),
        }),
        DescribeVpcAttribute: dns,
      },
    );
    expect((await look(ec2)).objects.map(({ id }) => id)).toEqual(['vpc-1', 'vpc-2']);
    expect(ec2.calls.filter(({ action }) => action === 'DescribeVpcs').map((call) => filterOf(call, 'vpc-id'))).toEqual([
      ['vpc-1', 'vpc-2'],
      ['vpc-1', 'vpc-2'],
    ]);
  });

  it('asks by filter and never by id, as an id that is no more is an error of the whole call', async () => {
    const everything = ec2With(
      { 'vpc-1': 'vpc', 'tgw-1': 'transit-gateway', 'tgw-rtb-1': 'transit-gateway-route-table', 'rtb-1': 'route-table' },
      {
        ...oneVpc,
        ...oneTable,
        DescribeTransitGateways: () => ({ TransitGateways: [{ TransitGatewayId: 'tgw-1', Tags: tags('n.a', 'gateway') }] }),
      },
    );
    await look(
      everything,
      scopeOf({
        'aws:ec2/subnet:Subnet': ['subnet-1'],
        'aws:ec2transitgateway/vpcAttachment:VpcAttachment': ['tgw-attach-1'],
        'aws:ec2/routeTableAssociation:RouteTableAssociation': ['rtbassoc-1'],
      }),
    );
    const byIdParameter = everything.calls.filter(
      ({ action, input }) => action.startsWith('Describe') && Object.keys(input).some((name) => name.endsWith('Ids')),
    );
    expect(byIdParameter).toEqual([]);
    expect([...new Set(everything.actions())].sort()).toEqual([
      'DescribeRouteTables',
      'DescribeSubnets',
      'DescribeTags',
      'DescribeTransitGatewayRouteTables',
      'DescribeTransitGatewayVpcAttachments',
      'DescribeTransitGateways',
      'DescribeVpcAttribute',
      'DescribeVpcs',
      'GetTransitGatewayRouteTableAssociations',
      'GetTransitGatewayRouteTablePropagations',
      'SearchTransitGatewayRoutes',
    ]);
  });

  it('that is an outline asks for nothing that takes calls of its own for each VPC', async () => {
    const ec2 = ec2With({ 'vpc-1': 'vpc' }, oneVpc);
    const { objects } = await look(ec2, { ...scopeOf(), outline: true });
    expect(objects).toMatchObject([{ id: 'vpc-1', properties: { cidrBlock: '10.0.0.0/16' } }]);
    expect(ec2.actions()).not.toContain('DescribeVpcAttribute');
  });

  it('asks for as many ids at once as a filter takes', async () => {
    const ids = Array.from({ length: 450 }, (_, index) => `subnet-${String(index).padStart(3, '0')}`);
    const ec2 = ec2With({}, { DescribeSubnets: (call) => ({ Subnets: filterOf(call, 'subnet-id')?.map((SubnetId) => ({ SubnetId })) }) });
    const { objects } = await look(ec2, scopeOf({ 'aws:ec2/subnet:Subnet': ids }));
    expect(objects.map(({ id }) => id)).toEqual(ids);
    expect(ec2.calls.flatMap((call) => filterOf(call, 'subnet-id')?.length ?? [])).toEqual([200, 200, 50]);
  });

  it('of many stacks asks for the tags of as many at once as a filter takes', async () => {
    const stacks = Array.from({ length: 201 }, (_, index) => `n.vpc.v${index}`);
    const ec2 = ec2With({}, {});
    await look(ec2, scopeOf({}, stacks));
    expect(ec2.calls.map((call) => filterOf(call, 'value')?.length)).toEqual([200, 1]);
  });

  it('makes a few calls at a time', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `vpc-${index}`);
    const ec2 = ec2With({}, { DescribeVpcs: () => ({ Vpcs: ids.map((VpcId) => ({ VpcId })) }), DescribeVpcAttribute: dns });
    await look(ec2, scopeOf({ 'aws:ec2/vpc:Vpc': ids }));
    expect(ec2.actions().filter((action) => action === 'DescribeVpcAttribute')).toHaveLength(80);
    expect(ec2.atOnce).toBe(5);
  });

  it('says from when and until when it was', async () => {
    clock = 5000;
    expect(await look(ec2With({}, {}))).toMatchObject({ from: 5001, until: 5002 });
  });

  it('asks for nothing where there is nothing to look for', async () => {
    const ec2 = ec2With({}, {});
    expect((await look(ec2, scopeOf({}, []))).objects).toEqual([]);
    expect(ec2.calls).toEqual([]);
  });
});

describe('a refused call', () => {
  it.each([
    ['ec2:DescribeTags', 'DescribeTags'],
    ['ec2:DescribeVpcs', 'DescribeVpcs'],
    ['ec2:DescribeVpcAttribute', 'DescribeVpcAttribute'],
    ['ec2:SearchTransitGatewayRoutes', 'SearchTransitGatewayRoutes'],
    ['ec2:GetTransitGatewayRouteTableAssociations', 'GetTransitGatewayRouteTableAssociations'],
    ['ec2:GetTransitGatewayRouteTablePropagations', 'GetTransitGatewayRouteTablePropagations'],
    ['ec2:DescribeTransitGatewayVpcAttachments', 'DescribeTransitGatewayVpcAttachments'],
  ])('names %s, so that a person knows what to allow', async (action, name) => {
    const refused = (): never => {
      throw refusal('UnauthorizedOperation', 'You are not authorized.');
    };
    const ec2 = ec2With({ 'vpc-1': 'vpc', 'tgw-rtb-1': 'transit-gateway-route-table' }, { ...oneVpc, ...oneTable, [name]: refused });
    expect(await lookAtInventory(onlyEc2(ec2), scopeOf(), now)).toEqual({
      ok: false,
      code: 'UnauthorizedOperation',
      message: `${action}: You are not authorized.`,
      action,
    });
  });

  it('is the last one: none begins after it', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `vpc-${index}`);
    const ec2 = ec2With(
      {},
      {
        DescribeVpcs: () => ({ Vpcs: ids.map((VpcId) => ({ VpcId })) }),
        DescribeVpcAttribute: () => {
          throw refusal('RequestLimitExceeded', 'Request limit exceeded.');
        },
      },
    );
    expect(await lookAtInventory(onlyEc2(ec2), scopeOf({ 'aws:ec2/vpc:Vpc': ids }), now)).toMatchObject({ ok: false });
    expect(ec2.actions().filter((action) => action === 'DescribeVpcAttribute').length).toBeLessThanOrEqual(5);
  });

  it('of the network has the network’s code', async () => {
    const ec2 = ec2With(
      {},
      {
        DescribeTags: () => {
          throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', name: 'Error' });
        },
      },
    );
    expect(await lookAtInventory(onlyEc2(ec2), scopeOf(), now)).toMatchObject({ ok: false, code: 'ECONNREFUSED' });
  });
});

describe('what could not be listed to its end', () => {
  it('are routes of which AWS says that there are more than it gives', async () => {
    const ec2 = ec2With(
      { 'tgw-rtb-1': 'transit-gateway-route-table' },
      {
        ...oneTable,
        SearchTransitGatewayRoutes: () => ({
          Routes: [{ DestinationCidrBlock: '10.0.0.0/8', State: 'active', Type: 'static' }],
          AdditionalRoutesAvailable: true,
        }),
      },
    );
    expect((await look(ec2)).incomplete).toEqual(['gateway routes of tgw-rtb-1: AWS lists 1, and says that there are more']);
  });

  it('is nothing where AWS gives them page by page', async () => {
    const ec2 = ec2With(
      { 'tgw-rtb-1': 'transit-gateway-route-table' },
      {
        ...oneTable,
        SearchTransitGatewayRoutes: ({ input }) =>
          input['NextToken'] === undefined
            ? { Routes: [{ DestinationCidrBlock: '10.0.0.0/8' }], AdditionalRoutesAvailable: true, NextToken: 'more' }
            : { Routes: [{ DestinationCidrBlock: '11.0.0.0/8' }], AdditionalRoutesAvailable: false },
      },
    );
    const { objects, incomplete } = await look(ec2);
    expect(byType(objects, 'route:Route').map(({ id }) => id)).toEqual(['tgw-rtb-1_10.0.0.0/8', 'tgw-rtb-1_11.0.0.0/8']);
    expect(incomplete).toEqual([]);
  });

  it.each(['InvalidRouteTableID.NotFound', 'IncorrectState'])('is a table that went, or is not ready, meanwhile: %s', async (code) => {
    const ec2 = ec2With(
      { 'tgw-rtb-1': 'transit-gateway-route-table' },
      {
        ...oneTable,
        GetTransitGatewayRouteTablePropagations: () => {
          throw refusal(code, 'no');
        },
      },
    );
    const { objects, incomplete } = await look(ec2);
    expect(incomplete).toEqual([`gateway propagations of tgw-rtb-1 could not be listed: ${code}`]);
    expect(objects.map(({ id }) => id)).toEqual(['tgw-rtb-1']);
  });

  it('is a VPC that went meanwhile, which is not listed', async () => {
    const ec2 = ec2With(
      { 'vpc-1': 'vpc' },
      {
        ...oneVpc,
        DescribeVpcAttribute: () => {
          throw refusal('InvalidVpcID.NotFound', 'no');
        },
      },
    );
    expect(await look(ec2)).toMatchObject({ objects: [], incomplete: ['VPC vpc-1 went while it was looked at'] });
  });
});

describe('an object', () => {
  it('that AWS makes, changes or ends is coming, there, or going; a deleted one is not listed', async () => {
    const states = [
      'pending',
      'available',
      'modifying',
      'rollingBack',
      'pendingAcceptance',
      'rejecting',
      'deleting',
      'deleted',
      'failed',
      'rejected',
    ];
    const ec2 = ec2With(
      {},
      {
        DescribeTransitGatewayVpcAttachments: () => ({
          TransitGatewayVpcAttachments: states.map((State) => ({ TransitGatewayAttachmentId: `tgw-attach-${State}`, State })),
        }),
      },
    );
    const known = states.map((state) => `tgw-attach-${state}`);
    const { objects } = await look(ec2, scopeOf({ 'aws:ec2transitgateway/vpcAttachment:VpcAttachment': known }));
    expect(Object.fromEntries(objects.map(({ id, phase }) => [id.replace('tgw-attach-', ''), phase]))).toEqual({
      pending: 'coming',
      available: 'there',
      modifying: 'there',
      rollingBack: 'there',
      pendingAcceptance: 'there',
      rejecting: 'going',
      deleting: 'going',
      failed: 'over',
      rejected: 'over',
    });
  });

  it('whose tags say another stack by now, or another installation, is not what the tags once said', async () => {
    const ec2 = ec2With(
      { 'vpc-1': 'vpc', 'vpc-2': 'vpc', 'vpc-3': 'vpc' },
      {
        DescribeVpcs: () => ({
          Vpcs: [
            { VpcId: 'vpc-1', Tags: tags('n.b', 'vpc') },
            { VpcId: 'vpc-2', Tags: tags('n.a', 'vpc', 'theirs') },
            { VpcId: 'vpc-3', Tags: tags('n.a', 'vpc') },
          ],
        }),
        DescribeVpcAttribute: dns,
      },
    );
    expect((await look(ec2)).objects.map(({ id }) => id)).toEqual(['vpc-3']);
  });

  it('that is known by its id is listed whatever its tags say', async () => {
    const ec2 = ec2With({}, { DescribeVpcs: () => ({ Vpcs: [{ VpcId: 'vpc-1' }] }), DescribeVpcAttribute: dns });
    expect((await look(ec2, scopeOf({ 'aws:ec2/vpc:Vpc': ['vpc-1'] }))).objects).toMatchObject([{ id: 'vpc-1', tags: {} }]);
  });

  it('of a type without a row is listed by its tags alone, under EC2’s word for it', async () => {
    const ec2 = ec2With(
      {},
      {
        DescribeTags: (call) =>
          filterOf(call, 'resource-id')
            ? {
                Tags: [
                  ...tags('n.a', 'list').map((tag) => ({ ...tag, ResourceId: 'pl-1', ResourceType: 'prefix-list' })),
                  ...tags('n.a', 'list', 'theirs').map((tag) => ({ ...tag, ResourceId: 'pl-2', ResourceType: 'prefix-list' })),
                ],
              }
            : { Tags: ['pl-1', 'pl-2'].map((ResourceId) => ({ ResourceId, ResourceType: 'prefix-list', Value: 'n.a' })) },
      },
    );
    expect((await look(ec2)).objects).toMatchObject([
      { type: 'prefix-list', id: 'pl-1', tags: { 'holdfast:resource': 'list' }, properties: {} },
    ]);
  });

  it('that bears the tags of a stack that nobody asked for is not described', async () => {
    const ec2 = ec2With(
      {},
      { DescribeTags: () => ({ Tags: ['n.a', 'n.b'].map((Value) => ({ ResourceId: `vpc-of-${Value}`, ResourceType: 'vpc', Value })) }) },
    );
    await look(ec2);
    expect(ec2.calls.flatMap((call) => filterOf(call, 'vpc-id') ?? [])).toEqual(['vpc-of-n.a']);
  });

  it('has no tags of AWS’s own', async () => {
    const ec2 = ec2With(
      {},
      {
        DescribeSubnets: () => ({
          Subnets: [
            {
              SubnetId: 'subnet-1',
              Tags: [
                { Key: 'aws:cloudformation:stack-name', Value: 'x' },
                { Key: 'team', Value: 'net' },
              ],
            },
          ],
        }),
      },
    );
    expect((await look(ec2, scopeOf({ 'aws:ec2/subnet:Subnet': ['subnet-1'] }))).objects[0]?.tags).toEqual({ team: 'net' });
  });
});

describe('a VPC and its subnets', () => {
  it('have every property that a program can say', async () => {
    const ipv6 = (State: string, Ipv6CidrBlock: string, name: string) => ({ Ipv6CidrBlock, [name]: { State } });
    const ec2 = ec2With(
      { 'vpc-1': 'vpc' },
      {
        DescribeVpcs: () => ({
          Vpcs: [
            {
              VpcId: 'vpc-1',
              State: 'pending',
              CidrBlock: '10.0.0.0/16',
              InstanceTenancy: 'default',
              Tags: tags('n.a', 'vpc'),
              Ipv6CidrBlockAssociationSet: [
                ipv6('disassociated', '2001:db8:1::/56', 'Ipv6CidrBlockState'),
                ipv6('associated', '2001:db8:2::/56', 'Ipv6CidrBlockState'),
              ],
            },
          ],
        }),
        DescribeVpcAttribute: ({ input }) =>
          input['Attribute'] === 'enableDnsSupport' ? { EnableDnsSupport: { Value: true } } : { EnableDnsHostnames: { Value: false } },
        DescribeSubnets: () => ({
          Subnets: [
            {
              SubnetId: 'subnet-1',
              State: 'available',
              VpcId: 'vpc-1',
              CidrBlock: '10.0.0.0/24',
              AvailabilityZone: 'eu-west-1a',
              MapPublicIpOnLaunch: true,
              AssignIpv6AddressOnCreation: false,
              Ipv6CidrBlockAssociationSet: [ipv6('associated', '2001:db8:2::/64', 'Ipv6CidrBlockState')],
              Ipv6Native: false,
              EnableDns64: false,
              PrivateDnsNameOptionsOnLaunch: {
                HostnameType: 'ip-name',
                EnableResourceNameDnsARecord: false,
                EnableResourceNameDnsAAAARecord: true,
              },
            },
            { SubnetId: 'subnet-2', State: 'pending' },
          ],
        }),
      },
    );
    const { objects } = await look(ec2);
    expect(byType(objects, 'Vpc')).toMatchObject([
      {
        phase: 'coming',
        properties: {
          cidrBlock: '10.0.0.0/16',
          instanceTenancy: 'default',
          ipv6CidrBlock: '2001:db8:2::/56',
          enableDnsSupport: true,
          enableDnsHostnames: false,
        },
      },
    ]);
    expect(byType(objects, 'Subnet').map(({ phase, properties }) => [phase, properties])).toEqual([
      [
        'there',
        {
          vpcId: 'vpc-1',
          cidrBlock: '10.0.0.0/24',
          availabilityZone: 'eu-west-1a',
          mapPublicIpOnLaunch: true,
          assignIpv6AddressOnCreation: false,
          ipv6CidrBlock: '2001:db8:2::/64',
          ipv6Native: false,
          enableDns64: false,
          privateDnsHostnameTypeOnLaunch: 'ip-name',
          enableResourceNameDnsARecordOnLaunch: false,
          enableResourceNameDnsAaaaRecordOnLaunch: true,
        },
      ],
      ['coming', {}],
    ]);
  });
});

describe('a route table', () => {
  const target = (field: string, value: string) => ({
    DestinationCidrBlock: '10.9.0.0/16',
    Origin: 'CreateRoute',
    State: 'active',
    [field]: value,
  });
  const tableWith = (Routes: readonly object[], more: object = {}): FakeEc2 =>
    ec2With({}, { DescribeRouteTables: () => ({ RouteTables: [{ RouteTableId: 'rtb-1', VpcId: 'vpc-1', Routes, ...more }] }) });
  const known = scopeOf({ 'aws:ec2/routeTable:RouteTable': ['rtb-1'] });

  it.each([
    ['TransitGatewayId', 'tgw-1', 'transitGatewayId'],
    ['GatewayId', 'igw-1', 'gatewayId'],
    ['GatewayId', 'vpce-1', 'vpcEndpointId'],
    ['NatGatewayId', 'nat-1', 'natGatewayId'],
    ['VpcPeeringConnectionId', 'pcx-1', 'vpcPeeringConnectionId'],
    ['NetworkInterfaceId', 'eni-1', 'networkInterfaceId'],
    ['EgressOnlyInternetGatewayId', 'eigw-1', 'egressOnlyGatewayId'],
    ['CarrierGatewayId', 'cagw-1', 'carrierGatewayId'],
    ['LocalGatewayId', 'lgw-1', 'localGatewayId'],
    ['CoreNetworkArn', 'arn:aws:networkmanager::1:core-network/c', 'coreNetworkArn'],
    ['OdbNetworkArn', 'arn:aws:odb:::odb-network/o', 'odbNetworkArn'],
  ])('has routes to %s %s', async (field, value, property) => {
    const [route] = byType((await look(tableWith([target(field, value)]), known)).objects, 'route:Route');
    expect(route?.properties).toEqual({ routeTableId: 'rtb-1', destinationCidrBlock: '10.9.0.0/16', state: 'active', [property]: value });
    expect(route?.refersTo).toContain(value);
    expect(route?.madeBy).toBe('somebody');
  });

  it('has routes of AWS’s own making, and a local one that somebody leads elsewhere is not of these', async () => {
    const { objects } = await look(
      tableWith([
        { DestinationCidrBlock: '10.0.0.0/16', GatewayId: 'local', Origin: 'CreateRouteTable' },
        { DestinationCidrBlock: '10.1.0.0/16', GatewayId: 'vgw-1', Origin: 'EnableVgwRoutePropagation' },
        { DestinationCidrBlock: '10.2.0.0/16', NetworkInterfaceId: 'eni-1', Origin: 'Advertisement' },
        { DestinationCidrBlock: '10.3.0.0/16', NetworkInterfaceId: 'eni-1', Origin: 'CreateRouteTable' },
        { DestinationCidrBlock: '10.4.0.0/16', GatewayId: 'igw-1', Origin: 'CreateRoute', State: 'blackhole' },
        { DestinationCidrBlock: '10.5.0.0/16', GatewayId: 'local', Origin: 'CreateRoute' },
      ]),
      known,
    );
    const made = byType(objects, 'route:Route').map(({ key, madeBy }) => [key, madeBy] as const);
    expect(Object.fromEntries(made)).toEqual({
      'rtb-1 10.0.0.0/16': 'aws',
      'rtb-1 10.1.0.0/16': 'aws',
      'rtb-1 10.2.0.0/16': 'aws',
      'rtb-1 10.3.0.0/16': 'somebody',
      'rtb-1 10.4.0.0/16': 'somebody',
      'rtb-1 10.5.0.0/16': 'somebody',
    });
  });

  const main = { Associations: [{ RouteTableAssociationId: 'rtbassoc-1', Main: true }] };

  it('that is a VPC’s main one is AWS’s, and so is that association; one of ours that somebody made the main one stays ours', async () => {
    const madeBy = async (more: object): Promise<string[]> =>
      (await look(tableWith([], more), known)).objects.map((object) => object.madeBy);
    expect(await madeBy(main)).toEqual(['aws', 'aws']);
    expect(await madeBy({ ...main, Tags: tags('n.a', 'routes') })).toEqual(['somebody', 'aws']);
  });

  it('has associations with subnets and gateways, by the states that they are in', async () => {
    const states = ['associating', 'associated', 'disassociating', 'disassociated', 'failed'];
    const { objects } = await look(
      tableWith([], {
        Associations: states.map((State) => ({
          RouteTableAssociationId: `rtbassoc-${State}`,
          SubnetId: `subnet-${State}`,
          AssociationState: { State },
        })),
      }),
      known,
    );
    const associations = byType(objects, 'routeTableAssociation');
    expect(associations.map(({ id, phase }) => [id.replace('rtbassoc-', ''), phase])).toEqual([
      ['associated', 'there'],
      ['associating', 'coming'],
      ['disassociating', 'going'],
      ['failed', 'going'],
    ]);
    expect(associations[0]).toMatchObject({
      properties: { routeTableId: 'rtb-1', subnetId: 'subnet-associated' },
      key: 'rtb-1 subnet-associated',
      refersTo: ['rtb-1', 'vpc-1', 'subnet-associated'],
      tags: undefined,
    });
  });
});

it('an association that is known by its id alone is found, and what else is in its table is not brought along', async () => {
  const ec2 = ec2With(
    {},
    {
      DescribeRouteTables: () => ({
        RouteTables: [
          {
            RouteTableId: 'rtb-1',
            Associations: ['1', '2'].map((n) => ({ RouteTableAssociationId: `rtbassoc-${n}`, SubnetId: `subnet-${n}` })),
          },
        ],
      }),
    },
  );
  const { objects } = await look(ec2, scopeOf({ 'aws:ec2/routeTableAssociation:RouteTableAssociation': ['rtbassoc-2'] }));
  expect(objects.map(({ id }) => id)).toEqual(['rtbassoc-2']);
  expect(ec2.calls.flatMap((call) => filterOf(call, 'association.route-table-association-id') ?? [])).toEqual(['rtbassoc-2']);
});

describe('a gateway route table', () => {
  it.each([
    ['AWS’s, with all that AWS puts into it', undefined, 'aws'],
    ['ours, where somebody made one of ours the default', tags('n.a', 'segment'), 'somebody'],
  ])('that is a default one is %s', async (_, Tags, madeBy) => {
    const ec2 = ec2With(
      {},
      {
        DescribeTransitGatewayRouteTables: () => ({
          TransitGatewayRouteTables: [
            { TransitGatewayRouteTableId: 'tgw-rtb-1', State: 'available', DefaultPropagationRouteTable: true, Tags },
          ],
        }),
        GetTransitGatewayRouteTablePropagations: () => ({
          TransitGatewayRouteTablePropagations: [
            { TransitGatewayAttachmentId: 'tgw-attach-1', State: 'enabled' },
            // Of a peer: it has no attachment of ours.
            { TransitGatewayRouteTableAnnouncementId: 'tgw-rtb-ann-1', State: 'enabled' },
          ],
        }),
      },
    );
    const { objects } = await look(ec2, scopeOf({ 'aws:ec2transitgateway/routeTable:RouteTable': ['tgw-rtb-1'] }));
    expect(objects.map((object) => [object.id, object.madeBy])).toEqual([
      ['tgw-rtb-1', madeBy],
      ['tgw-rtb-1_tgw-attach-1', madeBy],
    ]);
  });

  it('that is on its way out is not asked what it has', async () => {
    const ec2 = ec2With(
      { 'tgw-rtb-1': 'transit-gateway-route-table' },
      {
        DescribeTransitGatewayRouteTables: () => ({
          TransitGatewayRouteTables: [{ TransitGatewayRouteTableId: 'tgw-rtb-1', State: 'deleting', Tags: tags('n.a', 'segment') }],
        }),
      },
    );
    expect((await look(ec2)).objects).toMatchObject([{ id: 'tgw-rtb-1', phase: 'going' }]);
    expect(ec2.actions().filter((action) => /^(Get|Search)/.test(action))).toEqual([]);
  });

  it('is asked for static routes alone: propagated ones are AWS’s own, and there may be thousands', async () => {
    const ec2 = ec2With({ 'tgw-rtb-1': 'transit-gateway-route-table' }, oneTable);
    await look(ec2);
    expect(ec2.calls.flatMap((call) => (call.action === 'SearchTransitGatewayRoutes' ? [filterOf(call, 'type')] : []))).toEqual([
      ['static'],
    ]);
  });

  it('is found by nothing but the id of what is in it', async () => {
    const ec2 = ec2With(
      {},
      { DescribeTransitGatewayRouteTables: () => ({ TransitGatewayRouteTables: [{ TransitGatewayRouteTableId: 'tgw-rtb-1' }] }) },
    );
    await look(ec2, scopeOf({ 'aws:ec2transitgateway/route:Route': ['tgw-rtb-1_10.0.0.0/8'] }));
    expect(ec2.calls.flatMap((call) => filterOf(call, 'transit-gateway-route-table-id') ?? [])).toEqual(['tgw-rtb-1']);
    expect(ec2.actions()).toContain('SearchTransitGatewayRoutes');
  });

  it('has a route that leads nowhere, one to an attachment, and one whose attachment is gone', async () => {
    const to = (TransitGatewayAttachmentId: string) => ({ TransitGatewayAttachments: [{ TransitGatewayAttachmentId }] });
    const ec2 = ec2With(
      { 'tgw-rtb-1': 'transit-gateway-route-table' },
      {
        ...oneTable,
        SearchTransitGatewayRoutes: () => ({
          Routes: [
            { DestinationCidrBlock: '10.1.0.0/16', Type: 'static', State: 'blackhole' },
            { DestinationCidrBlock: '10.2.0.0/16', Type: 'static', State: 'active', ...to('tgw-attach-1') },
            { DestinationCidrBlock: '10.3.0.0/16', Type: 'static', State: 'blackhole', ...to('tgw-attach-2') },
            { DestinationCidrBlock: '10.4.0.0/16', Type: 'static', State: 'deleted' },
          ],
        }),
      },
    );
    const routes = byType((await look(ec2)).objects, 'route:Route');
    expect(
      routes.map(({ properties: { blackhole, state, transitGatewayAttachmentId } }) => [blackhole, state, transitGatewayAttachmentId]),
    ).toEqual([
      [true, 'blackhole', undefined],
      [false, 'active', 'tgw-attach-1'],
      [false, 'blackhole', 'tgw-attach-2'],
    ]);
  });
});

describe('an attachment', () => {
  const attachments = {
    DescribeTransitGatewayVpcAttachments: () => ({
      TransitGatewayVpcAttachments: ['1', '2'].map((n) => ({
        TransitGatewayAttachmentId: `tgw-attach-${n}`,
        TransitGatewayId: 'tgw-1',
        VpcId: `vpc-${n}`,
        VpcOwnerId: '111122223333',
        SubnetIds: ['subnet-b', 'subnet-a'],
        State: 'available',
        Options: { DnsSupport: 'enable' },
      })),
    }),
  };
  const known = scopeOf({ 'aws:ec2transitgateway/vpcAttachment:VpcAttachment': ['tgw-attach-1', 'tgw-attach-2'] });
  const defaults = async (gateway: object, answers: Answers = {}): Promise<unknown[]> => {
    const ec2 = ec2With(
      {},
      { ...attachments, DescribeTransitGateways: () => ({ TransitGateways: [{ TransitGatewayId: 'tgw-1', ...gateway }] }), ...answers },
    );
    const { objects } = await look(ec2, known);
    return objects.map(({ properties }) => [
      properties['transitGatewayDefaultRouteTableAssociation'],
      properties['transitGatewayDefaultRouteTablePropagation'],
    ]);
  };

  it('is in no default table of a gateway that has none', async () => {
    expect(await defaults({ OwnerId: '111122223333', Options: {} })).toEqual([
      [false, false],
      [false, false],
    ]);
  });

  it('is in the default tables that list it', async () => {
    const Options = { AssociationDefaultRouteTableId: 'tgw-rtb-d', PropagationDefaultRouteTableId: 'tgw-rtb-d' };
    const listed = await defaults(
      { OwnerId: '111122223333', Options },
      {
        GetTransitGatewayRouteTableAssociations: () => ({
          Associations: [
            { TransitGatewayAttachmentId: 'tgw-attach-1', State: 'associated' },
            { TransitGatewayAttachmentId: 'tgw-attach-2', State: 'disassociated' },
          ],
        }),
        GetTransitGatewayRouteTablePropagations: () => ({
          TransitGatewayRouteTablePropagations: [{ TransitGatewayAttachmentId: 'tgw-attach-2', State: 'enabled' }],
        }),
      },
    );
    expect(listed).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  it('is in no default table that is no more', async () => {
    const Options = { AssociationDefaultRouteTableId: 'tgw-rtb-d' };
    const gone = (): never => {
      throw refusal('InvalidRouteTableID.NotFound', 'no');
    };
    expect(await defaults({ OwnerId: '111122223333', Options }, { GetTransitGatewayRouteTableAssociations: gone })).toEqual([
      [false, false],
      [false, false],
    ]);
  });

  it('to somebody else’s gateway counts as in its default tables, which nobody can ask about', async () => {
    expect(await defaults({ OwnerId: '999999999999', Options: {} })).toEqual([
      [true, true],
      [true, true],
    ]);
  });

  it('has its subnets in the order of their ids', async () => {
    const { objects } = await look(ec2With({}, attachments), known);
    expect(objects[0]?.properties['subnetIds']).toEqual(['subnet-a', 'subnet-b']);
  });
});

describe('a transit gateway', () => {
  it('says nothing of what AWS leaves open', async () => {
    const ec2 = ec2With(
      {},
      {
        DescribeTransitGateways: () => ({
          TransitGateways: [{ TransitGatewayId: 'tgw-1', Description: '', Options: { AmazonSideAsn: 1 } }],
        }),
      },
    );
    const { objects } = await look(ec2, scopeOf({ 'aws:ec2transitgateway/transitGateway:TransitGateway': ['tgw-1'] }));
    expect(objects.map(({ properties }) => properties)).toEqual([{ amazonSideAsn: 1 }]);
  });

  it('has every option in a program’s words', async () => {
    const ec2 = ec2With(
      { 'tgw-1': 'transit-gateway' },
      {
        DescribeTransitGateways: () => ({
          TransitGateways: [
            {
              TransitGatewayId: 'tgw-1',
              State: 'available',
              Description: 'd',
              Tags: tags('n.a', 'gateway'),
              Options: {
                AmazonSideAsn: 64512,
                TransitGatewayCidrBlocks: ['10.9.0.0/24', '10.8.0.0/24'],
                DefaultRouteTableAssociation: 'disable',
                EncryptionSupport: { EncryptionState: 'enabling' },
              },
            },
          ],
        }),
      },
    );
    expect((await look(ec2)).objects[0]).toMatchObject({
      properties: {
        amazonSideAsn: 64512,
        description: 'd',
        transitGatewayCidrBlocks: ['10.8.0.0/24', '10.9.0.0/24'],
        defaultRouteTableAssociation: 'disable',
        encryptionSupport: 'enable',
      },
    });
  });
});
