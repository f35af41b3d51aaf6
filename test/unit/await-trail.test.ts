import { describe, expect, it } from 'vitest';
import type { Looked } from '../../orchestrator/aws/account.ts';
import type { TrailEvent } from '../../orchestrator/aws/trail.ts';
import { awaitTrail } from '../../orchestrator/recovery/await-trail.ts';
import type { AwaitTrailRequest } from '../../orchestrator/recovery/await-trail.ts';
import { QuickClock } from './support/quick-clock.ts';

/** How long CloudTrail is waited for, and when not at all; on a clock that starts at midnight of 2030-01-01 UTC. */

const created = (id: string): TrailEvent => ({
  eventId: `of ${id}`,
  name: 'CreateVpc',
  source: 'ec2.amazonaws.com',
  at: new Date('2030-01-01T00:00:00Z'),
  accessKeyId: 'ASIARUN',
  sessionName: 'holdfast-run',
  request: { cidrBlock: '10.0.0.0/16' },
  response: { vpc: { vpcId: id } },
});

const saying = (...ids: readonly string[]): Looked<readonly TrailEvent[]> => ({ ok: true, value: ids.map(created) });
const throttled: Looked<never> = { ok: false, code: 'ThrottlingException', message: 'Rate exceeded' };

/** @param answer of each look, by its number from 1 */
function rigWith(answer: (n: number) => Looked<readonly TrailEvent[]>, more: Partial<AwaitTrailRequest> = {}) {
  const clock = new QuickClock();
  const startMs = clock.now();
  const looksAtSeconds: number[] = [];
  const progress: string[] = [];
  const stopping = new AbortController();
  const awaited = () =>
    awaitTrail({
      of: 'vpc.a/vpc',
      lookUp: () => {
        looksAtSeconds.push((clock.now() - startMs) / 1000);
        return Promise.resolve(answer(looksAtSeconds.length));
      },
      satisfied: (objects) => objects.some(({ id }) => id === 'vpc-0a'),
      limitSeconds: 900,
      everySeconds: 20,
      clock,
      signal: stopping.signal,
      onProgress: (message) => progress.push(message),
      ...more,
    });
  return { awaited, looksAtSeconds, progress, stopping };
}

const idsOf = ({ objects }: Awaited<ReturnType<typeof awaitTrail>>) => objects.map(({ id }) => id);

describe('CloudTrail that says enough', () => {
  it('at once is not waited for', async () => {
    const { awaited, looksAtSeconds, progress } = rigWith(() => saying('vpc-0a'));
    const found = await awaited();
    expect([found.ok, idsOf(found), looksAtSeconds, progress]).toEqual([true, ['vpc-0a'], [0], []]);
  });

  it('later is asked again and again until it does', async () => {
    const { awaited, looksAtSeconds } = rigWith((n) => (n < 4 ? saying('vpc-0b') : saying('vpc-0b', 'vpc-0a')));
    const found = await awaited();
    expect([found.ok, idsOf(found), looksAtSeconds]).toEqual([true, ['vpc-0b', 'vpc-0a'], [0, 20, 40, 60]]);
  });

  it('after it did not answer is heard all the same', async () => {
    const { awaited } = rigWith((n) => (n === 1 ? throttled : saying('vpc-0a')));
    expect((await awaited()).ok).toBe(true);
  });
});

describe('who waits is told', () => {
  it('of what nothing was heard yet, and until when', async () => {
    const { awaited, progress } = rigWith((n) => (n < 2 ? saying() : saying('vpc-0a')));
    await awaited();
    expect(progress).toEqual(['CloudTrail: nothing yet of vpc.a/vpc; it is up to 15 min late, waiting until 00:15 UTC']);
  });

  it('that CloudTrail did not answer, and why', async () => {
    const { awaited, progress } = rigWith((n) => (n < 2 ? throttled : saying('vpc-0a')));
    await awaited();
    expect(progress).toEqual(['CloudTrail did not answer (ThrottlingException: Rate exceeded), waiting until 00:15 UTC']);
  });
});

describe('the limit', () => {
  it('has the last look, also where it is in the middle of an interval', async () => {
    const { awaited, looksAtSeconds } = rigWith(() => saying(), { limitSeconds: 50 });
    await awaited();
    expect(looksAtSeconds).toEqual([0, 20, 40, 50]);
  });

  it('of no seconds is one look', async () => {
    const { awaited, looksAtSeconds } = rigWith(() => saying(), { limitSeconds: 0 });
    await awaited();
    expect(looksAtSeconds).toEqual([0]);
  });

  it('ends with what was heard until then, and does not call the rest absent', async () => {
    const { awaited } = rigWith(() => saying('vpc-0b'));
    const found = await awaited();
    expect([found, idsOf(found)]).toMatchObject([
      {
        ok: false,
        reason: 'limit-reached',
        why: 'CloudTrail: nothing of vpc.a/vpc by 00:15 UTC, which does not say that there is none',
      },
      ['vpc-0b'],
    ]);
  });

  it('ends with what was heard before CloudTrail stopped answering', async () => {
    const { awaited } = rigWith((n) => (n === 1 ? saying('vpc-0b') : throttled));
    const found = await awaited();
    expect([found, idsOf(found)]).toMatchObject([
      { ok: false, reason: 'not-answered', why: 'CloudTrail did not answer (ThrottlingException: Rate exceeded), asked until 00:15 UTC' },
      ['vpc-0b'],
    ]);
  });
});

describe('CloudTrail that may not be read', () => {
  it.each(['AccessDeniedException', 'AccessDenied', 'OperationNotPermittedException', 'UnsupportedOperationException'])(
    '(%s) is not waited for',
    async (code) => {
      const { awaited, looksAtSeconds, progress } = rigWith(() => ({
        ok: false,
        code,
        message: 'cloudtrail:LookupEvents is not permitted',
      }));
      expect([await awaited(), looksAtSeconds, progress]).toEqual([
        { ok: false, reason: 'not-permitted', objects: [], why: 'CloudTrail: cloudtrail:LookupEvents is not permitted' },
        [0],
        [],
      ]);
    },
  );
});

describe('a wait that is stopped', () => {
  const stopped = { ok: false, reason: 'stopped' };

  it('before it begins does not look', async () => {
    const { awaited, stopping, looksAtSeconds } = rigWith(() => saying());
    stopping.abort();
    expect([await awaited(), looksAtSeconds]).toMatchObject([stopped, []]);
  });

  it('between two looks does not look again, and keeps what it heard', async () => {
    const rig = rigWith(() => saying('vpc-0b'), { onProgress: () => rig.stopping.abort() });
    const found = await rig.awaited();
    expect([found, idsOf(found), rig.looksAtSeconds]).toMatchObject([stopped, ['vpc-0b'], [0]]);
  });

  it('during a look tells nobody that it goes on waiting', async () => {
    const rig = rigWith(() => {
      rig.stopping.abort();
      return { ok: false, code: 'Aborted', message: 'stopped' };
    });
    expect([await rig.awaited(), rig.progress]).toMatchObject([stopped, []]);
  });
});
