import { describe, expect, it } from 'vitest';
import { livenessOf, livenessRow, livenessTable, mayBeAtWork } from '../../orchestrator/ownership/liveness.ts';
import type { LivenessFacts } from '../../orchestrator/ownership/liveness.ts';
import { seeProcesses } from '../../orchestrator/ownership/processes.ts';
import type { Heartbeats } from '../../orchestrator/locks/heartbeat.ts';
import type { ProcessLook } from '../../toolchain/process-identity.ts';
import { known, machine, observer, processOf, user } from './support/owner.ts';

const domains: { readonly [F in keyof LivenessFacts]: readonly LivenessFacts[F][] } = {
  look: ['same', 'other-start', 'ended', 'absent', 'elsewhere', 'descriptors', 'permission', 'platform', 'failed'],
  others: ['shown', 'hidden'],
  user: ['own', 'other'],
  records: ['agree', 'disagree'],
  heartbeat: ['since-the-look', 'recent', 'old', 'never'],
};

const every: readonly LivenessFacts[] = domains.look.flatMap((look) =>
  domains.others.flatMap((others) =>
    domains.user.flatMap((user) =>
      domains.records.flatMap((records) => domains.heartbeat.map((heartbeat) => ({ look, others, user, records, heartbeat }))),
    ),
  ),
);
/** The combinations with that answer that the predicate does not allow. */
const against = (answer: string, allowed: (facts: LivenessFacts) => boolean): readonly LivenessFacts[] =>
  every.filter((facts) => livenessOf(facts).answer === answer && !allowed(facts));

describe('the table of whether a process is alive, over every combination of facts', () => {
  it('has a row for each combination, and each row is the first for one of them', () => {
    expect(new Set(every.map((facts) => livenessRow(facts).row))).toEqual(new Set(livenessTable.map(({ row }) => row)));
    expect(new Set(livenessTable.map(({ row }) => row)).size).toBe(livenessTable.length);
  });

  it('says alive of exactly the process that is there and started when the record says', () => {
    expect(every.filter((facts) => (livenessOf(facts).answer === 'alive') !== (facts.look === 'same'))).toEqual([]);
  });

  it('says dead only of what a look showed: a free number, a zombie, or another start', () => {
    expect(against('dead', ({ look }) => ['other-start', 'ended', 'absent'].includes(look))).toEqual([]);
  });

  it('says dead of a free number only where every process is shown here, or every one of this user', () => {
    expect(against('dead', ({ look, others, user }) => look !== 'absent' || others === 'shown' || user === 'own')).toEqual([]);
  });

  it('never says dead of a process that was heard of after the look', () => {
    expect(against('dead', ({ heartbeat }) => heartbeat !== 'since-the-look')).toEqual([]);
  });

  it('never says dead where other users are hidden and the process was heard of within the quiet limit', () => {
    const isHeardBehindIt = ({ look, others, heartbeat }: LivenessFacts) =>
      look === 'absent' && others === 'hidden' && heartbeat === 'recent';
    expect(against('dead', (facts) => !isHeardBehindIt(facts))).toEqual([]);
  });

  it('never says dead of a process of which two records disagree', () => {
    expect(against('dead', ({ records }) => records === 'agree')).toEqual([]);
  });

  it('takes a heartbeat from before the look for no proof against a look that saw the process gone', () => {
    const facts = { look: 'absent', others: 'shown', user: 'other', records: 'agree', heartbeat: 'recent' } as const;
    expect(livenessOf(facts)).toEqual(known.dead);
  });

  it.each([
    ['descriptors', 'look-failed'],
    ['failed', 'look-failed'],
    ['permission', 'not-shown'],
    ['platform', 'not-shown'],
    ['elsewhere', 'quiet'],
  ] as const)('cannot tell where nothing is heard and the look is %s: %s', (look, why) => {
    expect(livenessOf({ look, others: 'hidden', user: 'other', records: 'agree', heartbeat: 'never' })).toEqual(known[why]);
  });

  it('leaves a process what is its own exactly if it lives, was just heard of, or the look merely failed', () => {
    expect(Object.entries(known).flatMap(([why, liveness]) => (mayBeAtWork(liveness) ? [why] : []))).toEqual([
      'alive',
      'heard',
      'look-failed',
    ]);
  });
});

describe('processes that records name', () => {
  const now = Date.parse('2030-01-01T00:10:00Z');
  const one = processOf('n1');
  const beatAt = (ms: number): Heartbeats => new Map([['n1', { key: 'n1', etag: 'e', size: 1, modified: new Date(ms) }]]);
  const nothing: Heartbeats = new Map();
  const nothingHeard = { heard: nothing, hearAgain: () => Promise.resolve(nothing), isOf: () => Promise.resolve(true), now };

  it('are told apart by machine, number and start, and not by the nonce alone', async () => {
    const copied = { ...one, pid: 999_999 };
    const { liveness } = await seeProcesses(
      [one, copied],
      observer(({ pid }) => pid === one.pid),
      nothingHeard,
    );
    expect([liveness(one), liveness(copied)]).toEqual([known.alive, known['records-disagree']]);
  });

  it('of one nonce with different starts are none of them dead', async () => {
    const records = [one, { ...one, processStartedAt: 'later' }];
    const { liveness } = await seeProcesses(
      records,
      observer(() => false),
      nothingHeard,
    );
    expect(records.map(liveness)).toEqual([known['records-disagree'], known['records-disagree']]);
  });

  it('of another machine are not looked for', async () => {
    const lookAt = (): Promise<ProcessLook> => Promise.reject(new Error('not asked'));
    const { liveness } = await seeProcesses([one], { machine: 'machine-2', user, lookAt }, nothingHeard);
    expect(liveness(one)).toEqual(known.quiet);
  });

  it('are each looked for once, however many records name them', async () => {
    let looks = 0;
    const lookAt = (): Promise<ProcessLook> => Promise.resolve({ kind: 'cannot-look', reason: looks++ === 0 ? 'descriptors' : 'failed' });
    const { liveness } = await seeProcesses([one, { ...one }, one], { machine, user, lookAt }, nothingHeard);
    expect([looks, liveness(one)]).toEqual([1, known['look-failed']]);
  });

  it('are heard again only where one was not seen to be alive', async () => {
    let times = 0;
    const hearAgain = () => Promise.resolve(beatAt(now + times++));
    await seeProcesses(
      [one],
      observer(() => true),
      { ...nothingHeard, hearAgain },
    );
    expect(times).toBe(0);
    const { liveness, heard } = await seeProcesses(
      [one],
      observer(() => false),
      { ...nothingHeard, hearAgain },
    );
    expect([times, liveness(one), heard.get('n1')]).toEqual([1, known.heard, new Date(now)]);
  });

  it('are not heard of by a heartbeat that is another’s', async () => {
    const asked: unknown[] = [];
    const { liveness, heard } = await seeProcesses(
      [one],
      observer(() => false),
      {
        ...nothingHeard,
        hearAgain: () => Promise.resolve(beatAt(now)),
        isOf: (listed, process) => (asked.push([listed.key, process.pid]), Promise.resolve(false)),
      },
    );
    expect([asked, liveness(one), heard.get('n1')]).toEqual([[['n1', one.pid]], known.dead, undefined]);
  });

  it('that are seen to live cost no read of their heartbeats', async () => {
    const isOf = (): Promise<boolean> => Promise.reject(new Error('not asked'));
    const { heard } = await seeProcesses(
      [one],
      observer(() => true),
      { ...nothingHeard, heard: beatAt(now), isOf },
    );
    expect(heard.get('n1')).toEqual(new Date(now));
  });
});
