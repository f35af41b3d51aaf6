import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { run } from '@stricli/core';
import { app } from '../../orchestrator/cli/app.ts';
import type { Context } from '../../orchestrator/cli/context.ts';
import type { CommandResult, LabRig } from './lab-rig.ts';

/**
 * A command against a lab, from its arguments to its exit code, in the process of the test: for those that start no engine and touch nothing of their
 * process, a tenth of the time that a process of their own takes.
 */
export async function runHere(
  rig: LabRig,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  now: () => number = Date.now,
  ask?: Context['ask'],
): Promise<CommandResult> {
  let stdout = '';
  let stderr = '';
  const process: Context['process'] = {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
  };
  const context: Context = {
    process,
    env: { HOLDFAST_LAB_DIR: join(rig.folder, 'lab'), ...env },
    cwd: rig.folder,
    root: fileURLToPath(new URL('../../', import.meta.url)),
    now,
    interactive: ask !== undefined,
    ask: ask ?? (() => Promise.reject(new Error('there is nobody to ask'))),
  };
  await run(app, args, context);
  const events = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { exitCode: Number(process.exitCode ?? 0), stdout, stderr, events };
}
