import type { Role } from '../../orchestrator/aws/permissions/roles.ts';
import { quickly, smallNetwork, withManySegments } from '../support/networks.ts';

/** What the bucket and AWS have when a part begins (room.ts makes them). */
export type Beginning =
  | 'nothing'
  | 'everything'
  | 'with-key'
  | 'guardrails'
  | 'held-guardrails'
  | 'disowned'
  | 'frozen'
  | 'frozen-lock-gone'
  | 'foreign-lock'
  | 'held-gateway'
  | 'held'
  | 'lock-gone'
  | 'held-elsewhere'
  | 'dossier'
  | 'held-member';

/** A command under its own role. Together they call what the role's rows are for. */
export interface Part {
  /** `<role>: <command>` */
  readonly name: string;
  readonly role: Role;
  readonly begin: Beginning;
  readonly command: readonly string[];
  readonly network: string;
  readonly exitCode: number;
  /** A call that AWS refuses for a reason of its own. */
  readonly fault?: object;
  /** Not in the test suite, with the reason. */
  readonly slow?: string;
}

export const topic = 'arn:aws:sns:eu-west-1:111122223333:on-call';

export const network = `${smallNetwork.replace('region: eu-west-1\n', 'region: eu-west-1\ndefaults: { tags: { team: network, old: tag } }\n')}${quickly}guardrails: { metric: {}, topic: { arn: "${topic}" } }
`;

/** Something of every kind is changed in place, made and deleted. */
const changedOf = (of: string): string =>
  of
    .replace('old: tag', 'new: tag')
    .replace('segments:', 'gateway: { description: changed }\nsegments:')
    .replace('blackholes: [10.9.0.0/16]', 'blackholes: [10.8.0.0/16]')
    .replace('private: { a: 10.1.0.0/24 }', 'private: { a: 10.1.0.0/24, b: 10.1.1.0/24 }')
    .replace('private: [10.0.0.0/8]', 'private: [10.0.0.0/8, 172.16.0.0/12]');

const changed = changedOf(network);

const guarded = (tag: string, lockAge: string, ...readers: readonly string[]): string =>
  `${smallNetwork.replace('region: eu-west-1\n', `region: eu-west-1\ndefaults: { tags: { ${tag}: tag } }\n`)}${quickly}guardrails:
  lockAge: ${lockAge}
  metric: {}
  topic: { subscriptions: [${readers.map((reader) => `{ protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:111122223333:${reader}" }`).join(', ')}] }
`;

/** With a topic of its own, an alarm, and who reads it. */
export const withGuardrails = guarded('old', '20m', 'on-call', 'archive');

/** With more gateway tables than every account may have. */
const manySegments = withManySegments(network);

const stateIs = (state: string): string => network.replace('region: eu-west-1\n', `region: eu-west-1\nstate: ${state}\n`);

/** A bucket that there is not yet. */
const ofNewBucket = stateIs('{ bucket: small-states }');

export const withKey = stateIs('{ secrets: "awskms://alias/state?region=eu-west-1" }');

const incident = ['--incident', 'INC-7'];

/** A bucket that denies is waited for like one that fails. */
const patience = ['--bucket-patience', '1s'];

const refused = (service: string, action: string, code: string): object => ({
  match: { service, action },
  do: { kind: 'refuse', code, status: 400 },
});

const part = (
  role: Role,
  name: string,
  begin: Beginning,
  command: readonly string[],
  rest: Partial<Pick<Part, 'network' | 'exitCode' | 'fault' | 'slow'>> = {},
): Part => ({ name: `${role}: ${name}`, role, begin, command, network, exitCode: 0, ...rest });

const upOf = (stack: string): string[] => ['up', stack, '--yes', ...patience];

export const parts: readonly Part[] = [
  part('plan', 'graph', 'nothing', ['graph']),
  part('plan', 'paths', 'nothing', ['paths']),
  part('plan', 'preflight', 'everything', ['preflight']),
  part('plan', 'preflight of many segments', 'nothing', ['preflight'], { network: manySegments }),
  part('plan', 'plan with a key', 'with-key', ['plan'], { network: changedOf(withKey) }),
  part('plan', 'plan of nothing', 'nothing', ['plan']),
  part('plan', 'plan of a change', 'everything', ['plan'], { network: changed }),
  part('plan', 'plan beside a stack that is held', 'held-elsewhere', ['plan', 'transit-gateway']),
  part('plan', 'plan of what is frozen', 'frozen', ['plan', 'transit-gateway']),
  part('plan', 'env', 'everything', ['env', 'vpc.one']),

  part('apply', 'first up', 'nothing', ['up', '--yes', ...patience]),
  part('apply', 'up of a change', 'everything', ['up', '--yes', ...patience], { network: changed }),
  part('apply', 'preflight of many segments', 'nothing', ['preflight'], { network: manySegments }),
  part('apply', 'preflight of a key', 'nothing', ['preflight'], { network: withKey }),
  part('apply', 'up with a key', 'nothing', upOf('transit-gateway'), { network: withKey }),
  part('apply', 'up that AWS refuses', 'nothing', upOf('transit-gateway'), {
    exitCode: 1,
    fault: refused('ec2', 'CreateTransitGatewayRouteTable', 'TransitGatewayRouteTableLimitExceeded'),
  }),
  part('apply', 'up that is settled', 'held-gateway', upOf('transit-gateway'), { exitCode: 4 }),
  part('apply', 'up of which nobody knows what became', 'nothing', upOf('transit-gateway'), {
    exitCode: 1,
    fault: refused('ec2', 'CreateTransitGatewayRouteTable', 'InternalFailure'),
  }),
  part('apply', 'up that leaves a stack held', 'nothing', [...upOf('transit-gateway'), '--no-settle'], {
    exitCode: 4,
    fault: refused('ec2', 'CreateTransitGatewayRouteTable', 'InternalFailure'),
  }),
  part('apply', 'destroy', 'everything', [
    'destroy',
    'vpc.one',
    'member.one',
    'route-tables.one',
    'segment.main',
    '--yes',
    '--confirm',
    'small',
    '--bucket-patience',
    '1s',
  ]),
  part('apply', 'destroy of the gateway', 'everything', ['destroy', '--yes', '--confirm', 'small', ...patience], {
    slow: 'the provider waits two minutes before it looks whether a gateway is gone',
  }),

  part('apply', 'part of a shared run', 'nothing', ['up', 'transit-gateway', '--run', 'gh-1', '--yes', ...patience]),
  part('apply', 'first up of the guardrails', 'nothing', upOf('guardrails'), { network: withGuardrails }),
  part('apply', 'up of guardrails that are changed', 'guardrails', upOf('guardrails'), { network: guarded('new', '30m', 'on-call') }),
  part('apply', 'destroy of the guardrails', 'guardrails', ['destroy', 'guardrails', '--yes', '--confirm', 'small', ...patience], {
    network: withGuardrails,
  }),

  part('inventory', 'inventory --diff of the guardrails', 'guardrails', ['inventory', 'guardrails', '--diff'], { network: withGuardrails }),
  part('inventory', 'inventory', 'everything', ['inventory']),
  part('inventory', 'paths --live', 'everything', ['paths', '--live']),
  part('inventory', 'inventory --diff', 'disowned', ['inventory', '--diff']),

  part('recover', 'freeze', 'everything', ['freeze', 'vpc.one', ...incident]),
  part('recover', 'unfreeze', 'frozen', ['unfreeze', 'vpc.one', ...incident]),
  part('recover', 'recover --dry-run', 'held', ['recover', '--dry-run', ...patience]),
  part('recover', 'recover', 'held', ['recover', ...incident, ...patience]),
  part('recover', 'recover of the gateway', 'held-gateway', ['recover', ...incident, ...patience]),
  part('recover', 'recover of the guardrails', 'held-guardrails', ['recover', ...incident, ...patience], { network: withGuardrails }),
  part('recover', 'recover of a member', 'held-member', ['recover', ...incident, ...patience]),

  part('release', 'freeze', 'everything', ['freeze', 'vpc.one', ...incident]),
  part('release', 'unfreeze', 'frozen', ['unfreeze', 'vpc.one', ...incident]),
  part('release', 'unfreeze, where the lock is gone', 'frozen-lock-gone', ['unfreeze', 'vpc.one', ...incident]),
  part('release', 'release', 'held', ['release', 'vpc.one', ...incident, '--unreconciled', '--confirm', 'vpc.one']),
  part('release', 'release after a recovery', 'dossier', ['release', 'vpc.one', ...incident, '--unreconciled', '--confirm', 'vpc.one']),
  part('release', 'release of a lock from elsewhere', 'foreign-lock', [
    'release',
    'vpc.one',
    ...incident,
    '--unreconciled',
    '--confirm',
    'vpc.one',
  ]),

  part('watch', 'status', 'held', ['status'], { exitCode: 4 }),
  part('watch', 'status, where a lock is gone', 'lock-gone', ['status'], { exitCode: 4 }),
  part('watch', 'status --why', 'everything', ['status', '--why', 'vpc.one']),
  part('watch', 'runs', 'everything', ['runs']),
  part('watch', 'locks', 'held-elsewhere', ['locks']),
  part('watch', 'locks of what is frozen', 'frozen', ['locks']),
  part('watch', 'locks --notify', 'held', ['locks', '--notify']),
  part('watch', 'locks --notify, where the topic takes nothing', 'held', ['locks', '--notify'], {
    exitCode: 1,
    fault: refused('sns', 'Publish', 'InternalError'),
  }),

  part('bootstrap', 'bootstrap', 'nothing', ['bootstrap'], { network: ofNewBucket }),
  part('bootstrap', 'bootstrap with an object lock', 'nothing', ['bootstrap', '--object-lock'], { network: ofNewBucket }),
  part('bootstrap', 'bootstrap --check', 'nothing', ['bootstrap', '--check']),
];
