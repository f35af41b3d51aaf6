import { execFile } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { recordedSecrets } from '../../orchestrator/state/secrets.ts';
import { cliKilled } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { nightly } from '../support/tier.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const stack = 'small.transit-gateway';
const url = 'awskms://alias/state?region=eu-west-1';
const withKey = `${quickly}${smallNetwork.replace('region: eu-west-1', `region: eu-west-1\nstate: { secrets: "${url}" }`)}`;

describe('a network whose secrets are encrypted by a key in KMS', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  let bucket: Bucket;
  beforeAll(async () => {
    rig = await LabRig.start(withKey);
    bucket = new Bucket(rig.s3, rig.record.bucket);
  });
  afterEach(() => rig.clearFaults());
  afterAll(() => rig.stop());

  const recorded = async () => recordedSecrets((await bucket.get(checkpointKey(stack)))?.body);
  const up = (env: Record<string, string> = {}) => rig.holdfast(['up', 'transit-gateway', '--yes', '--no-settle'], env);

  it('is refused before anything is touched, as long as there is no such key', async () => {
    const { exitCode, stdout } = await up();
    expect(stdout).toMatch(/FAIL secrets: awskms:\/\/alias\/state\?region=eu-west-1 cannot be used: NotFoundException/);
    expect(exitCode).toBe(3);
    expect(await rig.calls({ service: 'ec2', mutating: true })).toEqual([]);
  });

  it('is deployed with it, and each later run goes on with the key of the stack', async () => {
    const kms = new KMSClient(rig.client);
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/state', TargetKeyId: KeyMetadata?.KeyId }));
    kms.destroy();
    const first = await up();
    expect(first.stdout).toContain('1 applied');
    expect(first.exitCode).toBe(0);
    const made = await recorded();
    expect(made).toEqual({ provider: url, encryptedKey: expect.stringMatching(/^[\w+/=]{40,}$/) as string });
    expect(new Set((await rig.calls({ service: 'kms' })).map(({ action }) => action))).toEqual(
      new Set(['CreateKey', 'CreateAlias', 'Encrypt', 'Decrypt']),
    );

    await rig.writeNetwork(withKey.replace('segments:', 'segments:\n  other: {}'));
    const second = await up();
    expect(second.stdout).toContain('1 applied');
    expect(await recorded()).toEqual(made);
  });

  nightly('is still encrypted by it after an interruption and its recovery', async () => {
    const made = await recorded();
    await rig.writeNetwork(withKey.replace('segments:', 'segments:\n  other: {}\n  more: {}'));
    const call = { service: 'ec2', action: 'CreateTransitGatewayRouteTable' } as const;
    await rig.fault(cliKilled.fault?.(call) ?? { match: { ...call, times: 1 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run(['up', 'transit-gateway', '--yes', '--no-settle']);
    const { held } = await rig.heldCall(run);
    await cliKilled.interrupt?.(rig, run, held[0]?.n ?? 0, {});
    expect((await run.ended).exitCode).toBe(4);
    await rig.clearFaults();
    const recovery = await rig.holdfast(['recover', '--yes', '--incident', 'INC-1']);
    expect(recovery.exitCode).toBe(0);
    expect(await recorded()).toEqual(made);
  });

  it('is refused where the session may not decrypt, by the name of the action', async () => {
    await rig.fault({
      match: { service: 'kms', action: 'Decrypt' },
      do: { kind: 'refuse', code: 'AccessDeniedException', status: 400, message: 'not for you' },
    });
    const { exitCode, stdout } = await rig.holdfast(['preflight']);
    expect(stdout).toMatch(/FAIL secrets: [^\n]*AccessDeniedException[^]*Allow the session kms:Decrypt on the key/);
    expect(exitCode).toBe(3);
  });

  nightly('is refused where the file says something else than a checkpoint, until the stack was taken over', async () => {
    await rig.writeNetwork(`${quickly}${smallNetwork}`);
    const { exitCode, stdout } = await up({ PULUMI_CONFIG_PASSPHRASE: 'a word' });
    expect(stdout).toContain(`FAIL secrets: the network file says passphrase, and the checkpoint of transit-gateway ${url}`);
    // The address in a checkpoint may be another's: what to type is in docs/network.md, and not in a refusal over it.
    expect(stdout).toContain('put state.secrets back to what it was');
    expect(stdout).not.toContain('change-secrets-provider');
    expect(exitCode).toBe(3);

    // What the page says, typed in a folder of its own: plain pulumi writes its settings beside the project. It asks for the new passphrase, twice.
    const folder = join(rig.folder, 'plain');
    await mkdir(folder);
    await copyFile(join(root, 'Pulumi.yaml'), join(folder, 'Pulumi.yaml'));
    const line = `eval "$("${process.execPath}" "${join(root, 'bin', 'holdfast.mjs')}" env transit-gateway --network "${rig.networkFile}")" && printf '%s\\n' 'a word' 'a word' | pulumi stack change-secrets-provider passphrase --non-interactive`;
    const { PATH = '', HOME = '' } = process.env;
    const env = {
      PATH,
      HOME,
      HOLDFAST_LAB_DIR: join(rig.folder, 'lab'),
      PULUMI_CONFIG_PASSPHRASE: 'a word',
      PULUMI_HOME: join(rig.folder, 'home'),
    };
    await promisify(execFile)('bash', ['-c', line], { cwd: folder, env });
    expect(await recorded()).toEqual({ provider: 'passphrase' });
    const word = join(rig.folder, 'word');
    const missing = await up({ PULUMI_CONFIG_PASSPHRASE_FILE: word });
    expect(missing.stdout).toContain(
      `FAIL secrets: the passphrase cannot be read: PULUMI_CONFIG_PASSPHRASE_FILE leads to ${word}: it does not exist`,
    );
    expect(missing.exitCode).toBe(3);
    await writeFile(word, 'a word\n');
    const after = await up({ PULUMI_CONFIG_PASSPHRASE_FILE: word });
    expect(after.exitCode).toBe(0);
    expect(await recorded()).toEqual({ provider: 'passphrase' });
  });

  nightly('is planned without a passphrase, or any word of it, as long as no state holds a secret', async () => {
    await rig.writeNetwork(`${quickly}${smallNetwork}`.replace('segments:', 'segments:\n  planned: {}'));
    const { exitCode, stdout } = await rig.holdfast(['plan', 'transit-gateway']);
    expect(stdout).toMatch(/create segment-planned/);
    expect(exitCode).toBe(0);
    expect(await recorded()).toEqual({ provider: 'passphrase' });
  });
});
