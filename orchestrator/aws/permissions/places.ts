import { bucketOf, ownTopicArn, partitionOf, topicOf } from '../../network/spec.ts';
import type { NetworkSpec } from '../../network/spec.ts';
import {
  durableLockKey,
  heartbeatsPrefix,
  historyPrefix,
  indexKey,
  installationKey,
  locksPrefix,
  metaKey,
  probeKey,
  project,
  recordsPrefix,
  runsPrefix,
  stacksPrefix,
  toldPrefix,
} from '../../state/layout.ts';
import { parseKmsUrl } from '../../state/kms-url.ts';

/** Conditions of IAM, by operator and key. */
export type Conditions = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

/** The resources of a permission, and on what condition it is given. */
export interface Where {
  readonly resources: readonly string[];
  readonly condition?: Conditions;
}

/** S3 writes only what is not there: the condition key is there where the request has `If-None-Match`. */
const onlyNew: Conditions = { Null: { 's3:if-none-match': 'false' } };

const keys =
  (...of: ((network: string) => string)[]) =>
  (spec: NetworkSpec): Where => ({ resources: of.map((key) => `${bucketArn(spec)}/${key(spec.network)}`) });

const below =
  (prefix: (network: string) => string): ((network: string) => string) =>
  (network) =>
    `${prefix(network)}*`;

const ofHoldfast = (folder: string) => keys((network) => `.holdfast/${folder}/${network}/*`);

const ec2 = ({ region, account }: NetworkSpec, ...types: readonly string[]): string[] =>
  types.map((type) => `arn:${partitionOf(region)}:ec2:${region}:${account}:${type}`);

/**
 * Which of the network's stacks made an object: each that can bear tags has borne this one since its creation. The dot is part of it, so that the network
 * `prod` is not the network `prod-eu`. The installation is not asked for: no network file has its name.
 */
const stackTag = 'holdfast:stack';
export const ofNetwork = ({ network }: Pick<NetworkSpec, 'network'>): string => `${network}.*`;
export const bearsTag = `aws:ResourceTag/${stackTag}`;

const isOwn = (spec: NetworkSpec): Conditions => ({ StringLike: { [bearsTag]: ofNetwork(spec) } });

/**
 * An object that a call makes has to get the tag with that call. One place for each type: a call that makes one type works on objects of others, and where
 * the same statement allowed both, the tag that it asks for would count for those too.
 */
const newOf =
  (type: string) =>
  (spec: NetworkSpec): Where => ({
    resources: ec2(spec, `${type}/*`),
    condition: { StringLike: { [`aws:RequestTag/${stackTag}`]: ofNetwork(spec) } },
  });

/** Where a permission is given, by name. A key of the bucket is narrowed to the network: a bucket may have several. */
export const places = {
  anything: () => ({ resources: ['*'] }),
  bucket: (spec) => ({ resources: [bucketArn(spec)] }),
  layout: keys(() => metaKey),
  installation: keys(() => installationKey),
  'store-probe': keys(() => probeKey),
  probes: keys(() => '.holdfast/probes/*'),
  checkpoints: keys(below(stacksPrefix)),
  locks: keys(below(locksPrefix)),
  // Holdfast's own lock alone: any other object in the folder would be a lock of plain pulumi.
  'locks-new': (spec) => ({ ...keys((network) => durableLockKey(`${network}.*`))(spec), condition: onlyNew }),
  history: keys(below(historyPrefix)),
  backups: keys((network) => `.pulumi/backups/${project}/${network}.*`),
  runs: keys(below(runsPrefix)),
  index: keys(indexKey),
  records: keys(below(recordsPrefix)),
  'network-files': ofHoldfast('networks'),
  heartbeats: keys(below(heartbeatsPrefix)),
  told: keys(below(toldPrefix)),
  shared: ofHoldfast('shared'),
  quarantine: ofHoldfast('quarantine'),
  dossiers: ofHoldfast('dossiers'),
  // Few reads of EC2 know a resource; the others are allowed on everything or not at all.
  'ec2-reads': () => ({ resources: ['*'] }),
  'ec2-own': (spec) => ({ resources: ec2(spec, '*'), condition: isOwn(spec) }),
  'ec2-new-vpc': newOf('vpc'),
  'ec2-new-subnet': newOf('subnet'),
  'ec2-new-route-table': newOf('route-table'),
  'ec2-new-gateway': newOf('transit-gateway'),
  'ec2-new-gateway-table': newOf('transit-gateway-route-table'),
  'ec2-new-attachment': newOf('transit-gateway-attachment'),
  // EC2 says of a tag that comes with a creation which call creates; of any other it says nothing.
  'ec2-tags-new': (spec) => ({ resources: ec2(spec, '*'), condition: { Null: { 'ec2:CreateAction': 'false' } } }),
  // Not those that say whose it is. A call that takes tags away and names none takes all of them.
  'ec2-tags-own': (spec) => ({
    resources: ec2(spec, '*'),
    condition: { ...isOwn(spec), 'ForAllValues:StringNotLike': { 'aws:TagKeys': 'holdfast:*' }, Null: { 'aws:TagKeys': 'false' } },
  }),
  'service-linked-role': ({ region, account }) => ({
    resources: [`arn:${partitionOf(region)}:iam::${account}:role/aws-service-role/transitgateway.amazonaws.com/*`],
    condition: { StringEquals: { 'iam:AWSServiceName': 'transitgateway.amazonaws.com' } },
  }),
  key: ({ state, region, account }) => {
    const { key = '', region: named } = parseKmsUrl(state.secrets) ?? {};
    if (key.startsWith('arn:') && key.includes(':key/')) return { resources: [key] };
    const arn = (id: string): string => `arn:${partitionOf(region)}:kms:${named ?? region}:${account}:key/${id}`;
    const alias = key.slice(key.indexOf('alias/'));
    // An alias is no resource of a policy. A decryption does not name one, so that those which the key has count.
    return key.includes('alias/')
      ? { resources: [arn('*')], condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': alias } } }
      : { resources: [arn(key)] };
  },
  topic: (spec) => ({ resources: [topicOf(spec) ?? ownTopicArn(spec)] }),
  'own-topic': (spec) => ({ resources: [ownTopicArn(spec)] }),
  alarm: ({ network, region, account }) => ({
    resources: [`arn:${partitionOf(region)}:cloudwatch:${region}:${account}:alarm:holdfast-${network}-*`],
  }),
  metric: ({ guardrails }) => ({
    resources: ['*'],
    condition: { StringEquals: { 'cloudwatch:namespace': guardrails?.metric?.namespace ?? '' } },
  }),
} satisfies Readonly<Record<string, (spec: NetworkSpec) => Where>>;

export type Place = keyof typeof places;

function bucketArn(spec: NetworkSpec): string {
  return `arn:${partitionOf(spec.region)}:s3:::${bucketOf(spec)}`;
}
