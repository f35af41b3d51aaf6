import { describe, expect, it } from 'vitest';
import { bucketPolicySchema, bucketVerdictOf } from '../../lab/proxy/policy.ts';
import type { Verdict } from '../../lab/proxy/policy.ts';
import {
  breakGlassOf,
  evidenceStatements,
  missingStatements,
  refusesPlainHttp,
  tlsStatements,
  withOwnStatements,
} from '../../orchestrator/aws/bucket-policy.ts';

const arn = 'arn:aws:s3:::state';
const theirs = {
  Sid: 'Theirs',
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam::111122223333:root' },
  Action: 's3:GetObject',
  Resource: `${arn}/x`,
};
const policyOf = (...statements: object[]): string => JSON.stringify({ Version: '2012-10-17', Id: 'an id', Statement: statements });
const statements = (policy: string): unknown[] => (JSON.parse(policy) as { Statement: unknown[] }).Statement;
const tls = {
  Sid: 'SomebodyElses',
  Effect: 'Deny',
  Principal: { AWS: '*' },
  Action: ['s3:*'],
  Resource: [`${arn}/*`, arn],
  Condition: { Bool: { 'aws:SecureTransport': 'false' } },
};

const withOwnStatement = (policy: string | undefined, of: string): string => withOwnStatements(policy, tlsStatements(of));

describe('the statement that refuses what is not TLS', () => {
  it.each(['arn:aws:s3:::state', 'arn:aws-cn:s3:::state', 'arn:aws-us-gov:s3:::state'])('is for the bucket and all in it: %s', (of) => {
    const made = withOwnStatement(undefined, of);
    expect(JSON.parse(made)).toMatchObject({
      Version: '2012-10-17',
      Statement: [
        {
          Sid: 'HoldfastTlsOnly',
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:*',
          Resource: [of, `${of}/*`],
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
        { Sid: 'HoldfastTlsVersion', Effect: 'Deny', Principal: '*', Condition: { NumericLessThan: { 's3:TlsVersion': '1.2' } } },
      ],
    });
    expect(refusesPlainHttp(made, of)).toBe(true);
  });

  it('comes after those of others, which stay as they are', () => {
    const merged = withOwnStatement(policyOf(theirs), arn);
    expect(statements(merged)[0]).toEqual(theirs);
    expect(JSON.stringify(statements(merged)[0])).toBe(JSON.stringify(theirs));
    expect(merged).toContain('"Id":"an id"');
    expect(refusesPlainHttp(merged, arn)).toBe(true);
  });

  it('is put beside a statement that stands alone', () => {
    const merged = withOwnStatement(JSON.stringify({ Version: '2008-10-17', Statement: theirs }), arn);
    expect(statements(merged)).toEqual([theirs, ...tlsStatements(arn)]);
    expect(merged).toContain('"2008-10-17"');
  });

  it('is known by its Sid, and put right in its place', () => {
    const changed = { ...tls, Sid: 'HoldfastTlsOnly', Effect: 'Allow' };
    expect(refusesPlainHttp(policyOf(changed, theirs), arn)).toBe(false);
    const merged = withOwnStatement(policyOf(changed, theirs), arn);
    expect(statements(merged)).toEqual([tlsStatements(arn)[0], theirs, tlsStatements(arn)[1]]);
  });

  it('of another author counts, where it refuses the same', () => {
    expect(refusesPlainHttp(policyOf(theirs, tls), arn)).toBe(true);
  });

  it.each<[string, object]>([
    ['allows', { Effect: 'Allow' }],
    ['is for one principal', { Principal: { AWS: 'arn:aws:iam::111122223333:root' } }],
    ['is for some calls', { Action: ['s3:GetObject'] }],
    ['leaves the bucket itself out', { Resource: [`${arn}/*`] }],
    ['is for another bucket', { Resource: ['arn:aws:s3:::other', 'arn:aws:s3:::other/*'] }],
    ['has a further condition', { Condition: { ...tls.Condition, StringEquals: { 'aws:PrincipalTag/x': 'y' } } }],
    ['is for TLS', { Condition: { Bool: { 'aws:SecureTransport': 'true' } } }],
    ['has no condition', { Condition: undefined }],
  ])('does not count where it %s', (_, different) => {
    expect(refusesPlainHttp(policyOf({ ...tls, ...different }), arn)).toBe(false);
  });

  it('is not written over what cannot be read', () => {
    expect(() => withOwnStatement('{', arn)).toThrow(/cannot be read/);
  });
});

describe('the statements that keep evidence', () => {
  const role = 'arn:aws:iam::111122223333:role/break-glass';
  const admin = 'arn:aws:iam::111122223333:role/admin';
  const made = (breakGlass?: string): string => withOwnStatements(undefined, evidenceStatements(arn, breakGlass));
  const verdict = (policy: string, action: string, key: string | undefined, context: Record<string, string> = {}, by = admin): Verdict =>
    bucketVerdictOf(
      bucketPolicySchema.parse(JSON.parse(policy)),
      { action, resource: key === undefined ? arn : `${arn}/${key}`, context: { 'aws:PrincipalArn': by, ...context } },
      by,
    );
  const evidence = ['.holdfast/quarantine/prod/a', '.holdfast/runs/prod/a', '.holdfast/dossiers/prod/a'];

  it.each(evidence)('let nobody delete %s, or write over it', (key) => {
    expect(verdict(made(), 's3:DeleteObject', key)).toBe('explicit-deny');
    expect(verdict(made(), 's3:PutObject', key)).toBe('explicit-deny');
    expect(verdict(made(), 's3:PutObject', key, { 's3:if-none-match': '*' })).toBe('no-allow');
  });

  it('let nobody delete a version, or show it to others', () => {
    for (const action of ['s3:DeleteObjectVersion', 's3:PutObjectAcl', 's3:PutObjectVersionAcl', 's3:BypassGovernanceRetention'])
      for (const key of ['.pulumi/stacks/holdfast/prod.vpc.json', '.holdfast/stacks/prod/a.json'])
        expect(verdict(made(), action, key)).toBe('explicit-deny');
    for (const action of ['s3:DeleteBucket', 's3:PutBucketAcl', 's3:PutReplicationConfiguration'])
      expect(verdict(made(), action, undefined)).toBe('explicit-deny');
  });

  it('leave the rest of the bucket to those who have it', () => {
    expect(verdict(made(), 's3:DeleteObjectVersion', 'other/a')).toBe('no-allow');
    expect(verdict(made(), 's3:PutObject', '.holdfast/stacks/prod/a.json')).toBe('no-allow');
    expect(verdict(made(), 's3:DeleteObject', '.pulumi/locks/organization/holdfast/prod.vpc/holdfast.json')).toBe('no-allow');
  });

  it('leave the settings to bootstrap where there is no break-glass role, and to that role alone where there is one', () => {
    for (const action of [
      's3:PutBucketPolicy',
      's3:PutLifecycleConfiguration',
      's3:PutBucketVersioning',
      's3:PutEncryptionConfiguration',
    ]) {
      expect(verdict(made(), action, undefined)).toBe('no-allow');
      expect(verdict(made(role), action, undefined)).toBe('explicit-deny');
      expect(verdict(made(role), action, undefined, {}, role)).toBe('no-allow');
    }
  });

  it('let the break-glass role through, and no role whose name begins with its name', () => {
    for (const action of ['s3:DeleteObject', 's3:PutObject', 's3:DeleteObjectVersion']) {
      expect(verdict(made(role), action, evidence[0], {}, role)).toBe('no-allow');
      expect(verdict(made(role), action, evidence[0], {}, `${role}-2`)).toBe('explicit-deny');
    }
  });

  it('name the break-glass role, so that a later bootstrap keeps it', () => {
    expect(breakGlassOf(made(role))).toBe(role);
    expect(breakGlassOf(made())).toBeUndefined();
    expect(breakGlassOf(undefined)).toBeUndefined();
    expect(breakGlassOf(made('*'))).toBeUndefined();
    const several = made(role).replaceAll(`"${role}"`, `["${role}","${admin}"]`);
    expect(breakGlassOf(several)).toBeUndefined();
  });

  it('are missed by name, where one is gone or lets another through', () => {
    const own = evidenceStatements(arn, role);
    expect(missingStatements(made(role), own)).toEqual([]);
    expect(missingStatements(undefined, own)).toEqual(own.map(({ Sid }) => Sid));
    const changed = made(role).replace('s3:DeleteObjectVersion', 's3:DeleteObject');
    expect(missingStatements(changed, own)).toEqual(['HoldfastVersionsStay']);
    expect(missingStatements(made(admin), own)).toEqual(own.map(({ Sid }) => Sid));
  });

  it('are known in the words in which AWS gives them back', () => {
    const policy = JSON.parse(made(role)) as { Statement: Record<string, unknown>[] };
    const asGiven = policy.Statement.map((statement) => ({
      ...statement,
      Principal: { AWS: '*' },
      Action:
        Array.isArray(statement['Action']) && statement['Action'].length === 1 ? (statement['Action'][0] as string) : statement['Action'],
      Resource: [...(statement['Resource'] as string[])].reverse(),
      Condition: JSON.parse(JSON.stringify(statement['Condition']).replaceAll(`"${role}"`, `["${role}"]`)) as object,
    }));
    expect(missingStatements(JSON.stringify({ ...policy, Statement: asGiven }), evidenceStatements(arn, role))).toEqual([]);
  });
});
