import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { paginateDescribeTags } from '@aws-sdk/client-ec2';
import { execa } from 'execa';
import picomatch from 'picomatch';
import { resourceTypeOf } from '../../orchestrator/aws/resource-types/index.ts';
import { endEngineProcesses, markedEnvironment } from '../../orchestrator/pulumi/orphans.ts';
import { ownIdentity, startedFromHere } from '../../toolchain/process-identity.ts';
import { readDeployment } from '../../orchestrator/state/deployment.ts';
import type { Deployment, StateOperation } from '../../orchestrator/state/deployment.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { lookAtAws } from '../support/aws-look.ts';
import type { LabRig, RunningCommand } from '../support/lab-rig.ts';
import { endless, RawPulumi } from '../support/raw-pulumi.ts';
import { objectText } from '../support/recovery-oracle.ts';
import { hit, runCase } from './case.ts';
import { cellsOf, parts } from './cells.ts';
import type { Cell } from './cells.ts';
import { follow } from '../../lab/command.ts';
import { afterCalls, thingsInState } from './oracle.ts';
import type { AwsLook, Things } from './oracle.ts';
import { Room } from './room.ts';

/**
 * The same interruptions of a first deploy, of the engine alone: then each of the ways out that its own documentation offers, and Holdfast's. The same
 * questions are asked after each: does AWS have what the state has, once?
 */

interface Way {
  readonly name: string;
  readonly take: (peer: Peer) => Promise<boolean>;
}

const ways: readonly Way[] = [
  { name: '`cancel`, `up`', take: async (peer) => (await peer.cancel()) && peer.up() },
  { name: '`cancel`, `refresh`, `up`', take: async (peer) => (await peer.cancel()) && (await peer.refresh()) && peer.up() },
  {
    name: '`cancel`, `refresh --clear-pending-creates`, `up`',
    take: async (peer) => (await peer.cancel()) && (await peer.refresh('--clear-pending-creates')) && peer.up(),
  },
  {
    name: '`cancel`, `refresh --import-pending-creates` with the right ids, `up`',
    take: async (peer) => (await peer.cancel()) && (await peer.refresh(...(await peer.pendingCreates()))) && peer.up(),
  },
];

/** What befalls a run that consists of nothing but the engine; the rest of the matrix hits Holdfast's own process. */
const ofTheEngine: ReadonlySet<string> = new Set([
  'cli-killed',
  'provider-killed',
  'cli-and-provider-killed',
  'cli-two-sigints',
  'session-revoked',
  'ec2-refused',
  'reply-lost',
]);

interface Outcome {
  readonly way: string;
  /** An object that the state does not have, and that is the only one of its resource. */
  readonly orphaned: boolean;
  /** Two objects of one resource. */
  readonly doubled: boolean;
  /** The state has what AWS has not. */
  readonly lost: boolean;
  /** A command failed, or a lock is left. */
  readonly stuck: boolean;
}

class Peer {
  readonly #rig: LabRig;
  readonly #raw: RawPulumi;
  readonly #stack: string;

  constructor(rig: LabRig, raw: RawPulumi, stack: string) {
    this.#rig = rig;
    this.#raw = raw;
    this.#stack = stack;
  }

  async cancel(): Promise<boolean> {
    return (await this.#raw.run('cancel', this.#stack)).exitCode === 0;
  }

  async refresh(...more: readonly string[]): Promise<boolean> {
    return (await this.#raw.run('refresh', this.#stack, ...more)).exitCode === 0;
  }

  async up(): Promise<boolean> {
    return (await engineUp(this.#rig, this.#stack, endless).ended).exitCode === 0;
  }

  /** What somebody types who has found out each id. */
  async pendingCreates(): Promise<string[]> {
    const state = await stateIn(this.#rig, this.#stack);
    const args: string[] = [];
    for (const operation of state.operations.filter(({ type }) => type === 'creating')) {
      const id = await this.#idOf(operation, state);
      if (id !== undefined) args.push('--import-pending-creates', operation.resource.urn, '--import-pending-creates', id);
    }
    return args;
  }

  async #idOf({ resource }: StateOperation, { resources }: Deployment): Promise<string | undefined> {
    const byKey = resourceTypeOf(resource.type)?.idOf?.(resource.inputs);
    if (byKey !== undefined) return byKey;
    const recorded = new Set(resources.map(({ id }) => id));
    for await (const { Tags } of paginateDescribeTags(
      { client: this.#rig.ec2 },
      { Filters: [{ Name: 'tag:holdfast:resource', Values: [resource.name] }] },
    ))
      for (const { ResourceId, Key, Value } of Tags ?? [])
        if (Key === 'holdfast:resource' && Value === resource.name && !recorded.has(ResourceId)) return ResourceId;
    return undefined;
  }
}

function engineUp(rig: LabRig, stack: string, environment: Readonly<Record<string, string>>): RunningCommand {
  const child = execa(
    process.execPath,
    [
      '--import',
      new URL('../../toolchain/tsx.mjs', import.meta.url).href,
      fileURLToPath(new URL('peer-up.ts', import.meta.url)),
      JSON.stringify(rig.record),
      stack,
    ],
    { env: environment, reject: false, stdin: 'ignore' },
  );
  return follow(child);
}

async function stateIn(rig: LabRig, stack: string): Promise<Deployment> {
  const text = (await rig.keys(checkpointKey(stack))).includes(checkpointKey(stack)) ? await objectText(rig, checkpointKey(stack)) : '';
  const read = readDeployment(text);
  return read.ok ? read.deployment : { resources: [], operations: [] };
}

/** Every way out of one interruption. */
async function outcomes(room: Room, cell: Cell, look: AwsLook): Promise<readonly Outcome[]> {
  const { rig } = room;
  const { part } = cell;
  const [stack = ''] = part.stacks;
  const raw = await RawPulumi.open(rig.record);
  try {
    const { things: before } = await room.begin(part, cell.fault);
    const marker = `peer-${randomUUID()}`;
    const marked = markedEnvironment(marker, await ownIdentity());
    // A plugin outlives its engine, and would be at work in the next case.
    const { exitCode } = await hit(rig, (session) => engineUp(rig, stack, { ...session, ...marked }), cell).finally(() =>
      startedFromHere().then((suspects) => endEngineProcesses(marker, suspects)),
    );
    const things = afterCalls(before, await rig.calls({ mutating: true }));
    await rig.takeSnapshot('interrupted');
    const found: Outcome[] = [];
    for (const way of ways) {
      await rig.restoreSnapshot('interrupted');
      // Whoever was not stopped has no way out to take.
      const ended = exitCode === 0 || (await way.take(new Peer(rig, raw, stack)));
      found.push({ way: way.name, ...(await judged(rig, stack, things, ended)) });
    }
    const { findings } = await runCase(room, cell, look);
    const text = findings.join('\n');
    found.push({
      way: 'Holdfast: `recover`, `up`',
      orphaned: /AWS has .*state has not/.test(text),
      doubled: text.includes('AWS has twice'),
      lost: /the state has .*AWS has not/.test(text),
      stuck: /ended with|left in the bucket/.test(text),
    });
    return found;
  } finally {
    await raw.close();
  }
}

async function judged(rig: LabRig, stack: string, before: Things, ended: boolean): Promise<Omit<Outcome, 'way'>> {
  const aws = afterCalls(before, await rig.calls({ mutating: true }));
  const state = thingsInState(await stateIn(rig, stack));
  const look = await lookAtAws(rig.ec2);
  const doubled = Object.values(look).some((names) => new Set(names).size < names.length);
  return {
    orphaned: !doubled && [...aws].some((thing) => !state.has(thing)),
    doubled,
    lost: [...state].some((thing) => !aws.has(thing)),
    stuck: !ended || (await rig.locks()).length > 0,
  };
}

function table(all: readonly Outcome[], cases: number): string {
  const names = [...ways.map(({ name }) => name), 'Holdfast: `recover`, `up`'];
  const rows = names.map((name) => {
    const of = all.filter(({ way }) => way === name);
    const count = (is: (outcome: Outcome) => boolean): number => of.filter(is).length;
    const clean = count(({ orphaned, doubled, lost, stuck }) => !orphaned && !doubled && !lost && !stuck);
    return `| ${name} | ${clean} | ${count(({ orphaned }) => orphaned)} | ${count(({ doubled }) => doubled)} | ${count(({ lost }) => lost)} | ${count(({ stuck }) => stuck)} |`;
  });
  return [
    `| of ${cases} interruptions | clean | orphaned | doubled | lost | stuck |`,
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

const usage = `npm run matrix:peers -- [--case GLOB]… [--workers N]\n`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      case: { type: 'string', multiple: true },
      workers: { type: 'string', default: String(availableParallelism() + 1) },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const isAsked = values.case === undefined ? () => true : picomatch(values.case);
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const started = Date.now();
  const rooms = await Promise.all(Array.from({ length: Number(values.workers) }, () => Room.open()));
  try {
    const [first] = rooms;
    if (!first) throw new Error('there is no room');
    const cases: { readonly cell: Cell; readonly look: AwsLook }[] = [];
    for (const part of parts.filter(({ scenario }) => scenario === 'first-deploy')) {
      const { points, look } = await first.record(part);
      for (const cell of cellsOf(part, points))
        if (cell.verdict.run && cell.point.role === 'ec2' && ofTheEngine.has(cell.fault.name) && isAsked(cell.id))
          cases.push({ cell, look });
    }
    const all: Outcome[] = [];
    const left = cases.entries();
    await Promise.all(
      rooms.map(async (room) => {
        for (const [nth, { cell, look }] of left) {
          const found = await outcomes(room, cell, look);
          all.push(...found);
          const bad = ({ orphaned, doubled, lost, stuck }: Outcome): string =>
            [orphaned && 'orphaned', doubled && 'doubled', lost && 'lost', stuck && 'stuck'].filter(Boolean).join('+') || 'clean';
          process.stdout.write(`${nth + 1}/${cases.length} ${cell.id}: ${found.map(bad).join(', ')}\n`);
        }
      }),
    );
    process.stdout.write(`\n${table(all, cases.length)}\n\n${Math.round((Date.now() - started) / 1000)} s\n`);
    return 0;
  } finally {
    await Promise.all(rooms.map((room) => room.close()));
  }
}

process.exitCode = await main();
