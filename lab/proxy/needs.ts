import { partitionOf } from '../../orchestrator/network/spec.ts';
import { unknown, type Need, type Value } from './policy.ts';
import type { Recognised } from './recognise.ts';

/**
 * What a call has to be allowed to do, as IAM knows it: not always what it is called. Written from AWS's own pages and not from the orchestrator's table,
 * so that a mistake there is refused here.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
type Asked = Pick<Recognised, 'service' | 'action' | 'params'>;

export const needsOf = (call: Asked, where: { accountId: string; region: string }): Need[] => {
  switch (call.service) {
    case 's3':
      return needsOfS3(call, partitionOf(where.region));
    case 'ec2':
      return needsOfEc2(call, where);
    case 'sts':
      // No policy can refuse who asks who it is, and who may assume a role is in that role's trust policy.
      return [];
    case 'kms':
      return [
        {
          action: `kms:${call.action}`,
          resource: `arn:${partitionOf(where.region)}:kms:${where.region}:${where.accountId}:key/`,
          // Only KMS knows the key of a ciphertext, and which aliases a key has.
          context: { 'kms:RequestAlias': aliasOf(call.params['KeyId']), 'kms:ResourceAliases': unknown },
        },
      ];
    case 'sns':
      return [{ action: `sns:${call.action}`, resource: topicOf(call.params, where) }];
    case 'cloudwatch':
      return [
        {
          action: `cloudwatch:${call.action}`,
          resource: alarmOf(call, where),
          context: { 'cloudwatch:namespace': call.params['Namespace'] ?? unknown },
        },
      ];
    default:
      return [{ action: `${call.service}:${call.action}`, resource: '*' }];
  }
};

/** A topic that is being made has the ARN that its name gives it; of a subscription IAM knows no resource. */
const topicOf = (params: Asked['params'], { accountId, region }: { accountId: string; region: string }): string => {
  const { Name: name, TopicArn: topic, ResourceArn: resource } = params;
  return topic ?? resource ?? (name === undefined ? '*' : `arn:${partitionOf(region)}:sns:${region}:${accountId}:${name}`);
};

/** Metrics are no resources; an alarm is one, by its name. */
const alarmOf = ({ params }: Asked, { accountId, region }: { accountId: string; region: string }): string => {
  const name = params['AlarmName'] ?? Object.entries(params).find(([key]) => /^AlarmNames?(\.|$)/.test(key))?.[1];
  return params['ResourceARN'] ?? (name === undefined ? '*' : `arn:${partitionOf(region)}:cloudwatch:${region}:${accountId}:alarm:${name}`);
};

const aliasOf = (key: string | undefined): string | undefined | typeof unknown =>
  key === undefined ? unknown : key.includes('alias/') ? key.slice(key.indexOf('alias/')) : undefined;

/** Where S3's API and its permissions have two names. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html, "Permissions" */
const s3Actions: Record<string, string> = {
  HeadBucket: 'ListBucket',
  ListObjects: 'ListBucket',
  ListObjectsV2: 'ListBucket',
  ListObjectVersions: 'ListBucketVersions',
  ListMultipartUploads: 'ListBucketMultipartUploads',
  HeadObject: 'GetObject',
  GetBucketEncryption: 'GetEncryptionConfiguration',
  PutBucketEncryption: 'PutEncryptionConfiguration',
  DeleteBucketEncryption: 'PutEncryptionConfiguration',
  GetBucketLifecycleConfiguration: 'GetLifecycleConfiguration',
  PutBucketLifecycleConfiguration: 'PutLifecycleConfiguration',
  DeleteBucketLifecycle: 'PutLifecycleConfiguration',
  GetObjectLockConfiguration: 'GetBucketObjectLockConfiguration',
  PutObjectLockConfiguration: 'PutBucketObjectLockConfiguration',
  GetPublicAccessBlock: 'GetBucketPublicAccessBlock',
  PutPublicAccessBlock: 'PutBucketPublicAccessBlock',
  DeletePublicAccessBlock: 'PutBucketPublicAccessBlock',
  CopyObject: 'PutObject',
  UploadPart: 'PutObject',
  UploadPartCopy: 'PutObject',
  CreateMultipartUpload: 'PutObject',
  CompleteMultipartUpload: 'PutObject',
  DeleteObjects: 'DeleteObject',
};

const needsOfS3 = ({ action, params }: Asked, partition: string): Need[] => {
  const { Bucket: bucket = '', Key: key, VersionId: version, IfMatch, IfNoneMatch } = params;
  const resource = `arn:${partition}:s3:::${bucket}${key === undefined ? '' : `/${key}`}`;
  const name = s3Actions[action] ?? action;
  const ofVersion = version !== undefined && ['GetObject', 'DeleteObject'].includes(name) ? `${name}Version` : name;
  // The lab's loopback stands for TLS.
  const context = { 's3:if-match': IfMatch, 's3:if-none-match': IfNoneMatch, 'aws:SecureTransport': 'true', 's3:TlsVersion': '1.3' };
  return [
    { action: `s3:${ofVersion}`, resource, context },
    // A condition on what is there tells what is there.
    ...(IfMatch !== undefined && ['PutObject', 'DeleteObject'].includes(name)
      ? [{ action: 's3:GetObject', resource, context: { ...context, 's3:if-match': undefined } }]
      : []),
  ];
};

/** Without it S3 does not say that there is no such object, but that it may not be read. */
export const needOfNotFound = ({ service, action, params }: Asked, region: string): Need | undefined =>
  service === 's3' && ['GetObject', 'HeadObject'].includes(action)
    ? { action: 's3:ListBucket', resource: `arn:${partitionOf(region)}:s3:::${params['Bucket'] ?? ''}` }
    : undefined;

/** EC2's resource types by the prefix of an id. */
const ec2Types: Record<string, string> = {
  vpc: 'vpc',
  subnet: 'subnet',
  rtb: 'route-table',
  igw: 'internet-gateway',
  'tgw-attach': 'transit-gateway-attachment',
  'tgw-rtb': 'transit-gateway-route-table',
  tgw: 'transit-gateway',
};

/** The type of the resource that an id is of; undefined where an id of that form is no resource. */
export const ec2TypeOf = (id: string): string | undefined => {
  const prefix = /^((?:[a-z]+-)+)[0-9a-f]{8,17}$/.exec(id)?.[1];
  return prefix === undefined ? undefined : ec2Types[prefix.slice(0, -1)];
};

/**
 * Which of the objects that a call names are resources of it, and have to be allowed: a route is authorised on its table, whatever it leads to.
 * Of a call that is not here, each object that it names is one.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
 */
const ec2Resources: Record<string, readonly string[]> = {
  AssociateRouteTable: ['route-table', 'subnet', 'internet-gateway'],
  CreateRoute: ['route-table'],
  CreateRouteTable: ['vpc'],
  CreateSubnet: ['vpc'],
  CreateTransitGatewayRoute: ['transit-gateway-route-table', 'transit-gateway-attachment'],
  CreateTransitGatewayRouteTable: ['transit-gateway'],
  CreateTransitGatewayVpcAttachment: ['transit-gateway', 'vpc', 'subnet'],
  DeleteRoute: ['route-table'],
  DeleteTransitGatewayRoute: ['transit-gateway-route-table'],
  DisassociateRouteTable: ['route-table', 'subnet', 'internet-gateway'],
  ModifySubnetAttribute: ['subnet'],
  ModifyTransitGateway: ['transit-gateway', 'transit-gateway-route-table'],
  ModifyTransitGatewayVpcAttachment: ['transit-gateway-attachment', 'subnet'],
  ModifyVpcAttribute: ['vpc'],
  ReplaceRoute: ['route-table'],
};

/** The tags that a call is to set, or to take away, as conditions name them. */
const tagsAsked = (params: Asked['params']): Record<string, Value> => {
  const tags = Object.entries(params).flatMap(([name, key]) => {
    const place = /^((?:TagSpecifications?\.\d+\.)?Tags?\.\d+)\.Key$/.exec(name)?.[1];
    return place === undefined ? [] : [{ key, value: params[`${place}.Value`] }];
  });
  return {
    ...Object.fromEntries(tags.map(({ key, value }) => [`aws:RequestTag/${key}`, value])),
    'aws:TagKeys': tags.length === 0 ? undefined : tags.map(({ key }) => key),
  };
};

const needsOfEc2 = ({ action, params }: Asked, { accountId, region }: { accountId: string; region: string }): Need[] => {
  const name = `ec2:${action}`;
  // Most reads know no resource, and a policy that names one does not allow them.
  if (/^(Describe|Get|List|Search)/.test(action)) return [{ action: name, resource: '*' }];
  const arn = (type: string, id: string): string => `arn:${partitionOf(region)}:ec2:${region}:${accountId}:${type}/${id}`;
  const isTagging = action === 'CreateTags' || action === 'DeleteTags';
  const named = [...new Set(Object.values(params))].flatMap((id): Need[] => {
    if (!/^(?:[a-z]+-)+[0-9a-f]{8,17}$/.test(id)) return [];
    const type = ec2TypeOf(id) ?? 'object';
    // An association is no resource: what it associates is.
    if (!id.startsWith('rtbassoc-') && ec2Resources[action]?.includes(type) === false) return [];
    return [{ action: name, resource: arn(type, id), object: id, ...(isTagging ? { context: tagsAsked(params) } : {}) }];
  });
  const made = params['TagSpecification.1.ResourceType'] ?? params['TagSpecifications.1.ResourceType'];
  return [
    ...named,
    ...(made === undefined ? [] : [{ action: name, resource: arn(made, '*'), context: tagsAsked(params) }]),
    ...(named.length === 0 && made === undefined ? [{ action: name, resource: arn('object', '*') }] : []),
    // Tags that are set on create are a second action, on what is being made.
    ...(made === undefined || isTagging
      ? []
      : [{ action: 'ec2:CreateTags', resource: arn(made, '*'), context: { ...tagsAsked(params), 'ec2:CreateAction': action } }]),
  ];
};
