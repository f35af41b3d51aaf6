import { S3Client } from '@aws-sdk/client-s3';
import { STSClient } from '@aws-sdk/client-sts';
import { nameDenials } from './name-denials.ts';
import type { Session } from './session.ts';
import type { Target } from './target.ts';

/** What every client is made with. @param session asked at each request, so that a renewed session is used at once */
export function clientSettings(target: Target, region: string, session: () => Session) {
  return {
    region,
    ...(target.kind === 'LAB' ? { endpoint: target.lab.endpoint } : {}),
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
  const settings = clientSettings(target, region, session);
  const s3 = new S3Client({
    ...settings,
    forcePathStyle: target.kind === 'LAB',
    // Locks and journal wait for each answer: one that never comes must end as an error, which is tried again.
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 30_000 },
    // A bucket with an object lock takes no put without one.
    requestChecksumCalculation: 'WHEN_SUPPORTED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  return { s3: nameDenials(s3), sts: nameDenials(new STSClient(settings)) };
}
