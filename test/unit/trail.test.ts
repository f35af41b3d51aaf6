import type { CloudTrailClient, Event, LookupEventsCommand, LookupEventsCommandInput } from '@aws-sdk/client-cloudtrail';
import { describe, expect, it } from 'vitest';
import { lookUpTrail } from '../../orchestrator/aws/trail.ts';
import type { TrailProgress, TrailRequest } from '../../orchestrator/aws/trail.ts';
import { QuickClock } from './support/quick-clock.ts';

/** How CloudTrail is asked, and what becomes of its answers; against one that answers as each test says. */

type Answer = { readonly Events?: readonly unknown[]; readonly NextToken?: string } | Error;

/** @param answer of each request, by its number from 1 */
function rigWith(answer: (n: number, input: LookupEventsCommandInput) => Answer, clock = new QuickClock()) {
  const inputs: LookupEventsCommandInput[] = [];
  const timesMs: number[] = [];
  const stopping = new AbortController();
  const progress: TrailProgress[] = [];
  const send = ({ input }: LookupEventsCommand): Promise<unknown> => {
    inputs.push(input);
    timesMs.push(clock.now());
    const answered = answer(inputs.length, input);
    return answered instanceof Error ? Promise.reject(answered) : Promise.resolve(answered);
  };
  const cloudtrail = { send } as unknown as CloudTrailClient;
  const lookUp = (request: Partial<TrailRequest> = { accessKeyIds: ['ASIAONE'] }) =>
    lookUpTrail({ cloudtrail }, { from, to, signal: stopping.signal, clock, onProgress: (now) => progress.push(now), ...request });
  return { lookUp, inputs, timesMs, progress, stopping, clock };
}

const from = new Date('2030-05-01T12:00:00Z');
const to = new Date('2030-05-01T13:00:00Z');

interface Written {
  readonly id?: string;
  readonly second?: number;
  readonly record?: Readonly<Record<string, unknown>>;
  readonly outer?: Readonly<Record<string, unknown>>;
}

/** An event of an assumed role, as `LookupEvents` answers it. */
function written({ id = 'event-1', second = 0, record = {}, outer = {} }: Written = {}): Event {
  const time = new Date(from.getTime() + second * 1000);
  return {
    EventId: id,
    EventName: 'CreateVpc',
    ReadOnly: 'false',
    EventTime: time,
    CloudTrailEvent: JSON.stringify({
      eventVersion: '1.11',
      userIdentity: {
        type: 'AssumedRole',
        arn: 'arn:aws:sts::111122223333:assumed-role/deployer/holdfast-run-1',
        accessKeyId: 'ASIAONE',
      },
      eventTime: `${time.toISOString().slice(0, 19)}Z`,
      eventSource: 'ec2.amazonaws.com',
      eventName: 'CreateVpc',
      requestParameters: { cidrBlock: '10.0.0.0/16' },
      responseElements: { vpc: { vpcId: 'vpc-0a' } },
      eventID: id,
      readOnly: false,
      ...record,
    }),
    ...outer,
  };
}

function errorOf(name: string, status?: number, code?: string): Error {
  const error = new Error(`it said ${name}`);
  error.name = name;
  return Object.assign(error, status === undefined ? {} : { $metadata: { httpStatusCode: status } }, code === undefined ? {} : { code });
}

const idsOf = async (looked: ReturnType<typeof lookUpTrail>) => {
  const found = await looked;
  return found.ok ? found.value.map(({ eventId }) => eventId) : found;
};

describe('the question', () => {
  it('is for one key over the time range, in the largest pages', async () => {
    const { lookUp, inputs } = rigWith(() => ({}));
    await lookUp();
    expect(inputs).toEqual([
      {
        LookupAttributes: [{ AttributeKey: 'AccessKeyId', AttributeValue: 'ASIAONE' }],
        StartTime: from,
        EndTime: to,
        MaxResults: 50,
        NextToken: undefined,
      },
    ]);
  });

  it('is for each key by itself, and once for each', async () => {
    const { lookUp, inputs } = rigWith(() => ({}));
    await lookUp({ accessKeyIds: ['ASIAONE', 'ASIATWO', 'ASIAONE'] });
    expect(inputs.map(({ LookupAttributes }) => LookupAttributes)).toEqual([
      [{ AttributeKey: 'AccessKeyId', AttributeValue: 'ASIAONE' }],
      [{ AttributeKey: 'AccessKeyId', AttributeValue: 'ASIATWO' }],
    ]);
  });

  it('is for the session where there is no key', async () => {
    const { lookUp, inputs } = rigWith(() => ({}));
    await lookUp({ accessKeyIds: [], sessionName: 'holdfast-run-1' });
    expect(inputs[0]?.LookupAttributes).toEqual([{ AttributeKey: 'Username', AttributeValue: 'holdfast-run-1' }]);
  });

  it('is not for the session where there are keys', async () => {
    const { lookUp, inputs } = rigWith(() => ({}));
    await lookUp({ accessKeyIds: ['ASIAONE'], sessionName: 'holdfast-run-1' });
    expect(inputs.map(({ LookupAttributes }) => LookupAttributes?.[0]?.AttributeKey)).toEqual(['AccessKeyId']);
  });

  it('for nobody is a mistake of who asks', async () => {
    const { lookUp } = rigWith(() => ({}));
    await expect(lookUp({ accessKeyIds: [], sessionName: '' })).rejects.toThrow('neither a key nor a session');
  });

  it('goes on to the last page with the same parameters', async () => {
    const tokens = ['second', 'third'];
    const { lookUp, inputs } = rigWith((n) => ({ NextToken: tokens[n - 1] ?? '' }));
    await lookUp();
    const [first, ...others] = inputs;
    expect(others).toEqual(tokens.map((NextToken) => ({ ...first, NextToken })));
  });
});

describe('the answer', () => {
  it('is every event in the order of time, whatever order they came in', async () => {
    const { lookUp } = rigWith(() => ({ Events: [3, 1, 2].map((second) => written({ id: `at ${second}`, second })) }));
    expect(await idsOf(lookUp())).toEqual(['at 1', 'at 2', 'at 3']);
  });

  it('takes it that of one second the newest came first', async () => {
    const { lookUp } = rigWith(() => ({ Events: ['newest', 'older', 'oldest'].map((id) => written({ id })) }));
    expect(await idsOf(lookUp())).toEqual(['oldest', 'older', 'newest']);
  });

  it('has an event once that came twice', async () => {
    const { lookUp } = rigWith((n) => ({ Events: [written({ id: 'again' })], ...(n === 1 ? { NextToken: 'second' } : {}) }));
    expect(await idsOf(lookUp())).toEqual(['again']);
  });

  it('is that of all pages and keys', async () => {
    const { lookUp } = rigWith((n) => ({ Events: [written({ id: `${n}`, second: n })], ...(n === 1 ? { NextToken: 'second' } : {}) }));
    expect(await idsOf(lookUp({ accessKeyIds: ['ASIAONE', 'ASIATWO'] }))).toEqual(['1', '2', '3']);
  });

  it.each([
    ['the lookup', { outer: { ReadOnly: 'true' } }],
    ['the record', { record: { readOnly: true } }],
  ])('has no read, as %s says it', async (_, read) => {
    const { lookUp } = rigWith(() => ({ Events: [written(read)] }));
    expect(await idsOf(lookUp())).toEqual([]);
  });

  it('is empty, and no failure, where CloudTrail has nothing', async () => {
    const { lookUp } = rigWith(() => ({}));
    expect(await lookUp()).toEqual({ ok: true, value: [] });
  });

  const one = async (event: Event) => {
    const { lookUp } = rigWith(() => ({ Events: [event] }));
    const found = await lookUp();
    return found.ok ? found.value[0] : found;
  };

  it('says of an event who did what, when, and what came of it', async () => {
    expect(await one(written({ second: 7 }))).toEqual({
      eventId: 'event-1',
      name: 'CreateVpc',
      source: 'ec2.amazonaws.com',
      at: new Date('2030-05-01T12:00:07Z'),
      accessKeyId: 'ASIAONE',
      sessionName: 'holdfast-run-1',
      request: { cidrBlock: '10.0.0.0/16' },
      response: { vpc: { vpcId: 'vpc-0a' } },
    });
  });

  it('has a failed call, marked as such', async () => {
    const failed = await one(written({ record: { errorCode: 'Client.VpcLimitExceeded', responseElements: null } }));
    expect(failed).toMatchObject({ errorCode: 'Client.VpcLimitExceeded', response: null });
  });

  it('has no session for a user', async () => {
    const user = { type: 'IAMUser', arn: 'arn:aws:iam::111122223333:user/alice', accessKeyId: 'AKIAALICE', userName: 'alice' };
    expect(await one(written({ record: { userIdentity: user } }))).toMatchObject({ accessKeyId: 'AKIAALICE', sessionName: undefined });
  });

  it('has neither key nor session for a service', async () => {
    const service = { type: 'AWSService', invokedBy: 'transitgateway.amazonaws.com' };
    expect(await one(written({ record: { userIdentity: service } }))).toMatchObject({ accessKeyId: undefined, sessionName: undefined });
  });
});

describe('an event that cannot be read', () => {
  it.each([
    ['without a record', { outer: { CloudTrailEvent: undefined } }],
    ['of half a record', { outer: { CloudTrailEvent: '{"eventID":"event-1"' } }],
    ['of a record that is a list', { outer: { CloudTrailEvent: '[]' } }],
    ['without a name', { record: { eventName: undefined } }],
    ['without an id', { record: { eventID: '' } }],
    ['of no time', { record: { eventTime: 'yesterday' } }],
  ])('(%s) is counted, and the others are read', async (_, broken) => {
    const { lookUp, progress } = rigWith(() => ({ Events: [written(broken), written({ id: 'whole' })] }));
    expect([await idsOf(lookUp()), progress]).toEqual([['whole'], [{ pages: 1, events: 1, unreadable: 1 }]]);
  });
});

describe('the progress', () => {
  it('is told after each page, with all until then', async () => {
    const { lookUp, progress } = rigWith((n) => ({
      Events: [written({ id: `${n}` }), written({ outer: { ReadOnly: 'true' } })],
      ...(n < 3 ? { NextToken: `${n + 1}` } : {}),
    }));
    await lookUp();
    expect(progress).toEqual([1, 2, 3].map((n) => ({ pages: n, events: n, unreadable: 0 })));
  });
});

/** The largest number of requests that fall into any second. */
const mostInASecond = (timesMs: readonly number[]): number =>
  Math.max(...timesMs.map((start) => timesMs.filter((time) => time >= start && time < start + 1000).length));

describe('the pace', () => {
  const threePages = (n: number) => (n % 3 === 0 ? {} : { NextToken: `${n + 1}` });

  it('is two requests a second over all pages and keys', async () => {
    const { lookUp, timesMs } = rigWith(threePages);
    await lookUp({ accessKeyIds: ['ASIAONE', 'ASIATWO'] });
    expect([timesMs.length, mostInASecond(timesMs)]).toEqual([6, 2]);
  });

  it('is shared by look-ups at the same time', async () => {
    const { lookUp, timesMs } = rigWith(() => ({}));
    await Promise.all([lookUp(), lookUp(), lookUp()]);
    expect([timesMs.length, mostInASecond(timesMs)]).toEqual([3, 2]);
  });

  it('makes nobody wait for the first request', async () => {
    const { lookUp, timesMs, clock } = rigWith(() => ({}));
    const startMs = clock.now();
    await lookUp();
    expect(timesMs).toEqual([startMs]);
  });

  it('makes nobody wait for an hour where the clock was set back by one', async () => {
    let setBackMs = 0;
    const clock = new (class extends QuickClock {
      override now = (): number => super.now() - setBackMs;
    })();
    const { lookUp } = rigWith(() => ({}), clock);
    await lookUp();
    setBackMs = 3_600_000;
    const startMs = clock.now();
    await lookUp();
    expect(clock.now() - startMs).toBeLessThan(1000);
  });
});

describe('a request that CloudTrail does not answer', () => {
  it.each([
    ['throttled', errorOf('ThrottlingException', 400)],
    ['failed by CloudTrail', errorOf('InternalFailure', 500)],
    ['broken off', errorOf('Error', undefined, 'ECONNRESET')],
    ['not answered in time', errorOf('TimeoutError')],
    ['signed by a clock that was wrong', Object.assign(errorOf('InvalidSignatureException'), { $metadata: { clockSkewCorrected: true } })],
  ])('as it was %s is made again, and the look-up goes on', async (_, error) => {
    const { lookUp } = rigWith((n) =>
      n === 2 ? error : { Events: [written({ id: `${n}` })], ...(n === 1 ? { NextToken: 'second' } : {}) },
    );
    expect(await idsOf(lookUp())).toEqual(['3', '1']);
  });

  it('is made again more and more slowly', async () => {
    const { lookUp, timesMs } = rigWith((n) => (n < 4 ? errorOf('ThrottlingException', 400) : {}));
    await lookUp();
    expect(timesMs.slice(1).map((time, index) => time - (timesMs[index] ?? 0))).toEqual([1000, 2000, 4000]);
  });

  it('is given up within a minute where that goes on', async () => {
    const { lookUp, clock } = rigWith(() => errorOf('ThrottlingException', 400));
    const startMs = clock.now();
    expect(await lookUp()).toEqual({
      ok: false,
      code: 'ThrottlingException',
      message: 'it said ThrottlingException (asked 8 times)',
      action: 'cloudtrail:LookupEvents',
    });
    expect(clock.now() - startMs).toBeLessThan(60_000);
  });

  it('as it was wrong is not made again', async () => {
    const { lookUp, inputs } = rigWith(() => errorOf('InvalidTimeRangeException', 400));
    expect([await lookUp(), inputs.length]).toMatchObject([{ ok: false, code: 'InvalidTimeRangeException' }, 1]);
  });
});

describe('a look-up that is not permitted', () => {
  const refused = () => rigWith(() => errorOf('AccessDeniedException', 400));

  it('names the action that is to be permitted', async () => {
    expect(await refused().lookUp()).toEqual({
      ok: false,
      code: 'AccessDeniedException',
      message: 'cloudtrail:LookupEvents is not permitted: it said AccessDeniedException',
      action: 'cloudtrail:LookupEvents',
    });
  });

  it('is not tried again', async () => {
    const { lookUp, inputs } = refused();
    await lookUp();
    expect(inputs).toHaveLength(1);
  });
});

describe('a look-up that is stopped', () => {
  const stopped = { ok: false, code: 'Aborted' };

  it('before it begins asks nothing', async () => {
    const { lookUp, stopping, inputs } = rigWith(() => ({}));
    stopping.abort();
    expect([await lookUp(), inputs.length]).toMatchObject([stopped, 0]);
  });

  it('between two pages asks for no more', async () => {
    const { lookUp, stopping, inputs } = rigWith((n) => {
      stopping.abort();
      return { NextToken: `${n + 1}` };
    });
    expect([await lookUp(), inputs.length]).toMatchObject([stopped, 1]);
  });

  it('during a request is stopped, and not failed', async () => {
    const { lookUp, stopping } = rigWith(() => {
      stopping.abort();
      return errorOf('AbortError');
    });
    expect(await lookUp()).toMatchObject(stopped);
  });
});
