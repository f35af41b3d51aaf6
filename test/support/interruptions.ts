import type { LabRig, RunningCommand } from './lab-rig.ts';
import { engineBelow, signal, signalledUntilGone } from './processes.ts';

/** The call that an interruption hits, as a fault of the lab matches it. */
export interface HitCall {
  readonly service: 'ec2' | 'sns' | 'cloudwatch';
  readonly action: string;
}

/** How a run is interrupted at a call that AWS has accepted and of which the engine does not know yet. */
export interface Interruption {
  readonly what: string;
  /** Absent where the fault itself is the interruption. */
  readonly fault?: (call: HitCall) => object;
  readonly env?: (rig: LabRig) => Promise<Record<string, string>>;
  readonly interrupt?: (rig: LabRig, run: RunningCommand, call: number, env: Record<string, string>) => Promise<void>;
  /** What `status` then says, where the call is `CreateTransitGateway`. */
  readonly why: RegExp;
}

/** The call stands still once AWS has done it. */
const held = (call: HitCall): object => ({ match: { ...call, times: 1 }, do: { kind: 'hold', point: 'after' } });

const session = (rig: LabRig): Promise<Record<string, string>> => rig.session(7200);
const keyOf = (env: Record<string, string>): string => env['AWS_ACCESS_KEY_ID'] ?? '';

export const cliKilled: Interruption = {
  what: 'the CLI is killed',
  interrupt: async (rig, run, call) => {
    signal((await engineBelow(run.child.pid ?? 0)).cli, 'SIGKILL');
    await rig.release(call);
  },
  why: /CreateTransitGateway outcome unknown/,
};

export const orchestratorKilled: Interruption = {
  what: 'the orchestrator is killed',
  interrupt: async (rig, run, call) => {
    signal(run.child.pid, 'SIGKILL');
    await run.ended;
    await rig.release(call);
  },
  why: /CreateTransitGateway outcome unknown/,
};

export const providerKilled: Interruption = {
  what: 'the provider is killed',
  interrupt: async (rig, run, call) => {
    signal((await engineBelow(run.child.pid ?? 0)).plugin, 'SIGKILL');
    await rig.release(call);
  },
  why: /CreateTransitGateway outcome unknown/,
};

/** The second counts once the first was taken. */
export async function interruptTwice({ child, event }: RunningCommand): Promise<void> {
  child.kill('SIGINT');
  await event(({ type }) => type === 'draining');
  child.kill('SIGINT');
  await event(({ type, message }) => type === 'draining' && String(message).includes('interrupted'));
}

/** The session ends while the call stands, for these services or for all. */
const revoked =
  (services?: readonly string[]): NonNullable<Interruption['interrupt']> =>
  async (rig, _, call, env) => {
    await rig.revoke(keyOf(env), services);
    await rig.release(call);
  };

export const everythingKilled: Interruption = {
  what: 'the orchestrator, the CLI and the provider are killed',
  interrupt: async (rig, run, call) => {
    const { cli, plugin } = await engineBelow(run.child.pid ?? 0);
    for (const pid of [run.child.pid, cli, plugin]) signal(pid, 'SIGKILL');
    await run.ended;
    await rig.release(call);
  },
  why: /CreateTransitGateway outcome unknown/,
};

const replyLost: Interruption = {
  what: 'the reply of the create is lost',
  fault: (call) => ({ match: { ...call, times: 1 }, do: { kind: 'lose-reply' } }),
  why: /AWS has a transit-gateway for gateway \(tgw-\w+\) that the state does not have/,
};

const checkpointRefused: Interruption = {
  what: 'the checkpoint is refused once AWS has made it',
  interrupt: async (rig, _, call) => {
    await rig.fault({
      match: { service: 's3', action: 'PutObject', key: '.pulumi/stacks/**' },
      do: { kind: 'refuse', code: 'AccessDenied', status: 403, message: 'Access Denied' },
    });
    await rig.release(call);
  },
  why: /CreateTransitGateway outcome unknown/,
};

export const interruptions: readonly Interruption[] = [
  cliKilled,
  providerKilled,
  orchestratorKilled,
  everythingKilled,
  {
    what: 'the CLI gets two SIGINTs',
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
    interrupt: async (rig, run, call) => {
      await interruptTwice(run);
      await rig.release(call);
    },
    why: /the engine was interrupted/,
  },
  {
    what: 'Holdfast gets a SIGTERM and, as a CI does it, a SIGKILL',
    interrupt: async (rig, run, call) => {
      run.child.kill('SIGTERM');
      await run.event(({ type }) => type === 'draining');
      signal(run.child.pid, 'SIGKILL');
      await run.ended;
      await rig.release(call);
    },
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'the session is revoked for everything',
    env: session,
    interrupt: revoked(),
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'the session is revoked for S3 alone',
    env: session,
    interrupt: revoked(['s3']),
    why: /CreateTransitGateway outcome unknown/,
  },
  {
    what: 'the session is revoked for EC2 alone',
    env: session,
    interrupt: revoked(['ec2']),
    why: /CreateTransitGateway outcome unknown/,
  },
  replyLost,
  checkpointRefused,
];

/** Runs a command that comes to grief at the call, and ends every fault after it. */
export async function interrupted(
  rig: LabRig,
  args: readonly string[],
  call: HitCall,
  { fault = held, env, interrupt }: Interruption,
): Promise<number | null> {
  await rig.fault(fault(call));
  const environment = (await env?.(rig)) ?? {};
  const run = rig.run([...args, '--json'], environment);
  if (interrupt) {
    const { held: calls } = await rig.heldCall(run);
    await interrupt(rig, run, calls[0]?.n ?? 0, environment);
  }
  const { exitCode } = await run.ended;
  await rig.clearFaults();
  return exitCode;
}
