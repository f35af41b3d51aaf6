import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

interface Bundling {
  readonly bundledCommand: (root: string) => Promise<string | undefined>;
}

const { bundledCommand } = (await import(new URL('../../toolchain/bundle.mjs', import.meta.url).href)) as Bundling;

const main = `import { thing } from '../../stacks/thing.ts';
export const main = (): string[] => [import.meta.url, thing as string];
`;

let root: string;

const write = async (path: string, text: string): Promise<void> => {
  await mkdir(join(root, path, '..'), { recursive: true });
  await writeFile(join(root, path), text);
};

const run = async (): Promise<unknown> => {
  const url = await bundledCommand(root);
  if (url === undefined) return undefined;
  return ((await import(/* @vite-ignore */ url)) as { main: () => string[] }).main();
};

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-bundle-'));
  await write('orchestrator/cli/main.ts', main);
  await write('stacks/thing.ts', "export const thing: unknown = 'first';\n");
  await write('lab/lab.ts', '');
  await write('toolchain/tool.mjs', '');
  await write('package-lock.json', '{}');
});

afterEach(() => rm(root, { recursive: true, force: true }));

describe('the command as one piece', () => {
  const mainUrl = (): string => pathToFileURL(join(root, 'orchestrator/cli/main.ts')).href;

  test('does what the sources say, each of which knows its own place', async () => {
    expect(await run()).toEqual([mainUrl(), 'first']);
  });

  test('is made once', async () => {
    const url = await bundledCommand(root);
    const builds = join(root, 'node_modules', '.cache', 'holdfast');
    const made = await readdir(builds);
    expect(await bundledCommand(root)).toBe(url);
    expect(await readdir(builds)).toEqual(made);
    expect(made).toHaveLength(1);
  });

  test('is for its user alone, whatever the umask, and so is a folder of earlier builds that others could write', async () => {
    const builds = join(root, 'node_modules', '.cache', 'holdfast');
    await mkdir(builds, { recursive: true });
    await chmod(builds, 0o777);
    const before = process.umask(0);
    try {
      const build = dirname(fileURLToPath((await bundledCommand(root)) ?? ''));
      const modes = [builds, build, ...(await readdir(build)).map((name) => join(build, name))].map(
        async (path) => (await stat(path)).mode & 0o777,
      );
      expect(new Set(await Promise.all(modes))).toEqual(new Set([0o700, 0o600]));
    } finally {
      process.umask(before);
    }
  });

  test('is made again where other users could write it', async () => {
    const file = fileURLToPath((await bundledCommand(root)) ?? '');
    await writeFile(file, 'export const main = () => ["planted"];');
    await chmod(file, 0o666);
    expect(await run()).toEqual([mainUrl(), 'first']);
  });

  test.each([
    ['a source', 'stacks/thing.ts', "export const thing: unknown = 'other';\n", 'other'],
    ['a source that was not there', 'stacks/new.ts', '', 'first'],
    ['the packages', 'package-lock.json', '{ }', 'first'],
  ])('is made anew after a change of %s', async (_, path, text, said) => {
    const before = await bundledCommand(root);
    await write(path, text);
    expect(await bundledCommand(root)).not.toBe(before);
    expect(await run()).toEqual([mainUrl(), said]);
  });

  test('is made once by several at the same time', async () => {
    const urls = await Promise.all([1, 2, 3].map(() => bundledCommand(root)));
    expect(new Set(urls).size).toBe(1);
    expect(urls[0]).toBeDefined();
    expect(await readdir(join(root, 'node_modules', '.cache', 'holdfast'))).toHaveLength(1);
  });

  test('is not there where it cannot be written', async () => {
    await write('node_modules', '');
    expect(await run()).toBeUndefined();
  });

  test('is not there where the sources cannot be read by whoever makes it, who then hears of it from the sources', async () => {
    await write('orchestrator/cli/main.ts', 'export const = ;');
    expect(await run()).toBeUndefined();
  });
});
