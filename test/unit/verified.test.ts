import { beforeEach, describe, expect, it } from 'vitest';
import { verifiedKey } from '../../orchestrator/state/layout.ts';
import { readVerified, writeVerified } from '../../orchestrator/state/verified.ts';
import { breakAt } from './support/faults.ts';
import { HookedStore } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';

const stack = 'example.vpc.a';
const record = (checkpoint: string | null, run = 'one') => ({ stack, run, at: '2030-01-01T00:00:00.000Z', checkpoint });

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

const read = async () => (await readVerified(store, 'example')).get(stack);

describe('the record of the verified version', () => {
  it.each(['"1"', null])('is read as it was written: %s', async (checkpoint) => {
    const written = await writeVerified(store, record(checkpoint), undefined, 0);
    expect(await read()).toEqual({ ...record(checkpoint), etag: written?.etag });
    expect(written).toEqual(await read());
  });

  it('takes the place of the one before', async () => {
    const before = await writeVerified(store, record('"1"'), undefined, 0);
    await writeVerified(store, record('"2"', 'two'), before, 0);
    expect(await read()).toMatchObject({ checkpoint: '"2"', run: 'two' });
  });

  it.each([
    ['another one', async () => writeVerified(store, record('"2"', 'two'), await read(), 0)],
    ['one that was removed', async () => store.remove(verifiedKey(stack), (await read())?.etag ?? '')],
  ])('is not written over %s', async (_, meanwhile) => {
    const before = await writeVerified(store, record('"1"'), undefined, 0);
    await meanwhile();
    const now = await read();
    expect([await writeVerified(store, record('"3"'), before, 0), await read()]).toEqual([undefined, now]);
  });

  it('is not written over a first one of somebody else', async () => {
    await writeVerified(store, record('"1"', 'theirs'), undefined, 0);
    expect(await writeVerified(store, record('"2"'), undefined, 0)).toBeUndefined();
  });

  it('is known where only the reply was lost', async () => {
    const hooked = new HookedStore(store);
    void breakAt(hooked, 1, 'the reply is lost');
    expect(await writeVerified(hooked, record('"1"'), undefined, 5)).toEqual(await read());
  });

  it('is not known where the bucket fails for too long', async () => {
    const hooked = new HookedStore(store);
    void breakAt(hooked, 1, 'the bucket is gone from there on');
    await expect(writeVerified(hooked, record('"1"'), undefined, 0)).rejects.toThrow('ECONNRESET');
  });

  it('is of the stacks of the network, and of no other', async () => {
    for (const name of [stack, 'example-two.vpc.a']) await writeVerified(store, { ...record('"1"'), stack: name }, undefined, 0);
    expect([...(await readVerified(store, 'example')).keys()]).toEqual([stack]);
  });

  it.each([
    ['is not JSON', '{', /example\.vpc\.a\.json: it is not JSON/],
    ['is of a newer schema', JSON.stringify({ schema: 2 }), /newer Holdfast/],
    ['is something else', JSON.stringify({ schema: 1 }), /it is not what Holdfast wrote/],
  ])('that %s is an error: what was verified is not known', async (_, body, message) => {
    store.set(verifiedKey(stack), body);
    await expect(readVerified(store, 'example')).rejects.toThrow(message);
  });
});
