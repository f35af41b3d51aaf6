import { z } from 'zod';
import { parseCidr, withoutHostBits } from '../domain/cidr.ts';
import { parseDuration } from '../domain/duration.ts';
import { matchesTag, ownTags, tagsOfControllers } from '../domain/tag-patterns.ts';
import { partPattern, partRule } from '../domain/stack-name.ts';
import { parseKmsUrl } from '../state/kms-url.ts';
import { byPassphrase } from '../state/secrets.ts';
import { parseEndpoint, partitionOf } from './endpoint.ts';
import type { EndpointFlaw, Service } from './endpoint.ts';

export { partitionOf };

/** The network file. The JSON schema that editors use is made from these types (`npm run schema`). */

const name = z.string().regex(partPattern, { error: `a name has ${partRule}` });

const cidrBlock = z
  .string()
  .superRefine((text, context) => {
    const parsed = parseCidr(text);
    if (parsed === 'malformed') context.addIssue({ code: 'custom', message: `"${text}" is not an IPv4 CIDR block such as 10.0.0.0/16` });
    if (parsed === 'host-bits-set')
      context.addIssue({ code: 'custom', message: `"${text}" has host bits set; the block is ${withoutHostBits(text)}` });
  })
  .describe('IPv4 CIDR block, as in 10.0.0.0/16');

/** AWS allows /16 to /28 for a VPC and for a subnet. */
const vpcBlock = cidrBlock.superRefine((text, context) => {
  const parsed = parseCidr(text);
  if (typeof parsed !== 'string' && (parsed.prefixLength < 16 || parsed.prefixLength > 28))
    context.addIssue({ code: 'custom', message: `"${text}" is a /${parsed.prefixLength}; AWS takes /16 to /28 here` });
});

const duration = z.string().transform((text, context) => {
  const seconds = parseDuration(text);
  if (seconds === undefined) {
    context.addIssue({ code: 'custom', message: `"${text}" is not a duration such as 45m or 2h` });
    return z.NEVER;
  }
  return seconds;
});

const flaws: Readonly<Record<EndpointFlaw, string>> = {
  malformed: 'an endpoint is a URL such as https://ec2.example.com, without a user, a query and a fragment',
  'not-https': 'an endpoint starts with https://',
  'own-address': 'an endpoint does not lead to this machine: a real account is never sent there',
};

/** Where calls of one service go. In one spelling, which is the one that is compared. */
const awsEndpoint = z
  .string()
  .meta({ pattern: '^https://' })
  .transform((text, context) => {
    const parsed = parseEndpoint(text);
    if (parsed.ok) return parsed.value.url;
    context.addIssue({ code: 'custom', message: flaws[parsed.flaw] });
    return z.NEVER;
  })
  .optional();

const awsEndpoints = z.strictObject({
  cloudtrail: awsEndpoint,
  cloudwatch: awsEndpoint,
  ec2: awsEndpoint,
  kms: awsEndpoint,
  s3: awsEndpoint,
  service_quotas: awsEndpoint,
  sns: awsEndpoint,
  sts: awsEndpoint,
} satisfies Readonly<Record<Service, typeof awsEndpoint>>);

const pattern = z.string().refine(
  (text) => {
    try {
      return new RegExp(text, 'u').source !== '';
    } catch {
      return false;
    }
  },
  { error: 'not a regular expression' },
);

const tags = z.record(
  z
    .string()
    .refine((key) => !/^(aws|holdfast):/i.test(key) && key !== 'Name', { error: 'the tags Name, aws:* and holdfast:* are set for you' }),
  z.string().max(256),
);

const tagPattern = z
  .string()
  .min(2)
  .max(128)
  .regex(/^[^*]+\*?$/, { error: 'a key of a tag, or the beginning of keys with * behind it, as in kubernetes.io/*' })
  .refine((pattern) => !ownTags.some((key) => matchesTag(pattern, key)), {
    error: 'the tags Name and holdfast:* are what resources are found again by',
  });

const notBuiltYet = (field: string, meaning: string) =>
  z
    .undefined({ error: `"${field}" (${meaning}) is a field for later and not built yet; leave it out` })
    .optional()
    .meta({ not: {} });

const was = name
  .optional()
  .describe(
    'The name that it was deployed with, which its stack and its resources keep: nothing is made again. It stays here as long as the thing does',
  );

const protect = z.boolean().default(false).describe('true: what deletes or replaces it is refused');

const segment = z.strictObject({
  was,
  protect,
  reaches: z.array(name).default([]).describe('Other segments whose VPCs these VPCs talk to; it holds in both directions'),
  isolated: z.boolean().default(false).describe('true: the VPCs of this segment do not reach one another'),
  blackholes: z.array(cidrBlock).default([]).describe('Destinations that the gateway drops'),
  routes: z
    .array(z.strictObject({ to: cidrBlock, vpc: name }))
    .default([])
    .describe('Static gateway routes: what goes to `to` leaves by the attachment of `vpc`'),
});

const tier = z
  .object({ was })
  .catchall(vpcBlock)
  .superRefine((fields, context) => {
    const zones = Object.keys(fields).filter((key) => key !== 'was');
    if (zones.length === 0) context.addIssue({ code: 'custom', message: 'a tier needs a subnet in at least one zone' });
    for (const key of zones)
      if (!/^[a-z]$/.test(key))
        context.addIssue({ code: 'custom', path: [key], message: `"${key}": a zone is one letter, as in "a" for eu-west-1a` });
  })
  .meta({ propertyNames: { pattern: '^([a-z]|was)$' } })
  .transform(({ was: old, ...zones }): { readonly was: string | undefined; readonly zones: Record<string, string> } => ({
    was: old,
    zones,
  }));

const vpc = z.strictObject({
  was,
  protect,
  segment: name.describe('The gateway route table that this VPC is associated with'),
  cidr: vpcBlock,
  subnets: z.record(name, tier).describe('tier, then zone, then block; each tier has a route table of its own'),
  attachment: name.describe('The tier whose subnets carry the gateway attachment'),
  routes: z.record(name, z.array(cidrBlock)).default({}).describe('tier, then the destinations that go to the gateway'),
  account: notBuiltYet('account', 'a VPC in an account of its own'),
  role: notBuiltYet('role', 'the role to assume for this VPC'),
  region: notBuiltYet('region', 'a VPC in a region of its own'),
  secondaryCidrs: notBuiltYet('secondaryCidrs', 'further blocks of a VPC'),
});

/** What an endpoint of the protocol looks like. https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html */
const endpoints = {
  email: { form: /^[^\s@:/]+@[^\s@:/]+$/, like: 'an address such as oncall@example.com' },
  'email-json': { form: /^[^\s@:/]+@[^\s@:/]+$/, like: 'an address such as oncall@example.com' },
  // Without a name and a password, which would stand in the file and in the state.
  https: { form: /^https:\/\/[^\s@]+$/, like: 'a link that starts with https://, without a password' },
  sqs: { form: /^arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:\S+$/, like: 'the ARN of a queue' },
  lambda: { form: /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:\S+$/, like: 'the ARN of a function' },
  sms: { form: /^\+\d{6,15}$/, like: 'a number such as +15550100' },
} as const;

/** What is wrong with an endpoint of a subscription; undefined where nothing is. Of a secret it says nothing. */
export function subscriptionFlaw(protocol: keyof typeof endpoints, endpoint: string): string | undefined {
  const { form, like } = endpoints[protocol];
  return form.test(endpoint) ? undefined : `the endpoint of ${protocol} is ${like}`;
}

const environmentVariable = (of: string) =>
  z.string().regex(/^[A-Z_][A-Z0-9_]*$/, { error: `the name of an environment variable, and not the ${of}: such an ${of} is a secret` });

const subscription = z
  .strictObject({
    protocol: z.enum(Object.keys(endpoints) as (keyof typeof endpoints)[], { error: `one of ${Object.keys(endpoints).join(', ')}` }),
    endpoint: z.string().optional().describe('An address, a link, or the ARN of a queue or a function'),
    endpointFrom: environmentVariable('endpoint')
      .optional()
      .describe('Environment variable that has the endpoint, where it is a secret: the link of a pager, with its key'),
  })
  .superRefine(({ protocol, endpoint, endpointFrom }, context) => {
    const issue = (message: string): void => context.addIssue({ code: 'custom', path: ['endpoint'], message });
    if ((endpoint === undefined) === (endpointFrom === undefined)) issue('a subscription has an endpoint, or endpointFrom, and not both');
    const flaw = endpoint === undefined ? undefined : subscriptionFlaw(protocol, endpoint);
    if (flaw !== undefined) issue(flaw);
  });

const guardrails = z.strictObject({
  lockAge: duration
    .refine((seconds) => seconds >= 60, { error: 'at least 1m' })
    .default(1200)
    .describe('A lock that is older is told of, as in 20m; it is never released by age'),
  runbook: z
    .url({ protocol: /^https?$/, error: 'a link that starts with https://' })
    .optional()
    .describe('The link in every message; without it the messages name docs/runbook.md'),
  metric: z
    .strictObject({
      namespace: z
        .string()
        .regex(/^(?!AWS\/)[0-9A-Za-z._\-/#]{1,255}$/, { error: 'letters, digits and . - _ / #, and not AWS/' })
        .default('Holdfast'),
    })
    .optional()
    .describe('A CloudWatch metric of the oldest lock, and the alarm on it; {} for the defaults'),
  topic: z
    .strictObject({
      arn: z
        .string()
        .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/, { error: 'not the ARN of an SNS topic' })
        .optional()
        .describe('A topic that there is; without it the stack `guardrails` makes holdfast-<network>'),
      subscriptions: z.array(subscription).default([]).describe('Who reads the topic that the stack makes'),
    })
    .optional()
    .describe('An SNS topic that is told of holds, freezes, recoveries, releases and old locks; {} for one of its own'),
  webhook: z
    .strictObject({
      urlFrom: environmentVariable('address').describe('Environment variable that has the address'),
    })
    .optional()
    .describe('A chat webhook that takes {"text": …}'),
});

export const networkSchema = z.strictObject({
  network: name.describe('Name of the network; the first part of every stack name'),
  account: z
    .string({ error: 'an account id is text: write it in quotes, so that YAML does not read it as a number' })
    .regex(/^\d{12}$/, { error: 'an account id has 12 digits, in quotes' })
    .describe('The AWS account. 111122223333 is the lab, and never a real account'),
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, { error: 'a region looks like eu-west-1' }),
  endpoints: awsEndpoints
    .optional()
    .describe("Where calls go that do not go to AWS's own domains, by service; https only. Calls of a real account go nowhere else"),
  state: z
    .strictObject({
      bucket: z
        .string()
        .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, { error: 'not a name that S3 takes for a bucket' })
        .optional(),
      secrets: z
        .string()
        .refine((said) => said === byPassphrase || parseKmsUrl(said) !== undefined, {
          error:
            'passphrase, or a key in KMS such as awskms://alias/state?region=eu-west-1: alias, id or ARN, then region and context_…, and no endpoint, profile or role',
        })
        .meta({ pattern: '^(passphrase|awskms://\\S+)$' })
        .default(byPassphrase)
        .describe('What encrypts secret values of the state: passphrase, or a key in KMS such as awskms://alias/state?region=eu-west-1'),
    })
    .default({ secrets: byPassphrase })
    .describe('Where the state lives; the bucket defaults to holdfast-state-<account>-<region>'),
  session: z
    .strictObject({
      minimum: duration
        .refine((seconds) => seconds >= 1800, { error: 'the floor is 30m: it can be raised, not lowered' })
        .default(1800)
        .describe('What must remain of the session before a run starts, as in 45m; at least 30m'),
    })
    .default({ minimum: 1800 }),
  recovery: z
    .strictObject({
      staleness: duration
        .refine((seconds) => seconds >= 1, { error: 'at least 1s: EC2 may show a thing a moment after it was made' })
        .optional()
        .describe(
          'How long AWS may still show what was before an act, as in 30s, for every type; without it 2m for what is of a transit gateway, and 30s for the rest. Two looks further apart have to agree',
        ),
      incident: pattern.optional().describe('What an incident has to look like, as a regular expression: ^INC-[0-9]+$'),
    })
    .default({}),
  guardrails: guardrails.optional().describe('Who is told of what happens to locks'),
  defaults: z.strictObject({ tags: tags.default({}) }).default({ tags: {} }),
  ignoreTags: z
    .array(tagPattern)
    .default([...tagsOfControllers])
    .describe('Tags of others, which are left as they are: keys, or beginnings of keys with * behind them. [] for none'),
  gateway: z
    .strictObject({
      protect,
      asn: z
        .number()
        .int()
        .refine((n) => (n >= 64512 && n <= 65534) || (n >= 4200000000 && n <= 4294967294), {
          error: 'a private ASN is 64512 to 65534 or 4200000000 to 4294967294',
        })
        .default(64512),
      description: z.string().max(255).optional(),
    })
    .default({ asn: 64512, protect: false }),
  segments: z.record(
    name,
    segment.nullable().transform((value) => value ?? segment.parse({})),
  ),
  vpcs: z.record(name, vpc),
});

/** As it is written: `was` stands beside each name that is another one by now. */
export type WrittenNetwork = z.infer<typeof networkSchema>;

type Segment = Omit<WrittenNetwork['segments'][string], 'was'>;

type Vpc = Omit<WrittenNetwork['vpcs'][string], 'was' | 'subnets'> & {
  /** Tier, then zone, then block. */
  readonly subnets: Record<string, Record<string, string>>;
};

/** What a network file says, under one name for each thing. */
export type NetworkSpec = Omit<WrittenNetwork, 'segments' | 'vpcs'> & {
  readonly segments: Record<string, Segment>;
  readonly vpcs: Record<string, Vpc>;
};

/** A part of a network that the file may protect. */
export type Part = { readonly of: 'gateway' } | { readonly of: 'segments' | 'vpcs'; readonly name: string };

export const pathOf = (part: Part): readonly string[] => (part.of === 'gateway' ? [part.of] : [part.of, part.name]);

/** False for what has left the file. */
export function isProtected(spec: NetworkSpec, part: Part): boolean {
  if (part.of === 'gateway') return spec.gateway.protect;
  return ownOf<{ readonly protect: boolean }>(spec[part.of], part.name)?.protect ?? false;
}

export type Subscription = z.infer<typeof subscription>;

export const bucketOf = (spec: NetworkSpec): string => spec.state.bucket ?? `holdfast-state-${spec.account}-${spec.region}`;

/** The topic that the network's own stack makes. Its ARN follows from the name, so that it is known before there is one. */
export const ownTopicName = (network: string): string => `holdfast-${network}`;

export function ownTopicArn({ network, account, region }: Pick<NetworkSpec, 'network' | 'account' | 'region'>): string {
  return `arn:${partitionOf(region)}:sns:${region}:${account}:${ownTopicName(network)}`;
}

/** The topic that is told: the one that the file names, else the network's own; undefined where there is to be none. */
export const topicOf = (spec: NetworkSpec): string | undefined =>
  spec.guardrails?.topic === undefined ? undefined : (spec.guardrails.topic.arn ?? ownTopicArn(spec));

/** What a file says under a name: every object also has a `constructor`. */
export const ownOf = <Value>(record: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;

/** Whether attachments of VPCs in `from` must be known to the gateway route table of `to`. */
export function reaches(spec: NetworkSpec, to: string, from: string): boolean {
  const [table, other] = [ownOf(spec.segments, to), ownOf(spec.segments, from)];
  if (to === from) return table?.isolated === false;
  return (table?.reaches.includes(from) ?? false) || (other?.reaches.includes(to) ?? false);
}
