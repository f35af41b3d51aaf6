import { cacheFolder } from '../toolchain/cache-folder.ts';
import { provideEmulator } from './emulator/emulator.ts';

/** `node --import ./toolchain/tsx.mjs lab/provide.ts`: makes the emulator's environment, so that nothing that needs it has to wait for it. */
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const emulator = await provideEmulator({ cacheFolder: cacheFolder(process.env), env: process.env, onProgress: print });
if (emulator.ok) print(`emulator: ${emulator.value.python}`);
else {
  for (const { message, next } of emulator.problems) process.stderr.write(`${message}\n${next}\n`);
  process.exitCode = 1;
}
