import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { durableLockKey } from '../../orchestrator/state/layout.ts';
import { lookAtAws } from '../support/aws-look.ts';
import { LabRig } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { engineBelow, isRunning } from '../support/processes.ts';
import { casesOf, nightly } from '../support/tier.ts';

describe('a run that is told to stop', { concurrent: false }, () => {
  let rig: LabRig;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
  });
  afterEach(() => rig.reset());
  afterAll(() => rig.stop());

  it('lets the running stack end, starts nothing new, and leaves no lock', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const run = rig.run(['up', '--yes', '--json']);
    await rig.heldCall(run);
    run.child.kill('SIGINT');
    await run.event(({ type }) => type === 'draining');
    await rig.clearFaults();
    const { exitCode, events } = await run.ended;
    const summary = events.find(({ type }) => type === 'summary') as { ends: { short: string; end: { outcome: string } }[] };
    expect(summary.ends.map(({ short, end }) => `${short} ${end.outcome}`)).toEqual([
      'transit-gateway applied',
      'vpc.one applied',
      'member.one not-started',
      'route-tables.one skipped',
      'segment.main skipped',
    ]);
    expect(exitCode).toBe(130);
    expect(await rig.locks()).toEqual([]);
    expect((await lookAtAws(rig.ec2)).vpcs).toEqual(['small.vpc.one/vpc 10.1.0.0/16']);
  });

  nightly('by a terminal that is closed goes on to the end of the stack', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateTransitGateway', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const run = rig.run(['up', '--yes', '--json']);
    await rig.heldCall(run);
    run.child.kill('SIGHUP');
    await run.event(({ type }) => type === 'draining');
    run.child.stdout?.destroy();
    run.child.stderr?.destroy();
    await rig.clearFaults();
    expect((await run.ended).exitCode).toBe(130);
    expect(await rig.locks()).toEqual([]);
    expect((await rig.holdfast(['status'])).stdout).toMatch(/transit-gateway +applied/);
  });

  it('three times is refused the third time, and told what is at stake', async () => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateTransitGateway', times: 1 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run(['up', 'transit-gateway', '--yes', '--json']);
    await rig.heldCall(run);
    for (const word of ['nothing new starts', 'the engine is interrupted', 'refused. AWS is being changed in small.transit-gateway']) {
      run.child.kill('SIGINT');
      await run.event(({ type, message }) => type === 'draining' && String(message).includes(word));
    }
    await rig.clearFaults();
    const { exitCode } = await run.ended;
    // Interrupted, and a look at AWS found nothing that the state does not have.
    expect(exitCode).toBe(1);
    expect(await rig.locks()).toEqual([]);
  });

  const commands = casesOf(
    [
      { next: ['up', 'transit-gateway', '--yes', '--no-settle'], ends: 4 },
      { next: ['freeze', 'transit-gateway', '--incident', 'INC-7'], ends: 0 },
      { next: ['release', 'transit-gateway', '--incident', 'INC-7', '--unreconciled', '--confirm', 'transit-gateway'], ends: 0 },
    ],
    { push: ({ next }) => next[0] === 'up' },
  );
  it.each(commands)('and killed leaves no engine at work once $next.0 has said its word', async ({ next, ends }) => {
    await rig.fault({ match: { service: 'ec2', action: 'CreateTransitGateway', times: 1 }, do: { kind: 'hold', point: 'before' } });
    const run = rig.run(['up', 'transit-gateway', '--yes']);
    await rig.heldCall(run);
    const { plugin } = await engineBelow(run.child.pid ?? 0);
    run.child.kill('SIGKILL');
    await run.ended;
    expect(await isRunning(plugin)).toBe(true);
    const { stdout, exitCode } = await rig.holdfast(next);
    expect(stdout).toMatch(/Ended \d process(es)? of run \S+, whose orchestrator \(pid \d+\) is dead/);
    expect(exitCode, stdout).toBe(ends);
    expect(await isRunning(plugin)).toBe(false);
  });

  nightly('and killed before it started anything is cleared away by the next up', async () => {
    // That an engine may run is written to the record after the lock.
    await rig.fault({
      match: { service: 's3', action: 'PutObject', key: durableLockKey('small.transit-gateway') },
      do: { kind: 'hold', point: 'after' },
    });
    const run = rig.run(['up', 'transit-gateway', '--yes']);
    await rig.heldCall(run);
    run.child.kill('SIGKILL');
    await run.ended;
    await rig.clearFaults();
    expect(await rig.locks()).toHaveLength(1);
    const rehearsed = await rig.holdfast(['recover', '--dry-run']);
    expect(rehearsed.stdout).toMatch(/The lock of small\.transit-gateway would be released: run \S+ died before it started anything there/);
    expect(await rig.locks()).toHaveLength(1);
    const next = await rig.holdfast(['up', 'transit-gateway', '--yes']);
    expect(next.stdout).toMatch(/Released the lock of small\.transit-gateway: run \S+ died before it started anything there/);
    expect(next.exitCode).toBe(0);
    expect(await rig.locks()).toEqual([]);
  });

  it('stops a plan at once', async () => {
    await rig.fault({ match: { service: 'sts', action: 'GetCallerIdentity', nth: 2 }, do: { kind: 'hold', point: 'before' } });
    const run = rig.run(['plan', '--json']);
    await rig.heldCall(run);
    run.child.kill('SIGTERM');
    await run.event(({ type }) => type === 'draining');
    await rig.clearFaults();
    expect((await run.ended).exitCode).toBe(130);
  });
});
