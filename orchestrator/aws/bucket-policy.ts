import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { parseJson } from '../state/read-json.ts';
import { bucketSettings, evidenceFolders, notOnce, roleArnForm } from './permissions/evidence.ts';

/**
 * The state bucket's policy, as far as Holdfast has a part in it: statements that are known by their Sids, and deny. A role's own policy binds that role; these
 * bind every principal, of this account too, an administrator's among them. Without a break-glass role the bucket's policy can be changed first by whoever
 * may do that; with one, by that role alone.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
 */

type Statement = Readonly<Record<string, unknown>>;

const policySchema = z.looseObject({ Statement: z.union([z.array(z.looseObject({})), z.looseObject({})]) });

/** Requests that are not TLS, or TLS of before 1.2. */
export const tlsStatements = (bucketArn: string): readonly Statement[] => {
  const all = { Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: [bucketArn, `${bucketArn}/*`] };
  return [
    { Sid: 'HoldfastTlsOnly', ...all, Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
    // A request without a version of TLS is none of these.
    { Sid: 'HoldfastTlsVersion', ...all, Condition: { NumericLessThan: { 's3:TlsVersion': '1.2' } } },
  ];
};

const breakGlassKey = 'aws:PrincipalArn';

/**
 * What says afterwards what happened stays: for everyone but the break-glass role, where there is one.
 * @param breakGlass ARN of the role
 */
export function evidenceStatements(bucketArn: string, breakGlass: string | undefined): readonly Statement[] {
  const below = (folders: readonly string[]): string[] => folders.map((folder) => `${bucketArn}/${folder}/*`);
  const ofEvidence = below(evidenceFolders.map((folder) => `.holdfast/${folder}`));
  const deny = (Sid: string, Action: readonly string[], Resource: readonly string[], condition: object = {}): Statement => {
    const Condition = { ...condition, ...(breakGlass === undefined ? {} : { ArnNotEquals: { [breakGlassKey]: breakGlass } }) };
    const isConditional = Object.keys(Condition).length > 0;
    return { Sid, Effect: 'Deny', Principal: '*', Action, Resource, ...(isConditional ? { Condition } : {}) };
  };
  return [
    deny(
      'HoldfastVersionsStay',
      ['s3:BypassGovernanceRetention', 's3:DeleteObjectVersion', 's3:PutObjectAcl', 's3:PutObjectVersionAcl'],
      below(['.pulumi', '.holdfast']),
    ),
    deny('HoldfastEvidenceStays', ['s3:DeleteObject'], ofEvidence),
    deny('HoldfastEvidenceIsWrittenOnce', ['s3:PutObject'], ofEvidence, notOnce),
    deny(
      'HoldfastBucketStays',
      [
        's3:DeleteBucket',
        's3:PutBucketAcl',
        's3:PutBucketOwnershipControls',
        's3:PutReplicationConfiguration',
        // Bootstrap makes these: without a break-glass role everyone who may run it.
        ...(breakGlass === undefined ? [] : ['s3:DeleteBucketPolicy', ...bucketSettings]),
      ],
      [bucketArn],
    ),
  ];
}

/** The break-glass role that Holdfast's own statements name; undefined where they name none, or not the same one. */
export function breakGlassOf(policy: string | undefined): string | undefined {
  const own = statementsOf(policy).find(({ Sid }) => Sid === 'HoldfastBucketStays');
  const condition = z.object({ ArnNotEquals: z.object({ [breakGlassKey]: z.string().regex(roleArnForm) }) }).safeParse(own?.['Condition']);
  return condition.success ? condition.data.ArnNotEquals[breakGlassKey] : undefined;
}

/** Sids of those that the policy does not have as they should be. */
export function missingStatements(policy: string | undefined, own: readonly Statement[]): readonly string[] {
  const there = statementsOf(policy);
  return own.filter((statement) => !there.some((each) => isDeepStrictEqual(said(each), said(statement)))).map(({ Sid }) => String(Sid));
}

/** By what it says: AWS may give back a list of one as that one, and lists in another order. */
function said({ Principal, Action, Resource, Condition, ...rest }: Statement): object {
  const conditions = z.record(z.string(), z.record(z.string(), z.unknown())).safeParse(Condition ?? {});
  return {
    ...rest,
    principal: isDeepStrictEqual(Principal, { AWS: '*' }) ? '*' : Principal,
    actions: inOrder(Action),
    resources: inOrder(Resource),
    conditions: conditions.success
      ? Object.entries(conditions.data)
          .flatMap(([operator, keys]) => Object.entries(keys).map(([key, values]) => [operator, key, ...inOrder(values)].join(' ')))
          .sort()
      : Condition,
  };
}

const inOrder = (value: unknown): string[] => listOf(value).map(String).sort();

/** @param policy text of the bucket's policy; undefined where it has none */
export function refusesPlainHttp(policy: string | undefined, bucketArn: string): boolean {
  return statementsOf(policy).some((statement) => says(statement, bucketArn));
}

/** The policy with our statements as they should be. Every other statement is as it was, in its place. */
export function withOwnStatements(policy: string | undefined, own: readonly Statement[]): string {
  const merged = own.reduce<readonly Statement[]>((statements, statement) => {
    const place = statements.findIndex(({ Sid }) => Sid === statement['Sid']);
    return place < 0 ? [...statements, statement] : statements.with(place, statement);
  }, statementsOf(policy));
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

/** Ours, or another one that refuses the same. */
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
