import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readTestRequest, shardOf } from '../../toolchain/test-request.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (...args: string[]) => readTestRequest(args, root);
const thisFile = 'test/unit/toolchain-test-request.test.ts';

describe('npm test', () => {
  it('runs the checks and what each push runs if nothing is named', () => {
    expect(read()).toEqual({ kind: 'push', vitest: [] });
  });

  it('still runs the checks if only options of vitest narrow it', () => {
    expect(read('--project', 'unit', '-t', 'a name')).toEqual({ kind: 'push', vitest: ['--project', 'unit', '-t', 'a name'] });
  });

  it.each([
    ['a file', [thisFile]],
    ['a file written with ./', [`./${thisFile}`]],
    ['a folder', ['test/unit/properties']],
    ['a file beside options', ['--project', 'unit', thisFile, '-t', 'a name']],
  ])('runs only vitest if %s is named', (_, args) => {
    expect(read(...args)).toEqual({ kind: 'files', all: false, vitest: args });
  });

  it('runs the checks if what looks like a file is none, so that a misspelt name is not a quick success', () => {
    expect(read('test/unit/no-such.test.ts')).toMatchObject({ kind: 'push' });
  });
});

describe('npm run test:all', () => {
  it('is one shard, whose results go to the cache folder, if nothing is said', () => {
    expect(read('--all')).toEqual({ kind: 'all', shard: { index: 1, of: 1 }, results: undefined, vitest: [] });
  });

  it.each([[['--shard', '2/3', '--results', '/elsewhere']], [['--results=/elsewhere', '--shard=2/3']]])(
    'takes its shard and its folder of results: %j',
    (args) => {
      expect(read('--all', ...args)).toEqual({ kind: 'all', shard: { index: 2, of: 3 }, results: '/elsewhere', vitest: [] });
    },
  );

  it('leaves to vitest what is not its own', () => {
    expect(read('--all', '--project', 'unit', '--shard', '1/2')).toMatchObject({ vitest: ['--project', 'unit'] });
  });

  it('runs the night cases of a file that is named, without checks', () => {
    expect(read('--all', thisFile)).toEqual({ kind: 'files', all: true, vitest: [thisFile] });
  });

  it('sums up what the shards have left', () => {
    expect(read('--all', '--sum', '--results', '/elsewhere')).toEqual({ kind: 'sum', results: '/elsewhere' });
  });

  it.each(['0/3', '4/3', '1', '1/0', 'a/b', '1/3/5'])('refuses %s as a shard', (shard) => {
    expect(read('--all', '--shard', shard)).toMatchObject({ kind: 'refused', why: expect.stringContaining(shard) as string });
  });

  it.each(['--shard', '--results'])('refuses %s without a value', (option) => {
    expect(read('--all', option)).toMatchObject({ kind: 'refused', why: expect.stringContaining(option) as string });
  });
});

describe('the shards of a list', () => {
  it('are all of it together, each case once, and of the same length but for one', () => {
    const cases = Array.from({ length: 11 }, (_, nth) => nth);
    const shards = [1, 2, 3].map((index) => shardOf(cases, { index, of: 3 }));
    expect(shards.flat().toSorted((a, b) => a - b)).toEqual(cases);
    expect(shards.map(({ length }) => length)).toEqual([4, 4, 3]);
  });
});
