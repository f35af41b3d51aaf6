import { describe, expect, it } from 'vitest';
import { buildGraph } from '../../orchestrator/graph/graph.ts';
import { generateNetwork, mostVpcs } from '../../orchestrator/network/generate.ts';
import { parseNetwork } from '../../orchestrator/network/read-network.ts';
import { reaches, topicOf } from '../../orchestrator/network/spec.ts';
import { digestOf } from '../../orchestrator/run/fingerprint.ts';
import { guardrails } from '../../stacks/guardrails.ts';
import { kinds } from '../../stacks/index.ts';
import { exampleOf, exampleWith, file, lineOf } from './support/example.ts';
import { problemOf, problemsOf, valueOf } from './support/results.ts';

describe('the parts of a network that do not fit together', () => {
  it.each([
    [
      'a VPC in a segment that is not there',
      'unknown-segment',
      'segment: staging\n',
      'segment: stagin\n',
      'segment: stagin',
      'there is no segment "stagin"',
    ],
    [
      'a segment called as what every object has',
      'unknown-segment',
      'segment: staging\n',
      'segment: constructor\n',
      'segment: constructor',
      'there is no segment "constructor"',
    ],
    [
      'a segment that reaches one that is not there',
      'unknown-segment',
      '[production, staging]',
      '[production, stage]',
      '[production, stage]',
      'there is no segment "stage"',
    ],
    [
      'a segment that reaches another twice',
      'duplicate',
      '[production, staging]',
      '[staging, production, staging]',
      '[staging, production',
      'segment staging is listed twice',
    ],
    [
      'a blackhole twice',
      'duplicate',
      'blackholes: [10.1.0.0/16]',
      'blackholes: [10.1.0.0/16, 10.1.0.0/16]',
      '[10.1.0.0/16, 10.1',
      'blackhole 10.1.0.0/16 is listed twice',
    ],
    [
      'a tag that is left to others',
      'tag-ignored',
      '    team: platform\n',
      '    team: platform\n    kubernetes.io/role/elb: "1"\n',
      'kubernetes.io/role/elb',
      'the tag kubernetes.io/role/elb would never be put on anything: `ignoreTags` leaves it to others',
    ],
    [
      'a route by a VPC that is not there',
      'unknown-vpc',
      '{ to: 0.0.0.0/0, vpc: shared }',
      '{ to: 0.0.0.0/0, vpc: share }',
      'vpc: share }',
      'there is no VPC "share"',
    ],
    [
      'a route by a VPC called as what every object has',
      'unknown-vpc',
      '{ to: 0.0.0.0/0, vpc: shared }',
      '{ to: 0.0.0.0/0, vpc: constructor }',
      'vpc: constructor',
      'there is no VPC "constructor"',
    ],
    [
      'a route that is a blackhole as well',
      'route-and-blackhole',
      '{ to: 0.0.0.0/0, vpc: shared }',
      '{ to: 10.2.0.0/16, vpc: shared }',
      'to: 10.2.0.0/16',
      '10.2.0.0/16 is both a route and a blackhole of segment "production"; a gateway route table holds one of them',
    ],
    [
      'a subnet outside its VPC',
      'subnet-outside-vpc',
      'b: 10.2.16.0/20',
      'b: 10.3.16.0/20',
      '10.3.16.0/20',
      'subnet private b (10.3.16.0/20) is outside its VPC "staging" (10.2.0.0/16)',
    ],
    [
      'two subnets that overlap',
      'subnets-overlap',
      'b: 10.2.16.0/20',
      'b: 10.2.8.0/21',
      '10.2.8.0/21',
      'subnet private b (10.2.8.0/21) overlaps subnet private a (10.2.0.0/20) of VPC "staging"',
    ],
    [
      'two subnets of two tiers that overlap',
      'subnets-overlap',
      'a: 10.2.255.0/28',
      'a: 10.2.0.0/28',
      'a: 10.2.0.0/28',
      'subnet attachment a (10.2.0.0/28) overlaps subnet private a (10.2.0.0/20) of VPC "staging"',
    ],
    [
      'an attachment in a tier that is not there',
      'unknown-tier',
      'attachment: attachment\n    routes:\n      private: [10.1',
      'attachment: attach\n    routes:\n      private: [10.1',
      'attachment: attach\n',
      'VPC "shared" has no tier of subnets "attach" for its attachment',
    ],
    [
      'routes of a tier that is not there',
      'unknown-tier',
      'private: [10.1.0.0/16, 10.2.0.0/16]',
      'public: [10.1.0.0/16]',
      'public: [',
      'VPC "shared" has no tier of subnets "public"',
    ],
    [
      'a destination twice',
      'duplicate',
      'private: [10.1.0.0/16, 10.2.0.0/16]',
      'private: [10.1.0.0/16, 10.1.0.0/16]',
      'private: [10.1.0.0/16, 10.1',
      'destination 10.1.0.0/16 is listed twice',
    ],
    [
      'a destination inside the VPC itself',
      'route-inside-vpc',
      'private: [10.1.0.0/16, 10.2.0.0/16]',
      'private: [10.0.128.0/24]',
      'private: [10.0.128',
      '10.0.128.0/24 lies inside VPC "shared" (10.0.0.0/16), which routes it locally',
    ],
  ])('%s: %s', (_, reason, from, to, place, message) => {
    const text = exampleWith([from, to]);
    const problem = problemOf(parseNetwork(file, text));
    expect(problem).toMatchObject({ reason, message, file, line: lineOf(text, place) });
    expect(problem.next).not.toBe('');
  });

  it('two VPCs of the same addresses, at the second', () => {
    const text = exampleWith(['cidr: 10.2.0.0/16', 'cidr: 10.1.0.0/16'], ['blackholes: [10.1.0.0/16] # production', 'blackholes: []']);
    const overlap = problemsOf(parseNetwork(file, text)).find(({ reason }) => reason === 'vpcs-overlap');
    expect(overlap).toMatchObject({
      message:
        'VPC "staging" (10.1.0.0/16) overlaps VPC "production" (10.1.0.0/16), and the route table of segment "shared" may lead to both; the gateway could not tell them apart',
      line: lineOf(text.slice(text.indexOf('  staging:\n    segment')), 'cidr:') + lineOf(text, '  staging:\n    segment') - 1,
    });
  });

  it('are no VPCs of the same addresses in two segments that are kept apart', () => {
    const text = exampleWith(
      ['    reaches: [production, staging]', '    reaches: []'],
      ['      - { to: 0.0.0.0/0, vpc: shared }\n  staging', '  staging'],
      ['    routes:\n  staging', '  staging'],
      ['cidr: 10.2.0.0/16', 'cidr: 10.1.0.0/16'],
      ['10.2.0.0/20, b: 10.2.16.0/20', '10.1.0.0/20, b: 10.1.16.0/20'],
      ['10.2.255.0/28, b: 10.2.255.16/28', '10.1.255.0/28, b: 10.1.255.16/28'],
    );
    expect(parseNetwork(file, text)).toMatchObject({ ok: true });
  });

  it('a VPC inside another that does not come right before it', () => {
    const wide = generateNetwork(4).replace('cidr: 10.0.0.0/20', 'cidr: 10.0.0.0/16');
    const overlapping = problemsOf(parseNetwork(file, wide)).map(({ message }) => /^VPC "(\w+)"/.exec(message)?.[1]);
    expect(overlapping).toEqual(['v002', 'v003', 'v004']);
  });

  it('are all found, and not just the first', () => {
    const text = exampleWith(
      ['[production, staging]', '[production, stage]'],
      ['{ to: 0.0.0.0/0, vpc: shared }', '{ to: 0.0.0.0/0, vpc: share }'],
      ['b: 10.2.16.0/20', 'b: 10.3.16.0/20'],
      ['cidr: 10.1.0.0/16', 'cidr: 10.0.0.0/16'],
    );
    const reasons = problemsOf(parseNetwork(file, text)).map(({ reason }) => reason);
    expect(reasons).toEqual([
      'unknown-segment',
      'unknown-vpc',
      ...Array.from({ length: 4 }, () => 'subnet-outside-vpc'),
      'subnet-outside-vpc',
      'vpcs-overlap',
    ]);
  });
});

describe('which segment reaches which', () => {
  const { spec } = exampleOf();

  it('is the same in both directions, whichever of the two says it', () => {
    const names = Object.keys(spec.segments);
    for (const a of names) for (const b of names) expect(reaches(spec, a, b)).toBe(reaches(spec, b, a));
  });

  it('keeps production and staging apart, and lets both reach shared', () => {
    expect([reaches(spec, 'production', 'staging'), reaches(spec, 'shared', 'production'), reaches(spec, 'staging', 'shared')]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('is itself, unless it is isolated', () => {
    const isolated = exampleOf(exampleWith(['  staging:\n    blackholes', '  staging:\n    isolated: true\n    blackholes'])).spec;
    expect([reaches(isolated, 'production', 'production'), reaches(isolated, 'staging', 'staging')]).toEqual([true, false]);
  });

  it('takes a segment of which nothing is said as one that reaches itself', () => {
    const bare = exampleOf(exampleWith(['segments:\n', 'segments:\n  bare:\n'])).spec;
    expect([reaches(bare, 'bare', 'bare'), reaches(bare, 'bare', 'shared')]).toEqual([true, false]);
  });
});

describe('a generated network', () => {
  it.each([1, 2, 30, 500, mostVpcs])(
    'of %i VPCs passes every check and has three stacks a VPC, one a segment, and the gateway',
    (vpcs) => {
      const { spec } = valueOf(parseNetwork('networks/generated.yaml', generateNetwork(vpcs)));
      expect(Object.keys(spec.vpcs)).toHaveLength(vpcs);
      expect(valueOf(buildGraph(spec, kinds)).nodes).toHaveLength(3 * vpcs + 4);
    },
    30_000,
  );

  it('is not larger than what is read back', () => {
    expect(Buffer.byteLength(generateNetwork(mostVpcs))).toBeLessThan(1024 * 1024);
  });
});

describe('the guardrails', () => {
  const withTopic = (topic: string, metric = ''): string => `${exampleWith()}\nguardrails:\n  topic: ${topic}\n${metric}`;
  const subscriptions = 'subscriptions: [{ protocol: email, endpoint: oncall@example.com }]';

  it.each([
    [
      'subscriptions of a topic that somebody else makes',
      `{ arn: "arn:aws:sns:eu-west-1:111122223333:on-call", ${subscriptions} }`,
      'subscriptions-of-another',
      /who reads it is theirs to say/,
    ],
    [
      'a topic of another region',
      '{ arn: "arn:aws:sns:us-east-1:111122223333:on-call" }',
      'topic-in-another-region',
      /^the topic is in us-east-1, and the network in eu-west-1/,
    ],
    [
      'a reader twice',
      '{ subscriptions: [{ protocol: email, endpoint: a@example.com }, { protocol: email, endpoint: a@example.com }] }',
      'duplicate',
      /^subscription email a@example.com is listed twice$/,
    ],
    [
      'an address of https that is none',
      '{ subscriptions: [{ protocol: https, endpoint: oncall@example.com }] }',
      'invalid-value',
      /starts with https/,
    ],
    [
      'a password in an address',
      '{ subscriptions: [{ protocol: https, endpoint: "https://me:secret@chat.example" }] }',
      'invalid-value',
      /without a password/,
    ],
    [
      'a reader without an endpoint',
      '{ subscriptions: [{ protocol: https }] }',
      'invalid-value',
      /an endpoint, or endpointFrom, and not both/,
    ],
    [
      'a reader with an endpoint and a variable',
      '{ subscriptions: [{ protocol: email, endpoint: a@example.com, endpointFrom: PAGER }] }',
      'invalid-value',
      /an endpoint, or endpointFrom, and not both/,
    ],
    [
      'an endpoint in the place of the name of a variable',
      '{ subscriptions: [{ protocol: https, endpointFrom: "https://pager.example/key" }] }',
      'invalid-value',
      /the name of an environment variable, and not the endpoint/,
    ],
    [
      'a variable twice',
      '{ subscriptions: [{ protocol: https, endpointFrom: PAGER }, { protocol: https, endpointFrom: PAGER }] }',
      'duplicate',
      /^subscription https of PAGER is listed twice$/,
    ],
    ['a reader of no protocol', '{ subscriptions: [{ protocol: pager, endpoint: a }] }', 'invalid-value', /one of email/],
  ])('refuse %s', (_, topic, reason, message) => {
    const problem = problemOf(parseNetwork(file, withTopic(topic)));
    expect(problem).toMatchObject({ reason, message: expect.stringMatching(message) as string });
  });

  const stacksOf = (guardrails: string): string[] =>
    valueOf(buildGraph(exampleOf(`${exampleWith()}\nguardrails: ${guardrails}\n`).spec, kinds)).nodes.map(({ short }) => short);

  it.each([
    ['{ lockAge: 30m }', false],
    ['{ webhook: { urlFrom: CHAT } }', false],
    ['{ topic: { arn: "arn:aws:sns:eu-west-1:111122223333:on-call" } }', false],
    ['{ metric: {} }', true],
    ['{ topic: {} }', true],
    ['{ metric: {}, topic: { arn: "arn:aws:sns:eu-west-1:111122223333:on-call" } }', true],
  ])('%s: a stack of their own: %s', (guardrails, expected) => {
    expect(stacksOf(guardrails).includes('guardrails')).toBe(expected);
    expect(stacksOf(guardrails)).toHaveLength(expected ? 14 : 13);
  });

  it.each([
    ['eu-west-1', 'arn:aws:sns:eu-west-1:111122223333:holdfast-example'],
    ['us-gov-west-1', 'arn:aws-us-gov:sns:us-gov-west-1:111122223333:holdfast-example'],
    ['cn-north-1', 'arn:aws-cn:sns:cn-north-1:111122223333:holdfast-example'],
  ])('tell the topic that the stack makes in %s, before there is one', (region, arn) => {
    const text = `${exampleWith(['region: eu-west-1', `region: ${region}`])}\nguardrails: { topic: {} }\n`;
    expect(topicOf(exampleOf(text).spec)).toBe(arn);
  });

  it('tell the topic that the file names, and none where it names none', () => {
    const arn = 'arn:aws:sns:eu-west-1:111122223333:on-call';
    expect(topicOf(exampleOf(withTopic(`{ arn: "${arn}" }`)).spec)).toBe(arn);
    expect(topicOf(exampleOf(`${exampleWith()}\nguardrails: { metric: {} }\n`).spec)).toBeUndefined();
  });

  it('take the endpoint of a subscription from the variable that the file names, and say which is not set', async () => {
    const pager = 'https://pager.example/key';
    const { spec } = exampleOf(withTopic('{ subscriptions: [{ protocol: https, endpointFrom: PAGER }] }'));
    const inputsWith = (env: Record<string, string>): unknown =>
      valueOf(buildGraph(spec, kinds, env)).nodes.find(({ short }) => short === 'guardrails')?.inputs;
    expect(inputsWith({ PAGER: pager })).toMatchObject({ subscriptions: [{ protocol: 'https', endpoint: pager }] });
    const programWith = (env: Record<string, string>): Promise<unknown> =>
      guardrails.program({ inputs: inputsWith(env), references: {}, tags: () => ({}), installation: 'i', options: {} } as never);
    await expect(programWith({})).rejects.toThrow(/^PAGER is not set, and the network file takes the endpoint/);
    await expect(programWith({ PAGER: '' })).rejects.toThrow(/^PAGER is not set/);
    const wrong = await programWith({ PAGER: 'oncall-secret' }).catch((cause: unknown) => String(cause));
    expect(wrong).toMatch(/what PAGER has is no endpoint: the endpoint of https is a link/);
    expect(wrong).not.toContain('oncall-secret');
  });

  it('make another subscription of the stack where the variable has another endpoint', () => {
    const { spec } = exampleOf(withTopic('{ subscriptions: [{ protocol: https, endpointFrom: PAGER }] }'));
    const digestWith = (PAGER: string): string =>
      digestOf(valueOf(buildGraph(spec, kinds, { PAGER })).nodes.find(({ short }) => short === 'guardrails')?.inputs);
    expect(digestWith('https://a.example/1')).not.toBe(digestWith('https://a.example/2'));
  });
});
