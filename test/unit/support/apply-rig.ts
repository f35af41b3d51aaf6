import { openGateway } from '../../../orchestrator/gateway/gateway.ts';
import type { Gateway, ServedCheckpoint } from '../../../orchestrator/gateway/gateway.ts';
import { objectKey } from '../../../orchestrator/inventory/live-object.ts';
import { Journal } from '../../../orchestrator/journal/journal.ts';
import { readRun } from '../../../orchestrator/journal/read-runs.ts';
import type { ReadRun } from '../../../orchestrator/journal/read-runs.ts';
import { Heartbeat } from '../../../orchestrator/locks/heartbeat.ts';
import { LockWatch } from '../../../orchestrator/locks/lock-watch.ts';
import { CliEngine } from '../../../orchestrator/pulumi/engine.ts';
import type { EngineResult } from '../../../orchestrator/pulumi/engine.ts';
import { applyNetwork } from '../../../orchestrator/run/apply.ts';
import type { PassKind } from '../../../orchestrator/run/passes.ts';
import type { ApplyRequest } from '../../../orchestrator/run/apply.ts';
import { noChanges } from '../../../orchestrator/run/events.ts';
import type { RunEvent } from '../../../orchestrator/run/events.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import type { Standings } from '../../../orchestrator/run/standing.ts';
import type { LiveSession, UnknownObject, Work } from '../../../orchestrator/run/stack-run.ts';
import { readStates } from '../../../orchestrator/state/checkpoints.ts';
import { checkpointKey, durableLockKey } from '../../../orchestrator/state/layout.ts';
import { readRecord, readRecords } from '../../../orchestrator/ownership/records.ts';
import { isOpen } from '../../../orchestrator/ownership/stack-record.ts';
import type { StackRecord, Verified } from '../../../orchestrator/ownership/stack-record.ts';
import { freeRecord, putRecord } from './records.ts';
import { settled } from './deferred.ts';
import { checkpointOf, FakeEngine, urnOf } from './fake-engine.ts';
import type { FakeAws } from './fake-engine.ts';
import { HookedStore } from './hooked-store.ts';
import { MemoryStore } from './memory-store.ts';
import { lockOf, observer, processOf } from './owner.ts';
import { QuickClock } from './quick-clock.ts';
import { trusted } from './declared.ts';

/** A session of fixed length; `renewed` is what is left after a renewal, if there can be one. */
export function sessionWith(seconds: number, renewed?: number): LiveSession & { readonly renewals: () => number } {
  const recordOf = (nth: number) => ({ accessKeyId: `AKIA${nth}`, session: 'holdfast-mine', expires: 'unknown' });
  let left = seconds;
  let renewals = 0;
  return {
    remainingSeconds: () => left,
    renew: () => {
      if (renewed === undefined) return Promise.resolve(false);
      renewals += 1;
      left = renewed;
      return Promise.resolve(true);
    },
    environment: () => ({ AWS_ACCESS_KEY_ID: `AKIA${renewals}` }),
    record: () => recordOf(renewals),
    renewals: () => renewals,
  };
}

export type Play = (engine: FakeEngine) => Promise<EngineResult> | EngineResult;

/** One VPC, made without a fault. */
const createVpc: Play = async (engine) => (await engine.create('vpc')).end();

let sharedGateway: Promise<Gateway> | undefined;

/** One for all rigs of a test file: its mounts know nothing of one another. */
const gatewayOfFile = (): Promise<Gateway> => (sharedGateway ??= openGateway(trusted, new QuickClock()));

export async function closeGateway(): Promise<void> {
  await (await sharedGateway)?.close();
  sharedGateway = undefined;
}

/** A run of real parts (gateway, journal, locks) over a bucket in memory; what each engine does is what the test says. */
export class ApplyRig {
  readonly run: string;
  readonly bucket: MemoryStore;
  /** The run's own way to the bucket. */
  readonly store: HookedStore;
  readonly aws: FakeAws;
  readonly events: RunEvent[] = [];
  /** Short names of the stacks whose engine was started, in that order. */
  readonly started: string[] = [];
  /** Engines that were started, and locks that were taken away, while the bucket did not have the license for it. */
  readonly unlicensed: string[] = [];
  readonly draining = new AbortController();
  readonly interrupting = new AbortController();
  readonly watch: LockWatch;
  readonly journal: Journal;
  /** Stacks at which the run looked by tag. */
  readonly looks: string[] = [];
  look: (stack: string, known: ReadonlySet<string>) => Promise<readonly UnknownObject[]> = (stack, known) =>
    Promise.resolve(
      [...(this.aws.get(stack) ?? [])]
        .filter((id) => !known.has(id))
        .map((id) => ({ id, resourceType: 'VPC', resource: id.replace('vpc-', '') })),
    );
  /** What AWS shows of objects whose delete was refused. */
  stillThere: ApplyRequest['stillThere'] = (objects) => Promise.resolve(new Set(objects.map(objectKey)));
  /** What is in the way of a delete. */
  inTheWay: ApplyRequest['inTheWay'] = () => Promise.resolve(undefined);
  now = Date.parse('2030-01-01T00:00:00Z');
  /** Seconds for which the run waited for AWS to show what was made. */
  readonly slept: number[] = [];
  /** What a recovery in the same run comes to. */
  recover: ApplyRequest['recover'] = async ({ claim }) => {
    await claim?.write({ type: 'hold', as: claim.as, doubts: [] });
    return { kind: 'held', why: 'AWS could not be looked at', next: '', page: undefined };
  };
  readonly #passes: { kind: PassKind; work: Work[] }[] = [{ kind: 'expand', work: [] }];
  readonly #sleepers = new Map<number, () => void>();

  /** @param beside another run over the same bucket and account */
  constructor(run = 'mine', beside?: ApplyRig) {
    this.run = run;
    this.bucket = beside?.bucket ?? new MemoryStore();
    this.aws = beside?.aws ?? new Map<string, Set<string>>();
    this.store = new HookedStore(this.bucket);
    this.bucket.beforeRemove = async (key) => {
      const stack = key.split('/').at(-2) ?? '';
      if (key !== durableLockKey(stack)) return;
      if (isOpen(await this.record(stack))) this.unlicensed.push(`release ${stack}`);
    };
    this.watch = new LockWatch(this.store, 'example');
    this.journal = this.journalOf(run);
  }

  /** Time goes by for what watches a session: it sleeps in short pieces, and does after each what is to be done then. */
  async pass(seconds: number): Promise<void> {
    for (const end = this.now + seconds * 1000; this.now < end;) {
      this.now = Math.min(end, ...this.#sleepers.keys());
      for (const [until, wake] of [...this.#sleepers])
        if (until <= this.now) {
          this.#sleepers.delete(until);
          wake();
        }
      await settled();
    }
  }

  #sleepUntil(until: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#sleepers.get(until);
      const wake = (): void => {
        before?.();
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#sleepers.set(until, wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  journalOf(writer: string): Journal {
    return new Journal({ store: this.store, network: 'example', run: this.run, writer, patienceSeconds: 0, now: () => this.now });
  }

  /** What is added from here on belongs to a further pass. */
  further(kind: PassKind): this {
    this.#passes.push({ kind, work: [] });
    return this;
  }

  stack(short: string, after: readonly string[] = [], play: Play = createVpc, more: Partial<Work> = {}): this {
    const stack = `example.${short}`;
    const upstreams = after.map((name) => `example.${name}`);
    this.#passes.at(-1)?.work.push({
      stack,
      short,
      kind: 'VPCs',
      operation: 'up',
      after: upstreams,
      reads: upstreams,
      guards: upstreams,
      last: true,
      needed: true,
      total: 1,
      forecastSeconds: 120,
      run: async (_, options) => {
        this.started.push(short);
        const record = await this.record(stack);
        const isLocked = (await this.bucket.get(durableLockKey(stack))) !== undefined;
        if (!isLocked || record?.phase !== 'running' || record.owner.run !== this.run) this.unlicensed.push(`start ${short}`);
        const { states } = await readStates(this.bucket, 'example', trusted);
        const ids = states.get(stack)?.ids ?? [];
        return play(new FakeEngine(stack, options, this.aws, new Map(ids.map((id) => [id.replace('vpc-', ''), id]))));
      },
      program: undefined,
      succeeded: () => ({ outcome: 'applied', counts: { ...noChanges, create: 1 } }),
      ...more,
    });
    return this;
  }

  /** A stack as an earlier run left it: its objects are in AWS and in its checkpoint, which is verified. @returns the checkpoint's ETag */
  has(short: string, names: readonly string[] = ['old'], outputs: object = {}, verified?: Verified): string {
    const stack = `example.${short}`;
    const ids = new Map(names.map((name) => [name, `vpc-${name}`]));
    this.aws.set(stack, new Set(ids.values()));
    const etag = this.bucket.set(checkpointKey(stack), checkpointOf(stack, ids, [], outputs));
    putRecord(this.bucket, freeRecord(stack, verified ?? this.verifiedNow(stack)));
    return etag;
  }

  /** The stack's state has a reference to another one. */
  async refersTo(short: string, upstream: string): Promise<void> {
    const stack = `example.${short}`;
    const name = `organization/holdfast/example.${upstream}`;
    const type = 'pulumi:pulumi:StackReference';
    const stored = await this.bucket.get(checkpointKey(stack));
    const body = JSON.parse(stored?.body ?? '{}') as { checkpoint: { latest: { resources: object[] } } };
    body.checkpoint.latest.resources.push({ urn: urnOf(stack, name, type), type, custom: true, id: name, outputs: { name } });
    this.bucket.set(checkpointKey(stack), body);
    putRecord(this.bucket, freeRecord(stack, this.verifiedNow(stack)));
  }

  /** What a record says of a stack whose checkpoint of now is verified. */
  verifiedNow(stack: string): Verified {
    const head = this.bucket.head(checkpointKey(stack));
    return head
      ? { kind: 'at', etag: head.etag, modified: head.modified.toISOString(), run: 'before', since: '2029-12-31T00:00:00.000Z' }
      : { kind: 'absent' };
  }

  async record(stack: string): Promise<StackRecord | undefined> {
    const read = await readRecord(this.bucket, stack);
    return read.kind === 'there' ? read.record : undefined;
  }

  /** @param beforeIt runs when the state was read, as all that is planned over */
  async apply(different: Partial<ApplyRequest> = {}, beforeIt: () => Promise<void> | void = () => undefined) {
    const { states } = await readStates(this.bucket, 'example', trusted);
    const known = new Map(
      [...states].map(([stack, { body, etag, modified }]): [string, ServedCheckpoint] => [stack, { body, etag, modified }]),
    );
    const records = await readRecords(this.bucket, 'example');
    const gateway = await gatewayOfFile();
    await beforeIt();
    const session = different.session ?? sessionWith(Number.POSITIVE_INFINITY);
    const { ends, exitCode } = await applyNetwork({
      stage: 'up',
      network: 'example',
      passes: this.#passes.map(({ kind, work }, index) => ({
        kind,
        work: work.map((item) => ({
          ...item,
          last: !this.#passes.slice(index + 1).some((later) => later.work.some(({ stack }) => stack === item.stack)),
        })),
      })),
      engine: new CliEngine({ project: 'holdfast', cli: { path: '/nonexistent', version: '0.0.0' }, pulumiHome: '/nonexistent' }),
      gateway,
      spool: { write: (stack) => Promise.resolve(`/spool/${stack}.json`), remove: () => Promise.resolve() },
      store: this.store,
      journal: this.journal,
      watch: this.watch,
      heartbeat: new Heartbeat(this.store, 'example', this.run, processOf(this.run)),
      opening: {
        operation: 'up',
        process: processOf(this.run),
        session: session.record(),
        account: '111122223333',
        region: 'eu-west-1',
        order: this.#passes.flatMap(({ work }) => work.map(({ stack }) => stack)),
        forecastSeconds: 120,
        networkFile: { path: 'networks/example.yaml', text: '' },
      },
      lockRecord: (stack) => lockOf(stack, this.run),
      session,
      known,
      records: records.byStack,
      meant: { path: 'networks/example.yaml', digest: '0'.repeat(64) },
      unknownObjects: async (stack, ids) => {
        this.looks.push(stack.replace('example.', ''));
        return this.look(stack, ids);
      },
      stillThere: (objects) => this.stillThere(objects),
      inTheWay: (object) => this.inTheWay(object),
      staleness: () => 30,
      sleep: (milliseconds, signal) => {
        if (signal) return this.#sleepUntil(this.now + milliseconds, signal);
        this.slept.push(milliseconds / 1000);
        this.now += milliseconds;
        return Promise.resolve();
      },
      settle: true,
      recover: this.recover,
      patienceSeconds: 0,
      minimumSessionSeconds: 1800,
      parallel: 4,
      verbose: false,
      emit: (event) => this.events.push(event),
      now: () => this.now,
      draining: this.draining.signal,
      interrupting: this.interrupting.signal,
      ...different,
    });
    return { ends: Object.fromEntries(ends.map(({ short, end }) => [short, end])), exitCode };
  }

  /** Short names of the stacks on which a durable lock stands. */
  locked(): string[] {
    return this.bucket.keys().flatMap((key) => /\/example\.([^/]+)\/holdfast\.json$/.exec(key)?.[1] ?? []);
  }

  /** What a command says of the network that comes now, the process of the run being dead or alive; from another machine it is only not heard of. */
  async standings(from: 'alive' | 'dead' | 'elsewhere' = 'dead'): Promise<Standings> {
    const { states } = await readStates(this.bucket, 'example', trusted);
    return readStandings({
      store: this.bucket,
      network: 'example',
      states,
      ...observer(() => from === 'alive'),
      ...(from === 'elsewhere' ? { machine: 'machine-2' } : {}),
      // Long after the last heartbeat.
      now: () => this.now + 3_600_000,
    });
  }

  async standing(short: string, from: 'alive' | 'dead' | 'elsewhere' = 'dead') {
    return (await this.standings(from)).byStack.get(`example.${short}`) ?? { kind: 'free' as const };
  }

  journaled(): Promise<ReadRun> {
    return readRun(this.bucket, 'example', this.run);
  }

  /** `type stack` of every event in the bucket, in the order of replay. */
  async journaledTypes(): Promise<string[]> {
    const { events } = await this.journaled();
    return events.map((event) => ('stack' in event ? `${event.type} ${event.stack.replace('example.', '')}` : event.type));
  }

  /** Whether AWS has exactly what the stack's checkpoint says, and nothing is under way. */
  async agrees(short: string): Promise<boolean> {
    const stack = `example.${short}`;
    const { states } = await readStates(this.bucket, 'example', trusted);
    const state = states.get(stack);
    const ids = [...(state?.ids ?? [])].sort().join();
    return ids === [...(this.aws.get(stack) ?? [])].sort().join() && (state?.pendingOperations ?? []).length === 0;
  }

  /** What somebody with plain `pulumi cancel` does. */
  cancel(short: string): void {
    this.bucket.delete(durableLockKey(`example.${short}`));
  }
}
