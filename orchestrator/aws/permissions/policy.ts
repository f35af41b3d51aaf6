import { partitionOf } from '../../network/spec.ts';
import type { NetworkSpec } from '../../network/spec.ts';
import { byPassphrase } from '../../state/secrets.ts';
import { places } from './places.ts';
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

/** Characters without white space that IAM takes for a managed policy. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html */
export const mostCharacters = 6144;

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
  return { Version: '2012-10-17', Statement: [...allowed, ...denies(role, spec)] };
}

/**
 * What goes by one name, where a role has all of it on the same resources: a policy is short of characters. It lets through other reads of the same kind of
 * object, and of the stack's own topic and alarm what whoever may write them can do anyway.
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
  const below = (...folders: string[]): string[] => folders.map((folder) => `${anyBucket}/.holdfast/${folder}/*`);
  return [
    {
      Sid: 'VersionsStay',
      Effect: 'Deny',
      Action: [
        's3:BypassGovernanceRetention',
        's3:DeleteBucket',
        's3:DeleteBucketPolicy',
        's3:DeleteObjectVersion',
        ...(role === 'bootstrap' ? [] : ['s3:PutBucketPolicy', 's3:PutBucketVersioning', 's3:PutLifecycleConfiguration']),
      ],
      Resource: ['*'],
    },
    { Sid: 'EvidenceStays', Effect: 'Deny', Action: ['s3:DeleteObject'], Resource: below('quarantine', 'runs', 'dossiers') },
    {
      Sid: 'EvidenceIsWrittenOnce',
      Effect: 'Deny',
      Action: ['s3:PutObject'],
      Resource: below('quarantine', 'runs'),
      // The key is there where the request has `If-None-Match`, by which S3 writes only what is not there.
      Condition: { Null: { 's3:if-none-match': 'true' } },
    },
    ...(readOnly.includes(role) ? [readsOnly] : []),
  ];
}

const readsOnly: Statement = {
  Sid: 'ReadsOnly',
  Effect: 'Deny',
  NotAction: [
    'cloudtrail:LookupEvents',
    'cloudwatch:DescribeAlarms',
    'cloudwatch:ListTagsForResource',
    'ec2:Describe*',
    'ec2:Get*',
    'ec2:Search*',
    // They change nothing.
    'kms:Decrypt',
    'kms:Encrypt',
    's3:Get*',
    's3:List*',
    'sns:Get*',
    'sns:List*',
    'sts:GetCallerIdentity',
  ],
  Resource: ['*'],
};
