import {
  paginateDescribeTransitGatewayRouteTables,
  paginateDescribeTransitGateways,
  paginateDescribeTransitGatewayVpcAttachments,
  paginateGetTransitGatewayRouteTableAssociations,
  paginateGetTransitGatewayRouteTablePropagations,
} from '@aws-sdk/client-ec2';
import type { EC2Client, TransitGateway, TransitGatewayRouteTable, TransitGatewayVpcAttachment } from '@aws-sdk/client-ec2';
import type { LiveObject } from '../../inventory/live-object.ts';
import { filter, inParts, pages } from '../ec2-queries.ts';
import { byTag, gatewayStaleness, idPattern, isIdLike, isTagged, shownOf, sorted, unlessGone, within } from './resource-type.ts';
import type { Ask, Listed, ResourceType } from './resource-type.ts';
import { tokens } from './tokens.ts';

/**
 * Of a gateway, its route tables, attachments and routes. What failed or was rejected is shown for about two hours, and can neither come to be nor be
 * deleted. What waits for another account (`pendingAcceptance`) is there for the one that asked, for as long as that takes; what is modified, or rolled
 * back after a modification that failed, goes back to `available`. A word that is not known here counts as there. Undefined for what is deleted.
 * https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html#vpc-attachment-lifecycle
 */
export function phaseOf(state: string | undefined): LiveObject['phase'] | undefined {
  switch (state) {
    case 'deleted':
    case 'disassociated':
    case 'disabled':
      return undefined;
    case 'deleting':
    case 'disassociating':
    case 'disabling':
    case 'failing':
    case 'rejecting':
      return 'going';
    case 'failed':
    case 'rejected':
      return 'over';
    case 'pending':
    case 'initiating':
    case 'initiatingRequest':
    case 'associating':
    case 'enabling':
      return 'coming';
    default:
      return 'there';
  }
}

const gatewayProperties = [
  { name: 'amazonSideAsn', tells: true },
  { name: 'description', tells: true },
  { name: 'autoAcceptSharedAttachments' },
  { name: 'defaultRouteTableAssociation' },
  { name: 'defaultRouteTablePropagation' },
  { name: 'dnsSupport' },
  { name: 'encryptionSupport' },
  { name: 'multicastSupport' },
  { name: 'securityGroupReferencingSupport' },
  { name: 'transitGatewayCidrBlocks', unordered: true },
  { name: 'vpnEcmpSupport' },
] as const;

const listedGateways: Listed<TransitGateway> = {
  how: 'listed',
  action: 'ec2:DescribeTransitGateways',
  filters: { id: 'transit-gateway-id', within: {} },
  list: (client, Filters) => pages(paginateDescribeTransitGateways({ client }, { Filters }), ({ TransitGateways }) => TransitGateways),
  idOf: ({ TransitGatewayId }) => TransitGatewayId,
  read: (raw) => {
    const encryption = raw.Options?.EncryptionSupport?.EncryptionState;
    return {
      id: raw.TransitGatewayId,
      phase: phaseOf(raw.State),
      properties: shownOf({ ...raw.Options, Description: raw.Description }, gatewayProperties, {
        // In the word of a program, which has no name for what is under way.
        encryptionSupport:
          encryption === undefined ? undefined : encryption === 'enabled' || encryption === 'enabling' ? 'enable' : 'disable',
        transitGatewayCidrBlocks: sorted(raw.Options?.TransitGatewayCidrBlocks),
      }),
      tags: raw.Tags,
      refersTo: [],
      madeBy: 'somebody',
    };
  },
};

export const gateway: ResourceType = {
  ...byTag,
  token: tokens.gateway,
  title: 'transit gateway',
  staleness: gatewayStaleness,
  taggedAs: 'transit-gateway',
  isId: isIdLike(idPattern('tgw')),
  properties: gatewayProperties,
  find: listedGateways,
  events: { create: ['CreateTransitGateway'], delete: ['DeleteTransitGateway'] },
};

const listedTables: Listed<TransitGatewayRouteTable> = {
  how: 'listed',
  action: 'ec2:DescribeTransitGatewayRouteTables',
  filters: { id: 'transit-gateway-route-table-id', within: { [tokens.gateway]: 'transit-gateway-id' } },
  list: (client, Filters) =>
    pages(paginateDescribeTransitGatewayRouteTables({ client }, { Filters }), ({ TransitGatewayRouteTables }) => TransitGatewayRouteTables),
  idOf: ({ TransitGatewayRouteTableId }) => TransitGatewayRouteTableId,
  read: (raw) => {
    const isDefault = raw.DefaultAssociationRouteTable === true || raw.DefaultPropagationRouteTable === true;
    return {
      id: raw.TransitGatewayRouteTableId,
      phase: phaseOf(raw.State),
      properties: { transitGatewayId: raw.TransitGatewayId },
      tags: raw.Tags,
      refersTo: [raw.TransitGatewayId],
      madeBy: isDefault && !isTagged(raw.Tags) ? 'aws' : 'somebody',
    };
  },
};

export const gatewayTable: ResourceType = {
  ...byTag,
  token: tokens.gatewayTable,
  title: 'gateway route table',
  staleness: gatewayStaleness,
  taggedAs: 'transit-gateway-route-table',
  isId: isIdLike(idPattern('tgw-rtb')),
  containersOf: within(tokens.gateway, 'transitGatewayId'),
  properties: [{ name: 'transitGatewayId', tells: true }],
  find: listedTables,
  awsMakes: 'default gateway route table',
  events: { create: ['CreateTransitGatewayRouteTable'], delete: ['DeleteTransitGatewayRouteTable'] },
};

/** Whether the attachment is in the default tables of its gateway: what AWS did of itself when it was made, unless it was told not to. */
interface InDefaultTables {
  readonly association: boolean;
  readonly propagation: boolean;
}

const attachmentProperties = [
  { name: 'vpcId', tells: true },
  { name: 'transitGatewayId', tells: true },
  { name: 'subnetIds', unordered: true, tells: true },
  { name: 'applianceModeSupport' },
  { name: 'dnsSupport' },
  { name: 'ipv6Support' },
  { name: 'securityGroupReferencingSupport' },
  { name: 'transitGatewayDefaultRouteTableAssociation' },
  { name: 'transitGatewayDefaultRouteTablePropagation' },
] as const;

const listedAttachments: Listed<TransitGatewayVpcAttachment, InDefaultTables> = {
  how: 'listed',
  action: 'ec2:DescribeTransitGatewayVpcAttachments',
  filters: {
    id: 'transit-gateway-attachment-id',
    within: { [tokens.vpc]: 'vpc-id', [tokens.gateway]: 'transit-gateway-id' },
  },
  list: (client, Filters) =>
    pages(
      paginateDescribeTransitGatewayVpcAttachments({ client }, { Filters }),
      ({ TransitGatewayVpcAttachments }) => TransitGatewayVpcAttachments,
    ),
  idOf: ({ TransitGatewayAttachmentId }) => TransitGatewayAttachmentId,
  async detailsOf(ask, all, seen) {
    const raws = all.filter(({ State }) => phaseOf(State) !== undefined);
    const gateways = await gatewaysOf(ask, raws, seen(tokens.gateway) as readonly TransitGateway[]);
    const members = await membersOfDefaultTables(ask, [...gateways.values()]);
    return new Map(
      all.flatMap((raw): [string, InDefaultTables][] => {
        const id = raw.TransitGatewayAttachmentId;
        if (id === undefined) return [];
        const owner = gateways.get(raw.TransitGatewayId ?? '');
        // As the provider has it: whether an attachment to somebody else's gateway is in a default table cannot be asked, and counts as so.
        if (owner && owner.OwnerId !== raw.VpcOwnerId) return [[id, { association: true, propagation: true }]];
        const isIn = (table: string | undefined): boolean => table !== undefined && (members.get(table)?.has(id) ?? false);
        const { AssociationDefaultRouteTableId: associated, PropagationDefaultRouteTableId: propagated } = owner?.Options ?? {};
        return [[id, { association: isIn(associated && `a ${associated}`), propagation: isIn(propagated && `p ${propagated}`) }]];
      }),
    );
  },
  read: (raw, inDefault) => ({
    id: raw.TransitGatewayAttachmentId,
    phase: phaseOf(raw.State),
    properties: shownOf({ ...raw, ...raw.Options }, attachmentProperties, {
      subnetIds: sorted(raw.SubnetIds),
      transitGatewayDefaultRouteTableAssociation: inDefault?.association,
      transitGatewayDefaultRouteTablePropagation: inDefault?.propagation,
    }),
    tags: raw.Tags,
    refersTo: [raw.VpcId, raw.TransitGatewayId, ...sorted(raw.SubnetIds)],
    madeBy: 'somebody',
  }),
};

/** The gateways of these attachments, those that were listed already without another call. */
async function gatewaysOf(
  ask: Ask,
  attachments: readonly TransitGatewayVpcAttachment[],
  listed: readonly TransitGateway[],
): Promise<ReadonlyMap<string, TransitGateway>> {
  const wanted = new Set(attachments.flatMap(({ TransitGatewayId }) => TransitGatewayId ?? []));
  const known = new Set(listed.map(({ TransitGatewayId }) => TransitGatewayId));
  const missing = [...wanted].filter((id) => !known.has(id));
  const described = await inParts(missing, (part) =>
    ask(listedGateways.action, (ec2) => listedGateways.list(ec2, [filter(listedGateways.filters.id, part)])),
  );
  return new Map(
    [...listed, ...described].flatMap((raw): [string, TransitGateway][] =>
      wanted.has(raw.TransitGatewayId ?? '') ? [[raw.TransitGatewayId ?? '', raw]] : [],
    ),
  );
}

/** A table that is deleted has no members. */
const noTable = /^InvalidRouteTableID\.NotFound$/;

/** Ids of attachments by default table, as `a tgw-rtb-…` for associated and `p tgw-rtb-…` for propagating. No call for a gateway without one. */
async function membersOfDefaultTables(ask: Ask, gateways: readonly TransitGateway[]): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const asked = gateways.flatMap(({ Options: options }) => [
    ...(options?.AssociationDefaultRouteTableId ? [{ how: 'a', table: options.AssociationDefaultRouteTableId } as const] : []),
    ...(options?.PropagationDefaultRouteTableId ? [{ how: 'p', table: options.PropagationDefaultRouteTableId } as const] : []),
  ]);
  const answers = await Promise.all(
    asked.map(async ({ how, table }): Promise<[string, ReadonlySet<string>]> => {
      const listed =
        how === 'a'
          ? await ask('ec2:GetTransitGatewayRouteTableAssociations', (ec2) => unlessGone(associationsOf(ec2, table), noTable))
          : await ask('ec2:GetTransitGatewayRouteTablePropagations', (ec2) => unlessGone(propagationsOf(ec2, table), noTable));
      const ids = (listed ?? []).filter(({ State }) => phaseOf(State) !== undefined).flatMap((one) => one.TransitGatewayAttachmentId ?? []);
      return [`${how} ${table}`, new Set(ids)];
    }),
  );
  return new Map(answers);
}

export const associationsOf = (client: EC2Client, TransitGatewayRouteTableId: string) =>
  pages(paginateGetTransitGatewayRouteTableAssociations({ client }, { TransitGatewayRouteTableId }), ({ Associations }) => Associations);

export const propagationsOf = (client: EC2Client, TransitGatewayRouteTableId: string) =>
  pages(
    paginateGetTransitGatewayRouteTablePropagations({ client }, { TransitGatewayRouteTableId }),
    ({ TransitGatewayRouteTablePropagations }) => TransitGatewayRouteTablePropagations,
  );

export const attachment: ResourceType = {
  ...byTag,
  token: tokens.attachment,
  title: 'gateway attachment',
  staleness: gatewayStaleness,
  taggedAs: 'transit-gateway-attachment',
  isId: isIdLike(idPattern('tgw-attach')),
  containersOf: (properties) => [...within(tokens.vpc, 'vpcId')(properties), ...within(tokens.gateway, 'transitGatewayId')(properties)],
  properties: attachmentProperties,
  find: listedAttachments,
  events: { create: ['CreateTransitGatewayVpcAttachment'], delete: ['DeleteTransitGatewayVpcAttachment'] },
};
