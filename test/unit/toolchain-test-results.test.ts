import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { closingLine, forgetResult, keepResult, readResults, sumOf } from '../../toolchain/test-results.ts';
import type { ShardResult } from '../../toolchain/test-results.ts';

const result = (index: number, of: number, more: Partial<ShardResult> = {}): ShardResult => ({
  index,
  of,
  passed: 10 * index,
  failed: 0,
  skipped: index,
  failures: [],
  files: [{ file: 'test/unit/a.test.ts', seconds: 1.5 }],
  ended: `2026-01-0${index}T00:00:00.000Z`,
  ...more,
});

describe('the sum of the shards', () => {
  it('adds up what every shard counted', () => {
    const sum = sumOf([result(2, 3), result(1, 3), result(3, 3, { failed: 1, failures: ['a > b'] })]);
    expect(sum).toEqual({ kind: 'sum', passed: 60, failed: 1, skipped: 6, failures: ['a > b'] });
    expect(sum.kind === 'sum' && closingLine(sum)).toBe('60 passed, 1 failed, 6 skipped');
  });

  it('is refused if a shard is missing, and names it', () => {
    expect(sumOf([result(1, 3), result(3, 3)])).toEqual({ kind: 'missing', shards: [2], of: 3 });
  });

  it('is refused if no shard was run', () => {
    expect(sumOf([])).toEqual({ kind: 'missing', shards: [], of: 0 });
  });

  it('does not take a shard of another division for a missing one', () => {
    const older = { ended: '2025-12-31T00:00:00.000Z' };
    expect(sumOf([result(1, 2, older), result(2, 2, older), result(1, 3)])).toEqual({ kind: 'missing', shards: [2, 3], of: 3 });
    expect(sumOf([result(2, 3, older), result(1, 2), result(2, 2)])).toMatchObject({ kind: 'sum', passed: 30 });
  });
});

describe('the result of a shard', () => {
  const folder = async (): Promise<string> => {
    const made = await mkdtemp(join(tmpdir(), 'holdfast-results-'));
    onTestFinished(() => rm(made, { recursive: true }));
    return made;
  };

  it('is read back as it was kept, and the last one of a shard counts', async () => {
    const at = join(await folder(), 'of a commit');
    await keepResult(at, result(1, 2));
    await keepResult(at, result(2, 2));
    await keepResult(at, result(1, 2, { passed: 11 }));
    expect((await readResults(at)).toSorted((a, b) => a.index - b.index)).toEqual([result(1, 2, { passed: 11 }), result(2, 2)]);
  });

  it('is gone once the shard is run again, so that a run that breaks off does not count with what an earlier one passed', async () => {
    const at = await folder();
    await keepResult(at, result(1, 1));
    await forgetResult(at, { index: 1, of: 1 });
    expect(sumOf(await readResults(at))).toMatchObject({ kind: 'missing' });
  });

  it('is not there where no shard was ever run', async () => {
    expect(await readResults(join(await folder(), 'none'))).toEqual([]);
  });

  it('that is no result is an error, and no shard that passed', async () => {
    const at = await folder();
    await writeFile(join(at, 'shard-1-of-1.json'), '{"passed":1}');
    await expect(readResults(at)).rejects.toThrow();
  });
});
