import { ensureInstalled, run } from './install.mjs';

/** `npm test` and `npm run test:all`: from a fresh clone to the tests. What is run is said in run-tests.ts, which needs the packages. */
ensureInstalled();
run(process.execPath, ['--import', './toolchain/tsx.mjs', 'toolchain/run-tests.ts', ...process.argv.slice(2)]);
