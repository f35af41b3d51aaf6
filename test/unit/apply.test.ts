import { beforeEach, describe, expect, it } from 'vitest';
import { runLockKey } from '../../orchestrator/state/layout.ts';
import { ApplyRig, failedWith, sessionWith, stepOf, succeeded } from './support/apply-rig.ts';
import { deferred, settled } from './support/deferred.ts';
import { ownerOf } from './support/owner.ts';

let rig: ApplyRig;
beforeEach(() => {
  rig = new ApplyRig();
});

const applied = { outcome: 'applied' };

describe('a run in which all goes well', () => {
  it('applies each stack after what it reads, releases every lock and is done', async () => {
    const { ends, exitCode } = await rig.stack('gateway').stack('vpc', ['gateway']).stack('tables', ['gateway', 'vpc']).apply();
    expect(rig.started).toEqual(['gateway', 'vpc', 'tables']);
    expect(ends).toMatchObject({ gateway: applied, vpc: applied, tables: applied });
    expect([exitCode, rig.locked()]).toEqual([0, []]);
  });

  it('takes the locks of all that change before the first of them starts', async () => {
    let seen: string[] = [];
    await rig
      .stack('gateway', [], () => {
        seen = rig.locked();
        return succeeded;
      })
      .stack('vpc', ['gateway'])
      .apply();
    expect(seen).toEqual(['gateway', 'vpc']);
  });

  it('gives back the lock of a stack as soon as it has ended', async () => {
    let seen: string[] = [];
    await rig
      .stack('gateway')
      .stack('vpc', ['gateway'], () => {
        seen = rig.locked();
        return succeeded;
      })
      .apply();
    expect(seen).toEqual(['vpc']);
  });

  it('takes no lock and starts no engine for what needs nothing', async () => {
    let seen: string[] = [];
    const { ends } = await rig
      .stack('gateway', [], undefined, { needed: false })
      .stack('vpc', ['gateway'], () => {
        seen = rig.locked();
        return succeeded;
      })
      .apply();
    expect([rig.started, seen, ends['gateway']]).toEqual([['vpc'], ['vpc'], { outcome: 'unchanged' }]);
  });

  it('works on at most so many at once', async () => {
    const gate = deferred();
    const slow = async () => {
      await gate.promise;
      return succeeded;
    };
    const run = rig.stack('a', [], slow).stack('b', [], slow).stack('c', [], slow).apply({ parallel: 2 });
    await settled();
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

describe('a failed stack', () => {
  const withFailure = (): ApplyRig =>
    rig
      .stack('gateway')
      .stack('vpc.a', ['gateway'], () => failedWith('CreateVpc: UnauthorizedOperation'))
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
    expect((await withFailure().apply()).ends['vpc.a']).toEqual({ outcome: 'failed', errors: ['CreateVpc: UnauthorizedOperation'] });
  });

  it('whose state is true gives back its lock, and those of what was skipped', async () => {
    await withFailure().apply();
    expect(rig.locked()).toEqual([]);
  });

  it('ends the run with 1', async () => {
    expect((await withFailure().apply()).exitCode).toBe(1);
  });
});

describe('a stack of which an outcome is unknown', () => {
  const unfinished = { ...failedWith('the session ended'), unfinished: [stepOf('create', 'vpc')] };

  it('is held, and keeps its lock', async () => {
    const { ends, exitCode } = await rig.stack('vpc', [], () => unfinished).apply();
    expect(ends['vpc']).toEqual({ outcome: 'held', errors: ['the session ended', 'outcome unknown: create of vpc'] });
    expect([exitCode, rig.locked()]).toEqual([4, ['vpc']]);
  });

  it('is held for what its checkpoint says, also where the engine saw every end', async () => {
    const pendingOperations = () => Promise.resolve([{ type: 'creating', urn: 'urn:pulumi:s::p::aws:ec2/vpc:Vpc::vpc' }]);
    const { ends } = await rig.stack('vpc', [], () => failedWith('timeout')).apply({ pendingOperations });
    expect(ends['vpc']).toEqual({ outcome: 'held', errors: ['timeout', 'outcome unknown: creating vpc'] });
    expect(rig.locked()).toEqual(['vpc']);
  });

  it('is held where its checkpoint cannot be read, and keeps what the engine said', async () => {
    const pendingOperations = () => Promise.reject(new Error('ExpiredToken'));
    const { ends } = await rig.stack('vpc', [], () => failedWith('the session ended')).apply({ pendingOperations });
    expect(ends['vpc']).toEqual({
      outcome: 'held',
      errors: ['the session ended', 'outcome unknown: the checkpoint cannot be read: ExpiredToken'],
    });
    expect(rig.locked()).toEqual(['vpc']);
  });

  it('is held where the engine itself threw', async () => {
    const { ends } = await rig.stack('vpc', [], () => Promise.reject(new Error('the engine is gone'))).apply();
    expect(ends['vpc']).toEqual({ outcome: 'held', errors: ['the engine is gone'] });
    expect(rig.locked()).toEqual(['vpc']);
  });

  it('skips its dependents, whose locks are given back', async () => {
    const { ends } = await rig
      .stack('vpc', [], () => unfinished)
      .stack('tables', ['vpc'])
      .stack('other')
      .apply();
    expect(ends).toMatchObject({ tables: { outcome: 'skipped', because: 'vpc is held' }, other: applied });
    expect(rig.locked()).toEqual(['vpc']);
  });
});

describe('a lock that cannot be given back', () => {
  beforeEach(() => {
    rig.store.beforeRemove = (key) => (key === runLockKey('example.a') ? Promise.reject(new Error('ECONNRESET')) : Promise.resolve());
  });

  it('holds its stack, and says that the stack itself is well', async () => {
    const { ends, exitCode } = await rig.stack('a').apply();
    expect(ends['a']).toEqual({ outcome: 'held', errors: ['the lock could not be given back (ECONNRESET); the stack itself ended'] });
    expect([exitCode, rig.locked()]).toEqual([4, ['a']]);
  });

  it('does not end the run while other engines are at work', async () => {
    const gate = deferred();
    const slow = async () => {
      await gate.promise;
      return succeeded;
    };
    const run = rig.stack('a').stack('b', [], slow).apply();
    await settled();
    gate.resolve();
    expect((await run).ends).toMatchObject({ a: { outcome: 'held' }, b: applied });
  });
});

describe('a run that is drained', () => {
  it('starts nothing new, lets end what runs, gives back every lock and ends with 130', async () => {
    const gate = deferred();
    const run = rig
      .stack('a', [], async () => {
        await gate.promise;
        return succeeded;
      })
      .stack('b')
      .apply({ parallel: 1 });
    await settled();
    rig.draining.abort();
    gate.resolve();
    const { ends, exitCode } = await run;
    expect(ends).toMatchObject({ a: applied, b: { outcome: 'not-started', because: 'stopped by a signal' } });
    expect([rig.started, exitCode, rig.locked()]).toEqual([['a'], 130, []]);
  });

  it('that leaves a stack held ends with 4', async () => {
    rig.draining.abort();
    const stopped = new ApplyRig().stack('a', [], () => {
      stopped.draining.abort();
      return { ...failedWith('interrupted'), unfinished: [stepOf('create', 'vpc')], interrupted: true };
    });
    expect((await stopped.apply()).exitCode).toBe(4);
  });

  it('passes the second signal on to the engine, and not the first', async () => {
    const signals: AbortSignal[] = [];
    await rig
      .stack('a', [], ({ signal }) => {
        rig.draining.abort();
        signals.push(signal);
        return succeeded;
      })
      .apply();
    expect([signals[0]?.aborted, signals[0] === rig.interrupting.signal]).toEqual([false, true]);
  });
});

describe('a session that is too short for the next stack', () => {
  it('is renewed where its source can, and the engine gets the new one', async () => {
    const session = sessionWith(400, 7200);
    let token: string | undefined;
    const { exitCode } = await rig
      .stack('a', [], ({ environment }) => {
        token = environment['AWS_SESSION_TOKEN'];
        return succeeded;
      })
      .apply({ session });
    expect([session.renewals(), token, exitCode]).toEqual([1, 'of 7200 s', 0]);
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
    expect(ends['a']).toEqual({ outcome: 'not-started', because: 'the session has 6 min 59 s left, and a needs 7 min' });
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
      short: { outcome: 'not-started', because: 'the session has 15 min left, and long needs 21 min' },
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

describe('a stack that another run holds', () => {
  it('ends this one with 6 before anything starts, and says who', async () => {
    rig.store.set(runLockKey('example.b'), { schema: 1, stack: 'example.b', ...ownerOf('theirs') });
    const { ends, exitCode } = await rig.stack('a').stack('b').apply();
    expect(ends['b']).toEqual({
      outcome: 'locked',
      message: 'example.b is locked by ada@build-7 (pid 42, run theirs, up) since 2030-01-01T00:00:00.000Z',
    });
    expect([rig.started, exitCode, rig.locked()]).toEqual([[], 6, ['b']]);
  });

  it('does not matter where nothing is to be done to it', async () => {
    rig.store.set(runLockKey('example.b'), { schema: 1, stack: 'example.b', ...ownerOf('theirs') });
    expect((await rig.stack('a').stack('b', [], undefined, { needed: false }).apply()).exitCode).toBe(0);
  });

  it('by a lock of Pulumi ends with 6, skips its dependents, and gives ours back', async () => {
    const { ends, exitCode } = await rig
      .stack('a', [], () => ({ outcome: 'locked', message: 'by bob' }))
      .stack('b', ['a'])
      .apply();
    expect(ends).toMatchObject({ a: { outcome: 'locked', message: 'by bob' }, b: { because: 'a is locked by someone else' } });
    expect([exitCode, rig.locked()]).toEqual([6, []]);
  });
});

describe('the exit code of a run with several ends', () => {
  const held = { ...failedWith('x'), unfinished: [stepOf('create', 'vpc')] };
  const locked = { outcome: 'locked' as const, message: 'by bob' };

  it('is that of a held stack before a locked and a failed one', async () => {
    rig
      .stack('failed', [], () => failedWith('x'))
      .stack('locked', [], () => locked)
      .stack('held', [], () => held)
      .stack('well');
    expect((await rig.apply()).exitCode).toBe(4);
  });

  it('is that of a locked stack before a failed one', async () => {
    rig
      .stack('failed', [], () => failedWith('x'))
      .stack('locked', [], () => locked)
      .stack('well');
    expect((await rig.apply()).exitCode).toBe(6);
  });
});

describe('what the engine says', () => {
  it('is told step by step', async () => {
    await rig
      .stack('a', [], ({ onStep }) => {
        onStep(stepOf('create', 'vpc'));
        return succeeded;
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
      .stack('a', [], ({ onText }) => {
        asked = onText !== undefined;
        return succeeded;
      })
      .apply({ verbose });
    expect(asked).toBe(verbose);
  });
});

describe('a stack that someone else changed after it was planned', () => {
  const changed = (...stacks: string[]) => ({ changedSincePlan: () => Promise.resolve(stacks) });

  it('ends the run before any engine starts, with no lock left', async () => {
    const { ends, exitCode } = await rig.stack('a').stack('b', ['a']).apply(changed('example.b'));
    expect([rig.started, rig.locked(), exitCode]).toEqual([[], [], 6]);
    expect(ends['b']).toEqual({
      outcome: 'locked',
      message: 'example.b was changed by someone else after it was planned: plan again',
    });
    expect(ends['a']).toMatchObject({ outcome: 'not-started' });
  });

  it('is looked for under the locks, and among what the stacks read', async () => {
    let asked: readonly string[] = [];
    let locked: string[] = [];
    await rig.stack('b', ['a']).apply({
      changedSincePlan: (stacks) => {
        [asked, locked] = [stacks, rig.locked()];
        return Promise.resolve([]);
      },
    });
    expect([asked, locked]).toEqual([['example.b', 'example.a'], ['b']]);
  });

  it('that cannot be looked for gives the locks back', async () => {
    const unreadable = { changedSincePlan: () => Promise.reject(new Error('no bucket')) };
    await expect(rig.stack('a').apply(unreadable)).rejects.toThrow('no bucket');
    expect([rig.started, rig.locked()]).toEqual([[], []]);
  });
});
