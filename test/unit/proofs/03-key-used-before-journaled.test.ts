import { afterAll, describe, expect, it } from 'vitest';
import { isOpen } from '../../../orchestrator/ownership/stack-record.ts';
import { checkpointKey, durableLockKey } from '../../../orchestrator/state/layout.ts';
import { interruptedOf } from '../../../orchestrator/recovery/interrupted.ts';
import { unknownLiveness } from '../../../orchestrator/ownership/liveness.ts';
import { writerOf } from '../../../orchestrator/recovery/writer.ts';
import type { LiveSession } from '../../../orchestrator/run/stack-run.ts';
import { ApplyRig, closeGateway } from '../support/apply-rig.ts';
import type { Play } from '../support/apply-rig.ts';
import { deferred } from '../support/deferred.ts';
import { lockOf } from '../support/owner.ts';

afterAll(closeGateway);

/** Two sessions: K1 until 01:00, and after a renewal K2 until 03:00. */
function renewable(now: () => number): LiveSession {
  const expiry = { K1: '2030-01-01T01:00:00.000Z', K2: '2030-01-01T03:00:00.000Z' };
  const recordOf = (key: keyof typeof expiry) => ({ accessKeyId: key, session: 'holdfast-mine', expires: expiry[key] });
  let key: keyof typeof expiry = 'K1';
  return {
    remainingSeconds: () => (Date.parse(expiry[key]) - now()) / 1000,
    renew: () => {
      key = 'K2';
      return Promise.resolve(true);
    },
    environment: () => ({ AWS_ACCESS_KEY_ID: key }),
    record: () => recordOf(key),
  };
}

const keyOf: (engine: Parameters<Play>[0]) => string = (engine) => engine.options.environment['AWS_ACCESS_KEY_ID'] ?? '';

/**
 * `first` has claimed its stack, and asks the bucket what it asks after that; meanwhile `next` renews, and what it writes down of that fails only when
 * the engine of `first` was started.
 */
function renewedBeside(rig: ApplyRig, first: Play) {
  const renewalOnItsWay = deferred();
  const engineStarted = deferred();
  rig
    .stack(
      'first',
      [],
      (engine) => {
        engineStarted.resolve();
        return first(engine);
      },
      { forecastSeconds: 3250 },
    )
    // Comes when a little more of the session has gone: it renews it.
    .stack('next', [], undefined, { forecastSeconds: 3240 });
  let lockIsPut = false;
  rig.store.before = async ({ op, key }) => {
    if (op === 'put' && key.includes('session-renewed')) {
      renewalOnItsWay.resolve();
      await engineStarted.promise;
      throw new Error('SlowDown');
    }
    if (op === 'put' && key === durableLockKey('example.first')) {
      rig.now += 100_000;
      lockIsPut = true;
    }
    // What it asks of its checkpoint, once the stack is its own.
    if (op === 'list' && lockIsPut && key === checkpointKey('example.first')) await renewalOnItsWay.promise;
  };
}

describe('a session that one stack renews while another one starts its engine', () => {
  it('is not what that engine gets while the record of its stack does not have its key', async () => {
    const rig = new ApplyRig();
    const started: { key: string; recorded: readonly string[] }[] = [];
    renewedBeside(rig, async (engine) => {
      const record = await rig.record(engine.stack);
      started.push({
        key: keyOf(engine),
        recorded: isOpen(record) ? (record.run?.sessions.map(({ accessKeyId }) => accessKeyId) ?? []) : [],
      });
      return (await engine.begin('vpc')).end();
    });
    await rig.apply({ session: renewable(() => rig.now), settle: false });
    expect(started).toHaveLength(1);
    expect(started[0]?.recorded).toContain(started[0]?.key);
  });

  it('leaves a recovery elsewhere no way to take the writer for dead while a key that an engine has is good', async () => {
    const rig = new ApplyRig();
    let key = '';
    renewedBeside(rig, async (engine) => {
      key = keyOf(engine);
      // The orchestrator and the CLI are killed here: a plugin is left in its call, with that key in its environment.
      rig.store.before = () => {
        throw new Error('the process is dead');
      };
      await engine.begin('vpc', false);
      return engine.end();
    });
    const session = renewable(() => rig.now);
    // As cli/open.ts: the lock says what the session of that moment is.
    await rig.apply({ session, settle: false, lockRecord: (stack) => lockOf(stack, 'mine', session.record()) });
    const record = await rig.record('example.first');
    if (!isOpen(record)) throw new Error(`the stack is ${record?.phase ?? 'unknown'}`);
    const isDeadAt = (now: string): boolean =>
      writerOf({
        interrupted: { ...interruptedOf(record, 'later'), engineEndedAt: undefined },
        liveness: unknownLiveness,
        engine: { kind: 'not-looked' },
        now: Date.parse(now),
        clockSkewSeconds: 0,
        saidBy: undefined,
      }).dead;
    // The session was renewed before the engine started: that is the one that it works with.
    expect({ key, afterTheFirst: isDeadAt('2030-01-01T01:06:00Z'), afterItsOwn: isDeadAt('2030-01-01T03:06:00Z') }).toEqual({
      key: 'K2',
      afterTheFirst: false,
      afterItsOwn: true,
    });
  });
});
