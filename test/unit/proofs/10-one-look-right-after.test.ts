import { afterAll, describe, expect, it } from 'vitest';
import { ApplyRig, closeGateway } from '../support/apply-rig.ts';
import { refusedBy } from '../support/fake-engine.ts';

afterAll(closeGateway);

/** AWS shows what was made after the look, within the 30 s that failure-model.md grants it ("EC2: a describe may show for a while what was before an act"). */
describe('H10b (documented in held.md, contradicts rule 12 and promise 4): the look before the release is made once, in the second in which the engine ends', () => {
  it('a create that AWS refused at its second try (VpcLimitExceeded), its first one having been done: the lock does not go on one look', async () => {
    const rig = new ApplyRig();
    rig.stack('a', [], async (engine) => (await engine.fail('vpc', refusedBy('CreateVpc', 'VpcLimitExceeded'), true)).end());
    const from = rig.now;
    rig.look = () => Promise.resolve(rig.now - from < 30_000 ? [] : [{ id: 'vpc-vpc', resourceType: 'VPC', resource: 'vpc' }]);
    const { ends } = await rig.apply();
    expect({
      outcome: ends['a']?.outcome,
      locked: rig.locked(),
      agrees: await rig.agrees('a'),
      phase: (await rig.standing('a')).kind,
    }).not.toEqual({ outcome: 'failed', locked: [], agrees: false, phase: 'free' });
  });
});
