import { beforeEach, describe, expect, it } from 'vitest';
import type { LookScope } from '../../orchestrator/inventory/live-object.ts';
import type { Answer } from '../../orchestrator/journal/events.ts';
import { examine } from '../../orchestrator/recovery/examine.ts';
import type { Examined, ExamineRequest, TrailAnswer } from '../../orchestrator/recovery/examine.ts';
import { readHistory } from '../../orchestrator/recovery/history.ts';
import type { TrailWord } from '../../orchestrator/recovery/subjects.ts';
import type { Deployment } from '../../orchestrator/state/deployment.ts';
import { recoveryWords } from '../../orchestrator/ui/recovery.ts';
import { FakeCloud, FakeTime } from './support/fake-cloud.ts';
import {
  deploymentOf,
  installation,
  object,
  pending,
  raw,
  root,
  shapeOf,
  short,
  stack,
  tagged,
  tagsOf,
  told,
  typeOf,
  types,
  urnOf,
  versionsOf,
  word,
} from './support/recovery.ts';

let time: FakeTime;
let aws: FakeCloud;
let progress: string[];
let stopping: AbortController;
beforeEach(() => {
  time = new FakeTime();
  aws = new FakeCloud(time);
  progress = [];
  stopping = new AbortController();
});

const empty = deploymentOf([root]);
const creating = deploymentOf([root], [pending('creating', raw('vpc'))]);
const made = deploymentOf([root, raw('vpc', { id: 'vpc-1' })]);

/** It will say nothing at all. */
const silent = (): Promise<TrailAnswer> => Promise.resolve({ words: [], final: true, said: 'nothing by the key' });

interface Given extends Partial<Omit<ExamineRequest, 'current' | 'history'>> {
  readonly versions?: readonly Deployment[];
}

function run({ versions = [empty, creating], ...more }: Given = {}): Promise<Examined> {
  return examine({
    stack,
    short,
    project: 'holdfast',
    installation,
    typeOf,
    because: recoveryWords.because,
    current: versions.at(-1) ?? empty,
    history: readHistory(versionsOf(...versions)),
    doubts: [],
    spool: undefined,
    disowned: new Set(),
    answers: [],
    given: more.answers ?? [],
    plan: () => Promise.reject(new Error('no plan was to be asked for')),
    look: aws.look,
    elsewhere: () => Promise.resolve({ holders: new Map(), unread: [] }),
    trail: silent,
    staleness: () => 30,
    limitSeconds: 600,
    now: time.now,
    sleep: time.sleep,
    signal: stopping.signal,
    onProgress: (message) => progress.push(message),
    ...more,
  });
}

/** What it was decided, or why not. */
async function decided(given: Given = {}): Promise<string[]> {
  const examined = await run(given);
  return examined.ok ? told(examined.subjects) : [`${examined.reason}: ${examined.why}`];
}

const startedMs = new FakeTime().ms;
const secondsPassed = (): number => (time.ms - startedMs) / 1000;
const at = (seconds: number): Date => new Date(startedMs + seconds * 1000);

describe('what AWS may show late', () => {
  it('is neither forgotten nor doubled: a create that is not shown for 20 s', async () => {
    aws.add(tagged('vpc-1', 'vpc'), 20);
    expect(await decided()).toEqual(['U2 adopt vpc vpc-1']);
    expect(secondsPassed()).toBe(60);
  });

  it('counts as gone when it is not shown for as long as AWS may lag', async () => {
    expect(await decided()).toEqual(['G1 forget vpc']);
    expect(secondsPassed()).toBe(30);
    expect(aws.looks).toHaveLength(2);
  });

  it('counts as there when it is shown for as long as AWS may lag', async () => {
    aws.add(tagged('vpc-1', 'vpc'));
    expect(await decided()).toEqual(['U2 adopt vpc vpc-1']);
    expect(secondsPassed()).toBe(30);
  });

  it('is found when a second one appears beside the first', async () => {
    aws.add(tagged('vpc-1', 'vpc')).add(tagged('vpc-2', 'vpc'), 25);
    expect((await decided()).sort()).toEqual(['U1 duplicate vpc vpc-2', 'U2 adopt vpc vpc-1']);
  });

  it('is what was deleted: it is not kept because a look still shows it', async () => {
    aws.add(object('vpc-1')).remove('vpc-1', 20);
    const deleting = deploymentOf([root, raw('vpc', { id: 'vpc-1' })], [pending('deleting', raw('vpc', { id: 'vpc-1' }))]);
    expect(await decided({ versions: [made, deleting] })).toEqual(['G7 forget vpc vpc-1']);
    expect(secondsPassed()).toBe(60);
  });

  it('is waited for no longer than it takes, and said', async () => {
    await run();
    expect(time.slept).toEqual([30_000]);
    expect(progress).toEqual(['vpc.a: vpc: AWS may not show yet what was done; the next look is in 30 s']);
  });

  it('is not waited for where nothing is in doubt', async () => {
    aws.add(tagged('vpc-1', 'vpc'));
    expect(await decided({ versions: [made] })).toEqual(['R4 keep vpc vpc-1']);
    expect([secondsPassed(), aws.looks.length]).toEqual([0, 1]);
  });

  it('loses its tags meanwhile, and is looked for by its id', async () => {
    aws.add(tagged('vpc-1', 'vpc')).change('vpc-1', { tags: {} }, 10);
    expect(await decided()).toEqual(['X ask vpc vpc-1']);
    expect(aws.looks.at(-1)?.known.get(types.vpc)).toEqual(['vpc-1']);
  });

  it('of several is waited for once', async () => {
    const two = deploymentOf([root], [pending('creating', raw('vpc')), pending('creating', raw('net', { type: types.subnet }))]);
    expect(await decided({ versions: [two] })).toEqual(['G1 forget vpc', 'G1 forget net']);
    expect(progress[0]).toContain('(and 1 more)');
    expect(time.slept).toHaveLength(1);
  });
});

describe('what AWS is still at', () => {
  it.each([
    ['coming', 'making', 'U2 adopt vpc vpc-1'],
    ['going', 'deleting', 'G1 forget vpc'],
  ] as const)('%s is waited for until it is over', async (phase, doing, decision) => {
    aws.add(tagged('vpc-1', 'vpc', { phase }));
    if (phase === 'coming') aws.change('vpc-1', { phase: 'there' }, 90);
    else aws.remove('vpc-1', 90);
    expect((await decided()).map((line) => line.replace('vpc vpc-1', 'vpc')).sort()).toEqual([decision.replace('vpc vpc-1', 'vpc')]);
    expect(secondsPassed()).toBeGreaterThanOrEqual(120);
    expect(progress[0]).toContain(`AWS is still ${doing} it; the next look is in 5 s`);
  });

  it('is given up at the limit, with what it waited for', async () => {
    aws.add(tagged('vpc-1', 'vpc', { phase: 'coming' }));
    expect(await run({ limitSeconds: 60 })).toMatchObject({
      ok: false,
      reason: 'unsettled',
      why: 'vpc (vpc-1): AWS is still making it; waited 1 min',
    });
    expect(secondsPassed()).toBe(60);
  });

  it('is given up at the limit, with how many more there are', async () => {
    const two = deploymentOf([root], [pending('creating', raw('vpc')), pending('creating', raw('net', { type: types.subnet }))]);
    aws.add(tagged('vpc-1', 'vpc', { phase: 'coming' })).add(tagged('subnet-1', 'net', { type: types.subnet, phase: 'coming' }));
    const examined = await run({ versions: [two], limitSeconds: 5 });
    expect(examined).toMatchObject({ why: 'vpc (vpc-1): AWS is still making it, and 1 more; waited 5 s' });
  });

  it('never takes longer than the limit, and a last look is made at its end', async () => {
    expect(await run({ staleness: () => 60, limitSeconds: 45 })).toMatchObject({ ok: false, reason: 'unsettled' });
    expect([secondsPassed(), aws.looks.length]).toEqual([45, 2]);
  });
});

describe('CloudTrail', () => {
  /** It answers each time it is asked, and the last answer from then on. */
  const saying = (...answers: readonly Partial<TrailAnswer>[]): { readonly asked: Date[]; readonly trail: () => Promise<TrailAnswer> } => {
    const asked: Date[] = [];
    return {
      asked,
      trail: () => {
        asked.push(new Date(time.ms));
        const answer = answers[Math.min(asked.length, answers.length) - 1];
        return Promise.resolve({ words: [], final: false, said: 'asked', ...answer });
      },
    };
  };
  const said = word('vpc-1', { tags: tagsOf('vpc') });

  it('names an id that no look shows: it is looked for by that id, and waited for', async () => {
    aws.add(object('vpc-1'), 50);
    expect(await decided(saying({ words: [said], final: true }))).toEqual(['U3 adopt vpc vpc-1']);
    expect(aws.looks.at(-1)?.known.get(types.vpc)).toEqual(['vpc-1']);
    expect(secondsPassed()).toBeGreaterThanOrEqual(80);
  });

  it('names an id that never comes: it is gone when it was not shown by that id for as long as AWS may lag', async () => {
    expect(await decided(saying({ words: [said], final: true }))).toEqual(['G1 forget vpc vpc-1']);
    const withId = aws.looks.filter(({ known }) => known.get(types.vpc)?.includes('vpc-1'));
    expect(withId.length).toBeGreaterThanOrEqual(2);
  });

  it('names an id of a type that is told by its key, and that no look shows', async () => {
    const inputs = { routeTableId: 'rtb-1', subnetId: 'subnet-1' };
    const link = deploymentOf([root], [pending('creating', raw('link', { type: types.association, inputs }))]);
    const words = [word('rtbassoc-1', { type: types.association, key: inputs })];
    expect(await decided({ versions: [link], ...saying({ words, final: true }) })).toEqual(['G1 forget link rtbassoc-1']);
    expect(aws.looks.length).toBeLessThan(10);
  });

  it.each([
    ['none of its key', undefined],
    ['a part of its key', { routeTableId: 'rtb-1' }],
  ])('names an id of such a type and %s: what AWS has under it is looked at', async (_, key) => {
    const inputs = { routeTableId: 'rtb-1', subnetId: 'subnet-1' };
    const link = deploymentOf([root], [pending('creating', raw('link', { type: types.association, inputs }))]);
    await run({ versions: [link], ...saying({ words: [word('rtbassoc-1', { type: types.association, key })], final: true }) });
    expect(aws.looks.at(-1)?.known.get(types.association)).toEqual(['rtbassoc-1']);
  });

  it.each([
    ['another stack', { tags: tagsOf('vpc', 'example.vpc.b') }],
    ['another installation', { tags: tagsOf('vpc', stack, 'theirs') }],
  ])('says of %s what is not looked for', async (_, more) => {
    await run(saying({ words: [word('vpc-9', more)], final: true }));
    expect(aws.looks.every(({ known }) => !known.has(types.vpc))).toBe(true);
  });

  it('says what was deleted, which needs no second look', async () => {
    const deleting = deploymentOf([root, raw('vpc', { id: 'vpc-1' })], [pending('deleting', raw('vpc', { id: 'vpc-1' }))]);
    const words = [word('vpc-1', { act: 'deleted' })];
    expect(await decided({ versions: [made, deleting], ...saying({ words, final: true }) })).toEqual(['G7 forget vpc vpc-1']);
  });

  it('is not asked where nothing was made or deleted', async () => {
    aws.add(tagged('vpc-1', 'vpc'));
    const updating = deploymentOf([root, raw('vpc', { id: 'vpc-1' })], [pending('updating', raw('vpc', { id: 'vpc-1' }))]);
    const examined = await run({ versions: [updating], trail: () => Promise.reject(new Error('it was asked')) });
    expect(examined).toMatchObject({ ok: true, trail: 'not asked' });
  });

  it('is not waited for where AWS itself decides', async () => {
    aws.add(tagged('vpc-1', 'vpc'));
    await run(saying({ words: [] }));
    expect(secondsPassed()).toBe(30);
  });

  it('is waited for where the answer would be a question, asked now and then', async () => {
    aws.add(object('vpc-1'));
    const spool = deploymentOf([root, raw('vpc', { id: 'vpc-1' })]);
    const { asked, trail } = saying({}, {}, {}, { words: [said], final: true });
    expect(await decided({ spool, trail })).toEqual(['U3 adopt vpc vpc-1']);
    expect(asked).toHaveLength(4);
    for (const [index, date] of asked.slice(1).entries())
      expect(date.getTime() - (asked[index]?.getTime() ?? 0)).toBeGreaterThanOrEqual(20_000);
  });

  it('that says nothing until the limit leaves the question', async () => {
    aws.add(object('vpc-1'));
    const spool = deploymentOf([root, raw('vpc', { id: 'vpc-1' })]);
    expect(await decided({ spool, ...saying({}), limitSeconds: 120 })).toEqual(['X ask vpc vpc-1']);
    expect(secondsPassed()).toBeGreaterThanOrEqual(120);
  });

  it('that will say nothing more leaves the question at once', async () => {
    aws.add(object('vpc-1'));
    const spool = deploymentOf([root, raw('vpc', { id: 'vpc-1' })]);
    expect(await decided({ spool, ...saying({ final: true }) })).toEqual(['X ask vpc vpc-1']);
    expect(secondsPassed()).toBe(30);
  });

  it.each([
    ['is not permitted', () => Promise.resolve({ words: [], final: true, said: 'not read (AccessDenied)' }), 'not read (AccessDenied)'],
    ['cannot be read', () => Promise.reject(new Error('ENOTFOUND')), 'CloudTrail could not be read: ENOTFOUND'],
  ])('%s: what AWS shows decides alone', async (_, trail, says) => {
    aws.add(tagged('vpc-1', 'vpc'));
    const examined = await run({ trail });
    expect(examined.ok && [told(examined.subjects), examined.trail]).toEqual([['U2 adopt vpc vpc-1'], says]);
  });

  it.each<readonly [string, () => Promise<TrailAnswer>]>([
    ['is refused', () => Promise.resolve({ words: [], final: true, said: 'not read (Throttling)' })],
    ['fails', () => Promise.reject(new Error('ECONNRESET'))],
  ])('that has named an id, and then %s, has named it all the same', async (_, then) => {
    aws.add(object('vpc-1'), 50);
    let asked = 0;
    const trail = (): Promise<TrailAnswer> => {
      asked += 1;
      return asked === 1 ? Promise.resolve({ words: [said], final: false, said: 'one event' }) : then();
    };
    expect(await decided({ trail })).toEqual(['U3 adopt vpc vpc-1']);
    expect(asked).toBe(2);
  });

  it('that says something new at the very end is followed by another look', async () => {
    let words: readonly TrailWord[] = [];
    const trail = async (): Promise<TrailAnswer> => {
      await Promise.resolve();
      words = time.ms >= at(30).getTime() ? [said] : [];
      return { words, final: words.length > 0, said: '' };
    };
    aws.add(object('vpc-1'), 40);
    expect(await decided({ trail })).toEqual(['U3 adopt vpc vpc-1']);
  });
});

describe('what is looked up by its id', () => {
  const known = async (given: Given): Promise<Record<string, readonly string[]>> => {
    await run(given);
    return Object.fromEntries(aws.looks[0]?.known ?? []);
  };

  it('is what the checkpoint has, what earlier versions had, and what is pending', async () => {
    const before = deploymentOf([raw('old', { id: 'vpc-0' })]);
    const now = deploymentOf([raw('vpc', { id: 'vpc-1' })], [pending('deleting', raw('gone', { id: 'vpc-2' }))]);
    expect(await known({ versions: [before, now] })).toEqual({ [types.vpc]: ['vpc-0', 'vpc-1', 'vpc-2'] });
  });

  it('is what the spool has, and what a person names', async () => {
    const answers: Answer[] = [
      { resource: 'vpc', answer: 'adopt', id: 'vpc-8' },
      { resource: 'vpc', answer: 'forget' },
    ];
    const spool = deploymentOf([raw('vpc', { id: 'vpc-7' })]);
    expect(await known({ spool, answers, given: [] })).toEqual({ [types.vpc]: ['vpc-7', 'vpc-8'] });
  });

  it('is of what something would be in the nearest alone: on the gateway there is what other stacks have made', async () => {
    const inputs = { vpcId: 'vpc-5', transitGatewayId: 'tgw-1' };
    const now = deploymentOf([], [pending('creating', raw('attachment', { type: types.attachment, inputs }))]);
    expect(await known({ versions: [now] })).toEqual({ [types.vpc]: ['vpc-5'] });
  });

  it('is the id that the provider would make of a key, and what it would be in', async () => {
    const inputs = { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8' };
    const now = deploymentOf(
      [],
      [
        pending('creating', raw('route', { type: types.route, inputs })),
        pending('creating', raw('net', { type: types.subnet, inputs: { vpcId: 'vpc-5' } })),
      ],
    );
    expect(await known({ versions: [now] })).toEqual({ [types.route]: ['r-rtb-1_10.0.0.0/8'], [types.vpc]: ['vpc-5'] });
  });

  it('is nothing of what AWS cannot be asked for, and of what the engine keeps for itself', async () => {
    const read = raw('read', { id: 'vpc-3', external: true });
    expect(await known({ versions: [deploymentOf([root, raw('topic', { type: types.topic, id: 'arn:1' }), read])] })).toEqual({});
  });

  it('is all of this stack and installation', async () => {
    await run();
    expect(aws.looks[0]).toMatchObject({ stacks: [stack], installation } satisfies Partial<LookScope>);
  });
});

describe('a plan', () => {
  it('is asked for once, where only the program tells how a thing is to be recorded', async () => {
    let plans = 0;
    const plan = () => {
      plans += 1;
      return Promise.resolve(new Map([['vpc', shapeOf('vpc', { inputs: { cidrBlock: 'planned' } })]]));
    };
    aws.add(tagged('vpc-1', 'vpc'));
    const doubts = [{ source: 'failed-step', urn: urnOf('vpc'), op: 'create', text: 'CreateVpc outcome unknown' }] as const;
    const examined = await run({ versions: [empty], doubts, plan });
    expect(examined.ok && [told(examined.subjects), examined.subjects[0]?.shape?.inputs, plans]).toEqual([
      ['U2 adopt vpc vpc-1'],
      { cidrBlock: 'planned' },
      1,
    ]);
  });

  it('that has nothing of it is asked for once too', async () => {
    let plans = 0;
    const plan = () => {
      plans += 1;
      return Promise.resolve(new Map());
    };
    aws.add(tagged('vpc-1', 'strange'));
    expect(await decided({ versions: [empty], plan })).toEqual(['X ask strange vpc-1']);
    expect([plans, aws.looks.length]).toEqual([1, 2]);
  });
});

describe('it ends', () => {
  it('when AWS refuses a look, with what AWS said', async () => {
    aws.refusal = { code: 'UnauthorizedOperation', message: 'ec2:DescribeVpcs: not authorized' };
    expect(await run()).toEqual({
      ok: false,
      reason: 'cannot-look',
      why: 'AWS could not be looked at: UnauthorizedOperation: ec2:DescribeVpcs: not authorized',
      looks: [],
    });
  });

  it('when AWS refuses a later look, with the looks before it', async () => {
    const look: ExamineRequest['look'] = (scope) => {
      if (aws.looks.length === 1) aws.refusal = { code: 'ExpiredToken', message: 'expired' };
      return aws.look(scope);
    };
    expect(await run({ look })).toMatchObject({ ok: false, reason: 'cannot-look', looks: { length: 1 } });
  });

  it('before the first look when it was stopped by a signal', async () => {
    stopping.abort();
    expect(await run()).toEqual({ ok: false, reason: 'stopped', why: 'stopped by a signal', looks: [] });
    expect(aws.looks).toEqual([]);
  });

  it('when it is stopped by a signal while it waits', async () => {
    const sleep = (): Promise<void> => {
      stopping.abort();
      return Promise.resolve();
    };
    expect(await run({ sleep })).toMatchObject({ ok: false, reason: 'stopped', looks: { length: 1 } });
  });

  it('not with what a look that was not whole did not show', async () => {
    aws.incomplete = ['routes of rtb-1'];
    expect(await run({ limitSeconds: 60 })).toMatchObject({
      ok: false,
      reason: 'unsettled',
      why: 'vpc: AWS could not be asked for it; waited 1 min',
    });
  });
});

describe('an answer that cannot be', () => {
  const refusal = async (answer: Answer, given: Given = {}): Promise<{ why: string; next: string | undefined }> => {
    const examined = await run({ answers: [answer], ...given });
    if (examined.ok || examined.reason !== 'bad-answer') throw new Error(`it was not refused: ${JSON.stringify(examined)}`);
    return { why: examined.why, next: examined.next };
  };

  it('names no resource of the stack', async () => {
    expect(await refusal({ resource: 'vcp', answer: 'forget' })).toEqual({
      why: '--decide vcp=forget: vpc.a has no resource "vcp"',
      next: 'In doubt are: vpc',
    });
  });

  it('names a resource where nothing is in doubt', async () => {
    aws.add(tagged('vpc-1', 'vpc'));
    const { next } = await refusal({ resource: 'vcp', answer: 'forget' }, { versions: [made] });
    expect(next).toBe('Nothing in it is in doubt.');
  });

  it('forgets what AWS has', async () => {
    aws.add(tagged('vpc-1', 'vpc'));
    expect(await refusal({ resource: 'vpc', answer: 'forget' })).toEqual({
      why: "--decide vpc=forget: AWS has vpc-1 for it, which would be nobody's",
      next: "Adopt it (--decide 'vpc=adopt:vpc-1'), have it deleted (=delete:ID), or leave it on purpose (=disown:ID).",
    });
  });

  it('names what is no id of the type', async () => {
    expect(await refusal({ resource: 'vpc', answer: 'adopt', id: 'subnet-1' })).toEqual({
      why: '--decide vpc=adopt:subnet-1: it is no id of a Vpc',
      next: 'Give an id of vpc.a/vpc.',
    });
  });

  it.each(['adopt', 'delete', 'disown'] as const)('names what AWS does not have: %s', async (answer) => {
    expect(await refusal({ resource: 'vpc', answer, id: 'vpc-9' })).toEqual({
      why: `--decide vpc=${answer}:vpc-9: AWS has no Vpc vpc-9`,
      next: 'Look what there is: npm run inventory -- vpc.a',
    });
  });

  it.each([
    [tagsOf('vpc', 'example.vpc.b'), 'vpc-1 belongs to example.vpc.b'],
    [tagsOf('vpc', stack, 'theirs'), `vpc-1 belongs to ${stack} of another installation`],
  ])('names what is somebody else’s: %j', async (tags, words) => {
    aws.add(object('vpc-1', { tags }));
    const { why } = await refusal({ resource: 'vpc', answer: 'adopt', id: 'vpc-1' });
    expect(why).toBe(`--decide vpc=adopt:vpc-1: ${words}`);
  });

  it('names what the state has for another resource', async () => {
    aws.add(tagged('vpc-1', 'other'));
    const versions = [deploymentOf([raw('other', { id: 'vpc-1' })], [pending('creating', raw('vpc'))])];
    expect(await refusal({ resource: 'vpc', answer: 'adopt', id: 'vpc-1' }, { versions })).toEqual({
      why: '--decide vpc=adopt:vpc-1: the state has vpc-1 as other',
      next: 'Give another id, or decide on other.',
    });
  });

  const theirs = { holders: new Map([[`${types.vpc} vpc-2`, { stack: 'example.vpc.b', resource: 'main' }]]), unread: [] };

  it.each(['adopt', 'delete', 'disown'] as const)('names what the state of another stack has: %s', async (said) => {
    aws.add(tagged('vpc-2', 'vpc'));
    const answers: Answer[] = [{ resource: 'vpc', answer: said, id: 'vpc-2' }];
    const examined = await run({ answers, elsewhere: () => Promise.resolve(theirs) });
    expect(examined).toMatchObject({
      ok: false,
      reason: 'bad-answer',
      why: `--decide vpc=${said}:vpc-2: vpc-2 belongs to example.vpc.b: its state has it as main`,
    });
  });

  it('is not to forget what the state of another stack has: that is so anyway', async () => {
    aws.add(tagged('vpc-2', 'vpc'));
    const answers: Answer[] = [{ resource: 'vpc', answer: 'forget' }];
    expect(await decided({ answers, elsewhere: () => Promise.resolve(theirs) })).toEqual(['S1 forget vpc vpc-2']);
  });

  it('disowns what the state of another stack has without naming it', async () => {
    aws.add(tagged('vpc-2', 'vpc'));
    const examined = await run({ answers: [{ resource: 'vpc', answer: 'disown' }], elsewhere: () => Promise.resolve(theirs) });
    expect(examined).toMatchObject({
      ok: false,
      reason: 'bad-answer',
      why: expect.stringContaining('vpc-2 belongs to example.vpc.b') as string,
    });
  });

  it('names what may be another stack’s, as its state could not be read', async () => {
    aws.add(object('vpc-2'));
    const answers: Answer[] = [{ resource: 'vpc', answer: 'adopt', id: 'vpc-2' }];
    const examined = await run({ answers, elsewhere: () => Promise.resolve({ holders: new Map(), unread: ['example.vpc.b'] }) });
    expect(examined).toMatchObject({ ok: false, reason: 'bad-answer', why: expect.stringContaining('cannot be told') as string });
  });

  it('is one of two that cannot both be', async () => {
    aws.add(tagged('vpc-1', 'vpc')).add(tagged('vpc-2', 'vpc'));
    const adopt = (id: string): Answer => ({ resource: 'vpc', answer: 'adopt', id });
    const both = [adopt('vpc-1'), adopt('vpc-2')];
    expect(await refusal(adopt('vpc-1'), { answers: both, given: both })).toEqual({
      why: '--decide vpc=adopt:vpc-1 and --decide vpc=adopt:vpc-2 cannot both be',
      next: 'Give one of them.',
    });
    const twice: Answer[] = [adopt('vpc-1'), { resource: 'vpc', answer: 'disown', id: 'vpc-1' }];
    expect((await refusal(adopt('vpc-1'), { answers: twice, given: twice })).why).toContain('cannot both be');
  });

  it('is told before anything is waited for', async () => {
    await refusal({ resource: 'vpc', answer: 'adopt', id: 'vpc-9' });
    expect(secondsPassed()).toBe(0);
  });

  it('is nothing to complain of where it was given before: what it names may be gone since', async () => {
    const answers: Answer[] = [{ resource: 'vpc', answer: 'adopt', id: 'vpc-9' }];
    expect(await decided({ answers, given: [] })).toEqual(['G1 forget vpc vpc-9']);
  });
});

describe('an answer that can be', () => {
  it.each<readonly [Answer, string]>([
    [{ resource: 'vpc', answer: 'adopt', id: 'vpc-1' }, 'P1 adopt vpc vpc-1'],
    [{ resource: 'vpc', answer: 'delete', id: 'vpc-1' }, 'P4 condemn vpc vpc-1'],
    [{ resource: 'vpc', answer: 'disown', id: 'vpc-1' }, 'P3 disown vpc vpc-1'],
    [{ resource: 'vpc', answer: 'disown' }, 'P3 disown vpc vpc-1'],
  ])('decides: %j', async (answer, decision) => {
    aws.add(tagged('vpc-1', 'vpc'));
    const decisions = await decided({ answers: [answer] });
    expect(decisions).toContain(decision);
  });

  it('is one each for two objects of one resource', async () => {
    aws.add(tagged('vpc-1', 'vpc')).add(tagged('vpc-2', 'vpc'));
    const answers: Answer[] = [
      { resource: 'vpc', answer: 'delete', id: 'vpc-1' },
      { resource: 'vpc', answer: 'adopt', id: 'vpc-2' },
    ];
    expect((await decided({ answers })).sort()).toEqual(['P1 adopt vpc vpc-2', 'P4 condemn vpc vpc-1']);
  });

  it('forgets what is protected and gone', async () => {
    const versions = [deploymentOf([root, raw('vpc', { id: 'vpc-1', protect: true })])];
    expect(await decided({ versions })).toEqual(['G6 ask vpc vpc-1']);
    expect(await decided({ versions, answers: [{ resource: 'vpc', answer: 'forget' }] })).toEqual(['G8 forget vpc vpc-1']);
  });
});
