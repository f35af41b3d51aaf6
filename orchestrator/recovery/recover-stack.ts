import { createHash, randomUUID } from 'node:crypto';
import type { Staleness } from '../aws/staleness.ts';
import { command } from '../domain/command.ts';
import type { Foreign } from '../domain/foreign.ts';
import { messageOf } from '../domain/problem.ts';
import { parseStackName } from '../domain/stack-name.ts';
import type { Gateway, Mount, ServedCheckpoint } from '../gateway/gateway.ts';
import { objectKey } from '../inventory/live-object.ts';
import type { Inventory } from '../inventory/live-object.ts';
import type { Answer, NewEvent, RecoveryStep } from '../journal/events.ts';
import type { Journal } from '../journal/journal.ts';
import { describeLock } from '../locks/durable-locks.ts';
import type { StandingLock } from '../locks/durable-locks.ts';
import { writeLock } from '../locks/lock-record.ts';
import type { LockWatch } from '../locks/lock-watch.ts';
import { withAnswer } from '../ownership/answers.ts';
import type { Claim } from '../ownership/claim.ts';
import type { DisownedObject } from '../ownership/disowned.ts';
import type { Engine, EngineRequest, EngineResult, EngineStep, PlannedResource } from '../pulumi/engine.ts';
import type { Emit } from '../run/events.ts';
import { errorsOf } from '../run/verdict.ts';
import { verifiedAt } from '../ownership/verified-at.ts';
import { checkpointVersions, parseCheckpoint } from '../state/checkpoints.ts';
import { readDeployment, resourceOf } from '../state/deployment.ts';
import type { Deployment, RawCheckpoint, StateResource } from '../state/deployment.ts';
import { checkpointKey, durableLockKey, schemaVersion } from '../state/layout.ts';
import type { ObjectStore, PutCondition } from '../state/object-store.ts';
import { patiently } from '../state/patience.ts';
import { cloudSecrets } from '../state/secrets.ts';
import type { ConfiguredSecrets } from '../state/secrets.ts';
import { contentOf, writeDossier } from './dossier.ts';
import type { Dossier, Plan } from './dossier.ts';
import { examine } from './examine.ts';
import type { Examined, ExamineRequest, TrailAnswer } from './examine.ts';
import { readHistory } from './history.ts';
import type { History } from './history.ts';
import { evidenceHours } from './interrupted.ts';
import type { Interrupted } from './interrupted.ts';
import { quarantine } from './quarantine.ts';
import type { Quarantine } from './quarantine.ts';
import type { Question } from './questions.ts';
import { brokenBy, ReadVersions } from './read-versions.ts';
import { reconcile } from './reconcile.ts';
import { isInDoubt } from './subjects.ts';
import type { Elsewhere, Subject } from './subjects.ts';
import { isEmptyPlan, membershipProblems, planProblems, plannedSteps } from './verify.ts';
import type { RecoveryWords } from './words.ts';

/** What the stacks of one recovery share. */
export interface RecoveryParts {
  /** The recovery's own name. */
  readonly recovery: string;
  /** Who recovers, for people. */
  readonly by: string;
  readonly incident: string | undefined;
  readonly network: string;
  readonly account: string;
  readonly region: string;
  readonly project: string;
  readonly installation: string;
  readonly store: ObjectStore;
  readonly gateway: Gateway;
  readonly engine: Pick<Engine, 'refresh' | 'preview' | 'previewDestroy' | 'cancel'>;
  readonly environment: () => Readonly<Record<string, string>>;
  readonly secrets: ConfiguredSecrets;
  /** Nonce of this process, by which its engines are found. */
  readonly marker: string;
  readonly watch: LockWatch;
  readonly typeOf: ExamineRequest['typeOf'];
  readonly look: ExamineRequest['look'];
  /** What the network's other stacks have in their states by now. Never throws: what could not be read is said. */
  readonly elsewhere: (stack: string) => Promise<Elsewhere>;
  readonly trail: (interrupted: Interrupted) => Promise<TrailAnswer>;
  /** What AWS and a state do not agree in. */
  readonly compare: (
    stack: string,
    state: Deployment,
    inventory: Inventory,
    /** What the stack has disowned, and what this recovery is about to. */
    disowned: readonly DisownedObject[],
  ) => readonly StateDifference[];
  /** What the run could not write to the bucket, where this machine has it. */
  readonly spoolOf: (run: string, stack: string) => Promise<string | undefined>;
  /** What was spooled is told in the dossier, and says nothing any more once the stack is released. */
  readonly dropSpool: (run: string, stack: string) => Promise<void>;
  /** As the stack's list is to have it. */
  readonly asDisowned: (object: Leaving) => DisownedObject;
  readonly words: RecoveryWords;
  readonly patienceSeconds: number;
  readonly staleness: Staleness;
  readonly limitSeconds: number;
  readonly emit: Emit;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
  readonly verbose: boolean;
}

/** An object that stays in AWS and leaves the stack. */
export interface Leaving {
  readonly id: string;
  readonly type: string;
  readonly resource: string;
  readonly reason: string;
}

/** A difference between a state and AWS, in words. `membership`: one of them has an object that the other has not. */
export interface StateDifference {
  readonly kind: 'membership' | 'property' | 'foreign';
  readonly text: string;
}

/** A stack whose run was interrupted, behind a lock that is this process's own. */
export interface StuckStack {
  readonly stack: string;
  readonly short: string;
  readonly interrupted: Interrupted;
  /** This process's own; in a rehearsal there is none. */
  readonly claim: Claim | undefined;
  /** The lock that was taken over; undefined where the run itself goes on to recover. */
  readonly before: StandingLock | undefined;
  /** What is disowned already, in a rehearsal. */
  readonly disowned?: readonly DisownedObject[];
  /** Of the interrupted run. */
  readonly journal: Journal;
  readonly writer: { readonly how: string; readonly saidBy?: string };
  /** Given now; those of earlier recoveries are in the journal. */
  readonly answers: readonly Answer[];
  /** Full names of the stacks that its program reads. */
  readonly upstreams: readonly string[];
  /** Of the network file that the run journaled; undefined where that does not ask for the stack. */
  readonly program: EngineRequest['program'] | undefined;
  /** Names of what may carry the traffic of these resources while they are replaced, by their names. Absent: the program has it itself. */
  readonly bridgesOver?: (resources: readonly string[]) => readonly string[];
  readonly startedAt: Date;
}

export interface RecoveryOptions {
  /** Nothing is written, not even a copy. */
  readonly dryRun: boolean;
  /** Go on although versions of the checkpoint are gone, and with them what only they said. */
  readonly withoutVersions: boolean;
  /** Lets a person work on the overlay before it is verified; false: they gave up. */
  readonly shell?: (mount: Mount) => Promise<boolean>;
  /** The run's own process goes on, and its other stacks with it. */
  readonly inRun: boolean;
}

export type RecoveryEnd =
  | {
      readonly kind: 'recovered';
      readonly said: string;
      /** What is in the bucket now; undefined where the stack has none. */
      readonly checkpoint: ServedCheckpoint | undefined;
      readonly differences: readonly string[];
      readonly page: string | undefined;
    }
  /** In a rehearsal. */
  | { readonly kind: 'would-recover'; readonly said: string; readonly differences: readonly string[] }
  | { readonly kind: 'undecided'; readonly questions: readonly Question[]; readonly page: string | undefined }
  | { readonly kind: 'held'; readonly why: string; readonly next: string; readonly page: string | undefined }
  /** What a person answered cannot be: nothing was done with it. */
  | { readonly kind: 'refused'; readonly why: string; readonly next: string; readonly page: string | undefined }
  /** Somebody else has the stack now. */
  | { readonly kind: 'lost'; readonly why: string; readonly page: string | undefined };

/** Steps 2 to 8 of a recovery, for one stack: from the quarantine to the confirmed release. Each may be cut short anywhere, and all of it run again. */
export async function recoverStack(stuck: StuckStack, parts: RecoveryParts, options: RecoveryOptions): Promise<RecoveryEnd> {
  const recovery = new StackRecovery(stuck, parts, options);
  return await recovery.run();
}

/** A checkpoint as the recovery found it, and all that its versions tell. */
interface Kept {
  readonly quarantine: Quarantine;
  /** Undefined where the stack has none. */
  readonly etag: string | undefined;
  readonly raw: RawCheckpoint;
  readonly body: string;
  readonly deployment: Deployment;
  readonly history: History;
  /** A person has worked on it: what the run had begun is theirs to say now. */
  readonly byHand: boolean;
}

/** The overlay after the refresh. */
interface Refreshed {
  readonly mount: Mount;
  readonly body: string;
  readonly raw: RawCheckpoint;
  readonly deployment: Deployment;
}

interface Checked {
  readonly problems: readonly string[];
  readonly differences: readonly string[];
  readonly plan: Plan;
}

/** How often what does not verify is looked at anew: AWS may have shown something late, or somebody may be changing it. */
const attempts = 3;

/** How often a checkpoint that somebody writes meanwhile is read anew. */
const touches = 5;

class StackRecovery {
  readonly #given: { readonly stuck: StuckStack; readonly parts: RecoveryParts; readonly options: RecoveryOptions };
  readonly #steps: { step: RecoveryStep; at: string; seconds: number; said: string }[] = [];
  readonly #lost = new AbortController();
  #how: 'removed' | 'replaced' | undefined;
  /** Ends the watch over the lock. */
  #unwatch: () => void = () => undefined;
  #stepStartedMs: number;
  #kept: Kept | undefined;
  #examined: Extract<Examined, { ok: true }> | undefined;
  #checked: Checked | undefined;
  #after: { readonly deployment: Deployment; readonly etag: string } | undefined;
  /** The release is licensed in the journal: what comes after that holds the stack no more. */
  #isVerified = false;
  #releasedAt: string | undefined;
  #confirmed: Plan | undefined;

  constructor(stuck: StuckStack, parts: RecoveryParts, options: RecoveryOptions) {
    this.#given = { stuck, parts, options };
    this.#stepStartedMs = parts.now();
  }

  async run(): Promise<RecoveryEnd> {
    const { stuck, parts, options } = this.#given;
    if (stuck.claim)
      this.#unwatch = parts.watch.add(stuck.claim.lock(), (how) => {
        this.#how = how;
        this.#lost.abort();
      });
    let end: RecoveryEnd;
    try {
      end = await this.#recover().catch((cause: unknown): RecoveryEnd => this.#held(messageOf(cause)));
    } finally {
      this.#unwatch();
    }
    if (options.dryRun) return end;
    if (!this.#isVerified && end.kind !== 'recovered' && end.kind !== 'would-recover') await this.#hold(end);
    const page = await this.#writeDossier(end);
    return end.kind === 'would-recover' ? end : { ...end, page };
  }

  async #recover(): Promise<RecoveryEnd> {
    const { stuck, parts, options } = this.#given;
    const taking = options.dryRun ? 'would take over' : 'took over';
    if (!options.inRun) await this.#step('freeze', `${taking} the lock of run ${stuck.interrupted.run}; ${stuck.writer.how}`);
    const read = await this.#quarantine();
    if ('kind' in read) return read;
    let kept = read;
    let withShell = options.shell !== undefined;
    for (let attempt = 1; ; attempt += 1) {
      this.#kept = kept;
      const examined = await this.#examine(kept);
      if ('kind' in examined) return examined;
      const questions = parts.words.questions(stuck.short, examined.subjects);
      if (questions.length > 0 && !withShell) return this.#undecided(questions);
      const refreshed = await this.#refresh(kept, examined.subjects, withShell);
      if ('kind' in refreshed) return refreshed;
      try {
        if (withShell) {
          const worked = await this.#inShell(kept, refreshed);
          if ('kind' in worked) return worked;
          withShell = false;
          kept = worked;
          continue;
        }
        const checked = await this.#verify(refreshed, examined.subjects);
        if (checked.problems.length > 0) {
          if (attempt < attempts && !parts.signal.aborted) {
            parts.emit({ type: 'progress', message: `${stuck.short}: ${checked.problems[0] ?? ''}; looking again` });
            continue;
          }
          return this.#held(
            `what was reconciled does not hold: ${checked.problems.join('; ')}`,
            `Read the dossier, and look for whoever changes AWS meanwhile; then again: ${command('recover', stuck.short)}`,
          );
        }
        await this.#step('verify', parts.words.checked(checked.plan, checked.differences));
        this.#tell(checked);
        if (options.dryRun)
          return { kind: 'would-recover', said: parts.words.subjects(examined.subjects), differences: checked.differences };
        return await this.#promote(kept, refreshed, examined.subjects, checked);
      } finally {
        await refreshed.mount.close();
      }
    }
  }

  /** Step 2. Nothing of the state is written before this is done. */
  async #quarantine(): Promise<Kept | RecoveryEnd> {
    const { stuck, parts, options } = this.#given;
    const { interrupted, stack, short } = stuck;
    const bucketNow = await this.#bucketNow();
    for (let tries = 1; ; tries += 1) {
      const versions = new ReadVersions();
      const copied = await quarantine({
        store: parts.store,
        network: parts.network,
        stack,
        run: interrupted.run,
        recovery: parts.recovery,
        // By the bucket's clock where that is known. Without a run nobody knows when it began: what is copied in any case is looked through.
        lockedAt: interrupted.baseModified ?? interrupted.startedAt ?? new Date(bucketNow.getTime() - evidenceHours * 3_600_000),
        bucketNow,
        base: interrupted.base,
        patienceSeconds: parts.patienceSeconds,
        copies: !options.dryRun,
        onCheckpoint: (version) => versions.add(version),
        onProgress: (message) => parts.emit({ type: 'progress', message: `${short}: ${message}` }),
      });
      if (copied.baseIsGone && !options.withoutVersions)
        return this.#undecided([
          {
            question: `The version of the checkpoint of ${short} that run ${interrupted.run} began from is gone from the bucket, and with it what only the versions since then said. Is that accepted?`,
            answers: [{ means: 'yes: what AWS shows decides alone', command: command('recover', short, { withoutVersions: true }) }],
          },
        ]);
      const read = this.#readKept(copied, versions);
      if (!('kept' in read)) return read;
      const touched = options.dryRun ? read.kept : await this.#touch(read.kept);
      if (touched && 'kind' in touched) return touched;
      if (touched) {
        await this.#step('quarantine', `${copied.versions.length} versions under ${copied.prefix}`);
        return touched;
      }
      if (tries === touches) return this.#held(`the checkpoint of ${stack} is written by somebody else again and again`);
    }
  }

  /** What the bucket takes for the present: when our own lock was put. */
  async #bucketNow(): Promise<Date> {
    const { stuck, parts } = this.#given;
    const locks = await this.#patiently(() => parts.store.list(durableLockKey(stuck.stack)));
    return locks.find(({ etag }) => etag === stuck.claim?.lock().etag)?.modified ?? new Date(parts.now());
  }

  #readKept(copied: Quarantine, versions: ReadVersions): { readonly kept: Kept } | RecoveryEnd {
    const { stuck, parts } = this.#given;
    const { stack, short } = stuck;
    const { newest, lastGood } = versions;
    const restore = parts.words.restore(short, { bucket: parts.store.name, key: checkpointKey(stack), prefix: copied.prefix, lastGood });
    if (newest !== undefined && newest.etag !== null && newest.body === null)
      return this.#held(`the checkpoint of ${stack} was taken away while it was copied`);
    const read = newest?.read;
    if (read?.ok === false) return this.#held(`the checkpoint of ${stack} cannot be read: ${read.why}`, restore);
    const broken = read && brokenBy(read.deployment);
    if (broken !== undefined)
      return this.#held(`the checkpoint of ${stack} does not hold together: ${broken}; the engine refuses it`, restore);
    const raw = read?.raw ?? versions.empty;
    return {
      kept: {
        quarantine: copied,
        etag: newest?.etag ?? undefined,
        raw,
        body: newest?.body ?? JSON.stringify(raw),
        deployment: read?.deployment ?? { resources: [], operations: [] },
        history: versions.history,
        byHand: false,
      },
    };
  }

  /**
   * Writes the checkpoint once with its content changed, so that an old writer's condition cannot match by accident. The version was read before the
   * record is looked at: one who has lost the stack meanwhile writes over nothing that its new owner wrote.
   * @returns undefined where somebody wrote meanwhile
   */
  async #touch(kept: Kept): Promise<Kept | RecoveryEnd | undefined> {
    if (!(await this.#isMine())) return this.#lostEnd();
    // Without one, only a run that began without one could still write, and only where there is none.
    if (kept.etag === undefined && this.#given.stuck.interrupted.base !== null) return kept;
    const etag = await this.#put(kept.etag, this.#marked(kept.raw));
    return etag === undefined ? undefined : { ...kept, etag };
  }

  /** @param over ETag of the checkpoint that it takes the place of; undefined where there is none @returns its own; undefined where another stands there */
  async #put(over: string | undefined, body: string): Promise<string | undefined> {
    const { stuck, parts } = this.#given;
    const write = randomUUID();
    const condition: PutCondition = over === undefined ? { only: 'if-absent' } : { only: 'if-matches', etag: over };
    const put = await this.#patiently(() => parts.store.put(checkpointKey(stuck.stack), body, condition, write));
    return put.done ? put.etag : undefined;
  }

  #patiently<T>(act: () => Promise<T>): Promise<T> {
    return patiently(act, { seconds: this.#given.parts.patienceSeconds });
  }

  /** A content that no version had before: it names the recovery and its turn. */
  #marked(raw: object): string {
    const { recovery } = this.#given.parts;
    return JSON.stringify({ ...raw, holdfast: { recovery, epoch: this.#epoch, write: randomUUID() } });
  }

  get #epoch(): number {
    return this.#given.stuck.claim?.as.epoch ?? 0;
  }

  /** The record still says so. A lock that was taken away says nothing of it. @throws where it cannot be asked */
  async #isMine(): Promise<boolean> {
    const { claim } = this.#given.stuck;
    return claim === undefined || (await claim.isMine());
  }

  get #disowned(): readonly DisownedObject[] {
    return this.#given.stuck.claim?.held().record.disowned ?? this.#given.stuck.disowned ?? [];
  }

  /**
   * The last checkpoint that the run's engine could not write, where it lies on this machine. The file may have come from elsewhere: where the run could say
   * what it had put there, another content is none of it.
   */
  async #spool(): Promise<string | undefined> {
    const { stuck, parts } = this.#given;
    const { interrupted, stack, short } = stuck;
    const text = await parts.spoolOf(interrupted.run, stack).catch(() => undefined);
    if (text === undefined) return undefined;
    const { spoolDigest } = interrupted;
    const isOther = spoolDigest !== undefined && createHash('sha256').update(text).digest('hex') !== spoolDigest;
    if (isOther || spoolDigest === undefined)
      parts.emit({ type: 'note', message: parts.words.spool(short, isOther ? 'other' : 'unvouched') });
    return isOther ? undefined : text;
  }

  /** Step 3. */
  async #examine(kept: Kept): Promise<Extract<Examined, { ok: true }> | RecoveryEnd> {
    const { stuck, parts } = this.#given;
    const { stack, short, interrupted } = stuck;
    const spool = await this.#spool();
    const spooled = spool === undefined ? undefined : readDeployment(spool);
    const examined = await examine({
      stack,
      short,
      project: parts.project,
      installation: parts.installation,
      typeOf: parts.typeOf,
      because: parts.words.because,
      current: kept.deployment,
      history: kept.history,
      doubts: kept.byHand ? [] : interrupted.doubts,
      spool: spooled?.ok === true ? spooled.deployment : undefined,
      disowned: new Set(this.#disowned.map(objectKey)),
      answers: this.#answers(),
      given: stuck.answers,
      plan: () => this.#plannedShapes(kept),
      look: parts.look,
      elsewhere: () => parts.elsewhere(stack),
      trail: () => parts.trail({ ...interrupted, startedAt: interrupted.startedAt && kept.quarantine.lockedAt }),
      staleness: parts.staleness,
      limitSeconds: parts.limitSeconds,
      now: parts.now,
      sleep: parts.sleep,
      signal: AbortSignal.any([parts.signal, this.#lost.signal]),
      onProgress: (message) => parts.emit({ type: 'progress', message }),
    });
    if (this.#lost.signal.aborted) return this.#lostEnd();
    if (!examined.ok)
      return examined.reason === 'bad-answer'
        ? { kind: 'refused', why: examined.why, next: examined.next ?? '', page: undefined }
        : this.#held(examined.why, examined.next);
    if (stuck.claim && stuck.answers.length > 0) {
      const answered = await stuck.claim.write({ type: 'answer', as: stuck.claim.as, answers: stuck.answers });
      if (!answered.ok) return this.#lostEnd();
    }
    for (const answer of stuck.answers)
      await this.#journal({
        type: 'answered',
        ...this.#header(),
        by: parts.by,
        ...(parts.incident === undefined ? {} : { incident: parts.incident }),
        answer,
      });
    this.#examined = examined;
    const { subjects } = examined;
    for (const { name, id, row, facts, sources } of subjects)
      if (facts.kind !== 'engine' && (row.then !== 'keep' || isInDoubt(facts)))
        parts.emit({
          type: 'decision',
          stack,
          resource: name,
          id: id ?? null,
          decision: row.then,
          because: parts.words.because(row, sources),
        });
    const looks = examined.looks.length;
    await this.#step(
      'evidence',
      `${subjects.filter(({ facts }) => facts.kind !== 'engine' && isInDoubt(facts)).length} in doubt, ${looks} ${looks === 1 ? 'look' : 'looks'} at AWS; CloudTrail: ${examined.trail}`,
    );
    return examined;
  }

  /** What the decisions leave in AWS on purpose. */
  #leaving(subjects: readonly Subject[]): readonly DisownedObject[] {
    const { words, asDisowned } = this.#given.parts;
    return subjects.flatMap(({ row, id, type, name }) =>
      row.then === 'disown' && id !== undefined ? [asDisowned({ id, type, resource: name, reason: words.because(row) })] : [],
    );
  }

  #answers(): readonly Answer[] {
    const { answers, interrupted } = this.#given.stuck;
    return answers.reduce(withAnswer, interrupted.answers);
  }

  /** Steps 4: what was decided is written in the overlay, and the engine asks AWS for the rest. */
  async #refresh(kept: Kept, subjects: readonly Subject[], lenient: boolean): Promise<Refreshed | RecoveryEnd> {
    const { stuck, parts } = this.#given;
    const decided = lenient ? subjects.filter(({ row }) => !['wait', 'ask', 'duplicate'].includes(row.then)) : subjects;
    const reconciled = reconcile(kept.raw, decided, kept.history.shapes);
    if (!reconciled.ok)
      return this.#held(
        `what was decided makes no state that the engine takes: ${reconciled.why}`,
        `Look at it in an overlay: ${command('recover', stuck.short, { shell: true })}`,
      );
    const mount = await this.#overlay(reconciled.body);
    const fail = async (why: string): Promise<RecoveryEnd> => {
      await mount.close();
      return this.#lost.signal.aborted ? this.#lostEnd() : this.#held(why);
    };
    const before = readDeployment(reconciled.body);
    if (before.ok && before.deployment.resources.length === 0) {
      await this.#step('reconcile', 'the state has nothing');
      return { mount, body: reconciled.body, ...before };
    }
    const result = await parts.engine.refresh(this.#engineRequest(mount));
    if (result.outcome !== 'succeeded') return fail(`the refresh failed: ${wordsOf(result)}`);
    const body = mount.report().checkpoint?.body ?? '';
    const read = readDeployment(body);
    if (!read.ok) return fail(`the refreshed checkpoint cannot be read: ${read.why}`);
    await this.#step('reconcile', `${parts.words.subjects(subjects)}; ${read.deployment.resources.length} resources refreshed`);
    return { mount, body, ...read };
  }

  /** A person works on the overlay; what they leave is looked at like any other checkpoint. */
  async #inShell(kept: Kept, { mount }: Refreshed): Promise<Kept | RecoveryEnd> {
    const { shell } = this.#given.options;
    if (!shell || !(await shell(mount)))
      return this.#held('the shell was left without a result', `Again: ${command('recover', this.#given.stuck.short, { shell: true })}`);
    const body = mount.report().checkpoint?.body ?? '';
    const read = readDeployment(body);
    if (!read.ok) return this.#held(`what the shell left cannot be read: ${read.why}`);
    await this.#step('reconcile', 'by hand, in a shell over the overlay');
    const { deployment, raw } = read;
    return { ...kept, raw, body, deployment, history: readHistory([{ version: 'shell', deployment }]), byHand: true };
  }

  /** Step 5. */
  async #verify({ mount, deployment }: Refreshed, subjects: readonly Subject[]): Promise<Checked> {
    const { stuck, parts } = this.#given;
    const scope = new Map<string, string[]>();
    for (const { type, id } of deployment.resources)
      if (id !== undefined && parts.typeOf(type)) scope.set(type, [...(scope.get(type) ?? []), id]);
    const looked = await parts.look({ stacks: [stuck.stack], installation: parts.installation, known: scope });
    const found = looked.ok ? parts.compare(stuck.stack, deployment, looked.value, [...this.#disowned, ...this.#leaving(subjects)]) : [];
    const { plan, steps } = await this.#preview(mount);
    const destroying = stuck.interrupted.operation === 'destroy';
    const bridges = new Set(stuck.bridgesOver?.(subjects.map(({ name }) => name)));
    const checked: Checked = {
      problems: [
        ...(looked.ok ? [] : [`AWS could not be looked at: ${looked.code}: ${looked.message}`]),
        // What was not listed may be a second object: that it is not seen says nothing.
        ...(looked.ok ? looked.value.incomplete : []),
        ...membershipProblems(deployment, subjects),
        ...found.filter(({ kind }) => kind === 'membership').map(({ text }) => text),
        ...planProblems(steps, subjects, { destroying, bridges }),
      ],
      differences: [
        // While the run goes on its other stacks make things that nobody has written down yet.
        ...found.filter(({ kind }) => kind === 'property' || (kind === 'foreign' && !this.#given.options.inRun)).map(({ text }) => text),
        ...subjects.flatMap(({ facts, row, name, id }) =>
          row.then === 'forget' && facts.kind === 'cloud' && !isInDoubt(facts)
            ? [`${name} (${id ?? ''}) is gone: ${parts.words.because(row)}`]
            : [],
        ),
        ...('failed' in plan ? [`the plan failed: ${plan.failed.join('; ')}`] : []),
      ],
      plan,
    };
    this.#checked = checked;
    return checked;
  }

  /** Before the lock goes: what somebody changed meanwhile is what an incident overlooks. */
  #tell({ differences, plan }: Checked): void {
    const { short } = this.#given.stuck;
    const note = (message: string): void => this.#given.parts.emit({ type: 'note', message: `${short}: ${message}` });
    for (const difference of differences) note(`not in doubt, and different: ${difference}`);
    const left = this.#given.parts.words.left(plan);
    if (left !== undefined) note(left);
  }

  async #preview(mount: Mount): Promise<{ readonly plan: Plan; readonly steps: ReturnType<typeof plannedSteps> }> {
    const { stuck, parts } = this.#given;
    const seen: EngineStep[] = [];
    const request = { ...this.#engineRequest(mount), onStep: (step: EngineStep) => void seen.push(step) };
    const { program } = stuck;
    // A stack that is destroyed, or not asked for any more, has no program that would keep it.
    const result =
      stuck.interrupted.operation === 'destroy' || program === undefined
        ? await parts.engine.previewDestroy(request)
        : await parts.engine.preview({ ...request, program });
    const steps = plannedSteps(seen);
    return result.outcome === 'succeeded' ? { plan: { changes: steps }, steps } : { plan: { failed: [wordsOf(result)] }, steps };
  }

  /** Steps 6 and 7: the one write, and the one delete. */
  async #promote(kept: Kept, refreshed: Refreshed, subjects: readonly Subject[], checked: Checked): Promise<RecoveryEnd> {
    const { stuck, parts } = this.#given;
    const { stack, claim, journal, interrupted } = stuck;
    const said = parts.words.subjects(subjects);
    if (!claim) return { kind: 'would-recover', said, differences: checked.differences };
    const left = this.#leaving(subjects);
    // Whoever took the stack over meanwhile has changed the checkpoint too, so that the write below is refused: this tells it earlier.
    const cause = await parts.watch.look();
    if (this.#lost.signal.aborted) return this.#lostEnd();
    if (cause) return this.#held(messageOf(cause));
    if (left.length > 0) {
      const disowned = await claim.write({ type: 'disown', as: claim.as, objects: left });
      if (!disowned.ok) return this.#lostEnd();
    }
    const isGone = kept.etag === undefined && refreshed.deployment.resources.length === 0;
    let etag = kept.etag;
    // Where no engine wrote it, the content may be one of before.
    const body = refreshed.deployment.resources.length === 0 ? this.#marked(refreshed.raw) : refreshed.body;
    if (!isGone) {
      if (!(await this.#isMine())) return this.#lostEnd();
      etag = await this.#put(kept.etag, body);
      if (etag === undefined) return this.#lostEnd('somebody else has written its checkpoint meanwhile');
      this.#after = { deployment: refreshed.deployment, etag };
      await this.#step('promote', `checkpoint ${etag.replaceAll('"', '').slice(0, 8)}`);
    }
    const head = (await this.#patiently(() => checkpointVersions(parts.store, [stack]))).get(stack);
    if (head?.etag !== etag) return this.#lostEnd('somebody else has written its checkpoint meanwhile');
    const unfinished = 'changes' in checked.plan && isEmptyPlan(checked.plan.changes) ? undefined : interrupted.operation;
    const agreed = verifiedAt(head, interrupted.run, parts.now(), unfinished);
    const verified = await claim.write({ type: 'verify', as: claim.as, verified: agreed });
    if (!verified.ok) return this.#lostEnd('somebody else has taken it over meanwhile');
    this.#isVerified = true;
    // From here on its removal is licensed, and nobody's theft.
    this.#unwatch();
    const { frozen } = verified.held.record;
    await journal.note({ type: 'verified', stack, epoch: this.#epoch, checkpoint: etag ?? null, outcome: 'recovered' });
    const checkpoint = etag === undefined ? undefined : { body, etag, modified: head?.modified ?? new Date(parts.now()) };
    const unreleased = await this.#release(claim, checkpoint);
    if (unreleased !== undefined)
      return this.#held(
        `state and AWS agree, and the lock could not be released: ${unreleased}`,
        `The next command on this network releases it; or: ${command('release', stuck.short, { incident: 'ID' })}`,
      );
    this.#releasedAt = new Date(parts.now()).toISOString();
    await journal.note({ type: 'released', stack, epoch: this.#epoch });
    await parts.dropSpool(interrupted.run, stack).catch(() => undefined);
    await this.#step('release', frozen ? 'the freeze stands in its place' : 'the lock that was reconciled, and no other');
    if (checkpoint && !this.#given.options.inRun) await this.#confirm(checkpoint);
    return { kind: 'recovered', said, checkpoint, differences: checked.differences, page: undefined };
  }

  /**
   * Through the engine's own cancel, which the gateway turns into the delete of exactly the lock that was reconciled. Of a frozen stack the freeze
   * takes its place, without a moment in between.
   * @returns why it stands
   */
  async #release(claim: Claim, checkpoint: ServedCheckpoint | undefined): Promise<string | undefined> {
    const { stuck, parts } = this.#given;
    const release = async (): Promise<string | undefined> => {
      const removed = await claim.dropLock();
      return removed.done || !removed.there ? undefined : 'somebody else replaced it meanwhile';
    };
    // The engine selects a stack before it cancels: of one that is gone there is nothing to select.
    if (!checkpoint) return release().catch((cause: unknown) => messageOf(cause));
    const asked: { why: string | undefined } = { why: 'the engine did not ask for it' };
    const mount = parts.gateway.mount({
      stack: stuck.stack,
      checkpoints: new Map([[stuck.stack, checkpoint]]),
      mode: { kind: 'overlay' },
      lock: {
        body: writeLock(claim.lock().record),
        release: async () => (asked.why = await release().catch((cause: unknown) => messageOf(cause))),
      },
    });
    // Verified and licensed: a signal that comes now would only leave a lock that says held over a stack that is well.
    const result = await parts.engine.cancel(this.#engineRequest(mount, false));
    await mount.close();
    // What counts is what became of the lock: an engine that fails after it has ended its work.
    return asked.why === undefined ? undefined : result.outcome === 'succeeded' ? asked.why : `${asked.why}: ${wordsOf(result)}`;
  }

  /** Step 8: a plan on what is in the bucket now. It is shown, and decides nothing. */
  async #confirm(checkpoint: ServedCheckpoint): Promise<void> {
    const { stuck, parts } = this.#given;
    const mount = await this.#overlay(checkpoint.body);
    try {
      const { plan } = await this.#preview(mount);
      this.#confirmed = plan;
      await this.#step('confirm', parts.words.plan(plan));
    } catch (cause) {
      parts.emit({ type: 'note', message: `${stuck.short}: no plan could be made after the release: ${messageOf(cause)}` });
    } finally {
      await mount.close();
    }
  }

  /** How the program means what no version of the checkpoint has. */
  async #plannedShapes(kept: Kept): Promise<ReadonlyMap<string, StateResource>> {
    const { stuck, parts } = this.#given;
    const { program } = stuck;
    if (program === undefined || stuck.interrupted.operation === 'destroy') return new Map();
    const planned = new Map<string, StateResource>();
    const mount = await this.#overlay(kept.body);
    try {
      await parts.engine.preview({
        ...this.#engineRequest(mount),
        program,
        onPlanned: (resource) => {
          const shape = shapeOf(resource);
          planned.set(shape.name, shape);
        },
      });
    } finally {
      await mount.close();
    }
    return planned;
  }

  /**
   * The checkpoint and those of the upstreams, in memory: whatever an engine writes there is not in the bucket. A refresh reads what the checkpoint refers to,
   * which is something else than the program reads where an edit was cut short.
   */
  async #overlay(body: string): Promise<Mount> {
    const { stuck, parts } = this.#given;
    const content = parseCheckpoint(body);
    const referred = 'reason' in content ? [] : content.upstreams.filter((name) => parseStackName(name)?.network === parts.network);
    const upstreams = await Promise.all(
      [...new Set([...stuck.upstreams, ...referred])].map(async (name): Promise<[string, ServedCheckpoint][]> => {
        const stored = await this.#patiently(() => parts.store.get(checkpointKey(name)));
        return stored ? [[name, stored]] : [];
      }),
    );
    const own: ServedCheckpoint = { body, etag: '"overlay"', modified: new Date(parts.now()) };
    return parts.gateway.mount({
      stack: stuck.stack,
      checkpoints: new Map([[stuck.stack, own], ...upstreams.flat()]),
      mode: { kind: 'overlay' },
    });
  }

  /** @param stoppable by a signal, or where the lock is lost */
  #engineRequest(mount: Mount, stoppable = true): EngineRequest {
    const { stuck, parts } = this.#given;
    return {
      stack: stuck.stack,
      program: () => Promise.resolve({}),
      backendUrl: mount.url,
      exists: true,
      secrets: cloudSecrets(parts.secrets, mount.report().checkpoint?.body),
      environment: parts.environment(),
      marker: parts.marker,
      ...(stoppable ? { signal: parts.signal, ending: this.#lost.signal } : {}),
      ...(parts.verbose ? { onText: (text: Foreign) => parts.emit({ type: 'engine-output', stack: stuck.stack, text }) } : {}),
    };
  }

  #header(): { readonly stack: string; readonly epoch: number; readonly recovery: string } {
    return { stack: this.#given.stuck.stack, epoch: this.#epoch, recovery: this.#given.parts.recovery };
  }

  async #journal(event: NewEvent): Promise<void> {
    if (!this.#given.options.dryRun) await this.#given.stuck.journal.note(event);
  }

  async #step(step: RecoveryStep, said: string): Promise<void> {
    const { stuck, parts } = this.#given;
    const nowMs = parts.now();
    const seconds = (nowMs - this.#stepStartedMs) / 1000;
    this.#stepStartedMs = nowMs;
    this.#steps.push({ step, at: new Date(nowMs).toISOString(), seconds, said });
    parts.emit({ type: 'recovery-step', stack: stuck.stack, step, said, seconds });
    await this.#journal({ type: step, ...this.#header(), said });
  }

  #undecided(questions: readonly Question[]): RecoveryEnd {
    for (const question of questions) this.#given.parts.emit({ type: 'question', stack: this.#given.stuck.stack, question });
    return { kind: 'undecided', questions, page: undefined };
  }

  #held(why: string, next = `See to it, and again: ${command('recover', this.#given.stuck.short)}`): RecoveryEnd {
    return { kind: 'held', why, next, page: undefined };
  }

  #lostEnd(why = `its lock was ${this.#how ?? 'replaced'} by somebody while it was being recovered`): RecoveryEnd {
    return { kind: 'lost', why, page: undefined };
  }

  /** The stack is as held as before, for the one reason more; where it was taken over, that is another's to say. */
  async #hold(end: Exclude<RecoveryEnd, { kind: 'recovered' | 'would-recover' }>): Promise<void> {
    const { stack, claim, journal } = this.#given.stuck;
    if (!claim) return;
    const doubts =
      end.kind === 'undecided'
        ? end.questions.map(({ question }) => ({ source: 'question' as const, text: question }))
        : end.kind === 'held'
          ? [{ source: 'recovery' as const, text: end.why }]
          : [];
    const held = await claim.write({ type: 'hold', as: claim.as, doubts }).catch(() => undefined);
    if (held?.ok !== true) return;
    await journal.note({ type: 'held', stack, epoch: this.#epoch, doubts, checkpoint: this.#after?.etag ?? this.#kept?.etag ?? null });
    if (this.#how === 'removed') await claim.putLockBack().catch(() => false);
  }

  async #writeDossier(end: RecoveryEnd): Promise<string | undefined> {
    const { stuck, parts } = this.#given;
    if (end.kind === 'would-recover') return undefined;
    const kept = this.#kept;
    const examined = this.#examined;
    const dossier: Dossier = {
      schema: schemaVersion,
      recovery: parts.recovery,
      run: stuck.interrupted.run,
      network: parts.network,
      stack: stuck.stack,
      account: parts.account,
      region: parts.region,
      by: parts.by,
      incident: parts.incident ?? null,
      startedAt: stuck.startedAt.toISOString(),
      endedAt: new Date(parts.now()).toISOString(),
      outcome: end.kind,
      why: 'why' in end ? end.why : null,
      questions: end.kind === 'undecided' ? end.questions : [],
      steps: this.#steps,
      lock: {
        before: stuck.before
          ? { etag: stuck.before.etag, owner: describeLock(stuck.before), since: stuck.before.since.toISOString() }
          : null,
        etag: stuck.claim?.lock().etag ?? '',
        epoch: this.#epoch,
        releasedAt: this.#releasedAt ?? null,
      },
      writer: { how: stuck.writer.how, saidBy: stuck.writer.saidBy ?? null },
      quarantine: kept
        ? { prefix: kept.quarantine.prefix, manifest: kept.quarantine.manifest, versions: kept.quarantine.versions.length }
        : null,
      before: kept ? contentOf(kept.deployment, kept.etag ?? null) : null,
      after: this.#after ? contentOf(this.#after.deployment, this.#after.etag) : null,
      promoted: this.#after?.etag ?? null,
      evidence: (examined?.subjects ?? []).map(({ urn, name, type, id, row, facts, sources }) => ({
        urn,
        name,
        type,
        id: id ?? null,
        decision: row.then,
        row: row.row,
        because: parts.words.because(row, sources),
        facts,
        sources: sources.map((source) => ({ from: source.from, says: parts.words.source(source) })),
      })),
      looks: (examined?.looks ?? []).map(({ inventory }) => ({
        at: new Date(inventory.from).toISOString(),
        objects: inventory.objects.length,
        incomplete: inventory.incomplete,
      })),
      trail: examined?.trail ?? 'not asked',
      answers: this.#answers(),
      differences: this.#checked?.differences ?? [],
      plan: this.#checked?.plan ?? null,
      confirmed: this.#confirmed ?? null,
    };
    try {
      return await writeDossier(parts.store, dossier, parts.words.page(dossier), parts.patienceSeconds);
    } catch (cause) {
      parts.emit({ type: 'note', message: `${stuck.short}: the dossier could not be written: ${messageOf(cause)}` });
      return undefined;
    }
  }
}

function shapeOf({ urn, type, parent, provider, protect, retainOnDelete, inputs }: PlannedResource): StateResource {
  return resourceOf({
    urn,
    type,
    custom: true,
    inputs,
    ...(parent === '' ? {} : { parent }),
    ...(provider === '' ? {} : { provider }),
    ...(protect ? { protect } : {}),
    ...(retainOnDelete ? { retainOnDelete } : {}),
  });
}

const wordsOf = (result: EngineResult): string => errorsOf(result).map(String).join('; ');
