import { needOfNotFound, needsOf } from './needs.ts';
import { verdictOf, type Need, type Policy, type Verdict } from './policy.ts';
import type { Recognised } from './recognise.ts';
import type { Session } from './sessions.ts';

/** An action that a role's policy does not allow a call. */
export type Lacking = { need: Need; verdict: Exclude<Verdict, 'allowed'> };

/** The policies of the lab's roles. A role without one may do everything, as any key may that no role has given. */
export class Roles {
  readonly #policies = new Map<string, Policy>();
  readonly #where: { accountId: string; region: string };

  constructor(where: { accountId: string; region: string }) {
    this.#where = where;
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

  /** The first of what the call needs that the session's role does not allow. */
  lacking(call: Recognised, session: Session | undefined): Lacking | undefined {
    return this.#firstOf(session, needsOf(call, this.#where));
  }

  /** The same, of a call to which the answer is that there is no such thing: whoever may not list is not told so. */
  lackingForNotFound(call: Recognised, session: Session | undefined): Lacking | undefined {
    const need = needOfNotFound(call, this.#where.region);
    return this.#firstOf(session, need === undefined ? [] : [need]);
  }

  #firstOf(session: Session | undefined, needs: Need[]): Lacking | undefined {
    const policy = session?.roleArn == null ? undefined : this.#policies.get(session.roleArn.slice(session.roleArn.lastIndexOf('/') + 1));
    if (policy === undefined) return undefined;
    for (const need of needs) {
      const verdict = verdictOf(policy, need);
      if (verdict !== 'allowed') return { need, verdict };
    }
    return undefined;
  }
}
