import { describe, expect, it } from 'vitest';
import { openSession } from '../../../orchestrator/aws/session.ts';
import { checks } from '../../../orchestrator/preflight/checks.ts';
import { runChecks } from '../../../orchestrator/preflight/check.ts';
import type { Interrupted } from '../../../orchestrator/recovery/interrupted.ts';
import { unknownLiveness } from '../../../orchestrator/ownership/liveness.ts';
import { writerOf } from '../../../orchestrator/recovery/writer.ts';
import type { Writer } from '../../../orchestrator/recovery/writer.ts';
import { factsWith } from '../support/facts.ts';
import { processOf } from '../support/owner.ts';

const interrupted = (expires: string): Interrupted => ({
  run: 'r1',
  stack: 'example.vpc.a',
  operation: 'up',
  base: null,
  startedAt: undefined,
  program: undefined,
  process: processOf('r1'),
  engineStarted: true,
  engineEndedAt: undefined,
  sessions: [{ accessKeyId: 'K', session: 's', expires }],
  doubts: [],
  answers: [],
  nonces: ['r1'],
});

const seenFromElsewhere = (expires: string, now: string, clockSkewSeconds: number): Writer =>
  writerOf({
    interrupted: interrupted(expires),
    liveness: unknownLiveness,
    engine: { kind: 'not-looked' },
    now: Date.parse(now),
    clockSkewSeconds,
    saidBy: undefined,
  });

describe('a writer of which only its last session can tell that it is dead', () => {
  it('is not dead where its keys are long-term ones, and a person had only said --session-expires', async () => {
    const opened = await openSession({
      target: { kind: 'REAL', endpoints: {} },
      region: 'eu-west-1',
      sessionName: 'holdfast-r1',
      env: { AWS_ACCESS_KEY_ID: 'AKIALONGTERM', AWS_SECRET_ACCESS_KEY: 'secret' },
      statedExpiry: new Date('2030-01-01T15:00:00Z'),
    });
    if (!opened.ok) throw new Error('no session');
    // As the lock and the journal have it.
    const { expiry } = opened.value;
    const expires = expiry instanceof Date ? expiry.toISOString() : expiry;
    expect(seenFromElsewhere(expires, '2030-01-01T15:06:00Z', 0).dead).toBe(false);
  });

  it('is not dead by a clock of which preflight says that an expiry means nothing, where recover goes on', async () => {
    const clock = checks.filter(({ id }) => id === 'clock');
    const facts = factsWith({ identity: { ok: true, value: { account: '1', arn: 'a', clockSkewSeconds: 7200 } } });
    const [seen] = await runChecks(clock, facts, 'recover', () => undefined);
    // Really it is 13:06; this machine says 15:06. The session of the run lasts until 15:00.
    const goesOn = seen?.exitCode === undefined;
    const writer = seenFromElsewhere('2030-01-01T15:00:00.000Z', '2030-01-01T15:06:00Z', 7200);
    expect({ preflightSays: seen?.message, recoverGoesOn: goesOn, writerDead: writer.dead }).toEqual({
      preflightSays: expect.stringContaining('an expiry means nothing') as string,
      recoverGoesOn: goesOn,
      writerDead: !goesOn,
    });
  });
});
