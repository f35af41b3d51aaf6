import { z } from 'zod';
import { defineKind, reads } from '../../orchestrator/pulumi/kind.ts';
import type { StackKind } from '../../orchestrator/pulumi/kind.ts';
import { Resource } from './sdk.ts';

/** Two kinds: a hub with a VPC, and spokes that read it, each with a VPC, a route table and a route. */

const gateway = 'tgw-0123456789abcdef0';

const resource = (type: string, name: string, inputs: Readonly<Record<string, unknown>>): Resource => new Resource(type, name, inputs);

export const hub = defineKind({
  kind: 'hub',
  title: 'hubs',
  references: {},
  outputs: { vpcId: z.string().startsWith('vpc-') },
  guarded: [],
  instances: ({ vpcs, defaults }) => {
    const own = vpcs['hub'];
    return own ? [{ inputs: { cidr: own.cidr, edition: defaults.tags['edition'] ?? '1' }, references: {} }] : [];
  },
  program: ({ inputs, tags }) => {
    const vpc = resource('aws:ec2/vpc:Vpc', 'vpc', { cidrBlock: inputs.cidr, tags: tags('vpc') });
    return Promise.resolve({ vpcId: vpc.id as never });
  },
});

export const spoke = defineKind({
  kind: 'spoke',
  title: 'spokes',
  references: { hub: reads(hub, 'vpcId') },
  outputs: { vpcId: z.string().startsWith('vpc-') },
  guarded: [],
  instances: ({ vpcs }) =>
    Object.entries(vpcs)
      .filter(([name]) => name !== 'hub')
      .map(([instance, { cidr, segment }]) => ({ instance, inputs: { cidr, hasRoute: segment === 'routed' }, references: { hub: {} } })),
  program: ({ inputs, references, tags }) => {
    const vpc = resource('aws:ec2/vpc:Vpc', 'vpc', { cidrBlock: inputs.cidr, tags: { ...tags('vpc'), hub: references.hub.vpcId } });
    if (inputs.hasRoute) {
      const table = resource('aws:ec2/routeTable:RouteTable', 'table', { vpcId: vpc.id, tags: tags('table') });
      resource('aws:ec2/route:Route', 'route', { routeTableId: table.id, destinationCidrBlock: '10.0.0.0/16', transitGatewayId: gateway });
    }
    return Promise.resolve({ vpcId: vpc.id as never });
  },
});

export const kinds: readonly StackKind[] = [hub, spoke];

/** Segment `routed` has a table and a route; each edition changes the tags of every VPC. */
export function networkFile({ spokes, edition, hubCidr = '10.0.0.0/16', staleness = 10 }: Wanted): string {
  const vpc = (name: string, cidr: string, segment: string): string =>
    `  ${name}:\n    segment: ${segment}\n    cidr: ${cidr}\n    subnets:\n      main: { a: ${cidr.replace(/\/16$/, '/20')} }\n    attachment: main\n`;
  return [
    `network: net\naccount: "444455556666"\nregion: eu-west-1\nrecovery:\n  staleness: ${staleness}s\ndefaults:\n  tags:\n    edition: "${edition}"\n`,
    'segments:\n  plain: {}\n  routed: {}\nvpcs:\n',
    vpc('hub', hubCidr, 'plain'),
    ...spokes.map(({ name, cidr, routed }) => vpc(name, cidr, routed ? 'routed' : 'plain')),
  ].join('');
}

export interface Wanted {
  readonly spokes: readonly { readonly name: string; readonly cidr: string; readonly routed: boolean }[];
  readonly edition: number;
  readonly hubCidr?: string;
  readonly staleness?: number;
}
