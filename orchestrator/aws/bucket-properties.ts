import { randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import type {
  BucketLocationConstraint,
  DefaultRetention,
  S3Client,
  TransitionDefaultMinimumObjectSize,
  LifecycleRule,
} from '@aws-sdk/client-s3';
import { messageOf } from '../domain/problem.ts';
import { partitionOf } from '../network/spec.ts';
import { largest } from '../state/bounded.ts';
import { newInstallation } from '../state/installation.ts';
import { installationKey, metaKey, probeKey } from '../state/layout.ts';
import { ignoredConditions, readProbe, writeProbe } from '../state/store-probe.ts';
import type { StoreProbe } from '../state/store-probe.ts';
import { bodyOf } from './bounded-body.ts';
import { harmfulRules, missingRules, noncurrentDays, withOwnRules } from './bucket-lifecycle.ts';
import {
  breakGlassOf,
  evidenceStatements,
  missingStatements,
  refusesPlainHttp,
  tlsStatements,
  withOwnStatements,
} from './bucket-policy.ts';
import { deniedActionOf } from './permissions/denial.ts';

/** What the state bucket has to be, one row a property: `bootstrap` makes them so, `preflight` says which are not. */

export interface BucketAddress {
  readonly s3: S3Client;
  readonly bucket: string;
  /** The account that owns it: with every request, so that a bucket of that name in another account is neither read nor written. */
  readonly owner: string;
  readonly region: string;
  /** ARN of the role that may do what the bucket's policy denies everyone else. Undefined: the one that the policy names, if it names one. */
  readonly breakGlass?: string | undefined;
}

/** Where it is not as it should be. */
export interface Shortfall {
  readonly text: string;
  /** False: `bootstrap` leaves it, as somebody else has made it so. */
  readonly mended: boolean;
}

/** What one look came to. */
export interface Look {
  readonly shortfalls: readonly Shortfall[];
  /** Makes it so. @returns what still falls short */
  readonly make: (now: number) => Promise<readonly Shortfall[]>;
}

export interface BucketProperty {
  /** Kebab-case, stable. */
  readonly id: string;
  /** For people. */
  readonly what: string;
  /** What a policy has to allow so that it can be looked at. */
  readonly readAction: string;
  readonly makeActions: readonly string[];
  readonly look: (reads: BucketReads) => Promise<Look>;
}

interface Row<Seen> extends Omit<BucketProperty, 'look'> {
  readonly look: (reads: BucketReads) => Promise<Seen>;
  readonly fallsShort: (seen: Seen, address: BucketAddress) => readonly Shortfall[];
  /** @returns what there is now */
  readonly make: (address: BucketAddress, seen: Seen, now: number) => Promise<Seen>;
}

const row = <Seen>({ look, fallsShort, make, ...rest }: Row<Seen>): BucketProperty => ({
  ...rest,
  look: async (reads) => {
    const { address } = reads;
    const seen = await look(reads);
    return { shortfalls: fallsShort(seen, address), make: async (now) => fallsShort(await make(address, seen, now), address) };
  },
});

const unless = (isSo: boolean, text: string): readonly Shortfall[] => (isSo ? [] : [{ text, mended: true }]);

const notPublic = { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true };

interface Lifecycle {
  readonly rules: readonly LifecycleRule[];
  /** Of the whole configuration: a put without it sets it back to what AWS takes by default. */
  readonly minimumSize: TransitionDefaultMinimumObjectSize | undefined;
}

/** The others stand on the first. */
export const bucketProperties: readonly BucketProperty[] = [
  row<boolean>({
    id: 'bucket',
    what: 'bucket',
    readAction: 's3:ListBucket',
    makeActions: ['s3:CreateBucket'],
    look: (reads) => reads.exists(),
    fallsShort: (exists) => unless(exists, 'it does not exist'),
    make: async ({ s3, bucket, region }) => {
      try {
        await s3.send(
          new CreateBucketCommand({
            Bucket: bucket,
            // us-east-1 is the one region that must not be named.
            ...(region === 'us-east-1' ? {} : { CreateBucketConfiguration: { LocationConstraint: region as BucketLocationConstraint } }),
          }),
        );
      } catch (cause) {
        // Two bootstraps at once: the other one has made it.
        if (!(cause instanceof S3ServiceException && cause.name === 'BucketAlreadyOwnedByYou')) throw cause;
      }
      return true;
    },
  }),
  row<readonly string[]>({
    id: 'no-public-access',
    what: 'no public access',
    readAction: 's3:GetBucketPublicAccessBlock',
    makeActions: ['s3:PutBucketPublicAccessBlock'],
    look: async (reads) => {
      const there: Readonly<Record<string, boolean | undefined>> = { ...(await reads.publicAccessBlock()) };
      return Object.keys(notPublic).filter((name) => there[name] !== true);
    },
    fallsShort: (off) => unless(off.length === 0, `${off.join(', ')} ${off.length === 1 ? 'is' : 'are'} off`),
    make: async ({ s3, bucket, owner }) => {
      await s3.send(
        new PutPublicAccessBlockCommand({ Bucket: bucket, ExpectedBucketOwner: owner, PublicAccessBlockConfiguration: notPublic }),
      );
      return [];
    },
  }),
  row<boolean>({
    id: 'encryption',
    what: 'encryption',
    readAction: 's3:GetEncryptionConfiguration',
    makeActions: ['s3:PutEncryptionConfiguration'],
    // Of any kind: a key of its own in KMS is left as it is.
    look: (reads) => reads.encrypted(),
    fallsShort: (encrypted) => unless(encrypted, 'objects are not encrypted by default'),
    make: async ({ s3, bucket, owner }) => {
      await s3.send(
        new PutBucketEncryptionCommand({
          Bucket: bucket,
          ExpectedBucketOwner: owner,
          ServerSideEncryptionConfiguration: { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
        }),
      );
      return true;
    },
  }),
  row<string>({
    id: 'versioning',
    what: 'versioning',
    readAction: 's3:GetBucketVersioning',
    makeActions: ['s3:PutBucketVersioning'],
    look: (reads) => reads.versioning(),
    fallsShort: (status) => unless(status === 'Enabled', status === 'Suspended' ? 'it is suspended' : 'it is off'),
    make: async ({ s3, bucket, owner }) => {
      await s3.send(
        new PutBucketVersioningCommand({ Bucket: bucket, ExpectedBucketOwner: owner, VersioningConfiguration: { Status: 'Enabled' } }),
      );
      return 'Enabled';
    },
  }),
  row<Lifecycle>({
    id: 'lifecycle',
    what: 'old versions stay 90 days',
    readAction: 's3:GetLifecycleConfiguration',
    makeActions: ['s3:PutLifecycleConfiguration'],
    look: (reads) => reads.lifecycle(),
    fallsShort: ({ rules }) => [
      ...missingRules(rules).map((text) => ({ text, mended: true })),
      ...harmfulRules(rules).map((text) => ({ text, mended: false })),
    ],
    // S3 has no condition for this write, nor for that of the policy: of two who change it in the same second, the later one counts.
    make: async ({ s3, bucket, owner }, { rules, minimumSize }) => {
      const merged = withOwnRules(rules);
      await s3.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket: bucket,
          ExpectedBucketOwner: owner,
          LifecycleConfiguration: { Rules: merged },
          ...(minimumSize === undefined ? {} : { TransitionDefaultMinimumObjectSize: minimumSize }),
        }),
      );
      return { rules: merged, minimumSize };
    },
  }),
  row<string | undefined>({
    id: 'tls-only',
    what: 'TLS only',
    readAction: 's3:GetBucketPolicy',
    makeActions: ['s3:PutBucketPolicy'],
    look: (reads) => reads.policy(),
    fallsShort: (policy, address) => [
      ...unless(refusesPlainHttp(policy, arnOf(address)), 'no statement of its policy refuses requests that are not TLS'),
      ...unless(
        !missingStatements(policy, tlsStatements(arnOf(address))).includes('HoldfastTlsVersion'),
        'no statement of its policy refuses TLS of before 1.2',
      ),
    ],
    make: (address, policy) => putStatements(address, policy, tlsStatements(arnOf(address))),
  }),
  row<string | undefined>({
    id: 'evidence-stays',
    what: 'evidence stays',
    readAction: 's3:GetBucketPolicy',
    makeActions: ['s3:PutBucketPolicy'],
    look: (reads) => reads.policy(),
    fallsShort: (policy, address) => {
      const missing = missingStatements(policy, evidenceOf(address, policy));
      return unless(missing.length === 0, `its policy lacks ${missing.join(', ')}, or has it in other words`);
    },
    make: (address, policy) => putStatements(address, policy, evidenceOf(address, policy)),
  }),
  row<boolean>({
    id: 'layout',
    what: "Pulumi's layout",
    readAction: 's3:GetObject',
    makeActions: ['s3:PutObject'],
    look: async (reads) => (await reads.text(metaKey)) !== undefined,
    fallsShort: (there) => unless(there, `${metaKey} is missing`),
    make: async (address) => {
      await putOnce(address, metaKey, 'version: 1\n');
      return true;
    },
  }),
  row<boolean>({
    id: 'installation',
    what: 'installation',
    readAction: 's3:GetObject',
    makeActions: ['s3:PutObject'],
    look: async (reads) => (await reads.text(installationKey)) !== undefined,
    fallsShort: (there) => unless(there, `${installationKey} is missing: what is deployed from here has no name of its own yet`),
    make: async (address, _, now) => {
      await putOnce(address, installationKey, newInstallation(now));
      return true;
    },
  }),
  row<StoreProbe | undefined>({
    id: 'conditional-writes',
    what: 'conditional writes',
    readAction: 's3:GetObject',
    makeActions: ['s3:PutObject', 's3:DeleteObject'],
    look: async (reads) => {
      const text = await reads.text(probeKey);
      return text === undefined ? undefined : readProbe(text);
    },
    fallsShort: (probe) => {
      if (probe === undefined) return unless(false, 'nobody has tried yet whether the store keeps to the conditions of writes');
      const ignored = ignoredConditions(probe);
      return unless(ignored.length === 0, `the store ignores ${ignored.join(', ')}: two runs could hold one lock`);
    },
    make: async (address, _, now) => {
      const probe = await probeStore(address);
      await address.s3.send(
        new PutObjectCommand({
          Bucket: address.bucket,
          Key: probeKey,
          ExpectedBucketOwner: address.owner,
          Body: writeProbe(probe, now),
          ContentType: 'application/json',
        }),
      );
      return probe;
    },
  }),
];

/**
 * On whole versions, for as long as old versions stay anyway. A retention for each object would want a right of each writer, and a writer that knows whether the
 * bucket has a lock; that of the bucket keeps nobody from his work, as it holds for versions: a lock is released by a delete marker, and a checkpoint
 * written over by a new version, which an object lock lets through.
 */
export const objectLockProperty: BucketProperty = row<DefaultRetention | undefined>({
  id: 'object-lock',
  what: 'object lock',
  readAction: 's3:GetBucketObjectLockConfiguration',
  makeActions: ['s3:PutBucketObjectLockConfiguration'],
  look: (reads) => reads.objectLock(),
  fallsShort: (retention) =>
    unless(
      retention !== undefined && daysOf(retention) >= noncurrentDays,
      retention === undefined ? 'it has none' : `it keeps versions for ${daysOf(retention)} days only, and not for ${noncurrentDays}`,
    ),
  make: async ({ s3, bucket, owner }, there) => {
    const retention: DefaultRetention = { Mode: there?.Mode ?? 'GOVERNANCE', Days: noncurrentDays };
    await s3.send(
      new PutObjectLockConfigurationCommand({
        Bucket: bucket,
        ExpectedBucketOwner: owner,
        ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: retention } },
      }),
    );
    return retention;
  },
});

const daysOf = ({ Days = 0, Years = 0 }: DefaultRetention): number => Days + Years * 365;

const evidenceOf = (address: BucketAddress, policy: string | undefined) =>
  evidenceStatements(arnOf(address), address.breakGlass ?? breakGlassOf(policy));

async function putStatements(
  { s3, bucket, owner }: BucketAddress,
  policy: string | undefined,
  own: Parameters<typeof withOwnStatements>[1],
): Promise<string> {
  const merged = withOwnStatements(policy, own);
  await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, ExpectedBucketOwner: owner, Policy: merged }));
  return merged;
}

const arnOf = ({ bucket, region }: BucketAddress): string => `arn:${partitionOf(region)}:s3:::${bucket}`;

/** Reads of the bucket, each made once however many ask: the properties and preflight's own facts have most of them in common. */
export class BucketReads {
  readonly address: BucketAddress;
  readonly #made = new Map<string, Promise<unknown>>();

  constructor(address: BucketAddress) {
    this.address = address;
  }

  /** @throws where it does not exist, or is another account's */
  head(): Promise<unknown> {
    return this.#once('head', ({ s3, ...of }) => s3.send(new HeadBucketCommand(of)));
  }

  async exists(): Promise<boolean> {
    return (await found(() => this.head())) !== undefined;
  }

  publicAccessBlock() {
    return this.#once(
      'public-access-block',
      async ({ s3, ...of }) => (await found(() => s3.send(new GetPublicAccessBlockCommand(of))))?.PublicAccessBlockConfiguration,
    );
  }

  encrypted(): Promise<boolean> {
    return this.#once('encryption', async ({ s3, ...of }) => {
      const answer = await found(() => s3.send(new GetBucketEncryptionCommand(of)));
      return (answer?.ServerSideEncryptionConfiguration?.Rules?.length ?? 0) > 0;
    });
  }

  /** Empty where it was never on. */
  versioning(): Promise<string> {
    return this.#once('versioning', async ({ s3, ...of }) => (await s3.send(new GetBucketVersioningCommand(of))).Status ?? '');
  }

  lifecycle(): Promise<Lifecycle> {
    return this.#once('lifecycle', async ({ s3, ...of }) => {
      const answer = await found(() => s3.send(new GetBucketLifecycleConfigurationCommand(of)));
      return { rules: answer?.Rules ?? [], minimumSize: answer?.TransitionDefaultMinimumObjectSize };
    });
  }

  /** Undefined where it has none. */
  policy(): Promise<string | undefined> {
    return this.#once('policy', async ({ s3, ...of }) => (await found(() => s3.send(new GetBucketPolicyCommand(of))))?.Policy);
  }

  /** How long each new version is kept; undefined where the bucket has no object lock, or none without a word of its writer. */
  objectLock(): Promise<DefaultRetention | undefined> {
    return this.#once(
      'object-lock',
      async ({ s3, ...of }) =>
        (await found(() => s3.send(new GetObjectLockConfigurationCommand(of))))?.ObjectLockConfiguration?.Rule?.DefaultRetention,
    );
  }

  /** Undefined where there is no such object. */
  text(key: string): Promise<string | undefined> {
    return this.#once(`text ${key}`, async ({ s3, ...of }) => {
      const answer = await found(() => s3.send(new GetObjectCommand({ ...of, Key: key })));
      return answer && (await bodyOf(key, answer, largest.small)).toString('utf8');
    });
  }

  #once<T>(what: string, read: (of: { s3: S3Client; Bucket: string; ExpectedBucketOwner: string }) => Promise<T>): Promise<T> {
    const { s3, bucket, owner } = this.address;
    const known = this.#made.get(what) as Promise<T> | undefined;
    const reading = known ?? read({ s3, Bucket: bucket, ExpectedBucketOwner: owner });
    this.#made.set(what, reading);
    return reading;
  }
}

/** What one property of the bucket is. */
export interface PropertyStanding {
  readonly id: string;
  readonly what: string;
  /** `unknown`: it could not be looked at. `failed`: it could not be made so. */
  readonly outcome: 'ok' | 'short' | 'unknown' | 'failed';
  /** Whether something was written. */
  readonly changed: boolean;
  /** Where it falls short, or why nobody knows. */
  readonly shortfalls: readonly Shortfall[];
}

/** Looks at every property at once, and writes nothing. */
export async function lookAtProperties(reads: BucketReads): Promise<readonly PropertyStanding[]> {
  return Promise.all(
    bucketProperties.map(async (property) => {
      try {
        return standing(property, (await property.look(reads)).shortfalls);
      } catch (cause) {
        return unknown(property, cause);
      }
    }),
  );
}

export function standing({ id, what }: BucketProperty, shortfalls: readonly Shortfall[], changed = false): PropertyStanding {
  return { id, what, outcome: shortfalls.length === 0 ? 'ok' : 'short', changed, shortfalls };
}

export function unknown({ id, what, readAction }: BucketProperty, cause: unknown): PropertyStanding {
  const text = isDenied(cause)
    ? `not known: the session may not call ${deniedActionOf(cause) ?? readAction}`
    : `not known: ${wordsOf(cause)}`;
  return { id, what, outcome: 'unknown', changed: false, shortfalls: [{ text, mended: false }] };
}

export function failed({ id, what, makeActions }: BucketProperty, cause: unknown): PropertyStanding {
  const text = isDenied(cause)
    ? `could not be made so: the session may not call ${deniedActionOf(cause) ?? makeActions.join(' and ')}`
    : `could not be made so: ${wordsOf(cause)}`;
  return { id, what, outcome: 'failed', changed: false, shortfalls: [{ text, mended: false }] };
}

export const isDenied = (cause: unknown): boolean => cause instanceof S3ServiceException && cause.$metadata.httpStatusCode === 403;

/** HEAD has no body, and so no words of S3's own. */
function wordsOf(cause: unknown): string {
  if (!(cause instanceof S3ServiceException)) return messageOf(cause);
  const region = (cause.$response as { headers?: Record<string, string> } | undefined)?.headers?.['x-amz-bucket-region'];
  if (cause.$metadata.httpStatusCode === 301 && region !== undefined) return `the bucket of that name is in ${region}`;
  return `${cause.name}: ${cause.message}`;
}

/** Writes that must fail, on an object of the probe's own. */
async function probeStore({ s3, bucket, owner }: BucketAddress): Promise<StoreProbe> {
  const of = { Bucket: bucket, ExpectedBucketOwner: owner, Key: `.holdfast/probes/${randomUUID()}` };
  const { ETag } = await s3.send(new PutObjectCommand({ ...of, Body: 'first' }));
  const otherETag = '"00000000000000000000000000000000"';
  const probe = {
    putIfAbsent: await isRefused(() => s3.send(new PutObjectCommand({ ...of, Body: 'second', IfNoneMatch: '*' }))),
    putIfMatches: await isRefused(() => s3.send(new PutObjectCommand({ ...of, Body: 'third', IfMatch: otherETag }))),
    deleteIfMatches: await isRefused(() => s3.send(new DeleteObjectCommand({ ...of, IfMatch: otherETag }))),
  };
  await s3.send(
    new DeleteObjectCommand({ ...of, ...(probe.putIfAbsent && probe.putIfMatches && ETag !== undefined ? { IfMatch: ETag } : {}) }),
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
async function putOnce({ s3, bucket, owner }: BucketAddress, key: string, body: string): Promise<void> {
  await isRefused(() =>
    s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        ExpectedBucketOwner: owner,
        Body: body,
        ContentType: 'application/json',
        IfNoneMatch: '*',
      }),
    ),
  );
}

async function found<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (cause) {
    if (cause instanceof S3ServiceException && cause.$metadata.httpStatusCode === 404) return undefined;
    throw cause;
  }
}
