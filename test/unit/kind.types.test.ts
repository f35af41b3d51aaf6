/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access -- what the compiler refuses has no type, and that is what is tested */
import { describe, expect, expectTypeOf, it } from 'vitest';
import { output } from '@pulumi/pulumi';
import type { Output } from '@pulumi/pulumi';
import { z } from 'zod';
import { defineKind, reads, readsEach } from '../../orchestrator/pulumi/kind.ts';
import { kinds } from '../../stacks/index.ts';

/**
 * What a kind of stack may not do is what the compiler refuses: `tsc --noEmit` covers this file, and an `@ts-expect-error` above a line that
 * compiles is itself an error.
 */
const gateway = defineKind({
  kind: 'gateway',
  title: 'gateways',
  references: {},
  outputs: { gatewayId: z.string(), tableIds: z.record(z.string(), z.string()), secret: z.number() },
  guarded: [],
  instances: () => [{ inputs: {}, references: {} }],
  program: () => Promise.resolve({ gatewayId: output('tgw-1'), tableIds: { main: output('tgw-rtb-1') }, secret: output(1) }),
});

const shape = { kind: 'vpc', title: 'VPCs', guarded: [], outputs: { vpcId: z.string() } } as const;

describe('a program', () => {
  it('reads what its kind declared, with the type that the other kind gave it', () => {
    defineKind({
      ...shape,
      references: { hub: reads(gateway, 'gatewayId', 'tableIds'), hubs: readsEach(gateway, 'gatewayId') },
      instances: () => [
        { inputs: { cidr: '10.0.0.0/16' }, references: { hub: { keys: { tableIds: ['main'] } }, hubs: [{ instance: 'a' }] } },
      ],
      program: ({ references, inputs }) => {
        expectTypeOf(references.hub.gatewayId).toEqualTypeOf<Output<string>>();
        expectTypeOf(references.hub.tableIds('main')).toEqualTypeOf<Output<string>>();
        expectTypeOf(references.hubs('a').gatewayId).toEqualTypeOf<Output<string>>();
        expectTypeOf(inputs.cidr).toEqualTypeOf<string>();
        return Promise.resolve({ vpcId: references.hub.gatewayId });
      },
    });
  });

  it('that reads an output that its kind did not declare does not compile', () => {
    defineKind({
      ...shape,
      references: { hub: reads(gateway, 'gatewayId') },
      instances: () => [{ inputs: {}, references: { hub: {} } }],
      // @ts-expect-error the gateway has a `secret`, and this kind did not declare that it reads it
      program: ({ references }) => Promise.resolve({ vpcId: references.hub.secret }),
    });
  });

  it('that reads a stack that its kind did not declare does not compile', () => {
    defineKind({
      ...shape,
      references: {},
      instances: () => [{ inputs: {}, references: {} }],
      // @ts-expect-error there is no reference `hub`
      program: ({ references }) => Promise.resolve({ vpcId: references.hub.gatewayId }),
    });
  });

  it('that does not give an output that its kind declared does not compile', () => {
    defineKind({
      ...shape,
      references: {},
      instances: () => [{ inputs: {}, references: {} }],
      // @ts-expect-error `vpcId` is missing
      program: () => Promise.resolve({}),
    });
  });

  it('that gives an output of another type does not compile', () => {
    defineKind({
      ...shape,
      references: {},
      instances: () => [{ inputs: {}, references: {} }],
      // @ts-expect-error `vpcId` is text
      program: () => Promise.resolve({ vpcId: output(1) }),
    });
  });

  it('that uses an input as what it is not does not compile', () => {
    defineKind({
      ...shape,
      references: {},
      instances: () => [{ inputs: { zones: 2 }, references: {} }],
      // @ts-expect-error `zones` is a number
      program: ({ inputs }) => Promise.resolve({ vpcId: output(inputs.zones) }),
    });
  });
});

describe('a declaration', () => {
  it('of an output that the other kind does not have does not compile', () => {
    // @ts-expect-error the gateway has no `vpcId`
    expect(reads(gateway, 'vpcId').outputs).toEqual({ vpcId: undefined });
  });

  it('of a reference to a map without the keys that are read does not compile', () => {
    defineKind({
      ...shape,
      references: { hub: reads(gateway, 'tableIds') },
      // @ts-expect-error which tables of the gateway
      instances: () => [{ inputs: {}, references: { hub: {} } }],
      program: ({ references }) => Promise.resolve({ vpcId: references.hub.tableIds('main') }),
    });
  });

  it('of a map as one output, of which a preview would know all or nothing, does not compile', () => {
    defineKind({
      ...shape,
      outputs: { tableIds: z.record(z.string(), z.string()) },
      references: {},
      instances: () => [{ inputs: {}, references: {} }],
      // @ts-expect-error each table is an output of its own
      program: () => Promise.resolve({ tableIds: output({ main: 'tgw-rtb-1' }) }),
    });
  });

  it('of instances that leave a reference open does not compile', () => {
    defineKind({
      ...shape,
      references: { hub: reads(gateway, 'gatewayId') },
      // @ts-expect-error which gateway `hub` is
      instances: () => [{ inputs: {}, references: {} }],
      program: ({ references }) => Promise.resolve({ vpcId: references.hub.gatewayId }),
    });
  });
});

describe('the kinds of stack', () => {
  const byName = new Map(kinds.map((kind) => [kind.kind, kind]));
  const references = kinds.flatMap((kind) =>
    Object.entries(kind.references).flatMap(([reference, type]) =>
      Object.entries(type.outputs).map(([name, zodType]) => ({ reader: kind.kind, reference, read: type.kind, name, zodType })),
    ),
  );

  it('are six, each of its own name', () => {
    expect([...byName.keys()]).toEqual(['transit-gateway', 'vpc', 'member', 'route-tables', 'segment', 'guardrails']);
  });

  it.each(references)('$reader reads $name of $read by the very type that $read declares', ({ read, name, zodType }) => {
    expect(zodType).toBeDefined();
    expect(zodType).toBe(byName.get(read)?.outputs[name]);
  });

  it.each([...kinds])('$kind refuses a value of another shape in each output', ({ outputs }) => {
    for (const type of Object.values(outputs)) expect(type.safeParse(42).success).toBe(false);
  });
});
