import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { STSClient, AssumeRoleCommand } from '@aws-sdk/client-sts';
import { resetLab, startLab, stopLab } from '../../lab/lab.ts';
import type { LabRecord } from '../../orchestrator/domain/lab-record.ts';
import { readNetwork } from '../../orchestrator/network/read-network.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of `--json`. */
  readonly events: readonly Record<string, unknown>[];
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
  /** Resolves with the first event of `--json` that matches; rejects where the command ends without one. */
  readonly event: (matches: (event: Record<string, unknown>) => boolean) => Promise<Record<string, unknown>>;
}

export interface LabCall {
  readonly seq: number;
  readonly service: string;
  readonly action: string;
  readonly mutating: boolean;
  readonly accessKeyId: string | null;
  readonly params: Record<string, string>;
  /** Of S3. */
  readonly key: string | null;
  readonly status: number;
  readonly sessionName: string | null;
}

/** A lab of its own, commands run against it as their users run them, and a look at AWS that does not go through Holdfast. */
export class LabRig {
  readonly record: LabRecord;
  readonly folder: string;
  readonly ec2: EC2Client;
  readonly s3: S3Client;
  readonly sts: STSClient;

  private constructor(record: LabRecord, folder: string) {
    this.record = record;
    this.folder = folder;
    const client = { endpoint: record.endpoint, region: record.region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
    this.ec2 = new EC2Client(client);
    this.s3 = new S3Client({ ...client, forcePathStyle: true });
    this.sts = new STSClient(client);
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
    this.sts.destroy();
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
    const child = spawn(process.execPath, [join(root, 'bin/holdfast.mjs'), ...args], {
      cwd: this.folder,
      env: { ...cleanEnvironment(), HOLDFAST_LAB_DIR: join(this.folder, 'lab'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return follow(child);
  }

  holdfast(args: readonly string[], env: Record<string, string> = {}): Promise<CommandResult> {
    return this.run(args, env).ended;
  }

  /** Every call of AWS that the proxy saw since `since`. */
  async calls(filter: { readonly mutating?: boolean; readonly service?: string; readonly since?: number } = {}): Promise<LabCall[]> {
    const query = new URLSearchParams(Object.entries(filter).map(([name, value]): [string, string] => [name, String(value)]));
    const answer = (await (await fetch(`${this.record.endpoint}/_lab/calls?${query.toString()}`)).json()) as { calls: LabCall[] };
    return answer.calls;
  }

  async lastCall(): Promise<number> {
    const answer = (await (await fetch(`${this.record.endpoint}/_lab/calls`)).json()) as { last: number };
    return answer.last;
  }

  async fault(fault: object): Promise<void> {
    const answer = await fetch(`${this.record.endpoint}/_lab/faults`, { method: 'POST', body: JSON.stringify(fault) });
    if (!answer.ok) throw new Error(await answer.text());
  }

  async clearFaults(): Promise<void> {
    await fetch(`${this.record.endpoint}/_lab/faults`, { method: 'DELETE' });
  }

  /** Resolves as soon as the proxy holds a call; rejects where the command that should make it ends instead. */
  async heldCall(run: RunningCommand): Promise<{ held: { n: number }[] }> {
    const waiting = new AbortController();
    const held = fetch(`${this.record.endpoint}/_lab/held?wait=1`, { signal: waiting.signal }).then(
      async (answer) => (await answer.json()) as { held: { n: number }[] },
    );
    const over = run.ended.then(({ stdout, stderr }): never => {
      waiting.abort();
      throw new Error(`the command ended and no call was held:\n${stdout}\n${stderr}`);
    });
    held.catch(() => undefined);
    over.catch(() => undefined);
    return Promise.race([held, over]);
  }

  /** Lets a held call go on to AWS, or its reply to its caller; or cuts the connection. */
  async release(n: number, how: 'go-on' | 'cut' = 'go-on'): Promise<void> {
    const answer = await fetch(`${this.record.endpoint}/_lab/held/${n}/release`, { method: 'POST', body: JSON.stringify({ how }) });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** Ends a session of this lab for these services, or for all. */
  async revoke(accessKeyId: string, services?: readonly string[]): Promise<void> {
    const answer = await fetch(`${this.record.endpoint}/_lab/sessions/${accessKeyId}/revoke`, {
      method: 'POST',
      body: JSON.stringify(services === undefined ? {} : { services }),
    });
    if (!answer.ok) throw new Error(await answer.text());
  }

  /** Empties AWS and the bucket, and ends every fault. */
  async reset(): Promise<void> {
    await this.clearFaults();
    await resetLab(join(this.folder, 'lab'), process.env);
  }

  /** Environment of a session that the lab's STS gives for so long. */
  async session(seconds: number): Promise<Record<string, string>> {
    const { Credentials } = await this.sts.send(
      new AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${this.record.accountId}:role/deployer`,
        RoleSessionName: 'test',
        DurationSeconds: seconds,
      }),
    );
    if (!Credentials) throw new Error('STS answered without credentials');
    return {
      AWS_ACCESS_KEY_ID: Credentials.AccessKeyId ?? '',
      AWS_SECRET_ACCESS_KEY: Credentials.SecretAccessKey ?? '',
      AWS_SESSION_TOKEN: Credentials.SessionToken ?? '',
      AWS_CREDENTIAL_EXPIRATION: Credentials.Expiration?.toISOString() ?? '',
    };
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

/** A shell in which nobody has signed in anywhere. */
function cleanEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || /^(AWS_|INIT_CWD|PULUMI_CONFIG|HOLDFAST_LAB|NO_COLOR|FORCE_COLOR|VITEST)/.test(name) ? [] : [[name, value]],
    ),
  );
}

function follow(child: ChildProcess): RunningCommand {
  let stdout = '';
  let stderr = '';
  const events: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  let pending = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const text = chunk.toString();
    stdout += text;
    const lines = (pending + text).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('{')) continue;
      events.push(JSON.parse(line) as Record<string, unknown>);
    }
    for (const look of waiting) look();
  });
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<CommandResult>((resolve) => {
    child.once('close', (exitCode) => {
      resolve({ exitCode, stdout, stderr, events });
      for (const look of waiting) look();
    });
  });
  let isOver = false;
  void ended.then(() => (isOver = true));
  return {
    child,
    ended,
    event: (matches) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = events.find(matches);
          if (found) {
            waiting.delete(look);
            resolve(found);
          } else if (isOver) {
            waiting.delete(look);
            reject(new Error(`the command ended without that event:\n${stdout}\n${stderr}`));
          }
        };
        waiting.add(look);
        void ended.then(look);
        look();
      }),
  };
}
