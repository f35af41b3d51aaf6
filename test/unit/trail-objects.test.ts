import { describe, expect, it } from 'vitest';
import { requestParameters } from '../../lab/proxy/cloudtrail-shapes.ts';
import { resourceTypeOf, resourceTypes } from '../../orchestrator/aws/resource-types/index.ts';
import { tokens } from '../../orchestrator/aws/resource-types/tokens.ts';
import type { TrailEvent } from '../../orchestrator/aws/trail.ts';
import { trailObjects } from '../../orchestrator/inventory/trail-objects.ts';
import { isRead, readRecordings } from '../contract/recordings.ts';

/** What CloudTrail's events say of objects. The forms of events are those of AWS's own documentation and of records that people have published. */

const noon = Date.parse('2030-05-01T12:00:00Z');

let events = 0;

function event(name: string, request: unknown, response: unknown = null, more: Partial<TrailEvent> = {}): TrailEvent {
  events += 1;
  const who = { accessKeyId: 'ASIARUN', sessionName: 'holdfast-run' };
  return { eventId: `event-${events}`, name, source: 'ec2.amazonaws.com', at: new Date(noon), ...who, request, response, ...more };
}

/** A call in no shape yet: parameters and answer by their names in the state. */
interface Plain {
  readonly name: string;
  readonly request: Readonly<Record<string, string | readonly string[]>>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly response?: Readonly<Record<string, unknown>>;
}

const pairsOf = (tags: Plain['tags']) => Object.entries(tags ?? {});

/** `cidrBlock`, `tagSpecificationSet.items[].tags[]` */
const classic = ({ name, request, tags, response = { requestId: 'r', _return: true } }: Plain): TrailEvent => {
  const set = { items: [{ resourceType: 'any', tags: pairsOf(tags).map(([key, value]) => ({ key, value })) }] };
  return event(name, { ...request, ...(tags ? { tagSpecificationSet: set } : {}) }, response);
};

const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `CreateTransitGatewayRequest.TagSpecification.Tag`: one of a list is that one, and items have numbers. */
const wrapped = ({ name, request, tags, response = { requestId: 'r' } }: Plain): TrailEvent => {
  const items = pairsOf(tags).map(([Key, Value], index) => ({ Value, tag: index + 1, Key }));
  const specification = { ResourceType: 'any', tag: 1, Tag: items.length === 1 ? items[0] : items };
  const parameters = Object.entries(request).map(([key, value]) => [upperFirst(key), value] as const);
  return event(
    name,
    { [`${name}Request`]: { ...Object.fromEntries(parameters), ...(tags ? { TagSpecification: specification } : {}) } },
    { [`${name}Response`]: { xmlns: 'http://ec2.amazonaws.com/doc/2016-11-15/', ...response } },
  );
};

/** `tags[].key`, as services that are not EC2 have it. */
const plain =
  (source: string) =>
  ({ name, request, tags, response = {} }: Plain): TrailEvent => {
    const list = pairsOf(tags).map(([key, value]) => ({ key, value }));
    return event(name, { ...request, ...(tags ? { tags: list } : {}) }, response, { source });
  };

const ours = { 'holdfast:installation': '0123456789abcdef', 'holdfast:stack': 'n.vpc.a', 'holdfast:resource': 'the one' };
const gatewayTable = 'tgw-rtb-0aaaaaaaaaaaaaaaa';
const attachment = 'tgw-attach-0aaaaaaaaaaaaaaaa';
const member = { transitGatewayRouteTableId: gatewayTable, transitGatewayAttachmentId: attachment };

const topic = 'arn:aws:sns:eu-west-1:111122223333:holdfast-n';
const subscription = `${topic}:42235672-4441-44be-85de-8c25e7269fae`;
const alarm = 'holdfast-n-lock-age-h123456789abcdef';
const alarmArn = `arn:aws:cloudwatch:eu-west-1:111122223333:alarm:${alarm}`;

interface Example {
  /** Where it is not EC2. */
  readonly source?: string;
  readonly made: Plain;
  readonly changed: readonly Plain[];
  readonly deleted: Plain;
  readonly id: string;
  readonly key?: Readonly<Record<string, string>>;
}

/** One of each type that the stacks use. */
const examples: Readonly<Record<keyof typeof tokens, Example>> = {
  gateway: {
    id: 'tgw-0aaaaaaaaaaaaaaaa',
    made: {
      name: 'CreateTransitGateway',
      request: { description: 'd' },
      tags: ours,
      response: { transitGateway: { transitGatewayId: 'tgw-0aaaaaaaaaaaaaaaa', state: 'pending' } },
    },
    changed: [{ name: 'ModifyTransitGateway', request: { transitGatewayId: 'tgw-0aaaaaaaaaaaaaaaa', description: 'e' } }],
    deleted: { name: 'DeleteTransitGateway', request: { transitGatewayId: 'tgw-0aaaaaaaaaaaaaaaa' } },
  },
  gatewayTable: {
    id: gatewayTable,
    made: {
      name: 'CreateTransitGatewayRouteTable',
      request: { transitGatewayId: 'tgw-0aaaaaaaaaaaaaaaa' },
      tags: ours,
      response: { transitGatewayRouteTable: { transitGatewayRouteTableId: gatewayTable, transitGatewayId: 'tgw-0aaaaaaaaaaaaaaaa' } },
    },
    changed: [],
    deleted: { name: 'DeleteTransitGatewayRouteTable', request: { transitGatewayRouteTableId: gatewayTable } },
  },
  gatewayRoute: {
    id: `${gatewayTable}_10.0.0.0/8`,
    key: { transitGatewayRouteTableId: gatewayTable, destinationCidrBlock: '10.0.0.0/8' },
    made: {
      name: 'CreateTransitGatewayRoute',
      request: { ...member, destinationCidrBlock: '10.0.0.0/8' },
      response: { route: { destinationCidrBlock: '10.0.0.0/8', state: 'active' } },
    },
    changed: [{ name: 'ReplaceTransitGatewayRoute', request: { ...member, destinationCidrBlock: '10.0.0.0/8' } }],
    deleted: {
      name: 'DeleteTransitGatewayRoute',
      request: { transitGatewayRouteTableId: gatewayTable, destinationCidrBlock: '10.0.0.0/8' },
    },
  },
  vpc: {
    id: 'vpc-0aaaaaaaaaaaaaaaa',
    made: {
      name: 'CreateVpc',
      request: { cidrBlock: '10.0.0.0/16', instanceTenancy: 'default' },
      tags: ours,
      response: { requestId: 'r', vpc: { vpcId: 'vpc-0aaaaaaaaaaaaaaaa', state: 'pending', tagSet: {}, isDefault: false } },
    },
    changed: [
      { name: 'ModifyVpcAttribute', request: { vpcId: 'vpc-0aaaaaaaaaaaaaaaa' } },
      { name: 'ModifyVpcTenancy', request: { vpcId: 'vpc-0aaaaaaaaaaaaaaaa' } },
      { name: 'AssociateVpcCidrBlock', request: { vpcId: 'vpc-0aaaaaaaaaaaaaaaa' } },
      {
        name: 'DisassociateVpcCidrBlock',
        request: { associationId: 'vpc-cidr-assoc-0a' },
        response: { vpcId: 'vpc-0aaaaaaaaaaaaaaaa', cidrBlockAssociation: {} },
      },
    ],
    deleted: { name: 'DeleteVpc', request: { vpcId: 'vpc-0aaaaaaaaaaaaaaaa' } },
  },
  subnet: {
    id: 'subnet-0aaaaaaaaaaaaaaaa',
    made: {
      name: 'CreateSubnet',
      request: { vpcId: 'vpc-0aaaaaaaaaaaaaaaa', cidrBlock: '10.0.0.0/24' },
      tags: ours,
      response: { subnet: { subnetId: 'subnet-0aaaaaaaaaaaaaaaa', vpcId: 'vpc-0aaaaaaaaaaaaaaaa' } },
    },
    changed: [
      { name: 'ModifySubnetAttribute', request: { subnetId: 'subnet-0aaaaaaaaaaaaaaaa' } },
      { name: 'AssociateSubnetCidrBlock', request: { subnetId: 'subnet-0aaaaaaaaaaaaaaaa' } },
      {
        name: 'DisassociateSubnetCidrBlock',
        request: { associationId: 'subnet-cidr-assoc-0a' },
        response: { subnetId: 'subnet-0aaaaaaaaaaaaaaaa' },
      },
    ],
    deleted: { name: 'DeleteSubnet', request: { subnetId: 'subnet-0aaaaaaaaaaaaaaaa' } },
  },
  attachment: {
    id: attachment,
    made: {
      name: 'CreateTransitGatewayVpcAttachment',
      request: { transitGatewayId: 'tgw-0aaaaaaaaaaaaaaaa', vpcId: 'vpc-0aaaaaaaaaaaaaaaa' },
      tags: ours,
      response: { transitGatewayVpcAttachment: { transitGatewayAttachmentId: attachment, state: 'pending' } },
    },
    changed: [{ name: 'ModifyTransitGatewayVpcAttachment', request: { transitGatewayAttachmentId: attachment } }],
    deleted: { name: 'DeleteTransitGatewayVpcAttachment', request: { transitGatewayAttachmentId: attachment } },
  },
  routeTable: {
    id: 'rtb-0aaaaaaaaaaaaaaaa',
    made: {
      name: 'CreateRouteTable',
      request: { vpcId: 'vpc-0aaaaaaaaaaaaaaaa', clientToken: 'c' },
      tags: ours,
      response: { routeTable: { routeTableId: 'rtb-0aaaaaaaaaaaaaaaa', associationSet: {}, tagSet: {} } },
    },
    changed: [
      { name: 'EnableVgwRoutePropagation', request: { routeTableId: 'rtb-0aaaaaaaaaaaaaaaa', gatewayId: 'vgw-0a' } },
      { name: 'DisableVgwRoutePropagation', request: { routeTableId: 'rtb-0aaaaaaaaaaaaaaaa', gatewayId: 'vgw-0a' } },
    ],
    deleted: { name: 'DeleteRouteTable', request: { routeTableId: 'rtb-0aaaaaaaaaaaaaaaa' } },
  },
  route: {
    id: 'r-rtb-0aaaaaaaaaaaaaaaa3423270202',
    key: { routeTableId: 'rtb-0aaaaaaaaaaaaaaaa', destinationCidrBlock: '10.0.0.0/8' },
    made: {
      name: 'CreateRoute',
      request: { routeTableId: 'rtb-0aaaaaaaaaaaaaaaa', destinationCidrBlock: '10.0.0.0/8', transitGatewayId: 'tgw-0aaaaaaaaaaaaaaaa' },
    },
    changed: [
      {
        name: 'ReplaceRoute',
        request: { routeTableId: 'rtb-0aaaaaaaaaaaaaaaa', destinationCidrBlock: '10.0.0.0/8', gatewayId: 'igw-0a' },
      },
    ],
    deleted: { name: 'DeleteRoute', request: { routeTableId: 'rtb-0aaaaaaaaaaaaaaaa', destinationCidrBlock: '10.0.0.0/8' } },
  },
  subnetAssociation: {
    id: 'rtbassoc-0aaaaaaaaaaaaaaaa',
    key: { routeTableId: 'rtb-0aaaaaaaaaaaaaaaa', subnetId: 'subnet-0aaaaaaaaaaaaaaaa' },
    made: {
      name: 'AssociateRouteTable',
      request: { routeTableId: 'rtb-0aaaaaaaaaaaaaaaa', subnetId: 'subnet-0aaaaaaaaaaaaaaaa' },
      response: { requestId: 'r', associationId: 'rtbassoc-0aaaaaaaaaaaaaaaa', associationState: { state: 'associated' } },
    },
    changed: [],
    deleted: { name: 'DisassociateRouteTable', request: { associationId: 'rtbassoc-0aaaaaaaaaaaaaaaa' } },
  },
  association: {
    id: `${gatewayTable}_${attachment}`,
    key: member,
    made: {
      name: 'AssociateTransitGatewayRouteTable',
      request: member,
      response: { association: { ...member, resourceType: 'vpc', state: 'associating' } },
    },
    changed: [],
    deleted: { name: 'DisassociateTransitGatewayRouteTable', request: member },
  },
  propagation: {
    id: `${gatewayTable}_${attachment}`,
    key: member,
    made: {
      name: 'EnableTransitGatewayRouteTablePropagation',
      request: member,
      response: { propagation: { ...member, resourceType: 'vpc', state: 'enabling' } },
    },
    changed: [],
    deleted: { name: 'DisableTransitGatewayRouteTablePropagation', request: member },
  },
  topic: {
    source: 'sns.amazonaws.com',
    id: topic,
    made: { name: 'CreateTopic', request: { name: 'holdfast-n' }, tags: ours, response: { topicArn: topic } },
    changed: [
      { name: 'SetTopicAttributes', request: { topicArn: topic, attributeName: 'Policy' } },
      { name: 'AddPermission', request: { topicArn: topic } },
      { name: 'RemovePermission', request: { topicArn: topic } },
      { name: 'TagResource', request: { resourceArn: topic } },
      { name: 'UntagResource', request: { resourceArn: topic } },
    ],
    deleted: { name: 'DeleteTopic', request: { topicArn: topic } },
  },
  subscription: {
    source: 'sns.amazonaws.com',
    id: subscription,
    key: { topic, protocol: 'email', endpoint: 'oncall@example.com' },
    made: {
      name: 'Subscribe',
      request: { topicArn: topic, protocol: 'email', endpoint: 'oncall@example.com' },
      response: { subscriptionArn: subscription },
    },
    changed: [
      { name: 'SetSubscriptionAttributes', request: { subscriptionArn: subscription } },
      { name: 'ConfirmSubscription', request: { topicArn: topic }, response: { subscriptionArn: subscription } },
    ],
    deleted: { name: 'Unsubscribe', request: { subscriptionArn: subscription } },
  },
  alarm: {
    source: 'monitoring.amazonaws.com',
    id: alarm,
    made: { name: 'PutMetricAlarm', request: { alarmName: alarm }, tags: ours },
    changed: [
      { name: 'EnableAlarmActions', request: { alarmNames: [alarm] } },
      { name: 'DisableAlarmActions', request: { alarmNames: [alarm] } },
      { name: 'TagResource', request: { resourceARN: alarmArn } },
      { name: 'UntagResource', request: { resourceARN: alarmArn } },
    ],
    deleted: { name: 'DeleteAlarms', request: { alarmNames: [alarm] } },
  },
};

const cases = Object.entries(examples).map(([name, example]) => ({ ...example, type: tokens[name as keyof typeof tokens] }));

describe.each(cases)('$type', ({ type, source, made, changed, deleted, id, key }) => {
  const shapes: readonly (readonly [string, (call: Plain) => TrailEvent])[] =
    source === undefined
      ? [
          ['classic', classic],
          ['wrapped', wrapped],
        ]
      : [['plain', plain(source)]];
  describe.each(shapes)('in the %s shape', (_, write) => {
    it('is made under the id that the state has', () => {
      const written = write(made);
      const { at, eventId, name } = written;
      expect(trailObjects([written])).toEqual([{ type, id, act: 'made', at, eventId, name, tags: made.tags, key }]);
    });

    it('is deleted under that id', () => {
      expect(trailObjects([write(deleted)])).toMatchObject([{ type, id, act: 'deleted', name: deleted.name }]);
    });

    it('is changed under that id', () => {
      const acts = changed.map((change) => trailObjects([write(change)]).map((object) => [object.type, object.id, object.act]));
      expect(acts).toEqual(changed.map(() => [[type, id, 'changed']]));
    });
  });
});

describe('the table of types', () => {
  /** An event that names everything that any of them could be read from. */
  const ids = Object.assign({}, ...cases.map(({ key }) => key ?? {}), {
    vpcId: 'vpc-0a',
    transitGatewayId: 'tgw-0a',
    associationId: 'rtbassoc-0a',
    newAssociationId: 'rtbassoc-0b',
    topicArn: topic,
    subscriptionArn: subscription,
    alarmName: alarm,
    alarmNames: [alarm],
  }) as Record<string, string>;
  const objects = ['vpc', 'subnet', 'routeTable', 'transitGateway', 'transitGatewayRouteTable', 'transitGatewayVpcAttachment'];
  const everything = { ...ids, ...Object.fromEntries(objects.map((name) => [name, ids])) };
  const sourceOf = new Map<string, string>(cases.map(({ type, source }) => [type, source ?? 'ec2.amazonaws.com']));
  const actsOf = (type: string, name: string) =>
    trailObjects([event(name, everything, everything, { source: sourceOf.get(type) ?? '' })]).flatMap((object) =>
      object.type === type ? [object.act] : [],
    );

  it.each(['gatewayRoute', 'route', 'association', 'propagation'] as const)('makes the same id of the key of a %s', (name) => {
    const { id, key } = examples[name];
    expect(resourceTypeOf(tokens[name])?.idOf?.(key ?? {})).toBe(id);
  });

  it.each(resourceTypes.map(({ token, events: calls }) => ({ token, ...calls })))(
    'has no call of $token that would not be understood',
    ({ token, create, delete: end }) => {
      const missed = [
        ...create.filter((name) => !actsOf(token, name).includes('made')),
        ...end.filter((name) => !actsOf(token, name).includes('deleted')),
      ];
      expect(missed).toEqual([]);
    },
  );
});

describe('the calls of the recordings', () => {
  const resources = Object.entries(readRecordings()).filter(([name]) => !/sns|cloudwatch|internet_gateway/.test(name));

  it.each(resources)('of %s are of the id that the provider kept', (_, { create, update, delete: end }) => {
    const calls = [...create.calls, ...(update?.calls ?? []), ...(end?.calls ?? [])].filter((call) => !isRead(call));
    const objects = trailObjects(calls.map(({ action, params }) => event(action, requestParameters('ec2', action, params))));
    // What AWS answered is not recorded, so that an id of its own is known from what follows a create.
    const { id } = create.attributes;
    expect(objects.map((object) => object.id)).toContain(id);
  });
});

describe('a subscription whose reader CloudTrail hides', () => {
  it('has an id and no key', () => {
    const { made } = examples.subscription;
    const [found] = trailObjects([
      plain('sns.amazonaws.com')({ ...made, request: { ...made.request, endpoint: 'HIDDEN_DUE_TO_SECURITY_REASONS' } }),
    ]);
    expect(found).toMatchObject({ id: subscription, key: undefined });
  });
});

describe('several alarms in one call', () => {
  it('are each deleted', () => {
    const deleted = plain('monitoring.amazonaws.com')({ name: 'DeleteAlarms', request: { alarmNames: ['a', 'b'] } });
    expect(trailObjects([deleted]).map(({ id }) => id)).toEqual(['a', 'b']);
  });
});

describe('calls of one name of several services', () => {
  it('are each of the service’s own type', () => {
    const tagged = (source: string) => trailObjects([event('TagResource', { resourceArn: topic }, null, { source })]);
    expect(tagged('sns.amazonaws.com')).toHaveLength(1);
    expect(tagged('ec2.amazonaws.com')).toEqual([]);
    expect(tagged('monitoring.amazonaws.com')).toEqual([]);
  });
});

describe('a route', () => {
  it.each([
    ['destinationIpv6CidrBlock', '::/0', 'r-rtb-0a2750132062'],
    ['destinationPrefixListId', 'pl-0570a1d2d725c16be', 'r-rtb-0a1117918487'],
  ])('by %s has the id that the provider makes of that', (destination, value, id) => {
    const [made] = trailObjects([classic({ name: 'CreateRoute', request: { routeTableId: 'rtb-0a', [destination]: value } })]);
    expect(made).toMatchObject({ id, key: { routeTableId: 'rtb-0a', [destination]: value } });
  });
});

describe('a subnet that was moved to another route table', () => {
  const replaced = classic({
    name: 'ReplaceRouteTableAssociation',
    request: { associationId: 'rtbassoc-0a', routeTableId: 'rtb-0b' },
    response: { newAssociationId: 'rtbassoc-0b' },
  });

  it('has lost one association and got another, of which the subnet is not known', () => {
    expect(trailObjects([replaced]).map(({ id, act, key }) => [id, act, key])).toEqual([
      ['rtbassoc-0b', 'made', { routeTableId: 'rtb-0b' }],
      ['rtbassoc-0a', 'deleted', undefined],
    ]);
  });
});

describe('tags', () => {
  const vpc = (tags: Record<string, string>) => ({ ...examples.vpc.made, tags });

  it('are those of Holdfast alone', () => {
    const [made] = trailObjects([classic(vpc({ Name: 'n', 'holdfast:stack': 'n.vpc.a' }))]);
    expect(made?.tags).toEqual({ 'holdfast:stack': 'n.vpc.a' });
  });

  it('are read where a list of one is that one', () => {
    const [made] = trailObjects([wrapped(vpc({ 'holdfast:stack': 'n.vpc.a' }))]);
    expect(made?.tags).toEqual({ 'holdfast:stack': 'n.vpc.a' });
  });

  it('are read where there are several lists of them', () => {
    const specifications = ['a', 'b'].map((name, index) => ({ tag: index + 1, Tag: { Key: `holdfast:${name}`, Value: name, tag: 1 } }));
    const [made] = trailObjects([
      event('CreateVpc', { CreateVpcRequest: { TagSpecifications: specifications } }, { vpc: { vpcId: 'vpc-0a' } }),
    ]);
    expect(made?.tags).toEqual({ 'holdfast:a': 'a', 'holdfast:b': 'b' });
  });

  it('are texts where CloudTrail made a number of one', () => {
    const specification = { Tag: { Key: 'holdfast:installation', Value: 1234567890123456, tag: 1 } };
    const [made] = trailObjects([
      event('CreateVpc', { CreateVpcRequest: { TagSpecification: specification } }, { vpc: { vpcId: 'vpc-0a' } }),
    ]);
    expect(made?.tags).toEqual({ 'holdfast:installation': '1234567890123456' });
  });

  it('are not there where the request sets none of ours', () => {
    expect(trailObjects([classic(vpc({ Name: 'n' }))])[0]?.tags).toBeUndefined();
  });

  const retagged = (name: string, ...ids: readonly string[]) =>
    event(name, {
      resourcesSet: { items: ids.map((resourceId) => ({ resourceId })) },
      tagSet: { items: [{ key: 'holdfast:stack', value: 'n.vpc.b' }] },
    });

  it('that are set later change each object that they are set on', () => {
    const taggable = [
      ['vpc', 'vpc-0a'],
      ['subnet', 'subnet-0a'],
      ['routeTable', 'rtb-0a'],
      ['gateway', 'tgw-0a'],
      ['gatewayTable', 'tgw-rtb-0a'],
      ['attachment', 'tgw-attach-0a'],
    ] as const;
    expect(trailObjects([retagged('CreateTags', ...taggable.map(([, id]) => id))])).toMatchObject(
      taggable.map(([name, id]) => ({ type: tokens[name], id, act: 'changed', tags: { 'holdfast:stack': 'n.vpc.b' } })),
    );
  });

  it.each([
    ['a list of numbered items', [{ content: 'vpc-0a', tag: 1 }]],
    ['one numbered item', { content: 'vpc-0a', tag: 1 }],
    ['a text', 'vpc-0a'],
  ])('that are set later in the wrapped shape, on %s, change the object', (_, ResourceId) => {
    const request = { CreateTagsRequest: { ResourceId, Tag: { Key: 'holdfast:stack', Value: 'n.vpc.b', tag: 1 } } };
    expect(trailObjects([event('CreateTags', request)])).toMatchObject([
      { id: 'vpc-0a', act: 'changed', tags: { 'holdfast:stack': 'n.vpc.b' } },
    ]);
  });

  it('that are set on something of another type say nothing', () => {
    expect(trailObjects([retagged('CreateTags', 'sg-0a', 'vpc-cidr-assoc-0a')])).toEqual([]);
  });

  it('that are taken away change the object, and are not its tags', () => {
    expect(trailObjects([retagged('DeleteTags', 'vpc-0a')])).toMatchObject([{ id: 'vpc-0a', act: 'changed', tags: undefined }]);
  });
});

describe('nothing is said by', () => {
  it('a call that failed', () => {
    const failed = { ...classic(examples.route.made), errorCode: 'Client.RouteAlreadyExists' };
    expect(trailObjects([failed])).toEqual([]);
  });

  it('a call of the same name of another service', () => {
    expect(trailObjects([{ ...classic(examples.route.made), source: 'apigatewayv2.amazonaws.com' }])).toEqual([]);
  });

  it('a call that makes something else', () => {
    expect(trailObjects([event('CreateSecurityGroup', { vpcId: 'vpc-0a' }, { groupId: 'sg-0a' })])).toEqual([]);
  });

  it('a create without an answer, where the id is in that', () => {
    expect(trailObjects([event('CreateVpc', { cidrBlock: '10.0.0.0/16' }, null)])).toEqual([]);
  });

  it('a route without a destination', () => {
    expect(trailObjects([classic({ name: 'CreateRoute', request: { routeTableId: 'rtb-0a', destinationCidrBlock: '' } })])).toEqual([]);
  });

  it('a propagation that names no attachment', () => {
    const request = { transitGatewayRouteTableId: gatewayTable };
    expect(trailObjects([wrapped({ name: 'EnableTransitGatewayRouteTablePropagation', request })])).toEqual([]);
  });

  it.each([
    ['null', null],
    ['text', 'vpc-0a'],
    ['a number', 7],
    ['a list', [{ vpcId: 'vpc-0a' }]],
    ['nothing', undefined],
  ])('an event of which both parts are %s', (_, part) => {
    const names = Object.values(examples).flatMap(({ made, deleted }) => [made.name, deleted.name, 'CreateTags']);
    expect(names.flatMap((name) => trailObjects([event(name, part, part)]))).toEqual([]);
  });
});

describe('the order', () => {
  const at = (second: number, written: TrailEvent): TrailEvent => ({ ...written, at: new Date(noon + second * 1000) });
  const actsOf = (written: readonly TrailEvent[]) => trailObjects(written).map(({ act }) => act);

  it('is that of time, whatever the order of the events', () => {
    const { made, deleted } = examples.gatewayRoute;
    expect(actsOf([at(9, wrapped(deleted)), at(3, wrapped(made))])).toEqual(['made', 'deleted']);
  });

  it('within a second has an object of an own id made before it is deleted', () => {
    const { made, changed, deleted } = examples.vpc;
    const written = [deleted, ...changed.slice(0, 1), made].map(classic);
    expect(actsOf(written)).toEqual(['made', 'changed', 'deleted']);
  });

  it('within a second has a key made anew after it was deleted', () => {
    const { made, deleted } = examples.gatewayRoute;
    expect(actsOf([made, deleted].map(wrapped))).toEqual(['deleted', 'made']);
  });
});
