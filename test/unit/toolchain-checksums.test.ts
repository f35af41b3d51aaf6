import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkFile, rememberFile, sha256Of } from '../../toolchain/checksums.ts';

let folder: string;
let file: string;
let env: { readonly HOLDFAST_CACHE: string };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-checksums-'));
  file = join(folder, 'tool');
  env = { HOLDFAST_CACHE: join(folder, 'cache') };
  await writeFile(file, 'honest');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** https://www.di-mgt.com.au/sha_testvectors.html, of `abc` */
const ofAbc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

describe('a file that is run', () => {
  it('is what it was the first time that it was looked at', async () => {
    const first = await checkFile(file, env);
    expect(await checkFile(file, env)).toEqual(first);
    await writeFile(file, 'something else');
    expect(await checkFile(file, env)).toEqual({
      ok: false,
      found: await sha256Of(file),
      wanted: first.ok ? first.sha256 : '',
    });
  });

  it('is what it is pinned to be, whatever it was before', async () => {
    await checkFile(file, env);
    await writeFile(file, 'abc');
    expect(await checkFile(file, env, ofAbc)).toEqual({ ok: true, sha256: ofAbc });
    await writeFile(file, 'honest');
    expect(await checkFile(file, env, ofAbc)).toMatchObject({ ok: false, wanted: ofAbc });
  });

  it('is read again when its content is another one of the same size and times', async () => {
    const { atime, mtime } = await stat(file);
    await checkFile(file, env);
    await writeFile(file, 'forged');
    await utimes(file, atime, mtime);
    expect(await checkFile(file, env)).toMatchObject({ ok: false });
  });

  it('is not read again while nothing of it has changed', async () => {
    await checkFile(file, env);
    // What is remembered of it is believed: written by hand, it is what comes back.
    const [name = ''] = await readdir(join(env.HOLDFAST_CACHE, 'checksums'));
    const record = join(env.HOLDFAST_CACHE, 'checksums', name);
    const known = JSON.parse(await readFile(record, 'utf8')) as object;
    await writeFile(record, JSON.stringify({ ...known, sha256: ofAbc }));
    expect(await checkFile(file, env)).toEqual({ ok: true, sha256: ofAbc });
  });

  it('that was made anew is remembered as it is now', async () => {
    await checkFile(file, env);
    await writeFile(file, 'abc');
    await rememberFile(file, env);
    expect(await checkFile(file, env)).toEqual({ ok: true, sha256: ofAbc });
  });

  it('is looked at anew where what was remembered of it cannot be read', async () => {
    await checkFile(file, env);
    const [name = ''] = await readdir(join(env.HOLDFAST_CACHE, 'checksums'));
    await writeFile(join(env.HOLDFAST_CACHE, 'checksums', name), '{');
    expect(await checkFile(file, env)).toMatchObject({ ok: true });
  });

  it('is remembered for its owner alone', async () => {
    await checkFile(file, env);
    const [name = ''] = await readdir(join(env.HOLDFAST_CACHE, 'checksums'));
    expect((await stat(join(env.HOLDFAST_CACHE, 'checksums', name))).mode & 0o077).toBe(0);
    expect((await stat(join(env.HOLDFAST_CACHE, 'checksums'))).mode & 0o077).toBe(0);
  });
});
