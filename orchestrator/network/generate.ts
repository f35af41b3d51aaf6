import { stringify } from 'yaml';
import { command } from '../domain/command.ts';
import { labAccountId } from '../domain/lab-record.ts';

/** At most so many /20 blocks fit into 10.0.0.0/8. */
export const mostVpcs = 4096;

/**
 * A network of `vpcs` VPCs in two zones: the first is shared, the others alternate between production and staging. For trying Holdfast at the
 * size that a company has.
 * @param vpcs 1 to `mostVpcs`
 */
export function generateNetwork(vpcs: number): string {
  const block = (index: number, offset: number, prefix: number): string => {
    const address = 10 * 2 ** 24 + index * 2 ** 12 + offset;
    return `${[24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')}/${prefix}`;
  };
  const spec = {
    network: `example-${vpcs}`,
    account: labAccountId,
    region: 'eu-west-1',
    segments: {
      shared: { reaches: ['production', 'staging'] },
      production: { routes: [{ to: '0.0.0.0/0', vpc: 'v001' }] },
      staging: { routes: [{ to: '0.0.0.0/0', vpc: 'v001' }] },
    },
    vpcs: Object.fromEntries(
      Array.from({ length: vpcs }, (_, index) => [
        `v${String(index + 1).padStart(3, '0')}`,
        {
          segment: index === 0 ? 'shared' : index % 2 === 1 ? 'production' : 'staging',
          cidr: block(index, 0, 20),
          subnets: { private: { a: block(index, 0, 22), b: block(index, 1024, 22) } },
          attachment: 'private',
          routes: { private: [index === 0 ? '10.0.0.0/8' : '0.0.0.0/0'] },
        },
      ]),
    ),
  };
  return `# yaml-language-server: $schema=network.schema.json\n# A generated network of ${vpcs} VPCs, ${3 * vpcs + 4} stacks. Made by: ${command('generate', { vpcs })}\n${stringify(spec)}`;
}
