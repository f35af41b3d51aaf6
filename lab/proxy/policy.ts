import { z } from 'zod';

const patterns = new Map<string, RegExp>();

/** A text, or several of which one has to match. */
const texts = z.union([z.string(), z.array(z.string()).min(1)]).transform((value) => (typeof value === 'string' ? [value] : value));

/** Operators that compare a value of the request with each of those that a statement names. Those that negate are for what is none of them. */
const comparisons = {
  StringEquals: { holds: (value: string, wanted: string) => value === wanted },
  StringNotEquals: { holds: (value: string, wanted: string) => value === wanted, negates: true },
  StringEqualsIgnoreCase: { holds: (value: string, wanted: string) => value.toLowerCase() === wanted.toLowerCase() },
  StringNotEqualsIgnoreCase: { holds: (value: string, wanted: string) => value.toLowerCase() === wanted.toLowerCase(), negates: true },
  StringLike: { holds: isLike },
  StringNotLike: { holds: isLike, negates: true },
  // Equals and Like are the same for ARNs.
  ArnEquals: { holds: isLikeArn },
  ArnLike: { holds: isLikeArn },
  ArnNotEquals: { holds: isLikeArn, negates: true },
  ArnNotLike: { holds: isLikeArn, negates: true },
  Bool: { holds: (value: string, wanted: string) => value.toLowerCase() === wanted.toLowerCase() },
  NumericEquals: { holds: (value: string, wanted: string) => Number(value) === Number(wanted) },
  NumericLessThan: { holds: (value: string, wanted: string) => Number(value) < Number(wanted) },
  NumericLessThanEquals: { holds: (value: string, wanted: string) => Number(value) <= Number(wanted) },
  NumericGreaterThan: { holds: (value: string, wanted: string) => Number(value) > Number(wanted) },
  NumericGreaterThanEquals: { holds: (value: string, wanted: string) => Number(value) >= Number(wanted) },
} satisfies Record<string, Comparison>;

type Comparison = { holds: (value: string, wanted: string) => boolean; negates?: true };

/** `ForAllValues:StringNotLikeIfExists`, or a part of that. */
const operatorForm = new RegExp(`^(?:(ForAnyValue|ForAllValues):)?(?:(Null)|(${Object.keys(comparisons).join('|')})(IfExists)?)$`);

/** Operators that are not here are refused when the document is set: one that is passed over would allow, or deny, what AWS does not. */
const conditions = z.record(
  z.string().regex(operatorForm, { error: 'an operator that the lab does not evaluate' }),
  // A variable of the policy would be taken for a text.
  z.record(
    z.string(),
    texts.refine((values) => !values.some((value) => value.includes('${')), { error: 'a variable, which the lab does not evaluate' }),
  ),
);

const statementForm = {
  Sid: z
    .string()
    .regex(/^[A-Za-z0-9]*$/)
    .optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Action: texts.optional(),
  NotAction: texts.optional(),
  Resource: texts.optional(),
  NotResource: texts.optional(),
  Condition: conditions.optional(),
};

type Named = { Action?: unknown; NotAction?: unknown; Resource?: unknown; NotResource?: unknown };

const hasOneAction = ({ Action, NotAction }: Named): boolean => (Action === undefined) !== (NotAction === undefined);
const hasOneResource = ({ Resource, NotResource }: Named): boolean => (Resource === undefined) !== (NotResource === undefined);

const statementSchema = z
  .strictObject(statementForm)
  .refine(hasOneAction, { error: 'Action or NotAction' })
  .refine(hasOneResource, { error: 'Resource or NotResource' });

/** A policy of a role, as IAM takes it. */
export const policySchema = z.strictObject({ Version: z.literal('2012-10-17'), Statement: z.array(statementSchema).min(1) });

const everyone = z.literal('*').transform(() => ['*']);

const bucketStatementSchema = z
  .strictObject({ ...statementForm, Principal: z.union([everyone, z.strictObject({ AWS: texts }).transform(({ AWS }) => AWS)]) })
  .refine(hasOneAction, { error: 'Action or NotAction' })
  .refine(hasOneResource, { error: 'Resource or NotResource' });

/** A policy of a bucket: it says for whom, too. */
export const bucketPolicySchema = z.object({
  Statement: z.union([z.array(bucketStatementSchema), bucketStatementSchema.transform((one) => [one])]),
});

export type Policy = z.infer<typeof policySchema>;
export type BucketPolicy = z.infer<typeof bucketPolicySchema>;
type Statement = Policy['Statement'][number];

/** One action on one resource that a call has to be allowed: some calls need several. */
export type Need = {
  action: string;
  resource: string;
  /** Undefined: the request has no such key. `unknown`: only the service knows it, and the lab does not judge by it. */
  context?: Record<string, Value>;
  /** Id of the resource, where it is there already: its tags count. */
  object?: string;
  /** The tags of that object. Undefined: nobody has looked, and the lab does not judge by them. */
  tags?: Record<string, string>;
};

export const unknown = Symbol('only the service knows');

export type Value = string | string[] | undefined | typeof unknown;

export type Verdict = 'allowed' | 'no-allow' | 'explicit-deny';

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html, for the one policy of a role. */
export const verdictOf = ({ Statement }: Policy, need: Need): Verdict => verdictBy(Statement, need);

/** The same, for the policy of the bucket that the request is for. @param role ARN of the role whose session it is */
export const bucketVerdictOf = ({ Statement }: BucketPolicy, need: Need, role: string): Verdict =>
  verdictBy(
    Statement.filter(({ Principal, Effect }) => Principal.some((principal) => isFor(principal, role, Effect))),
    need,
  );

const verdictBy = (statements: Statement[], need: Need): Verdict => {
  const applying = statements.filter((statement) => applies(statement, need));
  if (applying.some(({ Effect }) => Effect === 'Deny')) return 'explicit-deny';
  return applying.length > 0 ? 'allowed' : 'no-allow';
};

/** An account is everyone in it where something is denied; where it is allowed, the account's own policies have to allow it as well. */
const isFor = (principal: string, role: string, effect: Statement['Effect']): boolean =>
  principal === '*' ||
  principal === role ||
  (effect === 'Deny' && [role.split(':')[4], `${role.split(':').slice(0, 5).join(':')}:root`].includes(principal));

const applies = ({ Effect, Action, NotAction, Resource, NotResource, Condition }: Statement, need: Need): boolean => {
  const { action, resource } = need;
  return (
    // The names of actions have no case, ARNs have.
    (Action === undefined || Action.some((pattern) => isLike(action.toLowerCase(), pattern.toLowerCase()))) &&
    NotAction?.some((pattern) => isLike(action.toLowerCase(), pattern.toLowerCase())) !== true &&
    (Resource === undefined || Resource.some((pattern) => isLike(resource, pattern))) &&
    NotResource?.some((pattern) => isLike(resource, pattern)) !== true &&
    (Condition === undefined || holds(Condition, need, Effect === 'Allow'))
  );
};

/**
 * @param whereUnknown what counts of a key that only the service knows: nothing is refused for it
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
 */
const holds = (condition: NonNullable<Statement['Condition']>, need: Need, whereUnknown: boolean): boolean =>
  Object.entries(condition).every(([operator, keys]) => {
    const [, set, isNull, name = '', ifExists] = operatorForm.exec(operator) ?? [];
    return Object.entries(keys).every(([key, wanted]) => {
      const value = valueOf(need, key);
      if (value === unknown) return whereUnknown;
      if (isNull !== undefined) return wanted.includes(value === undefined ? 'true' : 'false');
      const { holds: same, negates }: Comparison = comparisons[name as keyof typeof comparisons];
      const matches = (one: string): boolean => wanted.some((each) => same(one, each)) !== (negates === true);
      const values = value === undefined ? [] : [value].flat();
      if (set === 'ForAllValues') return values.every(matches);
      if (set === 'ForAnyValue') return values.length === 0 ? ifExists !== undefined : values.some(matches);
      // A request that does not have the key is unlike everything.
      if (value === undefined) return negates === true || ifExists !== undefined;
      return values.some(matches);
    });
  });

/** Names of keys have no case. */
const valueOf = ({ context = {}, object, tags }: Need, key: string): Value => {
  const tag = /^(?:aws|ec2):ResourceTag\/(.*)$/i.exec(key)?.[1];
  if (tag !== undefined) return object === undefined ? undefined : tags === undefined ? unknown : tags[tag];
  const found = Object.entries(context).find(([name]) => name.toLowerCase() === key.toLowerCase());
  return found?.[1];
};

/** Each of the six parts of an ARN for itself. */
function isLikeArn(arn: string, pattern: string): boolean {
  const [parts, patterns] = [partsOf(arn), partsOf(pattern)];
  return parts.length === patterns.length && parts.every((part, n) => isLike(part, patterns[n] ?? ''));
}

const partsOf = (arn: string): string[] => {
  const parts = arn.split(':');
  return parts.length <= 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')];
};

/** `*` is any text, slashes and colons too, and `?` one character. */
function isLike(text: string, pattern: string): boolean {
  let known = patterns.get(pattern);
  if (known === undefined) {
    const source = pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    known = new RegExp(`^${source}$`, 's');
    patterns.set(pattern, known);
  }
  return known.test(text);
}
