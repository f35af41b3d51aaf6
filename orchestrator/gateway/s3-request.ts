import type { IncomingMessage } from 'node:http';

/** The operations of S3 that the Pulumi CLI uses; there are no others here. */
export type Operation =
  | { readonly kind: 'head-bucket' }
  | { readonly kind: 'list'; readonly query: ListQuery }
  | { readonly kind: 'get'; readonly key: string; readonly range?: string }
  | { readonly kind: 'put'; readonly key: string }
  | { readonly kind: 'copy'; readonly key: string; readonly from: { readonly bucket: string; readonly key: string } }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'create-upload'; readonly key: string }
  | { readonly kind: 'upload-part'; readonly key: string; readonly upload: string; readonly part: number }
  | { readonly kind: 'complete-upload'; readonly key: string; readonly upload: string }
  | { readonly kind: 'abort-upload'; readonly key: string; readonly upload: string }
  /** What S3 may well have, and this front has not. */
  | { readonly kind: 'unknown'; readonly name: string }
  | { readonly kind: 'malformed'; readonly message: string };

export interface ListQuery {
  readonly prefix: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  /** The listing begins after this key, or with all that begin with it where it is a folder. */
  readonly after: string;
  /** Keys in the answer are percent-encoded. */
  readonly encoded: boolean;
}

export interface Target {
  readonly bucket: string;
  /** Still percent-encoded. */
  readonly key: string;
  readonly query: string;
}

/** By hand and not by URL, which would resolve a `..` in a key. */
export function targetOf(url: string): Target {
  const question = url.indexOf('?');
  const path = question < 0 ? url : url.slice(0, question);
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  return { bucket, key, query: question < 0 ? '' : url.slice(question + 1) };
}

export function operationOf(request: IncomingMessage, target: Target): Operation {
  const method = request.method ?? '';
  const query = new URLSearchParams(target.query);
  // The SDKs name the operation in every request.
  query.delete('x-id');
  const key = decode(target.key);
  if (key === undefined) return { kind: 'malformed', message: 'The key is not percent-encoded UTF-8.' };
  return key === '' ? onBucket(method, query) : onObject(method, key, query, request.headers);
}

function onBucket(method: string, query: URLSearchParams): Operation {
  if (method === 'HEAD' && query.size === 0) return { kind: 'head-bucket' };
  const known = ['list-type', 'prefix', 'delimiter', 'max-keys', 'continuation-token', 'start-after', 'encoding-type', 'fetch-owner'];
  if (method !== 'GET' || query.get('list-type') !== '2' || [...query.keys()].some((name) => !known.includes(name)))
    return unknown(method, 'bucket', query);
  const maxKeys = Number(query.get('max-keys') ?? 1000);
  if (!Number.isInteger(maxKeys) || maxKeys < 0) return { kind: 'malformed', message: 'max-keys is not a number of keys.' };
  const token = query.get('continuation-token');
  return {
    kind: 'list',
    query: {
      prefix: query.get('prefix') ?? '',
      delimiter: query.get('delimiter') ?? '',
      maxKeys: Math.min(maxKeys, 1000),
      after: token === null ? (query.get('start-after') ?? '') : Buffer.from(token, 'base64url').toString('utf8'),
      encoded: query.get('encoding-type') === 'url',
    },
  };
}

function onObject(method: string, key: string, query: URLSearchParams, headers: IncomingMessage['headers']): Operation {
  const parameters = [...query.keys()].sort().join('&');
  const upload = query.get('uploadId') ?? '';
  const source = headers['x-amz-copy-source'];
  switch (`${method} ${parameters}`) {
    case 'GET ':
    case 'HEAD ':
      return { kind: 'get', key, ...(headers.range === undefined ? {} : { range: headers.range }) };
    case 'PUT ':
      return source === undefined ? { kind: 'put', key } : copy(key, String(source));
    case 'DELETE ':
      return { kind: 'delete', key };
    case 'POST uploads':
      return { kind: 'create-upload', key };
    case 'PUT partNumber&uploadId': {
      const part = Number(query.get('partNumber'));
      if (source !== undefined) return { kind: 'unknown', name: 'UploadPartCopy' };
      if (!Number.isInteger(part) || part < 1 || part > 10_000) return { kind: 'malformed', message: 'partNumber is not from 1 to 10000.' };
      return { kind: 'upload-part', key, upload, part };
    }
    case 'POST uploadId':
      return { kind: 'complete-upload', key, upload };
    case 'DELETE uploadId':
      return { kind: 'abort-upload', key, upload };
    default:
      return unknown(method, 'object', query);
  }
}

function copy(key: string, source: string): Operation {
  const from = decode(source.replace(/^\//, ''));
  const slash = from?.indexOf('/') ?? -1;
  if (from === undefined || slash < 1) return { kind: 'malformed', message: 'x-amz-copy-source is not a bucket and a key.' };
  return { kind: 'copy', key, from: { bucket: from.slice(0, slash), key: from.slice(slash + 1) } };
}

function unknown(method: string, on: 'bucket' | 'object', query: URLSearchParams): Operation {
  const parameters = [...query.keys()];
  return {
    kind: 'unknown',
    name: `${method} on a${on === 'object' ? 'n object' : ' bucket'}${parameters.length > 0 ? ` with ${parameters.join(', ')}` : ''}`,
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
