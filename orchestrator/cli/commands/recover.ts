import { randomUUID } from 'node:crypto';
import { command } from '../../domain/command.ts';
import { exitCodes, worstOf } from '../../domain/exit-codes.ts';
import type { ExitCode } from '../../domain/exit-codes.ts';
import { messageOf, orRefuse, Refusal } from '../../domain/problem.ts';
import { shortOf } from '../../domain/stack-name.ts';
import { openGateway } from '../../gateway/gateway.ts';
import type { Mount } from '../../gateway/gateway.ts';
import { buildGraph, dependencyOrder } from '../../graph/graph.ts';
import { selectStacks } from '../../graph/select.ts';
import type { Answer } from '../../journal/events.ts';
import { Journal } from '../../journal/journal.ts';
import { readRun } from '../../journal/read-runs.ts';
import { Heartbeat } from '../../locks/heartbeat.ts';
import { describeLock } from '../../locks/durable-locks.ts';
import type { StandingLock } from '../../locks/durable-locks.ts';
import type { LockRecord } from '../../locks/lock-record.ts';
import { recordKey, recordsPrefix, runPrefix } from '../../state/layout.ts';
import type { ObjectStore } from '../../state/object-store.ts';
import { readProgram } from '../program-record.ts';
import { parseNetwork } from '../../network/read-network.ts';
import { unknownLiveness } from '../../ownership/liveness.ts';
import { programFingerprint } from '../../pulumi/fingerprint.ts';
import { stackProgram } from '../../pulumi/program.ts';
import { interruptedFrom } from '../../recovery/interrupted.ts';
import type { Interrupted } from '../../recovery/interrupted.ts';
import type { Question } from '../../recovery/questions.ts';
import { recoverStack } from '../../recovery/recover-stack.ts';
import type { RecoveryEnd, RecoveryParts } from '../../recovery/recover-stack.ts';
import { takeOverHeld } from '../../ownership/claim.ts';
import type { Claim, Claiming } from '../../ownership/claim.ts';
import { readRecords } from '../../ownership/records.ts';
import type { HeldRecord } from '../../ownership/records.ts';
import { isOpen } from '../../ownership/stack-record.ts';
import type { Program, Proof, StackRecord } from '../../ownership/stack-record.ts';
import { endLeftEngine, writerOf, plainPulumi } from '../../recovery/writer.ts';
import type { Writer } from '../../recovery/writer.ts';
import { exitCodeOf } from '../../run/apply.ts';
import type { Emit, StackEnd, StackResult } from '../../run/events.ts';
import { doubtsOf } from '../../run/standing.ts';
import type { Held, Standing } from '../../run/standing.ts';
import { endLeftLocks, tellLeftLocks } from '../../run/tidy.ts';
import {
  atWorkOn,
  describeNotTaken,
  distrustedHeld,
  ifPlainIsDead,
  plainQuestion,
  writerQuestion,
  programQuestion,
  whoseDecision,
} from '../../ui/recover.ts';
import { describeWriter } from '../../ui/writer.ts';
import { openAlerting } from '../alerting.ts';
import { refuseWithoutJournal } from '../clear-away.ts';
import type { CommonFlags, Context } from '../context.ts';
import type { Decided } from '../decision.ts';
import { refuseIncident } from '../incident.ts';
import { openAws, preflight, standingsOf, tidyRequest } from '../open.ts';
import { kindsOf } from '../kinds.ts';
import { candidatesOf } from '../names-in-file.ts';
import { openFile } from '../open-file.ts';
import type { OpenedSession, OpenedState } from '../open.ts';
import type { OpenedFile } from '../open-file.ts';
import { trustedOf } from '../fingerprint-settings.ts';
import { openEngine, provideEngine } from '../open-engine.ts';
import { recoveryParts } from '../recovery-parts.ts';
import { openingOf } from '../opening.ts';
import { meaningOf } from '../journaled-meaning.ts';
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
  readonly sharedMachine: boolean;
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
  const gateway = await (context.ports?.openGateway ?? openGateway)(trustedOf(file.network.spec));
  let interrupted: readonly Resumable[] = [];
  try {
    const provided = await provideEngine(context, file.target, emit);
    const everyone = new Set(file.graph.nodes.map(({ name }) => name));
    const state = await preflight(
      context,
      file,
      aws,
      {
        command: 'recover',
        selected: everyone,
        cli: provided.settings.cli.version,
        plugin: provided.plugin,
        sharedMachine: flags.sharedMachine,
      },
      emit,
    );
    const tidy = tidyRequest(context, aws, file.network.spec.network, state.standings, emit);
    if (flags.dryRun) tellLeftLocks(tidy);
    else await endLeftLocks(tidy);
    const chosen = choose(file, state, patterns, flags, emit);
    const decided = decisionsFor(chosen, flags.decide ?? []);
    if (chosen.length === 0) {
      emit({ type: 'note', message: 'Nothing is held: there is nothing to recover.' });
      return exitCodes.done;
    }
    const parts = recoveryParts(
      context,
      {
        file,
        aws,
        gateway,
        engine: openEngine(context, provided.settings),
        installation: state.settings.installation,
        states: state.states,
        incident: flags.incident,
        patienceSeconds: flags.bucketPatience,
        limitSeconds: flags.wait,
        verbose: flags.verbose,
        signal: stopping.draining,
      },
      emit,
    );
    const heartbeat = new Heartbeat(aws.store, file.network.spec.network, aws.run, aws.process);
    const resumable = chosen.flatMap((stack) => resumableOf(state.standings.records.get(stack)?.record) ?? []);
    const own = await refuseWithoutJournal(() => openOwnJournal(context, file, aws, chosen, flags));
    if (!flags.dryRun) await heartbeat.start();
    const ends: StackResult[] = [];
    const alerting = openAlerting(context, file, aws, 'recover');
    // A rehearsal changes nothing that anybody has to know of.
    const told = flags.dryRun ? emit : alerting.follow(emit);
    for (const stack of chosen) {
      if (stopping.draining.aborted) break;
      const from = context.now();
      const end = await recoverOne(
        context,
        { file, aws, state, parts, own, flags, now: context.now },
        stack,
        decided.get(stack) ?? [],
        emit,
      );
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
      await heartbeat.stop();
    }
    emit({ type: 'summary', command: 'recover', ends, seconds: (context.now() - startedMs) / 1000, exitCode });
    if (!flags.resume || flags.dryRun || exitCode !== exitCodes.done) return exitCode;
    interrupted = await restOf(aws.store, file, resumable);
  } finally {
    await gateway.close();
    stopping.dispose();
    aws.clients.destroy();
  }
  const codes: ExitCode[] = [];
  for (const run of interrupted) codes.push(await resume(context, file, run, flags, emit));
  return worstOf(codes);
}

const asPlanned = { withUpstreams: false, withDependents: false, force: false, refresh: false } as const;

/** An interrupted run, as the record of one of its stacks has it. */
interface Resumable {
  readonly run: string;
  readonly operation: 'up' | 'destroy';
  readonly program: Program;
  /** Full names of the stacks that it left unfinished. */
  readonly stacks: readonly string[];
  /** Full names of the stacks that it was to change, by its journal; where that is not known, no others than it left unfinished. */
  readonly asked?: readonly string[];
  /** The text of its network file. */
  readonly text?: string;
}

function resumableOf(record: StackRecord | undefined): Resumable | undefined {
  if (!isOpen(record) || record.run?.program === undefined) return undefined;
  const { by, operation, program } = record.run;
  return { run: by.run, operation, program, stacks: [record.stack] };
}

/**
 * What is left to do of the interrupted runs: of each its unfinished stacks, and of what depends on them what it was to change, as its own network file
 * has it. A stack that a
 * later run has verified since is not among them: what that deployed is not taken back.
 */
async function restOf(store: ObjectStore, file: OpenedFile, found: readonly Resumable[]): Promise<readonly Resumable[]> {
  const byRun = new Map<string, Resumable>();
  for (const each of found) {
    const before = byRun.get(each.run);
    byRun.set(each.run, before ? { ...before, stacks: [...before.stacks, ...each.stacks] } : each);
  }
  const network = file.network.spec.network;
  return Promise.all(
    [...byRun.values()].map(async (run): Promise<Resumable> => {
      const text = await readProgram(store, network, run.program);
      const asked = (await readRun(store, network, run.run)).opened?.order;
      return { ...run, ...(text === undefined ? {} : { text }), ...(asked === undefined ? {} : { asked }) };
    }),
  );
}

/** What the interrupted run still had to do, by the network file that it had. */
async function resume(
  context: Context,
  file: OpenedFile,
  { run, operation, program, stacks, asked = stacks, text }: Resumable,
  flags: RecoverFlags,
  emit: Emit,
): Promise<ExitCode> {
  if (text === undefined) {
    emit({ type: 'note', message: `The network file of run ${run} is not in the bucket: nothing is resumed. See ${command('plan')}` });
    return exitCodes.done;
  }
  const network = orRefuse(parseNetwork(program.path, text), exitCodes.usage);
  const given = { ...file, network, graph: orRefuse(buildGraph(network.spec, kindsOf(context), context.env), exitCodes.usage) };
  const left = await unfinished(context, given, run, operation, stacks, new Set(asked));
  if (left.length === 0) {
    emit({ type: 'note', message: `Nothing of run ${run} is left to do: later runs have done what it was to do, or something else` });
    return exitCodes.done;
  }
  emit({ type: 'note', message: `Resuming run ${run}: ${operation} of ${left.map(shortOf).join(', ')}` });
  const common = { ...flags, settle: true };
  return operation === 'up'
    ? deploy(
        context,
        'up',
        // Whether VPCs exist was looked at when the run began.
        { ...common, ...asPlanned, prune: false, besideExisting: true },
        { file: given, selected: chosenStacks(given, left, asPlanned) },
        emit,
        common,
      )
    : destroyStacks(context, { ...common, withDependents: false }, left, emit, given);
}

/** The stacks that the run left unfinished, and those that it was to change after them: but for each that a later run has verified. */
async function unfinished(
  context: Context,
  given: OpenedFile,
  run: string,
  operation: 'up' | 'destroy',
  stacks: readonly string[],
  asked: ReadonlySet<string>,
): Promise<readonly string[]> {
  const aws = await openAws(context, given);
  try {
    const { network } = given.network.spec;
    const records = await readRecords(aws.store, network);
    const { nodes } = given.graph;
    const next = (name: string): readonly string[] =>
      operation === 'up'
        ? nodes.filter(({ upstreams }) => upstreams.includes(name)).map((node) => node.name)
        : (nodes.find((node) => node.name === name)?.upstreams ?? []);
    // By the bucket's clock alone, as those of machines are set back: in whole seconds, so that of two in the same one it is not known which came first.
    const journal = await aws.store.list(runPrefix(network, run));
    const opened = Math.min(...journal.map(({ modified }) => modified.getTime()));
    const writtenAt = new Map((await aws.store.list(recordsPrefix(network))).map(({ key, modified }) => [key, modified.getTime()]));
    const isOvertaken = (name: string): boolean => {
      const verified = records.byStack.get(name)?.record.verified;
      const isOfOther = verified !== undefined && 'run' in verified && verified.run !== undefined && verified.run !== run;
      const isBefore = journal.length > 0 && (writtenAt.get(recordKey(name)) ?? Infinity) < opened;
      return isOfOther && !isBefore;
    };
    // Of a record that cannot be read it is not known what a later run has done.
    const isLeft = (name: string): boolean => !records.unreadable.has(name) && !isOvertaken(name);
    // A later run may have been at work on one of them since it was recovered: the recovery of others takes its time.
    const left = new Set(stacks.filter(isLeft));
    for (const stack of left) for (const after of next(stack)) if (asked.has(after) && isLeft(after)) left.add(after);
    return nodes.map(({ name }) => name).filter((name) => left.has(name));
  } finally {
    aws.clients.destroy();
  }
}

/** What is to be recovered, upstreams first. Of what was named and is not held it is said why. */
function choose(
  file: OpenedFile,
  { states, standings }: OpenedState,
  patterns: readonly string[],
  { writerDead }: RecoverFlags,
  emit: Emit,
): readonly string[] {
  const names = new Set([...file.graph.nodes.map(({ name }) => name), ...states.keys(), ...standings.byStack.keys()]);
  const named = orRefuse(selectStacks(candidatesOf(file, names), patterns, file.network.file), exitCodes.usage);
  const plainLocksOf = (name: string): readonly StandingLock[] => plainLocks(standings.byStack.get(name));
  // Of the lock of plain pulumi only a person knows whether it is left over.
  const isHeld = (name: string): boolean =>
    standings.byStack.get(name)?.kind === 'held' || (plainLocksOf(name).length > 0 && (patterns.length > 0 || writerDead === plainPulumi));
  if (patterns.length > 0)
    for (const name of named) {
      const standing = standings.byStack.get(name);
      if (standing?.kind === 'locked' && standing.plain === undefined)
        throw new Refusal(exitCodes.lockedByOther, atWorkOn(standing.message));
      if (!isHeld(name)) emit({ type: 'note', message: `${shortOf(name)} is not held: there is nothing to recover.` });
    }
  const held = new Set([...named].filter(isHeld));
  for (const name of named)
    if (!held.has(name) && plainLocksOf(name).length > 0)
      emit({ type: 'note', message: `${plainLocksOf(name).map(describeLock).join('; ')}. ${ifPlainIsDead(shortOf(name))}` });
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
    if (stack === undefined) throw new Refusal(exitCodes.usage, whoseDecision(text, chosen.map(shortOf)));
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
  await journal.append(await openingOf(context, { file, aws }, 'recover', chosen, 0));
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
  readonly now: () => number;
}

async function recoverOne(context: Context, given: Opened, stack: string, answers: readonly Answer[], emit: Emit): Promise<StackEnd> {
  const { file, aws, parts, flags, own } = given;
  const { states } = given.state;
  const short = shortOf(stack);
  const startedAt = new Date(context.now());
  // Read here, and not at the beginning: the stacks before this one may have taken minutes, and another recovery may have it by now.
  const read = states.get(stack);
  const standings = await standingsOf(context, aws, file.network.spec.network, new Map(read ? [[stack, read]] : []), [stack]);
  const opened = { ...given, state: { ...given.state, standings } };
  const standing = standings.byStack.get(stack);
  const held = standing?.kind === 'locked' && standing.plain ? heldByPlain(standing.message, standing.plain) : standing;
  if (standing?.kind === 'locked' && held === standing) return { outcome: 'locked', message: standing.message };
  if (held?.kind !== 'held') return { outcome: 'held', errors: [`${short} is not held any more`] };
  emit({ type: 'note', message: `${short}: ${held.why}` });
  // Nothing is taken over for what no engine would be shown: a person looks first.
  const refused = given.state.unreadable.find((state) => state.stack === stack && state.reason === 'distrusted');
  if (refused) return { outcome: 'held', errors: [distrustedHeld(short, aws.bucket, refused)] };
  if (held.unreadable !== undefined)
    return { outcome: 'held', errors: [`${held.why}: nothing is done to the stack. If a newer Holdfast wrote it, use that one`] };
  const record = standings.records.get(stack);
  const before = standings.locks.find((lock) => lock.stack === stack);
  const known = interruptedFrom(record?.record, stack, own.run);
  // While its own lock was gone plain pulumi may have come in: of that process nothing was said.
  const interrupted = record !== undefined && isUnbroken(standings.locks, record.record) ? known : { ...known, writerDead: undefined };
  const engineLocks = standings.locks.filter((lock) => lock.stack === stack && lock.content.kind === 'engine');
  const writer = await seeWriter(context, opened, interrupted);
  if (!writer.dead && writer.reason === 'at-work') return { outcome: 'locked', message: `${writer.said}; end it first, or wait` };
  if (!writer.dead && !flags.dryRun) return ask(stack, [writerQuestion(short, interrupted, writer.said, engineLocks)], emit);
  const meant = meaningOf(context, interrupted.program, await textOf(aws.store, file, interrupted), file);
  const changed = meant.refused !== undefined || (await changedProgram(context, interrupted));
  if (changed && !flags.changedProgram) return ask(stack, [programQuestion(short, interrupted, meant.refused)], emit);
  const journal =
    interrupted.run === own.run
      ? own
      : journalOf(context, file, aws, interrupted.run, `${aws.process.nonce}-${randomUUID().slice(0, 8)}`, flags.bucketPatience);
  let claim: Claim | undefined;
  let last = interrupted;
  if (!flags.dryRun) {
    const isPlainDead = flags.writerDead !== undefined && (flags.writerDead === plainPulumi || interrupted.process === undefined);
    const beside = isPlainDead ? engineLocks : [];
    const taken = await takeOver(opened, stack, record, held, writer.dead ? proofOf(writer) : 'person', beside).catch((cause: unknown) => ({
      failed: messageOf(cause),
    }));
    if ('failed' in taken)
      return { outcome: 'held', errors: [`the lock could not be taken over: ${taken.failed}. Again: ${command('recover', short)}`] };
    if (!taken.ok && taken.reason === 'record' && taken.refusal === 'wrong-phase' && taken.now.kind === 'there') {
      // It has gone on since it was looked at: an engine may run by now.
      const now = interruptedFrom(taken.now.record, stack, own.run);
      const still = await seeWriter(context, opened, now);
      if (!still.dead && still.reason === 'unknown') return ask(stack, [writerQuestion(short, now, still.said, engineLocks)], emit);
    }
    if (!taken.ok && taken.reason === 'lock' && taken.heldBy.length > 0 && taken.heldBy.every(({ content }) => content.kind === 'engine'))
      return ask(stack, [plainQuestion(short, taken.heldBy.map(describeLock).join('; '))], emit);
    if (!taken.ok) return { outcome: 'locked', message: describeNotTaken(stack, taken) };
    claim = taken.claim;
    // What the writer wrote down until it was dead counts as well, and whether it is dead is asked of that.
    last = interruptedFrom((taken.before ?? taken.claim.held()).record, stack, own.run);
    const still = await seeWriter(context, opened, last);
    if (!still.dead) {
      await claim.write({ type: 'hold', as: claim.as, doubts: [] });
      return still.reason === 'at-work'
        ? { outcome: 'locked', message: `${still.said}; end it first, or wait` }
        : ask(stack, [writerQuestion(short, last, still.said, engineLocks)], emit);
    }
  }
  const byToday =
    meant.refused === undefined ? '' : `; the plan is made by the network file of today, as that of the run is refused: ${meant.refused}`;
  const how = writer.dead
    ? { how: `${writer.said}${byToday}`, ...(writer.saidBy === undefined ? {} : { saidBy: writer.saidBy }) }
    : { how: `not known: ${writer.said}${byToday}` };
  const node = meant.graph.byName.get(stack);
  const exists = (upstream: string): boolean => states.has(upstream);
  const end = await recoverStack(
    {
      stack,
      short,
      interrupted: last,
      claim,
      before,
      disowned: record?.record.disowned ?? [],
      journal,
      writer: how,
      answers,
      upstreams: node?.upstreams ?? [],
      program:
        node &&
        stackProgram(
          node,
          { ...given.state.settings, tags: meant.network.spec.defaults.tags, ignoreTags: meant.network.spec.ignoreTags },
          (upstream) => ({
            exists: exists(upstream),
          }),
        ),
      bridgesOver: (resources) => node?.kind.bridged?.(node.inputs, resources).bridges.flatMap(({ by }) => by) ?? [],
      startedAt,
    },
    parts,
    {
      dryRun: flags.dryRun,
      withoutVersions: flags.withoutVersions,
      inRun: false,
      ...(flags.shell
        ? {
            shell: (mount: Mount) => openShell(context, { file, aws, installation: given.state.settings.installation, stack, mount }, emit),
          }
        : {}),
    },
  );
  return endOf(short, end, aws.bucket, emit);
}

/** The lock stands that its owner put, and was not put back by a command that found it missing. */
const isUnbroken = (locks: readonly StandingLock[], record: StackRecord): boolean =>
  'owner' in record &&
  locks.some(
    ({ stack, content }) =>
      stack === record.stack &&
      content.kind === 'holdfast' &&
      content.record.nonce === record.owner.nonce &&
      content.record.restoredAt === undefined,
  );

/** By what the writer is known to be dead, as the record's table asks it. */
const proofOf = ({ by }: Extract<Writer, { dead: true }>): Proof => by;

async function takeOver(
  opened: Opened,
  stack: string,
  record: HeldRecord | undefined,
  held: Held,
  proof: Proof,
  beside: readonly StandingLock[],
): Promise<Claiming> {
  const { aws, file, flags } = opened;
  const owner = recordOf(opened, stack, record);
  const request = {
    store: aws.store,
    network: file.network.spec.network,
    patience: { seconds: flags.bucketPatience },
    now: opened.now,
    beside,
  };
  const pending = opened.state.states.get(stack)?.pendingOperations ?? [];
  const doubts = held.doubts.length > 0 ? held.doubts : doubtsOf(pending);
  return takeOverHeld(owner, record ?? stack, doubts, proof, request);
}

type SeenWriter = Writer & { readonly said: string };

/** Whether anybody can still write for the interrupted run. What is left of its engine on this machine is ended first. */
async function seeWriter(context: Context, { aws, state, flags }: Opened, interrupted: Interrupted): Promise<SeenWriter> {
  const { process, run } = interrupted;
  const liveness = process ? state.standings.liveness(process) : unknownLiveness;
  const engine = await endLeftEngine({ interrupted, liveness, own: aws.process, dryRun: flags.dryRun });
  // Of a run that several processes share also under the name of all of it.
  const names = process ? [run, interrupted.program?.shared] : [plainPulumi];
  const isSaid = flags.writerDead !== undefined && names.includes(flags.writerDead);
  const facts = {
    interrupted,
    liveness,
    engine,
    now: context.now(),
    clockSkewSeconds: state.clockSkewSeconds,
    saidBy: isSaid ? `${aws.process.user}@${aws.process.host}` : undefined,
  };
  const writer = writerOf(facts);
  return { ...writer, said: describeWriter(writer, facts) };
}

const plainLocks = (standing: Standing | undefined): readonly StandingLock[] => (standing?.kind === 'locked' ? (standing.plain ?? []) : []);

/** Plain pulumi died under its own lock, and left nothing else that shows it. */
const heldByPlain = (why: string, locks: readonly StandingLock[]): Held => ({
  kind: 'held',
  why,
  since: (locks[0]?.since ?? new Date(0)).toISOString(),
  doubts: [{ source: 'lock', text: 'plain pulumi had it locked, and did not take its lock away' }],
});

/** The network file that the run went by; undefined where its record names none, or that is gone. */
async function textOf(store: ObjectStore, file: OpenedFile, { program }: Interrupted): Promise<string | undefined> {
  return program && (await readProgram(store, file.network.spec.network, program));
}

async function changedProgram(context: Context, { program }: Interrupted): Promise<boolean> {
  return program?.code !== undefined && program.code !== (await programFingerprint(context.root));
}

function recordOf({ aws, parts, flags }: Opened, stack: string, held: HeldRecord | undefined): LockRecord {
  const record = held?.record;
  const run = isOpen(record) ? record.run?.by.run : record && 'owner' in record ? record.owner.run : undefined;
  return {
    ...aws.lockRecord(stack, 'recover'),
    ...(run === undefined ? {} : { run }),
    recovery: parts.recovery,
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
