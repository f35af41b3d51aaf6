import { describe, expect, it } from 'vitest';
import type { LabMoment } from '../../lab/control.ts';
import type { LiveObject } from '../../orchestrator/inventory/live-object.ts';
import type { NetworkSpec } from '../../orchestrator/network/spec.ts';
import type { Disturbed } from '../../orchestrator/run/effects.ts';
import { trafficOf } from '../support/traffic.ts';
import type { Named, Traffic } from '../support/traffic.ts';
import { deployed } from './support/deployed.ts';
import { exampleOf, exampleWith } from './support/example.ts';
import { live, types } from './support/inventory.ts';

const { spec } = exampleOf();
const all = deployed(spec);

const without = (id: string, objects: readonly LiveObject[] = all): LiveObject[] => objects.filter((object) => object.id !== id);

/** What is found where AWS had this one after the other, the first before any call. */
function found(
  moments: readonly (readonly LiveObject[] | 'refused')[],
  { wanted = spec, named = [], cutShort = false }: { wanted?: NetworkSpec; named?: readonly Named[]; cutShort?: boolean } = {},
): Traffic {
  return trafficOf({
    moments: moments.map((objects, seq): LabMoment => ({
      seq,
      action: seq === 0 ? null : 'CreateRoute',
      looked:
        objects === 'refused'
          ? { ok: false, code: 'InternalError', message: '' }
          : { ok: true, value: { from: 0, until: 0, objects, incomplete: [], unlisted: [] } },
    })),
    wanted,
    named,
    cutShort,
  });
}

const vpc = (name: string) => ({ kind: 'vpc', vpc: name, tiers: ['private'] }) as const;
const fromTo = (from: string, to: string): Disturbed => ({
  paths: { pairs: [{ from: [vpc(from)], to: [vpc(to)], ways: 'one' }], outside: [] },
  by: [],
});

const association = 'tgw-rtb-staging_tgw-attach-staging';
const cutOff: Named = {
  interrupted: [
    fromTo('staging', 'shared'),
    { paths: { pairs: [], outside: [{ from: [vpc('staging')], to: ['0.0.0.0/0'], by: 'shared' }] }, by: [] },
  ],
  opened: [],
};

describe('the traffic of a change', () => {
  it('has no fault where all paths were there at each moment, and tells at how many calls it was looked', () => {
    expect(found([all, all, all])).toEqual({ faults: [], checkedAt: 2 });
  });

  it('is interrupted where a path of before and after was not there after a call', () => {
    const { faults } = found([all, without(association), all]);
    expect(faults).toContain('after call 1 (CreateRoute) staging.private.a -> shared.private.b is interrupted');
    expect(faults).toContain('after call 1 (CreateRoute) staging.private.a -> 0.0.0.0/0 by shared is interrupted');
  });

  it('has no fault where a plan has named what was interrupted', () => {
    expect(found([all, without(association), all], { named: [cutOff] }).faults).toEqual([]);
  });

  it('has a fault where a plan has named what never was', () => {
    expect(found([all, all], { named: [cutOff] }).faults).toContain(
      'staging.private.a -> shared.private.a is interrupted by the plan, and was not at any call',
    );
  });

  it('need not come to all that a plan has named where the change was cut short', () => {
    expect(found([all, all], { named: [cutOff], cutShort: true }).faults).toEqual([]);
  });

  it('is open where there is a path after a call that is of neither before nor after', () => {
    const known = live(types.propagation, 'tgw-rtb-production_tgw-attach-staging', {
      transitGatewayRouteTableId: 'tgw-rtb-production',
      transitGatewayAttachmentId: 'tgw-attach-staging',
    });
    const { faults } = found([all, [...without('tgw-rtb-production_10.2.0.0/16'), known], all]);
    expect(faults).toContain('after call 1 (CreateRoute) production.private.a -> staging.private.a is open');
  });

  it('cannot be told, which is a fault, where AWS is just changing what carries it', () => {
    const changing = all.map((object): LiveObject => (object.id === association ? { ...object, phase: 'going' } : object));
    expect(found([all, changing, all]).faults).toContain('after call 1 (CreateRoute) staging.private.a -> shared.private.a cannot be told');
  });

  it('has a fault where AWS could not be looked at, and does not count that call', () => {
    expect(found([all, 'refused', all])).toEqual({
      faults: ['after call 1 (CreateRoute) AWS could not be looked at: InternalError'],
      checkedAt: 1,
    });
  });

  it('has a fault where the paths after the last call are not those of the network file', () => {
    expect(found([all, without(association)], { named: [cutOff] }).faults).toContain(
      'after the last call staging.private.a -> shared.private.a is not there',
    );
  });
});

describe('the traffic of a VPC that is replaced', () => {
  const wanted = exampleOf(
    exampleWith(
      ['cidr: 10.2.0.0/16', 'cidr: 10.4.0.0/16'],
      ['10.2.0.0/20, b: 10.2.16.0/20', '10.4.0.0/20, b: 10.4.16.0/20'],
      ['10.2.255.0/28, b: 10.2.255.16/28', '10.4.255.0/28, b: 10.4.255.16/28'],
      ['private: [10.1.0.0/16, 10.2.0.0/16]', 'private: [10.1.0.0/16, 10.4.0.0/16]'],
    ),
  ).spec;
  const replaced = deployed(wanted, (name) => (name === 'staging' ? '-0' : ''));
  const both = [...all, ...replaced.filter(({ id }) => !all.some((object) => object.id === id))];

  it('has no fault while AWS has both, which reach what their successor and predecessor reach', () => {
    expect(found([all, both, replaced], { wanted })).toEqual({ faults: [], checkedAt: 2 });
  });

  it('has no fault where only the new one is reached by what may not reach it: it has no hosts yet', () => {
    const known = live(types.propagation, 'tgw-rtb-production_tgw-attach-staging-0', {
      transitGatewayRouteTableId: 'tgw-rtb-production',
      transitGatewayAttachmentId: 'tgw-attach-staging-0',
    });
    expect(found([all, [...both, known], replaced], { wanted }).faults).toEqual([]);
  });
});
