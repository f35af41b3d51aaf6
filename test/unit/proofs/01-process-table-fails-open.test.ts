import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { findEngineProcesses, endEngineProcesses } from '../../../orchestrator/pulumi/orphans.ts';
import { endLeftLocks, endOrphans } from '../../../orchestrator/run/tidy.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import { readStates } from '../../../orchestrator/state/checkpoints.ts';
import { writerOf } from '../../../orchestrator/recovery/writer.ts';
import { durableLockKey } from '../../../orchestrator/state/layout.ts';
import { writeLock } from '../../../orchestrator/locks/lock-record.ts';
import { isAlive, lookAt, ownIdentity, startedFromHere } from '../../../toolchain/process-identity.ts';
import { ApplyRig, closeGateway } from '../support/apply-rig.ts';
import { known, lockOf, machine, user } from '../support/owner.ts';
import { ownedRecord, putRecord } from '../support/records.ts';
import { trusted } from '../support/declared.ts';

afterAll(closeGateway);
const fds: number[] = [];
const children: { kill: (s: NodeJS.Signals) => boolean }[] = [];
afterEach(() => {
  for (const fd of fds.splice(0)) closeSync(fd);
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function exhaust(): void {
  for (;;) {
    try {
      fds.push(openSync('/dev/null', 'r'));
    } catch {
      return;
    }
  }
}

describe.runIf(process.platform === 'linux')('H1: "dead" is concluded from a look that failed', () => {
  it('a process that is alive is not called dead because /proc could not be opened (EMFILE)', async () => {
    const own = await ownIdentity();
    expect(await isAlive(own)).toBe(true);
    exhaust();
    const alive = await isAlive(own).catch(() => 'not known');
    for (const fd of fds.splice(0)) closeSync(fd);
    expect(alive).not.toBe(false);
  });

  it('the lock of a LIVE run of this machine is not released by a command that has run out of file descriptors', async () => {
    const rig = new ApplyRig();
    const own = await ownIdentity();
    const mine = { pid: own.pid, processStartedAt: own.startedAt };
    const record = lockOf('example.a', 'mine', mine);
    rig.bucket.set(durableLockKey('example.a'), writeLock(record));
    putRecord(rig.bucket, ownedRecord('example.a', 'claimed', { owner: record }));
    const { states } = await readStates(rig.bucket, 'example', trusted);
    exhaust();
    const standings = await readStandings({
      store: rig.bucket,
      network: 'example',
      states,
      machine,
      user,
      now: () => rig.now,
      // Exactly as orchestrator/cli/open.ts does it.
      lookAt: ({ pid }) => lookAt(pid),
    });
    for (const fd of fds.splice(0)) closeSync(fd);
    const ended: string[] = [];
    await endOrphans(
      standings,
      (nonce) => {
        ended.push(nonce);
        return Promise.resolve(0);
      },
      () => undefined,
    );
    await endLeftLocks({
      store: rig.bucket,
      network: 'example',
      standings,
      lockRecord: (stack) => lockOf(stack, 'next'),
      now: () => rig.now,
      onNote: () => undefined,
    });
    expect({ standing: standings.byStack.get('example.a')?.kind, lock: rig.locked(), enginesKilledOf: ended }).toEqual({
      standing: 'locked',
      lock: ['a'],
      enginesKilledOf: [],
    });
  });

  // Only root can start a process of another user.
  it.runIf(process.getuid?.() === 0)('an engine of another OS user on this machine is not taken for gone (rule 8)', async () => {
    const child = spawn('sleep', ['30'], {
      uid: 1001,
      gid: 1001,
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], HOLDFAST_ENGINE_OF: 'nonce-of-alice/example.vpc.a/x', HOLDFAST_ENGINE_BY: '4194305 then' },
    });
    children.push(child);
    await new Promise((resolve) => setTimeout(resolve, 300));
    // What `recover` does on the machine of the interrupted run (cli/commands/recover.ts, seeWriter).
    const ended = await endEngineProcesses('nonce-of-alice/example.vpc.a', { ...(await startedFromHere()), users: 'all' });
    const stillThere = child.exitCode === null && child.signalCode === null;
    const verdict = writerOf({
      interrupted: {
        run: 'r1',
        stack: 'example.vpc.a',
        operation: 'up',
        base: null,
        startedAt: undefined,
        program: undefined,
        process: lockOf('example.vpc.a', 'r1', { user: 'alice' }),
        engineStarted: true,
        engineEndedAt: undefined,
        sessions: [{ accessKeyId: 'K', session: 's', expires: '2099-01-01T00:00:00Z' }],
        doubts: [],
        answers: [],
        nonces: ['nonce-of-alice'],
      },
      liveness: known.dead,
      engine: { kind: 'ended', count: ended.length },
      now: Date.now(),
      clockSkewSeconds: 0,
      saidBy: undefined,
    });
    expect({ stillThere, writerDead: verdict.dead, by: verdict.dead ? verdict.by : undefined }).toEqual({
      stillThere: false,
      writerDead: true,
      by: 'process-dead',
    });
  });

  it('an engine process that lives is found although there are few file descriptors', async () => {
    const child = spawn('sleep', ['30'], { stdio: 'ignore', env: { PATH: process.env['PATH'], HOLDFAST_ENGINE_OF: 'n2/example.vpc.a/x' } });
    children.push(child);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const suspects = await startedFromHere();
    expect((await findEngineProcesses('n2/example.vpc.a', suspects)).length).toBe(1);
    exhaust();
    // Leave 30: what a busy process may have left. The look opens every /proc/<pid>/environ at once.
    for (const fd of fds.splice(-30)) closeSync(fd);
    let found: number | string;
    try {
      found = (await findEngineProcesses('n2/example.vpc.a', suspects)).length;
    } catch {
      found = 'it says that it could not look';
    }
    for (const fd of fds.splice(0)) closeSync(fd);
    expect(found).not.toBe(0);
  });

  it('where processes cannot be looked for (macOS), nobody says that none is left', async () => {
    const child = spawn('sleep', ['30'], { stdio: 'ignore', env: { PATH: process.env['PATH'], HOLDFAST_ENGINE_OF: 'n3/example.vpc.a/x' } });
    children.push(child);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const real = Object.getOwnPropertyDescriptor(process, 'platform') ?? {};
    Object.defineProperty(process, 'platform', { ...real, value: 'darwin' });
    // `Engine.#run` calls this in its `finally`: "When a result is there, nothing of that engine is: what plugins it left are ended."
    const outcome = await endEngineProcesses('n3/example.vpc.a', await startedFromHere()).then(
      () => 'nothing of it is left',
      () => 'not known',
    );
    Object.defineProperty(process, 'platform', real);
    expect({ outcome, alive: child.exitCode === null }).not.toEqual({ outcome: 'nothing of it is left', alive: true });
  });
});
