import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cacheFolder } from '../../toolchain/cache-folder.ts';
import { awsPluginVersion, isSuitableCli } from '../../toolchain/versions.ts';

describe('a CLI on PATH', () => {
  test.each(['v3.258.0', '3.258.0', 'v3.258.1', 'v3.300.0'])('%s is used', (version) => {
    expect(isSuitableCli(version)).toBe(true);
  });

  test.each(['v3.257.9', 'v3.99.0', 'v2.300.0', 'v4.0.0', 'v3.259.0-alpha.1', 'v3.258.0-dev.0', '', 'not a version'])(
    '%j is not used',
    (version) => {
      expect(isSuitableCli(version)).toBe(false);
    },
  );
});

test('the plugin is of the release that @pulumi/aws is pinned to', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  expect(manifest.dependencies['@pulumi/aws']).toBe(awsPluginVersion);
});

describe('the cache folder', () => {
  test.each([
    ['HOLDFAST_CACHE before all else', { HOLDFAST_CACHE: '/tools', XDG_CACHE_HOME: '/x', HOME: '/home/a' }, 'linux', '/tools'],
    ['XDG_CACHE_HOME before the home', { XDG_CACHE_HOME: '/x', HOME: '/home/a' }, 'linux', '/x/holdfast'],
    ['a relative XDG_CACHE_HOME is ignored', { XDG_CACHE_HOME: 'x', HOME: '/home/a' }, 'linux', '/home/a/.cache/holdfast'],
    ['an empty HOLDFAST_CACHE is none', { HOLDFAST_CACHE: '', HOME: '/home/a' }, 'linux', '/home/a/.cache/holdfast'],
    ['on macOS', { HOME: '/Users/a' }, 'darwin', '/Users/a/Library/Caches/holdfast'],
  ] as const)('%s', (_, env, platform, folder) => {
    expect(cacheFolder(env, platform)).toBe(folder);
  });
});
