import picomatch from 'picomatch';
import { z } from 'zod';
import type { Recognised } from './recognise.ts';

/** Which calls a fault is for: all that is given must hold. */
const matchSchema = z.strictObject({
  /** `ec2`, `sts`, `s3`, `kms`, `sns`, `cloudwatch`, `cloudtrail`. */
  service: z.string().optional(),
  /** The action's name, or a glob: `CreateVpc`, `Create*`. */
  action: z.string().optional(),
  mutating: z.boolean().optional(),
  /** Parameters, each with its exact value, in the query protocol's way of naming (`TransitGatewayId`, `SubnetIds.1`). */
  params: z.record(z.string(), z.string()).optional(),
  /** A tag that the call itself carries: that of a create, not that of the object a later call names. */
  tag: z.strictObject({ key: z.string(), value: z.string() }).optional(),
  accessKeyId: z.string().optional(),
  /** S3: a glob for the object's key, `.pulumi/locks/**`. */
  key: z.string().optional(),
  /** The first matching call that is hit, counted from 1. With it, `times` is 1 unless it is given. */
  nth: z.number().int().positive().optional(),
  /** How many matching calls are hit; without it and `nth`, all. */
  times: z.number().int().positive().optional(),
});

const actSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('refuse'),
    code: z.string(),
    status: z.number().int().min(400).max(599).optional(),
    message: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('lose-reply') }),
  z.strictObject({ kind: z.literal('throttle') }),
  z.strictObject({ kind: z.literal('delay'), ms: z.number().int().positive() }),
  z.strictObject({ kind: z.literal('hold'), point: z.enum(['before', 'after']) }),
  z.strictObject({ kind: z.literal('stale'), seconds: z.number().positive() }),
]);

const faultSchema = z.strictObject({
  id: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .optional(),
  match: matchSchema,
  do: actSchema,
});

type FaultMatch = z.infer<typeof matchSchema>;

/**
 * What happens to a call that a fault hits. `refuse` and `throttle`: it is answered with an error and not made. `lose-reply`: it is
 * made, then the connection is cut. `delay`: it is made later. `hold`: it waits to be released, before it is made or before its
 * reply is sent. `stale`: a describe of EC2 does not show what was made in the last seconds.
 */
type FaultAct = z.infer<typeof actSchema>;

/** A fault as it is ordered over `POST /_lab/faults`. */
export type FaultOrder = z.infer<typeof faultSchema>;

export type Fault = {
  id: string;
  match: FaultMatch;
  do: FaultAct;
  /** Calls that matched, whether or not `nth` and `times` let them be hit. */
  matched: number;
  hits: number;
};

export type FaultRefused = { reason: 'not-a-fault'; issues: string[]; allowed: object } | { reason: 'id-taken'; id: string };

const allowed = {
  id: 'optional name',
  match: Object.keys(matchSchema.shape),
  do: Object.fromEntries(
    actSchema.options.map((option) => [option.shape.kind.value, Object.keys(option.shape).filter((name) => name !== 'kind')]),
  ),
};

/** Tags in any of the query protocol's places: `Tag.1.Key`, `TagSpecification.1.Tag.2.Key`, `Tags.member.1.Key`. */
const carriesTag = (params: Record<string, string>, tag: { key: string; value: string }): boolean =>
  Object.entries(params).some(
    ([name, value]) => value === tag.key && /(^|\.)Tags?\..*Key$/.test(name) && params[name.replace(/Key$/, 'Value')] === tag.value,
  );

type Matcher = (call: Recognised) => boolean;

/** Globs are made once for each fault, not for each call. */
const matcher = ({ service, action, mutating, params, tag, accessKeyId, key }: FaultMatch): Matcher => {
  const isAction = action === undefined ? undefined : picomatch(action);
  const isKey = key === undefined ? undefined : picomatch(key, { dot: true });
  return (call) =>
    (service === undefined || call.service === service) &&
    (isAction === undefined || isAction(call.action)) &&
    (mutating === undefined || call.mutating === mutating) &&
    (accessKeyId === undefined || call.accessKeyId === accessKeyId) &&
    (isKey === undefined || (call.service === 's3' && call.params.Key !== undefined && isKey(call.params.Key))) &&
    (params === undefined || Object.entries(params).every(([name, value]) => call.params[name] === value)) &&
    (tag === undefined || carriesTag(call.params, tag));
};

const isWithinTurn = ({ match: { nth, times }, matched }: Fault): boolean => {
  const first = nth ?? 1;
  const count = times ?? (nth === undefined ? Number.POSITIVE_INFINITY : 1);
  return matched >= first && matched < first + count;
};

/** The faults that are set, in the order in which they were. */
export class Faults {
  #faults: { fault: Fault; matches: Matcher }[] = [];
  #made = 0;

  /** Checks an order and sets it. */
  add(order: unknown): Fault | FaultRefused {
    const parsed = faultSchema.safeParse(order);
    if (!parsed.success) {
      const issues = parsed.error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`));
      return { reason: 'not-a-fault', issues, allowed };
    }
    this.#made += 1;
    const id = parsed.data.id ?? `fault-${this.#made}`;
    if (this.#faults.some(({ fault }) => fault.id === id)) return { reason: 'id-taken', id };
    const fault: Fault = { id, match: parsed.data.match, do: parsed.data.do, matched: 0, hits: 0 };
    this.#faults.push({ fault, matches: matcher(fault.match) });
    return fault;
  }

  list(): Fault[] {
    return this.#faults.map(({ fault }) => fault);
  }

  remove(id: string): boolean {
    const before = this.#faults.length;
    this.#faults = this.#faults.filter(({ fault }) => fault.id !== id);
    return this.#faults.length < before;
  }

  clear(): void {
    this.#faults = [];
  }

  /** Counts a call and gives the faults that hit it. One that refuses is the last: those set after it do not see the call. */
  hit(call: Recognised): Fault[] {
    const hits: Fault[] = [];
    for (const { fault, matches } of this.#faults) {
      if (!matches(call)) continue;
      fault.matched += 1;
      if (!isWithinTurn(fault)) continue;
      fault.hits += 1;
      hits.push(fault);
      if (fault.do.kind === 'refuse' || fault.do.kind === 'throttle') break;
    }
    return hits;
  }
}
