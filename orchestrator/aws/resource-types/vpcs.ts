import { DescribeVpcAttributeCommand, paginateDescribeSubnets, paginateDescribeVpcs } from '@aws-sdk/client-ec2';
import type { Subnet, Vpc } from '@aws-sdk/client-ec2';
import { pages } from '../ec2-queries.ts';
import { byTag, idPattern, isIdLike, shownOf, unlessGone, within } from './resource-type.ts';
import type { Ask, Listed, ResourceType } from './resource-type.ts';
import { tokens } from './tokens.ts';

interface VpcAttributes {
  readonly enableDnsSupport: boolean | undefined;
  readonly enableDnsHostnames: boolean | undefined;
}

const listedVpcs: Listed<Vpc, VpcAttributes> = {
  how: 'listed',
  action: 'ec2:DescribeVpcs',
  filters: { id: 'vpc-id', within: {} },
  list: (client, Filters) => pages(paginateDescribeVpcs({ client }, { Filters }), ({ Vpcs }) => Vpcs),
  idOf: ({ VpcId }) => VpcId,
  async detailsOf(ask, raws) {
    const found = await Promise.all(
      raws.map(async ({ VpcId }): Promise<[string, VpcAttributes][]> => {
        const attributes = VpcId === undefined ? undefined : await attributesOf(ask, VpcId);
        return VpcId === undefined || attributes === undefined ? [] : [[VpcId, attributes]];
      }),
    );
    return new Map(found.flat());
  },
  read: (raw, attributes) => ({
    id: raw.VpcId,
    phase: raw.State === 'pending' ? 'coming' : 'there',
    properties: {
      cidrBlock: raw.CidrBlock,
      instanceTenancy: raw.InstanceTenancy,
      ipv6CidrBlock: raw.Ipv6CidrBlockAssociationSet?.find(({ Ipv6CidrBlockState }) => Ipv6CidrBlockState?.State === 'associated')
        ?.Ipv6CidrBlock,
      ...attributes,
    },
    tags: raw.Tags,
    refersTo: [],
    madeBy: 'somebody',
  }),
};

/** Two of the things that a program says of a VPC are not in its describe, and each takes a call. Undefined where AWS has no such VPC any more. */
async function attributesOf(ask: Ask, VpcId: string): Promise<VpcAttributes | undefined> {
  const attribute = (Attribute: 'enableDnsSupport' | 'enableDnsHostnames') =>
    ask('ec2:DescribeVpcAttribute', (ec2) =>
      unlessGone(ec2.send(new DescribeVpcAttributeCommand({ VpcId, Attribute })), /^InvalidVpcID\.NotFound$/),
    );
  const [support, hostnames] = await Promise.all([attribute('enableDnsSupport'), attribute('enableDnsHostnames')]);
  return support && hostnames
    ? { enableDnsSupport: support.EnableDnsSupport?.Value, enableDnsHostnames: hostnames.EnableDnsHostnames?.Value }
    : undefined;
}

export const vpc: ResourceType = {
  ...byTag,
  token: tokens.vpc,
  title: 'VPC',
  taggedAs: 'vpc',
  isId: isIdLike(idPattern('vpc')),
  properties: [
    { name: 'cidrBlock', tells: true },
    { name: 'enableDnsSupport' },
    { name: 'enableDnsHostnames' },
    { name: 'instanceTenancy' },
    { name: 'ipv6CidrBlock' },
  ],
  find: listedVpcs,
  events: { create: ['CreateVpc'], delete: ['DeleteVpc'] },
};

const subnetProperties = [
  { name: 'cidrBlock', tells: true },
  { name: 'availabilityZone', tells: true },
  { name: 'vpcId' },
  { name: 'mapPublicIpOnLaunch' },
  { name: 'assignIpv6AddressOnCreation' },
  { name: 'ipv6CidrBlock' },
  { name: 'ipv6Native' },
  { name: 'enableDns64' },
  { name: 'privateDnsHostnameTypeOnLaunch' },
  { name: 'enableResourceNameDnsARecordOnLaunch' },
  { name: 'enableResourceNameDnsAaaaRecordOnLaunch' },
] as const;

const listedSubnets: Listed<Subnet> = {
  how: 'listed',
  action: 'ec2:DescribeSubnets',
  filters: { id: 'subnet-id', within: { [tokens.vpc]: 'vpc-id' } },
  list: (client, Filters) => pages(paginateDescribeSubnets({ client }, { Filters }), ({ Subnets }) => Subnets),
  idOf: ({ SubnetId }) => SubnetId,
  read: (raw) => ({
    id: raw.SubnetId,
    phase: raw.State === 'pending' ? 'coming' : 'there',
    properties: shownOf(raw, subnetProperties, {
      ipv6CidrBlock: raw.Ipv6CidrBlockAssociationSet?.find(({ Ipv6CidrBlockState }) => Ipv6CidrBlockState?.State === 'associated')
        ?.Ipv6CidrBlock,
      privateDnsHostnameTypeOnLaunch: raw.PrivateDnsNameOptionsOnLaunch?.HostnameType,
      enableResourceNameDnsARecordOnLaunch: raw.PrivateDnsNameOptionsOnLaunch?.EnableResourceNameDnsARecord,
      enableResourceNameDnsAaaaRecordOnLaunch: raw.PrivateDnsNameOptionsOnLaunch?.EnableResourceNameDnsAAAARecord,
    }),
    tags: raw.Tags,
    refersTo: [raw.VpcId],
    madeBy: 'somebody',
  }),
};

export const subnet: ResourceType = {
  ...byTag,
  token: tokens.subnet,
  title: 'subnet',
  taggedAs: 'subnet',
  isId: isIdLike(idPattern('subnet')),
  containersOf: within(tokens.vpc, 'vpcId'),
  properties: subnetProperties,
  find: listedSubnets,
  events: { create: ['CreateSubnet'], delete: ['DeleteSubnet'] },
};
