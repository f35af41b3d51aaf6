import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import type { Clients } from './clients.ts';
import { looked } from './looked.ts';
import type { Looked } from './looked.ts';

export interface Identity {
  readonly account: string;
  readonly arn: string;
  /** Seconds by which this machine's clock is ahead of AWS's; negative where behind. */
  readonly clockSkewSeconds: number;
}

/** Who the session is, by STS itself. */
export async function lookAtIdentity({ sts }: Pick<Clients, 'sts'>, now: () => number): Promise<Looked<Identity>> {
  let serverTime: number | undefined;
  const command = new GetCallerIdentityCommand({});
  command.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      const date = (answer.response as { headers?: Record<string, string> }).headers?.['date'];
      if (date !== undefined) serverTime = Date.parse(date);
      return answer;
    },
    { step: 'deserialize', priority: 'low' },
  );
  return looked(async () => {
    const { Account, Arn } = await sts.send(command);
    return {
      account: Account ?? '',
      arn: Arn ?? '',
      clockSkewSeconds: serverTime === undefined ? 0 : Math.round((now() - serverTime) / 1000),
    };
  });
}
