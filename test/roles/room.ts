import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import type { LabCall } from '../../lab/control.ts';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { neededFor, policyOf } from '../../orchestrator/aws/permissions/policy.ts';
import type { Permission } from '../../orchestrator/aws/permissions/roles.ts';
import type { LockRecord } from '../../orchestrator/locks/lock-record.ts';
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

/** What beginnings are made of. */
type Stage = 'gateway' | 'vpc';

/** A lab in which every part begins at a snapshot, and runs under a role's policy. */
export class Room {
  readonly rig: LabRig;
  /** As the lab's own role. */
  readonly store: Bucket;
  readonly #made = new Set<string>();

  private constructor(rig: LabRig) {
    this.rig = rig;
    this.store = new Bucket(rig.s3, rig.record.bucket);
  }

  static async open(): Promise<Room> {
    return new Room(await LabRig.start(network));
  }

  close(): Promise<void> {
    return this.rig.stop();
  }

  /** @param without a row of the table that the role's policy is made without */
  async run(part: Part, without?: Permission): Promise<PartResult> {
    const { rig } = this;
    await this.begin(part.begin);
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

  /** The lab as the beginning has it, which is made when it is first asked for: as the lab's own role, which may do everything. */
  async begin(name: Beginning | Stage): Promise<void> {
    if (!this.#made.has(name)) {
      await this.#make[name]();
      await this.rig.takeSnapshot(name);
      this.#made.add(name);
    }
    await this.rig.restoreSnapshot(name);
  }

  readonly #make: Readonly<Record<Beginning | Stage, () => Promise<void>>> = {
    nothing: async () => {
      const { rig } = this;
      const [sns, kms] = [new SNSClient(rig.client), new KMSClient(rig.client)];
      await sns.send(new CreateTopicCommand({ Name: 'on-call' }));
      const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
      await kms.send(new CreateAliasCommand({ AliasName: 'alias/state', TargetKeyId: KeyMetadata?.KeyId }));
      sns.destroy();
      kms.destroy();
    },
    guardrails: async () => {
      await this.#from('nothing', withGuardrails);
      await this.#done(['up', 'guardrails', '--yes']);
    },
    'held-guardrails': async () => {
      await this.#from('nothing', withGuardrails);
      await this.#interrupt('guardrails', 'PutMetricAlarm', 'cloudwatch');
    },
    'with-key': async () => {
      await this.#from('nothing', withKey);
      await this.#done(['up', 'transit-gateway', '--yes']);
    },
    'held-gateway': async () => {
      await this.#from('nothing');
      await this.#interrupt('transit-gateway', 'CreateTransitGatewayRouteTable');
    },
    gateway: async () => {
      await this.#from('nothing');
      await this.#done(['up', 'transit-gateway', '--yes']);
    },
    'foreign-lock': async () => {
      await this.#from('gateway');
      await this.#put(`${lockFolder(stack)}0123.json`, {
        pid: 1,
        username: 'ada',
        hostname: 'elsewhere',
        timestamp: new Date().toISOString(),
      });
    },
    held: async () => {
      await this.#from('gateway');
      await this.#interrupt('vpc.one', 'CreateVpc');
    },
    dossier: async () => {
      const { rig } = this;
      await this.#from('held');
      await rig.fault({ match: { service: 'ec2', action: 'DescribeVpcs' }, do: { kind: 'refuse', code: 'InternalFailure', status: 400 } });
      // A process of its own, which is dead afterwards.
      await rig.holdfast(['recover']);
      await rig.clearFaults();
    },
    'held-elsewhere': async () => {
      await this.#from('held');
      await this.#moveElsewhere();
    },
    'lock-gone': async () => {
      await this.#from('held');
      await this.#removeLock();
    },
    vpc: async () => {
      await this.#from('gateway');
      await this.#done(['up', 'vpc.one', '--yes']);
    },
    'held-tables': async () => {
      await this.#from('vpc');
      await this.#interrupt('route-tables.one', 'EnableTransitGatewayRouteTablePropagation');
    },
    everything: async () => {
      await this.#from('vpc');
      await this.#done(['up', 'route-tables.one', '--yes']);
    },
    disowned: async () => {
      await this.#from('everything');
      const left = {
        id: 'subnet-0123456789abcdef0',
        type: 'aws:ec2/subnet:Subnet',
        reason: 'left',
        by: 'ada',
        at: new Date().toISOString(),
      };
      const there = await readRecord(this.store, stack);
      if (there.kind !== 'there') throw new Error(`${stack} has no record`);
      await this.#put(recordKey(stack), { ...there.record, disowned: [left] });
    },
    frozen: async () => {
      await this.#from('everything');
      await this.#done(['freeze', 'vpc.one', '--incident', 'INC-7']);
    },
    'frozen-lock-gone': async () => {
      await this.#from('frozen');
      await this.#removeLock();
    },
  };

  async #from(name: Beginning | Stage, file = network): Promise<void> {
    await this.begin(name);
    await this.rig.writeNetwork(file);
  }

  #put(key: string, body: object): Promise<unknown> {
    return this.store.put(key, JSON.stringify(body), { only: 'always' });
  }

  async #removeLock(): Promise<void> {
    await this.rig.s3.send(new DeleteObjectCommand({ Bucket: this.rig.record.bucket, Key: durableLockKey(stack) }));
  }

  /** AWS has done what was asked, and the run that asked for it is dead. */
  async #interrupt(short: string, action: string, service: HitCall['service'] = 'ec2'): Promise<void> {
    await interrupted(this.rig, ['up', short, '--yes', '--no-settle'], { service, action }, orchestratorKilled);
  }

  /** As if another machine had left it: only a heartbeat says when it was last heard of. */
  async #moveElsewhere(): Promise<void> {
    const { store } = this;
    const lock = await store.get(durableLockKey(stack));
    const { machine, nonce } = (JSON.parse(lock?.body ?? '{}') as { holdfast: LockRecord }).holdfast;
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
