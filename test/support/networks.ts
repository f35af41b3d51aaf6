import { readFileSync } from 'node:fs';

/** The example that everyone starts with. */
export const exampleNetwork: string = readFileSync(new URL('../../networks/example.yaml', import.meta.url), 'utf8');

/** The smallest network that has every kind of stack: three stacks. */
export const smallNetwork = `network: small
account: "111122223333"
region: eu-west-1
segments:
  main:
    blackholes: [10.9.0.0/16]
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

/** The VPC of the small network with another block each time: VPC and subnets are created before the old ones are deleted, the attachment after. */
export const replacedVpc = {
  short: 'vpc.one',
  stack: 'small.vpc.one',
  args: ['--allow-replace', 'vpc.one/vpc', '--allow-replace', 'vpc.one/attachment'],
  networks: (nth: number) => {
    const withBlock = (number: number): string => smallNetwork.replaceAll('10.1.0.0', `10.${number}.0.0`);
    return { before: withBlock(20 + nth), wanted: withBlock(21 + nth) };
  },
  deployed: ['transit-gateway', 'vpc.one'],
  fromNothing: false,
} as const;
