import { lookAtBucket } from '../aws/account.ts';
import type { BucketFacts } from '../aws/account.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { messageOf, Refusal } from '../domain/problem.ts';
import type { Emit } from '../run/events.ts';
import { failedBucket, missingBucket, unreachableBucket } from '../ui/bucket.ts';
import type { CommonFlags, Context } from './context.ts';
import { bucketReads, openAws, readState } from './open.ts';
import { openFile } from './open-file.ts';
import type { OpenedSession, BucketState } from './open.ts';
import type { OpenedFile } from './open-file.ts';

/** What a command has that works on what the bucket says, and runs no engine. */
export interface OpenedBucket {
  readonly file: OpenedFile;
  readonly aws: OpenedSession;
  readonly facts: BucketFacts;
  /** Reads all of it anew, and puts back the locks that somebody took from held or frozen stacks. */
  readonly read: () => Promise<BucketState>;
  /** Tells on the way; with `--json` only notes are kept. */
  readonly emit: Emit;
  /** The notes of the way, for the one document of `--json`. */
  readonly notes: readonly string[];
  /** What every such document begins with. */
  readonly header: () => Readonly<Record<string, unknown>>;
}

/**
 * Opens the network's bucket for the body, and closes it after. With `--json` nothing is printed on the way.
 * @throws Refusal where the bucket is not there, or cannot be read
 */
export async function withBucket<T>(
  context: Context,
  flags: CommonFlags,
  command: string,
  emit: Emit,
  body: (opened: OpenedBucket) => Promise<T>,
): Promise<T> {
  const notes: string[] = [];
  const told: Emit = (event) => {
    // A lock that cannot be put back is told at every look.
    if (event.type === 'note' && notes.includes(event.message)) return;
    if (event.type === 'note') notes.push(event.message);
    if (!flags.json) emit(event);
  };
  const file = await openFile(context, flags, command, told);
  const aws = await openAws(context, file);
  try {
    const facts = await lookAtBucket(bucketReads(file, aws));
    if (!facts.ok && (facts.code === 'NotFound' || facts.code === 'NoSuchBucket'))
      throw new Refusal(exitCodes.preflightRefused, missingBucket(aws.bucket));
    if (!facts.ok) throw new Refusal(exitCodes.preflightRefused, unreachableBucket(aws.bucket, facts.code, facts.message));
    const { spec } = file.network;
    return await body({
      file,
      aws,
      facts: facts.value,
      read: () => readState(context, aws, file.network, true, told),
      emit: told,
      notes,
      header: () => ({
        schema: 1,
        network: spec.network,
        file: file.network.file,
        account: spec.account,
        region: spec.region,
        target: file.target.kind,
        bucket: aws.bucket,
      }),
    });
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal(exitCodes.preflightRefused, failedBucket(aws.bucket, messageOf(cause)));
  } finally {
    aws.clients.destroy();
  }
}
