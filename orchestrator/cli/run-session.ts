import { randomBytes } from 'node:crypto';
import { openSession } from '../aws/session.ts';
import type { Session } from '../aws/session.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse } from '../domain/problem.ts';
import type { Context } from './context.ts';
import type { OpenedFile } from './open-file.ts';

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
