import { afterAll, describe, expect, it } from 'vitest';
import { writeLock } from '../../../orchestrator/locks/lock-record.ts';
import { LockWatch } from '../../../orchestrator/locks/lock-watch.ts';
import { checkpointKey, durableLockKey } from '../../../orchestrator/state/layout.ts';
import { deferred } from '../support/deferred.ts';
import { HookedStore } from '../support/hooked-store.ts';
import { lockOf } from '../support/owner.ts';
import { cidr, interruptedCreate, recorded, stateOf } from '../support/recovery-interruptions.ts';
import { ownedRecord, putRecord } from '../support/records.ts';
import { closeGateway, RecoveryRig } from '../support/recovery-rig.ts';
import { stack } from '../support/recovery.ts';

afterAll(closeGateway);
const checkpoint = checkpointKey(stack);

/** Two recoveries; the first one is slow (or paused) in its quarantine, and loses the stack to the second one, which recovers and releases it. */
async function loserWakes(afterwards: (rig: RecoveryRig) => Promise<void> | void) {
  const rig = new RecoveryRig({ old: cidr(0), vpc: cidr(1) });
  await interruptedCreate(rig);
  const store = new HookedStore(rig.bucket);
  const first = await rig.takeOver('rec-1', store);
  if (!first.taking.ok) throw new Error(first.taking.reason);
  const atTouch = deferred();
  const goOn = deferred();
  let puts = 0;
  store.before = async ({ op, key }) => {
    if (op !== 'put' || key !== checkpoint) return;
    puts += 1;
    if (puts > 1) return;
    atTouch.resolve();
    await goOn.promise;
  };
  const watch = new LockWatch(store, 'example');
  const loser = rig.recoverBehind('rec-1', first, { store, parts: { watch } });
  await atTouch.promise;
  const winner = await rig.recover('rec-2');
  expect(winner.kind).toBe('recovered');
  expect(rig.isLocked()).toBe(false);
  await afterwards(rig);
  // It has even SEEN that its lock is gone (a look every 3 s), before it writes.
  await watch.look();
  goOn.resolve();
  return { rig, end: await loser, puts: () => puts };
}

describe('H2: a recovery that has lost its stack still writes the checkpoint', () => {
  it('does not touch the checkpoint of a stack that another recovery has verified and released', async () => {
    const { rig, end } = await loserWakes(() => undefined);
    const now = (await rig.bucket.get(checkpoint))?.etag;
    const record = await rig.record();
    expect(end.kind).toBe('lost');
    expect({
      phase: record?.phase,
      isLocked: rig.isLocked(),
      checkpointIsTheVerifiedOne: record?.verified.kind === 'at' && now === record.verified.etag,
    }).toEqual({ phase: 'free', isLocked: false, checkpointIsTheVerifiedOne: true });
  });

  it('does not write under a run that has the stack by now: its engine would be fenced in the middle of a step', async () => {
    let seenByRun: string | undefined;
    const { rig } = await loserWakes((r) => {
      // A new run has the stack, and its engine has written its first intent.
      const next = lockOf(stack, 'next', { epoch: 4 });
      putRecord(r.bucket, ownedRecord(stack, 'running', { owner: next }));
      r.bucket.set(durableLockKey(stack), writeLock(next));
      seenByRun = r.write(stateOf([recorded('old', 0, 'vpc-old'), recorded('vpc', 1, 'vpc-new')], []));
    });
    // What the gateway does at the run's next checkpoint: on condition of what the run saw last.
    const next = await rig.bucket.put(checkpoint, stateOf([]), { only: 'if-matches', etag: seenByRun ?? '' });
    expect({ theRunMayStillWrite: next.done }).toEqual({ theRunMayStillWrite: true });
  });
});
