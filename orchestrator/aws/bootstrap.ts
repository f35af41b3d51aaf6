import { randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketEncryptionCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  S3ServiceException,
  GetObjectCommand,
} from '@aws-sdk/client-s3';
import type { BucketLocationConstraint, S3Client } from '@aws-sdk/client-s3';
import { newInstallation } from '../state/installation.ts';
import { installationKey, metaKey, probeKey } from '../state/layout.ts';
import { ignoredConditions, readProbe, writeProbe } from '../state/store-probe.ts';
import type { StoreProbe } from '../state/store-probe.ts';

/** One property of the state bucket, and whether it was already so. */
export interface BootstrapStep {
  readonly what: string;
  readonly changed: boolean;
}

/** Makes the state bucket, or brings an existing one up to what Holdfast needs. A second run finds everything as it should be and writes nothing. */
export async function bootstrapBucket(
  s3: S3Client,
  bucket: string,
  region: string,
  now: number,
  onStep: (step: BootstrapStep) => void,
): Promise<void> {
  const Bucket = bucket;
  const step = async (what: string, isSo: () => Promise<boolean>, make: () => Promise<unknown>): Promise<void> => {
    const changed = !(await isSo());
    if (changed) await make();
    onStep({ what, changed });
  };
  await step(
    `bucket ${bucket} in ${region}`,
    () => exists(() => s3.send(new HeadBucketCommand({ Bucket }))),
    () =>
      s3.send(
        new CreateBucketCommand({
          Bucket,
          // us-east-1 is the one region that must not be named.
          ...(region === 'us-east-1' ? {} : { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } }),
        }),
      ),
  );
  await step(
    'no public access',
    async () => {
      const block = await found(() => s3.send(new GetPublicAccessBlockCommand({ Bucket })));
      const { BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets } = block?.PublicAccessBlockConfiguration ?? {};
      return [BlockPublicAcls, BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets].every((on) => on === true);
    },
    () =>
      s3.send(
        new PutPublicAccessBlockCommand({
          Bucket,
          PublicAccessBlockConfiguration: {
            BlockPublicAcls: true,
            BlockPublicPolicy: true,
            IgnorePublicAcls: true,
            RestrictPublicBuckets: true,
          },
        }),
      ),
  );
  await step(
    'encryption',
    async () => {
      const answer = await found(() => s3.send(new GetBucketEncryptionCommand({ Bucket })));
      return (answer?.ServerSideEncryptionConfiguration?.Rules?.length ?? 0) > 0;
    },
    () =>
      s3.send(
        new PutBucketEncryptionCommand({
          Bucket,
          ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
        }),
      ),
  );
  await step(
    'versioning',
    async () => (await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status === 'Enabled',
    () => s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } })),
  );
  await step(
    "Pulumi's layout",
    () => exists(() => s3.send(new GetObjectCommand({ Bucket, Key: metaKey }))),
    () => putOnce(s3, Bucket, metaKey, 'version: 1\n'),
  );
  await step(
    'installation',
    () => exists(() => s3.send(new GetObjectCommand({ Bucket, Key: installationKey }))),
    () => putOnce(s3, Bucket, installationKey, newInstallation(now)),
  );
  await step(
    'conditional writes tried',
    async () => {
      const probe = await found(() => s3.send(new GetObjectCommand({ Bucket, Key: probeKey })));
      const known = probe?.Body === undefined ? undefined : readProbe(await probe.Body.transformToString());
      return known !== undefined && ignoredConditions(known).length === 0;
    },
    async () =>
      s3.send(
        new PutObjectCommand({
          Bucket,
          Key: probeKey,
          Body: writeProbe(await probeStore(s3, Bucket), now),
          ContentType: 'application/json',
        }),
      ),
  );
}

/** Writes that must fail, on an object of the probe's own. */
async function probeStore(s3: S3Client, Bucket: string): Promise<StoreProbe> {
  const Key = `.holdfast/probes/${randomUUID()}`;
  const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'first' }));
  const otherETag = '"00000000000000000000000000000000"';
  const probe = {
    putIfAbsent: await isRefused(() => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'second', IfNoneMatch: '*' }))),
    putIfMatches: await isRefused(() => s3.send(new PutObjectCommand({ Bucket, Key, Body: 'third', IfMatch: otherETag }))),
    deleteIfMatches: await isRefused(() => s3.send(new DeleteObjectCommand({ Bucket, Key, IfMatch: otherETag }))),
  };
  await s3.send(
    new DeleteObjectCommand({ Bucket, Key, ...(probe.putIfAbsent && probe.putIfMatches && ETag !== undefined ? { IfMatch: ETag } : {}) }),
  );
  return probe;
}

async function isRefused(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return false;
  } catch (cause) {
    if (cause instanceof S3ServiceException && [409, 412].includes(cause.$metadata.httpStatusCode ?? 0)) return true;
    throw cause;
  }
}

/** Two bootstraps at once: the first one's name stands. */
async function putOnce(s3: S3Client, bucket: string, key: string, body: string): Promise<void> {
  await isRefused(() =>
    s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentType: 'application/json', IfNoneMatch: '*' })),
  );
}

async function exists(look: () => Promise<unknown>): Promise<boolean> {
  return (await found(look)) !== undefined;
}

async function found<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (cause) {
    if (cause instanceof S3ServiceException && cause.$metadata.httpStatusCode === 404) return undefined;
    throw cause;
  }
}
