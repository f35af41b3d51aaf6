import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookAtAws } from '../support/aws-look.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { nightly } from '../support/tier.ts';

describe('two runs at once on one network', { concurrent: false }, () => {
  let rig: LabRig;
  beforeEach(async () => {
    rig = await LabRig.start(smallNetwork);
  });
  afterEach(() => rig.stop());

  it('end with one that deployed, and one that says who holds what', async () => {
    const results = await Promise.all([rig.holdfast(['up', '--yes']), rig.holdfast(['up', '--yes'])]);
    expect(results.map(({ exitCode }) => exitCode).sort()).toEqual([0, 6]);
    const refused = results.find(({ exitCode }) => exitCode === 6);
    // Or it came to the first stack when that was done already, and what it had planned over was no more.
    expect(refused?.stdout).toMatch(
      /small\.[a-z.-]+ (is locked by \w+@\S+ \(pid \d+, run \S+, up\) since \d{4}-|changed since it was planned)/,
    );
    expect((await lookAtAws(rig.ec2)).vpcs).toEqual(['small.vpc.one/vpc 10.1.0.0/16']);
    expect(await rig.locks()).toEqual([]);
  });

  nightly('are told apart while the first is in the middle of a stack', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const first = rig.run(['up', '--yes']);
    const { held } = await rig.heldCall(first);
    const second = await rig.holdfast(['up', '--yes']);
    expect(second.stdout).toMatch(/FAIL locks: .*small\.vpc\.one is locked by/);
    expect(second.exitCode).toBe(6);
    const destroy = await rig.holdfast(['destroy', '--yes']);
    expect(destroy.exitCode).toBe(6);
    await rig.release(held[0]?.n ?? 0);
    expect((await first.ended).exitCode).toBe(0);
  });

  nightly('do not disturb a plan, which takes no lock', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const first = rig.run(['up', '--yes']);
    await rig.heldCall(first);
    const plan = await rig.holdfast(['plan', 'member.one']);
    expect(plan.exitCode).toBe(0);
    await rig.clearFaults();
    expect((await first.ended).exitCode).toBe(0);
  });
});
