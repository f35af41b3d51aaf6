import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { runHere } from '../support/in-process.ts';
import { lookAtAws } from '../support/aws-look.ts';
import { stateOf } from '../support/recovery-oracle.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { pointsOf } from './calls.ts';
import type { Point } from './calls.ts';
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
  ['everything', 'route-tables.one'],
];

/** A lab of its own, in which every case begins at a snapshot. */
export class Room {
  readonly rig: LabRig;

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
    const calls = (await rig.calls({ mutating: true })).filter(({ key }) => key?.startsWith('.holdfast/heartbeats/') !== true);
    const look = await lookAtAws(rig.ec2);
    const found = await findings(rig, { stack: part.stack, before, look, stands: part.command[0] === 'up' });
    if (found.length > 0) throw new Error(`a clean run of ${part.name} does not pass: ${found.join('; ')}`);
    return { points: pointsOf(part.name, calls), look };
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
