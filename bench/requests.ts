import { checkpointKey } from '../orchestrator/state/layout.ts';
import type { LabCall } from '../lab/control.ts';

/** What the lab's AWS was asked in one measurement, by the proxy's own list. */
export interface Requests {
  readonly s3: number;
  readonly ec2: number;
  /** STS, KMS and whatever else. */
  readonly other: number;
}

export function countRequests(calls: readonly LabCall[]): Requests {
  const of = (name: string): number => calls.filter(({ service }) => service === name).length;
  const [s3, ec2] = [of('s3'), of('ec2')];
  return { s3, ec2, other: calls.length - s3 - ec2 };
}

/** Each start of the aws plugin asks once who it is, to refuse another account than the network's: so many engines were started. */
export function countEngines(calls: readonly LabCall[]): number {
  return calls.filter(({ action, userAgent }) => action === 'GetCallerIdentity' && /terraform|pulumi/i.test(userAgent ?? '')).length;
}

/** Of these stacks, those whose state was written. */
export function stacksWritten(calls: readonly LabCall[], stacks: readonly string[]): ReadonlySet<string> {
  const written = new Set(
    calls.flatMap(({ service, action, key }) => (service === 's3' && action === 'PutObject' && key !== null ? [key] : [])),
  );
  return new Set(stacks.filter((stack) => written.has(checkpointKey(stack))));
}
