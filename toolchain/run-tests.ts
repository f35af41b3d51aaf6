import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { script } from '../orchestrator/domain/command.ts';
import { cacheFolder } from './cache-folder.ts';
import { readTestRequest } from './test-request.ts';
import type { Shard } from './test-request.ts';
import { closingLine, forgetResult, keepResult, readCounts, readResults, sumOf } from './test-results.ts';
import type { Counts } from './test-results.ts';

/** `npm test` and `npm run test:all`, once the packages are installed (toolchain/test.mjs). */

const root = fileURLToPath(new URL('../', import.meta.url));
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const complain = (text: string): void => void process.stderr.write(`${text}\n`);

/** A step of its own process with this terminal. @returns its exit code */
function step(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): number {
  const { status, signal, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (error) complain(`error ${command} cannot be started: ${error.message}`);
  return signal === 'SIGINT' ? 130 : (status ?? 1);
}

const typescript = (file: string): number => step(process.execPath, ['--import', './toolchain/tsx.mjs', file]);

const vitest = (args: readonly string[], env: Readonly<Record<string, string>> = {}): number =>
  step(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args], env);

/** Every case, those of the night too (test/support/tier.ts). */
const everything = { HOLDFAST_TESTS: 'all' };

function check(): number {
  say('checks: types, lint, format, unused code');
  return step('npm', ['run', '-s', 'check']);
}

/** The CLI, the plugin and the emulator first, with progress: tests should not be the ones to wait for a build of minutes. */
const provide = (): number => typescript('toolchain/main.ts') || typescript('lab/provide.ts');

/** A step before the tests has failed: no test has run, and that one failure is the count. */
const noTest: Counts = { passed: 0, failed: 1, skipped: 0, failures: ['a step before the tests'], files: [] };

function runPush(args: readonly string[]): number {
  const failed = check() || provide();
  if (failed !== 0) say(closingLine(noTest));
  return failed || vitest(args);
}

/** Of a commit, or of what was changed since: whose results they are. */
function commitHere(): string {
  const git = (...args: string[]): string => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout;
  return `${git('rev-parse', 'HEAD').trim()}${git('status', '--porcelain') === '' ? '' : '-changed'}`;
}

const folderOf = (results: string | undefined): string =>
  path.join(path.resolve(results ?? path.join(cacheFolder(process.env), 'test-results')), commitHere());

async function runAll(shard: Shard, results: string | undefined, args: readonly string[]): Promise<number> {
  const isWhole = args.length === 0;
  const folder = folderOf(results);
  if (isWhole) await forgetResult(folder, shard);
  // The checks are the same in each shard.
  const failed = (shard.index === 1 ? check() : 0) || provide();
  if (failed === 130) return failed;
  if (failed !== 0) {
    if (isWhole) await keepResult(folder, { ...noTest, ...shard, ended: new Date().toISOString() });
    say(closingLine(noTest));
    return failed;
  }
  const work = await mkdtemp(path.join(tmpdir(), 'holdfast-counts-'));
  try {
    const file = path.join(work, 'counts.json');
    const code = vitest(['--shard', `${shard.index}/${shard.of}`, ...args], { ...everything, HOLDFAST_TEST_COUNTS: file });
    if (!isWhole || code === 130) return code;
    const counts = await readCounts(file);
    // Vitest may fail over what is no test.
    const unnamed = code !== 0 && counts.failed === 0 ? { failed: 1, failures: [`vitest ended with ${code}`] } : {};
    await keepResult(folder, { ...counts, ...unnamed, ...shard, ended: new Date().toISOString() });
    return code;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function printSum(results: string | undefined): Promise<number> {
  const folder = folderOf(results);
  const sum = sumOf(await readResults(folder));
  if (sum.kind === 'missing') {
    const which = sum.of === 0 ? 'no shard' : `no result of ${sum.shards.map((index) => `shard ${index}/${sum.of}`).join(', ')}`;
    complain(`error ${folder} has ${which}: it is not known whether all tests pass at this commit`);
    const wanted = sum.of === 0 ? ['1/1'] : sum.shards.map((index) => `${index}/${sum.of}`);
    for (const shard of wanted) complain(`  next  ${script('test:all', { shard })}`);
    return 2;
  }
  for (const failure of sum.failures) complain(`failed ${failure}`);
  say(closingLine(sum));
  return sum.failed === 0 && sum.passed > 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const request = readTestRequest(process.argv.slice(2), root);
  switch (request.kind) {
    case 'files':
      return vitest(request.vitest, request.all ? everything : {});
    case 'push':
      return runPush(request.vitest);
    case 'all':
      return await runAll(request.shard, request.results, request.vitest);
    case 'sum':
      return await printSum(request.results);
    case 'refused':
      complain(`error ${request.why}`);
      return 2;
  }
}

process.exitCode = await main();
