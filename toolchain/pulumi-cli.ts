import { access, constants, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Result } from '../orchestrator/domain/problem.ts';
import { withBuildLock } from './build-lock.ts';
import { cacheFolder, makeCacheFolder, requireOwnInCache } from './cache-folder.ts';
import type { Environment } from './cache-folder.ts';
import { buildGoProgram, checkGo, detailOf } from './go-build.ts';
import type { GoResult } from './go-build.ts';
import { checkFile, rememberFile, sha256Of } from './checksums.ts';
import type { Checked } from './checksums.ts';
import { toolChanged, toolMissing } from './problems.ts';
import type { Attempt, ToolChanged, ToolMissing } from './problems.ts';
import type { OnProgress } from './progress.ts';
import { pulumiDownloads, reach } from './reach.ts';
import { runTied } from './tied-process.ts';
import { toolEnvironment } from './tool-environment.mjs';
import { isSuitableCli, pinnedCli, pulumiCliVersion } from './versions.ts';

export interface PulumiCli {
  readonly origin: 'path' | 'cache' | 'installer' | 'go-build';
  /** Of the executable. */
  readonly path: string;
  /** Without a leading `v`. */
  readonly version: string;
}

export interface PulumiCliRequest {
  readonly env: Environment;
  readonly onProgress: OnProgress;
}

/** What the order of sources looks at and does; replaced in tests. */
export interface PulumiCliSources {
  /** The CLI on PATH, whatever its version. */
  readonly onPath: () => Promise<{ path: string; version: string } | undefined>;
  readonly isExecutable: (file: string) => Promise<boolean>;
  /** Puts the pinned CLI at this path, from Pulumi's own downloads. */
  readonly install: (target: string) => Promise<{ ok: true } | { ok: false; attempt: Attempt }>;
  readonly build: (target: string) => Promise<GoResult>;
  /** Whether the kept one is what it was when it was made or first used. */
  readonly check: (target: string) => Promise<Checked>;
  /** Runs the work with no other process at it. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * The Pulumi CLI: the one on PATH, else the one kept in the cache, else the official download, else a build from Go
 * modules, which needs nothing but a Go module proxy.
 *
 * @throws NotOwn where another user of the machine may have put there what the cache has
 */
export async function providePulumiCli(
  request: PulumiCliRequest,
  sources: PulumiCliSources = realSources(request),
): Promise<Result<PulumiCli, readonly [ToolMissing | ToolChanged]>> {
  const attempts: Attempt[] = [];
  const provided = (origin: PulumiCli['origin'], file: string, version: string) =>
    ({ ok: true, value: { origin, path: file, version } }) as const;

  const found = await sources.onPath();
  if (found !== undefined && isSuitableCli(found.version)) return provided('path', found.path, found.version.replace(/^v/, ''));
  attempts.push(found === undefined ? { reason: 'not-on-path' } : { reason: 'unsuitable-version', path: found.path, found: found.version });

  const target = cachedPulumiCli(request.env);
  const findKept = async () => {
    await requireOwnInCache(request.env, target);
    if (!(await sources.isExecutable(target))) return undefined;
    const checked = await sources.check(target);
    return checked.ok
      ? provided('cache', target, pulumiCliVersion)
      : ({ ok: false, problems: [toolChanged('pulumi-cli', target, checked)] } as const);
  };
  const kept = await findKept();
  if (kept) return kept;

  return await sources.exclusively(async () => {
    // The process that had the lock before may have been at the same.
    const meanwhile = await findKept();
    if (meanwhile) return meanwhile;

    const installed = await sources.install(target);
    if (installed.ok) return provided('installer', target, pulumiCliVersion);
    attempts.push(installed.attempt);

    const built = await sources.build(target);
    if (built.ok) return provided('go-build', target, pulumiCliVersion);
    attempts.push(built.attempt);

    return { ok: false, problems: [toolMissing('pulumi-cli', attempts)] };
  });
}

/** Where the CLI is kept, whether it is there or not. A file there is whole: it only ever gets there by a rename. */
export function cachedPulumiCli(env: Environment): string {
  return path.join(cacheFolder(env), 'pulumi', pulumiCliVersion, 'pulumi');
}

/** Time for the download itself, once the site is known to answer. */
const downloadTimeoutMs = 180_000;
const askVersionTimeoutMs = 15_000;

export async function isExecutable(file: string): Promise<boolean> {
  return await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function realSources({ env, onProgress }: PulumiCliRequest): PulumiCliSources {
  const here = path.dirname(fileURLToPath(import.meta.url));
  const module = path.join(here, 'pulumi-cli');
  const part = 'pulumi-cli';
  const title = `the Pulumi CLI ${pulumiCliVersion}`;
  return {
    isExecutable,
    check: (file) => checkFile(file, env),

    onPath: async () => {
      const file = await findOnPath('pulumi', env);
      if (file === undefined) return undefined;
      const result = await runTied(file, ['version'], {
        env: { ...toolEnvironment(env), PULUMI_SKIP_UPDATE_CHECK: 'true' },
        timeoutMs: askVersionTimeoutMs,
      });
      return { path: file, version: result.outcome === 'succeeded' ? result.stdout.trim() : `of unknown version: ${detailOf(result)}` };
    },

    install: async (target) => {
      onProgress({ part, phase: 'look', message: `asking ${pulumiDownloads} for ${title}` });
      const answer = await reach(pulumiDownloads, env);
      if (!answer.reached) return { ok: false, attempt: { reason: 'unreachable', site: pulumiDownloads, detail: answer.detail } };

      onProgress({ part, phase: 'download', message: `downloading ${title} from ${pulumiDownloads}` });
      return await beside(env, target, async (folder) => {
        const installer = path.join(here, 'pulumi-cli-installer.mjs');
        const result = await runTied(process.execPath, [installer, pulumiCliVersion, folder], {
          env: toolEnvironment(env, 'node'),
          isPrivate: true,
          timeoutMs: downloadTimeoutMs,
        });
        if (result.outcome === 'succeeded') {
          const downloaded = path.join(folder, 'bin', 'pulumi');
          const pinned = pinnedCli();
          const found = await sha256Of(downloaded);
          if (pinned !== undefined && found !== pinned)
            return { ok: false, attempt: { reason: 'other-checksum', file: pulumiDownloads, found, wanted: pinned } };
          await rename(downloaded, target);
          await rememberFile(target, env);
          return { ok: true };
        }
        return result.outcome === 'timed-out'
          ? { ok: false, attempt: { reason: 'download-timed-out', site: pulumiDownloads, afterMs: result.afterMs } }
          : { ok: false, attempt: { reason: 'download-failed', site: pulumiDownloads, detail: detailOf(result) } };
      });
    },

    build: async (target) => {
      const go = await checkGo(env, module);
      if (!go.ok) return go;
      return await beside(env, target, async (folder) => {
        const output = path.join(folder, 'pulumi');
        const program = {
          part,
          title,
          module,
          package: 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi',
          output,
          variables: { 'github.com/pulumi/pulumi/sdk/v3/go/common/version.Version': `v${pulumiCliVersion}` },
        } as const;
        const built = await buildGoProgram(program, env, onProgress);
        if (built.ok) {
          await rename(output, target);
          await rememberFile(target, env);
        }
        return built;
      });
    },

    exclusively: async (work) =>
      await withBuildLock(
        {
          folder: path.join(cacheFolder(env), 'locks', part),
          onWait: (pid) =>
            onProgress({ part, phase: 'wait', message: `another holdfast process (pid ${pid}) provides ${title}; waiting for it` }),
        },
        work,
      ),
  };
}

/**
 * Runs the work with an empty folder on the target's own file system, where what is unfinished lies until it is renamed.
 * Whoever has the lock finds there what a killed one left, and clears it.
 */
export async function beside<T>(env: Environment, target: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = `${target}.unfinished`;
  await rm(folder, { recursive: true, force: true });
  await makeCacheFolder(env, folder);
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function findOnPath(command: string, env: Environment): Promise<string | undefined> {
  for (const folder of (env.PATH ?? '').split(path.delimiter)) {
    // An empty entry means the current folder, which nobody wants tools from.
    const file = path.join(folder, command);
    if (path.isAbsolute(folder) && (await isExecutable(file))) return file;
  }
  return undefined;
}
