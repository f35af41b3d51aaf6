import { join } from 'node:path';
import { cacheFolder, makeCacheFolder } from '../../toolchain/cache-folder.ts';
import { requireOwn, requireOwnFolder } from '../../toolchain/own-folder.ts';
import { providePulumiCli } from '../../toolchain/pulumi-cli.ts';
import { awsPluginVersion } from '../../toolchain/versions.ts';
import type { Target } from '../aws/target.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse } from '../domain/problem.ts';
import { CliEngine } from '../pulumi/engine.ts';
import type { Engine, EngineSettings } from '../pulumi/engine.ts';
import type { Emit } from '../run/events.ts';
import { project } from '../state/layout.ts';
import type { Context } from './context.ts';

export interface ProvidedEngine {
  readonly settings: EngineSettings;
  /** For people. */
  readonly plugin: string;
}

/**
 * The Pulumi CLI and the aws plugin: the lab's own plugin for the lab, the official one, which the engine itself provides, for AWS.
 * @throws NotOwn where another user of the machine may have put there what would be run
 */
export async function provideEngine(context: Context, target: Target, emit: Emit): Promise<ProvidedEngine> {
  if (context.ports) return context.ports.provideEngine();
  const cli = orRefuse(
    await providePulumiCli({ env: context.env, onProgress: ({ message }) => emit({ type: 'progress', message }) }),
    exitCodes.preflightRefused,
  );
  const pulumiHome = join(cacheFolder(context.env), 'pulumi-home');
  // What the engine starts with the keys of the run, and where evidence is kept: refused here, before it is needed.
  await makeCacheFolder(context.env, join(pulumiHome, 'plugins'));
  const plugin = target.kind === 'LAB' ? [target.lab.pluginDirectory] : [pulumiHome, 'plugins', `resource-aws-v${awsPluginVersion}`];
  await requireOwn(join(...plugin, 'pulumi-resource-aws'), cacheFolder(context.env));
  await requireOwnFolder(join(context.root, '.holdfast'));
  return {
    settings: {
      project,
      cli: { path: cli.path, version: cli.version },
      pulumiHome,
      ...(target.kind === 'LAB' ? { pluginDirectory: target.lab.pluginDirectory } : {}),
    },
    plugin: target.kind === 'LAB' ? `aws plugin of the lab` : `aws plugin ${awsPluginVersion}`,
  };
}

export const openEngine = ({ ports }: Context, settings: EngineSettings): Engine => ports?.openEngine(settings) ?? new CliEngine(settings);
