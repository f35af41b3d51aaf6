import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bootstrapBucket } from '../orchestrator/aws/bootstrap.ts';
import { openClients, stateUrl } from '../orchestrator/aws/clients.ts';
import { openSession } from '../orchestrator/aws/session.ts';
import { labRecordFile, readLabRecord, runningLab } from '../orchestrator/aws/target.ts';
import { command, commandOf, lineOf } from '../orchestrator/domain/command.ts';
import { labAccountId } from '../orchestrator/domain/lab-record.ts';
import type { LabRecord } from '../orchestrator/domain/lab-record.ts';
import { notOk, ok } from '../orchestrator/domain/problem.ts';
import type { Result } from '../orchestrator/domain/problem.ts';
import { bucketOf } from '../orchestrator/network/spec.ts';
import type { Network } from '../orchestrator/network/read-network.ts';
import { provideAwsPlugin } from '../toolchain/aws-plugin.ts';
import { withBuildLock } from '../toolchain/build-lock.ts';
import { cacheFolder, makeCacheFolder } from '../toolchain/cache-folder.ts';
import { makeOwnFolder, requireOwn } from '../toolchain/own-folder.ts';
import { providePulumiCli } from '../toolchain/pulumi-cli.ts';
import { toolEnvironment } from '../toolchain/tool-environment.mjs';
import { controlSocketsOf, tellToStop } from './control-socket.ts';
import { LabControl } from './control.ts';
import { provideEmulator } from './emulator/emulator.ts';
import { writeRecord } from './process.ts';
import type { LabProcessMessage, LabProcessOptions, LabProcessOrder } from './process.ts';

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
      next: `Start the lab with a network of its own: ${command('lab', 'start', { network: 'networks/example.yaml' })}`,
    });
  // Its record says which plugin the engine runs, and has the token for orders.
  await makeOwnFolder(folder);
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
    const socket = await makeControlSocket(folder, env);
    if (!socket.ok) return socket;
    const { answer, keep, drop } = await startProcess(
      {
        folder,
        controlSocket: socket.value,
        python: emulator.value.python,
        accountId: labAccountId,
        region,
        port: options.port,
        tied: options.tied ?? false,
      },
      env,
    );
    let isKept = false;
    try {
      if (answer.type === 'failed') return notOk({ reason: answer.reason, message: answer.message, next: answer.next });
      const record: LabRecord = {
        ...base,
        lab: answer.lab,
        pid: answer.pid,
        endpoint: answer.endpoint,
        stateUrl: stateUrl({ kind: 'LAB', endpoint: answer.endpoint }, bucket, region),
        startedAt: new Date().toISOString(),
        control: { socket: socket.value, token: answer.token },
      };
      await makeBucket(record, env);
      await writeRecord(folder, record);
      await keep();
      isKept = true;
      return ok({ record, started: true });
    } finally {
      // A lab that has no record could not be found, and not be stopped.
      if (!isKept) drop();
    }
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

/** In a folder of this user alone. */
async function makeControlSocket(folder: string, env: StartLabOptions['env']): Promise<Result<string>> {
  const [socket] = controlSocketsOf(folder, cacheFolder(env));
  if (socket === undefined)
    return notOk({
      reason: 'lab-folder-too-deep',
      message: `the lab's folder ${folder} is too deep: the name of its control socket would be longer than the system takes`,
      next: 'Name a shorter folder for it: HOLDFAST_LAB_DIR.',
    });
  if (dirname(socket) !== folder) await makeCacheFolder(env, dirname(socket));
  return ok(socket);
}

/** A lab's process that has been started, and ends by itself until it is kept. */
interface StartedProcess {
  readonly answer: LabProcessMessage;
  /** From now on it goes on without its starter; one that is tied to it ends with it. */
  readonly keep: () => Promise<void>;
  /** It ends. */
  readonly drop: () => void;
}

async function startProcess(options: LabProcessOptions, env: StartLabOptions['env']): Promise<StartedProcess> {
  const log = await open(join(options.folder, 'lab.log'), 'a', 0o600);
  try {
    const child = fork(fileURLToPath(new URL('process.ts', import.meta.url)), ['--lab-process', JSON.stringify(options)], {
      execArgv: ['--import', new URL('../toolchain/tsx.mjs', import.meta.url).href],
      cwd: options.folder,
      // By the folder it is told whose process it is.
      env: { ...toolEnvironment(env, 'node'), HOLDFAST_LAB_DIR: options.folder },
      detached: !options.tied,
      stdio: ['ignore', log.fd, log.fd, 'ipc'],
    });
    const drop = (): void => {
      if (child.connected) child.disconnect();
    };
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
    child.unref();
    return {
      answer,
      keep: async () => {
        const order: LabProcessOrder = 'keep';
        await new Promise<void>((resolve, reject) => child.send(order, (cause) => (cause ? reject(cause) : resolve())));
        if (options.tied) child.channel?.unref();
        else drop();
      },
      drop,
    };
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
    const made = await bootstrapBucket(
      { s3: clients.s3, bucket, owner, region, now: Date.now(), checkOnly: false, objectLock: false },
      () => undefined,
    );
    const lacking = 'reason' in made ? [made.reason] : made.flatMap(({ shortfalls }) => shortfalls.map(({ text }) => text));
    if (lacking.length > 0) throw new Error(`the state bucket ${bucket} could not be made: ${lacking.join('; ')}`);
  } finally {
    clients.destroy();
  }
}

/** The lab makes its own bucket as itself, whatever session the caller's shell has. */
const withoutAws = (env: StartLabOptions['env']) => Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('AWS_')));

/** Ends the lab of this folder and waits until no process of it is left. @returns false where none ran */
export async function stopLab(folder: string): Promise<Result<boolean>> {
  const record = await readLabRecord(folder);
  if (record === undefined) return ok(false);
  if (record.control === undefined)
    return notOk({
      reason: 'lab-of-older-version',
      message: `the lab in ${folder} was started by an older Holdfast, which it hears in another way`,
      next: `End its process: ${lineOf(commandOf('kill', String(record.pid)))}`,
    });
  const { socket } = record.control;
  await requireOwn(socket);
  const told = await tellToStop(socket, record.lab);
  if (told !== 'another') return ok(told === 'ended');
  return notOk({
    reason: 'another-lab',
    message: `at ${socket} another lab listens than the one that ${labRecordFile(folder)} is of; it was left alone`,
    next: `See which lab runs in that folder: ${command('lab', 'status')}`,
  });
}

/** Empties AWS, the bucket and the record of calls, and makes the bucket anew; the lab stays as it is. @returns undefined where none runs */
export async function resetLab(folder: string, env: StartLabOptions['env']): Promise<LabRecord | undefined> {
  const record = await runningLab(folder);
  if (!record) return undefined;
  await new LabControl(record).reset();
  await makeBucket(record, env);
  return record;
}
