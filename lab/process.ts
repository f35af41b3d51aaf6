import { randomBytes } from 'node:crypto';
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { labRecordFile, readLabRecord } from '../orchestrator/aws/target.ts';
import type { LabRecord } from '../orchestrator/domain/lab-record.ts';
import { listenForStop } from './control-socket.ts';
import { startEmulator } from './emulator/emulator.ts';
import { startProxy } from './proxy/proxy.ts';

/**
 * The lab's own process: the proxy runs in it, the emulator is its child and ends with it. It listens on its control socket; a connection
 * there lasts exactly as long as the process, which is how `lab stop` knows that it is gone.
 */
export interface LabProcessOptions {
  readonly folder: string;
  readonly controlSocket: string;
  readonly python: string;
  readonly accountId: string;
  readonly region: string;
  readonly port: number;
  /** End when the starter's channel closes: for labs of tests, which must not outlive them. */
  readonly tied: boolean;
}

/** What the process says to its starter, once. */
export type LabProcessMessage =
  | { readonly type: 'listening'; readonly lab: string; readonly pid: number; readonly endpoint: string; readonly token: string }
  | { readonly type: 'failed'; readonly reason: string; readonly message: string; readonly next: string };

/** What the starter says, once the record of the lab is written: before, the lab ends with its starter. */
export type LabProcessOrder = 'keep';

async function run(options: LabProcessOptions): Promise<void> {
  const { folder, controlSocket } = options;
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const token = randomBytes(16).toString('hex');
  const emulator = await startEmulator({ python: options.python, accountId: options.accountId, port: 0, env: process.env, token, log });
  if (!emulator.ok) {
    tell({ type: 'failed', ...first(emulator.problems[0]) });
    return;
  }
  const proxy = await startProxy({
    upstreamPort: emulator.value.port,
    upstreamToken: token,
    port: options.port,
    accountId: options.accountId,
    region: options.region,
  });
  if ('reason' in proxy) {
    await emulator.value.stop();
    tell({
      type: 'failed',
      reason: proxy.reason,
      message: `the lab cannot listen on 127.0.0.1:${proxy.port}: the port is taken`,
      next: 'Leave --port out for a free one, or name another.',
    });
    return;
  }
  let ending = false;
  const end = async (): Promise<void> => {
    if (ending) return;
    ending = true;
    // A later lab of this folder has a record of its own.
    const record = await readLabRecord(folder).catch(() => undefined);
    if (record?.lab === proxy.lab) await rm(labRecordFile(folder), { force: true });
    await proxy.close();
    await emulator.value.stop();
    await rm(controlSocket, { force: true });
    process.exit(0);
  };
  // Without its emulator the lab is no lab.
  void emulator.value.exited.then(() => end());
  await listenForStop(controlSocket, proxy.lab, () => void end());
  process.on('SIGTERM', () => void end());
  process.on('SIGINT', () => void end());
  let kept = false;
  process.on('message', (order: unknown) => (kept = order === ('keep' satisfies LabProcessOrder)));
  process.on('disconnect', () => {
    if (options.tied || !kept) void end();
  });
  // The starter may have gone before it could be heard.
  if (!process.connected) await end();
  tell({ type: 'listening', lab: proxy.lab, pid: process.pid, endpoint: proxy.url, token: proxy.token });
}

const first = ({ reason, message, next }: { reason: string; message: string; next: string }) => ({ reason, message, next });

function tell(message: LabProcessMessage): void {
  process.send?.(message);
}

/** Whole or not at all: a reader never sees half a record. For its user's eyes only: it has the token. */
export async function writeRecord(folder: string, record: LabRecord): Promise<void> {
  const unfinished = `${labRecordFile(folder)}.${process.pid}`;
  await writeFile(unfinished, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  await chmod(unfinished, 0o600);
  await rename(unfinished, labRecordFile(folder));
}

if (process.argv[2] === '--lab-process' && process.argv[3] !== undefined) await run(JSON.parse(process.argv[3]) as LabProcessOptions);
