import { isDeepStrictEqual } from 'node:util';
import { nodeOf } from '../graph/graph.ts';
import type { StackNode, Graph } from '../graph/graph.ts';
import type { Engine, EngineResult, EngineStep } from '../pulumi/engine.ts';
import type { Foreign } from '../domain/foreign.ts';
import { messageOf } from '../domain/problem.ts';
import { isMap, notKnown } from '../pulumi/previewed.ts';
import type { PreviewedOutputs } from '../pulumi/previewed.ts';
import { stackProgram } from '../pulumi/program.ts';
import type { OnOutput, ProgramSettings, Upstream } from '../pulumi/program.ts';
import { readProgram } from '../pulumi/read-program.ts';
import type { ReadProgram } from '../pulumi/read-program.ts';
import type { Gateway, Mount, MountRequest } from '../gateway/gateway.ts';
import type { StackState } from '../state/checkpoints.ts';
import { cloudSecrets, withoutKey } from '../state/secrets.ts';
import type { ConfiguredSecrets } from '../state/secrets.ts';
import type { HeldRecord } from '../ownership/records.ts';
import type { Settled } from './settled.ts';
import { noChanges } from './events.ts';
import type { ChangeCounts, Emit, NetworkPlan, PlannedChange, StackEnd, StackPlan } from './events.ts';
import { outputDigests } from './fingerprint.ts';
import type { OutputDigest } from './fingerprint.ts';
import { leavingPlan, notInFile } from './leaving.ts';
import { inOrder } from './schedule.ts';
import { isAsVerified } from './standing.ts';
import { errorsOf } from './verdict.ts';

export interface PlanRequest {
  readonly graph: Graph;
  /** Full names of the stacks to plan. */
  readonly selected: ReadonlySet<string>;
  /** Those that have left the network file, and are taken away. */
  readonly leaving: readonly StackState[];
  readonly states: ReadonlyMap<string, StackState>;
  readonly settings: ProgramSettings;
  readonly engine: Engine;
  /** Previews read the network's checkpoints through it, and write what they like into an overlay that is thrown away: no lock, no object, no byte in the bucket. */
  readonly gateway: Gateway;
  /** Nonce of this process, by which its engines are found. */
  readonly marker: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly secrets: ConfiguredSecrets;
  /** What is known of earlier runs; absent: the engine is asked of every stack. */
  readonly settled?: Settled;
  /** As they were read, for what is learnt. */
  readonly records?: ReadonlyMap<string, HeldRecord>;
  /** Ask AWS first what there is of each resource. */
  readonly refresh?: boolean;
  /** Of a stack that has nothing yet, what it will have is read out of its program: the engine is started for it once, to make it. */
  readonly readNew?: boolean;
  /** States that hold no secret are previewed without the network's key or passphrase. */
  readonly withoutKey?: boolean;
  readonly parallel: number;
  readonly emit: Emit;
  readonly verbose: boolean;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

interface Planned {
  readonly end: StackEnd;
  readonly plan?: StackPlan;
  readonly outputs: PreviewedOutputs;
}

/** What `up` would do, stack by stack. Works on a network that was never deployed: what an upstream will have only later is unknown downstream. */
export async function planNetwork(request: PlanRequest): Promise<Omit<NetworkPlan, 'passes' | 'effects' | 'warnings'>> {
  const { graph, selected, states, emit } = request;
  const nodes = graph.nodes.filter(({ name }) => selected.has(name));
  emit({ type: 'stage-started', stage: 'plan', stacks: nodes.map(({ name, short, kind }) => ({ stack: name, short, kind: kind.title })) });
  try {
    const planned = await inOrder(
      nodes.map(({ name, upstreams }) => ({ name, after: upstreams })),
      request.parallel,
      async (name, ended): Promise<Planned> => {
        const node = nodeOf(graph, name);
        const started = request.now();
        emit({ type: 'stack-started', stack: name, total: 0 });
        const result = await planStack(node, request, ended);
        emit({ type: 'stack-ended', stack: name, end: result.end, seconds: (request.now() - started) / 1000 });
        return result;
      },
    );
    const inOrderOfGraph = nodes.flatMap((node) => {
      const result = planned.get(node.name);
      return result ? [{ node, ...result }] : [];
    });
    const stacks = [...inOrderOfGraph.flatMap(({ plan }) => plan ?? []), ...request.leaving.map(leavingPlan)];
    return {
      stacks,
      failed: inOrderOfGraph.flatMap(({ node, end }) =>
        end.outcome === 'failed'
          ? [{ stack: node.name, short: node.short, errors: end.errors }]
          : end.outcome === 'skipped'
            ? [{ stack: node.name, short: node.short, errors: [`not planned: ${end.because}`] }]
            : [],
      ),
      notInFile: notInFile(graph, states)
        .filter(({ stack }) => !request.leaving.some((leaving) => leaving.stack === stack))
        .map(({ stack, short, resources }) => ({ stack, short, resources })),
    };
  } finally {
    emit({ type: 'stage-ended', stage: 'plan' });
  }
}

const nothingSeen = { steps: [], unfinished: [], failures: [], started: false, interrupted: false } as const;

async function planStack(node: StackNode, request: PlanRequest, ended: ReadonlyMap<string, Planned>): Promise<Planned> {
  const { states } = request;
  const failed = node.upstreams.find((upstream) => ['failed', 'skipped'].includes(ended.get(upstream)?.end.outcome ?? ''));
  if (failed !== undefined) return { end: { outcome: 'skipped', because: `${failed} could not be planned` }, outputs: {} };
  if (request.signal.aborted) return { end: { outcome: 'skipped', because: 'stopped by a signal' }, outputs: {} };

  const state = states.get(node.name);
  const fingerprint = request.settled?.fingerprint(node, plannedDigests(ended, states));
  if (state && request.settled?.isSettled(node.name, state.etag, fingerprint)) {
    const outputs = Object.fromEntries(Object.keys(node.kind.outputs).map((name) => [name, state.outputs[name]]));
    return { end: { outcome: 'unchanged' }, plan: unchangedPlan(node, state.empty), outputs };
  }
  const outputs: Record<string, unknown> = Object.fromEntries(Object.keys(node.kind.outputs).map((name) => [name, notKnown]));
  const onOutput: OnOutput = (name, value, key) =>
    void (outputs[name] = key === undefined ? value : { ...(outputs[name] as object), [key]: value });
  const read =
    request.readNew === true && state === undefined
      ? await readNew(node, request, ended, onOutput)
      : await previewed(node, request, ended, onOutput);
  if (!read.ok) return { end: { outcome: 'failed', errors: read.errors }, outputs: {} };

  const changes = plannedChanges(read.steps);
  const counts = countChanges(read.steps);
  const outputsChange = Object.entries(outputs).some(([name, value]) => !isDeepStrictEqual(value, state?.outputs[name]));
  const hasChanges =
    state === undefined ||
    request.refresh === true ||
    outputsChange ||
    read.steps.some(({ op }) => !['same', 'read', 'refresh'].includes(op));
  // The engine itself has looked, and has nothing to do: the next one need not ask it.
  if (!hasChanges) request.settled?.learn(node.name, state, fingerprint, settledRecord(request.records?.get(node.name), state));
  return {
    end: hasChanges ? { outcome: 'planned', counts } : { outcome: 'unchanged' },
    plan: {
      stack: node.name,
      short: node.short,
      exists: state?.empty === false,
      hasChanges,
      ...(state !== undefined && lacksOutputs(outputs, state.outputs) ? { lacksOutputs: true } : {}),
      counts,
      changes,
    },
    outputs,
  };
}

/**
 * Whether there is an output, or a key of one, that is known without a change, and that the state does not have, or has as it was before what an interrupted run
 * changed: an engine writes the outputs at its end.
 */
export function lacksOutputs(outputs: Readonly<Record<string, unknown>>, had: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(outputs).some(([name, value]) => {
    const before = had[name];
    if (!isMap(value)) return isAnother(value, before);
    const keys = isMap(before) ? before : {};
    return Object.entries(value).some(([key, of]) => isAnother(of, Object.hasOwn(keys, key) ? keys[key] : undefined));
  });
}

const isAnother = (value: unknown, before: unknown): boolean =>
  value !== notKnown && value !== undefined && !isDeepStrictEqual(value, before);

/** As the engine and the provider see it. */
async function previewed(
  node: StackNode,
  request: PlanRequest,
  ended: ReadonlyMap<string, Planned>,
  onOutput: OnOutput,
): Promise<ReadProgram> {
  const { states, settings, engine, emit } = request;
  const steps: EngineStep[] = [];
  const own = states.get(node.name);
  const bare = request.withoutKey === true && own ? withoutKey(own.body) : undefined;
  const isBare = request.withoutKey === true && (own === undefined || bare !== undefined);
  const mounted = mountOrWhy(request.gateway, {
    stack: node.name,
    checkpoints: new Map(
      // What the state refers to, a refresh reads as well.
      [node.name, ...node.upstreams, ...(own?.upstreams ?? [])].flatMap((name) => {
        const served = states.get(name);
        if (!served) return [];
        return [[name, name === node.name && bare !== undefined ? { ...served, body: bare } : served] as const];
      }),
    ),
    mode: { kind: 'overlay' },
    showEmpty: true,
  });
  if ('why' in mounted) return { ok: false, errors: [mounted.why] };
  const { mount } = mounted;
  const upstream = (name: string): Upstream => {
    const planned = ended.get(name);
    return { exists: states.has(name), ...(planned ? { previewed: planned.outputs } : {}) };
  };
  const result = await engine
    .preview({
      stack: node.name,
      program: stackProgram(node, settings, upstream, onOutput),
      backendUrl: mount.url,
      marker: request.marker,
      exists: true,
      refresh: request.refresh ?? false,
      secrets: isBare ? undefined : cloudSecrets(request.secrets, own?.body),
      environment: request.environment,
      signal: request.signal,
      onStep: (step) => {
        if (step.phase !== 'started') return;
        steps.push(step);
        tellStep(node, step, emit);
      },
      ...(request.verbose ? { onText: (text: Foreign) => emit({ type: 'engine-output', stack: node.name, text }) } : {}),
    })
    .catch((cause: unknown): EngineResult => ({ outcome: 'failed', ...nothingSeen, errors: [messageOf(cause)] }));
  await mount.close();
  return result.outcome === 'succeeded' ? { ok: true, steps } : { ok: false, errors: errorsOf(result) };
}

/** Over what no engine is shown none is started. */
function mountOrWhy(gateway: Gateway, request: MountRequest): { readonly mount: Mount } | { readonly why: string } {
  try {
    return { mount: gateway.mount(request) };
  } catch (cause) {
    return { why: messageOf(cause) };
  }
}

/** No reference is made: what an upstream has is given as it was planned, or else as its state has it. */
async function readNew(
  node: StackNode,
  { states, settings, emit }: PlanRequest,
  ended: ReadonlyMap<string, Planned>,
  onOutput: OnOutput,
): Promise<ReadProgram> {
  const upstream = (name: string): Upstream => ({
    exists: false,
    previewed: ended.get(name)?.outputs ?? states.get(name)?.outputs ?? {},
  });
  const read = await readProgram(stackProgram(node, settings, upstream, onOutput), { project: settings.project, stack: node.name });
  if (read.ok) for (const step of read.steps) tellStep(node, step, emit);
  return read;
}

const tellStep = ({ name }: StackNode, { op, name: resource, type }: EngineStep, emit: Emit): void =>
  emit({ type: 'step', stack: name, phase: 'done', op, resource, resourceType: type });

/** What a preview came to goes before what the state says. */
function plannedDigests(ended: ReadonlyMap<string, Planned>, states: ReadonlyMap<string, StackState>): OutputDigest {
  const digests = new Map<string, Readonly<Record<string, string>>>();
  return (stack, name) => {
    const read = digests.get(stack) ?? outputDigests(ended.get(stack)?.outputs ?? states.get(stack)?.outputs ?? {});
    digests.set(stack, read);
    return read[name];
  };
}

const unchangedPlan = ({ name, short }: StackNode, empty: boolean): StackPlan => ({
  stack: name,
  short,
  exists: !empty,
  hasChanges: false,
  counts: noChanges,
  changes: [],
});

/** What a person counts: cloud resources, without the stack itself, its provider and its references. */
const isCloudResource = ({ type }: { type: string }): boolean => !type.startsWith('pulumi:');

/**
 * A replacement is three engine steps (create-replacement, replace, delete-replaced) and counts once. What an earlier one has left to be deleted is a
 * delete of its own: nothing goes without being told.
 */
function counted<Step extends { readonly op: string; readonly urn: string }>(
  steps: readonly Step[],
): readonly (Step & { readonly condemned?: true })[] {
  const replaced = new Set(steps.filter(({ op }) => op === 'replace').map(({ urn }) => urn));
  return steps.map((step) =>
    step.op === 'delete-replaced' && !replaced.has(step.urn) ? { ...step, op: 'delete', condemned: true } : step,
  );
}

export function plannedChanges(steps: readonly EngineStep[]): PlannedChange[] {
  const made = new Set<string>();
  const deletedFirst = new Set<string>();
  for (const { op, urn } of steps)
    if (op === 'create-replacement') made.add(urn);
    else if (op === 'delete-replaced' && !made.has(urn)) deletedFirst.add(urn);
  return counted(steps).flatMap((step) => {
    const { op } = step;
    if (!isCloudResource(step) || (op !== 'create' && op !== 'update' && op !== 'replace' && op !== 'delete')) return [];
    const { urn, type, name, changed, replacing, condemned } = step;
    return [
      {
        op,
        urn,
        type,
        name,
        changed,
        replacing,
        ...(op === 'replace' && deletedFirst.has(urn) ? { deletesFirst: true } : {}),
        ...(condemned === undefined ? {} : { condemned }),
      },
    ];
  });
}

export function countChanges(steps: readonly { readonly op: string; readonly type: string; readonly urn: string }[]): ChangeCounts {
  const counts = { ...noChanges };
  for (const step of counted(steps)) {
    if (!isCloudResource(step)) continue;
    if (step.op in counts) counts[step.op as keyof ChangeCounts] += 1;
  }
  return counts;
}

/** ETag of the record, where it says that this checkpoint is the verified one and the stack free: then it need not be read to know so. */
function settledRecord(held: HeldRecord | undefined, state: StackState | undefined): string | undefined {
  if (held?.record.phase !== 'free' || held.record.frozen !== undefined) return undefined;
  return isAsVerified(held.record.verified, state) ? held.etag : undefined;
}
