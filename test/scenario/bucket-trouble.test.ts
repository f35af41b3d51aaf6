import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { lookAtAws } from '../support/aws-look.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { count, nightly } from '../support/tier.ts';

const stack = 'small.transit-gateway';

/** Longer than one try of a write. */
const goneSeconds = count({ push: 12, all: 30 });

/** Nothing of the bucket answers, to anybody. */
const bucketGone = {
  match: { service: 's3' },
  do: { kind: 'refuse', code: 'ServiceUnavailable', status: 503, message: 'Please reduce your request rate.' },
};

describe('a state bucket that goes in the middle of a run', { concurrent: false }, () => {
  let rig: LabRig;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
  });
  afterEach(() => rig.reset());
  afterAll(() => rig.stop());

  it(`for ${goneSeconds} s makes the engine wait, and the run ends clean`, async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateTransitGateway', times: 1 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run(['up', 'transit-gateway', '--yes', '--no-settle', '--json']);
    const { held } = await rig.heldCall(run);
    await rig.fault(bucketGone);
    await rig.release(held[0]?.n ?? 0);
    await run.event(({ type, message }) => type === 'waiting' && String(message).includes('the state bucket fails since'));
    await new Promise((resolve) => setTimeout(resolve, goneSeconds * 1000));
    await rig.clearFaults();
    const { exitCode } = await run.ended;
    expect(exitCode).toBe(0);
    expect(await rig.locks()).toEqual([]);
    expect((await lookAtAws(rig.ec2)).gateways).toHaveLength(1);
    const status = await rig.holdfast(['status']);
    expect(status.exitCode).toBe(0);
  });

  nightly('for good leaves the stack held, and says where the last checkpoint is', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateTransitGateway', times: 1 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run(['up', 'transit-gateway', '--yes', '--no-settle', '--bucket-patience', '3s', '--json']);
    const { held } = await rig.heldCall(run);
    await rig.fault(bucketGone);
    await rig.release(held[0]?.n ?? 0);
    const { exitCode, events } = await run.ended;
    expect(exitCode).toBe(4);
    const summary = events.find(({ type }) => type === 'summary') as { ends: { end: { outcome: string; errors: string[] } }[] };
    const errors = summary.ends[0]?.end.errors.join('\n') ?? '';
    const spool = /the last checkpoint that the engine wrote is in (\S+)/.exec(errors)?.[1] ?? '';
    const [gateway] = (await lookAtAws(rig.ec2)).gateways;
    expect(gateway).toBeDefined();
    // What AWS made is in the spool, and nowhere else.
    expect(await readFile(spool, 'utf8')).toMatch(/"id": ?"tgw-/);
    await rig.clearFaults();
    expect(await rig.locks()).toEqual([durableLockKey(stack)]);
    const status = await rig.holdfast(['status']);
    expect(status.stdout).toMatch(/HELD transit-gateway: CreateTransitGateway outcome unknown/);
    expect(status.stdout).toContain(spool);
    // What another run has left on this machine is no evidence of this one.
    const ofAnother = join(dirname(dirname(spool)), '99991231T235959Z-00000000');
    await mkdir(ofAnother);
    await writeFile(join(ofAnother, basename(spool)), '{}');
    const again = await rig.holdfast(['status']);
    await rm(ofAnother, { recursive: true });
    expect(again.stdout).toContain(spool);
    expect(again.stdout).not.toContain('99991231');
    expect(status.exitCode).toBe(4);
  });

  nightly('at the very start leaves nothing started', async () => {
    await rig.fault({
      match: { service: 's3', action: 'PutObject' },
      do: { kind: 'refuse', code: 'AccessDenied', status: 403, message: 'Access Denied' },
    });
    const { exitCode, stdout } = await rig.holdfast(['up', 'transit-gateway', '--yes', '--bucket-patience', '1s']);
    expect(stdout).toContain('the journal could not be written');
    expect(exitCode).toBe(3);
    expect((await lookAtAws(rig.ec2)).gateways).toEqual([]);
    await rig.clearFaults();
    expect(await rig.locks()).toEqual([]);
    expect((await rig.holdfast(['status'])).exitCode).toBe(0);
  });

  nightly('that only answers slowly changes nothing but the time', async () => {
    await rig.fault({ match: { service: 's3' }, do: { kind: 'delay', ms: 150 } });
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes'])).exitCode).toBe(0);
    await rig.clearFaults();
    expect(await rig.locks()).toEqual([]);
  });
});
