import { describe, expect, it } from 'vitest';
import { needsOf } from '../../lab/proxy/needs.ts';

const where = { accountId: '111122223333', region: 'eu-west-1' };
const ec2 = 'arn:aws:ec2:eu-west-1:111122223333:';

const needs = (service: string, action: string, params: Record<string, string> = {}): string[] =>
  needsOf({ service, action, params }, where).map((need) => `${need.action} ${need.resource}`);

describe('what a call has to be allowed', () => {
  it.each([
    ['HeadBucket', {}, ['s3:ListBucket arn:aws:s3:::state']],
    ['ListObjectVersions', {}, ['s3:ListBucketVersions arn:aws:s3:::state']],
    ['HeadObject', { Key: 'a' }, ['s3:GetObject arn:aws:s3:::state/a']],
    ['GetObject', { Key: 'a', VersionId: '1' }, ['s3:GetObjectVersion arn:aws:s3:::state/a']],
    ['PutObject', { Key: 'a' }, ['s3:PutObject arn:aws:s3:::state/a']],
    ['PutObject', { Key: 'a', IfMatch: '"1"' }, ['s3:PutObject arn:aws:s3:::state/a', 's3:GetObject arn:aws:s3:::state/a']],
    ['DeleteObject', { Key: 'a', VersionId: '1' }, ['s3:DeleteObjectVersion arn:aws:s3:::state/a']],
    ['GetBucketEncryption', {}, ['s3:GetEncryptionConfiguration arn:aws:s3:::state']],
    ['PutBucketVersioning', {}, ['s3:PutBucketVersioning arn:aws:s3:::state']],
  ])('of S3: %s %j', (action, params, expected) => {
    expect(needs('s3', action, { Bucket: 'state', ...params })).toEqual(expected);
  });

  it('of EC2 is a read of anything, or a change of each object that it names', () => {
    expect(needs('ec2', 'DescribeVpcs', { 'VpcId.1': 'vpc-0123456789abcdef0' })).toEqual(['ec2:DescribeVpcs *']);
    expect(needs('ec2', 'AssociateRouteTable', { RouteTableId: 'rtb-0123456789abcdef0', SubnetId: 'subnet-0123456789abcdef0' })).toEqual([
      `ec2:AssociateRouteTable ${ec2}route-table/rtb-0123456789abcdef0`,
      `ec2:AssociateRouteTable ${ec2}subnet/subnet-0123456789abcdef0`,
    ]);
  });

  it('of EC2 leaves out what it names and is no resource of it', () => {
    expect(needs('ec2', 'CreateRoute', { RouteTableId: 'rtb-0123456789abcdef0', TransitGatewayId: 'tgw-0123456789abcdef0' })).toEqual([
      `ec2:CreateRoute ${ec2}route-table/rtb-0123456789abcdef0`,
    ]);
    expect(
      needs('ec2', 'DeleteTransitGatewayRoute', {
        TransitGatewayRouteTableId: 'tgw-rtb-0123456789abcdef0',
        DestinationCidrBlock: '10.0.0.0/8',
      }),
    ).toEqual([`ec2:DeleteTransitGatewayRoute ${ec2}transit-gateway-route-table/tgw-rtb-0123456789abcdef0`]);
  });

  it('of EC2 knows what is there by its tags, and what is made by those that it gets', () => {
    const [there, made, tagged] = needsOf(
      {
        service: 'ec2',
        action: 'CreateSubnet',
        params: {
          VpcId: 'vpc-0123456789abcdef0',
          'TagSpecification.1.ResourceType': 'subnet',
          'TagSpecification.1.Tag.1.Key': 'holdfast:stack',
          'TagSpecification.1.Tag.1.Value': 'prod.vpc.one',
        },
      },
      where,
    );
    const asked = { 'aws:RequestTag/holdfast:stack': 'prod.vpc.one', 'aws:TagKeys': ['holdfast:stack'] };
    expect(there).toEqual({ action: 'ec2:CreateSubnet', resource: `${ec2}vpc/vpc-0123456789abcdef0`, object: 'vpc-0123456789abcdef0' });
    expect(made).toEqual({ action: 'ec2:CreateSubnet', resource: `${ec2}subnet/*`, context: asked });
    expect(tagged).toEqual({
      action: 'ec2:CreateTags',
      resource: `${ec2}subnet/*`,
      context: { ...asked, 'ec2:CreateAction': 'CreateSubnet' },
    });
  });

  it('of EC2 to take tags away says which', () => {
    const [need] = needsOf(
      {
        service: 'ec2',
        action: 'DeleteTags',
        params: { 'ResourceId.1': 'vpc-0123456789abcdef0', 'Tag.1.Key': 'team', 'Tag.2.Key': 'env' },
      },
      where,
    );
    expect(need).toMatchObject({ object: 'vpc-0123456789abcdef0', context: { 'aws:TagKeys': ['team', 'env'] } });
    const [all] = needsOf({ service: 'ec2', action: 'DeleteTags', params: { 'ResourceId.1': 'vpc-0123456789abcdef0' } }, where);
    expect(all?.context?.['aws:TagKeys']).toBeUndefined();
  });

  it('of EC2 is to tag as well, where a create has tags', () => {
    expect(needs('ec2', 'CreateVpc', { CidrBlock: '10.0.0.0/16' })).toEqual([`ec2:CreateVpc ${ec2}object/*`]);
    expect(needs('ec2', 'CreateVpc', { 'TagSpecification.1.ResourceType': 'vpc' })).toEqual([
      `ec2:CreateVpc ${ec2}vpc/*`,
      `ec2:CreateTags ${ec2}vpc/*`,
    ]);
  });

  it('of STS is nothing: no policy can refuse who asks who it is', () => {
    expect(needs('sts', 'GetCallerIdentity')).toEqual([]);
  });

  it('of the others is the call, on what it names', () => {
    const topic = 'arn:aws:sns:eu-west-1:111122223333:on-call';
    expect(needs('sns', 'Publish', { TopicArn: topic })).toEqual([`sns:Publish ${topic}`]);
    expect(needs('cloudtrail', 'LookupEvents')).toEqual(['cloudtrail:LookupEvents *']);
    expect(needsOf({ service: 'cloudwatch', action: 'PutMetricData', params: { Namespace: 'Net' } }, where)[0]?.context).toEqual({
      'cloudwatch:namespace': 'Net',
    });
  });
});
