import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LabRig } from '../support/lab-rig.ts';
import { lookAtAws, nothing } from '../support/aws-look.ts';
import { smallNetwork } from '../support/networks.ts';
import { nightly } from '../support/tier.ts';

/** Processes whose environment or command line names this folder. */
async function processesOf(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const text = await Promise.all(['cmdline', 'environ'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')));
      return text.join('').includes(folder) ? pid : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined && pid !== process.pid) as number[];
}

describe.runIf(process.platform === 'linux')('the lab', { concurrent: false, shuffle: false }, () => {
  let rig: LabRig;
  let folder: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
    folder = await mkdtemp(join(tmpdir(), 'holdfast-lab-test-'));
    env = { HOLDFAST_LAB_DIR: join(folder, 'lab') };
  });
  afterAll(async () => {
    await rig.holdfast(['lab', 'stop'], env);
    await rig.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const status = async () => JSON.parse((await rig.holdfast(['lab', 'status', '--json'], env)).stdout) as Record<string, unknown>;

  it('says that none runs', async () => {
    expect(await status()).toEqual({ schema: 1, running: false });
  });

  it('is started once by two starts at once', async () => {
    const args = ['lab', 'start', '--network', rig.networkFile, '--json'];
    const [one, two] = await Promise.all([rig.holdfast(args, env), rig.holdfast(args, env)]);
    expect([one.exitCode, two.exitCode]).toEqual([0, 0]);
    const endpoints = [one, two].map(({ events }) => events.find(({ running }) => running === true)?.['endpoint']);
    expect(endpoints[0]).toBe(endpoints[1]);
  });

  it('tells where it is', async () => {
    expect(await status()).toMatchObject({
      running: true,
      endpoint: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as unknown,
      region: 'eu-west-1',
      accountId: '111122223333',
      bucket: 'holdfast-state-111122223333-eu-west-1',
      stateUrl: expect.stringMatching(/^s3:\/\/holdfast-state-111122223333-eu-west-1\?region=eu-west-1&endpoint=/) as unknown,
      network: rig.networkFile,
    });
  });

  it('listens on 127.0.0.1 and nowhere else', async () => {
    const pids = await processesOf(join(folder, 'lab'));
    const { stdout } = await promisify(execFile)('ss', ['-ltnpH']).catch(() => ({ stdout: '' }));
    const sockets =
      stdout === '' ? await listeningByProc(pids) : stdout.split('\n').filter((line) => pids.some((pid) => line.includes(`pid=${pid},`)));
    expect(sockets.length).toBeGreaterThan(0);
    expect(sockets.filter((line) => !line.includes('127.0.0.1:'))).toEqual([]);
  });

  nightly('is empty again in seconds after a reset, and ready', async () => {
    expect((await rig.holdfast(['up', '--yes'], env)).exitCode).toBe(0);
    expect((await rig.holdfast(['lab', 'reset'], env)).exitCode).toBe(0);
    const { exitCode, stdout } = await rig.holdfast(['status', '--json'], env);
    expect(exitCode).toBe(0);
    const states = (JSON.parse(stdout) as { stacks: { state: string }[] }).stacks.map(({ state }) => state);
    expect(states).toEqual(Array.from({ length: 5 }, () => 'not-deployed'));
    expect(await lookAtAws(rig.ec2)).toEqual(nothing);
  });

  it('leaves no process behind when it is stopped', async () => {
    expect((await processesOf(join(folder, 'lab'))).length).toBeGreaterThan(0);
    expect((await rig.holdfast(['lab', 'stop'], env)).exitCode).toBe(0);
    expect(await processesOf(join(folder, 'lab'))).toEqual([]);
    expect(await status()).toEqual({ schema: 1, running: false });
  });

  it('leaves no process behind when its own is killed', async () => {
    await rig.holdfast(['lab', 'start', '--network', rig.networkFile], env);
    const { pid } = (await status()) as { pid: number };
    const children = await childrenOf(pid);
    expect(children.length).toBe(1);
    process.kill(pid, 'SIGKILL');
    await Promise.all(children.map(gone));
    expect(await status()).toEqual({ schema: 1, running: false });
  });
});

async function childrenOf(pid: number): Promise<number[]> {
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean).map(Number);
}

/** Looks until the process is no more: there is no event for the end of somebody else's child. The test's own limit ends a wait in vain. */
async function gone(pid: number): Promise<void> {
  while (
    await readFile(`/proc/${pid}/stat`, 'utf8').then(
      (stat) => !/\) [ZX] /.test(stat),
      () => false,
    )
  )
    await new Promise((resolve) => setImmediate(resolve));
}

async function listeningByProc(pids: readonly number[]): Promise<string[]> {
  const inodes = new Set<string>();
  const { readlink } = await import('node:fs/promises');
  for (const pid of pids)
    for (const fd of await readdir(`/proc/${pid}/fd`).catch((): string[] => [])) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
  const lines: string[] = [];
  for (const [name, any] of [
    ['tcp', false],
    ['tcp6', true],
  ] as const) {
    const rows = (await readFile(`/proc/net/${name}`, 'utf8').catch(() => '')).split('\n').slice(1);
    for (const row of rows) {
      const [, local, , state, , , , , , inode] = row.trim().split(/\s+/);
      if (state !== '0A' || inode === undefined || !inodes.has(inode)) continue;
      const [address = '', port = '0'] = (local ?? '').split(':');
      lines.push(`${any ? `[${address}]` : address === '0100007F' ? '127.0.0.1' : address}:${parseInt(port, 16)}`);
    }
  }
  return lines;
}
