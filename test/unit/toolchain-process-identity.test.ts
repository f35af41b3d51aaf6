import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { runTied } from '../../toolchain/tied-process.ts';
import {
  anyProcess,
  identityOf,
  lookAt,
  mountShowsOthers,
  ownIdentity,
  processesWithEnvironment,
  ProcessesUnseen,
  startedFromHere,
} from '../../toolchain/process-identity.ts';

const descriptors: number[] = [];
const children: { readonly child: ChildProcess; readonly closed: Promise<unknown> }[] = [];
const platform = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
afterEach(async () => {
  for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
  Object.defineProperty(process, 'platform', platform);
  for (const { child, closed } of children.splice(0)) {
    child.kill('SIGKILL');
    // A pipe of it that closes later would give a file back to a test that has opened all of them.
    await closed;
  }
});

/** Ended after the test. */
const keep = (child: ChildProcess): void => void children.push({ child, closed: once(child, 'close') });

/** Opens files until none can be opened any more, but for so many. */
function exhaust(left = 0): void {
  try {
    for (;;) descriptors.push(openSync('/dev/null', 'r'));
  } catch {
    if (left > 0) for (const descriptor of descriptors.splice(-left)) closeSync(descriptor);
  }
}

const release = (): void => {
  for (const descriptor of descriptors.splice(0)) closeSync(descriptor);
};

const on = (name: NodeJS.Platform): void => {
  Object.defineProperty(process, 'platform', { ...platform, value: name });
};

async function started(command: string, args: readonly string[], options: Parameters<typeof spawn>[2] = {}): Promise<number> {
  const child = spawn(command, args, { stdio: 'ignore', ...options });
  keep(child);
  await once(child, 'spawn');
  return child.pid ?? 0;
}

/** No machine numbers so many. */
const free = 2 ** 22 + 1;

const isLinux = platform.value === 'linux';
const mount = (options: string, type = 'proc', point = '/proc'): string => `22 27 0:21 / ${point} rw,relatime - ${type} proc ${options}`;

describe.runIf(isLinux)('a look at one process', () => {
  it('sees this process, by its start', async () => {
    const { startedAt } = await ownIdentity();
    expect(await lookAt(process.pid)).toEqual({ kind: 'seen', startedAt });
  });

  it('says of a free number whether this machine would have shown a process of another user', async () => {
    expect(await lookAt(free)).toMatchObject({ kind: 'absent' });
    expect(await identityOf(free)).toBeUndefined();
  });

  it('says of a zombie that it has ended', async () => {
    // The shell becomes a program that never asks what became of its child.
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 600'], { stdio: ['ignore', 'pipe', 'ignore'] });
    keep(parent);
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const zombie = Number(line.toString());
    await expect.poll(() => lookAt(zombie)).toEqual({ kind: 'ended' });
  });
});

describe.runIf(isLinux)('where no more files can be opened', () => {
  it('a look says that it could not look, and never that the process is gone; a search throws, also where it can list processes and not read each', async () => {
    const script = fileURLToPath(new URL('../support/looks-without-files.ts', import.meta.url));
    const loader = new URL('../../toolchain/tsx.mjs', import.meta.url).href;
    const looked = await runTied(process.execPath, ['--import', loader, script, String(free)], {
      env: { PATH: process.env['PATH'] ?? '' },
    });
    const unseen = { name: 'ProcessesUnseen', reason: 'descriptors', code: 'EMFILE' };
    const cannotLook = { kind: 'cannot-look', reason: 'descriptors', code: 'EMFILE' };
    expect(looked.outcome === 'succeeded' ? JSON.parse(looked.stdout) : looked).toEqual({
      own: cannotLook,
      free: cannotLook,
      alive: unseen,
      search: unseen,
      searchByOne: unseen,
    });
  });
});

describe('a look by ps, as on macOS', () => {
  it('sees a process, and a number that is free', async () => {
    const alive = await runTied('ps', ['-o', 'lstart=', '-p', String(process.pid)], { env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } });
    on('darwin');
    const looked = [await lookAt(process.pid), await lookAt(99_999_999)];
    expect(looked).toEqual([
      { kind: 'seen', startedAt: alive.outcome === 'succeeded' ? alive.stdout.trim() : '' },
      expect.objectContaining({ kind: 'absent' }),
    ]);
  });

  it('says that it could not look where ps cannot be started', async () => {
    on('darwin');
    const { PATH } = process.env;
    process.env['PATH'] = '/nowhere';
    const looked = await lookAt(process.pid);
    process.env['PATH'] = PATH;
    expect(looked).toEqual({ kind: 'cannot-look', reason: 'failed', code: 'ENOENT' });
  });
});

describe('whether the process table shows other users, by how it is mounted', () => {
  it.each([
    ['rw', true],
    ['rw,gid=4', true],
    ['rw,hidepid=0', true],
    ['rw,hidepid=off', true],
    // By name it refuses to show them, so that a number that is not there is free.
    ['rw,hidepid=1', true],
    ['rw,hidepid=noaccess', true],
    ['rw,hidepid=2', false],
    ['rw,hidepid=invisible', false],
    ['rw,gid=4,hidepid=ptraceable', false],
    ['rw,hidepid=9', false],
  ])('%s: %s', (options, shown) => {
    expect(mountShowsOthers(`${mount('rw', 'ext4', '/')}\n${mount(options)}\n`)).toBe(shown);
  });

  it('goes by what lies on top', () => {
    expect(mountShowsOthers([mount('rw'), mount('rw,hidepid=2')].join('\n'))).toBe(false);
    expect(mountShowsOthers([mount('rw,hidepid=2'), mount('rw')].join('\n'))).toBe(true);
  });

  it('is not so where nothing of the kind is mounted there', () => {
    expect([mountShowsOthers(''), mountShowsOthers(mount('rw', 'tmpfs')), mountShowsOthers(mount('rw', 'proc', '/mnt/proc'))]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe.runIf(isLinux)('a search for processes by their environment', () => {
  const name = `HOLDFAST_TEST_${process.pid}`;
  const env = { PATH: process.env['PATH'], [name]: 'yes' };
  const search = async () => processesWithEnvironment(name, (value) => value === 'yes', await startedFromHere());

  it('finds them the oldest first, each with what it was started with', async () => {
    const pids = [await started('sleep', ['600'], { env }), await started('sleep', ['600'], { env })];
    const found = await search();
    expect([found.map(({ pid }) => pid), found[0]?.environment.get(name)]).toEqual([pids, 'yes']);
  });

  it('needs few descriptors', async () => {
    const pid = await started('sleep', ['600'], { env });
    const suspects = await startedFromHere();
    exhaust(12);
    const found = await processesWithEnvironment(name, () => true, suspects).catch((cause: unknown) => cause);
    release();
    expect(found).toEqual([expect.objectContaining({ pid })]);
  });

  it('throws where environments cannot be read at all', async () => {
    on('darwin');
    await expect(processesWithEnvironment(name, () => true, anyProcess)).rejects.toThrow(ProcessesUnseen);
    await expect(processesWithEnvironment(name, () => true, { users: 'own' })).rejects.toMatchObject({ reason: 'platform' });
  });
});
