import { randomUUID } from 'node:crypto';
import { exitCodes, worstOf } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { messageOf, orRefuse, Refusal } from '../../domain/problem.ts';
import { openGateway } from '../../gateway/gateway.ts';
import type { Mount } from '../../gateway/gateway.ts';
import { buildGraph, dependencyOrder } from '../../graph/graph.ts';
import { selectStacks } from '../../graph/select.ts';
import type { Answer } from '../../journal/events.ts';
import { Journal } from '../../journal/journal.ts';
import { readRun } from '../../journal/read-runs.ts';
import type { ReadRun } from '../../journal/read-runs.ts';
import { newRun } from '../../journal/run-state.ts';
import { Heartbeat } from '../../locks/heartbeat.ts';
import type { LockRecord } from '../../locks/lock-record.ts';
import { parseNetwork } from '../../network/read-network.ts';
import { unknownLiveness } from '../../ownership/liveness.ts';
import { programFingerprint } from '../../pulumi/fingerprint.ts';
import { stackProgram } from '../../pulumi/program.ts';
import { interruptedOf } from '../../recovery/interrupted.ts';
import type { Interrupted } from '../../recovery/interrupted.ts';
import type { Question } from '../../recovery/questions.ts';
import { recoverStack } from '../../recovery/recover-stack.ts';
import type { RecoveryEnd, RecoveryParts } from '../../recovery/recover-stack.ts';
import { takeOverStack } from '../../recovery/take-over.ts';
import { endLeftEngine, writerOf } from '../../recovery/writer.ts';
import type { Writer } from '../../recovery/writer.ts';
import { exitCodeOf } from '../../run/apply.ts';
import type { Emit, StackEnd, StackResult } from '../../run/events.ts';
import type { Held, Standing } from '../../run/standing.ts';
import { closeDeadRuns, endLeftLocks, tellLeftLocks } from '../../run/tidy.ts';
import { openAlerting } from '../alerting.ts';
import { refuseWithoutJournal } from '../clear-away.ts';
import type { CommonFlags, Context } from '../context.ts';
import type { Decided } from '../decision.ts';
import { refuseIncident } from '../incident.ts';
import { openAws, preflight, shortOf, standingsOf, tidyRequest } from '../open.ts';
import { kindsOf } from '../kinds.ts';
import { openFile } from '../open-file.ts';
import type { OpenedSession, OpenedState } from '../open.ts';
import type { OpenedFile } from '../open-file.ts';
import { openEngine, provideEngine } from '../open-engine.ts';
import { recoveryParts } from '../recovery-parts.ts';
import { openingOf } from '../opening.ts';
import { meaningOf, programQuestion } from '../journaled-meaning.ts';
import { openShell } from '../recovery-shell.ts';
import { report } from '../report.ts';
import { destroyStacks } from './destroy.ts';
import { chosenStacks } from '../chosen-stacks.ts';
import { deploy } from '../deploy.ts';
import { listenForSignals } from '../signals.ts';

export interface RecoverFlags extends CommonFlags {
  readonly dryRun: boolean;
  readonly resume: boolean;
  readonly decide?: readonly Decided[];
  readonly shell: boolean;
  readonly writerDead?: string;
  readonly withoutVersions: boolean;
  readonly changedProgram: boolean;
  readonly incident?: string;
  /** Seconds. */
  readonly wait: number;
  /** Seconds. */
  readonly bucketPatience: number;
}

export async function recover(this: Context, flags: RecoverFlags, ...patterns: string[]): Promise<void> {
  await report(this, flags, (emit, ask) => recoverStacks({ ...this, ask }, flags, patterns, emit));
}

async function recoverStacks(context: Context, flags: RecoverFlags, patterns: readonly string[], emit: Emit): Promise<ExitCode> {
  const startedMs = context.now();
  const file = await openFile(context, flags, 'recover', emit);
  refuseIncident(file, flags.incident);
  const aws = await openAws(context, file);
  const stopping = listenForSignals(emit);
  const gateway = await (context.ports?.openGateway ?? openGateway)();
  let interruptedRuns: readonly ReadRun[] = [];
  try {
    const provided = await provideEngine(context, file.target, emit);
    const everyone = new Set(file.graph.nodes.map(({ name }) => name));
    const state = await preflight(
      context,
      file,
      aws,
      { command: 'recover', selected: everyone, cli: provided.settings.cli.version, plugin: provided.plugin },
      emit,
    );
    const tidy = tidyRequest(context, aws, file.network.spec.network, state.standings, emit);
    if (flags.dryRun) tellLeftLocks(tidy);
    else await endLeftLocks(tidy);
    const chosen = choose(file, state, patterns, emit);
    const decided = decisionsFor(chosen, flags.decide ?? []);
    if (chosen.length === 0) {
      // With the lock that was left, its run is over as well.
      if (!flags.dryRun) await closeRuns(context, file, aws, state, emit);
      emit({ type: 'note', message: 'Nothing is held: there is nothing to recover.' });
      return exitCodes.done;
    }
    const known = new Map<string, { readonly body: string }>(state.states);
    const parts = await recoveryParts(
      context,
      {
        file,
        aws,
        gateway,
        engine: openEngine(context, provided.settings),
        installation: state.settings.installation,
        states: known,
        verified: new Map(state.standings.verified),
        incident: flags.incident,
        patienceSeconds: flags.bucketPatience,
        limitSeconds: flags.wait,
        verbose: flags.verbose,
        signal: stopping.draining,
      },
      emit,
    );
    const heartbeat = new Heartbeat(aws.store, file.network.spec.network, aws.run, aws.process);
    const own = await refuseWithoutJournal(() => openOwnJournal(context, file, aws, chosen, flags));
    if (!flags.dryRun) heartbeat.start();
    const ends: StackResult[] = [];
    const alerting = openAlerting(context, file, aws, 'recover');
    // A rehearsal changes nothing that anybody has to know of.
    const told = flags.dryRun ? emit : alerting.follow(emit);
    for (const stack of chosen) {
      if (stopping.draining.aborted) break;
      const from = context.now();
      const end = await recoverOne(context, { file, aws, state, parts, own, flags, known }, stack, decided.get(stack) ?? [], emit);
      const seconds = (context.now() - from) / 1000;
      ends.push({ stack, short: shortOf(stack), end, seconds });
      told({ type: 'stack-ended', stack, end, seconds });
    }
    await alerting.settled(emit);
    const exitCode = worstOf([exitCodeOf(ends, false), ...(ends.length < chosen.length ? [exitCodes.held] : [])]);
    if (!flags.dryRun) {
      await own.note({
        type: 'run-ended',
        exitCode,
        ends: ends.map(({ stack, end }) => ({ stack, outcome: end.outcome, detail: end.outcome })),
      });
      await own.close();
      await heartbeat.stop();
      await closeRuns(context, file, aws, state, emit);
    }
    emit({ type: 'summary', command: 'recover', ends, seconds: (context.now() - startedMs) / 1000, exitCode });
    if (!flags.resume || flags.dryRun || exitCode !== exitCodes.done) return exitCode;
    interruptedRuns = await Promise.all(
      [...new Set(chosen.flatMap((stack) => runOfHeld(state.standings.byStack.get(stack)) ?? []))].map((run) =>
        readRun(aws.store, file.network.spec.network, run),
      ),
    );
  } finally {
    await gateway.close();
    stopping.dispose();
    aws.clients.destroy();
  }
  const codes: ExitCode[] = [];
  for (const run of interruptedRuns) codes.push(await resume(context, file, run, flags, emit));
  return worstOf(codes);
}

/** Takes away the marks of runs that are over by now: what cannot be taken away does no harm. */
async function closeRuns(context: Context, file: OpenedFile, aws: OpenedSession, { states }: OpenedState, emit: Emit): Promise<void> {
  const { network } = file.network.spec;
  try {
    const standings = await standingsOf(context, aws, network, states);
    await closeDeadRuns(tidyRequest(context, aws, network, standings, emit));
  } catch (cause) {
    emit({
      type: 'note',
      message: `The mark of the interrupted run could not be taken away: ${messageOf(cause)}. The next up or recover does it.`,
    });
  }
}

const runOfHeld = (standing: Standing | undefined): string | undefined => (standing?.kind === 'held' ? standing.run : undefined);

const asPlanned = { withUpstreams: false, withDependents: false, force: false, refresh: false } as const;

/** What the interrupted run still had to do, by the network file that it had. */
async function resume(context: Context, file: OpenedFile, { run, state }: ReadRun, flags: RecoverFlags, emit: Emit): Promise<ExitCode> {
  const { opened } = state;
  if (!opened || opened.operation === 'recover') {
    emit({ type: 'note', message: `What run ${run} was about is not known: nothing is resumed. See npm run plan` });
    return exitCodes.done;
  }
  const network = orRefuse(parseNetwork(opened.networkFile.path, opened.networkFile.text), exitCodes.usage);
  const given = { ...file, network, graph: orRefuse(buildGraph(network.spec, kindsOf(context)), exitCodes.usage) };
  emit({ type: 'note', message: `Resuming run ${run}: ${opened.operation} of ${opened.order.map(shortOf).join(', ')}` });
  const common = { ...flags, settle: true };
  return opened.operation === 'up'
    ? deploy(
        context,
        'up',
        { ...common, ...asPlanned },
        { file: given, selected: chosenStacks(given, opened.order, asPlanned) },
        emit,
        common,
      )
    : destroyStacks(context, { ...common, withDependents: false }, opened.order, emit, given);
}

/** What is to be recovered, upstreams first. Of what was named and is not held it is said why. */
function choose(file: OpenedFile, { states, standings }: OpenedState, patterns: readonly string[], emit: Emit): readonly string[] {
  const names = new Set([...file.graph.nodes.map(({ name }) => name), ...states.keys(), ...standings.byStack.keys()]);
  const candidates = [...names].map((name) => ({ name, short: shortOf(name) }));
  const named = orRefuse(selectStacks(candidates, patterns, file.network.file), exitCodes.usage);
  const isHeld = (name: string): boolean => standings.byStack.get(name)?.kind === 'held';
  if (patterns.length > 0)
    for (const name of named) {
      const standing = standings.byStack.get(name);
      if (standing?.kind === 'locked')
        throw new Refusal(exitCodes.lockedByOther, {
          reason: 'locked',
          message: standing.message,
          next: 'It is not held: somebody is at work on it. See npm run locks; a run that hangs has to be ended by its owner first.',
        });
      if (!isHeld(name)) emit({ type: 'note', message: `${shortOf(name)} is not held: there is nothing to recover.` });
    }
  const held = new Set([...named].filter(isHeld));
  const vertices = [...names].map((name) => ({
    name,
    upstreams: file.graph.byName.get(name)?.upstreams ?? states.get(name)?.upstreams ?? [],
  }));
  const order = dependencyOrder(vertices);
  return (order.ok ? order.names : [...names]).filter((name) => held.has(name));
}

/** Which answer is of which stack. */
function decisionsFor(chosen: readonly string[], decided: readonly Decided[]): ReadonlyMap<string, readonly Answer[]> {
  const byStack = new Map<string, Answer[]>();
  for (const { text, resource, answer, id } of decided) {
    const prefixed = chosen.find((stack) => resource.startsWith(`${shortOf(stack)}/`));
    const [only, ...others] = chosen;
    const stack = prefixed ?? (others.length === 0 ? only : undefined);
    if (stack === undefined)
      throw new Refusal(exitCodes.usage, {
        reason: 'whose-decision',
        message:
          chosen.length === 0 ? `--decide ${text}: no stack is held` : `--decide ${text} may be of ${chosen.map(shortOf).join(' or ')}`,
        next:
          chosen.length === 0 ? 'See where the stacks stand: npm run status' : `Say which: --decide '${shortOf(chosen[0] ?? '')}/${text}'`,
      });
    const name = prefixed === undefined ? resource : resource.slice(shortOf(prefixed).length + 1);
    byStack.set(stack, [...(byStack.get(stack) ?? []), { resource: name, answer, ...(id === undefined ? {} : { id }) }]);
  }
  return byStack;
}

/** A recovery is a run too: it has an id, an owner and a journal of its own. What it does to a stack is in that of the interrupted run. */
async function openOwnJournal(
  context: Context,
  file: OpenedFile,
  aws: OpenedSession,
  chosen: readonly string[],
  flags: RecoverFlags,
): Promise<Journal> {
  const journal = journalOf(context, file, aws, aws.run, aws.process.nonce, flags.bucketPatience);
  if (flags.dryRun) return journal;
  await journal.open(await openingOf(context, { file, aws }, 'recover', chosen, 0));
  return journal;
}

function journalOf(context: Context, file: OpenedFile, aws: OpenedSession, run: string, writer: string, patienceSeconds: number): Journal {
  return new Journal({ store: aws.store, network: file.network.spec.network, run, writer, patienceSeconds, now: context.now });
}

interface Opened {
  readonly file: OpenedFile;
  readonly aws: OpenedSession;
  readonly state: OpenedState;
  readonly parts: RecoveryParts;
  readonly own: Journal;
  readonly flags: RecoverFlags;
  /** Checkpoints, brought up to date as stacks are recovered. */
  readonly known: Map<string, { readonly body: string }>;
}

async function recoverOne(context: Context, opened: Opened, stack: string, answers: readonly Answer[], emit: Emit): Promise<StackEnd> {
  const { file, aws, state, parts, flags, own } = opened;
  const { standings, states } = state;
  const short = shortOf(stack);
  const startedAt = new Date(context.now());
  const held = standings.byStack.get(stack);
  if (held?.kind !== 'held') return { outcome: 'held', errors: [`${short} is not held any more`] };
  emit({ type: 'note', message: `${short}: ${held.why}` });
  const run = await runOf(aws, file, held, own.run);
  const unreadable = run.unreadable[0];
  if (unreadable !== undefined)
    return { outcome: 'held', errors: [`its journal cannot be read, so that nobody knows what was begun: ${unreadable}`] };
  const interrupted = interruptedOf(run, stack);
  const writer = await seeWriter(context, opened, interrupted);
  if (!writer.dead && writer.reason === 'at-work') return { outcome: 'locked', message: `${writer.why}; end it first, or wait` };
  if (!writer.dead && !flags.dryRun) return ask(stack, [writerQuestion(short, interrupted, writer.why)], emit);
  const meant = meaningOf(context, interrupted, file);
  const changed = meant.refused !== undefined || (await changedProgram(context, interrupted));
  if (changed && !flags.changedProgram) return ask(stack, [programQuestion(short, interrupted, meant.refused)], emit);
  const journal =
    interrupted.run === own.run
      ? own
      : journalOf(context, file, aws, interrupted.run, `${aws.process.nonce}-${randomUUID().slice(0, 8)}`, flags.bucketPatience);
  const standing = standings.locks.find((lock) => lock.stack === stack);
  const taken = flags.dryRun
    ? ({
        ok: true,
        lock: { stack, etag: standing?.etag ?? '', record: recordOf(opened, stack, interrupted) },
        before: standing,
        epoch: interrupted.epoch,
      } as const)
    : await takeOverStack({
        store: aws.store,
        network: file.network.spec.network,
        stack,
        held,
        interrupted,
        standings,
        state: states.get(stack),
        record: recordOf(opened, stack, interrupted),
        journal,
      });
  if (!taken.ok)
    return taken.reason === 'locked'
      ? { outcome: 'locked', message: taken.why }
      : { outcome: 'held', errors: [`the lock could not be taken over: ${taken.why}`] };
  const { lock, before, epoch } = taken;
  const byToday =
    meant.refused === undefined ? '' : `; the plan is made by the network file of today, as that of the run is refused: ${meant.refused}`;
  const how = writer.dead
    ? { how: `${writer.how}${byToday}`, ...(writer.saidBy === undefined ? {} : { saidBy: writer.saidBy }) }
    : { how: `not known: ${writer.why}${byToday}` };
  let last: Interrupted;
  try {
    if (!flags.dryRun) await journal.append({ type: 'writer-dead', stack, epoch, recovery: parts.recovery, ...how });
    // What the writer wrote down until it was dead counts as well.
    last = interruptedOf(await runOf(aws, file, held, own.run), stack);
  } catch (cause) {
    return { outcome: 'held', errors: [`the bucket failed: ${messageOf(cause)}. Again: npm run recover -- ${short}`] };
  }
  const node = meant.graph.byName.get(stack);
  const exists = (upstream: string): boolean => states.has(upstream);
  const end = await recoverStack(
    {
      stack,
      short,
      interrupted: last,
      lock,
      before,
      epoch,
      journal,
      writer: how,
      answers,
      upstreams: node?.upstreams ?? states.get(stack)?.upstreams ?? [],
      program:
        node &&
        stackProgram(node, { ...state.settings, tags: meant.network.spec.defaults.tags }, (upstream) => ({ exists: exists(upstream) })),
      frozen: standings.frozen.get(stack),
      startedAt,
    },
    parts,
    {
      dryRun: flags.dryRun,
      withoutVersions: flags.withoutVersions,
      inRun: false,
      ...(flags.shell
        ? { shell: (mount: Mount) => openShell(context, { file, aws, installation: state.settings.installation, stack, mount }, emit) }
        : {}),
    },
  );
  if (end.kind === 'recovered' && end.checkpoint) opened.known.set(stack, end.checkpoint);
  return endOf(short, end, aws.bucket, emit);
}

/** The journal of the run that has the stack open; an empty one where it was no run of Holdfast. */
async function runOf(aws: OpenedSession, file: OpenedFile, held: Held, own: string): Promise<ReadRun> {
  if (held.run === undefined) return { run: own, state: newRun(own), events: [], unreadable: [] };
  return readRun(aws.store, file.network.spec.network, held.run);
}

/** Whether anybody can still write for the interrupted run. What is left of its engine on this machine is ended first. */
async function seeWriter(context: Context, { aws, state, flags }: Opened, interrupted: Interrupted): Promise<Writer> {
  const { process, run } = interrupted;
  const liveness = process ? state.standings.liveness(process) : unknownLiveness;
  const engine = await endLeftEngine({ interrupted, liveness, own: aws.process, dryRun: flags.dryRun });
  // Of a run that several processes share also under the name of all of it.
  const names = process ? [run, interrupted.opening?.shared] : [plainPulumi];
  const isSaid = flags.writerDead !== undefined && names.includes(flags.writerDead);
  return writerOf({
    interrupted,
    liveness,
    engine,
    now: context.now(),
    clockSkewSeconds: state.clockSkewSeconds,
    saidBy: isSaid ? `${aws.process.user}@${aws.process.host}` : undefined,
  });
}

/** In the place of a run's name, where there was none. */
const plainPulumi = 'plain-pulumi';

function writerQuestion(short: string, { process, run, opening }: Interrupted, why: string): Question {
  const name = process ? run : plainPulumi;
  const found = opening
    ? `run ${run} found it changed by something else than Holdfast, as plain pulumi does`
    : 'its checkpoint has operations that plain pulumi began';
  return {
    question: process ? `${short}: ${why}. Is it dead?` : `${short}: ${found}. Is nobody at work on it any more?`,
    answers: [
      { means: 'yes: nothing of it runs any more, nor will', command: `npm run recover -- ${short} --writer-dead ${name}` },
      { means: 'not known: wait until its session has expired, and again', command: `npm run recover -- ${short}` },
    ],
  };
}

async function changedProgram(context: Context, { opening }: Interrupted): Promise<boolean> {
  return opening?.program !== undefined && opening.program !== (await programFingerprint(context.root));
}

function recordOf({ aws, parts, state, flags }: Opened, stack: string, { run }: Interrupted): LockRecord {
  return {
    ...aws.lockRecord(stack, 'recover'),
    run,
    recovery: parts.recovery,
    checkpoint: state.states.get(stack)?.etag ?? null,
    ...(flags.incident === undefined ? {} : { incident: flags.incident }),
  };
}

function ask(stack: string, questions: readonly Question[], emit: Emit): StackEnd {
  for (const question of questions) emit({ type: 'question', stack, question });
  return { outcome: 'undecided', questions: questions.map(({ question }) => question) };
}

function endOf(short: string, end: RecoveryEnd, bucket: string, emit: Emit): StackEnd {
  if ('page' in end && end.page !== undefined) emit({ type: 'note', message: `${short}: dossier s3://${bucket}/${end.page}` });
  switch (end.kind) {
    case 'recovered':
      return { outcome: 'recovered', said: end.said };
    case 'would-recover':
      return { outcome: 'recoverable', said: end.said };
    case 'undecided':
      return { outcome: 'undecided', questions: end.questions.map(({ question }) => question) };
    case 'held':
    case 'refused':
      return { outcome: 'held', errors: [`${end.why}. ${end.next}`.trim()] };
    case 'lost':
      return { outcome: 'locked', message: `${short}: ${end.why}` };
    default:
      return end satisfies never;
  }
}
