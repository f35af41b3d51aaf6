import process from 'node:process';

/**
 * Which tests a run makes: those of each push (`npm test`), or all of them (`npm run test:all`, each night and before a release). What a push leaves out
 * is not there then, rather than skipped: whole files by their name (`*.nightly.test.ts`, vitest.config.ts).
 */
export const tier: 'push' | 'all' = process.env['HOLDFAST_TESTS'] === 'all' ? 'all' : 'push';
