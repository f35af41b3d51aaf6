import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { buildAwsPlugin, pluginModule, pluginSources } from '../lab/plugin/build.ts';
import type { Result } from '../orchestrator/domain/problem.ts';
import { withBuildLock } from './build-lock.ts';
import { cacheFolder, makeCacheFolder, requireOwnInCache } from './cache-folder.ts';
import type { Environment } from './cache-folder.ts';
import { detailOf } from './go-build.ts';
import type { GoResult } from './go-build.ts';
import { checkFile, rememberFile } from './checksums.ts';
import type { Checked } from './checksums.ts';
import { pluginUnpinned, toolChanged, toolMissing } from './problems.ts';
import type { Attempt, ToolChanged, ToolMissing, ToolUnpinned } from './problems.ts';
import type { OnProgress } from './progress.ts';
import { isExecutable } from './pulumi-cli.ts';
import { pulumiDownloads, reach } from './reach.ts';
import { recallFailure, rememberFailure } from './remembered-failure.ts';
import { requireOwn } from './own-folder.ts';
import { runTied } from './tied-process.ts';
import { toolEnvironment } from './tool-environment.mjs';
import { awsPluginVersion, pinnedPlugin } from './versions.ts';

export interface AwsPlugin {
  readonly origin: 'official-cache' | 'official-installer' | 'cache' | 'go-build';
  /** Holds `pulumi-resource-aws`; what `plugins.providers[].path` of the project settings takes. */
  readonly directory: string;
  readonly version: string;
  /** What a built plugin answers to GetSchema. */
  readonly schemaPath?: string;
}

export interface AwsPluginRequest {
  readonly env: Environment;
  /** Of the Pulumi CLI, which downloads the official plugin. */
  readonly cliPath: string;
  readonly onProgress: OnProgress;
  /** For a real account: only the official plugin will do. The built one knows the lab's resource types, and no others. */
  readonly officialOnly?: boolean;
}

/** What the order of sources looks at and does; replaced in tests. */
export interface AwsPluginSources {
  readonly isExecutable: (file: string) => Promise<boolean>;
  /** Whether an installation that has begun is not ended. */
  readonly isPartial: (directory: string) => Promise<boolean>;
  /** Tells the built plugins of different sources apart. */
  readonly fingerprint: () => Promise<string>;
  /** Puts the official plugin into the Pulumi home of the cache. */
  readonly install: () => Promise<{ ok: true } | { ok: false; attempt: Attempt }>;
  /** Puts `pulumi-resource-aws` and `schema.json` into this directory, all at once. */
  readonly build: (directory: string) => Promise<GoResult>;
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  /** SHA-256 of the official one for this platform; undefined where it was not written down. */
  readonly pinned: string | undefined;
  /** Whether a file is what it is pinned to be, or else what it was when it was made or first used. */
  readonly check: (file: string, pinned?: string) => Promise<Checked>;
}

const executable = 'pulumi-resource-aws';

/**
 * The aws plugin: the official one where it is installed, else one that was built before, else the official download, else a build. Each with its checksum.
 *
 * @throws NotOwn where another user of the machine may have put there what is found
 */
export async function provideAwsPlugin(
  request: AwsPluginRequest,
  sources: AwsPluginSources = realSources(request),
): Promise<Result<AwsPlugin, readonly [ToolMissing | ToolChanged | ToolUnpinned]>> {
  const allowBuilt = request.officialOnly !== true;
  // What it is remembered to be is no more than what lay there the first time: not for a real account.
  if (!allowBuilt && sources.pinned === undefined) return { ok: false, problems: [pluginUnpinned()] };
  const official = (origin: 'official-cache' | 'official-installer', directory: string) =>
    ({ ok: true, value: { origin, directory, version: awsPluginVersion } }) as const;
  const installed = await findOfficial(request.env, sources);
  if (installed.directory !== undefined) return official('official-cache', installed.directory);

  const directory = path.join(cacheFolder(request.env), 'aws-plugin', await sources.fingerprint());
  const built = (origin: 'cache' | 'go-build') =>
    ({ ok: true, value: { origin, directory, version: awsPluginVersion, schemaPath: path.join(directory, 'schema.json') } }) as const;
  const findBuilt = async () => {
    const file = path.join(directory, executable);
    if (!allowBuilt) return undefined;
    await requireOwnInCache(request.env, file);
    if (!(await sources.isExecutable(file))) return undefined;
    const checked = await sources.check(file);
    return checked.ok ? built('cache') : ({ ok: false, problems: [toolChanged('aws-plugin', file, checked)] } as const);
  };
  const before = await findBuilt();
  if (before) return before;

  return await sources.exclusively(async () => {
    // The process that had the lock before may have been at the same.
    const since = await findOfficial(request.env, sources);
    if (since.directory !== undefined) return official('official-cache', since.directory);
    const meanwhile = await findBuilt();
    if (meanwhile) return meanwhile;

    const attempts: Attempt[] = [...since.attempts];
    const download = await sources.install();
    if (download.ok) {
      const downloaded = await findOfficial(request.env, sources);
      if (downloaded.directory !== undefined) return official('official-installer', downloaded.directory);
      const missing: Attempt = { reason: 'download-failed', site: pulumiDownloads, detail: 'the plugin is not where it was to be' };
      attempts.splice(0, attempts.length, ...(downloaded.attempts.length > 0 ? downloaded.attempts : [missing]));
    } else attempts.push(download.attempt);

    const build: GoResult = allowBuilt ? await sources.build(directory) : { ok: false, attempt: { reason: 'built-one-not-wanted' } };
    if (build.ok) return built('go-build');
    attempts.push(build.attempt);
    return { ok: false, problems: [toolMissing('aws-plugin', attempts)] };
  });
}

/** @returns the directory with one that is what it is to be, and those that are not */
async function findOfficial(
  env: Environment,
  sources: Pick<AwsPluginSources, 'isExecutable' | 'isPartial' | 'check' | 'pinned'>,
): Promise<{ readonly directory?: string; readonly attempts: readonly Attempt[] }> {
  const attempts: Attempt[] = [];
  const userHome = env.PULUMI_HOME ?? path.join(env.HOME ?? homedir(), '.pulumi');
  for (const home of [userHome, pulumiHomeOfCache(env)]) {
    const directory = path.join(home, 'plugins', `resource-aws-v${awsPluginVersion}`);
    const file = path.join(directory, executable);
    await requireOwn(file, home);
    if (!(await sources.isExecutable(file)) || (await sources.isPartial(directory))) continue;
    const checked = await sources.check(file, sources.pinned);
    if (checked.ok) return { directory, attempts };
    attempts.push({ reason: 'other-checksum', file, found: checked.found, wanted: checked.wanted });
  }
  return { attempts };
}

const pulumiHomeOfCache = (env: Environment): string => path.join(cacheFolder(env), 'pulumi-home');

/** Time for the download itself, once the site is known to answer: some 150 MB. */
const downloadTimeoutMs = 300_000;

function realSources({ env, cliPath, onProgress }: AwsPluginRequest): AwsPluginSources {
  const part = 'aws-plugin';
  const title = `the aws plugin ${awsPluginVersion}`;
  return {
    isExecutable,
    // The CLI's own mark, beside the directory while it unpacks.
    isPartial: async (directory) =>
      await stat(`${directory}.partial`).then(
        () => true,
        () => false,
      ),
    fingerprint: fingerprintOfSources,
    pinned: pinnedPlugin(),
    check: (file, pinned) => checkFile(file, env, pinned),

    install: async () => {
      const marker = path.join(cacheFolder(env), 'aws-plugin', 'download-failed.json');
      const lately = await recallFailure(marker, Date.now());
      if (lately !== undefined) return { ok: false, attempt: { reason: 'failed-lately', ...lately } };
      const attempt = await installOfficial();
      if (attempt === undefined) return { ok: true };
      await rememberFailure(marker, {
        site: pulumiDownloads,
        atMs: Date.now(),
        detail: 'detail' in attempt ? attempt.detail : attempt.reason,
      });
      return { ok: false, attempt };
    },

    build: async (directory) => {
      const output = `${directory}.unfinished`;
      const work = path.join(cacheFolder(env), 'aws-plugin', 'work');
      try {
        const built = await buildAwsPlugin({ env, onProgress, output, work });
        if (built.ok) {
          // Without its executable a directory there is of nobody's making, and in the way of the rename.
          await rm(directory, { recursive: true, force: true });
          await rename(output, directory);
          await rememberFile(path.join(directory, executable), env);
        }
        return built;
      } finally {
        await rm(output, { recursive: true, force: true });
      }
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

  async function installOfficial(): Promise<Attempt | undefined> {
    onProgress({ part, phase: 'look', message: `asking ${pulumiDownloads} for ${title}` });
    const answer = await reach(pulumiDownloads, env);
    if (!answer.reached) return { reason: 'unreachable', site: pulumiDownloads, detail: answer.detail };
    onProgress({ part, phase: 'download', message: `downloading ${title} from ${pulumiDownloads}` });
    await makeCacheFolder(env, pulumiHomeOfCache(env));
    const result = await runTied(cliPath, ['plugin', 'install', 'resource', 'aws', awsPluginVersion], {
      env: { ...toolEnvironment(env), PULUMI_HOME: pulumiHomeOfCache(env), PULUMI_SKIP_UPDATE_CHECK: 'true' },
      isPrivate: true,
      timeoutMs: downloadTimeoutMs,
    });
    if (result.outcome === 'succeeded') return undefined;
    return result.outcome === 'timed-out'
      ? { reason: 'download-timed-out', site: pulumiDownloads, afterMs: result.afterMs }
      : { reason: 'download-failed', site: pulumiDownloads, detail: detailOf(result) };
  }
}

/**
 * Over what the plugin is made from and what it runs on. Not over the Go that is installed: a newer one would cost a build
 * for the same plugin, and a missing one would hide the plugin that is there.
 */
async function fingerprintOfSources(): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${awsPluginVersion}\n`);
  for (const source of pluginSources) {
    const file = path.join(pluginModule, source);
    const isFolder = (await stat(file)).isDirectory();
    const names = isFolder ? (await readdir(file)).sort().map((name) => path.join(source, name)) : [source];
    for (const name of names) hash.update(`${name}\n`).update(await readFile(path.join(pluginModule, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
