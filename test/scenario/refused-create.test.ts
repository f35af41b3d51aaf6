import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lookAtAws } from '../support/aws-look.ts';
import { LabRig } from '../support/lab-rig.ts';
import { exampleNetwork } from '../support/networks.ts';
import { tier } from '../support/tier.ts';

// At night. What a push tries of a refusal is in unfinished.test.ts.
describe.runIf(tier === 'all')('CreateVpc of staging refused by AWS', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  beforeAll(async () => {
    rig = await LabRig.start(exampleNetwork);
  });
  afterAll(() => rig.stop());

  it('fails that stack, skips what stands on it, and lets the others end', async () => {
    await rig.fault({
      match: { service: 'ec2', action: 'CreateVpc', tag: { key: 'holdfast:stack', value: 'example.vpc.staging' } },
      do: { kind: 'refuse', code: 'VpcLimitExceeded', status: 400, message: 'The maximum number of VPCs has been reached.' },
    });
    const { exitCode, events } = await rig.holdfast(['up', '--yes', '--json']);
    const summary = events.find(({ type }) => type === 'summary') as {
      ends: { short: string; end: { outcome: string; because?: string; errors?: string[] } }[];
    };
    expect(Object.fromEntries(summary.ends.map(({ short, end }) => [short, end.outcome]))).toEqual({
      'transit-gateway': 'applied',
      'vpc.shared': 'applied',
      'vpc.production': 'applied',
      'vpc.staging': 'failed',
      'member.shared': 'applied',
      'member.production': 'applied',
      'member.staging': 'skipped',
      'route-tables.shared': 'applied',
      'route-tables.production': 'applied',
      'route-tables.staging': 'skipped',
      'segment.shared': 'applied',
      'segment.production': 'applied',
      'segment.staging': 'applied',
    });
    const of = (short: string) => summary.ends.find((end) => end.short === short)?.end;
    expect(of('member.staging')?.because).toBe('vpc.staging failed');
    expect(of('vpc.staging')?.errors?.join('\n')).toContain('VpcLimitExceeded');
    expect(exitCode).toBe(1);
    expect(await rig.locks()).toEqual([]);
  });

  it('is made up for by the next up, which runs just what is missing', async () => {
    await rig.clearFaults();
    const { exitCode, events } = await rig.holdfast(['up', '--yes', '--json']);
    const summary = events.find(({ type }) => type === 'summary') as { ends: { short: string; end: { outcome: string } }[] };
    expect(summary.ends.filter(({ end }) => end.outcome === 'applied').map(({ short }) => short)).toEqual([
      'vpc.staging',
      'member.staging',
      'route-tables.staging',
    ]);
    expect(exitCode).toBe(0);
    expect((await lookAtAws(rig.ec2)).vpcs).toEqual([
      'example.vpc.production/vpc 10.1.0.0/16',
      'example.vpc.shared/vpc 10.0.0.0/16',
      'example.vpc.staging/vpc 10.2.0.0/16',
    ]);
  });

  it('a delete that AWS refuses fails its stack, and is settled by one look: nothing is held, and the next destroy ends it', async () => {
    await rig.fault({
      match: { service: 'ec2', action: 'DeleteSubnet' },
      do: { kind: 'refuse', code: 'IncorrectState', status: 400, message: 'It is in use.' },
    });
    const destroy = ['destroy', 'vpc.staging', '--with-dependents', '--yes', '--json'];
    const refused = await rig.holdfast(destroy);
    const summary = refused.events.find(({ type }) => type === 'summary') as { ends: { short: string; end: { outcome: string } }[] };
    expect(Object.fromEntries(summary.ends.map(({ short, end }) => [short, end.outcome]))).toEqual({
      'route-tables.staging': 'destroyed',
      'member.staging': 'destroyed',
      'vpc.staging': 'failed',
    });
    expect(refused.exitCode).toBe(1);
    expect(refused.events.filter(({ type }) => type === 'waiting' || type === 'recovery-step')).toEqual([]);
    expect(await rig.locks()).toEqual([]);
    await rig.clearFaults();
    expect((await rig.holdfast(destroy)).exitCode).toBe(0);
    expect((await lookAtAws(rig.ec2)).vpcs.length).toBe(2);
  });
});
