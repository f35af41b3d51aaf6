import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { cliKilled, interrupted, interruptions } from '../support/interruptions.ts';
import { lockedOut, RawPulumi } from '../support/raw-pulumi.ts';
import { casesOf } from '../support/tier.ts';

const stack = 'small.transit-gateway';

describe(
  'a run that is interrupted when AWS has made a gateway and the state does not say so',
  { concurrent: false, shuffle: false },
  () => {
    let rig: LabRig;
    let raw: RawPulumi;
    beforeAll(async () => {
      rig = await LabRig.start(smallNetwork);
      raw = await RawPulumi.open(rig.record);
    });
    afterEach(() => rig.reset());
    afterAll(async () => {
      await raw.close();
      await rig.stop();
    });

    // The others are cases of the matrix at this very call, or beside one (test/matrix/sample.ts).
    it.each(casesOf(interruptions, { push: (interruption) => interruption === cliKilled }))(
      'stays locked and held, and everyone else out: $what',
      async (interruption) => {
        const args = ['up', 'transit-gateway', '--yes', '--no-settle', '--bucket-patience', '2s'];
        expect([4, null]).toContain(await interrupted(rig, args, { service: 'ec2', action: 'CreateTransitGateway' }, interruption));

        expect(await rig.locks()).toContain(durableLockKey(stack));
        const status = await rig.holdfast(['status']);
        expect(status.stdout).toMatch(/^HELD transit-gateway: .* since .*\. Do not cancel\. Next: npm run recover -- transit-gateway$/m);
        expect(status.stdout).toMatch(interruption.why);
        expect(status.exitCode).toBe(4);
        const refresh = await raw.run('refresh', stack);
        expect(refresh.output).toContain(lockedOut);
        expect(refresh.exitCode).not.toBe(0);
        expect((await raw.up(stack)).output).toContain(lockedOut);
        expect((await rig.holdfast(['up', 'transit-gateway', '--yes', '--no-settle'])).exitCode).toBe(4);
        expect((await rig.holdfast(['up', 'vpc.one', '--yes', '--no-settle'])).exitCode).toBe(4);
        expect((await rig.holdfast(['up', '--yes', '--no-settle'])).exitCode).toBe(4);
        expect(await rig.locks()).toEqual([durableLockKey(stack)]);
      },
    );
  },
);
