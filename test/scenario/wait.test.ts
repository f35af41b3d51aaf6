import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LabRig } from '../support/lab-rig.ts';
import type { RunningCommand } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';

const waitingPrefix = '.holdfast/heartbeats/small/waiting/';

/** The next thing that it tells of its wait. */
const waits = (
  run: RunningCommand,
  matches: (told: { holders: { pid: number }[]; waiters: { pid: number; lastHeard?: string }[] }) => boolean,
) => run.event((event) => event['type'] === 'lock-wait' && matches(event as unknown as Parameters<typeof matches>[0]));

describe('up --wait', { concurrent: false }, () => {
  let rig: LabRig;
  beforeEach(async () => {
    rig = await LabRig.start(smallNetwork);
  });
  afterEach(() => rig.stop());

  it('waits for the run that has the locks, names it and who else waits, and deploys when that run has ended', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const first = rig.run(['up', '--yes']);
    const { held } = await rig.heldCall(first);
    const second = rig.run(['up', '--wait', '10m', '--yes', '--json']);
    await waits(second, ({ holders }) => holders.some(({ pid }) => pid === first.child.pid));
    const third = rig.run(['up', '--wait', '10m', '--yes', '--json']);
    await waits(second, ({ waiters }) => waiters.some(({ pid, lastHeard }) => pid === third.child.pid && lastHeard === undefined));
    expect(await rig.keys(waitingPrefix)).toHaveLength(2);

    // Killed, it cannot take its object away; asked to stop, it does.
    third.child.kill('SIGKILL');
    await waits(second, ({ waiters }) => waiters.some(({ pid, lastHeard }) => pid === third.child.pid && lastHeard !== undefined));
    const fourth = rig.run(['up', '--wait', '10m', '--yes', '--json']);
    await waits(fourth, ({ holders }) => holders.length > 0);
    expect(await rig.keys(waitingPrefix)).toHaveLength(3);
    fourth.child.kill('SIGINT');
    expect((await fourth.ended).exitCode).toBe(130);
    expect(await rig.keys(waitingPrefix)).toHaveLength(2);

    // One that does not wait, and one whose time is over, say what they have always said.
    const over = await rig.holdfast(['up', '--wait', '1s', '--yes']);
    expect(over.exitCode).toBe(6);
    expect(over.stdout).toMatch(/FAIL locks: .*small\.vpc\.one is locked by/);

    await rig.release(held[0]?.n ?? 0);
    expect((await first.ended).exitCode).toBe(0);
    const { exitCode, events } = await second.ended;
    expect(exitCode).toBe(0);
    // It planned when the first one had ended: there was nothing to do any more.
    expect(events.filter(({ type }) => type === 'plan')).toMatchObject([{ plan: { failed: [] } }]);
    const plan = events.find(({ type }) => type === 'plan')?.['plan'] as { readonly stacks: readonly { readonly hasChanges: boolean }[] };
    expect(plan.stacks.map(({ hasChanges }) => hasChanges)).not.toContain(true);
    expect(await rig.keys(waitingPrefix)).toHaveLength(1);
    expect(await rig.locks()).toEqual([]);
    if (third.child.exitCode === null && third.child.signalCode === null) await once(third.child, 'exit');
  });
});
