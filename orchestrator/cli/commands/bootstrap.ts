import { bootstrapBucket } from '../../aws/bootstrap.ts';
import { lookAtIdentity } from '../../aws/account.ts';
import { exitCodes } from '../../domain/exit-codes.ts';
import { Refusal, messageOf } from '../../domain/problem.ts';
import type { CommonFlags, Context } from '../context.ts';
import { openAws, openFile } from '../open.ts';
import { report } from '../report.ts';

/** Makes the state bucket. Repeatable. */
export async function bootstrap(this: Context, flags: CommonFlags): Promise<void> {
  await report(this, flags, async (emit, ask) => {
    const file = await openFile(this, flags, 'bootstrap', emit);
    const aws = await openAws(this, file);
    try {
      const { account, region } = file.network.spec;
      const identity = await lookAtIdentity(aws.clients, this.now);
      if (!identity.ok || identity.value.account !== account)
        throw new Refusal(exitCodes.preflightRefused, {
          reason: 'wrong-account',
          message: identity.ok
            ? `the session belongs to account ${identity.value.account}, and the network to ${account}: no bucket was made`
            : `AWS does not accept the session: ${identity.code}: ${identity.message}`,
          next: `Sign in to ${account}, or correct the account in ${file.network.file}.`,
        });
      if (file.target.kind === 'REAL' && !flags.yes && this.interactive) {
        const answer = await ask(`Make or check the state bucket ${aws.bucket} in account ${account}? Type yes: `);
        if (answer.trim() !== 'yes') {
          emit({ type: 'note', message: 'Nothing was changed.' });
          return exitCodes.done;
        }
      }
      await bootstrapBucket(aws.clients.s3, aws.bucket, region, this.now(), ({ what, changed }) =>
        emit({ type: 'note', message: `${changed ? 'made ' : 'ok   '} ${what}` }),
      ).catch((cause: unknown) => {
        throw new Refusal(exitCodes.failed, {
          reason: 'bootstrap-failed',
          message: `the state bucket ${aws.bucket} could not be prepared: ${messageOf(cause)}`,
          next: 'What was done stays. Mend the cause and run `npm run bootstrap` again: it goes on where it stopped.',
        });
      });
      return exitCodes.done;
    } finally {
      aws.clients.destroy();
    }
  });
}
