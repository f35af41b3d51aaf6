import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { openSession, usableUntil } from '../aws/session.ts';
import type { Session } from '../aws/session.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse } from '../domain/problem.ts';
import type { SessionRecord } from '../locks/lock-record.ts';
import type { Context } from './context.ts';
import type { OpenedFile } from './open-file.ts';

/** The session of a command, which is another one after a renewal. */
export class RunSession {
  readonly #name: string;
  readonly #now: () => number;
  #current: Session;

  /** @param name as CloudTrail shows it */
  constructor(opened: Session, name: string, now: () => number) {
    this.#current = opened;
    this.#name = name;
    this.#now = now;
  }

  get current(): Session {
    return this.#current;
  }

  /** Infinity for long-term keys. */
  remainingSeconds(): number {
    const until = usableUntil(this.#current);
    return until instanceof Date ? (until.getTime() - this.#now()) / 1000 : Number.POSITIVE_INFINITY;
  }

  /** @see LiveSession.renew */
  async renew(): Promise<boolean> {
    const renewed = await this.#current.renew?.();
    if (!renewed?.ok) return false;
    const before = this.record();
    this.#current = renewed.value;
    // Sources keep a session until it is nearly over, and give the same one again.
    return !isDeepStrictEqual(this.record(), before);
  }

  record(): SessionRecord {
    const { credentials, expiry, stated } = this.#current;
    return {
      accessKeyId: credentials.accessKeyId,
      session: this.#name,
      expires: expiry instanceof Date ? expiry.toISOString() : expiry,
      ...(stated === undefined ? {} : { statedExpires: stated.toISOString() }),
    };
  }
}

/** Sorts by time, and is unique where two start in the same second. */
export function runId(now: number): string {
  return `${new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${randomBytes(4).toString('hex')}`;
}

/**
 * A session that CloudTrail shows under the run's id.
 * @throws Refusal where there is none
 */
export async function openRunSession(
  context: Pick<Context, 'env' | 'ports'>,
  { network, target }: Pick<OpenedFile, 'network' | 'target'>,
  run: string,
  sessionExpires: Date | undefined,
): Promise<Session> {
  return orRefuse(
    await (context.ports?.openSession ?? openSession)({
      target,
      region: network.spec.region,
      env: context.env,
      sessionName: `holdfast-${run}`,
      ...(sessionExpires === undefined ? {} : { statedExpiry: sessionExpires }),
    }),
    exitCodes.preflightRefused,
  );
}
