import { z } from 'zod';

/** A text, or several of which one has to match. */
const texts = z.union([z.string(), z.array(z.string()).min(1)]).transform((value) => (typeof value === 'string' ? [value] : value));

/** Operators that are not here are refused when the document is set: one that is passed over would allow, or deny, what AWS does not. */
const conditions = z.strictObject({
  StringEquals: z.record(z.string(), texts).optional(),
  StringLike: z.record(z.string(), texts).optional(),
  'ForAnyValue:StringEquals': z.record(z.string(), texts).optional(),
  Null: z.record(z.string(), z.enum(['true', 'false'])).optional(),
});

const statementSchema = z
  .strictObject({
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
  })
  .refine(({ Action, NotAction }) => (Action === undefined) !== (NotAction === undefined), { error: 'Action or NotAction' })
  .refine(({ Resource, NotResource }) => (Resource === undefined) !== (NotResource === undefined), { error: 'Resource or NotResource' });

/** A policy of a role, as IAM takes it. */
export const policySchema = z.strictObject({ Version: z.literal('2012-10-17'), Statement: z.array(statementSchema).min(1) });

export type Policy = z.infer<typeof policySchema>;
type Statement = Policy['Statement'][number];

/** One action on one resource that a call has to be allowed: some calls need several. */
export type Need = {
  action: string;
  resource: string;
  /** Undefined: the request has no such key. `unknown`: only the service knows it, and the lab does not judge by it. */
  context?: Record<string, string | undefined | typeof unknown>;
};

export const unknown = Symbol('only the service knows');

export type Verdict = 'allowed' | 'no-allow' | 'explicit-deny';

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html, for the one policy of a role. */
export const verdictOf = ({ Statement }: Policy, need: Need): Verdict => {
  const applying = Statement.filter((statement) => applies(statement, need));
  if (applying.some(({ Effect }) => Effect === 'Deny')) return 'explicit-deny';
  return applying.length > 0 ? 'allowed' : 'no-allow';
};

const applies = ({ Action, NotAction, Resource, NotResource, Condition }: Statement, { action, resource, context = {} }: Need): boolean =>
  // The names of actions have no case, ARNs have.
  (Action === undefined || Action.some((pattern) => isLike(action.toLowerCase(), pattern.toLowerCase()))) &&
  NotAction?.some((pattern) => isLike(action.toLowerCase(), pattern.toLowerCase())) !== true &&
  (Resource === undefined || Resource.some((pattern) => isLike(resource, pattern))) &&
  NotResource?.some((pattern) => isLike(resource, pattern)) !== true &&
  (Condition === undefined || holds(Condition, context));

const holds = (condition: NonNullable<Statement['Condition']>, context: NonNullable<Need['context']>): boolean => {
  const every = <T>(of: Record<string, T> | undefined, test: (value: string | undefined, wanted: T) => boolean): boolean =>
    Object.entries(of ?? {}).every(([key, wanted]) => {
      const value = context[key];
      return value === unknown || test(value, wanted);
    });
  const equals = (value: string | undefined, wanted: string[]): boolean => value !== undefined && wanted.includes(value);
  return (
    every(condition.StringEquals, equals) &&
    every(condition['ForAnyValue:StringEquals'], equals) &&
    every(condition.StringLike, (value, wanted) => value !== undefined && wanted.some((pattern) => isLike(value, pattern))) &&
    every(condition.Null, (value, wanted) => (value === undefined) === (wanted === 'true'))
  );
};

/** `*` is any text, slashes and colons too, and `?` one character. */
const isLike = (text: string, pattern: string): boolean => {
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
};

const patterns = new Map<string, RegExp>();
