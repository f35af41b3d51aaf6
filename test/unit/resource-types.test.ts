import { describe, expect, it } from 'vitest';
import { resourceTypeOf, resourceTypes } from '../../orchestrator/aws/resource-types/index.ts';
import type { ResourceType } from '../../orchestrator/aws/resource-types/resource-type.ts';
import { loadAws } from '../../stacks/aws.ts';
import { readRecordings } from '../contract/recordings.ts';

/** The table of types against what the stacks use, and against what the provider was seen to do. */

const recordings = readRecordings();

/** A resource of each type in `provider-recordings.json`. */
const recorded = {
  'aws:ec2transitgateway/transitGateway:TransitGateway': 'aws_ec2_transit_gateway.x',
  'aws:ec2transitgateway/routeTable:RouteTable': 'aws_ec2_transit_gateway_route_table.x',
  'aws:ec2transitgateway/route:Route': 'aws_ec2_transit_gateway_route.x',
  'aws:ec2transitgateway/vpcAttachment:VpcAttachment': 'aws_ec2_transit_gateway_vpc_attachment.x',
  'aws:ec2transitgateway/routeTableAssociation:RouteTableAssociation': 'aws_ec2_transit_gateway_route_table_association.x',
  'aws:ec2transitgateway/routeTablePropagation:RouteTablePropagation': 'aws_ec2_transit_gateway_route_table_propagation.x',
  'aws:ec2/vpc:Vpc': 'aws_vpc.x',
  'aws:ec2/subnet:Subnet': 'aws_subnet.x',
  'aws:ec2/routeTable:RouteTable': 'aws_route_table.x',
  'aws:ec2/route:Route': 'aws_route.x',
  'aws:ec2/routeTableAssociation:RouteTableAssociation': 'aws_route_table_association.x',
  'aws:sns/topic:Topic': 'aws_sns_topic.x',
  'aws:sns/topicSubscription:TopicSubscription': 'aws_sns_topic_subscription.x',
  'aws:cloudwatch/metricAlarm:MetricAlarm': 'aws_cloudwatch_metric_alarm.x',
} as const;

/** Where Pulumi's name is not the provider's in camelCase. */
const renamed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'aws:sns/topicSubscription:TopicSubscription': { topicArn: 'topic' },
  'aws:cloudwatch/metricAlarm:MetricAlarm': { alarmName: 'name' },
};

const recordingOf = (token: string) => recordings[recorded[token as keyof typeof recorded]];

/** What the provider kept, in Pulumi's names. */
function keptOf(token: string): Record<string, unknown> {
  const camel = (name: string): string => name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  const nameOf = (name: string): string => renamed[token]?.[camel(name)] ?? camel(name);
  return Object.fromEntries(Object.entries(recordingOf(token)?.create.attributes ?? {}).map(([name, value]) => [nameOf(name), value]));
}

/** Tokens of the classes that the programs load. */
async function tokensOfStacks(): Promise<string[]> {
  return Object.values(await loadAws()).flatMap((one) => ('__pulumiType' in one ? [one.__pulumiType as string] : []));
}

/** What a row lacks, in the words of `ResourceType`. */
function missingParts(row: ResourceType | undefined): string[] {
  if (!row) return ['the row itself (orchestrator/aws/resource-types)'];
  const listsNothing = row.find.how === 'listed' && row.taggedAs === undefined;
  const parts: readonly (readonly [string, boolean])[] = [
    ['title', row.title !== ''],
    ['taggedAs', row.by === 'key' || row.taggedAs !== undefined],
    ['keyOf', row.by === 'tag' || row.keyOf !== undefined],
    ['idOf', row.by === 'tag' || row.idOf !== undefined],
    ['find.actions', row.find.how !== 'by-id' || row.find.actions.every((action) => /^(sns|cloudwatch):[A-Z]/.test(action))],
    ['isId', row.isId(String(keptOf(row.token)['id']))],
    ['containersOf', row.by === 'tag' || row.containersOf(keptOf(row.token)).length > 0],
    ['properties', row.properties.length > 0],
    ['find.action', !('action' in row.find) || /^ec2:[A-Z]/.test(row.find.action)],
    ['find.of', !('of' in row.find) || row.find.of === undefined || resourceTypeOf(row.find.of) !== undefined],
    ['find.filters.id', row.find.how !== 'listed' || row.find.filters.id !== ''],
    ['find, as a type without tags has no describe of its own', !listsNothing],
    ['events.create', row.events.create.length > 0],
    ['events.delete', row.events.delete.length > 0],
  ];
  return parts.flatMap(([part, isThere]) => (isThere ? [] : [part]));
}

describe('the table of types', () => {
  it('has a whole row for every type that a program uses', async () => {
    const tokens = await tokensOfStacks();
    expect(tokens.length).toBeGreaterThan(10);
    expect(Object.fromEntries(tokens.map((token) => [token, missingParts(resourceTypeOf(token))]))).toEqual(
      Object.fromEntries(tokens.map((token) => [token, []])),
    );
  });

  it('has no row for what no program uses', async () => {
    expect(resourceTypes.map(({ token }) => token).sort()).toEqual((await tokensOfStacks()).sort());
  });

  it('says which part of a row is missing', () => {
    const [row] = resourceTypes.filter(({ by }) => by === 'key');
    expect(row).toBeDefined();
    if (!row) return;
    expect(missingParts({ ...row, keyOf: undefined, events: { ...row.events, delete: [] } })).toEqual(['keyOf', 'events.delete']);
    expect(missingParts({ ...row, isId: () => false, properties: [] })).toEqual(['isId', 'properties']);
    expect(missingParts(undefined)).toEqual(['the row itself (orchestrator/aws/resource-types)']);
  });

  it('asks what a container has by a filter that the container’s row is about', () => {
    for (const { token, find } of resourceTypes)
      if (find.how === 'listed')
        for (const [container, filter] of Object.entries(find.filters.within)) {
          const outer = resourceTypeOf(container)?.find;
          expect([token, outer?.how === 'listed' ? outer.filters.id : undefined]).toEqual([token, filter]);
        }
  });

  it('tells every type by its id from every other, but for the two that share a form', () => {
    const ids = resourceTypes.map(({ token }) => String(keptOf(token)['id']));
    const claims = ids.map((id) => resourceTypes.filter(({ isId }) => isId(id)).length);
    expect(claims.filter((count) => count !== 1)).toEqual([2, 2]);
    expect(resourceTypes.flatMap(({ isId }) => ['vpc-', 'vpc-xyz', ' vpc-0123456789abcdef0', ''].filter(isId))).toEqual([]);
  });
});

/** Of those that are told by a key: the types whose ids are AWS's own all the same. */
const ownIds = ['aws:ec2/routeTableAssociation:RouteTableAssociation', 'aws:sns/topicSubscription:TopicSubscription'];

describe.each(resourceTypes.map((row) => [row.token, row] as const))('%s', (token, row) => {
  it('compares properties that the provider keeps, under its own names', () => {
    const kept = Object.keys(keptOf(token));
    expect(row.properties.filter(({ name, notInState }) => notInState !== true && !kept.includes(name))).toEqual([]);
  });

  it('makes the id that the provider made, of what it kept', () => {
    const kept = keptOf(token);
    if (row.by === 'key' && !ownIds.includes(token)) expect(row.idOf?.(kept)).toBe(kept['id']);
    else expect(row.idOf?.(kept)).toBeUndefined();
  });

  it('finds the container of a key in the properties and, where the id says it, in the id', () => {
    const kept = keptOf(token);
    const fromId = row.containersOfId(String(kept['id']));
    expect(row.containersOf(kept)).toEqual(expect.arrayContaining([...fromId]));
    const saysIt = row.by === 'key' && token !== 'aws:ec2/routeTableAssociation:RouteTableAssociation';
    expect(fromId).toHaveLength(saysIt ? 1 : 0);
  });

  it('names the events of the calls that made and ended it', () => {
    const { create, delete: ended } = recordingOf(token) ?? {};
    const actions = (calls: readonly { readonly action: string }[]): string[] => calls.map(({ action }) => action);
    expect(actions(create?.calls ?? []).filter((action) => row.events.create.includes(action))).toHaveLength(1);
    if (ended) expect(actions(ended.calls).filter((action) => row.events.delete.includes(action))).toHaveLength(1);
  });
});

describe('a key', () => {
  const key = (token: string, properties: object): string | undefined => resourceTypeOf(token)?.keyOf?.({ ...properties });

  it('is the table and the destination of a route, of whatever kind', () => {
    const routeTableId = 'rtb-0a';
    expect(key('aws:ec2/route:Route', { routeTableId, destinationCidrBlock: '10.0.0.0/8' })).toBe('rtb-0a 10.0.0.0/8');
    expect(key('aws:ec2/route:Route', { routeTableId, destinationCidrBlock: '', destinationIpv6CidrBlock: '::/0' })).toBe('rtb-0a ::/0');
    expect(key('aws:ec2/route:Route', { routeTableId, destinationPrefixListId: 'pl-1' })).toBe('rtb-0a pl-1');
  });

  it('is not known while a part of it is not', () => {
    expect(key('aws:ec2/route:Route', { destinationCidrBlock: '10.0.0.0/8' })).toBeUndefined();
    // How the engine writes what is not known yet.
    expect(key('aws:ec2/routeTableAssociation:RouteTableAssociation', { routeTableId: 'rtb-0a', subnetId: undefined })).toBeUndefined();
  });

  it('is the table and the subnet, or the gateway at the edge', () => {
    const token = 'aws:ec2/routeTableAssociation:RouteTableAssociation';
    expect(key(token, { routeTableId: 'rtb-0a', subnetId: 'subnet-1' })).toBe('rtb-0a subnet-1');
    expect(key(token, { routeTableId: 'rtb-0a', gatewayId: 'igw-1' })).toBe('rtb-0a igw-1');
  });
});

describe('the table in the id of a route', () => {
  const table = (id: string) =>
    resourceTypeOf('aws:ec2/route:Route')
      ?.containersOfId(id)
      .map((container) => container.id);

  it.each([
    ['r-rtb-a5439c89299634e323423270202', ['rtb-a5439c89299634e32']],
    ['r-rtb-a5439c89299634e329', ['rtb-a5439c89299634e32']],
    ['r-rtb-a5439c8999', ['rtb-a5439c89']],
    ['r-rtb-a5439c893423270202', ['rtb-a5439c89']],
    ['rtb-a5439c89', []],
    ['r-rtb-a5439c89', []],
  ])('%s', (id, tables) => {
    expect(table(id)).toEqual(tables);
  });
});
