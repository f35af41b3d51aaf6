import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { runHoldfast } from '../../lab/command.ts';
import type { CommandResult, RunningCommand } from '../../lab/command.ts';
import { LabControl } from '../../lab/control.ts';
import type { EndingCommand, HeldCalls, LabCall, LabMoment } from '../../lab/control.ts';
import { resetLab, startLab, stopLab } from '../../lab/lab.ts';
import type { LabRecord } from '../../orchestrator/domain/lab-record.ts';
import { readNetwork } from '../../orchestrator/network/read-network.ts';

export type { CommandResult, RunningCommand } from '../../lab/command.ts';
export type { LabCall } from '../../lab/control.ts';

interface ClientSettings {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** A lab of its own, commands run against it as their users run them, and a look at AWS that does not go through Holdfast. */
export class LabRig {
  readonly record: LabRecord;
  readonly folder: string;
  readonly ec2: EC2Client;
  readonly s3: S3Client;
  /** For other clients of AWS that do not go through Holdfast. */
  readonly client: ClientSettings;
  readonly #control: LabControl;
  readonly #beginnings = new Set<string>();

  private constructor(record: LabRecord, folder: string) {
    this.record = record;
    this.folder = folder;
    this.client = { endpoint: record.endpoint, region: record.region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
    this.ec2 = new EC2Client(this.client);
    this.s3 = new S3Client({ ...this.client, forcePathStyle: true });
    this.#control = new LabControl(record);
  }

  /** @param network text of the network file that the lab is started with */
  static async start(network: string): Promise<LabRig> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
    const networkFile = join(folder, 'network.yaml');
    await writeFile(networkFile, network);
    const read = await readNetwork(networkFile);
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    const started = await startLab({
      folder: join(folder, 'lab'),
      networkFile,
      network: read.value,
      port: 0,
      env: process.env,
      onProgress: () => undefined,
      onNote: () => undefined,
      tied: true,
    });
    if (!started.ok) throw new Error(JSON.stringify(started.problems));
    return new LabRig(started.value.record, folder);
  }

  async stop(): Promise<void> {
    this.ec2.destroy();
    this.s3.destroy();
    await stopLab(join(this.folder, 'lab'));
    await rm(this.folder, { recursive: true, force: true });
  }

  get networkFile(): string {
    return this.record.network;
  }

  writeNetwork(text: string): Promise<void> {
    return writeFile(this.networkFile, text);
  }

  run(args: readonly string[], env: Record<string, string> = {}): RunningCommand {
    return runHoldfast(args, { cwd: this.folder, labFolder: join(this.folder, 'lab'), env });
  }

  holdfast(args: readonly string[], env: Record<string, string> = {}): Promise<CommandResult> {
    return this.run(args, env).ended;
  }

  calls(filter: Parameters<LabControl['calls']>[0] = {}): Promise<LabCall[]> {
    return this.#control.calls(filter);
  }

  lastCall(): Promise<number> {
    return this.#control.lastCall();
  }

  forgetCalls(): Promise<number> {
    return this.#control.forgetCalls();
  }

  fault(fault: object): Promise<void> {
    return this.#control.fault(fault);
  }

  clearFaults(): Promise<void> {
    return this.#control.clearFaults();
  }

  heldCall(run: EndingCommand): Promise<HeldCalls> {
    return this.#control.heldCall(run);
  }

  release(n: number, how: 'go-on' | 'cut' = 'go-on'): Promise<void> {
    return this.#control.release(n, how);
  }

  delayTrail(seconds: number): Promise<void> {
    return this.#control.delayTrail(seconds);
  }

  watch(): Promise<void> {
    return this.#control.watch();
  }

  moments(): Promise<LabMoment[]> {
    return this.#control.moments();
  }

  takeSnapshot(name: string): Promise<void> {
    return this.#control.takeSnapshot(name);
  }

  restoreSnapshot(name: string): Promise<void> {
    return this.#control.restoreSnapshot(name);
  }

  /**
   * The lab as a test finds it, and others that begin with the same: made once, and kept as a snapshot. Faults are ended, and the calls and the event
   * history until then are forgotten.
   */
  async beginWith(name: string, make: () => Promise<void>): Promise<void> {
    if (!this.#beginnings.has(name)) {
      await make();
      await this.takeSnapshot(name);
      this.#beginnings.add(name);
    }
    await this.restoreSnapshot(name);
  }

  expire(accessKeyId: string): Promise<void> {
    return this.#control.expire(accessKeyId);
  }

  /** Resolves when the lab has answered a call with that error. */
  refused(errorCode: string): Promise<void> {
    return this.#control.refused(errorCode);
  }

  revoke(accessKeyId: string, services?: readonly string[]): Promise<void> {
    return this.#control.revoke(accessKeyId, services);
  }

  /** Empties AWS and the bucket, and ends every fault. */
  async reset(): Promise<void> {
    await this.clearFaults();
    await resetLab(join(this.folder, 'lab'), process.env);
  }

  /** Environment of a session that the lab's STS gives for so long, in the lab's account where no other one is named. */
  session(seconds: number, accountId?: string): Promise<Record<string, string>> {
    return this.#control.session(seconds, 'deployer', 'test', accountId);
  }

  /** From now on sessions of the role may do what the policy says; without one, everything. */
  setRole(name: string, policy?: object): Promise<void> {
    return this.#control.setRole(name, policy);
  }

  /** Environment of a session of two hours of the role. */
  sessionOf(role: string): Promise<Record<string, string>> {
    return this.#control.session(7200, role, 'test');
  }

  /** Keys of the state bucket. */
  async keys(prefix = ''): Promise<string[]> {
    const keys: string[] = [];
    for await (const page of paginateListObjectsV2({ client: this.s3 }, { Bucket: this.record.bucket, Prefix: prefix }))
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
    return keys;
  }

  /** Locks that stand in the bucket, Holdfast's and the engine's own. */
  async locks(): Promise<string[]> {
    return this.keys('.pulumi/locks/');
  }
}
