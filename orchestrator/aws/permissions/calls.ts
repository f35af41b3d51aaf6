/** Services by the name that the SDK gives their clients, as policies name them. */
export const services: Readonly<Record<string, string>> = {
  CloudTrailClient: 'cloudtrail',
  CloudWatchClient: 'cloudwatch',
  EC2Client: 'ec2',
  KMSClient: 'kms',
  S3Client: 's3',
  ServiceQuotasClient: 'servicequotas',
  SNSClient: 'sns',
  STSClient: 'sts',
};

/** Where S3's permission has another name than its call; several where the request decides. */
const ofS3: Readonly<Record<string, readonly [string, ...string[]]>> = {
  GetBucketEncryption: ['s3:GetEncryptionConfiguration'],
  GetBucketLifecycleConfiguration: ['s3:GetLifecycleConfiguration'],
  GetObject: ['s3:GetObject', 's3:GetObjectVersion'],
  GetObjectLockConfiguration: ['s3:GetBucketObjectLockConfiguration'],
  GetPublicAccessBlock: ['s3:GetBucketPublicAccessBlock'],
  HeadBucket: ['s3:ListBucket'],
  HeadObject: ['s3:GetObject', 's3:GetObjectVersion'],
  ListObjectVersions: ['s3:ListBucketVersions'],
  ListObjectsV2: ['s3:ListBucket'],
  PutBucketEncryption: ['s3:PutEncryptionConfiguration'],
  PutBucketLifecycleConfiguration: ['s3:PutLifecycleConfiguration'],
  PutObjectLockConfiguration: ['s3:PutBucketObjectLockConfiguration'],
  PutPublicAccessBlock: ['s3:PutBucketPublicAccessBlock'],
};

/** Every action that a call may need, as a policy names it. @param call as in `GetObject` */
export function actionsOf(service: string, call: string): readonly [string, ...string[]] {
  return (service === 's3' ? ofS3[call] : undefined) ?? [`${service}:${call}`];
}

/** The one that this request needs. */
export function actionOf(service: string, call: string, input: object): string {
  const [action, ofVersion] = actionsOf(service, call);
  return ofVersion !== undefined && 'VersionId' in input && input.VersionId !== undefined ? ofVersion : action;
}
