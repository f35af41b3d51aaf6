import { readFile } from 'node:fs/promises';
import { AssumeRoleWithWebIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { z } from 'zod';
import { commandOf, lineOf } from '../domain/command.ts';
import { labAccountId } from '../domain/lab-record.ts';
import { messageOf, notOk, ok } from '../domain/problem.ts';
import type { Result } from '../domain/problem.ts';
import { connection } from './state-clients.ts';
import type { Target } from './target.ts';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** When a session ends. Long-term keys never do; temporary ones of which nothing says when are `unknown`, and refused by preflight. */
export type Expiry = Date | 'never' | 'unknown';

/** The credentials that a command works with, and how long they last. */
export interface Session {
  /** For people: where the credentials come from. */
  readonly source: string;
  readonly credentials: Credentials;
  /** What the source itself says: after it AWS takes these credentials no more. */
  readonly expiry: Expiry;
  /** What a person says of it. The run ends by it, and the credentials may be good for longer. */
  readonly stated?: Date;
  /** A new session from the same source; undefined where the source cannot give one. */
  readonly renew: (() => Promise<Result<Session>>) | undefined;
}

export interface SessionRequest {
  readonly target: Target;
  readonly region: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Names the session in CloudTrail, as in `holdfast-<run>`. */
  readonly sessionName: string;
  /** `--session-expires`: what a person says of an expiry that cannot be read. */
  readonly statedExpiry?: Date;
}

/** Seconds of a session that Holdfast itself assumes: long enough for any run, and what the incident's team settled on. */
const webIdentitySeconds = 7200;

const labRole = `arn:aws:iam::${labAccountId}:role/holdfast-lab`;

export async function openSession(request: SessionRequest): Promise<Result<Session>> {
  const opened = await openUnstated(request);
  if (!opened.ok) return opened;
  const { statedExpiry } = request;
  if (!statedExpiry) return opened;
  return ok({
    ...opened.value,
    stated: statedExpiry,
    source: `${opened.value.source}; expiry stated by --session-expires`,
    renew: undefined,
  });
}

/** Until when a run may work with it: what a person states can only shorten what the source says. */
export function usableUntil({ expiry, stated }: Pick<Session, 'expiry' | 'stated'>): Expiry {
  if (stated === undefined) return expiry;
  return expiry instanceof Date && expiry < stated ? expiry : stated;
}

async function openUnstated(request: SessionRequest): Promise<Result<Session>> {
  const { target, env } = request;
  const keys = environmentKeys(env);
  const { AWS_ROLE_ARN: roleArn, AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile } = env;
  if (target.kind === 'LAB') {
    // A key of this lab's own STS, or one that was pointed at this lab on purpose and cannot be AWS's. Any other key is not the lab's business: it is not
    // used, and not even its id is sent.
    const isMeant = env['AWS_ENDPOINT_URL'] === target.lab.endpoint;
    if (keys && ((isMeant && !isOfAws(keys.accessKeyId)) || (await issuedKeys(target.lab.endpoint)).includes(keys.accessKeyId)))
      return ok(environmentSession(keys, env));
    if (isMeant && roleArn && tokenFile) return assumeWebIdentity(request, roleArn, () => readFile(tokenFile, 'utf8'));
    return assumeWebIdentity(request, labRole, () => Promise.resolve('the-lab-takes-any-token'));
  }
  if (keys && !env['AWS_PROFILE']) return ok(environmentSession(keys, env));
  if (roleArn && tokenFile && !env['AWS_PROFILE']) return assumeWebIdentity(request, roleArn, () => readFile(tokenFile, 'utf8'));
  return fromChain(request);
}

function environmentKeys(env: SessionRequest['env']): Credentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
  if (!accessKeyId || !secretAccessKey) return undefined;
  return sessionToken ? { accessKeyId, secretAccessKey, sessionToken } : { accessKeyId, secretAccessKey };
}

function environmentSession(credentials: Credentials, env: SessionRequest['env']): Session {
  const given = new Date(env['AWS_CREDENTIAL_EXPIRATION'] ?? Number.NaN);
  const expiration = Number.isNaN(given.getTime()) ? undefined : given;
  const session = { source: 'environment (AWS_ACCESS_KEY_ID)', credentials, renew: undefined };
  if (credentials.sessionToken) return { ...session, expiry: expiration ?? 'unknown' };
  // Long-term keys have no expiry: the variable is what some other session has left, or what a person wants.
  return { ...session, expiry: 'never', ...(expiration === undefined ? {} : { stated: expiration }) };
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids */
const isOfAws = (accessKeyId: string): boolean => /^A[A-Z]{3}[A-Z0-9]{12,}$/.test(accessKeyId);

/** The keys that the lab's STS has given. None where it does not say: then no key of the environment is used. */
async function issuedKeys(endpoint: string): Promise<readonly string[]> {
  try {
    const answer = await fetch(`${endpoint}/_lab/sessions`, { redirect: 'error' });
    return z.object({ accessKeyIds: z.array(z.string()) }).parse(await answer.json()).accessKeyIds;
  } catch {
    return [];
  }
}

async function assumeWebIdentity(request: SessionRequest, roleArn: string, token: () => Promise<string>): Promise<Result<Session>> {
  const { target, region, sessionName } = request;
  const sts = new STSClient({
    ...connection(target, 'sts'),
    region,
    // The call is unsigned: the token is what proves who asks.
    credentials: { accessKeyId: '', secretAccessKey: '' },
    signer: { sign: (unsigned) => Promise.resolve(unsigned) },
  });
  try {
    const { Credentials: given } = await sts.send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: roleArn,
        RoleSessionName: sessionName,
        WebIdentityToken: await token(),
        DurationSeconds: webIdentitySeconds,
      }),
    );
    if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken || !given.Expiration)
      throw new Error('STS answered without credentials');
    return ok({
      source:
        roleArn === labRole
          ? "the lab's own role (AssumeRoleWithWebIdentity, 2 h)"
          : `web identity, ${roleArn} (AssumeRoleWithWebIdentity, 2 h)`,
      credentials: { accessKeyId: given.AccessKeyId, secretAccessKey: given.SecretAccessKey, sessionToken: given.SessionToken },
      expiry: given.Expiration,
      renew: () => assumeWebIdentity(request, roleArn, token),
    });
  } catch (cause) {
    const message = messageOf(cause);
    return notOk({
      reason: 'no-credentials',
      message: `the role ${roleArn} cannot be assumed by web identity: ${message}`,
      next: /MaxSessionDuration/i.test(message)
        ? `Raise the role to 2 hours: ${lineOf(commandOf('aws', 'iam', 'update-role', { roleName: 'ROLE', maxSessionDuration: 7200 }))}`
        : "Check the role's trust policy and the token, then run the same command again.",
    });
  } finally {
    sts.destroy();
  }
}

/**
 * Whatever else the AWS SDK knows: profiles, SSO, container and instance roles. Asked again at each renewal. Its own clients of STS and SSO follow the variables
 * and the profile, all of which were checked; what gives keys to a container or an instance is asked where it is, on this machine or its link.
 */
async function fromChain(request: SessionRequest): Promise<Result<Session>> {
  try {
    const profile = request.env['AWS_PROFILE'];
    const { requestHandler } = connection(request.target, 'sts');
    const clientConfig = { region: request.region, ...(requestHandler && { requestHandler }) };
    const given = await fromNodeProviderChain({ clientConfig, ...(profile ? { profile } : {}) })();
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = given;
    return ok({
      source: profile ? `profile ${profile}` : "the AWS SDK's default chain",
      credentials: sessionToken ? { accessKeyId, secretAccessKey, sessionToken } : { accessKeyId, secretAccessKey },
      expiry: expiration ?? (sessionToken ? 'unknown' : 'never'),
      renew: sessionToken ? () => fromChain(request) : undefined,
    });
  } catch (cause) {
    return notOk({
      reason: 'no-credentials',
      message: `there are no AWS credentials: ${messageOf(cause).split('\n')[0] ?? ''}`,
      next: `Sign in (${lineOf(commandOf('aws', 'sso', 'login'))}), or set AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE, or AWS_ACCESS_KEY_ID and what goes with it.`,
    });
  }
}
