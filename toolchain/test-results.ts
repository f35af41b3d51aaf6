import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Shard } from './test-request.ts';

const countsSchema = z.object({
  passed: z.int().nonnegative(),
  failed: z.int().nonnegative(),
  skipped: z.int().nonnegative(),
  /** Names of the tests that failed. */
  failures: z.array(z.string()),
  /** Seconds that each file took, those that took longest first. */
  files: z.array(z.object({ file: z.string(), seconds: z.number() })),
});

/** What a run of vitest has come to (test/closing-line.ts writes it). */
export type Counts = z.infer<typeof countsSchema>;

const resultSchema = countsSchema.extend({ index: z.int(), of: z.int(), ended: z.iso.datetime() });

/** What a shard has come to, at one commit. */
export type ShardResult = z.infer<typeof resultSchema>;

export const readCounts = async (file: string): Promise<Counts> => countsSchema.parse(JSON.parse(await readFile(file, 'utf8')));

const nameOf = ({ index, of }: Shard): string => `shard-${index}-of-${of}.json`;

/** Before a shard runs: what an earlier run of it came to says nothing about this one, which may not come to its end. */
export const forgetResult = (folder: string, shard: Shard): Promise<void> => rm(path.join(folder, nameOf(shard)), { force: true });

export async function keepResult(folder: string, result: ShardResult): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, nameOf(result));
  await writeFile(`${file}.new`, `${JSON.stringify(result, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
}

export async function readResults(folder: string): Promise<readonly ShardResult[]> {
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => /^shard-\d+-of-\d+\.json$/.test(name));
  return await Promise.all(files.map(async (name) => resultSchema.parse(JSON.parse(await readFile(path.join(folder, name), 'utf8')))));
}

export type Sum =
  | {
      readonly kind: 'sum';
      readonly passed: number;
      readonly failed: number;
      readonly skipped: number;
      readonly failures: readonly string[];
    }
  /** Shards that have no result, of as many as the newest result is one of; `of` 0: there is none at all. */
  | { readonly kind: 'missing'; readonly shards: readonly number[]; readonly of: number };

/** Only every shard together is all tests. Where results of several divisions are there, the one of the newest result counts. */
export function sumOf(results: readonly ShardResult[]): Sum {
  const newest = results.toSorted((a, b) => b.ended.localeCompare(a.ended))[0];
  if (!newest) return { kind: 'missing', shards: [], of: 0 };
  const { of } = newest;
  const ofThese = results.filter((result) => result.of === of);
  const shards = Array.from({ length: of }, (_, before) => before + 1).filter((index) => !ofThese.some((result) => result.index === index));
  if (shards.length > 0) return { kind: 'missing', shards, of };
  const total = (count: 'passed' | 'failed' | 'skipped'): number => ofThese.reduce((sum, result) => sum + result[count], 0);
  return {
    kind: 'sum',
    passed: total('passed'),
    failed: total('failed'),
    skipped: total('skipped'),
    failures: ofThese.flatMap(({ failures }) => failures),
  };
}

export const closingLine = ({ passed, failed, skipped }: Pick<Counts, 'passed' | 'failed' | 'skipped'>): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;
