import { describe, expect, it } from 'vitest';
import type { NetworkPlan, PlannedChange } from '../../orchestrator/run/events.ts';
import { noChanges } from '../../orchestrator/run/events.ts';
import { countChanges, guardedReplacements } from '../../orchestrator/run/plan.ts';
import { exampleGraph } from './support/example.ts';

const vpcType = 'aws:ec2/vpc:Vpc';
const subnetType = 'aws:ec2/subnet:Subnet';

describe('the count of changes', () => {
  it('has a replacement once, of its three engine steps', () => {
    const steps = ['create-replacement', 'replace', 'delete-replaced'].map((op) => ({ op, type: vpcType, urn: 'urn:vpc' }));
    expect(countChanges(steps)).toEqual({ ...noChanges, replace: 1 });
  });

  it('has what an earlier replacement has left to be deleted as a delete', () => {
    const steps = [
      { op: 'same', type: vpcType, urn: 'urn:vpc' },
      { op: 'delete-replaced', type: vpcType, urn: 'urn:vpc' },
    ];
    expect(countChanges(steps)).toEqual({ ...noChanges, same: 1, delete: 1 });
  });

  it('has creates, updates, deletes and what stays the same', () => {
    const steps = ['create', 'create', 'update', 'delete', 'same'].map((op) => ({ op, type: vpcType, urn: 'urn:vpc' }));
    expect(countChanges(steps)).toEqual({ create: 2, update: 1, replace: 0, delete: 1, same: 1 });
  });

  it('has no stack, provider or reference', () => {
    const steps = ['pulumi:pulumi:Stack', 'pulumi:providers:aws', 'pulumi:pulumi:StackReference'].map((type) => ({
      op: 'create',
      type,
      urn: 'urn:other',
    }));
    expect(countChanges(steps)).toEqual(noChanges);
  });

  it('has no reads and no refreshes', () => {
    expect(countChanges(['read', 'refresh', 'read-replacement'].map((op) => ({ op, type: vpcType, urn: 'urn:vpc' })))).toEqual(noChanges);
  });
});

describe('a guarded replacement', () => {
  const change = (op: PlannedChange['op'], type: string, name: string): PlannedChange => ({
    op,
    urn: `urn:pulumi:example.vpc.shared::holdfast::${type}::${name}`,
    type,
    name,
    changed: [],
    replacing: ['cidrBlock'],
  });
  const plan = (...changes: PlannedChange[]): NetworkPlan => ({
    stacks: [{ stack: 'example.vpc.shared', short: 'vpc.shared', exists: true, hasChanges: true, counts: noChanges, changes }],
    passes: [],
    failed: [],
    notInFile: [],
  });

  it('is one of a type that the kind guards, named as a person allows it', () => {
    expect(guardedReplacements(plan(change('replace', vpcType, 'vpc')), exampleGraph(), [])).toMatchObject([
      { resource: 'vpc.shared/vpc', type: vpcType, replacing: ['cidrBlock'] },
    ]);
  });

  it('is none where it was allowed', () => {
    expect(guardedReplacements(plan(change('replace', vpcType, 'vpc')), exampleGraph(), ['vpc.shared/vpc'])).toEqual([]);
  });

  it('is not allowed by the name of another resource', () => {
    expect(guardedReplacements(plan(change('replace', vpcType, 'vpc')), exampleGraph(), ['vpc.staging/vpc', 'vpc'])).toHaveLength(1);
  });

  it('is not an update or a delete of the same type', () => {
    expect(guardedReplacements(plan(change('update', vpcType, 'vpc'), change('delete', vpcType, 'vpc')), exampleGraph(), [])).toEqual([]);
  });

  it('is none of a type that nobody guards', () => {
    expect(guardedReplacements(plan(change('replace', subnetType, 'subnet-private-a')), exampleGraph(), [])).toEqual([]);
  });
});

describe('what the kinds guard', () => {
  it.each([
    ['transit-gateway', 'aws:ec2transitgateway/transitGateway:TransitGateway'],
    ['vpc', 'aws:ec2transitgateway/vpcAttachment:VpcAttachment'],
  ])('in %s has %s', (kind, type) => {
    const guarded = exampleGraph().nodes.find((node) => node.kind.kind === kind)?.kind.guarded;
    expect(guarded).toContain(type);
  });
});
