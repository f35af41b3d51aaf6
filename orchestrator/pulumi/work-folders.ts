import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeOwnFolder } from '../../toolchain/own-folder.ts';
import { lookAt, machineIdentity, ownIdentity } from '../../toolchain/process-identity.ts';
import type { ProcessIdentity, ProcessLook } from '../../toolchain/process-identity.ts';

/**
 * The working directories of engines: settings of the stack, with the salt of its secrets, for as long as the engine runs. They lie in one folder of the engine's
 * home, each under the name of its orchestrator's process, so that those of an orchestrator that was killed are found and removed by the next one.
 */
export interface WorkFolders {
  /** Makes one, for this user alone. @returns its path */
  make(): Promise<string>;
}

/** The parts of this process and machine that are replaced in tests. */
export interface WorkFolderParts {
  readonly machine: () => Promise<string>;
  readonly identity: () => Promise<ProcessIdentity>;
  readonly look: (pid: number) => Promise<ProcessLook>;
}

const ofThisMachine: WorkFolderParts = { machine: machineIdentity, identity: ownIdentity, look: lookAt };

/** @param home of the engine: the shared one */
export function openWorkFolders(home: string, parts: WorkFolderParts = ofThisMachine): WorkFolders {
  const folder = join(home, 'work');
  let opened: Promise<string> | undefined;
  const open = async (): Promise<string> => {
    await makeOwnFolder(folder, home);
    // A process number means nothing on another machine, which may have this folder too (a home on a network).
    const machine = createHash('sha256')
      .update(await parts.machine())
      .digest('hex')
      .slice(0, 16);
    await removeLeft(folder, machine, parts.look);
    const { pid, startedAt } = await parts.identity();
    return [machine, pid, encodeURIComponent(startedAt)].join('~');
  };
  return {
    make: async () => {
      opened ??= open();
      const name = await opened.catch((cause: unknown) => {
        opened = undefined;
        throw cause;
      });
      return await mkdtemp(join(folder, `${name}~`));
    },
  };
}

/** Removes what orchestrators of this machine left that are certainly dead. What cannot be looked at or removed stays for the next one. */
async function removeLeft(folder: string, machine: string, look: WorkFolderParts['look']): Promise<void> {
  for (const name of await readdir(folder)) {
    const [ofMachine, pid, startedAt] = name.split('~');
    if (ofMachine !== machine || !/^\d+$/.test(pid ?? '') || startedAt === undefined) continue;
    const seen = await look(Number(pid));
    // This user's own processes are shown to this user, also where those of others are hidden: absent is gone.
    if (seen.kind === 'cannot-look' || (seen.kind === 'seen' && encodeURIComponent(seen.startedAt) === startedAt)) continue;
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
