import type { Call } from './calls.ts';
import type { Reply, Refusal } from './error-replies.ts';
import type { Recognised } from './recognise.ts';

/** The kinds of EC2 object that a stale describe can hide: how they are made, listed, told apart, and said not to exist. */
const kinds = [
  { prefix: 'vpc', create: 'CreateVpc', describes: ['DescribeVpcs'], element: 'vpcId', notFound: 'InvalidVpcID.NotFound' },
  { prefix: 'subnet', create: 'CreateSubnet', describes: ['DescribeSubnets'], element: 'subnetId', notFound: 'InvalidSubnetID.NotFound' },
  {
    prefix: 'rtb',
    create: 'CreateRouteTable',
    describes: ['DescribeRouteTables'],
    element: 'routeTableId',
    notFound: 'InvalidRouteTableID.NotFound',
  },
  {
    prefix: 'tgw',
    create: 'CreateTransitGateway',
    describes: ['DescribeTransitGateways'],
    element: 'transitGatewayId',
    notFound: 'InvalidTransitGatewayID.NotFound',
  },
  {
    prefix: 'tgw-attach',
    create: 'CreateTransitGatewayVpcAttachment',
    describes: ['DescribeTransitGatewayVpcAttachments', 'DescribeTransitGatewayAttachments'],
    element: 'transitGatewayAttachmentId',
    notFound: 'InvalidTransitGatewayAttachmentID.NotFound',
  },
  {
    prefix: 'tgw-rtb',
    create: 'CreateTransitGatewayRouteTable',
    describes: ['DescribeTransitGatewayRouteTables'],
    element: 'transitGatewayRouteTableId',
    notFound: 'InvalidRouteTableID.NotFound',
  },
];

/** The describes that can be stale; any other call is answered as it is. */
export const canBeStale = (call: Recognised): boolean =>
  call.service === 'ec2' && (call.action === 'DescribeTags' || kinds.some(({ describes }) => describes.includes(call.action)));

/** When the objects of the lab were made, by their ids. */
export class Births {
  readonly #madeAtMs = new Map<string, number>();

  learn(call: Call): void {
    const kind = kinds.find(({ create }) => call.service === 'ec2' && create === call.action);
    if (kind === undefined) return;
    const id = call.resourceIds.find((resourceId) => resourceId.slice(0, resourceId.lastIndexOf('-')) === kind.prefix);
    if (id !== undefined) this.#madeAtMs.set(id, Date.parse(call.time));
  }

  isYoungerThan(id: string, bornAfterMs: number): boolean {
    return (this.#madeAtMs.get(id) ?? Number.NEGATIVE_INFINITY) > bornAfterMs;
  }
}

/** Cuts out of `<…Response><…Set><item>…` the items of which a direct child of that name has such a text. */
const withoutItems = (document: string, element: string, isHidden: (text: string) => boolean): string => {
  let kept = '';
  let keptUntil = 0;
  let depth = 0;
  let itemStart = 0;
  let hide = false;
  for (const token of document.matchAll(/<(\/?)([A-Za-z]\w*)[^>]*?(\/?)>/g)) {
    const [tag, closing, name, empty] = token;
    const end = token.index + tag.length;
    if (closing === '/') {
      depth -= 1;
      if (depth === 2 && hide) {
        kept += document.slice(keptUntil, itemStart);
        keptUntil = end;
      }
      continue;
    }
    if (depth === 2 && name === 'item') {
      itemStart = token.index;
      hide = false;
    }
    if (depth === 3 && name === element && isHidden(document.slice(end, document.indexOf('<', end)))) hide = true;
    if (empty !== '/') depth += 1;
  }
  return kept + document.slice(keptUntil);
};

/**
 * What a describe would have answered before the youngest objects were made: they are missing from lists, and not found when asked
 * for by id. This is the direction of staleness that makes doubles. Deletes and changes are shown at once, and so are routes,
 * associations and propagations, which have no ids of their own.
 */
export const staleReply = (call: Recognised, reply: Reply, isYoung: (id: string) => boolean): Reply | Refusal => {
  if (reply.status !== 200) return reply;
  const kind = kinds.find(({ describes }) => describes.includes(call.action));
  const asked = Object.entries(call.params).find(([name, value]) => /Ids?\.\d+$/.test(name) && isYoung(value))?.[1];
  if (kind !== undefined && asked !== undefined) {
    return { status: 400, code: kind.notFound, message: `The ID '${asked}' does not exist` };
  }
  const document = Buffer.concat(reply.body).toString('utf8');
  const body = Buffer.from(withoutItems(document, kind?.element ?? 'resourceId', isYoung));
  const headers = reply.headers.map((value, index) => (reply.headers[index - 1] === 'Content-Length' ? `${body.length}` : value));
  return { status: reply.status, headers, body: [body] };
};
