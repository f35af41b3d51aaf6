import { lookAtIdentity } from '../../aws/identity.ts';
import { bootstrapBucket } from '../../aws/bootstrap.ts';
import type { PropertyStanding } from '../../aws/bucket-properties.ts';
import { exitCodes, worstOf } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { Refusal } from '../../domain/problem.ts';
import type { CommonFlags, Context } from '../context.ts';
import { openAws } from '../open.ts';
import { openFile } from '../open-file.ts';
import { report } from '../report.ts';
import { foreignBucket, foreignRole, nextForProperty, wrongAccount } from '../../ui/bootstrap.ts';

export interface BootstrapFlags extends CommonFlags {
  readonly check: boolean;
  readonly objectLock: boolean;
  /** ARN of a role of the account. */
  readonly breakGlass?: string;
}

/** Makes the state bucket, or says what an existing one lacks. Repeatable. */
export async function bootstrap(this: Context, flags: BootstrapFlags): Promise<void> {
  await report(this, flags, async (emit, ask) => {
    const file = await openFile(this, flags, 'bootstrap', emit);
    const aws = await openAws(this, file);
    try {
      const { account, region } = file.network.spec;
      const identity = await lookAtIdentity(aws.clients, this.now);
      if (!identity.ok || identity.value.account !== account)
        throw new Refusal(exitCodes.preflightRefused, wrongAccount(identity, account, file.network.file, flags.check));
      const { breakGlass, objectLock } = flags;
      if (breakGlass !== undefined && breakGlass.split(':')[4] !== account) throw new Refusal(exitCodes.usage, foreignRole(account));
      emit({ type: 'note', message: `state bucket ${aws.bucket} in ${region}` });
      if (file.target.kind === 'REAL' && !flags.check && !flags.yes && this.interactive) {
        const answer = await ask(`Make or check the state bucket ${aws.bucket} in account ${account}? Type yes: `);
        if (answer.trim() !== 'yes') {
          emit({ type: 'note', message: 'Nothing was changed.' });
          return exitCodes.done;
        }
      }
      const settled = await bootstrapBucket(
        { s3: aws.clients.s3, bucket: aws.bucket, owner: account, region, breakGlass, objectLock, now: this.now(), checkOnly: flags.check },
        (property) => {
          const next = nextForProperty(property, file.network.file, aws.bucket, flags.check);
          emit({ type: 'bucket-property', property, ...(next === undefined ? {} : { next }) });
        },
      );
      if ('reason' in settled)
        throw new Refusal(exitCodes.preflightRefused, foreignBucket(settled, account, file.network.file, aws.bucket));
      return worstOf(settled.map(exitCodeOf));
    } finally {
      aws.clients.destroy();
    }
  });
}

function exitCodeOf({ outcome }: PropertyStanding): ExitCode {
  switch (outcome) {
    case 'ok':
      return exitCodes.done;
    case 'short':
      return exitCodes.found;
    case 'unknown':
    case 'failed':
      return exitCodes.failed;
    default:
      return outcome satisfies never;
  }
}
