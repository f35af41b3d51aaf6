import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookAtAws } from '../support/aws-look.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';

describe('a run that is told to stop', { concurrent: false }, () => {
  let rig: LabRig;
  beforeEach(async () => {
    rig = await LabRig.start(smallNetwork);
  });
  afterEach(() => rig.stop());

  it('lets the running stack end, starts nothing new, and leaves no lock', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const run = rig.run(['up', '--yes', '--json']);
    await rig.heldCall(run);
    run.child.kill('SIGINT');
    await run.event(({ type }) => type === 'draining');
    await rig.clearFaults();
    const { exitCode, events } = await run.ended;
    const summary = events.find(({ type }) => type === 'summary') as { ends: { short: string; end: { outcome: string } }[] };
    expect(summary.ends.map(({ short, end }) => `${short} ${end.outcome}`)).toEqual([
      'transit-gateway applied',
      'vpc.one applied',
      'route-tables.one not-started',
    ]);
    expect(exitCode).toBe(130);
    expect(await rig.locks()).toEqual([]);
    expect((await lookAtAws(rig.ec2)).vpcs).toEqual(['small.vpc.one/vpc 10.1.0.0/16']);
  });

  it('stops a plan at once', async () => {
    await rig.fault({ match: { service: 'sts', action: 'GetCallerIdentity', nth: 2 }, do: { kind: 'hold', point: 'before' } });
    const run = rig.run(['plan', '--json']);
    await rig.heldCall(run);
    run.child.kill('SIGTERM');
    await run.event(({ type }) => type === 'draining');
    await rig.clearFaults();
    expect((await run.ended).exitCode).toBe(130);
  });
});
