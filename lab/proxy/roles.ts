import { needOfNotFound, needsOf } from './needs.ts';
import type { OwnLooks } from './own-looks.ts';
import { bucketPolicySchema, bucketVerdictOf, verdictOf, type BucketPolicy, type Need, type Policy, type Verdict } from './policy.ts';
import type { Recognised } from './recognise.ts';
import type { Session } from './sessions.ts';

/** An action that a call is not allowed: by the role's policy, or by that of the bucket. */
export type Lacking = { need: Need; verdict: Exclude<Verdict, 'allowed'>; by: 'role' | 'bucket' };

/**
 * The policies of the lab's roles, and of its buckets. A role without one may do everything that the bucket's lets it, and a key that no role has given may
 * do everything.
 */
export class Roles {
  readonly #policies = new Map<string, Policy>();
  readonly #bucketPolicies = new Map<string, BucketPolicy | undefined>();
  readonly #where: { accountId: string; region: string };
  readonly #looks: OwnLooks;

  constructor(where: { accountId: string; region: string }, looks: OwnLooks) {
    this.#where = where;
    this.#looks = looks;
  }

  set(name: string, policy: Policy): void {
    this.#policies.set(name, policy);
  }

  get(name: string): Policy | undefined {
    return this.#policies.get(name);
  }

  names(): string[] {
    return [...this.#policies.keys()];
  }

  remove(name: string): boolean {
    return this.#policies.delete(name);
  }

  /** What buckets say is asked again: one was changed, or all that AWS has. */
  forgetBuckets(): void {
    this.#bucketPolicies.clear();
  }

  /** The first of what the call needs that the session is not allowed. */
  lacking(call: Recognised, session: Session | undefined): Promise<Lacking | undefined> {
    return this.#firstOf(call, session, () => needsOf(call, this.#where));
  }

  /** The same, of a call to which the answer is that there is no such thing: whoever may not list is not told so. */
  lackingForNotFound(call: Recognised, session: Session | undefined): Promise<Lacking | undefined> {
    return this.#firstOf(call, session, () => {
      const need = needOfNotFound(call, this.#where.region);
      return need === undefined ? [] : [need];
    });
  }

  async #firstOf(call: Recognised, session: Session | undefined, needs: () => Need[]): Promise<Lacking | undefined> {
    const role = session?.roleArn ?? undefined;
    if (role === undefined) return undefined;
    const policy = this.#policies.get(role.slice(role.lastIndexOf('/') + 1));
    const ofBucket = call.service === 's3' ? await this.#ofBucket(call.params['Bucket']) : undefined;
    if (policy === undefined && ofBucket === undefined) return undefined;
    for (const asked of needs())
      for (const need of policy === undefined ? [asked] : await this.#withTags(asked, policy, call.accessKeyId)) {
        const known: Need = { ...need, context: { 'aws:PrincipalArn': role, ...need.context } };
        const byBucket = ofBucket === undefined ? 'no-allow' : bucketVerdictOf(ofBucket, known, role);
        if (byBucket === 'explicit-deny') return { need, verdict: byBucket, by: 'bucket' };
        const byRole = policy === undefined ? 'allowed' : verdictOf(policy, known);
        if (byRole === 'explicit-deny' || (byRole === 'no-allow' && byBucket === 'no-allow')) return { need, verdict: byRole, by: 'role' };
      }
    return undefined;
  }

  /** Undefined where there is none; one with what the lab does not evaluate is refused when it is put. */
  async #ofBucket(bucket: string | undefined): Promise<BucketPolicy | undefined> {
    if (bucket === undefined) return undefined;
    if (!this.#bucketPolicies.has(bucket)) {
      const seen = await this.#looks.bucketPolicy(bucket);
      // An emulator that does not say answers nothing else either: the next call asks again.
      if (seen === undefined) return undefined;
      this.#bucketPolicies.set(bucket, seen.policy === undefined ? undefined : bucketPolicySchema.parse(JSON.parse(seen.policy)));
    }
    return this.#bucketPolicies.get(bucket);
  }

  /** With the tags of the object that it is about, where the policy asks for tags. Of what does not exist the service is to say so. */
  async #withTags(need: Need, policy: Policy, accessKeyId: string | null): Promise<Need[]> {
    const { object } = need;
    if (object === undefined || !asksForTags(policy)) return [need];
    if (object.startsWith('rtbassoc-')) {
      const of = await this.#looks.associated(object, accessKeyId);
      const each = needsOf(
        { service: 'ec2', action: need.action.replace('ec2:', ''), params: Object.fromEntries(of.entries()) },
        this.#where,
      );
      return of.length === 0 ? [] : (await Promise.all(each.map((one) => this.#withTags(one, policy, accessKeyId)))).flat();
    }
    const tags = await this.#looks.tags(object, accessKeyId);
    return tags === undefined ? [need] : [{ ...need, tags }];
  }
}

const asksForTags = ({ Statement }: Policy): boolean =>
  Statement.some(({ Condition }) =>
    Object.values(Condition ?? {}).some((keys) => Object.keys(keys).some((key) => /:ResourceTag\//i.test(key))),
  );
