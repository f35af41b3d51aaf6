import { setTimeout as pause } from 'node:timers/promises';
import { anyProcess, isAlive, processesWithEnvironment } from '../../toolchain/process-identity.ts';
import type { ProcessIdentity, Suspects } from '../../toolchain/process-identity.ts';

/**
 * Processes of the engine that no orchestrator waits for any more. A plugin runs in its own process group and looks only every 5 minutes whether its
 * engine lives; until then it goes on with its call, and with the retries of it. What was looked at meanwhile proves nothing (the lock
 * protocol, rule 8: the writer is dead first).
 *
 * They are known by a variable in their environment, which a CLI hands on to all that it starts. Where one of them may have been missed (the look
 * failed; another user's processes do not show it; not Linux) `ProcessesUnseen` is thrown: whether any is left cannot be told.
 */

const variable = 'HOLDFAST_ENGINE_OF';
const ownerVariable = 'HOLDFAST_ENGINE_BY';

/**
 * The environment by which an engine and its plugins are found, by this marker or by any that it begins with up to a `/`.
 *
 * @param orchestrator whose engine it is, as the engine itself will say it: a record in the bucket may say anything
 */
export const markedEnvironment = (marker: string, orchestrator: ProcessIdentity): Record<string, string> => ({
  [variable]: marker,
  [ownerVariable]: `${orchestrator.pid} ${orchestrator.startedAt}`,
});

export interface EngineProcess extends ProcessIdentity {
  /** The orchestrator that started it, as it says itself; absent where it says none. */
  readonly owner?: ProcessIdentity;
}

/** What ending them looks at and does; replaced in tests. */
export interface ProcessTable {
  /** Throws where one may have been missed. */
  readonly find: (marker: string, suspects: Suspects) => Promise<readonly EngineProcess[]>;
  /** Throws where it cannot be told. */
  readonly isAlive: (identity: ProcessIdentity) => Promise<boolean>;
  /** May throw where the process has ended meanwhile. */
  readonly kill: (pid: number) => void;
  readonly nowMs: () => number;
}

/**
 * Living processes that were started under the marker, or under `<marker>/…`; the oldest first, so that a CLI comes before its plugins.
 *
 * @param suspects whose engine it was, where that is known: which processes count that do not show what they were started with
 * @throws ProcessesUnseen where one may have been missed
 */
export async function findEngineProcesses(marker: string, suspects: Suspects = anyProcess): Promise<readonly EngineProcess[]> {
  const found = await processesWithEnvironment(variable, (value) => value === marker || value.startsWith(`${marker}/`), suspects);
  return found
    .filter(({ pid }) => pid !== process.pid)
    .map(({ pid, startedAt, environment }) => ({ pid, startedAt, ...ownerOf(environment.get(ownerVariable)) }));
}

function ownerOf(text: string | undefined): { owner?: ProcessIdentity } {
  const match = /^(\d+) (.+)$/.exec(text ?? '');
  return match?.[1] === undefined || match[2] === undefined ? {} : { owner: { pid: Number(match[1]), startedAt: match[2] } };
}

/** A killed process is gone at once, but for one that waits in the kernel for a device. */
const patienceMs = 10_000;
const lookEveryMs = 20;

/**
 * Ends them, and returns when none is left. By SIGKILL: a plugin that is asked to end lets its call finish first, or tries it again. The
 * CLI goes first, so that it begins no other step and starts no other plugin.
 *
 * @returns what was ended; empty where nothing lived
 * @throws EngineLeftAlone where the orchestrator of one of them, by its own environment, is another process that lives, or is none: nothing was ended
 * @throws EngineProcessesLeft for those that are still there 10 s after they were killed
 * @throws ProcessesUnseen where one may have been missed
 */
export async function endEngineProcesses(
  marker: string,
  suspects: Suspects = anyProcess,
  table: ProcessTable = realTable,
): Promise<readonly EngineProcess[]> {
  const ended: EngineProcess[] = [];
  // Again, until none is found: a CLI may have started one more plugin after the first look.
  for (;;) {
    const found = (await table.find(marker, suspects)).filter(({ pid }) => pid !== process.pid);
    if (found.length === 0) return ended;
    // Before any is ended, each is asked itself: what the bucket says of its orchestrator may be anything. What does not say whose it is may be anybody's.
    for (const { owner, pid } of found) {
      if (owner === undefined) throw new EngineOwnerUnknown(pid);
      if (owner.pid !== process.pid && (await table.isAlive(owner))) throw new EngineOwnerAlive(owner);
    }
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

/** An engine's process was not ended: it is not known to be one that no orchestrator waits for. */
export class EngineLeftAlone extends Error {}

/** What is recorded of an orchestrator said that it was dead; its engine names one that is not. */
export class EngineOwnerAlive extends EngineLeftAlone {
  readonly owner: ProcessIdentity;

  constructor(owner: ProcessIdentity) {
    super(`the engine's own orchestrator (pid ${owner.pid}) is alive: the engine was left alone`);
    this.name = 'EngineOwnerAlive';
    this.owner = owner;
  }
}

/** It has the marker of an engine, and names no orchestrator, as every engine does that Holdfast starts. */
export class EngineOwnerUnknown extends EngineLeftAlone {
  constructor(pid: number) {
    super(`process ${pid} has the marker of an engine, and does not say which orchestrator started it: it was left alone`);
    this.name = 'EngineOwnerUnknown';
  }
}

const realTable: ProcessTable = {
  find: findEngineProcesses,
  isAlive,
  kill: (pid) => process.kill(pid, 'SIGKILL'),
  nowMs: () => performance.now(),
};
