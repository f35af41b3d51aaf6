import { spawnSync } from 'node:child_process';
import { bundleSimulator } from './bundle.mjs';

const args = process.argv.slice(2);
const { file, sources } = await bundleSimulator();
if (args.includes('--sources')) process.stdout.write(`${sources.join('\n')}\n`);
else process.exitCode = spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' }).status ?? 1;
