import { describe, expect, it } from 'vitest';
import { leavingPlan, notInFile, standsOnGone, stillUsed } from '../../orchestrator/run/leaving.ts';
import { noChanges } from '../../orchestrator/run/events.ts';
import type { StackPlan } from '../../orchestrator/run/events.ts';
import { parseCheckpoint } from '../../orchestrator/state/checkpoints.ts';
import type { StackState } from '../../orchestrator/state/checkpoints.ts';
import { exampleGraph } from './support/example.ts';

const urnOf = (stack: string, name: string): string => `urn:pulumi:${stack}::holdfast::aws:ec2/x:X::${name}`;

/** A stack with resources: name, id, and what the resource refers to. */
function stateOf(short: string, resources: readonly (readonly [name: string, id: string, refersTo?: string])[]): StackState {
  const stack = `example.${short}`;
  const body = JSON.stringify({
    version: 3,
    checkpoint: {
      latest: {
        resources: [
          { urn: urnOf(stack, 'stack'), type: 'pulumi:pulumi:Stack', custom: false },
          ...resources.map(([name, id, refersTo]) => ({
            urn: urnOf(stack, name),
            type: 'aws:ec2/x:X',
            custom: true,
            id,
            inputs: { deep: [{ refersTo }] },
          })),
        ],
      },
    },
  });
  const content = parseCheckpoint(body);
  if ('reason' in content) throw new Error(content.detail);
  return { stack, short, key: short, etag: short, body, modified: new Date(0), ...content };
}

const statesOf = (...states: readonly StackState[]) => new Map(states.map((state) => [state.stack, state]));

const table = stateOf('transit-gateway', [['segment-old', 'tgw-rtb-old']]);
const deletesTable: StackPlan = {
  stack: 'example.transit-gateway',
  short: 'transit-gateway',
  exists: true,
  hasChanges: true,
  counts: noChanges,
  changes: [
    {
      op: 'delete',
      urn: urnOf('example.transit-gateway', 'segment-old'),
      type: 'aws:ec2/x:X',
      name: 'segment-old',
      changed: [],
      replacing: [],
    },
  ],
};

describe('a stack that has left the network file', () => {
  const old = stateOf('segment.old', [['route-10.0.0.0/8', 'tgw-rtb-old_10.0.0.0/8', 'tgw-rtb-old']]);

  it('is one with a state that no stack of the file has', () => {
    expect(notInFile(exampleGraph(), statesOf(table, old)).map(({ short }) => short)).toEqual(['segment.old']);
  });

  it('is planned as the delete of all that it has in the cloud', () => {
    expect(leavingPlan(old)).toMatchObject({
      leaves: true,
      hasChanges: true,
      counts: { delete: 1 },
      changes: [{ op: 'delete', name: 'route-10.0.0.0/8' }],
    });
  });

  it('keeps what it still uses from being deleted, and is named', () => {
    expect(stillUsed([deletesTable], exampleGraph(), statesOf(table, old))).toEqual([
      { resource: 'transit-gateway/segment-old', by: 'segment.old', notInFile: true },
    ]);
  });

  it('keeps nothing where it is taken away in the same run', () => {
    expect(stillUsed([deletesTable, leavingPlan(old)], exampleGraph(), statesOf(table, old))).toEqual([]);
  });
});

describe('a stack of the network file that a run leaves out', () => {
  it('keeps what it uses from being deleted, too', () => {
    const member = stateOf('member.shared', [['association', 'tgw-rtb-old_tgw-attach-1', 'tgw-rtb-old']]);
    expect(stillUsed([deletesTable], exampleGraph(), statesOf(table, member))).toEqual([
      { resource: 'transit-gateway/segment-old', by: 'member.shared', notInFile: false },
    ]);
  });

  it('keeps nothing that it does not refer to', () => {
    const member = stateOf('member.shared', [['association', 'tgw-rtb-new_tgw-attach-1', 'tgw-rtb-new']]);
    expect(stillUsed([deletesTable], exampleGraph(), statesOf(table, member))).toEqual([]);
  });
});

describe('what a plan replaces', () => {
  const [gone, there] = ['tgw-attach-00000000000000001', 'tgw-attach-00000000000000002'];
  const replaces = (op: 'replace' | 'update'): StackPlan => ({
    stack: 'example.member.shared',
    short: 'member.shared',
    exists: true,
    hasChanges: true,
    counts: noChanges,
    changes: [
      {
        op,
        urn: urnOf('example.member.shared', 'association'),
        type: 'aws:ec2/x:X',
        name: 'association',
        changed: ['deep'],
        replacing: [],
      },
    ],
  });
  const memberOn = (refersTo: string): StackState => stateOf('member.shared', [['association', `tgw-rtb-1_${refersTo}`, refersTo]]);
  const vpc = stateOf('vpc.shared', [['attachment', there]]);

  it('stands on what is gone where it refers to what no state has any more: an earlier run replaced that', () => {
    expect(standsOnGone(replaces('replace'), statesOf(vpc, memberOn(gone)))).toBe(true);
  });

  it.each([
    ['refers to what a state has', replaces('replace'), memberOn(there)],
    ['is changed in place', replaces('update'), memberOn(gone)],
    ['refers to nothing that AWS has made', replaces('replace'), memberOn('10.0.0.0/16')],
  ])('does not where it %s', (_, plan, member) => {
    expect(standsOnGone(plan, statesOf(vpc, member))).toBe(false);
  });
});
