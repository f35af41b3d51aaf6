import { execa } from 'execa';
import type { Mount } from '../gateway/gateway.ts';
import type { Emit } from '../run/events.ts';
import { recordedSecrets } from '../state/secrets.ts';
import { pulumiEnvironment } from './commands/env.ts';
import type { Context } from './context.ts';
import type { OpenedSession } from './open.ts';
import type { OpenedFile } from './open-file.ts';

interface ShellRequest {
  readonly file: OpenedFile;
  readonly aws: OpenedSession;
  readonly installation: string;
  readonly stack: string;
  readonly mount: Mount;
}

/**
 * A shell in which plain `pulumi` works on the overlay: what it writes is in memory, and goes to the bucket only when it has been verified.
 * @returns whether what it left is to be looked at; false where it was left with an error (`exit 1`)
 */
export async function openShell(context: Context, { file, aws, installation, stack, mount }: ShellRequest, emit: Emit): Promise<boolean> {
  const { spec } = file.network;
  const { variables, unset, path } = await pulumiEnvironment(context, stack, {
    target: file.target,
    network: spec.network,
    account: spec.account,
    region: spec.region,
    file: file.network.file,
    backendUrl: mount.url,
    secrets: recordedSecrets(mount.report().checkpoint?.body)?.provider ?? spec.state.secrets,
    installation,
    sessionSource: aws.session().source,
    standing: undefined,
  });
  emit({
    type: 'note',
    message:
      `A shell for ${stack}: pulumi works on a copy of its state (pulumi stack, pulumi state, pulumi import, pulumi refresh). ` +
      'Do not run pulumi up or destroy in it. `exit` verifies what you leave and goes on; `exit 1` gives up.',
  });
  const env: Record<string, string | undefined> = {
    ...withoutOwnPlaces(context.env),
    ...variables,
    ...aws.live.environment(),
    PATH: [...path, context.env['PATH'] ?? ''].join(':'),
    HOLDFAST_SHELL: stack,
  };
  for (const name of unset) if (!(name in variables) && !(name in aws.live.environment())) env[name] = undefined;
  const { exitCode } = await execa(context.env['SHELL'] ?? '/bin/sh', [], {
    cwd: context.root,
    env,
    extendEnv: false,
    stdio: 'inherit',
    reject: false,
  });
  return exitCode === 0;
}

/** The session and the endpoints are Holdfast's: with a profile, or an endpoint of S3, the shell's `pulumi` would go elsewhere, and past the copy of the state. */
const withoutOwnPlaces = (env: Context['env']): Context['env'] =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^AWS_(PROFILE|DEFAULT_PROFILE|ENDPOINT_URL.*)$/.test(name)));
