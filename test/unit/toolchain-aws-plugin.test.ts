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
    pinned: has.pinned,
    check: has.check ?? (() => Promise.resolve({ ok: true, sha256: 'f00' })),
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
    const { asked, provide } = machine([built], { build: () => Promise.resolve({ ok: true }), pinned: 'f00' });
    expect(await provide({ officialOnly: true })).toMatchObject({
      ok: false,
      problems: [{ attempts: [unreachable, { reason: 'built-one-not-wanted' }] }],
    });
    expect(asked).toEqual(['official-installer']);
  });

  test('is none where only the official one will do and its checksum is not known, and nothing is downloaded', async () => {
    const { asked, provide } = machine([officialOfUser]);
    expect(await provide({ officialOnly: true })).toMatchObject({
      ok: false,
      problems: [{ reason: 'aws-plugin-unpinned', next: expect.stringContaining('npm run pin-releases') as string }],
    });
    expect(asked).toEqual([]);
  });

  test('is not one of another checksum, which is named with both', async () => {
    const check: AwsPluginSources['check'] = (file, pinned = 'ba5e') =>
      Promise.resolve(file.startsWith(officialOfUser) ? { ok: false, found: 'bad', wanted: pinned } : { ok: true, sha256: pinned });
    const { provide } = machine([officialOfUser, officialOfCache], { pinned: 'f00', check });
    expect(await provide({ officialOnly: true })).toMatchObject({ ok: true, value: { directory: officialOfCache } });
    const refused = await machine([officialOfUser], { pinned: 'f00', check }).provide({ officialOnly: true });
    expect(refused).toMatchObject({
      ok: false,
      problems: [
        {
          attempts: [
            { reason: 'other-checksum', file: `${officialOfUser}/pulumi-resource-aws`, found: 'bad', wanted: 'f00' },
            unreachable,
            {},
          ],
        },
      ],
    });
  });

  test('that was built is refused once it is not what was built, and no other is put in its place unasked', async () => {
    const { asked, provide } = machine([built], { check: () => Promise.resolve({ ok: false, found: 'bad', wanted: 'f00' }) });
    expect(await provide()).toMatchObject({
      ok: false,
      problems: [{ reason: 'tool-changed', message: expect.stringContaining('bad') as string }],
    });
    expect(asked).toEqual([]);
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
