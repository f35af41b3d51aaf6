import { openGateway } from '../../../orchestrator/gateway/gateway.ts';
import type { Gateway } from '../../../orchestrator/gateway/gateway.ts';
import { objectKey } from '../../../orchestrator/inventory/live-object.ts';
import type { LiveObject } from '../../../orchestrator/inventory/live-object.ts';
import type { Answer, Doubt } from '../../../orchestrator/journal/events.ts';
import { Journal } from '../../../orchestrator/journal/journal.ts';
import { recoveryWords } from '../../../orchestrator/ui/recovery.ts';
import { readRun } from '../../../orchestrator/journal/read-runs.ts';
import type { ReadRun } from '../../../orchestrator/journal/read-runs.ts';
import { LockWatch } from '../../../orchestrator/locks/lock-watch.ts';
import type { TrailAnswer } from '../../../orchestrator/recovery/examine.ts';
import type { StandingLock } from '../../../orchestrator/locks/durable-locks.ts';
import { claimStack, takeOverHeld } from '../../../orchestrator/ownership/claim.ts';
import type { Claiming, ClaimRequest } from '../../../orchestrator/ownership/claim.ts';
import { readRecord } from '../../../orchestrator/ownership/records.ts';
import type { HeldRecord } from '../../../orchestrator/ownership/records.ts';
import { isOpen } from '../../../orchestrator/ownership/stack-record.ts';
import type { StackRecord } from '../../../orchestrator/ownership/stack-record.ts';
import { interruptedOf } from '../../../orchestrator/recovery/interrupted.ts';
import { recoverStack } from '../../../orchestrator/recovery/recover-stack.ts';
import type { RecoveryEnd, RecoveryOptions, RecoveryParts } from '../../../orchestrator/recovery/recover-stack.ts';
import type { RunEvent } from '../../../orchestrator/run/events.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import type { Standing, Standings } from '../../../orchestrator/run/standing.ts';
import { readStates } from '../../../orchestrator/state/checkpoints.ts';
import { isCloudObject, readDeployment } from '../../../orchestrator/state/deployment.ts';
import type { Deployment } from '../../../orchestrator/state/deployment.ts';
import { checkpointKey, durableLockKey, quarantinePrefix, recordKey } from '../../../orchestrator/state/layout.ts';
import type { ObjectStore } from '../../../orchestrator/state/object-store.ts';
import { FakeCloud, FakeTime } from './fake-cloud.ts';
import { MemoryStore } from './memory-store.ts';
import { lockOf, observer, processOf } from './owner.ts';
import { quickPatience } from './quick-patience.ts';
import { freeRecord, putRecord } from './records.ts';
import { QuickClock } from './quick-clock.ts';
import { RecoveryEngine } from './recovery-engine.ts';
import type { Wanted } from './recovery-engine.ts';
import { installation, short, stack, tagsOf, typeOf } from './recovery.ts';
import { trusted } from './declared.ts';

export const network = 'example';
export const run = 'r1';

let sharedGateway: Promise<Gateway> | undefined;

/** One for all rigs of a test file: its mounts know nothing of one another. */
const gatewayOfFile = (): Promise<Gateway> => (sharedGateway ??= openGateway(trusted, new QuickClock()));

export async function closeGateway(): Promise<void> {
  await (await sharedGateway)?.close();
  sharedGateway = undefined;
}

/** What a takeover came to, and with what the recovery goes on. */
export interface RigTaking {
  readonly taking: Claiming;
  readonly before: StandingLock | undefined;
  readonly journal: Journal;
}

/** With what a rehearsal goes on: it takes over nothing. */
export interface RigRehearsal {
  readonly seen: HeldRecord;
  readonly before: StandingLock | undefined;
  readonly journal: Journal;
}

export interface RecoverRequest {
  /** This process's way to the bucket. */
  readonly store?: ObjectStore;
  readonly answers?: readonly Answer[];
  readonly options?: Partial<RecoveryOptions>;
  readonly parts?: Partial<RecoveryParts>;
  readonly upstreams?: readonly string[];
}

/** A stack whose run died, over a bucket in memory whose ETags are of the content, as the ones of S3 mostly are; and recoveries of it. */
export class RecoveryRig {
  readonly bucket: MemoryStore;
  readonly time = new FakeTime();
  readonly cloud = new FakeCloud(this.time);
  readonly engine: RecoveryEngine;
  readonly events: RunEvent[] = [];
  readonly stopping = new AbortController();
  trail: () => Promise<TrailAnswer> = () => Promise.resolve({ words: [], final: true, said: 'nothing by the key of the run' });

  constructor(wanted: Wanted, bucket = new MemoryStore()) {
    this.bucket = bucket;
    this.engine = new RecoveryEngine(this.cloud, wanted);
    this.bucket.etags = 'of-content';
    this.#setClocks();
  }

  /** Some seconds pass, for everybody. */
  pass(seconds: number): void {
    this.time.ms += seconds * 1000;
    this.#setClocks();
  }

  #setClocks(): void {
    this.bucket.modified = new Date(this.time.ms);
  }

  /** Puts a checkpoint there, as the engine of whoever does. @returns its ETag */
  write(body: string): string {
    this.pass(1);
    return this.bucket.set(checkpointKey(stack), body);
  }

  removeCheckpoint(): void {
    this.pass(1);
    this.bucket.delete(checkpointKey(stack));
  }

  journalOf(writer: string, store: ObjectStore = this.bucket): Journal {
    return new Journal({ store, network, run, writer, patienceSeconds: 0, now: this.time.now });
  }

  /**
   * A run that takes its lock and starts an engine, as far as `does` goes; then everything of it is dead.
   * @param held what it could still write down before it died, if anything
   */
  async interrupted(
    does: () => Promise<void> | void,
    { operation = 'up', held }: { operation?: 'up' | 'destroy'; held?: readonly Doubt[] } = {},
  ): Promise<void> {
    const journal = this.journalOf(run);
    const head = this.bucket.head(checkpointKey(stack));
    const base = head ? { etag: head.etag, modified: head.modified.toISOString() } : null;
    // What was there before was verified by an earlier run.
    if (base && !this.bucket.keys().includes(recordKey(stack)))
      putRecord(this.bucket, freeRecord(stack, { kind: 'at', ...base, run: 'r0', since: base.modified }));
    this.pass(60);
    const session = { accessKeyId: 'ASIA1', session: 'holdfast', expires: '2030-01-01T02:00:00.000Z' };
    await journal.append({
      type: 'run-opened',
      operation,
      process: processOf(run),
      session,
      account: '111122223333',
      region: 'eu-west-1',
      order: [stack],
      forecastSeconds: 60,
      networkFile: { path: 'networks/example.yaml', text: '' },
    });
    const claiming = await claimStack(lockOf(stack, run, { operation }), stack, this.#request());
    if (!claiming.ok) throw new Error(claiming.reason);
    const { claim } = claiming;
    await claim.write({ type: 'start', as: claim.as, operation, base, session });
    await journal.note({ type: 'engine-started', stack, epoch: 1, operation, checkpoint: base?.etag ?? null, upstreams: {} });
    await does();
    if (held) await claim.write({ type: 'hold', as: claim.as, doubts: held });
    this.pass(60);
  }

  #request(store: ObjectStore = this.bucket): ClaimRequest {
    return { store, network, patience: quickPatience(0), now: this.time.now };
  }

  async record(): Promise<StackRecord | undefined> {
    const read = await readRecord(this.bucket, stack);
    return read.kind === 'there' ? read.record : undefined;
  }

  async standings(isAlive: (nonce: string) => boolean = () => false, elsewhere = false): Promise<Standings> {
    const { states } = await readStates(this.bucket, network, trusted);
    return readStandings({
      store: this.bucket,
      network,
      states,
      ...observer(({ nonce }) => isAlive(nonce)),
      ...(elsewhere ? { machine: 'machine-2' } : {}),
      now: () => this.time.ms + 3_600_000,
    });
  }

  async standing(isAlive?: (nonce: string) => boolean): Promise<Standing> {
    return (await this.standings(isAlive)).byStack.get(stack) ?? { kind: 'free' };
  }

  /** The stack becomes this process's, as the command does it. */
  async takeOver(process: string, store: ObjectStore = this.bucket, standings?: Standings): Promise<RigTaking> {
    const seen = standings ?? (await this.standings());
    const held = seen.byStack.get(stack);
    if (held?.kind !== 'held') throw new Error(`the stack is ${held?.kind ?? 'unknown'}`);
    const journal = this.journalOf(process, store);
    const owner = lockOf(stack, run, { ...processOf(process), operation: 'recover', recovery: process });
    const before = seen.locks.find((lock) => lock.stack === stack);
    const record = seen.records.get(stack);
    const taking = await takeOverHeld(owner, record ?? stack, held.doubts, 'process-dead', this.#request(store));
    return { taking, before, journal };
  }

  /** A whole recovery, by a process of this name: from the takeover to its end. */
  async recover(process: string, request: RecoverRequest = {}): Promise<RecoveryEnd> {
    const taken = await this.takeOver(process, request.store);
    if (!taken.taking.ok) return { kind: 'lost', why: taken.taking.reason, page: undefined };
    return this.recoverBehind(process, taken, request);
  }

  /** Everything after the takeover. */
  async recoverBehind(
    process: string,
    taken: RigTaking | RigRehearsal,
    { store = this.bucket, answers = [], options = {}, parts = {}, upstreams = [] }: RecoverRequest = {},
  ): Promise<RecoveryEnd> {
    const { before, journal } = taken;
    const taking = 'taking' in taken ? taken.taking : undefined;
    if (taking?.ok === false) throw new Error(taking.reason);
    this.pass(1);
    const seen = 'seen' in taken ? taken.seen : taking?.before;
    const last = seen?.record;
    if (!isOpen(last)) throw new Error('nothing was open');
    return recoverStack(
      {
        stack,
        short,
        interrupted: interruptedOf(last, process),
        claim: taking?.claim,
        before,
        disowned: last.disowned,
        journal,
        writer: { how: 'it died here' },
        answers,
        upstreams,
        program: () => Promise.resolve({}),
        startedAt: new Date(this.time.ms),
      },
      {
        recovery: process,
        by: 'ada@build-7',
        incident: 'INC-7',
        network,
        account: '111122223333',
        region: 'eu-west-1',
        project: 'holdfast',
        installation,
        store,
        gateway: await gatewayOfFile(),
        engine: this.engine.parts,
        environment: () => ({}),
        secrets: 'passphrase',
        marker: process,
        watch: new LockWatch(store, network),
        typeOf,
        look: this.cloud.look,
        elsewhere: () => Promise.resolve({ holders: new Map(), unread: [] }),
        trail: () => this.trail(),
        compare: (_, state, { objects }, disowned) => membership(state, objects, disowned),
        spoolOf: () => Promise.resolve(undefined),
        dropSpool: () => Promise.resolve(),
        asDisowned: (object) => ({ ...object, by: 'ada', at: new Date(this.time.ms).toISOString() }),
        words: recoveryWords,
        patienceSeconds: 0,
        staleness: () => 1,
        limitSeconds: 60,
        emit: (event) => void this.events.push(event),
        now: this.time.now,
        sleep: async (milliseconds) => {
          await this.time.sleep(milliseconds);
          this.#setClocks();
        },
        signal: this.stopping.signal,
        verbose: false,
        ...parts,
      },
      { dryRun: false, withoutVersions: false, inRun: false, ...options },
    );
  }

  journaled(): Promise<ReadRun> {
    return readRun(this.bucket, network, run);
  }

  /** Types of the stack's events, in the order of replay. */
  async journaledTypes(): Promise<string[]> {
    return (await this.journaled()).events.map(({ type }) => type);
  }

  get checkpoint(): Deployment | undefined {
    const body = this.bucket.bodyOf(checkpointKey(stack));
    const read = body === undefined ? undefined : readDeployment(body);
    if (read?.ok === false) throw new Error(read.why);
    return read?.deployment;
  }

  /** `name id` of every cloud object that the checkpoint has, with a `-` before what is to be deleted. */
  recorded(): string[] {
    return (this.checkpoint?.resources ?? [])
      .filter(isCloudObject)
      .map(({ name, id, condemned, replacing }) => `${condemned ? '-' : ''}${replacing ? '~' : ''}${name} ${id ?? ''}`)
      .sort();
  }

  /** Whether AWS has exactly what the checkpoint says, each once, and nothing is under way. */
  agrees(): boolean {
    const ids = (this.checkpoint?.resources ?? []).filter((each) => isCloudObject(each) && !each.replacing).map(({ id }) => id ?? '');
    const live = this.cloud.objects.filter(({ tags }) => tags?.['holdfast:stack'] === stack).map(({ id }) => id);
    return (
      new Set(ids).size === ids.length &&
      ids.toSorted().join() === live.toSorted().join() &&
      (this.checkpoint?.operations ?? []).length === 0
    );
  }

  isLocked(): boolean {
    return this.bucket.keys().includes(durableLockKey(stack));
  }

  /** Copies and manifests of the quarantine, by key. */
  quarantined(): Map<string, string | undefined> {
    const prefix = quarantinePrefix(network, run, stack);
    return new Map(
      this.bucket
        .keys()
        .filter((key) => key.startsWith(prefix))
        .map((key) => [key, this.bucket.bodyOf(key)]),
    );
  }
}

/** What the comparison with a state finds of objects that one of them has and the other has not. */
function membership(
  state: Deployment,
  objects: readonly LiveObject[],
  left: readonly Pick<LiveObject, 'type' | 'id'>[],
): ReturnType<RecoveryParts['compare']> {
  const own = tagsOf('');
  const recorded = state.resources.filter((each) => isCloudObject(each) && !each.replacing);
  const has = (object: LiveObject): boolean => recorded.some(({ type, id }) => type === object.type && id === object.id);
  const isLeft = (object: LiveObject): boolean => left.some((each) => objectKey(each) === objectKey(object));
  return [
    ...recorded
      .filter(({ type, id }) => !objects.some((object) => object.type === type && object.id === id))
      .map(({ id }) => ({ kind: 'membership' as const, text: `AWS does not have ${id ?? ''}` })),
    ...objects
      .filter(({ tags }) => tags?.['holdfast:stack'] === own['holdfast:stack'] && tags?.['holdfast:installation'] === installation)
      .filter((object) => !has(object) && !isLeft(object))
      .map(({ id }) => ({ kind: 'membership' as const, text: `the state does not have ${id}` })),
  ];
}
