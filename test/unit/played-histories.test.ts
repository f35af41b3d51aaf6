import { describe, expect, it } from 'vitest';
import type { Plan } from '../simulation/plan.ts';
import { playing } from './support/played.ts';

const { played } = playing();

// Faults that the simulator found, as it plays them: what goes wrong, and when, is given.

describe('a recovery that slept with its machine for a moment, and had looked at everything before', () => {
  it('does not take the stack from another recovery that has begun meanwhile: who has it now is looked at where it is taken', () => {
    const { ends, history } = played({
      seed: 'two-recoveries',
      deployed: false,
      actors: [
        { name: 'up 1 (ada on m1)', kind: 'up', machine: 'm1', user: 'ada', startsAtMs: 0, stack: undefined },
        { name: 'recover 2 (ada on m1)', kind: 'recover', machine: 'm1', user: 'ada', startsAtMs: 180_000, stack: undefined },
        { name: 'recover 3 (bob on m2)', kind: 'recover', machine: 'm2', user: 'bob', startsAtMs: 184_000, stack: undefined },
      ],
      faults: [
        { process: 'up 1 (ada on m1)', label: 'puts the record of hub, if it is as it was', call: 2, kind: 'killed-before', ms: 0 },
        { process: 'recover 2 (ada on m1)', label: 'lists the checkpoint of hub', call: 1, kind: 'asleep-after', ms: 11_000 },
      ],
    });
    expect(ends).toEqual({ 'up 1 (ada on m1)': 'killed', 'recover 2 (ada on m1)': '6', 'recover 3 (bob on m2)': '0', promises: 'holds' });
    expect(history).toMatch(/recover 3 .* puts the checkpoint of hub/);
  });
});

describe('a freeze of a stack whose run, on another machine, stands still and is not heard of', () => {
  it('says that this run may still be at work: nothing stops it when it wakes', () => {
    const { ends, history } = played({
      seed: 'freeze-of-a-quiet-run',
      deployed: true,
      actors: [
        { name: 'up 1 (bob on m2)', kind: 'up', machine: 'm2', user: 'bob', startsAtMs: 0, stack: undefined },
        { name: 'freeze 2 (bob on m1)', kind: 'freeze', machine: 'm1', user: 'bob', startsAtMs: 180_300, stack: undefined },
      ],
      faults: [
        {
          process: 'up 1 (bob on m2)',
          label: 'puts the checkpoint of hub, if it is as it was',
          call: 1,
          kind: 'stopped-after',
          ms: 190_000,
        },
      ],
    });
    expect(ends).toMatchObject({ 'freeze 2 (bob on m1)': '0', promises: 'holds' });
    expect(history).toMatch(/freeze 2 .* ends with 0\n[^]*plugin of engine .* of up 1 .* changes the VPC of hub\/vpc/);
  });
});

describe('a stack whose run was killed on this machine, and left its engine in a call', () => {
  const up = { name: 'up 1 (bob on m1)', kind: 'up', machine: 'm1', user: 'bob', startsAtMs: 0, stack: undefined } as const;
  const ofKilled = (next: Pick<Plan['actors'][number], 'name' | 'kind' | 'user' | 'stack'>, hidesProcesses = false) =>
    played({
      seed: `left-engine-${next.kind}-${next.user}`,
      deployed: false,
      machines: [
        { name: 'm1', clockAheadMs: 0, hidesProcesses },
        { name: 'm2', clockAheadMs: 0, hidesProcesses: false },
      ],
      actors: [up, { ...next, machine: 'm1', startsAtMs: 180_000 }],
      faults: [
        {
          process: 'plugin of engine 1 of up 1 (bob on m1)',
          label: 'makes the VPC of hub/vpc',
          call: 1,
          kind: 'stopped-before',
          ms: 190_000,
        },
        { process: up.name, label: 'puts its heartbeat', call: 2, kind: 'killed-before', ms: 0 },
      ],
    });
  const isChangedByIt = / s {3}plugin of engine 1 [^\n]* makes the VPC/;

  it('is told as frozen when that engine has been ended', () => {
    const { ends, history } = ofKilled({ name: 'freeze 2 (bob on m1)', kind: 'freeze', user: 'bob', stack: undefined });
    expect(ends).toEqual({ [up.name]: 'killed', 'freeze 2 (bob on m1)': '0', promises: 'holds' });
    expect(history).toMatch(/freeze 2 .* kills plugin of engine 1/);
    expect(history).not.toMatch(isChangedByIt);
  });

  it('is told as one on which the run may be at work, where this machine hides the processes of other users', () => {
    const { ends, history } = ofKilled({ name: 'freeze 2 (ada on m1)', kind: 'freeze', user: 'ada', stack: undefined }, true);
    expect(ends).toEqual({ [up.name]: 'killed', 'freeze 2 (ada on m1)': '0', promises: 'holds' });
    expect(history).toMatch(isChangedByIt);
  });
});

describe('a freeze that slept with its machine, and was unfrozen and frozen again meanwhile', () => {
  it('leaves the stack a lock: the one that it put over that of the later freeze', () => {
    const plain = { kind: 'freeze', user: 'ada', stack: undefined } as const;
    const { ends, history } = played({
      seed: 'freeze-over-freeze',
      deployed: true,
      actors: [
        { ...plain, name: 'freeze 1 (ada on m1)', machine: 'm1', startsAtMs: 0 },
        { name: 'unfreeze 2 (bob on m2)', kind: 'unfreeze', machine: 'm2', user: 'bob', startsAtMs: 5_000, stack: undefined },
        { ...plain, name: 'freeze 3 (ada on m2)', machine: 'm2', startsAtMs: 15_000 },
      ],
      faults: [
        { process: 'freeze 1 (ada on m1)', label: 'puts the record of hub, if it is as it was', call: 1, kind: 'asleep-after', ms: 25_000 },
      ],
    });
    expect(ends).toEqual({ 'freeze 1 (ada on m1)': '1', 'unfreeze 2 (bob on m2)': '0', 'freeze 3 (ada on m2)': '0', promises: 'holds' });
    expect(history).toMatch(/freeze 3 .* ends with 0\n[^]*freeze 1 .*puts the lock of hub, if it is as it was/);
  });
});

describe('a status that stands still between a record and the heartbeats', () => {
  const status = { kind: 'status', machine: 'm2', user: 'bob', startsAtMs: 2_000, stack: undefined } as const;
  const up = { kind: 'up', machine: 'm1', user: 'ada', startsAtMs: 0, stack: undefined } as const;
  const stands = { process: 'status 2 (bob on m2)', label: 'lists .holdfast/heartbeats/net/', call: 1, kind: 'stopped-before' } as const;

  it('does not say that a run is not heard of which ended meanwhile, as runs do', () => {
    const { ends } = played({
      seed: 'status-over-an-end',
      deployed: false,
      actors: [
        { ...up, name: 'up 1 (ada on m1)' },
        { ...status, name: 'status 2 (bob on m2)' },
      ],
      faults: [{ ...stands, ms: 60_000 }],
    });
    expect(ends).toEqual({ 'up 1 (ada on m1)': '0', 'status 2 (bob on m2)': '0', promises: 'holds' });
  });
});

describe('recover --resume on a machine whose clock was set back since the interrupted run began', () => {
  it('knows a later run as a later one, although its name says an earlier time, and does not deploy the old network file over it', () => {
    const { ends, history } = played({
      seed: 'resume-clock-set-back',
      deployed: true,
      actors: [
        { name: 'up 1 (ada on m1)', kind: 'up', machine: 'm1', user: 'ada', startsAtMs: 0, stack: undefined },
        { name: 'resume 2 (ada on m1)', kind: 'resume', machine: 'm1', user: 'ada', startsAtMs: 15_000, stack: undefined },
        { name: 'up-edited 3 (ada on m1)', kind: 'up-edited', machine: 'm1', user: 'ada', startsAtMs: 44_000, stack: undefined },
      ],
      faults: [
        { process: 'up 1 (ada on m1)', label: 'asks GetBucketEncryption', call: 1, kind: 'clock-set', ms: -150_000 },
        { process: 'up 1 (ada on m1)', label: 'puts the checkpoint of hub, if it is as it was', call: 1, kind: 'killed-after', ms: 0 },
        {
          process: 'resume 2 (ada on m1)',
          label: 'deletes the lock of hub, if it is as it was',
          call: 1,
          kind: 'stopped-after',
          ms: 60_000,
        },
      ],
    });
    expect(ends).toEqual({ 'up 1 (ada on m1)': 'killed', 'up-edited 3 (ada on m1)': '0', 'resume 2 (ada on m1)': '0', promises: 'holds' });
    expect(history).not.toMatch(/engine \d of resume 2 \(ada on m1\) for up of/);
  });
});

describe('a command that ends what a dead run has left, and stands still in the middle of that', () => {
  const dead = {
    process: 'up 1 (bob on m2)',
    label: 'puts the lock of hub, if there is none',
    call: 1,
    kind: 'killed-after',
    ms: 0,
  } as const;
  const up = { name: 'up 1 (bob on m2)', kind: 'up', machine: 'm2', user: 'bob', startsAtMs: 0, stack: undefined } as const;

  it('is heard of, so that a recovery does not take over from it what it has just taken over', () => {
    const { ends } = played({
      seed: 'tidy-unheard',
      deployed: true,
      actors: [
        up,
        { ...up, name: 'up-edited 2 (bob on m2)', kind: 'up-edited', startsAtMs: 180_000 },
        { ...up, name: 'recover 3 (bob on m1)', kind: 'recover', machine: 'm1', startsAtMs: 190_000 },
      ],
      faults: [
        dead,
        {
          process: 'up-edited 2 (bob on m2)',
          label: 'puts the record of hub, if it is as it was',
          call: 1,
          kind: 'stopped-after',
          ms: 60_000,
        },
      ],
    });
    expect(ends).toEqual({ 'up 1 (bob on m2)': 'killed', 'up-edited 2 (bob on m2)': '0', 'recover 3 (bob on m1)': '0', promises: 'holds' });
  });
});

describe('a run whose CLI was killed before its first step, and whose plugin could not be looked for', () => {
  it('gives its stack back, and a lock of it that arrives late is released: a plugin without a CLI calls nothing', () => {
    const { ends, history } = played({
      seed: 'idle-plugin',
      deployed: false,
      failedLooks: [{ process: 'up 1 (bob on m1)', first: 9, count: 1 }],
      actors: [
        { name: 'up 1 (bob on m1)', kind: 'up', machine: 'm1', user: 'bob', startsAtMs: 0, stack: undefined },
        { name: 'recover 2 (ada on m2)', kind: 'recover', machine: 'm2', user: 'ada', startsAtMs: 15_000, stack: undefined },
      ],
      faults: [
        { process: 'up 1 (bob on m1)', label: 'puts the lock of hub, if there is none', call: 1, kind: 'arrives-late', ms: 3_000 },
        {
          process: 'engine 1 of up 1 (bob on m1)',
          label: 'reads the checkpoint of hub through the gateway',
          call: 1,
          kind: 'killed-after',
          ms: 0,
        },
      ],
    });
    expect(ends).toEqual({ 'up 1 (bob on m1)': '1', 'recover 2 (ada on m2)': '0', promises: 'holds' });
    expect(history).toMatch(
      /is killed before it hears of it[^]* up 1 .* cannot look at the process table[^]*up 1 .* puts the record of hub/,
    );
    expect(history).toMatch(/up 1 .* as sent long ago\n[^]*recover 2 .* deletes the lock of hub/);
  });
});

describe('a release that stood still for minutes before it took the stack', () => {
  it('may be taken over by another release, which has heard nothing of it, and is refused then', () => {
    const release = { kind: 'release', machine: 'm2', stack: 'hub' } as const;
    const first = { ...release, name: 'release 2 (ada on m2)', user: 'ada', startsAtMs: 400_000 } as const;
    const { ends, history } = played({
      seed: 'two-releases',
      deployed: true,
      actors: [
        { name: 'up 1 (bob on m1)', kind: 'up', machine: 'm1', user: 'bob', startsAtMs: 0, stack: undefined },
        first,
        { ...release, name: 'release 3 (bob on m1)', machine: 'm1', user: 'bob', startsAtMs: 810_000 },
      ],
      faults: [
        { process: 'up 1 (bob on m1)', label: 'puts the checkpoint of hub, if it is as it was', call: 1, kind: 'killed-after', ms: 0 },
        { process: first.name, label: 'puts the record of hub, if it is as it was', call: 1, kind: 'stopped-before', ms: 400_000 },
        { process: first.name, label: 'puts its heartbeat', call: 2, kind: 'arrives-late', ms: 30_000 },
        { process: first.name, label: 'puts the lock of hub, if there is none', call: 1, kind: 'stopped-before', ms: 20_000 },
      ],
    });
    expect(ends).toEqual({ 'up 1 (bob on m1)': 'killed', [first.name]: '6', 'release 3 (bob on m1)': '0', promises: 'holds' });
    expect(history).toMatch(/release 2 .* puts the record of hub[^]*release 3 .* puts the record of hub[^]*release 2 .* ends with 6/);
  });
});

describe('a VPC that an SDK made twice, over a lost answer, while AWS shows what is new late', () => {
  it('may be written down as verified: a run that has looked was not shown the first one, and no later look is demanded of it', () => {
    const { ends } = played({
      seed: 'unseen-twin',
      deployed: false,
      awsLateMs: 2_000,
      actors: [{ name: 'up 1 (bob on m1)', kind: 'up', machine: 'm1', user: 'bob', startsAtMs: 0, stack: 'hub' }],
      faults: [
        { process: 'plugin of engine 1 of up 1 (bob on m1)', label: 'makes the VPC of hub/vpc', call: 1, kind: 'answer-lost', ms: 0 },
        { process: 'up 1 (bob on m1)', label: 'puts the record of hub, if it is as it was', call: 2, kind: 'stopped-before', ms: 10_000 },
      ],
    });
    expect(ends).toEqual({ 'up 1 (bob on m1)': '0', promises: 'holds' });
  });
});

describe('a run that was killed in its own recovery, and left an engine that only reads AWS', () => {
  it('is taken over from on another machine, without a question: that its first engine has ended is in the record', () => {
    const { ends, history } = played({
      seed: 'left-refresh',
      deployed: false,
      actors: [
        { name: 'up 1 (ada on m1)', kind: 'up', machine: 'm1', user: 'ada', startsAtMs: 0, stack: undefined },
        { name: 'recover 2 (bob on m2)', kind: 'recover', machine: 'm2', user: 'bob', startsAtMs: 300_000, stack: undefined },
      ],
      faults: [
        {
          process: 'engine 1 of up 1 (ada on m1)',
          label: 'writes the checkpoint of hub through the gateway',
          call: 1,
          kind: 'killed-after',
          ms: 0,
        },
        { process: 'plugin of engine 2 of up 1 (ada on m1)', label: 'reads what AWS has', call: 1, kind: 'stopped-before', ms: 1_200_000 },
        { process: 'up 1 (ada on m1)', label: 'puts its heartbeat', call: 2, kind: 'killed-before', ms: 0 },
      ],
    });
    expect(ends).toEqual({ 'up 1 (ada on m1)': 'killed', 'recover 2 (bob on m2)': '0', promises: 'holds' });
    expect(history).toMatch(/plugin of engine 2 .* stands still[^]*up 1 .* is killed[^]*recover 2 .* puts the record of hub/);
  });
});

describe('a release that stands still between its look at the lock and its look at the record', () => {
  it('is refused where another release has taken the stack meanwhile: it goes by who has it, and not by whose lock stood', () => {
    const release = { kind: 'release', stack: 'hub' } as const;
    const slow = { ...release, name: 'release 2 (bob on m1)', machine: 'm1', user: 'bob', startsAtMs: 400_000 } as const;
    const quick = { ...release, name: 'release 3 (ada on m2)', machine: 'm2', user: 'ada', startsAtMs: 405_000 } as const;
    const { ends } = played({
      seed: 'release-over-release',
      deployed: true,
      actors: [{ name: 'up 1 (bob on m1)', kind: 'up', machine: 'm1', user: 'bob', startsAtMs: 0, stack: undefined }, slow, quick],
      faults: [
        { process: 'up 1 (bob on m1)', label: 'puts the checkpoint of hub, if it is as it was', call: 1, kind: 'killed-after', ms: 0 },
        { process: slow.name, label: 'reads the lock of hub', call: 1, kind: 'stopped-after', ms: 20_000 },
        { process: quick.name, label: 'puts the lock of hub, if there is none', call: 1, kind: 'stopped-before', ms: 60_000 },
      ],
    });
    expect(ends).toEqual({ 'up 1 (bob on m1)': 'killed', [slow.name]: '6', [quick.name]: '0', promises: 'holds' });
  });
});

describe('a stack that was cut short, and of which two were made', () => {
  it('writes down what others read before they are made: one of the two is taken away in a later pass', () => {
    const up = { name: 'up-edited 1 (ada on m1)', kind: 'up-edited', machine: 'm1', user: 'ada', startsAtMs: 0, stack: undefined } as const;
    const { ends, history } = played({
      seed: 'outputs-that-others-read',
      deployed: false,
      actors: [up],
      faults: [
        { process: `plugin of engine 1 of ${up.name}`, label: 'makes the VPC of hub/vpc', call: 1, kind: 'answer-lost', ms: 0 },
        {
          process: `engine 1 of ${up.name}`,
          label: 'writes the checkpoint of hub through the gateway',
          call: 3,
          kind: 'killed-in-flight',
          ms: 0,
        },
      ],
    });
    expect(ends).toEqual({ [up.name]: '5', promises: 'holds' });
    expect(history).toMatch(/starts engine \d+ of closing: up \d+ for up of hub[^]*for up of spoke\.a[^]*for up of hub/);
  });
});
