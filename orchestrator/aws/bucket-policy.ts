import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { parseJson } from '../state/read-json.ts';

/**
 * The state bucket's policy, as far as Holdfast has a part in it: one statement, known by its Sid, that refuses every request that is not TLS.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
 */

const sid = 'HoldfastTlsOnly';

const policySchema = z.looseObject({ Statement: z.union([z.array(z.looseObject({})), z.looseObject({})]) });

type Statement = Readonly<Record<string, unknown>>;

function ownStatement(bucketArn: string): Statement {
  return {
    Sid: sid,
    Effect: 'Deny',
    Principal: '*',
    Action: 's3:*',
    Resource: [bucketArn, `${bucketArn}/*`],
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  };
}

/** @param policy text of the bucket's policy; undefined where it has none */
export function refusesPlainHttp(policy: string | undefined, bucketArn: string): boolean {
  return statementsOf(policy).some((statement) => says(statement, bucketArn));
}

/** The policy with our statement as it should be. Every other statement is as it was, in its place. */
export function withOwnStatement(policy: string | undefined, bucketArn: string): string {
  const statements = statementsOf(policy);
  const own = ownStatement(bucketArn);
  const place = statements.findIndex(({ Sid }) => Sid === sid);
  const merged = place < 0 ? [...statements, own] : statements.with(place, own);
  return JSON.stringify({ ...(policy === undefined ? { Version: '2012-10-17' } : (parseJson(policy) as object)), Statement: merged });
}

/** @throws where it is no policy: S3 would not have taken it, and what is not understood is not written over */
function statementsOf(policy: string | undefined): readonly Statement[] {
  if (policy === undefined) return [];
  const parsed = policySchema.safeParse(parseJson(policy));
  if (!parsed.success) throw new Error("the bucket's policy cannot be read");
  const { Statement } = parsed.data;
  return Array.isArray(Statement) ? Statement : [Statement];
}

/** Ours, or one of somebody else that comes to the same. */
function says(statement: Statement, bucketArn: string): boolean {
  const { Effect, Principal, Action, Resource, Condition } = statement;
  const everyone = Principal === '*' || isDeepStrictEqual(Principal, { AWS: '*' });
  const resources = listOf(Resource);
  const secure = isDeepStrictEqual(Condition, { Bool: { 'aws:SecureTransport': 'false' } });
  return (
    Effect === 'Deny' &&
    everyone &&
    listOf(Action).some((action) => action === 's3:*' || action === '*') &&
    (resources.includes('*') || (resources.includes(bucketArn) && resources.includes(`${bucketArn}/*`))) &&
    (secure || isDeepStrictEqual(Condition, { Bool: { 'aws:SecureTransport': ['false'] } }))
  );
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);
