import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { keepProgram, readProgram } from '../../orchestrator/cli/program-record.ts';
import { networkFileKey } from '../../orchestrator/state/layout.ts';
import { breakAt } from './support/faults.ts';
import { HookedStore } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';
import { processOf } from './support/owner.ts';

const text = 'network: example\n# Grüße\n';
const digest = createHash('sha256').update(text).digest('hex');
const key = networkFileKey('example', digest);

let store: MemoryStore;
beforeEach(() => {
  store = new MemoryStore();
});

const opening = {
  type: 'run-opened',
  operation: 'up',
  process: processOf('one'),
  session: { accessKeyId: 'AKIATEST', session: 's', expires: 'never' },
  account: '111122223333',
  region: 'eu-west-1',
  order: ['example.a'],
  forecastSeconds: 1,
  networkFile: { path: 'n.yaml', text },
} as const;

const keep = (
  more: { readonly commit?: string; readonly program?: string } = {},
  shared?: string,
  over: HookedStore | MemoryStore = store,
) => keepProgram(over, 'example', { ...opening, order: [...opening.order], ...more }, shared, 0);

describe('what a run is to make of its stacks', () => {
  it('is kept under the digest of its text, and read again by it', async () => {
    const program = await keep();
    expect(program).toEqual({ path: 'n.yaml', digest });
    expect(store.keys()).toEqual([key]);
    expect(await readProgram(store, 'example', program)).toBe(text);
  });

  it('is put once, however many runs go by the same file', async () => {
    await keep();
    expect([await keep({}, 'gh-1'), store.history(key)]).toEqual([{ path: 'n.yaml', digest, shared: 'gh-1' }, [text]]);
  });

  it('has the code and the shared run where they are known', async () => {
    expect(await keep({ program: 'code-1' }, 'gh-1')).toEqual({ path: 'n.yaml', digest, code: 'code-1', shared: 'gh-1' });
  });

  it.each([
    ['a'.repeat(40), true],
    ['a'.repeat(64), true],
    ['a'.repeat(41), false],
    ['A'.repeat(40), false],
    ['main', false],
    ['', false],
  ])('has the commit where it is one as git names it, as a variable of a CI may say anything: %j', async (commit, isOne) => {
    expect((await keep({ commit })).commit).toBe(isOne ? commit : undefined);
  });

  it('is not known to be kept where the bucket fails: nothing is started', async () => {
    const hooked = new HookedStore(store);
    void breakAt(hooked, 1, 'the bucket is gone from there on');
    await expect(keep({}, undefined, hooked)).rejects.toThrow('ECONNRESET');
  });

  it.each([
    ['is gone', () => store.delete(key)],
    ['is not what its digest says', () => store.set(key, 'network: other\n')],
  ])('is not known where the text %s', async (_, change) => {
    const program = await keep();
    change();
    expect(await readProgram(store, 'example', program)).toBeUndefined();
  });

  it('is of its network alone', async () => {
    expect(await readProgram(store, 'example-two', await keep())).toBeUndefined();
  });

  it('cannot be read where the bucket does not answer, which is not that it is gone', async () => {
    const program = await keep();
    const hooked = new HookedStore(store);
    void breakAt(hooked, 1, 'the call fails');
    await expect(readProgram(hooked, 'example', program)).rejects.toThrow('ECONNRESET');
  });
});
