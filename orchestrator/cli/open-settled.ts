import { awsPluginVersion } from '../../toolchain/versions.ts';
import type { FingerprintSettings } from '../run/fingerprint.ts';
import { Settled } from '../run/settled.ts';
import { ProgramCode } from '../pulumi/program-code.ts';
import type { ProgramSettings } from '../pulumi/program.ts';
import { readIndex } from '../state/index-of-stacks.ts';
import type { Context } from './context.ts';
import type { OpenedFile, OpenedSession } from './open.ts';

/** What is known of earlier runs. With `--force` or `--refresh`, or where the bucket does not say it: nothing. */
export async function openSettled(
  context: Context,
  file: OpenedFile,
  aws: Pick<OpenedSession, 'store'>,
  settings: ProgramSettings,
  cli: string,
  { force, refresh }: { readonly force?: boolean; readonly refresh?: boolean },
): Promise<Settled> {
  const { network } = file.network.spec;
  const [fingerprints, known] = await Promise.all([
    fingerprintSettings(context, file, settings, cli),
    force === true || refresh === true
      ? new Map()
      : readIndex(aws.store, network).then(
          ({ entries }) => entries,
          () => new Map(),
        ),
  ]);
  return new Settled(known, fingerprints);
}

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
