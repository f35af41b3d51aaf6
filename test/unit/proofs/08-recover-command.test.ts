import { describe, expect, it } from 'vitest';
import { playing } from '../support/played.ts';

const { played } = playing();

// The whole command `recover`, and the runs beside it, as the simulator plays them; what goes wrong, and when, is given.

const hourMs = 3_600_000;

const recordOf = (stack: string): string => `puts the record of ${stack}, if it is as it was`;

describe('H8: the writer is looked at once, before the takeover; what the journal says after it is read, and not judged', () => {
  it('a run of another machine that starts its engine just before its lock is taken over is asked about ("is it dead?"), and not recovered under its hands', () => {
    const { ends, history } = played({
      seed: 'h8',
      deployed: false,
      actors: [
        { name: 'up 1 (ada on m1)', kind: 'up', machine: 'm1', user: 'ada', startsAtMs: 0, stack: 'hub' },
        { name: 'recover 2 (bob on m2)', kind: 'recover', machine: 'm2', user: 'bob', startsAtMs: 180_000, stack: 'hub' },
      ],
      faults: [
        // The run has its lock, no engine yet, and nothing is heard of it for a while.
        { process: 'up 1 (ada on m1)', label: recordOf('hub'), call: 1, kind: 'stopped-before', ms: 185_000 },
        // It wakes when the recovery has looked, and before that takes over: its engine starts, and CreateVpc is on its way.
        { process: 'recover 2 (bob on m2)', label: recordOf('hub'), call: 1, kind: 'stopped-before', ms: 30_000 },
        {
          process: 'plugin of engine 1 of up 1 (ada on m1)',
          label: 'makes the VPC of hub/vpc',
          call: 1,
          kind: 'stopped-before',
          ms: 60_000,
        },
      ],
    });
    // 5: a person must decide, as where the engine had been started a second earlier. The VPC comes when the recovery is over.
    expect(ends).toEqual({ 'up 1 (ada on m1)': '0', 'recover 2 (bob on m2)': '5', promises: 'holds' });
    expect(history).toMatch(/recover 2 .* ends with 5\n.*makes the VPC of hub\/vpc\n/);
  });
});

describe('H10: recover --resume', () => {
  it('does "the rest of the interrupted run", and does not deploy its old network file over what a later run has deployed since', () => {
    const { ends, history } = played({
      seed: 'h10',
      deployed: true,
      actors: [
        // By the file of Monday: it ends the hub well, and dies in spoke.a.
        { name: 'up 1 (ada on m1)', kind: 'up', machine: 'm1', user: 'ada', startsAtMs: 0, stack: undefined },
        // By that of Tuesday, to everything but the held stack.
        { name: 'up-edited 2 (bob on m2)', kind: 'up-edited', machine: 'm2', user: 'bob', startsAtMs: hourMs, stack: undefined },
        { name: 'resume 3 (ada on m1)', kind: 'resume', machine: 'm1', user: 'ada', startsAtMs: 2 * hourMs, stack: undefined },
      ],
      faults: [
        { process: 'up 1 (ada on m1)', label: 'puts the checkpoint of spoke.a, if it is as it was', call: 1, kind: 'killed-after', ms: 0 },
      ],
    });
    expect(ends).toEqual({ 'up 1 (ada on m1)': 'killed', 'up-edited 2 (bob on m2)': '4', 'resume 3 (ada on m1)': '0', promises: 'holds' });
    expect(history).toMatch(/engine \d of resume 3 \(ada on m1\) for up of spoke\.a/);
    expect(history).not.toMatch(/engine \d of resume 3 \(ada on m1\) for up of (hub|spoke\.b)/);
  });

  it('does not deploy the old network file over a stack that a later run has deployed between its recovery and its turn', () => {
    const { ends, history } = played({
      seed: 'h10-between',
      deployed: true,
      actors: [
        { name: 'up 1 (ada on m1)', kind: 'up', machine: 'm1', user: 'ada', startsAtMs: 0, stack: undefined },
        { name: 'resume 2 (ada on m1)', kind: 'resume', machine: 'm1', user: 'ada', startsAtMs: hourMs, stack: undefined },
        { name: 'up-edited 3 (bob on m2)', kind: 'up-edited', machine: 'm2', user: 'bob', startsAtMs: hourMs + 60_000, stack: undefined },
      ],
      faults: [
        { process: 'up 1 (ada on m1)', label: 'puts the checkpoint of hub, if it is as it was', call: 1, kind: 'killed-after', ms: 0 },
        // As it would be busy with the recovery of other stacks.
        {
          process: 'resume 2 (ada on m1)',
          label: 'deletes its heartbeat, if it is as it was',
          call: 1,
          kind: 'stopped-after',
          ms: 1_200_000,
        },
      ],
    });
    expect(ends).toEqual({ 'up 1 (ada on m1)': 'killed', 'up-edited 3 (bob on m2)': '0', 'resume 2 (ada on m1)': '0', promises: 'holds' });
    expect(history).not.toMatch(/engine \d of resume 2 \(ada on m1\) for up of/);
  });
});
