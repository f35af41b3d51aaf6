import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { LocalWorkspace, Stack } from '@pulumi/pulumi/automation/index.js';
import type { EngineEvent, LocalWorkspaceOptions, OpType, PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { explainIfDenied } from '../aws/permissions/denial.ts';
import { Foreign, visible } from '../domain/foreign.ts';
import type { Text } from '../domain/foreign.ts';
import { saidBy } from '../domain/problem.ts';
import type { CloudSecrets } from '../state/secrets.ts';
import { refuseOtherUsers } from '../../toolchain/loopback-peer.ts';
import { ownIdentity, ProcessesUnseen, startedFromHere } from '../../toolchain/process-identity.ts';
import type { ProcessIdentity } from '../../toolchain/process-identity.ts';
import { makeEngineHome } from './engine-home.ts';
import { CliFailed, CliNotStarted, EngineCommand, plainText } from './engine-command.ts';
import { endEngineProcesses, markedEnvironment } from './orphans.ts';
import { openWorkFolders } from './work-folders.ts';
import type { WorkFolders } from './work-folders.ts';

/** The one place that runs the Pulumi engine. A non-zero exit of the CLI is always code -2 with the text in the message, so it is classified here and nowhere else. */

export interface EngineSettings {
  readonly project: string;
  /** Path and version of the Pulumi CLI. */
  readonly cli: { readonly path: string; readonly version: string };
  /** Where the working directories of its starts are: never the user's `~/.pulumi`, whose login and plugins are theirs. No plugin is looked for there. */
  readonly pulumiHome: string;
  /** Directory with the one `pulumi-resource-aws`. Absent: there is none that may be run, and no operation that needs it comes to anything. */
  readonly pluginDirectory?: string;
}

/** One operation of the engine on one resource. */
export interface EngineStep {
  readonly phase: 'started' | 'done' | 'failed';
  readonly op: string;
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** Paths of the properties that change. */
  readonly changed: readonly string[];
  /** Those of them that force a replacement. */
  readonly replacing: readonly string[];
}

/** As the engine's events tell it. Of a value that a preview cannot know there is none. */
export interface PlannedResource {
  readonly urn: string;
  readonly type: string;
  readonly parent: string;
  /** `<urn>::<id>` */
  readonly provider: string;
  readonly protect: boolean;
  readonly retainOnDelete: boolean;
  readonly inputs: Readonly<Record<string, unknown>>;
}

export interface EngineRequest {
  readonly stack: string;
  readonly program: PulumiFn;
  readonly backendUrl: string;
  /** Whether the backend has the stack. Said by the caller, who has looked: "create or select" makes an empty stack where a listing was wrong. */
  readonly exists: boolean;
  /** Absent: a passphrase, of the environment. */
  readonly secrets?: CloudSecrets | undefined;
  /** Ask the provider first what there is of each resource, and go on from that. */
  readonly refresh?: boolean;
  /** URNs that are neither made nor changed nor deleted this time. */
  readonly excluded?: readonly string[];
  /** Credentials, region and endpoint for the provider; backend settings for the CLI. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onStep?: (step: EngineStep) => void;
  /** How the program means a resource to be; of each one that a preview or an `up` comes to. */
  readonly onPlanned?: (resource: PlannedResource) => void;
  /** What the CLI itself prints. */
  readonly onText?: (text: Foreign) => void;
  /** Aborting it interrupts the engine once (SIGINT): it ends the steps that are under way and starts none. Aborted before: nothing is started. */
  readonly signal?: AbortSignal;
  /**
   * Of the orchestrator's process, and unique. The CLI and its plugins are started under a marker that begins with it and a `/`, by which
   * `orphans.ts` finds them. Without it a plugin that outlives its CLI is left alone.
   */
  readonly marker?: string;
  /**
   * Aborted when the engine has lost its right to write. It is interrupted, the calls that are under way come back (their results are evidence),
   * and then it is killed: by itself it would try for a minute to write where nothing is accepted. Aborted before: nothing is started.
   */
  readonly ending?: AbortSignal;
  /**
   * Whether the last checkpoint that the backend accepted has a pending operation on that URN. With it, `ending` does not wait for a step that
   * has begun only for the engine: until that write is accepted nothing is asked of AWS, and the engine tries it for half a minute.
   */
  readonly isPending?: (urn: string) => boolean;
  /** The CLI that does the act; not those that only select the stack or read it. */
  readonly onStarted?: (process: ProcessIdentity) => void;
}

/** A step that failed, with what the engine and the provider said of its resource. */
export interface FailedStep {
  readonly step: EngineStep;
  readonly messages: readonly string[];
}

export type EngineResult = {
  /** Why it is not known whether a plugin of the engine is left; absent where none is. */
  readonly unended?: string;
} & EngineEnd;

type EngineEnd =
  | {
      readonly outcome: 'succeeded';
      readonly steps: readonly EngineStep[];
      /** As of a failure; empty, if the engine's word can be trusted. */
      readonly unfinished: readonly EngineStep[];
    }
  | { readonly outcome: 'locked'; readonly message: string }
  | {
      readonly outcome: 'failed';
      readonly steps: readonly EngineStep[];
      /** Steps that began and of which no end was seen: their outcome is unknown. */
      readonly unfinished: readonly EngineStep[];
      readonly failures: readonly FailedStep[];
      /** False: no step began that could have changed AWS. True also where the engine was cut off, and its last events with it. */
      readonly started: boolean;
      /** The engine's and the provider's own errors, each once; or how the CLI ended, in a few lines. */
      readonly errors: readonly Text[];
      readonly interrupted: boolean;
    };

/** What is done by it, whoever does it. */
export type Engine = Pick<CliEngine, keyof CliEngine>;

/**
 * When a result is there, nothing of that engine is: what plugins it left are ended. Where they could not be looked for, the result says so (`unended`).
 *
 * @throws EngineProcessesLeft where one of them does not end, so that a call of it may still be under way
 */
export class CliEngine {
  readonly #settings: EngineSettings;
  readonly #workFolders: WorkFolders;

  constructor(settings: EngineSettings) {
    this.#settings = settings;
    this.#workFolders = openWorkFolders(settings.pulumiHome);
  }

  /** Reads the state and asks the provider; changes nothing in AWS. Creates the stack in the backend where it is missing: only ever with a scratch backend. */
  preview(request: EngineRequest): Promise<EngineResult> {
    return this.#run(request, (stack, options) => stack.preview({ ...options, ...refreshing(request), diff: true }));
  }

  previewDestroy(request: EngineRequest): Promise<EngineResult> {
    return this.#run(request, (stack, options) => stack.previewDestroy({ ...options, diff: true }));
  }

  up(request: EngineRequest): Promise<EngineResult> {
    return this.#run(request, (stack, options) =>
      stack.up({ ...options, ...refreshing(request), ...excluding(request), showSecrets: false }),
    );
  }

  /** Deletes what the stack has, and then the stack's own record. */
  destroy(request: EngineRequest): Promise<EngineResult> {
    return this.#run(request, (stack, options) => stack.destroy({ ...options, remove: true }));
  }

  /** Asks the provider what there is of each resource of the state, and writes that down. Runs no program. */
  refresh(request: EngineRequest): Promise<EngineResult> {
    return this.#run(request, (stack, options) => stack.refresh({ ...options, showSecrets: false }));
  }

  /** Ends the locks that the backend shows. What is called a success is that the backend took them away. */
  cancel(request: EngineRequest): Promise<EngineResult> {
    return this.#run(request, (stack) => stack.cancel());
  }

  async #run(request: EngineRequest, act: (stack: Stack, options: ActOptions) => Promise<unknown>): Promise<EngineResult> {
    if (request.signal?.aborted || request.ending?.aborted)
      return failedOf(request, new SeenSteps(undefined, undefined), new CliNotStarted('the engine'));
    // Of this start alone: others of the same orchestrator run at the same time.
    const marker = request.marker === undefined ? undefined : `${request.marker}/${request.stack}/${randomUUID()}`;
    const end = await this.#runToItsEnd(request, marker, act);
    try {
      if (marker !== undefined) await endEngineProcesses(marker, await startedFromHere());
      return end;
    } catch (cause) {
      if (!(cause instanceof ProcessesUnseen)) throw cause;
      return { ...end, unended: cause.message };
    }
  }

  async #runToItsEnd(
    request: EngineRequest,
    marker: string | undefined,
    act: (stack: Stack, options: ActOptions) => Promise<unknown>,
  ): Promise<EngineEnd> {
    const { project, cli, pluginDirectory } = this.#settings;
    const seen = new SeenSteps(request.onStep, request.onPlanned);
    // The Automation API serves the engine's events and the program from this process, and takes whoever connects for the engine.
    refuseOtherUsers();
    let workDir: string | undefined;
    try {
      workDir = await this.#workFolders.make();
      const workspace = await LocalWorkspace.create({
        workDir,
        pulumiCommand: new EngineCommand(cli).forAutomation({
          ending: request.ending,
          quiet: () => seen.quiet(({ urn }) => request.isPending?.(urn) ?? true),
          onStarted: request.onStarted,
        }),
        pulumiHome: await makeEngineHome(workDir),
        program: request.program,
        projectSettings: {
          name: project,
          runtime: 'nodejs',
          ...(pluginDirectory === undefined ? {} : { plugins: { providers: [{ name: 'aws', path: pluginDirectory }] } }),
        },
        envVars: {
          ...request.environment,
          ...(marker === undefined ? {} : markedEnvironment(marker, await ownIdentity())),
          PULUMI_BACKEND_URL: request.backendUrl,
          PULUMI_SKIP_UPDATE_CHECK: 'true',
          // A state names plugins, and where they are to be had: none is fetched, and none that lies on the PATH is taken for one of them.
          PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: 'true',
          PULUMI_IGNORE_AMBIENT_PLUGINS: 'true',
          // CLI and plugin live for seconds: a tenth of their time is spared where they collect seldom, and use no second processor for what waits for the first. It
          // takes 50 MB more, with all services of AWS in the plugin too.
          GOGC: '400',
          GOMAXPROCS: '1',
          // What is encrypted in a state stays so: else the engine, without a file of the stack's settings, makes a new salt at every start, and derives a second key.
          PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: 'true',
        },
        ...secretsOptions(request),
      });
      const stack = await (request.exists ? Stack.select(request.stack, workspace) : Stack.create(request.stack, workspace));
      await act(stack, {
        color: 'never',
        onEvent: (event) => seen.add(event),
        ...(request.onText ? { onOutput: (text: string) => request.onText?.(new Foreign(text)) } : {}),
        ...(request.signal ? { signal: request.signal } : {}),
      });
      return { outcome: 'succeeded', steps: seen.ended, unfinished: seen.unfinished };
    } catch (cause) {
      if (saidBy(cause).includes('the stack is currently locked by')) return { outcome: 'locked', message: lockText(saidBy(cause)) };
      return failedOf(request, seen, cause);
    } finally {
      if (workDir !== undefined) await rm(workDir, { recursive: true, force: true });
    }
  }
}

const refreshing = ({ refresh }: EngineRequest): { refresh?: true } => (refresh === true ? { refresh } : {});

const excluding = ({ excluded = [] }: EngineRequest): { exclude?: string[] } => (excluded.length === 0 ? {} : { exclude: [...excluded] });

/** A stack that is there is told by its settings, and one that is made by a flag: the engine takes no notice of the other. */
function secretsOptions({ stack, exists, secrets }: EngineRequest): Partial<LocalWorkspaceOptions> {
  if (secrets === undefined) return {};
  const { url, encryptedKey } = secrets;
  if (!exists) return { secretsProvider: url };
  return { stackSettings: { [stack]: { secretsProvider: url, ...(encryptedKey === undefined ? {} : { encryptedKey }) } } };
}

function failedOf(request: EngineRequest, seen: SeenSteps, cause: unknown): EngineEnd {
  const cli = cause instanceof CliFailed ? cause : undefined;
  const words = cli?.words ?? [errorText(saidBy(cause))];
  return {
    outcome: 'failed',
    steps: seen.ended,
    unfinished: seen.unfinished,
    failures: seen.failures,
    // SIGINT ends a CLI only while it has no update to cancel: before it, or after.
    started: seen.begun || seen.cutOff || (cli?.acts === true && cli.signal !== undefined && cli.signal !== 'SIGINT'),
    // A CLI that ends by itself repeats in its last words what its events have said.
    errors: (seen.errors.length > 0 && cli?.signal === undefined ? seen.errors : [...seen.errors, ...words]).map(
      (text) => new Foreign(explainIfDenied(text)),
    ),
    interrupted: request.signal?.aborted ?? false,
  };
}

interface ActOptions {
  color: 'never';
  onEvent: (event: EngineEvent) => void;
  onOutput?: (text: string) => void;
  signal?: AbortSignal;
}

/**
 * The engine's events, folded to steps.
 *
 * The CLI sends them over loopback, in their order, and before it ends by itself it waits until all have arrived. A killed CLI waits for nothing,
 * and its last ones are lost. That is on the safe side, since nothing is concluded from an event that is not there: a step whose end was lost counts
 * as unfinished, and one whose beginning was lost is a pending operation of the checkpoint, written before AWS was asked.
 */
class SeenSteps {
  readonly ended: EngineStep[] = [];
  readonly errors: string[] = [];
  /** Whether any step began that changes the cloud. */
  begun = false;
  readonly #open = new Map<string, EngineStep>();
  readonly #messages = new Map<string, string[]>();
  readonly #onStep: EngineRequest['onStep'];
  readonly #onPlanned: EngineRequest['onPlanned'];
  #any = false;
  #last = false;
  #beginsNone = false;
  #onChange: (() => void) | undefined;

  constructor(onStep: EngineRequest['onStep'], onPlanned: EngineRequest['onPlanned']) {
    this.#onStep = onStep;
    this.#onPlanned = onPlanned;
  }

  get unfinished(): readonly EngineStep[] {
    return [...this.#open.values()].filter(changesCloud);
  }

  get failures(): readonly FailedStep[] {
    return this.ended.filter(({ phase }) => phase === 'failed').map((step) => ({ step, messages: this.#messages.get(step.urn) ?? [] }));
  }

  /** The events had begun, and did not come to their end. */
  get cutOff(): boolean {
    return this.#any && !this.#last;
  }

  /** Resolves when the engine has said that it begins no step any more, and none of those that count is under way. */
  quiet(counts: (step: EngineStep) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = () => {
        if (this.#beginsNone && !this.unfinished.some(counts)) resolve();
      };
      this.#onChange();
    });
  }

  add(event: EngineEvent): void {
    this.#any = true;
    const planned = event.resourcePreEvent?.metadata.new;
    if (planned) {
      const { urn, type, parent, provider, protect, retainOnDelete, inputs } = planned;
      this.#onPlanned?.({ urn, type, parent, provider, protect: protect ?? false, retainOnDelete: retainOnDelete ?? false, inputs });
    }
    if (event.resourcePreEvent) this.#begin(stepOf('started', event.resourcePreEvent.metadata), event.resourcePreEvent.planning ?? false);
    if (event.resOutputsEvent) this.#end(stepOf('done', event.resOutputsEvent.metadata));
    if (event.resOpFailedEvent) this.#end(stepOf('failed', event.resOpFailedEvent.metadata));
    const diagnostic = event.diagnosticEvent;
    if (diagnostic?.severity === 'error' && !diagnostic.ephemeral) this.#addError(errorText(diagnostic.message), diagnostic.urn);
    if (event.cancelEvent) this.#last = true;
    // The last event of all, or the engine's own word that it has heard the interrupt.
    if (event.cancelEvent || event.stdoutEvent?.message.includes('^C received')) this.#beginsNone = true;
    this.#onChange?.();
  }

  #addError(text: string, urn: string | undefined): void {
    // The stack's own closing word repeats that something failed, and says nothing of what.
    if (text === '' || /^(update|preview|destroy|resource .*) failed$/i.test(text)) return;
    if (!this.errors.includes(text)) this.errors.push(text);
    if (urn !== undefined) this.#messages.set(urn, [...(this.#messages.get(urn) ?? []), text]);
  }

  #begin(step: EngineStep, planning: boolean): void {
    if (!planning && changesCloud(step)) this.begun = true;
    this.#open.set(`${step.op} ${step.urn}`, step);
    this.#onStep?.(step);
  }

  #end(step: EngineStep): void {
    this.#open.delete(`${step.op} ${step.urn}`);
    this.ended.push(step);
    this.#onStep?.(step);
  }
}

/** The stack itself stays open when anything in it fails, and a step that reads or compares leaves nothing behind. */
function changesCloud({ op, type }: EngineStep): boolean {
  return !type.startsWith('pulumi:') && !['same', 'read', 'refresh', 'replace'].includes(op);
}

interface StepMetadata {
  op: OpType;
  urn: string;
  type: string;
  diffs?: string[];
  detailedDiff?: Record<string, { diffKind: string }>;
}

function stepOf(phase: EngineStep['phase'], metadata: StepMetadata): EngineStep {
  const detailed = Object.entries(metadata.detailedDiff ?? {});
  return {
    phase,
    op: metadata.op,
    type: metadata.type,
    name: metadata.urn.split('::').at(-1) ?? metadata.urn,
    urn: metadata.urn,
    changed: detailed.length > 0 ? detailed.map(([path]) => path) : (metadata.diffs ?? []),
    replacing: detailed.filter(([, diff]) => diff.diffKind.endsWith('-replace')).map(([path]) => path),
  };
}

/** The engine's text without its colours and its `error:`. */
function errorText(text: string): string {
  return plainText(text)
    .replace(/^error:\s*/i, '')
    .trim();
}

function lockText(message: string): string {
  const text = /the stack is currently locked by[\s\S]*?(?=\n\s*stdout|\n\s*err\?|$)/.exec(message)?.[0].trim();
  return visible(text ?? 'the stack is locked');
}
