import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateNetwork } from '../../orchestrator/network/generate.ts';
import { lookAtAws, nothing } from '../support/aws-look.ts';
import { LabRig } from '../support/lab-rig.ts';

describe('a network of 30 VPCs, 61 stacks', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  beforeAll(async () => {
    rig = await LabRig.start(generateNetwork(30));
  });
  afterAll(() => rig.stop());

  it('deploys, four stacks at a time', async () => {
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes', '--parallel', '4']);
    expect(stdout).toContain('61 applied');
    expect(exitCode).toBe(0);
    const aws = await lookAtAws(rig.ec2);
    expect(aws.vpcs.length).toBe(30);
    expect(aws.subnets.length).toBe(60);
    expect(aws.attachments.length).toBe(30);
    expect(aws.associations.length).toBe(30);
  });

  it('is destroyed to nothing in AWS and no lock', async () => {
    const { exitCode, stdout } = await rig.holdfast(['destroy', '--yes', '--parallel', '4']);
    expect(stdout).toContain('61 destroyed');
    expect(exitCode).toBe(0);
    expect(await lookAtAws(rig.ec2)).toEqual(nothing);
    expect(await rig.locks()).toEqual([]);
  });
});
