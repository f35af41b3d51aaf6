import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { provideEmulator } from '../lab/emulator/emulator.ts';
import type { Result } from '../orchestrator/domain/problem.ts';
import { provideAwsPlugin } from '../toolchain/aws-plugin.ts';
import { cacheFolder } from '../toolchain/cache-folder.ts';
import { providePulumiCli } from '../toolchain/pulumi-cli.ts';
import { parseOptions, usage } from './options.ts';
import type { Options } from './options.ts';
import { performancePage } from './page.ts';
import { byNetwork, caseTitles, contenderTitles, turnsOf } from './plan.ts';
import { noResults, readResults, withRun, writeResults } from './results.ts';
import type { Machine, Measurement, Run } from './results.ts';
import { runBlocks } from './run-block.ts';

const resultsFile = new URL('results.json', import.meta.url);
const pageFile = new URL('../docs/performance.md', import.meta.url);

const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseOptions(args, availableParallelism());
  switch (parsed.kind) {
    case 'help':
      process.stdout.write(usage);
      return 0;
    case 'refused':
      say(`${parsed.message}\n\n${usage}`);
      return 2;
    case 'page':
      await writeFile(pageFile, performancePage(await readResults(resultsFile)));
      return 0;
    case 'run':
      break;
  }
  if (process.platform !== 'linux') {
    say('The benchmark needs Linux: nowhere else are the processes that an engine leaves behind counted. Run it in a Linux machine.');
    return 2;
  }
  const stopping = new AbortController();
  const stop = (): void => {
    say('Stopping: what was started is ended.');
    stopping.abort();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    await bench(parsed.options, stopping.signal);
    return 0;
  } catch (cause) {
    if (stopping.signal.aborted) return 130;
    throw cause;
  }
}

async function bench({ blocks, parallel, json, write }: Options, signal: AbortSignal): Promise<void> {
  const startedAt = new Date().toISOString();
  const load = loadavg()[0] ?? 0;
  const tools = await provideTools();
  if (load > 0.5 * tools.machine.cores)
    say(`The machine has other work (load ${load.toFixed(1)}): ratios stand, with a wider spread; seconds do not.`);
  const total = blocks.reduce((sum, block) => sum + turnsOf(block).length, 0);
  const measurements: Measurement[] = [];
  const onMeasured = (measurement: Measurement): void => {
    measurements.push(measurement);
    say(`${measurements.length}/${total} ${lineOf(measurement)}`);
    if (json) process.stdout.write(`${JSON.stringify(measurement)}\n`);
  };
  const { python, cli } = tools;
  for (const group of byNetwork(blocks)) await runBlocks(group, { python, cli, parallel, signal, onProgress: say, onMeasured });
  const commit = await currentCommit();
  const run: Run = { startedAt, ...(commit === undefined ? {} : { commit }), machine: tools.machine, load, parallel, measurements };
  if (!json) process.stdout.write(performancePage(withRun(noResults, run)));
  if (!write) return;
  const results = withRun(await readResults(resultsFile), run);
  await writeResults(resultsFile, results);
  await writeFile(pageFile, performancePage(results));
  say('Written: docs/performance.md, bench/results.json');
}

interface Tools {
  readonly machine: Machine;
  /** Paths. */
  readonly python: string;
  readonly cli: string;
}

async function provideTools(): Promise<Tools> {
  const { env } = process;
  const onProgress = ({ message }: { message: string }): void => say(message);
  const cli = valueOf(await providePulumiCli({ env, onProgress }));
  const plugin = valueOf(await provideAwsPlugin({ env, cliPath: cli.path, onProgress }));
  const emulator = valueOf(await provideEmulator({ cacheFolder: cacheFolder(env), env, onProgress: say }));
  return {
    python: emulator.python,
    cli: cli.path,
    machine: {
      cores: availableParallelism(),
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      memoryGb: Math.round(totalmem() / 1024 ** 3),
      system: `${type()} ${release()}`,
      node: process.versions.node,
      cli: cli.version,
      plugin: `${plugin.version} (${plugin.origin})`,
    },
  };
}

function valueOf<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.problems.map(({ message, next }) => `${message}\n${next}`).join('\n'));
}

async function currentCommit(): Promise<string | undefined> {
  const { stdout, exitCode } = await execa('git', ['describe', '--always', '--dirty'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    reject: false,
  });
  return exitCode === 0 ? stdout : undefined;
}

function lineOf({ size, delayMs, case: which, round, contender, wallSeconds, cpuSeconds, peakMb, requests, engines }: Measurement): string {
  const asked = requests === undefined ? '' : `, ${requests.s3} to S3, ${requests.ec2} to EC2, ${engines ?? 0} engines`;
  return `${size} stacks, ${delayMs} ms, round ${round}, ${caseTitles[which]}, ${contenderTitles[contender]}: ${wallSeconds.toFixed(1)} s, CPU ${cpuSeconds.toFixed(1)} s, ${peakMb.toFixed(0)} MB${asked}`;
}

process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
process.exitCode = await main(process.argv.slice(2));
