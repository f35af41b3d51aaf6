import { dirname, delimiter } from 'node:path';
import { execa } from 'execa';
import { SemVer } from 'semver';
import type { PulumiCommand } from '@pulumi/pulumi/automation/index.js';

/**
 * How the Automation API starts the CLI. It replaces the SDK's own way for two reasons: the SDK hands the whole environment on, so that a
 * variable of the caller's shell (PULUMI_SKIP_CHECKPOINTS, AWS_PROFILE) would change what the engine does; and it starts the CLI in the
 * terminal's process group, so that one Ctrl-C would interrupt the engine in the middle of a step.
 */
export class EngineCommand {
  readonly #path: string;
  readonly #version: string;

  constructor(cli: { readonly path: string; readonly version: string }) {
    this.#path = cli.path;
    this.#version = cli.version;
  }

  /** In the shape that LocalWorkspace takes. */
  forAutomation(): PulumiCommand {
    // The SDK's class has a private member, which no other class can have; these three are what it uses.
    return {
      command: this.#path,
      version: new SemVer(this.#version),
      run: this.#run.bind(this),
    } as unknown as PulumiCommand;
  }

  async #run(
    args: string[],
    cwd: string,
    additions: Record<string, string>,
    onOutput?: (text: string) => void,
    onError?: (text: string) => void,
    signal?: AbortSignal,
  ): Promise<{ stdout: string; stderr: string; code: number }> {
    const child = execa(this.#path, [...args, '--non-interactive'], {
      cwd,
      env: {
        ...allowed(process.env),
        ...additions,
        PATH: `${dirname(this.#path)}${delimiter}${process.env['PATH'] ?? ''}`,
        PULUMI_AUTOMATION_API: 'true',
      },
      extendEnv: false,
      detached: true,
      // An engine that is cut off from its orchestrator ends its step by itself; killing it is what makes an outcome unknown.
      cleanup: false,
      reject: false,
      stdin: 'ignore',
      stripFinalNewline: false,
    });
    child.stdout.on('data', (chunk: Buffer) => onOutput?.(chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => onError?.(chunk.toString()));
    const interrupt = () => child.kill('SIGINT');
    signal?.addEventListener('abort', interrupt, { once: true });
    const { stdout, stderr, exitCode, failed, message } = await child.finally(() => signal?.removeEventListener('abort', interrupt));
    if (failed) throw new Error(`${stderr}\n${exitCode === undefined ? (message ?? 'the engine was killed') : stdout}`);
    return { stdout, stderr, code: exitCode ?? 0 };
  }
}

/** What of the caller's environment the engine may see. Everything else that it gets is said explicitly. */
const allowList = [
  'HOME',
  'USER',
  'LOGNAME',
  'TMPDIR',
  'LANG',
  'LC_ALL',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'AWS_CA_BUNDLE',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'PULUMI_CONFIG_PASSPHRASE',
  'PULUMI_CONFIG_PASSPHRASE_FILE',
];

function allowed(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(allowList.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]])));
}
