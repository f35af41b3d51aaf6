import type { Call } from './calls.ts';
import { requestParameters, responseElements } from './cloudtrail-shapes.ts';
import { resourceIds, resourceType } from './resource-ids.ts';
import type { Session } from './sessions.ts';

/** What a call came to. A failed one stands in the trail as well, with the service's code; EC2's has `Client.` before it there. */
export type Outcome = { kind: 'succeeded'; reply: string } | { kind: 'failed'; code: string; message: string };

/** A management event as CloudTrail keeps it, before it is written out. */
export type TrailEvent = {
  eventId: string;
  call: Call;
  outcome: Outcome;
  session: Session | undefined;
  resources: { ResourceType: string; ResourceName: string }[];
};

/** The lookup form of an event: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Event.html. */
export type LookedUpEvent = {
  EventId: string;
  EventName: string;
  ReadOnly: string;
  AccessKeyId?: string;
  /** Seconds since 1970, whole: CloudTrail keeps no fractions. */
  EventTime: number;
  EventSource: string;
  Username: string;
  Resources: { ResourceType: string; ResourceName: string }[];
  CloudTrailEvent: string;
};

/** Some of S3's bucket calls have another name in the trail. */
const eventNames: Record<string, string> = {
  PutPublicAccessBlock: 'PutBucketPublicAccessBlock',
  DeletePublicAccessBlock: 'DeleteBucketPublicAccessBlock',
  PutBucketLifecycleConfiguration: 'PutBucketLifecycle',
  PutBucketNotificationConfiguration: 'PutBucketNotification',
};

const nameOf = ({ service, action }: Call): string => (service === 's3' ? (eventNames[action] ?? action) : action);

const sourceOf = (service: string): string => `${service === 'cloudwatch' ? 'monitoring' : service}.amazonaws.com`;

const usernameOf = (event: TrailEvent): string => event.call.sessionName ?? event.call.accessKeyId ?? 'anonymous';

const epochSeconds = (call: Call): number => Math.floor(Date.parse(call.time) / 1000);

/** What is sent through a thing, and does not change it. */
const dataCalls: Record<string, RegExp> = { sns: /^Publish/, cloudwatch: /^PutMetricData$/ };

/** Whether a call belongs into the trail: management calls that change something. Calls on objects in S3, messages and metrics are data events. */
export const isManagementEvent = (call: Pick<Call, 'service' | 'action' | 'mutating' | 'key'>): boolean =>
  call.mutating && (call.service !== 's3' || call.key === null) && dataCalls[call.service]?.test(call.action) !== true;

/** The resources of an event: the ids of its reply, then those that the request names. */
export const resourcesOf = (call: Call): TrailEvent['resources'] => {
  if (call.service === 's3') return [{ ResourceType: 'AWS::S3::Bucket', ResourceName: call.params.Bucket ?? '' }];
  const requested = resourceIds(Object.values(call.params).join(' '));
  const named = [...new Set([...call.resourceIds, ...requested])].flatMap((ResourceName) => {
    const ResourceType = resourceType(ResourceName);
    return ResourceType === undefined ? [] : [{ ResourceType, ResourceName }];
  });
  const alarm = call.service === 'cloudwatch' ? (call.params.AlarmName ?? call.params['AlarmNames.1']) : undefined;
  return alarm === undefined ? named : [{ ResourceType: 'AWS::CloudWatch::Alarm', ResourceName: alarm }, ...named];
};

const userIdentity = ({ call, session }: TrailEvent, accountId: string): object => {
  if (session?.assumedRoleArn == null || session.roleArn === null) {
    const userName = call.accessKeyId ?? 'anonymous';
    return {
      type: 'IAMUser',
      principalId: userName,
      arn: `arn:aws:iam::${accountId}:user/${userName}`,
      accountId,
      accessKeyId: call.accessKeyId,
      userName,
    };
  }
  const roleId = session.assumedRoleId?.split(':')[0] ?? '';
  return {
    type: 'AssumedRole',
    principalId: session.assumedRoleId,
    arn: session.assumedRoleArn,
    accountId,
    accessKeyId: call.accessKeyId,
    sessionContext: {
      sessionIssuer: {
        type: 'Role',
        principalId: roleId,
        arn: session.roleArn,
        accountId,
        userName: session.roleArn.slice(session.roleArn.lastIndexOf('/') + 1),
      },
      attributes: { creationDate: `${session.issuedAt.slice(0, 19)}Z`, mfaAuthenticated: 'false' },
    },
  };
};

const record = (event: TrailEvent, where: { accountId: string; region: string }): object => {
  const { call, outcome } = event;
  return {
    eventVersion: '1.11',
    userIdentity: userIdentity(event, where.accountId),
    eventTime: `${call.time.slice(0, 19)}Z`,
    eventSource: sourceOf(call.service),
    eventName: nameOf(call),
    awsRegion: where.region,
    sourceIPAddress: '127.0.0.1',
    userAgent: call.userAgent ?? '',
    ...(outcome.kind === 'failed'
      ? { errorCode: call.service === 'ec2' ? `Client.${outcome.code}` : outcome.code, errorMessage: outcome.message }
      : {}),
    requestParameters: requestParameters(call.service, call.action, call.params),
    responseElements: outcome.kind === 'failed' ? null : responseElements(call.service, call.action, outcome.reply, call.requestId),
    requestID: call.requestId,
    eventID: event.eventId,
    readOnly: !call.mutating,
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: where.accountId,
    eventCategory: 'Management',
  };
};

/** Writes an event as `LookupEvents` answers it. */
export const writeEvent = (event: TrailEvent, where: { accountId: string; region: string }): LookedUpEvent => ({
  EventId: event.eventId,
  EventName: nameOf(event.call),
  ReadOnly: `${!event.call.mutating}`,
  ...(event.call.accessKeyId === null ? {} : { AccessKeyId: event.call.accessKeyId }),
  EventTime: epochSeconds(event.call),
  EventSource: sourceOf(event.call.service),
  Username: usernameOf(event),
  Resources: event.resources,
  CloudTrailEvent: JSON.stringify(record(event, where)),
});

/** The lookup attributes, each with what it is compared with. */
export const lookupAttributes: Record<string, (event: TrailEvent, value: string) => boolean> = {
  AccessKeyId: (event, value) => event.call.accessKeyId === value,
  EventId: (event, value) => event.eventId === value,
  EventName: (event, value) => nameOf(event.call) === value,
  EventSource: (event, value) => sourceOf(event.call.service) === value,
  ReadOnly: (event, value) => `${!event.call.mutating}` === value,
  ResourceName: (event, value) => event.resources.some(({ ResourceName }) => ResourceName === value),
  ResourceType: (event, value) => event.resources.some(({ ResourceType }) => ResourceType === value),
  Username: (event, value) => usernameOf(event) === value,
};

export const eventEpochSeconds = (event: TrailEvent): number => epochSeconds(event.call);
