import { afterAll, describe, expect, it } from 'vitest';
import { checkpointKey, runPrefix } from '../../../orchestrator/state/layout.ts';
import { cidr } from '../support/recovery-interruptions.ts';
import { closeGateway, network, RecoveryRig, run } from '../support/recovery-rig.ts';
import { stack } from '../support/recovery.ts';

afterAll(closeGateway);
const checkpoint = checkpointKey(stack);

describe('H5: rule 7, "so that an old writer\'s condition cannot match by accident"', () => {
  it('after a recovery the condition of the run that was recovered is not met any more, also where the stack has nothing', async () => {
    // ETags are of the content, as S3's are with SSE-S3, which bootstrap sets (aws/bucket-properties.ts).
    const rig = new RecoveryRig({ vpc: cidr(1) });
    // A first deploy that died before it made anything, recovered.
    await rig.interrupted(() => undefined);
    expect((await rig.recover('rec-1')).kind).toBe('recovered');
    // The next run begins from that, on another machine, and is paused before its engine's first intent; it is recovered from here.
    const base = rig.bucket.head(checkpoint)?.etag;
    // The rig knows one run: this is another one, with a journal of its own.
    for (const key of rig.bucket.keys().filter((each) => each.startsWith(runPrefix(network, run)))) rig.bucket.delete(key);
    await rig.interrupted(() => undefined);
    const end = await rig.recover('rec-2');
    expect(end.kind).toBe('recovered');
    expect(rig.isLocked()).toBe(false);
    // It wakes up. Its gateway writes the first intent on condition of what it saw last.
    const intent = await rig.bucket.put(
      checkpoint,
      '{"version":3,"checkpoint":{"latest":{"pending_operations":["creating vpc"]}}}',
      base === undefined ? { only: 'if-absent' } : { only: 'if-matches', etag: base },
    );
    expect({ staleWriterIsRefused: !intent.done }).toEqual({ staleWriterIsRefused: true });
  });

  it('nor where the very bytes that an earlier recovery left are put there again, and a run began from them', async () => {
    const rig = new RecoveryRig({ vpc: cidr(1) });
    await rig.interrupted(() => undefined);
    expect((await rig.recover('rec-1')).kind).toBe('recovered');
    const second = new RecoveryRig({ vpc: cidr(1) });
    const base = second.write(rig.bucket.bodyOf(checkpoint) ?? '');
    await second.interrupted(() => undefined);
    expect((await second.recover('rec-1')).kind).toBe('recovered');
    const intent = await second.bucket.put(checkpoint, '{"version":3}', { only: 'if-matches', etag: base });
    expect({ staleWriterIsRefused: !intent.done }).toEqual({ staleWriterIsRefused: true });
  });
});
