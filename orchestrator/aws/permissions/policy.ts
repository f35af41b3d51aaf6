import { partitionOf } from '../../network/spec.ts';
import type { NetworkSpec } from '../../network/spec.ts';
import { byPassphrase } from '../../state/secrets.ts';
import { bucketSettings, evidenceFolders, notOnce } from './evidence.ts';
import { bearsTag, ofNetwork, places } from './places.ts';
import type { Conditions, Where } from './places.ts';
import { permissions, readOnly } from './roles.ts';
import type { Needed, Permission, Role } from './roles.ts';

export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: readonly string[];
  readonly NotAction?: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Conditions;
}

export interface PolicyDocument {
  readonly Version: '2012-10-17';
  readonly Statement: readonly Statement[];
}

/**
 * Characters without white space that IAM takes for a managed policy, and how many of those for a role.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
 */
export const mostCharacters = 6144;
export const mostPolicies = 10;

/** The rows that a network needs. */
export function neededFor({ state, guardrails }: Pick<NetworkSpec, 'state' | 'guardrails'>): readonly Permission[] {
  const makesTopic = guardrails?.topic !== undefined && guardrails.topic.arn === undefined;
  const isNeeded: Readonly<Record<Needed, boolean>> = {
    always: true,
    key: state.secrets !== byPassphrase,
    topic: guardrails?.topic !== undefined,
    'own-topic': makesTopic,
    metric: guardrails?.metric !== undefined,
    // Where there is such a stack, both are looked for by their names.
    guardrails: makesTopic || guardrails?.metric !== undefined,
  };
  return permissions.filter(({ needed }) => isNeeded[needed]);
}

/**
 * The policy of a role for one network: what its commands call, and what it must not be able to whatever else is attached to it.
 * @param table other rows than the network's, for a test
 */
export function policyOf(role: Role, spec: NetworkSpec, table: readonly Permission[] = neededFor(spec)): PolicyDocument {
  const allowed = allows(
    table.filter(({ roles }) => roles.includes(role)),
    spec,
  );
  // The denials first: a person who attaches the first of several policies alone has given the less.
  return documentOf([...denies(role, spec), ...allowed]);
}

/**
 * The same, as managed policies for IAM: as few as take all of its statements, in their order. What one denies is denied whatever another allows, so that
 * all of them have to be attached.
 */
export function policiesOf(role: Role, spec: NetworkSpec): readonly PolicyDocument[] {
  const documents: PolicyDocument[] = [];
  for (const statement of policyOf(role, spec).Statement) {
    const last = documents.at(-1);
    const longer = last && documentOf([...last.Statement, statement]);
    if (longer && JSON.stringify(longer).length <= mostCharacters) documents[documents.length - 1] = longer;
    else documents.push(documentOf([statement]));
  }
  return documents;
}

const documentOf = (Statement: readonly Statement[]): PolicyDocument => ({ Version: '2012-10-17', Statement });

/**
 * What goes by one name, where a role has all of it on the same resources, so that a policy is shorter to read. It lets through other reads of the same kind
 * of object, and of the stack's own topic and alarm what every writer of them can do anyway.
 */
const wildcards: Readonly<Record<string, readonly string[]>> = {
  'ec2:DescribeTransitGateway*': [
    'ec2:DescribeTransitGatewayRouteTables',
    'ec2:DescribeTransitGatewayVpcAttachments',
    'ec2:DescribeTransitGateways',
  ],
  'ec2:DescribeVpc*': ['ec2:DescribeVpcAttribute', 'ec2:DescribeVpcs'],
  'ec2:GetTransitGatewayRouteTable*': ['ec2:GetTransitGatewayRouteTableAssociations', 'ec2:GetTransitGatewayRouteTablePropagations'],
  'sns:*': ['sns:CreateTopic', 'sns:DeleteTopic', 'sns:SetTopicAttributes', 'sns:Subscribe', 'sns:TagResource', 'sns:UntagResource'],
  'cloudwatch:*': ['cloudwatch:DeleteAlarms', 'cloudwatch:PutMetricAlarm', 'cloudwatch:TagResource', 'cloudwatch:UntagResource'],
};

function shortened(actions: ReadonlySet<string>): string[] {
  const left = new Set(actions);
  for (const [wildcard, members] of Object.entries(wildcards)) {
    if (!members.every((action) => actions.has(action))) continue;
    for (const action of members) left.delete(action);
    left.add(wildcard);
  }
  return [...left].sort();
}

/** Resources that allow the same share a statement: each is written once for each condition. */
function allows(table: readonly Permission[], spec: NetworkSpec): Statement[] {
  const byWhere = new Map<string, Where & { readonly actions: Set<string> }>();
  for (const { action, place } of table) {
    const where: Where = places[place](spec);
    const key = JSON.stringify(where);
    const known = byWhere.get(key) ?? { ...where, actions: new Set<string>() };
    known.actions.add(action);
    byWhere.set(key, known);
  }
  const byActions = new Map<string, Statement>();
  for (const { actions, resources, condition } of byWhere.values()) {
    const Action = shortened(actions);
    const key = JSON.stringify([Action, condition]);
    const Resource = [...(byActions.get(key)?.Resource ?? []), ...resources].sort();
    byActions.set(key, { Effect: 'Allow', Action, Resource, ...(condition === undefined ? {} : { Condition: condition }) });
  }
  return [...byActions.values()];
}

/** What no role of Holdfast's may do, also where another policy would let it: in no bucket, so that it is short. */
function denies(role: Role, spec: NetworkSpec): Statement[] {
  const anyBucket = `arn:${partitionOf(spec.region)}:s3:::*`;
  const below = (...folders: readonly string[]): string[] => folders.map((folder) => `${anyBucket}/.holdfast/${folder}/*`);
  return [
    {
      Sid: 'VersionsStay',
      Effect: 'Deny',
      Action: [
        's3:BypassGovernanceRetention',
        's3:DeleteBucket',
        's3:DeleteBucketPolicy',
        's3:DeleteObjectVersion',
        's3:PutBucketAcl',
        's3:PutBucketOwnershipControls',
        's3:PutObjectAcl',
        's3:PutObjectVersionAcl',
        's3:PutReplicationConfiguration',
        ...(role === 'bootstrap' ? [] : bucketSettings),
      ],
      Resource: ['*'],
    },
    {
      // What is not named above, and what S3 will learn: it exports, shares, archives or expires what the bucket has.
      Sid: 'ObjectsAndNoMore',
      Effect: 'Deny',
      NotAction: [
        's3:Get*',
        's3:List*',
        's3:PutObject',
        's3:DeleteObject',
        ...(role === 'bootstrap' ? ['s3:CreateBucket', ...bucketSettings] : []),
      ],
      Resource: [anyBucket],
    },
    { Sid: 'EvidenceStays', Effect: 'Deny', Action: ['s3:DeleteObject'], Resource: below(...evidenceFolders) },
    {
      Sid: 'EvidenceIsWrittenOnce',
      Effect: 'Deny',
      Action: ['s3:PutObject'],
      Resource: below(...evidenceFolders),
      Condition: notOnce,
    },
    ...othersStay(role, spec),
    ...atMost(role),
  ];
}

/** What no stack of the network has made stays as it is: AWS says of what it allows a tag of, and of what bears none that it is unlike every tag. */
function othersStay(role: Role, spec: NetworkSpec): Statement[] {
  if (role !== 'apply') return [];
  const isOthers: Conditions = { StringNotLike: { [bearsTag]: ofNetwork(spec) } };
  const Resource = [`arn:${partitionOf(spec.region)}:ec2:*:*:*`];
  return [
    {
      Sid: 'OthersStay',
      Effect: 'Deny',
      Action: ['ec2:Delete*', 'ec2:Disable*', 'ec2:Disassociate*', 'ec2:Modify*', 'ec2:Replace*'],
      Resource,
      Condition: isOthers,
    },
    {
      Sid: 'OthersAreNotTagged',
      Effect: 'Deny',
      Action: ['ec2:CreateTags'],
      Resource,
      // Not with a creation: what is being made bears no tag yet.
      Condition: { ...isOthers, Null: { 'ec2:CreateAction': 'true' } },
    },
  ];
}

/** They change nothing. */
const reads = [
  'cloudtrail:LookupEvents',
  'cloudwatch:DescribeAlarms',
  'cloudwatch:ListTagsForResource',
  'ec2:Describe*',
  'ec2:Get*',
  'ec2:Search*',
  'kms:Decrypt',
  'kms:Encrypt',
  's3:Get*',
  's3:List*',
  'servicequotas:GetServiceQuota',
  'sns:Get*',
  'sns:List*',
  'sts:GetCallerIdentity',
];

/** What a role may do at most, whatever else is attached to it; a bucket that a key in KMS encrypts asks its writers for a key of data. */
function atMost(role: Role): readonly Statement[] {
  const only = (Sid: string, ...NotAction: readonly string[]): Statement[] => [{ Sid, Effect: 'Deny', NotAction, Resource: ['*'] }];
  const ofTheBucket = ['s3:*', 'kms:GenerateDataKey'];
  // Only S3 itself decrypts for them, what a bucket's own key has encrypted: a plan runs the code of a branch.
  if (readOnly.includes(role))
    return [
      ...only('ReadsOnly', ...reads),
      {
        Sid: 'SecretsStay',
        Effect: 'Deny',
        Action: ['kms:Decrypt', 'kms:Encrypt'],
        Resource: ['*'],
        Condition: { StringNotLike: { 'kms:ViaService': 's3.*' } },
      },
    ];
  switch (role) {
    case 'recover':
    case 'release':
      return only('WritesTheBucketOnly', ...reads, ...ofTheBucket, 'sns:Publish');
    case 'watch':
      return only('WritesTheBucketOnly', ...reads, ...ofTheBucket, 'sns:Publish', 'cloudwatch:PutMetricData');
    case 'bootstrap':
      return only('WritesTheBucketOnly', ...ofTheBucket, 'kms:Decrypt', 'sts:GetCallerIdentity');
    default:
      return [];
  }
}
