import type { Clock } from './clock.ts';
import type { Refusal } from './error-replies.ts';
import type { Recognised } from './recognise.ts';
import { expiredSession, revokedSession } from './refusals.ts';
import { elementText } from './xml.ts';

/** A session as `/_lab/sessions/<accessKeyId>` shows it. */
export type Session = {
  accessKeyId: string;
  issuedAt: string;
  /** ISO 8601; null for a key that the lab's STS did not give and that nobody has ended. */
  expiration: string | null;
  sessionName: string | null;
  roleArn: string | null;
  assumedRoleArn: string | null;
  assumedRoleId: string | null;
  revoked: boolean;
  /** The services for which it was ended by order while it goes on for all others. */
  endedFor: Record<string, SessionEnd>;
};

export type SessionEnd = 'expired' | 'revoked';

/**
 * The sessions that the lab's STS has given out, and how they end: by their own expiry, or by order. A key that is not known here
 * may do everything, so that tests can use any.
 */
export class Sessions {
  readonly #byKey = new Map<string, Session>();
  readonly #given = new Set<string>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Reads the session out of a reply of `AssumeRole`, `AssumeRoleWithWebIdentity` or `GetSessionToken`. */
  learn(call: Recognised, reply: string): void {
    const accessKeyId = elementText(reply, 'AccessKeyId');
    const expiration = elementText(reply, 'Expiration');
    if (accessKeyId === undefined || expiration === undefined) return;
    this.#given.add(accessKeyId);
    this.#byKey.set(accessKeyId, {
      accessKeyId,
      issuedAt: this.#clock.now().toISOString(),
      expiration: new Date(expiration).toISOString(),
      sessionName: call.params.RoleSessionName ?? null,
      roleArn: call.params.RoleArn ?? null,
      assumedRoleArn: elementText(reply, 'Arn') ?? null,
      assumedRoleId: elementText(reply, 'AssumedRoleId') ?? null,
      revoked: false,
      endedFor: {},
    });
  }

  /** The keys that the lab's STS gave, and no others. */
  get given(): readonly string[] {
    return [...this.#given];
  }

  get(accessKeyId: string): Session | undefined {
    return this.#byKey.get(accessKeyId);
  }

  /** Ends a session now, for all services (null) or for some. A key of unknown origin gets an entry, because it can be ended too. */
  end(accessKeyId: string, how: SessionEnd, services: string[] | null): Session {
    const now = this.#clock.now().toISOString();
    const known = this.#byKey.get(accessKeyId) ?? {
      accessKeyId,
      issuedAt: now,
      expiration: null,
      sessionName: null,
      roleArn: null,
      assumedRoleArn: null,
      assumedRoleId: null,
      revoked: false,
      endedFor: {},
    };
    const ended: Session =
      services !== null
        ? { ...known, endedFor: { ...known.endedFor, ...Object.fromEntries(services.map((service) => [service, how])) } }
        : how === 'expired'
          ? { ...known, expiration: now }
          : { ...known, revoked: true };
    this.#byKey.set(accessKeyId, ended);
    return ended;
  }

  /** What the service would answer to a call signed by this session now, if the session is over. */
  refusal(call: Recognised): Refusal | undefined {
    const session = call.accessKeyId === null ? undefined : this.#byKey.get(call.accessKeyId);
    if (session === undefined) return undefined;
    const ended = session.endedFor[call.service];
    const isPast = session.expiration !== null && Date.parse(session.expiration) <= this.#clock.now().getTime();
    if (isPast || ended === 'expired') return expiredSession(call);
    if ((session.revoked || ended === 'revoked') && call.action !== 'GetCallerIdentity') {
      return revokedSession({ service: call.service, action: call.action, principalArn: session.assumedRoleArn });
    }
    return undefined;
  }
}

/** The calls whose reply holds a session. */
export const givesSession = (call: Recognised): boolean =>
  call.service === 'sts' && /^(AssumeRole|GetSessionToken|GetFederationToken)/.test(call.action);
