import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { output, runtime } from '@pulumi/pulumi';
import type { Output } from '@pulumi/pulumi';
import { programOf } from '../../orchestrator/pulumi/entry.ts';

const networks = new URL('../../networks/', import.meta.url);

// The Node language host, which runs the entry for plain `pulumi`, comes only with an official CLI: Pulumi's own mocks stand in for the engine.
describe('the entry for plain pulumi', () => {
  /** Names of what was registered. To be looked at after `disconnect` only, which waits for what is on its way. */
  let made: string[];
  let routeTableIds: Record<string, string>;
  beforeEach(async () => {
    // Of this case alone: what another one left on its way would be counted here.
    const own: string[] = [];
    made = own;
    routeTableIds = { production: 'tgw-rtb-1', shared: 'tgw-rtb-2' };
    process.env['HOLDFAST_INSTALLATION'] = '0123456789abcdef';
    await runtime.setMocks(
      {
        newResource: ({ type, name, inputs }) => {
          own.push(`${type} ${name}`);
          const outputs: Record<string, unknown> =
            type === 'pulumi:pulumi:StackReference'
              ? { outputs: { gatewayId: 'tgw-1', routeTableIds, attachmentId: 'tgw-attach-1' }, secretOutputNames: [] }
              : {};
          const prefix: Record<string, string> = {
            'aws:ec2/vpc:Vpc': 'vpc-',
            'aws:ec2/subnet:Subnet': 'subnet-',
            'aws:ec2transitgateway/vpcAttachment:VpcAttachment': 'tgw-attach-',
          };
          return { id: `${prefix[type] ?? ''}${name}`, state: { ...(inputs as object), ...outputs } };
        },
        call: () => ({}),
      },
      'holdfast',
      'example.vpc.shared',
      false,
    );
  });
  afterEach(async () => {
    await runtime.disconnect();
    delete process.env['HOLDFAST_INSTALLATION'];
  });

  it('runs the program that the name of the stack means', async () => {
    const { node, outputs } = await programOf('example.vpc.shared', networks);
    const vpcId = await new Promise((resolve) => (output(outputs['vpcId']) as Output<unknown>).apply(resolve));
    expect(node.short).toBe('vpc.shared');
    expect(vpcId).toBe('vpc-vpc');
    await runtime.disconnect();
    expect(made.sort()).toEqual([
      'aws:ec2/routeTable:RouteTable routes-attachment',
      'aws:ec2/routeTable:RouteTable routes-private',
      'aws:ec2/routeTableAssociation:RouteTableAssociation association-attachment-a',
      'aws:ec2/routeTableAssociation:RouteTableAssociation association-attachment-b',
      'aws:ec2/routeTableAssociation:RouteTableAssociation association-private-a',
      'aws:ec2/routeTableAssociation:RouteTableAssociation association-private-b',
      'aws:ec2/subnet:Subnet subnet-attachment-a',
      'aws:ec2/subnet:Subnet subnet-attachment-b',
      'aws:ec2/subnet:Subnet subnet-private-a',
      'aws:ec2/subnet:Subnet subnet-private-b',
      'aws:ec2/vpc:Vpc vpc',
      'aws:ec2transitgateway/vpcAttachment:VpcAttachment attachment',
      'pulumi:providers:aws aws',
      'pulumi:pulumi:StackReference organization/holdfast/example.transit-gateway',
    ]);
  });

  it('reads of a map the values that the stack declares, and misses no other', async () => {
    await programOf('example.member.production', networks);
    await runtime.disconnect();
    expect(made.filter((name) => name.startsWith('aws:')).sort()).toEqual([
      'aws:ec2transitgateway/routeTableAssociation:RouteTableAssociation association',
      'aws:ec2transitgateway/routeTablePropagation:RouteTablePropagation propagation-production',
      'aws:ec2transitgateway/routeTablePropagation:RouteTablePropagation propagation-shared',
    ]);
  });

  it('makes nothing where a value that it reads of a map is missing, and says which up is due', async () => {
    routeTableIds = { production: 'tgw-rtb-1' };
    await expect(programOf('example.member.production', networks)).rejects.toThrow(
      /^example\.transit-gateway has no output "routeTableIds\.shared", which example\.member\.production reads.* Next: .*up.* transit-gateway$/,
    );
    await runtime.disconnect();
    expect(made.filter((name) => name.startsWith('aws:'))).toEqual([]);
  });

  it.each([
    ['../../etc/passwd', /not a stack of Holdfast: a name looks like example\.vpc\.shared/],
    ['missing.vpc.shared', /missing\.yaml/],
    ['example.vpc.nobody', /network example has no stack example\.vpc\.nobody; it has example\.transit-gateway/],
  ])('refuses %s in words', async (stack, says) => {
    await expect(programOf(stack, networks)).rejects.toThrow(says);
  });
});
