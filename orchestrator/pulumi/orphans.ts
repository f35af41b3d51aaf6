import { setTimeout as pause } from 'node:timers/promises';
import { isAlive, processesWithEnvironment } from '../../toolchain/process-identity.ts';
import type { ProcessIdentity } from '../../toolchain/process-identity.ts';

/**
 * Processes of the engine that nobody waits for any more. A plugin runs in its own process group and looks only every 5 minutes whether its
 * engine lives; until then it goes on with its call, and with the retries of it. What was looked at meanwhile proves nothing (the lock
 * protocol, rule 8: the writer is dead first).
 *
 * They are known by a variable in their environment, which a CLI hands on to all that it starts. Only Linux shows it: elsewhere
 * nothing is found, and the CLI's own number (`EngineRequest.onStarted`) is all that there is to go by.
 */

const variable = 'HOLDFAST_ENGINE_OF';

/** The environment by which an engine and its plugins are found, by this marker or by any that it begins with up to a `/`. */
export const markedEnvironment = (marker: string): Record<string, string> => ({ [variable]: marker });

/** What ending them looks at and does; replaced in tests. */
export interface ProcessTable {
  readonly find: (marker: string) => Promise<readonly ProcessIdentity[]>;
  readonly isAlive: (identity: ProcessIdentity) => Promise<boolean>;
  /** May throw where the process has ended meanwhile. */
  readonly kill: (pid: number) => void;
  readonly nowMs: () => number;
}

/** Living processes that were started under the marker, or under `<marker>/…`; the oldest first, so that a CLI comes before its plugins. */
export async function findEngineProcesses(marker: string): Promise<readonly ProcessIdentity[]> {
  const found = await processesWithEnvironment(variable, (value) => value === marker || value.startsWith(`${marker}/`));
  return found.filter(({ pid }) => pid !== process.pid);
}

/** A killed process is gone at once, but for one that waits in the kernel for a device. */
const patienceMs = 10_000;
const lookEveryMs = 20;

/**
 * Ends them, and returns when none is left. By SIGKILL: a plugin that is asked to end lets its call finish first, or tries it again. The
 * CLI goes first, so that it begins no other step and starts no other plugin.
 *
 * @returns what was ended; empty where nothing lived
 * @throws EngineProcessesLeft for those that are still there 10 s after they were killed
 */
export async function endEngineProcesses(marker: string, table: ProcessTable = realTable): Promise<readonly ProcessIdentity[]> {
  const ended: ProcessIdentity[] = [];
  // Again, until none is found: a CLI may have started one more plugin after the first look.
  for (;;) {
    const found = (await table.find(marker)).filter(({ pid }) => pid !== process.pid);
    if (found.length === 0) return ended;
    for (const identity of found) if (await killIfStill(identity, table)) ended.push(identity);
    await untilGone(found, table);
  }
}

/** A number may have been given to another process since it was seen; between this look and the signal are microseconds. */
async function killIfStill(identity: ProcessIdentity, table: ProcessTable): Promise<boolean> {
  if (!(await table.isAlive(identity))) return false;
  try {
    table.kill(identity.pid);
    return true;
  } catch {
    // It has ended meanwhile, or it is not ours to end: whether it lives is looked at next.
    return false;
  }
}

async function untilGone(identities: readonly ProcessIdentity[], table: ProcessTable): Promise<void> {
  const giveUpMs = table.nowMs() + patienceMs;
  for (;;) {
    const alive = await Promise.all(identities.map((identity) => table.isAlive(identity)));
    const left = identities.filter((_, index) => alive[index]);
    if (left.length === 0) return;
    if (table.nowMs() >= giveUpMs) throw new EngineProcessesLeft(left);
    await pause(lookEveryMs);
  }
}

export class EngineProcessesLeft extends Error {
  readonly processes: readonly ProcessIdentity[];

  constructor(processes: readonly ProcessIdentity[]) {
    super(`the engine's process ${processes.map(({ pid }) => pid).join(', ')} does not end, ${patienceMs / 1000} s after it was killed`);
    this.name = 'EngineProcessesLeft';
    this.processes = processes;
  }
}

const realTable: ProcessTable = {
  find: findEngineProcesses,
  isAlive,
  kill: (pid) => process.kill(pid, 'SIGKILL'),
  nowMs: () => performance.now(),
};
