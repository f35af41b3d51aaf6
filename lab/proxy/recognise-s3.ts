import type { IncomingHttpHeaders } from 'node:http';

/** Sub-resources of a bucket: the query key, and what stands for it in `GetBucket…`, `PutBucket…`, `DeleteBucket…`. */
const bucketSubresources: Record<string, { get?: string; put?: string; delete?: string }> = {
  accelerate: { get: 'GetBucketAccelerateConfiguration', put: 'PutBucketAccelerateConfiguration' },
  acl: { get: 'GetBucketAcl', put: 'PutBucketAcl' },
  cors: { get: 'GetBucketCors', put: 'PutBucketCors', delete: 'DeleteBucketCors' },
  encryption: { get: 'GetBucketEncryption', put: 'PutBucketEncryption', delete: 'DeleteBucketEncryption' },
  lifecycle: { get: 'GetBucketLifecycleConfiguration', put: 'PutBucketLifecycleConfiguration', delete: 'DeleteBucketLifecycle' },
  location: { get: 'GetBucketLocation' },
  logging: { get: 'GetBucketLogging', put: 'PutBucketLogging' },
  notification: { get: 'GetBucketNotificationConfiguration', put: 'PutBucketNotificationConfiguration' },
  'object-lock': { get: 'GetObjectLockConfiguration', put: 'PutObjectLockConfiguration' },
  ownershipControls: {
    get: 'GetBucketOwnershipControls',
    put: 'PutBucketOwnershipControls',
    delete: 'DeleteBucketOwnershipControls',
  },
  policy: { get: 'GetBucketPolicy', put: 'PutBucketPolicy', delete: 'DeleteBucketPolicy' },
  policyStatus: { get: 'GetBucketPolicyStatus' },
  publicAccessBlock: { get: 'GetPublicAccessBlock', put: 'PutPublicAccessBlock', delete: 'DeletePublicAccessBlock' },
  replication: { get: 'GetBucketReplication', put: 'PutBucketReplication', delete: 'DeleteBucketReplication' },
  requestPayment: { get: 'GetBucketRequestPayment', put: 'PutBucketRequestPayment' },
  tagging: { get: 'GetBucketTagging', put: 'PutBucketTagging', delete: 'DeleteBucketTagging' },
  uploads: { get: 'ListMultipartUploads' },
  versioning: { get: 'GetBucketVersioning', put: 'PutBucketVersioning' },
  versions: { get: 'ListObjectVersions' },
  website: { get: 'GetBucketWebsite', put: 'PutBucketWebsite', delete: 'DeleteBucketWebsite' },
};

const objectSubresources: Record<string, { get?: string; put?: string; delete?: string }> = {
  acl: { get: 'GetObjectAcl', put: 'PutObjectAcl' },
  attributes: { get: 'GetObjectAttributes' },
  'legal-hold': { get: 'GetObjectLegalHold', put: 'PutObjectLegalHold' },
  retention: { get: 'GetObjectRetention', put: 'PutObjectRetention' },
  tagging: { get: 'GetObjectTagging', put: 'PutObjectTagging', delete: 'DeleteObjectTagging' },
};

const subresourceAction = (table: typeof bucketSubresources, method: string, query: URLSearchParams): string | undefined => {
  const verb = method === 'GET' ? 'get' : method === 'PUT' ? 'put' : method === 'DELETE' ? 'delete' : undefined;
  if (verb === undefined) return undefined;
  for (const [name, verbs] of Object.entries(table)) if (query.has(name)) return verbs[verb];
  return undefined;
};

const bucketAction = (method: string, query: URLSearchParams): string | undefined => {
  switch (method) {
    case 'GET':
      return query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
    case 'PUT':
      return 'CreateBucket';
    case 'DELETE':
      return 'DeleteBucket';
    case 'HEAD':
      return 'HeadBucket';
    case 'POST':
      return query.has('delete') ? 'DeleteObjects' : 'PostObject';
    default:
      return undefined;
  }
};

const objectAction = (method: string, query: URLSearchParams, isCopy: boolean): string | undefined => {
  switch (method) {
    case 'GET':
      return query.has('uploadId') ? 'ListParts' : 'GetObject';
    case 'PUT':
      if (query.has('uploadId')) return isCopy ? 'UploadPartCopy' : 'UploadPart';
      return isCopy ? 'CopyObject' : 'PutObject';
    case 'DELETE':
      return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'HEAD':
      return 'HeadObject';
    case 'POST':
      if (query.has('uploads')) return 'CreateMultipartUpload';
      if (query.has('uploadId')) return 'CompleteMultipartUpload';
      return query.has('restore') ? 'RestoreObject' : 'SelectObjectContent';
    default:
      return undefined;
  }
};

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** The parameters that say which object, which version, and on what condition: a fault or a test needs no others. */
const paramSources: { param: string; query?: string; header?: string }[] = [
  { param: 'VersionId', query: 'versionId' },
  { param: 'UploadId', query: 'uploadId' },
  { param: 'PartNumber', query: 'partNumber' },
  { param: 'Prefix', query: 'prefix' },
  { param: 'CopySource', header: 'x-amz-copy-source' },
  { param: 'IfMatch', header: 'if-match' },
  { param: 'IfNoneMatch', header: 'if-none-match' },
];

const actionOf = (method: string, bucket: string, key: string, query: URLSearchParams, isCopy: boolean): string | undefined => {
  if (bucket === '') return method === 'GET' ? 'ListBuckets' : undefined;
  if (key === '') return subresourceAction(bucketSubresources, method, query) ?? bucketAction(method, query);
  return subresourceAction(objectSubresources, method, query) ?? objectAction(method, query, isCopy);
};

/** S3's REST protocol in path style: the operation is in the method, the depth of the path, the query keys and one header. */
export const recogniseS3 = (
  method: string,
  path: string,
  query: URLSearchParams,
  headers: IncomingHttpHeaders,
): { action: string; params: Record<string, string> } => {
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  const params: Record<string, string> = {};
  if (bucket !== '') params.Bucket = decode(bucket);
  if (key !== '') params.Key = decode(key);
  for (const { param, query: queryName, header } of paramSources) {
    const value = queryName === undefined ? headers[header ?? ''] : query.get(queryName);
    if (typeof value === 'string' && value !== '') params[param] = value;
  }
  return { action: actionOf(method, bucket, key, query, 'x-amz-copy-source' in headers) ?? `${method} ${path}`, params };
};
