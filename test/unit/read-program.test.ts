import { CustomResource, output } from '@pulumi/pulumi';
import { Foreign } from '../../orchestrator/domain/foreign.ts';
import { describe, expect, it, vi } from 'vitest';
import { nodeOf } from '../../orchestrator/graph/graph.ts';
import { stackProgram } from '../../orchestrator/pulumi/program.ts';
import type { OnOutput } from '../../orchestrator/pulumi/program.ts';
import { notKnown } from '../../orchestrator/pulumi/previewed.ts';
import type { PreviewedOutputs } from '../../orchestrator/pulumi/previewed.ts';
import { readProgram } from '../../orchestrator/pulumi/read-program.ts';
import type { ReadProgram } from '../../orchestrator/pulumi/read-program.ts';
import { exampleGraph } from './support/example.ts';

class Thing extends CustomResource {}

const settings = {
  project: 'holdfast',
  network: 'example',
  account: '111122223333',
  region: 'eu-west-1',
  installation: 'i',
  tags: {},
  ignoreTags: [],
};
const names = { project: 'holdfast', stack: 'example.vpc.shared' };

const read = (stack: string, previewed: PreviewedOutputs, onOutput?: OnOutput): Promise<ReadProgram> =>
  readProgram(
    stackProgram(nodeOf(exampleGraph(), stack), settings, () => ({ exists: false, previewed }), onOutput),
    { project: 'holdfast', stack },
  );

const stepsOf = (program: ReadProgram): string[] =>
  program.ok ? program.steps.map(({ op, type, name }) => `${op} ${type} ${name}`) : [`failed: ${program.errors.join('; ')}`];

describe('what a program declares', () => {
  it('is created, each resource of it, whatever is known of the upstreams', async () => {
    const expected = [
      'create pulumi:pulumi:Stack holdfast-example.vpc.shared',
      'create pulumi:providers:aws aws',
      'create aws:ec2/vpc:Vpc vpc',
      'create aws:ec2/routeTable:RouteTable routes-private',
      'create aws:ec2/routeTable:RouteTable routes-attachment',
      'create aws:ec2/routeTableAssociation:RouteTableAssociation association-private-a',
      'create aws:ec2/routeTableAssociation:RouteTableAssociation association-private-b',
      'create aws:ec2/routeTableAssociation:RouteTableAssociation association-attachment-a',
      'create aws:ec2/routeTableAssociation:RouteTableAssociation association-attachment-b',
      'create aws:ec2/subnet:Subnet subnet-private-a',
      'create aws:ec2/subnet:Subnet subnet-private-b',
      'create aws:ec2/subnet:Subnet subnet-attachment-a',
      'create aws:ec2/subnet:Subnet subnet-attachment-b',
      'create aws:ec2transitgateway/vpcAttachment:VpcAttachment attachment',
    ].sort();
    expect(stepsOf(await read('example.vpc.shared', {})).sort()).toEqual(expected);
    expect(stepsOf(await read('example.vpc.shared', { gatewayId: 'tgw-1' })).sort()).toEqual(expected);
  });

  it('has its place in the state', async () => {
    const program = await read('example.vpc.shared', {});
    expect(program.ok && program.steps.map(({ urn }) => urn)).toContain('urn:pulumi:example.vpc.shared::holdfast::aws:ec2/vpc:Vpc::vpc');
  });

  it('has outputs that only AWS can know, each by itself, and of a map each value', async () => {
    const told: unknown[] = [];
    await read('example.transit-gateway', {}, (...output) => told.push(output));
    expect(told).toEqual([
      ['gatewayId', notKnown],
      ['routeTableIds', { shared: notKnown, production: notKnown, staging: notKnown }],
    ]);
  });

  it('knows of a map what it was given of it, and not the value that is still to come', async () => {
    const routeTableIds = { production: 'tgw-rtb-1' };
    const steps = await read('example.member.production', { routeTableIds, attachmentId: 'tgw-attach-1' });
    expect(stepsOf(steps)).toContain('create aws:ec2transitgateway/routeTablePropagation:RouteTablePropagation propagation-shared');
  });

  it('is refused where a value of a map is of another type', async () => {
    const previewed = { routeTableIds: { production: 'rtb-1', shared: 'tgw-rtb-2' }, attachmentId: 'tgw-attach-1' };
    expect(stepsOf(await read('example.member.production', previewed))).toEqual([
      expect.stringMatching(/^failed: output "routeTableIds\.production" of example\.transit-gateway is not what/),
    ]);
  });

  it('is told apart where several are read at once', async () => {
    const stacks = ['example.transit-gateway', 'example.vpc.shared', 'example.vpc.production'];
    const programs = await Promise.all(stacks.map((stack) => read(stack, {})));
    expect(programs.map((program) => stepsOf(program)[0])).toEqual(stacks.map((stack) => `create pulumi:pulumi:Stack holdfast-${stack}`));
  });
});

describe('the traces of errors', () => {
  it('are taken of what a program throws, and of no promise of the SDK', async () => {
    const taken = vi.spyOn(Error, 'prepareStackTrace');
    try {
      const node = nodeOf(exampleGraph(), 'example.vpc.shared');
      let thrown = '';
      const program: typeof node.kind.program = async (context) => {
        const outputs = await node.kind.program(context);
        thrown = new Error('of the program').stack ?? '';
        return outputs;
      };
      const observed = { ...node, kind: { ...node.kind, program } };
      await readProgram(
        stackProgram(observed, settings, () => ({ exists: false, previewed: {} })),
        names,
      );
      expect(thrown).toContain('read-program.test.ts');
      expect(taken.mock.calls.filter(([, [innermost]]) => innermost?.getFileName()?.endsWith('debuggable.js'))).toHaveLength(0);
    } finally {
      taken.mockRestore();
    }
  });
});

describe('a program that cannot be read', () => {
  it('says why, where it throws', async () => {
    expect(await readProgram(() => Promise.reject(new Error('no such zone')), names)).toEqual({
      ok: false,
      errors: [new Foreign('no such zone')],
    });
  });

  it('leaves nothing behind for the one that is read with it', async () => {
    const [failed, other] = await Promise.all([
      readProgram(() => Promise.reject(new Error('no such zone')), names),
      read('example.vpc.shared', {}),
    ]);
    expect([failed.ok, stepsOf(other)[0]]).toEqual([false, 'create pulumi:pulumi:Stack holdfast-example.vpc.shared']);
  });

  it('says why, where an upstream has something else than it expects', async () => {
    const program = await read('example.vpc.shared', { gatewayId: { known: true, value: 'vpc-1' } });
    expect(stepsOf(program)).toEqual([
      expect.stringContaining('output "gatewayId" of example.transit-gateway is not what example.vpc.shared'),
    ]);
  });

  it('says why, where what a resource is given fails later', async () => {
    const failing = () => {
      const late = output(1).apply((): string => {
        throw new Error('too late');
      });
      new Thing('aws:ec2/vpc:Vpc', 'vpc', { cidrBlock: late });
      return Promise.resolve();
    };
    expect(stepsOf(await readProgram(failing, names))).toEqual([expect.stringContaining('too late')]);
  });
});
