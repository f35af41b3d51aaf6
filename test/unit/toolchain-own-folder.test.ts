import { chmod, chown, lchown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exitCodes } from '../../orchestrator/domain/exit-codes.ts';
import { makeOwnFolder, NotOwn, requireOwn, requireOwnFolder } from '../../toolchain/own-folder.ts';
import type { Foreign } from '../../toolchain/own-folder.ts';

const umask = process.umask(0o022);
process.umask(umask);
const home = process.env['HOME'];
let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'holdfast-own-'))));
afterEach(async () => {
  process.umask(umask);
  if (home === undefined) delete process.env['HOME'];
  else process.env['HOME'] = home;
  await rm(folder, { recursive: true, force: true });
});

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o7777;

/** What is wrong with it; undefined where nothing is. */
const foreign = async (looking: Promise<void>): Promise<Foreign | undefined> => {
  const cause: unknown = await looking.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (cause === undefined) return undefined;
  if (!(cause instanceof NotOwn)) throw cause as Error;
  return cause.foreign;
};

async function fileIn(...names: string[]): Promise<string> {
  const file = join(folder, ...names);
  await makeOwnFolder(join(file, '..'), folder);
  await writeFile(file, '', { mode: 0o755 });
  return file;
}

/** Some other user: files can be given to it only by root. */
const stranger = 1002;
const isRoot = process.getuid?.() === 0;

describe('a folder of our own', () => {
  it.each([0o000, 0o002, 0o022, 0o077])(
    'is for its user alone with the umask %i, and so is each that was made on the way to it',
    async (mask) => {
      process.umask(mask);
      await makeOwnFolder(join(folder, 'a', 'b'));
      expect([await modeOf(join(folder, 'a')), await modeOf(join(folder, 'a', 'b'))]).toEqual([0o700, 0o700]);
    },
  );

  it('that others may read is narrowed, below the home of its user', async () => {
    process.env['HOME'] = folder;
    await mkdir(join(folder, 'cache'));
    await chmod(join(folder, 'cache'), 0o755);
    await requireOwnFolder(join(folder, 'cache'));
    expect(await modeOf(join(folder, 'cache'))).toBe(0o700);
  });

  it('that its user has named elsewhere on the machine keeps its mode: others may have something in it too', async () => {
    await mkdir(join(folder, 'cache'));
    await chmod(join(folder, 'cache'), 0o755);
    await makeOwnFolder(join(folder, 'cache'));
    await makeOwnFolder(join(folder, 'cache', 'tools'), join(folder, 'cache'));
    expect([await modeOf(join(folder, 'cache')), await modeOf(join(folder, 'cache', 'tools'))]).toEqual([0o755, 0o700]);
  });

  it('that is not there is of no user, and is not made by a look', async () => {
    await requireOwnFolder(join(folder, 'none', 'at', 'all'));
    await expect(stat(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('cannot be made where a file is in the way, and says so', async () => {
    await writeFile(join(folder, 'file'), '');
    expect(await foreign(makeOwnFolder(join(folder, 'file', 'a')))).toMatchObject({ reason: 'not-a-folder', path: join(folder, 'file') });
  });
});

describe('what others may write', () => {
  it.each([0o775, 0o757, 0o1777])('is refused, for a folder of mode %i', async (mode) => {
    await mkdir(join(folder, 'a'));
    await chmod(join(folder, 'a'), mode);
    expect(await foreign(makeOwnFolder(join(folder, 'a')))).toEqual({ reason: 'others-write', path: join(folder, 'a'), isOurs: true });
    expect(await modeOf(join(folder, 'a'))).toBe(mode);
  });

  it('is refused for a file that is run', async () => {
    const file = await fileIn('a', 'pulumi');
    expect(await foreign(requireOwn(file))).toBeUndefined();
    await chmod(file, 0o775);
    expect(await foreign(requireOwn(file))).toEqual({ reason: 'others-write', path: file, isOurs: true });
  });

  it('is refused for each folder on the way, and one above what is ours is told as that', async () => {
    const file = await fileIn('above', 'ours', 'a', 'pulumi');
    const ours = join(folder, 'above', 'ours');
    await chmod(join(ours, 'a'), 0o775);
    expect(await foreign(requireOwn(file, ours))).toEqual({ reason: 'others-write', path: join(ours, 'a'), isOurs: true });
    await chmod(join(folder, 'above'), 0o777);
    expect(await foreign(requireOwn(file, ours))).toEqual({ reason: 'others-write', path: join(folder, 'above'), isOurs: false });
  });

  it('is taken on the way where each user may change only what is their own: /tmp', async () => {
    const file = await fileIn('a', 'pulumi');
    await chmod(join(folder, 'a'), 0o1777);
    expect(await foreign(requireOwn(file))).toBeUndefined();
  });

  it.each(['', '.', '/', '/nonexistent'])('is refused also where HOME is %j', async (named) => {
    const file = await fileIn('a', 'pulumi');
    await chmod(join(folder, 'a'), 0o777);
    process.env['HOME'] = named;
    expect(await foreign(requireOwn(file))).toMatchObject({ reason: 'others-write', path: join(folder, 'a') });
  });

  it('is refused below a HOME that ends with a slash', async () => {
    const file = await fileIn('home', 'a', 'pulumi');
    await chmod(join(folder, 'home', 'a'), 0o777);
    process.env['HOME'] = `${join(folder, 'home')}/`;
    expect(await foreign(requireOwn(file))).toMatchObject({ reason: 'others-write', path: join(folder, 'home', 'a') });
  });

  it('is refused for the home itself', async () => {
    const file = await fileIn('home', '.cache', 'pulumi');
    process.env['HOME'] = join(folder, 'home');
    await chmod(join(folder, 'home'), 0o777);
    expect(await foreign(requireOwn(file))).toMatchObject({ reason: 'others-write', path: join(folder, 'home') });
  });

  it('is told with the path and the command that mends it, and ends a command as a preflight does', async () => {
    const file = await fileIn("it's", 'pulumi');
    await chmod(join(folder, "it's"), 0o777);
    const cause: unknown = await requireOwn(file, folder).catch((error: unknown) => error);
    expect(cause).toMatchObject({
      exitCode: exitCodes.preflightRefused,
      problems: [
        {
          reason: 'not-own',
          message: expect.stringContaining(`${folder}/it's`) as string,
          next: expect.stringContaining(`chmod -R go-w '${folder}/it'\\''s'`) as string,
        },
      ],
    });
  });
});

describe('a link', () => {
  it('of our own is followed, and what it leads to is looked at', async () => {
    const file = await fileIn('there', 'pulumi');
    await symlink('there', join(folder, 'relative'));
    await symlink(join(folder, 'there'), join(folder, 'absolute'));
    const through = [join(folder, 'relative', 'pulumi'), join(folder, 'absolute', 'pulumi')];
    for (const each of through) expect(await foreign(requireOwn(each))).toBeUndefined();
    await chmod(join(folder, 'there'), 0o777);
    for (const each of through) expect(await foreign(requireOwn(each))).toMatchObject({ reason: 'others-write', path: join(file, '..') });
  });

  it('that leads up is followed to where it leads', async () => {
    await fileIn('there', 'pulumi');
    await makeOwnFolder(join(folder, 'a', 'b'));
    await symlink('../../there', join(folder, 'a', 'b', 'link'));
    await chmod(join(folder, 'there'), 0o777);
    expect(await foreign(requireOwn(join(folder, 'a', 'b', 'link', 'pulumi')))).toMatchObject({ path: join(folder, 'there') });
  });

  it('that leads in a circle is not looked at for ever', async () => {
    await symlink('round', join(folder, 'round'));
    expect(await foreign(requireOwn(join(folder, 'round', 'pulumi')))).toMatchObject({ reason: 'cannot-look', code: 'ELOOP' });
  });

  it.runIf(isRoot)('of another user is refused (played by root)', async () => {
    await fileIn('there', 'pulumi');
    await symlink('there', join(folder, 'link'));
    await lchown(join(folder, 'link'), stranger, stranger);
    expect(await foreign(requireOwn(join(folder, 'link', 'pulumi')))).toMatchObject({
      reason: 'other-owner',
      uid: stranger,
      path: join(folder, 'link'),
    });
  });
});

describe.runIf(isRoot)('what belongs to another user (played by root)', () => {
  it('is refused: the file, and each folder on the way', async () => {
    const file = await fileIn('a', 'pulumi');
    await chown(file, stranger, stranger);
    expect(await foreign(requireOwn(file))).toEqual({ reason: 'other-owner', uid: stranger, path: file, isOurs: true });
    await chown(join(folder, 'a'), stranger, stranger);
    expect(await foreign(requireOwn(file, join(folder, 'a')))).toMatchObject({ reason: 'other-owner', path: join(folder, 'a') });
    expect(await foreign(makeOwnFolder(join(folder, 'a')))).toMatchObject({ reason: 'other-owner', path: join(folder, 'a') });
  });

  it('is taken for the home alone: whose it is, its user has said by naming it', async () => {
    const file = await fileIn('home', '.cache', 'pulumi');
    process.env['HOME'] = join(folder, 'home');
    await chown(join(folder, 'home'), stranger, stranger);
    expect(await foreign(requireOwn(file))).toBeUndefined();
    await chown(join(folder, 'home', '.cache'), stranger, stranger);
    expect(await foreign(requireOwn(file))).toMatchObject({ reason: 'other-owner', path: join(folder, 'home', '.cache') });
  });
});
