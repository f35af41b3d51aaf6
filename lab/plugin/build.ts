import { appendFile, cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCacheFolder } from '../../toolchain/cache-folder.ts';
import type { Environment } from '../../toolchain/cache-folder.ts';
import { buildGoProgram, checkGo, detailOf, goEnvironment } from '../../toolchain/go-build.ts';
import type { GoResult } from '../../toolchain/go-build.ts';
import type { OnProgress } from '../../toolchain/progress.ts';
import { runTied } from '../../toolchain/tied-process.ts';
import { toolEnvironment } from '../../toolchain/tool-environment.mjs';
import { awsPluginVersion } from '../../toolchain/versions.ts';
import { copyProviderSource, providerModule } from './provider-source.ts';

/** This folder: the Go module of the plugin, and how it is built. */
export const pluginModule = path.dirname(fileURLToPath(import.meta.url));

/** What the plugin is made of, for a fingerprint: a change in any of it is another plugin. */
export const pluginSources = ['go.mod', 'go.sum', 'main.go', 'provider', 'provider-source.ts', 'build.ts'] as const;

export interface PluginBuild {
  readonly env: Environment;
  readonly onProgress: OnProgress;
  /** Emptied, and filled with `pulumi-resource-aws` and its `schema.json`. */
  readonly output: string;
  /** For the sources that are copied; removed afterwards. */
  readonly work: string;
}

/**
 * Builds the plugin from Go modules: the Terraform AWS provider behind Pulumi's bridge. The provider's packages are
 * internal to its module, so a copy of the module, with a door beside them, takes the module's place.
 */
export async function buildAwsPlugin({ env, onProgress, output, work }: PluginBuild): Promise<GoResult> {
  const go = await checkGo(env, pluginModule);
  if (!go.ok) return go;

  const part = 'aws-plugin';
  await rm(work, { recursive: true, force: true });
  await makeCacheFolder(env, work);
  try {
    for (const name of ['go.mod', 'go.sum', 'main.go', 'provider']) {
      await cp(path.join(pluginModule, name), path.join(work, name), { recursive: true });
    }
    const version = await pinnedProvider();
    onProgress({ part, phase: 'download', message: `downloading ${providerModule} (35 MB)` });
    const options = { env: goEnvironment(env), cwd: work };
    const download = await runTied('go', ['mod', 'download', '-json', `${providerModule}@${version}`], options);
    if (download.outcome !== 'succeeded') return failed('go mod download', detailOf(download));

    onProgress({ part, phase: 'prepare', message: 'copying the packages of the provider that the stacks need' });
    const module = JSON.parse(download.stdout) as { readonly Dir: string };
    await copyProviderSource(module.Dir, path.join(work, 'provider-source'));
    await appendFile(path.join(work, 'go.mod'), `\nreplace ${providerModule} => ./provider-source\n`);

    await rm(output, { recursive: true, force: true });
    await makeCacheFolder(env, output);
    const binary = path.join(output, 'pulumi-resource-aws');
    const title = `the aws plugin ${awsPluginVersion} (for the lab)`;
    const variables = { 'holdfast/lab/plugin/provider.Version': awsPluginVersion };
    const built = await buildGoProgram({ part, title, module: work, package: '.', output: binary, variables }, env, onProgress);
    if (!built.ok) return built;

    // The first run of the new plugin, too: one that does not start is not kept.
    const schema = await runTied(binary, ['schema'], { env: toolEnvironment(env) });
    if (schema.outcome !== 'succeeded') return failed('pulumi-resource-aws schema', detailOf(schema));
    await writeFile(path.join(output, 'schema.json'), schema.stdout);
    return { ok: true };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function pinnedProvider(): Promise<string> {
  const goMod = await readFile(path.join(pluginModule, 'go.mod'), 'utf8');
  const version = goMod
    .split('\n')
    .map((line) => line.trim().split(' '))
    .find(([name]) => name === providerModule)?.[1];
  if (version === undefined) throw new Error(`lab/plugin/go.mod does not require ${providerModule}`);
  return version;
}

const failed = (step: string, detail: string): GoResult => ({ ok: false, attempt: { reason: 'build-failed', step, detail } });
