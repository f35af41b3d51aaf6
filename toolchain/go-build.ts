import { chmod, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Attempt } from './problems.ts';
import type { Environment } from './cache-folder.ts';
import { throttled } from './progress.ts';
import type { OnProgress, Part } from './progress.ts';
import { runTied } from './tied-process.ts';
import type { TiedResult } from './tied-process.ts';
import { toolEnvironment } from './tool-environment.mjs';
import { compareVersions, parseVersion } from './versions.ts';

/** A Go program of a module of ours. */
export interface GoProgram {
  readonly part: Part;
  /** For people: what is being built. */
  readonly title: string;
  /** The folder with the go.mod. */
  readonly module: string;
  readonly package: string;
  readonly output: string;
  /** `-X` settings for the linker: variable to value. */
  readonly variables?: Readonly<Record<string, string>>;
}

export type GoResult = { readonly ok: true } | { readonly ok: false; readonly attempt: Attempt };

/**
 * The settings of every Go command here. Of the user's own, proxy, cache folders and the like are kept; those that would change
 * what is built are overridden. No cgo: neither program needs it, and with it a C compiler would be.
 */
export function goEnvironment(env: Environment): Environment {
  return {
    ...toolEnvironment(env, 'go'),
    GOFLAGS: '-mod=readonly -buildvcs=false -trimpath',
    GOWORK: 'off',
    GOTOOLCHAIN: 'local',
    CGO_ENABLED: '0',
    GOOS: '',
    GOARCH: '',
  };
}

/** Whether the Go on PATH is new enough for the module; the go.mod itself says what it needs. */
export async function checkGo(env: Environment, module: string, run: typeof runTied = runTied): Promise<GoResult> {
  const wanted = goVersionOf(await readFile(path.join(module, 'go.mod'), 'utf8'));
  const result = await run('go', ['env', 'GOVERSION'], { env: goEnvironment(env), cwd: '/' });
  if (result.outcome === 'not-started') return { ok: false, attempt: { reason: 'go-missing', wanted } };
  const found = result.outcome === 'succeeded' ? result.stdout.trim().replace(/^go/, '') : 'of unknown version';
  const [foundVersion, wantedVersion] = [parseVersion(found), parseVersion(wanted)];
  // A version that is not a release's (a development build) is left to Go itself to judge.
  const tooOld = foundVersion !== undefined && wantedVersion !== undefined && compareVersions(foundVersion, wantedVersion) < 0;
  return tooOld || result.outcome !== 'succeeded' ? { ok: false, attempt: { reason: 'go-too-old', found, wanted } } : { ok: true };
}

function goVersionOf(goMod: string): string {
  const version = /^go (\S+)$/m.exec(goMod)?.[1];
  if (version === undefined) throw new Error('A go.mod without a go line');
  return version;
}

/** Downloads what the program needs and builds it, telling how far it is. The output is not in place before it is whole: the caller renames. */
export async function buildGoProgram(program: GoProgram, env: Environment, onProgress: OnProgress): Promise<GoResult> {
  const report = throttled(onProgress);
  const options = { env: goEnvironment(env), cwd: program.module };

  let modules = 0;
  const downloading = (line: string) => {
    if (line.startsWith('go: downloading ')) modules += 1;
    const message =
      modules === 0 ? `looking for the sources of ${program.title}` : `downloading the sources of ${program.title}: ${modules} modules`;
    report({ part: program.part, phase: 'download', message, done: modules });
  };
  downloading('');
  // Lists what is to be compiled: what Go's own build cache has is not stale.
  const list = await runTied('go', ['list', '-deps', '-f', '{{if .Stale}}{{.ImportPath}}{{end}}', program.package], {
    ...options,
    onStderrLine: downloading,
  });
  if (list.outcome !== 'succeeded') return failed('go list', list);

  const total = list.stdout.split('\n').filter((line) => line !== '').length;
  let compiled = 0;
  const compiling = (): void => {
    report({
      part: program.part,
      phase: 'build',
      message: `building ${program.title}: ${compiled} of ${total} packages`,
      done: compiled,
      total,
    });
  };
  compiling();
  const variables = Object.entries(program.variables ?? {}).map(([name, value]) => ` -X ${name}=${value}`);
  // Without symbol tables, as the official ones: a quarter smaller, and linked sooner.
  const arguments_ = ['build', '-v', '-ldflags', `-s -w${variables.join('')}`, '-o', program.output, program.package];
  const build = await runTied('go', arguments_, {
    ...options,
    onStderrLine: (line) => {
      // -v prints one import path a line when its compilation starts; errors begin with `#` or have spaces.
      if (/^[\w.\-/~]+$/.test(line)) compiled += 1;
      compiling();
    },
  });
  if (build.outcome !== 'succeeded') return failed('go build', build);
  await chmod(program.output, 0o700);
  return { ok: true };
}

function failed(step: string, result: Exclude<TiedResult, { outcome: 'succeeded' }>): GoResult {
  return { ok: false, attempt: { reason: 'build-failed', step, detail: detailOf(result) } };
}

export function detailOf(result: Exclude<TiedResult, { outcome: 'succeeded' }>): string {
  switch (result.outcome) {
    case 'failed':
      return result.stderrTail === '' ? `exit ${result.exitCode ?? 'by a signal'}` : result.stderrTail;
    case 'timed-out':
      return `not done within ${result.afterMs / 1000} s`;
    case 'not-started':
      return `not started (${result.code})`;
  }
}
