import { delimiter, dirname, join, resolve } from 'node:path';
import { engineEndpoints } from '../../aws/clients.ts';
import type { Target } from '../../aws/target.ts';
import { command } from '../../domain/command.ts';
import { exitCodes } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../../domain/problem.ts';
import type { Standing } from '../../run/standing.ts';
import { readInstallation } from '../../state/installation.ts';
import { project } from '../../state/layout.ts';
import { byPassphrase, recordedSecrets } from '../../state/secrets.ts';
import type { ConfiguredSecrets } from '../../state/secrets.ts';
import { requireOwnInCache } from '../../../toolchain/cache-folder.ts';
import { cachedPulumiCli, isExecutable } from '../../../toolchain/pulumi-cli.ts';
import type { PulumiEnvironment } from '../../ui/env.ts';
import { hiddenIn, hintsOf, notToBeSeen, plainWouldDo, shellText, warningOf } from '../../ui/env.ts';
import type { CommonFlags, Context } from '../context.ts';
import { oneStack } from '../one-stack.ts';
import { backendUrl } from '../open.ts';
import { passphraseEnvironment } from '../passphrase.ts';
import { print, printJson, report, warn } from '../report.ts';
import { withBucket } from '../with-bucket.ts';

/**
 * Prints what `eval` takes. Everything else goes to stderr, as a message among the exports would be run; and where it fails it prints `false`, so that
 * `eval "$(…)" && pulumi …` goes no further.
 */
export async function env(this: Context, flags: CommonFlags, pattern: string): Promise<void> {
  const told: Context['process'] = flags.json ? this.process : { stdout: this.process.stderr, stderr: this.process.stderr };
  await report({ ...this, process: told }, flags, (emit) =>
    withBucket(this, flags, 'env', emit, async ({ file, aws, facts, read, header, notes }): Promise<ExitCode> => {
      const { states, standings, unreadable } = await read();
      const names = new Set([...file.graph.nodes.map(({ name }) => name), ...states.keys()]);
      const stack = oneStack(names, pattern, file, {
        because: 'plain pulumi works on one',
        command: (short) => command('env', short),
      });
      const refused = unreadable.find((state) => state.stack === stack);
      if (refused) emit({ type: 'note', message: plainWouldDo(refused) });
      const { spec } = file.network;
      const installation =
        facts.installation === undefined ? undefined : orRefuse(readInstallation(facts.installation), exitCodes.preflightRefused);
      const environment = await pulumiEnvironment(this, stack, {
        target: file.target,
        network: spec.network,
        account: spec.account,
        region: spec.region,
        file: file.network.file,
        backendUrl: backendUrl(file, aws, spec.region),
        secrets: recordedSecrets(states.get(stack)?.body)?.provider ?? spec.state.secrets,
        installation: installation?.installation,
        sessionSource: aws.session().source,
        standing: standings.byStack.get(stack),
      });
      if (flags.json) printJson(this, { ...header(), ...environment, notes });
      else {
        const hidden = hiddenIn(environment);
        if (hidden.length > 0) throw new Refusal(exitCodes.usage, notToBeSeen(hidden));
        if (environment.warning !== null) warn(this, environment.warning);
        print(this, shellText, environment);
      }
      return exitCodes.done;
    }),
  );
  if (told === this.process) return;
  this.process.exitCode = told.exitCode ?? null;
  if (told.exitCode !== exitCodes.done) print(this, () => 'false; # nothing was set: the message is on stderr');
}

/** What the environment is made from. */
export interface EnvironmentFacts {
  readonly target: Target;
  readonly network: string;
  readonly account: string;
  readonly region: string;
  /** The network file. */
  readonly file: string;
  readonly backendUrl: string;
  /** What encrypts the secret values of the stack: its checkpoint's own word, or else the network file's. */
  readonly secrets: ConfiguredSecrets;
  /** Undefined where the bucket does not say. */
  readonly installation: string | undefined;
  /** For people: where Holdfast's own session comes from. */
  readonly sessionSource: string;
  readonly standing: Standing | undefined;
}

export async function pulumiEnvironment(
  { env, root, cwd }: Pick<Context, 'env' | 'root' | 'cwd'>,
  stack: string,
  facts: EnvironmentFacts,
): Promise<PulumiEnvironment> {
  const { target, network, account, region, installation } = facts;
  const cli = await cliFolder(env);
  const lab = target.kind === 'LAB' ? target.lab : undefined;
  const programsRead = join(root, 'networks', `${network}.yaml`);
  return {
    stack,
    variables: {
      PULUMI_BACKEND_URL: facts.backendUrl,
      // Read by the CLI itself, before the stack that a folder has selected.
      PULUMI_STACK: `organization/${project}/${stack}`,
      ...passphraseEnvironment({ env }),
      // Where the stack's settings say nothing, as in a folder that never had them, plain pulumi would go over to the passphrase.
      ...(facts.secrets === byPassphrase ? {} : { PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: 'true' }),
      PULUMI_SKIP_UPDATE_CHECK: 'true',
      ...(installation === undefined ? {} : { HOLDFAST_INSTALLATION: installation }),
      AWS_REGION: region,
      // The name that the `aws` CLI knows.
      AWS_DEFAULT_REGION: region,
      ...(target.kind === 'LAB'
        ? {
            AWS_ACCESS_KEY_ID: 'test',
            AWS_SECRET_ACCESS_KEY: 'test',
            AWS_EC2_METADATA_DISABLED: 'true',
            AWS_ENDPOINT_URL: target.lab.endpoint,
            AWS_S3_USE_PATH_STYLE: 'true',
          }
        : engineEndpoints(target.endpoints)),
    },
    unset: [
      // With it a killed engine leaves no trace of what it had begun.
      'PULUMI_SKIP_CHECKPOINTS',
      // Whoever is signed in to a real account stays out of the lab.
      ...(lab ? ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_ROLE_ARN', 'AWS_WEB_IDENTITY_TOKEN_FILE', 'PULUMI_IGNORE_AMBIENT_PLUGINS'] : []),
    ],
    // The engine takes a plugin that it finds on the PATH before any other: it says so in a warning at each command.
    path: [...(lab ? [lab.pluginDirectory] : []), ...(cli === undefined ? [] : [cli])],
    hints: hintsOf({
      stack,
      root,
      account,
      sessionSource: facts.sessionSource,
      isLab: lab !== undefined,
      isPrepared: installation !== undefined,
      hasCli: cli !== undefined || (await isOnPath('pulumi', env)),
      hasLanguage:
        (await isOnPath('pulumi-language-nodejs', env)) || (cli !== undefined && (await isExecutable(join(cli, 'pulumi-language-nodejs')))),
      programs: { read: programsRead, wanted: resolve(cwd, facts.file) === programsRead ? undefined : facts.file },
    }),
    warning: warningOf(stack, facts.standing),
  };
}

/** Of the CLI that Holdfast has provided; undefined where the person's own is on the PATH, which goes first, or where there is none yet. */
async function cliFolder(env: Context['env']): Promise<string | undefined> {
  const cached = cachedPulumiCli(env);
  if (await isOnPath('pulumi', env)) return undefined;
  await requireOwnInCache(env, cached);
  return (await isExecutable(cached)) ? dirname(cached) : undefined;
}

async function isOnPath(name: string, env: Context['env']): Promise<boolean> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) if (folder !== '' && (await isExecutable(join(folder, name)))) return true;
  return false;
}
