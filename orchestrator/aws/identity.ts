import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import type { Clients } from './clients.ts';
import { noteDates } from './answer-date.ts';
import { looked } from './looked.ts';
import type { Looked } from './looked.ts';

export interface Identity {
  readonly account: string;
  readonly arn: string;
  /** Seconds by which this machine's clock is ahead of AWS's; negative where behind; undefined where the answer bore no date. */
  readonly clockSkewSeconds: number | undefined;
}

/** Of a clock that differs by more, what it says of an expiry counts for nothing. Signatures are refused at 5 min. */
export const clockSkewLimitSeconds = 240;

/** Who the session is, by STS itself. */
export async function lookAtIdentity({ sts }: Pick<Clients, 'sts'>, now: () => number): Promise<Looked<Identity>> {
  let serverTime: number | undefined;
  const command = new GetCallerIdentityCommand({});
  noteDates(command, (at) => (serverTime = at));
  return looked(async () => {
    const { Account, Arn } = await sts.send(command);
    return {
      account: Account ?? '',
      arn: Arn ?? '',
      clockSkewSeconds: serverTime === undefined ? undefined : Math.round((now() - serverTime) / 1000),
    };
  });
}
