import { describe, expect, it } from 'vitest';
import { tokens } from '../../orchestrator/aws/resource-types/tokens.ts';
import type { PlannedChange, StackPlan } from '../../orchestrator/run/events.ts';
import { noChanges } from '../../orchestrator/run/events.ts';
import { protectedInPlan, protectedStacks } from '../../orchestrator/run/protected.ts';
import { destroysProtected, planLosesProtected } from '../../orchestrator/ui/names.ts';
import { kinds } from '../../stacks/index.ts';
import { exampleNetwork } from '../support/networks.ts';
import { exampleOf, exampleWith, file, lineOf } from './support/example.ts';
import { deployed, stateOf } from './support/states.ts';

const inVpc = exampleWith(['  staging:\n    segment: staging\n', '  staging:\n    protect: true\n    segment: staging\n']);
const inSegment = exampleWith(['  staging:\n    blackholes', '  staging:\n    protect: true\n    blackholes']);
const inGateway = exampleWith(['gateway:\n', 'gateway:\n  protect: true\n']);

const plan = (short: string, op: PlannedChange['op'], type: keyof typeof tokens, name: string): StackPlan => ({
  stack: `example.${short}`,
  short,
  exists: true,
  hasChanges: true,
  counts: noChanges,
  changes: [{ op, urn: name, type: tokens[type], name, changed: [], replacing: [] }],
});

const lostIn = (text: string, ...plans: readonly StackPlan[]) => protectedInPlan(plans, kinds, exampleOf(text).spec);

const subnet = plan('vpc.staging', 'delete', 'subnet', 'subnet-private-b');

describe('a plan that takes away what the network file protects', () => {
  it.each<readonly [string, string, StackPlan]>([
    ['a subnet of the VPC', inVpc, subnet],
    ['the VPC', inVpc, plan('vpc.staging', 'replace', 'vpc', 'vpc')],
    ['the attachment of the VPC', inVpc, plan('vpc.staging', 'replace', 'attachment', 'attachment')],
    ['the route table of the segment', inSegment, plan('transit-gateway', 'replace', 'gatewayTable', 'segment-staging')],
    ['the gateway', inGateway, plan('transit-gateway', 'replace', 'gateway', 'gateway')],
  ])('is refused for %s, at the line that protects it', (_, text, stack) => {
    const [loss, ...more] = lostIn(text, stack);
    expect(more).toEqual([]);
    expect(loss?.loses).toEqual([`${stack.short}/${stack.changes[0]?.name ?? ''}`]);
    expect(loss && planLosesProtected(loss, exampleOf(text))).toMatchObject({
      reason: 'protected',
      file,
      line: lineOf(text, 'protect: true'),
    });
  });

  it('is refused once for a part, with all that it would lose', () => {
    expect(
      lostIn(inVpc, { ...subnet, changes: [...subnet.changes, ...plan('vpc.staging', 'delete', 'routeTable', 'routes-private').changes] }),
    ).toEqual([{ part: { of: 'vpcs', name: 'staging' }, loses: ['vpc.staging/subnet-private-b', 'vpc.staging/routes-private'] }]);
  });

  it.each<readonly [string, string, StackPlan]>([
    ['nothing is protected', exampleNetwork, subnet],
    ['another VPC is', inVpc, plan('vpc.shared', 'delete', 'subnet', 'subnet-private-b')],
    ['another segment is', inSegment, plan('transit-gateway', 'delete', 'gatewayTable', 'segment-old')],
    ['the segment is, and not the gateway', inSegment, plan('transit-gateway', 'replace', 'gateway', 'gateway')],
    [
      'an earlier replacement has left it',
      inVpc,
      { ...subnet, changes: subnet.changes.map((one) => ({ ...one, condemned: true as const })) },
    ],
    ['it is changed in place', inVpc, plan('vpc.staging', 'update', 'vpc', 'vpc')],
    ['what goes is nothing that others build on', inVpc, plan('vpc.staging', 'delete', 'subnetAssociation', 'association-private-b')],
    ['it is the association of its member', inVpc, plan('member.staging', 'replace', 'association', 'association')],
  ])('is not refused where %s', (_, text, stack) => {
    expect(lostIn(text, stack)).toEqual([]);
  });
});

describe('stacks that are destroyed', () => {
  const lost = (text: string, ...shorts: readonly string[]) => {
    const { spec } = exampleOf(text);
    const states = new Map([
      ...deployed(spec),
      ['example.member.staging', stateOf('member.staging', [{ type: 'association', name: 'association' }])] as const,
    ]);
    return protectedStacks(
      shorts.flatMap((short) => states.get(`example.${short}`) ?? []),
      kinds,
      spec,
    );
  };

  it('are refused where one is of a protected VPC, at the line that protects it', () => {
    const [loss, ...more] = lost(inVpc, 'vpc.staging', 'member.staging', 'vpc.shared');
    expect([loss?.loses, more]).toEqual([['vpc.staging', 'member.staging'], []]);
    expect(loss && destroysProtected(loss, exampleOf(inVpc))).toMatchObject({ file, line: lineOf(inVpc, 'protect: true') });
  });

  it('are refused where one holds the table of a protected segment, or a protected gateway', () => {
    expect(lost(inSegment, 'transit-gateway')).toEqual([{ part: { of: 'segments', name: 'staging' }, loses: ['transit-gateway'] }]);
    expect(lost(inGateway, 'transit-gateway')).toEqual([{ part: { of: 'gateway' }, loses: ['transit-gateway'] }]);
  });

  it('are not refused where the file protects others', () => {
    expect(lost(inVpc, 'vpc.shared', 'transit-gateway')).toEqual([]);
  });
});
