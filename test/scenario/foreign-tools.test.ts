import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cachedPulumiCli } from '../../toolchain/pulumi-cli.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { casesOf } from '../support/tier.ts';

/** S7: what another user of the machine can write is not run with the keys of a session. */
describe('a tool that other users may write', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  let ran: string;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
    ran = join(rig.folder, 'ran');
    await mkdir(ran);
    // The bucket, as a deployment needs it.
    expect((await rig.holdfast(['bootstrap'])).exitCode).toBe(0);
  });
  afterAll(() => rig.stop());

  /** A program that tells that it was started, in a folder that all may write. */
  async function plant(file: string): Promise<void> {
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, `#!/bin/sh\nenv > ${ran}/$$\necho v3.258.0\n`, { mode: 0o755 });
    await chmod(join(file, '..'), 0o777);
  }

  const commands = casesOf([['plan'], ['up', '--yes'], ['recover'], ['destroy', '--yes']], { push: ([command]) => command === 'up' });

  async function expectRefused(args: readonly string[], where: string, env: Record<string, string> = {}): Promise<void> {
    const since = await rig.lastCall();
    const { exitCode, events, stdout } = await rig.holdfast([...args, '--json'], env);
    expect(exitCode, stdout).toBe(3);
    expect(events).toContainEqual(
      expect.objectContaining({
        problem: expect.objectContaining({ reason: 'not-own', message: expect.stringContaining(where) as string }) as unknown,
      }),
    );
    expect(await readdir(ran)).toEqual([]);
    expect((await rig.calls({ mutating: true, since })).filter(({ service }) => service === 'ec2')).toEqual([]);
  }

  it.each(commands)('is not started by %s where it is the plugin in the cache', async (...args) => {
    const env = { HOLDFAST_CACHE: join(rig.folder, 'cache-with-plugin'), PULUMI_HOME: join(rig.folder, 'no-plugins') };
    const cli = cachedPulumiCli(env);
    await mkdir(join(cli, '..'), { recursive: true });
    await symlink(cachedPulumiCli(process.env), cli).catch(() => undefined);
    const planted = join(env.HOLDFAST_CACHE, 'aws-plugin', basename(rig.record.pluginDirectory));
    await plant(join(planted, 'pulumi-resource-aws'));
    await expectRefused(args, planted, env);
  });

  it.each(commands)('is not started by %s where it is the CLI in the cache', async (...args) => {
    const env = { HOLDFAST_CACHE: join(rig.folder, 'cache'), PATH: '/usr/bin:/bin' };
    await plant(cachedPulumiCli(env));
    await expectRefused(args, join(env.HOLDFAST_CACHE, 'pulumi'), env);
  });
});
