import type { LabCall, LabMoment } from '../../lab/control.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { runHere } from '../support/in-process.ts';
import { lookAtAws } from '../support/aws-look.ts';
import { orderOf, outOfOrder } from '../support/order.ts';
import { namedIn, trafficOf } from '../support/traffic.ts';
import type { Named } from '../support/traffic.ts';
import { stateOf } from '../support/recovery-oracle.ts';
import { parseNetwork } from '../../orchestrator/network/read-network.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { pointsOf } from './calls.ts';
import type { Point } from './calls.ts';
import type { Cell } from './cells.ts';
import type { Fault } from './faults.ts';
import { findings, thingsInState } from './oracle.ts';
import type { AwsLook, Things } from './oracle.ts';
import { hub, small } from './scenarios.ts';
import type { Beginning, Part } from './scenarios.ts';

/** A clean run of a part: the calls that it makes, and what AWS has after it. The same in every room, since neither has an id. */
export interface Recording {
  readonly points: readonly Point[];
  readonly look: AwsLook;
}

const steps: readonly (readonly [Beginning, string | undefined])[] = [
  ['nothing', undefined],
  ['gateway', 'transit-gateway'],
  ['gateway-and-vpc', 'vpc.one'],
  ['member', 'member.one'],
  ['routes', 'route-tables.one'],
  ['everything', 'segment.main'],
];

/** What a case has at its beginning. */
export interface Begun {
  /** What AWS has of the stacks. */
  readonly things: Things;
  /** What it had before the part, and what was named since; of a part that is watched. */
  readonly watched?: { readonly first: LabMoment; readonly named: readonly Named[] };
}

/** A lab of its own, in which every case begins at a snapshot. */
export class Room {
  readonly rig: LabRig;
  readonly #held = new Map<string, { readonly name: string; readonly begun: Begun }>();
  #hasHub = false;

  private constructor(rig: LabRig) {
    this.rig = rig;
  }

  static async open(): Promise<Room> {
    const rig = await LabRig.start(small);
    try {
      for (const [beginning, stack] of steps) {
        if (stack !== undefined) expectDone(await runHere(rig, ['up', stack, '--yes']), `up ${stack}`);
        await rig.takeSnapshot(beginning);
      }
      return new Room(rig);
    } catch (cause) {
      await rig.stop();
      throw cause;
    }
  }

  close(): Promise<void> {
    return this.rig.stop();
  }

  /** The lab as the part finds it. */
  async prepare(part: Part, network = part.network): Promise<void> {
    if (part.begin === 'hub') await this.#makeHub();
    await this.rig.restoreSnapshot(part.begin);
    await this.rig.writeNetwork(network);
  }

  async record(part: Part): Promise<Recording> {
    const { rig } = this;
    await this.prepare(part);
    const { things: before, watched } = await this.#begun(part);
    const ended = await runHere(rig, [...part.command, '--json']);
    expectDone(ended, `a clean run of ${part.name}`);
    const calls = await this.callsOfRuns();
    const look = await lookAtAws(rig.ec2);
    const found = [...(await findings(rig, { ...standingOf(part), before, locked: [], look }))];
    if (watched) {
      const moments = await rig.moments();
      const { faults, checkedAt } = trafficOf({ moments, wanted: specOf(part), named: namedIn(ended.events), cutShort: false });
      const mutating = calls.filter(({ service }) => service === 'ec2').length;
      found.push(...faults, ...(checkedAt === mutating ? [] : [`AWS was looked at after ${checkedAt} calls of ${mutating}`]));
      found.push(...outOfOrder(await orderOf(specOf({ ...part, network: hub }), specOf(part), moments)));
    }
    if (found.length > 0) throw new Error(`a clean run of ${part.name} does not pass: ${found.join('; ')}`);
    return { points: pointsOf(part.name, calls), look };
  }

  /** What changes something; a heartbeat comes when it comes, and decides nothing. */
  async callsOfRuns(): Promise<LabCall[]> {
    return (await this.rig.calls({ mutating: true })).filter(({ key }) => key?.startsWith('.holdfast/heartbeats/') !== true);
  }

  async begin(part: Part, fault: Fault): Promise<Begun> {
    await this.prepare(part, fault.network?.(part.network));
    return this.#begun(part);
  }

  async #begun(part: Part): Promise<Begun> {
    const things = await this.#thingsOf(part);
    if (!part.watched) return { things };
    await this.rig.watch();
    const [first] = await this.rig.moments();
    if (!first) throw new Error('the watch has not begun');
    return { things, watched: { first, named: [] } };
  }

  /** The lab as an interrupted run has left it: made once for each, and kept as a snapshot. */
  async heldAfter(base: Cell, interrupt: () => Promise<Begun>): Promise<Begun> {
    const known = this.#held.get(base.id);
    const name = known?.name ?? `held-${this.#held.size}`;
    const begun = known?.begun ?? (await interrupt());
    if (!known) {
      await this.rig.takeSnapshot(name);
      this.#held.set(base.id, { name, begun });
    }
    await this.rig.writeNetwork(base.part.network);
    await this.rig.restoreSnapshot(name);
    if (begun.watched) await this.rig.watch();
    return begun;
  }

  /** What AWS has of the part's stacks, by the states: asked where a snapshot of a clean end was restored. */
  async #thingsOf({ stacks }: Part): Promise<Things> {
    const all = new Set<string>();
    for (const stack of stacks) {
      const key = checkpointKey(stack);
      if (!(await this.rig.keys(key)).includes(key)) continue;
      for (const thing of thingsInState(await stateOf(this.rig, stack))) all.add(thing);
    }
    return all;
  }

  /** On first use: only edits begin with it. */
  async #makeHub(): Promise<void> {
    if (this.#hasHub) return;
    await this.rig.restoreSnapshot('nothing');
    await this.rig.writeNetwork(hub);
    expectDone(await runHere(this.rig, ['up', '--yes']), 'up of the hub network');
    await this.rig.takeSnapshot('hub');
    this.#hasHub = true;
  }
}

/** The stacks of a part, and those of which it leaves a checkpoint. */
export const standingOf = ({
  stacks,
  leaving,
  command,
}: Part): { readonly stacks: readonly string[]; readonly stand: readonly string[] } => ({
  stacks,
  stand: command[0] === 'up' ? stacks.filter((stack) => !leaving.includes(stack)) : [],
});

export function specOf({ name, network }: Part): NetworkSpec {
  const read = parseNetwork(name, network);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.value.spec;
}

export function expectDone({ exitCode, stdout, stderr }: CommandResult, what: string): void {
  if (exitCode !== 0) throw new Error(`${what} ended with ${exitCode ?? 'a signal'}:\n${stdout}${stderr}`);
}
