import { afterAll, describe, expect, it } from 'vitest';
import { Journal } from '../../../orchestrator/journal/journal.ts';
import { interruptedOf } from '../../../orchestrator/recovery/interrupted.ts';
import { quarantine } from '../../../orchestrator/recovery/quarantine.ts';
import type { ReadVersion } from '../../../orchestrator/recovery/quarantine.ts';
import { readHistory } from '../../../orchestrator/recovery/history.ts';
import { readRun } from '../../../orchestrator/journal/read-runs.ts';
import { takeOverStack } from '../../../orchestrator/recovery/take-over.ts';
import { readStates } from '../../../orchestrator/state/checkpoints.ts';
import { readDeployment } from '../../../orchestrator/state/deployment.ts';
import { checkpointKey } from '../../../orchestrator/state/layout.ts';
import { lockOf, processOf } from '../support/owner.ts';
import { recorded, stateOf } from '../support/recovery-interruptions.ts';
import { closeGateway, RecoveryRig } from '../support/recovery-rig.ts';
import { pending, stack } from '../support/recovery.ts';

afterAll(closeGateway);

/** What plain pulumi had begun, as a recovery with this `interrupted` reads it (recover-stack.ts, `#quarantine`). */
async function begunAsReadBy(rig: RecoveryRig, interrupted: ReturnType<typeof interruptedOf>): Promise<string[]> {
  const bucketNow = new Date(rig.time.ms);
  const told: ReadVersion[] = [];
  await quarantine({
    store: rig.bucket,
    network: 'example',
    stack,
    run: interrupted.run,
    recovery: 'r',
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
    const none = { run: 'rec-1', state: {} as never, events: [], unreadable: [] };
    const first = interruptedOf(none, stack);
    const seenByFirst = await begunAsReadBy(rig, first);
    // The first recovery: --writer-dead plain-pulumi, the takeover, and death.
    const standings = await rig.standings();
    const held = standings.byStack.get(stack);
    if (held?.kind !== 'held') throw new Error(held?.kind);
    const { states } = await readStates(rig.bucket, 'example');
    const journal = new Journal({
      store: rig.bucket,
      network: 'example',
      run: 'rec-1',
      writer: 'rec-1',
      patienceSeconds: 0,
      now: rig.time.now,
    });
    await journal.open({
      type: 'run-opened',
      operation: 'recover',
      process: processOf('rec-1'),
      session: { accessKeyId: 'K', session: 's', expires: 'never' },
      account: '1',
      region: 'r',
      order: [stack],
      forecastSeconds: 0,
      networkFile: { path: 'x', text: '' },
    });
    const taken = await takeOverStack({
      store: rig.bucket,
      network: 'example',
      stack,
      held,
      interrupted: first,
      standings,
      state: states.get(stack),
      journal,
      record: lockOf(stack, 'rec-1', {
        operation: 'recover',
        recovery: 'rec-1',
        checkpoint: (await rig.bucket.get(checkpointKey(stack)))?.etag ?? null,
      }),
    });
    expect(taken.ok).toBe(true);
    rig.pass(600);
    const second = interruptedOf(await readRun(rig.bucket, 'example', 'rec-1'), stack);
    expect(seenByFirst).toEqual(['creating one', 'creating two']);
    expect(await begunAsReadBy(rig, second)).toEqual(seenByFirst);
  });
});
