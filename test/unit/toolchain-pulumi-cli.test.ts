import { describe, expect, test } from 'vitest';
import type { Attempt } from '../../toolchain/problems.ts';
import { cachedPulumiCli, providePulumiCli } from '../../toolchain/pulumi-cli.ts';
import type { PulumiCliSources } from '../../toolchain/pulumi-cli.ts';

const env = { HOLDFAST_CACHE: '/cache' };
const target = cachedPulumiCli(env);
const unreachable: Attempt = { reason: 'unreachable', site: 'https://get.pulumi.com', detail: 'getaddrinfo ENOTFOUND get.pulumi.com' };
const goMissing: Attempt = { reason: 'go-missing', wanted: '1.26.3' };

/** A machine with nothing; each test gives it something. `asked` is what was tried, in order. */
function machine(has: Partial<PulumiCliSources> = {}) {
  const asked: string[] = [];
  const noted =
    <A extends unknown[], R>(name: string, answer: (...given: A) => R) =>
    (...given: A): R => {
      asked.push(name);
      return answer(...given);
    };
  const sources: PulumiCliSources = {
    onPath: noted('path', has.onPath ?? (() => Promise.resolve(undefined))),
    isExecutable: noted('cache', has.isExecutable ?? (() => Promise.resolve(false))),
    install: noted('installer', has.install ?? (() => Promise.resolve({ ok: false, attempt: unreachable }))),
    build: noted('go-build', has.build ?? (() => Promise.resolve({ ok: false, attempt: goMissing }))),
    exclusively: has.exclusively ?? ((work) => work()),
    check: has.check ?? (() => Promise.resolve({ ok: true, sha256: 'f00' })),
  };
  return { asked, provide: () => providePulumiCli({ env, onProgress: () => undefined }, sources) };
}

const onPath = (version: string) => () => Promise.resolve({ path: '/usr/bin/pulumi', version });

describe('the Pulumi CLI', () => {
  test('is the one on PATH when that is suitable, and nothing else is looked at', async () => {
    const { asked, provide } = machine({ onPath: onPath('v3.260.1') });
    expect(await provide()).toEqual({ ok: true, value: { origin: 'path', path: '/usr/bin/pulumi', version: '3.260.1' } });
    expect(asked).toEqual(['path']);
  });

  test('is the kept one when the one on PATH is too old', async () => {
    const { provide } = machine({ onPath: onPath('v3.200.0'), isExecutable: () => Promise.resolve(true) });
    expect(await provide()).toEqual({ ok: true, value: { origin: 'cache', path: target, version: '3.258.0' } });
  });

  test('is downloaded when none is kept', async () => {
    const { provide } = machine({ install: () => Promise.resolve({ ok: true }) });
    expect(await provide()).toMatchObject({ value: { origin: 'installer', path: target } });
  });

  test('is built when the download fails', async () => {
    const { asked, provide } = machine({ build: () => Promise.resolve({ ok: true }) });
    expect(await provide()).toMatchObject({ value: { origin: 'go-build', path: target } });
    expect(asked).toEqual(['path', 'cache', 'cache', 'installer', 'go-build']);
  });

  test('is refused once the kept one is not what it was, and no other is put in its place unasked', async () => {
    const { asked, provide } = machine({
      isExecutable: () => Promise.resolve(true),
      check: () => Promise.resolve({ ok: false, found: 'bad', wanted: 'f00' }),
    });
    expect(await provide()).toMatchObject({
      ok: false,
      problems: [{ reason: 'tool-changed', message: expect.stringContaining(target) as string }],
    });
    expect(asked).toEqual(['path', 'cache']);
  });

  test('is not made twice: what another process made while this one waited is used', async () => {
    let made = false;
    const { asked, provide } = machine({
      isExecutable: () => Promise.resolve(made),
      exclusively: (work) => {
        made = true;
        return work();
      },
    });
    expect(await provide()).toMatchObject({ value: { origin: 'cache' } });
    expect(asked).not.toContain('installer');
  });
});

describe('where no source gives a CLI', () => {
  test('one problem has every attempt with its reason', async () => {
    const result = await machine({ onPath: onPath('v3.200.0') }).provide();
    expect(result).toMatchObject({
      ok: false,
      problems: [{ reason: 'no-pulumi-cli', attempts: [{ reason: 'unsuitable-version', found: 'v3.200.0' }, unreachable, goMissing] }],
    });
  });

  test('the message says what was found, and why each source failed', async () => {
    const result = await machine({ onPath: onPath('v3.200.0') }).provide();
    if (result.ok) throw new Error('provided');
    expect(result.problems[0].message).toBe(
      [
        'the Pulumi CLI cannot be had. Tried:',
        '  - PATH: /usr/bin/pulumi is v3.200.0; wanted is 3.258.0 or newer, below 4',
        '  - download: https://get.pulumi.com cannot be reached (getaddrinfo ENOTFOUND get.pulumi.com)',
        '  - build: no Go on PATH; wanted is 1.26.3 or newer',
      ].join('\n'),
    );
  });

  test.each([
    ['no Go', goMissing, 'install Go 1.26.3 or newer from https://go.dev/dl/, to build the Pulumi CLI'],
    ['an old Go', { reason: 'go-too-old', found: '1.22.1', wanted: '1.26.3' } satisfies Attempt, 'install Go 1.26.3 or newer'],
    ['a failed build', { reason: 'build-failed', step: 'go list', detail: 'dial tcp: refused' } satisfies Attempt, 'GOPROXY'],
  ])('with %s, the advice names the way out', async (_, attempt, advice) => {
    const result = await machine({ build: () => Promise.resolve({ ok: false, attempt }) }).provide();
    expect(result).toMatchObject({ problems: [{ next: expect.stringContaining(advice) as string }] });
  });
});
