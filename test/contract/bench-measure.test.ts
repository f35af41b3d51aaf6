import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measure } from '../../bench/measured-command.ts';
import type { Cost } from '../../bench/measured-command.ts';
import { provideEmulator } from '../../lab/emulator/emulator.ts';
import { cacheFolder } from '../../toolchain/cache-folder.ts';
import { isRunning } from '../support/processes.ts';

/** Works for half a second, in a process group of its own, says so, and does not end by itself. */
const leftBehind = `
  const until = process.cpuUsage().user + 500_000;
  while (process.cpuUsage().user < until);
  require('node:fs').writeFileSync(process.argv[1], String(process.pid));
  setInterval(() => {}, 1000);
`;

/** Leaves such a process behind as an engine leaves its plugin: it ends and has not waited for it. */
const leaver = `
  import { spawn } from 'node:child_process';
  import { existsSync, watch } from 'node:fs';
  import { dirname } from 'node:path';
  const [file, then] = process.argv.slice(2);
  const child = spawn(process.execPath, ['-e', ${JSON.stringify(leftBehind)}, file], { detached: true, stdio: 'ignore' });
  child.unref();
  const memory = Buffer.alloc(64 * 1024 * 1024, 1);
  const watcher = watch(dirname(file), () => {
    if (!existsSync(file)) return;
    watcher.close();
    if (then === 'stay') setInterval(() => memory, 1000);
    else process.exit(then === 'fail' ? 3 : 0);
  });
`;

describe('a measurement', () => {
  let python: string;
  let folder: string;
  beforeAll(async () => {
    const emulator = await provideEmulator({ cacheFolder: cacheFolder(process.env), env: process.env, onProgress: () => undefined });
    if (!emulator.ok) throw new Error(JSON.stringify(emulator.problems));
    python = emulator.value.python;
    folder = await mkdtemp(join(tmpdir(), 'holdfast-measure-'));
    await writeFile(join(folder, 'leaver.mjs'), leaver);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const run = (file: string, then: string, signal = new AbortController().signal): Promise<Cost> =>
    measure(
      { script: [join(folder, 'leaver.mjs'), join(folder, file), then], env: { PATH: process.env['PATH'] ?? '' }, cwd: folder },
      { python, folder, signal },
    );

  it('counts what was left behind, and ends it', async () => {
    const { cpuSeconds, peakMb } = await run('counted', 'end');
    expect(cpuSeconds).toBeGreaterThan(0.5);
    expect(peakMb).toBeGreaterThan(64);
    expect(await isRunning(Number(await readFile(join(folder, 'counted'), 'utf8')))).toBe(false);
  });

  it('of a command that fails is none', async () => {
    await expect(run('failed', 'fail')).rejects.toThrow('ended with 3');
  });

  it('that is broken off ends all that it started', async () => {
    const stopping = new AbortController();
    const running = run('stopped', 'stay', stopping.signal);
    running.catch(() => undefined);
    const pid = await pidOnceThere(join(folder, 'stopped'));
    stopping.abort();
    await expect(running).rejects.toThrow();
    expect(await isRunning(pid)).toBe(false);
  });
});

async function pidOnceThere(file: string): Promise<number> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text !== '') return Number(text);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
