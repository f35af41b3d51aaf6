import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { DescribeVpcsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { provideEmulator, startEmulator } from '../../lab/emulator/emulator.ts';
import { startProxy } from '../../lab/proxy/proxy.ts';
import { account, present, python, region, start, tryToStart } from './emulator-lab.ts';

// The first run on a machine makes the Python environment.
beforeAll(() => python().then(() => undefined), 180_000);

const ends: (() => Promise<unknown> | undefined)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const client = (port: number) => ({
  endpoint: `http://127.0.0.1:${port}`,
  region,
  credentials: { accessKeyId: 'k', secretAccessKey: 's' },
  maxAttempts: 1,
});
const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('an emulator', { timeout: 60_000 }, () => {
  test('takes connections as soon as it is started, and is gone once it is stopped', async () => {
    const emulator = await start();
    ends.push(() => emulator.stop());
    expect((await new EC2Client(client(emulator.port)).send(new DescribeVpcsCommand({}))).Vpcs).toEqual([]);
    await emulator.stop();
    await emulator.stop();
    expect(await emulator.exited).toEqual({ code: 0, signal: null });
    expect(isRunning(emulator.pid)).toBe(false);
    await expect(fetch(`http://127.0.0.1:${emulator.port}`)).rejects.toThrow();
  });

  test('refuses a port that is taken, and says so', async () => {
    const emulator = await start();
    ends.push(() => emulator.stop());
    expect(await tryToStart(emulator.port)).toMatchObject({ ok: false, problems: [{ reason: 'port-taken' }] });
  });

  test('says what it died of', async () => {
    const lines: string[] = [];
    const failed = await startEmulator({
      python: await python(),
      accountId: 'twelve',
      port: 0,
      env: process.env,
      log: (line) => lines.push(line),
    });
    expect(failed).toMatchObject({ ok: false, problems: [{ reason: 'emulator-failed' }] });
    expect(lines.join()).toContain('an AWS account id has 12 digits');
    const missing = await startEmulator({ python: '/nowhere/python', accountId: account, port: 0, env: process.env, log: () => undefined });
    expect(missing).toMatchObject({
      ok: false,
      problems: [{ reason: 'emulator-failed', evidence: expect.stringContaining('ENOENT') as string }],
    });
  });

  test('does not see the AWS settings of its caller', async () => {
    const env = { ...process.env, AWS_PROFILE: 'does-not-exist', AWS_REGION: 'mars-1', MOTO_ACCOUNT_ID: '000000000000' };
    const started = await startEmulator({ python: await python(), accountId: account, port: 0, env, log: () => undefined });
    if (!started.ok) throw new Error(started.problems[0].message);
    ends.push(() => started.value.stop());
    const identity = await new STSClient(client(started.value.port)).send(new GetCallerIdentityCommand({}));
    expect(identity.Account).toBe(account);
  });

  test('answers only through its proxy, where it was started for one', async () => {
    const token = 'of-the-proxy';
    const env = process.env;
    const started = await startEmulator({ python: await python(), accountId: account, port: 0, env, token, log: () => undefined });
    if (!started.ok) throw new Error(started.problems[0].message);
    ends.push(() => started.value.stop());
    const { port } = started.value;
    for (const headers of [{}, { 'x-holdfast-emulator': 'another' }, { 'x-holdfast-emulator': 'ä' }])
      for (const at of ['/moto-api/reset', '/_emulator/snapshots/x', '/?Action=DescribeVpcs'])
        expect((await fetch(`http://127.0.0.1:${port}${at}`, { method: 'POST', headers })).status).toBe(403);
    const proxy = await startProxy({ upstreamPort: port, upstreamToken: token, accountId: account, region });
    if ('reason' in proxy) throw new Error(proxy.reason);
    ends.push(() => proxy.close());
    expect((await new EC2Client(client(proxy.port)).send(new DescribeVpcsCommand({}))).Vpcs).toEqual([]);
    const reset = await fetch(`${proxy.url}/_lab/reset`, { method: 'POST', headers: { authorization: `Bearer ${proxy.token}` } });
    expect(reset.status).toBe(200);
  });

  test('does not end at an interrupt, which a terminal sends to everyone', async () => {
    const emulator = await start();
    ends.push(() => emulator.stop());
    process.kill(emulator.pid, 'SIGINT');
    expect((await new EC2Client(client(emulator.port)).send(new DescribeVpcsCommand({}))).Vpcs).toEqual([]);
  });

  test('ends with the process that started it, however that ended', async () => {
    const starter = fileURLToPath(new URL('../../lab/emulator/emulator.ts', import.meta.url));
    const code = `
      const { startEmulator } = await import(${JSON.stringify(starter)});
      const started = await startEmulator({ python: ${JSON.stringify(await python())}, accountId: '${account}', port: 0, env: process.env, log: () => {} });
      console.log(started.value.pid);
      setInterval(() => {}, 1000);`;
    const parent = spawn(process.execPath, ['--import', './toolchain/tsx.mjs', '--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    ends.push(async () => {
      if (parent.kill('SIGKILL')) await once(parent, 'close');
    });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const pid = Number(line);
    expect(isRunning(pid)).toBe(true);
    parent.kill('SIGKILL');
    // Its stdout is the emulator's no longer; the emulator's own pipes close when it has ended.
    await expect.poll(() => isRunning(pid), { timeout: 5000 }).toBe(false);
  });
});

describe('a machine', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-emulator-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const provide = (env: NodeJS.ProcessEnv) =>
    provideEmulator({ cacheFolder: path.join(folder, 'cache'), env, onProgress: () => undefined });
  const script = (name: string, text: string) => writeFile(path.join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const noOthers = () =>
    Promise.all(['python3.12', 'python3.13', 'python3.14', 'python3', 'python'].map((name) => script(name, 'exit 127')));

  test('without Python is told to install it', async () => {
    await noOthers();
    await script('python3.11', 'exit 127');
    const found = await provide({ PATH: `${folder}:/bin` });
    expect(found).toMatchObject({
      ok: false,
      problems: [{ reason: 'python-missing', next: expect.stringContaining('Install Python 3.11') as string }],
    });
  });

  test('whose Python has no venv is told to install that', async () => {
    await script('python3.11', 'case "$1" in -c) echo 3.11.7;; *) echo "No module named venv" >&2; exit 1;; esac');
    expect(await provide({ PATH: `${folder}:/bin` })).toMatchObject({
      ok: false,
      problems: [{ reason: 'venv-missing', message: expect.stringContaining('No module named venv') as string }],
    });
  });

  test('that cannot reach PyPI is told so, and tries again the next time', async () => {
    await script('fake', 'echo "Could not find a version that satisfies the requirement blinker==1.9.0" >&2; exit 1');
    await script('python3.11', 'case "$1" in -c) echo 3.11.7;; *) mkdir -p "$3/bin"; cp "$(dirname "$0")/fake" "$3/bin/python";; esac');
    const first = await provide({ PATH: `${folder}:/bin:/usr/bin` });
    expect(first).toMatchObject({
      ok: false,
      problems: [{ reason: 'packages-unobtainable', next: expect.stringContaining('PIP_INDEX_URL') as string }],
    });
    await rm(path.join(folder, 'fake'));
    await symlink('/bin/true', path.join(folder, 'fake'));
    const second = await provide({ PATH: `${folder}:/bin:/usr/bin` });
    expect(second).toMatchObject({ ok: true });
    // Complete now: nothing is run again but the look for Python.
    await rm(path.join(folder, 'fake'));
    expect(await provide({ PATH: `${folder}:/bin:/usr/bin` })).toEqual(second);
    expect(present(second.ok ? second.value.python : undefined)).toContain(path.join(folder, 'cache', 'emulator'));
  });

  test('on which two ask at once makes it once', async () => {
    await script('fake', 'echo x >> "$(dirname "$0")/../../../../installs"');
    await script('python3.11', 'case "$1" in -c) echo 3.11.7;; *) mkdir -p "$3/bin"; cp "$(dirname "$0")/fake" "$3/bin/python";; esac');
    const env = { PATH: `${folder}:/bin:/usr/bin` };
    const [one, two] = await Promise.all([provide(env), provide(env)]);
    expect(one).toEqual(two);
    expect(await readFile(path.join(folder, 'installs'), 'utf8')).toBe('x\n');
  });
});
