/** Pulumi's tokens of the types in the table: rows name one another by them. */
export const tokens = {
  gateway: 'aws:ec2transitgateway/transitGateway:TransitGateway',
  gatewayTable: 'aws:ec2transitgateway/routeTable:RouteTable',
  gatewayRoute: 'aws:ec2transitgateway/route:Route',
  attachment: 'aws:ec2transitgateway/vpcAttachment:VpcAttachment',
  association: 'aws:ec2transitgateway/routeTableAssociation:RouteTableAssociation',
  propagation: 'aws:ec2transitgateway/routeTablePropagation:RouteTablePropagation',
  vpc: 'aws:ec2/vpc:Vpc',
  subnet: 'aws:ec2/subnet:Subnet',
  routeTable: 'aws:ec2/routeTable:RouteTable',
  route: 'aws:ec2/route:Route',
  subnetAssociation: 'aws:ec2/routeTableAssociation:RouteTableAssociation',
  topic: 'aws:sns/topic:Topic',
  subscription: 'aws:sns/topicSubscription:TopicSubscription',
  alarm: 'aws:cloudwatch/metricAlarm:MetricAlarm',
} as const;
