import { afterEach, describe, expect, it } from 'vitest';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { run } from '@stricli/core';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { app } from '../../orchestrator/cli/app.ts';
import type { Context } from '../../orchestrator/cli/context.ts';
import type { Ports } from '../../orchestrator/cli/ports.ts';
import { checkUsers } from '../../orchestrator/preflight/users.ts';
import { firstUidIn, lookAtOtherUsers, ownersInList, ownersInTable } from '../../toolchain/other-users.ts';
import { ProcessesUnseen } from '../../toolchain/process-identity.ts';
import { exampleNetwork } from '../support/networks.ts';
import { processOf } from '../support/other-user.ts';

describe('the users of a machine', () => {
  it.each([
    ['as the machine says', 'UID_MIN\t\t\t  500\nUID_MAX 60000\n', 500],
    ['1000 where a comment says otherwise', '#UID_MIN 1\nSYS_UID_MIN 100\n', 1000],
    ['1000 where nothing is said', '', 1000],
  ])('begin with the people %s', (_, text, first) => {
    expect(firstUidIn(text)).toBe(first);
  });

  it('are those of its connections, each as often as it has some', () => {
    const table = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1337        0 20 1 ffff 100 0 0 10 0',
      '   1: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 21 1 ffff 100 0 0 10 0',
      '',
    ].join('\n');
    expect(ownersInTable(table)).toEqual([1337, 0]);
  });

  it.each(['-2', '4294967294'])('are listed by ps, and %s is nobody', (nobody) => {
    expect(ownersInList(`    0\n  501\n${nobody}\n`)).toEqual([0, 501, 65534]);
  });

  it('are not known from a list in which one line is no number', () => {
    expect(() => ownersInList('    0\nps: no such option\n')).toThrow(ProcessesUnseen);
  });
});

describe('what preflight says of them', () => {
  it('is ok where there are none, and where the keys open nothing', () => {
    expect(checkUsers({ kind: 'seen', users: [] }).outcome).toBe('ok');
    expect(checkUsers('not-needed').outcome).toBe('ok');
  });

  it('is that nothing is known where a person has accepted them unseen', () => {
    expect(checkUsers('accepted').outcome).toBe('not-checked');
  });

  it('is who they are, what they could do, and what to do', () => {
    const users = [
      { uid: 1001, name: 'alice', processes: 3 },
      { uid: 1337, processes: 0 },
      { uid: 65534, name: 'nobody', processes: 1 },
    ];
    expect(checkUsers({ kind: 'seen', users })).toMatchObject({
      outcome: 'fail',
      message: expect.stringMatching(
        /alice \(1001\): 3 processes; 1337: connections, no process that is shown; nobody \(65534\): 1 process\. .*can make AWS calls/,
      ) as string,
      next: expect.stringContaining('--shared-machine') as string,
    });
  });

  it('names five of many, and how many more there are', () => {
    const users = Array.from({ length: 7 }, (_, n) => ({ uid: 2000 + n, processes: 1 }));
    expect(checkUsers({ kind: 'seen', users }).message).toMatch(/2004: 1 process; 2 more\./);
  });

  it.each([
    ['processes', 'hidden', undefined, /whether other users run processes here cannot be told: .*hidepid/],
    ['connections', 'failed', 'ENOENT', /does not say whose a connection is \(\/proc\/net\/tcp: ENOENT\)/],
  ] as const)('is no less where the %s cannot be told (%s)', (what, reason, code, message) => {
    const seen = checkUsers({ kind: 'cannot-tell', what, cause: new ProcessesUnseen(reason, code) });
    expect(seen).toMatchObject({ outcome: 'fail', next: expect.stringContaining('--shared-machine') as string });
    expect(seen.message).toMatch(message);
  });
});

const isRootOnLinux = process.platform === 'linux' && process.getuid?.() === 0;

/** A user of whom no other test on this machine has a process. */
const someone = 40_000 + (process.pid % 20_000);

describe.skipIf(!isRootOnLinux)('on a machine on which another user runs a process', { concurrent: false }, () => {
  const started: ChildProcess[] = [];
  let folder: string | undefined;
  afterEach(async () => {
    for (const child of started.splice(0)) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      // Until then it is one of its user's.
      await ended;
    }
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const usersSeen = async (): Promise<readonly number[]> => {
    const seen = await lookAtOtherUsers();
    if (seen.kind !== 'seen') throw seen.cause;
    return seen.users.map(({ uid }) => uid);
  };

  it('the user is seen while the process runs, and a service of the machine is not one', async () => {
    expect(await usersSeen()).not.toContain(someone);
    started.push(await processOf(someone), await processOf(33));
    expect(await usersSeen()).toContain(someone);
    expect(await usersSeen()).not.toContain(33);
  });

  it('a user whose process has a network of its own is not seen: it does not reach this loopback', async () => {
    const child = spawn(
      'unshare',
      ['-n', 'setpriv', `--reuid=${someone}`, `--regid=${someone}`, '--clear-groups', 'sh', '-c', 'echo; exec sleep 600'],
      {
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    started.push(child);
    await once(child.stdout, 'data');
    expect(await usersSeen()).not.toContain(someone);
  });

  /** A real account that does not answer: what the machine itself shows is looked at all the same. */
  const preflightWith = async (args: readonly string[], env: Context['env'] = {}): Promise<Record<string, unknown> | undefined> => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-users-'));
    const network = join(folder, 'network.yaml');
    await writeFile(network, exampleNetwork.replace(/account: .*/, 'account: "444455556666"'));
    const cause = Object.assign(new Error('no way there'), { name: 'ECONNREFUSED', code: 'ECONNREFUSED' });
    const refuses = {
      send: () => Promise.reject(cause),
      destroy: () => undefined,
      middlewareStack: { add: () => undefined },
    };
    const clients = new Proxy({}, { get: (_, name) => (name === 'destroy' ? () => undefined : refuses) });
    const ports = {
      kinds: (await import('../../stacks/index.ts')).kinds,
      openSession: () => Promise.resolve({ ok: true, value: { source: 'a test', credentials: {}, expiry: 'never' } }),
      openClients: () => clients,
      openStateClients: () => clients,
      provideEngine: () => Promise.resolve({ settings: { cli: { version: '3' } }, plugin: 'a plugin' }),
    } as unknown as Ports;
    let stdout = '';
    const context: Context = {
      process: { stdout: { write: (text) => (stdout += text) }, stderr: { write: () => undefined } },
      env,
      cwd: folder,
      root: folder,
      now: Date.now,
      interactive: false,
      ask: () => Promise.reject(new Error('there is nobody to ask')),
      ports,
    };
    await run(app, ['preflight', '--json', '--network', network, ...args], context);
    const events = stdout.split('\n').filter((line) => line.startsWith('{'));
    return events
      .map((line) => JSON.parse(line) as { type?: string; check?: { id: string } & Record<string, unknown> })
      .find(({ check }) => check?.id === 'users')?.check;
  };

  it('preflight of a real account refuses it with exit code 3, unless a flag or a variable accepts it', async () => {
    started.push(await processOf(someone));
    expect(await preflightWith([])).toMatchObject({
      outcome: 'fail',
      exitCode: 3,
      message: expect.stringContaining(String(someone)) as string,
    });
    expect(await preflightWith(['--shared-machine'])).toMatchObject({ outcome: 'not-checked' });
    expect(await preflightWith([], { HOLDFAST_SHARED_MACHINE: '1' })).toMatchObject({ outcome: 'not-checked' });
    expect(await preflightWith([], { HOLDFAST_SHARED_MACHINE: '0' })).toMatchObject({ outcome: 'fail' });
  });
});
