import { cidr } from '../../../orchestrator/domain/cidr.ts';
import type { Cidr } from '../../../orchestrator/domain/cidr.ts';
import type {
  Change,
  GatewayRoute,
  GatewayTable,
  RouteTarget,
  SubnetRoute,
  Topology,
  Vpc,
} from '../../../orchestrator/reachability/topology.ts';
import { fc } from './property.ts';

/** Small networks: three VPCs in 10.0.0.0/24, so that every address can be tried. */

const firstAddress = 10 * 2 ** 24;

/** Every address that a table can tell from another one, and one that only a default route covers. */
export const addresses: readonly number[] = [...Array.from({ length: 256 }, (_, index) => firstAddress + index), 192 * 2 ** 24];

const octets = (address: number): string => [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

/** The block of this size that has this address in it. */
export const blockAt = (address: number, prefix: number): Cidr => cidr(`${octets(address - (address % 2 ** (32 - prefix)))}/${prefix}`);

const near = (offset: number, prefix: number): Cidr => blockAt(firstAddress + offset, prefix);

const destination: fc.Arbitrary<Cidr> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(cidr('0.0.0.0/0')) },
  { weight: 5, arbitrary: fc.tuple(fc.nat(255), fc.integer({ min: 24, max: 32 })).map(([at, prefix]) => near(at, prefix)) },
  { weight: 5, arbitrary: fc.constantFrom(near(0, 26), near(64, 26), near(128, 26), near(0, 25), near(0, 24)) },
);

export const vpcNames = ['one', 'two', 'three'] as const;
export const tableNames = ['red', 'blue'] as const;
const subnetTables = ['private', 'public'] as const;

const target: fc.Arbitrary<RouteTarget> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: 'gateway' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'other' as const, name: 'internet-gateway' }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'blackhole' as const }) },
);

const subnetRoutes: fc.Arbitrary<readonly SubnetRoute[]> = fc.uniqueArray(fc.record({ to: destination, target }), {
  maxLength: 3,
  selector: ({ to }) => to.text,
});

/** @param base offset of the VPC's 64 addresses */
const vpcAt = (base: number): fc.Arbitrary<Vpc> =>
  fc
    .record({
      present: fc.subarray(['private-a', 'private-b', 'private-c', 'public-a', 'public-b', 'attachment-a', 'attachment-b'], {
        minLength: 2,
      }),
      tables: fc.record({ private: subnetRoutes, public: subnetRoutes }),
      tableOf: fc.array(fc.constantFrom('private', 'public', undefined), { minLength: 7, maxLength: 7 }),
      carriers: fc.subarray(['private-a', 'private-b', 'attachment-a', 'attachment-b', 'public-a'], { minLength: 1 }),
      association: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...tableNames).map((table) => ({ kind: 'table' as const, table })) },
        { weight: 1, arbitrary: fc.constant({ kind: 'none' as const }) },
        { weight: 1, arbitrary: fc.constant({ kind: 'unread' as const }) },
      ),
      isAttached: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
      applianceMode: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
      isUnread: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
      isWide: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    })
    .map(({ present, tables, tableOf, carriers, association, isAttached, applianceMode, isUnread, isWide }): Vpc => {
      const subnets = new Map(
        present.map((name, index) => {
          const [tier = '', zone = ''] = name.split('-');
          return [name, { tier, zone, block: near(base + index * 8, 29), table: tableOf[index] }] as const;
        }),
      );
      const carrierByZone = new Map<string, string>();
      for (const name of carriers) {
        const subnet = subnets.get(name);
        if (subnet) carrierByZone.set(subnet.zone, name);
      }
      return {
        // Now and then one that overlaps its neighbour.
        blocks: [near(base, isWide ? 25 : 26)],
        subnets,
        tables: new Map(
          subnetTables.map((name) => [name, { routes: tables[name], ...(isUnread && name === 'public' ? { unread: true as const } : {}) }]),
        ),
        attachment: isAttached && carrierByZone.size > 0 ? { subnets: carrierByZone, association, applianceMode } : undefined,
      };
    });

const gatewayTable: fc.Arbitrary<GatewayTable> = fc
  .record({
    propagations: fc.subarray([...vpcNames]),
    routes: fc.uniqueArray(
      fc.record({
        to: destination,
        attachment: fc.constantFrom(...vpcNames, ...vpcNames, 'tgw-attach-0a', undefined),
      }) as fc.Arbitrary<GatewayRoute>,
      { maxLength: 4, selector: ({ to }) => to.text },
    ),
    isUnread: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
  })
  .map(({ propagations, routes, isUnread }) => ({
    routes,
    propagations: new Set(propagations),
    ...(isUnread ? { unread: true as const } : {}),
  }));

export const anyTopology: fc.Arbitrary<Topology> = fc
  .record({ one: vpcAt(0), two: vpcAt(64), three: vpcAt(128), red: gatewayTable, blue: gatewayTable })
  .map(({ one, two, three, red, blue }) => ({
    vpcs: new Map(Object.entries({ one, two, three })),
    gatewayTables: new Map(Object.entries({ red, blue })),
  }));

const anyVpc = fc.constantFrom(...vpcNames);
const anyTable = fc.constantFrom(...tableNames);

export const anyChange: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('association' as const), vpc: anyVpc, table: fc.option(anyTable, { nil: undefined }) }),
  fc.record({ kind: fc.constant('propagation' as const), vpc: anyVpc, table: anyTable, enabled: fc.boolean() }),
  fc.record({
    kind: fc.constant('gateway-route' as const),
    table: anyTable,
    to: destination,
    leads: fc.oneof(
      anyVpc.map((attachment) => ({ attachment })),
      fc.constant('blackhole' as const),
      fc.constant(undefined),
    ),
  }),
  fc.record({
    kind: fc.constant('route' as const),
    vpc: anyVpc,
    table: fc.constantFrom(...subnetTables),
    to: destination,
    target: fc.option(target, { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant('table-of-subnet' as const),
    vpc: anyVpc,
    subnet: fc.constantFrom('private-a', 'public-b'),
    table: fc.option(fc.constantFrom(...subnetTables), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('vpc' as const), vpc: anyVpc, to: fc.constant(undefined) }),
  fc.record({
    kind: fc.constant('subnet' as const),
    vpc: anyVpc,
    subnet: fc.constantFrom('private-b', 'public-a'),
    to: fc.constant(undefined),
  }),
  fc.record({ kind: fc.constant('attachment' as const), vpc: anyVpc, to: fc.constant(undefined) }),
);
