import { lookAtIdentity } from '../../aws/identity.ts';
import { bootstrapBucket } from '../../aws/bootstrap.ts';
import type { ForeignBucket } from '../../aws/bootstrap.ts';
import type { PropertyStanding } from '../../aws/bucket-properties.ts';
import { exitCodes, worstOf } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { Refusal } from '../../domain/problem.ts';
import type { CommonFlags, Context } from '../context.ts';
import { openAws } from '../open.ts';
import { openFile } from '../open-file.ts';
import type { OpenedFile } from '../open-file.ts';
import { report } from '../report.ts';

export interface BootstrapFlags extends CommonFlags {
  readonly check: boolean;
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
        throw new Refusal(exitCodes.preflightRefused, {
          reason: 'wrong-account',
          message: identity.ok
            ? `the session belongs to account ${identity.value.account}, and the network to ${account}: no bucket was ${flags.check ? 'looked at' : 'made'}`
            : `AWS does not accept the session: ${identity.code}: ${identity.message}`,
          next: `Sign in to ${account}, or correct the account in ${file.network.file}.`,
        });
      emit({ type: 'note', message: `state bucket ${aws.bucket} in ${region}` });
      if (file.target.kind === 'REAL' && !flags.check && !flags.yes && this.interactive) {
        const answer = await ask(`Make or check the state bucket ${aws.bucket} in account ${account}? Type yes: `);
        if (answer.trim() !== 'yes') {
          emit({ type: 'note', message: 'Nothing was changed.' });
          return exitCodes.done;
        }
      }
      const settled = await bootstrapBucket(
        { s3: aws.clients.s3, bucket: aws.bucket, owner: account, region, now: this.now(), checkOnly: flags.check },
        (property) => {
          const next = nextOf(property, file, aws.bucket, flags.check);
          emit({ type: 'bucket-property', property, ...(next === undefined ? {} : { next }) });
        },
      );
      if ('reason' in settled) throw new Refusal(exitCodes.preflightRefused, foreign(settled, file, aws.bucket));
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

function nextOf(
  { outcome, shortfalls }: PropertyStanding,
  { network }: OpenedFile,
  bucket: string,
  checkOnly: boolean,
): string | undefined {
  if (outcome === 'ok') return undefined;
  if (outcome === 'unknown' || outcome === 'failed')
    return 'Mend the cause, or allow it, and run the same command again: it goes on where it stopped.';
  const mended = shortfalls.some((shortfall) => shortfall.mended);
  const left = shortfalls.some((shortfall) => !shortfall.mended);
  return [
    ...(mended && checkOnly ? [`Make it so: npm run bootstrap -- --network ${network.file}`] : []),
    ...(mended && !checkOnly ? ['Use a store that honours them, as Amazon S3 does, and run the same command again.'] : []),
    // The lifecycle is all that others can have made wrong.
    ...(left
      ? [
          `What is not Holdfast's own stays as it is. Take such rules out, or narrow them to keys that do not begin with .pulumi/ or .holdfast/: aws s3api get-bucket-lifecycle-configuration --bucket ${bucket}`,
        ]
      : []),
  ].join(' ');
}

function foreign({ reason, certain }: ForeignBucket, { network }: OpenedFile, bucket: string) {
  const { account } = network.spec;
  return {
    reason,
    message: certain
      ? `the bucket ${bucket} belongs to another account than ${account}: nothing of it was read or written`
      : `the bucket ${bucket} is there and does not answer: it belongs to another account than ${account}, or the session may not call s3:ListBucket`,
    next: `Name one of your own in ${network.file} (state: { bucket: … })${certain ? '' : ', or allow s3:ListBucket on it'}, and run the same command again.`,
  };
}
