import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeOwnFolder } from '../../toolchain/own-folder.ts';

/**
 * A home for one start of the engine, in its working directory: the plugins of the shared one, and nothing that it would leave behind. In a home that is kept
 * each start adds a log, which stays for a week, and looks at all the others first: thousands of them on a machine that deploys much. What an engine did
 * is in its events and in the journal.
 * @returns its path
 * @throws NotOwn where another user of the machine may put a plugin into the shared one
 */
export async function makeEngineHome(workDir: string, shared: string): Promise<string> {
  const home = join(workDir, 'home');
  const plugins = join(shared, 'plugins');
  // The engine starts what lies there, with the keys of the run.
  await Promise.all([mkdir(home, { mode: 0o700 }), makeOwnFolder(plugins, shared)]);
  // Where its folder for logs is a file, the engine writes none.
  await Promise.all([symlink(plugins, join(home, 'plugins')), writeFile(join(home, 'logs'), '')]);
  return home;
}
