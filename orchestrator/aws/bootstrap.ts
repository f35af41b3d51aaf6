import { HeadBucketCommand, S3ServiceException } from '@aws-sdk/client-s3';
import { BucketReads, bucketProperties, failed, isDenied, objectLockProperty, standing, unknown } from './bucket-properties.ts';
import type { BucketAddress, BucketProperty, PropertyStanding } from './bucket-properties.ts';

export interface BootstrapRequest extends BucketAddress {
  readonly now: number;
  /** Looks, and writes nothing. */
  readonly checkOnly: boolean;
  /** Whether each version is to be kept from deletion, by an object lock. Without it nobody asks, and one that there is stays. */
  readonly objectLock: boolean;
}

/** The name is taken, by a bucket that is not this account's: nothing of it is looked at. */
export interface ForeignBucket {
  readonly reason: 'foreign-bucket';
  /** False: it may also be that the session lacks s3:ListBucket. */
  readonly certain: boolean;
}

/**
 * Makes the state bucket, or brings an existing one up to what Holdfast needs: each property in turn, also after one that could not be. A second run
 * finds everything as it should be and writes nothing.
 */
export async function bootstrapBucket(
  { now, checkOnly, objectLock, ...address }: BootstrapRequest,
  onProperty: (standing: PropertyStanding) => void,
): Promise<readonly PropertyStanding[] | ForeignBucket> {
  const standings: PropertyStanding[] = [];
  // Last: it wants versions, and what was tried before it is no evidence.
  for (const property of objectLock ? [...bucketProperties, objectLockProperty] : bucketProperties) {
    const there = standings.find(({ id }) => id === 'bucket');
    // What was seen of a bucket that was not there yet says nothing of the one that was made.
    const result =
      there === undefined || there.outcome === 'ok'
        ? await settle(property, new BucketReads(address), now, checkOnly)
        : without(property, there);
    if ('reason' in result) return result;
    standings.push(result);
    onProperty(result);
  }
  return standings;
}

async function settle(
  property: BucketProperty,
  reads: BucketReads,
  now: number,
  checkOnly: boolean,
): Promise<PropertyStanding | ForeignBucket> {
  let look;
  try {
    look = await property.look(reads);
  } catch (cause) {
    if (property.id === 'bucket' && isDenied(cause)) return { reason: 'foreign-bucket', certain: await isOpenToUs(reads.address) };
    return unknown(property, cause);
  }
  if (checkOnly || !look.shortfalls.some(({ mended }) => mended)) return standing(property, look.shortfalls);
  try {
    return standing(property, await look.make(now), true);
  } catch (cause) {
    if (cause instanceof S3ServiceException && cause.name === 'BucketAlreadyExists') return { reason: 'foreign-bucket', certain: true };
    return failed(property, cause);
  }
}

/** Whether it answers where its owner does not matter. */
async function isOpenToUs({ s3, bucket }: BucketAddress): Promise<boolean> {
  try {
    await s3.send(new HeadBucketCommand({ Bucket: bucket }));
    return true;
  } catch {
    return false;
  }
}

const without = ({ id, what }: BucketProperty, bucket: PropertyStanding): PropertyStanding =>
  bucket.outcome === 'unknown'
    ? { id, what, outcome: 'unknown', changed: false, shortfalls: [{ text: 'not looked at', mended: false }] }
    : { id, what, outcome: 'short', changed: false, shortfalls: [{ text: 'there is no bucket', mended: true }] };
