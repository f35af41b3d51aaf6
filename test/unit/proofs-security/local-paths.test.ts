import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSpool, spooledFile, spoolFolder } from '../../../orchestrator/gateway/spool.ts';

/** S14: names of stacks and runs from the bucket became local paths, also for deletion. */
let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'holdfast-spool-'));
  folder = spoolFolder(root, 'example', 'r1');
  await mkdir(folder, { recursive: true });
  await writeFile(join(root, 'x.json'), 'of another');
});
afterEach(() => rm(root, { recursive: true, force: true }));

const outside = ['../../../../x', '..', '.', '', 'example.a/../../../../../x', '/etc/passwd', 'example.A', 'example.a\0', 'example.a\nb'];

it.each(outside)('a stack that is called %j leads to no file, and nothing is read, written or deleted', async (stack) => {
  const spool = openSpool(folder);
  await expect(spool.remove(stack)).rejects.toThrow(/becomes no path/);
  await expect(spool.write(stack, Buffer.from('{}'))).rejects.toThrow(/becomes no path/);
  await expect(spooledFile(folder, stack)).rejects.toThrow(/becomes no path/);
  expect(await readFile(join(root, 'x.json'), 'utf8')).toBe('of another');
});

it.each(['..', '.', '', '../../x', 'a/b', '/', 'r1\0'])('a run that is called %j has no folder', (run) => {
  expect(() => spoolFolder(root, 'example', run)).toThrow(/becomes no path/);
});

it('what a run spools is read and removed as before', async () => {
  const spool = openSpool(folder);
  const file = await spool.write('example.vpc.a', Buffer.from('{}'));
  expect(await spooledFile(folder, 'example.vpc.a')).toBe(file);
  await spool.remove('example.vpc.a');
  expect(await spooledFile(folder, 'example.vpc.a')).toBe(undefined);
});
