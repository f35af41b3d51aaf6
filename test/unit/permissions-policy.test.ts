import { describe, expect, it } from 'vitest';
import { policySchema, verdictOf } from '../../lab/proxy/policy.ts';
import type { Need, Verdict } from '../../lab/proxy/policy.ts';
import { mostCharacters, mostPolicies, policiesOf, policyOf } from '../../orchestrator/aws/permissions/policy.ts';
import { permissions, readOnly, roles } from '../../orchestrator/aws/permissions/roles.ts';
import type { Role } from '../../orchestrator/aws/permissions/roles.ts';
import { separated } from '../../orchestrator/network/renames.ts';
import { networkSchema } from '../../orchestrator/network/spec.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';

const specWith = (different: object = {}): NetworkSpec =>
  separated(networkSchema.parse({ network: 'prod', account: '111122223333', region: 'eu-west-1', segments: {}, vpcs: {}, ...different }))
    .spec;

const spec = specWith();
const bucket = 'arn:aws:s3:::holdfast-state-111122223333-eu-west-1';

const verdict = (role: Role, action: string, resource: string, context = {}, of = spec): Verdict =>
  verdictOf(policySchema.parse(policyOf(role, of)), { action, resource, context });

const everywhere = (action: string, resource: string, context = {}): Record<Role, Verdict> =>
  Object.fromEntries(roles.map((role) => [role, verdict(role, action, resource, context)])) as Record<Role, Verdict>;

const deniedToAll = Object.fromEntries(roles.map((role) => [role, 'explicit-deny']));

describe('the policy of every role', () => {
  it.each(
    roles.flatMap((role) => [
      { role, topic: { arn: `arn:aws:sns:ap-southeast-2:111122223333:${'t'.repeat(80)}` } },
      { role, topic: {} },
    ]),
  )('of $role is as many managed policies as take all of it, also with the longest names, and the topic $topic', ({ role, topic }) => {
    const longest = specWith({
      network: 'n'.repeat(40),
      region: 'ap-southeast-2',
      state: { bucket: 'b'.repeat(63), secrets: `awskms://alias/${'k'.repeat(60)}` },
      guardrails: { topic, metric: {} },
    });
    const documents = policiesOf(role, longest);
    for (const document of documents) {
      expect(JSON.stringify(document).length).toBeLessThanOrEqual(mostCharacters);
      expect(policySchema.safeParse(document).success).toBe(true);
    }
    expect(documents.length).toBeLessThanOrEqual(mostPolicies);
    expect(documents.flatMap(({ Statement }) => Statement)).toEqual(policyOf(role, longest).Statement);
  });

  it('denies to make evidence unreadable, or readable by others, and what S3 will only learn', () => {
    const onObject = `${bucket}/.holdfast/runs/prod/run/a-000001-opened.json`;
    for (const action of [
      's3:PutObjectAcl',
      's3:PutObjectVersionAcl',
      's3:BypassGovernanceRetention',
      's3:PutObjectTagging',
      's3:RestoreObject',
    ])
      expect(everywhere(action, onObject)).toEqual(deniedToAll);
    for (const action of [
      's3:PutReplicationConfiguration',
      's3:PutBucketAcl',
      's3:PutBucketOwnershipControls',
      's3:PutInventoryConfiguration',
      's3:ExportToTheMoon',
    ])
      expect(everywhere(action, bucket)).toEqual(deniedToAll);
  });

  it('denies to delete versions of objects, and the bucket', () => {
    expect(everywhere('s3:DeleteObjectVersion', `${bucket}/.pulumi/stacks/holdfast/prod.vpc.one.json`)).toEqual(deniedToAll);
    expect(everywhere('s3:DeleteBucket', bucket)).toEqual(deniedToAll);
  });

  it('denies to delete what recoveries have kept, and to write over it', () => {
    const copy = `${bucket}/.holdfast/quarantine/prod/run/prod.vpc.one/manifest-1.json`;
    expect(everywhere('s3:DeleteObject', copy)).toEqual(deniedToAll);
    expect(everywhere('s3:PutObject', copy)).toEqual(deniedToAll);
    expect(verdict('recover', 's3:PutObject', copy, { 's3:if-none-match': '*' })).toBe('allowed');
    const dossier = `${bucket}/.holdfast/dossiers/prod/run/a.json`;
    expect(everywhere('s3:DeleteObject', dossier)).toEqual(deniedToAll);
    expect(everywhere('s3:PutObject', dossier)).toEqual(deniedToAll);
    expect(verdict('release', 's3:PutObject', dossier, { 's3:if-none-match': '*' })).toBe('allowed');
  });

  it('denies to write over the journal', () => {
    const event = `${bucket}/.holdfast/runs/prod/run/a-000001-opened.json`;
    expect(everywhere('s3:PutObject', event)).toEqual(deniedToAll);
    expect(everywhere('s3:DeleteObject', event)).toEqual(deniedToAll);
    expect(verdict('apply', 's3:PutObject', event, { 's3:if-none-match': '*' })).toBe('allowed');
  });

  it.each([
    's3:PutBucketVersioning',
    's3:PutLifecycleConfiguration',
    's3:PutBucketPolicy',
    's3:PutEncryptionConfiguration',
    's3:PutBucketPublicAccessBlock',
    's3:PutBucketObjectLockConfiguration',
  ])('denies %s to all but bootstrap', (action) => {
    expect(everywhere(action, bucket)).toEqual({ ...deniedToAll, bootstrap: 'allowed' });
  });

  it('is about one network and its bucket', () => {
    for (const role of roles)
      for (const resource of [`${bucket}/.pulumi/stacks/holdfast/other.vpc.one.json`, 'arn:aws:s3:::other/.pulumi/meta.yaml'])
        expect(verdict(role, 's3:GetObject', resource)).toBe('no-allow');
    expect(verdict('apply', 's3:GetObject', `${bucket}/.pulumi/stacks/holdfast/prod.vpc.one.json`)).toBe('allowed');
  });

  it('changes AWS in one account and region, and by apply alone', () => {
    const vpc = 'arn:aws:ec2:eu-west-1:111122223333:vpc/*';
    const tagged = { 'aws:RequestTag/holdfast:stack': 'prod.vpc.one', 'aws:TagKeys': ['holdfast:stack'] };
    const allowed = Object.entries(everywhere('ec2:CreateVpc', vpc, tagged)).flatMap(([role, said]) => (said === 'allowed' ? [role] : []));
    expect(allowed).toEqual(['apply']);
    expect(verdict('apply', 'ec2:CreateVpc', 'arn:aws:ec2:us-east-1:111122223333:vpc/*', tagged)).toBe('no-allow');
  });

  it.each(['recover', 'release', 'watch', 'bootstrap'] as const)(
    'of %s is denied every change of AWS, whatever else is attached to it',
    (role) => {
      for (const action of [
        'ec2:DeleteVpc',
        'ec2:CreateTags',
        'iam:CreateUser',
        'sns:DeleteTopic',
        'lambda:InvokeFunction',
        'kms:ScheduleKeyDeletion',
      ])
        expect(verdict(role, action, '*'), action).toBe('explicit-deny');
    },
  );
});

describe('the policy of apply', () => {
  const arn = (type: string, id = '*'): string => `arn:aws:ec2:eu-west-1:111122223333:${type}/${id}`;
  /** Where another policy of the role allows everything. */
  const besides = (action: string, need: Partial<Need>): Verdict =>
    verdictOf(
      policySchema.parse({
        Version: '2012-10-17',
        Statement: [...policyOf('apply', spec).Statement, { Effect: 'Allow', Action: '*', Resource: '*' }],
      }),
      { action, resource: arn('vpc', 'vpc-1'), ...need },
    );
  const by = (action: string, need: Partial<Need>): Verdict =>
    verdictOf(policySchema.parse(policyOf('apply', spec)), { action, resource: arn('vpc', 'vpc-1'), ...need });
  const ours = { object: 'vpc-1', tags: { 'holdfast:stack': 'prod.vpc.one' } };
  const foreign: readonly [string, Partial<Need>][] = [
    ['bears no tag', { object: 'vpc-1', tags: {} }],
    ['bears the tag of another network', { object: 'vpc-1', tags: { 'holdfast:stack': 'prod-eu.vpc.one' } }],
    ['bears the tag of another tool', { object: 'vpc-1', tags: { 'aws:cloudformation:stack-name': 'prod.vpc' } }],
  ];
  const changes = permissions.filter(({ place }) => place === 'ec2-own').map(({ action }) => action);

  it.each(foreign)('changes, deletes and fills nothing that %s', (_, need) => {
    expect(changes.length).toBeGreaterThan(20);
    for (const action of changes) {
      expect(by(action, need), action).not.toBe('allowed');
      expect(by(action, ours), action).toBe('allowed');
      if (/:(Delete|Modify|Replace|Disassociate|Disable)/.test(action)) expect(besides(action, need), action).toBe('explicit-deny');
    }
  });

  it.each(foreign)('tags nothing that %s, and takes no tag from it', (_, need) => {
    const context = { 'aws:TagKeys': ['team'] };
    for (const action of ['ec2:CreateTags', 'ec2:DeleteTags']) {
      expect(by(action, { ...need, context })).toBe('explicit-deny');
      expect(besides(action, { ...need, context })).toBe('explicit-deny');
      expect(by(action, { ...ours, context })).toBe('allowed');
    }
  });

  it('leaves its own objects the tags that say whose they are', () => {
    for (const keys of [['holdfast:stack'], ['team', 'holdfast:installation'], undefined])
      for (const action of ['ec2:CreateTags', 'ec2:DeleteTags'])
        expect(by(action, { ...ours, context: { 'aws:TagKeys': keys } }), String(keys)).toBe('no-allow');
  });

  it.each([
    ['ec2:CreateVpc', 'vpc'],
    ['ec2:CreateSubnet', 'subnet'],
    ['ec2:CreateRouteTable', 'route-table'],
    ['ec2:CreateTransitGateway', 'transit-gateway'],
    ['ec2:CreateTransitGatewayRouteTable', 'transit-gateway-route-table'],
    ['ec2:CreateTransitGatewayVpcAttachment', 'transit-gateway-attachment'],
  ])('%s makes a %s only with the tag of a stack of the network', (action, type) => {
    const made = (tags: Record<string, string>): Partial<Need> => ({
      resource: arn(type),
      context: Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
    });
    expect(by(action, made({ 'holdfast:stack': 'prod.vpc.one' }))).toBe('allowed');
    expect(by(action, made({ 'holdfast:stack': 'other.vpc.one' }))).toBe('no-allow');
    expect(by(action, made({}))).toBe('no-allow');
    // With the tag of what is made it gets at no object that is there.
    for (const other of ['vpc', 'subnet', 'route-table', 'transit-gateway'])
      expect(by(action, { ...made({ 'holdfast:stack': 'prod.vpc.one' }), resource: arn(other, 'x-1'), object: 'x-1', tags: {} })).toBe(
        other === type ? 'allowed' : 'no-allow',
      );
  });

  it('tags what it makes with the call that makes it', () => {
    const made = { resource: arn('vpc'), context: { 'ec2:CreateAction': 'CreateVpc', 'aws:TagKeys': ['holdfast:stack'] } };
    expect(by('ec2:CreateTags', made)).toBe('allowed');
    expect(by('ec2:CreateTags', { resource: arn('vpc'), context: { 'aws:TagKeys': ['holdfast:stack'] } })).not.toBe('allowed');
  });
});

describe('a role that only reads', () => {
  const changes = [
    ...new Set(permissions.map(({ action }) => action).filter((action) => !/:(Get|List|Describe|Search|Lookup)/.test(action))),
  ];

  it.each(readOnly)('%s is denied everything that changes something, whatever else is attached to it', (role) => {
    expect(changes.length).toBeGreaterThan(30);
    for (const action of [...changes, 's3:PutObject', 'iam:CreateUser', 'sns:Publish'])
      expect(verdict(role, action, '*'), action).toBe('explicit-deny');
  });
});

describe('the policy of watch', () => {
  const lock = `${bucket}/.pulumi/locks/organization/holdfast/prod.vpc.one/holdfast.json`;

  it('puts a lock back where none stands, and neither takes over nor releases one', () => {
    expect(verdict('watch', 's3:PutObject', lock, { 's3:if-none-match': '*' })).toBe('allowed');
    expect(verdict('watch', 's3:PutObject', lock, { 's3:if-match': '"a"' })).toBe('no-allow');
    expect(verdict('watch', 's3:DeleteObject', lock)).toBe('no-allow');
    expect(verdict('watch', 's3:PutObject', lock.replace('holdfast.json', '0123.json'), { 's3:if-none-match': '*' })).toBe('no-allow');
  });

  it('writes neither journal nor record nor state: what it may write decides no run', () => {
    for (const key of [
      '.holdfast/runs/prod/r/a.json',
      '.holdfast/stacks/prod/prod.vpc.one.json',
      '.pulumi/stacks/holdfast/prod.vpc.one.json',
      '.holdfast/heartbeats/prod/a.json',
    ])
      expect(verdict('watch', 's3:PutObject', `${bucket}/${key}`, { 's3:if-none-match': '*' })).toBe('no-allow');
  });

  it('publishes to the topic of the file, and to its namespace', () => {
    const topic = 'arn:aws:sns:eu-west-1:111122223333:on-call';
    const told = specWith({ guardrails: { topic: { arn: topic }, metric: { namespace: 'Net' } } });
    expect(verdict('watch', 'sns:Publish', topic, {}, told)).toBe('allowed');
    expect(verdict('watch', 'sns:Publish', `${topic}-2`, {}, told)).toBe('no-allow');
    expect(verdict('watch', 'cloudwatch:PutMetricData', '*', { 'cloudwatch:namespace': 'Net' }, told)).toBe('allowed');
    expect(verdict('watch', 'cloudwatch:PutMetricData', '*', { 'cloudwatch:namespace': 'AWS/EC2' }, told)).toBe('no-allow');
    expect(verdict('watch', 'sns:Publish', topic)).toBe('no-allow');
  });
});

describe('a key in KMS', () => {
  const keyIn = (secrets: string) =>
    policyOf('apply', specWith({ state: { secrets } })).Statement.filter(({ Action }) => Action?.includes('kms:Decrypt') === true);

  it('is told by its alias, which is no resource of a policy', () => {
    expect(keyIn('awskms://alias/state?region=eu-west-1')).toEqual([
      {
        Effect: 'Allow',
        Action: ['kms:Decrypt', 'kms:Encrypt'],
        Resource: ['arn:aws:kms:eu-west-1:111122223333:key/*'],
        Condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/state' } },
      },
    ]);
  });

  it('is told by its id, or by its ARN', () => {
    expect(keyIn('awskms://1234abcd?region=us-east-1')[0]?.Resource).toEqual(['arn:aws:kms:us-east-1:111122223333:key/1234abcd']);
    const arn = 'arn:aws:kms:eu-west-1:999988887777:key/1234abcd';
    expect(keyIn(`awskms:///${arn}`)[0]?.Resource).toEqual([arn]);
  });

  it('is not for a plan, which runs the code of a branch: only S3 decrypts for it, what the bucket encrypts', () => {
    const withKey = specWith({ state: { secrets: 'awskms://alias/state?region=eu-west-1' } });
    const key = 'arn:aws:kms:eu-west-1:111122223333:key/1234';
    const context = { 'kms:ResourceAliases': ['alias/state'] };
    expect(verdict('apply', 'kms:Decrypt', key, context, withKey)).toBe('allowed');
    expect(verdict('plan', 'kms:Decrypt', key, context, withKey)).toBe('explicit-deny');
    expect(verdict('plan', 'kms:Decrypt', key, { ...context, 'kms:ViaService': 's3.eu-west-1.amazonaws.com' }, withKey)).toBe('no-allow');
  });

  it('is nobody’s where states are encrypted by a passphrase', () => {
    expect(keyIn('passphrase')).toEqual([]);
  });
});

it('a region of another partition has its own ARNs', () => {
  const texts = roles.map((role) => JSON.stringify(policyOf(role, specWith({ region: 'cn-north-1' }))));
  for (const text of texts) expect(text).not.toContain('arn:aws:');
});
