import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { JournalUnavailable } from '../../orchestrator/journal/journal.ts';
import { digestOf } from '../../orchestrator/run/fingerprint.ts';
import type { OutputDigest } from '../../orchestrator/run/fingerprint.ts';
import { Settled } from '../../orchestrator/run/settled.ts';
import { readIndex } from '../../orchestrator/state/index-of-stacks.ts';
import type { IndexEntry } from '../../orchestrator/state/index-of-stacks.ts';
import { checkpointKey, durableLockKey, recordKey } from '../../orchestrator/state/layout.ts';
import { writeLock } from '../../orchestrator/locks/lock-record.ts';
import { ApplyRig, closeGateway, sessionWith } from './support/apply-rig.ts';
import type { Play } from './support/apply-rig.ts';
import { deferred, settled } from './support/deferred.ts';
import { refusedBy } from './support/fake-engine.ts';
import { isOpen } from '../../orchestrator/ownership/stack-record.ts';
import { ownedRecord, putRecord } from './support/records.ts';
import { lockOf } from './support/owner.ts';

let rig: ApplyRig;
beforeEach(() => {
  rig = new ApplyRig();
});

afterAll(closeGateway);

const applied = { outcome: 'applied' };

/** AWS plainly refuses the create: the stack fails, and nothing is in doubt. */
const refused: Play = async (engine) => (await engine.fail('vpc', refusedBy('CreateVpc', 'UnauthorizedOperation', 403))).end();
/** The end of the create is never seen. */
const unknown: Play = async (engine) => (await engine.begin('vpc')).end();
const waitingFor =
  (gate: Promise<void>): Play =>
  async (engine) => {
    await gate;
    return (await engine.create('vpc')).end();
  };

/** Until so many engines were started. */
async function untilStarted(count: number): Promise<void> {
  while (rig.started.length < count) await settled();
  for (let turn = 0; turn < 5; turn += 1) await settled();
}

describe('a run in which all goes well', () => {
  it('applies each stack after what it reads, releases every lock and is done', async () => {
    const { ends, exitCode } = await rig.stack('gateway').stack('vpc', ['gateway']).stack('tables', ['gateway', 'vpc']).apply();
    expect(rig.started).toEqual(['gateway', 'vpc', 'tables']);
    expect(ends).toMatchObject({ gateway: applied, vpc: applied, tables: applied });
    expect([exitCode, rig.locked()]).toEqual([0, []]);
  });

  it('has a lock on a stack while its engine runs, and on none that waits for it', async () => {
    const seen: string[][] = [];
    const looking: Play = async (engine) => {
      seen.push(rig.locked());
      return (await engine.create('vpc')).end();
    };
    await rig.stack('gateway', [], looking).stack('vpc', ['gateway'], looking).apply();
    expect(seen).toEqual([['gateway'], ['vpc']]);
  });

  it('takes no lock and starts no engine for what needs nothing', async () => {
    const { ends } = await rig.stack('gateway', [], undefined, { needed: false }).stack('vpc', ['gateway']).apply();
    expect([rig.started, ends['gateway']]).toEqual([['vpc'], { outcome: 'unchanged' }]);
    expect(rig.store.calls.filter(({ key }) => key === durableLockKey('example.gateway'))).toEqual([]);
  });

  it('works on at most so many at once', async () => {
    const gate = deferred();
    const slow = waitingFor(gate.promise);
    const run = rig.stack('a', [], slow).stack('b', [], slow).stack('c', [], slow).apply({ parallel: 2 });
    await untilStarted(2);
    expect(rig.started).toEqual(['a', 'b']);
    gate.resolve();
    await run;
    expect(rig.started).toEqual(['a', 'b', 'c']);
  });

  it('tells of every stack that it starts and that it ended', async () => {
    await rig.stack('gateway').stack('vpc', ['gateway'], undefined, { needed: false }).apply();
    expect(rig.events.map((event) => ('stack' in event ? `${event.type} ${event.stack}` : event.type))).toEqual([
      'stage-started',
      'stack-started example.gateway',
      'stack-ended example.gateway',
      'stack-ended example.vpc',
      'stage-ended',
    ]);
  });
});

describe('an engine that asks AWS first', () => {
  it('reads what the state refers to and the program no longer reads, and no other stack', async () => {
    rig.has('gateway');
    rig.has('member');
    rig.has('lone');
    rig.has('segment');
    await rig.refersTo('segment', 'member');
    const statuses: Record<string, number> = {};
    const reading: Play = async (engine) => {
      for (const short of ['gateway', 'member', 'lone']) statuses[short] = await engine.read(`example.${short}`);
      return (await engine.create('vpc')).end();
    };
    const { ends } = await rig.stack('segment', ['gateway'], reading).apply();
    expect([statuses, ends]).toMatchObject([{ gateway: 200, member: 200, lone: 404 }, { segment: applied }]);
  });
});

describe('a run of several passes', () => {
  const verified = async (short: string) => {
    const record = await rig.record(`example.${short}`);
    return record?.verified.kind === 'at' ? record.verified : undefined;
  };
  const more: Play = async (engine) => (await engine.create('subnet')).end();

  it('ends one before the next, and tells each stack once, with all that it came to', async () => {
    const told: string[] = [];
    const { ends, exitCode } = await rig
      .stack('gateway')
      .stack('vpc', ['gateway'])
      .further('contract')
      .stack('vpc', [], more)
      .stack('gateway', ['vpc'], more)
      .apply({ emit: (event) => (event.type === 'stack-ended' ? void told.push(event.stack) : undefined) });
    expect(rig.started).toEqual(['gateway', 'vpc', 'vpc', 'gateway']);
    expect(told).toEqual(['example.vpc', 'example.gateway']);
    expect([exitCode, rig.locked()]).toEqual([0, []]);
    expect(ends).toMatchObject({ gateway: { outcome: 'applied' }, vpc: { outcome: 'applied' } });
  });

  it('says in the record that a stack is unfinished until its last pass has ended', async () => {
    const seen: unknown[] = [];
    const looking: Play = async (engine) => {
      seen.push((await verified('vpc'))?.unfinished, (await verified('gateway'))?.unfinished);
      return more(engine);
    };
    await rig.stack('gateway').stack('vpc').further('contract').stack('vpc', [], looking).apply();
    expect(seen).toEqual(['up', undefined]);
    expect((await verified('vpc'))?.unfinished).toBeUndefined();
  });

  it('takes nothing away where something did not end well before, and leaves its stack unfinished', async () => {
    const { ends, exitCode } = await rig.stack('gateway').stack('vpc', [], refused).further('contract').stack('gateway', [], more).apply();
    expect(rig.started).toEqual(['gateway', 'vpc']);
    expect(ends).toMatchObject({ gateway: { outcome: 'skipped', because: 'vpc failed' }, vpc: { outcome: 'failed' } });
    expect((await verified('gateway'))?.unfinished).toBe('up');
    expect([exitCode, rig.locked()]).toEqual([1, []]);
  });

  it('goes on with what does not depend on a failed stack, but for what is taken away', async () => {
    await rig.stack('gateway').stack('vpc', [], refused).further('switch').stack('gateway').stack('vpc').apply();
    expect(rig.started).toEqual(['gateway', 'vpc', 'gateway']);
  });
});

describe('what a run leaves in the bucket', () => {
  const left = (): string[] => rig.bucket.keys().filter((key) => /^\.holdfast\/(open|heartbeats)\/|\/locks\//.test(key));

  it('is no lock and no heartbeat where it ended well', async () => {
    await rig.stack('a').stack('b', ['a']).apply();
    expect(left()).toEqual([]);
  });

  it('is nothing where it failed, and nothing is in doubt', async () => {
    await rig.stack('a', [], refused).apply();
    expect(left()).toEqual([]);
  });

  it('is the lock of a stack that is held, and no other', async () => {
    await rig.stack('a', [], unknown).stack('b').apply();
    expect(left()).toEqual([durableLockKey('example.a')]);
  });

  it('is how it ended, stack by stack', async () => {
    await rig.stack('a', [], refused).stack('b', ['a']).apply();
    expect((await rig.journaled()).ended).toMatchObject({
      exitCode: 1,
      ends: [
        { stack: 'example.a', outcome: 'failed', detail: 'failed' },
        { stack: 'example.b', outcome: 'skipped', detail: 'was skipped' },
      ],
    });
  });

  it('has a heartbeat while it runs', async () => {
    let seen: string[] = [];
    await rig
      .stack('a', [], async (engine) => {
        seen = rig.bucket.keys().filter((key) => key.includes('heartbeats'));
        return (await engine.create('vpc')).end();
      })
      .apply();
    expect(seen).toEqual(['.holdfast/heartbeats/example/mine.json']);
  });
});

describe('a run whose opening cannot be written down', () => {
  it.each(['run-opened'])('starts nothing, takes no lock and throws: %s', async (part) => {
    rig.store.before = ({ op, key }) => {
      if (op === 'put' && key.includes(part)) throw new Error('ECONNRESET');
    };
    await expect(rig.stack('a').apply()).rejects.toThrow(JournalUnavailable);
    expect([rig.started, rig.locked()]).toEqual([[], []]);
  });
});

describe('a failed stack', () => {
  const withFailure = (): ApplyRig =>
    rig
      .stack('gateway')
      .stack('vpc.a', ['gateway'], refused)
      .stack('vpc.b', ['gateway'])
      .stack('tables.a', ['gateway', 'vpc.a'])
      .stack('tables.b', ['gateway', 'vpc.b']);

  it('skips its dependents, which say why', async () => {
    const { ends } = await withFailure().apply();
    expect(ends['tables.a']).toEqual({ outcome: 'skipped', because: 'vpc.a failed' });
    expect(rig.started).not.toContain('tables.a');
  });

  it('skips what depends on a skipped one', async () => {
    const { ends } = await withFailure().stack('last', ['tables.a']).apply();
    expect(ends['last']).toEqual({ outcome: 'skipped', because: 'tables.a was skipped' });
  });

  it('stops nothing else', async () => {
    const { ends } = await withFailure().apply();
    expect(ends).toMatchObject({ gateway: applied, 'vpc.b': applied, 'tables.b': applied });
  });

  it('keeps the errors of the engine', async () => {
    const errors = [refusedBy('CreateVpc', 'UnauthorizedOperation', 403)];
    expect((await withFailure().apply()).ends['vpc.a']).toEqual({ outcome: 'failed', errors });
  });

  it('whose state is true gives back its lock', async () => {
    await withFailure().apply();
    expect(rig.locked()).toEqual([]);
  });

  it('ends the run with 1', async () => {
    expect((await withFailure().apply()).exitCode).toBe(1);
  });
});

describe('a held stack', () => {
  it('skips its dependents, and nothing else', async () => {
    const { ends, exitCode } = await rig.stack('vpc', [], unknown).stack('tables', ['vpc']).stack('other').apply();
    expect(ends).toMatchObject({ vpc: { outcome: 'held' }, tables: { outcome: 'skipped', because: 'vpc is held' }, other: applied });
    expect([exitCode, rig.locked()]).toEqual([4, ['vpc']]);
  });
});

describe('a lock that cannot be given back', () => {
  beforeEach(() => {
    rig.store.before = ({ op, key }) => {
      if (op === 'remove' && key === durableLockKey('example.a')) throw new Error('ECONNRESET');
    };
  });

  it('ends its stack as held, and says that the stack itself is verified', async () => {
    const { ends, exitCode } = await rig.stack('a').apply();
    expect(ends['a']).toEqual({
      outcome: 'held',
      errors: ['the lock could not be given back (ECONNRESET); the stack itself is verified, and the next run gives it back'],
    });
    expect([exitCode, rig.locked()]).toEqual([4, ['a']]);
  });

  it.each(['dead', 'elsewhere'] as const)('may be ended by anyone: %s', async (from) => {
    await rig.stack('a').apply();
    expect((await rig.standing('a', from)).kind).toBe('left');
  });

  it('does not end the run while other engines are at work', async () => {
    const gate = deferred();
    const run = rig.stack('a').stack('b', [], waitingFor(gate.promise)).apply();
    await untilStarted(2);
    gate.resolve();
    expect((await run).ends).toMatchObject({ a: { outcome: 'held' }, b: applied });
  });
});

describe('a run that is drained', () => {
  it('starts nothing new, lets end what runs, gives back every lock and ends with 130', async () => {
    const gate = deferred();
    const run = rig.stack('a', [], waitingFor(gate.promise)).stack('b').apply({ parallel: 1 });
    await untilStarted(1);
    rig.draining.abort('SIGTERM');
    gate.resolve();
    const { ends, exitCode } = await run;
    expect(ends).toMatchObject({ a: applied, b: { outcome: 'not-started', reason: 'stopped', because: 'stopped by a signal' } });
    expect([rig.started, exitCode, rig.locked()]).toEqual([['a'], 130, []]);
  });

  it('that leaves a stack held ends with 4', async () => {
    rig.stack('a', [], async (engine) => {
      rig.draining.abort('SIGINT');
      return (await engine.begin('vpc')).end();
    });
    expect((await rig.apply()).exitCode).toBe(4);
  });

  it('passes the second signal on to the engine, and not the first', async () => {
    const aborted: boolean[] = [];
    await rig
      .stack('a', [], async (engine) => {
        for (const each of [rig.draining, rig.interrupting]) {
          each.abort('SIGINT');
          aborted.push(engine.options.signal.aborted);
        }
        return (await engine.create('vpc')).end();
      })
      .apply();
    expect(aborted).toEqual([false, true]);
  });

  it('says in the journal which signals it got', async () => {
    await rig
      .stack('a', [], async (engine) => {
        rig.draining.abort('SIGTERM');
        rig.interrupting.abort('SIGINT');
        return (await engine.create('vpc')).end();
      })
      .apply();
    expect((await rig.journaled()).events.filter(({ type }) => type === 'stopping')).toMatchObject([
      { how: 'draining', signal: 'SIGTERM' },
      { how: 'interrupting', signal: 'SIGINT' },
    ]);
  });
});

describe('a session that is too short for the next stack', () => {
  it('is renewed where its source can, and the engine gets the new one', async () => {
    const session = sessionWith(400, 7200);
    let key: string | undefined;
    const { exitCode } = await rig
      .stack('a', [], async (engine) => {
        key = engine.options.environment['AWS_ACCESS_KEY_ID'];
        return (await engine.create('vpc')).end();
      })
      .apply({ session });
    expect([session.renewals(), key, exitCode]).toEqual([1, 'AKIA1', 0]);
  });

  it('is renewed already below the minimum, before it is too short', async () => {
    const session = sessionWith(1799, 7200);
    await rig.stack('a').apply({ session });
    expect(session.renewals()).toBe(1);
  });

  it('is not renewed while it is long enough', async () => {
    const session = sessionWith(1800, 7200);
    await rig.stack('a').apply({ session });
    expect(session.renewals()).toBe(0);
  });

  it('is used where it cannot be renewed and still is long enough for this stack', async () => {
    expect((await rig.stack('a').apply({ session: sessionWith(420) })).ends['a']).toMatchObject(applied);
  });

  it('leaves the stack alone where it cannot be renewed: no engine, no lock, exit 3', async () => {
    const { ends, exitCode } = await rig.stack('a').apply({ session: sessionWith(419) });
    expect(ends['a']).toEqual({
      outcome: 'not-started',
      reason: 'session-too-short',
      because: 'the session has 6 min 59 s left, and a needs 7 min',
    });
    expect([rig.started, rig.locked(), exitCode]).toEqual([[], [], 3]);
  });

  it('is too short for the whole run: nothing else starts either, however little it needs', async () => {
    const { ends } = await rig
      .stack('long', [], undefined, { forecastSeconds: 1000 })
      .stack('short', [], undefined, { forecastSeconds: 1 })
      .stack('reader', ['long'])
      .apply({ session: sessionWith(900), parallel: 1 });
    expect(ends).toMatchObject({
      long: { outcome: 'not-started' },
      short: { outcome: 'not-started', reason: 'session-too-short', because: 'the session has 15 min left, and long needs 21 min' },
      reader: { outcome: 'skipped', because: 'long was not started' },
    });
    expect([rig.started, rig.locked()]).toEqual([[], []]);
  });

  it('does not hold a stack because its renewal threw', async () => {
    const session = { ...sessionWith(60), renew: () => Promise.reject(new Error('STS is gone')) };
    expect((await rig.stack('a').apply({ session })).ends['a']).toMatchObject({ outcome: 'not-started' });
    expect(rig.locked()).toEqual([]);
  });
});

describe('a renewed session', () => {
  const keysOf = async (short: string): Promise<readonly string[]> => {
    const record = await rig.record(`example.${short}`);
    return isOpen(record) ? (record.run?.sessions.map(({ accessKeyId }) => accessKeyId) ?? []) : [];
  };

  /** Long enough for the first stack; renewed before any that comes after it. */
  const shortAfterFirst = () => {
    const session = sessionWith(60, 7200);
    let isShort = false;
    return {
      ...session,
      shorten: () => (isShort = true),
      remainingSeconds: () => (isShort ? session.remainingSeconds() : 7200),
    };
  };

  it('is in the record of a stack before the engine that uses it starts', async () => {
    let keys: readonly string[] = [];
    await rig
      .stack('a', [], async (engine) => {
        keys = await keysOf('a');
        return (await engine.create('vpc')).end();
      })
      .apply({ session: sessionWith(60, 7200) });
    expect(keys).toEqual(['AKIA1']);
  });

  it('that is renewed between the claim of a stack and its engine is the one that its record has', async () => {
    const session = shortAfterFirst();
    const used: { readonly key: string | undefined; readonly recorded: readonly string[] }[] = [];
    const noting =
      (short: string): Play =>
      async (engine) => {
        used.push({ key: engine.options.environment['AWS_ACCESS_KEY_ID'], recorded: await keysOf(short) });
        return (await engine.create('vpc')).end();
      };
    rig.store.before = async ({ op, key }) => {
      // Another stack of the run renews while this one is about to write down with what its engine will work.
      if (op === 'put' && key === recordKey('example.b')) await session.renew();
    };
    await rig.stack('a', [], noting('a')).stack('b', ['a'], noting('b')).stack('c', ['b'], noting('c')).apply({ session });
    expect(used).toHaveLength(3);
    for (const { key, recorded } of used) expect(recorded).toEqual([key]);
  });

  it('that is not written down does not start an engine', async () => {
    let puts = 0;
    rig.store.before = ({ op, key }) => {
      if (op === 'put' && key === recordKey('example.a') && (puts += 1) === 2) throw new Error('ECONNRESET');
    };
    const { ends, exitCode } = await rig.stack('a').apply({ session: sessionWith(60, 7200) });
    expect([rig.started, rig.locked()]).toEqual([[], []]);
    expect([ends['a']?.outcome, exitCode]).toEqual(['failed', 1]);
  });
});

describe('a stack that another run has locked', () => {
  const takeB = (): string => {
    putRecord(rig.bucket, ownedRecord('example.b', 'running', { owner: lockOf('example.b', 'theirs') }));
    return rig.bucket.set(durableLockKey('example.b'), writeLock(lockOf('example.b', 'theirs')));
  };

  it('ends with 6, and says who has it', async () => {
    takeB();
    const { ends, exitCode } = await rig.stack('a').stack('b').apply();
    expect(ends['b']).toEqual({
      outcome: 'locked',
      message: 'example.b is locked by ada@build-7 (pid 42, run theirs, up) since 2030-01-01T00:00:00.000Z',
    });
    expect([rig.started, exitCode, rig.locked()]).toEqual([['a'], 6, ['b']]);
  });

  it('ends the run before anything starts where it is the first one', async () => {
    takeB();
    const { ends, exitCode } = await rig.stack('b').stack('c').stack('d', ['b']).apply();
    expect(ends).toMatchObject({
      b: { outcome: 'locked' },
      c: { outcome: 'not-started', reason: 'first-stack-locked', because: 'the first stack of this run could not be locked' },
      d: { outcome: 'skipped', because: 'b is locked by someone else' },
    });
    expect([rig.started, exitCode]).toEqual([[], 6]);
  });

  it('is counted at the first one, whatever kept it from its lock: what was not started because of it adds no code', async () => {
    rig.store.before = ({ op, key }) => {
      if (op === 'put' && key === durableLockKey('example.b')) throw new Error('AccessDenied');
    };
    const { ends, exitCode } = await rig.stack('b').stack('c').apply();
    expect(ends).toMatchObject({ b: { outcome: 'failed' }, c: { outcome: 'not-started', reason: 'first-stack-locked' } });
    expect([rig.started, exitCode]).toEqual([[], 1]);
  });

  it('does not matter where nothing is to be done to it', async () => {
    takeB();
    expect((await rig.stack('a').stack('b', [], undefined, { needed: false }).apply()).exitCode).toBe(0);
  });

  it('is not touched', async () => {
    const etag = takeB();
    await rig.stack('b').apply();
    expect((await rig.bucket.get(durableLockKey('example.b')))?.etag).toBe(etag);
  });
});

describe('two runs at once over the same stacks', () => {
  const stacksOf = (of: ApplyRig): ApplyRig => of.stack('a').stack('b').stack('c', ['a']);

  it('become one that is done and one that is locked and started nothing', async () => {
    const other = stacksOf(new ApplyRig('theirs', rig));
    const [mine, theirs] = await Promise.all([stacksOf(rig).apply({ parallel: 3 }), other.apply({ parallel: 3 })]);
    expect([mine.exitCode, theirs.exitCode].sort()).toEqual([0, 6]);
    expect([rig.started.length, other.started.length].sort()).toEqual([0, 3]);
  });

  it.each(Array.from({ length: 24 }, (_, index) => index + 1))(
    'work on no stack twice, and leave no lock, where one of them is slow from its call %i on',
    async (from) => {
      const other = stacksOf(new ApplyRig('theirs', rig));
      rig.store.before = async ({ op, key, number }) => {
        // A checkpoint that is slow is taken for a bucket that fails.
        const isSlow = number >= from && !(op === 'put' && key.startsWith('.pulumi/stacks/'));
        for (let turn = 0; isSlow && turn < 20; turn += 1) await settled();
      };
      const runs = await Promise.all([stacksOf(rig).apply(), other.apply()]);
      for (const { exitCode } of runs) expect([0, 6]).toContain(exitCode);
      const started = [...rig.started, ...other.started];
      expect(started.sort()).toEqual([...new Set(started)]);
      for (const short of ['a', 'b', 'c']) expect(await rig.agrees(short)).toBe(true);
      expect(rig.locked()).toEqual([]);
    },
  );
});

describe('the exit code of a run with several ends', () => {
  const byOther: Play = () => ({ outcome: 'succeeded', steps: [], unfinished: [] });
  const locked = (short: string): ApplyRig => {
    putRecord(rig.bucket, ownedRecord(`example.${short}`, 'running', { owner: lockOf(`example.${short}`, 'theirs') }));
    return rig.stack(short, [], byOther);
  };

  it('is that of a held stack before a locked and a failed one', async () => {
    rig.stack('well').stack('failed', [], refused).stack('held', [], unknown);
    expect((await locked('locked').apply()).exitCode).toBe(4);
  });

  it('is that of a locked stack before a failed one', async () => {
    rig.stack('well').stack('failed', [], refused);
    expect((await locked('locked').apply()).exitCode).toBe(6);
  });

  it('is that of a stack that the session was too short for before a failed one', async () => {
    rig.stack('well').stack('failed', [], refused).stack('long', ['well'], undefined, { forecastSeconds: 3600 });
    expect((await rig.apply({ session: sessionWith(2000) })).exitCode).toBe(3);
  });
});

describe('what the engine has nothing to do for', () => {
  const settings = { settings: {}, programOf: () => '', engine: '', secrets: '' };
  const withOutput = { fingerprint: (outputs: OutputDigest) => ({ read: outputs('example.gateway', 'id') ?? '' }) };
  /** It was run over this checkpoint, when the gateway had this output. */
  const known = (checkpoint: string, id: string): Settled =>
    new Settled(new Map([['example.vpc', { checkpoint, fingerprint: { read: digestOf(id) }, outputs: {}, resources: 1 }]]), settings);
  const learnt = async (after: Settled): Promise<ReadonlyMap<string, IndexEntry>> => {
    await after.keep(rig.bucket, 'example', new Set(['example.gateway', 'example.vpc']));
    return (await readIndex(rig.bucket, 'example')).entries;
  };

  beforeEach(() => {
    rig.has('gateway', [], { id: 'tgw-1' });
    rig.stack('gateway', [], undefined, { needed: false }).stack('vpc', ['gateway'], undefined, withOutput);
  });

  it('is not run, however it was planned, where what it reads came out as it was', async () => {
    const { ends, exitCode } = await rig.apply({ settled: known(rig.has('vpc'), 'tgw-1') });
    expect([ends['vpc'], rig.started, exitCode]).toEqual([{ outcome: 'unchanged' }, [], 0]);
    expect(rig.store.calls.filter(({ key }) => key === durableLockKey('example.vpc'))).toEqual([]);
  });

  it.each([
    ['what it reads came out otherwise', () => known(rig.has('vpc'), 'tgw-0')],
    ['its checkpoint is another one', () => (rig.has('vpc'), known('"other"', 'tgw-1'))],
  ])('is run where %s', async (_, settledAs) => {
    await rig.apply({ settled: settledAs() });
    expect(rig.started).toEqual(['vpc']);
  });

  it('is learnt from a verified end, of the checkpoint that it left and what it had read', async () => {
    const after = new Settled(new Map(), settings);
    await rig.apply({ settled: after });
    const checkpoint = (await rig.bucket.get(checkpointKey('example.vpc')))?.etag;
    expect((await learnt(after)).get('example.vpc')).toMatchObject({ checkpoint, fingerprint: { read: digestOf('tgw-1') } });
  });

  it.each([
    ['failed', refused],
    ['is held', unknown],
  ])('is not learnt from a stack that %s', async (_, play) => {
    rig = new ApplyRig();
    const after = new Settled(new Map(), settings);
    await rig.stack('vpc', [], play, withOutput).apply({ settled: after });
    expect((await learnt(after)).size).toBe(0);
  });
});

describe('of several that are ready', () => {
  it('the one on the longest chain is started first, and its lock is the one that decides', async () => {
    rig.stack('short').stack('long', [], undefined, { forecastSeconds: 900 }).stack('end', ['short']);
    const { exitCode } = await rig.apply({ parallel: 1 });
    expect(rig.started).toEqual(['long', 'short', 'end']);
    expect(exitCode).toBe(0);
  });
});

describe('what the engine says', () => {
  it('is told step by step', async () => {
    await rig
      .stack('a', [], async (engine) => {
        engine.options.onStep({
          phase: 'started',
          op: 'create',
          type: 'aws:ec2/vpc:Vpc',
          name: 'vpc',
          urn: 'u',
          changed: [],
          replacing: [],
        });
        return (await engine.create('vpc')).end();
      })
      .apply();
    expect(rig.events).toContainEqual({
      type: 'step',
      stack: 'example.a',
      phase: 'started',
      op: 'create',
      resource: 'vpc',
      resourceType: 'aws:ec2/vpc:Vpc',
    });
  });

  it.each([true, false])('of its own is told with --verbose only: %s', async (verbose) => {
    let asked = false;
    await rig
      .stack('a', [], async (engine) => {
        asked = engine.options.onText !== undefined;
        return (await engine.create('vpc')).end();
      })
      .apply({ verbose });
    expect(asked).toBe(verbose);
  });
});
