import { describe, expect, it } from 'vitest';
import { readRun } from '../../../orchestrator/journal/read-runs.ts';
import { projectLock } from '../../../orchestrator/locks/durable-locks.ts';
import { readWaiters, removeOldHeartbeats } from '../../../orchestrator/locks/heartbeat.ts';
import { readRecords } from '../../../orchestrator/ownership/records.ts';
import { quarantine } from '../../../orchestrator/recovery/quarantine.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import type { Standings } from '../../../orchestrator/run/standing.ts';
import { readStates } from '../../../orchestrator/state/checkpoints.ts';
import { dossiersPrefix, heartbeatsPrefix, lockFolder, recordKey, runPrefix, waitingPrefix } from '../../../orchestrator/state/layout.ts';
import { readDossiers } from '../../../orchestrator/recovery/dossier.ts';
import type { ObjectStore, StoredObject, StoredVersion } from '../../../orchestrator/state/object-store.ts';
import { trusted } from '../support/declared.ts';
import { lockOf, observer } from '../support/owner.ts';

/** S12: what lay in the bucket decided how much every command read, how much of it at once, and how large. */

interface Counted {
  readonly store: ObjectStore;
  readonly most: () => number;
  readonly read: () => number;
  readonly changed: () => number;
}

function bucketOf(objects: readonly StoredObject[]): Counted {
  let now = 0;
  let most = 0;
  let read = 0;
  let changed = 0;
  const counted = async <T>(value: T): Promise<T> => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setImmediate(resolve));
    now -= 1;
    return value;
  };
  const get = <T>(value: T): Promise<T> => {
    read += 1;
    return counted(value);
  };
  const change = <T>(value: T): Promise<T> => {
    changed += 1;
    return counted(value);
  };
  const modified = new Date();
  const store: ObjectStore = {
    name: 'b',
    list: (prefix) => Promise.resolve(objects.filter(({ key }) => key.startsWith(prefix))),
    sample: (prefix) => Promise.resolve({ objects: objects.filter(({ key }) => key.startsWith(prefix)), cut: [] }),
    folders: () => Promise.resolve([]),
    versions: (prefix) =>
      Promise.resolve(
        objects
          .filter(({ key }) => key.startsWith(prefix))
          .map(({ key, etag }): StoredVersion => ({ key, version: '1', etag, modified, latest: true })),
      ),
    get: () => get({ body: '{}', etag: 'e', modified }),
    getVersion: () => get(new Uint8Array()),
    put: () => change({ done: true, etag: 'e' } as const),
    remove: () => change({ done: true } as const),
  };
  return { store, most: () => most, read: () => read, changed: () => changed };
}

const objects = (count: number, keyOf: (number: number) => string, size = 2): StoredObject[] =>
  Array.from({ length: count }, (_, number) => ({ key: keyOf(number), etag: 'e', size, modified: new Date(0) }));

const stack = 'example.vpc.a';
const lock = (number: number): string => `${lockFolder(stack)}${number}.json`;
const standings = (store: ObjectStore): Promise<Standings> =>
  readStandings({ ...observer(() => false), store, network: 'example', states: new Map(), now: () => Date.now() });

const atOnce = 64;
const flood = 20_000;

describe('twenty thousand objects in one lock folder', () => {
  it('are neither read all at once, nor all of them: a few are enough to know that the stack is locked by others', async () => {
    const { store, most, read } = bucketOf(objects(flood, lock));
    await standings(store);
    expect(most()).toBeLessThanOrEqual(atOnce);
    expect(read()).toBeLessThanOrEqual(10);
  });

  it('keep everyone out of that stack, and are told by how many there are', async () => {
    const { store } = bucketOf(objects(flood, lock));
    const { byStack, locks } = await standings(store);
    expect([...byStack].map(([name, { kind }]) => [name, kind])).toEqual([[stack, 'locked']]);
    expect(locks.map(({ content }) => content.kind === 'unreadable' && content.why).at(-1)).toMatch(
      /and 19991 more objects beside it were not read/,
    );
  });

  it('leave the own lock among them readable', async () => {
    const own = objects(1, () => `${lockFolder(stack)}holdfast.json`);
    const { store } = bucketOf([...objects(flood, lock), ...own]);
    const { locks } = await standings(store);
    expect(locks.filter(({ key }) => key.endsWith('/holdfast.json'))).toHaveLength(1);
  });

  it('are not read all by the one who puts a lock beside them', async () => {
    const { store, most, read } = bucketOf(objects(flood, lock));
    const taking = await projectLock(store, 'example', lockOf(stack), { patience: { seconds: 0 }, wait: () => Promise.resolve() });
    expect(taking.ok).toBe(false);
    expect([most() <= atOnce, read() <= 10]).toEqual([true, true]);
  });

  it('are not all copied by a recovery', async () => {
    const { store, most, read } = bucketOf(objects(flood, lock));
    await quarantine({
      store,
      network: 'example',
      stack,
      run: 'r1',
      recovery: 'rec',
      lockedAt: new Date(0),
      bucketNow: new Date(),
      base: undefined,
      patienceSeconds: 0,
      copies: true,
      onCheckpoint: () => undefined,
      onProgress: () => undefined,
    });
    expect([most() <= atOnce, read() <= 50]).toEqual([true, true]);
  });
});

it('twenty thousand lock folders that are no stack’s are read by no command, and told by a few of their keys', async () => {
  const keyOf = (number: number): string => `.pulumi/locks/organization/holdfast/example.x;touch PWNED ${number}/holdfast.json`;
  const { store, read } = bucketOf(objects(flood, keyOf));
  const { byStack, locks, strays } = await standings(store);
  expect({ stacks: byStack.size, locks: locks.length, read: read(), told: strays.keys.length, more: strays.more }).toEqual({
    stacks: 0,
    locks: 0,
    read: 0,
    told: 5,
    more: flood - 5,
  });
});

it('a lock of 200 MB is not read into memory: its size is in the listing', async () => {
  const { store, read } = bucketOf(objects(1, lock, 200_000_000));
  const { byStack, locks } = await standings(store);
  expect([read(), byStack.get(stack)?.kind, locks[0]?.content.kind]).toEqual([0, 'locked', 'unreadable']);
});

it('a record of 200 MB is not read into memory, and holds its own stack', async () => {
  const { store, read } = bucketOf(objects(1, () => recordKey(stack), 200_000_000));
  const { byStack } = await standings(store);
  expect([read(), byStack.get(stack)]).toMatchObject([0, { kind: 'held', unreadable: recordKey(stack) }]);
});

const folders: readonly [what: string, keyOf: (number: number) => string, act: (store: ObjectStore) => Promise<unknown>, most: number][] = [
  ['records of stacks', (number) => recordKey(`example.vpc.s${number}`), (store) => readRecords(store, 'example'), flood],
  ['objects among the records', (number) => `.holdfast/stacks/example/odd-${number}`, (store) => readRecords(store, 'example'), 0],
  [
    'checkpoints',
    (number) => `.pulumi/stacks/holdfast/example.vpc.s${number}.json`,
    (store) => readStates(store, 'example', trusted),
    flood,
  ],
  [
    'objects in the journal of one run',
    (number) => `${runPrefix('example', 'r1')}${number}`,
    (store) => readRun(store, 'example', 'r1'),
    10_000,
  ],
  ['waiters', (number) => `${waitingPrefix('example')}${number}.json`, (store) => readWaiters(store, 'example'), 100],
  [
    'dossiers',
    (number) => `${dossiersPrefix('example', 'r1', stack)}${number}.json`,
    (store) => readDossiers(store, 'example', 'r1', stack),
    20,
  ],
];

describe.each(folders)('twenty thousand %s', (_, keyOf, act, bound) => {
  it(`are read a few at once, and ${bound} at most`, async () => {
    const { store, most, read } = bucketOf(objects(flood, keyOf));
    await act(store);
    expect([most() <= atOnce, read() <= bound]).toEqual([true, true]);
  });

  it('are not read where each has 1 GB', async () => {
    const { store, read } = bucketOf(objects(100, keyOf, 1024 ** 3));
    await act(store);
    expect(read()).toBe(0);
  });
});

it('twenty thousand old heartbeats are removed a few at once, and none is read', async () => {
  const { store, most, read, changed } = bucketOf(objects(flood, (number) => `${heartbeatsPrefix('example')}${number}.json`));
  await removeOldHeartbeats(store, 'example', Date.now());
  expect([most() <= atOnce, read(), changed()]).toEqual([true, 0, flood]);
});
