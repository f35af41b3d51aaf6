import type { Refusal } from './error-replies.ts';

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
  const iamService = service === 'cloudwatch' ? 'cloudwatch' : service;
  const message =
    `User: ${principalArn ?? 'arn:aws:sts::000000000000:assumed-role/unknown/unknown'} is not authorized to perform: ` +
    `${iamService}:${action} with an explicit deny in an identity-based policy`;
  switch (service) {
    case 'ec2':
      return { status: 403, code: 'UnauthorizedOperation', message: `You are not authorized to perform this operation. ${message}` };
    case 'sns':
      return { status: 403, code: 'AuthorizationError', message };
    case 'cloudtrail':
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
