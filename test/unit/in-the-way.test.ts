import { describe, expect, it } from 'vitest';
import { lookInTheWay } from '../../orchestrator/aws/in-the-way.ts';
import { tokens } from '../../orchestrator/aws/resource-types/tokens.ts';
import { describeDeleteWait } from '../../orchestrator/ui/delete-waits.ts';
import { FakeEc2, filterOf, refusal } from './support/fake-ec2.ts';
import { byType } from './support/events.ts';

const vpc = { type: tokens.vpc, id: 'vpc-1' };

const answers: Readonly<Record<string, object>> = {
  DescribeNetworkInterfaces: {
    NetworkInterfaces: [
      { NetworkInterfaceId: 'eni-1', OwnerId: '444455556666', Description: 'a database' },
      { NetworkInterfaceId: 'eni-2', OwnerId: '444455556666', RequesterId: 'amazon-elb', Description: '' },
    ],
  },
  DescribeInstances: {
    Reservations: [{ OwnerId: '444455556666', Instances: [{ InstanceId: 'i-1', Tags: [{ Key: 'Name', Value: 'web' }] }] }],
  },
  DescribeSecurityGroups: {
    SecurityGroups: [
      { GroupId: 'sg-0', GroupName: 'default' },
      { GroupId: 'sg-1', OwnerId: '444455556666', GroupName: 'theirs' },
    ],
  },
  DescribeInternetGateways: { InternetGateways: [{ InternetGatewayId: 'igw-1', OwnerId: '444455556666' }] },
  DescribeNatGateways: { NatGateways: [{ NatGatewayId: 'nat-1' }] },
  DescribeVpcEndpoints: {
    VpcEndpoints: [
      { VpcEndpointId: 'vpce-1', OwnerId: '444455556666', ServiceName: 'com.amazonaws.eu-west-1.s3', State: 'available' },
      { VpcEndpointId: 'vpce-0', State: 'Deleted' },
    ],
  },
  DescribeTransitGatewayAttachments: {
    TransitGatewayAttachments: [
      { TransitGatewayAttachmentId: 'tgw-attach-1', ResourceOwnerId: '444455556666', ResourceId: 'vpc-1', State: 'available' },
      { TransitGatewayAttachmentId: 'tgw-attach-0', State: 'deleting' },
      { TransitGatewayAttachmentId: 'tgw-attach-9', State: 'failed' },
    ],
  },
  DescribeSubnets: { Subnets: [{ SubnetId: 'subnet-1', OwnerId: '444455556666', CidrBlock: '10.0.0.0/24' }] },
  DescribeRouteTables: {
    RouteTables: [
      { RouteTableId: 'rtb-0', Associations: [{ Main: true }] },
      { RouteTableId: 'rtb-1', OwnerId: '444455556666' },
    ],
  },
};

describe('what is in the way of a delete', () => {
  it('of a VPC is everything in it that is not of AWS’s own making, by kind, id, owner and description', async () => {
    const found = await lookInTheWay(new FakeEc2(({ action }) => answers[action]), vpc);
    expect(found).toEqual({
      triedSeconds: 1200,
      unseen: [],
      obstacles: [
        { kind: 'network-interface', id: 'eni-1', owner: '444455556666', description: 'a database' },
        { kind: 'network-interface', id: 'eni-2', owner: 'amazon-elb', description: undefined },
        { kind: 'instance', id: 'i-1', owner: '444455556666', description: 'web' },
        { kind: 'security-group', id: 'sg-1', owner: '444455556666', description: 'theirs' },
        { kind: 'internet-gateway', id: 'igw-1', owner: '444455556666', description: undefined },
        { kind: 'nat-gateway', id: 'nat-1', owner: undefined, description: undefined },
        { kind: 'vpc-endpoint', id: 'vpce-1', owner: '444455556666', description: 'com.amazonaws.eu-west-1.s3' },
        { kind: 'transit-gateway-attachment', id: 'tgw-attach-1', owner: '444455556666', description: 'vpc-1' },
        { kind: 'subnet', id: 'subnet-1', owner: '444455556666', description: '10.0.0.0/24' },
        { kind: 'route-table', id: 'rtb-1', owner: '444455556666', description: undefined },
      ],
    });
  });

  it('of a subnet is asked for by the subnet', async () => {
    const ec2 = new FakeEc2(({ action }) => answers[action]);
    const found = await lookInTheWay(ec2, { type: tokens.subnet, id: 'subnet-1' });
    expect(found?.obstacles.map(({ id }) => id)).toEqual(['eni-1', 'eni-2', 'i-1', 'nat-1']);
    expect(ec2.calls.filter(({ action }) => action !== 'DescribeNatGateways').map((call) => filterOf(call, 'subnet-id'))).toEqual([
      ['subnet-1'],
      ['subnet-1'],
    ]);
  });

  it('that may not be looked at is told as that, and hides nothing else', async () => {
    const ec2 = new FakeEc2(({ action }) => {
      if (action === 'DescribeInstances') throw refusal('UnauthorizedOperation', 'no');
      return answers[action];
    });
    const found = await lookInTheWay(ec2, { type: tokens.subnet, id: 'subnet-1' });
    expect(found?.unseen).toEqual([{ action: 'ec2:DescribeInstances', code: 'UnauthorizedOperation' }]);
    expect(found?.obstacles.map(({ id }) => id)).toEqual(['eni-1', 'eni-2', 'nat-1']);
  });

  it('is not asked of a type whose refused delete is not tried again', async () => {
    const ec2 = new FakeEc2(() => ({}));
    expect(await lookInTheWay(ec2, { type: tokens.attachment, id: 'tgw-attach-1' })).toBeUndefined();
    expect(ec2.calls).toEqual([]);
  });
});

describe('a person', () => {
  const event = byType['delete-waits'];

  it('is told what is in the way, what could not be looked at, how long it is tried and what to do', () => {
    expect(describeDeleteWait(event)).toBe(
      'vpc.a/private: AWS has not deleted the Subnet subnet-1 for 45 s. In its way: network-interface eni-1 of 444455556666 ("a database"). These could not be looked at: ec2:DescribeNatGateways (UnauthorizedOperation). It is tried until 2030-01-01 00:20 UTC. Remove what is in the way, or end the run with Ctrl-C.',
    );
  });

  it('is shown no control characters of a description', () => {
    const [obstacle] = event.obstacles;
    if (!obstacle) throw new Error('nothing is in the way');
    expect(describeDeleteWait({ ...event, obstacles: [{ ...obstacle, description: 'a\u001b[2Jb\n::error::' }] })).toContain(
      '"a\\u{1b}[2Jb\\n::error::"',
    );
  });
});
