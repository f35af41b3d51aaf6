import {
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  CreateDefaultVpcCommand,
  CreateInternetGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSubnetCommand,
  CreateTagsCommand,
  CreateTransitGatewayCommand,
  CreateTransitGatewayRouteTableCommand,
  CreateTransitGatewayVpcAttachmentCommand,
  CreateVpcCommand,
  DeleteInternetGatewayCommand,
  DeleteRouteTableCommand,
  DeleteSubnetCommand,
  DeleteTransitGatewayCommand,
  DeleteTransitGatewayVpcAttachmentCommand,
  DeleteVpcCommand,
  DescribeAvailabilityZonesCommand,
  DescribeInternetGatewaysCommand,
  DescribeNetworkAclsCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeTagsCommand,
  DescribeTransitGatewayAttachmentsCommand,
  DescribeTransitGatewayRouteTablesCommand,
  DescribeTransitGatewaysCommand,
  DescribeVpcsCommand,
  DetachInternetGatewayCommand,
  EC2Client,
  type Filter,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import {
  attach,
  createAttachedVpc,
  createGateway,
  createVpc,
  noDefaults,
  present,
  refusal,
  reset,
  tagged,
  useEmulator,
} from './emulator-lab.ts';

const lab = useEmulator();

/** How many of each kind the account holds. */
const inventory = async (ec2 = lab.ec2) => {
  const all = await Promise.all([
    ec2.send(new DescribeVpcsCommand({})).then((found) => found.Vpcs),
    ec2.send(new DescribeSubnetsCommand({})).then((found) => found.Subnets),
    ec2.send(new DescribeRouteTablesCommand({})).then((found) => found.RouteTables),
    ec2.send(new DescribeSecurityGroupsCommand({})).then((found) => found.SecurityGroups),
    ec2.send(new DescribeNetworkAclsCommand({})).then((found) => found.NetworkAcls),
    ec2.send(new DescribeInternetGatewaysCommand({})).then((found) => found.InternetGateways),
    ec2.send(new DescribeTransitGatewaysCommand({})).then((found) => found.TransitGateways),
    ec2.send(new DescribeTransitGatewayRouteTablesCommand({})).then((found) => found.TransitGatewayRouteTables),
    ec2.send(new DescribeTransitGatewayAttachmentsCommand({})).then((found) => found.TransitGatewayAttachments),
    ec2.send(new DescribeTagsCommand({})).then((found) => found.Tags),
  ]);
  return all.map((found) => found?.length);
};
const nothing = Array.from({ length: 10 }, () => 0);

const createRouteTable = async (vpc: string, more: { ClientToken?: string } = {}) => {
  const made = await lab.ec2.send(
    new CreateRouteTableCommand({ VpcId: vpc, TagSpecifications: tagged('route-table', { 'holdfast:stack': 's' }), ...more }),
  );
  return present(made.RouteTable?.RouteTableId);
};
const routesOf = async (table: string) => {
  const found = await lab.ec2.send(new DescribeRouteTablesCommand({ RouteTableIds: [table] }));
  return present(found.RouteTables?.[0]?.Routes);
};
const createInternetGateway = async () => {
  const made = await lab.ec2.send(
    new CreateInternetGatewayCommand({ TagSpecifications: tagged('internet-gateway', { 'holdfast:stack': 's' }) }),
  );
  return present(made.InternetGateway?.InternetGatewayId);
};

describe('the account', () => {
  test.each(['eu-west-1', 'us-east-1'])('is empty at first in %s, without a default VPC', async (region) => {
    expect(await inventory(new EC2Client({ ...lab.config(), region }))).toEqual(nothing);
  });

  test('gets a default VPC where one is asked for', async () => {
    await lab.ec2.send(new CreateDefaultVpcCommand({}));
    const found = await lab.ec2.send(new DescribeVpcsCommand({ Filters: [{ Name: 'is-default', Values: ['true'] }] }));
    expect(found.Vpcs).toHaveLength(1);
    expect((await lab.ec2.send(new DescribeSubnetsCommand({}))).Subnets?.[0]).toMatchObject({
      DefaultForAz: true,
      MapPublicIpOnLaunch: true,
    });
  });

  test('is empty again after a reset', async () => {
    await createAttachedVpc(lab.ec2);
    await reset(lab.port);
    expect(await inventory()).toEqual(nothing);
  });

  test.each([
    ['eu-west-1', ['a', 'b', 'c']],
    ['us-east-1', ['a', 'b', 'c', 'd', 'e', 'f']],
  ])('has the zones of %s', async (region, letters) => {
    const ec2 = new EC2Client({ ...lab.config(), region });
    const found = present((await ec2.send(new DescribeAvailabilityZonesCommand({}))).AvailabilityZones);
    expect(found.map((zone) => zone.ZoneName)).toEqual(letters.map((letter) => region + letter));
    for (const zone of found) expect(zone).toMatchObject({ State: 'available', RegionName: region, ZoneType: 'availability-zone' });
  });
});

describe('a VPC', () => {
  test('has the plain subnets that were asked for', async () => {
    const { vpc, subnets } = await createVpc(lab.ec2);
    const found = await lab.ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpc] }] }));
    expect(found.Subnets?.map((subnet) => subnet.SubnetId).sort()).toEqual([...subnets].sort());
    for (const subnet of present(found.Subnets)) expect(subnet).toMatchObject({ DefaultForAz: false, MapPublicIpOnLaunch: false });
  });

  test('is not deleted while a subnet, an internet gateway or a route table of its own is there; then all of it goes', async () => {
    const { vpc, subnets } = await createVpc(lab.ec2);
    const remove = () => lab.ec2.send(new DeleteVpcCommand({ VpcId: vpc }));
    expect(await refusal(remove())).toBe('DependencyViolation');
    for (const subnet of subnets) await lab.ec2.send(new DeleteSubnetCommand({ SubnetId: subnet }));

    const table = await createRouteTable(vpc);
    expect(await refusal(remove())).toBe('DependencyViolation');
    await lab.ec2.send(new DeleteRouteTableCommand({ RouteTableId: table }));

    const internet = await createInternetGateway();
    await lab.ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId: internet, VpcId: vpc }));
    expect(await refusal(remove())).toBe('DependencyViolation');
    await lab.ec2.send(new DetachInternetGatewayCommand({ InternetGatewayId: internet, VpcId: vpc }));
    await lab.ec2.send(new DeleteInternetGatewayCommand({ InternetGatewayId: internet }));

    await remove();
    expect(await inventory()).toEqual(nothing);
    expect(await refusal(remove())).toBe('InvalidVpcID.NotFound');
  });

  test('keeps a subnet that an attachment is in', async () => {
    const { subnets, attachment } = await createAttachedVpc(lab.ec2);
    const remove = () => lab.ec2.send(new DeleteSubnetCommand({ SubnetId: subnets[0] }));
    expect(await refusal(remove())).toBe('DependencyViolation');
    await lab.ec2.send(new DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: attachment }));
    await remove();
    expect(await refusal(remove())).toBe('InvalidSubnetID.NotFound');
  });

  test('loses a subnet together with its associations', async () => {
    const { vpc, subnets } = await createVpc(lab.ec2);
    const table = await createRouteTable(vpc);
    await lab.ec2.send(new AssociateRouteTableCommand({ RouteTableId: table, SubnetId: subnets[0] }));
    expect(await refusal(lab.ec2.send(new DeleteRouteTableCommand({ RouteTableId: table })))).toBe('DependencyViolation');
    await lab.ec2.send(new DeleteSubnetCommand({ SubnetId: subnets[0] }));
    await lab.ec2.send(new DeleteRouteTableCommand({ RouteTableId: table }));
    const acls = await lab.ec2.send(new DescribeNetworkAclsCommand({ Filters: [{ Name: 'vpc-id', Values: [vpc] }] }));
    expect(acls.NetworkAcls?.flatMap((acl) => acl.Associations?.map((one) => one.SubnetId))).toEqual([subnets[1]]);
  });
});

describe('a route to a gateway', () => {
  test('needs its VPC attached, and is a black hole once it is not', async () => {
    const gateway = await createGateway(lab.ec2);
    const { vpc, subnets } = await createVpc(lab.ec2);
    const table = await createRouteTable(vpc);
    const route = { RouteTableId: table, DestinationCidrBlock: '10.0.0.0/8', TransitGatewayId: gateway };
    const create = () => lab.ec2.send(new CreateRouteCommand(route));
    expect(await refusal(create())).toBe('InvalidTransitGatewayID.NotFound');
    const attachment = await attach(lab.ec2, gateway, vpc, subnets[0]);
    await create();
    expect(await refusal(create())).toBe('RouteAlreadyExists');
    const shown = { DestinationCidrBlock: '10.0.0.0/8', TransitGatewayId: gateway, Origin: 'CreateRoute' };
    expect(await routesOf(table)).toContainEqual({ ...shown, State: 'active' });
    await lab.ec2.send(new DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: attachment }));
    expect(await routesOf(table)).toContainEqual({ ...shown, State: 'blackhole' });
  });
});

describe('tags', () => {
  const tagsBy = async (...Filters: Filter[]) => present((await lab.ec2.send(new DescribeTagsCommand({ Filters }))).Tags);
  const ofStack = { Name: 'tag:holdfast:stack', Values: ['s'] };

  test('of a stack find every tagged object that lives, of each kind', async () => {
    const { gateway, table, vpc, subnets, attachment } = await createAttachedVpc(lab.ec2);
    const [routeTable, internet] = [await createRouteTable(vpc), await createInternetGateway()];
    const expected = [
      [vpc, 'vpc'],
      [subnets[0], 'subnet'],
      [subnets[1], 'subnet'],
      [routeTable, 'route-table'],
      [internet, 'internet-gateway'],
      [gateway, 'transit-gateway'],
      [table, 'transit-gateway-route-table'],
      [attachment, 'transit-gateway-attachment'],
    ].map(([ResourceId, ResourceType]) => ({ ResourceId, ResourceType, Key: 'holdfast:stack', Value: 's' }));
    const byId = (a: { ResourceId?: string | undefined }, b: { ResourceId?: string | undefined }) =>
      String(a.ResourceId).localeCompare(String(b.ResourceId));
    expect((await tagsBy(ofStack)).sort(byId)).toEqual(expected.sort(byId));
    expect((await tagsBy({ Name: 'key', Values: ['holdfast:stack'] }, { Name: 'value', Values: ['s'] })).sort(byId)).toEqual(expected);
    expect(await tagsBy({ Name: 'tag:holdfast:stack', Values: ['other'] })).toEqual([]);
    expect(await tagsBy(ofStack, { Name: 'resource-type', Values: ['transit-gateway'] })).toHaveLength(1);
    expect(await tagsBy({ Name: 'resource-id', Values: [attachment] })).toHaveLength(2);
  });

  test('of deleted objects are not listed', async () => {
    const { gateway, vpc, subnets, attachment } = await createAttachedVpc(lab.ec2);
    await lab.ec2.send(new DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: attachment }));
    await lab.ec2.send(new DeleteTransitGatewayCommand({ TransitGatewayId: gateway }));
    for (const subnet of subnets) await lab.ec2.send(new DeleteSubnetCommand({ SubnetId: subnet }));
    await lab.ec2.send(new DeleteVpcCommand({ VpcId: vpc }));
    expect(await tagsBy(ofStack)).toEqual([]);
  });

  test.each([
    ['tgw-0123456789abcdef0', 'InvalidTransitGatewayID.NotFound'],
    ['tgw-rtb-0123456789abcdef0', 'InvalidRouteTableID.NotFound'],
    ['tgw-attach-0123456789abcdef0', 'InvalidTransitGatewayAttachmentID.NotFound'],
    ['vpc-0123456789abcdef0', 'InvalidVpcID.NotFound'],
  ])('are not put on %s, which is not there', async (id, code) => {
    expect(await refusal(lab.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'k', Value: 'v' }] })))).toBe(code);
  });
});

test('a dry run is refused as such, and makes nothing', async () => {
  const { gateway, vpc, subnets } = await createAttachedVpc(lab.ec2);
  const before = await inventory();
  const DryRun = true;
  const calls = [
    lab.ec2.send(new CreateVpcCommand({ CidrBlock: '10.2.0.0/16', DryRun })),
    lab.ec2.send(new CreateSubnetCommand({ VpcId: vpc, CidrBlock: '10.1.9.0/24', DryRun })),
    lab.ec2.send(new CreateTransitGatewayCommand({ Options: noDefaults, DryRun })),
    lab.ec2.send(new CreateTransitGatewayRouteTableCommand({ TransitGatewayId: gateway, DryRun })),
    lab.ec2.send(new CreateTransitGatewayVpcAttachmentCommand({ TransitGatewayId: gateway, VpcId: vpc, SubnetIds: subnets, DryRun })),
    lab.ec2.send(new CreateRouteTableCommand({ VpcId: vpc, DryRun })),
    lab.ec2.send(new CreateInternetGatewayCommand({ DryRun })),
    lab.ec2.send(new DeleteVpcCommand({ VpcId: vpc, DryRun })),
  ];
  expect(new Set(await Promise.all(calls.map(refusal)))).toEqual(new Set(['DryRunOperation']));
  expect(await inventory()).toEqual(before);
});

test('a route table asked for twice with one client token is one', async () => {
  const { vpc } = await createVpc(lab.ec2);
  const first = await createRouteTable(vpc, { ClientToken: 'token' });
  expect(await createRouteTable(vpc, { ClientToken: 'token' })).toBe(first);
  expect(await createRouteTable(vpc, { ClientToken: 'other' })).not.toBe(first);
  await lab.ec2.send(new DeleteRouteTableCommand({ RouteTableId: first }));
  expect(await createRouteTable(vpc, { ClientToken: 'token' })).not.toBe(first);
});
