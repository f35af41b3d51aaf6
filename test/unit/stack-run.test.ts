import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { writeLock } from '../../orchestrator/locks/lock-record.ts';
import { interruptedOf } from '../../orchestrator/recovery/interrupted.ts';
import type { ApplyRequest } from '../../orchestrator/run/apply.ts';
import type { LiveSession, Work } from '../../orchestrator/run/stack-run.ts';
import { endLeftLocks, restoreLocks } from '../../orchestrator/run/tidy.ts';
import type { StackRecord } from '../../orchestrator/ownership/stack-record.ts';
import { isOpen } from '../../orchestrator/ownership/stack-record.ts';
import { checkpointKey, durableLockKey, lockFolder, recordKey } from '../../orchestrator/state/layout.ts';
import { ApplyRig, closeGateway, sessionWith } from './support/apply-rig.ts';
import type { Play } from './support/apply-rig.ts';
import { settled } from './support/deferred.ts';
import { checkpointOf, refusedBy, urnOf } from './support/fake-engine.ts';
import type { FakeEngine } from './support/fake-engine.ts';
import { breakAt, triedFaults, faults } from './support/faults.ts';
import type { Fault } from './support/faults.ts';
import { engineLock, lockOf } from './support/owner.ts';
import { freeRecord, ownedRecord, putRecord } from './support/records.ts';

let rig: ApplyRig;
beforeEach(() => {
  rig = new ApplyRig();
});

afterAll(closeGateway);

const plainRefusal = refusedBy('CreateVpc', 'VpcLimitExceeded');
const refused: Play = async (engine) => (await engine.fail('vpc', plainRefusal)).end();
const refusedAndMade: Play = async (engine) => (await engine.fail('vpc', plainRefusal, true)).end();
const unclear: Play = async (engine) => (await engine.fail('vpc', 'creating EC2 VPC: operation error EC2: CreateVpc, EOF')).end();
const unseen: Play = async (engine) => (await engine.begin('vpc')).end();
const destroys: Play = async (engine) => (await engine.destroy()).end();
/** An SDK that lost a reply asked again: AWS made two, and the engine knows of one. */
const twice: Play = async (engine) => {
  engine.objects.add('vpc-second');
  return (await engine.create('vpc')).end();
};

const asDestroy = { stage: 'destroy' } as const;
const gone: Partial<Work> = { reads: [], guards: [], succeeded: () => ({ outcome: 'destroyed', deleted: 1 }) };

/** What was written into the bucket, and taken out of it, in order: the kind of each event, and of every other object. */
function writes(): string[] {
  const phases = rig.bucket.history(recordKey('example.a')).map((body) => `record: ${(JSON.parse(body) as StackRecord).phase}`);
  return rig.store.calls
    .filter(({ op, key }) => (op === 'put' || op === 'remove') && !key.includes('/heartbeats/'))
    .map(({ op, key }) => {
      const event = /\/runs\/.*-\d{6}-([a-z-]+)\.json$/.exec(key)?.[1];
      if (event !== undefined) return event;
      const what = key === durableLockKey('example.a') ? 'lock' : key === checkpointKey('example.a') ? 'checkpoint' : key;
      return key === recordKey('example.a') ? (phases.shift() ?? 'record') : `${op} ${what}`;
    });
}

describe('a stack of a run that another one has overtaken', () => {
  it('is locked, asked, and given back with nothing started', async () => {
    let locked: readonly string[] = [];
    const overtaken = () => {
      locked = rig.locked();
      return Promise.resolve('run gh-1 was overtaken by run gh-2');
    };
    const { ends, exitCode } = await rig.stack('a').apply({ overtaken });
    expect(ends).toEqual({ a: { outcome: 'locked', message: 'run gh-1 was overtaken by run gh-2' } });
    expect(exitCode).toBe(6);
    expect(locked).toEqual(['a']);
    expect(rig.started).toEqual([]);
    expect(rig.locked()).toEqual([]);
  });

  it('is not started where nobody can say', async () => {
    const { ends } = await rig.stack('a').apply({ overtaken: () => Promise.reject(new Error('ECONNRESET')) });
    expect(ends).toEqual({ a: { outcome: 'failed', errors: ['nothing was started: ECONNRESET'] } });
    expect(rig.started).toEqual([]);
  });
});

describe('a stack whose checkpoint names what no program of Holdfast does', () => {
  it('is given back with nothing started, and its checkpoint stays as it is', async () => {
    rig.has('a');
    const type = 'pulumi:providers:evilcorp';
    const [key, urn] = [checkpointKey('example.a'), urnOf('example.a', 'evil', type)];
    const state = JSON.parse(rig.bucket.bodyOf(key) ?? '') as { checkpoint: { latest: { resources: object[] } } };
    state.checkpoint.latest.resources.push({ urn, type, custom: true, id: 'e', inputs: { pluginDownloadURL: 'http://127.0.0.1/' } });
    const body = JSON.stringify(state);
    const etag = rig.bucket.set(key, body);
    putRecord(rig.bucket, freeRecord('example.a', rig.verifiedNow('example.a')));
    const known = new Map([['example.a', { body, etag, modified: rig.bucket.modified }]]);
    const { ends, exitCode } = await rig.stack('a').apply({ known });
    expect(ends['a']).toMatchObject({
      outcome: 'not-started',
      reason: 'checkpoint-refused',
      because: expect.stringContaining(urn) as string,
    });
    expect(exitCode).toBe(3);
    expect([rig.started, rig.locked(), (await rig.record('example.a'))?.phase]).toEqual([[], [], 'free']);
    expect(rig.bucket.bodyOf(key)).toBe(body);
  });
});

describe('what a stack writes', () => {
  it('is its claim, its lock, that an engine may run, what the engine does, the verified end, and only then the release', async () => {
    await rig.stack('a').apply();
    expect(writes()).toEqual([
      'run-opened',
      'record: claimed',
      'put lock',
      'record: running',
      'engine-started',
      'put checkpoint',
      'put checkpoint',
      'record: free',
      'remove lock',
      'verified',
      'run-ended',
    ]);
  });

  it('is that it is held, where its end is unknown, and no release', async () => {
    await rig.stack('a', [], unseen).apply();
    expect(writes().slice(3)).toEqual([
      'record: running',
      'engine-started',
      'put checkpoint',
      'record: held',
      'held',
      // It cannot be settled in this run.
      'record: recovering',
      // Only where none stands, which is refused; then over the one that stands.
      'put lock',
      'put lock',
      'record: held',
      'run-ended',
    ]);
  });

  it('is what it started from: its checkpoint, and those that it reads', async () => {
    const etags = { own: rig.has('a'), gateway: rig.has('gateway') };
    await rig.stack('gateway', [], undefined, { needed: false }).stack('a', ['gateway']).apply();
    const started = (await rig.journaled()).events.find(({ type }) => type === 'engine-started');
    expect(started).toMatchObject({ operation: 'up', checkpoint: etags.own, upstreams: { 'example.gateway': etags.gateway } });
  });

  it('is the version at which it was verified', async () => {
    await rig.stack('a').apply();
    const checkpoint = (await rig.bucket.get(checkpointKey('example.a')))?.etag;
    const verified = (await rig.record('example.a'))?.verified;
    expect(verified).toMatchObject({ kind: 'at', run: 'mine', etag: checkpoint });
    expect(verified).not.toHaveProperty('unfinished');
  });

  it('is that there is none any more, where it was destroyed', async () => {
    rig.has('a');
    const { ends } = await rig.stack('a', [], destroys, gone).apply(asDestroy);
    expect(ends['a']).toEqual({ outcome: 'destroyed', deleted: 1 });
    expect((await rig.record('example.a'))?.verified).toMatchObject({ kind: 'absent', run: 'mine' });
    expect(await rig.standing('a')).toEqual({ kind: 'free' });
  });
});

describe('a delete that something of others is in the way of', () => {
  it('is told, and one signal ends its engine, does not wait for that step, and has its outcome looked up', async () => {
    rig.has('a');
    rig.inTheWay = () =>
      Promise.resolve({
        obstacles: [{ kind: 'security-group', id: 'sg-1', owner: '444455556666', description: 'theirs' }],
        unseen: [],
        triedSeconds: 1200,
      });
    const asked: string[] = [];
    const recover = rig.recover;
    rig.recover = (stuck) => {
      asked.push(stuck.stack);
      return recover(stuck);
    };
    const seen: boolean[] = [];
    const tries: Play = async (engine) => {
      const { ending, isPending } = engine.options;
      await engine.tryDelete('old');
      await rig.pass(50);
      seen.push(ending.aborted, isPending(urnOf('example.a', 'old')));
      rig.draining.abort();
      seen.push(ending.aborted, isPending(urnOf('example.a', 'old')));
      return engine.end();
    };
    const { ends } = await rig.stack('a', [], tries, gone).apply(asDestroy);
    expect(rig.events).toContainEqual(expect.objectContaining({ type: 'delete-waits', id: 'vpc-old', seconds: 45 }));
    expect(seen).toEqual([false, true, true, false]);
    expect(asked).toEqual(['example.a']);
    expect(ends['a']).toMatchObject({ errors: expect.arrayContaining(['ended by a signal: AWS had not deleted old']) as string[] });
  });
});

describe('a stack whose session ends while a step of it does not', () => {
  /** Of ten minutes from the beginning of the run, by the clock. */
  const tenMinutes = (renew?: () => Promise<boolean>): LiveSession => {
    const ends = rig.now + 600_000;
    return {
      remainingSeconds: () => (ends - rig.now) / 1000,
      renew: renew ?? (() => Promise.resolve(false)),
      environment: () => ({ AWS_ACCESS_KEY_ID: 'AKIA0' }),
      record: () => ({ accessKeyId: 'AKIA0', session: 'holdfast-mine', expires: new Date(ends).toISOString() }),
    };
  };
  const short = (session: LiveSession) => ({ session, minimumSessionSeconds: 60 });
  /** @param seen [seconds, interrupted, ended] */
  const hangs =
    (at: readonly number[], seen: (readonly [number, boolean, boolean])[], isOver: (engine: FakeEngine) => boolean): Play =>
    async (engine) => {
      await engine.begin('vpc');
      const began = rig.now;
      for (const seconds of at) {
        await rig.pass(seconds - (rig.now - began) / 1000);
        seen.push([seconds, engine.options.signal.aborted, engine.options.ending.aborted]);
        if (isOver(engine)) return engine.end();
      }
      throw new Error('the engine was never ended');
    };

  it('is interrupted a minute before that, ended while it can be written down, and held, with the session as the reason', async () => {
    const seen: (readonly [number, boolean, boolean])[] = [];
    const session = tenMinutes();
    const { ends, exitCode } = await rig
      .stack(
        'a',
        [],
        hangs([539, 540, 579, 580], seen, ({ options }) => options.ending.aborted),
      )
      .apply(short(session));
    expect(seen).toEqual([
      [539, false, false],
      [540, true, false],
      [579, true, false],
      [580, true, true],
    ]);
    expect(rig.events.filter(({ type }) => type === 'session-ends')).toEqual([
      { type: 'session-ends', stack: 'example.a', short: 'a', ends: '2030-01-01T00:10:00.000Z' },
    ]);
    expect(exitCode).toBe(4);
    const errors = ends['a']?.outcome === 'held' ? ends['a'].errors : [];
    expect(errors.at(-1)).toMatch(
      /^its engine was ended with the session \(.*00:10 UTC\), and 1 more\. Do not cancel\. Next: npm run recover -- a$/,
    );
    expect(errors).not.toContain('interrupted by a signal');
    expect((await doubts()).map(({ source }) => source)).toEqual(['session-ended', 'pending-operation']);
    expect(rig.locked()).toEqual(['a']);
  });

  it('does not wait for that step, which is asked of AWS', async () => {
    const waitedFor: boolean[] = [];
    const play: Play = async (engine) => {
      await engine.begin('vpc');
      for (const seconds of [579, 1]) {
        await rig.pass(seconds);
        waitedFor.push(engine.options.isPending(urnOf('example.a', 'vpc')));
      }
      return engine.end();
    };
    await rig.stack('a', [], play).apply(short(tenMinutes()));
    expect(waitedFor).toEqual([true, false]);
  });

  it('goes on where the step ends in time, and is verified', async () => {
    const play: Play = async (engine) => {
      await rig.pass(530);
      return (await engine.create('vpc')).end();
    };
    const { ends } = await rig.stack('a', [], play).apply(short(tenMinutes()));
    expect(ends['a']).toMatchObject({ outcome: 'applied' });
  });

  it('has the session renewed before that, so that what is in doubt can be settled', async () => {
    const renewedAt: string[] = [];
    const session = tenMinutes(() => {
      renewedAt.push(new Date(rig.now).toISOString());
      return Promise.resolve(true);
    });
    await rig
      .stack(
        'a',
        [],
        hangs([600], [], ({ options }) => options.ending.aborted),
      )
      .apply(short(session));
    expect(renewedAt).toEqual(['2030-01-01T00:09:00.000Z']);
    expect(await rig.journaledTypes()).toContain('session-renewed');
  });

  it('is never ended where the session has no known end', async () => {
    const seen: (readonly [number, boolean, boolean])[] = [];
    await rig
      .stack(
        'a',
        [],
        hangs([90_000], seen, () => true),
      )
      .apply({ session: sessionWith(Number.POSITIVE_INFINITY) });
    expect(seen).toEqual([[90_000, false, false]]);
  });
});

interface Scenario {
  readonly play?: Play;
  readonly different?: Partial<ApplyRequest>;
  readonly before?: (rig: ApplyRig) => unknown;
  readonly beforeApply?: (rig: ApplyRig) => void;
  readonly work?: Partial<Work>;
  /** AWS has something else before the run begins: then nothing may be started. */
  readonly amiss?: true;
}

/** @param etag null: there was no checkpoint */
const verifiedAt = (of: ApplyRig, etag: string | null) => {
  const at = { modified: '2030-01-01T00:00:00.000Z', run: 'earlier', since: '2029-12-31T00:00:00.000Z' };
  putRecord(
    of.bucket,
    freeRecord('example.a', etag === null ? { kind: 'absent', run: at.run, since: at.since } : { kind: 'at', etag, ...at }),
  );
};

const scenarios: Readonly<Record<string, Scenario>> = {
  'a create': {},
  'a change of what was verified': { before: (of) => verifiedAt(of, of.has('a')) },
  'a create that AWS refuses': { play: refused },
  'a create that AWS refuses, unsettled': { play: refused, different: { settle: false } },
  'a create that AWS refuses, and that happened': { play: refusedAndMade },
  'a create of unclear outcome': { play: unclear },
  'a create whose end is not seen': { play: unseen },
  'a create that made two': { play: twice },
  'a destroy': { play: destroys, different: asDestroy, before: (of) => void of.has('a'), work: gone },
  'a checkpoint that was changed since the plan': { beforeApply: (of) => void of.has('a', ['other']) },
  'a checkpoint that was changed behind': {
    before: (of) => {
      of.has('a');
      verifiedAt(of, '"another"');
    },
  },
  'a checkpoint that was lost behind': {
    before: (of) => {
      of.aws.set('example.a', new Set(['vpc-lost']));
      verifiedAt(of, '"another"');
    },
    amiss: true,
  },
  'a lock that is removed meanwhile': {
    play: async (engine) => {
      rig.cancel('a');
      await rig.watch.look();
      return (await engine.create('vpc')).end();
    },
  },
  'a lock that is removed at the end': {
    play: async (engine) => {
      await engine.create('vpc');
      rig.cancel('a');
      return engine.end();
    },
  },
  'a lock that is removed at the end of a refused create': {
    play: async (engine) => {
      await engine.fail('vpc', plainRefusal);
      rig.cancel('a');
      return engine.end();
    },
  },
};

async function play({ play, different, before, beforeApply, work }: Scenario, prepare: (of: ApplyRig) => Promise<void> | undefined) {
  rig = new ApplyRig();
  await before?.(rig);
  rig.stack('a', [], play, work);
  const over = prepare(rig);
  const applying = rig.apply(different, () => beforeApply?.(rig));
  const ended = await Promise.race([applying, ...(over ? [over.then(() => undefined)] : [])]);
  // What is still under way on this machine comes to its end.
  for (let turn = 0; turn < 10; turn += 1) await settled();
  return ended?.ends['a'];
}

/** The promise that all rests on: whoever may touch the stack, or be told that it is well, finds state and AWS in agreement. */
async function expectNothingLost({ amiss }: Scenario, where: string, outcome: string | undefined): Promise<void> {
  if (amiss) {
    expect(rig.started, where).toEqual([]);
    expect(['held', 'failed', undefined], where).toContain(outcome);
    return;
  }
  expect(rig.unlicensed, `${where}: done without a license`).toEqual([]);
  const agrees = await rig.agrees('a');
  if (outcome !== undefined && outcome !== 'held')
    expect(agrees, `${where}: it ended as ${outcome}, and AWS has something else`).toBe(true);
  for (const from of ['dead', 'elsewhere'] as const) {
    const { kind } = await rig.standing('a', from);
    expect(['free', 'left', 'held'], `${where}: seen from ${from}`).toContain(kind);
    if (kind !== 'held') expect(agrees, `${where}: it is ${kind}, and AWS has something else`).toBe(true);
  }
}

/** The next command on the same machine. */
async function tidy(where: string): Promise<void> {
  const standings = await rig.standings();
  const request = {
    store: rig.bucket,
    network: 'example',
    lockRecord: (stack: string) => lockOf(stack, 'next'),
    standings,
    now: () => rig.now,
    onNote: () => undefined,
  };
  await restoreLocks(request);
  await endLeftLocks({ ...request, standings: await rig.standings() });
  const { kind } = await rig.standing('a');
  expect(['free', 'held'], where).toContain(kind);
  expect(rig.locked(), `${where}: it is ${kind}`).toEqual(kind === 'held' ? ['a'] : []);
}

describe.each(Object.entries(scenarios))('%s', (_, scenario) => {
  it('loses nothing where all goes well', async () => {
    const end = await play(scenario, () => undefined);
    await expectNothingLost(scenario, 'without a fault', end?.outcome);
    await tidy('without a fault');
  });

  it.each(triedFaults)('loses nothing, at whatever call %s', async (fault: Fault) => {
    await play(scenario, () => undefined);
    const calls = rig.store.calls.length;
    for (let number = 1; number <= calls; number += 1) {
      const end = await play(scenario, (of) => {
        const died = breakAt(of.store, number, fault);
        return faults[fault].how === 'hang' ? died : undefined;
      }).catch(() => undefined);
      const call = rig.store.calls[number - 1];
      const where = `call ${number} (${call?.op ?? ''} ${call?.key ?? ''}), ${fault}`;
      await expectNothingLost(scenario, where, end?.outcome);
      await tidy(where);
      await expectNothingLost(scenario, `${where}, tidied`, undefined);
    }
  });
});

describe('a stack that is locked', () => {
  it.each([
    ['plain pulumi', '1f.json', JSON.stringify(engineLock), /^example\.gateway is locked by plain pulumi, bob@laptop \(pid 7\)/],
    ['what is no lock', 'x', '{', /^example\.gateway is locked by an object that is no lock/],
  ])('in what it reads, by %s, is left alone, with exit 6', async (_, name, body, message) => {
    rig.has('gateway');
    rig.bucket.set(`${lockFolder('example.gateway')}${name}`, body);
    const { ends, exitCode } = await rig.stack('gateway', [], undefined, { needed: false }).stack('a', ['gateway']).apply();
    expect(ends['a']).toEqual({ outcome: 'locked', message: expect.stringMatching(message) as string });
    expect([rig.started, exitCode]).toEqual([[], 6]);
    expect(rig.locked()).not.toContain('a');
  });

  it.each(['claimed', 'running', 'held', 'recovering'] as const)(
    'in what it reads, by a run (%s), is left alone, with exit 6',
    async (phase) => {
      rig.has('gateway');
      putRecord(rig.bucket, ownedRecord('example.gateway', phase, { owner: lockOf('example.gateway', 'theirs') }));
      const { ends, exitCode } = await rig.stack('gateway', [], undefined, { needed: false }).stack('a', ['gateway']).apply();
      expect(ends['a']).toEqual({
        outcome: 'locked',
        message: expect.stringMatching(/^example\.gateway is locked by ada@build-7/) as string,
      });
      expect([rig.started, exitCode]).toEqual([[], 6]);
      expect(rig.locked()).not.toContain('a');
    },
  );

  it('in what it reads by this very run goes on', async () => {
    rig.has('gateway');
    putRecord(rig.bucket, ownedRecord('example.gateway', 'held', { owner: lockOf('example.gateway', 'mine') }));
    const { ends } = await rig.stack('gateway', [], undefined, { needed: false }).stack('a', ['gateway']).apply();
    expect(ends['a']).toMatchObject({ outcome: 'applied' });
  });

  it('beside it, in what it does not read, goes on', async () => {
    rig.bucket.set(`${lockFolder('example.other')}1f.json`, engineLock);
    expect((await rig.stack('a').apply()).exitCode).toBe(0);
  });
});

describe('a checkpoint that somebody changed since it was planned', () => {
  const withGateway = (): ApplyRig => rig.stack('gateway', [], undefined, { needed: false }).stack('a', ['gateway']);

  it.each(['a', 'gateway'])('ends the stack with 6, its lock given back and nothing started: %s', async (changed) => {
    rig.has('gateway');
    const { ends, exitCode } = await withGateway().apply({}, () => void rig.has(changed, ['other']));
    expect(ends['a']).toEqual({
      outcome: 'locked',
      message: `example.${changed} changed since it was planned: somebody else was at work; plan again`,
    });
    expect([rig.started, rig.locked(), exitCode]).toEqual([[], [], 6]);
  });

  it('counts also where it was removed', async () => {
    rig.has('a');
    const { exitCode } = await rig.stack('a').apply({}, () => rig.bucket.delete(checkpointKey('example.a')));
    expect([rig.started, exitCode]).toEqual([[], 6]);
  });

  it('by this run, as an upstream of it, does not count', async () => {
    expect((await rig.stack('gateway').stack('a', ['gateway']).apply()).exitCode).toBe(0);
  });
});

describe('an upstream that somebody changed while it was read', () => {
  const changedTo = async (outputs: object) => {
    rig.has('gateway', ['old'], { id: 'tgw-1' });
    return rig
      .stack('gateway', [], undefined, { needed: false })
      .stack('a', ['gateway'], async (engine) => {
        await engine.create('vpc');
        rig.has('gateway', ['old'], outputs);
        return engine.end();
      })
      .apply();
  };

  it('with other outputs fails the stack, which says so, and is verified', async () => {
    const { ends, exitCode } = await changedTo({ id: 'tgw-2' });
    expect(ends['a']).toEqual({
      outcome: 'failed',
      errors: ['example.gateway was changed by somebody else while a read it: what it was given is stale; run up again'],
    });
    expect([exitCode, rig.locked(), (await rig.standing('a')).kind]).toEqual([1, [], 'free']);
  });

  it('with the same outputs does not matter', async () => {
    expect((await changedTo({ id: 'tgw-1' })).ends['a']).toMatchObject({ outcome: 'applied' });
  });

  it('and removed fails the stack', async () => {
    rig.has('gateway');
    const { ends } = await rig
      .stack('gateway', [], undefined, { needed: false })
      .stack('a', ['gateway'], async (engine) => {
        await engine.create('vpc');
        rig.bucket.delete(checkpointKey('example.gateway'));
        return engine.end();
      })
      .apply();
    expect(ends['a']).toMatchObject({ outcome: 'failed' });
  });
});

const doubts = async () => {
  const record = await rig.record('example.a');
  return isOpen(record) ? record.doubts : [];
};

describe('a create that AWS plainly refused', () => {
  // A stack that was never verified is looked at before it starts as well.
  beforeEach(() => verifiedAt(rig, null));

  it('is settled by a look that finds nothing: failed, and released', async () => {
    const { ends, exitCode } = await rig.stack('a', [], refused).apply();
    expect(ends['a']).toEqual({ outcome: 'failed', errors: [plainRefusal] });
    expect([exitCode, rig.looks, rig.locked()]).toEqual([1, ['a', 'a'], []]);
    // State and AWS agree, and not all of it was done.
    expect((await rig.record('example.a'))?.verified).toMatchObject({ kind: 'at', run: 'mine', unfinished: 'up' });
  });

  const refusedDelete =
    (code: string): Play =>
    async (engine) =>
      (await engine.failDelete('old', refusedBy('DeleteTransitGatewayRouteTable', code))).end();

  it.each(['IncorrectState', 'DependencyViolation'])('of a delete is settled by one look, and nothing is waited for: %s', async (code) => {
    rig.has('a');
    const { ends } = await rig.stack('a', [], refusedDelete(code)).apply();
    expect([ends['a']?.outcome, rig.slept, rig.locked()]).toEqual(['failed', [], []]);
  });

  it.each<readonly [string, ApplyRequest['stillThere']]>([
    ['is gone, or on its way', () => Promise.resolve(new Set())],
    ['cannot be looked at', () => Promise.reject(new Error('ExpiredToken'))],
  ])('of a delete that an earlier try may have begun is held where what it was of %s', async (_, stillThere) => {
    rig.has('a');
    rig.stillThere = stillThere;
    const { ends } = await rig.stack('a', [], refusedDelete('IncorrectState')).apply();
    expect(ends['a']?.outcome).toBe('held');
  });

  it('is looked for again when AWS has to show what an earlier try of it made', async () => {
    const { ends } = await rig.stack('a', [], refused).apply();
    expect([ends['a']?.outcome, rig.slept]).toEqual(['failed', [30]]);
  });

  it('is not waited for where the first look finds something', async () => {
    await rig.stack('a', [], refusedAndMade).apply();
    expect(rig.slept).toEqual([]);
  });

  it('is left held with --no-settle', async () => {
    const { ends, exitCode } = await rig.stack('a', [], refused).apply({ settle: false });
    expect(ends['a']?.outcome).toBe('held');
    expect([exitCode, rig.looks, rig.locked()]).toEqual([4, [], ['a']]);
  });

  it('is held where the look finds something', async () => {
    const { ends } = await rig.stack('a', [], refusedAndMade).apply();
    expect(ends['a']).toMatchObject({ outcome: 'held', errors: expect.arrayContaining([plainRefusal]) as string[] });
    expect(await doubts()).toContainEqual({
      source: 'unknown-object',
      id: 'vpc-vpc',
      text: 'AWS has a VPC for vpc (vpc-vpc) that the state does not have',
    });
  });

  it('is held where AWS cannot be looked at', async () => {
    rig.look = () => Promise.reject(new Error('ExpiredToken'));
    const { ends } = await rig.stack('a', [], refused).apply();
    expect(ends['a']?.outcome).toBe('held');
    expect(await doubts()).toContainEqual({
      source: 'look',
      text: 'AWS could not be looked at: ExpiredToken',
    });
  });
});

describe('a clean end', () => {
  it('with creates is released after a look', async () => {
    verifiedAt(rig, null);
    await rig.stack('a').apply();
    expect([rig.looks, rig.slept]).toEqual([['a'], []]);
  });

  const twin = { id: 'vpc-twin', resourceType: 'VPC', resource: 'vpc' };

  it('waits where the tags of an object are shown and the object is not yet, and is held where it is then', async () => {
    verifiedAt(rig, null);
    rig.look = () => Promise.resolve([rig.slept.length === 0 ? { ...twin, shown: false } : twin]);
    expect((await rig.stack('a').apply()).ends['a']?.outcome).toBe('held');
    expect(rig.slept).toEqual([30]);
  });

  it('waits where tags are shown that outlived an object that nobody knew, and is released then', async () => {
    verifiedAt(rig, null);
    rig.look = () => Promise.resolve([{ ...twin, shown: false }]);
    expect((await rig.stack('a').apply()).ends['a']?.outcome).toBe('applied');
    expect([rig.slept, rig.locked()]).toEqual([[30], []]);
  });

  it('does not wait for the tags of an object that the stack had before, and that it has deleted', async () => {
    verifiedAt(rig, rig.has('a'));
    const before = [...(rig.aws.get('example.a') ?? [])];
    expect(before.length).toBeGreaterThan(0);
    rig.look = () => Promise.resolve(before.map((id) => ({ ...twin, id, shown: false })));
    await rig.stack('a').apply();
    expect([rig.looks, rig.slept]).toEqual([['a'], []]);
  });

  it('without creates needs none', async () => {
    verifiedAt(rig, rig.has('a'));
    await rig.stack('a', [], async (engine) => (await engine.write(), engine.end())).apply();
    expect(rig.looks).toEqual([]);
  });

  it('is held where the look finds a second object', async () => {
    const { ends, exitCode } = await rig.stack('a', [], twice).apply();
    expect(ends['a']?.outcome).toBe('held');
    expect([exitCode, rig.locked(), await rig.standing('a')]).toMatchObject([
      4,
      ['a'],
      { kind: 'held', why: 'AWS has a VPC for second (vpc-second) that the state does not have' },
    ]);
  });

  it('is held where the look throws', async () => {
    verifiedAt(rig, null);
    rig.look = () => Promise.reject(new Error('ExpiredToken'));
    expect((await rig.stack('a').apply()).ends['a']?.outcome).toBe('held');
  });
});

describe('a checkpoint with a pending operation', () => {
  it('holds the stack before anything is started over it', async () => {
    rig.bucket.set(checkpointKey('example.a'), checkpointOf('example.a', new Map(), [{ type: 'creating', name: 'vpc' }]));
    const { ends, exitCode } = await rig.stack('a').apply();
    expect([ends['a']?.outcome, exitCode, rig.started, rig.locked()]).toEqual(['held', 4, [], ['a']]);
  });
});

describe('a verified end that could not be written down', () => {
  it('keeps the lock: nothing but the record licenses its release', async () => {
    rig.store.before = ({ op, key }) => {
      if (op === 'put' && key === recordKey('example.a') && rig.started.length > 0) throw new Error('ECONNRESET');
    };
    const { ends, exitCode } = await rig.stack('a').apply();
    expect([ends['a']?.outcome, exitCode, rig.locked()]).toEqual(['held', 4, ['a']]);
  });
});

describe('an engine that threw', () => {
  it('before it did anything is a failure', async () => {
    const { ends } = await rig.stack('a', [], () => Promise.reject(new Error('no CLI'))).apply();
    expect(ends['a']).toEqual({ outcome: 'failed', errors: ['no CLI'] });
    expect(rig.locked()).toEqual([]);
  });

  const interrupted = async () => {
    const record = await rig.record('example.a');
    if (!isOpen(record)) throw new Error('it is not open');
    return interruptedOf(record, 'next');
  };

  const notFollowed: Play = async (engine) => {
    await engine.begin('vpc');
    throw new Error('a process of it is left');
  };

  // Lock protocol, "the writer is dead first": what says so is written here and read by a recovery, perhaps on another machine.
  it('in the middle of a step leaves a recovery no end of its engine to go by', async () => {
    await rig.stack('a', [], notFollowed).apply();
    expect((await interrupted()).engineEndedAt).toBeUndefined();
    expect(await doubts()).toContainEqual(expect.objectContaining({ source: 'engine-end-unseen' }));
  });

  it('is told apart from one that came to an unclear end, which was seen', async () => {
    await rig.stack('a', [], unseen).apply();
    expect((await interrupted()).engineEndedAt).toBeDefined();
  });

  it('in the middle of a step holds its stack', async () => {
    const { ends } = await rig.stack('a', [], notFollowed).apply();
    expect(ends['a']).toMatchObject({ outcome: 'held', errors: expect.arrayContaining(['a process of it is left']) as string[] });
    expect(rig.locked()).toEqual(['a']);
  });
});

describe('a stack that was never verified', () => {
  it('is held before anything is started where AWS has something under its tags', async () => {
    rig.aws.set('example.a', new Set(['vpc-lost']));
    const { ends, exitCode } = await rig.stack('a').apply();
    expect([ends['a']?.outcome, exitCode, rig.started, rig.locked()]).toEqual(['held', 4, [], ['a']]);
  });

  it('fails, and is not held, where AWS cannot be looked at: nothing was started', async () => {
    rig.look = () => Promise.reject(new Error('UnauthorizedOperation'));
    const { ends, exitCode } = await rig.stack('a').apply();
    expect([ends['a'], exitCode, rig.started, rig.locked()]).toEqual([
      {
        outcome: 'failed',
        errors: ['nothing was started: it was never verified, and AWS could not be looked at: UnauthorizedOperation'],
      },
      1,
      [],
      [],
    ]);
  });
});

describe('a checkpoint that is not the verified one', () => {
  it('is looked at before anything is started, and said', async () => {
    rig.has('a');
    verifiedAt(rig, '"another"');
    let looks: string[] = [];
    const { ends } = await rig
      .stack('a', [], async (engine) => {
        looks = [...rig.looks];
        return (await engine.create('vpc')).end();
      })
      .apply();
    expect([ends['a'], looks]).toMatchObject([{ outcome: 'applied' }, ['a']]);
    expect(rig.events).toContainEqual({
      type: 'note',
      message:
        'a: its checkpoint was changed behind Holdfast since 2029-12-31T00:00:00.000Z (run earlier). AWS has nothing under its tags that the state does not have: going on.',
    });
  });

  it('is held where AWS has more, and nothing is started', async () => {
    rig.has('a');
    rig.aws.get('example.a')?.add('vpc-more');
    verifiedAt(rig, '"another"');
    const { exitCode } = await rig.stack('a').apply();
    expect([rig.started, rig.locked(), exitCode]).toEqual([[], ['a'], 4]);
    expect(await rig.standing('a')).toMatchObject({ kind: 'held', why: expect.stringContaining('(vpc-more)') as string });
  });

  it('is held where it is missing, and AWS has something under its tags', async () => {
    rig.aws.set('example.a', new Set(['vpc-lost']));
    verifiedAt(rig, '"another"');
    const { ends } = await rig.stack('a').apply();
    expect(ends['a']).toMatchObject({
      outcome: 'held',
      errors: [expect.stringMatching(/its checkpoint is missing since .* \(vpc-lost\)/)],
    });
  });

  it('is none where it was destroyed, and is missing', async () => {
    verifiedAt(rig, null);
    await rig.stack('a').apply();
    expect(rig.looks).toEqual(['a']);
    expect(rig.events.filter(({ type }) => type === 'note')).toEqual([]);
  });
});

describe('a lock that somebody removes while the engine runs', () => {
  const removing: Play = async (engine) => {
    await engine.begin('vpc');
    rig.cancel('a');
    await rig.watch.look();
    return engine.end();
  };

  it('ends the engine', async () => {
    let ending: AbortSignal | undefined;
    await rig
      .stack('a', [], async (engine) => {
        ending = engine.options.ending;
        return removing(engine);
      })
      .apply();
    expect(ending?.aborted).toBe(true);
  });

  it('refuses what the engine writes from then on', async () => {
    let accepted: boolean | undefined;
    await rig
      .stack('a', [], async (engine) => {
        rig.cancel('a');
        await rig.watch.look();
        accepted = await engine.write();
        return engine.end();
      })
      .apply();
    expect([accepted, rig.bucket.bodyOf(checkpointKey('example.a'))]).toEqual([false, undefined]);
  });

  it('holds the stack, and is put back', async () => {
    const { ends, exitCode } = await rig.stack('a', [], removing).apply();
    expect(ends['a']).toMatchObject({ outcome: 'held', errors: expect.arrayContaining(['its lock was put back']) as string[] });
    expect([exitCode, rig.locked()]).toEqual([4, ['a']]);
    expect((await rig.record('example.a'))?.phase).toBe('held');
    expect(await rig.standing('a')).not.toHaveProperty('lockGoneSince');
  });

  // It then makes plain pulumi give way at its second look, and everyone who comes after it.
  it('is put back beside the lock of plain pulumi that came in', async () => {
    const { ends } = await rig
      .stack('a', [], async (engine) => {
        const end = await removing(engine);
        rig.bucket.set(`${lockFolder('example.a')}1f.json`, engineLock);
        return end;
      })
      .apply();
    expect(ends['a']).toMatchObject({
      outcome: 'held',
      errors: expect.arrayContaining(['its lock was put back']) as string[],
    });
    expect(rig.locked()).toEqual(['a']);
    expect(rig.bucket.keys()).toContain(`${lockFolder('example.a')}1f.json`);
  });

  it('or replaces holds the stack, and is left as it is', async () => {
    const theirs = writeLock(lockOf('example.a', 'theirs'));
    await rig
      .stack('a', [], async (engine) => {
        await engine.begin('vpc');
        rig.bucket.set(durableLockKey('example.a'), theirs);
        await rig.watch.look();
        return engine.end();
      })
      .apply();
    expect(rig.bucket.bodyOf(durableLockKey('example.a'))).toBe(theirs);
    expect((await rig.record('example.a'))?.phase).toBe('held');
  });

  it('counts also where it is noticed only when the engine has ended well', async () => {
    const { ends } = await rig
      .stack('a', [], async (engine) => {
        await engine.create('vpc');
        rig.cancel('a');
        return engine.end();
      })
      .apply();
    expect(ends['a']?.outcome).toBe('held');
  });

  it('counts also where it is noticed only when AWS has refused the one create', async () => {
    const { ends } = await rig
      .stack('a', [], async (engine) => {
        await engine.fail('vpc', plainRefusal);
        rig.cancel('a');
        return engine.end();
      })
      .apply();
    expect(ends['a']?.outcome).toBe('held');
  });
});

describe('a checkpoint that somebody writes while the engine runs', () => {
  it('is not written over, and holds the stack', async () => {
    const theirs = checkpointOf('example.a', new Map([['theirs', 'vpc-theirs']]));
    const { ends, exitCode } = await rig
      .stack('a', [], async (engine) => {
        rig.bucket.set(checkpointKey('example.a'), theirs);
        return (await engine.create('vpc')).end();
      })
      .apply();
    expect([ends['a']?.outcome, exitCode]).toEqual(['held', 4]);
    expect(rig.bucket.bodyOf(checkpointKey('example.a'))).toBe(theirs);
  });
});

describe('a lock under which nothing was started', () => {
  it('is left over where it could not be removed, for the next command to end', async () => {
    rig.store.before = ({ op, key }) => {
      if (op === 'remove' && key === durableLockKey('example.a')) throw new Error('ECONNRESET');
    };
    rig.has('a');
    await rig.stack('a').apply({}, () => void rig.has('a', ['other']));
    expect([rig.locked(), (await rig.standing('a', 'elsewhere')).kind, (await rig.record('example.a'))?.phase]).toEqual([
      ['a'],
      'left',
      'free',
    ]);
  });
});

describe('a second run over a held stack', () => {
  it('does not get its lock', async () => {
    await rig.stack('a', [], unseen).apply();
    const { ends } = await new ApplyRig('next', rig).stack('a').apply();
    expect(ends['a']?.outcome).toBe('locked');
  });
});

describe('an engine whose plugins could not be looked for when it ended', () => {
  const unlooked =
    (play: Play): Play =>
    async (engine) => ({ ...(await play(engine)), unended: 'too many files are open' });
  const doubts = async (): Promise<readonly string[]> =>
    (await rig.journaled()).events.flatMap((event) => (event.type === 'held' ? event.doubts.map(({ text }) => text) : []));
  const unseenEnd = "the engine's end was not seen: too many files are open";

  it('holds its stack where a step has no known end, is not settled in the run, and is journaled as one whose end was not seen', async () => {
    let recoveries = 0;
    const recover = rig.recover;
    rig.recover = (...given) => {
      recoveries += 1;
      return recover(...given);
    };
    const { ends } = await rig.stack('a', [], unlooked(unseen)).apply();
    expect([ends['a']?.outcome, rig.locked(), recoveries, await doubts()]).toEqual([
      'held',
      ['a'],
      0,
      ['CreateVpc outcome unknown', unseenEnd],
    ]);
  });

  it('does not hold its stack where the engine ended by itself and every step has a known end: no plugin is in a call', async () => {
    const { ends } = await rig
      .stack(
        'a',
        [],
        unlooked(async (engine) => (await engine.create('vpc')).end()),
      )
      .apply();
    expect([ends['a']?.outcome, rig.locked(), await doubts()]).toEqual(['applied', [], []]);
  });

  it('is not settled in the run where AWS has an object that the state has not', async () => {
    const { ends } = await rig.stack('a', [], unlooked(refusedAndMade)).apply();
    expect([ends['a']?.outcome, rig.locked(), (await doubts()).at(-1)]).toEqual(['held', ['a'], unseenEnd]);
  });
});
