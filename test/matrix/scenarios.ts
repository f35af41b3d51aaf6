import { quickly, smallNetwork } from '../support/networks.ts';

/** What is deployed when a case begins; each is made once and kept as a snapshot of the lab. */
export type Beginning = 'nothing' | 'gateway' | 'gateway-and-vpc' | 'member' | 'routes' | 'everything';

/** A command over one stack. Stacks are run one after another, and none starts before what it stands on is verified: a fault hits one stack. */
export interface Part {
  readonly name: string;
  readonly scenario: string;
  readonly stack: string;
  readonly begin: Beginning;
  /** Text of the network file while the command runs and after it. */
  readonly network: string;
  /** The command, without what only an interrupted one is given. */
  readonly command: readonly string[];
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
  stack,
  begin,
  network,
  command: [command[0] ?? '', short(stack), '--yes', ...command.slice(1)],
});

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
    parts: [
      part('replace', vpc, 'gateway-and-vpc', moved, ['up', '--allow', 'deletion']),
    ],
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
];
