import type { PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { loadAws } from '../../stacks/aws.ts';
import { account, region } from './plugin-lab.ts';

/** A program of VPCs, one after the other. */
export const vpcs =
  (count: number, tags: Readonly<Record<string, string>> = {}): PulumiFn =>
  async () => {
    const [{ Provider }, aws] = await Promise.all([import('@pulumi/aws/provider.js'), loadAws()]);
    const provider = new Provider('aws', { region, allowedAccountIds: [account] });
    let last: InstanceType<typeof aws.Vpc> | undefined;
    for (let n = 1; n <= count; n += 1)
      last = new aws.Vpc(`vpc-${n}`, { cidrBlock: `10.${n}.0.0/16`, tags }, { provider, dependsOn: last ? [last] : [] });
  };
