import { describe, expect, it } from 'vitest';
import { joinRun } from '../../orchestrator/cli/shared-run.ts';
import type { SharedPartOfRun } from '../../orchestrator/cli/shared-run.ts';
import { Refusal } from '../../orchestrator/domain/problem.ts';
import type { RunEvent, StackEnd, StackResult } from '../../orchestrator/run/events.ts';
import { noChanges } from '../../orchestrator/run/events.ts';
import { outcomesOf, readSharedParts } from '../../orchestrator/run/shared-run.ts';
import { latestSharedRunKey, sharedPartKey } from '../../orchestrator/state/layout.ts';
import { styleFor } from '../../orchestrator/ui/reporter.ts';
import { describeParts } from '../../orchestrator/ui/runs.ts';
import { HookedStore } from './support/hooked-store.ts';
import { MemoryStore } from './support/memory-store.ts';

const network = 'example';
const nodes = [
  { name: 'example.gateway', short: 'gateway', upstreams: [] },
  { name: 'example.vpc.a', short: 'vpc.a', upstreams: ['example.gateway'] },
  { name: 'example.vpc.b', short: 'vpc.b', upstreams: ['example.gateway'] },
  { name: 'example.tables.a', short: 'tables.a', upstreams: ['example.gateway', 'example.vpc.a'] },
  { name: 'example.tables.b', short: 'tables.b', upstreams: ['example.gateway', 'example.vpc.b'] },
];

let minute = 0;
/** Ids of runs start with their time. */
const runId = (): string => `20300101T14${String((minute += 1)).padStart(2, '0')}00Z-aaaa1111`;

const settingsOf = (store: MemoryStore | HookedStore, name: string, stacks: readonly string[]) => ({
  store,
  network,
  name,
  run: runId(),
  stacks: stacks.map((short) => `example.${short}`),
  patienceSeconds: 0,
  now: () => Date.parse('2030-01-01T14:05:58Z'),
});

async function join(store: MemoryStore | HookedStore, name: string, ...stacks: readonly string[]): Promise<SharedPartOfRun> {
  const joined = await joinRun(settingsOf(store, name, stacks));
  if (joined instanceof Refusal) throw joined;
  return joined;
}

const ends = (ended: Readonly<Record<string, StackEnd>>): StackResult[] =>
  Object.entries(ended).map(([short, end]) => ({ stack: `example.${short}`, short, end, seconds: 1 }));

const applied: StackEnd = { outcome: 'applied', counts: noChanges };
const failed: StackEnd = { outcome: 'failed', errors: ['no'] };
const heldEnd: StackEnd = { outcome: 'held', errors: ['unknown'] };

const never = (event: RunEvent): void => {
  throw new Error(`told: ${JSON.stringify(event)}`);
};

const waitingOf = (part: SharedPartOfRun, ...stacks: readonly string[]) => {
  const { ends: skipped, exitCode } = part.waiting(nodes, new Set(stacks.map((short) => `example.${short}`)));
  return {
    skipped: Object.fromEntries(skipped.map(({ short, end }) => [short, end.outcome === 'skipped' ? end.because : end.outcome])),
    exitCode,
  };
};

describe('a part of a run that several processes share', () => {
  it.each<readonly [string, StackEnd]>([
    ['was applied', applied],
    ['was unchanged', { outcome: 'unchanged' }],
  ])('goes on where what it reads %s', async (_, end) => {
    const store = new MemoryStore();
    await (await join(store, 'gh-1', 'gateway')).end(ends({ gateway: end }), never);
    expect(waitingOf(await join(store, 'gh-1', 'vpc.a', 'vpc.b'), 'vpc.a', 'vpc.b')).toEqual({ skipped: {}, exitCode: 0 });
  });

  it.each<readonly [StackEnd, string]>([
    [failed, 'gateway failed in run gh-1'],
    [heldEnd, 'gateway is held in run gh-1'],
    [{ outcome: 'undecided', questions: [] }, 'gateway is held in run gh-1'],
    [{ outcome: 'locked', message: '' }, 'gateway is locked by someone else in run gh-1'],
    [{ outcome: 'skipped', because: '' }, 'gateway was skipped in run gh-1'],
    [{ outcome: 'not-started', reason: 'stopped', because: '' }, 'gateway was not started in run gh-1'],
    // Its state is known again; that all of it was done is not.
    [{ outcome: 'recovered', said: '' }, 'gateway ended in run gh-1'],
  ])('leaves out what stands on one that ended otherwise: %j', async (end, because) => {
    const store = new MemoryStore();
    await (await join(store, 'gh-1', 'gateway')).end(ends({ gateway: end }), never);
    expect(waitingOf(await join(store, 'gh-1', 'vpc.a'), 'vpc.a')).toEqual({ skipped: { 'vpc.a': because }, exitCode: 3 });
  });

  it('leaves out what stands on a part that has not ended, or was never begun', async () => {
    const store = new MemoryStore();
    await join(store, 'gh-1', 'vpc.a');
    expect(waitingOf(await join(store, 'gh-1', 'tables.a'), 'tables.a').skipped).toEqual({
      'tables.a': 'gateway has not ended in run gh-1',
    });
  });

  it('does the rest of its stacks', async () => {
    const store = new MemoryStore();
    await (await join(store, 'gh-1', 'gateway')).end(ends({ gateway: applied }), never);
    await (await join(store, 'gh-1', 'vpc.a', 'vpc.b')).end(ends({ 'vpc.a': applied, 'vpc.b': failed }), never);
    expect(waitingOf(await join(store, 'gh-1', 'tables.a', 'tables.b'), 'tables.a', 'tables.b').skipped).toEqual({
      'tables.b': 'vpc.b failed in run gh-1',
    });
  });

  it('asks nobody for what it deploys itself, and leaves out what stands on what it leaves out', async () => {
    const store = new MemoryStore();
    expect(waitingOf(await join(store, 'gh-1', 'gateway', 'vpc.a'), 'gateway', 'vpc.a').skipped).toEqual({});
    expect(waitingOf(await join(store, 'gh-2', 'vpc.a', 'tables.a'), 'vpc.a', 'tables.a').skipped).toEqual({
      'vpc.a': 'gateway has not ended in run gh-2',
      'tables.a': 'gateway has not ended in run gh-2',
    });
  });

  it('has the last word of a job that is run again, also while that is at work', async () => {
    const store = new MemoryStore();
    await (await join(store, 'gh-1', 'gateway')).end(ends({ gateway: failed }), never);
    const again = await join(store, 'gh-1', 'gateway');
    expect(outcomesOf(await readSharedParts(store, network, 'gh-1'))).toEqual(new Map([['example.gateway', 'not-ended']]));
    await again.end(ends({ gateway: applied }), never);
    expect(outcomesOf(await readSharedParts(store, network, 'gh-1'))).toEqual(new Map([['example.gateway', 'applied']]));
  });

  it('does not take the ends of another name for its own', async () => {
    const store = new MemoryStore();
    await (await join(store, 'gh-1', 'gateway')).end(ends({ gateway: applied }), never);
    expect(waitingOf(await join(store, 'gh-11', 'vpc.a'), 'vpc.a').exitCode).toBe(3);
  });

  it('tells where its end could not be written down, with what to do', async () => {
    const store = new HookedStore(new MemoryStore());
    const part = await join(store, 'gh-1', 'gateway');
    store.before = () => Promise.reject(new Error('ECONNRESET'));
    const told: RunEvent[] = [];
    await part.end(ends({ gateway: applied }), (event) => told.push(event));
    expect(told).toEqual([
      {
        type: 'note',
        message:
          'How these stacks ended could not be written down for run gh-1 (ECONNRESET). What comes after them waits: run this command again.',
      },
    ]);
  });

  it('is not joined where the bucket fails, or what stands there cannot be read', async () => {
    const failing = new HookedStore(new MemoryStore());
    failing.before = () => Promise.reject(new Error('ECONNRESET'));
    const broken = new MemoryStore();
    broken.set(latestSharedRunKey(network), '{');
    for (const [store, why] of [
      [failing, 'ECONNRESET'],
      [broken, `${latestSharedRunKey(network)}: it is not JSON`],
    ] as const) {
      const refusal = await joinRun(settingsOf(store, 'gh-1', ['gateway']));
      expect(refusal).toMatchObject({ exitCode: 3, problems: [{ message: `run gh-1 could not be joined: ${why}` }] });
    }
  });

  it('is not joined where the end of another part cannot be read', async () => {
    const store = new MemoryStore();
    await join(store, 'gh-1', 'gateway');
    store.set(sharedPartKey(network, 'gh-1', 'other', 'ended'), { schema: 99 });
    expect(await joinRun(settingsOf(store, 'gh-1', ['vpc.a']))).toMatchObject({ exitCode: 3 });
  });
});

describe('of two runs that share nothing', () => {
  it('the older one is not gone on with, not even by a job that has not begun', async () => {
    const store = new MemoryStore();
    const old = await join(store, 'gh-1', 'gateway');
    expect(await old.run.overtaken()).toBeUndefined();
    await join(store, 'gh-2', 'gateway');
    const overtaken = 'run gh-1 was overtaken by run gh-2, which began at 2030-01-01T14:05:58.000Z';
    expect(await old.run.overtaken()).toBe(overtaken);
    await expect(joinRun(settingsOf(store, 'gh-1', ['vpc.a']))).rejects.toMatchObject({
      exitCode: 6,
      problems: [{ reason: 'overtaken', message: `${overtaken}; nothing more of it is deployed` }],
    });
  });

  it('an older one is known, however many came since, and whether or not it has written a part', async () => {
    const store = new MemoryStore();
    for (let n = 1; n <= 130; n += 1) await join(store, `gh-${n}`, 'gateway');
    for (const key of store.keys()) if (key.includes('/gh-100/')) store.delete(key);
    for (const name of ['gh-1', 'gh-100', 'gh-129'])
      await expect(joinRun(settingsOf(store, name, []))).rejects.toMatchObject({ exitCode: 6 });
    await expect(join(store, 'gh-130', 'vpc.a')).resolves.toBeDefined();
  });

  it('that begin at once one overtakes the other', async () => {
    const store = new MemoryStore();
    const [one, two] = await Promise.all([join(store, 'one', 'gateway'), join(store, 'two', 'gateway')]);
    const overtaken = [await one.run.overtaken(), await two.run.overtaken()];
    expect(overtaken.filter((word) => word === undefined).length).toBe(1);
  });

  it('of one name that begin at once both are parts of it', async () => {
    const store = new MemoryStore();
    await Promise.all([join(store, 'gh-1', 'vpc.a'), join(store, 'gh-1', 'vpc.b')]);
    expect((await readSharedParts(store, network, 'gh-1')).map(({ stacks }) => stacks)).toHaveLength(2);
  });
});

describe('a shared run, as a person reads it', () => {
  it('has its parts, what became of the stacks, and what is not well', async () => {
    const store = new MemoryStore();
    await (await join(store, 'gh-1', 'gateway')).end(ends({ gateway: applied }), never);
    await (await join(store, 'gh-1', 'vpc.a', 'vpc.b')).end(ends({ 'vpc.a': { outcome: 'unchanged' }, 'vpc.b': heldEnd }), never);
    await join(store, 'gh-1', 'tables.a');
    const text = describeParts(
      'gh-1',
      await readSharedParts(store, network, 'gh-1'),
      styleFor({ write: () => true }, {}),
      Date.parse('2030-01-01T14:10:00Z'),
    );
    expect(text).toContain('gh-1  3 parts, 4 stacks: 1 applied, 1 unchanged, 1 held, 1 not-ended');
    expect(text).toMatch(/ 1 unchanged, 1 held +vpc\.a, vpc\.b/);
    expect(text).toMatch(/ no end known +tables\.a/);
    expect(text).toContain('  vpc.b is held\n  tables.a has not ended\n');
  });
});
