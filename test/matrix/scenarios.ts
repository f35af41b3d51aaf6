import { hubNetwork, quickly, smallNetwork } from '../support/networks.ts';

/** What is deployed when a case begins; each is made once and kept as a snapshot of the lab. */
export type Beginning = 'nothing' | 'gateway' | 'gateway-and-vpc' | 'member' | 'routes' | 'everything' | 'hub';

/**
 * A command over one stack, or an edit of a network, which changes several. Stacks are run one after another, and none starts before what it stands on is
 * verified: a fault hits one stack.
 */
export interface Part {
  readonly name: string;
  readonly scenario: string;
  /** All that it changes. */
  readonly stacks: readonly string[];
  /** Of these the ones that have left the file, and that an `up` takes away. */
  readonly leaving: readonly string[];
  readonly begin: Beginning;
  /** Text of the network file while the command runs and after it. */
  readonly network: string;
  /** Short names of the stacks that are given to the command; none: all. */
  readonly asked: readonly string[];
  /** The command, without what only an interrupted one is given. */
  readonly command: readonly string[];
  /** Whether AWS is looked at after each call of it, and held against promise 11. */
  readonly watched: boolean;
}

export interface Scenario {
  readonly name: string;
  readonly what: string;
  readonly parts: readonly Part[];
}

export const small = smallNetwork + quickly;

const gateway = 'small.transit-gateway';
const vpc = 'small.vpc.one';
const member = 'small.member.one';
const tables = 'small.route-tables.one';
const segment = 'small.segment.main';

/** The network file no longer has the VPC that is deployed. */
const withoutVpc = smallNetwork.replaceAll('10.1.0.0', '10.2.0.0').replace('  one:', '  two:').replace('vpc: one', 'vpc: two') + quickly;
const described = `${smallNetwork}gateway: { description: changed }\n${quickly}`;
const withoutBlackhole = smallNetwork.replace('[10.9.0.0/16]', '[]') + quickly;
const moved = smallNetwork.replaceAll('10.1.0.0', '10.3.0.0') + quickly;

const short = (stack: string): string => stack.replace('small.', '');

const part = (scenario: string, stack: string, begin: Beginning, network: string, command: readonly string[]): Part => ({
  name: `${scenario}/${short(stack)}`,
  scenario,
  stacks: [stack],
  leaving: [],
  begin,
  network,
  asked: [short(stack)],
  command: [command[0] ?? '', short(stack), '--yes', ...command.slice(1)],
  watched: false,
});

export const hub = hubNetwork + quickly;

/** The hub network with some of its text replaced, which has to be there once. */
const edited = (...changes: readonly (readonly [from: string, to: string])[]): string =>
  changes.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`the hub network has ${JSON.stringify(from)} not once`);
    return text.replace(from, to);
  }, hub);

const leaf = `  leaf:
    blackholes: [10.3.1.0/24]
    routes: [{ to: 0.0.0.0/0, vpc: one }]
`;
const two = hub.slice(hub.indexOf('  two:\n'), hub.indexOf('  three:\n'));

/** What becomes of a network that was deployed before, by one `up` over all of it. */
const edit = (
  name: string,
  what: string,
  network: string,
  stacks: readonly string[],
  { leaving = [], flags = [] }: { readonly leaving?: readonly string[]; readonly flags?: readonly string[] } = {},
): Scenario => ({
  name,
  what,
  parts: [
    {
      name: `${name}/network`,
      scenario: name,
      stacks: [...stacks, ...leaving].map((stack) => `small.${stack}`),
      leaving: leaving.map((stack) => `small.${stack}`),
      begin: 'hub',
      network,
      asked: [],
      // Of stacks side by side the calls would come in another order each time.
      command: ['up', '--yes', '--parallel', '1', ...flags],
      watched: true,
    },
  ],
});

const allow = (...consequences: readonly string[]): readonly string[] => consequences.flatMap((each) => ['--allow', each]);

const edits: readonly Scenario[] = [
  edit('move-vpc', 'a VPC moves to another segment', edited(['    segment: leaf\n', '    segment: far\n']), ['member.two'], {
    flags: allow('interruption'),
  }),
  edit(
    'move-default-route',
    'the default route of a segment leads to another VPC',
    edited(['{ to: 0.0.0.0/0, vpc: one }', '{ to: 0.0.0.0/0, vpc: three }']),
    ['segment.leaf'],
  ),
  edit(
    'remove-segment',
    'a segment and its VPC leave the file',
    edited([leaf, ''], [two, ''], ['reaches: [leaf, far]', 'reaches: [far]']),
    ['transit-gateway', 'member.one'],
    {
      leaving: ['vpc.two', 'member.two', 'route-tables.two', 'segment.leaf'],
      flags: ['--prune', ...allow('deletion')],
    },
  ),
  edit(
    'merge-segments',
    'a segment leaves the file, and its VPC moves to another one',
    edited([leaf, ''], ['    segment: leaf\n', '    segment: far\n'], ['reaches: [leaf, far]', 'reaches: [far]']),
    ['transit-gateway', 'member.one', 'member.two'],
    { leaving: ['segment.leaf'], flags: allow('interruption', 'deletion') },
  ),
  edit(
    'route-to-blackhole',
    'a static route becomes a blackhole, and a blackhole of another segment is split',
    edited(
      ['    routes: [{ to: 10.2.0.0/16, vpc: one }]', '    blackholes: [10.2.0.0/16]'],
      ['blackholes: [10.3.1.0/24]', 'blackholes: [10.3.1.0/25, 10.3.1.128/25]'],
    ),
    ['segment.far', 'segment.leaf'],
  ),
  edit(
    'resize-subnet',
    'a subnet that carries an attachment gets another block',
    edited(['{ a: 10.1.0.0/24 }', '{ a: 10.1.16.0/20 }']),
    ['vpc.one'],
    { flags: allow('deletion') },
  ),
  edit('add-zone', 'an attachment gets a subnet in another zone', edited(['{ a: 10.1.0.0/24 }', '{ a: 10.1.0.0/24, b: 10.1.1.0/24 }']), [
    'vpc.one',
  ]),
  edit(
    'swap-cidr',
    'a VPC gets another block, and the blackhole of a part of it goes along',
    edited(
      ['blackholes: [10.3.1.0/24]', 'blackholes: [10.4.1.0/24]'],
      ['cidr: 10.3.0.0/16', 'cidr: 10.4.0.0/16'],
      ['{ a: 10.3.0.0/24 }', '{ a: 10.4.0.0/24 }'],
      ['closed: { a: 10.3.1.0/24 }', 'closed: { a: 10.4.1.0/24 }'],
    ),
    ['vpc.three', 'member.three', 'route-tables.three', 'segment.leaf'],
    { flags: allow('deletion') },
  ),
];

export const scenarios: readonly Scenario[] = [
  {
    name: 'first-deploy',
    what: 'a network is deployed from nothing',
    parts: [
      part('first-deploy', gateway, 'nothing', small, ['up']),
      part('first-deploy', vpc, 'gateway', small, ['up']),
      part('first-deploy', member, 'gateway-and-vpc', small, ['up']),
      part('first-deploy', tables, 'member', small, ['up']),
      part('first-deploy', segment, 'routes', small, ['up']),
    ],
  },
  {
    name: 'update',
    what: 'a property is changed in place',
    parts: [part('update', gateway, 'gateway', described, ['up'])],
  },
  {
    name: 'remove',
    what: 'a resource goes, and its stack stays',
    parts: [part('remove', segment, 'everything', withoutBlackhole, ['up'])],
  },
  {
    name: 'replace',
    what: 'both replacements: the VPC and what is in it are made before the old ones are deleted, the attachment after',
    parts: [part('replace', vpc, 'gateway-and-vpc', moved, ['up', '--allow', 'deletion'])],
  },
  {
    name: 'delete-vpc',
    what: 'a VPC that is gone from the network file is destroyed',
    parts: [
      part('delete-vpc', tables, 'routes', withoutVpc, ['destroy']),
      part('delete-vpc', member, 'member', withoutVpc, ['destroy']),
      part('delete-vpc', vpc, 'gateway-and-vpc', withoutVpc, ['destroy']),
    ],
  },
  {
    name: 'destroy',
    what: 'everything is destroyed',
    parts: [
      part('destroy', segment, 'everything', small, ['destroy']),
      part('destroy', tables, 'routes', small, ['destroy']),
      part('destroy', member, 'member', small, ['destroy']),
      part('destroy', vpc, 'gateway-and-vpc', small, ['destroy']),
      part('destroy', gateway, 'gateway', small, ['destroy']),
    ],
  },
  ...edits,
];
