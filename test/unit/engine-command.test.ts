import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Foreign } from '../../orchestrator/domain/foreign.ts';
import { CliEngine } from '../../orchestrator/pulumi/engine.ts';
import { CliFailed, CliNotStarted, EngineCommand } from '../../orchestrator/pulumi/engine-command.ts';
import type { Watch } from '../../orchestrator/pulumi/engine-command.ts';
import { ownIdentity } from '../../toolchain/process-identity.ts';
import type { ProcessIdentity } from '../../toolchain/process-identity.ts';
import { deferred } from './support/deferred.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'holdfast-command-'))));
afterEach(async () => await rm(folder, { recursive: true }));

interface Call {
  readonly args?: readonly string[];
  readonly watch?: Partial<Watch>;
  readonly signal?: AbortSignal;
  readonly onOutput?: (text: string) => void;
}

type Run = (
  args: readonly string[],
  cwd: string,
  additions: Record<string, string>,
  onOutput?: (text: string) => void,
  onError?: (text: string) => void,
  signal?: AbortSignal,
) => Promise<{ code: number; stdout: string }>;

async function callOf(cli: string, { args = ['up'], watch = {}, signal, onOutput }: Call = {}): Promise<{ code: number; stdout: string }> {
  const command = new EngineCommand({ path: cli, version: '3.0.0' }).forAutomation({
    ending: undefined,
    quiet: () => new Promise(() => undefined),
    onStarted: undefined,
    ...watch,
  }) as unknown as { readonly run: Run };
  return await command.run(args, folder, {}, onOutput, undefined, signal);
}

/** A shell script in the place of the CLI. */
async function run(script: string, call: Call = {}): Promise<{ code: number; stdout: string }> {
  const cli = join(folder, 'pulumi');
  await writeFile(cli, `#!/bin/sh\n${script}\n`);
  await chmod(cli, 0o755);
  return await callOf(cli, call);
}

const failureOf = async (running: Promise<unknown>): Promise<CliFailed> => {
  const cause = await running.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (cause instanceof CliFailed) return cause;
  throw new Error(`not a failure of the CLI: ${String(cause)}`);
};

/** Notes each SIGINT, and ends when a file says so. */
const stubborn = `
trap 'echo interrupted >> interrupts' INT
echo ready
while [ ! -e enough ]; do sleep 0.02; done
exit 1`;

test('the process that acts is announced, by number and start', async () => {
  const started: ProcessIdentity[] = [];
  await run('echo $$ > pid; sleep 0.3', { watch: { onStarted: (process) => started.push(process) } });
  expect(started.map(({ pid }) => pid)).toEqual([Number(await readFile(join(folder, 'pid'), 'utf8'))]);
  expect(started[0]?.startedAt).not.toBe((await ownIdentity()).startedAt);
});

test('one that only asks is not', async () => {
  const started: ProcessIdentity[] = [];
  await run('sleep 0.3', { args: ['stack', 'init'], watch: { onStarted: (process) => started.push(process) } });
  expect(started).toEqual([]);
});

test.each([
  [['stack', 'select', '--stack', 'a.b'], ''],
  [['stack', 'output', '--json', '--stack', 'a.b'], '{}'],
  [['stack', 'history', '--json', '--stack', 'a.b'], '[]'],
])('what nobody reads is not asked of the CLI: %s', async (args, answer) => {
  expect(await run('touch started', { args })).toMatchObject({ code: 0, stdout: answer });
  expect(await readdir(folder)).not.toContain('started');
});

test.each(['signal', 'ending'] as const)('nothing is started under a %s that was given before', async (which) => {
  const aborted = AbortSignal.abort();
  const running = run('touch started', which === 'signal' ? { signal: aborted } : { watch: { ending: aborted } });
  await expect(running).rejects.toThrow(CliNotStarted);
  await expect(readFile(join(folder, 'started'))).rejects.toThrow('ENOENT');
});

test('signal and ending together are one SIGINT, and the kill comes when it is quiet', async () => {
  const [interrupt, ending] = [new AbortController(), new AbortController()];
  const [ready, quiet] = [deferred(), deferred()];
  const running = run(stubborn, {
    signal: interrupt.signal,
    watch: { ending: ending.signal, quiet: () => quiet.promise },
    onOutput: (text) => {
      if (text.includes('ready')) ready.resolve();
    },
  });
  const failure = failureOf(running);
  await ready.promise;
  interrupt.abort();
  ending.abort();
  await expect.poll(() => readFile(join(folder, 'interrupts'), 'utf8').catch(() => '')).toBe('interrupted\n');
  quiet.resolve();
  expect((await failure).words).toEqual(['the engine was ended: it may no longer write the state']);
  expect((await failure).signal).toBe('SIGKILL');
  expect(await readFile(join(folder, 'interrupts'), 'utf8')).toBe('interrupted\n');
});

test('ending kills at once what only asks', async () => {
  const ending = new AbortController();
  const ready = deferred();
  const failure = failureOf(run(stubborn, { args: ['stack', 'rm'], watch: { ending: ending.signal }, onOutput: () => ready.resolve() }));
  await ready.promise;
  ending.abort();
  expect(await failure).toMatchObject({ acts: false, signal: 'SIGKILL' });
});

test.each([
  ['kill -9 $$', ['the engine was killed (SIGKILL)']],
  ['echo Updating; echo "error: update canceled" >&2; exit 1', ['update canceled']],
  ['echo error: a >&2; echo error: b >&2; echo error: a >&2; exit 1', ['a', 'b']],
  ['echo Updating; echo; echo "the last word"; exit 3', ['the last word']],
  ['exit 3', ['the engine ended with exit code 3']],
])('of `%s` a person reads %j', async (script, words) => {
  expect((await failureOf(run(script))).words).toEqual(words);
});

test('an engine that is not there is said to be so, in one line', async () => {
  expect((await failureOf(callOf(join(folder, 'nothing')))).words).toEqual([expect.stringContaining('ENOENT')]);
});

test.each(['signal', 'ending'] as const)('an engine whose %s was given before has not started', async (which) => {
  const engine = new CliEngine({ project: 'p', cli: { path: '/nonexistent', version: '3.0.0' }, pulumiHome: folder });
  const result = await engine.up({
    stack: 's',
    program: () => Promise.resolve(),
    backendUrl: 'file:///nonexistent',
    exists: true,
    environment: {},
    [which]: AbortSignal.abort(),
  });
  expect(result).toEqual({
    outcome: 'failed',
    steps: [],
    unfinished: [],
    failures: [],
    started: false,
    errors: [new Foreign('the engine was not started: the run ends')],
    interrupted: which === 'signal',
  });
});
