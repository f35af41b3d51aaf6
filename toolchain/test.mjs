import { ensureInstalled, run } from './install.mjs';

/** `npm test`: from a fresh clone to every check and every test. Arguments go to vitest, as in `npm test -- --project unit`. */
ensureInstalled();

/** A step before the tests: where it fails no test has run, and that one failure is the count. */
const step = (command, args) => run(command, args, undefined, () => console.log('0 passed, 1 failed, 0 skipped'));
const typescript = (file) => step(process.execPath, ['--import', 'tsx', file]);

console.log('checks: types, lint, format, unused code');
step('npm', ['run', '-s', 'check']);
// The CLI, the plugin and the emulator first, with progress: tests should not be the ones to wait for a build of minutes.
typescript('toolchain/main.ts');
typescript('lab/provide.ts');
run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)]);
