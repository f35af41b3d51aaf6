import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import type { LabCall } from '../../lab/control.ts';
import { neededFor, policyOf } from '../../orchestrator/aws/permissions/policy.ts';
import type { Permission } from '../../orchestrator/aws/permissions/roles.ts';
import { readNetwork } from '../../orchestrator/network/read-network.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { runHere } from '../support/in-process.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { network } from './parts.ts';
import type { Beginning, Part } from './parts.ts';

export interface PartResult extends CommandResult {
  readonly calls: readonly LabCall[];
  readonly spec: NetworkSpec;
}

/** A lab in which every part begins at a snapshot, and runs under a role's policy. */
export class Room {
  readonly rig: LabRig;

  private constructor(rig: LabRig) {
    this.rig = rig;
  }

  static async open(): Promise<Room> {
    const rig = await LabRig.start(network);
    const room = new Room(rig);
    try {
      await room.#makeBeginnings();
      return room;
    } catch (cause) {
      await rig.stop();
      throw cause;
    }
  }

  close(): Promise<void> {
    return this.rig.stop();
  }

  /** @param without a row of the table that the role's policy is made without */
  async run(part: Part, without?: Permission): Promise<PartResult> {
    const { rig } = this;
    await rig.restoreSnapshot(part.begin);
    await rig.writeNetwork(part.network);
    const spec = await this.#spec();
    await rig.setRole(
      part.role,
      policyOf(
        part.role,
        spec,
        neededFor(spec).filter((row) => row !== without),
      ),
    );
    const session = await rig.sessionOf(part.role);
    if (part.fault !== undefined) await rig.fault(part.fault);
    const result = await runHere(rig, part.command, session);
    const key = session['AWS_ACCESS_KEY_ID'];
    return { ...result, spec, calls: (await rig.calls()).filter(({ accessKeyId }) => accessKeyId === key) };
  }

  async #spec(): Promise<NetworkSpec> {
    const read = await readNetwork(this.rig.networkFile);
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    return read.value.spec;
  }

  /** As the lab's own role, which may do everything. */
  async #makeBeginnings(): Promise<void> {
    const { rig } = this;
    const { endpoint, region, bucket } = rig.record;
    const sns = new SNSClient({ endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
    await sns.send(new CreateTopicCommand({ Name: 'on-call' }));
    sns.destroy();
    const keep = (name: Beginning): Promise<void> => rig.takeSnapshot(name);
    await keep('nothing');
    await this.#interrupt();
    await keep('held');
    await rig.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: durableLockKey('small.vpc.one') }));
    await keep('lock-gone');
    await rig.restoreSnapshot('nothing');
    await this.#done(['up', '--yes']);
    await keep('everything');
    await this.#done(['freeze', 'vpc.one', '--incident', 'INC-7']);
    await keep('frozen');
  }

  /** AWS has made a VPC, and the run that asked for it is dead. */
  async #interrupt(): Promise<void> {
    const { rig } = this;
    await this.#done(['up', 'transit-gateway', '--yes']);
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run(['up', 'vpc.one', '--yes', '--no-settle']);
    const { held } = await rig.heldCall(run);
    run.child.kill('SIGKILL');
    await run.ended;
    await rig.release(held[0]?.n ?? 0);
    await rig.clearFaults();
  }

  async #done(args: readonly string[]): Promise<void> {
    const { exitCode, stdout, stderr } = await runHere(this.rig, args);
    if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode ?? 'a signal'}:\n${stdout}${stderr}`);
  }
}
