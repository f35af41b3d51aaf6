import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { RunningCommand } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { engineBelow, signalledUntilGone } from '../support/processes.ts';
import { lockedOut, RawPulumi } from '../support/raw-pulumi.ts';

const stack = 'small.transit-gateway';

/** What the interruption hits: a create that AWS has accepted and of which the engine does not know yet. */
const held = { match: { service: 'ec2', action: 'CreateTransitGateway', times: 1 }, do: { kind: 'hold', point: 'after' } };

interface Interruption {
  readonly what: string;
  /** What makes the call stand still; none where the fault itself is the interruption. */
  readonly fault: object;
  readonly env?: (rig: LabRig) => Promise<Record<string, string>>;
  readonly interrupt?: (rig: LabRig, run: RunningCommand, call: number, env: Record<string, string>) => Promise<void>;
  readonly why: RegExp;
}

const kill = (pid: number | undefined, signal: NodeJS.Signals): void => {
  if (pid === undefined) throw new Error('there is no such process');
  process.kill(pid, signal);
};

const session = (rig: LabRig): Promise<Record<string, string>> => rig.session(7200);
const keyOf = (env: Record<string, string>): string => env['AWS_ACCESS_KEY_ID'] ?? '';

const interruptions: readonly Interruption[] = [
  {
    what: 'the CLI is killed',
    fault: held,
    interrupt: async (rig, run, call) => {
      kill((await engineBelow(run.child.pid ?? 0)).cli, 'SIGKILL');
      await rig.release(call);
    },
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'the provider is killed',
    fault: held,
    interrupt: async (rig, run, call) => {
      kill((await engineBelow(run.child.pid ?? 0)).plugin, 'SIGKILL');
      await rig.release(call);
    },
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'the orchestrator is killed',
    fault: held,
    interrupt: async (rig, run, call) => {
      kill(run.child.pid, 'SIGKILL');
      await run.ended;
      await rig.release(call);
    },
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'the orchestrator, the CLI and the provider are killed',
    fault: held,
    interrupt: async (rig, run, call) => {
      const { cli, plugin } = await engineBelow(run.child.pid ?? 0);
      for (const pid of [run.child.pid, cli, plugin]) kill(pid, 'SIGKILL');
      await run.ended;
      await rig.release(call);
    },
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'the CLI gets two SIGINTs',
    fault: held,
    interrupt: async (rig, run, call) => {
      const { cli } = await engineBelow(run.child.pid ?? 0);
      // Two that come together are one: the second counts once the first was taken, which only its end shows.
      await signalledUntilGone(cli, 'SIGINT');
      await rig.release(call);
    },
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'Holdfast gets two SIGINTs',
    fault: held,
    interrupt: async (rig, run, call) => {
      run.child.kill('SIGINT');
      await run.event(({ type }) => type === 'draining');
      run.child.kill('SIGINT');
      await run.event(({ type, message }) => type === 'draining' && String(message).includes('interrupted'));
      await rig.release(call);
    },
    why: /the engine was interrupted/,
  },
  {
    what: 'Holdfast gets a SIGTERM and, as a CI does it, a SIGKILL',
    fault: held,
    interrupt: async (rig, run, call) => {
      run.child.kill('SIGTERM');
      await run.event(({ type }) => type === 'draining');
      kill(run.child.pid, 'SIGKILL');
      await run.ended;
      await rig.release(call);
    },
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'the session is revoked for everything',
    fault: held,
    env: session,
    interrupt: async (rig, _, call, env) => {
      await rig.revoke(keyOf(env));
      await rig.release(call);
    },
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'the session is revoked for S3 alone',
    fault: held,
    env: session,
    interrupt: async (rig, _, call, env) => {
      await rig.revoke(keyOf(env), ['s3']);
      await rig.release(call);
    },
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'the session is revoked for EC2 alone',
    fault: held,
    env: session,
    interrupt: async (rig, _, call, env) => {
      await rig.revoke(keyOf(env), ['ec2']);
      await rig.release(call);
    },
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'the reply of the create is lost',
    fault: { match: held.match, do: { kind: 'lose-reply' } },
    why: /AWS has a transit-gateway for gateway \(tgw-\w+\) that the state does not have/,
  },
  {
    what: 'the checkpoint is refused once AWS has made it',
    fault: held,
    interrupt: async (rig, _, call) => {
      await rig.fault({
        match: { service: 's3', action: 'PutObject', key: '.pulumi/stacks/**' },
        do: { kind: 'refuse', code: 'AccessDenied', status: 403, message: 'Access Denied' },
      });
      await rig.release(call);
    },
    why: /CreateTransitGateway outcome unknown/,
  },
];

describe(
  'a run that is interrupted when AWS has made a gateway and the state does not say so',
  { concurrent: false, shuffle: false },
  () => {
    let rig: LabRig;
    let raw: RawPulumi;
    beforeAll(async () => {
      rig = await LabRig.start(smallNetwork);
      raw = await RawPulumi.open(rig.record);
    });
    afterEach(() => rig.reset());
    afterAll(async () => {
      await raw.close();
      await rig.stop();
    });

    it.each(interruptions)('stays locked and held, and everyone else out: $what', async ({ fault, env, interrupt, why }) => {
      await rig.fault(fault);
      const environment = (await env?.(rig)) ?? {};
      const run = rig.run(['up', 'transit-gateway', '--yes', '--no-settle', '--bucket-patience', '2s', '--json'], environment);
      if (interrupt) {
        const { held: calls } = await rig.heldCall(run);
        await interrupt(rig, run, calls[0]?.n ?? 0, environment);
      }
      const { exitCode } = await run.ended;
      expect([4, null]).toContain(exitCode);
      await rig.clearFaults();

      expect(await rig.locks()).toContain(durableLockKey(stack));
      const status = await rig.holdfast(['status']);
      expect(status.stdout).toMatch(/^HELD transit-gateway: .* since .*\. Do not cancel\. Next: npm run recover -- transit-gateway$/m);
      expect(status.stdout).toMatch(why);
      expect(status.exitCode).toBe(4);
      const refresh = await raw.run('refresh', stack);
      expect(refresh.output).toContain(lockedOut);
      expect(refresh.exitCode).not.toBe(0);
      expect((await raw.up(stack)).output).toContain(lockedOut);
      expect((await rig.holdfast(['up', 'transit-gateway', '--yes', '--no-settle'])).exitCode).toBe(4);
      expect((await rig.holdfast(['up', 'vpc.one', '--yes', '--no-settle'])).exitCode).toBe(4);
      expect((await rig.holdfast(['up', '--yes', '--no-settle'])).exitCode).toBe(4);
      expect(await rig.locks()).toEqual([durableLockKey(stack)]);
    });
  },
);
