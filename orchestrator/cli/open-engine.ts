import { join } from 'node:path';
import { provideAwsPlugin } from '../../toolchain/aws-plugin.ts';
import { cacheFolder } from '../../toolchain/cache-folder.ts';
import { requireOwnFolder } from '../../toolchain/own-folder.ts';
import { providePulumiCli } from '../../toolchain/pulumi-cli.ts';
import { awsPluginVersion } from '../../toolchain/versions.ts';
import type { Target } from '../aws/target.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse } from '../domain/problem.ts';
import type { Problem } from '../domain/problem.ts';
import { CliEngine } from '../pulumi/engine.ts';
import type { Engine, EngineSettings } from '../pulumi/engine.ts';
import type { Emit } from '../run/events.ts';
import { project } from '../state/layout.ts';
import type { Context } from './context.ts';

export interface ProvidedEngine {
  readonly settings: EngineSettings;
  /** For people; or why there is none for a real account, of which the preflight tells. */
  readonly plugin: string | Problem;
}

/**
 * The Pulumi CLI and the aws plugin: any that was made or released for the lab, for AWS only the official one, by its checksum. The engine fetches nothing itself.
 * @throws NotOwn where another user of the machine may have put there what would be run
 */
export async function provideEngine(context: Context, target: Target, emit: Emit): Promise<ProvidedEngine> {
  if (context.ports) return context.ports.provideEngine();
  const asked = { env: context.env, onProgress: ({ message }: { readonly message: string }) => emit({ type: 'progress', message }) };
  const cli = orRefuse(await providePulumiCli(asked), exitCodes.preflightRefused);
  const isLab = target.kind === 'LAB';
  const provided = await provideAwsPlugin({ ...asked, cliPath: cli.path, officialOnly: !isLab });
  // Where evidence is kept: refused here, before it is needed.
  await requireOwnFolder(join(context.root, '.holdfast'));
  const settings = { project, cli: { path: cli.path, version: cli.version }, pulumiHome: join(cacheFolder(context.env), 'pulumi-home') };
  if (!provided.ok && !isLab) return { settings, plugin: provided.problems[0] };
  const { directory } = orRefuse(provided, exitCodes.preflightRefused);
  return {
    settings: { ...settings, pluginDirectory: directory },
    plugin: isLab ? 'aws plugin of the lab' : `aws plugin ${awsPluginVersion}`,
  };
}

export const openEngine = ({ ports }: Context, settings: EngineSettings): Engine => ports?.openEngine(settings) ?? new CliEngine(settings);
