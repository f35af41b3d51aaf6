import { beforeEach, describe, expect, it } from 'vitest';
import { putFrozen, readFrozen, removeFrozen } from '../../orchestrator/locks/frozen.ts';
import { frozenKey } from '../../orchestrator/state/layout.ts';
import { MemoryStore } from './support/memory-store.ts';
import { lockOf } from './support/owner.ts';

const stack = 'example.vpc.a';
const freeze = (by = 'ada', of = stack) => lockOf(of, by, { operation: 'freeze', incident: 'INC-7' });

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

const read = async () => (await readFrozen(store, 'example')).get(stack);

describe('a stack that a person froze', () => {
  it('is frozen with who did it and why', async () => {
    expect(await putFrozen(store, freeze())).toBe(true);
    expect(await read()).toMatchObject({ stack, lock: freeze() });
  });

  it('is frozen by the first who did it', async () => {
    await putFrozen(store, freeze('ada'));
    expect([await putFrozen(store, freeze('bob')), (await read())?.lock.run]).toEqual([false, 'ada']);
  });

  it('is not any more when it was taken away', async () => {
    await putFrozen(store, freeze());
    const frozen = await read();
    expect([frozen && (await removeFrozen(store, frozen)), await read()]).toEqual([true, undefined]);
  });

  it('stays frozen by one who froze it again meanwhile', async () => {
    await putFrozen(store, freeze('ada'));
    const frozen = await read();
    store.delete(frozenKey(stack));
    await putFrozen(store, freeze('bob'));
    expect([frozen && (await removeFrozen(store, frozen)), (await read())?.lock.run]).toEqual([false, 'bob']);
  });

  it('is of its network alone', async () => {
    await putFrozen(store, freeze('ada', 'example-two.vpc.a'));
    expect((await readFrozen(store, 'example')).size).toBe(0);
  });

  it.each(['{', JSON.stringify({ schema: 2, lock: {} }), JSON.stringify({ schema: 1 })])(
    'is not known where the record cannot be read: %s',
    async (body) => {
      store.set(frozenKey(stack), body);
      await expect(readFrozen(store, 'example')).rejects.toThrow(frozenKey(stack));
    },
  );
});
