import { describe, expect, it } from 'vitest';
import type { TaggedObject } from '../../orchestrator/aws/tagged-objects.ts';
import { withoutDisowned } from '../../orchestrator/cli/apply-settings.ts';
import { disown, disownedOf, readDisowned } from '../../orchestrator/state/disowned.ts';
import type { DisownedObject } from '../../orchestrator/ownership/disowned.ts';
import { disownedKey } from '../../orchestrator/state/layout.ts';
import { MemoryStore } from './support/memory-store.ts';

const stack = 'n.vpc.a';
const vpcType = 'aws:ec2/vpc:Vpc';

const left = (id: string, more: Partial<DisownedObject> = {}): DisownedObject => ({
  id,
  type: vpcType,
  resource: 'vpc',
  reason: 'it carries traffic',
  incident: 'INC-1',
  by: 'ada@build-7',
  at: '2030-01-01T00:00:00Z',
  ...more,
});

const idsOf = async (store: MemoryStore): Promise<string[]> => (await disownedOf(store, stack)).map(({ id }) => id);

describe('a disowned list', () => {
  it('has what was put on it, and in which words', async () => {
    const store = new MemoryStore();
    await disown(store, stack, [left('vpc-1')], 0);
    await disown(store, stack, [left('vpc-2')], 0);
    expect(await readDisowned(store, 'n')).toEqual(new Map([[stack, [left('vpc-1'), left('vpc-2')]]]));
    expect(JSON.parse(store.bodyOf(disownedKey(stack)) ?? '')).toMatchObject({ schema: 1, stack });
  });

  it('is empty where nobody disowned anything', async () => {
    expect(await readDisowned(new MemoryStore(), 'n')).toEqual(new Map());
    expect(await disownedOf(new MemoryStore(), stack)).toEqual([]);
  });

  it('is of its own network alone', async () => {
    const store = new MemoryStore();
    await disown(store, 'nn.vpc.a', [left('vpc-1')], 0);
    expect(await readDisowned(store, 'n')).toEqual(new Map());
  });

  it('keeps the first word on an object, and is not written again for a second one', async () => {
    const store = new MemoryStore();
    await disown(store, stack, [left('vpc-1')], 0);
    const before = await store.get(disownedKey(stack));
    await disown(store, stack, [left('vpc-1', { reason: 'another', by: 'bob' })], 0);
    expect(await store.get(disownedKey(stack))).toEqual(before);
  });

  it('has an object once, however often one call names it', async () => {
    const store = new MemoryStore();
    await disown(store, stack, [left('vpc-1'), left('vpc-1')], 0);
    expect(await idsOf(store)).toEqual(['vpc-1']);
  });

  it('tells objects of one id and two types apart', async () => {
    const store = new MemoryStore();
    await disown(store, stack, [left('x'), left('x', { type: 'aws:ec2/subnet:Subnet' })], 0);
    expect(await idsOf(store)).toEqual(['x', 'x']);
  });

  it.each(['first', 'later'])('loses nothing where two people write it at once, at the %s write', async (which) => {
    const store = new MemoryStore();
    if (which === 'later') await disown(store, stack, [left('vpc-0')], 0);
    let raced = false;
    store.beforePut = async () => {
      if (raced) return;
      raced = true;
      await disown(store, stack, [left('vpc-theirs')], 0);
    };
    await disown(store, stack, [left('vpc-ours')], 0);
    expect(await idsOf(store)).toEqual([...(which === 'later' ? ['vpc-0'] : []), 'vpc-theirs', 'vpc-ours']);
  });

  it('is written once where the reply was lost', async () => {
    const store = new MemoryStore();
    let lost = false;
    store.afterPut = () => {
      if (lost) return Promise.resolve();
      lost = true;
      return Promise.reject(new Error('socket hang up'));
    };
    await disown(store, stack, [left('vpc-1')], 1);
    expect(await idsOf(store)).toEqual(['vpc-1']);
    expect(await store.versions(disownedKey(stack))).toHaveLength(1);
  });

  it.each([
    ['hello', `${disownedKey(stack)}: it is not JSON`],
    [JSON.stringify({ schema: 2 }), `${disownedKey(stack)}: it was written by a newer Holdfast (schema 2, this one knows 1)`],
    [JSON.stringify({ schema: 1, stack, objects: [{ id: '' }] }), `${disownedKey(stack)}: it is not what Holdfast wrote (objects.0.id`],
  ])('that cannot be read is named with its key, and is not written over: %s', async (body, message) => {
    const store = new MemoryStore();
    store.set(disownedKey(stack), body);
    const startsSo = new RegExp(`^${message.replaceAll(/[.()]/g, '\\$&')}`);
    await expect(readDisowned(store, 'n')).rejects.toThrow(startsSo);
    await expect(disownedOf(store, stack)).rejects.toThrow(startsSo);
    await expect(disown(store, stack, [left('vpc-1')], 60)).rejects.toThrow(startsSo);
    expect(store.bodyOf(disownedKey(stack))).toBe(body);
  });
});

describe('what a run finds in AWS beyond its state', () => {
  const found: TaggedObject[] = ['vpc-1', 'vpc-2'].map((id) => ({ id, resourceType: 'vpc', resource: 'vpc' }));

  it('does not count what was disowned', async () => {
    const store = new MemoryStore();
    await disown(store, stack, [left('vpc-1')], 0);
    expect((await withoutDisowned(store, stack, found)).map(({ id }) => id)).toEqual(['vpc-2']);
  });

  it('counts what another stack disowned', async () => {
    const store = new MemoryStore();
    await disown(store, 'n.vpc.b', [left('vpc-1')], 0);
    expect(await withoutDisowned(store, stack, found)).toEqual(found);
  });

  it('asks for no list where there is nothing to leave out', async () => {
    const store = new MemoryStore();
    store.set(disownedKey(stack), 'hello');
    expect(await withoutDisowned(store, stack, [])).toEqual([]);
    await expect(withoutDisowned(store, stack, found)).rejects.toThrow(disownedKey(stack));
  });
});
