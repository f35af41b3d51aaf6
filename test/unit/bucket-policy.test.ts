import { describe, expect, it } from 'vitest';
import { refusesPlainHttp, withOwnStatement } from '../../orchestrator/aws/bucket-policy.ts';

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

describe('the statement that refuses what is not TLS', () => {
  it.each(['arn:aws:s3:::state', 'arn:aws-cn:s3:::state', 'arn:aws-us-gov:s3:::state'])('is for the bucket and all in it: %s', (of) => {
    const made = withOwnStatement(undefined, of);
    expect(JSON.parse(made)).toEqual({
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
    expect(statements(merged)).toEqual([theirs, expect.objectContaining({ Sid: 'HoldfastTlsOnly' })]);
    expect(merged).toContain('"2008-10-17"');
  });

  it('is known by its Sid, and put right in its place', () => {
    const changed = { ...tls, Sid: 'HoldfastTlsOnly', Effect: 'Allow' };
    expect(refusesPlainHttp(policyOf(changed, theirs), arn)).toBe(false);
    const merged = withOwnStatement(policyOf(changed, theirs), arn);
    expect(statements(merged)).toEqual([expect.objectContaining({ Sid: 'HoldfastTlsOnly', Effect: 'Deny' }), theirs]);
  });

  it('of somebody else counts, where it comes to the same', () => {
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
