import { execFile } from 'node:child_process';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Who builds: a pid alone may be someone else's by now, so the start of its process goes with it. */
type Builder = { readonly pid: number; readonly started: string };

const lookAgainAfterMs = 250;

/** Runs `build` while no other process of this machine builds under the same lock file. A builder that died holds nothing. */
export async function withBuildLock<T>(file: string, onProgress: (text: string) => void, build: () => Promise<T>): Promise<T> {
  const own: Builder = { pid: process.pid, started: (await startOf(process.pid)) ?? '' };
  let told = false;
  while (!(await take(file, own))) {
    const holder = await read(file);
    if (holder.builder !== undefined && (await isAlive(holder.builder))) {
      if (!told) onProgress(`Waiting for process ${holder.builder.pid}, which makes the same environment`);
      told = true;
      await pause(lookAgainAfterMs);
    } else if (holder.text !== undefined) {
      await clear(file, holder.text);
    }
  }
  try {
    return await build();
  } finally {
    await rm(file, { force: true });
  }
}

async function take(file: string, own: Builder): Promise<boolean> {
  try {
    await writeFile(file, JSON.stringify(own), { flag: 'wx' });
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

async function read(file: string): Promise<{ readonly text?: string; readonly builder?: Builder }> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return {};
  // Between its creation and its content a lock is empty for an instant: look again before it is taken for a dead one's.
  if (text === '') {
    await pause(lookAgainAfterMs);
    const later = await readFile(file, 'utf8').catch(() => undefined);
    return later === '' ? { text: '' } : {};
  }
  try {
    return { text, builder: JSON.parse(text) as Builder };
  } catch {
    return { text };
  }
}

/** Of several processes that see a dead builder's lock one moves it away; whoever moved a newer one puts that back. */
async function clear(file: string, seen: string): Promise<void> {
  const aside = `${file}.${process.pid}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (isCode(error, 'ENOENT')) return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) === seen) await rm(aside, { force: true });
  else await rename(aside, file);
}

async function isAlive(builder: Builder): Promise<boolean> {
  return (await startOf(builder.pid)) === builder.started;
}

/** When a process started, as the system says it; undefined when there is none. */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    // The command in brackets may hold spaces; the start time is the 20th field after it.
    return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  }
  const listed = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => undefined);
  return listed?.stdout.trim() ?? undefined;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
