import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { bootstrapBucket } from '../orchestrator/aws/bootstrap.ts';
import { openClients, stateUrl } from '../orchestrator/aws/clients.ts';
import { openSession } from '../orchestrator/aws/session.ts';
import { runningLab } from '../orchestrator/aws/target.ts';
import { labAccountId } from '../orchestrator/domain/lab-record.ts';
import type { LabRecord } from '../orchestrator/domain/lab-record.ts';
import { notOk, ok } from '../orchestrator/domain/problem.ts';
import type { Result } from '../orchestrator/domain/problem.ts';
import { bucketOf } from '../orchestrator/network/spec.ts';
import type { Network } from '../orchestrator/network/read-network.ts';
import { provideAwsPlugin } from '../toolchain/aws-plugin.ts';
import { withBuildLock } from '../toolchain/build-lock.ts';
import { cacheFolder } from '../toolchain/cache-folder.ts';
import { providePulumiCli } from '../toolchain/pulumi-cli.ts';
import { provideEmulator } from './emulator/emulator.ts';
import { writeRecord } from './process.ts';
import type { LabProcessMessage, LabProcessOptions } from './process.ts';

/** The rehearsal room: AWS on loopback, under the real engine and the real provider. */

export interface StartLabOptions {
  /** Where the lab keeps its record and log. One lab a folder. */
  readonly folder: string;
  /** The network that commands use while it runs; absolute. */
  readonly networkFile: string;
  readonly network: Network;
  /** 0 takes a free one. */
  readonly port: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How far a long step is: the next text takes its place. */
  readonly onProgress: (text: string) => void;
  /** What is worth keeping: where a part came from. */
  readonly onNote: (text: string) => void;
  /** The lab ends with this process. */
  readonly tied?: boolean;
}

export interface StartedLab {
  readonly record: LabRecord;
  /** False: it ran already. */
  readonly started: boolean;
}

export async function startLab(options: StartLabOptions): Promise<Result<StartedLab>> {
  const { folder, network, env, onProgress, onNote } = options;
  if (network.spec.account !== labAccountId)
    return notOk({
      reason: 'not-a-lab-network',
      message: `the lab is account ${labAccountId}, and ${network.file} belongs to account ${network.spec.account}`,
      next: `Start the lab with a network of its own: npm run lab -- start --network networks/example.yaml`,
    });
  await mkdir(folder, { recursive: true });
  // Two starts at once make one lab.
  return await withBuildLock({ folder: join(folder, 'starting') }, async (): Promise<Result<StartedLab>> => {
    const running = await runningLab(folder);
    if (running) return ok({ record: running, started: false });

    const progress = ({ message }: { message: string }): void => onProgress(message);
    const cli = await providePulumiCli({ env, onProgress: progress });
    if (!cli.ok) return cli;
    onNote(`Pulumi CLI ${cli.value.version}: ${originText[cli.value.origin]}`);
    const plugin = await provideAwsPlugin({ env, cliPath: cli.value.path, onProgress: progress });
    if (!plugin.ok) return plugin;
    onNote(`aws plugin ${plugin.value.version}: ${originText[plugin.value.origin]}`);
    const emulator = await provideEmulator({ cacheFolder: cacheFolder(env), env, onProgress });
    if (!emulator.ok) return emulator;

    const bucket = bucketOf(network.spec);
    const { region } = network.spec;
    const base = {
      schema: 1,
      region,
      accountId: labAccountId,
      bucket,
      network: options.networkFile,
      pluginDirectory: plugin.value.directory,
    } as const;
    const listening = await startProcess({
      folder,
      controlSocket: controlSocketOf(folder),
      python: emulator.value.python,
      accountId: labAccountId,
      region,
      port: options.port,
      tied: options.tied ?? false,
    });
    if (listening.type === 'failed') return notOk({ reason: listening.reason, message: listening.message, next: listening.next });
    const record: LabRecord = {
      ...base,
      lab: listening.lab,
      pid: listening.pid,
      endpoint: listening.endpoint,
      stateUrl: stateUrl({ kind: 'LAB', endpoint: listening.endpoint }, bucket, region),
      startedAt: new Date().toISOString(),
    };
    await makeBucket(record, env);
    await writeRecord(folder, record);
    return ok({ record, started: true });
  });
}

const originText = {
  path: 'the one on PATH',
  cache: 'from the cache',
  installer: 'from the official installer',
  'go-build': 'built from Go modules',
  'official-cache': 'the official one, installed before',
  'official-installer': 'the official one, downloaded',
} as const;

/** Short, because the name of a socket is: the folder itself may be too deep. */
function controlSocketOf(folder: string): string {
  return join(tmpdir(), `holdfast-lab-${Buffer.from(folder).toString('base64url').slice(-24)}-${process.getuid?.() ?? 0}.sock`);
}

async function startProcess(options: LabProcessOptions): Promise<LabProcessMessage> {
  const log = await open(join(options.folder, 'lab.log'), 'a');
  try {
    const child = fork(fileURLToPath(new URL('process.ts', import.meta.url)), ['--lab-process', JSON.stringify(options)], {
      execArgv: ['--import', import.meta.resolve('tsx')],
      cwd: options.folder,
      detached: !options.tied,
      stdio: ['ignore', log.fd, log.fd, 'ipc'],
    });
    const answer = await new Promise<LabProcessMessage>((resolve) => {
      child.once('message', (message) => resolve(message as LabProcessMessage));
      child.once('exit', (code, signal) =>
        resolve({
          type: 'failed',
          reason: 'lab-ended',
          message: `the lab's process ended before it listened (${signal ?? `exit ${code ?? '?'}`})`,
          next: `Read its log: ${join(options.folder, 'lab.log')}`,
        }),
      );
    });
    if (options.tied && answer.type === 'listening') child.channel?.unref();
    else child.disconnect();
    child.unref();
    return answer;
  } finally {
    await log.close();
  }
}

async function makeBucket(record: LabRecord, env: StartLabOptions['env']): Promise<void> {
  const target = { kind: 'LAB', lab: record } as const;
  const session = await openSession({
    target,
    region: record.region,
    env: withoutAws(env),
    sessionName: `holdfast-lab-${randomBytes(4).toString('hex')}`,
  });
  if (!session.ok) throw new Error(session.problems.map(({ message }) => message).join('; '));
  const clients = openClients(target, record.region, () => session.value);
  try {
    const { bucket, region, accountId: owner } = record;
    const made = await bootstrapBucket({ s3: clients.s3, bucket, owner, region, now: Date.now(), checkOnly: false }, () => undefined);
    const lacking = 'reason' in made ? [made.reason] : made.flatMap(({ shortfalls }) => shortfalls.map(({ text }) => text));
    if (lacking.length > 0) throw new Error(`the state bucket ${bucket} could not be made: ${lacking.join('; ')}`);
  } finally {
    clients.destroy();
  }
}

/** The lab makes its own bucket as itself, whatever session the caller's shell has. */
const withoutAws = (env: StartLabOptions['env']) => Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('AWS_')));

/** Ends the lab and waits until no process of it is left. @returns false where none ran */
export async function stopLab(folder: string): Promise<boolean> {
  const socket = controlSocketOf(folder);
  return await new Promise<boolean>((resolve) => {
    const connection = createConnection(socket);
    let connected = false;
    connection.once('connect', () => {
      connected = true;
      connection.write('stop\n');
    });
    connection.on('error', () => undefined);
    connection.once('close', () => resolve(connected));
  });
}

/** Empties AWS, the bucket and the record of calls, and makes the bucket anew; the lab stays as it is. @returns undefined where none runs */
export async function resetLab(folder: string, env: StartLabOptions['env']): Promise<LabRecord | undefined> {
  const record = await runningLab(folder);
  if (!record) return undefined;
  const answer = await fetch(`${record.endpoint}/_lab/reset`, { method: 'POST' });
  if (!answer.ok) throw new Error(`the lab did not reset: ${answer.status} ${await answer.text()}`);
  await makeBucket(record, env);
  return record;
}
