import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { CommandResult } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { engineBelow, isRunning, signal } from '../support/processes.ts';
import { argumentsOf, questionsIn, stateOf, taggableIds, taggedIds } from '../support/recovery-oracle.ts';
import { RawPulumi } from '../support/raw-pulumi.ts';
import { nightly } from '../support/tier.ts';

const vpc = 'small.vpc.one';

let rig: LabRig;
let raw: RawPulumi;
beforeAll(async () => {
  rig = await LabRig.start(smallNetwork + quickly);
  raw = await RawPulumi.open(rig.record);
});
afterAll(async () => {
  await raw.close();
  await rig.stop();
});

const done = ({ exitCode, stdout }: CommandResult): void => expect(exitCode, stdout).toBe(0);

const deployed = (): Promise<void> =>
  rig.beginWith('deployed', async () => done(await rig.holdfast(['up', 'vpc.one', '--with-upstreams', '--yes'])));

/** A command of plain pulumi that is killed with its plugin, as the kernel does it: nothing of it is left but its lock, and what it had begun. */
async function killed(command: string, at: { readonly action: string; readonly point: 'before' | 'after' }): Promise<void> {
  await deployed();
  await rig.fault({ match: { service: 'ec2', action: at.action, times: 1 }, do: { kind: 'hold', point: at.point } });
  const run = raw.start(command, vpc);
  const { held } = await rig.heldCall(run);
  const { cli, plugin } = await engineBelow(run.pid);
  for (const pid of [cli, plugin]) signal(pid, 'SIGKILL');
  await run.ended;
  await rig.release(held[0]?.n ?? 0);
  await rig.clearFaults();
  expect([await isRunning(cli), await isRunning(plugin)]).toEqual([false, false]);
  const locks = await rig.locks();
  expect(locks).toHaveLength(1);
  expect(locks).not.toContain(durableLockKey(vpc));
}

/** AWS has deleted the VPC, and plain pulumi never got to know. */
const killedDestroy = (): Promise<void> =>
  rig.beginWith('killed-destroy', () => killed('destroy', { action: 'DeleteVpc', point: 'after' }));

/** Nothing is in doubt but who had the lock. */
const killedRefresh = (): Promise<void> =>
  rig.beginWith('killed-refresh', () => killed('refresh', { action: 'DescribeVpcs', point: 'before' }));

/** No lock of anyone's, nothing begun, and AWS has what the state has. */
async function isWhole(): Promise<void> {
  expect(await rig.locks()).toEqual([]);
  const state = await stateOf(rig, vpc);
  expect(state.operations).toEqual([]);
  expect(await taggedIds(rig, vpc)).toEqual(taggableIds(state));
}

/** The only way that a question offers for a process that is dead, as it is printed. */
function yesTo(asked: CommandResult): string[] {
  expect(asked.exitCode, asked.stdout).toBe(5);
  const [question, ...others] = questionsIn(asked);
  expect(others).toEqual([]);
  expect(question?.question).toMatch(/vpc\.one: .*plain pulumi.*Is that process dead, and all that it started\?/);
  const yes = argumentsOf(question?.answers[0]?.command ?? '');
  expect(yes).toEqual(['recover', 'vpc.one', '--writer-dead', 'plain-pulumi']);
  return yes;
}

describe('a plain pulumi destroy that was killed', { concurrent: false }, () => {
  it('leaves the stack held behind its lock, which no command takes away unasked', async () => {
    await killedDestroy();
    const locks = await rig.locks();
    const status = await rig.holdfast(['status']);
    expect(status.exitCode, status.stdout).toBe(4);
    expect(status.stdout).toMatch(/HELD vpc\.one: DeleteVpc outcome unknown since .* Next: npm run recover -- vpc\.one/);
    expect((await rig.holdfast(['up', 'vpc.one', '--yes'])).exitCode).toBe(4);
    yesTo(await rig.holdfast(['recover', '--json']));
    expect(await rig.locks()).toEqual(locks);
  });

  it('is recovered while its lock stands, by the word that it is dead, and nothing of it is left', async () => {
    await killedDestroy();
    const yes = yesTo(await rig.holdfast(['recover', 'vpc.one', '--json']));
    done(await rig.holdfast(yes));
    await isWhole();
    done(await rig.holdfast(['up', 'vpc.one', '--yes']));
    expect(taggableIds(await stateOf(rig, vpc)).filter((id) => id.startsWith('vpc-'))).toHaveLength(1);
    await isWhole();
    // As before: who is let in by the lock's end is let in by the engine, too.
    expect((await raw.run('refresh', vpc)).exitCode).toBe(0);
  });

  nightly('is recovered without a stack being named', async () => {
    await killedDestroy();
    done(await rig.holdfast(['recover', '--writer-dead', 'plain-pulumi']));
    await isWhole();
  });
});

describe('a plain pulumi refresh that was killed before it had begun anything', { concurrent: false }, () => {
  nightly('leaves the stack locked, and the word that it is dead ends that, with AWS and the state as they were', async () => {
    await killedRefresh();
    const before = await taggedIds(rig, vpc);
    const locks = await rig.locks();
    const status = await rig.holdfast(['status']);
    expect(status.stdout).toMatch(/vpc\.one +LOCKED .*plain pulumi/);
    // It is not for a recovery of all that is held to ask of every lock.
    const unasked = await rig.holdfast(['recover']);
    expect(unasked.exitCode, unasked.stdout).toBe(0);
    expect(unasked.stdout).toContain('npm run recover -- vpc.one --writer-dead plain-pulumi');
    expect(await rig.locks()).toEqual(locks);
    done(await rig.holdfast(yesTo(await rig.holdfast(['recover', 'vpc.one', '--json']))));
    await isWhole();
    expect(await taggedIds(rig, vpc)).toEqual(before);
    done(await rig.holdfast(['up', 'vpc.one', '--yes']));
  });
});

describe('a freeze of a stack that a killed plain pulumi left in doubt', { concurrent: false }, () => {
  nightly('stands over recover and up, which say who froze it, and ends before the recovery', async () => {
    await killedDestroy();
    // The mistake that a person makes: its lock is gone, and what it had begun is not.
    expect((await raw.run('cancel', vpc)).exitCode).toBe(0);
    const freeze = await rig.holdfast(['freeze', 'vpc.one', '--incident', 'INC-7']);
    expect(freeze.exitCode, freeze.stdout).toBe(0);
    const status = await rig.holdfast(['status']);
    expect(status.exitCode, status.stdout).toBe(4);
    expect(status.stdout).toMatch(/HELD vpc\.one: DeleteVpc outcome unknown since .*INC-7/);
    expect((await raw.run('refresh', vpc)).exitCode).not.toBe(0);
    const up = await rig.holdfast(['up', 'vpc.one', '--yes']);
    expect([up.exitCode, up.stdout]).toEqual([4, expect.stringContaining('INC-7')]);
    const refused = await rig.holdfast(['recover', 'vpc.one', '--writer-dead', 'plain-pulumi']);
    expect(refused.exitCode, refused.stdout).toBe(6);
    expect(refused.stdout).toMatch(/frozen by .* incident INC-7, and no run of Holdfast left it so: unfreeze it, then recover it/);
    expect(await rig.locks()).toEqual([durableLockKey(vpc)]);
    const unfreeze = await rig.holdfast(['unfreeze', 'vpc.one', '--incident', 'INC-7']);
    expect(unfreeze.exitCode, unfreeze.stdout).toBe(4);
    expect(unfreeze.stdout).toMatch(/it stays held: HELD vpc\.one: DeleteVpc outcome unknown/);
    done(await rig.holdfast(['recover', 'vpc.one', '--writer-dead', 'plain-pulumi']));
    await isWhole();
    done(await rig.holdfast(['up', 'vpc.one', '--yes']));
    await isWhole();
  });
});
