import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import type { LabCall } from '../../lab/control.ts';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { neededFor, policyOf } from '../../orchestrator/aws/permissions/policy.ts';
import type { Permission } from '../../orchestrator/aws/permissions/roles.ts';
import { readNetwork } from '../../orchestrator/network/read-network.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';
import { readRecord } from '../../orchestrator/ownership/records.ts';
import { durableLockKey, heartbeatKey, lockFolder, recordKey } from '../../orchestrator/state/layout.ts';
import { runHere } from '../support/in-process.ts';
import { interrupted, orchestratorKilled } from '../support/interruptions.ts';
import type { HitCall } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { network, withGuardrails, withKey } from './parts.ts';
import type { Beginning, Part } from './parts.ts';

const stack = 'small.vpc.one';

export interface PartResult extends CommandResult {
  readonly calls: readonly LabCall[];
  readonly spec: NetworkSpec;
  /** That the role's policy did not allow. */
  readonly refused: readonly string[];
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
    const spec = await this.spec();
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
    const calls = (await rig.calls()).filter(({ accessKeyId }) => accessKeyId === session['AWS_ACCESS_KEY_ID']);
    const refused = calls.filter(({ errorCode }) =>
      /^(UnauthorizedOperation|AccessDenied(Exception)?|AuthorizationError)$/.test(errorCode ?? ''),
    );
    return { ...result, spec, calls, refused: refused.map(({ service, action, key }) => `${service}:${action} ${key ?? ''}`) };
  }

  /** Of the network file as it is now. */
  async spec(): Promise<NetworkSpec> {
    const read = await readNetwork(this.rig.networkFile);
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    return read.value.spec;
  }

  /** As the lab's own role, which may do everything. */
  async #makeBeginnings(): Promise<void> {
    const { rig } = this;
    const { bucket } = rig.record;
    const [sns, kms] = [new SNSClient(rig.client), new KMSClient(rig.client)];
    await sns.send(new CreateTopicCommand({ Name: 'on-call' }));
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/state', TargetKeyId: KeyMetadata?.KeyId }));
    sns.destroy();
    kms.destroy();
    const store = new Bucket(rig.s3, bucket);
    const put = (key: string, body: object): Promise<unknown> => store.put(key, JSON.stringify(body), { only: 'always' });
    const keep = (name: Beginning): Promise<void> => rig.takeSnapshot(name);

    await keep('nothing');
    await rig.writeNetwork(withGuardrails);
    await this.#done(['up', 'guardrails', '--yes']);
    await keep('guardrails');
    await rig.restoreSnapshot('nothing');
    await this.#interrupt('guardrails', 'PutMetricAlarm', 'cloudwatch');
    await keep('held-guardrails');
    await rig.restoreSnapshot('nothing');
    await rig.writeNetwork(withKey);
    await this.#done(['up', 'transit-gateway', '--yes']);
    await keep('with-key');
    await rig.writeNetwork(network);
    await rig.restoreSnapshot('nothing');
    await this.#interrupt('transit-gateway', 'CreateTransitGatewayRouteTable');
    await keep('held-gateway');

    await rig.restoreSnapshot('nothing');
    await this.#done(['up', 'transit-gateway', '--yes']);
    await rig.takeSnapshot('gateway');
    await put(`${lockFolder(stack)}0123.json`, {
      pid: 1,
      username: 'somebody',
      hostname: 'elsewhere',
      timestamp: new Date().toISOString(),
    });
    await keep('foreign-lock');

    await rig.restoreSnapshot('gateway');
    await this.#interrupt('vpc.one', 'CreateVpc');
    await keep('held');
    await rig.fault({ match: { service: 'ec2', action: 'DescribeVpcs' }, do: { kind: 'refuse', code: 'InternalFailure', status: 400 } });
    // A process of its own, which is dead afterwards.
    await rig.holdfast(['recover']);
    await rig.clearFaults();
    await keep('dossier');
    await rig.restoreSnapshot('held');
    await this.#moveElsewhere(store);
    await keep('held-elsewhere');
    await rig.restoreSnapshot('held');
    await rig.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: durableLockKey(stack) }));
    await keep('lock-gone');

    await rig.restoreSnapshot('gateway');
    await this.#done(['up', 'vpc.one', '--yes']);
    await rig.takeSnapshot('vpc');
    await this.#interrupt('route-tables.one', 'EnableTransitGatewayRouteTablePropagation');
    await keep('held-tables');

    await rig.restoreSnapshot('vpc');
    await this.#done(['up', 'route-tables.one', '--yes']);
    await keep('everything');
    const left = {
      id: 'subnet-0123456789abcdef0',
      type: 'aws:ec2/subnet:Subnet',
      reason: 'left',
      by: 'somebody',
      at: new Date().toISOString(),
    };
    const there = await readRecord(store, stack);
    if (there.kind !== 'there') throw new Error(`${stack} has no record`);
    await put(recordKey(stack), { ...there.record, disowned: [left] });
    await keep('disowned');
    await rig.restoreSnapshot('everything');
    await this.#done(['freeze', 'vpc.one', '--incident', 'INC-7']);
    await keep('frozen');
    await rig.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: durableLockKey(stack) }));
    await keep('frozen-lock-gone');
  }

  /** AWS has done what was asked, and the run that asked for it is dead. */
  async #interrupt(short: string, action: string, service: HitCall['service'] = 'ec2'): Promise<void> {
    await interrupted(this.rig, ['up', short, '--yes', '--no-settle'], { service, action }, orchestratorKilled);
  }

  /** As if another machine had left it: only a heartbeat says when it was last heard of. */
  async #moveElsewhere(store: Bucket): Promise<void> {
    const lock = await store.get(durableLockKey(stack));
    const { machine, nonce } = JSON.parse(lock?.body ?? '{}') as { machine: string; nonce: string };
    for (const prefix of ['.pulumi/locks/', '.holdfast/stacks/', '.holdfast/runs/'])
      for (const { key } of await store.list(prefix)) {
        const there = await store.get(key);
        await store.put(key, (there?.body ?? '').replaceAll(machine, 'elsewhere'), { only: 'always' });
      }
    await store.put(heartbeatKey('small', nonce), '{}', { only: 'always' });
  }

  async #done(args: readonly string[]): Promise<void> {
    const { exitCode, stdout, stderr } = await runHere(this.rig, args);
    if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode ?? 'a signal'}:\n${stdout}${stderr}`);
  }
}
