import { randomUUID } from 'node:crypto';
import { access, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
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

/** @param folder made when it is first needed, for its owner's eyes only: a checkpoint may hold secrets */
export function openSpool(folder: string): Spool {
  const fileOf = (stack: string): string => join(folder, `${stack}.json`);
  return {
    write: async (stack, body) => {
      await makeOwnFolder(folder);
      const file = fileOf(stack);
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
      const file = fileOf(stack);
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
  const file = join(folder, `${stack}.json`);
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
