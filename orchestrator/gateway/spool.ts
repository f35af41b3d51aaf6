import { randomUUID } from 'node:crypto';
import { access, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunName } from '../domain/forms.ts';
import { parseStackName } from '../domain/stack-name.ts';
import { makeOwnFolder, requireOwn } from '../../toolchain/own-folder.ts';

/**
 * Checkpoints that the bucket would not take, on the local disk. Lock protocol, rule 6: evidence for a person and for `recover`, and never a
 * source: nothing is written back from here.
 */
export interface Spool {
  /**
   * Keeps the checkpoint in place of an older one of the stack.
   * @returns the file's path
   * @throws where the disk will not take it
   */
  write(stack: string, body: Uint8Array): Promise<string>;
  /** For a checkpoint that has reached the bucket after all. None there: nothing to do. */
  remove(stack: string): Promise<void>;
}

/**
 * Where a run's spool is, below the checkout.
 * @throws where a name could lead elsewhere: names come from the bucket, and become paths only here
 */
export function spoolFolder(root: string, network: string, run: string): string {
  if (!isRunName(run) || parseStackName(`${network}.x`) === undefined) throw new Error('no run has that name: it becomes no path');
  return join(root, '.holdfast', 'spool', network, run);
}

/** @throws where it is no stack's name */
function fileOf(folder: string, stack: string): string {
  if (parseStackName(stack) === undefined) throw new Error('no stack has that name: it becomes no path');
  return join(folder, `${stack}.json`);
}

/** @param folder made when it is first needed, for its owner's eyes only: a checkpoint may hold secrets */
export function openSpool(folder: string): Spool {
  return {
    write: async (stack, body) => {
      const file = fileOf(folder, stack);
      await makeOwnFolder(folder);
      const unfinished = `${file}.${randomUUID()}.unfinished`;
      try {
        const handle = await open(unfinished, 'wx', 0o600);
        try {
          await handle.writeFile(body);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(unfinished, file);
      } catch (cause) {
        await rm(unfinished, { force: true });
        throw cause;
      }
      await syncFolder(folder);
      return file;
    },
    remove: async (stack) => {
      const file = fileOf(folder, stack);
      // Whoever was killed in a write has left the beginning of one.
      const names = (await readdir(folder).catch(() => [])).filter(
        (name) => name.startsWith(`${stack}.json.`) && name.endsWith('.unfinished'),
      );
      for (const path of [file, ...names.map((name) => join(folder, name))]) await rm(path, { force: true });
    },
  };
}

/**
 * The file with the checkpoint of this stack that the bucket would not take from this run, where there is one on this machine.
 * @throws NotOwn where another user of the machine could have put it there: it is no evidence
 */
export async function spooledFile(folder: string, stack: string): Promise<string | undefined> {
  const file = fileOf(folder, stack);
  await requireOwn(file);
  return access(file).then(
    () => file,
    () => undefined,
  );
}

/** Without it a rename may be lost with the power. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
