import type { Role } from '../../orchestrator/aws/permissions/roles.ts';
import { quickly, smallNetwork } from '../support/networks.ts';

/** What the bucket and AWS have when a part begins. */
export type Beginning = 'nothing' | 'everything' | 'held' | 'frozen' | 'lock-gone';

/** A command under its own role. Together they call whatever the role's rows are for. */
export interface Part {
  /** `<role>: <command>` */
  readonly name: string;
  readonly role: Role;
  readonly begin: Beginning;
  readonly command: readonly string[];
  readonly network: string;
  readonly exitCode: number;
  /** Calls that AWS refuses for a reason of its own. */
  readonly fault?: object;
}

export const topic = 'arn:aws:sns:eu-west-1:111122223333:on-call';

export const network = `${smallNetwork}${quickly}guardrails: { metric: {}, topic: { arn: "${topic}" } }
`;

/** Something of every kind is changed in place, made and deleted. */
const changed = network
  .replace('region: eu-west-1\n', 'region: eu-west-1\ndefaults: { tags: { team: network } }\ngateway: { description: changed }\n')
  .replace('blackholes: [10.9.0.0/16]', 'blackholes: [10.8.0.0/16]')
  .replace('private: { a: 10.1.0.0/24 }', 'private: { a: 10.1.0.0/24, b: 10.1.1.0/24 }')
  .replace('private: [10.0.0.0/8]', 'private: [10.0.0.0/8, 172.16.0.0/12]');

/** A bucket that there is not yet. */
const ofNewBucket = network.replace('region: eu-west-1\n', 'region: eu-west-1\nstate: { bucket: small-states }\n');

const incident = ['--incident', 'INC-7'];

const part = (
  role: Role,
  name: string,
  begin: Beginning,
  command: readonly string[],
  rest: Partial<Pick<Part, 'network' | 'exitCode' | 'fault'>> = {},
): Part => ({ name: `${role}: ${name}`, role, begin, command, network, exitCode: 0, ...rest });

export const parts: readonly Part[] = [
  part('plan', 'graph', 'nothing', ['graph']),
  part('plan', 'preflight', 'everything', ['preflight']),
  part('plan', 'plan of nothing', 'nothing', ['plan']),
  part('plan', 'plan of a change', 'everything', ['plan'], { network: changed }),
  part('plan', 'env', 'everything', ['env', 'vpc.one']),
  part('apply', 'first up', 'nothing', ['up', '--yes']),
  part('apply', 'up of a change', 'everything', ['up', '--yes'], { network: changed }),
  part('apply', 'up that AWS refuses', 'nothing', ['up', '--yes'], {
    exitCode: 1,
    fault: { match: { service: 'ec2', action: 'CreateVpc' }, do: { kind: 'refuse', code: 'VpcLimitExceeded', status: 400 } },
  }),
  part('apply', 'destroy', 'everything', ['destroy', '--yes', '--confirm', 'small']),
  part('inventory', 'inventory', 'everything', ['inventory']),
  part('inventory', 'inventory --diff', 'everything', ['inventory', '--diff']),
  part('recover', 'freeze', 'everything', ['freeze', 'vpc.one', ...incident]),
  part('recover', 'unfreeze', 'frozen', ['unfreeze', 'vpc.one', ...incident]),
  part('recover', 'recover --dry-run', 'held', ['recover', '--dry-run']),
  part('recover', 'recover', 'held', ['recover', ...incident]),
  part('release', 'freeze', 'everything', ['freeze', 'vpc.one', ...incident]),
  part('release', 'unfreeze', 'frozen', ['unfreeze', 'vpc.one', ...incident]),
  part('release', 'release', 'held', ['release', 'vpc.one', ...incident, '--unreconciled', '--confirm', 'vpc.one']),
  part('watch', 'status', 'held', ['status'], { exitCode: 4 }),
  part('watch', 'status, where a lock is gone', 'lock-gone', ['status'], { exitCode: 4 }),
  part('watch', 'runs', 'everything', ['runs']),
  part('watch', 'locks', 'held', ['locks']),
  part('watch', 'locks --notify', 'held', ['locks', '--notify']),
  part('bootstrap', 'bootstrap', 'nothing', ['bootstrap'], { network: ofNewBucket }),
  part('bootstrap', 'bootstrap --check', 'nothing', ['bootstrap', '--check']),
];
