import { afterAll, describe, expect, it } from 'vitest';
import { restoreLocks } from '../../../orchestrator/run/tidy.ts';
import { durableLockKey } from '../../../orchestrator/state/layout.ts';
import { lockOf } from '../support/owner.ts';
import { cidr, interruptedCreate } from '../support/recovery-interruptions.ts';
import { closeGateway, RecoveryRig } from '../support/recovery-rig.ts';
import { stack } from '../support/recovery.ts';

afterAll(closeGateway);

describe('H15: restoreLocks puts back what it saw missing, however long ago that was', () => {
  it('does not lock a stack that was recovered and released since', async () => {
    const rig = new RecoveryRig({ old: cidr(0), vpc: cidr(1) });
    await interruptedCreate(rig);
    rig.bucket.delete(durableLockKey(stack)); // pulumi cancel
    // A `status` has read where everything stands, and is slow, or paused.
    const seen = await rig.standings();
    expect((await rig.recover('rec-1')).kind).toBe('recovered');
    expect((await rig.standing()).kind).toBe('free');
    await restoreLocks({
      store: rig.bucket,
      network: 'example',
      standings: seen,
      lockRecord: (name) => lockOf(name, 'status'),
      now: rig.time.now,
      onNote: () => undefined,
    });
    const elsewhere = (await rig.standings(undefined, true)).byStack.get(stack);
    expect({ locked: rig.isLocked(), standing: elsewhere?.kind, why: elsewhere?.kind === 'held' ? elsewhere.why : '' }).toEqual({
      locked: false,
      standing: 'free',
      why: '',
    });
  });
});
