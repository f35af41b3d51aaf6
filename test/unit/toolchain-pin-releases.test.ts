import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checksumOf, releases, tableOf } from '../../toolchain/pin-releases.ts';
import { releaseChecksums } from '../../toolchain/release-checksums.ts';

let folder: string;
const archives = new Map<string, Buffer>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-pins-'));
  for (const content of ['honest', 'forged']) {
    await mkdir(join(folder, content, 'pulumi'), { recursive: true });
    await writeFile(join(folder, content, 'pulumi', 'pulumi'), content);
    await promisify(execFile)('tar', ['czf', join(folder, `${content}.tgz`), '-C', join(folder, content), 'pulumi/pulumi']);
    archives.set(content, await readFile(join(folder, `${content}.tgz`)));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const places = (first: string, second: string) => (url: string) =>
  Promise.resolve(
    archives.has(url === 'a' ? first : second)
      ? new Response(archives.get(url === 'a' ? first : second))
      : new Response('', { status: 404 }),
  );

describe('the checksum of a release', () => {
  const release = { urls: ['a', 'b'], executable: 'pulumi/pulumi' } as const;

  it('is of the executable in the archive that both places have', async () => {
    expect(await checksumOf(release, places('honest', 'honest'))).toBe(createHash('sha256').update('honest').digest('hex'));
  });

  it.each([
    ['the two places have different archives', places('honest', 'forged'), release, /not the same at both places/],
    ['one of them has none', places('honest', 'none'), release, /b: 404/],
    ['it is not in the archive', places('honest', 'honest'), { ...release, executable: 'pulumi/other' }, /has no pulumi\/other/],
  ])('is not written down where %s', async (_, get, asked, says) => {
    await expect(checksumOf(asked, get)).rejects.toThrow(says);
  });

  it('is asked of Pulumi and of GitHub, over TLS, for each tool and platform', () => {
    expect(releases).toHaveLength(8);
    for (const { urls } of releases)
      expect(urls.map((url) => new URL(url).origin)).toEqual(['https://get.pulumi.com', 'https://github.com']);
  });

  it('is written into the table that is read', async () => {
    const text = tableOf(releases.map((each) => ({ ...each, sha256: 'f'.repeat(64) })));
    await writeFile(join(folder, 'table.mjs'), text.replace(/: Readonly<.*> = \{/, ' = {'));
    const { releaseChecksums: read } = (await import(join(folder, 'table.mjs'))) as { releaseChecksums: typeof releaseChecksums };
    expect(Object.keys(read['aws-plugin']['7.48.0'] ?? {})).toEqual(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']);
    expect(read['pulumi-cli']['3.258.0']?.['linux-x64']).toBe('f'.repeat(64));
  });
});

it('the table of checksums has nothing but SHA-256', () => {
  const all = Object.values(releaseChecksums).flatMap((versions) =>
    Object.values(versions).flatMap((platforms) => Object.values(platforms)),
  );
  for (const sum of all) expect(sum).toMatch(/^[0-9a-f]{64}$/);
});
