import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateNetwork } from '../../orchestrator/network/generate.ts';
import { LabRig } from '../support/lab-rig.ts';
import { settleNetwork } from '../support/settled-network.ts';
import { count } from '../support/tier.ts';

/** Thirty VPCs on a push, as the number of requests is the same. */
const vpcs = count({ push: 30, all: 500 });
const stacks = 3 * vpcs + 4;

describe(`a network of ${stacks} stacks of which none has changed`, () => {
  let rig: LabRig;
  beforeAll(async () => {
    rig = await LabRig.start(generateNetwork(vpcs));
    expect(await settleNetwork(rig)).toBe(stacks);
  });
  afterAll(() => rig.stop());

  it.each(['up', 'plan'])('costs %s at most ten requests to the bucket, and none to EC2', async (command) => {
    const before = await rig.lastCall();
    const { exitCode, stdout } = await rig.holdfast([command, ...(command === 'up' ? ['--yes'] : [])]);
    expect(stdout).toContain(`${stacks} stacks unchanged`);
    expect(exitCode).toBe(0);
    const calls = await rig.calls({ since: before });
    expect(calls.filter(({ service }) => service === 's3').length).toBeLessThanOrEqual(10);
    expect(calls.filter(({ service }) => service === 'ec2')).toEqual([]);
  });
});
