import { describe, expect, it } from 'vitest';
import { lockStatuses } from '../../orchestrator/ui/lock-status.ts';
import { writeLock } from '../../orchestrator/locks/lock-record.ts';
import { readStandings } from '../../orchestrator/run/standing.ts';
import { durableLockKey, heartbeatKey, lockFolder, recordKey } from '../../orchestrator/state/layout.ts';
import { describeLiveness, describeOld } from '../../orchestrator/ui/locks.ts';
import type { LockStatus } from '../../orchestrator/ui/locks.ts';
import { MemoryStore } from './support/memory-store.ts';
import { beatOf, engineLock, lockOf, observer } from './support/owner.ts';
import { freeRecord, ownedRecord, putRecord } from './support/records.ts';

const network = 'example';
const stack = 'example.vpc.one';
const taken = new Date('2030-01-01T00:00:00Z');
const minutesLater = (minutes: number): number => taken.getTime() + minutes * 60_000;

async function statusesOf(store: MemoryStore, now: number, maxAgeSeconds?: number, alive: readonly string[] = []): Promise<LockStatus[]> {
  const standings = await readStandings({
    store,
    network,
    states: new Map(),
    ...observer(({ nonce }) => alive.includes(nonce)),
    now: () => now,
  });
  return lockStatuses(standings, now, maxAgeSeconds);
}

/** A stack that a run has claimed, or a person has frozen, with its lock. */
const withLock = (...[run, different]: [string, Parameters<typeof lockOf>[2]?]): MemoryStore => {
  const store = new MemoryStore();
  const lock = lockOf(stack, run, different);
  store.set(durableLockKey(stack), writeLock(lock));
  putRecord(
    store,
    lock.operation === 'freeze' ? freeRecord(stack, undefined, { frozen: lock }) : ownedRecord(stack, 'claimed', { owner: lock }),
  );
  return store;
};

describe('a lock', () => {
  it('of a run says whose it is and that its process lives', async () => {
    const store = withLock('live', { ciLink: 'https://ci/1' });
    expect(await statusesOf(store, minutesLater(5), undefined, ['live'])).toMatchObject([
      {
        stack,
        short: 'vpc.one',
        by: 'run',
        standing: 'at-work',
        operation: 'up',
        owner: 'ada@build-7 (pid 42, run live)',
        ageSeconds: 300,
        process: 'alive',
        liveness: 'alive',
        ciLink: 'https://ci/1',
        tooOld: false,
      },
    ]);
  });

  it('of a dead run that had started nothing is left over', async () => {
    expect(await statusesOf(withLock('gone'), minutesLater(5))).toMatchObject([{ standing: 'left-over', process: 'dead' }]);
  });

  it('of a process elsewhere is as alive as its heartbeat', async () => {
    const store = withLock('far', { machine: 'elsewhere' });
    store.set(heartbeatKey(network, 'far'), beatOf('far'));
    const heard = taken.toISOString();
    expect(await statusesOf(store, minutesLater(0.2))).toMatchObject([
      { standing: 'at-work', process: 'heard of 12 s ago', lastHeard: heard },
    ]);
    expect(await statusesOf(store, minutesLater(4))).toMatchObject([
      { standing: 'held', process: 'nothing heard for 4 min, which proves nothing' },
    ]);
  });

  it('of a verified stack, which its record does not want any more, is left over', async () => {
    const store = withLock('live');
    putRecord(store, freeRecord(stack));
    expect(await statusesOf(store, minutesLater(5), undefined, ['live'])).toMatchObject([{ standing: 'left-over', process: 'alive' }]);
  });

  it('of Holdfast over a stack that has no record is held, also where its process is dead', async () => {
    const store = withLock('gone');
    store.delete(recordKey(stack));
    expect(await statusesOf(store, minutesLater(5))).toMatchObject([{ standing: 'held', process: 'dead' }]);
  });

  it('of plain pulumi says so, and that nothing more can be known', async () => {
    const store = new MemoryStore();
    store.set(`${lockFolder(stack)}b1.json`, engineLock);
    expect(await statusesOf(store, minutesLater(5))).toMatchObject([
      {
        by: 'pulumi',
        standing: 'at-work',
        owner: 'plain pulumi, bob@laptop (pid 7)',
        liveness: null,
        process: 'plain pulumi sends no heartbeat',
      },
    ]);
  });

  it('that cannot be read is listed with its key and why', async () => {
    const store = new MemoryStore();
    store.set(`${lockFolder(stack)}notes.txt`, 'hello');
    expect(await statusesOf(store, minutesLater(5))).toMatchObject([
      {
        by: 'unreadable',
        standing: 'unknown',
        owner: `an object that is no lock (${lockFolder(stack)}notes.txt: it is not JSON)`,
        user: null,
      },
    ]);
  });

  it('of a freeze is a person’s, and of no process', async () => {
    const store = withLock('freezer', { operation: 'freeze', incident: 'INC-1' });
    expect(await statusesOf(store, minutesLater(30), 1200)).toMatchObject([
      { by: 'person', standing: 'frozen', incident: 'INC-1', run: null, liveness: null, tooOld: true },
    ]);
  });

  it('that was put back is as old as before', async () => {
    const store = withLock('live', { restoredAt: new Date(minutesLater(50)).toISOString() });
    const body = store.bodyOf(durableLockKey(stack));
    store.modified = new Date(minutesLater(50));
    store.set(durableLockKey(stack), body);
    expect(await statusesOf(store, minutesLater(60), undefined, ['live'])).toMatchObject([{ ageSeconds: 3600 }]);
  });

  it('is too old beyond the age, and not at it; a bucket whose clock is ahead makes none younger than now', async () => {
    const store = withLock('live');
    expect((await statusesOf(store, minutesLater(20), 1200)).map(({ tooOld }) => tooOld)).toEqual([false]);
    expect((await statusesOf(store, minutesLater(20) + 1000, 1200)).map(({ tooOld }) => tooOld)).toEqual([true]);
    expect(await statusesOf(store, minutesLater(-1), 0)).toMatchObject([{ ageSeconds: 0, tooOld: false }]);
  });
});

describe('an old lock', () => {
  const oldOf = async (store: MemoryStore, alive: readonly string[] = []): Promise<string> => {
    const [status] = await statusesOf(store, minutesLater(31), 1200, alive);
    return status ? describeOld(status) : '';
  };

  it('is named with owner, operation and age, and is not to be released without a look at AWS', async () => {
    expect(await oldOf(withLock('live'), ['live'])).toBe(
      'OLD vpc.one: locked for 31 min by ada@build-7 (pid 42, run live), up (alive). Do not release it without checking what AWS has: its age proves nothing. Next: npm run status, and then npm run recover -- vpc.one',
    );
  });

  it('of a freeze is for those to end who had it put, and its incident is quoted for a shell', async () => {
    expect(await oldOf(withLock('freezer', { operation: 'freeze', incident: "ada's move" }))).toMatch(
      /Do not release it without checking what AWS has.* Only then: npm run unfreeze -- vpc\.one --incident 'ada'\\''s move'$/,
    );
  });
});

describe('what is known of a process', () => {
  it.each([
    [{ answer: 'alive', reason: 'seen' }, undefined, 'alive'],
    [{ answer: 'dead', reason: 'gone' }, undefined, 'dead'],
    [{ answer: 'cannot-tell', reason: 'heard' }, taken, 'heard of 12 s ago'],
    [{ answer: 'cannot-tell', reason: 'quiet' }, undefined, 'nothing heard of it, which proves nothing'],
    [
      { answer: 'cannot-tell', reason: 'not-shown' },
      taken,
      'cannot tell whether it is alive: this machine does not show this user the processes of other users; last heard of 12 s ago',
    ],
    [
      { answer: 'cannot-tell', reason: 'look-failed' },
      undefined,
      'cannot tell whether it is alive: the processes of this machine could not be looked at just now',
    ],
  ] as const)('%o, last heard of %s', (liveness, heard, words) => {
    expect(describeLiveness(liveness, heard, taken.getTime() + 12_000)).toBe(words);
  });
});
