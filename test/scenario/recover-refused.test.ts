import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { checkpointKey, durableLockKey, recordKey } from '../../orchestrator/state/layout.ts';
import { BucketSnapshot } from '../support/bucket-snapshot.ts';
import { cliKilled, interrupted } from '../support/interruptions.ts';
import { endsIt, printed, quarantineStands, stillHeld } from '../support/held-gateway.ts';
import { LabRig } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { objectText, questionsIn } from '../support/recovery-oracle.ts';
import { casesOf, nightly } from '../support/tier.ts';

const gateway = 'small.transit-gateway';
const createGateway = { service: 'ec2', action: 'CreateTransitGateway' } as const;

let rig: LabRig;
let bucket: Bucket;
/** A gateway that AWS has and the state has not. */
let interruptedCreate: BucketSnapshot;
beforeAll(async () => {
  rig = await LabRig.start(smallNetwork + quickly);
  bucket = new Bucket(rig.s3, rig.record.bucket);
  expect(await interrupted(rig, ['up', 'transit-gateway', '--yes', '--no-settle'], createGateway, cliKilled)).toBe(4);
  interruptedCreate = await BucketSnapshot.take(rig);
});
beforeEach(() => interruptedCreate.restore());
afterAll(() => rig.stop());

const put = (key: string, body: string): Promise<unknown> =>
  rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: body }));

describe('evidence that is not there', { concurrent: false }, () => {
  it('of CloudTrail, which is refused: said, and decided without it', async () => {
    await rig.fault({ match: { service: 'cloudtrail' }, do: { kind: 'refuse', code: 'AccessDeniedException' } });
    const { exitCode, stdout } = await rig.holdfast(['recover']);
    await rig.clearFaults();
    expect(exitCode, stdout).toBe(0);
    expect(stdout).toMatch(/CloudTrail: not read \(AccessDeniedException: .*cloudtrail:LookupEvents/);
  });

  nightly('of CloudTrail, which has nothing yet: said that it proves nothing', async () => {
    await rig.delayTrail(3600);
    const { exitCode, stdout } = await rig.holdfast(['recover']);
    await rig.delayTrail(0);
    expect(exitCode, stdout).toBe(0);
    expect(stdout).toContain('which proves nothing');
  });
});

describe('a checkpoint', { concurrent: false }, () => {
  it('that does not parse is named, with where its copies are and the command that puts the last good one back', async () => {
    const [good] = (await bucket.versions(checkpointKey(gateway))).filter(({ key }) => key === checkpointKey(gateway));
    await put(checkpointKey(gateway), '{"version":3,"checkpoint":');
    const refused = await rig.holdfast(['recover']);
    await stillHeld(rig, refused, 4);
    await quarantineStands(rig);
    expect(refused.stdout).toContain('cannot be read: it is not JSON');
    expect(refused.stdout).toContain(`versionId=${good?.version ?? ''}`);
    await put(checkpointKey(gateway), await objectText(rig, checkpointKey(gateway), good?.version));
    await endsIt(rig, ['recover']);
  });

  nightly('that does not hold together is named, and with what the engine would refuse it', async () => {
    const text = await objectText(rig, checkpointKey(gateway));
    const broken = JSON.parse(text) as { checkpoint: { latest: { resources: Record<string, unknown>[] } } };
    const { resources } = broken.checkpoint.latest;
    const provider = resources.find(({ type }) => type === 'pulumi:providers:aws');
    // Nothing in it that a program of Holdfast does not name: it stands in front of its provider.
    resources.unshift({
      urn: `urn:pulumi:${gateway}::holdfast::aws:ec2/vpc:Vpc::odd`,
      custom: true,
      id: 'vpc-11112222',
      type: 'aws:ec2/vpc:Vpc',
      provider: `${String(provider?.['urn'])}::${String(provider?.['id'])}`,
    });
    await put(checkpointKey(gateway), JSON.stringify(broken));
    const refused = await rig.holdfast(['recover']);
    await stillHeld(rig, refused, 4);
    await quarantineStands(rig);
    expect(refused.stdout).toMatch(/does not hold together: .* names a provider that does not stand before it/);
    await put(checkpointKey(gateway), text);
    await endsIt(rig, ['recover']);
  });
});

describe('code in stacks/ that is not what it was', { concurrent: false }, () => {
  nightly('is asked about before anything is taken over, and the printed command goes on with it', async () => {
    const record = await objectText(rig, recordKey(gateway));
    const other = record.replace(/"code":"[0-9a-f]+"/, '"code":"0123"');
    expect(other).not.toBe(record);
    await put(recordKey(gateway), other);
    const before = await objectText(rig, durableLockKey(gateway));
    const asked = await rig.holdfast(['recover', '--json']);
    await stillHeld(rig, asked, 5);
    expect(await objectText(rig, durableLockKey(gateway))).toBe(before);
    expect(questionsIn(asked)[0]?.question).toMatch(/the code in stacks\/ is not what it was in run/);
    await endsIt(rig, printed(asked, '--changed-program'));
  });
});

describe('a look at AWS', { concurrent: false }, () => {
  it('that is refused leaves the stack held, and names the action', async () => {
    await rig.fault({
      match: { service: 'ec2', action: 'DescribeTransitGateways' },
      do: { kind: 'refuse', code: 'UnauthorizedOperation', status: 403 },
    });
    const refused = await rig.holdfast(['recover']);
    await rig.clearFaults();
    await stillHeld(rig, refused, 4);
    await quarantineStands(rig);
    expect(refused.stdout).toMatch(/AWS could not be looked at: UnauthorizedOperation: ec2:DescribeTransitGateways/);
    await endsIt(rig, ['recover']);
  });

  nightly('that does not settle in time leaves the stack held, and says of what', async () => {
    await rig.writeNetwork(smallNetwork);
    const refused = await rig.holdfast(['recover', '--wait', '1s']);
    await rig.writeNetwork(smallNetwork + quickly);
    await stillHeld(rig, refused, 4);
    await quarantineStands(rig);
    expect(refused.stdout).toMatch(/gateway \(tgw-\w+\): AWS may not show yet what was done; waited 1 s/);
    await endsIt(rig, ['recover']);
  });
});

describe('an answer that cannot be', { concurrent: false }, () => {
  const wrong: readonly (readonly [string, () => Promise<string>, RegExp])[] = [
    ['of a resource that there is not', () => Promise.resolve('nothing=forget'), /transit-gateway has no resource "nothing"/],
    [
      'with an id that AWS does not have',
      () => Promise.resolve('gateway=adopt:tgw-0123456789abcdef0'),
      /AWS has no \S+ tgw-0123456789abcdef0/,
    ],
    ['with an id of another type', () => Promise.resolve('gateway=adopt:vpc-0123456789abcdef0'), /vpc-0123456789abcdef0.*is no id of a/],
    ['that forgets what AWS has', () => Promise.resolve('gateway=forget'), /AWS has tgw-\w+ for it, which would be nobody's/],
  ];

  it.each(casesOf(wrong, { push: ([what]) => what.startsWith('that forgets') }))(
    '%s: is told, nothing is done, and the stack is held',
    async (_, decision, told) => {
      const refused = await rig.holdfast(['recover', '--decide', await decision()]);
      await stillHeld(rig, refused, 4);
      expect(refused.stdout).toMatch(told);
    },
  );

  it.each([
    [['recover', '--decide', 'gateway'], /is no decision/],
    [['recover', '--decide', 'gateway=adopt'], /does not say which/],
    [['recover', 'vpc.two'], /no stack of .* is called "vpc\.two"/],
  ])('that is none: %j', async (args, told) => {
    const { exitCode, stdout, stderr } = await rig.holdfast(args);
    expect(exitCode).toBe(2);
    expect(stdout + stderr).toMatch(told);
  });
});

describe('a stack that is not held', { concurrent: false }, () => {
  nightly('is left alone', async () => {
    await endsIt(rig, ['recover']);
    const before = await bucket.list('');
    const { exitCode, stdout } = await rig.holdfast(['recover', 'transit-gateway']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('transit-gateway is not held: there is nothing to recover.');
    expect(await bucket.list('')).toEqual(before);
  });
});
