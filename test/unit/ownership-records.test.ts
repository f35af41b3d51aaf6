import { beforeEach, describe, expect, it } from 'vitest';
import type { TaggedObject } from '../../orchestrator/aws/tagged-objects.ts';
import { withoutDisowned } from '../../orchestrator/cli/apply-settings.ts';
import { largest } from '../../orchestrator/state/bounded.ts';
import { standingLocks } from '../../orchestrator/locks/durable-locks.ts';
import { readLock, writeLock } from '../../orchestrator/locks/lock-record.ts';
import { claimStack, takeOverStack } from '../../orchestrator/ownership/claim.ts';
import type { Claiming, ClaimRequest } from '../../orchestrator/ownership/claim.ts';
import type { DisownedObject } from '../../orchestrator/ownership/disowned.ts';
import { readRecord, readRecords, swap } from '../../orchestrator/ownership/records.ts';
import type { HeldRecord, Swapped } from '../../orchestrator/ownership/records.ts';
import type { StackRecord } from '../../orchestrator/ownership/stack-record.ts';
import type { Event, EventType } from '../../orchestrator/ownership/transitions.ts';
import { durableLockKey, lockFolder, recordKey } from '../../orchestrator/state/layout.ts';
import type { ObjectStore } from '../../orchestrator/state/object-store.ts';
import { breakAt } from './support/faults.ts';
import { HookedStore } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';
import { engineLock, lockOf } from './support/owner.ts';
import { quickPatience } from './support/quick-patience.ts';
import { freeRecord, ownedRecord, putRecord } from './support/records.ts';

const stack = 'example.vpc.a';
const key = recordKey(stack);
const lockKey = durableLockKey(stack);
const foreign = `${lockFolder(stack)}0b1c.json`;
const now = '2030-01-01T05:00:00.000Z';

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

const as = { epoch: 1, nonce: 'mine' };
const session = { accessKeyId: 'AKIATEST', session: 'holdfast-mine', expires: 'never' };
const version = { etag: '"1"', modified: now };
const verified = { kind: 'at', ...version, run: 'mine', since: now } as const;
const freeze = lockOf(stack, 'freezer', { operation: 'freeze', incident: 'INC-7' });

const left = (id: string, more: Partial<DisownedObject> = {}): DisownedObject => ({
  id,
  type: 'aws:ec2/vpc:Vpc',
  resource: 'vpc',
  reason: 'it carries traffic',
  incident: 'INC-1',
  by: 'ada@build-7',
  at: now,
  ...more,
});

const request = (over: ObjectStore = store, seconds = 2) => ({ store: over, patience: quickPatience(seconds), now: () => Date.parse(now) });

const there = async (): Promise<HeldRecord> => {
  const read = await readRecord(store, stack);
  if (read.kind !== 'there') throw new Error(`expected a record, and it is ${read.kind}`);
  return read;
};

const record = async (): Promise<StackRecord> => (await there()).record;

const swapped = (event: Event, over: ObjectStore = store, seen: HeldRecord | string = stack): Promise<Swapped> =>
  swap(seen, event, request(over));

const freezeIt = (): Promise<Swapped> => swapped({ type: 'freeze', by: freeze });

describe('the record of a stack', () => {
  it('is none where nothing was ever written', async () => {
    expect(await readRecord(store, stack)).toEqual({ kind: 'none', stack });
  });

  it.each(['claimed', 'running', 'held', 'recovering'] as const)('is read as it was written: %s', async (phase) => {
    const written = ownedRecord(stack, phase, { frozen: freeze, verified, disowned: [left('vpc-1')] });
    const etag = putRecord(store, written);
    expect(await readRecord(store, stack)).toEqual({ kind: 'there', record: written, etag });
  });

  it.each([{ kind: 'absent' }, verified, { kind: 'unknown', incident: 'INC-1', since: now }] as const)(
    'that is free is read with the version that was verified: $kind',
    async (known) => {
      putRecord(store, freeRecord(stack, known));
      expect((await record()).verified).toEqual(known);
    },
  );

  it.each([
    ['is not JSON', '{', /^it is not JSON$/],
    ['is empty', '', /^it is not JSON$/],
    ['is of a newer schema', JSON.stringify({ schema: 2 }), /newer Holdfast \(schema 2, this one knows 1\)/],
    ['is of a phase that is not known', JSON.stringify({ ...freeRecord(stack), phase: 'moving' }), /not what Holdfast wrote \(phase/],
    [
      'is running without an owner',
      JSON.stringify({ ...ownedRecord(stack, 'running'), owner: undefined }),
      /not what Holdfast wrote \(owner/,
    ],
    ['is of another stack than its key', JSON.stringify(freeRecord('example.vpc.b')), /not of the stack that its key names/],
    [
      'has an owner of another stack',
      JSON.stringify({ ...ownedRecord(stack, 'held'), owner: lockOf('example.vpc.b') }),
      /not of the stack that its key names/,
    ],
    [
      'has an owner of another epoch',
      JSON.stringify({ ...ownedRecord(stack, 'held'), owner: lockOf(stack, 'mine', { epoch: 2 }) }),
      /not of the stack that its key names/,
    ],
    [
      'has a freeze of another stack',
      JSON.stringify({ ...freeRecord(stack), frozen: lockOf('example.vpc.b', 'freezer', { operation: 'freeze' }) }),
      /not of the stack that its key names/,
    ],
  ])('that %s cannot be read, and nothing is written over it', async (_, body, why) => {
    store.set(key, body);
    const unreadable = { kind: 'unreadable', stack, key, why: expect.stringMatching(why) as string };
    expect(await readRecord(store, stack)).toEqual(unreadable);
    for (const event of [
      { type: 'claim', owner: lockOf(stack) },
      { type: 'freeze', by: freeze },
    ] as const)
      expect(await swapped(event)).toEqual({ ok: false, refusal: 'unreadable', now: unreadable });
    expect(store.history(key)).toEqual([body]);
  });

  it('is not known where the bucket does not answer', async () => {
    const hooked = new HookedStore(store);
    void breakAt(hooked, 1, 'the bucket is gone from there on');
    await expect(readRecord(hooked, stack)).rejects.toThrow('ECONNRESET');
  });
});

describe('the records of a network', () => {
  it('are those of its stacks, and of no other network', async () => {
    for (const name of [stack, 'example.b', 'example-two.vpc.a']) putRecord(store, freeRecord(name));
    const { byStack, unreadable } = await readRecords(store, 'example');
    expect([[...byStack.keys()], unreadable.size]).toEqual([['example.b', stack], 0]);
  });

  it('are all of them, also where there are more than are read at once', async () => {
    for (let number = 0; number < 130; number += 1) putRecord(store, freeRecord(`example.s${number}`));
    expect((await readRecords(store, 'example')).byStack.size).toBe(130);
  });

  it.each([
    ['its content cannot be read', key, '{', stack, /not JSON/],
    ['it is larger than any record', key, ' '.repeat(largest.record + 1), stack, new RegExp(`it has ${largest.record + 1} bytes`)],
  ])('say nothing of a stack whose record cannot be used, and say the others: %s', async (_, at, body, name, why) => {
    putRecord(store, freeRecord('example.b'));
    store.set(at, body);
    const { byStack, unreadable } = await readRecords(store, 'example');
    expect([...byStack.keys()]).toEqual(['example.b']);
    expect([...unreadable]).toEqual([[name, { kind: 'unreadable', stack: name, key: at, why: expect.stringMatching(why) as string }]]);
  });

  it.each([
    ['is of no stack', '.holdfast/stacks/example/odd name.json', '{}'],
    ['has no ending', `${key}x`, '{}'],
    ['is of a stack of another network', '.holdfast/stacks/example/other.vpc.a.json', JSON.stringify(freeRecord('other.vpc.a'))],
  ])('have none among them whose key %s: it is told by its key, and is of no stack', async (_, at, body) => {
    putRecord(store, freeRecord('example.b'));
    store.set(at, body);
    const { byStack, unreadable, strays } = await readRecords(store, 'example');
    expect([[...byStack.keys()], [...unreadable.keys()], strays]).toEqual([['example.b'], [], { keys: [at], more: 0 }]);
  });

  it('are not fetched where they are larger than any record', async () => {
    store.set(key, ' '.repeat(largest.record + 1));
    const hooked = new HookedStore(store);
    await readRecords(hooked, 'example');
    expect(hooked.calls.map(({ op }) => op)).toEqual(['list']);
  });

  it('are without one that went since the listing', async () => {
    putRecord(store, freeRecord(stack));
    const hooked = new HookedStore(store);
    hooked.before = ({ op }) => {
      if (op === 'get') store.delete(key);
    };
    const { byStack, unreadable } = await readRecords(hooked, 'example');
    expect([byStack.size, unreadable.size]).toEqual([0, 0]);
  });
});

it('a record that could not be read back is not written, and the one that is there stays', async () => {
  putRecord(store, ownedRecord(stack, 'recovering'));
  const before = store.bodyOf(key);
  const answers = [{ resource: 'vpc\u001b[2J', answer: 'forget' as const }];
  await expect(swap(stack, { type: 'answer', as, answers }, { store, patience: { seconds: 0 }, now: () => 0 })).rejects.toThrow(
    /could not be read again was not written/,
  );
  expect(store.bodyOf(key)).toBe(before);
});

/** Each event that changes the phase: from where, and to where. */
const changes: readonly (readonly [EventType, StackRecord | undefined, Event, object])[] = [
  ['claim', undefined, { type: 'claim', owner: lockOf(stack) }, { phase: 'claimed', epoch: 1 }],
  ['give-back', ownedRecord(stack, 'claimed'), { type: 'give-back', as }, { phase: 'free', epoch: 1 }],
  [
    'start',
    ownedRecord(stack, 'claimed'),
    { type: 'start', as, operation: 'up', base: null, session },
    { phase: 'running', run: { engineStarted: true } },
  ],
  ['hold', ownedRecord(stack, 'running'), { type: 'hold', as, doubts: [{ source: 'exit', text: 'unknown' }] }, { phase: 'held', epoch: 1 }],
  ['verify', ownedRecord(stack, 'running'), { type: 'verify', as, verified }, { phase: 'free', verified }],
  [
    'take-over',
    ownedRecord(stack, 'held'),
    { type: 'take-over', owner: lockOf(stack, 'next', { operation: 'recover' }), proof: 'person' },
    { phase: 'recovering', epoch: 2, owner: { nonce: 'next' } },
  ],
  [
    'release',
    ownedRecord(stack, 'held'),
    { type: 'release', incident: 'INC-1' },
    { phase: 'free', epoch: 2, verified: { kind: 'unknown', incident: 'INC-1' } },
  ],
];

const start = (from: StackRecord | undefined): void => {
  if (from !== undefined) putRecord(store, from);
};

/** Lets another one write right before the first put of this one takes effect. */
function before(act: () => Promise<unknown>): HookedStore {
  const hooked = new HookedStore(store);
  let isDone = false;
  hooked.before = async ({ op }) => {
    if (op !== 'put' || isDone) return;
    isDone = true;
    await act();
  };
  return hooked;
}

/** Lets the first put take effect and another one write on top of it; its reply is lost. */
function onTop(act: () => Promise<unknown>): HookedStore {
  const hooked = new HookedStore(store);
  let isDone = false;
  hooked.after = async ({ op }) => {
    if (op !== 'put' || isDone) return;
    isDone = true;
    await act();
    throw new Error('ECONNRESET');
  };
  return hooked;
}

describe('a swap', () => {
  it.each(changes)('writes what the table says, over what was read: %s', async (_, from, event, expected) => {
    start(from);
    const done = await swapped(event);
    expect(done).toMatchObject({ ok: true, held: { record: expected, etag: store.head(key)?.etag } });
    expect(await there()).toEqual(done.ok ? JSON.parse(JSON.stringify(done.held)) : undefined);
    expect(done.ok && done.over?.record).toEqual(from);
    expect(store.history(key)).toHaveLength(from === undefined ? 1 : 2);
  });

  it('reads nothing first where what was read last is given to it', async () => {
    putRecord(store, ownedRecord(stack, 'claimed'));
    const hooked = new HookedStore(store);
    expect((await swapped({ type: 'give-back', as }, hooked, await there())).ok).toBe(true);
    expect(hooked.calls.map(({ op }) => op)).toEqual(['put']);
  });

  it('never writes the same content twice', async () => {
    store.etags = 'of-content';
    await freezeIt();
    const first = store.head(key)?.etag;
    await freezeIt();
    expect(store.head(key)?.etag).not.toBe(first);
  });

  it.each(changes)('is known where only its reply was lost: %s', async (_, from, event, expected) => {
    start(from);
    const hooked = onTop(() => Promise.resolve());
    expect(await swapped(event, hooked)).toMatchObject({ ok: true, held: { record: expected, etag: store.head(key)?.etag } });
    expect(store.history(key)).toHaveLength(from === undefined ? 1 : 2);
  });

  it.each(changes)('is known where its reply was lost and a freeze was written on top of it: %s', async (_, from, event, expected) => {
    start(from);
    const done = await swapped(event, onTop(freezeIt));
    expect(done).toMatchObject({ ok: true, held: { record: { ...expected, frozen: { incident: 'INC-7' } }, etag: store.head(key)?.etag } });
    expect(done.ok && done.over?.record).toEqual(from);
    expect(store.history(key)).toHaveLength(from === undefined ? 2 : 3);
  });

  it.each(changes)('is done once where the bucket lost the request itself: %s', async (_, from, event, expected) => {
    start(from);
    const hooked = new HookedStore(store);
    void breakAt(hooked, 2, 'the call fails');
    expect(await swapped(event, hooked)).toMatchObject({ ok: true, held: { record: expected } });
    expect(store.history(key)).toHaveLength(from === undefined ? 1 : 2);
  });

  it.each(changes.filter(([type]) => type !== 'claim' && type !== 'start'))(
    'goes on over a freeze that was written in between, and keeps it: %s',
    async (_, from, event, expected) => {
      start(from);
      expect(await swapped(event, before(freezeIt))).toMatchObject({ ok: true, held: { record: { ...expected, frozen: freeze } } });
    },
  );

  it.each(changes.filter(([type]) => type === 'claim' || type === 'start'))(
    'is refused where a freeze was written in between: %s',
    async (_, from, event) => {
      start(from);
      expect(await swapped(event, before(freezeIt))).toMatchObject({ ok: false, refusal: 'frozen', now: { record: { frozen: freeze } } });
      expect((await record()).phase).toBe(from?.phase ?? 'free');
    },
  );

  const takenOver = () => swapped({ type: 'take-over', owner: lockOf(stack, 'theirs', { operation: 'recover' }), proof: 'process-dead' });

  it.each(changes.filter(([type, from]) => from !== undefined && type !== 'release'))(
    'is refused where another process took the stack over in between: %s',
    async (_, from, event) => {
      start(from);
      // What only a claim allows is refused for the phase already.
      const refusal = from?.phase === 'claimed' ? 'wrong-phase' : 'not-owner';
      expect(await swapped(event, before(takenOver))).toMatchObject({ ok: false, refusal, now: { record: { epoch: 2 } } });
      expect(await record()).toMatchObject({ phase: 'recovering', owner: { nonce: 'theirs' } });
    },
  );

  it('of a claim is refused where another process claimed the stack in between', async () => {
    const claimed = () => swapped({ type: 'claim', owner: lockOf(stack, 'theirs') });
    expect(await swapped({ type: 'claim', owner: lockOf(stack) }, before(claimed))).toMatchObject({ ok: false, refusal: 'not-free' });
    expect(await record()).toMatchObject({ phase: 'claimed', epoch: 1, owner: { nonce: 'theirs' } });
  });

  it('of a claim is refused where its reply was lost and another process took it over since', async () => {
    expect(await swapped({ type: 'claim', owner: lockOf(stack) }, onTop(takenOver))).toMatchObject({ ok: false, refusal: 'not-free' });
    expect(await record()).toMatchObject({ phase: 'recovering', owner: { nonce: 'theirs' } });
  });

  it('of a takeover goes on over what its owner wrote in between, and says what that was', async () => {
    putRecord(store, ownedRecord(stack, 'running'));
    const doubts = [{ source: 'exit', text: 'CreateVpc outcome unknown' }] as const;
    const held = () => swapped({ type: 'hold', as, doubts });
    const event: Event = { type: 'take-over', owner: lockOf(stack, 'next', { operation: 'recover' }), proof: 'process-dead' };
    expect(await swapped(event, before(held))).toMatchObject({
      ok: true,
      over: { record: { phase: 'held', doubts } },
      held: { record: { phase: 'recovering', doubts } },
    });
  });

  it('of a takeover is refused where the stack was recovered and another run has it: of that one nothing was shown', async () => {
    putRecord(store, ownedRecord(stack, 'held'));
    const another = async () => {
      await takenOver();
      await swapped({ type: 'verify', as: { epoch: 2, nonce: 'theirs' }, verified });
      await swapped({ type: 'claim', owner: lockOf(stack, 'later') });
      await swapped({ type: 'start', as: { epoch: 3, nonce: 'later' }, operation: 'up', base: version, session });
    };
    const event: Event = { type: 'take-over', owner: lockOf(stack, 'next', { operation: 'recover' }), proof: 'process-dead' };
    expect(await swapped(event, before(another))).toMatchObject({ ok: false, refusal: 'not-owner' });
    expect(await record()).toMatchObject({ phase: 'running', epoch: 3, owner: { nonce: 'later' } });
  });

  it('that is refused writes nothing, and says what is there', async () => {
    const etag = putRecord(store, ownedRecord(stack, 'running', { owner: lockOf(stack, 'theirs') }));
    expect(await swapped({ type: 'verify', as, verified })).toMatchObject({ ok: false, refusal: 'not-owner', now: { etag } });
    expect(store.history(key)).toHaveLength(1);
  });

  it('fails where the bucket fails for longer than the patience: whether it was written is not known', async () => {
    const hooked = new HookedStore(store);
    void breakAt(hooked, 2, 'the reply is lost, and the bucket is gone');
    await expect(swapped({ type: 'claim', owner: lockOf(stack) }, hooked)).rejects.toThrow('ECONNRESET');
    expect((await record()).phase).toBe('claimed');
  });

  it('gives up where others write each time before it', async () => {
    await freezeIt();
    const hooked = new HookedStore(store);
    hooked.before = async ({ op }) => {
      if (op === 'put') await freezeIt();
    };
    await expect(swapped({ type: 'freeze', by: freeze }, hooked)).rejects.toThrow(`${key} was written by others 50 times in a row`);
  });
});

describe('a stack that a person froze', () => {
  it('is frozen by the first who did it for the incident', async () => {
    await freezeIt();
    await swapped({ type: 'freeze', by: { ...freeze, nonce: 'second', user: 'bob' } });
    expect((await record()).frozen).toEqual(freeze);
  });

  it('is not any more when that freeze is ended', async () => {
    await freezeIt();
    expect(await swapped({ type: 'unfreeze', nonce: 'freezer' })).toMatchObject({ ok: true });
    expect((await record()).frozen).toBeUndefined();
  });

  it('stays frozen by one who froze it again in between', async () => {
    await freezeIt();
    const again = async () => {
      await swapped({ type: 'unfreeze', nonce: 'freezer' });
      await swapped({ type: 'freeze', by: { ...freeze, nonce: 'second' } });
    };
    expect(await swapped({ type: 'unfreeze', nonce: 'freezer' }, before(again))).toMatchObject({ ok: false, refusal: 'not-frozen' });
    expect((await record()).frozen?.nonce).toBe('second');
  });
});

describe('what a person disowned', () => {
  const disown = (...objects: DisownedObject[]): Event => ({ type: 'disown', as, objects });
  beforeEach(() => {
    putRecord(store, ownedRecord(stack, 'recovering', { owner: lockOf(stack, 'mine', { operation: 'recover' }) }));
  });

  it('is in the record in the words of the first who said so, each object once, and kept by what comes after', async () => {
    await swapped(disown(left('vpc-1'), left('vpc-1')));
    await swapped(disown(left('vpc-1', { reason: 'another', by: 'bob' }), left('vpc-2'), left('vpc-1', { type: 'aws:ec2/subnet:Subnet' })));
    await swapped({ type: 'verify', as, verified });
    const expected = [left('vpc-1'), left('vpc-2'), left('vpc-1', { type: 'aws:ec2/subnet:Subnet' })];
    expect(await record()).toMatchObject({ phase: 'free', disowned: expected });
  });

  it('is there once where the reply was lost and a freeze was written on top', async () => {
    expect((await swapped(disown(left('vpc-1')), onTop(freezeIt))).ok).toBe(true);
    expect(await record()).toMatchObject({ frozen: freeze, disowned: [left('vpc-1')] });
  });

  const found: TaggedObject[] = ['vpc-1', 'vpc-2'].map((id) => ({ id, resourceType: 'vpc', resource: 'vpc' }));

  it('does not count as something that a run finds in AWS beyond its state', async () => {
    await swapped(disown(left('vpc-1')));
    expect((await withoutDisowned(store, stack, found)).map(({ id }) => id)).toEqual(['vpc-2']);
  });

  it('counts where another stack disowned it, and where no record was ever written', async () => {
    await swapped(disown(left('vpc-1')));
    expect(await withoutDisowned(store, 'example.vpc.b', found)).toEqual(found);
  });

  it('is asked for only where there is something to leave out, and is then not known if the record cannot be read', async () => {
    store.set(key, '{');
    expect(await withoutDisowned(store, stack, [])).toEqual([]);
    await expect(withoutDisowned(store, stack, found)).rejects.toThrow(key);
  });
});

const claimWith = (more: Partial<ClaimRequest> = {}, owner = lockOf(stack)): Promise<Claiming> =>
  claimStack(owner, stack, { ...request(more.store), network: 'example', wait: () => Promise.resolve(), ...more });

async function claimed(more: Partial<ClaimRequest> = {}) {
  const claiming = await claimWith(more);
  if (!claiming.ok) throw new Error(`expected the stack to be claimed: ${claiming.reason}`);
  return claiming.claim;
}

const lockOwner = (): string | undefined => {
  const content = readLock(store.bodyOf(lockKey) ?? '', stack);
  return content.kind === 'holdfast' ? `${content.record.run} ${content.record.epoch}` : undefined;
};

/** As a person is shown them. */
const foreignLocks = async () => (await standingLocks(store, 'example')).filter(({ content }) => content.kind === 'engine');

describe('a claim', () => {
  it('writes the record, then the lock, then looks into the folder', async () => {
    const hooked = new HookedStore(store);
    await claimed({ store: hooked });
    expect(hooked.calls.filter(({ op }) => op !== 'get').map(({ op, key: at }) => `${op} ${at}`)).toEqual([
      `put ${key}`,
      `put ${lockKey}`,
      'list .pulumi/locks/organization/holdfast/example.',
    ]);
  });

  it('that the record refuses touches no lock', async () => {
    putRecord(store, ownedRecord(stack, 'running', { owner: lockOf(stack, 'theirs') }));
    const hooked = new HookedStore(store);
    expect(await claimWith({ store: hooked })).toMatchObject({ ok: false, reason: 'record', refusal: 'not-free' });
    expect(hooked.calls.map(({ op }) => op)).toEqual(['get']);
  });

  it('puts its lock over one that an earlier owner left, with its own epoch', async () => {
    putRecord(store, freeRecord(stack, verified, { epoch: 4 }));
    store.set(lockKey, writeLock(lockOf(stack, 'theirs', { epoch: 4 })));
    expect((await claimed()).as).toEqual({ epoch: 5, nonce: 'mine' });
    expect(lockOwner()).toBe('mine 5');
  });

  it('gives way beside a lock of plain pulumi: the record first, then its own lock, and the verified version is as before', async () => {
    putRecord(store, freeRecord(stack, verified));
    store.set(foreign, engineLock);
    const hooked = new HookedStore(store);
    expect(await claimWith({ store: hooked })).toMatchObject({ ok: false, reason: 'lock', heldBy: [{ key: foreign }] });
    expect(hooked.calls.filter(({ op }) => op === 'put' || op === 'remove').map(({ op, key: at }) => `${op} ${at}`)).toEqual([
      `put ${key}`,
      `put ${lockKey}`,
      `put ${key}`,
      `remove ${lockKey}`,
    ]);
    expect([store.keys(), await record()]).toMatchObject([[key, foreign].sort(), { phase: 'free', verified }]);
  });

  it('that gives way leaves its lock where the stack was frozen meanwhile: a frozen stack wants one', async () => {
    store.set(foreign, engineLock);
    expect(await claimWith({ wait: freezeIt })).toMatchObject({ ok: false, reason: 'lock' });
    expect([(await record()).phase, store.keys().includes(lockKey)]).toEqual(['free', true]);
  });

  it('knows that it is the owner, and since when it is not', async () => {
    const claim = await claimed();
    expect(await claim.isMine()).toBe(true);
    await freezeIt();
    expect([await claim.isMine(), claim.held().record.frozen]).toEqual([true, freeze]);
    const next = await takeOverStack(lockOf(stack, 'next', { operation: 'recover' }), await there(), 'nothing-started', {
      ...request(),
      network: 'example',
    });
    expect([next.ok, await claim.isMine(), (await claim.write({ type: 'give-back', as: claim.as })).ok]).toEqual([true, false, false]);
    expect(lockOwner()).toBe('next 2');
  });

  it('does not know whether it is the owner where the record cannot be read', async () => {
    const claim = await claimed();
    store.set(key, '{');
    await expect(claim.isMine()).rejects.toThrow(`${key}: it is not JSON`);
  });

  it('drops exactly its own lock', async () => {
    const claim = await claimed();
    await claim.write({ type: 'give-back', as: claim.as });
    const later = await claimed();
    expect([await claim.dropLock(), store.head(lockKey)?.etag]).toEqual([{ done: false, there: true }, later.lock().etag]);
    expect([await later.dropLock(), store.keys()]).toEqual([{ done: true }, [key]]);
  });

  it('leaves the lock of a freeze in the place of its own', async () => {
    const claim = await claimed();
    await freezeIt();
    await claim.write({ type: 'give-back', as: claim.as });
    expect([await claim.dropLock(), lockOwner()]).toEqual([{ done: true }, 'freezer 1']);
  });

  it('leaves a lock of plain pulumi alone that a dead process left: a claim may be given back', async () => {
    store.set(foreign, engineLock);
    const claim = await claimed({ beside: await foreignLocks() });
    expect(store.keys()).toEqual([key, foreign, lockKey].sort());
    await claim.write({ type: 'give-back', as: claim.as });
    expect([await claim.dropLock(), store.keys()]).toEqual([{ done: true }, [key, foreign].sort()]);
  });

  it('puts its lock back where it was removed, and not where another one stands', async () => {
    const claim = await claimed();
    store.delete(lockKey);
    expect([await claim.putLockBack(), claim.lock().etag]).toEqual([true, store.head(lockKey)?.etag]);
    const other = store.set(lockKey, 'odd');
    expect([await claim.putLockBack(), store.head(lockKey)?.etag]).toEqual([false, other]);
  });
});

describe('a takeover', () => {
  const next = lockOf(stack, 'next', { operation: 'recover' });

  it('writes the record, then puts its lock over the one that stands, which never leaves the bucket', async () => {
    putRecord(store, ownedRecord(stack, 'held'));
    store.set(lockKey, writeLock(lockOf(stack)));
    const hooked = new HookedStore(store);
    const taken = await takeOverStack(next, await there(), 'process-dead', { ...request(hooked), network: 'example' });
    expect([taken.ok, lockOwner()]).toEqual([true, 'next 2']);
    expect(hooked.calls.map(({ op }) => op)).not.toContain('remove');
    expect(hooked.calls.find(({ op }) => op === 'put')?.key).toBe(key);
  });

  it('takes a lock of plain pulumi away that a dead process left, once its own stands, and no other one', async () => {
    putRecord(store, ownedRecord(stack, 'held'));
    store.set(foreign, engineLock);
    const beside = await foreignLocks();
    const hooked = new HookedStore(store);
    const taken = await takeOverStack(next, await there(), 'person', { ...request(hooked), network: 'example', beside });
    expect([taken.ok, store.keys()]).toEqual([true, [key, lockKey].sort()]);
    const writes = hooked.calls.filter(({ op }) => op === 'put' || op === 'remove').map(({ key: at }) => at);
    expect([writes.at(0), writes.at(-1)]).toEqual([key, foreign]);
  });

  it('gives way beside a lock of plain pulumi by holding the stack, under its own lock', async () => {
    putRecord(store, ownedRecord(stack, 'held'));
    store.set(foreign, engineLock);
    const taken = await takeOverStack(next, await there(), 'process-dead', {
      ...request(),
      network: 'example',
      wait: () => Promise.resolve(),
    });
    expect(taken).toMatchObject({ ok: false, reason: 'lock', heldBy: [{ key: foreign }] });
    expect([await record(), lockOwner()]).toMatchObject([{ phase: 'held', epoch: 2 }, 'next 2']);
  });
});

describe('a bucket that fails while a stack is claimed', () => {
  it.each([key, lockKey])('is waited for as long as was said for claiming, and not as for the writes after it: %s', async (failing) => {
    const claiming = quickPatience(5);
    const hooked = new HookedStore(store);
    hooked.before = ({ key: at }) => (at === failing ? Promise.reject(new Error('ECONNRESET')) : undefined);
    const patience = quickPatience(900);
    await expect(claimWith({ store: hooked, claiming, patience })).rejects.toThrow('ECONNRESET');
    expect([claiming.now?.(), patience.now?.()]).toEqual([5000, 0]);
  });

  it('is waited for no longer once the run is stopped', async () => {
    const stop = new AbortController();
    let failures = 0;
    const hooked = new HookedStore(store);
    hooked.before = ({ op }) => {
      if (op !== 'put') return;
      failures += 1;
      if (failures === 2) stop.abort();
      throw new Error('ECONNRESET');
    };
    await expect(claimWith({ store: hooked, claiming: { ...quickPatience(900), signal: stop.signal } })).rejects.toThrow('ECONNRESET');
    expect([failures, store.keys()]).toEqual([2, []]);
  });

  it('gives the stack back where its lock could not be put: nothing was started', async () => {
    const stop = new AbortController();
    const hooked = new HookedStore(store);
    hooked.before = ({ key: at }) => {
      if (at !== lockKey) return;
      stop.abort();
      throw new Error('ECONNRESET');
    };
    await expect(claimWith({ store: hooked, claiming: { ...quickPatience(900), signal: stop.signal } })).rejects.toThrow('ECONNRESET');
    expect([store.keys(), (await record()).phase]).toEqual([[key], 'free']);
  });

  it('is waited for at the writes of a claimed stack also where the run is stopped: its end is to be written', async () => {
    const stop = new AbortController();
    const hooked = new HookedStore(store);
    const patience = quickPatience(90);
    const claim = await claimed({ store: hooked, patience, claiming: { ...quickPatience(90), signal: stop.signal } });
    stop.abort();
    hooked.before = () => {
      if ((patience.now?.() ?? 0) < 45_000) throw new Error('SlowDown');
    };
    expect((await claim.write({ type: 'give-back', as: claim.as })).ok).toBe(true);
    expect(await claim.dropLock()).toEqual({ done: true });
  });
});
