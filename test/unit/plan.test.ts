import { describe, expect, it } from 'vitest';
import { noChanges } from '../../orchestrator/run/events.ts';
import { countChanges, plannedChanges } from '../../orchestrator/run/plan.ts';
import { exampleGraph } from './support/example.ts';

const vpcType = 'aws:ec2/vpc:Vpc';

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

  it('has what an earlier replacement has left apart from the delete of what stands', () => {
    const step = { phase: 'done', type: vpcType, name: 'vpc', changed: [], replacing: [] } as const;
    const left = { ...step, op: 'delete-replaced', urn: 'urn:left' };
    const gone = { ...step, op: 'delete', urn: 'urn:gone' };
    expect(plannedChanges([left, gone]).map(({ op, urn, condemned }) => [op, urn, condemned])).toEqual([
      ['delete', 'urn:left', true],
      ['delete', 'urn:gone', undefined],
    ]);
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

describe('what the kinds guard', () => {
  it.each([
    ['transit-gateway', 'aws:ec2transitgateway/transitGateway:TransitGateway'],
    ['vpc', 'aws:ec2transitgateway/vpcAttachment:VpcAttachment'],
  ])('in %s has %s', (kind, type) => {
    const guarded = exampleGraph().nodes.find((node) => node.kind.kind === kind)?.kind.guarded;
    expect(guarded).toContain(type);
  });
});
