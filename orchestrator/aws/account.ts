import { DescribeAvailabilityZonesCommand } from '@aws-sdk/client-ec2';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { messageOf } from '../domain/problem.ts';
import { installationKey, probeKey } from '../state/layout.ts';
import type { BucketReads } from './bucket-properties.ts';
import type { Clients } from './clients.ts';

export type Looked<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      /** What was asked, as a policy names it, where one of several calls failed: `ec2:DescribeVpcs`. */
      readonly action?: string;
    };

export interface Identity {
  readonly account: string;
  readonly arn: string;
  /** Seconds by which this machine's clock is ahead of AWS's; negative where behind. */
  readonly clockSkewSeconds: number;
}

/** Who the session is, by STS itself. */
export async function lookAtIdentity({ sts }: Clients, now: () => number): Promise<Looked<Identity>> {
  let serverTime: number | undefined;
  const command = new GetCallerIdentityCommand({});
  command.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      const date = (answer.response as { headers?: Record<string, string> }).headers?.['date'];
      if (date !== undefined) serverTime = Date.parse(date);
      return answer;
    },
    { step: 'deserialize', priority: 'low' },
  );
  return looked(async () => {
    const { Account, Arn } = await sts.send(command);
    return {
      account: Account ?? '',
      arn: Arn ?? '',
      clockSkewSeconds: serverTime === undefined ? 0 : Math.round((now() - serverTime) / 1000),
    };
  });
}

/** Names of the region's zones that take new resources, as in `eu-west-1a`. */
export function lookAtZones({ ec2 }: Clients): Promise<Looked<readonly string[]>> {
  return looked(async () => {
    const { AvailabilityZones } = await ec2.send(new DescribeAvailabilityZonesCommand({}));
    return (AvailabilityZones ?? []).flatMap(({ ZoneName, State }) => (ZoneName !== undefined && State === 'available' ? [ZoneName] : []));
  });
}

export interface BucketFacts {
  readonly versioned: boolean;
  /** Content of the installation object; undefined where `bootstrap` never ran on this bucket. */
  readonly installation: string | undefined;
  /** What bootstrap found when it tried conditional writes on this store; undefined where it never ran. */
  readonly probe: string | undefined;
}

export function lookAtBucket(reads: BucketReads): Promise<Looked<BucketFacts>> {
  return looked(async () => {
    const [, versioning, installation, probe] = await Promise.all([
      reads.head(),
      reads.versioning(),
      reads.text(installationKey),
      reads.text(probeKey),
    ]);
    return { versioned: versioning === 'Enabled', installation, probe };
  });
}

/** @param action what is asked, as a policy names it */
export async function looked<T>(look: () => Promise<T>, action?: string): Promise<Looked<T>> {
  try {
    return { ok: true, value: await look() };
  } catch (cause) {
    const { name, $metadata, code } = cause as { name?: string; code?: string; $metadata?: { httpStatusCode?: number } };
    // HEAD has no body, so S3's own error code is only in the status.
    const status = $metadata?.httpStatusCode;
    const httpCode = status === 404 ? 'NotFound' : status === 403 ? 'AccessDenied' : undefined;
    return {
      ok: false,
      code: (name === 'Unknown' || name === 'UnknownError' ? httpCode : undefined) ?? code ?? name ?? 'unknown',
      message: messageOf(cause),
      ...(action === undefined ? {} : { action }),
    };
  }
}
