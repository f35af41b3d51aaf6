import { execFile } from 'node:child_process';
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { CliEngine } from '../../orchestrator/pulumi/engine.ts';
import { checkpointKey, recordKey } from '../../orchestrator/state/layout.ts';
import { cacheFolder } from '../../toolchain/cache-folder.ts';
import { cliKilled, interrupted } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { RawPulumi } from '../support/raw-pulumi.ts';
import { casesOf, nightly } from '../support/tier.ts';

const stack = 'small.vpc.one';
const urnOf = (type: string, name: string): string => `urn:pulumi:${stack}::holdfast::${type}::${name}`;

interface State {
  readonly checkpoint: {
    readonly latest: { resources: { type: string; inputs?: object; [field: string]: unknown }[]; [field: string]: unknown };
  };
}

/** Whoever may write one object of the bucket, and what the engine would do for them. */
describe('a checkpoint that somebody else has written', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  let raw: RawPulumi;
  let bucket: Bucket;
  let folder: string;
  let server: Server;
  let url: string;
  const asked: string[] = [];
  const marker = (): string => join(folder, 'was-run');

  /** As a plugin: what it is started with it writes down. */
  async function evilPlugin(directory: string, name: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, name), `#!/bin/sh\n{ echo "ran: $0 $*"; env; } >> ${marker()}\nexit 1\n`);
    await chmod(join(directory, name), 0o755);
  }

  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
    raw = await RawPulumi.open(rig.record);
    bucket = new Bucket(rig.s3, rig.record.bucket);
    folder = await mkdtemp(join(tmpdir(), 'holdfast-forged-'));
    await evilPlugin(join(folder, 'fetched'), 'pulumi-resource-evilcorp');
    await promisify(execFile)('tar', ['czf', join(folder, 'plugin.tgz'), '-C', join(folder, 'fetched'), 'pulumi-resource-evilcorp']);
    const archive = await readFile(join(folder, 'plugin.tgz'));
    server = createServer((request, response) => {
      asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
      response.writeHead(200, { 'content-type': 'application/gzip', 'content-length': archive.length });
      response.end(archive);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => rig.beginWith('deployed', async () => expect((await rig.holdfast(['up', '--yes'])).exitCode).toBe(0)));
  afterEach(async () => {
    // Nothing was fetched, sent or started, whatever the command was.
    expect(asked).toEqual([]);
    await expect(access(marker())).rejects.toThrow();
  });
  afterAll(async () => {
    server.close();
    await raw.close();
    await rig.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const get = async (key: string): Promise<string> =>
    (await (await rig.s3.send(new GetObjectCommand({ Bucket: rig.record.bucket, Key: key }))).Body?.transformToString()) ?? '';
  const put = (key: string, body: string) => rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: body }));

  /** As S1 of the review has it: a provider of another package, from an address of the writer's. */
  function withPlugin(state: State): State {
    const provider = urnOf('pulumi:providers:evilcorp', 'evil');
    const id = '11111111-2222-4333-8444-555555555555';
    state.checkpoint.latest.resources.push(
      {
        urn: provider,
        custom: true,
        id,
        type: 'pulumi:providers:evilcorp',
        inputs: { version: '1.0.0', pluginDownloadURL: url, __internal: { pluginDownloadURL: url } },
        outputs: { version: '1.0.0' },
      },
      {
        urn: urnOf('evilcorp:index:Thing', 'thing'),
        custom: true,
        id: 'x',
        type: 'evilcorp:index:Thing',
        inputs: {},
        provider: `${provider}::${id}`,
      },
    );
    return state;
  }

  function withEndpoints(state: State): State {
    const endpoints = JSON.stringify([{ ec2: url, sts: url }]);
    for (const resource of state.checkpoint.latest.resources)
      if (resource.type === 'pulumi:providers:aws') resource.inputs = { ...resource.inputs, endpoints };
    return state;
  }

  function withSecrets(state: State): State {
    state.checkpoint.latest['secrets_providers'] = {
      type: 'cloud',
      state: { url: `awskms://alias/x?region=eu-west-1&endpoint=${url}`, encryptedkey: 'AAAA' },
    };
    return state;
  }

  const forge = async (change: (state: State) => State) =>
    put(checkpointKey(stack), JSON.stringify(change(JSON.parse(await get(checkpointKey(stack))) as State)));

  /** AWS and the bucket are as they were. */
  async function untouched(act: () => Promise<CommandResult>): Promise<CommandResult> {
    const [call, objects] = [await rig.lastCall(), await bucket.list('')];
    const result = await act();
    expect(await rig.calls({ service: 'ec2', mutating: true, since: call })).toEqual([]);
    expect(await bucket.list('')).toEqual(objects);
    return result;
  }

  // On a push one that would deploy, and the recovery.
  const commands = casesOf(
    [
      { args: ['plan'], exitCode: 3 },
      { args: ['plan', 'vpc.one'], exitCode: 3 },
      { args: ['plan', 'route-tables.one'], exitCode: 3 },
      { args: ['up', '--yes'], exitCode: 3 },
      { args: ['recover', '--yes'], exitCode: 0 },
      { args: ['inventory', '--diff'], exitCode: 3 },
      { args: ['destroy', '--yes'], exitCode: 3 },
    ] as const,
    { push: ({ args }) => args[0] === 'up' || args[0] === 'recover' },
  );

  it('that names a plugin is refused by every command with the URN and the way on; nothing is fetched, started or written', async () => {
    await forge(withPlugin);
    for (const { args, exitCode } of commands) {
      const result = await untouched(() => rig.holdfast(args));
      const said = result.stdout + result.stderr;
      expect({ args, exitCode: result.exitCode, said }).toMatchObject({ args, exitCode });
      expect(said, args.join(' ')).toContain('urn:pulumi:small.vpc.one::holdfast::pulumi:providers:evilcorp::evil');
      expect(said, args.join(' ')).toContain(checkpointKey(stack));
    }
    const { stdout } = await rig.holdfast(['preflight']);
    expect(stdout).toContain(`aws s3api list-object-versions --bucket ${rig.record.bucket} --prefix ${checkpointKey(stack)}`);
  });

  it('that gives the provider endpoints is refused by every command, and no signed call is sent to them', async () => {
    await forge(withEndpoints);
    for (const { args, exitCode } of commands) {
      const result = await untouched(() => rig.holdfast(args));
      expect({ args, exitCode: result.exitCode, said: result.stdout + result.stderr }).toMatchObject({ args, exitCode });
      expect(result.stdout + result.stderr, args.join(' ')).toContain('"endpoints"');
    }
  });

  nightly('that names another place of its secrets is refused, and it is not advised to ask that place', async () => {
    await forge(withSecrets);
    for (const args of [['plan'], ['up', '--yes'], ['destroy', '--yes']]) {
      const { stdout, exitCode } = await untouched(() => rig.holdfast(args));
      expect([args, exitCode]).toEqual([args, 3]);
      expect(stdout).not.toContain('change-secrets-provider');
    }
    await untouched(() => rig.holdfast(['recover', '--yes']));
  });

  it('stops its own stack and what reads it, and no other one', async () => {
    await forge(withPlugin);
    await rig.writeNetwork(`${smallNetwork}gateway: { description: another }\n`);
    const before = await get(checkpointKey(stack));
    const { events, exitCode } = await rig.holdfast(['up', '--yes', '--json']);
    await rig.writeNetwork(smallNetwork);
    const summary = events.find(({ type }) => type === 'summary') as { ends: { short: string; end: object }[] } | undefined;
    expect(Object.fromEntries((summary?.ends ?? []).map(({ short, end }) => [short, end]))).toMatchObject({
      'transit-gateway': { outcome: 'applied' },
      'vpc.one': { outcome: 'not-started', reason: 'checkpoint-refused', because: expect.stringContaining('evilcorp') as string },
      'member.one': { outcome: 'skipped', because: 'the checkpoint of vpc.one is refused' },
      'route-tables.one': { outcome: 'skipped', because: 'the checkpoint of vpc.one is refused' },
      'segment.main': { outcome: 'skipped', because: 'the checkpoint of vpc.one is refused' },
    });
    expect(exitCode).toBe(3);
    expect(await get(checkpointKey(stack))).toBe(before);
  });

  nightly('holds a held stack as it is: nothing is taken over, and it stays held', async () => {
    await rig.writeNetwork(smallNetwork.replace('private: { a: 10.1.0.0/24 }', 'private: { a: 10.1.0.0/24, b: 10.1.1.0/24 }'));
    await interrupted(rig, ['up', 'vpc.one', '--yes', '--no-settle'], { service: 'ec2', action: 'CreateSubnet' }, cliKilled);
    await rig.writeNetwork(smallNetwork);
    await forge(withPlugin);
    const record = await get(recordKey(stack));
    const { stdout, exitCode } = await rig.holdfast(['recover', '--yes', '--incident', 'INC-1']);
    expect(stdout).toMatch(/pulumi:providers:evilcorp::evil.*It stays held/s);
    expect(exitCode).toBe(4);
    expect(await get(recordKey(stack))).toBe(record);
  });

  nightly('is of no use with a plugin that lies ready, in the folder of plugins or on the PATH', async () => {
    const env = await cacheWithPlugins();
    await forge(withPlugin);
    await untouched(() => rig.holdfast(['plan'], env));
    await rig.restoreSnapshot('deployed');
    await rig.writeNetwork(`${smallNetwork}gateway: { description: another }\n`);
    const { exitCode, stdout } = await rig.holdfast(['up', '--yes'], env);
    await rig.writeNetwork(smallNetwork);
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0 });
  });

  /** The tools as they are, and beside them plugins of somebody else's. */
  async function cacheWithPlugins(): Promise<Record<string, string>> {
    const cache = join(folder, 'cache');
    await mkdir(cache, { recursive: true });
    const real = cacheFolder(process.env);
    for (const name of await readdir(real))
      if (['pulumi', 'aws-plugin', 'emulator'].includes(name)) await symlink(join(real, name), join(cache, name));
    for (const home of [join(cache, 'pulumi-home'), join(folder, 'home')]) {
      await evilPlugin(join(home, 'plugins', 'resource-evilcorp-v1.0.0'), 'pulumi-resource-evilcorp');
      await evilPlugin(join(home, 'plugins', 'resource-aws-v7.48.0'), 'pulumi-resource-awsx');
    }
    for (const name of ['pulumi-resource-evilcorp', 'pulumi-resource-aws']) await evilPlugin(join(folder, 'bin'), name);
    return { HOLDFAST_CACHE: cache, PULUMI_HOME: join(folder, 'home'), PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` };
  }

  it('makes an engine by itself fetch and start nothing, were it shown one', async () => {
    const state = join(folder, 'backend', '.pulumi', 'stacks', 'holdfast');
    await mkdir(state, { recursive: true });
    await writeFile(join(folder, 'backend', '.pulumi', 'meta.yaml'), 'version: 1\n');
    await writeFile(join(state, `${stack}.json`), JSON.stringify(withPlugin(JSON.parse(await get(checkpointKey(stack))) as State)));
    const engine = new CliEngine({
      project: 'holdfast',
      cli: raw.cli,
      pulumiHome: join(folder, 'engine-home'),
      pluginDirectory: rig.record.pluginDirectory,
    });
    const result = await engine.preview({
      stack,
      program: () => Promise.resolve({}),
      exists: true,
      backendUrl: `file://${join(folder, 'backend')}`,
      environment: { PULUMI_CONFIG_PASSPHRASE: '', AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: rig.record.endpoint, ...rigKeys },
    });
    expect(result.outcome).toBe('failed');
    expect('errors' in result ? result.errors.map(String).join('\n') : '').toContain('evilcorp');
  });

  const rigKeys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
});
