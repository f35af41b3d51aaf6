import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withBuildLock } from '../../toolchain/build-lock.ts';
import { isAlive, ownIdentity } from '../../toolchain/process-identity.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), 'holdfast-lock-'))));
afterEach(async () => await rm(folder, { recursive: true }));

/** A promise that the test settles itself. */
function gate() {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

/** The ticket of a process that the test only claims to be there. */
async function ticketOf(pid: number, state = 'waiting', number = 1): Promise<void> {
  await writeFile(path.join(folder, [state, number, pid, 'then', 'a-nonce'].join('~')), '');
}

test('only one works at a time', async () => {
  let working = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++working);
    await new Promise((resolve) => setImmediate(resolve));
    working--;
  };
  await Promise.all(Array.from({ length: 8 }, async () => await withBuildLock({ folder }, work)));
  expect(most).toBe(1);
});

test('a waiter is told whom it waits for, and works when that one has ended', async () => {
  const waiting = gate();
  const order: string[] = [];
  const onWait = (pid: number): void => {
    order.push(`waits for ${pid === process.pid ? 'us' : pid}`);
    waiting.open();
  };
  const second = await withBuildLock({ folder }, async () => {
    const done = withBuildLock({ folder, onWait }, () => Promise.resolve(order.push('second')));
    await waiting.opened;
    order.push('first');
    return { done };
  });
  await second.done;
  expect(order).toEqual(['waits for us', 'first', 'second']);
});

test.each(['waiting', 'choosing'])('the ticket of a dead process, %s, holds nobody up and is removed', async (state) => {
  await ticketOf(4711, state);
  const seen = await withBuildLock({ folder, isAlive: ({ pid }) => Promise.resolve(pid !== 4711) }, async () => await readdir(folder));
  expect(seen.filter((name) => name.includes('~4711~'))).toEqual([]);
});

test('a process of the same number that started at another time is another process', async () => {
  await ticketOf(process.pid);
  await expect(withBuildLock({ folder }, () => Promise.resolve('worked'))).resolves.toBe('worked');
});

test('an owner that dies while it is waited for is noticed', async () => {
  await ticketOf(4711);
  let alive = true;
  const settings = { folder, isAlive: () => Promise.resolve(alive), onWait: () => (alive = false) };
  await expect(withBuildLock(settings, () => Promise.resolve('worked'))).resolves.toBe('worked');
});

test('work that fails gives the lock back', async () => {
  await expect(withBuildLock({ folder }, () => Promise.reject(new Error('no disk')))).rejects.toThrow('no disk');
  expect(await readdir(folder)).toEqual([]);
});

test('this process is alive by its own identity', async () => {
  expect(await isAlive(await ownIdentity())).toBe(true);
});
