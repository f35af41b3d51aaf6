import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A home for one start of the engine, in its working directory, with nothing in it that it would find or leave behind. Its folder of plugins is empty: the one
 * plugin is named by the project's settings, and what another start has fetched, or anybody has laid there, is not found. In a home that is kept each start
 * adds a log, which stays for a week, and looks at all the others first: thousands of them on a machine that deploys much. What an engine did is in its
 * events and in the journal.
 * @returns its path
 */
export async function makeEngineHome(workDir: string): Promise<string> {
  const home = join(workDir, 'home');
  await mkdir(join(home, 'plugins'), { recursive: true, mode: 0o700 });
  // Where its folder for logs is a file, the engine writes none.
  await writeFile(join(home, 'logs'), '');
  return home;
}
