import {
  paginateDescribeInstances,
  paginateDescribeInternetGateways,
  paginateDescribeNatGateways,
  paginateDescribeNetworkInterfaces,
  paginateDescribeRouteTables,
  paginateDescribeSecurityGroups,
  paginateDescribeSubnets,
  paginateDescribeTransitGatewayAttachments,
  paginateDescribeTransitGatewayRouteTables,
  paginateDescribeVpcEndpoints,
} from '@aws-sdk/client-ec2';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { LiveObject } from '../inventory/live-object.ts';
import { filter, pages } from './ec2-queries.ts';
import { looked } from './looked.ts';
import { phaseOf } from './resource-types/gateways.ts';
import { tokens } from './resource-types/tokens.ts';

/** What keeps an object from being deleted, in EC2's own words for the kind. */
export interface Obstacle {
  readonly kind:
    | 'network-interface'
    | 'instance'
    | 'security-group'
    | 'internet-gateway'
    | 'nat-gateway'
    | 'vpc-endpoint'
    | 'transit-gateway-attachment'
    | 'transit-gateway-route-table'
    | 'subnet'
    | 'route-table';
  readonly id: string;
  /** An account, or the service that AWS names as the one that asked for it; undefined where EC2 says neither. */
  readonly owner: string | undefined;
  /** Text of others: its description or name; undefined where it has none. */
  readonly description: string | undefined;
}

export interface InTheWay {
  readonly obstacles: readonly Obstacle[];
  /** What could not be looked at: of that it is not known whether anything is in the way. */
  readonly unseen: readonly { readonly action: string; readonly code: string }[];
  /** Seconds for which the provider tries a delete that AWS refuses so. */
  readonly triedSeconds: number;
}

interface Question {
  readonly action: string;
  readonly ask: (ec2: EC2Client, id: string) => Promise<readonly Obstacle[]>;
}

const described = (
  kind: Obstacle['kind'],
  id: string | undefined,
  owner: string | undefined,
  description: string | undefined,
): readonly Obstacle[] => (id === undefined ? [] : [{ kind, id, owner, description: description === '' ? undefined : description }]);

const interfaces = (name: string): Question => ({
  action: 'ec2:DescribeNetworkInterfaces',
  ask: (client, id) =>
    pages(paginateDescribeNetworkInterfaces({ client }, { Filters: [filter(name, [id])] }), ({ NetworkInterfaces }) =>
      NetworkInterfaces?.flatMap((one) =>
        described('network-interface', one.NetworkInterfaceId, one.RequesterId ?? one.OwnerId, one.Description),
      ),
    ),
});

const instances = (name: string): Question => ({
  action: 'ec2:DescribeInstances',
  ask: (client, id) =>
    pages(
      paginateDescribeInstances(
        { client },
        { Filters: [filter(name, [id]), filter('instance-state-name', ['pending', 'running', 'shutting-down', 'stopping', 'stopped'])] },
      ),
      ({ Reservations }) =>
        Reservations?.flatMap(({ Instances, OwnerId }) =>
          (Instances ?? []).flatMap(({ InstanceId, Tags }) =>
            described('instance', InstanceId, OwnerId, Tags?.find(({ Key }) => Key === 'Name')?.Value),
          ),
        ),
    ),
});

const natGateways = (name: string): Question => ({
  action: 'ec2:DescribeNatGateways',
  ask: (client, id) =>
    pages(
      paginateDescribeNatGateways({ client }, { Filter: [filter(name, [id]), filter('state', ['pending', 'available', 'deleting'])] }),
      ({ NatGateways }) =>
        NatGateways?.flatMap(({ NatGatewayId, Tags }) =>
          described('nat-gateway', NatGatewayId, undefined, Tags?.find(({ Key }) => Key === 'Name')?.Value),
        ),
    ),
});

const attachments = (name: string): Question => ({
  action: 'ec2:DescribeTransitGatewayAttachments',
  ask: (client, id) =>
    pages(paginateDescribeTransitGatewayAttachments({ client }, { Filters: [filter(name, [id])] }), (page) =>
      page.TransitGatewayAttachments?.filter(({ State }) => ['there', 'coming'].includes(phaseOf(State) ?? '')).flatMap((one) =>
        described('transit-gateway-attachment', one.TransitGatewayAttachmentId, one.ResourceOwnerId, one.ResourceId),
      ),
    ),
});

const securityGroups: Question = {
  action: 'ec2:DescribeSecurityGroups',
  ask: (client, id) =>
    pages(paginateDescribeSecurityGroups({ client }, { Filters: [filter('vpc-id', [id])] }), ({ SecurityGroups }) =>
      SecurityGroups?.filter(({ GroupName }) => GroupName !== 'default').flatMap((one) =>
        described('security-group', one.GroupId, one.OwnerId, one.GroupName),
      ),
    ),
};

const internetGateways: Question = {
  action: 'ec2:DescribeInternetGateways',
  ask: (client, id) =>
    pages(paginateDescribeInternetGateways({ client }, { Filters: [filter('attachment.vpc-id', [id])] }), ({ InternetGateways }) =>
      InternetGateways?.flatMap(({ InternetGatewayId, OwnerId, Tags }) =>
        described('internet-gateway', InternetGatewayId, OwnerId, Tags?.find(({ Key }) => Key === 'Name')?.Value),
      ),
    ),
};

const endpoints: Question = {
  action: 'ec2:DescribeVpcEndpoints',
  ask: (client, id) =>
    pages(paginateDescribeVpcEndpoints({ client }, { Filters: [filter('vpc-id', [id])] }), ({ VpcEndpoints }) =>
      VpcEndpoints?.filter(({ State }) => State?.toLowerCase() !== 'deleted').flatMap((one) =>
        described('vpc-endpoint', one.VpcEndpointId, one.OwnerId, one.ServiceName),
      ),
    ),
};

const subnets: Question = {
  action: 'ec2:DescribeSubnets',
  ask: (client, id) =>
    pages(paginateDescribeSubnets({ client }, { Filters: [filter('vpc-id', [id])] }), ({ Subnets }) =>
      Subnets?.flatMap(({ SubnetId, OwnerId, CidrBlock }) => described('subnet', SubnetId, OwnerId, CidrBlock)),
    ),
};

const routeTables: Question = {
  action: 'ec2:DescribeRouteTables',
  ask: (client, id) =>
    pages(paginateDescribeRouteTables({ client }, { Filters: [filter('vpc-id', [id])] }), ({ RouteTables }) =>
      RouteTables?.filter(({ Associations }) => !Associations?.some(({ Main }) => Main === true)).flatMap(({ RouteTableId, OwnerId }) =>
        described('route-table', RouteTableId, OwnerId, undefined),
      ),
    ),
};

const gatewayTables: Question = {
  action: 'ec2:DescribeTransitGatewayRouteTables',
  ask: (client, id) =>
    pages(paginateDescribeTransitGatewayRouteTables({ client }, { Filters: [filter('transit-gateway-id', [id])] }), (page) =>
      page.TransitGatewayRouteTables?.filter(
        ({ State, DefaultAssociationRouteTable }) => phaseOf(State) === 'there' && DefaultAssociationRouteTable !== true,
      ).flatMap(({ TransitGatewayRouteTableId }) =>
        described('transit-gateway-route-table', TransitGatewayRouteTableId, undefined, undefined),
      ),
    ),
};

/** What keeps an object of a type from being deleted, and for how many seconds the provider tries: of types whose refused delete it tries again. */
const questionsOf: Readonly<Record<string, { readonly triedSeconds: number; readonly questions: readonly Question[] }>> = {
  [tokens.vpc]: {
    // The default of the provider's SDK: https://developer.hashicorp.com/terraform/plugin/sdkv2/resources/retries-and-customizable-timeouts
    triedSeconds: 1200,
    questions: [
      interfaces('vpc-id'),
      instances('vpc-id'),
      securityGroups,
      internetGateways,
      natGateways('vpc-id'),
      endpoints,
      attachments('resource-id'),
      subnets,
      routeTables,
    ],
  },
  [tokens.subnet]: { triedSeconds: 1200, questions: [interfaces('subnet-id'), instances('subnet-id'), natGateways('subnet-id')] },
  [tokens.gateway]: { triedSeconds: 300, questions: [attachments('transit-gateway-id'), gatewayTables] },
};

/**
 * What is in the way of a delete that AWS does not do. Read-only; each question by itself, so that one that is refused hides no other's answer.
 * @returns undefined for a type whose refused delete is not tried again
 */
export async function lookInTheWay(ec2: EC2Client, { type, id }: Pick<LiveObject, 'type' | 'id'>): Promise<InTheWay | undefined> {
  const asked = questionsOf[type];
  if (asked === undefined) return undefined;
  const answers = await Promise.all(asked.questions.map(({ action, ask }) => looked(() => ask(ec2, id), action)));
  return {
    obstacles: answers.flatMap((answer) => (answer.ok ? answer.value : [])),
    unseen: answers.flatMap((answer) => (answer.ok ? [] : [{ action: answer.action ?? '', code: answer.code }])),
    triedSeconds: asked.triedSeconds,
  };
}
