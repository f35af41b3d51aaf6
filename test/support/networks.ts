import { readFileSync } from 'node:fs';

/** The example that everyone starts with. */
export const exampleNetwork: string = readFileSync(new URL('../../networks/example.yaml', import.meta.url), 'utf8');

/** The smallest network that has every kind of stack and each object: five stacks, each of which stands on the one before. */
export const smallNetwork = `network: small
account: "111122223333"
region: eu-west-1
segments:
  main:
    blackholes: [10.9.0.0/16]
    routes: [{ to: 192.168.0.0/16, vpc: one }]
vpcs:
  one:
    segment: main
    cidr: 10.1.0.0/16
    subnets:
      private: { a: 10.1.0.0/24 }
    attachment: private
    routes:
      private: [10.0.0.0/8]
`;

/**
 * The smallest network in which each edit of a network has something to disturb: a hub, through which `leaf` and `far` reach each other, and a part of `far` that a
 * blackhole keeps from `leaf`.
 */
export const hubNetwork = `network: small
account: "111122223333"
region: eu-west-1
segments:
  hub:
    reaches: [leaf, far]
  leaf:
    blackholes: [10.3.1.0/24]
    routes: [{ to: 0.0.0.0/0, vpc: one }]
  far:
    routes: [{ to: 10.2.0.0/16, vpc: one }]
vpcs:
  one:
    segment: hub
    cidr: 10.1.0.0/16
    subnets:
      private: { a: 10.1.0.0/24 }
    attachment: private
    routes:
      private: [10.0.0.0/8]
  two:
    segment: leaf
    cidr: 10.2.0.0/16
    subnets:
      private: { b: 10.2.0.0/24 }
    attachment: private
    routes:
      private: [0.0.0.0/0]
  three:
    segment: far
    cidr: 10.3.0.0/16
    subnets:
      private: { a: 10.3.0.0/24 }
      closed: { a: 10.3.1.0/24 }
    attachment: private
    routes:
      private: [10.0.0.0/8]
`;

/** AWS may show things late; the lab does not, unless it is told to. */
export const quickly = 'recovery: { staleness: 1s }\n';

/** The network with 20 further segments that no VPC is in: more gateway tables than every account may have. */
export const withManySegments = (network: string): string =>
  network.replace('segments:\n', `segments:\n${Array.from({ length: 20 }, (_, index) => `  more-${index}: {}\n`).join('')}`);
