import { describe, expect, it } from 'vitest';
import { objectKey } from '../../orchestrator/inventory/live-object.ts';
import type { Answer, Doubt } from '../../orchestrator/journal/events.ts';
import { Looks } from '../../orchestrator/recovery/looks.ts';
import { isInDoubt, subjectsOf, wantsPlan } from '../../orchestrator/recovery/subjects.ts';
import type { Subject } from '../../orchestrator/recovery/subjects.ts';
import { describeSource } from '../../orchestrator/ui/sources.ts';
import {
  decided,
  deploymentOf,
  evidenceOf,
  lookOf,
  object,
  ofEveryType,
  pending,
  provider,
  providerUrn,
  raw,
  root,
  settledLooks,
  shapeOf,
  stack,
  tagged,
  taggedInputs,
  tagsOf,
  types,
  urnOf,
  word,
} from './support/recovery.ts';
import type { Given } from './support/recovery.ts';

const secret = { '4dabf18193072939515e22adb298388d': '1b47061264138c4ac30d75fd1eb44270', ciphertext: 'v1:…' };

const made = deploymentOf([root, raw('vpc', { id: 'vpc-1' })]);
const empty = deploymentOf([root]);
const creating = deploymentOf([root], [pending('creating', raw('vpc'))]);
const operation = (type: 'updating' | 'deleting' | 'reading' | 'importing', id = 'vpc-1') =>
  deploymentOf([root, raw('vpc', { id: 'vpc-1' })], [pending(type, raw('vpc', { id }))]);

const subjectOf = (given: Given, id?: string): Subject => {
  const subjects = subjectsOf(evidenceOf(given)).filter((subject) => id === undefined || subject.id === id);
  const [subject, ...more] = subjects;
  if (!subject || more.length > 0) throw new Error(`expected one subject, got ${subjects.length}`);
  return subject;
};
const saysOf = (given: Given, id?: string): string[] =>
  subjectOf(given, id).sources.map((source) => `${source.from}: ${describeSource(source)}`);
const factsOf = (given: Given, id?: string) => subjectOf(given, id).facts;

const answer = (text: string): Answer => {
  const [, resource = '', said = '', id] = /^(\S+?)=(\w+)(?::(.+))?$/.exec(text) ?? [];
  return { resource, answer: said as Answer['answer'], ...(id === undefined ? {} : { id }) };
};

describe('a resource of the checkpoint', () => {
  it('is kept where AWS has it', () => {
    expect(decided({ versions: [made], objects: [tagged('vpc-1', 'vpc')] })).toEqual(['R4 keep vpc vpc-1']);
    expect(saysOf({ versions: [made], objects: [tagged('vpc-1', 'vpc')] })).toEqual([
      'checkpoint: has it as vpc-1',
      'inventory: 2 looks: vpc-1 is there, with our tags',
    ]);
  });

  it('is kept where it has lost its tags: its id says which it is', () => {
    expect(decided({ versions: [made], objects: [object('vpc-1')] })).toEqual(['R4 keep vpc vpc-1']);
  });

  it('is forgotten where AWS does not have it', () => {
    expect(decided({ versions: [made] })).toEqual(['G8 forget vpc vpc-1']);
    expect(saysOf({ versions: [made] })).toContain('inventory: 2 looks: vpc-1 is not shown');
  });

  it.each([
    [{ delete: true }, 'R8 condemn vpc vpc-1', 'has it as vpc-1, to be deleted'],
    [{ pendingReplacement: true }, 'X ask vpc vpc-1', 'has it as vpc-1, deleted and not yet replaced'],
  ])('is as it stands there: %j', (state, decision, says) => {
    const given = { versions: [deploymentOf([raw('vpc', { id: 'vpc-1', ...state })])], objects: [tagged('vpc-1', 'vpc')] };
    expect(decided(given)).toEqual([decision]);
    expect(saysOf(given)[0]).toBe(`checkpoint: ${says}`);
  });

  it('is one each, however many are under one URN', () => {
    const versions = [deploymentOf([raw('vpc', { id: 'vpc-2' }), raw('vpc', { id: 'vpc-1', delete: true })])];
    expect(decided({ versions, objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')] })).toEqual([
      'R4 keep vpc vpc-2',
      'R8 condemn vpc vpc-1',
    ]);
  });

  it('is none where the cloud has nothing of it, and nothing is pending', () => {
    const component = { urn: urnOf('group', 'holdfast:Group'), type: 'holdfast:Group' };
    expect(decided({ versions: [deploymentOf([root, provider, component, raw('read', { id: 'vpc-7', external: true })])] })).toEqual([]);
  });

  it('of a type that AWS cannot be asked for is kept', () => {
    expect(decided({ versions: [deploymentOf([raw('topic', { type: types.topic, id: 'arn:1' })])] })).toEqual(['E3 keep topic arn:1']);
  });
});

describe('a pending operation', () => {
  it('on what the checkpoint has is a fact of that', () => {
    const given = { versions: [made, operation('updating')], objects: [tagged('vpc-1', 'vpc')] };
    expect(decided(given)).toEqual(['R6 keep vpc vpc-1']);
    expect(saysOf(given)).toContain('pending-operation: the checkpoint says "updating"');
  });

  it.each([
    ['updating', 'R6 keep vpc vpc-1', 'G9 forget vpc vpc-1'],
    ['deleting', 'R5 keep vpc vpc-1', 'G7 forget vpc vpc-1'],
    ['reading', 'R6 keep vpc vpc-1', 'G9 forget vpc vpc-1'],
    ['importing', 'R6 keep vpc vpc-1', 'G9 forget vpc vpc-1'],
  ] as const)('%s: AWS has it, or has it not', (type, there, gone) => {
    const versions = [made, operation(type)];
    expect([decided({ versions, objects: [tagged('vpc-1', 'vpc')] }), decided({ versions })]).toEqual([[there], [gone]]);
  });

  it('that deletes what the checkpoint does not have any more is of that object', () => {
    const versions = [made, deploymentOf([root], [pending('deleting', raw('vpc', { id: 'vpc-1' }))])];
    expect(decided({ versions })).toEqual(['G2 forget vpc vpc-1']);
    expect(decided({ versions, objects: [tagged('vpc-1', 'vpc')] })).toEqual(['X ask vpc vpc-1']);
  });

  it('that deletes one of two under one URN is of that one', () => {
    const live = raw('vpc', { id: 'vpc-2' });
    const condemned = raw('vpc', { id: 'vpc-1', delete: true });
    const versions = [deploymentOf([live, condemned], [pending('deleting', condemned)])];
    const subjects = subjectsOf(evidenceOf({ versions, objects: [tagged('vpc-2', 'vpc')] }));
    expect(subjects.map(({ id, facts }) => [id, facts.operation])).toEqual([
      ['vpc-2', 'none'],
      ['vpc-1', 'delete'],
    ]);
  });

  it('that reads, and of which there is nothing, is forgotten', () => {
    const versions = [deploymentOf([], [pending('reading', raw('vpc', { id: 'vpc-9' }))])];
    expect(decided({ versions, objects: [object('vpc-9')] })).toEqual(['U5 forget vpc vpc-9']);
  });

  it.each([
    ['the stack itself', root],
    ['a component', { urn: urnOf('group', 'holdfast:Group'), type: 'holdfast:Group' }],
    ['a provider', provider],
    ['a reference', { urn: urnOf('up', 'pulumi:pulumi:StackReference'), type: 'pulumi:pulumi:StackReference', custom: true }],
  ])('that creates %s is forgotten: AWS has nothing of it', (_, resource) => {
    const subjects = subjectsOf(evidenceOf({ versions: [deploymentOf([], [pending('creating', resource)])] }));
    expect(subjects.map(({ row, facts, id }) => [row.row, facts.kind, id])).toEqual([['E1', 'engine', undefined]]);
  });

  it('on a provider that the checkpoint has leaves it as it is', () => {
    const versions = [deploymentOf([provider], [pending('updating', provider)])];
    expect(decided({ versions })).toEqual(['E2 keep default p1']);
  });

  it('that creates what AWS cannot be asked for is asked', () => {
    expect(decided({ versions: [deploymentOf([], [pending('creating', raw('topic', { type: types.topic }))])] })).toEqual(['E4 ask topic']);
  });
});

describe('a create of which no end is recorded', () => {
  it('is forgotten where AWS shows nothing of it', () => {
    expect(decided({ versions: [empty, creating] })).toEqual(['G1 forget vpc']);
    expect(saysOf({ versions: [empty, creating] })).toEqual([
      'pending-operation: the checkpoint says "creating"',
      'inventory: 2 looks: nothing of it',
    ]);
  });

  it('is adopted where AWS has what bears its tags', () => {
    expect(decided({ versions: [empty, creating], objects: [tagged('vpc-1', 'vpc')] })).toEqual(['U2 adopt vpc vpc-1']);
  });

  it('is adopted where AWS has what has its key', () => {
    const inputs = { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8', transitGatewayId: 'tgw-1' };
    const versions = [deploymentOf([], [pending('creating', raw('route', { type: types.route, inputs }))])];
    const objects = [object('r-rtb-1_10.0.0.0/8', { type: types.route, properties: { ...inputs, state: 'active' } })];
    expect(decided({ versions, objects })).toEqual(['U2 adopt route r-rtb-1_10.0.0.0/8']);
    expect(saysOf({ versions, objects })).toContain('inventory: 2 looks: r-rtb-1_10.0.0.0/8 is there, under our key');
  });

  it('is asked about where what has its key leads elsewhere', () => {
    const inputs = { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8', transitGatewayId: 'tgw-1' };
    const versions = [deploymentOf([], [pending('creating', raw('route', { type: types.route, inputs }))])];
    const objects = [object('r-rtb-1_10.0.0.0/8', { type: types.route, properties: { ...inputs, transitGatewayId: 'tgw-2' } })];
    expect(factsOf({ versions, objects }).bears).toBe('other-target');
    expect(decided({ versions, objects })).toEqual(['X ask route r-rtb-1_10.0.0.0/8']);
    expect(decided({ versions, objects, open: true })).toEqual(['U4 wait route r-rtb-1_10.0.0.0/8']);
  });

  describe('of a replacement under the id of the one that was deleted for it, which is made of a key', () => {
    const key = { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8' };
    const id = 'r-rtb-1_10.0.0.0/8';
    const old = raw('route', { type: types.route, id, inputs: { ...key, transitGatewayId: 'tgw-1' }, pendingReplacement: true });
    const inputs = { ...key, transitGatewayId: 'tgw-2' };
    const versions = [deploymentOf([root, old], [pending('creating', raw('route', { type: types.route, inputs }))])];
    const shown = (transitGatewayId: string) => object(id, { type: types.route, properties: { ...key, transitGatewayId } });

    it('is adopted, and the one that was deleted is forgotten', () => {
      expect(decided({ versions, objects: [shown('tgw-2')] })).toEqual([`G3 forget route ${id}`, `U2 adopt route ${id}`]);
    });

    it('is asked about where it leads elsewhere, and the one that was deleted stays to be replaced', () => {
      expect(decided({ versions, objects: [shown('tgw-3')] })).toEqual([`G4 keep route ${id}`, `X ask route ${id}`]);
    });

    it('was not made where AWS shows nothing under it', () => {
      expect(decided({ versions })).toEqual([`G4 keep route ${id}`, 'G1 forget route']);
    });

    it('was not begun where the checkpoint has no create: then what AWS shows is asked about', () => {
      expect(decided({ versions: [deploymentOf([root, old])], objects: [shown('tgw-2')] })).toEqual([`X ask route ${id}`]);
    });
  });

  describe('whose key another stack has in its state', () => {
    const inputs = { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8', transitGatewayId: 'tgw-1' };
    const id = 'r-rtb-1_10.0.0.0/8';
    const versions = [deploymentOf([], [pending('creating', raw('route', { type: types.route, inputs }))])];
    const theirs = object(id, { type: types.route, properties: { ...inputs, transitGatewayId: 'tgw-2' } });
    const elsewhere = { holders: new Map([[objectKey(theirs), { stack: 'example.vpc.b', resource: 'default' }]]), unread: [] };

    it('made nothing: what leads elsewhere is the other stack’s, and no person is asked', () => {
      const given = { versions, objects: [theirs], elsewhere, open: true };
      expect(decided(given)).toEqual([`S1 forget route ${id}`]);
      expect(saysOf(given)).toContain('another-state: the state of example.vpc.b has it as default');
    });

    it('is decided by one look: of a key there is one object', () => {
      const looks = new Looks([lookOf([theirs], { asked: [theirs] })], ofEveryType);
      expect(decided({ versions, looks, elsewhere })).toEqual([`S1 forget route ${id}`]);
    });

    it('is not adopted where it leads to what the run wanted too', () => {
      expect(decided({ versions, objects: [{ ...theirs, properties: inputs }], elsewhere })).toEqual([`S1 forget route ${id}`]);
    });

    it.each(['adopt', 'delete', 'disown'] as const)('is not what an answer of before makes of it: %s', (said) => {
      const answers: Answer[] = [{ resource: 'route', answer: said, id }];
      expect(decided({ versions, objects: [theirs], elsewhere, answers })).toEqual([`S1 forget route ${id}`]);
    });

    it('is a question where the state of that stack could not be read', () => {
      const unread = { holders: new Map(), unread: ['example.vpc.b'] };
      expect(decided({ versions, objects: [{ ...theirs, properties: inputs }], elsewhere: unread })).toEqual([`S4 ask route ${id}`]);
    });
  });

  it('is adopted by its tags where the states of other stacks could not be read', () => {
    const elsewhere = { holders: new Map(), unread: ['example.vpc.b'] };
    expect(decided({ versions: [empty, creating], objects: [tagged('vpc-1', 'vpc')], elsewhere })).toEqual(['U2 adopt vpc vpc-1']);
  });

  it('is adopted beside an object with its tags that another stack has', () => {
    const objects = [tagged('vpc-0', 'vpc'), tagged('vpc-1', 'vpc')];
    const holders = new Map([[objectKey({ type: types.vpc, id: 'vpc-0' }), { stack: 'example.vpc.b', resource: 'vpc' }]]);
    expect(decided({ versions: [empty, creating], objects, elsewhere: { holders, unread: [] } }).sort()).toEqual([
      'S1 forget vpc vpc-0',
      'U2 adopt vpc vpc-1',
    ]);
  });

  it('is not found in what AWS made by itself', () => {
    const inputs = { routeTableId: 'rtb-1', destinationCidrBlock: '10.0.0.0/8' };
    const versions = [deploymentOf([], [pending('creating', raw('route', { type: types.route, inputs }))])];
    const objects = [object('r-other', { type: types.route, properties: inputs, madeBy: 'aws' })];
    expect(decided({ versions, objects })).toEqual(['G1 forget route']);
  });

  const withInputs = (type: string, inputs: object): Given => ({
    versions: [deploymentOf([], [pending('creating', raw('one', { type, inputs: { ...inputs } }))])],
  });
  const notKnownYet = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
  const withTags = (different: object) => ({ tags: { ...tagsOf('one'), ...different } });

  it.each([
    ['a part of its key is empty', types.route, { routeTableId: '', destinationCidrBlock: '10.0.0.0/8' }],
    ['a part of its key is missing', types.route, { routeTableId: 'rtb-1' }],
    ['a part of its key is a secret', types.route, { routeTableId: 'rtb-1', destinationCidrBlock: secret }],
    ['a part of its key was not known when it was planned', types.route, { routeTableId: notKnownYet, destinationCidrBlock: '10.0.0.0/8' }],
    ['its program asked for no tags', types.vpc, { cidrBlock: '10.0.0.0/16' }],
    ['its program asked for the tags of another resource', types.vpc, withTags({ 'holdfast:resource': 'other' })],
    ['its program asked for the tags of another stack', types.vpc, withTags({ 'holdfast:stack': 'example.vpc.b' })],
    ['its tags are a secret', types.vpc, { tags: secret }],
  ])('is a question where no look can find it: %s', (_, type, inputs) => {
    const given = withInputs(type, inputs);
    expect(decided(given)).toEqual(['G0 ask one']);
    expect(decided({ ...given, answers: [{ resource: 'one', answer: 'forget' }] })).toEqual(['G1 forget one']);
    const id = type === types.vpc ? 'vpc-1' : 'r-1';
    const answers = [{ resource: 'one', answer: 'adopt', id } as const];
    expect(decided({ ...given, objects: [object(id, { type })], answers })).toEqual([`P1 adopt one ${id}`]);
  });

  it('is looked for too where no version names it any more', () => {
    const given = { versions: [empty, creating, empty], objects: [tagged('vpc-1', 'vpc')] };
    expect(decided(given)).toEqual(['U2 adopt vpc vpc-1']);
    expect(saysOf(given)[0]).toBe('pending-operation: version v2 of the checkpoint says "creating", and no later one says how it ended');
  });

  it('of another resource is not found in it', () => {
    expect(decided({ versions: [empty, creating], objects: [tagged('vpc-1', 'another')] })).toContain('G1 forget vpc');
  });

  it.each([
    ['another stack', tagsOf('vpc', 'example.vpc.b')],
    ['another installation', tagsOf('vpc', stack, 'theirs')],
    ['nobody', {}],
  ])('is not found in what bears the tags of %s', (_, tags) => {
    expect(decided({ versions: [empty, creating], objects: [object('vpc-1', { tags })] })).toEqual(['G1 forget vpc']);
  });

  it('is told by the spool', () => {
    const given = { versions: [empty, creating], objects: [object('vpc-1')], spool: made };
    expect(saysOf(given)).toContain('spool: the checkpoint that could not be written has it as vpc-1');
    expect(decided(given)).toEqual(['X ask vpc vpc-1']);
  });

  it('is told by the spool and by its tags at once, as one', () => {
    expect(decided({ versions: [empty, creating], objects: [tagged('vpc-1', 'vpc')], spool: made })).toEqual(['U2 adopt vpc vpc-1']);
  });

  it('is adopted where CloudTrail says that the run made it, whatever tags it bears', () => {
    const given = { versions: [empty, creating], objects: [object('vpc-1')], words: [word('vpc-1', { tags: tagsOf('vpc') })] };
    expect(decided(given)).toEqual(['U3 adopt vpc vpc-1']);
    expect(saysOf(given)).toContain('cloudtrail: the run made vpc-1 at 2030-01-01T00:00:00.000Z (event event-vpc-1)');
  });

  it('is told by CloudTrail by its key, where it has one', () => {
    const inputs = { routeTableId: 'rtb-1', subnetId: 'subnet-1' };
    const versions = [deploymentOf([], [pending('creating', raw('link', { type: types.association, inputs }))])];
    const said = (key: object) => ({
      versions,
      objects: [object('rtbassoc-1', { type: types.association })],
      words: [word('rtbassoc-1', { type: types.association, key: { ...key } })],
    });
    expect(decided(said(inputs))).toEqual(['U3 adopt link rtbassoc-1']);
    expect(decided(said({ ...inputs, subnetId: 'subnet-2' }))).toEqual(['G1 forget link']);
    expect(decided(said({ routeTableId: 'rtb-1' }))).toEqual(['G1 forget link']);
  });

  it.each([
    ['another resource', { tags: tagsOf('another') }],
    ['another stack', { tags: tagsOf('vpc', 'example.vpc.b') }],
    ['another installation', { tags: tagsOf('vpc', stack, 'theirs') }],
    ['nobody', {}],
    ['a change', { tags: tagsOf('vpc'), act: 'changed' }],
    ['another type', { tags: tagsOf('vpc'), type: types.subnet }],
  ] as const)('is not told by what CloudTrail says of %s', (_, more) => {
    expect(decided({ versions: [empty, creating], objects: [object('vpc-1')], words: [word('vpc-1', more)] })).toEqual(['G1 forget vpc']);
  });

  it('is adopted where a person says so, also what bears no tags', () => {
    const given = { versions: [empty, creating], objects: [object('vpc-1')], answers: [answer('vpc=adopt:vpc-1')] };
    expect(decided(given)).toEqual(['P1 adopt vpc vpc-1']);
    expect(saysOf(given)).toContain('person: a person said that vpc-1 is it');
  });

  it('is forgotten where what a person said is not there', () => {
    const given = { versions: [empty, creating], asked: [{ type: types.vpc, id: 'vpc-1' }], answers: [answer('vpc=adopt:vpc-1')] };
    expect(decided(given)).toEqual(['G1 forget vpc vpc-1']);
  });

  it('takes nothing that the checkpoint has for another resource', () => {
    const versions = [deploymentOf([raw('old', { id: 'vpc-1' })], [pending('creating', raw('vpc'))])];
    expect(decided({ versions, objects: [tagged('vpc-1', 'vpc')] })).toEqual(['R4 keep old vpc-1', 'G1 forget vpc']);
  });
});

describe('what the run itself wrote down', () => {
  const doubt: Doubt = { source: 'pending-operation', urn: urnOf('vpc'), op: 'create', text: 'CreateVpc outcome unknown' };

  it('counts where no version of the checkpoint is left that has it', () => {
    const given: Given = { versions: [empty], doubts: [doubt], planned: new Map([['vpc', shapeOf('vpc')]]) };
    expect(decided({ ...given, objects: [tagged('vpc-1', 'vpc')] })).toEqual(['U2 adopt vpc vpc-1']);
    expect(decided(given)).toEqual(['G1 forget vpc']);
    expect(saysOf(given)[0]).toBe('journal: CreateVpc outcome unknown');
  });

  it.each([
    ['what the checkpoint has as pending', { versions: [empty, creating] }, ['G1 forget vpc']],
    ['what the checkpoint has', { versions: [made], objects: [tagged('vpc-1', 'vpc')] }, ['R4 keep vpc vpc-1']],
    ['what nothing tells how to record', { versions: [empty] }, []],
  ])('says nothing more of %s', (_, given, decisions) => {
    expect(decided({ ...given, doubts: [doubt] })).toEqual(decisions);
  });

  it('is a question where its key would have to be known, and nothing tells how it is to be recorded', () => {
    const given: Given = { versions: [empty], doubts: [{ ...doubt, urn: urnOf('route', types.route) }] };
    expect(decided(given)).toEqual(['G0 ask route']);
    expect(decided({ ...given, answers: [{ resource: 'route', answer: 'forget' }] })).toEqual(['G1 forget route']);
  });

  it.each([{ ...doubt, op: 'delete' }, { source: 'exit', text: 'it was killed' } as const])(
    'of anything but a create is none: %j',
    (other) => {
      expect(decided({ versions: [empty], doubts: [other], planned: new Map([['vpc', shapeOf('vpc')]]) })).toEqual([]);
    },
  );

  it('asks for a plan where only the program tells how it is to be recorded', () => {
    const asks = (doubts: readonly Doubt[], ...given: Parameters<typeof evidenceOf>): boolean => {
      const evidence = { ...evidenceOf(...given), doubts };
      return wantsPlan(evidence, subjectsOf(evidence));
    };
    expect(asks([doubt], { versions: [empty] })).toBe(true);
    expect(asks([doubt], { versions: [made, empty] })).toBe(false);
    expect(asks([], { versions: [empty], objects: [tagged('vpc-9', 'unheard')] })).toBe(true);
    expect(asks([], { versions: [made], objects: [tagged('vpc-1', 'vpc')] })).toBe(false);
  });
});

describe('what an earlier version has, and the newest one has not', () => {
  it('is forgotten where it is gone', () => {
    expect(decided({ versions: [made, empty] })).toEqual(['G2 forget vpc vpc-1']);
    expect(saysOf({ versions: [made, empty] })[0]).toBe('version: an earlier version has it as vpc-1');
  });

  it('is not forgotten where AWS has it: it would be nobody’s', () => {
    expect(decided({ versions: [made, empty], objects: [object('vpc-1')] })).toEqual(['X ask vpc vpc-1']);
  });

  it('is asked about where its deletion was seen through, and AWS has it', () => {
    const versions = [made, operation('deleting'), empty];
    expect(decided({ versions, objects: [tagged('vpc-1', 'vpc')] })).toEqual(['X ask vpc vpc-1']);
    expect(saysOf({ versions })[0]).toBe('version: an earlier version has it as vpc-1, and the engine saw its deletion through');
  });

  it('stays in AWS on purpose where the program says so (retainOnDelete)', () => {
    const kept = deploymentOf([raw('vpc', { id: 'vpc-1', retainOnDelete: true })]);
    const ending = deploymentOf(
      [raw('vpc', { id: 'vpc-1', retainOnDelete: true })],
      [pending('deleting', raw('vpc', { id: 'vpc-1', retainOnDelete: true }))],
    );
    expect(decided({ versions: [kept, ending, empty], objects: [tagged('vpc-1', 'vpc')] })).toEqual(['U6 disown vpc vpc-1']);
  });
});

describe('an object under the stack’s tags that nothing else tells of', () => {
  it('is asked about, with the shape that any version has', () => {
    const given = { versions: [made, empty], objects: [tagged('vpc-2', 'vpc')] };
    const subject = subjectOf(given, 'vpc-2');
    expect([subject.row.row, subject.facts.shape, subject.urn]).toEqual(['X', 'known', urnOf('vpc')]);
  });

  it('has the shape that the program plans, where no version has one', () => {
    const given: Given = { objects: [tagged('vpc-1', 'new')], planned: new Map([['new', shapeOf('new')]]) };
    expect(factsOf(given).shape).toBe('known');
    expect(factsOf({ ...given, planned: new Map([['new', shapeOf('new', { type: types.subnet })]]) }).shape).toBe('unknown');
    expect(factsOf({ ...given, planned: new Map() }).shape).toBe('unknown');
  });

  it('is a second one where the checkpoint has the first', () => {
    expect(decided({ versions: [made], objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')] })).toEqual([
      'R4 keep vpc vpc-1',
      'U8 duplicate vpc vpc-2',
    ]);
  });

  it('is not a second one where the first is gone: a person must say', () => {
    expect(decided({ versions: [made], objects: [tagged('vpc-2', 'vpc')] })).toEqual(['G8 forget vpc vpc-1', 'X ask vpc vpc-2']);
  });

  it.each([
    ['another installation', { tags: tagsOf('vpc', stack, 'theirs') }],
    ['another stack', { tags: tagsOf('vpc', 'example.vpc.b') }],
  ])('of %s is none of ours', (_, more) => {
    expect(decided({ versions: [made], objects: [tagged('vpc-1', 'vpc'), object('vpc-2', more)] })).toEqual(['R4 keep vpc vpc-1']);
  });
});

describe('an object that AWS could not make, and shows for a while', () => {
  const failed = (id: string) => tagged(id, 'vpc', { phase: 'over' });

  it.each([
    ['of a create', [empty, creating], ['O1 forget vpc vpc-1']],
    ['that the state has', [made], ['O1 forget vpc vpc-1']],
    ['that is protected', [deploymentOf([raw('vpc', { id: 'vpc-1', protect: true })])], ['G6 ask vpc vpc-1']],
    ['that is to be deleted', [deploymentOf([raw('vpc', { id: 'vpc-1', delete: true })])], ['O1 forget vpc vpc-1']],
    ['that waits for its replacement', [deploymentOf([raw('vpc', { id: 'vpc-1', pendingReplacement: true })])], ['G4 keep vpc vpc-1']],
  ])('is none: one %s', (_, versions, decisions) => {
    expect(decided({ versions, objects: [failed('vpc-1')] })).toEqual(decisions);
  });

  it('is none beside the one that another try has made', () => {
    const objects = [failed('vpc-1'), tagged('vpc-2', 'vpc')];
    expect(decided({ versions: [empty, creating], objects })).toEqual(['O1 forget vpc vpc-1', 'U2 adopt vpc vpc-2']);
  });

  it('says after one look nothing yet of what else there may be of its create', () => {
    const looks = new Looks([lookOf([failed('vpc-1')])], ofEveryType);
    expect(decided({ versions: [empty, creating], looks })).toEqual(['W2 wait vpc vpc-1']);
  });
});

describe('an object under a key of the checkpoint, and under another id', () => {
  const inputs = { routeTableId: 'rtb-1', subnetId: 'subnet-1' };
  const versions = [deploymentOf([raw('link', { type: types.association, id: 'rtbassoc-1', inputs })])];
  const anew = object('rtbassoc-2', { type: types.association, properties: inputs });

  it('was made anew by somebody, and is adopted', () => {
    expect(decided({ versions, objects: [anew] })).toEqual(['G8 forget link rtbassoc-1', 'U7 adopt link rtbassoc-2']);
  });

  it('is a second one where AWS has the recorded one too', () => {
    const both = [object('rtbassoc-1', { type: types.association, properties: inputs }), anew];
    expect(decided({ versions, objects: both })).toEqual(['R4 keep link rtbassoc-1', 'U8 duplicate link rtbassoc-2']);
  });

  it('that AWS made by itself is none', () => {
    expect(decided({ versions, objects: [{ ...anew, madeBy: 'aws' }] })).toEqual(['G8 forget link rtbassoc-1']);
  });

  const old = raw('link', { type: types.association, id: 'rtbassoc-1', inputs });
  const wanted = { ...inputs, routeTableId: 'rtb-2' };
  const begun = deploymentOf([old], [pending('updating', { ...old, inputs: wanted })]);
  const moved = object('rtbassoc-2', { type: types.association, properties: wanted });

  it.each([
    ['is named still', [...versions, begun], 'G9'],
    ['no version names any more, as its plugin was killed', [...versions, begun, ...versions], 'G8'],
  ])('was made by an update that %s, and is adopted as that wanted it', (_, all, row) => {
    const given = { versions: all, objects: [moved] };
    expect(decided(given)).toEqual([`${row} forget link rtbassoc-1`, 'U9 adopt link rtbassoc-2']);
    expect(subjectOf(given, 'rtbassoc-2').shape?.inputs).toEqual(wanted);
  });

  it('is a question beside the recorded one that an update was to change', () => {
    const both = [object('rtbassoc-1', { type: types.association, properties: inputs }), moved];
    expect(decided({ versions: [...versions, begun], objects: both })).toEqual(['R6 keep link rtbassoc-1', 'X ask link rtbassoc-2']);
  });

  it('is a question where the key that an update was to give it is not known', () => {
    const hidden = deploymentOf([old], [pending('updating', { ...old, inputs: { ...inputs, routeTableId: secret } })]);
    const given = { versions: [...versions, hidden], objects: [moved] };
    expect(decided(given)).toEqual(['G0 ask link rtbassoc-1']);
    expect(decided({ ...given, answers: [{ resource: 'link', answer: 'forget' }] })).toEqual(['G9 forget link rtbassoc-1']);
    expect(decided({ ...given, answers: [{ resource: 'link', answer: 'adopt', id: 'rtbassoc-2' }] })).toEqual([
      'G9 forget link rtbassoc-1',
      'P1 adopt link rtbassoc-2',
    ]);
  });

  it('is none of what is only to be deleted', () => {
    const condemned = [deploymentOf([raw('link', { type: types.association, id: 'rtbassoc-1', inputs, delete: true })])];
    expect(decided({ versions: condemned, objects: [anew] })).toEqual(['G5 forget link rtbassoc-1']);
  });

  it('is none where it is disowned', () => {
    expect(decided({ versions, objects: [anew], disowned: new Set([objectKey(anew)]) })).toEqual(['G8 forget link rtbassoc-1']);
  });
});

describe('what is on the stack’s disowned list', () => {
  const disowned = new Set([objectKey({ type: types.vpc, id: 'vpc-1' })]);

  it.each<readonly [string, Given, readonly string[]]>([
    ['under its tags', { objects: [tagged('vpc-1', 'vpc')] }, []],
    ['in an earlier version', { versions: [made, empty], objects: [object('vpc-1')] }, []],
    ['of a pending create', { versions: [empty, creating], objects: [tagged('vpc-1', 'vpc')] }, ['G1 forget vpc']],
    ['by the spool', { versions: [empty, creating], objects: [object('vpc-1')], spool: made }, ['G1 forget vpc']],
    [
      'by CloudTrail',
      { versions: [empty, creating], objects: [object('vpc-1')], words: [word('vpc-1', { tags: tagsOf('vpc') })] },
      ['G1 forget vpc'],
    ],
  ])('is nothing that is found %s', (_, given, decisions) => {
    expect(decided({ ...given, disowned })).toEqual(decisions);
  });

  it('is of one type: another object of the same id is another one', () => {
    const other = new Set([objectKey({ type: types.subnet, id: 'vpc-1' })]);
    expect(decided({ versions: [empty, creating], objects: [tagged('vpc-1', 'vpc')], disowned: other })).toEqual(['U2 adopt vpc vpc-1']);
  });

  it('is as the checkpoint has it, where that has it: it was disowned and not yet promoted', () => {
    const given = { versions: [made], objects: [tagged('vpc-1', 'vpc')], disowned };
    expect(decided({ ...given, answers: [answer('vpc=disown:vpc-1')] })).toEqual(['P3 disown vpc vpc-1']);
  });
});

describe('two objects of one create', () => {
  const versions = [empty, creating];
  const two = (more: Given = {}): string[] => decided({ versions, objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')], ...more });

  it('are one that is adopted and one that is named: always the same ones', () => {
    expect(two()).toEqual(['U2 adopt vpc vpc-1', 'U1 duplicate vpc vpc-2']);
    expect(two({ objects: [tagged('vpc-2', 'vpc'), tagged('vpc-1', 'vpc')] }).sort()).toEqual([
      'U1 duplicate vpc vpc-2',
      'U2 adopt vpc vpc-1',
    ]);
  });

  it('are told apart by what others refer to', () => {
    const objects = [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc'), object('subnet-1', { type: types.subnet, refersTo: ['vpc-2'] })];
    expect(two({ objects })).toEqual(['U1 duplicate vpc vpc-1', 'U2 adopt vpc vpc-2']);
  });

  it('are not told apart by what AWS itself makes in them', () => {
    const own = object('rtb-1', { type: types.route, refersTo: ['vpc-2'], madeBy: 'aws' });
    expect(two({ objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc'), own] })).toContain('U2 adopt vpc vpc-1');
  });

  it('are told apart by a person before anything else', () => {
    const objects = [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc'), object('subnet-1', { type: types.subnet, refersTo: ['vpc-1'] })];
    expect(two({ objects, answers: [answer('vpc=adopt:vpc-2')] })).toEqual(['U1 duplicate vpc vpc-1', 'P1 adopt vpc vpc-2']);
  });

  it('are the one of which the run has begun the create, and the one that it has not', () => {
    // The one bears the tags, the other one is known from an earlier version.
    const given = { versions: [made, empty, creating], objects: [object('vpc-1'), tagged('vpc-2', 'vpc')] };
    expect(decided(given).sort()).toEqual(['U1 duplicate vpc vpc-1', 'U2 adopt vpc vpc-2']);
  });

  it('are none where one of them is gone', () => {
    expect(two({ objects: [tagged('vpc-2', 'vpc')], words: [word('vpc-1', { tags: tagsOf('vpc') })] }).sort()).toEqual([
      'G1 forget vpc vpc-1',
      'U2 adopt vpc vpc-2',
    ]);
  });

  it.each([
    ['vpc=delete:vpc-2', 'P4 condemn vpc vpc-2'],
    ['vpc=disown:vpc-2', 'P3 disown vpc vpc-2'],
  ])('are decided when a person says %s', (text, decision) => {
    expect(two({ answers: [answer(text)] })).toEqual(['U2 adopt vpc vpc-1', decision]);
  });

  it('of which a person gave up the first are the second', () => {
    expect(two({ answers: [answer('vpc=disown:vpc-1'), answer('vpc=adopt:vpc-2')] })).toEqual([
      'P3 disown vpc vpc-1',
      'P1 adopt vpc vpc-2',
    ]);
  });
});

describe('a replacement that creates first', () => {
  const inputs = { cidrBlock: 'new', ...taggedInputs('vpc') };
  const begun = deploymentOf([root, raw('vpc', { id: 'vpc-1' })], [pending('creating', raw('vpc', { inputs }))]);
  const versions = [made, begun];
  const old = tagged('vpc-1', 'vpc');

  it('of which the new object was made has it adopted, and the old one deleted by the next up', () => {
    expect(decided({ versions, objects: [old, tagged('vpc-2', 'vpc')] })).toEqual(['R3 condemn vpc vpc-1', 'U2 adopt vpc vpc-2']);
  });

  it('records the new object as it was to be', () => {
    expect(subjectOf({ versions, objects: [old, tagged('vpc-2', 'vpc')] }, 'vpc-2').shape?.inputs).toEqual(inputs);
  });

  it('of which nothing was made leaves the old object as it is', () => {
    expect(decided({ versions, objects: [old] })).toEqual(['R4 keep vpc vpc-1', 'G1 forget vpc']);
  });

  it('is known by CloudTrail where the new object has no tags yet', () => {
    const words = [word('vpc-2', { tags: tagsOf('vpc') })];
    expect(decided({ versions, objects: [old, object('vpc-2')], words })).toEqual(['R3 condemn vpc vpc-1', 'U3 adopt vpc vpc-2']);
  });

  it('has no successor in an object that nothing says to be the run’s', () => {
    const given = { versions, objects: [old, object('vpc-2')], spool: deploymentOf([raw('vpc', { id: 'vpc-2' })]) };
    expect(decided(given)).toEqual(['R4 keep vpc vpc-1', 'X ask vpc vpc-2']);
  });

  it('made twice has one successor, and one that is named', () => {
    expect(decided({ versions, objects: [old, tagged('vpc-2', 'vpc'), tagged('vpc-3', 'vpc')] })).toEqual([
      'R3 condemn vpc vpc-1',
      'U2 adopt vpc vpc-2',
      'U1 duplicate vpc vpc-3',
    ]);
  });

  it.each([
    [{ protect: true }, 'R1 ask vpc vpc-1'],
    [{ retainOnDelete: true }, 'R2 disown vpc vpc-1'],
  ])('of what is kept by the program: %j', (option, decision) => {
    const recorded = raw('vpc', { id: 'vpc-1', ...option });
    const kept = [deploymentOf([recorded]), deploymentOf([recorded], [pending('creating', raw('vpc', option))])];
    expect(decided({ versions: kept, objects: [old, tagged('vpc-2', 'vpc')] })[0]).toBe(decision);
  });
});

describe('a replacement that deletes first', () => {
  const away = raw('vpc', { id: 'vpc-1', pendingReplacement: true });
  const versions = [made, operation('deleting'), deploymentOf([away]), deploymentOf([away], [pending('creating', raw('vpc'))])];

  it('of which the new object was made has it adopted, and the old entry forgotten', () => {
    expect(decided({ versions, objects: [tagged('vpc-2', 'vpc')] })).toEqual(['G3 forget vpc vpc-1', 'U2 adopt vpc vpc-2']);
  });

  it('of which nothing was made keeps the old entry, by which the next up makes it', () => {
    expect(decided({ versions })).toEqual(['G4 keep vpc vpc-1', 'G1 forget vpc']);
  });
});

describe('whether it is there', () => {
  const of = (given: Given): string => factsOf(given).live;
  const versions = [empty, creating];

  it.each(['coming', 'going', 'over'] as const)('is as AWS says: %s', (phase) => {
    expect(of({ versions, objects: [tagged('vpc-1', 'vpc', { phase })] })).toBe(phase);
  });

  it('is not settled by one look, where it is in doubt', () => {
    const looks = (objects: Parameters<typeof lookOf>[0]): Looks => new Looks([lookOf(objects)], ofEveryType);
    expect(of({ versions, looks: looks([tagged('vpc-1', 'vpc')]) })).toBe('unsettled');
    expect(of({ versions, looks: looks([]) })).toBe('unsettled');
  });

  it('is settled by one look, where AWS has it and it is not in doubt', () => {
    expect(of({ versions: [made], looks: new Looks([lookOf([tagged('vpc-1', 'vpc')])], ofEveryType) })).toBe('there');
  });

  it('is not known without a look', () => {
    expect(of({ versions, looks: new Looks([], ofEveryType) })).toBe('unseen');
  });

  it('is not known of what is not shown by a look that was not whole', () => {
    expect(of({ versions, looks: settledLooks([], [], ['routes of rtb-1']) })).toBe('unseen');
  });

  it('is no more at once, where its deletion was seen', () => {
    const one = new Looks([lookOf([])], ofEveryType);
    expect(of({ versions: [made, operation('deleting'), empty], looks: one })).toBe('gone');
    expect(of({ versions: [made, empty], looks: one })).toBe('unsettled');
    expect(of({ versions: [made, empty], looks: one, words: [word('vpc-1', { act: 'deleted' })] })).toBe('gone');
    expect(of({ versions: [made, empty], looks: one, words: [word('vpc-1', { act: 'deleted', type: types.subnet })] })).toBe('unsettled');
  });

  it('is not known to be deleted where it was made again afterwards under the same id', () => {
    const one = new Looks([lookOf([])], ofEveryType);
    const words = [word('vpc-1', { act: 'deleted' }), word('vpc-1', { act: 'made' })];
    expect(of({ versions: [made, empty], looks: one, words })).toBe('unsettled');
    expect(of({ versions: [made, empty], looks: one, words: words.toReversed() })).toBe('gone');
  });

  it('is what AWS shows, whatever was seen before', () => {
    expect(of({ versions: [made, operation('deleting'), empty], objects: [tagged('vpc-1', 'vpc')] })).toBe('there');
  });
});

describe('what CloudTrail says', () => {
  const given = { versions: [empty, creating], objects: [tagged('vpc-1', 'vpc')] };

  it.each([
    [{ words: [word('vpc-1')] }, 'made'],
    [{ words: [word('vpc-2')] }, 'silent'],
    [{ words: [word('vpc-1', { act: 'changed' })] }, 'silent'],
    [{ open: true }, 'open'],
    [{ words: [word('vpc-1')], open: true }, 'made'],
  ] as const)('%j is %s', (said, fact) => {
    expect(factsOf({ ...given, ...said }).trail).toBe(fact);
  });
});

describe('what a person said', () => {
  const saidOf = (texts: readonly string[], given: Given = {}): string =>
    factsOf({ versions: [empty, creating], objects: [tagged('vpc-1', 'vpc')], ...given, answers: texts.map(answer) }).said;

  it.each([
    [['vpc=adopt:vpc-1'], 'adopt'],
    [['vpc=delete:vpc-1'], 'delete'],
    [['vpc=disown:vpc-1'], 'disown'],
    [['vpc=disown'], 'disown'],
    [['vpc=forget'], 'forget'],
    [['vpc=delete:vpc-9'], 'nothing'],
    [['other=forget'], 'nothing'],
    [[], 'nothing'],
    [['vpc=forget', 'vpc=disown:vpc-1'], 'disown'],
  ] as const)('%j is %s', (texts, said) => {
    expect(saidOf(texts)).toBe(said);
  });

  it('without an id is of the one thing that is in question, and of none where there are two', () => {
    const two = { versions: [empty, creating], objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')] };
    const said = subjectsOf(evidenceOf({ ...two, answers: [answer('vpc=disown')] })).map(({ facts }) => facts.said);
    expect(said).toEqual(['nothing', 'nothing']);
  });

  it('without an id is not of what is not in question', () => {
    const given = { versions: [made], objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc')], answers: [answer('vpc=disown')] };
    expect(decided(given)).toEqual(['R4 keep vpc vpc-1', 'P3 disown vpc vpc-2']);
  });
});

describe('a type that AWS lists and that has no row', () => {
  it('under the stack’s tags is asked about', () => {
    const strange = object('igw-1', { type: 'internet-gateway', tags: tagsOf('gateway') });
    const subject = subjectOf({ objects: [strange] });
    expect([subject.row.row, subject.facts.kind, subject.name, subject.id]).toEqual(['E4', 'unlisted', 'gateway', 'igw-1']);
  });
});

describe('what is in doubt', () => {
  it.each([
    ['none', 'recorded', false],
    ['none', 'condemned', false],
    ['update', 'recorded', true],
    ['none', 'unrecorded', true],
  ] as const)('an operation "%s" on what is %s: %s', (op, state, expected) => {
    expect(isInDoubt({ operation: op, state })).toBe(expected);
  });
});

it('comes to the same from the same evidence, and has each object once', () => {
  const given: Given = {
    versions: [
      made,
      deploymentOf(
        [root, provider, raw('vpc', { id: 'vpc-1' })],
        [pending('creating', raw('vpc')), pending('creating', raw('net', { type: types.subnet }))],
      ),
    ],
    objects: [tagged('vpc-1', 'vpc'), tagged('vpc-2', 'vpc'), tagged('subnet-1', 'net', { type: types.subnet }), object('vpc-3')],
    spool: deploymentOf([raw('vpc', { id: 'vpc-3' })]),
    words: [word('vpc-2', { tags: tagsOf('vpc') })],
  };
  const subjects = subjectsOf(evidenceOf(given));
  expect(subjectsOf(evidenceOf(given))).toEqual(subjects);
  const keys = subjects.flatMap(({ type, id }) => (id === undefined ? [] : [objectKey({ type, id })]));
  expect(new Set(keys).size).toBe(keys.length);
  expect(subjects.some(({ urn }) => urn === providerUrn)).toBe(false);
});
