import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { cacheFolder, makeCacheFolder } from './cache-folder.ts';
import type { Environment } from './cache-folder.ts';

/**
 * What is run with a session's keys has to be what it was when it was made, or what was released. A file is read whole for that once, and again only when
 * its inode, size or times are others: what it came to lies in the cache.
 */
const record = z.object({
  schema: z.literal(1),
  file: z.string(),
  sha256: z.string(),
  /** Of the file that was read: device, inode, size, and the times in nanoseconds. */
  of: z.string(),
});

export type Checked =
  | { readonly ok: true; readonly sha256: string }
  /** What was there before: remembered, or pinned beside the version. */
  | { readonly ok: false; readonly found: string; readonly wanted: string };

/** @param pinned what it has to be; absent: what it was the first time, or when it was made */
export async function checkFile(file: string, env: Environment, pinned?: string): Promise<Checked> {
  const of = await standOf(file);
  const known = await recall(file, env);
  const sha256 = known?.of === of ? known.sha256 : await sha256Of(file);
  const wanted = pinned ?? known?.sha256 ?? sha256;
  if (sha256 !== wanted) return { ok: false, found: sha256, wanted };
  if (known?.of !== of) await write(file, env, { schema: 1, file, sha256, of });
  return { ok: true, sha256 };
}

/** Of a file that was made this moment: whatever was there before is of no account. */
export async function rememberFile(file: string, env: Environment): Promise<void> {
  const of = await standOf(file);
  await write(file, env, { schema: 1, file, sha256: await sha256Of(file), of });
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Asked before it is read: one that is changed meanwhile is read again at its next use. */
async function standOf(file: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

const recordOf = (file: string, env: Environment): string =>
  path.join(cacheFolder(env), 'checksums', `${createHash('sha256').update(file).digest('hex').slice(0, 32)}.json`);

/** One that cannot be read remembers nothing. */
async function recall(file: string, env: Environment): Promise<z.infer<typeof record> | undefined> {
  try {
    const known = record.parse(JSON.parse(await readFile(recordOf(file, env), 'utf8')));
    return known.file === file ? known : undefined;
  } catch {
    return undefined;
  }
}

async function write(file: string, env: Environment, known: z.infer<typeof record>): Promise<void> {
  const target = recordOf(file, env);
  await makeCacheFolder(env, path.dirname(target));
  const unfinished = `${target}.${process.pid}`;
  await writeFile(unfinished, JSON.stringify(known), { mode: 0o600 });
  await rename(unfinished, target);
}
