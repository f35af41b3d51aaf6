import { setTimeout as sleep } from 'node:timers/promises';
import { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Bucket } from '../../orchestrator/aws/bucket.ts';
import { claimStack } from '../../orchestrator/ownership/claim.ts';
import { checkpointKey, durableLockKey, lockFolder } from '../../orchestrator/state/layout.ts';
import { LabRig } from '../support/lab-rig.ts';
import type { LabCall } from '../support/lab-rig.ts';
import { smallNetwork } from '../support/networks.ts';
import { lockedOut, RawPulumi } from '../support/raw-pulumi.ts';
import { count } from '../support/tier.ts';
import { lockOf } from '../unit/support/owner.ts';

const stack = 'small.transit-gateway';
const instants = count({ push: 15, all: 50 });
/** At once, over one run of Holdfast's. */
const together = count({ push: 5, all: 10 });
/** So many of them must have come while Holdfast had the lock, or they say nothing. */
const refusals = count({ push: 1, all: 10 });

/** By their place in the bucket's log of calls. */
interface Span {
  readonly from: number;
  readonly to: number;
}

const isWrite = ({ action, key, status }: LabCall): boolean =>
  key === checkpointKey(stack) && status < 300 && ['PutObject', 'DeleteObject', 'CopyObject'].includes(action);

const isRaw = ({ accessKeyId }: LabCall): boolean => accessKeyId === 'test';

/** From the first to the last write of each run: nobody else may have written in between. */
function spansOf(writes: readonly LabCall[], runOf: (call: LabCall) => string): Span[] {
  const spans = new Map<string, Span>();
  for (const call of writes) {
    const run = runOf(call);
    spans.set(run, { from: spans.get(run)?.from ?? call.seq, to: call.seq });
  }
  return [...spans.values()];
}

/** Which of raw pulumi's locks stood when it wrote: its runs are told apart by nothing else. */
function rawRunOf(calls: readonly LabCall[]): (call: LabCall) => string {
  const locks = calls.filter(
    ({ key, status }) => status < 300 && (key ?? '').startsWith(lockFolder(stack)) && key !== durableLockKey(stack),
  );
  return ({ seq }) => locks.findLast((lock) => lock.action === 'PutObject' && lock.seq < seq)?.key ?? 'none';
}

const inside = (calls: readonly LabCall[], spans: readonly Span[]): LabCall[] =>
  calls.filter(({ seq }) => spans.some(({ from, to }) => from < seq && seq < to));

describe('raw pulumi and Holdfast over one stack', { concurrent: false }, () => {
  let rig: LabRig;
  let raw: RawPulumi;
  let seen = 0;
  beforeAll(async () => {
    rig = await LabRig.start(smallNetwork);
    raw = await RawPulumi.open(rig.record);
    expect((await rig.holdfast(['up', 'transit-gateway', '--yes'])).exitCode).toBe(0);
  });
  beforeEach(async () => {
    seen = await rig.lastCall();
  });
  afterAll(async () => {
    await raw.close();
    await rig.stop();
  });

  it(`never write through one another, with raw pulumi started at ${instants} random instants of Holdfast's runs`, async () => {
    // Each change takes a while, so that a run is under the lock for longer than raw pulumi takes to start.
    await rig.fault({ match: { service: 'ec2', mutating: true }, do: { kind: 'delay', ms: 3000 } });
    const attempts: { readonly refused: boolean; readonly output: string }[] = [];
    const runs: (number | null)[] = [];
    for (let n = 0; attempts.length < instants; n += 1) {
      await rig.writeNetwork(smallNetwork.replace('segments:\n', `segments:\n  other-${n}: {}\n`));
      const run = rig.run(['up', 'transit-gateway', '--yes', '--json']);
      // From here on the lock is taken, at any moment.
      await run.event(({ type }) => type === 'plan');
      await Promise.all(
        Array.from({ length: together }, async () => {
          await sleep(Math.random() * 6000);
          const { exitCode, output } = await raw.run('refresh', stack);
          attempts.push({ refused: exitCode !== 0, output });
        }),
      );
      runs.push((await run.ended).exitCode);
    }
    await rig.clearFaults();

    const calls = await rig.calls({ service: 's3', since: seen });
    const writes = calls.filter(isWrite);
    const ours = writes.filter((call) => !isRaw(call));
    const theirs = writes.filter(isRaw);
    expect(
      inside(
        theirs,
        spansOf(ours, ({ sessionName }) => sessionName ?? ''),
      ),
    ).toEqual([]);
    expect(inside(ours, spansOf(theirs, rawRunOf(calls)))).toEqual([]);
    // Of ten at once one may list the lock of another, and find it gone when it reads it: pulumi gives up over that, too.
    const lockGone = calls.some((call) => isRaw(call) && call.status === 404 && (call.key ?? '').startsWith(lockFolder(stack)));
    const told = [lockedOut, ...(lockGone ? ['NoSuchKey'] : [])];
    for (const { refused, output } of attempts)
      if (refused)
        expect(
          told.filter((words) => output.includes(words)),
          output,
        ).not.toEqual([]);
    expect(runs.filter((code) => code !== 0 && code !== 6)).toEqual([]);
    // Enough of both happened for the above to say something.
    expect(attempts.filter(({ refused }) => refused).length).toBeGreaterThan(refusals);
    expect(ours.length).toBeGreaterThan(10);
    expect(await rig.locks()).toEqual([]);
  });

  it(`never both have the lock, with Holdfast's taken at ${instants} random instants of raw pulumi's runs`, async () => {
    const credentials = { accessKeyId: 'ours', secretAccessKey: 'test' };
    const s3 = new S3Client({ endpoint: rig.record.endpoint, region: rig.record.region, forcePathStyle: true, credentials });
    const store = new Bucket(s3, rig.record.bucket);
    const request = { store, network: 'small', patience: { seconds: 5 }, now: Date.now };
    const over = new AbortController();
    const refreshes: number[] = [];
    const rawRuns = (async () => {
      while (!over.signal.aborted) refreshes.push((await raw.run('refresh', stack)).exitCode);
    })();
    let taken = 0;
    for (let n = 0; n < instants; n += 1) {
      await sleep(Math.random() * 600);
      const claiming = await claimStack(lockOf(stack, `run-${n}`), stack, request);
      if (!claiming.ok) continue;
      const { claim } = claiming;
      taken += 1;
      await store.list('.holdfast/granted');
      await sleep(Math.random() * 300);
      await store.list('.holdfast/released');
      expect((await claim.write({ type: 'give-back', as: claim.as })).ok).toBe(true);
      expect(await claim.dropLock()).toEqual({ done: true });
    }
    over.abort();
    await rawRuns;
    s3.destroy();

    const calls = await rig.calls({ service: 's3', since: seen });
    const marks = calls.filter(({ params }) => /^\.holdfast\/(granted|released)$/.test(params['Prefix'] ?? ''));
    const granted: Span[] = marks.flatMap(({ seq }, index) => (index % 2 === 0 ? [{ from: seq, to: marks[index + 1]?.seq ?? seq }] : []));
    expect(granted).toHaveLength(taken);
    expect(
      inside(
        calls.filter((call) => isWrite(call) && isRaw(call)),
        granted,
      ),
    ).toEqual([]);
    expect(taken).toBeGreaterThan(0);
    expect(refreshes.filter((code) => code === 0).length).toBeGreaterThan(0);
    expect(await rig.locks()).toEqual([]);
  });
});
