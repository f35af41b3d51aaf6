import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateVpcCommand, DeleteVpcCommand } from '@aws-sdk/client-ec2';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lookAtAws, nothing } from '../support/aws-look.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork, withManySegments } from '../support/networks.ts';
import { nightly } from '../support/tier.ts';

describe('bad input', () => {
  let rig: LabRig;
  let folder: string;
  let before: number;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
    folder = await mkdtemp(join(tmpdir(), 'holdfast-bad-'));
  });
  afterAll(async () => {
    await rig.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    before = await rig.lastCall();
  });

  const file = async (text: string): Promise<string> => {
    const path = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
    await writeFile(path, text);
    return path;
  };
  const refused = async (
    args: readonly string[],
    exitCode: number,
    says: RegExp | string,
    env: Record<string, string> = {},
  ): Promise<void> => {
    const result = await rig.holdfast(args, env);
    expect(`${result.stdout}${result.stderr}`).toMatch(says);
    expect(result.exitCode).toBe(exitCode);
    expect(await rig.calls({ mutating: true, since: before })).toEqual([]);
    expect(await lookAtAws(rig.ec2)).toEqual(nothing);
  };

  it('a mistake in the file is shown with file, line and what to do', async () => {
    const network = await file(smallNetwork.replace('segment: main', 'segment: mian'));
    await refused(['up', '--yes', '--network', network], 2, new RegExp(`${network}:10: there is no segment "mian"\\n.*next.*main`));
  });

  it('a VPC that has the block of one that is to be made is named, and no second one is made until that is asked for', async () => {
    const { Vpc } = await rig.ec2.send(new CreateVpcCommand({ CidrBlock: '10.1.0.0/16' }));
    before = await rig.lastCall();
    const { stdout, exitCode } = await rig.holdfast(['up', '--yes']);
    expect(stdout).toContain(`${Vpc?.VpcId} has 10.1.0.0/16`);
    expect(exitCode).toBe(3);
    expect(await rig.calls({ mutating: true, since: before })).toEqual([]);
    expect((await rig.holdfast(['preflight', '--beside-existing'])).exitCode).toBe(0);
    await rig.ec2.send(new DeleteVpcCommand({ VpcId: Vpc?.VpcId }));
  });

  it('a network with more segments than the account may have gateway tables is told so, with the quota, and nothing is stopped', async () => {
    const network = await file(withManySegments(smallNetwork));
    const { stdout, exitCode } = await rig.holdfast(['preflight', '--network', network]);
    expect(stdout).toMatch(
      /warn quotas: .*\n.*21 route tables on the gateway, one for each segment: the account may have 20 \(ec2, L-43872EB7\)/,
    );
    expect(exitCode).toBe(0);
  });

  it('every mistake of a file is shown, not just the first', async () => {
    const network = await file(smallNetwork.replace('segment: main', 'segment: mian').replace('10.1.0.0/24', '10.2.0.0/24'));
    await refused(['plan', '--network', network], 2, /no segment "mian"[\s\S]*is outside its VPC/);
  });

  it('a `was` that is claimed twice, at the second', async () => {
    const tiers = 'private: { was: old, a: 10.1.0.0/24 }\n      more: { was: old, a: 10.1.1.0/24 }';
    const network = await file(smallNetwork.replace('private: { a: 10.1.0.0/24 }', tiers));
    await refused(['plan', '--network', network], 2, new RegExp(`${network}:14: tier "more" was "old", and so was tier "private"`));
  });

  it('up without a terminal and without --yes', () => refused(['up'], 2, /there is no terminal to ask on\n.*--yes/));

  it('destroy without a terminal and without --yes', () => refused(['destroy'], 2, /asks for the network's name/));

  it('a stack that does not exist, with the nearest that does', () =>
    refused(['up', '--yes', 'vpc.oen'], 2, /no stack of .* is called "vpc.oen"\n.*Did you mean "vpc.one"/));

  it('a stack name that climbs out of its folder', () => refused(['up', '--yes', '../../etc'], 2, /"..\/..\/etc" is not a stack name/));

  it('a flag that does not exist', () => refused(['up', '--yse'], 2, /yse/));

  it('a count that is none', () => refused(['up', '--yes', '--parallel', '0'], 2, /"0" is not a whole number from 1/));

  it('a zone that the region does not have', async () => {
    const network = await file(smallNetwork.replace('{ a: 10.1.0.0/24 }', '{ a: 10.1.0.0/24, q: 10.1.1.0/24 }'));
    await refused(['up', '--yes', '--network', network], 3, /:13: eu-west-1 has no zone eu-west-1q; it has eu-west-1a/);
  });

  it('a bucket that does not exist', async () => {
    const network = await file(smallNetwork.replace('segments:', 'state: { bucket: holdfast-missing }\nsegments:'));
    await refused(['up', '--yes', '--network', network], 3, /the state bucket holdfast-missing does not exist\n.*npm run bootstrap/);
    await refused(['status', '--network', network], 3, /the state bucket holdfast-missing does not exist\n.*npm run bootstrap/);
  });

  it('a bucket without versioning', async () => {
    await rig.s3.send(new CreateBucketCommand({ Bucket: 'holdfast-bare', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' } }));
    before = await rig.lastCall();
    const network = await file(smallNetwork.replace('segments:', 'state: { bucket: holdfast-bare }\nsegments:'));
    await refused(['up', '--yes', '--network', network], 3, /holdfast-bare keeps no versions[^\n]*\n.*npm run bootstrap/);
  });

  nightly('an upstream that was never deployed', () =>
    refused(
      ['up', '--yes', 'vpc.one'],
      3,
      /not deployed yet, or not to the end: small.transit-gateway\n.*--with-upstreams.*up -- transit-gateway/,
    ),
  );

  nightly('a checkpoint that is compressed', async () => {
    const key = '.pulumi/stacks/holdfast/small.vpc.one.json.gz';
    await rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: 'x' }));
    before = await rig.lastCall();
    await refused(['up', '--yes', 'vpc.one'], 3, /small.vpc.one.json.gz: the checkpoint is compressed/);
    await rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key.slice(0, -3), Body: '{' }));
    before = await rig.lastCall();
    await refused(['plan'], 3, /the checkpoint is not JSON/);
    const { DeleteObjectsCommand } = await import('@aws-sdk/client-s3');
    await rig.s3.send(
      new DeleteObjectsCommand({ Bucket: rig.record.bucket, Delete: { Objects: [{ Key: key }, { Key: key.slice(0, -3) }] } }),
    );
  });

  it("a real account's network is never sent to the lab", async () => {
    const network = await file(smallNetwork.replace('111122223333', '444455556666'));
    await refused(['up', '--yes', '--network', network], 3, /444455556666 is a real one, but AWS_ENDPOINT_URL leads to http:\/\/127/, {
      AWS_ENDPOINT_URL: rig.record.endpoint,
    });
  });

  it('no credentials for a real account', async () => {
    const network = await file(smallNetwork.replace('111122223333', '444455556666'));
    await refused(['up', '--yes', '--network', network], 3, /there are no AWS credentials/, {
      AWS_EC2_METADATA_DISABLED: 'true',
      HOME: folder,
    });
  });

  it('a role whose token file is missing', async () => {
    const network = await file(smallNetwork.replace('111122223333', '444455556666'));
    await refused(['up', '--yes', '--network', network], 3, /cannot be assumed by web identity: ENOENT/, {
      AWS_ROLE_ARN: 'arn:aws:iam::444455556666:role/deployer',
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'no-token'),
    });
  });

  it('keys of another account, for the lab, are neither used nor sent', async () => {
    const result = await rig.holdfast(['preflight'], {
      AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'x',
      AWS_SESSION_TOKEN: 'y',
    });
    expect(result.exitCode).toBe(0);
    const calls = await rig.calls({ since: before });
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.filter(({ accessKeyId }) => accessKeyId === 'AKIAIOSFODNN7EXAMPLE')).toEqual([]);
  });

  it('destroy of a real account by --yes alone', async () => {
    const network = await file(smallNetwork.replace('111122223333', '444455556666'));
    await refused(
      ['destroy', '--yes', '--network', network],
      2,
      /--yes alone does not destroy a network of a real account \(444455556666\)\n.*--confirm small/,
    );
  });

  it('destroy with the name of another network', () =>
    refused(['destroy', '--confirm', 'prod'], 2, /--confirm prod is not the name of this network, which is small/));

  nightly('a lab that cannot have its port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const labFolder = join(folder, 'other-lab');
    const result = await rig.holdfast(['lab', 'start', '--network', rig.networkFile, '--port', String(port)], {
      HOLDFAST_LAB_DIR: labFolder,
    });
    server.close();
    expect(result.stdout).toContain(`127.0.0.1:${port}: the port is taken`);
    expect(result.exitCode).toBe(1);
  });

  it('a lab that is not running', async () => {
    const result = await rig.holdfast(['up', '--yes', '--network', rig.networkFile], { HOLDFAST_LAB_DIR: join(folder, 'no-lab') });
    expect(result.stdout).toMatch(/account 111122223333 is the lab, and the lab is not running\n.*lab -- start/);
    expect(result.exitCode).toBe(3);
  });
});
