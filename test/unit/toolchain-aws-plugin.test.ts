import { describe, expect, test } from 'vitest';
import { provideAwsPlugin } from '../../toolchain/aws-plugin.ts';
import type { AwsPluginSources } from '../../toolchain/aws-plugin.ts';
import type { Attempt } from '../../toolchain/problems.ts';

const env = { HOLDFAST_CACHE: '/cache', HOME: '/home/a' };
const officialOfUser = '/home/a/.pulumi/plugins/resource-aws-v7.48.0';
const officialOfCache = '/cache/pulumi-home/plugins/resource-aws-v7.48.0';
const built = '/cache/aws-plugin/f00';
const unreachable: Attempt = { reason: 'unreachable', site: 'https://get.pulumi.com', detail: 'no answer within 5 s' };
const tooOld: Attempt = { reason: 'go-too-old', found: '1.22.1', wanted: '1.26.3' };

/** A machine with plugins in these directories, and none to be had from elsewhere. */
function machine(directories: readonly string[], has: Partial<AwsPluginSources> = {}) {
  const there = new Set(directories);
  const asked: string[] = [];
  const sources: AwsPluginSources = {
    isExecutable: (file) => Promise.resolve(there.has(file.replace(/\/pulumi-resource-aws$/, ''))),
    isPartial: has.isPartial ?? (() => Promise.resolve(false)),
    fingerprint: () => Promise.resolve('f00'),
    install: () => {
      asked.push('official-installer');
      return has.install?.() ?? Promise.resolve({ ok: false, attempt: unreachable });
    },
    build: (directory) => {
      asked.push('go-build');
      return has.build?.(directory) ?? Promise.resolve({ ok: false, attempt: tooOld });
    },
    exclusively: (work) => work(),
  };
  const provide = (request: { officialOnly?: boolean; env?: typeof env & { PULUMI_HOME?: string } } = {}) =>
    provideAwsPlugin({ env, cliPath: '/usr/bin/pulumi', onProgress: () => undefined, ...request }, sources);
  return { there, asked, provide };
}

describe('the aws plugin', () => {
  test('is the official one that is installed, before a built one', async () => {
    const { provide } = machine([officialOfUser, built]);
    expect(await provide()).toEqual({ ok: true, value: { origin: 'official-cache', directory: officialOfUser, version: '7.48.0' } });
  });

  test('is looked for in PULUMI_HOME when that is set', async () => {
    const { provide } = machine([officialOfUser, '/pulumi/plugins/resource-aws-v7.48.0']);
    expect(await provide({ env: { ...env, PULUMI_HOME: '/pulumi' } })).toMatchObject({
      value: { directory: '/pulumi/plugins/resource-aws-v7.48.0' },
    });
  });

  test('is not an installation that was interrupted', async () => {
    const { provide } = machine([officialOfUser, built], { isPartial: (directory) => Promise.resolve(directory === officialOfUser) });
    expect(await provide()).toMatchObject({ value: { origin: 'cache', directory: built } });
  });

  test('is the one built before, without a look at the network', async () => {
    const { asked, provide } = machine([built]);
    expect(await provide()).toEqual({
      ok: true,
      value: { origin: 'cache', directory: built, version: '7.48.0', schemaPath: `${built}/schema.json` },
    });
    expect(asked).toEqual([]);
  });

  test('is downloaded before one is built', async () => {
    const { there, asked, provide } = machine([], {
      install: () => {
        there.add(officialOfCache);
        return Promise.resolve({ ok: true });
      },
    });
    expect(await provide()).toMatchObject({ value: { origin: 'official-installer', directory: officialOfCache } });
    expect(asked).toEqual(['official-installer']);
  });

  test('is built when the download fails', async () => {
    const { provide } = machine([], { build: () => Promise.resolve({ ok: true }) });
    expect(await provide()).toMatchObject({ value: { origin: 'go-build', directory: built } });
  });

  test('is never a built one where only the official one will do', async () => {
    const { asked, provide } = machine([built], { build: () => Promise.resolve({ ok: true }) });
    expect(await provide({ officialOnly: true })).toMatchObject({
      ok: false,
      problems: [{ attempts: [unreachable, { reason: 'built-one-not-wanted' }] }],
    });
    expect(asked).toEqual(['official-installer']);
  });

  test('that cannot be had is one problem, which says what needs Go, and which', async () => {
    const result = await machine([]).provide();
    if (result.ok) throw new Error('provided');
    expect(result.problems[0].message).toBe(
      [
        "Pulumi's aws plugin cannot be had. Tried:",
        '  - download: https://get.pulumi.com cannot be reached (no answer within 5 s)',
        '  - build: Go is 1.22.1; wanted is 1.26.3 or newer',
      ].join('\n'),
    );
    expect(result.problems[0].next).toContain("install Go 1.26.3 or newer from https://go.dev/dl/, to build Pulumi's aws plugin");
  });
});
