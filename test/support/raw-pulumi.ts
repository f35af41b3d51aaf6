import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalWorkspace, PulumiCommand } from '@pulumi/pulumi/automation/index.js';
import type { ProjectSettings, PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { execa } from 'execa';
import { stateUrl } from '../../orchestrator/aws/clients.ts';
import { project } from '../../orchestrator/state/layout.ts';
import type { LabRecord } from '../../orchestrator/domain/lab-record.ts';
import { providePulumiCli } from '../../toolchain/pulumi-cli.ts';

export interface RawResult {
  readonly exitCode: number;
  readonly output: string;
}

/** A command of the CLI that works still. */
export interface RunningRaw {
  readonly pid: number;
  readonly ended: Promise<RawResult & { readonly stdout: string; readonly stderr: string }>;
}

/** A session of AWS that nobody ends. */
export const endless = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

/**
 * What plain `pulumi` is told of the lab, beside its credentials.
 * @param home where it keeps its logs
 */
export const backendEnvironment = (record: Pick<LabRecord, 'endpoint' | 'bucket' | 'region'>, home: string): Record<string, string> => ({
  PULUMI_BACKEND_URL: stateUrl({ kind: 'LAB', endpoint: record.endpoint }, record.bucket, record.region),
  PULUMI_HOME: home,
  PULUMI_CONFIG_PASSPHRASE: '',
  PULUMI_SKIP_UPDATE_CHECK: 'true',
  AWS_REGION: record.region,
  AWS_ENDPOINT_URL: record.endpoint,
});

/** Pulumi without Holdfast, as a person has it who goes past it: the bucket's own URL, the engine's own locks. */
export class RawPulumi {
  readonly #cli: { readonly path: string; readonly version: string };
  readonly #folder: string;
  readonly #settings: ProjectSettings;
  readonly #environment: Record<string, string>;

  private constructor(cli: RawPulumi['cli'], folder: string, settings: ProjectSettings, environment: Record<string, string>) {
    this.#cli = cli;
    this.#folder = folder;
    this.#settings = settings;
    this.#environment = environment;
  }

  /** @param session of AWS; absent: one that nobody ends */
  static async open(record: LabRecord, session: Readonly<Record<string, string>> = endless): Promise<RawPulumi> {
    const cli = await providePulumiCli({ env: process.env, onProgress: () => undefined });
    if (!cli.ok) throw new Error(JSON.stringify(cli.problems));
    const folder = await mkdtemp(join(tmpdir(), 'raw-pulumi-'));
    const settings = {
      name: project,
      runtime: 'nodejs' as const,
      plugins: { providers: [{ name: 'aws', path: record.pluginDirectory }] },
    };
    await writeFile(join(folder, 'Pulumi.yaml'), JSON.stringify(settings));
    return new RawPulumi(cli.value, folder, settings, {
      ...backendEnvironment(record, join(folder, 'home')),
      ...session,
    });
  }

  get cli(): { readonly path: string; readonly version: string } {
    return this.#cli;
  }

  /** A command of the CLI over one stack, as in `refresh`, `destroy`, `cancel`. */
  run(command: string, stack: string, ...more: readonly string[]): Promise<RawResult> {
    return this.start(command, stack, ...more).ended;
  }

  start(command: string, stack: string, ...more: readonly string[]): RunningRaw {
    const child = execa(this.#cli.path, [command, '--yes', '--stack', `organization/holdfast/${stack}`, '--non-interactive', ...more], {
      cwd: this.#folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...this.#environment },
      extendEnv: false,
      reject: false,
      all: true,
    });
    if (child.pid === undefined) throw new Error('pulumi was not started');
    const ended = child.then(({ exitCode, all, stdout, stderr }) => ({ exitCode: exitCode ?? -1, output: all, stdout, stderr }));
    return { pid: child.pid, ended };
  }

  /** `up` by a plain program of the Automation API; by default one that would empty the stack, were it let in. */
  async up(stack: string, program: PulumiFn = () => Promise.resolve()): Promise<RawResult> {
    const workDir = await mkdtemp(join(tmpdir(), 'raw-up-'));
    try {
      const raw = await LocalWorkspace.createOrSelectStack(
        { stackName: stack, projectName: project, program },
        { workDir, projectSettings: this.#settings, envVars: this.#environment, pulumiCommand: await this.#command() },
      );
      await raw.up();
      return { exitCode: 0, output: 'up went through' };
    } catch (cause) {
      return { exitCode: 1, output: cause instanceof Error ? cause.message : String(cause) };
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  }

  /** As the SDK itself starts it. */
  async #command(): Promise<PulumiCommand> {
    const root = join(this.#folder, 'cli');
    await mkdir(join(root, 'bin'), { recursive: true });
    await symlink(this.#cli.path, join(root, 'bin', 'pulumi')).catch(() => undefined);
    return PulumiCommand.get({ root });
  }

  close(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }
}

/** What the engine says to whoever comes second. */
export const lockedOut = 'the stack is currently locked by';
