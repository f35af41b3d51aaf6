import { beforeEach, describe, expect, it } from 'vitest';
import type { InTheWay, Obstacle } from '../../orchestrator/aws/in-the-way.ts';
import type { RunEvent } from '../../orchestrator/run/events.ts';
import { LongDeletes } from '../../orchestrator/run/long-deletes.ts';
import type { LongDeletesRequest } from '../../orchestrator/run/long-deletes.ts';
import { settled } from './support/deferred.ts';
import { checkpointOf, stepOf, urnOf } from './support/fake-engine.ts';

const stack = 'example.a';
const group: Obstacle = { kind: 'security-group', id: 'sg-1', owner: '444455556666', description: 'theirs' };

let nowMs: number;
let events: RunEvent[];
let draining: AbortController;
let answer: InTheWay | undefined;
let asked: string[];
let sleepers: { readonly until: number; readonly wake: () => void }[];
beforeEach(() => {
  nowMs = Date.parse('2030-01-01T00:00:00Z');
  events = [];
  draining = new AbortController();
  answer = { obstacles: [group], unseen: [], triedSeconds: 1200 };
  asked = [];
  sleepers = [];
});

function deletesOf(more: Partial<LongDeletesRequest> = {}): LongDeletes {
  return new LongDeletes({
    stack,
    short: 'a',
    checkpoint: () => checkpointOf(stack, new Map([['vpc', 'vpc-vpc']])),
    inTheWay: ({ id }) => {
      asked.push(id);
      return Promise.resolve(answer);
    },
    sleep: (milliseconds, signal) =>
      new Promise((wake) => {
        sleepers.push({ until: nowMs + milliseconds, wake });
        signal?.addEventListener('abort', () => wake(), { once: true });
      }),
    now: () => nowMs,
    emit: (event) => void events.push(event),
    draining: draining.signal,
    ...more,
  });
}

async function pass(seconds: number): Promise<void> {
  nowMs += seconds * 1000;
  const due = sleepers.filter(({ until }) => until <= nowMs);
  sleepers = sleepers.filter(({ until }) => until > nowMs);
  for (const { wake } of due) wake();
  await settled();
}

const begun = stepOf('delete', 'vpc', stack, 'started');

describe('a delete that AWS does not do', () => {
  it('is told within a minute: what is in its way, and how long it is tried', async () => {
    deletesOf().add(begun);
    await pass(50);
    expect(asked).toEqual(['vpc-vpc']);
    expect(events).toEqual([
      {
        type: 'delete-waits',
        stack,
        short: 'a',
        resource: 'vpc',
        resourceType: begun.type,
        id: 'vpc-vpc',
        seconds: 50,
        until: '2030-01-01T00:20:00.000Z',
        obstacles: [group],
        unseen: [],
      },
    ]);
  });

  it('is told again only where something else is in the way', async () => {
    deletesOf().add(begun);
    await pass(50);
    await pass(50);
    expect([asked.length, events.length]).toEqual([2, 1]);
    answer = { obstacles: [{ ...group, id: 'sg-2' }], unseen: [], triedSeconds: 1200 };
    await pass(50);
    expect(events).toHaveLength(2);
  });

  it('is told where it could not be looked: that is not the same as nothing', async () => {
    answer = { obstacles: [], unseen: [{ action: 'ec2:DescribeInstances', code: 'UnauthorizedOperation' }], triedSeconds: 1200 };
    deletesOf().add(begun);
    await pass(50);
    expect(events).toMatchObject([{ obstacles: [], unseen: [{ action: 'ec2:DescribeInstances' }] }]);
  });

  it('is nothing to tell of where nothing is in its way: it takes its time', async () => {
    answer = { obstacles: [], unseen: [], triedSeconds: 300 };
    deletesOf().add(begun);
    await pass(50);
    expect(events).toEqual([]);
  });

  it('is not looked into once it has ended, or its engine has', async () => {
    const [done, closed] = [deletesOf(), deletesOf()];
    done.add(begun);
    done.add(stepOf('delete', 'vpc', stack, 'done'));
    closed.add(begun);
    closed.close();
    await pass(50);
    expect(asked).toEqual([]);
  });

  it('is not looked into where it is a create', async () => {
    deletesOf().add(stepOf('create', 'vpc', stack, 'started'));
    await pass(50);
    expect(asked).toEqual([]);
  });
});

describe('one signal', () => {
  it('ends the engine of a delete that something is in the way of', async () => {
    const deletes = deletesOf();
    deletes.add(begun);
    await pass(50);
    expect(deletes.ending.aborted).toBe(false);
    draining.abort();
    expect([deletes.ending.aborted, deletes.isGivenUp(urnOf(stack, 'vpc')), deletes.isGivenUp('another')]).toEqual([true, true, false]);
    expect(deletes.givenUp).toEqual(['vpc']);
  });

  it('that came before ends it as soon as that is known', async () => {
    const deletes = deletesOf();
    deletes.add(begun);
    draining.abort();
    expect(deletes.ending.aborted).toBe(false);
    await pass(50);
    expect(deletes.ending.aborted).toBe(true);
  });

  it('ends no engine whose delete has ended meanwhile', async () => {
    const deletes = deletesOf();
    deletes.add(begun);
    await pass(50);
    deletes.add(stepOf('delete', 'vpc', stack, 'done'));
    draining.abort();
    expect(deletes.ending.aborted).toBe(false);
  });
});
