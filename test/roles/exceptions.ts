import type { Place } from '../../orchestrator/aws/permissions/places.ts';
import type { Permission, Role } from '../../orchestrator/aws/permissions/roles.ts';

interface Exception {
  /** All of the place, where none is named. */
  readonly actions?: readonly string[];
  readonly place: Place;
  readonly roles?: readonly Role[];
  readonly because: string;
  /** It does not say what it lacks either. */
  readonly silent?: true;
}

const exceptionIn = (exceptions: readonly Exception[], role: Role, { action, place }: Permission): Exception | undefined =>
  exceptions.find((one) => one.place === place && one.actions?.includes(action) !== false && one.roles?.includes(role) !== false);

const lostReply = 'asked where the reply of a write was lost, and where a write has a condition';

/** Rows that no command here needs. */
const unreachedRows: readonly Exception[] = [
  { actions: ['sts:GetCallerIdentity'], place: 'anything', because: 'AWS refuses it to nobody, and no policy can' },
  {
    actions: ['ec2:DescribeTransitGatewayVpcAttachments'],
    place: 'ec2-reads',
    roles: ['plan'],
    because: 'a VPC of others that has a block of the file',
  },
  { place: 'service-linked-role', because: 'AWS makes that role by itself; the lab has none' },
  { actions: ['s3:GetObject'], place: 'backups', because: lostReply },
  { actions: ['s3:GetObject'], place: 'quarantine', because: lostReply },
  { actions: ['s3:GetObject'], place: 'dossiers', roles: ['apply', 'recover'], because: lostReply },
  { actions: ['s3:GetObject', 's3:DeleteObject'], place: 'told', because: 'where a notifier takes nothing, as with watch' },
  { actions: ['ec2:ModifySubnetAttribute'], place: 'ec2-own', because: 'a subnet that somebody changed by hand' },
  {
    actions: [
      'ec2:DescribeInstances',
      'ec2:DescribeInternetGateways',
      'ec2:DescribeNatGateways',
      'ec2:DescribeTransitGatewayAttachments',
      'ec2:DescribeVpcEndpoints',
    ],
    place: 'ec2-reads',
    because: 'a delete that AWS has not done after 45 s',
  },
  { actions: ['ec2:ReplaceRoute'], place: 'ec2-own', because: 'a gateway that is replaced, for which the provider waits two minutes' },
  { place: 'key', roles: ['recover'], because: 'as with apply' },
  { actions: ['sns:GetSubscriptionAttributes'], place: 'anything', roles: ['recover'], because: 'as with inventory' },
];

/** Rows without which a command goes on, and does its work. */
const toleratedRows: readonly Exception[] = [
  {
    actions: ['s3:GetBucketPublicAccessBlock', 's3:GetEncryptionConfiguration', 's3:GetLifecycleConfiguration', 's3:GetBucketPolicy'],
    place: 'bucket',
    roles: ['plan', 'apply', 'recover'],
    because: 'preflight warns of what it cannot look at',
  },
  { actions: ['servicequotas:GetServiceQuota'], place: 'anything', because: 'preflight warns of what it cannot look at' },
  { place: 'layout', roles: ['plan', 'apply', 'recover'], because: 'preflight warns of what it cannot look at' },
  { place: 'records', roles: ['inventory'], because: 'nothing is left out of what is shown' },
  {
    actions: ['s3:ListBucketVersions'],
    place: 'bucket',
    roles: ['release', 'watch'],
    because: 'the lock of a held stack is not put back, and is said to be gone',
  },
  { place: 'locks-new', because: 'the lock of a held stack is not put back, and is said to be gone' },
  {
    actions: ['s3:PutObject', 's3:DeleteObject'],
    place: 'history',
    because: "the engine's own record of what it did: worth a word, and no more",
  },
  { actions: ['s3:PutObject'], place: 'backups', because: "the engine's own record of what it did: worth a word, and no more" },
  {
    actions: ['s3:PutObject'],
    place: 'dossiers',
    roles: ['apply', 'recover'],
    because: 'state and AWS agree; that it could not be written is said',
  },
  {
    actions: ['ec2:DescribeAvailabilityZones'],
    place: 'ec2-reads',
    roles: ['apply', 'recover'],
    because: 'a destroy and a recovery only warn; plan has it as what is refused',
  },
  {
    actions: ['ec2:DescribeNetworkAcls', 'ec2:DescribeSecurityGroups'],
    place: 'ec2-reads',
    because: 'the provider leaves what a VPC has by default out of the state',
    silent: true,
  },
  {
    actions: [
      'sns:GetTopicAttributes',
      'sns:ListTagsForResource',
      'sns:ListSubscriptionsByTopic',
      'cloudwatch:DescribeAlarms',
      'cloudwatch:ListTagsForResource',
    ],
    place: 'anything',
    roles: ['apply'],
    because: 'the policy of who writes the topic and the alarm names all of them at once',
    silent: true,
  },
  {
    place: 'shared',
    because: 'a run of one process goes on without what is known of earlier ones; a part of a shared run does not',
    silent: true,
  },
  { place: 'told', because: 'better told twice than never', silent: true },
  { place: 'index', roles: ['plan'], because: 'what is known of earlier runs saves starts of the engine, and nothing else', silent: true },
  { place: 'heartbeats', because: 'they decide nothing', silent: true },
  { place: 'topic', roles: ['apply', 'recover', 'release'], because: 'who cannot be told never stops a run; the watch tells it' },
  { actions: ['cloudtrail:LookupEvents'], place: 'anything', because: 'it proves presence, and never absence' },
];

export const unreached = (role: Role, row: Permission): string | undefined => exceptionIn(unreachedRows, role, row)?.because;

export const tolerated = (role: Role, row: Permission): Pick<Exception, 'because' | 'silent'> | undefined =>
  exceptionIn(toleratedRows, role, row);
