import { describe, expect, it } from 'vitest';
import { policySchema, verdictOf } from '../../lab/proxy/policy.ts';
import type { Verdict } from '../../lab/proxy/policy.ts';
import { mostCharacters, policyOf } from '../../orchestrator/aws/permissions/policy.ts';
import { permissions, readOnly, roles } from '../../orchestrator/aws/permissions/roles.ts';
import type { Role } from '../../orchestrator/aws/permissions/roles.ts';
import { networkSchema } from '../../orchestrator/network/spec.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';

const specWith = (different: object = {}): NetworkSpec =>
  networkSchema.parse({ network: 'prod', account: '111122223333', region: 'eu-west-1', segments: {}, vpcs: {}, ...different });

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
  )('of $role fits into a managed policy, also with the longest names, and the topic $topic', ({ role, topic }) => {
    const longest = specWith({
      network: 'n'.repeat(40),
      region: 'ap-southeast-2',
      state: { bucket: 'b'.repeat(63), secrets: `awskms://alias/${'k'.repeat(60)}` },
      guardrails: { topic, metric: {} },
    });
    expect(JSON.stringify(policyOf(role, longest)).length).toBeLessThanOrEqual(mostCharacters);
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
    expect(everywhere('s3:DeleteObject', `${bucket}/.holdfast/dossiers/prod/run/a.json`)).toEqual(deniedToAll);
  });

  it('denies to write over the journal', () => {
    const event = `${bucket}/.holdfast/runs/prod/run/a-000001-opened.json`;
    expect(everywhere('s3:PutObject', event)).toEqual(deniedToAll);
    expect(everywhere('s3:DeleteObject', event)).toEqual(deniedToAll);
    expect(verdict('apply', 's3:PutObject', event, { 's3:if-none-match': '*' })).toBe('allowed');
  });

  it('lets nobody but bootstrap change how long the bucket keeps versions', () => {
    for (const action of ['s3:PutBucketVersioning', 's3:PutLifecycleConfiguration', 's3:PutBucketPolicy'])
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
    const allowed = Object.entries(everywhere('ec2:CreateVpc', vpc)).flatMap(([role, said]) => (said === 'allowed' ? [role] : []));
    expect(allowed).toEqual(['apply']);
    expect(verdict('apply', 'ec2:CreateVpc', 'arn:aws:ec2:us-east-1:111122223333:vpc/*')).toBe('no-allow');
  });
});

describe('a role that only reads', () => {
  const changes = [
    ...new Set(
      permissions.map(({ action }) => action).filter((action) => !/:(Get|List|Describe|Search|Lookup|Encrypt|Decrypt)/.test(action)),
    ),
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

  it('is nobody’s where states are encrypted by a passphrase', () => {
    expect(keyIn('passphrase')).toEqual([]);
  });
});

it('a region of another partition has its own ARNs', () => {
  const texts = roles.map((role) => JSON.stringify(policyOf(role, specWith({ region: 'cn-north-1' }))));
  for (const text of texts) expect(text).not.toContain('arn:aws:');
});
