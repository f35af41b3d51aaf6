import type { Conditions } from './places.ts';

/** What protects the bucket's evidence, in the policies of roles (policy.ts) and in that of the bucket (../bucket-policy.ts). */

/** Folders below `.holdfast/` that say afterwards what happened. Each object there is written once. */
export const evidenceFolders: readonly string[] = ['quarantine', 'runs', 'dossiers'];

/** The key is there where the request has `If-None-Match`, by which S3 writes only what is not there. */
export const notOnce: Conditions = { Null: { 's3:if-none-match': 'true' } };

/** What `bootstrap` makes of a bucket, and no other role changes. */
export const bucketSettings: readonly string[] = [
  's3:PutBucketObjectLockConfiguration',
  's3:PutBucketPolicy',
  's3:PutBucketPublicAccessBlock',
  's3:PutBucketVersioning',
  's3:PutEncryptionConfiguration',
  's3:PutLifecycleConfiguration',
];

/** A role of IAM, as a policy names it: whatever its sessions are called. */
export const roleArnForm = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/;
