import { bucketOf, ownTopicArn, partitionOf, topicOf } from '../../network/spec.ts';
import type { NetworkSpec } from '../../network/spec.ts';
import {
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
export type Conditions = Readonly<Record<string, Readonly<Record<string, string>>>>;

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

const locks = keys(below(locksPrefix));

/** Where a permission is given, by name. A key of the bucket is narrowed to the network: a bucket may have several. */
export const places = {
  anything: () => ({ resources: ['*'] }),
  bucket: (spec) => ({ resources: [bucketArn(spec)] }),
  layout: keys(() => metaKey),
  installation: keys(() => installationKey),
  'store-probe': keys(() => probeKey),
  probes: keys(() => '.holdfast/probes/*'),
  checkpoints: keys(below(stacksPrefix)),
  locks,
  'locks-new': (spec) => ({ ...locks(spec), condition: onlyNew }),
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
  ec2: ({ region, account }) => ({ resources: [`arn:${partitionOf(region)}:ec2:${region}:${account}:*`] }),
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
