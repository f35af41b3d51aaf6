import {
  AssociateTransitGatewayRouteTableCommand,
  CreateTransitGatewayRouteCommand,
  CreateTransitGatewayRouteTableCommand,
  CreateTransitGatewayVpcAttachmentCommand,
  DeleteTransitGatewayCommand,
  DeleteTransitGatewayRouteCommand,
  DeleteTransitGatewayRouteTableCommand,
  DeleteTransitGatewayVpcAttachmentCommand,
  DescribeTransitGatewayAttachmentsCommand,
  DescribeTransitGatewayRouteTablesCommand,
  DescribeTransitGatewaysCommand,
  DescribeTransitGatewayVpcAttachmentsCommand,
  DisableTransitGatewayRouteTablePropagationCommand,
  DisassociateTransitGatewayRouteTableCommand,
  EnableTransitGatewayRouteTablePropagationCommand,
  GetTransitGatewayRouteTableAssociationsCommand,
  GetTransitGatewayRouteTablePropagationsCommand,
  ModifyTransitGatewayCommand,
  ModifyTransitGatewayVpcAttachmentCommand,
  SearchTransitGatewayRoutesCommand,
  type Filter,
} from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import {
  attach,
  createAttachedVpc,
  createGateway,
  createSubnet,
  createTable,
  createVpc,
  noDefaults,
  present,
  refusal,
  tagMap,
  useEmulator,
} from './emulator-lab.ts';

const lab = useEmulator();

const gatewayOf = async (id: string) => {
  const found = await lab.ec2.send(new DescribeTransitGatewaysCommand({ TransitGatewayIds: [id] }));
  return present(found.TransitGateways?.[0]);
};
const attachmentOf = async (id: string) => {
  const found = await lab.ec2.send(new DescribeTransitGatewayVpcAttachmentsCommand({ TransitGatewayAttachmentIds: [id] }));
  return present(found.TransitGatewayVpcAttachments?.[0]);
};
const tablesOf = async (gateway: string) => {
  const Filters = [{ Name: 'transit-gateway-id', Values: [gateway] }];
  return present((await lab.ec2.send(new DescribeTransitGatewayRouteTablesCommand({ Filters }))).TransitGatewayRouteTables);
};
const associationsOf = async (table: string, Filters?: Filter[]) =>
  present(
    (
      await lab.ec2.send(
        new GetTransitGatewayRouteTableAssociationsCommand({ TransitGatewayRouteTableId: table, ...(Filters && { Filters }) }),
      )
    ).Associations,
  );
const propagationsOf = async (table: string) =>
  present(
    (await lab.ec2.send(new GetTransitGatewayRouteTablePropagationsCommand({ TransitGatewayRouteTableId: table })))
      .TransitGatewayRouteTablePropagations,
  );
const search = async (table: string, ...Filters: Filter[]) =>
  present((await lab.ec2.send(new SearchTransitGatewayRoutesCommand({ TransitGatewayRouteTableId: table, Filters }))).Routes);
const anyState = { Name: 'state', Values: ['active', 'blackhole'] };
const pair = (attachment: string, table: string) => ({ TransitGatewayAttachmentId: attachment, TransitGatewayRouteTableId: table });

describe('a gateway', () => {
  test('that disables both defaults has no default route table, and names none', async () => {
    const gateway = await createGateway(lab.ec2, noDefaults);
    expect(await tablesOf(gateway)).toEqual([]);
    const { Options } = await gatewayOf(gateway);
    expect(Options).toMatchObject(noDefaults);
    expect(Options?.AssociationDefaultRouteTableId).toBeUndefined();
    expect(Options?.PropagationDefaultRouteTableId).toBeUndefined();
  });

  test('that leaves the defaults on has one table for both, and attachments join it', async () => {
    const gateway = await createGateway(lab.ec2, {});
    const [table] = await tablesOf(gateway);
    const id = present(table?.TransitGatewayRouteTableId);
    expect(table).toMatchObject({ DefaultAssociationRouteTable: true, DefaultPropagationRouteTable: true });
    expect((await gatewayOf(gateway)).Options).toMatchObject({ AssociationDefaultRouteTableId: id, PropagationDefaultRouteTableId: id });
    const { vpc, subnets } = await createVpc(lab.ec2);
    const attachment = await attach(lab.ec2, gateway, vpc, subnets[0]);
    expect(await associationsOf(id)).toMatchObject([{ TransitGatewayAttachmentId: attachment, State: 'associated' }]);
    expect(await propagationsOf(id)).toMatchObject([{ TransitGatewayAttachmentId: attachment, State: 'enabled' }]);
  });

  test('that has one default on names its table for that one', async () => {
    const gateway = await createGateway(lab.ec2, { DefaultRouteTableAssociation: 'disable' });
    const [table] = await tablesOf(gateway);
    expect(table).toMatchObject({ DefaultAssociationRouteTable: false, DefaultPropagationRouteTable: true });
    const { Options } = await gatewayOf(gateway);
    expect(Options?.AssociationDefaultRouteTableId).toBeUndefined();
    expect(Options?.PropagationDefaultRouteTableId).toBe(table?.TransitGatewayRouteTableId);
  });

  test('is changed in place: description, options, default table', async () => {
    const gateway = await createGateway(lab.ec2);
    const modify = (change: object) => lab.ec2.send(new ModifyTransitGatewayCommand({ TransitGatewayId: gateway, ...change }));
    await modify({ Description: 'd', Options: { DnsSupport: 'disable', AddTransitGatewayCidrBlocks: ['10.9.0.0/24', '10.9.1.0/24'] } });
    await modify({ Options: { RemoveTransitGatewayCidrBlocks: ['10.9.0.0/24'], DefaultRouteTableAssociation: 'enable' } });
    const changed = await gatewayOf(gateway);
    expect(changed).toMatchObject({ Description: 'd', Options: { DnsSupport: 'disable', TransitGatewayCidrBlocks: ['10.9.1.0/24'] } });
    const [table] = await tablesOf(gateway);
    expect(changed.Options?.AssociationDefaultRouteTableId).toBe(table?.TransitGatewayRouteTableId);
    await modify({ Options: { DefaultRouteTableAssociation: 'disable' } });
    expect((await gatewayOf(gateway)).Options?.AssociationDefaultRouteTableId).toBeUndefined();
    expect(await refusal(lab.ec2.send(new ModifyTransitGatewayCommand({ TransitGatewayId: 'tgw-0' })))).toBe(
      'InvalidTransitGatewayID.NotFound',
    );
  });

  test('stays visible as deleted, takes its tables along, and takes nothing more', async () => {
    const gateway = await createGateway(lab.ec2);
    const table = await createTable(lab.ec2, gateway);
    const remove = () => lab.ec2.send(new DeleteTransitGatewayCommand({ TransitGatewayId: gateway }));
    await remove();
    expect(await gatewayOf(gateway)).toMatchObject({
      State: 'deleted',
      Tags: expect.arrayContaining([{ Key: 'Name', Value: 'g' }]) as unknown,
    });
    expect(await tablesOf(gateway)).toMatchObject([{ TransitGatewayRouteTableId: table, State: 'deleted' }]);
    const { vpc, subnets } = await createVpc(lab.ec2);
    const gone = 'InvalidTransitGatewayID.NotFound';
    expect(await refusal(remove())).toBe(gone);
    expect(await refusal(attach(lab.ec2, gateway, vpc, subnets[0]))).toBe(gone);
    expect(await refusal(createTable(lab.ec2, gateway))).toBe(gone);
  });

  test('is not deleted while an attachment lives', async () => {
    const { gateway, attachment } = await createAttachedVpc(lab.ec2);
    const remove = () => lab.ec2.send(new DeleteTransitGatewayCommand({ TransitGatewayId: gateway }));
    expect(await refusal(remove())).toBe('IncorrectState');
    await lab.ec2.send(new DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: attachment }));
    await remove();
    expect((await gatewayOf(gateway)).State).toBe('deleted');
  });

  test('is found by id, tag and state; an id that never was is refused', async () => {
    const [one, two] = [await createGateway(lab.ec2, noDefaults, 'one'), await createGateway(lab.ec2, noDefaults, 'two')];
    await lab.ec2.send(new DeleteTransitGatewayCommand({ TransitGatewayId: two }));
    const find = async (...Filters: Filter[]) =>
      ((await lab.ec2.send(new DescribeTransitGatewaysCommand({ Filters }))).TransitGateways ?? []).map((found) => found.TransitGatewayId);
    expect(await find({ Name: 'tag:Name', Values: ['one'] })).toEqual([one]);
    expect(await find({ Name: 'tag:Name', Values: ['o*', 'tw?'] })).toEqual([one, two]);
    expect(await find({ Name: 'tag-key', Values: ['holdfast:stack'] }, { Name: 'state', Values: ['available'] })).toEqual([one]);
    expect(await find({ Name: 'tag-key', Values: ['none'] })).toEqual([]);
    expect(await refusal(find({ Name: 'colour', Values: ['blue'] }))).toBe('InvalidParameterValue');
    expect(await refusal(gatewayOf('tgw-0123456789abcdef0'))).toBe('InvalidTransitGatewayID.NotFound');
  });
});

describe('an attachment', () => {
  test('keeps the tags that it was created with', async () => {
    const { attachment } = await createAttachedVpc(lab.ec2);
    expect(tagMap((await attachmentOf(attachment)).Tags)).toEqual({ Name: 'a', 'holdfast:stack': 's' });
  });

  test('joins no table of a gateway without defaults', async () => {
    const { gateway, attachment, table } = await createAttachedVpc(lab.ec2);
    expect(await associationsOf(table)).toEqual([]);
    expect(await propagationsOf(table)).toEqual([]);
    const found = await lab.ec2.send(new DescribeTransitGatewayAttachmentsCommand({ TransitGatewayAttachmentIds: [attachment] }));
    expect(found.TransitGatewayAttachments).toMatchObject([{ TransitGatewayId: gateway, ResourceType: 'vpc', State: 'available' }]);
    expect(found.TransitGatewayAttachments?.[0]?.Association).toBeUndefined();
  });

  test('is the only one of its VPC and gateway while it lives; a deleted one is in nobody’s way', async () => {
    const { gateway, vpc, subnets, attachment } = await createAttachedVpc(lab.ec2);
    expect(await refusal(attach(lab.ec2, gateway, vpc, subnets[0]))).toBe('DuplicateTransitGatewayAttachment');
    await lab.ec2.send(new DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: attachment }));
    const second = await attach(lab.ec2, gateway, vpc, subnets[0]);
    expect(second).not.toBe(attachment);
    expect((await attachmentOf(attachment)).State).toBe('deleted');
    expect((await attachmentOf(second)).State).toBe('available');
  });

  test('when deleted stays visible as deleted, leaves its tables, and static routes to it become black holes', async () => {
    const { gateway, table, attachment } = await createAttachedVpc(lab.ec2);
    await lab.ec2.send(new AssociateTransitGatewayRouteTableCommand(pair(attachment, table)));
    await lab.ec2.send(new EnableTransitGatewayRouteTablePropagationCommand(pair(attachment, table)));
    await lab.ec2.send(new CreateTransitGatewayRouteCommand({ ...pair(attachment, table), DestinationCidrBlock: '0.0.0.0/0' }));
    await lab.ec2.send(new DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: attachment }));
    expect(await attachmentOf(attachment)).toMatchObject({ State: 'deleted', TransitGatewayId: gateway });
    expect(await associationsOf(table)).toEqual([]);
    expect(await propagationsOf(table)).toEqual([]);
    expect(await search(table, anyState)).toMatchObject([{ DestinationCidrBlock: '0.0.0.0/0', State: 'blackhole' }]);
    const again = lab.ec2.send(new DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: attachment }));
    expect(await refusal(again)).toBe('InvalidTransitGatewayAttachmentID.NotFound');
  });

  test('changes its subnets and options in place', async () => {
    const { vpc, subnets, attachment } = await createAttachedVpc(lab.ec2);
    const modify = (change: object) =>
      lab.ec2.send(new ModifyTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: attachment, ...change }));
    await modify({ AddSubnetIds: [subnets[1]], Options: { ApplianceModeSupport: 'enable' } });
    expect(await attachmentOf(attachment)).toMatchObject({
      SubnetIds: subnets,
      Options: { ApplianceModeSupport: 'enable', DnsSupport: 'enable' },
    });
    await modify({ RemoveSubnetIds: [subnets[0]] });
    expect((await attachmentOf(attachment)).SubnetIds).toEqual([subnets[1]]);
    const sameZone = await createSubnet(lab.ec2, vpc, '10.1.0.0/16', 4);
    expect(await refusal(modify({ AddSubnetIds: [sameZone] }))).toBe('DuplicateSubnetsInSameZone');
    expect(await refusal(modify({ AddSubnetIds: ['subnet-0123456789abcdef0'] }))).toBe('InvalidSubnetID.NotFound');
  });

  test('needs a VPC and subnets that are there', async () => {
    const gateway = await createGateway(lab.ec2);
    const { vpc, subnets } = await createVpc(lab.ec2);
    const other = await createVpc(lab.ec2, '10.2.0.0/16');
    expect(await refusal(attach(lab.ec2, gateway, 'vpc-0123456789abcdef0', subnets[0]))).toBe('InvalidVpcID.NotFound');
    expect(await refusal(attach(lab.ec2, gateway, vpc, 'subnet-0123456789abcdef0'))).toBe('InvalidSubnetID.NotFound');
    expect(await refusal(attach(lab.ec2, gateway, vpc, other.subnets[0]))).toBe('InvalidParameterValue');
  });

  test('is found by tag, VPC, gateway and state; an id that never was is refused', async () => {
    const { gateway, vpc, subnets, attachment: deleted } = await createAttachedVpc(lab.ec2);
    await lab.ec2.send(new DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: deleted }));
    const first = await attach(lab.ec2, gateway, vpc, subnets[0], 'first');
    const other = await createVpc(lab.ec2, '10.2.0.0/16');
    const second = await attach(lab.ec2, gateway, other.vpc, other.subnets[0], 'second');
    const find = async (...Filters: Filter[]) => {
      const vpcs = await lab.ec2.send(new DescribeTransitGatewayVpcAttachmentsCommand({ Filters }));
      return present(vpcs.TransitGatewayVpcAttachments).map((found) => found.TransitGatewayAttachmentId);
    };
    expect(await find({ Name: 'tag:Name', Values: ['second'] })).toEqual([second]);
    expect(await find({ Name: 'vpc-id', Values: [vpc] }, { Name: 'state', Values: ['available'] })).toEqual([first]);
    expect(await find({ Name: 'vpc-id', Values: [vpc] })).toEqual([deleted, first]);
    expect(await find({ Name: 'transit-gateway-id', Values: [gateway] }, { Name: 'tag-key', Values: ['Name'] })).toHaveLength(3);
    const any = await lab.ec2.send(
      new DescribeTransitGatewayAttachmentsCommand({
        Filters: [
          { Name: 'tag:Name', Values: ['first'] },
          { Name: 'resource-id', Values: [vpc] },
        ],
      }),
    );
    expect(any.TransitGatewayAttachments?.map((found) => found.TransitGatewayAttachmentId)).toEqual([first]);
    expect(await refusal(attachmentOf('tgw-attach-0123456789abcdef0'))).toBe('InvalidTransitGatewayAttachmentID.NotFound');
  });
});

describe('an association', () => {
  test('is the only one of its attachment, and is listed and shown while it lasts', async () => {
    const { gateway, table, vpc, attachment } = await createAttachedVpc(lab.ec2);
    const other = await createTable(lab.ec2, gateway);
    await lab.ec2.send(new AssociateTransitGatewayRouteTableCommand(pair(attachment, table)));
    const associate = (to: string) => lab.ec2.send(new AssociateTransitGatewayRouteTableCommand(pair(attachment, to)));
    expect(await refusal(associate(table))).toBe('Resource.AlreadyAssociated');
    expect(await refusal(associate(other))).toBe('Resource.AlreadyAssociated');
    expect(await associationsOf(table)).toEqual([
      { TransitGatewayAttachmentId: attachment, ResourceId: vpc, ResourceType: 'vpc', State: 'associated' },
    ]);
    expect(await associationsOf(table, [{ Name: 'transit-gateway-attachment-id', Values: ['tgw-attach-0'] }])).toEqual([]);
    expect(await associationsOf(other)).toEqual([]);
    const shown = await lab.ec2.send(new DescribeTransitGatewayAttachmentsCommand({ TransitGatewayAttachmentIds: [attachment] }));
    expect(shown.TransitGatewayAttachments?.[0]?.Association).toEqual({ TransitGatewayRouteTableId: table, State: 'associated' });

    const disassociate = (from: string) => lab.ec2.send(new DisassociateTransitGatewayRouteTableCommand(pair(attachment, from)));
    expect(await refusal(disassociate(other))).toBe('InvalidAssociation.NotFound');
    await disassociate(table);
    expect(await associationsOf(table)).toEqual([]);
    await associate(other);
    expect(await associationsOf(other)).toHaveLength(1);
  });

  test('keeps its table from being deleted', async () => {
    const { gateway, table, attachment } = await createAttachedVpc(lab.ec2);
    await lab.ec2.send(new AssociateTransitGatewayRouteTableCommand(pair(attachment, table)));
    const remove = () => lab.ec2.send(new DeleteTransitGatewayRouteTableCommand({ TransitGatewayRouteTableId: table }));
    expect(await refusal(remove())).toBe('IncorrectState');
    await lab.ec2.send(new DisassociateTransitGatewayRouteTableCommand(pair(attachment, table)));
    await remove();
    expect(await tablesOf(gateway)).toMatchObject([{ TransitGatewayRouteTableId: table, State: 'deleted' }]);
    expect(await refusal(remove())).toBe('InvalidRouteTableID.NotFound');
    expect(await refusal(associationsOf(table))).toBe('InvalidRouteTableID.NotFound');
    expect(await refusal(propagationsOf(table))).toBe('InvalidRouteTableID.NotFound');
    expect(await refusal(search(table, anyState))).toBe('InvalidRouteTableID.NotFound');
  });

  test('is between an attachment and a table of one gateway', async () => {
    const { attachment } = await createAttachedVpc(lab.ec2);
    const elsewhere = await createTable(lab.ec2, await createGateway(lab.ec2));
    expect(await refusal(lab.ec2.send(new AssociateTransitGatewayRouteTableCommand(pair(attachment, elsewhere))))).toBe(
      'InvalidParameterValue',
    );
  });
});

describe('a propagation', () => {
  test('goes to several tables, and one may end while the others stay', async () => {
    const { gateway, table, attachment } = await createAttachedVpc(lab.ec2);
    const other = await createTable(lab.ec2, gateway);
    const enable = (to: string) => lab.ec2.send(new EnableTransitGatewayRouteTablePropagationCommand(pair(attachment, to)));
    const disable = (to: string) => lab.ec2.send(new DisableTransitGatewayRouteTablePropagationCommand(pair(attachment, to)));
    await enable(table);
    await enable(other);
    expect(await refusal(enable(table))).toBe('TransitGatewayRouteTablePropagation.Duplicate');
    await disable(table);
    expect(await propagationsOf(table)).toEqual([]);
    expect(await propagationsOf(other)).toMatchObject([{ TransitGatewayAttachmentId: attachment, ResourceType: 'vpc', State: 'enabled' }]);
    expect(await refusal(disable(table))).toBe('TransitGatewayRouteTablePropagation.NotFound');
    await disable(other);
    expect(await propagationsOf(other)).toEqual([]);
  });

  test('makes a route of its VPC’s CIDR, where no static one is in its place', async () => {
    const { table, vpc, attachment } = await createAttachedVpc(lab.ec2);
    await lab.ec2.send(new EnableTransitGatewayRouteTablePropagationCommand(pair(attachment, table)));
    const target = { TransitGatewayAttachmentId: attachment, ResourceId: vpc, ResourceType: 'vpc' };
    expect(await search(table, { Name: 'type', Values: ['propagated'] })).toMatchObject([
      { DestinationCidrBlock: '10.1.0.0/16', State: 'active', Type: 'propagated', TransitGatewayAttachments: [target] },
    ]);
    expect(await search(table, { Name: 'type', Values: ['static'] })).toEqual([]);
    await lab.ec2.send(
      new CreateTransitGatewayRouteCommand({ TransitGatewayRouteTableId: table, DestinationCidrBlock: '10.1.0.0/16', Blackhole: true }),
    );
    expect(await search(table, anyState)).toMatchObject([{ Type: 'static', State: 'blackhole' }]);
  });
});

describe('a route of a gateway', () => {
  test('lists its attachment; a black hole lists none', async () => {
    const { table, vpc, attachment } = await createAttachedVpc(lab.ec2);
    await lab.ec2.send(new CreateTransitGatewayRouteCommand({ ...pair(attachment, table), DestinationCidrBlock: '0.0.0.0/0' }));
    // As the provider sends it: an empty attachment.
    await lab.ec2.send(
      new CreateTransitGatewayRouteCommand({ ...pair('', table), DestinationCidrBlock: '192.168.0.0/16', Blackhole: true }),
    );
    const exactly = (cidr: string) =>
      search(table, { Name: 'route-search.exact-match', Values: [cidr] }, { Name: 'type', Values: ['static'] });
    expect(await exactly('0.0.0.0/0')).toEqual([
      {
        DestinationCidrBlock: '0.0.0.0/0',
        Type: 'static',
        State: 'active',
        TransitGatewayAttachments: [{ TransitGatewayAttachmentId: attachment, ResourceId: vpc, ResourceType: 'vpc' }],
      },
    ]);
    const [blackhole] = await exactly('192.168.0.0/16');
    expect(blackhole).toMatchObject({ DestinationCidrBlock: '192.168.0.0/16', Type: 'static', State: 'blackhole' });
    expect(blackhole?.TransitGatewayAttachments ?? []).toEqual([]);
  });

  test('is refused where there is one, and its end where there is none', async () => {
    const { table } = await createAttachedVpc(lab.ec2);
    const route = { TransitGatewayRouteTableId: table, DestinationCidrBlock: '192.168.0.0/16' };
    const create = () => lab.ec2.send(new CreateTransitGatewayRouteCommand({ ...route, Blackhole: true }));
    const remove = () => lab.ec2.send(new DeleteTransitGatewayRouteCommand(route));
    expect(await refusal(remove())).toBe('InvalidRoute.NotFound');
    await create();
    expect(await refusal(create())).toBe('RouteAlreadyExists');
    expect((await remove()).Route).toMatchObject({ State: 'deleted' });
    expect(await search(table, anyState)).toEqual([]);
    await create();
  });

  test('goes to an attachment that lives, or is a black hole', async () => {
    const { table, attachment } = await createAttachedVpc(lab.ec2);
    await lab.ec2.send(new DeleteTransitGatewayVpcAttachmentCommand({ TransitGatewayAttachmentId: attachment }));
    const create = lab.ec2.send(new CreateTransitGatewayRouteCommand({ ...pair(attachment, table), DestinationCidrBlock: '0.0.0.0/0' }));
    expect(await refusal(create)).toBe('InvalidTransitGatewayAttachmentID.NotFound');
  });

  test('is found by subnet, supernet and longest prefix', async () => {
    const { table } = await createAttachedVpc(lab.ec2);
    for (const cidr of ['10.0.0.0/8', '10.1.0.0/16', '192.168.0.0/16']) {
      await lab.ec2.send(
        new CreateTransitGatewayRouteCommand({ TransitGatewayRouteTableId: table, DestinationCidrBlock: cidr, Blackhole: true }),
      );
    }
    const by = async (kind: string, cidr: string) =>
      (await search(table, { Name: `route-search.${kind}`, Values: [cidr] })).map((found) => found.DestinationCidrBlock);
    expect(await by('subnet-of-match', '10.0.0.0/8')).toEqual(['10.0.0.0/8', '10.1.0.0/16']);
    expect(await by('supernet-of-match', '10.1.2.0/24')).toEqual(['10.0.0.0/8', '10.1.0.0/16']);
    expect(await by('longest-prefix-match', '10.1.2.3/32')).toEqual(['10.1.0.0/16']);
  });
});

describe('a route table of a gateway', () => {
  test('is found by tag, and an id that never was is refused', async () => {
    const { gateway, table } = await createAttachedVpc(lab.ec2);
    await lab.ec2.send(new CreateTransitGatewayRouteTableCommand({ TransitGatewayId: gateway }));
    const find = async (...Filters: Filter[]) =>
      present((await lab.ec2.send(new DescribeTransitGatewayRouteTablesCommand({ Filters }))).TransitGatewayRouteTables).map(
        (found) => found.TransitGatewayRouteTableId,
      );
    expect(await find({ Name: 'tag:holdfast:stack', Values: ['s'] })).toEqual([table]);
    expect(await find({ Name: 'tag-key', Values: ['Name'] }, { Name: 'state', Values: ['available'] })).toEqual([table]);
    expect(await find({ Name: 'default-association-route-table', Values: ['false'] })).toHaveLength(2);
    const unknown = lab.ec2.send(
      new DescribeTransitGatewayRouteTablesCommand({ TransitGatewayRouteTableIds: ['tgw-rtb-0123456789abcdef0'] }),
    );
    expect(await refusal(unknown)).toBe('InvalidRouteTableID.NotFound');
  });
});

test('two creates of the same attachment at once make one', async () => {
  const gateway = await createGateway(lab.ec2);
  const { vpc, subnets } = await createVpc(lab.ec2);
  const input = { TransitGatewayId: gateway, VpcId: vpc, SubnetIds: [subnets[0]] };
  const tries = await Promise.allSettled([1, 2, 3, 4].map(() => lab.ec2.send(new CreateTransitGatewayVpcAttachmentCommand(input))));
  expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
});
