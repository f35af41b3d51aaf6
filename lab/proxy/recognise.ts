import type { IncomingHttpHeaders } from 'node:http';
import { cborTextOf } from './cbor.ts';
import { isMutating } from './mutating.ts';
import { recogniseS3 } from './recognise-s3.ts';

/** How a service writes its requests and its errors on the wire. `ec2` is the query protocol with EC2's own error document. */
export type Protocol = 'ec2' | 'query' | 's3' | 'json' | 'cbor';

/** What a request asks for. Parameters of every protocol are one flat record in the query protocol's way of naming (`Tags.1.Key`). */
export type Recognised = {
  service: string;
  action: string;
  protocol: Protocol;
  accessKeyId: string | null;
  params: Record<string, string>;
  mutating: boolean;
};

export type RequestHead = { method: string; url: string; headers: IncomingHttpHeaders };

/** The signing names that differ from the name people use. */
const serviceOfSigningName: Record<string, string> = { monitoring: 'cloudwatch' };

/** Clients that do not sign a query call still say which API version they speak. */
const serviceOfQueryVersion: Record<string, string> = {
  '2016-11-15': 'ec2',
  '2011-06-15': 'sts',
  '2010-03-31': 'sns',
  '2010-08-01': 'cloudwatch',
};

const serviceOfTarget = (target: string): string => {
  if (/cloudtrail/i.test(target)) return 'cloudtrail';
  if (target.startsWith('GraniteServiceVersion')) return 'cloudwatch';
  return target.split(/[._]/)[0]?.toLowerCase() ?? 'unknown';
};

/** `Authorization: AWS4-HMAC-SHA256 Credential=AKID/date/region/service/aws4_request, …`, or the same in a presigned URL. */
const credentialScope = (headers: IncomingHttpHeaders, query: URLSearchParams): { accessKeyId: string; service: string } | undefined => {
  const scope = /Credential=([^,\s]+)/.exec(headers.authorization ?? '')?.[1] ?? query.get('X-Amz-Credential') ?? '';
  const [accessKeyId, , , signingName] = scope.split('/');
  if (!accessKeyId || !signingName) return undefined;
  return { accessKeyId, service: serviceOfSigningName[signingName] ?? signingName };
};

const flatten = (value: unknown, path: string, into: Record<string, string>): void => {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    value.forEach((item, index) => flatten(item, `${path}.${index + 1}`, into));
  } else if (typeof value === 'object') {
    for (const [name, inner] of Object.entries(value)) flatten(inner, path === '' ? name : `${path}.${name}`, into);
  } else {
    into[path] = typeof value === 'string' ? value : JSON.stringify(value);
  }
};

const jsonParams = (body: Buffer): Record<string, string> => {
  const params: Record<string, string> = {};
  try {
    flatten(JSON.parse(body.toString('utf8')), '', params);
  } catch {
    // A body that is not JSON is the service's to refuse; the call is still recorded, without parameters.
  }
  return params;
};

/** Of a call in CBOR the one text that a policy can be about: the rest of it nobody has needed yet. */
const cborParams = (body: Buffer): Record<string, string> => {
  const namespace = cborTextOf(body, 'Namespace');
  return namespace === undefined ? {} : { Namespace: namespace };
};

/** What every query call carries, and what a presigned one carries in its URL. */
const ofTheEnvelope = /^(Action$|Version$|X-Amz-)/;

/** Not `URL`, which would resolve the dots and double slashes that a key in S3 may have. */
const splitUrl = (url: string): { path: string; query: URLSearchParams } => {
  const mark = url.indexOf('?');
  if (mark < 0) return { path: url, query: new URLSearchParams() };
  return { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
};

/** The bearer token of a web identity is a credential and is kept nowhere. */
const withoutSecrets = (params: Record<string, string>): Record<string, string> =>
  'WebIdentityToken' in params ? { ...params, WebIdentityToken: 'HIDDEN_DUE_TO_SECURITY_REASONS' } : params;

/**
 * Finds the service, the action and the parameters of an AWS request as it stands on the wire: the query protocol (EC2, STS, SNS,
 * CloudWatch), JSON with `X-Amz-Target` (CloudTrail, CloudWatch), Smithy RPC v2 CBOR, and S3 in path style, which is also what an
 * unsigned request that fits nothing else is taken for.
 */
export const recognise = (head: RequestHead, body: Buffer): Recognised => {
  const { path, query } = splitUrl(head.url);
  const scope = credentialScope(head.headers, query);
  const accessKeyId = scope?.accessKeyId ?? null;
  const contentType = head.headers['content-type'] ?? '';

  const make = (service: string, action: string, protocol: Protocol, params: Record<string, string>): Recognised => ({
    service,
    action,
    protocol,
    accessKeyId,
    params: withoutSecrets(params),
    mutating: isMutating(service, action),
  });

  const target = head.headers['x-amz-target'];
  if (typeof target === 'string') {
    const action = target.slice(target.lastIndexOf('.') + 1);
    return make(scope?.service ?? serviceOfTarget(target), action, 'json', jsonParams(body));
  }

  const rpc = /^\/service\/([^/]+)\/operation\/([^/]+)$/.exec(path);
  if (rpc?.[1] && rpc[2] && head.headers['smithy-protocol'] === 'rpc-v2-cbor') {
    return make(scope?.service ?? serviceOfTarget(rpc[1]), rpc[2], 'cbor', cborParams(body));
  }

  if (scope?.service === 's3') {
    const { action, params } = recogniseS3(head.method, path, query, head.headers);
    return make('s3', action, 's3', params);
  }

  const isForm = contentType.startsWith('application/x-www-form-urlencoded');
  const form = isForm ? new URLSearchParams(body.toString('utf8')) : query;
  const action = form.get('Action');
  if (action !== null) {
    const version = form.get('Version');
    const params = Object.fromEntries([...form].filter(([name]) => !ofTheEnvelope.test(name)));
    const service = scope?.service ?? serviceOfQueryVersion[version ?? ''] ?? (action.startsWith('AssumeRoleWith') ? 'sts' : undefined);
    if (service !== undefined) return make(service, action, service === 'ec2' ? 'ec2' : 'query', params);
  }

  if (scope !== undefined) return make(scope.service, `${head.method} ${path}`, 'json', {});
  const s3 = recogniseS3(head.method, path, query, head.headers);
  return make('s3', s3.action, 's3', s3.params);
};
