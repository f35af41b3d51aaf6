import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { recallFailure, rememberFailure } from '../../toolchain/remembered-failure.ts';

const hourMs = 60 * 60 * 1000;
const failure = { site: 'https://get.pulumi.com', atMs: 1_000 * hourMs, detail: 'no answer within 5 s' };

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'holdfast-failure-'));
  file = path.join(folder, 'aws-plugin', 'download-failed.json');
});
afterEach(async () => await rm(folder, { recursive: true }));

test('a failed download is remembered for a day', async () => {
  await rememberFailure(file, failure);
  expect(await recallFailure(file, failure.atMs + 23 * hourMs)).toEqual(failure);
});

test('after a day it is tried again', async () => {
  await rememberFailure(file, failure);
  expect(await recallFailure(file, failure.atMs + 24 * hourMs)).toBeUndefined();
});

test('a failure of the future is of a clock that was wrong', async () => {
  await rememberFailure(file, failure);
  expect(await recallFailure(file, failure.atMs - 1)).toBeUndefined();
});

test('a file that holds something else is no failure', async () => {
  await rememberFailure(file, failure);
  await writeFile(file, '{"atMs":');
  expect(await recallFailure(file, failure.atMs)).toBeUndefined();
});
