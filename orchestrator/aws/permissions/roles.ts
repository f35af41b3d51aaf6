import type { Place } from './places.ts';

/** Who calls AWS, and with how much: a session of one of these roles is enough for its commands (docs/roles.md). */
export const roles = ['plan', 'apply', 'inventory', 'recover', 'release', 'watch', 'bootstrap'] as const;

export type Role = (typeof roles)[number];

/** Roles that change nothing at all. */
export const readOnly: readonly Role[] = ['plan', 'inventory'];

/** What a network file has to say for a permission to be needed. */
export type Needed = 'always' | 'key' | 'topic' | 'own-topic' | 'metric' | 'guardrails';

/** One call that Holdfast or the provider makes, as a policy names it, where, and who has to be able to. */
export interface Permission {
  /** As in `ec2:CreateVpc`. */
  readonly action: string;
  readonly place: Place;
  readonly roles: readonly Role[];
  readonly needed: Needed;
  readonly why: string;
}

/** Several actions of one place for the same roles and the same reason. */
function rows(place: Place, who: readonly Role[], why: string, actions: readonly string[], needed: Needed = 'always'): Permission[] {
  return actions.map((action) => ({ action, place, roles: who, needed, why }));
}

const ofService = (service: string, ...names: string[]): string[] => names.map((name) => `${service}:${name}`);

/** Who runs the engine on what there is. */
const engines: readonly Role[] = ['plan', 'apply', 'recover'];
/** Who reads what the bucket says of the network. */
const readers: readonly Role[] = ['plan', 'apply', 'recover', 'release', 'watch'];
/** Who changes stacks, or the state of them. */
const writers: readonly Role[] = ['apply', 'recover'];
/** Who holds locks, and ends them. */
const lockers: readonly Role[] = ['apply', 'recover', 'release'];
/** Who looks at AWS as a whole. */
const lookers: readonly Role[] = ['apply', 'inventory', 'recover'];

const everyOne = roles;

const madeByApply = (place: Place, call: string): Permission[] =>
  rows(place, ['apply'], 'makes what the network file says, tagged from the start', [`ec2:${call}`]);

/**
 * Every call of AWS that Holdfast and the provider make. A call that is made and has no row here fails a test, and so does a row that nothing calls
 * (test/unit/permissions-table.test.ts). What is refused to everybody is in policy.ts.
 */
export const permissions: readonly Permission[] = [
  // The bucket itself.
  ...rows('bucket', everyOne, 'lists what there is; without it S3 calls what is missing forbidden', ofService('s3', 'ListBucket')),
  ...rows('bucket', [...lockers, 'watch'], 'the versions of checkpoints and locks, and since when a lock is gone', [
    's3:ListBucketVersions',
  ]),
  ...rows('bucket', [...readers, 'bootstrap'], 'a bucket without versions is refused', ['s3:GetBucketVersioning']),
  ...rows(
    'bucket',
    [...engines, 'bootstrap'],
    'preflight says in what the bucket falls short',
    ofService('s3', 'GetBucketPublicAccessBlock', 'GetEncryptionConfiguration', 'GetLifecycleConfiguration', 'GetBucketPolicy'),
  ),
  ...rows(
    'bucket',
    ['bootstrap'],
    'makes the bucket, and brings it up to what is needed',
    ofService(
      's3',
      'CreateBucket',
      'PutBucketPublicAccessBlock',
      'PutEncryptionConfiguration',
      'PutBucketVersioning',
      'PutLifecycleConfiguration',
      'PutBucketPolicy',
    ),
  ),
  ...rows(
    'bucket',
    ['bootstrap'],
    'bootstrap --object-lock',
    ofService('s3', 'GetBucketObjectLockConfiguration', 'PutBucketObjectLockConfiguration'),
  ),

  // What bootstrap writes, and everyone reads.
  ...rows('layout', [...engines, 'bootstrap'], "Pulumi's word for the layout of the bucket", ['s3:GetObject']),
  ...rows('installation', everyOne, 'whose tags count', ['s3:GetObject']),
  ...rows('store-probe', [...readers, 'bootstrap'], 'whether the store keeps to conditions', ['s3:GetObject']),
  ...rows('layout', ['bootstrap'], 'written once', ['s3:PutObject']),
  ...rows('installation', ['bootstrap'], 'written once', ['s3:PutObject']),
  ...rows('store-probe', ['bootstrap'], 'what the try came to', ['s3:PutObject']),
  ...rows('probes', ['bootstrap'], 'writes that the store has to refuse', ofService('s3', 'GetObject', 'PutObject', 'DeleteObject')),

  // What the network's stacks have in it.
  ...rows('checkpoints', [...readers, 'inventory'], 'the states', ['s3:GetObject']),
  ...rows('checkpoints', writers, 'the states, each write on a condition', ['s3:PutObject']),
  ...rows('checkpoints', ['apply'], 'a stack that is destroyed has none', ['s3:DeleteObject']),
  ...rows('checkpoints', writers, 'older versions: evidence, and what goes to quarantine', ['s3:GetObjectVersion']),
  ...rows('locks', [...readers], 'who holds a stack', ['s3:GetObject']),
  ...rows('locks', lockers, 'takes, takes over and gives back locks', ofService('s3', 'PutObject', 'DeleteObject')),
  ...rows('locks', writers, 'locks that were there go to quarantine', ['s3:GetObjectVersion']),
  ...rows('locks-new', ['watch'], 'puts back the lock that was removed from a held stack; never over another one', ['s3:PutObject']),
  ...rows('history', readers, "the engine's history", ['s3:GetObject']),
  ...rows('history', ['apply'], "the engine's own record of an update; goes with its stack", ofService('s3', 'PutObject', 'DeleteObject')),
  ...rows('backups', ['apply'], "the engine's own copies", ofService('s3', 'GetObject', 'PutObject')),

  // What Holdfast writes beside it.
  ...rows('runs', readers, 'the journal', ['s3:GetObject']),
  ...rows('runs', lockers, 'the journal: an event is written once', ['s3:PutObject']),
  ...rows('records', [...readers, 'inventory'], 'who has a stack, in which phase, what was verified and what was disowned', [
    's3:GetObject',
  ]),
  ...rows('records', lockers, 'makes a stack its own, and gives it back', ['s3:PutObject']),
  ...rows('network-files', writers, 'what a run went by', ofService('s3', 'GetObject', 'PutObject')),
  ...rows('index', ['plan', 'watch'], 'for which stacks the engine has nothing to do; goes on without it', ['s3:GetObject']),
  ...rows('heartbeats', readers, 'whether a process that a record names was heard of: by what its heartbeat says', ['s3:GetObject']),
  ...rows('heartbeats', lockers, 'says that this process is at work', ofService('s3', 'PutObject', 'DeleteObject')),
  ...rows('told', [...lockers, 'watch'], 'who was told of what', ofService('s3', 'GetObject', 'PutObject', 'DeleteObject')),
  ...rows(
    'shared',
    ['apply'],
    'what runs tell each other: the jobs of one, and for which stacks the engine has nothing to do',
    ofService('s3', 'GetObject', 'PutObject'),
  ),
  ...rows(
    'quarantine',
    writers,
    'copies of what was there before a recovery; never over another one',
    ofService('s3', 'GetObject', 'PutObject'),
  ),
  ...rows('dossiers', [...writers, 'release'], 'what a recovery found and did; written once', ofService('s3', 'GetObject', 'PutObject')),

  // What there is in AWS.
  ...rows('ec2-reads', [...engines], 'the zones of the region', ofService('ec2', 'DescribeAvailabilityZones')),
  ...rows('ec2-reads', ['plan'], 'which VPCs exist, how many and with which blocks, before more are made', [
    'ec2:DescribeTransitGatewayVpcAttachments',
    'ec2:DescribeVpcs',
  ]),
  ...rows('anything', ['plan', 'apply'], 'whether the account may have as much as the file says; goes on without it, and says so', [
    'servicequotas:GetServiceQuota',
  ]),
  ...rows('ec2-reads', lookers, 'what AWS has of the stacks', ofService('ec2', 'DescribeTags')),
  ...rows(
    'ec2-reads',
    lookers,
    'what AWS has of the stacks; the provider reads what it makes',
    ofService(
      'ec2',
      'DescribeRouteTables',
      'DescribeSubnets',
      'DescribeTransitGatewayRouteTables',
      'DescribeTransitGatewayVpcAttachments',
      'DescribeTransitGateways',
      'DescribeVpcAttribute',
      'DescribeVpcs',
      'GetTransitGatewayRouteTableAssociations',
      'GetTransitGatewayRouteTablePropagations',
      'SearchTransitGatewayRoutes',
    ),
  ),
  ...rows(
    'ec2-reads',
    writers,
    "the provider's own look at what a VPC has by default",
    ofService('ec2', 'DescribeNetworkAcls', 'DescribeSecurityGroups'),
  ),
  ...madeByApply('ec2-new-vpc', 'CreateVpc'),
  ...madeByApply('ec2-new-subnet', 'CreateSubnet'),
  ...madeByApply('ec2-new-route-table', 'CreateRouteTable'),
  ...madeByApply('ec2-new-gateway', 'CreateTransitGateway'),
  ...madeByApply('ec2-new-gateway-table', 'CreateTransitGatewayRouteTable'),
  ...madeByApply('ec2-new-attachment', 'CreateTransitGatewayVpcAttachment'),
  ...rows('ec2-tags-new', ['apply'], 'tags what it makes, with the call that makes it', ['ec2:CreateTags']),
  ...rows(
    'ec2-own',
    ['apply'],
    "makes the rest in and on the network's own objects",
    ofService(
      'ec2',
      'AssociateRouteTable',
      'AssociateTransitGatewayRouteTable',
      'CreateRoute',
      'CreateRouteTable',
      'CreateSubnet',
      'CreateTransitGatewayRoute',
      'CreateTransitGatewayRouteTable',
      'CreateTransitGatewayVpcAttachment',
      'EnableTransitGatewayRouteTablePropagation',
    ),
  ),
  ...rows('ec2-reads', ['apply'], 'whether a subnet that is deleted has interfaces left', ['ec2:DescribeNetworkInterfaces']),
  ...rows(
    'ec2-reads',
    ['apply'],
    'what is in the way of a delete that AWS does not do; goes on without it, and says so',
    ofService(
      'ec2',
      'DescribeInstances',
      'DescribeInternetGateways',
      'DescribeNatGateways',
      'DescribeTransitGatewayAttachments',
      'DescribeVpcEndpoints',
    ),
  ),
  ...rows('ec2-tags-own', ['apply'], 'changes the tags of the network file, and never those that say whose it is', [
    'ec2:CreateTags',
    'ec2:DeleteTags',
  ]),
  ...rows(
    'ec2-own',
    ['apply'],
    'changes it in place',
    ofService(
      'ec2',
      'ModifySubnetAttribute',
      'ModifyTransitGateway',
      'ModifyTransitGatewayVpcAttachment',
      'ModifyVpcAttribute',
      'ReplaceRoute',
    ),
  ),
  ...rows(
    'ec2-own',
    ['apply'],
    'deletes what it does not say any more',
    ofService(
      'ec2',
      'DeleteRoute',
      'DeleteRouteTable',
      'DeleteSubnet',
      'DeleteTransitGateway',
      'DeleteTransitGatewayRoute',
      'DeleteTransitGatewayRouteTable',
      'DeleteTransitGatewayVpcAttachment',
      'DeleteVpc',
      'DisableTransitGatewayRouteTablePropagation',
      'DisassociateRouteTable',
      'DisassociateTransitGatewayRouteTable',
    ),
  ),
  ...rows('service-linked-role', ['apply'], "the first attachment of an account makes the transit gateway's own role", [
    'iam:CreateServiceLinkedRole',
  ]),

  // The stack of the guardrails.
  // On everything, as the reads of EC2: a policy is short of characters.
  ...rows(
    'anything',
    lookers,
    'what AWS has of the topic and its readers',
    ofService('sns', 'GetTopicAttributes', 'ListSubscriptionsByTopic', 'ListTagsForResource'),
    'guardrails',
  ),
  ...rows('anything', lookers, 'AWS knows no resource of a subscription', ['sns:GetSubscriptionAttributes'], 'own-topic'),
  ...rows('anything', lookers, 'what AWS has of the alarm', ofService('cloudwatch', 'DescribeAlarms', 'ListTagsForResource'), 'guardrails'),
  ...rows(
    'own-topic',
    ['apply'],
    'makes the topic and its readers, and changes and deletes them',
    ofService('sns', 'CreateTopic', 'DeleteTopic', 'SetTopicAttributes', 'Subscribe', 'TagResource', 'UntagResource'),
    'own-topic',
  ),
  ...rows('anything', ['apply'], 'AWS knows no resource of a subscription', ['sns:Unsubscribe'], 'own-topic'),
  ...rows(
    'alarm',
    ['apply'],
    'makes the alarm, and changes and deletes it',
    ofService('cloudwatch', 'DeleteAlarms', 'PutMetricAlarm', 'TagResource', 'UntagResource'),
    'metric',
  ),

  // What else is asked.
  ...rows('anything', everyOne, 'who the session is; AWS refuses it to nobody', ['sts:GetCallerIdentity']),
  ...rows('anything', writers, 'what the interrupted run did; goes on without it', ['cloudtrail:LookupEvents']),
  ...rows('key', writers, "the key that encrypts the states' secrets", ofService('kms', 'Decrypt', 'Encrypt'), 'key'),
  ...rows('topic', [...lockers, 'watch'], 'tells of holds, freezes, recoveries and old locks', ['sns:Publish'], 'topic'),
  ...rows('metric', ['watch'], 'the age of the oldest lock', ['cloudwatch:PutMetricData'], 'metric'),
];
