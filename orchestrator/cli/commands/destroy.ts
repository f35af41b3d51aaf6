import { exitCodes, worstOf } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../../domain/problem.ts';
import { dependencyOrder } from '../../graph/graph.ts';
import { selectStacks } from '../../graph/select.ts';
import { applyNetwork } from '../../run/apply.ts';
import type { Emit, StackResult } from '../../run/events.ts';
import { lockedOut } from '../../run/lock-wait.ts';
import type { Work } from '../../run/stack-run.ts';
import { readStates } from '../../state/checkpoints.ts';
import type { StackState } from '../../state/checkpoints.ts';
import { firstGuessSeconds } from '../../state/durations.ts';
import { cloudSecrets } from '../../state/secrets.ts';
import { openGateway } from '../../gateway/gateway.ts';
import { openAlerting } from '../alerting.ts';
import { applySettings } from '../apply-settings.ts';
import type { ApplyFlags } from '../apply-settings.ts';
import { blockedStacks, dependentsOf } from '../blocked.ts';
import { clearAway, refuseWithoutJournal } from '../clear-away.ts';
import type { CommonFlags, Context } from '../context.ts';
import { openAws, preflight } from '../open.ts';
import { openFile } from '../open-file.ts';
import type { OpenedFile } from '../open-file.ts';
import { trustedOf } from '../fingerprint-settings.ts';
import { openEngine, provideEngine } from '../open-engine.ts';
import { report } from '../report.ts';
import { listenForSignals } from '../signals.ts';
import { withWait } from '../with-wait.ts';
import type { OnLocked } from '../with-wait.ts';
import { dependentsExist, describeDoomed, destroyNotConfirmed, otherNetwork } from '../../ui/destroy.ts';

export interface DestroyFlags extends CommonFlags, ApplyFlags {
  readonly verbose: boolean;
  readonly sessionExpires?: Date;
  readonly parallel?: number;
  readonly withDependents: boolean;
  readonly sharedMachine: boolean;
  readonly confirm?: string;
  /** Seconds for which locks of others are waited for. */
  readonly wait?: number;
}

export async function destroy(this: Context, flags: DestroyFlags, ...patterns: string[]): Promise<void> {
  await report(this, flags, (emit, ask) => destroyStacks({ ...this, ask }, flags, patterns, emit));
}

/** @param given instead of the network file that the flags name */
export async function destroyStacks(
  context: Context,
  flags: DestroyFlags,
  patterns: readonly string[],
  emit: Emit,
  given?: OpenedFile,
): Promise<ExitCode> {
  const started = context.now();
  const file = given ?? (await openFile(context, flags, 'destroy', emit));
  refuseUnconfirmed(context, file, flags);
  return withWait(context, file, flags, emit, (_, onLocked) => destroyOnce(context, flags, patterns, emit, file, started, onLocked));
}

async function destroyOnce(
  context: Context,
  flags: DestroyFlags,
  patterns: readonly string[],
  emit: Emit,
  file: OpenedFile,
  started: number,
  onLocked: OnLocked | undefined,
): Promise<ExitCode> {
  const aws = await openAws(context, file, flags.sessionExpires);
  const stopping = listenForSignals(emit);
  const gateway = await (context.ports?.openGateway ?? openGateway)(trustedOf(file.network.spec));
  try {
    const provided = await provideEngine(context, file.target, emit);
    // What to destroy is what there is, whether or not the file still asks for it.
    const existing =
      (await readStates(aws.store, file.network.spec.network, file.network.spec).catch(() => undefined))?.states ??
      new Map<string, StackState>();
    const selected = select(file, existing, patterns, flags);
    const state = await preflight(
      context,
      file,
      aws,
      {
        command: 'destroy',
        selected,
        cli: provided.settings.cli.version,
        plugin: provided.plugin,
        sharedMachine: flags.sharedMachine,
        onLocked,
      },
      emit,
    );
    const { states, durations, standings } = state;
    await clearAway(context, file, aws, standings, emit);
    const vertices = [...states.values()].map(({ stack, upstreams }) => ({ name: stack, upstreams }));
    const blocked = blockedStacks(vertices, selected, standings, 'destroy');
    const summarize = (ends: readonly StackResult[], exitCode: ExitCode): ExitCode => {
      const code = worstOf([exitCode, blocked.exitCode]);
      emit({
        type: 'summary',
        command: 'destroy',
        ends: [...blocked.ends, ...ends],
        seconds: (context.now() - started) / 1000,
        exitCode: code,
      });
      return code;
    };
    const runnable = new Set([...selected].filter((name) => !blocked.ends.some(({ stack }) => stack === name)));
    const doomed = reverseOrder(states, runnable);
    if (doomed.length === 0 && blocked.ends.length > 0) return summarize([], exitCodes.done);
    if (doomed.length === 0) {
      emit({ type: 'note', message: 'Nothing is deployed: there is nothing to destroy.' });
      return exitCodes.done;
    }
    emit({ type: 'note', message: describeDoomed(doomed) });
    if (!(await confirmed(context, file, flags))) {
      emit({ type: 'note', message: 'Nothing was changed.' });
      return exitCodes.done;
    }
    const order = doomed.map(({ stack }) => stack);
    const alerting = openAlerting(context, file, aws, 'destroy');
    const work = doomed.map((doomedState): Work => ({
      stack: doomedState.stack,
      short: doomedState.short,
      kind: file.graph.byName.get(doomedState.stack)?.kind.title ?? 'not in the network file',
      after: doomed.filter(({ upstreams }) => upstreams.includes(doomedState.stack)).map(({ stack }) => stack),
      reads: [],
      guards: dependentsOf(doomedState.stack, file.graph.nodes, states.values()),
      needed: true,
      total: doomedState.resources,
      forecastSeconds: durations.get(doomedState.stack) ?? firstGuessSeconds,
      run: (engine, options) =>
        engine.destroy({
          stack: doomedState.stack,
          program: () => Promise.resolve(),
          exists: true,
          secrets: cloudSecrets(file.network.spec.state.secrets, doomedState.body),
          ...options,
        }),
      program: undefined,
      succeeded: () => ({ outcome: 'destroyed', deleted: doomedState.resources }),
    }));
    const { ends, exitCode } = await refuseWithoutJournal(async () =>
      applyNetwork({
        ...(await applySettings(
          'destroy',
          context,
          { file, aws, state, gateway, engine: openEngine(context, provided.settings) },
          flags,
          stopping,
          order,
          alerting.follow(emit),
        )),
        work,
      }),
    );
    const locked = stopping.draining.aborted ? undefined : lockedOut(work, ends);
    if (locked) onLocked?.(locked);
    await alerting.settled(emit);
    return summarize(ends, exitCode);
  } finally {
    await gateway.close();
    stopping.dispose();
    aws.clients.destroy();
  }
}

function select(
  file: OpenedFile,
  existing: ReadonlyMap<string, StackState>,
  patterns: readonly string[],
  flags: DestroyFlags,
): ReadonlySet<string> {
  // A name of the file that is not deployed is no mistake: there is just nothing to do.
  const known = new Map(file.graph.nodes.map(({ name, short }) => [name, { name, short }]));
  for (const { stack, short } of existing.values()) known.set(stack, { name: stack, short });
  const named = orRefuse(selectStacks([...known.values()], patterns, file.network.file), exitCodes.usage);
  const selected = new Set([...named].filter((name) => existing.has(name)));
  for (let grew = flags.withDependents; grew;) {
    grew = false;
    for (const { stack, upstreams } of existing.values())
      if (!selected.has(stack) && upstreams.some((upstream) => selected.has(upstream))) {
        selected.add(stack);
        grew = true;
      }
  }
  const dependents = [...existing.values()].filter(
    ({ stack, upstreams }) => !selected.has(stack) && upstreams.some((upstream) => selected.has(upstream)),
  );
  if (dependents.length > 0) throw new Refusal(exitCodes.usage, dependentsExist(dependents.map(({ short }) => short)));
  return selected;
}

/** Dependents before what they read, from what the states themselves say: the file may have changed since. */
function reverseOrder(states: ReadonlyMap<string, StackState>, selected: ReadonlySet<string>): StackState[] {
  const doomed = [...states.values()].filter(({ stack }) => selected.has(stack));
  const order = dependencyOrder(doomed.map(({ stack, upstreams }) => ({ name: stack, upstreams })));
  if (!order.ok) throw new Error(`the states read from one another in a circle: ${order.cycle.join(' -> ')}`);
  return [...order.names].reverse().flatMap((name) => states.get(name) ?? []);
}

function refuseUnconfirmed(context: Context, { network, target }: OpenedFile, { confirm, yes }: DestroyFlags): void {
  const name = network.spec.network;
  if (confirm !== undefined && confirm !== name) throw new Refusal(exitCodes.usage, otherNetwork(confirm, name));
  if (confirm === name || (yes && target.kind === 'LAB') || (context.interactive && !yes)) return;
  throw new Refusal(exitCodes.usage, destroyNotConfirmed(network.spec, target.kind, yes));
}

async function confirmed(context: Context, { network }: OpenedFile, flags: DestroyFlags): Promise<boolean> {
  if (flags.yes || flags.confirm !== undefined) return true;
  const answer = await context.ask(`Type the network's name to destroy it (${network.spec.network}): `);
  return answer.trim() === network.spec.network;
}
