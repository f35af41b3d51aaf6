import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { readRecord } from '../../orchestrator/ownership/records.ts';
import { checkpointKey, durableLockKey, recordKey } from '../../orchestrator/state/layout.ts';
import { BucketSnapshot } from '../support/bucket-snapshot.ts';
import { cliKilled, interrupted } from '../support/interruptions.ts';
import { LabRig } from '../support/lab-rig.ts';
import { quickly, smallNetwork } from '../support/networks.ts';
import { stateOf, taggableIds, taggedIds } from '../support/recovery-oracle.ts';
import { casesOf, nightly } from '../support/tier.ts';

const stack = 'small.transit-gateway';

/** What a recovery writes, in its order: an event of the journal for each step, and between them what counts: record, lock and checkpoint. */
const writes: readonly (readonly [what: string, match: object])[] = [
  ['its record says that it took over', { action: 'PutObject', key: recordKey(stack) }],
  // The first put is refused, as a lock stands.
  ['it has taken over the lock', { action: 'PutObject', key: durableLockKey(stack), nth: 2 }],
  ['it has written down that it took over', { action: 'PutObject', key: '.holdfast/runs/**/*-freeze.json' }],
  ['half of the quarantine is copied', { action: 'PutObject', key: '.holdfast/quarantine/**', nth: 2 }],
  ['the manifest of the quarantine is there', { action: 'PutObject', key: '.holdfast/quarantine/**/manifest-*.json' }],
  ['it has changed the content of the checkpoint', { action: 'PutObject', key: checkpointKey(stack) }],
  ['the quarantine is journaled', { action: 'PutObject', key: '.holdfast/runs/**/*-quarantine.json' }],
  ['the evidence is journaled', { action: 'PutObject', key: '.holdfast/runs/**/*-evidence.json' }],
  ['it has reconciled', { action: 'PutObject', key: '.holdfast/runs/**/*-reconcile.json' }],
  ['it has verified', { action: 'PutObject', key: '.holdfast/runs/**/*-verify.json' }],
  ['the checkpoint is promoted', { action: 'PutObject', key: checkpointKey(stack), nth: 2 }],
  ['the promote is journaled', { action: 'PutObject', key: '.holdfast/runs/**/*-promote.json' }],
  ['the record says that state and AWS agree', { action: 'PutObject', key: recordKey(stack), nth: 2 }],
  ['that it verified is journaled', { action: 'PutObject', key: '.holdfast/runs/**/*-verified.json' }],
  ['the lock is gone', { action: 'DeleteObject', key: durableLockKey(stack) }],
  ['the release is journaled', { action: 'PutObject', key: '.holdfast/runs/**/*-released.json' }],
  ['the dossier is written', { action: 'PutObject', key: '.holdfast/dossiers/**/*.json' }],
];

/**
 * On a push the record. The other writes are hit over a played engine (test/unit/recovery-whole.test.ts), and the lock's removal by a second fault of the matrix,
 * too (test/matrix/sample.ts).
 */
const onPush = 'the record says that state and AWS agree';

let rig: LabRig;
/** A gateway that AWS has and the state has not. */
let interruptedCreate: BucketSnapshot;
beforeAll(async () => {
  rig = await LabRig.start(smallNetwork + quickly);
  const up = ['up', 'transit-gateway', '--yes', '--no-settle'];
  expect(await interrupted(rig, up, { service: 'ec2', action: 'CreateTransitGateway' }, cliKilled)).toBe(4);
  interruptedCreate = await BucketSnapshot.take(rig);
});
beforeEach(() => interruptedCreate.restore());
afterAll(() => rig.stop());

async function isRecovered(): Promise<void> {
  expect(await rig.locks()).toEqual([]);
  const state = await stateOf(rig, stack);
  expect(state.operations).toEqual([]);
  expect(taggableIds(state)).toHaveLength(1);
  expect(await taggedIds(rig, stack)).toEqual(taggableIds(state));
  expect((await rig.holdfast(['status'])).exitCode).toBe(0);
}

describe('a recovery that is killed', { concurrent: false }, () => {
  it.each(casesOf(writes, { push: ([what]) => what === onPush }))('when %s: the next one ends the same', async (_, match) => {
    await rig.fault({ match: { service: 's3', ...match, times: 1 }, do: { kind: 'hold', point: 'after' } });
    const run = rig.run(['recover', '--json']);
    const { held } = await rig.heldCall(run);
    run.child.kill('SIGKILL');
    await run.ended;
    await rig.release(held[0]?.n ?? 0);
    await rig.clearFaults();

    const versions = await new Bucket(rig.s3, rig.record.bucket).versions(durableLockKey(stack));
    const isLocked = versions[0]?.etag !== undefined;
    const read = await readRecord(new Bucket(rig.s3, rig.record.bucket), stack);
    // The lock goes only when the record says that state and AWS agree, whenever the recovery dies.
    expect(isLocked || (read.kind === 'there' && read.record.phase === 'free')).toBe(true);

    const next = await rig.holdfast(['recover']);
    expect(next.exitCode, next.stdout).toBe(0);
    await isRecovered();
  });
});

describe('two recoveries at once', { concurrent: false }, () => {
  it('of which the second comes while the first is at work: it is told who is, and touches nothing', async () => {
    await rig.fault({
      match: { service: 's3', action: 'PutObject', key: '.holdfast/runs/**/*-evidence.json', times: 1 },
      do: { kind: 'hold', point: 'after' },
    });
    const first = rig.run(['recover', '--json']);
    await rig.heldCall(first);
    const before = await rig.keys();
    const second = await rig.holdfast(['recover', 'transit-gateway']);
    expect(second.exitCode).toBe(6);
    expect(second.stdout).toMatch(/small\.transit-gateway is being recovered by \S+@\S+ \(pid \d+/);
    expect(await rig.keys()).toEqual(before);
    await rig.clearFaults();
    expect((await first.ended).exitCode).toBe(0);
    await isRecovered();
  });

  nightly('that start in the same moment: one recovers, the other gives way, and nothing is lost', async () => {
    const [first, second] = await Promise.all([rig.holdfast(['recover', '--json']), rig.holdfast(['recover', '--json'])]);
    const codes = [first.exitCode, second.exitCode].sort();
    expect(codes[0]).toBe(0);
    expect([0, 6]).toContain(codes[1]);
    await isRecovered();
  });
});

describe('a recovery whose lock somebody removes', { concurrent: false }, () => {
  nightly('stops, writes nothing more, puts the lock back, and the next one recovers', async () => {
    await rig.fault({
      match: { service: 's3', action: 'PutObject', key: '.holdfast/runs/**/*-verify.json', times: 1 },
      do: { kind: 'hold', point: 'after' },
    });
    const run = rig.run(['recover', '--json']);
    await rig.heldCall(run);
    const bucket = new Bucket(rig.s3, rig.record.bucket);
    const standing = (await bucket.list(durableLockKey(stack)))[0];
    await bucket.remove(durableLockKey(stack), standing?.etag ?? '');
    const checkpoints = (await bucket.versions(checkpointKey(stack))).length;
    await rig.clearFaults();
    const { exitCode, stdout } = await run.ended;
    expect(exitCode, stdout).toBe(6);
    expect(stdout).toContain('its lock was removed by somebody');
    expect((await bucket.versions(checkpointKey(stack))).length).toBe(checkpoints);
    expect(await rig.locks()).toEqual([durableLockKey(stack)]);
    expect((await rig.keys('.holdfast/quarantine/')).some((key) => key.includes('manifest-'))).toBe(true);

    expect((await rig.holdfast(['recover'])).exitCode).toBe(0);
    await isRecovered();
  });
});
