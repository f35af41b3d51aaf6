import { DescribeAvailabilityZonesCommand } from '@aws-sdk/client-ec2';
import { installationKey, probeKey } from '../state/layout.ts';
import type { BucketReads } from './bucket-properties.ts';
import type { Clients } from './clients.ts';
import { looked } from './looked.ts';
import type { Looked } from './looked.ts';

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
