import { rename, rm, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import process from 'node:process';
import { labRecordFile } from '../orchestrator/aws/target.ts';
import type { LabRecord } from '../orchestrator/domain/lab-record.ts';
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
  | { readonly type: 'listening'; readonly lab: string; readonly pid: number; readonly endpoint: string }
  | { readonly type: 'failed'; readonly reason: string; readonly message: string; readonly next: string };

async function run(options: LabProcessOptions): Promise<void> {
  const { folder, controlSocket } = options;
  await mkdir(folder, { recursive: true });
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  const emulator = await startEmulator({ python: options.python, accountId: options.accountId, port: 0, env: process.env, log });
  if (!emulator.ok) {
    tell({ type: 'failed', ...first(emulator.problems[0]) });
    return;
  }
  const proxy = await startProxy({
    upstreamPort: emulator.value.port,
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
    await rm(labRecordFile(folder), { force: true });
    await proxy.close();
    await emulator.value.stop();
    await rm(controlSocket, { force: true });
    process.exit(0);
  };
  // Without its emulator the lab is no lab.
  void emulator.value.exited.then(() => end());
  const control = createServer((connection) => {
    connection.on('error', () => undefined);
    connection.once('data', () => void end());
  });
  await rm(controlSocket, { force: true });
  control.listen(controlSocket);
  await new Promise((resolve) => control.once('listening', resolve));
  process.on('SIGTERM', () => void end());
  process.on('SIGINT', () => void end());
  if (options.tied) process.on('disconnect', () => void end());
  tell({ type: 'listening', lab: proxy.lab, pid: process.pid, endpoint: proxy.url });
}

const first = ({ reason, message, next }: { reason: string; message: string; next: string }) => ({ reason, message, next });

function tell(message: LabProcessMessage): void {
  process.send?.(message);
}

/** Whole or not at all: a reader never sees half a record. */
export async function writeRecord(folder: string, record: LabRecord): Promise<void> {
  const unfinished = `${labRecordFile(folder)}.${process.pid}`;
  await writeFile(unfinished, `${JSON.stringify(record, null, 2)}\n`);
  await rename(unfinished, labRecordFile(folder));
}

if (process.argv[2] === '--lab-process' && process.argv[3] !== undefined) await run(JSON.parse(process.argv[3]) as LabProcessOptions);
