import { awsPluginVersion } from '../../toolchain/versions.ts';
import { ProgramCode } from '../pulumi/program-code.ts';
import type { ProgramSettings } from '../pulumi/program.ts';
import type { FingerprintSettings } from '../run/fingerprint.ts';
import type { NetworkSpec } from '../network/spec.ts';
import type { Trusted } from '../state/checkpoint-trust.ts';
import { project } from '../state/layout.ts';
import type { Context } from './context.ts';
import type { OpenedFile } from './open-file.ts';

/** What the programs of a network are run with, besides their inputs. */
export function programSettings({ network: { spec } }: Pick<OpenedFile, 'network'>, installation: string): ProgramSettings {
  const { network, account, region, defaults, ignoreTags } = spec;
  return { project, network, account, region, installation, tags: defaults.tags, ignoreTags };
}

/** What its checkpoints may name. */
export const trustedOf = ({ account, region, state }: NetworkSpec): Trusted => ({ account, region, secrets: state.secrets });

export async function fingerprintSettings(
  context: Pick<Context, 'root'>,
  { graph, network, target }: OpenedFile,
  settings: ProgramSettings,
  /** Release of the CLI. */
  cli: string,
): Promise<FingerprintSettings> {
  const code = new ProgramCode(context.root);
  const kinds = [...new Set(graph.nodes.map(({ kind }) => kind.kind))];
  const digests = new Map(await Promise.all(kinds.map(async (kind): Promise<[string, string]> => [kind, await code.digest(kind)])));
  return {
    settings,
    programOf: (kind) => digests.get(kind) ?? '',
    engine: `pulumi ${cli}, aws ${awsPluginVersion}, ${target.kind}`,
    secrets: network.spec.state.secrets,
  };
}
