import { paginateSearchTransitGatewayRoutes } from '@aws-sdk/client-ec2';
import type { TransitGatewayRoute, TransitGatewayRouteTableAssociation, TransitGatewayRouteTablePropagation } from '@aws-sdk/client-ec2';
import type { LiveObject } from '../../inventory/live-object.ts';
import { filter } from '../ec2-queries.ts';
import { associationsOf, phaseOf, propagationsOf } from './gateways.ts';
import { gatewayStaleness, isIdLike, textOf, within } from './resource-type.ts';
import type { Container, OfEach, Properties, Reading, ResourceType } from './resource-type.ts';
import { tokens } from './tokens.ts';

/** Everything here is in a gateway route table, and its id begins with the table's: `tgw-rtb-…_…`. */
const inTable = {
  taggedAs: undefined,
  by: 'key',
  staleness: gatewayStaleness,
  containersOf: within(tokens.gatewayTable, 'transitGatewayRouteTableId'),
  containersOfId: (id: string): readonly Container[] => {
    const [, table] = /^(tgw-rtb-[0-9a-f]+)_/.exec(id) ?? [];
    return table === undefined ? [] : [{ type: tokens.gatewayTable, id: table }];
  },
} as const;

/** @param separator ` ` for a key, `_` for the id that the provider makes of it */
const tableAnd =
  (name: string, separator: ' ' | '_') =>
  (properties: Properties): string | undefined => {
    const [table, other] = [textOf(properties, 'transitGatewayRouteTableId'), textOf(properties, name)];
    return table === undefined || other === undefined ? undefined : `${table}${separator}${other}`;
  };

const routesOfTable: OfEach<TransitGatewayRoute> = {
  how: 'of-each',
  of: tokens.gatewayTable,
  action: 'ec2:SearchTransitGatewayRoutes',
  async list(client, TransitGatewayRouteTableId) {
    const items: TransitGatewayRoute[] = [];
    let whole = true;
    // Propagated routes are AWS's own, and there may be thousands. The search takes no call without a filter.
    const asked = paginateSearchTransitGatewayRoutes({ client }, { TransitGatewayRouteTableId, Filters: [filter('type', ['static'])] });
    for await (const { Routes, AdditionalRoutesAvailable } of asked) {
      items.push(...(Routes ?? []));
      // What the last page says: before it there are always more.
      whole = AdditionalRoutesAvailable !== true;
    }
    return { items, whole };
  },
  read(raw, table) {
    const attachments = raw.TransitGatewayAttachments ?? [];
    return {
      phase: phaseOf(raw.State),
      properties: {
        transitGatewayRouteTableId: table.id,
        destinationCidrBlock: raw.DestinationCidrBlock,
        transitGatewayAttachmentId: attachments[0]?.TransitGatewayAttachmentId,
        // As the provider has it: one that leads nowhere. A route to an attachment that is gone drops too, which its state says.
        blackhole: attachments.length === 0,
        prefixListId: raw.PrefixListId,
        state: raw.State,
      },
      refersTo: [table.id, ...attachments.map((one) => one.TransitGatewayAttachmentId)],
      madeBy: raw.Type === 'propagated' ? 'aws' : 'somebody',
    };
  },
};

export const gatewayRoute: ResourceType = {
  ...inTable,
  token: tokens.gatewayRoute,
  title: 'gateway route',
  keyOf: tableAnd('destinationCidrBlock', ' '),
  idOf: tableAnd('destinationCidrBlock', '_'),
  isId: isIdLike(/^tgw-rtb-[0-9a-f]{8,17}_[0-9a-f.:]+\/\d{1,3}$/),
  properties: [
    // The rest is in its id.
    { name: 'destinationCidrBlock' },
    { name: 'transitGatewayAttachmentId', tells: true },
    { name: 'blackhole' },
    { name: 'transitGatewayRouteTableId' },
    { name: 'prefixListId', tells: true, notInState: true },
    { name: 'state', tells: true, notInState: true },
  ],
  find: routesOfTable,
  awsMakes: 'propagated gateway route',
  events: { create: ['CreateTransitGatewayRoute'], delete: ['DeleteTransitGatewayRoute'] },
};

const associationsOfTable: OfEach<TransitGatewayRouteTableAssociation> = {
  how: 'of-each',
  of: tokens.gatewayTable,
  action: 'ec2:GetTransitGatewayRouteTableAssociations',
  list: async (client, table) => ({ items: await associationsOf(client, table), whole: true }),
  read: readMember,
};

const propagationsOfTable: OfEach<TransitGatewayRouteTablePropagation> = {
  how: 'of-each',
  of: tokens.gatewayTable,
  action: 'ec2:GetTransitGatewayRouteTablePropagations',
  list: async (client, table) => ({ items: await propagationsOf(client, table), whole: true }),
  read: readMember,
};

function readMember(
  { State, TransitGatewayAttachmentId }: TransitGatewayRouteTableAssociation | TransitGatewayRouteTablePropagation,
  table: Pick<LiveObject, 'id' | 'madeBy'>,
): Reading {
  return {
    phase: phaseOf(State),
    // What a peer announces has no attachment of ours: then there is no key, and it is not listed.
    properties: { transitGatewayRouteTableId: table.id, transitGatewayAttachmentId: TransitGatewayAttachmentId },
    refersTo: [table.id, TransitGatewayAttachmentId],
    // AWS fills its default table by itself.
    madeBy: table.madeBy,
  };
}

const member = {
  ...inTable,
  keyOf: tableAnd('transitGatewayAttachmentId', ' '),
  idOf: tableAnd('transitGatewayAttachmentId', '_'),
  isId: isIdLike(/^tgw-rtb-[0-9a-f]{8,17}_tgw-attach-[0-9a-f]{8,17}$/),
  // Both are in its id.
  properties: [{ name: 'transitGatewayAttachmentId' }, { name: 'transitGatewayRouteTableId' }],
} as const;

export const association: ResourceType = {
  ...member,
  token: tokens.association,
  title: 'gateway association',
  find: associationsOfTable,
  awsMakes: 'default association',
  events: { create: ['AssociateTransitGatewayRouteTable'], delete: ['DisassociateTransitGatewayRouteTable'] },
};

export const propagation: ResourceType = {
  ...member,
  token: tokens.propagation,
  title: 'gateway propagation',
  find: propagationsOfTable,
  awsMakes: 'default propagation',
  events: { create: ['EnableTransitGatewayRouteTablePropagation'], delete: ['DisableTransitGatewayRouteTablePropagation'] },
};
