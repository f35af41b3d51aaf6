import { describe, expect, it } from 'vitest';
import { readRun } from '../../../orchestrator/journal/read-runs.ts';
import { standingLocks } from '../../../orchestrator/locks/durable-locks.ts';
import { writeLock } from '../../../orchestrator/locks/lock-record.ts';
import { readRecords } from '../../../orchestrator/ownership/records.ts';
import { readDossiers } from '../../../orchestrator/recovery/dossier.ts';
import { readSharedParts } from '../../../orchestrator/run/shared-run.ts';
import { readIndex } from '../../../orchestrator/state/index-of-stacks.ts';
import {
  dossiersPrefix,
  durableLockKey,
  indexKey,
  recordKey,
  runEventKey,
  runPrefix,
  sharedPartKey,
} from '../../../orchestrator/state/layout.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { lockOf } from '../support/owner.ts';
import { freeRecord, ownedRecord } from '../support/records.ts';

/** S3: an object counted by its content alone. Its key, by which a policy can tell what may be written, was not compared with it. */
describe('an event of the journal that is not what its key says', () => {
  const stack = 'example.vpc.one';
  const event = (fields: object): string =>
    JSON.stringify({ schema: 1, run: 'r1', network: 'example', writer: 'w', sequence: 1, at: '2026-01-01T00:00:00Z', ...fields });
  const verified = { type: 'verified', stack, epoch: 99, checkpoint: null, outcome: 'recovered' };
  const read = async (key: string, fields: object) => {
    const store = new MemoryStore();
    store.set(key, event({ ...verified, ...fields }));
    const { events, unreadable } = await readRun(store, 'example', 'r1');
    return { events: events.length, unreadable };
  };

  it('is read where it is', async () => {
    expect(await read(runEventKey('example', 'r1', 'w', 1, 'verified'), {})).toEqual({ events: 1, unreadable: [] });
  });

  it.each([
    ['another type', runEventKey('example', 'r1', 'w', 1, 'lock-lost'), {}],
    ['another run', `${runPrefix('example', 'r1')}w-000001-verified.json`, { run: 'r2' }],
    ['another network', `${runPrefix('example', 'r1')}w-000002-verified.json`, { sequence: 2, network: 'other' }],
    ['another writer', `${runPrefix('example', 'r1')}w-000003-verified.json`, { sequence: 3, writer: 'somebody-else' }],
    ['another sequence', `${runPrefix('example', 'r1')}w-000003-verified.json`, { sequence: 4 }],
    ['a stack of another network', `${runPrefix('example', 'r1')}w-000001-verified.json`, { stack: 'other.vpc.one' }],
  ])('is not read where one of them names %s, and is told by its key', async (_, key, fields) => {
    const found = await read(key, fields);
    expect(found).toEqual({ events: 0, unreadable: [expect.stringContaining(key)] });
  });
});

/** The same kind: the key says of which stack, run or recovery an object is, and the content may say another. */
describe('an object of one stack that names another', () => {
  it('says nothing of either where it is a record, and holds the one that its key names', async () => {
    const store = new MemoryStore();
    store.set(recordKey('example.a'), freeRecord('example.b'));
    const { byStack, unreadable } = await readRecords(store, 'example');
    expect([[...byStack.keys()], [...unreadable.keys()]]).toEqual([[], ['example.a']]);
  });

  it('says nothing of either where a record’s run was at work on another stack', async () => {
    const store = new MemoryStore();
    store.set(recordKey('example.a'), ownedRecord('example.a', 'held', { run: { by: lockOf('example.b') } }));
    expect([...(await readRecords(store, 'example')).unreadable.keys()]).toEqual(['example.a']);
  });

  it('is no lock of Holdfast’s', async () => {
    const store = new MemoryStore();
    store.set(durableLockKey('example.a'), writeLock(lockOf('example.b')));
    expect((await standingLocks(store, 'example')).map(({ stack, content }) => [stack, content.kind])).toEqual([
      ['example.a', 'unreadable'],
    ]);
  });

  it('is no dossier of a release', async () => {
    const store = new MemoryStore();
    const dossier = {
      schema: 1,
      network: 'example',
      run: 'r1',
      stack: 'example.a',
      recovery: 'rec',
      outcome: 'recovered',
      why: null,
      promoted: null,
      lock: { etag: 'e' },
      writer: { how: 'it is dead' },
      quarantine: null,
    };
    const under = (stack: string): string => `${dossiersPrefix('example', 'r1', stack)}rec.json`;
    store.set(under('example.a'), dossier);
    store.set(under('example.b'), dossier);
    expect(await readDossiers(store, 'example', 'r1', 'example.a')).toHaveLength(1);
    expect(await readDossiers(store, 'example', 'r1', 'example.b')).toEqual([]);
  });

  it('is no part of a shared run', async () => {
    const store = new MemoryStore();
    const ended = { schema: 1, shared: 'job-1', run: 'r2', at: '2026-01-01T00:00:00.000Z', ends: [] };
    store.set(sharedPartKey('example', 'job-1', 'r1', 'ended'), ended);
    await expect(readSharedParts(store, 'example', 'job-1')).rejects.toThrow(/not the part that its key names/);
  });
});

it('an entry of the index that cannot be read is left out, and the others are not', async () => {
  const store = new MemoryStore();
  const entry = { checkpoint: 'e', fingerprint: {}, outputs: {}, resources: 1 };
  store.set(indexKey('example'), {
    schema: 1,
    stacks: { 'example.a': entry, 'example.b': { ...entry, checkpoint: 'e\u001b[2J' }, 'other.a': entry, '../../x': entry },
  });
  expect([...(await readIndex(store, 'example')).entries.keys()]).toEqual(['example.a']);
});
