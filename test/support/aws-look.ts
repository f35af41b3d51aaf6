import {
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeTransitGatewayRouteTablesCommand,
  DescribeTransitGatewaysCommand,
  DescribeTransitGatewayVpcAttachmentsCommand,
  DescribeVpcsCommand,
  GetTransitGatewayRouteTableAssociationsCommand,
  GetTransitGatewayRouteTablePropagationsCommand,
  SearchTransitGatewayRoutesCommand,
} from '@aws-sdk/client-ec2';
import type { EC2Client, Tag } from '@aws-sdk/client-ec2';

/** Names of resources by id, so that what AWS has can be compared with what a file asks for. */
type Names = Map<string, string>;

/**
 * Everything that AWS has of networks, asked directly and named by the resources' own tags: `<stack>/<resource>`. What is deleted, what
 * AWS makes by itself (a VPC's main route table, local and propagated routes), and ids are left out.
 */
export async function lookAtAws(ec2: EC2Client) {
  const names: Names = new Map();
  const remember = (id: string | undefined, tags: Tag[] | undefined): string => {
    const tag = (key: string) => tags?.find(({ Key }) => Key === key)?.Value;
    const name =
      tag('holdfast:stack') === undefined ? `untagged ${id ?? '?'}` : `${tag('holdfast:stack') ?? ''}/${tag('holdfast:resource') ?? ''}`;
    if (id !== undefined) names.set(id, name);
    return name;
  };
  const named = (id: string | undefined): string => names.get(id ?? '') ?? `unknown ${id ?? '?'}`;
  const alive = ({ State }: { State?: string | undefined }): boolean => State !== 'deleted' && State !== 'deleting';

  const gateways = ((await ec2.send(new DescribeTransitGatewaysCommand({}))).TransitGateways ?? []).filter(alive);
  const tables = ((await ec2.send(new DescribeTransitGatewayRouteTablesCommand({}))).TransitGatewayRouteTables ?? []).filter(alive);
  const attachments = ((await ec2.send(new DescribeTransitGatewayVpcAttachmentsCommand({}))).TransitGatewayVpcAttachments ?? []).filter(
    alive,
  );
  const vpcs = (await ec2.send(new DescribeVpcsCommand({}))).Vpcs ?? [];
  const subnets = (await ec2.send(new DescribeSubnetsCommand({}))).Subnets ?? [];
  const allRouteTables = (await ec2.send(new DescribeRouteTablesCommand({}))).RouteTables ?? [];
  const routeTables = allRouteTables.filter(({ Associations }) => !Associations?.some(({ Main }) => Main === true));

  const seen = {
    gateways: gateways.map(
      ({ TransitGatewayId, Tags, Options }) => `${remember(TransitGatewayId, Tags)} asn ${Options?.AmazonSideAsn ?? ''}`,
    ),
    gatewayRouteTables: tables.map(({ TransitGatewayRouteTableId, Tags }) => remember(TransitGatewayRouteTableId, Tags)),
    vpcs: vpcs.map(({ VpcId, Tags, CidrBlock }) => `${remember(VpcId, Tags)} ${CidrBlock ?? ''}`),
    subnets: subnets.map(
      ({ SubnetId, Tags, CidrBlock, AvailabilityZone }) => `${remember(SubnetId, Tags)} ${CidrBlock ?? ''} ${AvailabilityZone ?? ''}`,
    ),
    attachments: attachments.map(({ TransitGatewayAttachmentId, Tags }) => remember(TransitGatewayAttachmentId, Tags)),
    routeTables: routeTables.map(({ RouteTableId, Tags }) => remember(RouteTableId, Tags)),
  };
  const attachmentLinks = attachments.map(
    ({ TransitGatewayAttachmentId, VpcId, SubnetIds }) =>
      `${named(TransitGatewayAttachmentId)}: ${named(VpcId)} [${(SubnetIds ?? []).map(named).sort().join(', ')}]`,
  );
  const subnetAssociations = routeTables.flatMap(({ RouteTableId, Associations }) =>
    (Associations ?? []).flatMap(({ SubnetId }) => (SubnetId === undefined ? [] : [`${named(SubnetId)} -> ${named(RouteTableId)}`])),
  );
  const routes = routeTables.flatMap(({ RouteTableId, Routes }) =>
    (Routes ?? []).flatMap(({ DestinationCidrBlock, GatewayId, TransitGatewayId }) =>
      GatewayId === 'local' ? [] : [`${named(RouteTableId)}: ${DestinationCidrBlock ?? ''} -> ${named(TransitGatewayId)}`],
    ),
  );
  const associations: string[] = [];
  const propagations: string[] = [];
  const gatewayRoutes: string[] = [];
  for (const { TransitGatewayRouteTableId } of tables) {
    const table = named(TransitGatewayRouteTableId);
    const associated = await ec2.send(new GetTransitGatewayRouteTableAssociationsCommand({ TransitGatewayRouteTableId }));
    for (const { TransitGatewayAttachmentId } of associated.Associations ?? [])
      associations.push(`${named(TransitGatewayAttachmentId)} -> ${table}`);
    const propagated = await ec2.send(new GetTransitGatewayRouteTablePropagationsCommand({ TransitGatewayRouteTableId }));
    for (const { TransitGatewayAttachmentId } of propagated.TransitGatewayRouteTablePropagations ?? [])
      propagations.push(`${named(TransitGatewayAttachmentId)} -> ${table}`);
    const found = await ec2.send(
      new SearchTransitGatewayRoutesCommand({ TransitGatewayRouteTableId, Filters: [{ Name: 'type', Values: ['static'] }] }),
    );
    for (const { DestinationCidrBlock, State, TransitGatewayAttachments } of found.Routes ?? [])
      gatewayRoutes.push(
        `${table}: ${DestinationCidrBlock ?? ''} -> ${State === 'blackhole' ? 'blackhole' : named(TransitGatewayAttachments?.[0]?.TransitGatewayAttachmentId)}`,
      );
  }
  const all = { ...seen, attachmentLinks, subnetAssociations, routes, associations, propagations, gatewayRoutes };
  return Object.fromEntries(Object.entries(all).map(([kind, list]) => [kind, [...list].sort()])) as Record<keyof typeof all, string[]>;
}

/** What there is after everything was destroyed. */
export const nothing = {
  gateways: [],
  gatewayRouteTables: [],
  vpcs: [],
  subnets: [],
  attachments: [],
  routeTables: [],
  attachmentLinks: [],
  subnetAssociations: [],
  routes: [],
  associations: [],
  propagations: [],
  gatewayRoutes: [],
};
