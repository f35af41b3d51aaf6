import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client } from '@aws-sdk/client-s3';
import type { SNSClient } from '@aws-sdk/client-sns';
import { STSClient } from '@aws-sdk/client-sts';
import { nameDenials } from './name-denials.ts';
import type { Session } from './session.ts';
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
  readonly destroy: () => void;
}

/** @param session asked at each request, so that a renewed session is used at once */
export function openClients(target: Target, region: string, session: () => Session): Clients {
  const configuration = {
    region,
    ...(target.kind === 'LAB' ? { endpoint: target.lab.endpoint } : {}),
    credentials: () => {
      const { credentials, expiry } = session();
      // The SDK asks again once this has passed, and gets the renewed session if there is one.
      return Promise.resolve(expiry instanceof Date ? { ...credentials, expiration: expiry } : credentials);
    },
    maxAttempts: 5,
  };
  const ec2 = nameDenials(new EC2Client(configuration));
  const s3 = new S3Client({
    ...configuration,
    forcePathStyle: target.kind === 'LAB',
    // Locks and journal wait for each answer: one that never comes must end as an error, which is tried again.
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 30_000 },
    // A bucket with an object lock takes no put without one.
    requestChecksumCalculation: 'WHEN_SUPPORTED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  nameDenials(s3);
  const sts = nameDenials(new STSClient(configuration));
  const cloudtrail = new CloudTrailClient({
    ...configuration,
    // Two requests a second are allowed: the look-up paces its own tries (trail.ts), and one of the SDK's in between would be refused.
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 30_000 },
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
    sns: onFirstUse(async () => new (await import('@aws-sdk/client-sns')).SNSClient({ ...configuration, maxAttempts: 2 })),
    cloudwatch: onFirstUse(
      async () => new (await import('@aws-sdk/client-cloudwatch')).CloudWatchClient({ ...configuration, maxAttempts: 2 }),
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
    ...(target.kind === 'LAB' ? { AWS_ENDPOINT_URL: target.lab.endpoint, AWS_S3_USE_PATH_STYLE: 'true' } : {}),
  };
}

/** The URL under which the engine finds the state bucket. */
export function stateUrl(
  target: { readonly kind: 'REAL' } | { readonly kind: 'LAB'; readonly endpoint: string },
  bucket: string,
  region: string,
): string {
  const query = new URLSearchParams({ region });
  if (target.kind === 'LAB') {
    query.set('endpoint', target.endpoint);
    query.set('s3ForcePathStyle', 'true');
  }
  return `s3://${bucket}?${query.toString()}`;
}
