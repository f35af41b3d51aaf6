import { spawnSync } from 'node:child_process';
import { brokenBuilds } from './broken-builds.mjs';
import { bundleSimulator } from './bundle.mjs';

/** npm run simulate:broken [-- PART OF A NAME] */
const only = process.argv[2] ?? '';
let missed = 0;
for (const { name, promise, edits } of brokenBuilds.filter((build) => build.name.includes(only))) {
  const { file } = await bundleSimulator('simulator-broken', edits);
  const startedMs = Date.now();
  const until = promise === undefined ? [] : ['--until', promise];
  const { stdout } = spawnSync(process.execPath, [file, '--seed=1', '--seconds=60', ...until], { encoding: 'utf8' });
  const isCaught = stdout.includes(promise === undefined ? 'VIOLATED (' : `VIOLATED (${promise})`);
  if (!isCaught) missed += 1;
  process.stdout.write(`${isCaught ? 'caught' : 'MISSED'} in ${Math.round((Date.now() - startedMs) / 1000)} s: ${name}\n${stdout}\n`);
}
process.exitCode = missed === 0 ? 0 : 1;
