import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { run } from '@stricli/core';
import { exitCodes } from '../domain/exit-codes.ts';
import { app } from './app.ts';
import type { Context } from './context.ts';

/** Runs one command in this process. The exit code is left in `process.exitCode`, so that what is still written gets written. */
export async function main(inputs: readonly string[]): Promise<void> {
  const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
  const context: Context = {
    // Node types the exit code as possibly undefined, where stricli has it absent: the same thing.
    process: process as Context['process'],
    env: { ...process.env },
    // npm runs scripts in the package's folder; a relative path starts where the person stands.
    cwd: process.cwd() === root ? (process.env['INIT_CWD'] ?? root) : process.cwd(),
    root,
    now: Date.now,
    interactive: process.stdin.isTTY && process.stdout.isTTY,
    ask: async (question) => {
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      try {
        return await lines.question(question);
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
