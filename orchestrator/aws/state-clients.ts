import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import type { Service } from '../network/endpoint.ts';
import { lookupElsewhere } from './endpoints.ts';
import { nameDenials } from './name-denials.ts';
import type { Session } from './session.ts';
import type { Target } from './target.ts';

export interface Timeouts {
  readonly connectionTimeout?: number;
  readonly socketTimeout?: number;
}

/** Where a client sends, and nowhere else: what the SDK would find in a variable or a profile it does not follow. */
export function connection(target: Target, service: Service, timeouts?: Timeouts) {
  if (target.kind === 'LAB') return { endpoint: target.lab.endpoint, ...(timeouts && { requestHandler: timeouts }) };
  const endpoint = target.endpoints[service];
  return {
    ...(endpoint === undefined ? { ignoreConfiguredEndpointUrls: true } : { endpoint }),
    requestHandler: { ...timeouts, httpsAgent: { lookup: lookupElsewhere() } },
  };
}

/** What every client is made with. @param session asked at each request, so that a renewed session is used at once */
export function clientSettings(target: Target, service: Service, region: string, session: () => Session, timeouts?: Timeouts) {
  return {
    ...connection(target, service, timeouts),
    region,
    credentials: () => {
      const { credentials, expiry } = session();
      // The SDK asks again once this has passed, and gets the renewed session if there is one.
      return Promise.resolve(expiry instanceof Date ? { ...credentials, expiration: expiry } : credentials);
    },
    maxAttempts: 5,
  };
}

/** The two that the state needs: few commands need more, and the others take long to load. */
export function openStateClients(
  target: Target,
  region: string,
  session: () => Session,
): { readonly s3: S3Client; readonly sts: STSClient } {
  const s3 = new S3Client({
    // Locks and journal wait for each answer: one that never comes must end as an error, which is tried again.
    ...clientSettings(target, 's3', region, session, { connectionTimeout: 5_000, socketTimeout: 30_000 }),
    forcePathStyle: target.kind === 'LAB',
    // A bucket with an object lock takes no put without one.
    requestChecksumCalculation: 'WHEN_SUPPORTED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  return { s3: nameDenials(s3), sts: nameDenials(new STSClient(clientSettings(target, 'sts', region, session))) };
}
