import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { run } from '@stricli/core';
import { exitCodes } from '../domain/exit-codes.ts';
import { outgoing, outlet } from '../ui/outlet.ts';
import { app } from './app.ts';
import type { Context } from './context.ts';

/** Runs one command in this process. The exit code is left in `process.exitCode`, so that what is still written gets written. */
export async function main(inputs: readonly string[]): Promise<void> {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
  const context: Context = {
    process: behindOutlets(),
    env: { ...process.env },
    // npm runs scripts in the package's folder; a relative path starts where the person stands.
    cwd: process.cwd() === root ? (process.env['INIT_CWD'] ?? root) : process.cwd(),
    root,
    now: Date.now,
    interactive: process.stdin.isTTY && process.stdout.isTTY,
    ask: async (question) => {
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      try {
        return await lines.question(outgoing(question));
      } finally {
        lines.close();
      }
    },
  };
  // Nobody reads any more (a closed terminal, `| head`): no reason to die in the middle of a run.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  await run(app, inputs, context);
  // The parser's own codes are negative: what it did not understand is a usage error.
  if (typeof process.exitCode === 'number' && process.exitCode < 0) process.exitCode = exitCodes.usage;
}

/** Nothing of the program writes to a terminal or a log but through these; the parser's own messages repeat what was typed, in a CI by anybody. */
function behindOutlets(): Context['process'] {
  return {
    stdout: outlet(process.stdout),
    stderr: outlet(process.stderr),
    env: process.env,
    get exitCode() {
      return process.exitCode ?? null;
    },
    set exitCode(code) {
      process.exitCode = code ?? undefined;
    },
  };
}
