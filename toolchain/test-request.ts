import { existsSync } from 'node:fs';
import path from 'node:path';
import { script } from '../orchestrator/domain/command.ts';

/** A part of all tests, as in `2/3`. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

export type TestRequest =
  /** Files that were named, by vitest alone: no checks, and nothing is provided beforehand. */
  | { readonly kind: 'files'; readonly all: boolean; readonly vitest: readonly string[] }
  /** What each push runs, or a part of it. */
  | { readonly kind: 'push'; readonly vitest: readonly string[] }
  /** Everything. The counts are kept only where nothing narrows the shard: others would pass for the whole of it. */
  | { readonly kind: 'all'; readonly shard: Shard; readonly results: string | undefined; readonly vitest: readonly string[] }
  | { readonly kind: 'sum'; readonly results: string | undefined }
  | { readonly kind: 'refused'; readonly why: string };

export const usageOfAll = `${script('test:all')} -- [--shard I/N] [--results DIR] [--sum] [what vitest takes]`;

/**
 * What is wanted by the arguments of `npm test` and of `npm run test:all`, which is `--all`. Whatever is not ours is vitest's.
 * @param root folder of the project
 */
export function readTestRequest(args: readonly string[], root: string): TestRequest {
  const rest = args.filter((arg) => arg !== '--all');
  const all = rest.length < args.length;
  if (!all) return isOfFiles(rest, root) ? { kind: 'files', all, vitest: rest } : { kind: 'push', vitest: rest };

  const own = new Map<string, string>();
  const vitest: string[] = [];
  for (let at = 0; at < rest.length; at += 1) {
    const [, name = '', inline] = /^(--shard|--results|--sum)(?:=(.*))?$/.exec(rest[at] ?? '') ?? [];
    if (name === '') vitest.push(rest[at] ?? '');
    else if (name === '--sum') own.set(name, '');
    else {
      const value = inline ?? rest[(at += 1)];
      if (value === undefined || value === '') return { kind: 'refused', why: `${name} has no value. ${usageOfAll}` };
      own.set(name, value);
    }
  }
  const results = own.get('--results');
  if (own.has('--sum')) return { kind: 'sum', results };
  if (isOfFiles(vitest, root)) return { kind: 'files', all, vitest };
  const shard = readShard(own.get('--shard') ?? '1/1');
  if (!shard) return { kind: 'refused', why: `--shard is I/N, as in 2/3, and not ${own.get('--shard') ?? ''}. ${usageOfAll}` };
  return { kind: 'all', shard, results, vitest };
}

export function readShard(text: string): Shard | undefined {
  const [, index, of] = /^([1-9]\d?)\/([1-9]\d?)$/.exec(text) ?? [];
  const shard = { index: Number(index), of: Number(of) };
  return shard.index <= shard.of ? shard : undefined;
}

/** Every nth of a list, so that neighbours, which take about as long as one another, are spread over the shards. */
export const shardOf = <Case>(cases: readonly Case[], { index, of }: Shard): readonly Case[] =>
  cases.filter((_, at) => at % of === index - 1);

/** A path below `test/`, of a file or a folder. Other arguments that are no options are the values of options, or parts of names. */
const isOfFiles = (args: readonly string[], root: string): boolean =>
  args.some((arg) => /^(\.\/)?test\//.test(arg) && existsSync(path.join(root, arg)));
