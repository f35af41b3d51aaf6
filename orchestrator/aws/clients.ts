import { devNull } from 'node:os';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { EC2Client } from '@aws-sdk/client-ec2';
import type { S3Client } from '@aws-sdk/client-s3';
import type { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { STSClient } from '@aws-sdk/client-sts';
import type { Service } from '../network/endpoint.ts';
import type { Endpoints } from './endpoints.ts';
import { nameDenials } from './name-denials.ts';
import type { Session } from './session.ts';
import { clientSettings, openStateClients } from './state-clients.ts';
import type { Timeouts } from './state-clients.ts';
import type { Target } from './target.ts';

/** The AWS clients of one command, all with the same session; after a renewal they sign with the new one. */
export interface Clients {
  readonly ec2: EC2Client;
  readonly s3: S3Client;
  readonly sts: STSClient;
  readonly cloudtrail: CloudTrailClient;
  /** Loaded with the first call: few commands have anything to tell. */
  readonly sns: () => Promise<SNSClient>;
  readonly cloudwatch: () => Promise<CloudWatchClient>;
  readonly serviceQuotas: () => Promise<ServiceQuotasClient>;
  readonly destroy: () => void;
}

/** @param session asked at each request, so that a renewed session is used at once */
export function openClients(target: Target, region: string, session: () => Session): Clients {
  const settings = (service: Service, timeouts?: Timeouts) => clientSettings(target, service, region, session, timeouts);
  const ec2 = nameDenials(new EC2Client(settings('ec2')));
  const { s3, sts } = openStateClients(target, region, session);
  const cloudtrail = new CloudTrailClient({
    ...settings('cloudtrail', { connectionTimeout: 5_000, socketTimeout: 30_000 }),
    // Two requests a second are allowed: the look-up paces its own tries (trail.ts), and one of the SDK's in between would be refused.
    maxAttempts: 1,
  });
  nameDenials(cloudtrail);
  const loaded: { readonly destroy: () => void }[] = [];
  const onFirstUse = <T extends { readonly destroy: () => void; readonly middlewareStack: unknown }>(
    load: () => Promise<T>,
  ): (() => Promise<T>) => {
    let client: Promise<T> | undefined;
    return () =>
      (client ??= load().then((made) => {
        loaded.push(made);
        return nameDenials(made);
      }));
  };
  return {
    ec2,
    s3,
    sts,
    cloudtrail,
    sns: onFirstUse(async () => new (await import('@aws-sdk/client-sns')).SNSClient({ ...settings('sns'), maxAttempts: 2 })),
    cloudwatch: onFirstUse(
      async () => new (await import('@aws-sdk/client-cloudwatch')).CloudWatchClient({ ...settings('cloudwatch'), maxAttempts: 2 }),
    ),
    serviceQuotas: onFirstUse(
      async () =>
        new (await import('@aws-sdk/client-service-quotas')).ServiceQuotasClient({ ...settings('service_quotas'), maxAttempts: 2 }),
    ),
    destroy: () => [ec2, s3, sts, cloudtrail, ...loaded].forEach((client) => client.destroy()),
  };
}

/** What the engine and its provider get of the session: environment variables, and no file. */
export function engineCredentials(target: Target, region: string, session: Session): Record<string, string> {
  const { accessKeyId, secretAccessKey, sessionToken } = session.credentials;
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    ...(sessionToken ? { AWS_SESSION_TOKEN: sessionToken } : {}),
    AWS_REGION: region,
    AWS_EC2_METADATA_DISABLED: 'true',
    // No profile: its `endpoint_url` would lead the plugin, and the state past the mount, to where nothing was checked.
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
    ...(target.kind === 'LAB'
      ? { AWS_ENDPOINT_URL: target.lab.endpoint, AWS_S3_USE_PATH_STYLE: 'true' }
      : engineEndpoints(target.endpoints)),
  };
}

/** As every SDK reads them. Without S3: the state's URL says where the state is, and by this variable the engine would go past a mount. */
export const engineEndpoints = ({ s3: _, ...others }: Endpoints): Record<string, string> =>
  Object.fromEntries(Object.entries(others).map(([service, url]) => [`AWS_ENDPOINT_URL_${service.toUpperCase()}`, url]));

/** The URL under which the engine finds the state bucket. */
export function stateUrl(
  target: { readonly kind: 'REAL'; readonly endpoint: string | undefined } | { readonly kind: 'LAB'; readonly endpoint: string },
  bucket: string,
  region: string,
): string {
  const query = new URLSearchParams({ region });
  if (target.endpoint !== undefined) query.set('endpoint', target.endpoint);
  if (target.kind === 'LAB') query.set('s3ForcePathStyle', 'true');
  return `s3://${bucket}?${query.toString()}`;
}
