import { chmod, mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterEach, describe, expect, it } from 'vitest';
import { makeEngineHome } from '../../../orchestrator/pulumi/engine-home.ts';
import { cachedPulumiCli, providePulumiCli } from '../../../toolchain/pulumi-cli.ts';

/** S7: what is run with the session's keys came from a folder of which it was not asked whose it is, by tools that got all keys. */
const before = process.umask(0o022);
process.umask(before);
afterEach(() => void process.umask(before));
const script = (file: string): string => `#!/bin/sh\nenv > ${file}.env\necho v3.258.0\n`;

describe('the cache of tools', () => {
  it('is not taken from a folder that others may write, and what to do is said', async () => {
    const cache = await mkdtemp(path.join(tmpdir(), 'holdfast-proof-'));
    const env = { HOLDFAST_CACHE: cache, PATH: '/nowhere' };
    const cli = cachedPulumiCli(env);
    await mkdir(path.dirname(cli), { recursive: true });
    await writeFile(cli, script(cli), { mode: 0o755 });
    await chmod(path.dirname(cli), 0o777);
    await chmod(cache, 0o777);
    const providing = providePulumiCli(
      { env, onProgress: () => undefined },
      {
        onPath: () => Promise.resolve(undefined),
        isExecutable: () => Promise.resolve(true),
        install: () => Promise.reject(new Error('no')),
        build: () => Promise.reject(new Error('no')),
        exclusively: (work) => work(),
        check: () => Promise.reject(new Error('no')),
      },
    );
    await expect(providing).rejects.toMatchObject({
      problems: [
        {
          reason: 'not-own',
          message: expect.stringContaining(`Other users of this machine may write in ${cache}`) as string,
          next: expect.stringContaining(`chmod -R go-w ${cache}`) as string,
        },
      ],
    });
  });

  it('is for its owner alone, whatever the umask', async () => {
    process.umask(0);
    const work = await mkdtemp(path.join(tmpdir(), 'holdfast-proof-'));
    const home = await makeEngineHome(work);
    expect((await stat(home)).mode & 0o777).toBe(0o700);
    expect((await stat(path.join(home, 'plugins'))).mode & 0o777).toBe(0o700);
  });
});

it('a tool that is only asked for its version gets no key and no passphrase', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-proof-'));
  const file = path.join(folder, 'pulumi');
  await writeFile(file, script(file), { mode: 0o755 });
  await providePulumiCli({
    env: {
      HOLDFAST_CACHE: path.join(folder, 'cache'),
      PATH: `${folder}:/usr/bin:/bin`,
      AWS_SECRET_ACCESS_KEY: 'k',
      PULUMI_CONFIG_PASSPHRASE: 'p',
      HOLDFAST_WEBHOOK: 'w',
    },
    onProgress: () => undefined,
  });
  const seen = (await readFile(`${file}.env`, 'utf8')).split('\n').map((line) => line.split('=')[0]);
  expect(seen).toContain('PATH');
  expect(seen.filter((name) => /^(AWS_SECRET|PULUMI_CONFIG|HOLDFAST_WEBHOOK)/.test(name ?? ''))).toEqual([]);
});
