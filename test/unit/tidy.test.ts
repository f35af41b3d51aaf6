import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { putFrozen } from '../../orchestrator/locks/frozen.ts';
import { readLock, writeLock } from '../../orchestrator/locks/lock-record.ts';
import { closeDeadRuns, endLeftLocks, endOrphans, restoreLocks, tellLeftLocks } from '../../orchestrator/run/tidy.ts';
import type { TidyRequest } from '../../orchestrator/run/tidy.ts';
import { durableLockKey, lockFolder, openRunKey } from '../../orchestrator/state/layout.ts';
import { ApplyRig, closeGateway } from './support/apply-rig.ts';
import type { Play } from './support/apply-rig.ts';
import { breakAt, everyFault, faults } from './support/faults.ts';
import { HookedStore } from './support/hooked-store.ts';
import { EngineOwnerAlive } from '../../orchestrator/pulumi/orphans.ts';
import { ProcessesUnseen } from '../../toolchain/process-identity.ts';
import { engineLock, known, lockOf } from './support/owner.ts';

// Patience that passes at once.
vi.mock(import('../../orchestrator/state/patience.ts'), async (original) => {
  const { patiently } = await original();
  return {
    patiently: (attempt, patience) => {
      let now = 0;
      const wait = (milliseconds: number): Promise<void> => Promise.resolve(void (now += milliseconds));
      return patiently(attempt, { ...patience, now: () => now, wait });
    },
  };
});

let rig: ApplyRig;
let notes: string[];
/** Each event a second after the one before. */
let clock: number;
beforeEach(() => {
  rig = new ApplyRig();
  notes = [];
  clock = Date.parse('2030-01-01T01:00:00Z');
});

afterAll(closeGateway);

const lockKey = durableLockKey('example.a');
const unseen: Play = async (engine) => (await engine.begin('vpc')).end();

const requestOf = async (store: TidyRequest['store'] = rig.bucket): Promise<TidyRequest> => ({
  store,
  network: 'example',
  writer: 'next',
  standings: await rig.standings(),
  now: () => (clock += 1000),
  onNote: (message) => notes.push(message),
});

/** What a command does before it looks for itself. */
async function tidy(store?: TidyRequest['store']): Promise<void> {
  await restoreLocks(await requestOf(store));
  const request = await requestOf(store);
  await endLeftLocks(request);
  await closeDeadRuns({ ...request, standings: await rig.standings() });
}

/** A run whose process dies at its first call of this kind, before it or after it. */
async function diesAt(part: string, fault: 'the process dies before it' | 'the process dies after it', play?: Play): Promise<void> {
  rig.stack('a', [], play);
  let dead: Promise<void> | undefined;
  const died = new Promise<void>((resolve) => {
    rig.store.before = ({ op, key, number }) => {
      if (!`${op} ${key}`.includes(part)) return undefined;
      dead = breakAt(rig.store, number, fault);
      void dead.then(resolve);
      return fault === 'the process dies before it' ? rig.store.before({ op, key, number }) : undefined;
    };
  });
  await Promise.race([rig.apply(), died]);
}

const removeLock = `remove ${lockKey}`;

/** States that a network may be found in. */
const found: Readonly<Record<string, () => Promise<unknown>>> = {
  'a held stack': () => rig.stack('a', [], unseen).apply(),
  'a held stack whose lock was removed': async () => {
    await rig.stack('a', [], unseen).apply();
    rig.cancel('a');
  },
  'a held stack that plain pulumi is in': async () => {
    await rig.stack('a', [], unseen).apply();
    rig.cancel('a');
    rig.bucket.set(`${lockFolder('example.a')}1f.json`, engineLock);
  },
  'a stack whose engine was cut off, its lock removed': async () => {
    await diesAt('put .pulumi/stacks/', 'the process dies after it');
    rig.cancel('a');
  },
  'a verified stack whose lock was not given back': () => diesAt(removeLock, 'the process dies before it'),
  'a stack that was locked and nothing else': () => diesAt('-lock-taken.json', 'the process dies after it'),
  'a lock that was not even journaled': () => diesAt('-lock-taken.json', 'the process dies before it'),
  'a run that died when all was released': () => diesAt('-run-ended.json', 'the process dies before it'),
  'a frozen stack whose lock was removed': async () => {
    await putFrozen(rig.bucket, lockOf('example.a', 'ada', { operation: 'freeze', incident: 'INC-7' }));
  },
};

/** When plain pulumi has left, too. */
async function finish(): Promise<void> {
  await tidy();
  rig.bucket.delete(`${lockFolder('example.a')}1f.json`);
  await tidy();
}

const inTheEnd = async () => ({
  standing: (await rig.standing('a')).kind,
  locks: rig.bucket.keys().filter((key) => key.startsWith('.pulumi/locks/')),
  marks: rig.bucket.keys().filter((key) => key.startsWith('.holdfast/open/')),
});

describe.each(Object.entries(found))('%s', (_, find) => {
  const start = async (): Promise<void> => {
    rig = new ApplyRig();
    await find();
  };

  it('is the same after a second time', async () => {
    await start();
    await tidy();
    const first = await inTheEnd();
    await tidy();
    expect(await inTheEnd()).toEqual(first);
  });

  it.each(everyFault)('is the same in the end, at whatever call %s, when it is done again', async (fault) => {
    await start();
    const whole = new HookedStore(rig.bucket);
    await tidy(whole);
    await finish();
    const expected = await inTheEnd();
    for (let number = 1; number <= whole.calls.length; number += 1) {
      await start();
      const store = new HookedStore(rig.bucket);
      const died = breakAt(store, number, fault);
      const done = tidy(store).catch(() => undefined);
      await Promise.race([done, ...(faults[fault].how === 'hang' ? [died, done] : [])]);
      await finish();
      const { standing, locks } = await inTheEnd();
      expect({ standing, locks }, `call ${number}`).toEqual({ standing: expected.standing, locks: expected.locks });
    }
  });
});

describe('the lock of a held stack that somebody removed', () => {
  beforeEach(async () => {
    await found['a held stack whose lock was removed']?.();
  });

  it('is back, with who had it and that it was put back', async () => {
    expect(await restoreLocks(await requestOf())).toBe(true);
    expect(readLock(rig.bucket.bodyOf(lockKey) ?? '', true)).toEqual({
      kind: 'holdfast',
      record: { ...lockOf('example.a', 'mine'), restoredAt: '2030-01-01T01:00:01.000Z' },
    });
  });

  it('is in the journal, gone and back', async () => {
    await restoreLocks(await requestOf());
    const { events, state } = await rig.journaled();
    expect(events.slice(-2)).toMatchObject([
      { type: 'lock-lost', how: 'removed', goneSince: '2030-01-01T00:00:00.000Z' },
      { type: 'lock-restored', etag: (await rig.bucket.get(lockKey))?.etag },
    ]);
    expect(state.stacks.get('example.a')).toMatchObject({ phase: 'held' });
    expect(state.stacks.get('example.a')?.lockGoneSince).toBeUndefined();
  });

  it('is told to people', async () => {
    await restoreLocks(await requestOf());
    expect(notes).toEqual([
      'The lock of example.a was removed by somebody at 2030-01-01T00:00:00.000Z (pulumi cancel?). It is back in its place; the stack is held as before.',
    ]);
  });

  it('is not put back twice', async () => {
    await restoreLocks(await requestOf());
    notes = [];
    expect([await restoreLocks(await requestOf()), notes]).toEqual([false, []]);
  });

  it('is put back once by two commands at once', async () => {
    const [one, two] = [await requestOf(), await requestOf()];
    const changed = await Promise.all([restoreLocks(one), restoreLocks({ ...two, writer: 'other' })]);
    expect(changed).toContain(true);
    expect(rig.locked()).toEqual(['a']);
    expect((await rig.standing('a')).kind).toBe('held');
  });

  it('is not put back where plain pulumi is in, and the stack is held all the same', async () => {
    rig.bucket.set(`${lockFolder('example.a')}1f.json`, engineLock);
    await restoreLocks(await requestOf());
    expect([rig.locked(), notes]).toEqual([
      [],
      [expect.stringMatching(/cannot be put back: somebody else is in\. The stack is held all the same\.$/)],
    ]);
    expect(await rig.standing('a')).toMatchObject({ kind: 'held', lockGoneSince: '2030-01-01T00:00:00.000Z' });
  });
});

describe('the locks of several held stacks of one run that somebody removed', () => {
  it('are all back, and all of it is in the journal', async () => {
    await rig.stack('a', [], unseen).stack('b', [], unseen).stack('c', [], unseen).apply();
    for (const short of ['a', 'b', 'c']) rig.cancel(short);
    // All within one tick of the clock.
    await restoreLocks({ ...(await requestOf()), now: () => clock });
    expect(rig.locked()).toEqual(['a', 'b', 'c']);
    const types = (await rig.journaled()).events.map(({ type }) => type);
    expect(types.filter((type) => type === 'lock-restored')).toHaveLength(3);
  });
});

describe('the lock of a frozen stack that somebody removed', () => {
  it('is back', async () => {
    await found['a frozen stack whose lock was removed']?.();
    await restoreLocks(await requestOf());
    expect([rig.locked(), (await rig.standing('a')).kind]).toEqual([['a'], 'frozen']);
  });

  it('is not put where somebody has locked it since', async () => {
    await found['a frozen stack whose lock was removed']?.();
    const theirs = writeLock(lockOf('example.a', 'theirs'));
    rig.bucket.set(lockKey, theirs);
    expect(await restoreLocks(await requestOf())).toBe(false);
    expect(rig.bucket.bodyOf(lockKey)).toBe(theirs);
  });
});

describe('a lock under which nothing is in doubt', () => {
  const callsOf = ({ calls }: HookedStore): string[] => calls.map(({ op, key }) => `${op} ${/-([a-z]+)\.json$/.exec(key)?.[1] ?? key}`);

  it('of a run that had verified its stack is released, and journaled so', async () => {
    await found['a verified stack whose lock was not given back']?.();
    const store = new HookedStore(rig.bucket);
    expect(await endLeftLocks(await requestOf(store))).toBe(true);
    expect(callsOf(store)).toEqual([`remove ${lockKey}`, 'put released']);
    expect([rig.locked(), notes]).toEqual([[], ['Released the lock of example.a: run mine had verified it, and died before it could.']]);
    expect((await rig.journaled()).state.stacks.get('example.a')?.phase).toBe('released');
  });

  it('of a run that had started nothing is released: first that, then the lock', async () => {
    await found['a stack that was locked and nothing else']?.();
    const store = new HookedStore(rig.bucket);
    await endLeftLocks(await requestOf(store));
    expect(callsOf(store)).toEqual(['put verified', `remove ${lockKey}`, 'put released']);
    expect(notes).toEqual(['Released the lock of example.a: run mine died before it started anything there.']);
  });

  it.each([
    ['a verified stack whose lock was not given back', 'run mine had verified it, and died before it could'],
    ['a stack that was locked and nothing else', 'run mine died before it started anything there'],
  ])('is only told of where nothing may be written: %s', async (name, why) => {
    await found[name]?.();
    const store = new HookedStore(rig.bucket);
    tellLeftLocks(await requestOf(store));
    expect([notes, store.calls, rig.locked()]).toEqual([[`The lock of example.a would be released: ${why}.`], [], ['a']]);
  });

  it('that changed since it was looked at is left alone', async () => {
    await found['a verified stack whose lock was not given back']?.();
    const request = await requestOf();
    const theirs = writeLock(lockOf('example.a', 'theirs'));
    rig.bucket.set(lockKey, theirs);
    expect([await endLeftLocks(request), rig.bucket.bodyOf(lockKey)]).toEqual([false, theirs]);
  });

  it.each(['a held stack', 'a stack whose engine was cut off, its lock removed', 'a frozen stack whose lock was removed'])(
    'is not that of %s',
    async (name) => {
      await found[name]?.();
      await restoreLocks(await requestOf());
      expect([await endLeftLocks(await requestOf()), rig.locked()]).toEqual([false, ['a']]);
    },
  );
});

describe('the mark of a dead run', () => {
  const marks = (): string[] => rig.bucket.keys().filter((key) => key.startsWith('.holdfast/open/'));

  it.each([
    ['goes where all was released', 'a run that died when all was released', 0],
    ['goes when its last lock is ended', 'a verified stack whose lock was not given back', 0],
    ['stays while a stack is held', 'a held stack', 1],
    ['stays while an engine may have done something', 'a stack whose engine was cut off, its lock removed', 1],
  ])('%s', async (_, name, left) => {
    await found[name]?.();
    await tidy();
    expect(marks()).toHaveLength(left);
  });

  const openedRun = async () => {
    await found['a run that died when all was released']?.();
    const { opened } = (await rig.journaled()).state;
    if (!opened) throw new Error('the run was opened');
    return { opened };
  };

  it('of a run that lives stays', async () => {
    await found['a run that died when all was released']?.();
    await closeDeadRuns({ ...(await requestOf()), standings: await rig.standings('alive') });
    expect(marks()).toHaveLength(1);
  });

  it('of a run that has only begun stays', async () => {
    rig.bucket.set(openRunKey('example', 'new', 'new'), {});
    await tidy();
    expect(marks()).toHaveLength(1);
  });

  it.each([
    ['goes', 'dead', 0],
    ['stays while it lives', 'alive', 1],
  ] as const)('of a run that died before its opening was written %s', async (_, liveness, left) => {
    const { type, operation, process, session, account, region, order, forecastSeconds, networkFile } = (await openedRun()).opened;
    rig.store.before = ({ key }) => {
      if (key.endsWith('-run-opened.json')) throw new Error('it dies');
    };
    const opening = { type, operation, session, account, region, order, forecastSeconds, networkFile };
    await expect(rig.journalOf('new').open({ ...opening, process: { ...process, nonce: 'new', pid: 43 } })).rejects.toThrow('it dies');
    await closeDeadRuns({ ...(await requestOf()), standings: await rig.standings(liveness) });
    expect(marks().filter((key) => key.endsWith('/new.json'))).toHaveLength(left);
  });

  it('of a run of which something cannot be read stays', async () => {
    await found['a run that died when all was released']?.();
    rig.bucket.set('.holdfast/runs/example/mine/x-000001-odd.json', '{');
    await tidy();
    expect(marks()).toHaveLength(1);
  });

  // The stack is verified and free, but `released` is written by nobody any more: every later command reads this run.
  it('goes where the lock was given back, and only that was not written down', async () => {
    await diesAt(removeLock, 'the process dies after it');
    await tidy();
    expect([(await rig.standing('a')).kind, marks()]).toEqual(['free', []]);
  });

  // The first opening of a run speaks for all who share it: the mark of a writer that lives goes with that of a dead one.
  it('stays where another writer of the run is alive', async () => {
    const { opened } = await openedRun();
    const other = rig.journalOf('other');
    rig.store.before = () => undefined;
    const { type, operation, session, account, region, order, forecastSeconds, networkFile } = opened;
    const process = { ...opened.process, nonce: 'other', pid: 43 };
    await other.open({ type, operation, process, session, account, region, order, forecastSeconds, networkFile });
    const standings = await rig.standings();
    const liveness = ({ nonce }: { readonly nonce: string }) => (nonce === 'other' ? known.alive : known.dead);
    await closeDeadRuns({ ...(await requestOf()), standings: { ...standings, liveness } });
    expect(marks()).toContain(openRunKey('example', 'mine', 'other'));
  });
});

describe('engines that outlived their run', () => {
  const ended = async (from: 'alive' | 'dead' | 'elsewhere', count = 2): Promise<string[]> => {
    const asked: string[] = [];
    await endOrphans(
      await rig.standings(from),
      (nonce) => {
        asked.push(nonce);
        return Promise.resolve(count);
      },
      (message) => notes.push(message),
    );
    return asked;
  };
  beforeEach(async () => {
    await found['a stack whose engine was cut off, its lock removed']?.();
  });

  it('are ended, once for each process that is dead, and told', async () => {
    expect(await ended('dead')).toEqual(['mine']);
    expect(notes).toEqual(['Ended 2 processes of run mine, whose orchestrator (pid 42) is dead.']);
  });

  it('are none where there were none', async () => {
    await ended('dead', 0);
    expect(notes).toEqual([]);
  });

  it.each([
    ['could not be looked for', new ProcessesUnseen('hidden'), 'this machine hides the processes of other users (hidepid)'],
    ['name an orchestrator that lives', new EngineOwnerAlive({ pid: 7, startedAt: 'then' }), '(pid 7) is alive: the engine was left alone'],
  ])('are told to be unknown, and nothing else ends with them, where they %s', async (_, error, words) => {
    await endOrphans(
      await rig.standings('dead'),
      () => Promise.reject(error),
      (message) => notes.push(message),
    );
    expect(notes).toEqual([
      expect.stringMatching(/^Whether an engine of run mine is still running on build-7 is not known: .* Its stacks stay as they are\.$/),
    ]);
    expect(notes[0]).toContain(words);
    expect((await rig.standing('a')).kind).toBe('held');
  });

  it.each(['alive', 'elsewhere'] as const)('are left alone where their orchestrator is %s', async (from) => {
    expect(await ended(from)).toEqual([]);
  });
});
