import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lookAtAws, nothing } from '../support/aws-look.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { nightly } from '../support/tier.ts';

describe('a session that is too short for a run', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  let before: number;
  let keys: string[];
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
  });
  afterAll(() => rig.stop());
  beforeEach(async () => {
    keys = await rig.keys();
    before = await rig.lastCall();
  });

  const expectUntouched = async (): Promise<void> => {
    expect(await rig.calls({ mutating: true, since: before })).toEqual([]);
    expect(await rig.keys()).toEqual(keys);
    expect(await lookAtAws(rig.ec2)).toEqual(nothing);
  };

  it('is refused with 29 minutes left, before any lock, state write or change of AWS', async () => {
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes'], await rig.session(29 * 60));
    expect(stdout).toMatch(/FAIL remaining session: the session has 2[89] min left .* and 30 min is the minimum/);
    expect(exitCode).toBe(3);
    await expectUntouched();
  });

  nightly('is refused when it is stated to end in 29 minutes', async () => {
    const ends = new Date(Date.now() + 29 * 60_000).toISOString();
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes', '--session-expires', ends]);
    expect(stdout).toContain('expiry stated by --session-expires');
    expect(exitCode).toBe(3);
    await expectUntouched();
  });

  nightly('is refused when the network asks for more than it has', async () => {
    await rig.writeNetwork(smallNetwork.replace('segments:', 'session: { minimum: 45m }\nsegments:'));
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes'], await rig.session(40 * 60));
    expect(stdout).toContain('45 min is the minimum');
    expect(exitCode).toBe(3);
    await expectUntouched();
    await rig.writeNetwork(smallNetwork);
  });

  it('is refused when nothing says when it ends', async () => {
    const { AWS_CREDENTIAL_EXPIRATION: _, ...session } = await rig.session(3600);
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes'], session);
    expect(stdout).toContain('nothing says when they expire');
    expect(stdout).toContain('--session-expires');
    expect(exitCode).toBe(3);
    await expectUntouched();
  });

  it('is refused when it has expired, in words that say so', async () => {
    const session = await rig.session(3600);
    await rig.expire(session['AWS_ACCESS_KEY_ID'] ?? '');
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes'], session);
    expect(stdout).toContain('FAIL identity and account: the session has expired');
    expect(exitCode).toBe(3);
    await expectUntouched();
  });

  it('only makes status warn', async () => {
    const { exitCode } = await rig.holdfast(['status'], await rig.session(15 * 60));
    expect(exitCode).toBe(0);
  });

  nightly('with 31 minutes left is long enough', async () => {
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes'], await rig.session(31 * 60));
    expect(stdout).toContain('5 applied');
    expect(exitCode).toBe(0);
  });
});
