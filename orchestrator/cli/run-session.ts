import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { openSession, usableUntil } from '../aws/session.ts';
import type { Session } from '../aws/session.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse } from '../domain/problem.ts';
import type { SessionRecord } from '../run/stack-run.ts';
import type { Context } from './context.ts';
import type { OpenedFile } from './open-file.ts';

/**
 * The session of a command, which is another one after a renewal. A renewed one is a candidate until it is written down: engines, and whatever else goes by
 * the session, have only what the journal has.
 */
export class RunSession {
  readonly #name: string;
  readonly #now: () => number;
  #current: Session;
  #candidate: Session | undefined;

  /** @param name as CloudTrail shows it */
  constructor(opened: Session, name: string, now: () => number) {
    this.#current = opened;
    this.#name = name;
    this.#now = now;
  }

  get current(): Session {
    return this.#current;
  }

  /** What requests are signed with. An expired session signs nothing any more: its successor is written down with the successor's own key. */
  get signing(): Session {
    return this.#candidate !== undefined && this.remainingSeconds() <= 0 ? this.#candidate : this.#current;
  }

  /** Infinity for long-term keys. */
  remainingSeconds(): number {
    const until = usableUntil(this.#current);
    return until instanceof Date ? (until.getTime() - this.#now()) / 1000 : Number.POSITIVE_INFINITY;
  }

  record(): SessionRecord {
    return this.#recordOf(this.#current);
  }

  /** @see LiveSession.renew */
  async renew(writeDown: (record: SessionRecord) => Promise<void>): Promise<boolean> {
    const renewed = await this.#current.renew?.();
    if (!renewed?.ok) return false;
    const record = this.#recordOf(renewed.value);
    // Sources keep a session until it is nearly over, and give the same one again.
    if (isDeepStrictEqual(record, this.record())) return false;
    this.#candidate = renewed.value;
    try {
      await writeDown(record);
      this.#current = renewed.value;
    } finally {
      this.#candidate = undefined;
    }
    return true;
  }

  #recordOf({ credentials, expiry, stated }: Session): SessionRecord {
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
