import { destroy } from '../../orchestrator/cli/commands/destroy.ts';
import { freeze, unfreeze } from '../../orchestrator/cli/commands/freeze.ts';
import { recover } from '../../orchestrator/cli/commands/recover.ts';
import { release } from '../../orchestrator/cli/commands/release.ts';
import { status } from '../../orchestrator/cli/commands/status.ts';
import { up } from '../../orchestrator/cli/commands/up.ts';
import type { Context } from '../../orchestrator/cli/context.ts';
import { parseDecision } from '../../orchestrator/cli/decision.ts';
import type { Decided } from '../../orchestrator/cli/decision.ts';
import type { Ports } from '../../orchestrator/cli/ports.ts';
import { installationKey, metaKey, probeKey } from '../../orchestrator/state/layout.ts';
import { writeProbe } from '../../orchestrator/state/store-probe.ts';
import { buildGraph } from '../../orchestrator/graph/graph.ts';
import { parseNetwork } from '../../orchestrator/network/read-network.ts';
import { stackProgram } from '../../orchestrator/pulumi/program.ts';
import { awsPluginVersion, pulumiCliVersion } from '../../toolchain/versions.ts';
import { account, AwsModel, modelClients, modelSession, region } from './aws-model.ts';
import { BucketModel } from './bucket-model.ts';
import { modelEngine, Mounts, plainCancel, plainUp } from './engine-model.ts';
import { sharedFiles, useWorld } from './host.ts';
import { kinds, networkFile } from './kinds.ts';
import { Coverage } from './coverage.ts';
import { Oracle } from './oracle.ts';
import type { Violation } from './oracle.ts';
import { drawnFaults, givenFaults } from './plan.ts';
import type { ActorKind, Plan } from './plan.ts';
import { World } from './world.ts';
import type { Fault, HistoryLine, Machine, Process, User } from './world.ts';

/** One history: commands over models, and what came of it. */

export interface Played {
  readonly plan: Plan;
  readonly violation: Violation | undefined;
  readonly history: readonly HistoryLine[];
  readonly struck: readonly Fault[];
  readonly events: number;
  /** Whether two commands were under way at the same moment. */
  readonly overlapped: boolean;
  /** What struck which process, by what it had last written into a record. */
  readonly cells: Coverage['cells'];
  /** What each command ended with. */
  readonly exitCodes: ReadonlyMap<string, number | string>;
}

export const stacks = ['net.hub', 'net.spoke.a', 'net.spoke.b'] as const;
const installation = 'habcdef012345678';
const hour = 3_600_000;

const people: Readonly<Record<string, User>> = {
  ada: { name: 'ada', uid: 1001 },
  bob: { name: 'bob', uid: 1002 },
  closer: { name: 'closer', uid: 1003 },
};

/** As it was deployed, as it is, and as it is edited meanwhile: tags change, a table and a route come, then a VPC is replaced and a stack is added. */
const before = networkFile({ spokes: [{ name: 'a', cidr: '10.1.0.0/16', routed: false }], edition: 1 });
const today = networkFile({ spokes: [{ name: 'a', cidr: '10.1.0.0/16', routed: true }], edition: 2 });
const edited = networkFile({
  spokes: [
    { name: 'a', cidr: '10.2.0.0/16', routed: true },
    { name: 'b', cidr: '10.3.0.0/16', routed: false },
  ],
  edition: 3,
});

for (const [path, text] of [
  ['/work/package.json', JSON.stringify({ dependencies: { '@pulumi/pulumi': '3', '@pulumi/aws': '7', zod: '4' } })],
  ['/work/stacks/hub.ts', ''],
  ['/work/stacks/spoke.ts', ''],
  ['/work/orchestrator/pulumi/kind.ts', ''],
  ['/work/orchestrator/pulumi/program.ts', ''],
  ['/work/orchestrator/network/spec.ts', ''],
  ['/work/docs/runbook.md', 'Reviewed: 2029-12-01\n'],
  ['/work/networks/before.yaml', before],
  ['/work/networks/net.yaml', today],
  ['/work/networks/edited.yaml', edited],
] as const)
  sharedFiles.set(path, text);

interface Running {
  readonly name: string;
  readonly kind: ActorKind;
  readonly process: Process;
  readonly startedMs: number;
  endedMs: number | undefined;
  exitCode: number | string | undefined;
  readonly said: string[];
}

class Play {
  readonly world: World;
  readonly bucket: BucketModel;
  readonly aws: AwsModel;
  readonly mounts: Mounts;
  readonly machines = new Map<string, Machine>();
  readonly running: Running[] = [];
  readonly oracle: Oracle;
  readonly coverage = new Coverage(stacks);
  readonly #struck: Fault[] = [];
  startMs = 0;
  readonly #plan: Plan;
  /** What the person who closes has answered so far. */
  readonly decided = new Map<string, Decided>();

  /** @param from where it begins; an empty bucket that was prepared where absent */
  constructor(plan: Plan, from?: Play) {
    this.#plan = plan;
    const faults = plan.faults ? givenFaults(plan.faults) : drawnFaults(plan, this.coverage, () => this.world.nowMs - this.startMs);
    this.world = new World(
      plan.seed,
      (...call) => {
        const fault = faults(...call);
        if (fault) {
          this.#struck.push(fault);
          if (isHarmless(fault, call[2])) this.oracle.harmless.add(fault);
          // Of what plain pulumi leaves when it is interrupted Holdfast can know nothing.
          const [, plain] = /pulumi-up (\d+)/.exec(fault.process) ?? [];
          const stack = plain === undefined ? undefined : plan.actors.find(({ name }) => fault.process.endsWith(name))?.stack;
          if (stack !== undefined) this.oracle.cancelled.add(`net.${stack}`);
        }
        return fault;
      },
      plan.failedLooks,
    );
    useWorld(this.world);
    this.bucket = new BucketModel(this.world);
    this.aws = new AwsModel(this.world);
    this.aws.lateMs = plan.awsLateMs;
    this.mounts = new Mounts(this.world);
    for (const { name, ...options } of plan.machines) this.machines.set(name, this.world.machine(name, options));
    this.machines.set('closing', this.world.machine('closing'));
    if (from) {
      this.world.nowMs = from.world.nowMs;
      this.bucket.continueFrom(from.bucket);
      this.aws.continueFrom(from.aws);
    } else this.#prepare();
    this.oracle = new Oracle({ world: this.world, bucket: this.bucket, aws: this.aws, stacks, machines: this.machines });
    this.world.onStep = () => this.oracle.look();
    this.world.onStrike = (process, struck) => this.coverage.note(process, struck);
    this.aws.onStaleView = (process) => this.coverage.note(process, 'stale-view');
    this.bucket.onChange = (change) => this.coverage.noteChange(change);
  }

  get struck(): readonly Fault[] {
    return this.#struck.filter((fault) => this.world.struck.has(fault));
  }

  /** As bootstrap leaves a bucket. */
  #prepare(): void {
    this.bucket.put(metaKey, 'version: 1\n', undefined);
    this.bucket.put(installationKey, JSON.stringify({ schema: 1, installation, createdAt: '2029-01-01T00:00:00.000Z' }), undefined);
    this.bucket.put(probeKey, writeProbe({ putIfAbsent: true, putIfMatches: true, deleteIfMatches: true }, this.world.nowMs), undefined);
  }

  #ports(process: Process, count: { value: number }): Ports {
    const { world, aws, bucket, mounts } = this;
    const sessionSeconds = process.machine.name === 'closing' ? 7200 : this.#plan.sessionSeconds;
    return {
      kinds,
      openSession: () => Promise.resolve({ ok: true, value: modelSession(world, process, aws, sessionSeconds) }),
      openClients: (_target, _region, session) => modelClients(world, process, aws, bucket, session),
      openStateClients: (_target, _region, session) => {
        const { s3, sts } = modelClients(world, process, aws, bucket, session);
        return { s3, sts };
      },
      openGateway: (trusted) => Promise.resolve(mounts.gateway(process, trusted)),
      provideEngine: () =>
        Promise.resolve({
          settings: { project: 'holdfast', cli: { path: '/pulumi', version: pulumiCliVersion }, pulumiHome: '/home' },
          plugin: `aws plugin ${awsPluginVersion}`,
        }),
      openEngine: () => modelEngine(process, { world, aws, mounts, count }),
    };
  }

  /** Starts a command at its moment. */
  start(
    name: string,
    kind: Running['kind'],
    machine: string,
    user: string,
    startsAtMs: number,
    act: (context: Context, process: Process) => Promise<string | undefined>,
  ): void {
    const plainActors = this.#plan.actors.some(({ kind: other }) => other.startsWith('pulumi'));
    this.world.at(startsAtMs, () => {
      const on = this.machines.get(machine);
      const who = people[user];
      if (!on || !who) throw new Error(`there is no ${machine} or no ${user}`);
      const process = this.world.start(name, on, who);
      const said: string[] = [];
      const running: Running = { name, kind, process, startedMs: this.world.nowMs, endedMs: undefined, exitCode: undefined, said };
      this.running.push(running);
      process.onGone.add(() => {
        running.endedMs = this.world.nowMs;
      });
      this.world.say(process, 'begins');
      this.oracle.onBegin(kind, process);
      const out: Context['process'] = { stdout: { write: (text: string) => said.push(text) }, stderr: { write: () => undefined } };
      const ended = (exitCode: number | string | undefined): void => {
        if (!process.alive) return;
        running.exitCode = exitCode;
        this.world.say(process, `ends with ${String(exitCode)}`);
        this.world.kill(process);
        this.oracle.onEnd(running, !plainActors && this.#plan.failedLooks.length === 0);
      };
      this.world.run(process, () => {
        const context: Context = {
          process: out,
          env: { GITHUB_SHA: 'c0ffee', PULUMI_CONFIG_PASSPHRASE: '' },
          cwd: '/work',
          root: '/work',
          now: () => Date.now(),
          interactive: false,
          ask: () => Promise.resolve('no'),
          ports: this.#ports(process, { value: 0 }),
        };
        act(context, process).then(
          (exit) => ended(exit ?? out.exitCode ?? 0),
          (cause: unknown) => {
            said.push(String((cause as Error).stack));
            ended('it threw');
          },
        );
      });
    });
  }

  command(
    kind: ActorKind,
    stack: string | undefined,
    network = '/work/networks/net.yaml',
  ): (context: Context, process: Process) => Promise<string | undefined> {
    // Users of one machine are part of a history.
    const common = { network, json: true, yes: true, verbose: false, sharedMachine: true };
    const patterns = stack === undefined ? [] : [stack];
    const apply = {
      ...common,
      parallel: 2,
      settle: true,
      bucketPatience: 0,
      withUpstreams: false,
      withDependents: false,
      force: false,
      refresh: false,
      prune: false,
      besideExisting: false,
    };
    const recovery = {
      ...common,
      dryRun: false,
      resume: kind === 'resume',
      shell: false,
      withoutVersions: false,
      changedProgram: false,
      wait: 120,
      bucketPatience: 0,
    };
    const done = async (act: Promise<void>): Promise<undefined> => {
      await act;
      return undefined;
    };
    const decidedHere = new Map<string, Decided>();
    switch (kind) {
      case 'up':
        return (context) => done(up.call(context, apply, ...patterns));
      case 'up-edited':
        return (context) => done(up.call(context, { ...apply, network: '/work/networks/edited.yaml' }, ...patterns));
      case 'up-wait':
        return (context) => done(up.call(context, { ...apply, network: '/work/networks/edited.yaml', wait: 1200 }, ...patterns));
      case 'destroy':
        return (context) => done(destroy.call(context, { ...apply, confirm: 'net' }, ...(patterns.length === 0 ? ['spoke.a'] : patterns)));
      case 'recover':
      case 'resume':
        return async (context, process) => {
          await recover.call(context, recovery, ...patterns);
          const asked = this.running.find((each) => each.process === process)?.said.join('') ?? '';
          const writerDead = writerAskedFor(asked);
          // The same person looks, and says what is true.
          if (writerDead !== undefined && this.#isNobodyElseThere(process)) {
            this.world.say(process, `is told that the writer is dead, which is true`);
            await recover.call(context, { ...recovery, writerDead }, ...patterns);
          }
          return undefined;
        };
      case 'answer':
        return async (context, process) => {
          const said = (): string => this.running.find((each) => each.process === process)?.said.join('') ?? '';
          await recover.call(context, recovery, ...patterns);
          // The same person looks, and says what is true, for as long as something is asked.
          for (let asked = said(), round = 0; round < 3 && asked.includes('"type":"question"'); round += 1) {
            const writerDead = this.#isNobodyElseThere(process) ? writerAskedFor(asked) : undefined;
            const decide = answersTo(asked, this, decidedHere, 'disown');
            if (writerDead === undefined && decide.length === 0) break;
            const before = said().length;
            await recover.call(context, { ...recovery, decide, ...(writerDead === undefined ? {} : { writerDead }) }, ...patterns);
            asked = said().slice(before);
          }
          return undefined;
        };
      case 'release':
        return (context, process) => {
          // Who lets everyone in has looked whether the writer is dead, as with --writer-dead.
          const unreconciled = this.#isNobodyElseThere(process, /^(status|recover|answer|release)/);
          return done(release.call(context, { ...common, incident: 'INC-1', unreconciled, confirm: stack ?? 'hub' }, stack ?? 'hub'));
        };
      case 'status':
        return (context) => done(status.call(context, common));
      case 'freeze':
        return (context) => done(freeze.call(context, { ...common, incident: 'INC-1' }, ...patterns));
      case 'unfreeze':
        return (context) =>
          done(unfreeze.call(context, { ...common, incident: 'INC-1', all: stack === undefined, force: true }, ...patterns));
      case 'pulumi-up':
        return async (_, process) =>
          plainUp(process, `net.${stack ?? 'hub'}`, this.#plainProgram(`net.${stack ?? 'hub'}`), this).catch(failedPlainly);
      case 'pulumi-cancel':
        return async (_, process) => {
          this.oracle.cancelled.add(`net.${stack ?? 'hub'}`);
          return plainCancel(process, `net.${stack ?? 'hub'}`, this).catch(failedPlainly);
        };
    }
  }

  /** As `pulumi up` has it: of the edited file. */
  #plainProgram(stack: string): () => Promise<unknown> {
    const network = parseNetwork('edited.yaml', edited);
    const graph = network.ok ? buildGraph(network.value.spec, kinds) : undefined;
    const node = graph?.ok === true ? graph.value.byName.get(stack) : undefined;
    if (!node || !network.ok) throw new Error(`${stack} is no stack of the file`);
    return stackProgram(
      node,
      { project: 'holdfast', network: 'net', account, region, installation, tags: network.value.spec.defaults.tags, ignoreTags: [] },
      () => ({ exists: true }),
    );
  }

  /** Of a run of Holdfast an engine may hang for ever on another machine, and is no process of plain pulumi's. */
  isDead(writer: string): boolean {
    const isOf = ({ name }: Process): boolean => writer !== 'plain-pulumi' || name.includes('pulumi-');
    return [...this.machines.values()].every(({ processes }) => ![...processes.values()].some(isOf));
  }

  #isNobodyElseThere(process: Process, harmless = /^(status|recover)/): boolean {
    return [...this.machines.values()].every(({ processes }) =>
      [...processes.values()].every((each) => each === process || harmless.test(each.name)),
    );
  }

  isAllOver(): boolean {
    return this.running.every(({ process }) => !process.alive);
  }

  /** Runs one command to its end, with nobody else there. */
  async alone(name: string, kind: ActorKind, act = this.command(kind, undefined)): Promise<Running | undefined> {
    const before = this.running.length;
    if (this.oracle.violation) return undefined;
    this.start(name, kind, 'closing', 'closer', this.world.nowMs + 1, act);
    await this.world.play(
      () => this.oracle.violation !== undefined || (this.running.length > before && this.running[before]?.process.alive === false),
    );
    return this.running[before];
  }

  /** Lets time pass, with whatever is left of processes. */
  async pass(ms: number): Promise<void> {
    let isOver = false;
    this.world.at(this.world.nowMs + ms, () => {
      isOver = true;
    });
    await this.world.play(() => isOver || this.oracle.violation !== undefined);
  }
}

/** What only looks may be killed, and lose what it asks for; what is asked again is only late. */
const isHarmless = ({ process, kind }: Fault, label: string): boolean =>
  (process.startsWith('status') && !kind.startsWith('asleep') && kind !== 'clock-set') ||
  (label.includes('its heartbeat') && ['request-lost', 'answer-lost', 'unavailable'].includes(kind));

let deployed: Promise<Play> | undefined;
let prepared: Play | undefined;

/** From a network on that was deployed once. */
export async function play(plan: Plan): Promise<Played> {
  const from = plan.deployed ? await (deployed ??= deployFirst()) : (prepared ??= new Play(nothing));
  if (from.oracle.violation) return { plan, ...nothingPlayed, violation: from.oracle.violation, history: from.world.history };
  const run = new Play(plan, from);
  try {
    const startMs = run.world.nowMs;
    run.startMs = startMs;
    for (const actor of plan.actors)
      run.start(actor.name, actor.kind, actor.machine, actor.user, startMs + actor.startsAtMs, run.command(actor.kind, actor.stack));
    const started = run.running.length;
    await run.world.play(
      () =>
        run.oracle.violation !== undefined ||
        (run.running.length === started + plan.actors.length && run.isAllOver()) ||
        run.world.nowMs > startMs + 24 * hour,
    );
    if (!run.oracle.violation) {
      const endless = run.running.filter(({ process }) => process.alive);
      if (endless.length > 0) run.oracle.accuse('stuck', `${endless.map(({ name }) => name).join(', ')} did not end within 24 hours`);
    }
    if (!run.oracle.violation) await close(run, plan);
    const actors = run.running.slice(started, started + plan.actors.length);
    return {
      plan,
      violation: run.oracle.violation,
      history: run.world.history,
      struck: run.struck,
      cells: run.coverage.cells,
      events: run.world.events,
      overlapped: actors.some((one, index) => actors.slice(index + 1).some((other) => (one.endedMs ?? Infinity) > other.startedMs)),
      exitCodes: new Map(actors.map(({ name, exitCode, process }) => [name, exitCode ?? (process.alive ? 'not over yet' : 'killed')])),
    };
  } finally {
    useWorld(undefined);
  }
}

const nothing: Plan = {
  seed: 'first',
  machines: [],
  actors: [],
  failedLooks: [],
  awsLateMs: 0,
  faults: [],
  deployed: false,
  sessionSeconds: 7200,
  lateFirstTries: false,
};

const nothingPlayed = { struck: [], cells: [], events: 0, overlapped: false, exitCodes: new Map<string, number | string>() };

async function deployFirst(): Promise<Play> {
  const run = new Play(nothing);
  const ended = await run.alone('closing: first up', 'up', run.command('up', undefined, '/work/networks/before.yaml'));
  if (run.oracle.violation) return run;
  if (ended?.exitCode !== 0) throw new Error(`the first up ended with ${String(ended?.exitCode)}: ${ended?.said.join('') ?? ''}`);
  await run.pass(60_000);
  return run;
}

/** A fair schedule without further faults ends verified. The person who closes answers each question, truly. */
async function close(run: Play, { actors }: Plan): Promise<void> {
  const isFrozen = actors.some(({ kind }) => kind === 'freeze');
  await run.pass(5 * 60_000);
  let last: Running | undefined;
  let upped: Running | undefined;
  for (let round = 1; round <= 6 && !run.oracle.violation; round += 1) {
    if (isFrozen) await run.alone(`closing: unfreeze ${round}`, 'unfreeze');
    if (round > 1 || stacks.some((stack) => run.bucket.locksOf(stack).length > 0))
      last = await run.alone(`closing: recover ${round}`, 'recover', recoverAll(run, last, round));
    // Who took an object over takes it away: what stands in a VPC keeps it from being replaced.
    for (const id of run.oracle.disowned()) if (run.aws.find(id)) run.aws.delete(id);
    upped = await run.alone(`closing: up ${round}`, 'up-edited');
    if (upped?.exitCode === 0) {
      run.oracle.lookAtTheEnd();
      return;
    }
    // The longest session is over then.
    await run.pass(round === 2 ? 3 * hour : 10 * 60_000);
  }
  if (!run.oracle.violation)
    run.oracle.accuse(
      'stuck',
      `after all faults are over, recover and up do not come to an end: ${[last, upped].map((each) => reasonsIn(each?.said ?? [])).join(' / ')}`,
    );
}

/** What the recovery before has asked is answered. */
function recoverAll(
  run: Play,
  before: Running | undefined,
  round: number,
): (context: Context, process: Process) => Promise<string | undefined> {
  const text = before?.said.join('') ?? '';
  const asked = writerAskedFor(text);
  const writerDead = asked !== undefined && run.isDead(asked) ? asked : undefined;
  return async (context) => {
    const flags = {
      // What plain pulumi left was meant by the edited file, and no journal says so: a person tries that one as well.
      network: round > 3 ? '/work/networks/edited.yaml' : '/work/networks/net.yaml',
      json: true,
      yes: true,
      verbose: false,
      sharedMachine: true,
      dryRun: false,
      resume: false,
      shell: false,
      withoutVersions: false,
      changedProgram: false,
      wait: 120,
      bucketPatience: 0,
      decide: answersTo(text, run, run.decided),
      ...(writerDead === undefined ? {} : { writerDead }),
    };
    await recover.call(context, flags, ...(/npm run recover -- (\S+) --writer-dead/.exec(text)?.slice(1, 2) ?? []));
    return undefined;
  };
}

/** Plain pulumi prints it, and ends. */
const failedPlainly = (cause: unknown): string => `error: ${(cause as Error).message}`;

/**
 * One true answer to each question of a recovery: what AWS has is kept if the state can have it, else deleted; what it has not leaves the state.
 * @param decided what was answered before, and is now
 * @param rather the answer that is given where it is offered
 */
function answersTo(text: string, { aws, bucket }: Play, decided: Map<string, Decided>, rather?: Decided['answer']): readonly Decided[] {
  for (const line of text.split('\n')) {
    if (!line.includes('"type":"question"')) continue;
    const { stack, question } = JSON.parse(line) as {
      readonly stack: string;
      readonly question: { readonly answers: readonly { readonly command: string }[] };
    };
    const offered = question.answers.flatMap(({ command }) => {
      const [, given] = /--decide '([^']+)'/.exec(command) ?? [];
      const parsed = given === undefined ? undefined : parseDecision(`${stack.slice(4)}/${given}`);
      return parsed ? [parsed] : [];
    });
    const isTrue = ({ answer, id }: Decided): boolean => answer !== 'forget' || id === undefined || aws.find(id) === undefined;
    // Of two objects for one resource one is adopted.
    const isAdopted = [...decided.values()].some(({ resource, answer }) => answer === 'adopt' && resource === offered[0]?.resource);
    const order = [...(rather === undefined ? [] : [rather]), ...(isAdopted ? [] : ['adopt']), 'delete', 'disown', 'forget', 'adopt'];
    const [first] = offered.filter(isTrue).sort((a, b) => order.indexOf(a.answer) - order.indexOf(b.answer));
    if (first) decided.set(`${first.resource} ${first.id ?? ''}`, first);
  }
  // Only what is still asked.
  return [...decided.values()].filter(({ text: given }) =>
    stacks.some((stack) => given.startsWith(`${stack.slice(4)}/`) && bucket.locksOf(stack).length > 0),
  );
}

/** Why a command ended as it did. */
const reasonsIn = (said: readonly string[]): string =>
  said
    .join('')
    .split('\n')
    .flatMap((line) => (/"type":"(problem|stack-ended)"/.test(line) ? [line.slice(0, 400)] : []))
    .join(' ');

const writerAskedFor = (text: string): string | undefined => /--writer-dead ([\w-]+)/.exec(text)?.[1];
