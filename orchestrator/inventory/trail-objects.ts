import { crc32 } from 'node:zlib';
import { tokens } from '../aws/resource-types/tokens.ts';
import type { TrailEvent } from '../aws/trail.ts';

/** What one event says of one object. */
export interface TrailObject {
  /** Pulumi's type token, as in `aws:ec2/vpc:Vpc`. */
  readonly type: string;
  /** As the state has it: AWS's own, or the one that the provider makes of a key (`tgw-rtb-0a_10.0.0.0/8`). */
  readonly id: string;
  /** `deleted` is an accepted delete: AWS may be at it for a while. `changed` says that it was there. */
  readonly act: 'made' | 'changed' | 'deleted';
  /** In whole seconds. */
  readonly at: Date;
  readonly eventId: string;
  /** Of the call, as in `CreateVpc`. */
  readonly name: string;
  /** Those of Holdfast's that the request sets; undefined where it sets none. */
  readonly tags: Readonly<Record<string, string>> | undefined;
  /** The properties that tell it from others of its type, in the state's names; undefined for a type that is told by tags, or where the call does not say. */
  readonly key: Readonly<Record<string, string>> | undefined;
}

type Act = TrailObject['act'];
type Key = Readonly<Record<string, string>>;

/** A call as an event has it, out of its wrapping. */
interface Call {
  readonly request: unknown;
  readonly response: unknown;
}

/** What a call of this name does to an object of the type. A call that ends one object and makes another stands twice. */
interface TypeCall {
  readonly name: string;
  readonly act: Act;
  /** Undefined where the event does not say; several where the call names several. */
  readonly id: (call: Call) => string | readonly string[] | undefined;
  readonly key?: (call: Call) => Key | undefined;
}

interface TypeRow {
  readonly type: string;
  /** The service whose calls these are, as CloudTrail has it. */
  readonly source: string;
  /** AWS's own ids, where it is they that the state has: no two objects ever have the same. */
  readonly ownId: RegExp | undefined;
  readonly calls: readonly TypeCall[];
}

/** The id is in the request. */
const asked = (name: string) => (call: Call) => text(call.request, name);

/** The id is in the answer, where AWS has just made it up, or where the request names only a part of the object. */
const answered =
  (...path: readonly string[]) =>
  (call: Call) =>
    text(call.response, ...path);

/** Properties of a key that the request has to name. */
const named =
  (...names: readonly string[]) =>
  ({ request }: Call): Key | undefined => {
    const pairs = names.map((name): [string, string | undefined] => [name, text(request, name)]);
    const known = pairs.filter((pair): pair is [string, string] => pair[1] !== undefined);
    return known.length === names.length ? Object.fromEntries(known) : undefined;
  };

/** The first of the properties that the request names. */
const namedOne =
  (...names: readonly string[]) =>
  (call: Call): Key | undefined =>
    names.map((name) => named(name)(call)).find((key) => key !== undefined);

const ec2 = 'ec2.amazonaws.com';
const sns = 'sns.amazonaws.com';
const cloudwatch = 'monitoring.amazonaws.com';

/** A type whose ids are AWS's own. */
const withOwnIds = (
  type: string,
  ownId: RegExp,
  calls: Readonly<Record<Act, Readonly<Record<string, (call: Call) => string | undefined>>>>,
): TypeRow => ({
  type,
  source: ec2,
  ownId,
  calls: (['made', 'changed', 'deleted'] as const).flatMap((act) => Object.entries(calls[act]).map(([name, id]) => ({ name, act, id }))),
});

/** A type whose ids the provider makes of the key, which every call names. */
const withMadeIds = (
  type: string,
  calls: Readonly<Record<Act, readonly string[]>>,
  key: (call: Call) => Key | undefined,
  idOf: (key: Key) => string,
): TypeRow => ({
  type,
  source: ec2,
  ownId: undefined,
  calls: (['made', 'changed', 'deleted'] as const).flatMap((act) =>
    calls[act].map((name) => ({
      name,
      act,
      key,
      id: (call: Call) => {
        const known = key(call);
        return known && idOf(known);
      },
    })),
  ),
});

const inGatewayTable = 'transitGatewayRouteTableId';
const ofAttachment = 'transitGatewayAttachmentId';

/** `<table>_<the other part of the key>` */
const joined =
  (other: string) =>
  (key: Key): string =>
    `${key[inGatewayTable] ?? ''}_${key[other] ?? ''}`;

/** A route is told by its table and its destination, which has three forms. */
const routeKey = (call: Call): Key | undefined => {
  const table = named('routeTableId')(call);
  const destination = namedOne('destinationCidrBlock', 'destinationIpv6CidrBlock', 'destinationPrefixListId')(call);
  return table && destination && { ...table, ...destination };
};

/** As the provider makes it: hashicorp/terraform-provider-aws internal/service/ec2, `routeCreateID`. */
const routeId = ({ routeTableId = '', ...destination }: Key): string => `r-${routeTableId}${crc32(Object.values(destination)[0] ?? '')}`;

/** Either end of an association of a route table: a subnet, or a gateway. */
const associationKey = (call: Call): Key | undefined => {
  const table = named('routeTableId')(call);
  const end = namedOne('subnetId', 'gatewayId')(call);
  return table && end && { ...table, ...end };
};

/** What CloudTrail writes in the place of a reader's address. */
const hidden = 'HIDDEN_DUE_TO_SECURITY_REASONS';

const subscriptionKey = (call: Call): Key | undefined => {
  const topic = asked('topicArn')(call);
  const rest = named('protocol', 'endpoint')(call);
  return topic === undefined || rest === undefined || rest['endpoint'] === hidden ? undefined : { topic, ...rest };
};

/** The name of an alarm at the end of its ARN. */
const alarmOfArn = (call: Call): string | undefined => asked('resourceARN')(call)?.split(':alarm:')[1];

const alarmNames = ({ request }: Call): readonly string[] => listIn(request, 'alarmNames').flatMap((name) => scalar(name) ?? []);

/**
 * One row for each type that the stacks use: the calls that make, change and end one, those of the provider and those that do the same by another
 * name. What changes tags is in none of them: `CreateTags` is of every type.
 */
const rows: readonly TypeRow[] = [
  withOwnIds(tokens.gateway, /^tgw-[0-9a-f]+$/, {
    made: { CreateTransitGateway: answered('transitGateway', 'transitGatewayId') },
    changed: { ModifyTransitGateway: asked('transitGatewayId') },
    deleted: { DeleteTransitGateway: asked('transitGatewayId') },
  }),
  withOwnIds(tokens.gatewayTable, /^tgw-rtb-[0-9a-f]+$/, {
    made: { CreateTransitGatewayRouteTable: answered('transitGatewayRouteTable', inGatewayTable) },
    changed: {},
    deleted: { DeleteTransitGatewayRouteTable: asked(inGatewayTable) },
  }),
  withMadeIds(
    tokens.gatewayRoute,
    { made: ['CreateTransitGatewayRoute'], changed: ['ReplaceTransitGatewayRoute'], deleted: ['DeleteTransitGatewayRoute'] },
    named(inGatewayTable, 'destinationCidrBlock'),
    joined('destinationCidrBlock'),
  ),
  withOwnIds(tokens.vpc, /^vpc-[0-9a-f]+$/, {
    made: { CreateVpc: answered('vpc', 'vpcId') },
    changed: {
      ModifyVpcAttribute: asked('vpcId'),
      ModifyVpcTenancy: asked('vpcId'),
      AssociateVpcCidrBlock: asked('vpcId'),
      DisassociateVpcCidrBlock: answered('vpcId'),
    },
    deleted: { DeleteVpc: asked('vpcId') },
  }),
  withOwnIds(tokens.subnet, /^subnet-[0-9a-f]+$/, {
    made: { CreateSubnet: answered('subnet', 'subnetId') },
    changed: {
      ModifySubnetAttribute: asked('subnetId'),
      AssociateSubnetCidrBlock: asked('subnetId'),
      DisassociateSubnetCidrBlock: answered('subnetId'),
    },
    deleted: { DeleteSubnet: asked('subnetId') },
  }),
  withOwnIds(tokens.attachment, /^tgw-attach-[0-9a-f]+$/, {
    made: { CreateTransitGatewayVpcAttachment: answered('transitGatewayVpcAttachment', ofAttachment) },
    changed: { ModifyTransitGatewayVpcAttachment: asked(ofAttachment) },
    deleted: { DeleteTransitGatewayVpcAttachment: asked(ofAttachment) },
  }),
  withOwnIds(tokens.routeTable, /^rtb-[0-9a-f]+$/, {
    made: { CreateRouteTable: answered('routeTable', 'routeTableId') },
    changed: { EnableVgwRoutePropagation: asked('routeTableId'), DisableVgwRoutePropagation: asked('routeTableId') },
    deleted: { DeleteRouteTable: asked('routeTableId') },
  }),
  withMadeIds(tokens.route, { made: ['CreateRoute'], changed: ['ReplaceRoute'], deleted: ['DeleteRoute'] }, routeKey, routeId),
  {
    type: tokens.subnetAssociation,
    source: ec2,
    ownId: /^rtbassoc-[0-9a-f]+$/,
    calls: [
      { name: 'AssociateRouteTable', act: 'made', id: answered('associationId'), key: associationKey },
      // Moves a subnet to another table: the association gets a new id. Which subnet it is, the event does not say.
      { name: 'ReplaceRouteTableAssociation', act: 'deleted', id: asked('associationId') },
      { name: 'ReplaceRouteTableAssociation', act: 'made', id: answered('newAssociationId'), key: named('routeTableId') },
      { name: 'DisassociateRouteTable', act: 'deleted', id: asked('associationId') },
    ],
  },
  withMadeIds(
    tokens.association,
    { made: ['AssociateTransitGatewayRouteTable'], changed: [], deleted: ['DisassociateTransitGatewayRouteTable'] },
    named(inGatewayTable, ofAttachment),
    joined(ofAttachment),
  ),
  withMadeIds(
    tokens.propagation,
    { made: ['EnableTransitGatewayRouteTablePropagation'], changed: [], deleted: ['DisableTransitGatewayRouteTablePropagation'] },
    named(inGatewayTable, ofAttachment),
    joined(ofAttachment),
  ),
  {
    type: tokens.topic,
    source: sns,
    // Made of the name: one that is deleted may be made again under the same.
    ownId: undefined,
    calls: [
      { name: 'CreateTopic', act: 'made', id: answered('topicArn') },
      ...['SetTopicAttributes', 'AddPermission', 'RemovePermission'].map(
        (name) => ({ name, act: 'changed', id: asked('topicArn') }) as const,
      ),
      ...['TagResource', 'UntagResource'].map((name) => ({ name, act: 'changed', id: asked('resourceArn') }) as const),
      { name: 'DeleteTopic', act: 'deleted', id: asked('topicArn') },
    ],
  },
  {
    type: tokens.subscription,
    source: sns,
    ownId: /^arn:aws[a-z-]*:sns:[^:]+:[^:]+:[^:]+:[0-9a-f-]{36}$/,
    calls: [
      { name: 'Subscribe', act: 'made', id: answered('subscriptionArn'), key: subscriptionKey },
      { name: 'ConfirmSubscription', act: 'changed', id: answered('subscriptionArn') },
      { name: 'SetSubscriptionAttributes', act: 'changed', id: asked('subscriptionArn') },
      { name: 'Unsubscribe', act: 'deleted', id: asked('subscriptionArn') },
    ],
  },
  {
    type: tokens.alarm,
    source: cloudwatch,
    ownId: undefined,
    calls: [
      // Makes one, or changes the one of the name: which of them, the event does not say.
      { name: 'PutMetricAlarm', act: 'made', id: asked('alarmName') },
      ...['EnableAlarmActions', 'DisableAlarmActions'].map((name) => ({ name, act: 'changed', id: alarmNames }) as const),
      ...['TagResource', 'UntagResource'].map((name) => ({ name, act: 'changed', id: alarmOfArn }) as const),
      { name: 'DeleteAlarms', act: 'deleted', id: alarmNames },
    ],
  },
];

const sources = new Set(rows.map(({ source }) => source));

interface Said {
  readonly row: TypeRow;
  readonly act: Act;
  readonly id: string | undefined;
  readonly key?: Key | undefined;
}

/**
 * What happened to which objects, in the order of time. Failed calls say nothing, nor do calls of other types, or an event that lacks an id.
 *
 * CloudTrail keeps whole seconds, so that what comes first within one is not known. An id of AWS's own is made before it is deleted. A key may be
 * deleted and made again, which then comes last: it is looked up once more, where a delete would have been believed.
 */
export function trailObjects(events: readonly TrailEvent[]): readonly TrailObject[] {
  return events
    .filter(({ errorCode, source }) => errorCode === undefined && sources.has(source))
    .flatMap((event) => {
      const call = {
        request: unwrapped(event.request, `${event.name}Request`),
        response: unwrapped(event.response, `${event.name}Response`),
      };
      const tags = event.name === 'DeleteTags' ? undefined : tagsOf(call.request);
      return saidOf(event, call).flatMap(({ row, act, id, key }) => {
        if (id === undefined) return [];
        const { at, eventId, name } = event;
        const object: TrailObject = { type: row.type, id, act, at, eventId, name, tags, key };
        return [{ object, rank: ranks[row.ownId ? 'own' : 'made'][act] }];
      });
    })
    .sort((one, other) => one.object.at.getTime() - other.object.at.getTime() || one.rank - other.rank)
    .map(({ object }) => object);
}

/** The order within a second, by whose the ids are. */
const ranks: Readonly<Record<'own' | 'made', Readonly<Record<Act, number>>>> = {
  own: { made: 1, changed: 2, deleted: 3 },
  made: { deleted: 0, made: 1, changed: 2 },
};

function saidOf({ name, source }: TrailEvent, call: Call): readonly Said[] {
  if (source === ec2 && (name === 'CreateTags' || name === 'DeleteTags'))
    return listIn(call.request, 'resourcesSet', 'resourceId').flatMap((resource): Said[] => {
      const id = scalar(resource) ?? text(resource, 'resourceId') ?? text(resource, 'content');
      const row = rows.find((one) => one.source === source && id !== undefined && one.ownId?.test(id) === true);
      return row ? [{ row, act: 'changed', id }] : [];
    });
  return rows
    .filter((row) => row.source === source)
    .flatMap((row) =>
      row.calls
        .filter((known) => known.name === name)
        .flatMap(({ act, id, key }) => [id(call)].flat().map((one): Said => ({ row, act, id: one, key: key?.(call) }))),
    );
}

function tagsOf(request: unknown): Readonly<Record<string, string>> | undefined {
  const specifications = listIn(request, 'tagSpecificationSet', 'tagSpecification', 'tagSpecifications');
  const tags = [request, ...specifications].flatMap((holder) => listIn(holder, 'tagSet', 'tags', 'tag'));
  const ours = tags.flatMap((tag): [string, string][] => {
    const key = text(tag, 'key');
    return key?.startsWith('holdfast:') ? [[key, text(tag, 'value') ?? '']] : [];
  });
  return ours.length > 0 ? Object.fromEntries(ours) : undefined;
}

/*
 * CloudTrail writes EC2's calls in two ways, and neither has a schema:
 *
 *   classic  cidrBlock, tagSpecificationSet.items[].tags[].key; vpc.vpcId
 *   wrapped  CreateTransitGatewayRequest.TagSpecification.Tag.Key; CreateTransitGatewayResponse.transitGateway.transitGatewayId
 *            A list of one is that one, the items of a list have their number as `tag`, and a text may come as a number.
 *
 * Which calls are written how has changed before. So names are read in either casing, lists in either form, and wrapped or not.
 * https://docs.aws.amazon.com/vpc/latest/tgw/transit-gateway-cloudtrail-logs.html
 */

const isNode = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Of the names that differ only in their casing there may be two: an item's number is `tag`, its tags are `Tag`. */
function partsOf(node: unknown, name: string): readonly unknown[] {
  if (!isNode(node)) return [];
  const wanted = name.toLowerCase();
  return Object.entries(node)
    .filter(([key]) => key.toLowerCase() === wanted)
    .map(([, value]) => value);
}

function unwrapped(node: unknown, wrapper: string): unknown {
  return partsOf(node, wrapper).find(isNode) ?? node;
}

/** Text or number at the path; undefined for what is absent or empty. */
function text(node: unknown, ...path: readonly string[]): string | undefined {
  const [name, ...rest] = path;
  if (name === undefined) return scalar(node);
  return partsOf(node, name)
    .map((part) => text(part, ...rest))
    .find((found) => found !== undefined);
}

function scalar(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The items of every list that the node has by one of the names. */
function listIn(node: unknown, ...names: readonly string[]): readonly unknown[] {
  return names.flatMap((name) => partsOf(node, name)).flatMap(itemsOf);
}

function itemsOf(list: unknown): readonly unknown[] {
  if (Array.isArray(list)) return list as readonly unknown[];
  const inner = partsOf(list, 'items');
  return inner.length > 0 ? inner.flatMap(itemsOf) : [list];
}
