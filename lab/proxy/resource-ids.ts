/** CloudTrail's resource types of the ids that network calls name, by the id's prefix. */
const resourceTypes: Record<string, string> = {
  vpc: 'AWS::EC2::VPC',
  subnet: 'AWS::EC2::Subnet',
  rtb: 'AWS::EC2::RouteTable',
  rtbassoc: 'AWS::EC2::SubnetRouteTableAssociation',
  igw: 'AWS::EC2::InternetGateway',
  nat: 'AWS::EC2::NatGateway',
  eipalloc: 'AWS::EC2::EIP',
  sg: 'AWS::EC2::SecurityGroup',
  acl: 'AWS::EC2::NetworkAcl',
  eni: 'AWS::EC2::NetworkInterface',
  vpce: 'AWS::EC2::VPCEndpoint',
  fl: 'AWS::EC2::FlowLog',
  i: 'AWS::EC2::Instance',
  tgw: 'AWS::EC2::TransitGateway',
  'tgw-attach': 'AWS::EC2::TransitGatewayAttachment',
  'tgw-rtb': 'AWS::EC2::TransitGatewayRouteTable',
};

const ids = /(?<![\w-])[a-z]+(?:-[a-z]+)*-(?:[0-9a-f]{17}|[0-9a-f]{8})(?![\w-])/g;
const arns = /\barn:aws[\w-]*:(?:sns|cloudwatch|iam):[\w-]*:\d*:[\w:/.-]+/g;

const arnType = (arn: string): string =>
  arn.includes(':sns:') ? 'AWS::SNS::Topic' : arn.includes(':iam:') ? 'AWS::IAM::Role' : 'AWS::CloudWatch::Alarm';

/** The AWS ids and ARNs in a text, each once, in the order of their appearance. */
export const resourceIds = (text: string): string[] => [...new Set([...(text.match(ids) ?? []), ...(text.match(arns) ?? [])])];

/** CloudTrail's type of an id; undefined for the ids of parts, which the trail does not list as resources. */
export const resourceType = (id: string): string | undefined =>
  id.startsWith('arn:') ? arnType(id) : resourceTypes[id.slice(0, id.lastIndexOf('-'))];
