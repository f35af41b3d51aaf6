import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { runHere } from '../support/in-process.ts';
import { lookAtAws } from '../support/aws-look.ts';
import { stateOf } from '../support/recovery-oracle.ts';
import { checkpointKey } from '../../orchestrator/state/layout.ts';
import { pointsOf } from './calls.ts';
import type { Point } from './calls.ts';
import { findings, thingsInState } from './oracle.ts';
import type { Expected } from './oracle.ts';
import { small } from './scenarios.ts';
import type { Beginning, Part } from './scenarios.ts';

/** A clean run of a part: the calls that it makes, and what it leaves. */
export interface Recorded {
  readonly points: readonly Point[];
  readonly expected: Expected;
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
  readonly #recorded = new Map<string, Promise<Recorded>>();

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

  /** Made once for each part. */
  record(part: Part): Promise<Recorded> {
    const known = this.#recorded.get(part.name) ?? this.#record(part);
    this.#recorded.set(part.name, known);
    return known;
  }

  async #record(part: Part): Promise<Recorded> {
    const { rig } = this;
    await this.prepare(part);
    const stands = (await rig.keys(checkpointKey(part.stack))).includes(checkpointKey(part.stack));
    const before = stands ? thingsInState(await stateOf(rig, part.stack)) : new Set<string>();
    expectDone(await runHere(rig, part.command), `a clean run of ${part.name}`);
    const points = pointsOf(await rig.calls({ mutating: true }));
    const expected: Expected = { stack: part.stack, before, look: await lookAtAws(rig.ec2), stands: part.command[0] === 'up' };
    const found = await findings(rig, expected);
    if (found.length > 0) throw new Error(`a clean run of ${part.name} does not pass: ${found.join('; ')}`);
    return { points, expected };
  }
}

export function expectDone({ exitCode, stdout, stderr }: CommandResult, what: string): void {
  if (exitCode !== 0) throw new Error(`${what} ended with ${exitCode ?? 'a signal'}:\n${stdout}${stderr}`);
}
