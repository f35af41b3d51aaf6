import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, follow } from '../../lab/command.ts';
import type { CommandResult } from '../../lab/command.ts';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { Journal } from '../../orchestrator/journal/journal.ts';
import type { ProcessRecord } from '../../orchestrator/locks/lock-record.ts';
import { claimStack } from '../../orchestrator/ownership/claim.ts';
import { markedEnvironment } from '../../orchestrator/pulumi/orphans.ts';
import { durableLockKey, heartbeatKey, recordKey } from '../../orchestrator/state/layout.ts';
import { identityOf, machineIdentity } from '../../toolchain/process-identity.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { alice, asUser, bob, processOf, whyNot } from '../support/other-user.ts';

const reason = whyNot();
const network = 'small';
const stack = 'small.transit-gateway';
const marker = 'alices-nonce';

/** Two users on one machine whose process table hides the processes of others (hidepid=2): a hardened build host. */
describe.skipIf(reason !== undefined)(
  reason === undefined ? 'a living run of another user of this machine' : `a living run of another user (not played here: ${reason})`,
  { concurrent: false },
  () => {
    let orchestrator: ChildProcess;
    let engine: ChildProcess;
    let record: ProcessRecord;

    beforeAll(async () => {
      orchestrator = await processOf(alice);
      const identity = await identityOf(orchestrator.pid ?? 0);
      if (identity === undefined) throw new Error('the process is not there');
      engine = await processOf(alice, markedEnvironment(`${marker}/${stack}/1`, identity));
      record = {
        nonce: marker,
        user: 'alice',
        host: hostname(),
        machine: await machineIdentity(),
        pid: identity.pid,
        processStartedAt: identity.startedAt,
      };
    });
    afterAll(() => {
      for (const child of [orchestrator, engine]) child.kill('SIGKILL');
    });

    const program = fileURLToPath(new URL('../support/see-process.ts', import.meta.url));
    const seenBy = (user: number, hidepid: 0 | 1 | 2): unknown => {
      const node = [
        process.execPath,
        '--import',
        new URL('../../toolchain/tsx.mjs', import.meta.url).href,
        program,
        String(record.pid),
        marker,
        record.processStartedAt,
      ];
      const [file, ...args] = asUser(user, hidepid, node);
      return JSON.parse(execFileSync(file, args, { encoding: 'utf8', env: cleanEnvironment() })) as unknown;
    };
    const seen = (): object => ({ kind: 'seen', startedAt: record.processStartedAt });

    it('is seen by that user, and where processes are hidden only the search among all users says so', () => {
      expect(seenBy(alice, 2)).toEqual({ look: seen(), engine: 'hidden' });
    });

    it('is absent to a second user where processes are hidden, who is told that they are; whether an engine is left cannot be told', () => {
      expect(seenBy(bob, 2)).toEqual({ look: { kind: 'absent', others: 'hidden' }, engine: 'hidden' });
    });

    it('cannot be looked at by a second user where the kernel refuses to show what the processes of others are', () => {
      expect(seenBy(bob, 1)).toEqual({ look: { kind: 'cannot-look', reason: 'permission', code: 'EPERM' }, engine: 'permission' });
    });

    it('is seen by a second user where processes are shown; whether an engine is left cannot be told', () => {
      expect(seenBy(bob, 0)).toEqual({ look: seen(), engine: 'permission' });
    });

    describe('whose stack is in the middle of a step', { concurrent: false, shuffle: false }, () => {
      let rig: LabRig;
      let bucket: Bucket;
      const run = '20300101T000000Z-aaaaaaaa';
      /** Of its lock and its record. */
      let etags: readonly string[];

      beforeAll(async () => {
        rig = await LabRig.start(smallNetwork);
        bucket = new Bucket(rig.s3, rig.record.bucket);
        // What alice's run has written by then.
        const session = { accessKeyId: 'AKIAALICE', session: 'holdfast-alice', expires: 'never' };
        const journal = new Journal({ store: bucket, network, run, writer: marker, patienceSeconds: 5, now: Date.now });
        await journal.append({
          type: 'run-opened',
          operation: 'up',
          process: record,
          session,
          account: '111122223333',
          region: 'eu-west-1',
          order: [stack],
          forecastSeconds: 1,
          networkFile: { path: rig.networkFile, text: smallNetwork },
        });
        const lock = {
          ...record,
          ...session,
          schema: 1,
          stack,
          run,
          operation: 'up' as const,
          epoch: 1,
          startedAt: new Date().toISOString(),
        };
        const claiming = await claimStack(lock, stack, { store: bucket, network, patience: { seconds: 5 }, now: Date.now });
        if (!claiming.ok) throw new Error('the stack was not claimed');
        const { claim } = claiming;
        const started = await claim.write({ type: 'start', as: claim.as, operation: 'up', base: null, session });
        if (!started.ok) throw new Error('the stack was not started');
        etags = [claim.lock().etag, started.held.etag];
        await journal.append({ type: 'engine-started', stack, epoch: 1, operation: 'up', checkpoint: null, upstreams: {} });
      });
      afterAll(() => rig.stop());

      /** A command of root's that may do all but look at the processes of others: bob would need tools of his own. */
      const asSecondUser = (args: readonly string[]): Promise<CommandResult> => {
        const command = fileURLToPath(new URL('../../bin/holdfast.mjs', import.meta.url));
        const [file, ...rest] = asUser('root', 2, [process.execPath, command, ...args]);
        const env = { ...cleanEnvironment(), HOLDFAST_LAB_DIR: `${rig.folder}/lab` };
        return follow(spawn(file, rest, { cwd: rig.folder, env, stdio: ['ignore', 'pipe', 'pipe'] })).ended;
      };

      async function isUntouched(): Promise<void> {
        const now = await Promise.all([durableLockKey(stack), recordKey(stack)].map(async (key) => (await bucket.get(key))?.etag));
        expect(now).toEqual(etags);
        expect([orchestrator, engine].map(({ exitCode, signalCode }) => [exitCode, signalCode])).toEqual([
          [null, null],
          [null, null],
        ]);
      }

      it('is asked about by recover, which says that it cannot tell, and takes nothing over', async () => {
        const { exitCode, stdout } = await asSecondUser(['recover', 'transit-gateway']);
        expect(stdout).toMatch(
          /whether an engine of run \S+ is still running on \S+ cannot be told: this machine does not show this user the processes of other users/,
        );
        expect(stdout).not.toContain('is dead, and no process of its engine was left');
        expect(exitCode).toBe(5);
        await isUntouched();
      });

      it('is left alone by up, and told by locks as one of which it cannot be told whether it is alive', async () => {
        const up = await asSecondUser(['up', '--yes']);
        expect(up.exitCode).not.toBe(0);
        await isUntouched();
        const { stdout } = await asSecondUser(['locks', '--json']);
        expect(JSON.parse(stdout)).toMatchObject({ locks: [{ stack, liveness: 'cannot-tell', livenessReason: 'not-shown' }] });
      });

      it('is locked, and not held, while its heartbeat is heard', async () => {
        const { nonce, host, pid } = record;
        await bucket.put(heartbeatKey(network, nonce), JSON.stringify({ schema: 1, nonce, run, host, pid }), { only: 'always' });
        const { exitCode, stdout } = await asSecondUser(['recover', 'transit-gateway']);
        expect([exitCode, stdout]).toEqual([6, expect.stringContaining('is locked by alice@')]);
        await isUntouched();
      });
    });
  },
);
