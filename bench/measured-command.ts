import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** What a command took, with all processes that it started. */
export interface Cost {
  /** Until the command itself had ended. */
  readonly wallSeconds: number;
  /** User and system. */
  readonly cpuSeconds: number;
  /** Resident memory of the orchestrator's own process at its highest: without the engine and its plugins. */
  readonly peakMb: number;
}

export interface MeasuredCommand {
  /** A script of Node, and its arguments. */
  readonly script: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

export interface Measuring {
  readonly python: string;
  /** For what the measurement leaves behind. */
  readonly folder: string;
  /** Ends the command, and all that it started. */
  readonly signal: AbortSignal;
}

const measuredSchema = z.object({ exitCode: z.int(), wallSeconds: z.number(), cpuSeconds: z.number() });

/** @throws where the command fails, with the end of what it printed */
export async function measure({ script, env, cwd }: MeasuredCommand, { python, folder, signal }: Measuring): Promise<Cost> {
  signal.throwIfAborted();
  const result = join(folder, 'measured.json');
  const peak = join(folder, 'peak-memory');
  const child = spawn(
    python,
    [
      fileURLToPath(new URL('measure.py', import.meta.url)),
      result,
      process.execPath,
      '--import',
      new URL('peak-memory.mjs', import.meta.url).href,
      ...script,
    ],
    // A group of its own: a Ctrl-C at the terminal reaches the benchmark, which ends this one.
    { cwd, env: { ...env, BENCH_PEAK_MEMORY: peak }, stdio: ['pipe', 'pipe', 'pipe'], detached: true },
  );
  let output = '';
  const keep = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-mostOutput));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  // It may have ended just before.
  child.stdin.on('error', () => undefined);
  const end = (): void => void child.stdin.end();
  signal.addEventListener('abort', end, { once: true });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
  if (exitCode !== 0) throw new Error(`${script.join(' ')} could not be measured:\n${output}`);
  const measured = measuredSchema.parse(JSON.parse(await readFile(result, 'utf8')));
  if (measured.exitCode !== 0) throw new Error(`${script.join(' ')} ended with ${measured.exitCode}:\n${output}`);
  const { wallSeconds, cpuSeconds } = measured;
  return { wallSeconds, cpuSeconds, peakMb: Number(await readFile(peak, 'utf8')) / 1024 };
}

/** Characters. */
const mostOutput = 8000;
