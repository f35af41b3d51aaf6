import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { makeOwnFolder } from './own-folder.ts';

/** A download that failed not long ago, so that not every command waits for the same failure. */
const record = z.object({ site: z.string(), atMs: z.number(), detail: z.string() });
export type RememberedFailure = z.infer<typeof record>;

const rememberedForMs = 24 * 60 * 60 * 1000;

/** The failure, while it is fresh; a file that cannot be read is none. */
export async function recallFailure(file: string, nowMs: number): Promise<RememberedFailure | undefined> {
  try {
    const failure = record.parse(JSON.parse(await readFile(file, 'utf8')));
    const ageMs = nowMs - failure.atMs;
    // One from the future is of a clock that was wrong.
    return ageMs >= 0 && ageMs < rememberedForMs ? failure : undefined;
  } catch {
    return undefined;
  }
}

export async function rememberFailure(file: string, failure: RememberedFailure): Promise<void> {
  await makeOwnFolder(path.dirname(file));
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, JSON.stringify(failure));
  await rename(unfinished, file);
}
