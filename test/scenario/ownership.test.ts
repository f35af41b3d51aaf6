import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { checkpointKey, durableLockKey, recordKey } from '../../orchestrator/state/layout.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult, RunningCommand } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { engineBelow } from '../support/processes.ts';
import { RawPulumi } from '../support/raw-pulumi.ts';
import { casesOf, nightly } from '../support/tier.ts';

const gateway = 'small.transit-gateway';
const vpc = 'small.vpc.one';

/** Stands still when AWS has accepted the call. */
const holdAfter = (action: string) => ({ match: { service: 'ec2', action, times: 1 }, do: { kind: 'hold', point: 'after' } });

let rig: LabRig;
let raw: RawPulumi;
let bucket: Bucket;
beforeAll(async () => {
  rig = await LabRig.start(smallNetwork);
  raw = await RawPulumi.open(rig.record);
  bucket = new Bucket(rig.s3, rig.record.bucket);
});
afterEach(() => rig.reset());
afterAll(async () => {
  await raw.close();
  await rig.stop();
});

const up = (...args: string[]): RunningCommand => rig.run(['up', ...args, '--yes', '--no-settle', '--json']);

/** A run of one stack that stands still in a call. */
async function upHeldAt(action: string, stack: string): Promise<{ readonly run: RunningCommand; readonly call: number }> {
  await rig.fault(holdAfter(action));
  const run = up(stack);
  const { held } = await rig.heldCall(run);
  return { run, call: held[0]?.n ?? 0 };
}

async function get(key: string): Promise<string> {
  const { Body } = await rig.s3.send(new GetObjectCommand({ Bucket: rig.record.bucket, Key: key }));
  return (await Body?.transformToString()) ?? '';
}

async function put(key: string, body: string): Promise<void> {
  await rig.s3.send(new PutObjectCommand({ Bucket: rig.record.bucket, Key: key, Body: body }));
}

interface End {
  readonly short: string;
  readonly end: { readonly outcome: string; readonly errors?: readonly string[]; readonly message?: string };
}

function endOf({ events }: CommandResult, short: string): End['end'] | undefined {
  const summary = events.find(({ type }) => type === 'summary') as { ends: End[] } | undefined;
  return summary?.ends.find((end) => end.short === short)?.end;
}

const heldGateway = (): Promise<void> =>
  rig.beginWith('held-gateway', async () => {
    const { run, call } = await upHeldAt('CreateTransitGateway', 'transit-gateway');
    process.kill((await engineBelow(run.child.pid ?? 0)).cli, 'SIGKILL');
    await rig.release(call);
    expect((await run.ended).exitCode).toBe(4);
  });

const deployedGateway = (): Promise<void> =>
  rig.beginWith('deployed-gateway', async () => {
    expect((await up('transit-gateway').ended).exitCode).toBe(0);
  });

describe('a held stack of which somebody ran pulumi cancel', { concurrent: false }, () => {
  const commands = casesOf(['status', 'locks', 'up'], { push: (command) => command === 'status' });
  it.each(commands)('is as held as before: the next command (%s) says so and puts the lock back', async (command) => {
    await heldGateway();
    const before = JSON.parse(await get(durableLockKey(gateway))) as { holdfast: { nonce: string } };

    expect((await raw.run('cancel', gateway)).exitCode).toBe(0);
    expect(await rig.locks()).toEqual([]);
    const next = await rig.holdfast(command === 'up' ? ['up', 'transit-gateway', '--yes', '--no-settle'] : [command]);
    expect(next.stdout).toMatch(/The lock of small\.transit-gateway was removed by somebody at \d{4}-\d\d-\d\dT.* It is back in its place/);
    expect(next.exitCode).toBe(command === 'locks' ? 0 : 4);

    expect(JSON.parse(await get(durableLockKey(gateway)))).toMatchObject({ holdfast: { nonce: before.holdfast.nonce } });
    const status = await rig.holdfast(['status']);
    expect(status.stdout).toContain('HELD transit-gateway: CreateTransitGateway outcome unknown since');
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes', '--no-settle'])).exitCode).toBe(4);
    expect((await raw.run('refresh', gateway)).exitCode).not.toBe(0);
  });

  it('tells since when the lock is gone while it cannot be put back', async () => {
    await heldGateway();
    await raw.run('cancel', gateway);
    await rig.fault({
      match: { service: 's3', action: 'PutObject', key: durableLockKey(gateway) },
      do: { kind: 'refuse', code: 'AccessDenied', status: 403 },
    });
    const status = await rig.holdfast(['status']);
    expect(status.stdout).toMatch(/HELD transit-gateway: .* Its lock is gone since \d\d:\d\d UTC\. Do not cancel\./);
    expect(status.exitCode).toBe(4);
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes', '--no-settle'])).exitCode).toBe(4);
  });

  nightly('has its lock put back beside that of plain pulumi, which came in meanwhile, and lets no other in', async () => {
    await heldGateway();
    await raw.run('cancel', gateway);
    const theirs = `.pulumi/locks/organization/holdfast/${gateway}/4f2a.json`;
    await put(theirs, JSON.stringify(rawLock));
    const status = await rig.holdfast(['status']);
    expect(status.stdout).toMatch(/The lock of small\.transit-gateway was removed by somebody/);
    expect(status.stdout).toContain('HELD transit-gateway: CreateTransitGateway outcome unknown since');
    expect(status.exitCode).toBe(4);
    expect((await rig.locks()).sort()).toEqual([theirs, durableLockKey(gateway)].sort());
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes', '--no-settle'])).exitCode).toBe(4);
    expect((await raw.run('refresh', gateway)).exitCode).not.toBe(0);
  });
});

const rawLock = { pid: 1, username: 'ada', hostname: 'laptop', timestamp: '2030-01-01T00:00:00Z' };

describe('a run that was paused while another one took over', { concurrent: false }, () => {
  /** What `recover` does: record and lock become another process's, and the checkpoint another one. */
  async function takeOver(): Promise<void> {
    const record = JSON.parse(await get(recordKey(gateway))) as { owner: object };
    await put(
      recordKey(gateway),
      JSON.stringify({ ...record, epoch: 2, phase: 'recovering', owner: { ...record.owner, nonce: 'other', epoch: 2 } }),
    );
    const lock = JSON.parse(await get(durableLockKey(gateway))) as { holdfast: Record<string, unknown> };
    await put(durableLockKey(gateway), JSON.stringify({ ...lock, holdfast: { ...lock.holdfast, nonce: 'other', epoch: 2 } }));
    const checkpoint = JSON.parse(await get(checkpointKey(gateway))) as object;
    await put(checkpointKey(gateway), JSON.stringify({ ...checkpoint, takenOver: true }));
  }

  const ways: readonly (readonly [string, (run: RunningCommand) => Promise<number>])[] = [
    ['the CLI', async (run) => (await engineBelow(run.child.pid ?? 0)).cli],
    ['the orchestrator', (run) => Promise.resolve(run.child.pid ?? 0)],
  ];

  const paused = casesOf(ways, { push: ([who]) => who === 'the orchestrator' });
  it.each(paused)('cannot write a checkpoint, a .bak or a history entry when it goes on: %s', async (_, pidOf) => {
    const { run, call } = await upHeldAt('CreateTransitGateway', 'transit-gateway');
    const pid = await pidOf(run);
    process.kill(pid, 'SIGSTOP');
    await takeOver();
    const taken = await bucket.list('.pulumi/');
    await rig.release(call);
    process.kill(pid, 'SIGCONT');
    const result = await run.ended;
    expect(result.exitCode).toBe(4);
    expect(endOf(result, 'transit-gateway')?.outcome).toBe('held');
    expect(await bucket.list('.pulumi/')).toEqual(taken);
    expect(await rig.locks()).toEqual([durableLockKey(gateway)]);
  });
});

describe('a conditional write whose reply is lost', { concurrent: false }, () => {
  const lost: readonly (readonly [string, string])[] = [
    ['of a checkpoint', '.pulumi/stacks/**'],
    ['of the lock', '.pulumi/locks/**'],
    ['of the record', '.holdfast/stacks/**'],
    ['of the journal', '.holdfast/runs/**'],
  ];
  // The record's is a case of the matrix.
  it.each(casesOf(lost, { push: ([what]) => what === 'of the journal' }))('%s does not fence its own run', async (_, key) => {
    await rig.fault({ match: { service: 's3', action: 'PutObject', key, times: 1 }, do: { kind: 'lose-reply' } });
    const { exitCode } = await up('transit-gateway').ended;
    expect(exitCode).toBe(0);
    expect(await rig.locks()).toEqual([]);
  });
});

describe('a lock that somebody removes in mid-run', { concurrent: false }, () => {
  it('ends the engine and leaves the stack held, its lock back in its place', async () => {
    const { run, call } = await upHeldAt('CreateTransitGateway', 'transit-gateway');
    await rig.s3.send(new DeleteObjectCommand({ Bucket: rig.record.bucket, Key: durableLockKey(gateway) }));
    await run.event(({ type, message }) => type === 'waiting' && String(message).includes('lock was removed'));
    const before = await rig.lastCall();
    await rig.release(call);
    const result = await run.ended;
    expect(result.exitCode).toBe(4);
    expect(endOf(result, 'transit-gateway')?.errors?.join('\n')).toContain('its lock was removed by somebody');
    const creates = (await rig.calls({ service: 'ec2', mutating: true, since: before })).map(({ action }) => action);
    expect(creates.filter((action) => action.startsWith('CreateTransitGatewayRouteTable'))).toEqual([]);
    expect(await rig.locks()).toEqual([durableLockKey(gateway)]);
    const status = await rig.holdfast(['status']);
    expect(status.stdout).toContain('HELD transit-gateway:');
  });
});

describe('an upstream', { concurrent: false }, () => {
  it('that somebody changes while a dependent reads it makes the dependent fail, and say so', async () => {
    await deployedGateway();
    const { run, call } = await upHeldAt('CreateVpc', 'vpc.one');
    const checkpoint = await get(checkpointKey(gateway));
    await put(checkpointKey(gateway), checkpoint.replaceAll(/tgw-[0-9a-f]{17}/g, 'tgw-0123456789abcdef0'));
    await rig.release(call);
    const result = await run.ended;
    expect(endOf(result, 'vpc.one')?.outcome).toBe('failed');
    expect(endOf(result, 'vpc.one')?.errors?.join('\n')).toContain(
      'small.transit-gateway was changed by somebody else while vpc.one read it',
    );
    expect(result.exitCode).toBe(1);
  });

  nightly('that somebody has locked refuses the dependent', async () => {
    await deployedGateway();
    await put(`.pulumi/locks/organization/holdfast/${gateway}/4f2a.json`, JSON.stringify(rawLock));
    const before = await rig.lastCall();
    const result = await up('vpc.one').ended;
    expect(endOf(result, 'vpc.one')).toMatchObject({
      outcome: 'locked',
      message: expect.stringContaining('plain pulumi, ada@laptop') as string,
    });
    expect(result.exitCode).toBe(6);
    expect(await rig.calls({ service: 'ec2', mutating: true, since: before })).toEqual([]);
    expect(await rig.locks()).toEqual([`.pulumi/locks/organization/holdfast/${gateway}/4f2a.json`]);
  });
});

describe('a clean run', { concurrent: false }, () => {
  it('holds the lock from its first read of the state to its verified end, without a gap, and leaves none', async () => {
    expect((await up('transit-gateway').ended).exitCode).toBe(0);
    expect((await up('vpc.one').ended).exitCode).toBe(0);
    for (const stack of [gateway, vpc]) {
      const locks = (await bucket.versions(`.pulumi/locks/organization/holdfast/${stack}/`)).filter(
        ({ key }) => key === durableLockKey(stack),
      );
      const [removed, taken] = locks;
      expect(locks.map(({ etag }) => etag !== undefined)).toEqual([false, true]);
      const checkpoints = (await bucket.versions(checkpointKey(stack))).filter(({ key }) => key === checkpointKey(stack));
      expect(checkpoints.length).toBeGreaterThan(3);
      for (const { modified } of checkpoints) {
        expect(modified.getTime()).toBeGreaterThanOrEqual(taken?.modified.getTime() ?? Number.POSITIVE_INFINITY);
        expect(modified.getTime()).toBeLessThanOrEqual(removed?.modified.getTime() ?? 0);
      }
      // Nothing but Holdfast's own lock was ever there: the engine's are private to it.
      const others = (await bucket.versions(`.pulumi/locks/organization/holdfast/${stack}/`)).filter(
        ({ key }) => key !== durableLockKey(stack),
      );
      expect(others).toEqual([]);
    }
    expect(await rig.locks()).toEqual([]);
  });
});
