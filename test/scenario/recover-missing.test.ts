import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { checkpointKey, durableLockKey, recordKey } from '../../orchestrator/state/layout.ts';
import { cliKilled, interrupted, orchestratorKilled } from '../support/interruptions.ts';
import { endsIt, printed, quarantineStands, stillHeld } from '../support/held-gateway.ts';
import { LabRig } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { objectText, questionsIn, stateOf, taggedIds } from '../support/recovery-oracle.ts';
import { nightly } from '../support/tier.ts';

const gateway = 'small.transit-gateway';
const createGateway = { service: 'ec2', action: 'CreateTransitGateway' } as const;

let rig: LabRig;
let bucket: Bucket;
beforeAll(async () => {
  rig = await LabRig.start(smallNetwork + quickly);
  bucket = new Bucket(rig.s3, rig.record.bucket);
});
beforeEach(async () => {
  await rig.reset();
  await rig.writeNetwork(smallNetwork + quickly);
});
afterAll(() => rig.stop());

const up = (...args: string[]): string[] => ['up', ...args, '--yes', '--no-settle', '--bucket-patience', '2s'];

const put = (key: string, body: string): Promise<unknown> =>
  rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: body }));

const deployedGateway = (): Promise<void> =>
  rig.beginWith('deployed-gateway', async () => {
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes'])).exitCode).toBe(0);
  });

/** A gateway that AWS has and the state has not. */
async function interruptedCreate(): Promise<void> {
  expect(await interrupted(rig, up('transit-gateway'), createGateway, cliKilled)).toBe(4);
}

describe('evidence that is not there', { concurrent: false }, () => {
  it('of whether the writer is dead, on another machine: the question is asked, and the printed command ends it', async () => {
    await interrupted(rig, up('transit-gateway'), createGateway, orchestratorKilled);
    for (const key of await rig.keys('.holdfast/heartbeats/'))
      await rig.s3.send(new DeleteObjectCommand({ Bucket: rig.record.bucket, Key: key }));
    const ofRun = [durableLockKey(gateway), recordKey(gateway), ...(await rig.keys('.holdfast/runs/'))];
    for (const key of ofRun) await put(key, (await objectText(rig, key)).replaceAll(/"machine":\s*"[^"]*"/g, '"machine":"elsewhere"'));
    const asked = await rig.holdfast(['recover', '--json']);
    await stillHeld(rig, asked, 5);
    expect(questionsIn(asked)[0]?.question).toMatch(
      /whether an engine of run \S+ is still running on \S+ cannot be told: it is on another machine.*Is it dead\?/,
    );
    await endsIt(rig, printed(asked, '--writer-dead'));
  });

  nightly('of the version that the run began from: the question is asked, and the printed command ends it', async () => {
    await deployedGateway();
    const [base] = (await bucket.versions(checkpointKey(gateway))).filter(({ key }) => key === checkpointKey(gateway));
    await rig.writeNetwork(`${smallNetwork}gateway: { description: changed }\n${quickly}`);
    expect(await interrupted(rig, up('transit-gateway'), { service: 'ec2', action: 'ModifyTransitGateway' }, cliKilled)).toBe(4);
    await rig.s3.send(new DeleteObjectCommand({ Bucket: rig.record.bucket, Key: checkpointKey(gateway), VersionId: base?.version ?? '' }));
    const asked = await rig.holdfast(['recover', '--json']);
    await stillHeld(rig, asked, 5);
    await quarantineStands(rig);
    expect(questionsIn(asked)[0]?.question).toMatch(/The version of the checkpoint of transit-gateway that run \S+ began from is gone/);
    await endsIt(rig, printed(asked, '--without-versions'));
  });

  nightly(
    'of who made it: an object with our tags of which no version tells is asked about, and the printed answer adopts it as the program says',
    async () => {
      await deployedGateway();
      const [base] = (await bucket.versions(checkpointKey(gateway))).filter(({ key }) => key === checkpointKey(gateway));
      await rig.writeNetwork(smallNetwork.replace('main:\n', 'other: {}\n  main:\n') + quickly);
      await interrupted(rig, up('transit-gateway'), { service: 'ec2', action: 'CreateTransitGatewayRouteTable' }, orchestratorKilled);
      for (const { key, version, modified } of await bucket.versions(checkpointKey(gateway)))
        if (key === checkpointKey(gateway) && version !== base?.version && modified >= (base?.modified ?? modified))
          await rig.s3.send(new DeleteObjectCommand({ Bucket: rig.record.bucket, Key: key, VersionId: version }));
      const asked = await rig.holdfast(['recover', '--json']);
      await stillHeld(rig, asked, 5);
      expect(questionsIn(asked)[0]?.question).toMatch(/transit-gateway\/segment-other .*tgw-rtb-\w+.*Whose is it\?/);
      await endsIt(rig, printed(asked, '=adopt:'));
      // The stack's own outputs were never written: that is all that is left.
      const rest = await rig.holdfast(['up', 'transit-gateway', '--yes']);
      expect(rest.stdout).toMatch(/transit-gateway +only outputs or settings/);
      expect((await rig.holdfast(['plan', 'transit-gateway'])).stdout).toContain('nothing to do');
    },
  );

  nightly('with an id of another stack: is told, nothing is done, and the stack is held', async () => {
    const other = smallNetwork.replace('network: small', 'network: other');
    await rig.writeNetwork(other + quickly);
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes'])).exitCode).toBe(0);
    const [theirs = ''] = (await taggedIds(rig, 'other.transit-gateway')).filter((id) => /^tgw-[0-9a-f]+$/.test(id));
    await rig.writeNetwork(smallNetwork + quickly);
    await interruptedCreate();
    const refused = await rig.holdfast(['recover', '--decide', `gateway=adopt:${theirs}`]);
    await stillHeld(rig, refused, 4);
    expect(refused.stdout).toContain(`${theirs} belongs to other.transit-gateway`);
    await endsIt(rig, ['recover']);
  });

  nightly(
    'that the state of another stack of the network has: it is not offered and not given away, and is known as its without a question',
    async () => {
      await interruptedCreate();
      const [made = ''] = (await taggedIds(rig, gateway)).filter((id) => /^tgw-[0-9a-f]+$/.test(id));
      const other = 'small.vpc.two';
      const checkpoint = (urn: string, more: object): object => ({
        urn: `urn:pulumi:${other}::holdfast::${urn}`,
        type: urn.split('::')[0],
        custom: false,
        ...more,
      });
      const resources = [
        checkpoint(`pulumi:pulumi:Stack::holdfast-${other}`, {}),
        checkpoint('aws:ec2transitgateway/transitGateway:TransitGateway::imported', { custom: true, id: made }),
      ];
      await put(checkpointKey(other), JSON.stringify({ version: 3, checkpoint: { stack: other, latest: { resources } } }));
      for (const answer of ['disown', 'delete']) {
        const refused = await rig.holdfast(['recover', 'transit-gateway', '--decide', `gateway=${answer}:${made}`, '--json']);
        expect(refused.exitCode, refused.stdout).toBe(4);
        expect(refused.stdout).toContain(`${made} belongs to ${other}: its state has it as imported`);
      }
      const recovered = await rig.holdfast(['recover', 'transit-gateway', '--json']);
      expect(recovered.exitCode, recovered.stdout).toBe(0);
      expect(recovered.events.filter(({ type }) => type === 'decision')).toMatchObject([
        { resource: 'gateway', id: made, decision: 'forget' },
      ]);
      expect((await stateOf(rig, gateway)).resources.filter(({ id }) => id === made)).toEqual([]);
    },
  );
});
