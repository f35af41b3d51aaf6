import { homedir } from 'node:os';
import path from 'node:path';
import { makeOwnFolder, requireOwn, requireOwnFolder } from './own-folder.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where tools are kept that were downloaded or built: of a user, not of a checkout. `HOLDFAST_CACHE` goes before all else. */
export function cacheFolder(env: Environment, platform: NodeJS.Platform = process.platform): string {
  if (isSet(env.HOLDFAST_CACHE)) return path.resolve(env.HOLDFAST_CACHE);
  // The specification of base directories has relative paths ignored.
  if (isSet(env.XDG_CACHE_HOME) && path.isAbsolute(env.XDG_CACHE_HOME)) return path.join(env.XDG_CACHE_HOME, 'holdfast');
  const home = isSet(env.HOME) ? env.HOME : homedir();
  return platform === 'darwin' ? path.join(home, 'Library', 'Caches', 'holdfast') : path.join(home, '.cache', 'holdfast');
}

/**
 * A folder in the cache, made where it is missing, for this user alone.
 * @throws NotOwn
 */
export async function makeCacheFolder(env: Environment, folder: string): Promise<void> {
  await requireOwnFolder(cacheFolder(env));
  await makeOwnFolder(folder, cacheFolder(env));
}

/**
 * That what lies in the cache, and is about to be run, is of this user. Nothing is made; what is not there is of no user.
 * @throws NotOwn
 */
export async function requireOwnInCache(env: Environment, file: string): Promise<void> {
  await requireOwnFolder(cacheFolder(env));
  await requireOwn(file, cacheFolder(env));
}

const isSet = (value: string | undefined): value is string => value !== undefined && value !== '';
