import type { LabCall } from '../../lab/control.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { runHere } from '../support/in-process.ts';
import { lookAtAws } from '../support/aws-look.ts';
import { stateOf } from '../support/recovery-oracle.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { pointsOf } from './calls.ts';
import type { Point } from './calls.ts';
import type { Cell } from './cells.ts';
import type { Fault } from './faults.ts';
import { findings, thingsInState } from './oracle.ts';
import type { AwsLook, Things } from './oracle.ts';
import { small } from './scenarios.ts';
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

/** A lab of its own, in which every case begins at a snapshot. */
export class Room {
  readonly rig: LabRig;
  readonly #held = new Map<string, { readonly name: string; readonly things: Things }>();

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
    await this.rig.restoreSnapshot(part.begin);
    await this.rig.writeNetwork(network);
  }

  async record(part: Part): Promise<Recording> {
    const { rig } = this;
    await this.prepare(part);
    const before = await this.thingsOf(part);
    expectDone(await runHere(rig, part.command), `a clean run of ${part.name}`);
    const calls = await this.callsOfRuns();
    const look = await lookAtAws(rig.ec2);
    const found = await findings(rig, { stack: part.stack, before, locked: false, look, stands: part.command[0] === 'up' });
    if (found.length > 0) throw new Error(`a clean run of ${part.name} does not pass: ${found.join('; ')}`);
    return { points: pointsOf(part.name, calls), look };
  }

  /** What changes something; a heartbeat comes when it comes, and decides nothing. */
  async callsOfRuns(): Promise<LabCall[]> {
    return (await this.rig.calls({ mutating: true })).filter(({ key }) => key?.startsWith('.holdfast/heartbeats/') !== true);
  }

  /** @returns what AWS has of the stack then */
  async begin(part: Part, fault: Fault): Promise<Things> {
    await this.prepare(part, fault.network?.(part.network));
    return this.thingsOf(part);
  }

  /**
   * The lab as an interrupted run has left it: made once for each, and kept as a snapshot.
   * @returns what AWS has of the stack then
   */
  async heldAfter(base: Cell, interrupt: () => Promise<Things>): Promise<Things> {
    const known = this.#held.get(base.id);
    const name = known?.name ?? `held-${this.#held.size}`;
    const things = known?.things ?? (await interrupt());
    if (!known) {
      await this.rig.takeSnapshot(name);
      this.#held.set(base.id, { name, things });
    }
    await this.rig.writeNetwork(base.part.network);
    await this.rig.restoreSnapshot(name);
    return things;
  }

  /** What AWS has of the part's stack, by the state: asked where a snapshot of a clean end was restored. */
  async thingsOf({ stack }: Part): Promise<Things> {
    const key = checkpointKey(stack);
    return (await this.rig.keys(key)).includes(key) ? thingsInState(await stateOf(this.rig, stack)) : new Set();
  }
}

export function expectDone({ exitCode, stdout, stderr }: CommandResult, what: string): void {
  if (exitCode !== 0) throw new Error(`${what} ended with ${exitCode ?? 'a signal'}:\n${stdout}${stderr}`);
}
