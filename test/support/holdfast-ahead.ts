import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { run } from '@stricli/core';
import { app } from '../../orchestrator/cli/app.ts';
import type { Context } from '../../orchestrator/cli/context.ts';

/**
 * Holdfast in a process of its own, whose clock goes forward when a stack was applied, or in `step:STACK` when it begins its first step: what takes hours
 * elsewhere is over at once here. Arguments: the stack's short name, the seconds, then the command's own, with `--json`.
 */
const [at = '', seconds = '', ...args] = process.argv.slice(2);
const [after = '', type = 'stack-ended'] = at.split(':').toReversed();
let aheadMs = 0;
const context: Context = {
  process: {
    stderr: process.stderr,
    stdout: {
      write: (text) => {
        const event = JSON.parse(text) as { type: string; stack?: string; phase?: string; end?: { outcome: string } };
        if (
          event.type === type &&
          (event.end?.outcome ?? 'applied') === 'applied' &&
          event.phase !== 'done' &&
          event.stack?.endsWith(`.${after}`) === true
        )
          aheadMs = Number(seconds) * 1000;
        return process.stdout.write(text);
      },
    },
  },
  env: { ...process.env },
  cwd: process.cwd(),
  root: fileURLToPath(new URL('../../', import.meta.url)),
  now: () => Date.now() + aheadMs,
  interactive: false,
  ask: () => Promise.reject(new Error('there is nobody to ask')),
};
await run(app, args, context);
process.exitCode = context.process.exitCode ?? 0;
