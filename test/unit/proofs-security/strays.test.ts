import { expect, it } from 'vitest';
import { writeLock } from '../../../orchestrator/locks/lock-record.ts';
import { readStandings } from '../../../orchestrator/run/standing.ts';
import { restoreLocks } from '../../../orchestrator/run/tidy.ts';
import { durableLockKey, lockFolder, locksPrefix, recordKey, recordsPrefix } from '../../../orchestrator/state/layout.ts';
import { describeStatus } from '../../../orchestrator/ui/status.ts';
import { styleFor } from '../../../orchestrator/ui/reporter.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { lockOf, observer } from '../support/owner.ts';

/** S3, S6, S14: a folder’s name was taken for a stack’s, and went unquoted into commands that people are told to run. */
const folder = 'example.x;touch $HOME$(printf \\057)PWNED;: #\u001b[2J';

const standingsOf = (store: MemoryStore) =>
  readStandings({ ...observer(() => false), store, network: 'example', states: new Map(), now: () => Date.now() });

it.each([
  ['a lock folder', `${lockFolder(folder)}holdfast.json`],
  ['a lock folder of another depth of names', `${locksPrefix('example')}a.b.c/holdfast.json`],
  ['a record', `${recordsPrefix('example')}${folder}.json`],
  ['a record that climbs out', `${recordsPrefix('example')}../../x.json`],
  ['a record without an ending', `${recordsPrefix('example')}example.a`],
])('the name of %s that is no stack’s is no stack, no lock and no command, and is told by its key', async (_, key) => {
  const store = new MemoryStore();
  store.set(key, writeLock(lockOf('example.a')));
  const standings = await standingsOf(store);
  expect({ stacks: [...standings.byStack.keys()], locks: standings.locks, unreadable: standings.unreadable }).toEqual({
    stacks: [],
    locks: [],
    unreadable: [],
  });
  const told = describeStatus([], standings, new Map(), styleFor({ isTTY: false } as never, {}));
  expect(told).toContain('not a stack of this network');
  expect(told).not.toMatch(/npm run|\u001b/);
  await restoreLocks({ store, network: 'example', standings, lockRecord: (stack) => lockOf(stack), now: () => 0, onNote: () => undefined });
  expect(store.keys()).toEqual([key]);
});

it('an object that is not JSON holds the stack that its key names, and none of the others', async () => {
  const store = new MemoryStore();
  store.set(recordKey('example.a'), 'not JSON');
  store.set(durableLockKey('example.b'), 'not JSON');
  const { byStack } = await standingsOf(store);
  expect([...byStack].map(([stack, { kind }]) => [stack, kind]).sort()).toEqual([
    ['example.a', 'held'],
    ['example.b', 'locked'],
  ]);
});
