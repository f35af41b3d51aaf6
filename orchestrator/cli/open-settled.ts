import { Settled } from '../run/settled.ts';
import type { ProgramSettings } from '../pulumi/program.ts';
import { readIndex } from '../state/index-of-stacks.ts';
import type { Context } from './context.ts';
import { fingerprintSettings } from './fingerprint-settings.ts';
import type { OpenedSession } from './open.ts';
import type { OpenedFile } from './open-file.ts';

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
