import { exitCodes, worstOf } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../../domain/problem.ts';
import { withDependents, withUpstreams } from '../../graph/graph.ts';
import type { Graph, StackNode } from '../../graph/graph.ts';
import { selectStacks } from '../../graph/select.ts';
import { Engine } from '../../pulumi/engine.ts';
import { stackProgram } from '../../pulumi/program.ts';
import { applyNetwork } from '../../run/apply.ts';
import type { Work } from '../../run/apply.ts';
import type { Emit, NetworkPlan, StackResult } from '../../run/events.ts';
import { countChanges, guardedReplacements, planNetwork } from '../../run/plan.ts';
import { firstGuessSeconds } from '../../state/durations.ts';
import { applySettings } from '../apply-settings.ts';
import type { CommonFlags, Context } from '../context.ts';
import { defaultParallel } from '../flags.ts';
import { backendUrl, openAws, openFile, preflight } from '../open.ts';
import type { OpenedFile, OpenedSession, OpenedState } from '../open.ts';
import { provideEngine } from '../open-engine.ts';
import { report } from '../report.ts';
import { listenForSignals } from '../signals.ts';
import type { Stopping } from '../signals.ts';

export interface UpFlags extends CommonFlags {
  readonly sessionExpires?: Date;
  readonly parallel?: number;
  readonly withUpstreams: boolean;
  readonly withDependents: boolean;
  readonly allowReplace?: readonly string[];
}

export async function up(this: Context, flags: UpFlags, ...patterns: string[]): Promise<void> {
  await report(this, flags, (emit, ask) => deploy({ ...this, ask }, 'up', flags, patterns, emit));
}

export async function plan(this: Context, flags: UpFlags, ...patterns: string[]): Promise<void> {
  await report(this, flags, (emit, ask) => deploy({ ...this, ask }, 'plan', flags, patterns, emit));
}

async function deploy(
  context: Context,
  command: 'up' | 'plan',
  flags: UpFlags,
  patterns: readonly string[],
  emit: Emit,
): Promise<ExitCode> {
  const started = context.now();
  const file = await openFile(context, flags, command, emit);
  const selected = select(file, patterns, flags);
  if (command === 'up' && !flags.yes && !context.interactive)
    throw new Refusal(exitCodes.usage, {
      reason: 'nobody-to-ask',
      message: 'up asks before it changes anything, and there is no terminal to ask on',
      next: 'Add --yes, or look first: npm run plan',
    });
  const aws = await openAws(context, file, flags.sessionExpires);
  const stopping = listenForSignals(emit);
  try {
    const provided = await provideEngine(context, file.target, emit);
    const state = await preflight(
      context,
      file,
      aws,
      { command, selected, cli: provided.settings.cli.version, plugin: provided.plugin },
      emit,
    );
    const engine = new Engine(provided.settings);
    const planned = await planNetwork({
      graph: file.graph,
      selected,
      states: state.states,
      settings: state.settings,
      engine,
      environment: aws.live.environment(),
      parallel: flags.parallel ?? defaultParallel(),
      emit,
      verbose: flags.verbose,
      signal: stopping.draining,
      now: context.now,
    });
    emit({ type: 'plan', plan: planned });
    if (stopping.draining.aborted) return exitCodes.stoppedBySignal;
    if (command === 'plan') return planned.failed.length > 0 ? exitCodes.failed : exitCodes.done;
    refuseGuarded(planned, file.graph, flags.allowReplace ?? []);
    if (planned.failed.length === 0 && planned.stacks.every(({ hasChanges }) => !hasChanges)) {
      const ends = planned.stacks.map(({ stack, short }): StackResult => ({ stack, short, end: { outcome: 'unchanged' }, seconds: 0 }));
      emit({ type: 'summary', command, ends, seconds: (context.now() - started) / 1000, exitCode: exitCodes.done });
      return exitCodes.done;
    }
    if (!flags.yes && !(await confirmed(context, file))) {
      emit({ type: 'note', message: 'Nothing was changed.' });
      return exitCodes.done;
    }
    return await apply(context, { file, aws, state, engine, planned, selected, stopping, started, flags }, emit);
  } finally {
    stopping.dispose();
    aws.clients.destroy();
  }
}

function select({ graph, network }: OpenedFile, patterns: readonly string[], flags: UpFlags): ReadonlySet<string> {
  const named = orRefuse(selectStacks(graph.nodes, patterns, network.file), exitCodes.usage);
  const up = flags.withUpstreams ? withUpstreams(graph, named) : named;
  return flags.withDependents ? withDependents(graph, up) : up;
}

function refuseGuarded(planned: NetworkPlan, graph: Graph, allowed: readonly string[]): void {
  const replacements = guardedReplacements(planned, graph, allowed);
  if (replacements.length === 0) return;
  throw new Refusal(
    exitCodes.usage,
    ...replacements.map(({ resource, type, replacing }) => ({
      reason: 'guarded-replacement',
      message: `the plan replaces ${resource} (${type.split(':').at(-1) ?? type})${replacing.length === 0 ? '' : `, because of ${replacing.join(', ')}`}: traffic over it stops until the new one is in place`,
      next: `If that is what you want: --allow-replace '${resource}'`,
    })),
  );
}

async function confirmed(context: Context, { network, target }: OpenedFile): Promise<boolean> {
  const where = target.kind === 'LAB' ? 'in the lab' : `in account ${network.spec.account}`;
  const answer = await context.ask(`Deploy this ${where}? Type yes: `);
  return answer.trim() === 'yes';
}

interface Applying {
  readonly file: OpenedFile;
  readonly aws: OpenedSession;
  readonly state: OpenedState;
  readonly engine: Engine;
  readonly planned: NetworkPlan;
  readonly selected: ReadonlySet<string>;
  readonly stopping: Stopping;
  readonly started: number;
  readonly flags: UpFlags;
}

async function apply(context: Context, run: Applying, emit: Emit): Promise<ExitCode> {
  const { file, aws, state, planned, stopping, flags } = run;
  const unplanned = new Map(planned.failed.map(({ stack, errors }) => [stack, errors]));
  const nodes = file.graph.nodes.filter(({ name }) => run.selected.has(name));
  const plannable = nodes.filter(({ name }) => !unplanned.has(name));
  const { ends, exitCode } = await applyNetwork({
    ...applySettings('up', context, file, aws, state.states, flags, stopping, emit),
    work: plannable.map((node) => workOf(node, run)),
    engine: run.engine,
  });
  const failed = nodes.flatMap((node): StackResult[] => {
    const errors = unplanned.get(node.name);
    return errors === undefined ? [] : [{ stack: node.name, short: node.short, end: { outcome: 'failed', errors }, seconds: 0 }];
  });
  const code = worstOf(failed.length > 0 ? [exitCode, exitCodes.failed] : [exitCode]);
  emit({ type: 'summary', command: 'up', ends: [...failed, ...ends], seconds: (context.now() - run.started) / 1000, exitCode: code });
  return code;

  function workOf(node: StackNode, { planned: { stacks } }: Applying): Work {
    const stackPlan = stacks.find(({ stack }) => stack === node.name);
    const counts = stackPlan?.counts;
    return {
      stack: node.name,
      short: node.short,
      kind: node.kind.title,
      after: node.upstreams,
      needed: stackPlan?.hasChanges ?? true,
      total: counts === undefined ? 0 : counts.create + counts.update + counts.replace + counts.delete + counts.same,
      forecastSeconds: state.durations.get(node.name) ?? firstGuessSeconds,
      run: (engine, options) =>
        engine.up({
          stack: node.name,
          program: stackProgram(node, state.settings, () => ({ exists: true })),
          backendUrl: backendUrl(file, aws, file.network.spec.region),
          exists: state.states.has(node.name),
          ...options,
        }),
      succeeded: (steps) => ({ outcome: 'applied', counts: countChanges(steps) }),
    };
  }
}
