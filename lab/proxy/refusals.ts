import type { Refusal } from './error-replies.ts';
import type { Lacking } from './roles.ts';

type Caller = { service: string; action: string; principalArn?: string | null };

/** What each service answers to a request signed by a session that has expired. */
export const expiredSession = ({ service }: Caller): Refusal => {
  switch (service) {
    case 'ec2':
      return { status: 400, code: 'RequestExpired', message: 'Request has expired.' };
    case 's3':
      return { status: 400, code: 'ExpiredToken', message: 'The provided token has expired.' };
    case 'cloudtrail':
      return { status: 400, code: 'ExpiredTokenException', message: 'The security token included in the request is expired' };
    default:
      return { status: 403, code: 'ExpiredToken', message: 'The security token included in the request is expired' };
  }
};

/**
 * What each service answers to a revoked session. AWS revokes by a policy that denies everything to sessions issued before an
 * instant, so this is an explicit deny, and the session itself stays valid: `GetCallerIdentity`, which no policy can deny, works.
 */
export const revokedSession = ({ service, action, principalArn }: Caller): Refusal => {
  return notAuthorised(service, `${nobody(principalArn)} is not authorized to perform: ${service}:${action} ${explicitDeny}`);
};

const explicitDeny = 'with an explicit deny in an identity-based policy';

const nobody = (arn: string | null | undefined): string => `User: ${arn ?? 'arn:aws:sts::000000000000:assumed-role/unknown/unknown'}`;

/**
 * What each service answers to a call that the policy of the session's role does not allow, or that of the bucket denies, as AWS says it within one account.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
export const lackingPermission = (service: string, { need, verdict, by }: Lacking, principalArn: string | null): Refusal => {
  const { action, resource } = need;
  const on = resource === '*' ? '' : ` on resource: ${service === 's3' ? `"${resource}"` : resource}`;
  const denied = by === 'bucket' ? 'with an explicit deny in a resource-based policy' : explicitDeny;
  const why = verdict === 'explicit-deny' ? denied : `because no identity-based policy allows the ${action} action`;
  return notAuthorised(service, `${nobody(principalArn)} is not authorized to perform: ${action}${on} ${why}`);
};

const notAuthorised = (service: string, message: string): Refusal => {
  switch (service) {
    case 'ec2':
      return { status: 403, code: 'UnauthorizedOperation', message: `You are not authorized to perform this operation. ${message}` };
    case 'sns':
      return { status: 403, code: 'AuthorizationError', message };
    case 'cloudtrail':
    case 'kms':
      return { status: 400, code: 'AccessDeniedException', message };
    default:
      return { status: 403, code: 'AccessDenied', message };
  }
};

/** What each service answers when it is called too often. */
export const throttled = ({ service }: Caller): Refusal => {
  switch (service) {
    case 'ec2':
      return { status: 503, code: 'RequestLimitExceeded', message: 'Request limit exceeded.' };
    case 's3':
      return { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' };
    case 'cloudtrail':
      return { status: 400, code: 'ThrottlingException', message: 'Rate exceeded' };
    default:
      return { status: 400, code: 'Throttling', message: 'Rate exceeded' };
  }
};

/** The emulator cannot be reached: the call was certainly not made. */
export const emulatorDown = ({ service }: Caller): Refusal => ({
  status: 503,
  code: service === 'ec2' ? 'Unavailable' : 'ServiceUnavailable',
  message: "The lab's emulator is not running.",
});

/** The emulator went away in the middle of the call: whether the call was made is not known. */
export const emulatorBrokeOff = ({ service }: Caller): Refusal => ({
  status: 500,
  code: service === 'ec2' || service === 's3' ? 'InternalError' : 'InternalFailure',
  message: "The lab's emulator broke off the connection; whether the call was made is not known.",
});
