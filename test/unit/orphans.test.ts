import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { EngineProcessesLeft, endEngineProcesses, findEngineProcesses, markedEnvironment } from '../../orchestrator/pulumi/orphans.ts';
import type { EngineProcess, ProcessTable } from '../../orchestrator/pulumi/orphans.ts';
import { anyProcess, identityOf, isAlive, machineIdentity, ownIdentity, startedFromHere } from '../../toolchain/process-identity.ts';
import type { ProcessIdentity } from '../../toolchain/process-identity.ts';

const idOf = ({ pid, startedAt }: ProcessIdentity): string => `${pid} of ${startedAt}`;

/** A process table of the test's own; what is killed is gone, but for `undying`. */
class Table implements ProcessTable {
  readonly killed: number[] = [];
  readonly #found: ProcessIdentity[];
  readonly #alive: Set<string>;
  readonly #undying: boolean;
  #clockMs = 0;

  constructor({ found, alive = found, undying = false }: { found: ProcessIdentity[]; alive?: ProcessIdentity[]; undying?: boolean }) {
    this.#found = found;
    this.#alive = new Set(alive.map(idOf));
    this.#undying = undying;
  }

  readonly find = (): Promise<EngineProcess[]> => Promise.resolve(this.#found.splice(0).map((each) => ({ ...each, owner: gone })));
  readonly isAlive = (identity: ProcessIdentity) => Promise.resolve(this.#alive.has(idOf(identity)));
  readonly kill = (pid: number): void => {
    this.killed.push(pid);
    if (!this.#undying) for (const id of this.#alive) if (id.startsWith(`${pid} `)) this.#alive.delete(id);
  };
  readonly nowMs = () => (this.#clockMs += 4000);
}

/** The orchestrator of all of them. */
const gone: ProcessIdentity = { pid: 2 ** 22 + 1, startedAt: 'then' };

const then = (pid: number): ProcessIdentity => ({ pid, startedAt: 'then' });
const later = (pid: number): ProcessIdentity => ({ pid, startedAt: 'later' });

test('all that was found is ended, in the order in which it was started', async () => {
  const table = new Table({ found: [then(12), then(11)] });
  expect((await endEngineProcesses('m', anyProcess, table)).map(({ pid }) => pid)).toEqual([12, 11]);
  expect(table.killed).toEqual([12, 11]);
});

test('a number that another process has by now is not touched', async () => {
  const table = new Table({ found: [then(11), then(12)], alive: [later(11), then(12)] });
  expect((await endEngineProcesses('m', anyProcess, table)).map(({ pid }) => pid)).toEqual([12]);
  expect(table.killed).toEqual([12]);
});

test('this process is never ended, whatever it was started under', async () => {
  const table = new Table({ found: [await ownIdentity()] });
  expect(await endEngineProcesses('m', anyProcess, table)).toEqual([]);
  expect(table.killed).toEqual([]);
});

test('what is started after the first look is ended too', async () => {
  const table = new Table({ found: [then(11)], alive: [then(11), then(12)] });
  const looks = [[then(11)], [then(12)], []];
  const ended = await endEngineProcesses('m', anyProcess, {
    find: () => Promise.resolve((looks.shift() ?? []).map((each) => ({ ...each, owner: gone }))),
    isAlive: table.isAlive,
    kill: table.kill,
    nowMs: table.nowMs,
  });
  expect(ended.map(({ pid }) => pid)).toEqual([11, 12]);
});

test('nothing is ended where one of them does not say whose it is', async () => {
  const table = new Table({ found: [] });
  const looks: EngineProcess[][] = [[{ ...then(11), owner: gone }, then(12)]];
  const ending = endEngineProcesses('m', anyProcess, {
    find: () => Promise.resolve(looks.shift() ?? []),
    isAlive: table.isAlive,
    kill: table.kill,
    nowMs: table.nowMs,
  });
  await expect(ending).rejects.toThrow(/process 12 .* does not say which orchestrator started it/);
  expect(table.killed).toEqual([]);
});

test('a process that does not end is named, after 10 s', async () => {
  const table = new Table({ found: [then(4711)], undying: true });
  const ending = endEngineProcesses('m', anyProcess, table);
  await expect(ending).rejects.toThrow(EngineProcessesLeft);
  await expect(ending).rejects.toThrow(/4711.* 10 s/);
});

const children: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A real process, under a marker as an engine is. */
async function marked(marker: string): Promise<ProcessIdentity> {
  const child = spawn('sleep', ['600'], { env: { ...process.env, ...markedEnvironment(marker, gone) }, detached: true });
  children.push(child);
  await once(child, 'spawn');
  const identity = await identityOf(child.pid ?? 0);
  if (!identity) throw new Error('the process is not there');
  return identity;
}

const marker = `test-${process.pid}`;

test.runIf(process.platform === 'linux')('a marker finds its own processes and those under it, and no other', async () => {
  const found = [await marked(marker), await marked(`${marker}/example.vpc.a/1`)];
  await marked(`${marker}-b`);
  expect((await findEngineProcesses(marker, await startedFromHere())).map(idOf).sort()).toEqual(found.map(idOf).sort());
});

test.runIf(process.platform === 'linux')('processes that are ended are gone, and the others stay', async () => {
  const [mine, other] = [await marked(`${marker}/a`), await marked(`${marker}/b`)];
  expect((await endEngineProcesses(`${marker}/a`, await startedFromHere())).map(idOf)).toEqual([mine].map(idOf));
  expect([await isAlive(mine), await isAlive(other)]).toEqual([false, true]);
});

test('the machine is the same whenever it is asked', async () => {
  expect(await machineIdentity()).toBe(await machineIdentity());
});
