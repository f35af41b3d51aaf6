import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorkFolders } from '../../orchestrator/pulumi/work-folders.ts';
import type { WorkFolderParts } from '../../orchestrator/pulumi/work-folders.ts';
import type { ProcessLook } from '../../toolchain/process-identity.ts';

let home: string;
const umask = process.umask(0o022);
process.umask(umask);
beforeEach(async () => (home = await mkdtemp(join(tmpdir(), 'holdfast-work-'))));
afterEach(async () => {
  process.umask(umask);
  await rm(home, { recursive: true, force: true });
});

const startedAt = 'boot+100';

/** An orchestrator of that number on a machine. @param looks what the machine shows of others; of a number that is not there, nothing lives */
function orchestrator(pid: number, looks: Readonly<Record<number, ProcessLook>> = {}, machine = 'here'): WorkFolderParts {
  return {
    machine: () => Promise.resolve(machine),
    identity: () => Promise.resolve({ pid, startedAt }),
    look: (other) => Promise.resolve(looks[other] ?? { kind: 'absent', others: 'hidden' }),
  };
}

/** What an orchestrator leaves that is killed: its engine's folder, with something in it, and with a link to what all engines share. */
async function left(pid: number, machine = 'here'): Promise<string> {
  const folder = await openWorkFolders(home, orchestrator(pid, {}, machine)).make();
  await mkdir(join(home, 'plugins'), { recursive: true });
  await writeFile(join(home, 'plugins', 'plugin'), '');
  await symlink(join(home, 'plugins'), join(folder, 'plugins'));
  await writeFile(join(folder, 'Pulumi.a.yaml'), 'encryptionsalt: v1:abc');
  return basename(folder);
}

const there = (): Promise<string[]> => readdir(join(home, 'work'));

describe('the working directory of an engine', () => {
  it('is for its user alone, whatever the umask, and another one for each start', async () => {
    process.umask(0);
    const folders = openWorkFolders(home);
    const [one, two] = await Promise.all([folders.make(), folders.make()]);
    expect(one).not.toBe(two);
    expect(dirname(one)).toBe(join(home, 'work'));
    expect([(await stat(dirname(one))).mode & 0o777, (await stat(one)).mode & 0o777]).toEqual([0o700, 0o700]);
  });

  it('of an orchestrator that was killed is removed by the next one, and what it leads to is not', async () => {
    await left(7);
    const folder = await openWorkFolders(home, orchestrator(8)).make();
    expect(await there()).toEqual([basename(folder)]);
    expect(await readdir(join(home, 'plugins'))).toEqual(['plugin']);
  });

  it.each([
    ['is a zombie', { kind: 'ended' }],
    ['has given its number to another process', { kind: 'seen', startedAt: 'boot+200' }],
  ] as const)('is removed where its orchestrator %s', async (_, look) => {
    const name = await left(7);
    await openWorkFolders(home, orchestrator(8, { 7: look })).make();
    expect(await there()).not.toContain(name);
  });

  it.each([
    ['is alive', { kind: 'seen', startedAt }],
    ['could not be looked at', { kind: 'cannot-look', reason: 'descriptors' }],
  ] as const)('stays where its orchestrator %s', async (_, look) => {
    const name = await left(7);
    await openWorkFolders(home, orchestrator(8, { 7: look })).make();
    expect(await there()).toContain(name);
  });

  it('stays where it is of another machine, which has the same home', async () => {
    const name = await left(7, 'another');
    await openWorkFolders(home, orchestrator(8)).make();
    expect(await there()).toContain(name);
  });

  it('stays where its name is not one that an orchestrator gives', async () => {
    await mkdir(join(home, 'work', 'by hand'), { recursive: true, mode: 0o700 });
    await openWorkFolders(home, orchestrator(8)).make();
    expect(await there()).toContain('by hand');
  });
});
