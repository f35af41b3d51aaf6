import { describe, expect, it } from 'vitest';
import { bucketPolicySchema, bucketVerdictOf, policySchema, unknown, verdictOf } from '../../lab/proxy/policy.ts';
import type { Need, Verdict } from '../../lab/proxy/policy.ts';

const verdict = (statements: readonly object[], need: Partial<Need> = {}): Verdict =>
  verdictOf(policySchema.parse({ Version: '2012-10-17', Statement: statements }), {
    action: 's3:GetObject',
    resource: 'arn:aws:s3:::state/a/b.json',
    ...need,
  });

const allow = (rest: object = {}): object => ({ Effect: 'Allow', Action: 's3:GetObject', Resource: '*', ...rest });
const deny = (rest: object = {}): object => ({ Effect: 'Deny', Action: 's3:*', Resource: '*', ...rest });

describe('a policy of IAM', () => {
  it('allows nothing that no statement allows', () => {
    expect(verdict([allow({ Action: 's3:PutObject' })])).toBe('no-allow');
    expect(verdict([deny({ Action: 's3:PutObject' })])).toBe('no-allow');
  });

  it('denies what one statement denies, however many allow it', () => {
    expect(verdict([allow(), deny(), allow()])).toBe('explicit-deny');
  });

  it.each([
    ['s3:GetObject', 'allowed'],
    ['S3:getobject', 'allowed'],
    ['s3:Get*', 'allowed'],
    ['s3:Get?bject', 'allowed'],
    ['*', 'allowed'],
    ['s3:GetObjectVersion', 'no-allow'],
    ['s3:Get', 'no-allow'],
    ['ec2:GetObject', 'no-allow'],
  ])('knows an action by %s: %s', (Action, expected) => {
    expect(verdict([allow({ Action })])).toBe(expected);
  });

  it.each([
    ['arn:aws:s3:::state/*', 'allowed'],
    ['arn:aws:s3:::state/*.json', 'allowed'],
    ['arn:aws:s3:::*/b.json', 'allowed'],
    ['arn:aws:s3:::state/a/b-json', 'no-allow'],
    ['arn:aws:s3:::STATE/*', 'no-allow'],
    ['arn:aws:s3:::state', 'no-allow'],
  ])('knows a resource by %s: %s', (Resource, expected) => {
    expect(verdict([allow({ Resource })])).toBe(expected);
  });

  it('applies NotAction and NotResource to all others', () => {
    expect(verdict([allow(), { Effect: 'Deny', NotAction: ['s3:Get*', 'ec2:Describe*'], Resource: '*' }])).toBe('allowed');
    expect(verdict([allow(), { Effect: 'Deny', NotAction: 'ec2:*', Resource: '*' }])).toBe('explicit-deny');
    expect(verdict([{ Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::state/a/*' }])).toBe('no-allow');
    expect(verdict([{ Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::state/c/*' }])).toBe('allowed');
  });

  it('applies a statement where all its conditions hold', () => {
    const isNew = allow({ Condition: { Null: { 's3:if-none-match': 'false' } } });
    expect(verdict([isNew], { context: { 's3:if-none-match': '*' } })).toBe('allowed');
    expect(verdict([isNew])).toBe('no-allow');
    const both = allow({ Condition: { StringEquals: { a: ['1', '2'] }, StringLike: { b: 'x*' } } });
    expect(verdict([both], { context: { a: '2', b: 'xy' } })).toBe('allowed');
    expect(verdict([both], { context: { a: '3', b: 'xy' } })).toBe('no-allow');
    expect(verdict([both], { context: { a: '2' } })).toBe('no-allow');
  });

  // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
  it.each<[string, object, string, object, Verdict]>([
    ['StringNotEquals', { a: ['1', '2'] }, 'unlike all of them', { a: '3' }, 'allowed'],
    ['StringNotEquals', { a: ['1', '2'] }, 'like one of them', { a: '2' }, 'no-allow'],
    ['StringNotEquals', { a: '1' }, 'not there', {}, 'allowed'],
    ['StringNotLike', { a: 'prod.*' }, 'like it', { a: 'prod.vpc.one' }, 'no-allow'],
    ['StringNotLike', { a: 'prod.*' }, 'of a longer name', { a: 'prod-eu.vpc.one' }, 'allowed'],
    ['StringNotLike', { a: 'prod.*' }, 'not there', {}, 'allowed'],
    ['StringLike', { a: 'prod.*' }, 'not there', {}, 'no-allow'],
    ['StringLikeIfExists', { a: 'prod.*' }, 'not there', {}, 'allowed'],
    ['StringLikeIfExists', { a: 'prod.*' }, 'there, and unlike it', { a: 'dev.*' }, 'no-allow'],
    ['StringEqualsIgnoreCase', { a: 'ABC' }, 'the same in another case', { a: 'abc' }, 'allowed'],
    ['StringNotEqualsIgnoreCase', { a: 'ABC' }, 'the same in another case', { a: 'abc' }, 'no-allow'],
    ['ArnNotEquals', { a: 'arn:aws:iam::1:role/glass' }, 'another role', { a: 'arn:aws:iam::1:role/other' }, 'allowed'],
    ['ArnNotEquals', { a: 'arn:aws:iam::1:role/glass' }, 'that role', { a: 'arn:aws:iam::1:role/glass' }, 'no-allow'],
    ['ArnLike', { a: 'arn:aws:iam::*:role/x*' }, 'like it', { a: 'arn:aws:iam::1:role/xy' }, 'allowed'],
    ['ArnLike', { a: 'arn:aws:*' }, 'of more parts than the pattern', { a: 'arn:aws:iam::1:role/xy' }, 'no-allow'],
    ['Bool', { a: 'false' }, 'that', { a: 'false' }, 'allowed'],
    ['Bool', { a: 'false' }, 'not there', {}, 'no-allow'],
    ['NumericLessThan', { a: '1.2' }, 'less', { a: '1.1' }, 'allowed'],
    ['NumericLessThan', { a: '1.2' }, 'the same', { a: '1.2' }, 'no-allow'],
    ['NumericLessThan', { a: '1.2' }, 'not there', {}, 'no-allow'],
    ['NumericGreaterThanEquals', { a: '10' }, 'greater, and shorter as a text', { a: '9' }, 'no-allow'],
    ['ForAllValues:StringEquals', { a: ['1', '2'] }, 'some of them', { a: ['2', '1', '2'] }, 'allowed'],
    ['ForAllValues:StringEquals', { a: ['1', '2'] }, 'one besides', { a: ['1', '3'] }, 'no-allow'],
    ['ForAllValues:StringEquals', { a: '1' }, 'not there', {}, 'allowed'],
    ['ForAllValues:StringNotLike', { a: 'holdfast:*' }, 'none of that kind', { a: ['team', 'env'] }, 'allowed'],
    ['ForAllValues:StringNotLike', { a: 'holdfast:*' }, 'one of that kind', { a: ['team', 'holdfast:stack'] }, 'no-allow'],
    ['ForAnyValue:StringLike', { a: 'holdfast:*' }, 'one of that kind', { a: ['team', 'holdfast:stack'] }, 'allowed'],
    ['ForAnyValue:StringEquals', { a: '1' }, 'not there', {}, 'no-allow'],
    ['Null', { a: 'true' }, 'not there', {}, 'allowed'],
    ['Null', { a: 'true' }, 'there', { a: '' }, 'no-allow'],
  ])('judges %s %j by a value that is %s', (operator, keys, _, context, expected) => {
    expect(verdict([allow({ Condition: { [operator]: keys } })], { context: context as Need['context'] & object })).toBe(expected);
  });

  it('knows the names of keys in any case', () => {
    const said = allow({ Condition: { StringEquals: { 'AWS:PrincipalARN': 'a' } } });
    expect(verdict([said], { context: { 'aws:PrincipalArn': 'a' } })).toBe('allowed');
  });

  it('knows an object by the tags that it bears: none of what is only being made', () => {
    const own = allow({ Condition: { StringLike: { 'aws:ResourceTag/holdfast:stack': 'prod.*' } } });
    const others = deny({ Condition: { StringNotLike: { 'aws:ResourceTag/holdfast:stack': 'prod.*' } } });
    const of = (tags?: Record<string, string>) => ({ object: 'vpc-1', ...(tags === undefined ? {} : { tags }) });
    expect(verdict([own], of({ 'holdfast:stack': 'prod.vpc.one' }))).toBe('allowed');
    expect(verdict([own], of({ 'holdfast:stack': 'dev.vpc.one' }))).toBe('no-allow');
    expect(verdict([own], of({}))).toBe('no-allow');
    expect(verdict([own], {})).toBe('no-allow');
    expect(verdict([allow(), others], of({}))).toBe('explicit-deny');
    expect(verdict([allow(), others], of({ 'holdfast:stack': 'prod.vpc.one' }))).toBe('allowed');
    // The lab has not looked, and refuses nothing for it.
    expect(verdict([own], of())).toBe('allowed');
    expect(verdict([allow(), others], of())).toBe('allowed');
  });

  it('does not judge by what only the service knows', () => {
    expect(verdict([allow({ Condition: { StringEquals: { a: '1' } } })], { context: { a: unknown } })).toBe('allowed');
  });

  it.each([
    ['an operator that is not evaluated', allow({ Condition: { DateLessThan: { a: '1' } } })],
    ['a variable of the policy', allow({ Condition: { StringEquals: { a: '${aws:username}' } } })],
    ['a principal', allow({ Principal: '*' })],
    ['Action beside NotAction', allow({ NotAction: 'ec2:*' })],
    ['no resource', { Effect: 'Allow', Action: 's3:*' }],
  ])('with %s is not taken', (_, statement) => {
    expect(policySchema.safeParse({ Version: '2012-10-17', Statement: [statement] }).success).toBe(false);
  });
});

describe('the policy of a bucket', () => {
  const role = 'arn:aws:iam::111122223333:role/deploy';
  const said = (statement: object, need: Partial<Need> = {}): Verdict =>
    bucketVerdictOf(
      bucketPolicySchema.parse({ Version: '2012-10-17', Statement: statement }),
      { action: 's3:GetObject', resource: 'arn:aws:s3:::state/a', ...need },
      role,
    );

  it.each<[string, unknown, Verdict]>([
    ['everyone', '*', 'explicit-deny'],
    ['everyone, as AWS says it', { AWS: '*' }, 'explicit-deny'],
    ['the role', { AWS: [role] }, 'explicit-deny'],
    ['the account', { AWS: 'arn:aws:iam::111122223333:root' }, 'explicit-deny'],
    ['the account by its number', { AWS: '111122223333' }, 'explicit-deny'],
    ['another role', { AWS: `${role}-2` }, 'no-allow'],
    ['another account', { AWS: '999988887777' }, 'no-allow'],
  ])('denies %s', (_, Principal, expected) => {
    expect(said(deny({ Principal }))).toBe(expected);
  });

  it('that lets an account in leaves it to the account whom', () => {
    expect(said(allow({ Principal: { AWS: '111122223333' } }))).toBe('no-allow');
    expect(said(allow({ Principal: '*' }))).toBe('allowed');
  });

  it('has to say for whom', () => {
    expect(bucketPolicySchema.safeParse({ Version: '2012-10-17', Statement: [deny()] }).success).toBe(false);
  });
});
