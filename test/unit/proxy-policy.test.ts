import { describe, expect, it } from 'vitest';
import { policySchema, unknown, verdictOf } from '../../lab/proxy/policy.ts';
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

  it('does not judge by what only the service knows', () => {
    expect(verdict([allow({ Condition: { StringEquals: { a: '1' } } })], { context: { a: unknown } })).toBe('allowed');
  });

  it.each([
    ['an operator that is not evaluated', allow({ Condition: { NumericLessThan: { a: '1' } } })],
    ['a principal', allow({ Principal: '*' })],
    ['Action beside NotAction', allow({ NotAction: 'ec2:*' })],
    ['no resource', { Effect: 'Allow', Action: 's3:*' }],
  ])('with %s is not taken', (_, statement) => {
    expect(policySchema.safeParse({ Version: '2012-10-17', Statement: [statement] }).success).toBe(false);
  });
});
