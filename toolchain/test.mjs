import { ensureInstalled, run } from './install.mjs';

/** `npm test`: from a fresh clone to every check and every test. Arguments go to vitest, as in `npm test -- --project unit`. */
ensureInstalled();
console.log('checks: types, lint, format, unused code');
run('npm', ['run', '-s', 'check']);
// The CLI, the plugin and the emulator first, with progress: tests should not be the ones to wait for a build of minutes.
run(process.execPath, ['--import', 'tsx', 'toolchain/main.ts']);
run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)]);
