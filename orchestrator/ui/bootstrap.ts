import type { ForeignBucket } from '../aws/bootstrap.ts';
import type { PropertyStanding } from '../aws/bucket-properties.ts';
import type { Identity } from '../aws/identity.ts';
import type { Looked } from '../aws/looked.ts';
import { command, commandOf, lineOf } from '../domain/command.ts';
import type { Problem } from '../domain/problem.ts';

export const wrongAccount = (identity: Looked<Identity>, account: string, file: string, checkOnly: boolean): Problem => ({
  reason: 'wrong-account',
  message: identity.ok
    ? `the session belongs to account ${identity.value.account}, and the network to ${account}: no bucket was ${checkOnly ? 'looked at' : 'made'}`
    : `AWS does not accept the session: ${identity.code}: ${identity.message}`,
  next: `Sign in to ${account}, or correct the account in ${file}.`,
});

export const foreignRole = (account: string): Problem => ({
  reason: 'foreign-role',
  message: `The break-glass role is not of account ${account}. Nothing was changed.`,
  next: `Name a role of ${account}: --break-glass arn:aws:iam::${account}:role/NAME`,
});

/** What to do about a property that is not as it should be. */
export function nextForProperty(
  { outcome, shortfalls }: PropertyStanding,
  file: string,
  bucket: string,
  checkOnly: boolean,
): string | undefined {
  if (outcome === 'ok') return undefined;
  if (outcome === 'unknown' || outcome === 'failed')
    return 'Mend the cause, or allow it, and run the same command again: it goes on where it stopped.';
  const mended = shortfalls.some((shortfall) => shortfall.mended);
  const left = shortfalls.some((shortfall) => !shortfall.mended);
  return [
    ...(mended && checkOnly ? [`Make it so: ${command('bootstrap', { network: file })}`] : []),
    ...(mended && !checkOnly ? ['Use a store that honours them, as Amazon S3 does, and run the same command again.'] : []),
    // The lifecycle is all that others can have made wrong.
    ...(left
      ? [
          `What is not Holdfast's own stays as it is. Take such rules out, or narrow them to keys that do not begin with .pulumi/ or .holdfast/: ${lineOf(commandOf('aws', 's3api', 'get-bucket-lifecycle-configuration', { bucket }))}`,
        ]
      : []),
  ].join(' ');
}

export function foreignBucket({ reason, certain }: ForeignBucket, account: string, file: string, bucket: string): Problem {
  return {
    reason,
    message: certain
      ? `the bucket ${bucket} belongs to another account than ${account}: nothing of it was read or written`
      : `the bucket ${bucket} is there and does not answer: it belongs to another account than ${account}, or the session may not call s3:ListBucket`,
    next: `Name one of your own in ${file} (state: { bucket: … })${certain ? '' : ', or allow s3:ListBucket on it'}, and run the same command again.`,
  };
}
