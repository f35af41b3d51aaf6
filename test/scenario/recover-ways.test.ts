import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import type { LockRecord } from '../../orchestrator/locks/lock-record.ts';
import { checkpointKey, durableLockKey, heartbeatKey } from '../../orchestrator/state/layout.ts';
import { lookAtAws } from '../support/aws-look.ts';
import { runHere } from '../support/in-process.ts';
import { cliKilled, interrupted, orchestratorKilled, providerKilled } from '../support/interruptions.ts';
import type { Interruption } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { lockedOut, RawPulumi } from '../support/raw-pulumi.ts';
import { objectText, questionsIn, stateOf, taggableIds, taggedIds } from '../support/recovery-oracle.ts';
import { casesOf, nightly } from '../support/tier.ts';

const gateway = 'small.transit-gateway';
const createGateway = { service: 'ec2', action: 'CreateTransitGateway' } as const;

const twoVpcs = `${smallNetwork}  two:
    segment: main
    cidr: 10.2.0.0/16
    subnets:
      private: { a: 10.2.0.0/24 }
    attachment: private
    routes: {}
`;

let rig: LabRig;
let raw: RawPulumi;
let bucket: Bucket;
beforeAll(async () => {
  rig = await LabRig.start(smallNetwork + quickly);
  raw = await RawPulumi.open(rig.record);
  bucket = new Bucket(rig.s3, rig.record.bucket);
});
beforeEach(async () => {
  await rig.reset();
  await rig.writeNetwork(smallNetwork + quickly);
});
afterAll(async () => {
  await raw.close();
  await rig.stop();
});

const upHeld = (...args: string[]): string[] => ['up', ...args, '--yes', '--no-settle', '--bucket-patience', '2s'];

/** A gateway that AWS has and the state has not. */
const interruptedCreate = (): Promise<void> =>
  rig.beginWith('interrupted-create', async () => {
    expect(await interrupted(rig, upHeld('transit-gateway'), createGateway, cliKilled)).toBe(4);
  });

async function isWhole(stack: string): Promise<void> {
  const state = await stateOf(rig, stack);
  expect(state.operations).toEqual([]);
  expect(await taggedIds(rig, stack)).toEqual(taggableIds(state));
}

/** Of every object: what a rehearsal may not change. Heartbeats are nobody's evidence. */
const contents = async (): Promise<object[]> =>
  (await bucket.versions('')).filter(({ key }) => !key.includes('/heartbeats/')).map(({ key, version }) => ({ key, version }));

describe('recover', { concurrent: false }, () => {
  it('--dry-run says what it would come to, and writes nothing at all', async () => {
    await interruptedCreate();
    const before = await contents();
    const { exitCode, stdout } = await rig.holdfast(['recover', '--dry-run']);
    expect(exitCode, stdout).toBe(0);
    expect(stdout).toMatch(/adopt +gateway tgw-\w+/);
    expect(stdout).toContain('would be recovered');
    expect(await contents()).toEqual(before);
    expect((await rig.holdfast(['status'])).exitCode).toBe(4);
  });

  it('--resume does the rest of the interrupted run, by the network file that it had', async () => {
    await interruptedCreate();
    // Somebody edits the file meanwhile: that is another matter.
    await rig.writeNetwork(smallNetwork.replace('  main:', '  other: {}\n  main:') + quickly);
    const { exitCode, stdout } = await rig.holdfast(['recover', '--resume', '--yes']);
    expect(exitCode, stdout).toBe(0);
    const aws = await lookAtAws(rig.ec2);
    expect(aws.gatewayRouteTables).toEqual(['small.transit-gateway/segment-main']);
    expect(aws.vpcs).toEqual([]);
    expect(await rig.locks()).toEqual([]);
  });

  nightly('takes several held stacks, those that others read first', async () => {
    await rig.writeNetwork(twoVpcs + quickly);
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes'])).exitCode).toBe(0);
    await rig.fault({ match: { service: 'ec2', action: 'CreateVpc', times: 2 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run([...upHeld('vpc.*'), '--parallel', '2', '--json']);
    for (let seen = 0; seen < 2;) seen = (await rig.heldCall(run)).held.length;
    run.child.kill('SIGKILL');
    await run.ended;
    await rig.clearFaults();
    const recovered = await rig.holdfast(['recover', '--json']);
    expect(recovered.exitCode, recovered.stdout).toBe(0);
    const summary = recovered.events.find(({ type }) => type === 'summary') as { ends: { short: string; end: { outcome: string } }[] };
    expect(summary.ends.map(({ short, end }) => `${short} ${end.outcome}`)).toEqual(['vpc.one recovered', 'vpc.two recovered']);
    expect(await rig.locks()).toEqual([]);
    await isWhole('small.vpc.one');
    await isWhole('small.vpc.two');
    expect((await rig.holdfast(['up', '--yes'])).exitCode).toBe(0);
    expect((await lookAtAws(rig.ec2)).vpcs).toHaveLength(2);
  });

  nightly('keeps plain pulumi and a second up out until it is done, and lets them in after', async () => {
    await interruptedCreate();
    await rig.fault({
      match: { service: 's3', action: 'PutObject', key: '.holdfast/runs/**/*-reconcile.json', times: 1 },
      do: { kind: 'hold', point: 'after' },
    });
    const run = rig.run(['recover', '--json']);
    await rig.heldCall(run);
    expect((await raw.run('refresh', gateway)).output).toContain(lockedOut);
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes', '--no-settle'])).exitCode).toBe(6);
    expect((await rig.holdfast(['status'])).stdout).toMatch(/transit-gateway +LOCKED .*is being recovered by/);
    await rig.clearFaults();
    expect((await run.ended).exitCode).toBe(0);
    const refreshed = await raw.run('refresh', gateway);
    expect(refreshed.exitCode, refreshed.output).toBe(0);
  });

  nightly('releases the lock only after the promoted checkpoint: so say the versions of both', async () => {
    await interruptedCreate();
    expect((await rig.holdfast(['recover'])).exitCode).toBe(0);
    const locks = (await bucket.versions(durableLockKey(gateway))).filter(({ key }) => key === durableLockKey(gateway));
    const checkpoints = (await bucket.versions(checkpointKey(gateway))).filter(({ key }) => key === checkpointKey(gateway));
    // Taken, taken over, gone: it never left in between.
    expect(locks.map(({ etag }) => etag !== undefined)).toEqual([false, true, true]);
    expect(locks[0]?.modified.getTime()).toBeGreaterThanOrEqual(checkpoints[0]?.modified.getTime() ?? Infinity);
    const calls = (await rig.calls({ service: 's3', mutating: true })).filter(
      ({ key }) => key === durableLockKey(gateway) || key === checkpointKey(gateway),
    );
    expect(calls.slice(-2).map(({ action, key }) => `${action} ${key ?? ''}`)).toEqual([
      `PutObject ${checkpointKey(gateway)}`,
      `DeleteObject ${durableLockKey(gateway)}`,
    ]);
  });

  nightly('of a frozen stack leaves the freeze in the place of the lock, without a moment in between', async () => {
    await interruptedCreate();
    expect((await rig.holdfast(['freeze', 'transit-gateway', '--incident', 'INC-7'])).exitCode).toBe(0);
    expect((await rig.holdfast(['recover', '--incident', 'INC-7'])).exitCode).toBe(0);
    expect((await rig.holdfast(['status'])).stdout).toMatch(/transit-gateway +FROZEN/);
    expect((await raw.run('refresh', gateway)).output).toContain(lockedOut);
    const locks = (await bucket.versions(durableLockKey(gateway))).filter(({ key }) => key === durableLockKey(gateway));
    expect(locks.every(({ etag }) => etag !== undefined)).toBe(true);
    expect((await rig.holdfast(['unfreeze', 'transit-gateway', '--incident', 'INC-7'])).exitCode).toBe(0);
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes'])).exitCode).toBe(0);
  });

  nightly('--shell lets plain pulumi work on the overlay; what it leaves is verified, and refused where AWS does not agree', async () => {
    await interruptedCreate();
    const script = join(rig.folder, 'shell.sh');
    const by = async (lines: string): Promise<Record<string, string>> => {
      await writeFile(script, `#!/bin/sh\nset -e\n${lines}\n`);
      await chmod(script, 0o755);
      return { SHELL: script };
    };
    const gone = await rig.holdfast(
      ['recover', '--shell'],
      await by(
        'pulumi state delete --yes --force --target-dependents "$(pulumi stack export | grep -o \'"urn:[^"]*TransitGateway::gateway"\' | head -n 1 | tr -d \'"\')"',
      ),
    );
    expect(gone.exitCode, gone.stdout + gone.stderr).toBe(5);
    expect(await rig.locks()).toEqual([durableLockKey(gateway)]);

    const left = await rig.holdfast(['recover', '--shell'], await by('exit 1'));
    expect(left.exitCode).toBe(4);
    expect(left.stdout).toContain('the shell was left without a result');

    const kept = await rig.holdfast(
      ['recover', '--shell'],
      await by('pulumi stack export > /dev/null\npulumi refresh --yes --skip-preview'),
    );
    expect(kept.exitCode, kept.stdout + kept.stderr).toBe(0);
    expect(await rig.locks()).toEqual([]);
    await isWhole(gateway);
  });
});

describe('a run that settles what it has left in doubt', { concurrent: false }, () => {
  const killed: readonly (readonly [string, Interruption])[] = [
    ['the engine is killed', cliKilled],
    ['the provider is killed', providerKilled],
  ];
  it.each(casesOf(killed, { push: ([, interruption]) => interruption === cliKilled }))(
    'ends failed and not held when %s: the state has what AWS has, and the lock is gone',
    async (_, interruption) => {
      const up = ['up', 'transit-gateway', '--yes'];
      expect(await interrupted(rig, up, createGateway, interruption)).toBe(1);
      expect(await rig.locks()).toEqual([]);
      expect(taggableIds(await stateOf(rig, gateway))).toHaveLength(1);
      await isWhole(gateway);
      expect((await rig.holdfast(['up', 'transit-gateway', '--yes'])).exitCode).toBe(0);
      expect((await lookAtAws(rig.ec2)).gateways).toHaveLength(1);
    },
  );

  nightly('asks, and stays held, when there are two objects of one resource', async () => {
    await rig.fault({ match: { ...createGateway, times: 1 }, do: { kind: 'lose-reply' } });
    const result = await rig.holdfast(['up', 'transit-gateway', '--yes', '--json']);
    expect(result.exitCode, result.stdout).toBe(5);
    expect(questionsIn(result)).toHaveLength(1);
    expect(await rig.locks()).toEqual([durableLockKey(gateway)]);
  });

  nightly('leaves it held where AWS cannot be looked at', async () => {
    await rig.fault({ match: { ...createGateway, times: 1 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run(['up', 'transit-gateway', '--yes', '--json']);
    const { held } = await rig.heldCall(run);
    await rig.fault({
      match: { service: 'ec2', action: 'DescribeTags' },
      do: { kind: 'refuse', code: 'UnauthorizedOperation', status: 403 },
    });
    await cliKilled.interrupt?.(rig, run, held[0]?.n ?? 0, {});
    const { exitCode, stdout } = await run.ended;
    expect(exitCode, stdout).toBe(4);
    expect(stdout).toContain('could not be settled in this run');
    await rig.clearFaults();
    expect((await rig.holdfast(['recover'])).exitCode).toBe(0);
    await isWhole(gateway);
  });
});

describe('release', { concurrent: false }, () => {
  const release = (...args: string[]) => rig.holdfast(['release', 'transit-gateway', '--incident', 'INC-9', ...args]);

  it('refuses without a dossier for this lock and this checkpoint, and prints what is done and what is not', async () => {
    await interruptedCreate();
    const refused = await release();
    expect(refused.exitCode, refused.stdout).toBe(4);
    expect(refused.stdout).toMatch(/NOT DONE every version is in quarantine/);
    expect(refused.stdout).toMatch(/NOT DONE a recovery looked at AWS behind this very lock: there is no dossier/);
    expect(refused.stdout).toContain('npm run recover -- transit-gateway --incident INC-9');
    // What is printed is typed as it stands.
    const ofWords = await rig.holdfast(['release', 'transit-gateway', '--incident', 'INC 9; date']);
    expect(ofWords.stdout).toContain("npm run recover -- transit-gateway --incident 'INC 9; date'");
    expect(await rig.locks()).toEqual([durableLockKey(gateway)]);
  });

  nightly('releases what recover has verified and could not release', async () => {
    await interruptedCreate();
    await rig.fault({
      match: { service: 's3', action: 'DeleteObject', key: durableLockKey(gateway) },
      do: { kind: 'refuse', code: 'AccessDenied', status: 403 },
    });
    const recovered = await rig.holdfast(['recover', '--bucket-patience', '1s']);
    await rig.clearFaults();
    expect(recovered.exitCode, recovered.stdout).toBe(4);
    expect(recovered.stdout).toContain('npm run release -- transit-gateway --incident ID');
    const released = await release();
    expect(released.exitCode, released.stdout).toBe(0);
    expect(released.stdout).not.toContain('NOT DONE');
    expect(await rig.locks()).toEqual([]);
    expect((await rig.holdfast(['status'])).exitCode).toBe(0);
    await isWhole(gateway);
  });

  it('--unreconciled looks again when the name was typed: the run may have been heard of meanwhile', async () => {
    await interruptedCreate();
    const lock = JSON.parse(await objectText(rig, durableLockKey(gateway))) as { holdfast: LockRecord };
    const { nonce, run, host, pid } = lock.holdfast;
    lock.holdfast = { ...lock.holdfast, machine: 'another-machine' };
    await bucket.put(durableLockKey(gateway), JSON.stringify(lock), { only: 'always' });
    const typed = async (): Promise<string> => {
      await bucket.put(heartbeatKey('small', nonce), JSON.stringify({ schema: 1, nonce, run, host, pid }), { only: 'always' });
      return 'transit-gateway';
    };
    const args = ['release', 'transit-gateway', '--incident', 'INC-9', '--unreconciled', '--network', 'network.yaml'];
    const released = await runHere(rig, args, {}, Date.now, typed);
    expect(released.exitCode, released.stdout).toBe(6);
    expect(await rig.locks()).toEqual([durableLockKey(gateway)]);
  });

  it('--unreconciled wants the name of the stack, and is written down as such', async () => {
    await interruptedCreate();
    expect((await release('--unreconciled')).exitCode).toBe(2);
    expect((await release('--unreconciled', '--confirm', 'vpc.one')).exitCode).toBe(2);
    expect(await rig.locks()).toEqual([durableLockKey(gateway)]);
    const released = await release('--unreconciled', '--confirm', 'transit-gateway');
    expect(released.exitCode, released.stdout).toBe(0);
    expect(released.stdout).toContain('UNRECONCILED');
    expect(await rig.locks()).toEqual([]);
    // Holdfast itself goes on leaving it out: its checkpoint says that an operation is pending.
    expect((await rig.holdfast(['status'])).stdout).toContain('HELD transit-gateway: CreateTransitGateway outcome unknown');
    const journal = (await rig.keys('.holdfast/runs/')).filter((key) => key.endsWith('-released.json'));
    expect(JSON.parse(await objectText(rig, journal[0] ?? ''))).toMatchObject({ incident: 'INC-9', unreconciled: true });
    const locks = (await bucket.versions(durableLockKey(gateway))).filter(({ etag }) => etag !== undefined);
    expect(JSON.parse(await objectText(rig, durableLockKey(gateway), locks[0]?.version))).toMatchObject({
      holdfast: { incident: 'INC-9' },
    });
    expect((await rig.keys('.holdfast/dossiers/')).some((key) => key.includes('/release-'))).toBe(true);
  });

  it('takes an incident only as the network file wants it', async () => {
    await rig.writeNetwork(`${smallNetwork}recovery: { incident: "^INC-[0-9]{4}$" }\n`);
    const refused = await release();
    expect(refused.exitCode).toBe(2);
    expect(refused.stdout).toMatch(/network\.yaml:\d+: "INC-9" is not what this network takes for an incident/);
  });
});

describe('what recover leaves behind', { concurrent: false }, () => {
  nightly(
    'is a dossier for machines and a page for people, with the incident, the evidence, the decisions and the final plan',
    async () => {
      await interrupted(rig, upHeld('transit-gateway'), createGateway, orchestratorKilled);
      const { exitCode, stdout } = await rig.holdfast(['recover', '--incident', 'INC-2041']);
      expect(exitCode, stdout).toBe(0);
      const keys = await rig.keys('.holdfast/dossiers/');
      const dossier = JSON.parse(await objectText(rig, keys.find((key) => key.endsWith('.json')) ?? '')) as Record<string, unknown>;
      const [id] = taggableIds(await stateOf(rig, gateway));
      expect(dossier).toMatchObject({
        outcome: 'recovered',
        stack: gateway,
        incident: 'INC-2041',
        evidence: expect.arrayContaining([expect.objectContaining({ name: 'gateway', id, decision: 'adopt', row: 'U2' })]) as unknown,
      });
      const page = await objectText(rig, keys.find((key) => key.endsWith('.md')) ?? '');
      for (const part of ['recovered: state and AWS agree', 'INC-2041', id ?? '', 'adopt (U2)', 'create segment-main', 'quarantine'])
        expect(page).toContain(part);
      expect(stdout).toContain(keys.find((key) => key.endsWith('.md')));
      const runs = await rig.holdfast(['runs', (dossier['run'] as string | undefined) ?? '']);
      expect(runs.stdout).toContain('took over the lock of run');
      expect(runs.stdout).toContain('adopted gateway');
    },
  );
});
