import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readLock, writeLock } from '../../orchestrator/locks/lock-record.ts';
import { endLeftLocks, endOrphans, restoreLocks, tellLeftLocks } from '../../orchestrator/run/tidy.ts';
import type { TidyRequest } from '../../orchestrator/run/tidy.ts';
import { durableLockKey, lockFolder, recordKey } from '../../orchestrator/state/layout.ts';
import { ApplyRig, closeGateway } from './support/apply-rig.ts';
import type { Play } from './support/apply-rig.ts';
import { breakAt, triedFaults, faults } from './support/faults.ts';
import { HookedStore } from './support/hooked-store.ts';
import { EngineOwnerAlive, EngineProcessesLeft } from '../../orchestrator/pulumi/orphans.ts';
import { ProcessesUnseen } from '../../toolchain/process-identity.ts';
import { engineLock, lockOf } from './support/owner.ts';
import { freeRecord, ownedRecord, putRecord } from './support/records.ts';

// Patience that passes at once, for this file alone: the files of one worker share their modules.
vi.hoisted(() => void vi.resetModules());
afterAll(() => void vi.resetModules());
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
/** Each write a second after the one before. */
let clock: number;
beforeEach(() => {
  rig = new ApplyRig();
  notes = [];
  clock = Date.parse('2030-01-01T01:00:00Z');
});

afterAll(closeGateway);

const lockKey = durableLockKey('example.a');
const byAda = lockOf('example.a', 'ada', { operation: 'freeze', incident: 'INC-7' });
const unseen: Play = async (engine) => (await engine.begin('vpc')).end();

const requestOf = async (store: TidyRequest['store'] = rig.bucket): Promise<TidyRequest> => ({
  store,
  network: 'example',
  standings: await rig.standings(),
  lockRecord: (stack) => lockOf(stack, 'next'),
  now: () => (clock += 1000),
  onNote: (message) => notes.push(message),
});

/** What a command does before it looks for itself. */
async function tidy(store?: TidyRequest['store']): Promise<void> {
  await restoreLocks(await requestOf(store));
  await endLeftLocks(await requestOf(store));
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

const putLock = `put ${lockKey}`;
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
  'a stack that was claimed, and has its lock': () => diesAt(putLock, 'the process dies after it'),
  'a stack that was claimed, and has no lock': () => diesAt(putLock, 'the process dies before it'),
  'a frozen stack whose lock was removed': () =>
    Promise.resolve(putRecord(rig.bucket, freeRecord('example.a', undefined, { frozen: byAda }))),
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

  it.each(triedFaults)('is the same in the end, at whatever call %s, when it is done again', async (fault) => {
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
      expect(await inTheEnd(), `call ${number}`).toEqual(expected);
    }
  });
});

describe('the lock of a held stack that somebody removed', () => {
  beforeEach(async () => {
    await found['a held stack whose lock was removed']?.();
  });

  it('is back, with who had it and that it was put back', async () => {
    expect(await restoreLocks(await requestOf())).toBe(true);
    expect(readLock(rig.bucket.bodyOf(lockKey) ?? '', 'example.a')).toEqual({
      kind: 'holdfast',
      record: {
        ...lockOf('example.a', 'mine'),
        ...((await rig.record('example.a')) as { readonly owner: object }).owner,
        restoredAt: '2030-01-01T01:00:01.000Z',
        put: expect.any(String) as string,
      },
    });
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
    const changed = await Promise.all([restoreLocks(one), restoreLocks({ ...two, lockRecord: (stack) => lockOf(stack, 'other') })]);
    expect(changed).toContain(true);
    expect(rig.locked()).toEqual(['a']);
    expect((await rig.standing('a')).kind).toBe('held');
  });

  it('is back beside the lock of plain pulumi, which then gives way if it is on its way in, and both are told', async () => {
    rig.bucket.set(`${lockFolder('example.a')}1f.json`, engineLock);
    await restoreLocks(await requestOf());
    expect([rig.locked(), notes]).toEqual([
      ['a'],
      [
        'The lock of example.a was removed by somebody at 2030-01-01T00:00:00.000Z (pulumi cancel?). It is back in its place; the stack is held as before. Another lock is there too, so plain pulumi may be changing the stack: example.a is locked by plain pulumi, bob@laptop (pid 7) since 2030-01-01T00:00:00Z.',
      ],
    ]);
    expect(await rig.standing('a')).toMatchObject({ kind: 'held' });
  });

  it('is not put over what another process has put in its place, and the stack is held all the same', async () => {
    const request = await requestOf();
    rig.bucket.set(lockKey, 'hello');
    await restoreLocks(request);
    expect([rig.bucket.bodyOf(lockKey), notes]).toEqual([
      'hello',
      [expect.stringMatching(/cannot be put back: somebody else is in\. The stack is held all the same\.$/)],
    ]);
    expect((await rig.standing('a')).kind).toBe('held');
  });

  it('is taken away again where the stack was verified since it was looked at', async () => {
    const request = await requestOf();
    putRecord(rig.bucket, freeRecord('example.a'));
    await restoreLocks(request);
    expect([rig.locked(), notes]).toEqual([[], []]);
  });
});

describe('the locks of several held stacks of one run that somebody removed', () => {
  it('are all back', async () => {
    await rig.stack('a', [], unseen).stack('b', [], unseen).stack('c', [], unseen).apply();
    for (const short of ['a', 'b', 'c']) rig.cancel(short);
    await restoreLocks(await requestOf());
    expect(rig.locked()).toEqual(['a', 'b', 'c']);
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
  const recordOf = recordKey('example.a');
  const writesOf = ({ calls }: HookedStore): string[] =>
    calls.filter(({ op }) => op === 'put' || op === 'remove').map(({ op, key }) => `${op} ${key}`);

  it('of a run that had verified its stack is released', async () => {
    await found['a verified stack whose lock was not given back']?.();
    const store = new HookedStore(rig.bucket);
    expect(await endLeftLocks(await requestOf(store))).toBe(true);
    expect(writesOf(store)).toEqual([`remove ${lockKey}`]);
    expect([rig.locked(), notes]).toEqual([[], ['Released the lock of example.a: run mine had verified it, and died before it could.']]);
    expect((await rig.record('example.a'))?.phase).toBe('free');
  });

  it('of a run that had started nothing is released: the stack is taken over and freed, and then the lock goes', async () => {
    await found['a stack that was claimed, and has its lock']?.();
    const before = await rig.record('example.a');
    const store = new HookedStore(rig.bucket);
    expect(await endLeftLocks(await requestOf(store))).toBe(true);
    // A process is heard of before a record names it, and for as long.
    const heartbeat = '.holdfast/heartbeats/example/next.json';
    expect(writesOf(store)).toEqual([`put ${heartbeat}`, `put ${recordOf}`, `put ${recordOf}`, `remove ${heartbeat}`, `remove ${lockKey}`]);
    expect(await rig.record('example.a')).toMatchObject({ phase: 'free', epoch: (before?.epoch ?? 0) + 1, verified: before?.verified });
    expect(notes).toEqual(['Released the lock of example.a: run mine died before it started anything there.']);
  });

  it.each([
    ['a verified stack whose lock was not given back', 'run mine had verified it, and died before it could'],
    ['a stack that was claimed, and has its lock', 'run mine died before it started anything there'],
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

  it('of a run that went on since it was taken for dead stays, and so does the record', async () => {
    await found['a stack that was claimed, and has its lock']?.();
    const request = await requestOf();
    putRecord(rig.bucket, ownedRecord('example.a', 'running'));
    const running = rig.bucket.bodyOf(recordOf);
    expect([await endLeftLocks(request), rig.locked(), rig.bucket.bodyOf(recordOf), notes]).toEqual([false, ['a'], running, []]);
  });

  it('of a free stack that was claimed since it was looked at stays', async () => {
    await found['a verified stack whose lock was not given back']?.();
    const request = await requestOf();
    const verified = (await rig.record('example.a'))?.verified;
    putRecord(rig.bucket, ownedRecord('example.a', 'claimed', { owner: lockOf('example.a', 'theirs'), ...(verified ? { verified } : {}) }));
    expect([await endLeftLocks(request), rig.locked(), notes]).toEqual([false, ['a'], []]);
  });

  it('of a frozen stack whose run died before it started anything becomes the freeze’s', async () => {
    await found['a stack that was claimed, and has its lock']?.();
    const claimed = await rig.record('example.a');
    if (claimed) putRecord(rig.bucket, { ...claimed, frozen: byAda });
    await tidy();
    await tidy();
    expect([(await rig.standing('a')).kind, rig.locked()]).toEqual(['frozen', ['a']]);
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

describe('engines that outlived their run', () => {
  let without: readonly string[] = [];
  const ended = async (from: 'alive' | 'dead' | 'elsewhere', count = 2): Promise<string[]> => {
    const asked: string[] = [];
    const owners = await endOrphans(
      await rig.standings(from),
      (nonce) => {
        asked.push(nonce);
        return Promise.resolve(count);
      },
      (message) => notes.push(message),
    );
    without = owners.map(({ nonce }) => nonce);
    return asked;
  };
  beforeEach(async () => {
    await found['a stack whose engine was cut off, its lock removed']?.();
  });

  it('are ended, once for each process that is dead, and told', async () => {
    expect(await ended('dead')).toEqual(['mine']);
    expect(notes).toEqual(['Ended 2 processes of run mine, whose orchestrator (pid 42) is dead.']);
    expect(without).toEqual(['mine']);
  });

  it('are none where there were none', async () => {
    await ended('dead', 0);
    expect([notes, without]).toEqual([[], ['mine']]);
  });

  it.each([
    ['could not be looked for', new ProcessesUnseen('hidden'), 'this machine hides the processes of other users (hidepid)'],
    ['name an orchestrator that lives', new EngineOwnerAlive({ pid: 7, startedAt: 'then' }), '(pid 7) is alive: the engine was left alone'],
    ['do not end', new EngineProcessesLeft([{ pid: 7, startedAt: 'then' }]), 'process 7 does not end'],
  ])('are told to be unknown, and nothing else ends with them, where they %s', async (_, error, words) => {
    const gone = await endOrphans(
      await rig.standings('dead'),
      () => Promise.reject(error),
      (message) => notes.push(message),
    );
    expect(gone).toEqual([]);
    expect(notes).toEqual([
      expect.stringMatching(/^Whether an engine of run mine is still running on build-7 is not known: .* Its stacks stay as they are\.$/),
    ]);
    expect(notes[0]).toContain(words);
    expect((await rig.standing('a')).kind).toBe('held');
  });

  it.each(['alive', 'elsewhere'] as const)('are left alone where their orchestrator is %s', async (from) => {
    expect(await ended(from)).toEqual([]);
    expect(without).toEqual([]);
  });
});
