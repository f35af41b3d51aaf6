import { afterAll, expect, it } from 'vitest';
import { durableLockKey } from '../../../orchestrator/state/layout.ts';
import { ApplyRig, closeGateway } from '../support/apply-rig.ts';

afterAll(closeGateway);

it('H23: a run that releases its own lock does not tell that "its lock was removed by somebody. The engine is ended"', async () => {
  const rig = new ApplyRig();
  rig.stack('a');
  rig.store.before = async ({ op, key }) => {
    // The periodic look of the watch (every 3 s) falls between the removal of the lock and the end of the line in the journal that says so.
    if (op === 'put' && key.includes('-released')) await rig.watch.look();
  };
  const { ends } = await rig.apply();
  expect(rig.bucket.keys().includes(durableLockKey('example.a'))).toBe(false);
  expect({ outcome: ends['a']?.outcome, told: rig.events.flatMap((event) => (event.type === 'waiting' ? [event.message] : [])) }).toEqual({
    outcome: 'applied',
    told: [],
  });
});
