import { LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { CreateVpcCommand, DeleteVpcCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import { lookUpTrail, type TrailRequest } from '../../orchestrator/aws/trail.ts';
import type { Clock } from '../../orchestrator/gateway/clock.ts';
import { trailObjects } from '../../orchestrator/inventory/trail-objects.ts';
import { accountId, errorOf, later, noon, sessionKey, startRig, vpcId } from './proxy-rig.ts';

/** The look-up in CloudTrail by the AWS SDK against the lab's own, on a clock that passes only where somebody waits. */

async function startTrailRig() {
  const rig = await startRig();
  const { cloudtrail } = rig.clients('AKIARECOVERY');
  const clock: Clock = {
    now: () => rig.time.now.getTime(),
    sleep: (milliseconds) => {
      rig.time.now = later(rig.time.now, milliseconds / 1000);
      return Promise.resolve();
    },
    random: () => 1,
  };
  const { signal } = new AbortController();
  const lookUp = (request: Partial<TrailRequest>) =>
    lookUpTrail({ cloudtrail }, { from: noon, to: later(noon, 3600), signal, clock, ...request });
  return {
    ...rig,
    clock,
    cloudtrail,
    lookUp,
    /** Ids of what the keys made, sorted. */
    madeBy: async (...accessKeyIds: readonly string[]) => {
      const found = await lookUp({ accessKeyIds });
      if (!found.ok) throw new Error(`${found.code}: ${found.message}`);
      return trailObjects(found.value)
        .map(({ id }) => id)
        .sort();
    },
    settings: (settings: object) => rig.api('POST', '/cloudtrail', settings),
    /** Status of each look-up that the proxy answered. */
    lookups: async () => (await rig.calls('?service=cloudtrail')).map(({ status }) => status),
  };
}

const createVpc = (ec2: EC2Client) => ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));

async function createVpcs(ec2: EC2Client, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push((await createVpc(ec2)).Vpc?.VpcId ?? '');
  return ids;
}

describe('what a key made', () => {
  test('is found by it, and what another one made is not', async () => {
    const { clients, madeBy } = await startTrailRig();
    await createVpc(clients('AKIAONE').ec2);
    await createVpc(clients('AKIATWO').ec2);
    expect(await madeBy('AKIAONE')).toEqual([vpcId(1)]);
  });

  test('is found where nobody heard that it was made', async () => {
    const { clients, setFault, madeBy } = await startTrailRig();
    await setFault({ match: { action: 'CreateVpc' }, do: { kind: 'lose-reply' } });
    await errorOf(createVpc(clients('AKIAONE').ec2));
    expect(await madeBy('AKIAONE')).toEqual([vpcId(1)]);
  });

  describe('on several pages, and by several keys', () => {
    const startWithMany = async () => {
      const rig = await startTrailRig();
      const ids = [...(await createVpcs(rig.clients('AKIAONE').ec2, 101)), ...(await createVpcs(rig.clients('AKIATWO').ec2, 51))];
      await rig.settings({ lookupsPerSecond: 2 });
      return { ...rig, ids: ids.sort() };
    };

    test('is found to the last', async () => {
      const { madeBy, ids } = await startWithMany();
      expect(await madeBy('AKIAONE', 'AKIATWO')).toEqual(ids);
    });

    test('is found without being throttled once', async () => {
      const { madeBy, lookups } = await startWithMany();
      await madeBy('AKIAONE', 'AKIATWO');
      expect(await lookups()).toEqual([200, 200, 200, 200, 200]);
    });
  });

  test('is found while somebody else looks up as well', async () => {
    const { clients, settings, madeBy, lookups } = await startTrailRig();
    await createVpc(clients('AKIAONE').ec2);
    await settings({ lookupsPerSecond: 2 });
    const somebody = clients('AKIASOMEBODY').cloudtrail;
    for (let n = 0; n < 2; n += 1) await somebody.send(new LookupEventsCommand({}));
    expect([await madeBy('AKIAONE'), await lookups()]).toEqual([[vpcId(1)], [200, 200, 400, 200]]);
  });

  test('is found by the session where its keys are not known', async () => {
    const { clients, lookUp } = await startTrailRig();
    const RoleArn = `arn:aws:iam::${accountId}:role/deploy`;
    await clients('AKIATEST').sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'ci-run-7' }));
    await createVpc(clients(sessionKey).ec2);
    expect(await lookUp({ sessionName: 'ci-run-7' })).toMatchObject({
      ok: true,
      value: [{ name: 'CreateVpc', accessKeyId: sessionKey, sessionName: 'ci-run-7', at: noon }],
    });
  });

  test('is not what it failed to do, which is kept with the error', async () => {
    const { clients, lookUp, madeBy } = await startTrailRig();
    await errorOf(clients('AKIAONE').ec2.send(new DeleteVpcCommand({ VpcId: vpcId(1) })));
    expect([await lookUp({ accessKeyIds: ['AKIAONE'] }), await madeBy('AKIAONE')]).toMatchObject([
      { ok: true, value: [{ name: 'DeleteVpc', errorCode: 'Client.DependencyViolation' }] },
      [],
    ]);
  });
});

describe('CloudTrail that is late', () => {
  test('says nothing until it has it, and then says it', async () => {
    const { clients, settings, lookUp, clock } = await startTrailRig();
    await settings({ deliveryDelaySeconds: 300 });
    await createVpc(clients('AKIAONE').ec2);
    expect(await lookUp({ accessKeyIds: ['AKIAONE'] })).toEqual({ ok: true, value: [] });
    await clock.sleep(300_000, new AbortController().signal);
    expect(await lookUp({ accessKeyIds: ['AKIAONE'] })).toMatchObject({ ok: true, value: [{ name: 'CreateVpc' }] });
  });
});

describe('a look-up', () => {
  test('that is refused says which action is not permitted, and is made once', async () => {
    const { setFault, lookUp, lookups } = await startTrailRig();
    await setFault({ match: { action: 'LookupEvents' }, do: { kind: 'refuse', code: 'AccessDeniedException', status: 400 } });
    expect([await lookUp({ accessKeyIds: ['AKIAONE'] }), await lookups()]).toMatchObject([
      {
        ok: false,
        code: 'AccessDeniedException',
        message: expect.stringMatching(/^cloudtrail:LookupEvents is not permitted: /) as string,
        action: 'cloudtrail:LookupEvents',
      },
      [400],
    ]);
  });

  test('that is stopped does not wait for its answer', async () => {
    const { setFault, whenHeld, lookUp } = await startTrailRig();
    await setFault({ match: { action: 'LookupEvents' }, do: { kind: 'hold', point: 'before' } });
    const stopping = new AbortController();
    const looking = lookUp({ accessKeyIds: ['AKIAONE'], signal: stopping.signal });
    await whenHeld();
    stopping.abort();
    expect(await looking).toMatchObject({ ok: false, code: 'Aborted' });
  });
});
