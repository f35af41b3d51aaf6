import { dirname, delimiter } from 'node:path';
import { execa } from 'execa';
import { SemVer } from 'semver';
import type { PulumiCommand } from '@pulumi/pulumi/automation/index.js';
import { identityOf } from '../../toolchain/process-identity.ts';
import type { ProcessIdentity } from '../../toolchain/process-identity.ts';
import { toolEnvironment } from '../../toolchain/tool-environment.mjs';

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

  /** In the shape that LocalWorkspace takes, for one act of the engine. */
  forAutomation(watch: Watch): PulumiCommand {
    // The SDK's class has a private member, which no other class can have; these three are what it uses.
    return {
      command: this.#path,
      version: new SemVer(this.#version),
      run: this.#run.bind(this, watch),
    } as unknown as PulumiCommand;
  }

  async #run(
    watch: Watch,
    args: string[],
    cwd: string,
    additions: Record<string, string>,
    onOutput?: (text: string) => void,
    onError?: (text: string) => void,
    signal?: AbortSignal,
  ): Promise<{ stdout: string; stderr: string; code: number }> {
    if (watch.ending?.aborted || signal?.aborted) throw new CliNotStarted(`pulumi ${args[0] ?? ''}`);
    const spared = sparedAnswer(args);
    if (spared !== undefined) return { stdout: spared, stderr: '', code: 0 };
    // The SDK starts others before it and after it: to make the stack, to remove its record.
    const acts = actingCommands.has(args[0] ?? '');
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
      // The orchestrator's own end is not a reason to end a step: a kill is what makes an outcome unknown. (The engine does not get far: it ends
      // within a second or so, when it next prints to a pipe that nobody reads; its plugin goes on.)
      cleanup: false,
      reject: false,
      stdin: 'ignore',
      stripFinalNewline: false,
    });
    child.stdout.on('data', (chunk: Buffer) => onOutput?.(chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => onError?.(chunk.toString()));

    let interrupted = false;
    const interrupt = (): void => {
      // A second SIGINT makes the engine let go of its steps and its lock.
      if (!interrupted) child.kill('SIGINT');
      interrupted = true;
    };
    let killed = false;
    const kill = (): void => {
      // Its number is its own only until its end was seen.
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      killed = true;
      process.kill(-child.pid, 'SIGKILL');
    };
    const end = (): void => {
      if (acts) {
        interrupt();
        void watch.quiet().then(kill);
      } else kill();
    };
    signal?.addEventListener('abort', interrupt, { once: true });
    watch.ending?.addEventListener('abort', end, { once: true });
    const announced = acts && child.pid !== undefined ? announce(child.pid, watch.onStarted) : undefined;
    const [ended, told] = await Promise.allSettled([child, announced]);
    signal?.removeEventListener('abort', interrupt);
    watch.ending?.removeEventListener('abort', end);
    if (told.status === 'rejected') throw told.reason;
    if (ended.status === 'rejected') throw ended.reason;
    const { stdout, stderr, exitCode, signal: endedBy, failed, shortMessage } = ended.value;
    if (failed) throw new CliFailed({ acts, killed, stdout, stderr, exitCode, signal: endedBy, shortMessage: shortMessage ?? '' });
    return { stdout, stderr, code: exitCode ?? 0 };
  }
}

/** What is asked of the CLI that does the act, while it runs. */
export interface Watch {
  /** Aborted: that CLI is interrupted, and killed when quiet; any other is killed at once, for it has nothing in the cloud. */
  readonly ending: AbortSignal | undefined;
  /** Asked once, after the interrupt: resolves when no step can begin any more and none is under way. */
  readonly quiet: () => Promise<void>;
  readonly onStarted: ((process: ProcessIdentity) => void) | undefined;
}

/**
 * What the SDK asks of the CLI around an act and nobody here reads: each would be a start of its own, and together they take as long as the act.
 * Every command names its stack, so that none need be selected; outputs are read from the checkpoint; what was done, from the events.
 */
function sparedAnswer([first, second]: readonly string[]): string | undefined {
  if (first !== 'stack') return undefined;
  if (second === 'select') return '';
  if (second === 'output') return '{}';
  return second === 'history' ? '[]' : undefined;
}

const actingCommands: ReadonlySet<string> = new Set(['preview', 'up', 'destroy', 'refresh']);

async function announce(pid: number, onStarted: Watch['onStarted']): Promise<void> {
  if (onStarted === undefined) return;
  const identity = await identityOf(pid);
  if (identity) onStarted(identity);
}

export class CliNotStarted extends Error {
  constructor(what: string) {
    super(`${what} was not started: the run ends`);
    this.name = 'CliNotStarted';
  }
}

interface Failure {
  /** Whether it was the one that does the act. */
  readonly acts: boolean;
  /** By us, because it may write no more. */
  readonly killed: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** Absent where a signal ended it, or it could not be started. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly shortMessage: string;
}

/** The message is all that it printed; `words` is what of it a person needs. */
export class CliFailed extends Error {
  readonly acts: boolean;
  /** The signal that ended it; undefined where it ended by itself. */
  readonly signal: string | undefined;
  readonly words: readonly string[];

  constructor(failure: Failure) {
    const { acts, signal, stdout, stderr } = failure;
    super(`${stderr}\n${stdout}`);
    this.name = 'CliFailed';
    this.acts = acts;
    this.signal = signal;
    this.words = wordsOf(failure);
  }
}

/** How many lines of the CLI's own are worth the place. */
const mostLines = 5;

function wordsOf({ killed, stdout, stderr, exitCode, signal, shortMessage }: Failure): readonly string[] {
  if (killed) return ['the engine was ended: it may no longer write the state'];
  if (signal !== undefined) return [`the engine was killed (${signal})`];
  if (exitCode === undefined) return [shortMessage];
  const lines = `${stdout}\n${stderr}`.split('\n').map(plainText);
  const errors = new Set(lines.filter((line) => /^error: ./i.test(line)).map((line) => line.replace(/^error:\s*/i, '')));
  const last = lines.findLast((line) => line !== '') ?? `the engine ended with exit code ${exitCode}`;
  return errors.size > 0 ? [...errors].slice(-mostLines) : [last];
}

/** Without the colours of a terminal, and those that the engine writes as `<{%reset%}>`. */
export function plainText(text: string): string {
  return text
    .replaceAll(/<\{%[^%]*%\}>/g, '')
    .replaceAll(/\u001b\[[0-9;]*m/g, '')
    .trim();
}

/** What of the caller's environment the engine may see beside what every tool does. Everything else that it gets is said explicitly. */
const ofEngine = ['AWS_CA_BUNDLE', 'PULUMI_CONFIG_PASSPHRASE', 'PULUMI_CONFIG_PASSPHRASE_FILE'];

function allowed(environment: NodeJS.ProcessEnv): Record<string, string> {
  const own = ofEngine.flatMap((name) => (environment[name] === undefined ? [] : [[name, environment[name]]]));
  return { ...toolEnvironment(environment), ...(Object.fromEntries(own) as Record<string, string>) };
}
