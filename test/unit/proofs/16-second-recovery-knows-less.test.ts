import { afterAll, describe, expect, it } from 'vitest';
import { isOpen } from '../../../orchestrator/ownership/stack-record.ts';
import { interruptedOf } from '../../../orchestrator/recovery/interrupted.ts';
import { quarantine } from '../../../orchestrator/recovery/quarantine.ts';
import type { ReadVersion } from '../../../orchestrator/recovery/quarantine.ts';
import { readHistory } from '../../../orchestrator/recovery/history.ts';
import { readDeployment } from '../../../orchestrator/state/deployment.ts';
import { recorded, stateOf } from '../support/recovery-interruptions.ts';
import { closeGateway, RecoveryRig } from '../support/recovery-rig.ts';
import { pending, stack } from '../support/recovery.ts';

afterAll(closeGateway);

/** What plain pulumi had begun, as a recovery that takes the stack over reads it (recover-stack.ts, `#quarantine`); then that recovery dies. */
async function begunAsReadBy(rig: RecoveryRig, recovery: string): Promise<string[]> {
  const { taking } = await rig.takeOver(recovery);
  const before = taking.ok ? taking.before?.record : undefined;
  if (!isOpen(before)) throw new Error('the stack could not be taken over');
  const interrupted = interruptedOf(before, recovery);
  const bucketNow = new Date(rig.time.ms);
  const told: ReadVersion[] = [];
  await quarantine({
    store: rig.bucket,
    network: 'example',
    stack,
    run: interrupted.run,
    recovery,
    lockedAt: interrupted.startedAt ?? new Date(bucketNow.getTime() - 24 * 3_600_000),
    bucketNow,
    base: interrupted.base,
    patienceSeconds: 0,
    copies: false,
    onCheckpoint: (version) => void told.push(version),
    onProgress: () => undefined,
  });
  const versions = told.flatMap(({ version, body }) => {
    const read = body === null ? undefined : readDeployment(body);
    return read?.ok === true ? [{ version, deployment: read.deployment }] : [];
  });
  return readHistory(versions)
    .open.map(({ type, resource }) => `${type} ${resource.name}`)
    .sort();
}

describe('H16: "Killed at any point, run it again ... does it all again": a stack that plain pulumi left', () => {
  it('the second recovery reads as much evidence as the first one, which was killed after its takeover', async () => {
    const rig = new RecoveryRig({});
    rig.write(stateOf([]));
    rig.write(stateOf([], [pending('creating', recorded('one', 1)), pending('creating', recorded('two', 2))]));
    // The plugin was killed: the engine drops the first operation, and is killed itself before it drops the second.
    rig.write(stateOf([], [pending('creating', recorded('two', 2))]));
    rig.pass(600);
    const seenByFirst = await begunAsReadBy(rig, 'rec-1');
    rig.pass(600);
    expect(seenByFirst).toEqual(['creating one', 'creating two']);
    expect(await begunAsReadBy(rig, 'rec-2')).toEqual(seenByFirst);
  });
});
