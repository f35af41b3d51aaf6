package provider

import (
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// token is how @pulumi/aws spells a type: ("ec2", "RouteTable") is aws:ec2/routeTable:RouteTable.
func token(module, name string) tokens.Type {
	file := strings.ToLower(name[:1]) + name[1:]
	return tokens.Type(Name + ":" + module + "/" + file + ":" + name)
}

// resources has one row for each type in use. A new type is a new row; its service must be among the services that
// lab/plugin/provider-source.ts keeps.
func resources() map[string]*tfbridge.ResourceInfo {
	return map[string]*tfbridge.ResourceInfo{
		"aws_internet_gateway":        {Tok: token("ec2", "InternetGateway")},
		"aws_route":                   {Tok: token("ec2", "Route")},
		"aws_route_table":             {Tok: token("ec2", "RouteTable")},
		"aws_route_table_association": {Tok: token("ec2", "RouteTableAssociation")},
		"aws_subnet":                  {Tok: token("ec2", "Subnet")},
		"aws_vpc":                     {Tok: token("ec2", "Vpc")},

		"aws_ec2_transit_gateway":                         {Tok: token("ec2transitgateway", "TransitGateway")},
		"aws_ec2_transit_gateway_route":                   {Tok: token("ec2transitgateway", "Route")},
		"aws_ec2_transit_gateway_route_table":             {Tok: token("ec2transitgateway", "RouteTable")},
		"aws_ec2_transit_gateway_route_table_association": {Tok: token("ec2transitgateway", "RouteTableAssociation")},
		"aws_ec2_transit_gateway_route_table_propagation": {Tok: token("ec2transitgateway", "RouteTablePropagation")},
		"aws_ec2_transit_gateway_vpc_attachment": {
			Tok: token("ec2transitgateway", "VpcAttachment"),
			// A VPC has one attachment to a gateway; the new one is refused while the old one is there.
			DeleteBeforeReplace: true,
		},

		"aws_sns_topic": {Tok: token("sns", "Topic")},
		"aws_sns_topic_subscription": {
			Tok:    token("sns", "TopicSubscription"),
			Fields: map[string]*tfbridge.SchemaInfo{"topic_arn": {Name: "topic"}},
		},
		"aws_cloudwatch_metric_alarm": {
			Tok:    token("cloudwatch", "MetricAlarm"),
			Fields: map[string]*tfbridge.SchemaInfo{"alarm_name": tfbridge.AutoName("name", 255, "-")},
		},
	}
}
