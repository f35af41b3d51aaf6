import type { CustomResourceOptions } from '@pulumi/pulumi';
import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { loadAws } from '../../stacks/aws.ts';
import { account, region } from './plugin-lab.ts';

export interface RecordedChain {
  /** 1: as created. 2: with everything changed that the recordings changed in place. */
  readonly version: 1 | 2;
  /** Import ids by name: the resources are imported, not made. */
  readonly imports?: Readonly<Record<string, string>>;
  /** Leaves out what nothing else needs: all but the gateway, the VPC, the subnets and the attachment. */
  readonly withoutLeaves?: boolean;
}

/** A program with every resource of the recordings, each under its recorded address and with its recorded inputs. */
export function recordedProgram({ version, imports = {}, withoutLeaves = false }: RecordedChain): PulumiFn {
  return async () => {
    const aws = await loadAws();
    const [{ Provider }, { InternetGateway }] = await Promise.all([
      import('@pulumi/aws/provider.js'),
      import('@pulumi/aws/ec2/internetGateway.js'),
    ]);
    const provider = new Provider('aws', { region, allowedAccountIds: [account] });
    const named = (name: string): [string, CustomResourceOptions] => {
      const id = imports[name];
      return [name, { provider, ...(id === undefined ? {} : { import: id }) }];
    };
    const make = <A, R>(Type: new (name: string, args: A, options: CustomResourceOptions) => R, address: string, args: A): R => {
      const [name, options] = named(address);
      return new Type(name, args, options);
    };
    const tags = { 'holdfast:stack': 's', 'holdfast:resource': 'r', v: String(version) };

    const gateway = make(aws.TransitGateway, 'aws_ec2_transit_gateway.x', {
      amazonSideAsn: 64512,
      description: `d${version}`,
      defaultRouteTableAssociation: 'disable',
      defaultRouteTablePropagation: 'disable',
      tags,
    });
    const vpc = make(aws.Vpc, 'aws_vpc.x', { cidrBlock: '10.1.0.0/16', ...(version === 2 ? { enableDnsHostnames: true } : {}), tags });
    const subnet = make(aws.Subnet, 'aws_subnet.x', {
      vpcId: vpc.id,
      cidrBlock: '10.1.1.0/24',
      availabilityZone: `${region}a`,
      ...(version === 2 ? { mapPublicIpOnLaunch: true } : {}),
      tags,
    });
    // Only for the attachment to change to; the recordings do not have its own creation.
    const secondSubnet = make(aws.Subnet, unrecordedSubnet, {
      vpcId: vpc.id,
      cidrBlock: '10.1.2.0/24',
      availabilityZone: `${region}b`,
      tags: { second: 'subnet' },
    });
    const attachment = make(aws.TransitGatewayVpcAttachment, 'aws_ec2_transit_gateway_vpc_attachment.x', {
      transitGatewayId: gateway.id,
      vpcId: vpc.id,
      subnetIds: version === 2 ? [subnet.id, secondSubnet.id] : [subnet.id],
      transitGatewayDefaultRouteTableAssociation: false,
      transitGatewayDefaultRouteTablePropagation: false,
      tags,
    });
    if (withoutLeaves) return;

    const gatewayTable = make(aws.TransitGatewayRouteTable, 'aws_ec2_transit_gateway_route_table.x', {
      transitGatewayId: gateway.id,
      tags,
    });
    const inGatewayTable = { transitGatewayRouteTableId: gatewayTable.id, transitGatewayAttachmentId: attachment.id };
    make(aws.TransitGatewayRouteTableAssociation, 'aws_ec2_transit_gateway_route_table_association.x', inGatewayTable);
    make(aws.TransitGatewayRouteTablePropagation, 'aws_ec2_transit_gateway_route_table_propagation.x', inGatewayTable);
    make(aws.TransitGatewayRoute, 'aws_ec2_transit_gateway_route.x', { ...inGatewayTable, destinationCidrBlock: '0.0.0.0/0' });
    make(aws.TransitGatewayRoute, 'aws_ec2_transit_gateway_route.blackhole', {
      transitGatewayRouteTableId: gatewayTable.id,
      destinationCidrBlock: '192.168.0.0/16',
      blackhole: true,
    });
    make(InternetGateway, 'aws_internet_gateway.x', { vpcId: vpc.id, tags });
    const table = make(aws.RouteTable, 'aws_route_table.x', { vpcId: vpc.id, tags });
    make(aws.Route, 'aws_route.x', {
      routeTableId: table.id,
      destinationCidrBlock: '10.0.0.0/8',
      transitGatewayId: attachment.id.apply(() => gateway.id),
    });
    make(aws.RouteTableAssociation, 'aws_route_table_association.x', { routeTableId: table.id, subnetId: subnet.id });
    const topic = make(aws.Topic, 'aws_sns_topic.x', { name: 'alarms', tags });
    make(aws.TopicSubscription, 'aws_sns_topic_subscription.x', {
      topic: topic.arn,
      protocol: 'email',
      endpoint: 'oncall@example.com',
    });
    make(aws.MetricAlarm, 'aws_cloudwatch_metric_alarm.x', {
      name: 'holdfast-s-lock-age',
      namespace: 'Holdfast',
      metricName: 'OldestLockAge',
      dimensions: { Network: 's' },
      statistic: 'Maximum',
      period: 1800,
      evaluationPeriods: 1,
      datapointsToAlarm: 1,
      comparisonOperator: 'GreaterThanThreshold',
      threshold: version === 2 ? 900 : 1200,
      treatMissingData: 'breaching',
      alarmActions: [topic.arn],
      okActions: [topic.arn],
      tags,
    });
  };
}

export const unrecordedSubnet = 'second-subnet';
