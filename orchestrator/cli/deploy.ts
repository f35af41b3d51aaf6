import { exitCodes, worstOf } from '../domain/exit-codes.ts';
import type { ExitCode } from '../domain/exit-codes.ts';
import { Refusal } from '../domain/problem.ts';
import { parseStackName } from '../domain/stack-name.ts';
import type { Session } from '../aws/session.ts';
import type { StackNode } from '../graph/graph.ts';
import type { Engine } from '../pulumi/engine.ts';
import type { StackKind } from '../pulumi/kind.ts';
import { stackProgram } from '../pulumi/program.ts';
import { checkPaths } from '../reachability/checks.ts';
import { topologyOf } from '../reachability/from-network.ts';
import { topologyOfStates } from '../reachability/from-states.ts';
import { warningOf } from '../reachability/json.ts';
import { applyNetwork } from '../run/apply.ts';
import type { PassWork } from '../run/apply.ts';
import type { Emit, NetworkPlan, StackPlan, StackResult } from '../run/events.ts';
import { lockedOut } from '../run/lock-wait.ts';
import type { Consequence } from '../run/consequences.ts';
import { carriedOut, consequencesOf } from '../run/effects.ts';
import { countChanges, planNetwork } from '../run/plan.ts';
import { replacesWhatIsUsed, takesAway } from '../run/passes.ts';
import type { PassForm, PassKind, PassStack } from '../run/passes.ts';
import type { Settled } from '../run/settled.ts';
import type { SharedRun, SharedRunSettings } from '../run/shared-run.ts';
import { notInFile, standsOnGone, stillUsed } from '../run/leaving.ts';
import { protectedInPlan } from '../run/protected.ts';
import { nameFaults } from '../run/renamed.ts';
import type { Work } from '../run/stack-run.ts';
import type { StackState } from '../state/checkpoints.ts';
import { readDeployment } from '../state/deployment.ts';
import { firstGuessSeconds } from '../state/durations.ts';
import { cloudSecrets } from '../state/secrets.ts';
import { openGateway } from '../gateway/gateway.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { addsLoop, askedAbout, notAllowed } from '../ui/effects.ts';
import { nameFault, planLosesProtected } from '../ui/names.ts';
import { deletesWhatIsUsed } from '../ui/usage.ts';
import { openAlerting } from './alerting.ts';
import { applySettings } from './apply-settings.ts';
import type { ApplyFlags } from './apply-settings.ts';
import { blockedStacks, dependentsOf } from './blocked.ts';
import { clearAway, refuseWithoutJournal } from './clear-away.ts';
import type { UpFlags } from './commands/up.ts';
import type { Context } from './context.ts';
import { destroyWork } from './destroy-work.ts';
import { defaultParallel } from './flags.ts';
import { kindsOf } from './kinds.ts';
import { nameInFile } from './names-in-file.ts';
import { ciLink, openAws, preflight } from './open.ts';
import type { OpenedSession, OpenedState } from './open.ts';
import type { OpenedFile } from './open-file.ts';
import { trustedOf } from './fingerprint-settings.ts';
import { openEngine, provideEngine } from './open-engine.ts';
import { openSettled } from './open-settled.ts';
import { joinRun } from './shared-run.ts';
import { listenForSignals } from './signals.ts';
import type { Stopping } from './signals.ts';
import type { OnLocked } from './with-wait.ts';

/** What a deployment begins with. */
export interface Begun {
  readonly file: OpenedFile;
  readonly selected: ReadonlySet<string>;
  /** Absent: one is opened. */
  readonly opened?: { readonly run: string; readonly session: Session };
  /** By the context's clock; absent: now. */
  readonly started?: number;
  readonly onLocked?: OnLocked | undefined;
}

/** @param onPlan told of what is planned */
export async function deploy(
  context: Context,
  command: 'up' | 'plan',
  flags: UpFlags,
  { file, selected, opened, started = context.now(), onLocked }: Begun,
  emit: Emit,
  applyFlags: ApplyFlags & { readonly run?: string } = { verbose: flags.verbose, settle: true, bucketPatience: 0 },
  onPlan?: (planned: NetworkPlan) => Promise<void>,
): Promise<ExitCode> {
  const aws = await openAws(context, file, flags.sessionExpires, opened);
  const stopping = listenForSignals(emit);
  const gateway = await (context.ports?.openGateway ?? openGateway)(trustedOf(file.network.spec));
  try {
    const provided = await provideEngine(context, file.target, emit);
    const joined =
      applyFlags.run === undefined ? undefined : await joinRun(sharedRunSettings(context, file, aws, selected, applyFlags.run, applyFlags));
    const state = await preflight(
      context,
      file,
      aws,
      {
        command,
        selected,
        cli: provided.settings.cli.version,
        plugin: provided.plugin,
        sharedMachine: flags.sharedMachine,
        besideExisting: flags.besideExisting,
        isPart: joined !== undefined,
        onLocked,
      },
      emit,
    );
    if (joined instanceof Refusal) throw joined;
    refuseNames(file, state);
    if (command === 'up') await clearAway(context, file, aws, state.standings, emit);
    const standing = command === 'up' ? state.standings : { ...state.standings, byStack: new Map() };
    const leaving = leavingStacks(context, file, state, selected, flags.prune);
    const vertices = [...file.graph.nodes, ...leaving.map(({ stack, upstreams }) => ({ name: stack, upstreams }))];
    const all = new Set([...selected, ...leaving.map(({ stack }) => stack)]);
    const blocked = blockedStacks(vertices, all, standing, 'up', state.unreadable);
    const free = without(all, blocked.ends);
    const waiting = joined?.waiting(file.graph.nodes, free) ?? { ends: [], exitCode: exitCodes.done };
    const runnable = without(free, waiting.ends);
    const engine = openEngine(context, provided.settings);
    const summarize = async (ended: readonly StackResult[], exitCode: ExitCode): Promise<ExitCode> => {
      const ends = [...blocked.ends, ...waiting.ends, ...ended];
      await joined?.end(ends, emit);
      const code = worstOf([exitCode, blocked.exitCode, waiting.exitCode]);
      emit({ type: 'summary', command, ends, seconds: (context.now() - started) / 1000, exitCode: code });
      return code;
    };
    if (runnable.size === 0 && selected.size > 0) return await summarize([], exitCodes.done);
    const settled = await openSettled(context, file, aws, state.settings, provided.settings.cli.version, flags);
    const plannedStacks = await planNetwork({
      graph: file.graph,
      gateway,
      marker: aws.process.nonce,
      selected: runnable,
      leaving: leaving.filter(({ stack }) => runnable.has(stack)),
      states: state.states,
      settings: state.settings,
      engine,
      environment: aws.live.environment(),
      secrets: file.network.spec.state.secrets,
      settled,
      records: state.standings.records,
      refresh: flags.refresh,
      readNew: command === 'up',
      withoutKey: command === 'plan',
      // A preview waits for nothing.
      parallel: flags.parallel ?? defaultParallel('LAB'),
      emit,
      verbose: flags.verbose,
      signal: stopping.draining,
      now: context.now,
    });
    const planned = withEffects(context, file, state.states, plannedStacks);
    const told = command === 'plan' ? { ...planned, failed: [...unplanned(blocked.ends), ...planned.failed] } : planned;
    emit({ type: 'plan', plan: told });
    await onPlan?.(told);
    refuseUnable(planned, file, kindsOf(context), state.states);
    if (stopping.draining.aborted) return exitCodes.stoppedBySignal;
    if (command === 'plan') return worstOf([blocked.exitCode, planned.failed.length > 0 ? exitCodes.failed : exitCodes.done]);
    const keep = (): Promise<void> => settled.keep(aws.store, file.network.spec.network, new Set(file.graph.byName.keys()));
    if (planned.failed.length === 0 && planned.stacks.every(({ hasChanges }) => !hasChanges)) {
      await keep();
      return await summarize(
        planned.stacks.map(({ stack, short }): StackResult => ({ stack, short, end: { outcome: 'unchanged' }, seconds: 0 })),
        exitCodes.done,
      );
    }
    const asked = consequencesToAsk(planned, flags);
    if (flags.yes) refuseUnasked(planned, asked);
    else if (planned.effects !== undefined && asked.length > 0) emit({ type: 'note', message: askedAbout(asked, planned.effects) });
    if (!flags.yes && !(await confirmed(context, file))) {
      emit({ type: 'note', message: 'Nothing was changed.' });
      return exitCodes.done;
    }
    const alerting = openAlerting(context, file, aws, command);
    const applied = await apply(
      context,
      {
        file,
        aws,
        state,
        gateway,
        engine,
        planned,
        selected: runnable,
        stopping,
        flags: applyFlags,
        refresh: flags.refresh,
        settled,
        shared: joined?.run,
        onLocked,
      },
      alerting.follow(emit),
    );
    await keep();
    await alerting.settled(emit);
    return await summarize(applied.ends, applied.exitCode);
  } finally {
    await gateway.close();
    stopping.dispose();
    aws.clients.destroy();
  }
}

/** As a plan tells of them. */
const unplanned = (ends: readonly StackResult[]): NetworkPlan['failed'] =>
  ends.map(({ stack, short, end }) => ({ stack, short, errors: 'because' in end ? [`not planned: ${end.because}`] : [] }));

const without = (stacks: ReadonlySet<string>, ends: readonly StackResult[]): ReadonlySet<string> =>
  new Set([...stacks].filter((name) => !ends.some(({ stack }) => stack === name)));

function sharedRunSettings(
  context: Context,
  { network }: OpenedFile,
  { store, run }: OpenedSession,
  selected: ReadonlySet<string>,
  name: string,
  { bucketPatience }: ApplyFlags,
): SharedRunSettings {
  return {
    store,
    network: network.spec.network,
    name,
    run,
    stacks: [...selected],
    ...ciLink(context.env),
    patienceSeconds: bucketPatience,
    now: context.now,
  };
}

/**
 * What has left the file and is taken away: what goes with the file's own line, and with `--prune` all of it. Only by a run over the whole network: another
 * one does not come to what still refers to it.
 */
function leavingStacks(
  context: Context,
  { graph }: OpenedFile,
  { states }: OpenedState,
  selected: ReadonlySet<string>,
  prune: boolean,
): readonly StackState[] {
  if (selected.size < graph.nodes.length) return [];
  const leave = new Set(kindsOf(context).flatMap(({ kind, leavesWithFile }) => (leavesWithFile === true ? [kind] : [])));
  return notInFile(graph, states).filter(({ stack }) => prune || leave.has(parseStackName(stack)?.kind ?? ''));
}

/** How it is carried out, and what that does. */
function withEffects(
  context: Context,
  { graph, network }: OpenedFile,
  states: ReadonlyMap<string, StackState>,
  planned: Omit<NetworkPlan, 'passes' | 'effects' | 'warnings'>,
): NetworkPlan {
  const stacks = planned.stacks.map((plan) => ({ ...plan, ...nameInFile({ graph, network }, plan.stack) }));
  if (stacks.every(({ hasChanges }) => !hasChanges)) return { ...planned, stacks, passes: [] };
  const deployments = [...states.values()].flatMap(({ body }) => {
    const read = readDeployment(body);
    return read.ok ? [read.deployment] : [];
  });
  const [before, wanted] = [topologyOfStates(deployments), topologyOf(network.spec)];
  const { passes, effects } = carriedOut({ stacks, graph, kinds: kindsOf(context), before, wanted });
  const warnings = checkPaths(network.spec).map((finding) => warningOf(finding, network.lineOf(finding.path)));
  return { ...planned, stacks, passes, effects, warnings };
}

/** A plan would show a thing that was renamed as a new one. */
function refuseNames({ network }: OpenedFile, { states, unreadable, standings }: OpenedState): void {
  const unknown = new Set([
    ...unreadable.map(({ stack }) => stack),
    ...[...standings.byStack].flatMap(([stack, { kind }]) => (kind === 'held' || kind === 'locked' ? [stack] : [])),
  ]);
  const { spec, renames } = network;
  const faults = nameFaults({ spec, renames, states, unknown, begun: new Set(standings.records.keys()) });
  if (faults.length > 0) throw new Refusal(exitCodes.usage, ...faults.map((fault) => nameFault(fault, network)));
}

/** What cannot come to a good end, or is a mistake whatever was meant. */
function refuseUnable(
  { stacks, effects }: NetworkPlan,
  { graph, network }: OpenedFile,
  kinds: readonly StackKind[],
  states: ReadonlyMap<string, StackState>,
): void {
  const problems = [
    ...stillUsed(stacks, graph, states).map(deletesWhatIsUsed),
    ...(effects?.loops ?? []).map(addsLoop),
    ...protectedInPlan(stacks, kinds, network.spec).map((loss) => planLosesProtected(loss, network)),
  ];
  if (problems.length > 0) throw new Refusal(exitCodes.usage, ...problems);
}

const consequencesToAsk = ({ effects }: NetworkPlan, { allow = [] }: UpFlags): readonly Consequence[] =>
  effects === undefined ? [] : consequencesOf(effects).filter((consequence) => !allow.includes(consequence));

function refuseUnasked({ effects }: NetworkPlan, asked: readonly Consequence[]): void {
  if (effects !== undefined && asked.length > 0)
    throw new Refusal(exitCodes.usage, ...asked.map((consequence) => notAllowed(consequence, effects)));
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
  readonly gateway: Gateway;
  readonly engine: Engine;
  readonly planned: NetworkPlan;
  readonly selected: ReadonlySet<string>;
  readonly stopping: Stopping;
  readonly flags: ApplyFlags;
  readonly refresh: boolean;
  readonly settled: Settled;
  readonly shared: SharedRun | undefined;
  readonly onLocked: OnLocked | undefined;
}

async function apply(context: Context, run: Applying, emit: Emit): Promise<{ ends: readonly StackResult[]; exitCode: ExitCode }> {
  const { file, state, planned, stopping, flags } = run;
  const unplanned = new Map(planned.failed.map(({ stack, errors }) => [stack, errors]));
  const nodes = file.graph.nodes.filter(({ name }) => run.selected.has(name));
  const plannable = nodes.filter(({ name }) => !unplanned.has(name));
  const leaving = planned.stacks.filter(({ leaves }) => leaves === true).flatMap(({ stack }) => state.states.get(stack) ?? []);
  const order = [...plannable.map(({ name }) => name), ...leaving.map(({ stack }) => stack)];
  const passes = planned.passes.map((pass, index): PassWork => {
    const isLast = (name: string): boolean =>
      !planned.passes.slice(index + 1).some(({ stacks }) => stacks.some(({ stack }) => stack === name));
    const due = new Map(pass.stacks.map((each) => [each.stack, each]));
    const before = new Map(planned.passes.slice(0, index).flatMap(({ stacks }) => stacks.map((each) => [each.stack, each])));
    // What has nothing to do in any of them is told in the first.
    const isIdle = (name: string): boolean =>
      index === 0 && !planned.passes.some(({ stacks }) => stacks.some(({ stack }) => stack === name));
    return {
      kind: pass.kind,
      work: [
        ...plannable
          .filter(({ name }) => due.has(name) || isIdle(name))
          .map((node) => workOf(node, pass.kind, due.get(node.name), before.get(node.name), isLast(node.name))),
        ...leaving.filter(({ stack }) => due.has(stack)).map((each) => destroyWork(each, file, state, dependents(each.stack))),
      ],
    };
  });
  const { ends, exitCode } = await refuseWithoutJournal(async () =>
    applyNetwork({ ...(await applySettings('up', context, run, flags, stopping, order, emit, run)), passes }),
  );
  const work = passes.flatMap((pass) => pass.work);
  const locked = unplanned.size === 0 && !stopping.draining.aborted ? lockedOut(work, ends) : undefined;
  if (locked) run.onLocked?.(locked);
  const failed = nodes.flatMap((node): StackResult[] => {
    const errors = unplanned.get(node.name);
    return errors === undefined ? [] : [{ stack: node.name, short: node.short, end: { outcome: 'failed', errors }, seconds: 0 }];
  });
  return { ends: [...failed, ...ends], exitCode: worstOf(failed.length > 0 ? [exitCode, exitCodes.failed] : [exitCode]) };

  /** By the file, and by the states, which refer to what the file no longer does. */
  function dependents(stack: string): readonly string[] {
    return dependentsOf(stack, file.graph.nodes, state.states.values());
  }

  function workOf(node: StackNode, pass: PassKind, due: PassStack | undefined, before: PassStack | undefined, last: boolean): Work {
    const stackPlan = planned.stacks.find(({ stack }) => stack === node.name);
    const counts = stackPlan?.counts;
    const { inputs, references, upstreams } = formed(node, due?.form);
    // What stood on something that is replaced, or was by an earlier run, may have gone with it, as an association does with its attachment: AWS is asked first.
    const refresh =
      run.refresh ||
      planned.stacks.some((plan) => upstreams.includes(plan.stack) && replacesWhatIsUsed(plan)) ||
      (stackPlan !== undefined && standsOnGone(stackPlan, state.states));
    const program = stackProgram({ ...node, inputs, references }, state.settings, () => ({ exists: true }));
    return {
      stack: node.name,
      short: node.short,
      kind: node.kind.title,
      operation: 'up',
      // What goes is let go of by those that use it first.
      after: takesAway(pass) ? dependents(node.name) : upstreams,
      reads: upstreams,
      // What is replaced or deleted is taken from under those that read it.
      guards: (counts?.replace ?? 0) > 0 || (counts?.delete ?? 0) > 0 ? [...new Set([...upstreams, ...dependents(node.name)])] : upstreams,
      last,
      needed: stackPlan?.hasChanges ?? true,
      total: counts === undefined ? 0 : counts.create + counts.update + counts.replace + counts.delete + counts.same,
      forecastSeconds: state.durations.get(node.name) ?? firstGuessSeconds,
      run: (engine, options) =>
        engine.up({
          stack: node.name,
          program,
          exists: true,
          secrets: cloudSecrets(file.network.spec.state.secrets, state.states.get(node.name)?.body),
          refresh,
          excluded: excludedFrom({ due, before, plan: stackPlan, state: state.states.get(node.name) }),
          ...options,
        }),
      refresh,
      fingerprint: (outputs) => run.settled.fingerprint(node, outputs),
      program,
      succeeded: (steps) => ({ outcome: 'applied', counts: countChanges(steps) }),
    };
  }
}

/** A stack as a pass runs it. */
function formed(node: StackNode, form: PassForm | undefined): Pick<StackNode, 'inputs' | 'references' | 'upstreams'> {
  if (form === undefined) return node;
  if (form.kind === 'bridged') return { ...node, ...node.kind.bridged?.(node.inputs, form.resources) };
  const shielded = node.kind.shields?.(node.inputs);
  if (!shielded) return node;
  const references = node.references.filter(({ reference }) => shielded.references.includes(reference));
  return { inputs: shielded.inputs, references, upstreams: [...new Set(references.map(({ stack }) => stack))] };
}

/**
 * URNs that a pass leaves as they are. Where something is made in a later one, also all that stays: by the program it may stand on what is not made yet, and the engine
 * would write that into the state, and refuse that state.
 */
function excludedFrom({ due, before, plan, state }: PassTurn): readonly string[] {
  const later = due?.later ?? [];
  if (due?.form?.kind === 'shield') return [...later, ...urnsOf(state)];
  const changes = plan?.changes ?? [];
  if (!changes.some(({ op, urn }) => op === 'create' && later.includes(urn))) return later;
  const isDone = (urn: string): boolean => before !== undefined && !before.later.includes(urn);
  const made = changes.flatMap(({ op, urn }) => (op !== 'delete' && isDone(urn) ? [urn] : []));
  const changing = new Set(changes.map(({ urn }) => urn));
  return [...later, ...made, ...urnsOf(state).filter((urn) => !changing.has(urn))];
}

interface PassTurn {
  readonly due: PassStack | undefined;
  /** The pass before this one in which the stack had something to do. */
  readonly before: PassStack | undefined;
  readonly plan: StackPlan | undefined;
  /** As the run found it. */
  readonly state: StackState | undefined;
}

/** Of all that a stack has in the cloud. */
function urnsOf(state: StackState | undefined): readonly string[] {
  const read = state && readDeployment(state.body);
  return read?.ok === true ? read.deployment.resources.filter(({ type }) => !type.startsWith('pulumi:')).map(({ urn }) => urn) : [];
}
