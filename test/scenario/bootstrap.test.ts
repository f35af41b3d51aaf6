import { readFile } from 'node:fs/promises';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { LifecycleRule } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PropertyStanding } from '../../orchestrator/aws/bucket-properties.ts';
import { installationKey } from '../../orchestrator/state/layout.ts';
import { runHere } from '../support/in-process.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult, LabCall } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { nightly } from '../support/tier.ts';

const allIds = [
  'bucket',
  'no-public-access',
  'encryption',
  'versioning',
  'lifecycle',
  'tls-only',
  'evidence-stays',
  'layout',
  'installation',
  'conditional-writes',
];

describe('bootstrap', { concurrent: false }, () => {
  let rig: LabRig;
  let bucket: string;
  let made = 0;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
  });
  afterEach(() => rig.clearFaults());
  afterAll(() => rig.stop());

  /** The network with a state bucket of its own, which is not there yet. */
  async function withBucket(region = 'eu-west-1'): Promise<string> {
    made += 1;
    bucket = `another-state-${made}`;
    await rig.writeNetwork(smallNetwork.replace('region: eu-west-1', `region: ${region}\nstate: { bucket: ${bucket} }`));
    return bucket;
  }

  const bootstrap = (...args: string[]): Promise<CommandResult> => runHere(rig, ['bootstrap', '--yes', ...args]);

  /** The properties that `--json` tells of, and what was written meanwhile. */
  async function told(...args: string[]): Promise<{
    exitCode: number | null;
    properties: ReadonlyMap<string, PropertyStanding>;
    written: readonly LabCall[];
    result: CommandResult;
  }> {
    const since = await rig.lastCall();
    const result = await bootstrap('--json', ...args);
    const properties = result.events.flatMap((event) =>
      event['type'] === 'bucket-property' ? [event['property'] as PropertyStanding] : [],
    );
    return {
      exitCode: result.exitCode,
      properties: new Map(properties.map((property) => [property.id, property])),
      written: await rig.calls({ mutating: true, since }),
      result,
    };
  }

  const outcomes = (properties: ReadonlyMap<string, PropertyStanding>) =>
    [...properties.values()].map(({ id, outcome, changed }) => `${id} ${outcome}${changed ? ' made' : ''}`);
  const every = (how: string): string[] => allIds.map((id) => `${id} ${how}`);

  const rules = async (): Promise<LifecycleRule[]> =>
    (await rig.s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }))).Rules ?? [];
  const policy = async (): Promise<string> => (await rig.s3.send(new GetBucketPolicyCommand({ Bucket: bucket }))).Policy ?? '';

  it('makes a bucket with every property, and a second run writes nothing', async () => {
    await withBucket();
    const check = await told('--check');
    expect(check.exitCode).toBe(7);
    expect(outcomes(check.properties)).toEqual(every('short'));
    expect(check.written).toEqual([]);

    const first = await told();
    expect(first.exitCode).toBe(0);
    expect(outcomes(first.properties)).toEqual(every('ok made'));

    const second = await told();
    expect(second.exitCode).toBe(0);
    expect(outcomes(second.properties)).toEqual(every('ok'));
    expect(second.written).toEqual([]);
    const checked = await told('--check');
    expect([checked.exitCode, outcomes(checked.properties), checked.written]).toEqual([0, every('ok'), []]);

    expect((await rig.s3.send(new GetBucketVersioningCommand({ Bucket: bucket }))).Status).toBe('Enabled');
    const block = (await rig.s3.send(new GetPublicAccessBlockCommand({ Bucket: bucket }))).PublicAccessBlockConfiguration ?? {};
    expect(Object.values(block)).toEqual([true, true, true, true]);
    expect((await rules()).map(({ ID }) => ID)).toEqual(['holdfast-pulumi', 'holdfast-own']);
    const { Statement } = JSON.parse(await policy()) as { Statement: { Sid: string; Effect: string }[] };
    expect(Statement.map(({ Sid, Effect }) => `${Effect} ${Sid}`)).toEqual([
      'Deny HoldfastTlsOnly',
      'Deny HoldfastTlsVersion',
      'Deny HoldfastVersionsStay',
      'Deny HoldfastEvidenceStays',
      'Deny HoldfastEvidenceIsWrittenOnce',
      'Deny HoldfastBucketStays',
    ]);
  });

  nightly('serves a run: what is refused to plain HTTP is not refused to the lab', async () => {
    await rig.writeNetwork(smallNetwork);
    bucket = rig.record.bucket;
    expect(await policy()).toContain('aws:SecureTransport');
    const { exitCode, stdout } = await rig.holdfast(['up', 'transit-gateway', '--yes']);
    expect(stdout).toContain('1 applied');
    expect(exitCode).toBe(0);
    const since = await rig.lastCall();
    const preflight = await rig.holdfast(['preflight']);
    expect(preflight.stdout).toMatch(/ok +bucket properties: as bootstrap makes them/);
    // What a run pays for it: each is asked once.
    const reads = (await rig.calls({ service: 's3', since })).filter(({ action, key }) => key === null && !action.startsWith('List'));
    expect(reads.map(({ action }) => action).sort()).toEqual([
      'GetBucketEncryption',
      'GetBucketLifecycleConfiguration',
      'GetBucketPolicy',
      'GetBucketVersioning',
      'GetPublicAccessBlock',
      'HeadBucket',
    ]);
  });

  it('brings a bucket with settings of its own up to it, and leaves what others have put there', async () => {
    const Bucket = await withBucket();
    const theirRules: LifecycleRule[] = [
      { ID: 'logs', Status: 'Enabled', Filter: { Prefix: 'logs/' }, Expiration: { Days: 30 } },
      {
        ID: 'tagged',
        Status: 'Enabled',
        Filter: { And: { Prefix: '', Tags: [{ Key: 'keep', Value: 'no' }] } },
        Expiration: { Date: new Date('2031-01-01T00:00:00Z') },
      },
      { ID: 'off', Status: 'Disabled', Filter: { Prefix: '' }, NoncurrentVersionExpiration: { NoncurrentDays: 1 } },
    ];
    const theirs = `{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::${Bucket}"}`;
    await rig.s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }));
    await rig.s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Suspended' } }));
    await rig.s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: theirRules } }));
    await rig.s3.send(new PutBucketPolicyCommand({ Bucket, Policy: `{"Version":"2012-10-17","Statement":[${theirs}]}` }));
    await rig.s3.send(
      new PutBucketEncryptionCommand({
        Bucket,
        ServerSideEncryptionConfiguration: {
          Rules: [
            { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: 'alias/theirs' }, BucketKeyEnabled: true },
          ],
        },
      }),
    );
    await rig.s3.send(
      new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration: { BlockPublicAcls: true, IgnorePublicAcls: true } }),
    );
    const rulesBefore = await rules();

    const check = await told('--check');
    expect(check.exitCode).toBe(7);
    expect(outcomes(check.properties)).toEqual([
      'bucket ok',
      'no-public-access short',
      'encryption ok',
      'versioning short',
      'lifecycle short',
      'tls-only short',
      'evidence-stays short',
      'layout short',
      'installation short',
      'conditional-writes short',
    ]);
    expect(check.properties.get('versioning')?.shortfalls).toEqual([{ text: 'it is suspended', mended: true }]);
    expect(check.properties.get('no-public-access')?.shortfalls).toEqual([
      { text: 'BlockPublicPolicy, RestrictPublicBuckets are off', mended: true },
    ]);
    expect(check.written).toEqual([]);

    expect((await told()).exitCode).toBe(0);
    const merged = await rules();
    expect(merged.slice(0, 3)).toEqual(rulesBefore);
    expect(merged.slice(3).map(({ ID }) => ID)).toEqual(['holdfast-pulumi', 'holdfast-own']);
    expect(await policy()).toContain(theirs);
    expect(await policy()).toContain('HoldfastTlsOnly');
    const encryption = await rig.s3.send(new GetBucketEncryptionCommand({ Bucket }));
    expect(encryption.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm).toBe('aws:kms');

    const second = await told();
    expect([second.exitCode, outcomes(second.properties), second.written]).toEqual([0, every('ok'), []]);
  });

  it('names a rule of somebody else that takes away what a recovery needs, and leaves it', async () => {
    const Bucket = await withBucket();
    expect((await told()).exitCode).toBe(0);
    const early: LifecycleRule[] = [
      { ID: 'tidy', Status: 'Enabled', Filter: { Prefix: '' }, NoncurrentVersionExpiration: { NoncurrentDays: 30 } },
      { ID: 'old-runs', Status: 'Enabled', Filter: { Prefix: '.holdfast/runs/' }, Expiration: { Days: 365 } },
    ];
    await rig.s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: early } }));

    const first = await told();
    expect(first.exitCode).toBe(7);
    expect(first.properties.get('lifecycle')).toMatchObject({
      outcome: 'short',
      changed: true,
      shortfalls: [
        { text: 'the rule "tidy" expires replaced and deleted versions after 30 days, before 90 days', mended: false },
        { text: 'the rule "old-runs" expires current objects after 365 days: checkpoints, journal and quarantine would go', mended: false },
      ],
    });
    expect((await rules()).map(({ ID }) => ID)).toEqual(['tidy', 'old-runs', 'holdfast-pulumi', 'holdfast-own']);
    const second = await told();
    expect([second.exitCode, second.written]).toEqual([7, []]);

    const { stdout } = await bootstrap();
    expect(stdout).toMatch(/short old versions stay 90 days: the rule "tidy" expires[^]*next {2}What is not Holdfast's own stays as it is/);
    const preflight = await rig.holdfast(['preflight']);
    expect(preflight.stdout).toMatch(/warn bucket properties: old versions stay 90 days: the rule "tidy" expires[^]*bootstrap -- --check/);
    expect(preflight.exitCode).toBe(0);
  });

  it('writes its own rule and its own statement anew where somebody changed them, and nothing else', async () => {
    const Bucket = await withBucket();
    await told();
    const before = await rules();
    const changed = before.map((rule, n) => (n === 0 ? { ...rule, NoncurrentVersionExpiration: { NoncurrentDays: 1 } } : rule));
    await rig.s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: changed } }));
    await rig.s3.send(new PutBucketPolicyCommand({ Bucket, Policy: (await policy()).replace('"s3:*"', '"s3:GetObject"') }));
    const mended = await told();
    expect(mended.exitCode).toBe(0);
    expect(mended.written.map(({ action }) => action)).toEqual(['PutBucketLifecycleConfiguration', 'PutBucketPolicy']);
    expect(await rules()).toEqual(before);
    expect(await policy()).toContain('"s3:*"');
  });

  it('leaves a bucket of another account alone', async () => {
    const Bucket = await withBucket();
    const session = await rig.session(3600, '999988887777');
    const foreign = new S3Client({
      endpoint: rig.record.endpoint,
      region: 'eu-west-1',
      forcePathStyle: true,
      credentials: {
        accessKeyId: session['AWS_ACCESS_KEY_ID'] ?? '',
        secretAccessKey: session['AWS_SECRET_ACCESS_KEY'] ?? '',
        sessionToken: session['AWS_SESSION_TOKEN'] ?? '',
      },
    });
    await foreign.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }));
    const since = await rig.lastCall();
    for (const args of [[], ['--check']]) {
      const { exitCode, stdout } = await bootstrap(...args);
      expect(stdout).toContain(`the bucket ${Bucket} belongs to another account than 111122223333: nothing of it was read or written`);
      expect(exitCode).toBe(3);
    }
    expect(new Set((await rig.calls({ service: 's3', since })).map(({ action }) => action))).toEqual(new Set(['HeadBucket']));
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes']);
    expect(stdout).toContain('or it belongs to another account');
    expect(exitCode).toBe(3);
    expect((await foreign.send(new ListObjectVersionsCommand({ Bucket }))).Versions ?? []).toEqual([]);
    foreign.destroy();
  });

  it('names the permission that it lacks, and does the rest', async () => {
    await withBucket();
    await told();
    for (const action of ['GetBucketPolicy', 'GetBucketLifecycleConfiguration'])
      await rig.fault({ match: { service: 's3', action }, do: { kind: 'refuse', code: 'AccessDenied', status: 403 } });
    const check = await told('--check');
    expect(check.exitCode).toBe(1);
    expect(outcomes(check.properties).filter((line) => !line.endsWith(' ok'))).toEqual([
      'lifecycle unknown',
      'tls-only unknown',
      'evidence-stays unknown',
    ]);
    expect(check.result.stdout).toContain('the session may not call s3:GetLifecycleConfiguration');
    const preflight = await rig.holdfast(['preflight']);
    expect(preflight.stdout).toMatch(/warn bucket properties: [^]*s3:GetLifecycleConfiguration[^]*s3:GetBucketPolicy/);
    expect(preflight.exitCode).toBe(0);
    await rig.clearFaults();

    await withBucket();
    await rig.fault({ match: { service: 's3', action: 'PutBucketPolicy' }, do: { kind: 'refuse', code: 'AccessDenied', status: 403 } });
    const made = await told();
    expect(made.exitCode).toBe(1);
    expect(made.properties.get('tls-only')).toMatchObject({
      outcome: 'failed',
      shortfalls: [{ text: 'could not be made so: the session may not call s3:PutBucketPolicy', mended: false }],
    });
    expect([...made.properties.values()].filter(({ outcome }) => outcome === 'ok')).toHaveLength(allIds.length - 2);
    await rig.clearFaults();
    const again = await told();
    expect([again.exitCode, again.written.map(({ action }) => action)]).toEqual([0, ['PutBucketPolicy', 'PutBucketPolicy']]);
  });

  it('takes an object lock as it finds it', async () => {
    const Bucket = await withBucket();
    await rig.s3.send(
      new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true, CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }),
    );
    await rig.s3.send(
      new PutObjectLockConfigurationCommand({
        Bucket,
        ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } },
      }),
    );
    expect((await told()).exitCode).toBe(0);
    const second = await told();
    expect([second.exitCode, second.written]).toEqual([0, []]);
  });

  it('with --object-lock keeps each version from deletion for 90 days, of a bucket that is in use too', async () => {
    await withBucket();
    expect((await told()).exitCode).toBe(0);
    const check = await told('--check', '--object-lock');
    expect([check.exitCode, check.properties.get('object-lock')?.shortfalls]).toEqual([7, [{ text: 'it has none', mended: true }]]);
    const made = await told('--object-lock');
    expect([made.exitCode, made.written.map(({ action }) => action)]).toEqual([0, ['PutObjectLockConfiguration']]);
    const { ObjectLockConfiguration } = await rig.s3.send(new GetObjectLockConfigurationCommand({ Bucket: bucket }));
    expect(ObjectLockConfiguration?.Rule?.DefaultRetention).toMatchObject({ Mode: 'GOVERNANCE', Days: 90 });
    for (const args of [['--object-lock'], []]) {
      const again = await told(...args);
      expect([again.exitCode, again.written]).toEqual([0, []]);
    }
    // A retention that is longer stays.
    const longer = { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Years: 1 } } } as const;
    await rig.s3.send(new PutObjectLockConfigurationCommand({ Bucket: bucket, ObjectLockConfiguration: longer }));
    const kept = await told('--object-lock');
    expect([kept.exitCode, kept.written]).toEqual([0, []]);
  });

  nightly('with an object lock serves a run, and the run after it: locks go, and checkpoints are written over', async () => {
    const Bucket = await withBucket();
    expect((await told('--object-lock')).exitCode).toBe(0);
    const { exitCode, stdout } = await rig.holdfast(['up', 'transit-gateway', '--yes']);
    expect([exitCode, stdout.includes('1 applied')]).toEqual([0, true]);
    await rig.writeNetwork(`${await readFile(rig.networkFile, 'utf8')}gateway: { description: another }\n`);
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes'])).exitCode).toBe(0);
    const { Versions = [] } = await rig.s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: '.pulumi/stacks/' }));
    const [newest] = Versions;
    await expect(rig.s3.send(new DeleteObjectCommand({ Bucket, Key: newest?.Key, VersionId: newest?.VersionId }))).rejects.toThrow(
      'Access Denied',
    );
    expect((await rig.s3.send(new ListObjectsV2Command({ Bucket, Prefix: '.pulumi/locks/' }))).Contents ?? []).toEqual([]);
  });

  it('names one role of the account that may do what is denied to everyone else, and a later run keeps it', async () => {
    const Bucket = await withBucket();
    const role = 'arn:aws:iam::111122223333:role/break-glass';
    const foreign = await bootstrap('--break-glass', role.replace('111122223333', '999988887777'));
    expect([
      foreign.exitCode,
      foreign.stdout.includes('The break-glass role is not of account 111122223333. Nothing was changed.'),
    ]).toEqual([2, true]);
    expect((await rig.holdfast(['bootstrap', '--break-glass', 'break-glass'])).exitCode).toBe(2);
    expect((await told('--break-glass', role)).exitCode).toBe(0);
    const before = await policy();
    expect(before).toContain(`"ArnNotEquals":{"aws:PrincipalArn":"${role}"}`);
    const again = await told();
    expect([again.exitCode, again.written]).toEqual([0, []]);

    // Who is not that role can change the settings no more, and is told what is missing; that role can.
    await rig.s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Suspended' } }));
    const admin = await runHere(rig, ['bootstrap', '--yes'], await rig.sessionOf('admin'));
    expect(admin.stdout).toContain('the session may not call s3:PutBucketVersioning');
    expect(admin.exitCode).toBe(1);
    const glass = await runHere(rig, ['bootstrap', '--yes'], await rig.sessionOf('break-glass'));
    expect([glass.exitCode, await policy()]).toEqual([0, before]);
  });

  it.each([
    ['us-east-1', 'arn:aws:s3:::'],
    ['cn-north-1', 'arn:aws-cn:s3:::'],
  ])('makes it in %s, with the ARN of its partition', async (region, arn) => {
    const Bucket = await withBucket(region);
    const first = await told();
    expect(first.exitCode).toBe(0);
    const s3 = new S3Client({
      endpoint: rig.record.endpoint,
      region,
      forcePathStyle: true,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    expect((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toContain(`"${arn}${Bucket}/*"`);
    s3.destroy();
    const second = await told();
    expect([second.exitCode, second.written]).toEqual([0, []]);
  });

  it('twice at once makes one bucket with one name', async () => {
    const Bucket = await withBucket();
    const ends = await Promise.all([bootstrap(), bootstrap()]);
    expect(ends.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const versions = await rig.s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: installationKey }));
    expect(versions.Versions).toHaveLength(1);
    expect((await told('--check')).exitCode).toBe(0);
  });
});
