import { describe, expect, it } from 'vitest';
import { notKnown } from '../../orchestrator/pulumi/previewed.ts';
import { lacksOutputs } from '../../orchestrator/run/plan.ts';

/** An engine writes the outputs at its end: one that was interrupted leaves those of before. */
describe('a state lacks an output', () => {
  it.each([
    ['that it does not have', { id: 'vpc-1' }, {}],
    ['of which it has an older value', { id: 'vpc-2' }, { id: 'vpc-1' }],
    ['of which a key is missing', { ids: { a: 'subnet-1', b: 'subnet-2' } }, { ids: { a: 'subnet-1' } }],
    ['of which a key has an older value', { ids: { a: 'subnet-2' } }, { ids: { a: 'subnet-1' } }],
    ['whose key has the name of what every object has', { ids: { constructor: 'subnet-1' } }, { ids: {} }],
  ])('%s, and that is known without a change', (_, outputs, had) => {
    expect(lacksOutputs(outputs, had)).toBe(true);
  });

  it.each([
    ['it has', { id: 'vpc-1', ids: { a: 'subnet-1' } }, { id: 'vpc-1', ids: { a: 'subnet-1' } }],
    ['comes only with a change', { id: notKnown }, { id: 'vpc-1' }],
    ['has a key that comes only with a change', { ids: { a: 'subnet-1', b: notKnown } }, { ids: { a: 'subnet-1' } }],
    ['loses a key with the change', { ids: { a: 'subnet-1' } }, { ids: { a: 'subnet-1', b: 'subnet-2' } }],
  ])('and not one that %s', (_, outputs, had) => {
    expect(lacksOutputs(outputs, had)).toBe(false);
  });
});
