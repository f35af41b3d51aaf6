import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalWorkspace, Stack } from '@pulumi/pulumi/automation/index.js';
import type { EngineEvent, OpType, PulumiFn } from '@pulumi/pulumi/automation/index.js';
import { messageOf } from '../domain/problem.ts';
import { EngineCommand } from './engine-command.ts';

/** The one place that runs the Pulumi engine. A non-zero exit of the CLI is always code -2 with the text in the message, so it is classified here and nowhere else. */

export interface EngineSettings {
  readonly project: string;
  /** Path and version of the Pulumi CLI. */
  readonly cli: { readonly path: string; readonly version: string };
  /** The engine's own home: never the user's `~/.pulumi`, whose login and plugins are theirs. */
  readonly pulumiHome: string;
  /** Directory with `pulumi-resource-aws`; absent: the engine finds or fetches the official plugin. */
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

export interface EngineRequest {
  readonly stack: string;
  readonly program: PulumiFn;
  readonly backendUrl: string;
  /** Whether the backend has the stack. Said by the caller, who has looked: "create or select" makes an empty stack where a listing was wrong. */
  readonly exists: boolean;
  /** Credentials, region and endpoint for the provider; backend settings for the CLI. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onStep?: (step: EngineStep) => void;
  /** What the CLI itself prints. */
  readonly onText?: (text: string) => void;
  /** Aborting it interrupts the engine once (SIGINT): it ends the steps that are under way and starts none. */
  readonly signal?: AbortSignal;
}

export type EngineResult =
  | { readonly outcome: 'succeeded'; readonly steps: readonly EngineStep[] }
  | { readonly outcome: 'locked'; readonly message: string }
  | {
      readonly outcome: 'failed';
      readonly steps: readonly EngineStep[];
      /** Steps that began and of which no end was seen: their outcome is unknown. */
      readonly unfinished: readonly EngineStep[];
      /** The engine's and the provider's own errors, each once. */
      readonly errors: readonly string[];
      readonly interrupted: boolean;
    };

export class Engine {
  readonly #settings: EngineSettings;

  constructor(settings: EngineSettings) {
    this.#settings = settings;
  }

  /** Reads the state and asks the provider; changes nothing in AWS. Creates the stack in the backend where it is missing: only ever with a scratch backend. */
  preview(request: EngineRequest): Promise<EngineResult> {
    return this.#run(request, (stack, options) => stack.preview({ ...options, diff: true }));
  }

  previewDestroy(request: EngineRequest): Promise<EngineResult> {
    return this.#run(request, (stack, options) => stack.previewDestroy({ ...options, diff: true }));
  }

  up(request: EngineRequest): Promise<EngineResult> {
    return this.#run(request, (stack, options) => stack.up({ ...options, showSecrets: false }));
  }

  /** Deletes what the stack has, and then the stack's own record. */
  destroy(request: EngineRequest): Promise<EngineResult> {
    return this.#run(request, (stack, options) => stack.destroy({ ...options, remove: true }));
  }

  async #run(request: EngineRequest, act: (stack: Stack, options: ActOptions) => Promise<unknown>): Promise<EngineResult> {
    const { project, cli, pulumiHome, pluginDirectory } = this.#settings;
    const workDir = await mkdtemp(join(tmpdir(), 'holdfast-stack-'));
    const seen = new SeenSteps(request.onStep);
    try {
      const workspace = await LocalWorkspace.create({
        workDir,
        pulumiCommand: new EngineCommand(cli).forAutomation(),
        pulumiHome,
        program: request.program,
        projectSettings: {
          name: project,
          runtime: 'nodejs',
          ...(pluginDirectory === undefined ? {} : { plugins: { providers: [{ name: 'aws', path: pluginDirectory }] } }),
        },
        envVars: { ...request.environment, PULUMI_BACKEND_URL: request.backendUrl, PULUMI_SKIP_UPDATE_CHECK: 'true' },
      });
      const stack = await (request.exists ? Stack.select(request.stack, workspace) : Stack.create(request.stack, workspace));
      await act(stack, {
        color: 'never',
        onEvent: (event) => seen.add(event),
        ...(request.onText ? { onOutput: request.onText } : {}),
        ...(request.signal ? { signal: request.signal } : {}),
      });
      return { outcome: 'succeeded', steps: seen.ended };
    } catch (cause) {
      if (messageOf(cause).includes('the stack is currently locked by')) return { outcome: 'locked', message: lockText(messageOf(cause)) };
      const errors = seen.errors.length > 0 ? seen.errors : [errorText(messageOf(cause))];
      return { outcome: 'failed', steps: seen.ended, unfinished: seen.unfinished, errors, interrupted: request.signal?.aborted ?? false };
    } finally {
      await rm(workDir, { recursive: true, force: true });
    }
  }
}

interface ActOptions {
  color: 'never';
  onEvent: (event: EngineEvent) => void;
  onOutput?: (text: string) => void;
  signal?: AbortSignal;
}

/** The engine's events, folded to steps. */
class SeenSteps {
  readonly ended: EngineStep[] = [];
  readonly errors: string[] = [];
  readonly #open = new Map<string, EngineStep>();
  readonly #onStep: ((step: EngineStep) => void) | undefined;

  constructor(onStep: ((step: EngineStep) => void) | undefined) {
    this.#onStep = onStep;
  }

  get unfinished(): readonly EngineStep[] {
    return [...this.#open.values()].filter(changesCloud);
  }

  add(event: EngineEvent): void {
    if (event.resourcePreEvent) this.#begin(stepOf('started', event.resourcePreEvent.metadata));
    if (event.resOutputsEvent) this.#end(stepOf('done', event.resOutputsEvent.metadata));
    if (event.resOpFailedEvent) this.#end(stepOf('failed', event.resOpFailedEvent.metadata));
    const diagnostic = event.diagnosticEvent;
    if (diagnostic?.severity === 'error' && !diagnostic.ephemeral) {
      const text = errorText(diagnostic.message);
      // The stack's own closing word repeats that something failed, and says nothing of what.
      if (text !== '' && !/^(update|preview|destroy|resource .*) failed$/i.test(text) && !this.errors.includes(text))
        this.errors.push(text);
    }
  }

  #begin(step: EngineStep): void {
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

/** The CLI's text without colour codes, `error:` prefixes and the Automation API's own framing. */
function errorText(text: string): string {
  return text
    .replaceAll(/<\{%[^%]*%\}>/g, '')
    .replaceAll(/\u001b\[[0-9;]*m/g, '')
    .replace(/^\s*error:\s*/i, '')
    .trim();
}

function lockText(message: string): string {
  return /the stack is currently locked by[\s\S]*?(?=\n\s*stdout|\n\s*err\?|$)/.exec(message)?.[0].trim() ?? 'the stack is locked';
}
