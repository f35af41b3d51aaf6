import { isDeepStrictEqual } from 'node:util';
import type { InTheWay } from '../aws/in-the-way.ts';
import type { Staleness } from '../aws/staleness.ts';
import { command } from '../domain/command.ts';
import { formatSeconds } from '../domain/duration.ts';
import type { Foreign, Text } from '../domain/foreign.ts';
import { messageOf } from '../domain/problem.ts';
import type { Gateway, Mount, MountReport, ServedCheckpoint, Trouble } from '../gateway/gateway.ts';
import type { Spool } from '../gateway/spool.ts';
import { objectKey } from '../inventory/live-object.ts';
import type { LiveObject } from '../inventory/live-object.ts';
import type { Doubt } from '../journal/events.ts';
import type { Journal } from '../journal/journal.ts';
import { describeLock } from '../locks/durable-locks.ts';
import type { StandingLock } from '../locks/durable-locks.ts';
import type { LockRecord, SessionRecord } from '../locks/lock-record.ts';
import type { LockWatch } from '../locks/lock-watch.ts';
import { claimStack, takeOverStack } from '../ownership/claim.ts';
import type { Claim, ClaimRequest } from '../ownership/claim.ts';
import { readRecord } from '../ownership/records.ts';
import type { HeldRecord, ReadRecord } from '../ownership/records.ts';
import type { Program, Verified } from '../ownership/stack-record.ts';
import { verifiedAt } from '../ownership/verified-at.ts';
import type { Engine, EngineRequest, EngineResult, EngineStep } from '../pulumi/engine.ts';
import { HistoryReader } from '../recovery/history.ts';
import { interruptedOf } from '../recovery/interrupted.ts';
import type { RecoveryEnd, StuckStack } from '../recovery/recover-stack.ts';
import { checkpointVersions, contentOf, parseCheckpoint } from '../state/checkpoints.ts';
import type { CheckpointHead, PendingOperation } from '../state/checkpoints.ts';
import { readDeployment } from '../state/deployment.ts';
import type { Fingerprint } from '../state/index-of-stacks.ts';
import { checkpointKey } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';
import type { Patience } from '../state/patience.ts';
import type { Emit, StackEnd } from './events.ts';
import type { OutputDigest } from './fingerprint.ts';
import { servedDigests } from './settled.ts';
import type { Settled } from './settled.ts';
import { LongDeletes, recordedAs } from './long-deletes.ts';
import { describeDoubts, describeOwner, doubtsOf, isAsVerified, shortTime } from './standing.ts';
import { doubtOf, judge } from './verdict.ts';

/** A session that can be asked how long it lasts, and renewed where its source can. */
export interface LiveSession {
  /** Seconds; Infinity for long-term keys. */
  readonly remainingSeconds: () => number;
  /** A new session from the same source. @returns true where there is one now @throws where the source fails */
  readonly renew: () => Promise<boolean>;
  readonly environment: () => Readonly<Record<string, string>>;
  /** What the journal says of it: names, never the secret. */
  readonly record: () => SessionRecord;
}

/** One stack of a stage that changes things, in `up` or `destroy`. */
export interface Work {
  readonly stack: string;
  readonly short: string;
  readonly kind: string;
  /** Stacks that have to end well before this one starts. */
  readonly after: readonly string[];
  /** Stacks whose checkpoints its references are served from. */
  readonly reads: readonly string[];
  /** Stacks that nobody else may have locked while this one changes. */
  readonly guards: readonly string[];
  /** False: nothing to do, so no lock is taken and no engine runs. */
  readonly needed: boolean;
  /** Operations that the plan foresees, for progress. */
  readonly total: number;
  readonly forecastSeconds: number;
  readonly run: (engine: Engine, options: WorkOptions) => Promise<EngineResult>;
  /** AWS is asked first what there is of each resource, and what is not shown is taken out of the state. */
  readonly refresh?: boolean;
  /** Of what it would be run with now; undefined where that is not known, or nobody asks. */
  readonly fingerprint?: (outputs: OutputDigest) => Fingerprint | undefined;
  /** Of the stack in the network file; undefined where it is being destroyed. */
  readonly program: EngineRequest['program'] | undefined;
  readonly succeeded: (steps: readonly EngineStep[]) => StackEnd;
}

export interface WorkOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly backendUrl: string;
  readonly marker: string;
  readonly onStep: (step: EngineStep) => void;
  readonly onText?: (text: Foreign) => void;
  readonly signal: AbortSignal;
  readonly ending: AbortSignal;
  readonly isPending: (urn: string) => boolean;
}

/** Something that AWS has under the stack's tags and that the stack's checkpoint does not have. */
export interface UnknownObject {
  readonly id: string;
  readonly resourceType: string;
  readonly resource: string;
  /** Only its tags are shown: it was deleted, or made a moment ago. */
  readonly shown?: false;
}

/** An object of a checkpoint. */
export type Recorded = Pick<LiveObject, 'type' | 'id'>;

/** What the stacks of a run share. */
export interface StackRunSettings {
  readonly stage: 'up' | 'destroy';
  readonly network: string;
  readonly engine: Engine;
  readonly store: ObjectStore;
  readonly gateway: Gateway;
  readonly spool: Spool;
  readonly journal: Journal;
  readonly watch: LockWatch;
  readonly lockRecord: (stack: string) => LockRecord;
  readonly session: LiveSession;
  /** Every checkpoint as this run knows it; brought up to date as its stacks end. */
  readonly known: Map<string, ServedCheckpoint>;
  /** The record of every stack as it was read; each is read again before anything is decided by it. */
  readonly records: ReadonlyMap<string, HeldRecord>;
  /** What the stacks are to become, as their records say it. */
  readonly meant: Program;
  /** A read-only look at AWS by tag. Throws where AWS does not answer. */
  readonly unknownObjects: (stack: string, known: ReadonlySet<string>) => Promise<readonly UnknownObject[]>;
  /** Of these objects, by `objectKey`, those that AWS has and is not deleting. A read-only look. Throws where AWS does not answer. */
  readonly stillThere: (objects: readonly Recorded[]) => Promise<ReadonlySet<string>>;
  /** What is in the way of a delete that AWS does not do; undefined for a type whose refused delete is not tried again. A read-only look. */
  readonly inTheWay: (object: Recorded) => Promise<InTheWay | undefined>;
  /** How late AWS may show what was done. */
  readonly staleness: Staleness;
  /** Resolves after that time, or as soon as the signal is aborted. */
  readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /** False: what only a look could settle is left held. */
  readonly settle: boolean;
  /** Recovers a stack behind the run's own lock, and releases that. */
  readonly recover: (stuck: StuckStack) => Promise<RecoveryEnd>;
  /** What the engine is known to have nothing to do for. */
  readonly settled?: Settled;
  /** Why nothing more of this run may begin, asked under each stack's lock; undefined where it is nobody's but this process's. */
  readonly overtaken?: () => Promise<string | undefined>;
  /** Seconds for which a bucket that fails is tried again. */
  readonly patienceSeconds: number;
  readonly verbose: boolean;
  readonly emit: Emit;
  readonly now: () => number;
  /** Aborted: nothing new starts. */
  readonly draining: AbortSignal;
  readonly interrupting: AbortSignal;
}

/** How a claim, and what its owner writes, reaches the bucket. */
const claimRequest = (work: Work, settings: StackRunSettings): ClaimRequest => ({
  store: settings.store,
  network: settings.network,
  patience: { seconds: settings.patienceSeconds },
  claiming: lockPatience(work, settings),
  now: settings.now,
});

/**
 * One stack, from its claim to its verified end. The record is this run's before the state is looked at, it says that an engine may run before one does,
 * and it is free again when state and AWS are known to agree, or not at all. The lock follows it.
 * @param onLock told once whether the stack was had: others of the run wait for the first one
 */
export async function runStack(work: Work, settings: StackRunSettings, onLock: (taken: boolean) => void): Promise<StackEnd> {
  const { records, journal } = settings;
  const { stack } = work;
  const claiming = await claimStack(
    settings.lockRecord(stack),
    records.get(stack) ?? { kind: 'none', stack },
    claimRequest(work, settings),
  ).catch((cause: unknown) => ({ failed: messageOf(cause) }));
  if ('failed' in claiming) {
    onLock(false);
    return { outcome: 'failed', errors: [`the lock could not be taken: ${claiming.failed}`] };
  }
  if (!claiming.ok) {
    onLock(false);
    const message = claiming.reason === 'lock' ? claiming.heldBy.map(describeLock).join('; ') : describeRecord(claiming.now);
    return { outcome: 'locked', message: message === '' ? `${stack} was locked by someone else a moment ago` : message };
  }
  onLock(true);
  const { claim, others } = claiming;
  /** For what ends before an engine was started: nothing is in doubt. */
  const giveBack = async (end: StackEnd): Promise<StackEnd> => {
    // A claim that stays is known by its phase, and the next command ends it.
    const given = await claim.write({ type: 'give-back', as: claim.as }).catch(() => undefined);
    if (given?.ok) await claim.dropLock().catch(() => undefined);
    await journal.note({ type: 'released', stack, epoch: claim.as.epoch, outcome: 'nothing-started' });
    return end;
  };
  let base: CheckpointHead | undefined;
  try {
    const looked = await lookUnderClaim(work, settings, others);
    if ('refusal' in looked) return await giveBack(looked.refusal);
    ({ base } = looked);
    const pending = pendingOf(settings.known.get(stack));
    if (pending.length > 0) return await hold(work, settings, claim, { doubts: doubtsOf(pending) });
    const behind = await changedBehind(work, settings, claim, base);
    const [unseen] = behind.filter(({ source }) => source === 'look');
    // Nothing was started, so that nothing is in doubt that was not before.
    if (unseen) return await giveBack({ outcome: 'failed', errors: [`nothing was started: ${unseen.text}`] });
    if (behind.length > 0) return await hold(work, settings, claim, { doubts: behind });
  } catch (cause) {
    return giveBack({ outcome: 'failed', errors: [`nothing was started: ${messageOf(cause)}`] });
  }
  return runEngine(work, settings, claim, base, giveBack);
}

/** Who has a stack that could not be claimed. */
function describeRecord(read: ReadRecord): string {
  if (read.kind === 'unreadable') return `the record of ${read.stack} cannot be read (${read.key}: ${read.why})`;
  if (read.kind === 'none') return '';
  const { record } = read;
  if ('owner' in record) return describeOwner(record.owner);
  return record.frozen ? `${record.stack} was frozen after it was planned: see ${command('locks')}` : '';
}

/**
 * What was planned over is what is there, and nobody else is at work on what this stack reads. Asked once the stack is this run's: of two that look at each
 * other, at least one then sees the other.
 */
async function lookUnderClaim(
  work: Work,
  settings: StackRunSettings,
  others: readonly StandingLock[],
): Promise<{ readonly refusal: StackEnd } | { readonly base: CheckpointHead | undefined }> {
  const { store, known } = settings;
  const insist = <T>(act: () => Promise<T>): Promise<T> => patiently(act, { seconds: settings.patienceSeconds });
  const locked = (message: string) => ({ refusal: { outcome: 'locked', message } }) as const;
  const { nonce } = settings.lockRecord(work.stack);
  const foreign = others.filter(({ stack }) => work.guards.includes(stack));
  if (foreign.length > 0) return locked(foreign.map(describeLock).join('; '));
  const guards = await Promise.all(work.guards.map((guard) => insist(() => readRecord(store, guard))));
  const inTheWay = guards.filter(
    (read) =>
      read.kind === 'unreadable' ||
      (read.kind === 'there' && ('owner' in read.record ? read.record.owner.nonce !== nonce : read.record.frozen !== undefined)),
  );
  if (inTheWay.length > 0) return locked(inTheWay.map(describeRecord).join('; '));
  const overtaken = await settings.overtaken?.();
  if (overtaken !== undefined) return locked(overtaken);
  const planned = [work.stack, ...work.reads];
  const versions = await insist(() => checkpointVersions(store, planned));
  const moved = planned.filter((stack) => versions.get(stack)?.etag !== known.get(stack)?.etag);
  if (moved.length > 0) return locked(`${moved.join(', ')} changed since it was planned: somebody else was at work; plan again`);
  return { base: versions.get(work.stack) };
}

/**
 * A checkpoint that is not the last verified one was written by plain `pulumi`, or put there, and of one that was never verified nobody knows what
 * came before it: its versions since then, and AWS, are looked at before anything is done over it.
 */
async function changedBehind(
  { stack, short }: Work,
  settings: StackRunSettings,
  claim: Claim,
  base: CheckpointHead | undefined,
): Promise<Doubt[]> {
  const { verified } = claim.held().record;
  // AWS may have something of a stack of which there was never a run here: its bucket was lost, or it is of another one.
  const isFirst = verified.kind === 'absent' && verified.run === undefined;
  if (isAsVerified(verified, base) && !isFirst) return [];
  const since = verified.since === undefined ? '' : ` since ${verified.since}`;
  const what = isFirst
    ? 'it was never verified'
    : verified.kind === 'unknown'
      ? 'it was released over a state that may not be true'
      : base === undefined
        ? 'its checkpoint is missing'
        : 'its checkpoint was changed behind Holdfast';
  const doubts = [
    ...(await unansweredSince(stack, verified, settings)),
    ...(await lookForUnknown({ stack, short }, settings, settings.known.get(stack)?.body)),
  ];
  if (doubts.length === 0 && verified.kind === 'at')
    settings.emit({
      type: 'note',
      message: `${short}: ${what}${since} (run ${verified.run}). AWS has nothing under its tags that the state does not have: going on.`,
    });
  return doubts.map((doubt) => ({ ...doubt, text: `${what}${since}, and ${doubt.text}` }));
}

/** What some version since the verified one had begun, and none of the later ones has a result of. `pulumi state` writes over such an intent. */
async function unansweredSince(stack: string, verified: Verified, { store, patienceSeconds }: StackRunSettings): Promise<Doubt[]> {
  const insist = <T>(act: () => Promise<T>): Promise<T> => patiently(act, { seconds: patienceSeconds });
  const key = checkpointKey(stack);
  const versions = (await insist(() => store.versions(key))).filter((version) => version.key === key);
  const last = versions.findIndex(
    ({ etag, modified }) => verified.kind === 'at' && etag === verified.etag && modified.toISOString() === verified.modified,
  );
  const since = last < 0 ? versions : versions.slice(0, last + 1);
  const history = new HistoryReader();
  for (const { version, etag } of since.toReversed()) {
    const body = etag === undefined ? undefined : await insist(() => store.getVersion(key, version));
    const deployment = body && readDeployment(Buffer.from(body).toString('utf8'));
    if (deployment?.ok) history.add({ version, deployment: deployment.deployment });
  }
  return history.read().open.flatMap(({ type, resource }) => (type === 'reading' ? [] : doubtsOf([{ type, urn: resource.urn }])));
}

/**
 * Looks a second time, when AWS has to show it by then, for what may be younger than AWS may lag: only such stacks wait.
 * @param before ids that the stack had before: what of them only its tags show was deleted
 * @param youngTypes of what may have been made a moment ago, and of which not even tags are shown
 */
async function lookForUnknown(
  { stack, short }: Pick<Work, 'stack' | 'short'>,
  settings: StackRunSettings,
  checkpoint: string | undefined,
  before: ReadonlySet<string> = new Set(),
  youngTypes: readonly string[] = [],
): Promise<Doubt[]> {
  const content = checkpoint === undefined ? undefined : parseCheckpoint(checkpoint);
  if (content && 'reason' in content) return [{ source: 'checkpoint', text: content.detail }];
  const isShown = ({ shown }: UnknownObject): boolean => shown !== false;
  try {
    const look = () => settings.unknownObjects(stack, new Set(content?.ids ?? []));
    let unknown = await look();
    if (!unknown.some(isShown) && (youngTypes.length > 0 || unknown.some(({ id }) => !before.has(id)))) {
      const { staleness, sleep, emit } = settings;
      const unsettled = [...youngTypes, ...unknown.filter(({ id }) => !before.has(id)).map(({ resourceType }) => resourceType)];
      const stalenessSeconds = Math.max(...unsettled.map(staleness));
      emit({
        type: 'waiting',
        stack,
        message: `${short}: AWS may not show yet what was made; looking again in ${formatSeconds(stalenessSeconds)}`,
      });
      await sleep(stalenessSeconds * 1000);
      unknown = await look();
    }
    return unknown.filter(isShown).map(({ id, resourceType, resource }) => ({
      source: 'unknown-object',
      id,
      text: `AWS has a ${resourceType} for ${resource} (${id}) that the state does not have`,
    }));
  } catch (cause) {
    return [{ source: 'look', text: `AWS could not be looked at: ${messageOf(cause)}` }];
  }
}

/** A delete that was refused has left what it was of: where that is there, and not on its way out, the refusal is all that there was. */
async function lookForRefused(
  settings: StackRunSettings,
  checkpoint: string | undefined,
  refused: readonly EngineStep[],
): Promise<Doubt[]> {
  if (refused.length === 0) return [];
  const left = refused.map((step) => ({ step, object: recordedAs(checkpoint, step) }));
  try {
    const there = await settings.stillThere(left.flatMap(({ object }) => object ?? []));
    return left.flatMap(({ step, object }) => (object !== undefined && there.has(objectKey(object)) ? [] : [doubtOf('failed-step', step)]));
  } catch (cause) {
    return [{ source: 'look', text: `AWS could not be looked at: ${messageOf(cause)}` }];
  }
}

async function runEngine(
  work: Work,
  settings: StackRunSettings,
  claim: Claim,
  base: CheckpointHead | undefined,
  giveBack: (end: StackEnd) => Promise<StackEnd>,
): Promise<StackEnd> {
  const { stack } = work;
  const { gateway, journal, known, emit, session } = settings;
  const served = (name: string): [string, ServedCheckpoint][] => {
    const checkpoint = known.get(name);
    return checkpoint ? [[name, checkpoint]] : [];
  };
  const pinned = new Map([stack, ...work.reads].flatMap(served));
  let mount: Mount;
  try {
    mount = gateway.mount({
      stack,
      checkpoints: pinned,
      mode: {
        kind: 'apply',
        store: settings.store,
        patienceSeconds: settings.patienceSeconds,
        spool: settings.spool,
        beforeWrite: () => settings.watch.confirm(stack),
        onTrouble: tellOnce(work, settings),
      },
      showEmpty: settings.stage === 'up',
    });
  } catch (cause) {
    // No engine is shown one of these checkpoints.
    return await giveBack({ outcome: 'not-started', reason: 'checkpoint-refused', because: messageOf(cause) });
  }
  let lost: 'removed' | 'replaced' | undefined;
  const unwatch = settings.watch.add(claim.lock(), (how) => {
    lost = how;
    emit({
      type: 'waiting',
      stack,
      message: `${work.short}: its lock was ${how} by somebody. The engine is ended; nothing more is written.`,
    });
    mount.fence({ kind: 'lock-lost', message: `its lock was ${how} by somebody while the engine ran` });
  });
  try {
    // The engine gets exactly the session that its record has, whatever is renewed meanwhile.
    const environment = session.environment();
    const limit = {
      endsMs: settings.now() + session.remainingSeconds() * 1000,
      closing: new AbortController(),
      over: new AbortController(),
    };
    const started = await claim
      .write({
        type: 'start',
        as: claim.as,
        operation: settings.stage,
        base: base === undefined ? null : { etag: base.etag, modified: base.modified.toISOString() },
        program: settings.meant,
        session: session.record(),
      })
      .catch((cause: unknown) => ({ failed: messageOf(cause) }));
    if ('failed' in started) {
      await mount.close();
      return await giveBack({ outcome: 'failed', errors: [`nothing was started: ${started.failed}`] });
    }
    if (!started.ok) {
      await mount.close();
      return await giveBack({ outcome: 'locked', message: describeRecord(started.now) });
    }
    await journal.note({
      type: 'engine-started',
      stack,
      epoch: claim.as.epoch,
      operation: settings.stage,
      checkpoint: base?.etag ?? null,
      upstreams: Object.fromEntries(work.reads.flatMap(served).map(([name, { etag }]) => [name, etag])),
    });
    emit({ type: 'stack-started', stack, total: work.total });
    let unended: string | undefined;
    const engineEnd = new AbortController();
    void endWithSession(work, settings, limit, engineEnd.signal);
    const deletes = new LongDeletes({
      stack,
      short: work.short,
      checkpoint: () => mount.report().checkpoint?.body,
      inTheWay: settings.inTheWay,
      sleep: settings.sleep,
      now: settings.now,
      emit,
      draining: settings.draining,
    });
    const result = await startEngine(work, settings, mount, environment, limit, deletes).catch((cause: unknown): EngineResult => {
      unended = messageOf(cause);
      const nothingSeen = { steps: [], unfinished: [], failures: [] };
      return { outcome: 'failed', ...nothingSeen, started: true, errors: [unended], interrupted: false };
    });
    engineEnd.abort();
    deletes.close();
    const endedAt = new Date(settings.now()).toISOString();
    const report = withoutClosing(await mount.close());
    if (report.checkpoint) known.set(stack, report.checkpoint);
    else known.delete(stack);
    // A lock that went in the last seconds kept nobody out: it counts until the end.
    if (!report.fence) await settings.watch.look();
    return await conclude(work, settings, {
      claim,
      lost: () => lost,
      unwatch,
      mount,
      report,
      result,
      unended,
      endedAt,
      pinned,
      limit,
      deletes,
    });
  } finally {
    unwatch();
  }
}

/** A bucket that fails while a lock is taken: told once, and waited for unless the run is to end. */
function lockPatience({ stack, short }: Work, { emit, patienceSeconds, interrupting }: StackRunSettings): Patience {
  let told = false;
  return {
    seconds: patienceSeconds,
    signal: interrupting,
    onFailure: (cause) => {
      if (told || patienceSeconds === 0) return;
      told = true;
      const message = `${short}: the state bucket fails (${messageOf(cause)}); its lock waits, up to ${formatSeconds(patienceSeconds)}`;
      emit({ type: 'waiting', stack, message });
    },
  };
}

/** A bucket that fails is told when it begins to, and when it is over: not at each of many tries. */
function tellOnce({ stack, short }: Work, { emit, patienceSeconds }: StackRunSettings): (trouble: Trouble) => void {
  let told = false;
  return (trouble) => {
    if (trouble.kind === 'bucket-fails' && told) return;
    told = trouble.kind === 'bucket-fails';
    const message = told
      ? `the state bucket fails since ${trouble.since.toISOString()} (${'error' in trouble ? trouble.error : ''}); the engine waits, up to ${formatSeconds(patienceSeconds)}`
      : 'the state bucket answers again';
    emit({ type: 'waiting', stack, message: `${short}: ${message}` });
  };
}

/** What a checkpoint says is open; over such a one no engine is ever started. */
const pendingOf = (checkpoint: ServedCheckpoint | undefined): readonly PendingOperation[] => contentOf(checkpoint)?.pendingOperations ?? [];

/** That the mount is closed at the end is no doubt about what went before. */
function withoutClosing(report: MountReport): MountReport {
  return report.fence?.kind === 'closed' ? { ...report, fence: undefined } : report;
}

function startEngine(
  work: Work,
  settings: StackRunSettings,
  mount: Mount,
  environment: Readonly<Record<string, string>>,
  { closing, over }: SessionLimit,
  deletes: LongDeletes,
): Promise<EngineResult> {
  const { emit } = settings;
  return work.run(settings.engine, {
    environment,
    backendUrl: mount.url,
    marker: settings.lockRecord(work.stack).nonce,
    signal: AbortSignal.any([settings.interrupting, closing.signal]),
    ending: AbortSignal.any([mount.fenced, over.signal, deletes.ending]),
    // What does not end with the session is not waited for.
    isPending: (urn) =>
      !over.signal.aborted && !deletes.isGivenUp(urn) && pendingOf(mount.report().checkpoint).some((operation) => operation.urn === urn),
    onStep: (step) => {
      const { phase, op, name, type } = step;
      deletes.add(step);
      emit({ type: 'step', stack: work.stack, phase, op, resource: name, resourceType: type });
    },
    ...(settings.verbose ? { onText: (text: Foreign) => emit({ type: 'engine-output', stack: work.stack, text }) } : {}),
  });
}

/** Of the session that an engine works with: it has these keys to its end, whatever the run renews meanwhile. */
interface SessionLimit {
  /** Infinity: it does not end, as far as is known. */
  readonly endsMs: number;
  /** Aborted: it is nearly over, and the engine begins no step any more. */
  readonly closing: AbortController;
  /** Aborted: the engine is ended, while how it stands can still be written down. */
  readonly over: AbortController;
}

const closingMs = 60_000;
const lastWritesMs = 20_000;

/** A step may never end by itself: the provider tries for long what AWS does not take any more, or waits for an answer that does not come. */
async function endWithSession({ stack, short }: Work, settings: StackRunSettings, limit: SessionLimit, ended: AbortSignal): Promise<void> {
  const { now, sleep, emit, session, journal } = settings;
  const reaches = async (atMs: number): Promise<boolean> => {
    // In short sleeps: a clock may be set, and a machine stand still.
    while (!ended.aborted && now() < atMs) await sleep(Math.min(atMs - now(), 10_000), ended);
    return !ended.aborted;
  };
  if (limit.endsMs === Number.POSITIVE_INFINITY || !(await reaches(limit.endsMs - closingMs))) return;
  emit({ type: 'session-ends', stack, short, ends: new Date(limit.endsMs).toISOString() });
  limit.closing.abort();
  // For what the run itself has to look at and to write then.
  const renewing = session.remainingSeconds() * 1000 > closingMs ? Promise.resolve(false) : session.renew().catch(() => false);
  if (await reaches(limit.endsMs - lastWritesMs)) limit.over.abort();
  if (await renewing) await journal.note({ type: 'session-renewed', session: session.record() });
}

/** Of a stack whose engine was ended for it. */
const sessionDoubt = ({ endsMs }: SessionLimit): Doubt => ({
  source: 'session-ended',
  text: `its engine was ended with the session (${shortTime(new Date(endsMs).toISOString())})`,
});

interface Ended {
  readonly limit: SessionLimit;
  readonly deletes: LongDeletes;
  readonly claim: Claim;
  readonly lost: () => 'removed' | 'replaced' | undefined;
  /** Ends the watch over the lock: what the run itself does to it is no loss. */
  readonly unwatch: () => void;
  readonly mount: Mount;
  readonly report: MountReport;
  readonly result: EngineResult;
  /** Why the engine could not be followed to its end: a process of it may still be in a call. */
  readonly unended: string | undefined;
  /** When the engine's end was seen, by this machine's clock. */
  readonly endedAt: string;
  readonly pinned: ReadonlyMap<string, ServedCheckpoint>;
}

async function conclude(work: Work, settings: StackRunSettings, ended: Ended): Promise<StackEnd> {
  const { result, report, mount, claim } = ended;
  const { stack } = work;
  const failure = result.outcome === 'failed' ? result : undefined;
  const cutShort = failure?.interrupted === true && ended.limit.closing.signal.aborted ? sessionDoubt(ended.limit) : undefined;
  const interrupted = settings.interrupting.aborted && failure?.interrupted === true ? ['interrupted by a signal'] : [];
  // What the CLI says then is of its end alone.
  const { givenUp } = ended.deletes;
  const errors =
    givenUp.length > 0 ? [`ended by a signal: AWS had not deleted ${givenUp.join(', ')}`] : [...interrupted, ...(failure?.errors ?? [])];
  const verdict = judge(result, report);
  const doubts: Doubt[] = [...verdict.doubts];
  // Where no step ever began it has nothing to do but to end.
  const unended = report.intended ? ended.unended : undefined;
  if (unended !== undefined) doubts.push({ source: 'engine-end-unseen', text: `the engine's end was not seen: ${unended}` });
  // Its plugins could not be looked for. One of them is in a call only if a step is, and a doubt tells of that step.
  const unseen = report.intended && unended === undefined ? result.unended : undefined;
  if (ended.lost() !== undefined && !report.fence)
    doubts.push({ source: 'lock', text: `its lock was ${ended.lost() ?? ''} by somebody while the engine ran` });
  // What a look settles is what AWS has, and not who else was there.
  const mayBeClean =
    doubts.length === 0 || (settings.settle && unended === undefined && verdict.settled === 'by-a-look' && ended.lost() === undefined);
  if (mayBeClean && (verdict.created || work.refresh === true || doubts.length > 0)) {
    // An SDK that lost a reply asks again, and AWS makes two: the engine's own end can be clean over that.
    const before = new Set(contentOf(ended.pinned.get(stack))?.ids);
    const found = [
      ...(await lookForRefused(settings, report.checkpoint?.body, verdict.refusedIfThere)),
      ...(await lookForUnknown(work, settings, report.checkpoint?.body, before, verdict.refusedCreates)),
    ];
    if (found.length === 0) doubts.splice(0);
    else doubts.push(...found);
  }
  if (doubts.length > 0) {
    if (unseen !== undefined) doubts.push({ source: 'engine-end-unseen', text: `the engine's end was not seen: ${unseen}` });
    if (cutShort !== undefined) doubts.unshift(cutShort);
    const isSeen = unended === undefined && unseen === undefined;
    const held = await hold(work, settings, claim, {
      doubts,
      report,
      errors,
      lost: ended.lost(),
      ...(isSeen ? { engineEndedAt: ended.endedAt } : {}),
    });
    // Whoever may still write has to be known to be dead, and what was written to be in the bucket: then a recovery can be made at once.
    const canRecover = settings.settle && isSeen && report.fence === undefined && report.durable && ended.lost() === undefined;
    ended.unwatch();
    return (canRecover ? await recoverInRun(work, settings, ended, doubts, errors) : undefined) ?? held;
  }

  const stale = settings.stage === 'up' ? await movedMeanwhile(work, settings, ended.pinned) : [];
  // The engine's own record of what it did: worth a word where it is lost, and no reason to hold a stack that is well.
  await mount
    .keep()
    .catch((cause: unknown) =>
      settings.emit({ type: 'note', message: `${work.short}: the engine's history entry could not be written: ${messageOf(cause)}` }),
    );
  const clean: StackEnd =
    result.outcome === 'succeeded'
      ? work.succeeded(result.steps)
      : { outcome: 'failed', errors: [...(cutShort === undefined ? [] : [cutShort.text]), ...errors] };
  const end: StackEnd =
    stale.length === 0
      ? clean
      : {
          outcome: 'failed',
          errors: [
            ...errors,
            ...stale.map(
              (upstream) =>
                `${upstream} was changed by somebody else while ${work.short} read it: what it was given is stale; run up again`,
            ),
          ],
        };
  return release(work, settings, ended, end);
}

/**
 * What `recover` does, before the run gives up its lock: nobody else has come in between, and the next one finds nothing to do.
 * @returns undefined where it did not come to an end: then the stack is held
 */
async function recoverInRun(
  work: Work,
  settings: StackRunSettings,
  { claim, result }: Ended,
  doubts: readonly Doubt[],
  errors: readonly Text[],
): Promise<StackEnd | undefined> {
  const { stack, short } = work;
  const { journal, known, now, emit } = settings;
  emit({
    type: 'waiting',
    stack,
    message: `${short}: ${describeDoubts(doubts)}; looking at AWS to settle it (--no-settle leaves it held)`,
  });
  const before = claim.held();
  const recoverer: LockRecord = { ...settings.lockRecord(stack), operation: 'recover', recovery: journal.run };
  const taken = await takeOverStack(recoverer, before, 'engine-ended', claimRequest(work, settings)).catch(() => undefined);
  if (!taken?.ok || !('doubts' in before.record)) return undefined;
  const end = await settings.recover({
    stack,
    short,
    interrupted: interruptedOf(before.record, journal.run),
    claim: taken.claim,
    before: undefined,
    journal,
    writer: { how: 'the run saw its engine and its plugins end' },
    answers: [],
    upstreams: work.reads,
    program: work.program,
    startedAt: new Date(now()),
  });
  switch (end.kind) {
    case 'recovered': {
      if (end.checkpoint) known.set(stack, end.checkpoint);
      else known.delete(stack);
      const told = `state and AWS agree again: ${end.said}`;
      if (result.outcome !== 'succeeded') return { outcome: 'failed', errors: [...errors, told] };
      emit({ type: 'note', message: `${short}: ${told}` });
      return work.succeeded(result.steps);
    }
    case 'undecided':
      return { outcome: 'undecided', questions: [...errors.map(String), ...end.questions.map(({ question }) => question)] };
    case 'held':
    case 'refused':
    case 'lost':
      emit({ type: 'note', message: `${short}: could not be settled in this run: ${end.why}` });
      return undefined;
    case 'would-recover':
      return undefined;
    default:
      return end satisfies never;
  }
}

async function release(work: Work, settings: StackRunSettings, ended: Ended, end: StackEnd): Promise<StackEnd> {
  const { stack } = work;
  const { store, journal, patienceSeconds } = settings;
  const { claim, report } = ended;
  const heldBy = (doubts: readonly Doubt[]) => hold(work, settings, claim, { doubts, report, engineEndedAt: ended.endedAt });
  try {
    // The last look: from here on the record says that this very version is true.
    const head = (await patiently(() => checkpointVersions(store, [stack]), { seconds: patienceSeconds })).get(stack);
    if (head?.etag !== report.checkpoint?.etag)
      return await heldBy([{ source: 'lock', text: 'its checkpoint was changed by somebody else while the engine ran' }]);
    const verified = verifiedAt(head, journal.run, settings.now(), end.outcome === 'failed' ? settings.stage : undefined);
    const freed = await claim.write({ type: 'verify', as: claim.as, verified });
    if (!freed.ok) return await heldBy([{ source: 'lock', text: 'somebody else has taken the stack over' }]);
    if (end.outcome === 'applied')
      settings.settled?.learnServed(stack, report.checkpoint, work.fingerprint?.(servedDigests(ended.pinned)), freed.held.etag);
  } catch (cause) {
    return heldBy([{ source: 'not-durable', text: `that it ended well could not be written down: ${messageOf(cause)}` }]);
  }
  ended.unwatch();
  const checkpoint = report.checkpoint?.etag ?? null;
  const outcome = end.outcome === 'destroyed' ? 'destroyed' : end.outcome === 'failed' ? 'failed' : 'applied';
  try {
    const removed = await claim.dropLock();
    if (!removed.done)
      settings.emit({
        type: 'note',
        message: `${work.short}: its lock was ${removed.there ? 'replaced' : 'removed'} by somebody before the run released it. The stack itself is verified.`,
      });
    await journal.note({ type: 'verified', stack, epoch: claim.as.epoch, checkpoint, outcome });
    return end;
  } catch (cause) {
    await journal.note({ type: 'verified', stack, epoch: claim.as.epoch, checkpoint, outcome });
    return {
      outcome: 'held',
      errors: [`the lock could not be given back (${messageOf(cause)}); the stack itself is verified, and the next run gives it back`],
    };
  }
}

/** More are in the journal. */
const doubtsTold = 8;

interface Holding {
  readonly doubts: readonly Doubt[];
  readonly report?: MountReport;
  readonly errors?: readonly Text[];
  readonly lost?: 'removed' | 'replaced' | undefined;
  readonly engineEndedAt?: string;
}

/** The record says that it is held, and the lock stands: it is put back where it was taken away. */
async function hold(work: Work, { journal }: StackRunSettings, claim: Claim, holding: Holding): Promise<StackEnd> {
  const { stack } = work;
  const { doubts, report, errors = [], lost, engineEndedAt } = holding;
  const { spool, spoolDigest } = report ?? {};
  const spooled = {
    ...(spool === undefined ? {} : { spool }),
    ...(spool === undefined || spoolDigest === undefined ? {} : { spoolDigest }),
  };
  const notes: string[] = [];
  // A bucket that refuses it leaves the phase as it was, which says no less: the stack is held once this process is gone.
  const held = await claim
    .write({
      type: 'hold',
      as: claim.as,
      doubts,
      ...(engineEndedAt === undefined ? {} : { engineEndedAt }),
      ...spooled,
    })
    .catch(() => undefined);
  await journal.note({
    type: 'held',
    stack,
    epoch: claim.as.epoch,
    doubts: [...doubts],
    checkpoint: report?.checkpoint?.etag ?? null,
    ...spooled,
  });
  if (lost === 'removed' && held?.ok === true) {
    const isBack = await claim.putLockBack().catch(() => false);
    notes.push(isBack ? 'its lock was put back' : 'its lock could not be put back: somebody else is in');
  }
  if (spool !== undefined) notes.push(`the last checkpoint that the engine wrote is in ${spool}`);
  const told = doubts.length === 1 ? [] : doubts.slice(0, doubtsTold).map(({ text }) => text);
  return {
    outcome: 'held',
    errors: [...errors, ...told, ...notes, `${describeDoubts(doubts)}. Do not cancel. Next: ${command('recover', work.short)}`],
  };
}

/** Of the stacks that it read, those that another one changed meanwhile, in what it was given of them. */
async function movedMeanwhile(work: Work, settings: StackRunSettings, pinned: ReadonlyMap<string, ServedCheckpoint>): Promise<string[]> {
  if (work.reads.length === 0) return [];
  const { store } = settings;
  const versions = await patiently(() => checkpointVersions(store, work.reads), { seconds: settings.patienceSeconds }).catch(
    () => undefined,
  );
  const moved: string[] = [];
  for (const upstream of work.reads) {
    const served = pinned.get(upstream);
    if (served === undefined || versions === undefined || versions.get(upstream)?.etag === served.etag) continue;
    const now = await store.get(checkpointKey(upstream)).catch(() => undefined);
    if (now === undefined || !isDeepStrictEqual(contentOf(now)?.outputs, contentOf(served)?.outputs)) moved.push(upstream);
  }
  return moved;
}
