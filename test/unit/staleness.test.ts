import { describe, expect, it } from 'vitest';
import { resourceTypes } from '../../orchestrator/aws/resource-types/index.ts';
import { stalenessOf } from '../../orchestrator/aws/staleness.ts';

describe('for how long AWS may show what was before an act', () => {
  it('is two minutes of everything of a transit gateway, and half a minute of the rest', () => {
    const seconds = resourceTypes.map(({ token }) => [token, stalenessOf(undefined)(token)] as const);
    expect(seconds.filter(([, each]) => each === 120).map(([token]) => token.split('/')[0])).toEqual(
      resourceTypes.map(({ token }) => token.split('/')[0]).filter((module) => module === 'aws:ec2transitgateway'),
    );
    expect(new Set(seconds.map(([, each]) => each))).toEqual(new Set([30, 120]));
  });

  it('is the same by AWS’s own word for a type', () => {
    expect(['transit-gateway-attachment', 'vpc', 'prefix-list'].map(stalenessOf(undefined))).toEqual([120, 30, 30]);
  });

  it('is what the network file says, for every type', () => {
    expect(['aws:ec2transitgateway/route:Route', 'aws:ec2/vpc:Vpc', 'prefix-list'].map(stalenessOf(1))).toEqual([1, 1, 1]);
  });
});
