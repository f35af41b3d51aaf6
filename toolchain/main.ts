import { Refusal } from '../orchestrator/domain/problem.ts';
import type { Problem } from '../orchestrator/domain/problem.ts';
import { throttled } from './progress.ts';
import { provideAwsPlugin } from './aws-plugin.ts';
import { providePulumiCli } from './pulumi-cli.ts';

/**
 * `node --import ./toolchain/tsx.mjs toolchain/main.ts [--official]`: provides the CLI and the plugin, and says where each came from. A real account takes the
 * official plugin only; a CI fetches both before it has a session.
 */
async function main(): Promise<number> {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  // Lines that stay are wanted less often than a screen that is redrawn.
  const onProgress = throttled((progress) => print(`${progress.part}: ${progress.message}`), 10_000);

  const cli = await providePulumiCli({ env: process.env, onProgress });
  if (!cli.ok) return failed(cli.problems);
  print(`pulumi-cli: ${cli.value.version}, from ${cli.value.origin}: ${cli.value.path}`);

  const officialOnly = process.argv.includes('--official');
  const plugin = await provideAwsPlugin({ env: process.env, cliPath: cli.value.path, onProgress, officialOnly });
  if (!plugin.ok) return failed(plugin.problems);
  print(`aws-plugin: ${plugin.value.version}, from ${plugin.value.origin}: ${plugin.value.directory}`);
  return 0;
}

function failed(problems: readonly Problem[]): number {
  for (const problem of problems) process.stderr.write(`${problem.message}\n${problem.next}\n`);
  return 1;
}

process.exitCode = await main().catch((cause: unknown) => {
  if (!(cause instanceof Refusal)) throw cause;
  return failed(cause.problems);
});
