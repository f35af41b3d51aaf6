import { readFile, readdir } from 'node:fs/promises';

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

async function processes(): Promise<ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const entries = await Promise.all(
    pids.map(async (pid): Promise<ProcessEntry[]> => {
      try {
        const [stat, command] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/cmdline`, 'utf8')]);
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return state === 'Z' ? [] : [{ pid: Number(pid), parent: Number(parent), command: command.replaceAll('\0', ' ') }];
      } catch {
        return [];
      }
    }),
  );
  return entries.flat();
}

async function tree(root: number): Promise<{ readonly all: readonly ProcessEntry[]; readonly below: ReadonlySet<number> }> {
  const all = await processes();
  const below = new Set([root]);
  // Parents come before their children only by chance.
  for (let grew = true; grew;) {
    grew = false;
    for (const { pid, parent } of all)
      if (below.has(parent) && !below.has(pid)) {
        below.add(pid);
        grew = true;
      }
  }
  return { all, below };
}

/** @throws where there is no such process: what a test means to hit must be there */
export function signal(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) throw new Error('there is no such process');
  process.kill(pid, name);
}

/** Ends a command and all that it has started. */
export async function killTree(root: number): Promise<void> {
  for (const pid of (await tree(root)).below)
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It went in between.
    }
}

/** The engine's processes below a command of Holdfast: the CLI at work, and its aws plugin. */
export async function engineBelow(orchestrator: number): Promise<{ readonly cli: number; readonly plugin: number }> {
  const { cli, plugin } = await engineProcessesBelow(orchestrator);
  if (cli === undefined || plugin === undefined) throw new Error(`no engine with a plugin below ${orchestrator}`);
  return { cli, plugin };
}

/** Those of them that there are: a stack is made before there is a plugin. */
export async function engineProcessesBelow(orchestrator: number): Promise<{ readonly cli?: number; readonly plugin?: number }> {
  const { all, below } = await tree(orchestrator);
  const find = (pattern: RegExp): number | undefined => all.find(({ pid, command }) => below.has(pid) && pattern.test(command))?.pid;
  const cli = find(/pulumi (up|destroy|refresh|stack init) /);
  const plugin = find(/pulumi-resource-aws/);
  return { ...(cli === undefined ? {} : { cli }), ...(plugin === undefined ? {} : { plugin }) };
}

export async function isRunning(pid: number): Promise<boolean> {
  return (await processes()).some((process) => process.pid === pid);
}

/** Sends the signal again and again, and resolves when the process is gone. */
export async function signalledUntilGone(pid: number, signal: NodeJS.Signals): Promise<void> {
  while (await isRunning(pid)) {
    try {
      process.kill(pid, signal);
    } catch {
      // It went in between.
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
