import { describe, expect, test } from 'vitest';
import { recognise } from '../../lab/proxy/recognise.ts';

const signedFor = (service: string): { authorization: string } => ({
  authorization: `AWS4-HMAC-SHA256 Credential=AKIATEST/20300501/eu-central-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
});

const form = (headers: Record<string, string>, body: string) =>
  recognise(
    { method: 'POST', url: '/', headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', ...headers } },
    Buffer.from(body),
  );

const s3 = (method: string, url: string, headers: Record<string, string> = {}) =>
  recognise({ method, url, headers: { ...signedFor('s3'), ...headers } }, Buffer.alloc(0));

describe('the query protocol', () => {
  test('has the service in the signature and the action in the form', () => {
    expect(form(signedFor('ec2'), 'Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16')).toEqual({
      service: 'ec2',
      action: 'CreateVpc',
      protocol: 'ec2',
      accessKeyId: 'AKIATEST',
      params: { CidrBlock: '10.0.0.0/16' },
      mutating: true,
    });
  });

  test.each([
    ['2016-11-15', 'DescribeVpcs', 'ec2'],
    ['2011-06-15', 'AssumeRoleWithWebIdentity', 'sts'],
    ['2010-03-31', 'ListTopics', 'sns'],
    ['2010-08-01', 'DescribeAlarms', 'cloudwatch'],
  ])('unsigned, of version %s, is told by its version', (version, action, service) => {
    expect(form({}, `Action=${action}&Version=${version}`)).toMatchObject({ service, action, accessKeyId: null });
  });

  test('keeps no web identity token', () => {
    expect(form({}, 'Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken=ey').params.WebIdentityToken).toBe(
      'HIDDEN_DUE_TO_SECURITY_REASONS',
    );
  });

  test('calls CloudWatch by its name, not by the one that it signs with', () => {
    expect(form(signedFor('monitoring'), 'Action=PutMetricAlarm')).toMatchObject({ service: 'cloudwatch', protocol: 'query' });
  });
});

describe('JSON', () => {
  test('has the action in its target and its parameters flattened', () => {
    const headers = {
      ...signedFor('monitoring'),
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'GraniteServiceVersion20100801.PutMetricAlarm',
    };
    const body = Buffer.from(JSON.stringify({ AlarmName: 'a', Period: 60, Tags: [{ Key: 'k', Value: 'v' }] }));
    expect(recognise({ method: 'POST', url: '/', headers }, body)).toMatchObject({
      service: 'cloudwatch',
      action: 'PutMetricAlarm',
      protocol: 'json',
      params: { AlarmName: 'a', Period: '60', 'Tags.1.Key': 'k', 'Tags.1.Value': 'v' },
    });
  });

  test('of CloudTrail is told by the last word of its target', () => {
    const headers = { 'x-amz-target': 'com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents' };
    expect(recognise({ method: 'POST', url: '/', headers }, Buffer.from('{}'))).toMatchObject({
      service: 'cloudtrail',
      action: 'LookupEvents',
    });
  });
});

test('CBOR has the action in its path', () => {
  const headers = { ...signedFor('monitoring'), 'smithy-protocol': 'rpc-v2-cbor' };
  const url = '/service/GraniteServiceVersion20100801/operation/PutMetricAlarm';
  const call = recognise({ method: 'POST', url, headers }, Buffer.alloc(0));
  expect(call).toMatchObject({ service: 'cloudwatch', action: 'PutMetricAlarm', protocol: 'cbor', params: {} });
});

test('CBOR has its parameters flattened', () => {
  const headers = { ...signedFor('monitoring'), 'smithy-protocol': 'rpc-v2-cbor' };
  const url = '/service/GraniteServiceVersion20100801/operation/PutMetricAlarm';
  // A map without a length, as the SDK of the provider writes it: AlarmName, Threshold as a double, Tags as a list of maps.
  const body = Buffer.from(
    [
      ['bf', '69', Buffer.from('AlarmName').toString('hex'), '61', '61'],
      ['69', Buffer.from('Threshold').toString('hex'), 'fb4092c00000000000'],
      ['66', Buffer.from('Period').toString('hex'), '190708'],
      ['64', Buffer.from('Tags').toString('hex'), '81a2', '63', '4b6579', '61', '6b', '65', '56616c7565', '61', '76', 'ff'],
    ]
      .flat()
      .join(''),
    'hex',
  );
  expect(recognise({ method: 'POST', url, headers }, body).params).toEqual({
    AlarmName: 'a',
    Threshold: '1200',
    Period: '1800',
    'Tags.1.Key': 'k',
    'Tags.1.Value': 'v',
  });
});

describe('S3', () => {
  test.each([
    ['GET', '/', 'ListBuckets'],
    ['PUT', '/state', 'CreateBucket'],
    ['PUT', '/state/', 'CreateBucket'],
    ['HEAD', '/state', 'HeadBucket'],
    ['DELETE', '/state', 'DeleteBucket'],
    ['GET', '/state?list-type=2&prefix=.pulumi%2Flocks', 'ListObjectsV2'],
    ['GET', '/state?prefix=x', 'ListObjects'],
    ['GET', '/state?versions', 'ListObjectVersions'],
    ['PUT', '/state?versioning', 'PutBucketVersioning'],
    ['GET', '/state?versioning=', 'GetBucketVersioning'],
    ['PUT', '/state?encryption', 'PutBucketEncryption'],
    ['PUT', '/state?publicAccessBlock', 'PutPublicAccessBlock'],
    ['POST', '/state?delete', 'DeleteObjects'],
    ['PUT', '/state/a/b.json?x-id=PutObject', 'PutObject'],
    ['GET', '/state/a/b.json?versionId=1', 'GetObject'],
    ['HEAD', '/state/a/b.json', 'HeadObject'],
    ['DELETE', '/state/a/b.json', 'DeleteObject'],
    ['POST', '/state/k?uploads', 'CreateMultipartUpload'],
    ['PUT', '/state/k?partNumber=1&uploadId=u', 'UploadPart'],
    ['GET', '/state/k?uploadId=u', 'ListParts'],
    ['POST', '/state/k?uploadId=u', 'CompleteMultipartUpload'],
    ['DELETE', '/state/k?uploadId=u', 'AbortMultipartUpload'],
  ])('%s %s is %s', (method, url, action) => {
    expect(s3(method, url)).toMatchObject({ service: 's3', protocol: 's3', action });
  });

  test('a put with a source is a copy', () => {
    expect(s3('PUT', '/state/k', { 'x-amz-copy-source': 'state/other' }).action).toBe('CopyObject');
  });

  test('a key is what it was before it was written into the path', () => {
    expect(s3('GET', '/state/a%20b//../c%2Bd').params).toEqual({ Bucket: 'state', Key: 'a b//../c+d' });
  });

  test('a presigned request has its key in the URL', () => {
    const url = '/state/k?X-Amz-Credential=AKIATEST%2F20300501%2Feu-central-1%2Fs3%2Faws4_request';
    expect(recognise({ method: 'GET', url, headers: {} }, Buffer.alloc(0))).toMatchObject({ service: 's3', accessKeyId: 'AKIATEST' });
  });

  test('is what an unsigned request is taken for', () => {
    expect(recognise({ method: 'GET', url: '/state/k', headers: {} }, Buffer.alloc(0))).toMatchObject({
      service: 's3',
      action: 'GetObject',
      accessKeyId: null,
    });
  });
});

describe('what changes something', () => {
  test.each([
    ['ec2', 'CreateVpc', true],
    ['ec2', 'AssociateRouteTable', true],
    ['ec2', 'DescribeVpcs', false],
    ['ec2', 'SearchTransitGatewayRoutes', false],
    ['ec2', 'GetTransitGatewayRouteTableAssociations', false],
    ['sns', 'ListTopics', false],
    ['sts', 'AssumeRole', false],
    ['sts', 'GetCallerIdentity', false],
  ])('%s %s: %s', (service, action, mutating) => {
    expect(form(signedFor(service), `Action=${action}`).mutating).toBe(mutating);
  });
});
