import { spawnSync } from 'node:child_process';
import { bundleSimulator } from './bundle.mjs';

const { file } = await bundleSimulator();
const { status } = spawnSync(process.execPath, ['--enable-source-maps', file, ...process.argv.slice(2)], { stdio: 'inherit' });
process.exitCode = status ?? 1;
