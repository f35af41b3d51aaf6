import { beforeEach, describe, expect, it } from 'vitest';
import { Heartbeat, readWaiters, removeOldHeartbeats } from '../../orchestrator/locks/heartbeat.ts';
import { writeLock } from '../../orchestrator/locks/lock-record.ts';
import type { RunEvent, StackEnd, StackResult } from '../../orchestrator/run/events.ts';
import { noChanges } from '../../orchestrator/run/events.ts';
import { lockedOut, seeWaiters, waitForLocks } from '../../orchestrator/run/lock-wait.ts';
import { readStandings } from '../../orchestrator/run/standing.ts';
import { durableLockKey, heartbeatKey, lockFolder, recordKey, waitingKey } from '../../orchestrator/state/layout.ts';
import { styleFor } from '../../orchestrator/ui/reporter.ts';
import { describeEvent } from '../../orchestrator/ui/describe.ts';
import { MemoryStore } from './support/memory-store.ts';
import { beatOf, engineLock, lockOf, observer, processOf } from './support/owner.ts';
import { freeRecord, ownedRecord, putRecord } from './support/records.ts';

const stack = 'example.vpc.a';
const startMs = Date.parse('2030-01-01T00:00:00Z');

let bucket: MemoryStore;
let events: RunEvent[];
let nowMs: number;
let alive: Set<string>;
let stopping: AbortController;
beforeEach(() => {
  bucket = new MemoryStore();
  events = [];
  nowMs = startMs;
  alive = new Set();
  stopping = new AbortController();
});

const ofMachine = observer(({ nonce }) => alive.has(nonce));

/** @param during what others do while it sleeps, by the number of the sleep */
function wait(during: (sleep: number) => void | Promise<void>, seconds = 1200, look?: () => Promise<void>) {
  let sleeps = 0;
  const untilMs = startMs + seconds * 1000;
  return waitForLocks([stack], {
    look: async () => {
      await look?.();
      const standings = await readStandings({
        store: bucket,
        network: 'example',
        states: new Map(),
        only: [stack],
        ...ofMachine,
        now: () => nowMs,
      });
      return { standings, waiters: await seeWaiters(await readWaiters(bucket, 'example'), ofMachine, nowMs) };
    },
    goesOn: () => nowMs < untilMs,
    until: new Date(untilMs).toISOString(),
    sleep: async (milliseconds) => {
      nowMs += milliseconds;
      bucket.modified = new Date(nowMs);
      if ((sleeps += 1) > 1000) throw new Error('it waits for ever');
      await during(sleeps);
    },
    now: () => nowMs,
    signal: stopping.signal,
    emit: (event) => events.push(event),
  });
}

/** A run of this machine has the stack. */
function own(run = 'other', phase: 'claimed' | 'running' | 'held' = 'running'): void {
  alive.add(run);
  putRecord(bucket, ownedRecord(stack, phase, { owner: lockOf(stack, run) }));
  bucket.set(durableLockKey(stack), writeLock(lockOf(stack, run)));
}

function free(): void {
  putRecord(bucket, freeRecord(stack));
  bucket.delete(durableLockKey(stack));
}

const plainKey = `${lockFolder(stack)}0f.json`;
const told = (): string[] => events.flatMap((event) => describeEvent(event, styleFor({ write: () => true }, {}))?.split('\n') ?? []);
const never = (): void => {
  throw new Error('it slept');
};

describe('a wait for locks', () => {
  it('goes on when the run that has the stack has ended, and says until then who has it', async () => {
    own();
    expect(await wait((sleep) => (sleep === 3 ? free() : undefined))).toBe('again');
    expect(nowMs - startMs).toBe(15_000);
    expect(events).toMatchObject([
      {
        type: 'lock-wait',
        holders: [{ stack, by: 'run', user: 'ada', host: 'build-7', pid: 42, run: 'other', operation: 'up' }],
        waiters: [],
      },
    ]);
    expect(told()[0]).toMatch(
      /waiting {2}until .* for ada@build-7 \(pid 42, run other, up\), which locked example\.vpc\.a at .*00:00 UTC$/,
    );
  });

  it('waits for a lock of plain pulumi, of which it cannot be told whether it lives', async () => {
    bucket.set(plainKey, engineLock);
    expect(await wait((sleep) => (sleep === 2 ? bucket.delete(plainKey) : undefined))).toBe('again');
    expect(nowMs - startMs).toBe(10_000);
    expect(events).toMatchObject([{ holders: [{ by: 'pulumi', user: 'bob', host: 'laptop', pid: 7 }] }]);
  });

  it('is over at its time, and leaves it to a last run to say who has the stack', async () => {
    own();
    expect(await wait(() => undefined, 90)).toBe('again');
    expect(nowMs - startMs).toBe(90_000);
    // At once, and after a minute.
    expect(events).toHaveLength(2);
  });

  it('ends at a signal, and looks no more', async () => {
    own();
    expect(await wait(() => stopping.abort('SIGINT'))).toBe('stopped');
    expect(nowMs - startMs).toBe(5000);
  });

  it.each<readonly [string, () => void]>([
    ['it is held', () => own('other', 'held')],
    [
      'it is frozen',
      () => void putRecord(bucket, freeRecord(stack, { kind: 'absent' }, { frozen: lockOf(stack, 'other', { operation: 'freeze' }) })),
    ],
    ['its record cannot be read', () => void bucket.set(recordKey(stack), 'x')],
    ['it is locked by an object that is no lock', () => void bucket.set(plainKey, 'x')],
  ])('does not wait for a stack: %s', async (_, make) => {
    make();
    expect(await wait(never)).toBe('in-vain');
    expect(events).toEqual([]);
  });

  it('ends for a run to look when the owner dies in the middle', async () => {
    own();
    expect(
      await wait((sleep) => {
        if (sleep === 2) alive.delete('other');
      }),
    ).toBe('again');
    expect(nowMs - startMs).toBe(10_000);
  });

  it('looks twice where there is no lock any more, so that runs do not follow one another without a pause', async () => {
    expect(await wait(() => undefined)).toBe('again');
    expect(nowMs - startMs).toBe(5000);
    expect(events).toEqual([]);
  });

  it('goes on while the run has no lock between two of its stacks, and not when its heartbeat is gone', async () => {
    own();
    bucket.set(heartbeatKey('example', 'other'), beatOf('other'));
    await wait((sleep) => {
      if (sleep === 1) free();
      if (sleep === 4) bucket.delete(heartbeatKey('example', 'other'));
    });
    expect(nowMs - startMs).toBe(20_000);
  });

  it('takes a bucket that does not answer for no answer, and says so', async () => {
    own();
    let looks = 0;
    const failing = (): Promise<void> => ((looks += 1) === 2 ? Promise.reject(new Error('SlowDown')) : Promise.resolve());
    expect(await wait((sleep) => (sleep === 3 ? free() : undefined), 1200, failing)).toBe('again');
    expect(nowMs - startMs).toBe(15_000);
    expect(events).toMatchObject([{ holders: [{ run: 'other' }] }, { failed: 'SlowDown', holders: [] }, { holders: [{ run: 'other' }] }]);
    expect(told().join('\n')).toContain('who has the locks is not known: SlowDown');
  });
});

describe('a process that waits', () => {
  const waiter = (nonce: string): Heartbeat =>
    new Heartbeat(bucket, 'example', 'run', processOf(nonce), { since: '2030-01-01T00:00:00.000Z', ciLink: 'https://ci/1' });

  it('is shown to the others while it waits, and gone at its end', async () => {
    own();
    alive.add('third');
    const third = waiter('third');
    await third.start();
    await wait(async (sleep) => (sleep === 2 ? third.stop() : sleep === 3 ? free() : undefined));
    expect(events).toMatchObject([{ waiters: [{ user: 'ada', host: 'build-7', pid: 42, ciLink: 'https://ci/1' }] }, { waiters: [] }]);
    expect(told()[1]).toMatch(/^ +also waiting since .*00:00 UTC: ada@build-7 \(pid 42\), https:\/\/ci\/1$/);
    expect(bucket.keys()).not.toContain(waitingKey('example', 'third'));
  });

  it('that was killed is shown with when it was last heard of, until its object is a day old', async () => {
    own();
    const third = waiter('third');
    await third.start();
    await wait((sleep) => (sleep === 1 ? free() : undefined));
    expect(events).toMatchObject([{ waiters: [{ pid: 42, lastHeard: '2030-01-01T00:00:00.000Z' }] }]);
    expect(told()[1]).toMatch(/was waiting since .*: ada@build-7 \(pid 42\), https:\/\/ci\/1, last heard .*00:00 UTC$/);
    await removeOldHeartbeats(bucket, 'example', startMs + 25 * 3_600_000);
    expect(await readWaiters(bucket, 'example')).toEqual([]);
    await third.stop();
  });

  it('is not shown where its object cannot be read', async () => {
    bucket.set(waitingKey('example', 'third'), '{}');
    expect(await readWaiters(bucket, 'example')).toEqual([]);
  });
});

describe('a run is worth a wait', () => {
  const result = (name: string, end: StackEnd): StackResult => ({ stack: name, short: name, end, seconds: 0 });
  const locked = result('b', { outcome: 'locked', message: '' });
  const work = ['a', 'b', 'c'].map((name) => ({ stack: name, guards: name === 'b' ? ['a', 'up'] : [] }));

  it.each<readonly [string, StackEnd]>([
    ['were applied', { outcome: 'applied', counts: noChanges }],
    ['were unchanged', { outcome: 'unchanged' }],
    ['were skipped', { outcome: 'skipped', because: '' }],
    ['waited for its first lock', { outcome: 'not-started', reason: 'first-stack-locked', because: '' }],
  ])('where one stack was locked and the others %s: for that stack, and for those it has to see unlocked', (_, end) => {
    expect(lockedOut(work, [result('a', end), locked, result('c', end)])).toEqual(['b', 'a', 'up']);
  });

  it.each<StackEnd>([
    { outcome: 'failed', errors: [] },
    { outcome: 'held', errors: [] },
    { outcome: 'undecided', questions: [] },
    { outcome: 'not-started', reason: 'stopped', because: '' },
    { outcome: 'not-started', reason: 'session-too-short', because: '' },
  ])('in no case where another stack ended as %j', (end) => {
    expect(lockedOut(work, [result('a', end), locked])).toBeUndefined();
  });

  it('in no case where no stack was locked', () => {
    expect(lockedOut(work, [result('a', { outcome: 'unchanged' })])).toBeUndefined();
  });
});
