/**
 * Pulumi's `output` and the resource classes of `@pulumi/aws` that the programs use, each from its own file: the package's index loads thousands.
 * Loaded on first use, so that commands without an engine do not pay for it.
 */
export async function loadAws() {
  const [
    { output },
    gateway,
    gatewayTable,
    gatewayRoute,
    attachment,
    association,
    propagation,
    vpc,
    subnet,
    table,
    route,
    subnetAssociation,
    topic,
    topicSubscription,
    metricAlarm,
  ] = await Promise.all([
    import('@pulumi/pulumi'),
    import('@pulumi/aws/ec2transitgateway/transitGateway.js'),
    import('@pulumi/aws/ec2transitgateway/routeTable.js'),
    import('@pulumi/aws/ec2transitgateway/route.js'),
    import('@pulumi/aws/ec2transitgateway/vpcAttachment.js'),
    import('@pulumi/aws/ec2transitgateway/routeTableAssociation.js'),
    import('@pulumi/aws/ec2transitgateway/routeTablePropagation.js'),
    import('@pulumi/aws/ec2/vpc.js'),
    import('@pulumi/aws/ec2/subnet.js'),
    import('@pulumi/aws/ec2/routeTable.js'),
    import('@pulumi/aws/ec2/route.js'),
    import('@pulumi/aws/ec2/routeTableAssociation.js'),
    import('@pulumi/aws/sns/topic.js'),
    import('@pulumi/aws/sns/topicSubscription.js'),
    import('@pulumi/aws/cloudwatch/metricAlarm.js'),
  ]);
  return {
    output,
    TransitGateway: gateway.TransitGateway,
    TransitGatewayRouteTable: gatewayTable.RouteTable,
    TransitGatewayRoute: gatewayRoute.Route,
    TransitGatewayVpcAttachment: attachment.VpcAttachment,
    TransitGatewayRouteTableAssociation: association.RouteTableAssociation,
    TransitGatewayRouteTablePropagation: propagation.RouteTablePropagation,
    Vpc: vpc.Vpc,
    Subnet: subnet.Subnet,
    RouteTable: table.RouteTable,
    Route: route.Route,
    RouteTableAssociation: subnetAssociation.RouteTableAssociation,
    Topic: topic.Topic,
    TopicSubscription: topicSubscription.TopicSubscription,
    MetricAlarm: metricAlarm.MetricAlarm,
  };
}
