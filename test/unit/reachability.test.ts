import { describe, expect, it } from 'vitest';
import { cidr } from '../../orchestrator/domain/cidr.ts';
import { generateNetwork } from '../../orchestrator/network/generate.ts';
import { checkPaths } from '../../orchestrator/reachability/checks.ts';
import { allPaths, difference, disturbances, Watch } from '../../orchestrator/reachability/difference.ts';
import { topologyOf } from '../../orchestrator/reachability/from-network.ts';
import { addedLoops, loopsOf } from '../../orchestrator/reachability/loops.ts';
import { joinedOverlaps } from '../../orchestrator/reachability/overlaps.ts';
import { Paths } from '../../orchestrator/reachability/paths.ts';
import { Prefixes } from '../../orchestrator/reachability/prefixes.ts';
import { answers, named } from '../../orchestrator/reachability/question.ts';
import { applied } from '../../orchestrator/reachability/topology.ts';
import type { Topology } from '../../orchestrator/reachability/topology.ts';
import type { End } from '../../orchestrator/reachability/walk.ts';
import { findingInWords, pathLines } from '../../orchestrator/ui/paths.ts';
import { exampleOf, exampleWith } from './support/example.ts';
import { gatewayTableWith, topologyWith, vpcWith } from './support/reachability.ts';

/** How what a subnet sends to a place ends: the first of its answers. */
function endOf(topology: Topology, from: string, to: string): End {
  const paths = new Paths(topology);
  const sender = named(paths, from);
  const [answer] = answers(paths, sender.kind === 'subnets' ? sender.ends : [], named(paths, to));
  if (answer === undefined) throw new Error(`${from} has nothing to send to ${to}`);
  return answer.forth.end;
}

const one = vpcWith({ block: '10.1.0.0/16', segment: 'red' });
const two = vpcWith({ block: '10.2.0.0/16', segment: 'blue' });
const both = { red: gatewayTableWith(['one', 'two']), blue: gatewayTableWith(['one', 'two']) };

describe('a packet', () => {
  it('arrives in a VPC whose block the table of its segment has learned', () => {
    expect(endOf(topologyWith({ one, two }, both), 'one', 'two')).toEqual({ kind: 'delivered', vpc: 'two' });
  });

  it('goes nowhere from a tier without a route', () => {
    const topology = topologyWith({ one: vpcWith({ block: '10.1.0.0/16', segment: 'red', hosts: {} }), two }, both);
    expect(endOf(topology, 'one', 'two')).toEqual({ kind: 'no-route', vpc: 'one', subnet: 'app-a', table: 'app' });
  });

  it('goes nowhere from a zone without a subnet of the attachment, and from its neighbour it does', () => {
    const topology = topologyWith({ one: vpcWith({ block: '10.1.0.0/16', segment: 'red', attached: ['a'] }), two }, both);
    expect(endOf(topology, 'one.app.b', 'two')).toMatchObject({ kind: 'zone-without-attachment', vpc: 'one', zone: 'b' });
    expect(endOf(topology, 'one.app.a', 'two')).toMatchObject({ kind: 'delivered' });
  });

  it('goes nowhere from an attachment without an association', () => {
    const topology = topologyWith({ one: vpcWith({ block: '10.1.0.0/16' }), two }, both);
    expect(endOf(topology, 'one', 'two')).toEqual({ kind: 'no-association', vpc: 'one' });
  });

  it('is dropped by a blackhole of the same destination that the table has learned', () => {
    const topology = topologyWith({ one, two }, { ...both, red: gatewayTableWith(['two'], { '10.2.0.0/16': 'blackhole' }) });
    expect(endOf(topology, 'one', 'two')).toEqual({ kind: 'blackhole', table: 'red', to: '10.2.0.0/16' });
  });

  it('passes by a blackhole that is wider than what the table has learned', () => {
    const topology = topologyWith({ one, two }, { ...both, red: gatewayTableWith(['two'], { '10.0.0.0/8': 'blackhole' }) });
    expect(endOf(topology, 'one', 'two')).toEqual({ kind: 'delivered', vpc: 'two' });
  });

  it('is dropped in the VPC that a default route leads to, where that has no route on', () => {
    const topology = topologyWith(
      { one, two, exit: vpcWith({ block: '10.9.0.0/16', segment: 'blue' }) },
      { ...both, red: gatewayTableWith([], { '0.0.0.0/0': 'exit' }) },
    );
    expect(endOf(topology, 'one', 'two')).toMatchObject({ kind: 'dropped', vpc: 'exit' });
    expect(endOf(topology, 'one', 'internet')).toEqual({ kind: 'no-way-out', vpc: 'exit' });
  });

  it('gets to another VPC by a third one that sends it back to the gateway', () => {
    const exit = vpcWith({ block: '10.9.0.0/16', segment: 'blue', carriers: { '10.0.0.0/8': 'gateway' } });
    const topology = topologyWith({ one, two, exit }, { ...both, red: gatewayTableWith([], { '0.0.0.0/0': 'exit' }) });
    expect(endOf(topology, 'one', 'two')).toEqual({ kind: 'delivered', vpc: 'two' });
  });

  it('goes round where the table of that VPC leads to it again', () => {
    const exit = vpcWith({ block: '10.9.0.0/16', segment: 'red', carriers: { '10.0.0.0/8': 'gateway' } });
    const topology = topologyWith({ one, exit }, { red: gatewayTableWith([], { '0.0.0.0/0': 'exit' }) });
    expect(endOf(topology, 'one', '10.77.0.1')).toMatchObject({
      kind: 'loop',
      cycle: [
        { at: 'gateway', table: 'red', to: '0.0.0.0/0', attachment: 'exit' },
        { at: 'vpc', vpc: 'exit', table: 'att', to: '10.0.0.0/8', target: 'gateway' },
      ],
    });
    expect(endOf(topology, 'one', 'internet')).toEqual({ kind: 'no-way-out', vpc: 'exit' });
  });

  it('is routed in a VPC by the table of the zone that it came in by', () => {
    const exit = vpcWith({ block: '10.9.0.0/16', segment: 'blue', carriers: { '0.0.0.0/0': 'nat-gateway' } });
    const ofB = applied(topologyWith({ one, two, exit }, { ...both, red: gatewayTableWith([], { '0.0.0.0/0': 'exit' }) }), {
      kind: 'table-of-subnet',
      vpc: 'exit',
      subnet: 'att-b',
      table: undefined,
    });
    expect(endOf(ofB, 'one.app.a', 'internet')).toEqual({ kind: 'left', vpc: 'exit', target: 'nat-gateway' });
    expect(endOf(ofB, 'one.app.b', 'internet')).toEqual({ kind: 'no-way-out', vpc: 'exit' });
  });

  it('cannot be told where AWS picks the zone, and the zones lead to different ends', () => {
    const exit = vpcWith({ block: '10.9.0.0/16', segment: 'blue', zones: ['b', 'c'], carriers: { '10.2.0.0/16': 'gateway' } });
    const topology = applied(topologyWith({ one, two, exit }, { ...both, red: gatewayTableWith([], { '0.0.0.0/0': 'exit' }) }), {
      kind: 'table-of-subnet',
      vpc: 'exit',
      subnet: 'att-c',
      table: undefined,
    });
    expect(endOf(topology, 'one.app.a', 'two')).toMatchObject({ kind: 'cannot-tell', why: { reason: 'zone' } });
    expect(endOf(topology, 'one.app.b', 'two')).toMatchObject({ kind: 'delivered' });
  });

  it('leaves by the exit of its own VPC, also where another VPC has the same table', () => {
    const open = { hosts: { '0.0.0.0/0': 'internet-gateway' } };
    const topology = topologyWith(
      { one: vpcWith({ block: '10.1.0.0/16', segment: 'red', ...open }), two: vpcWith({ block: '10.2.0.0/16', segment: 'red', ...open }) },
      both,
    );
    expect(pathLines(allPaths(new Paths(topology)).there)).toEqual([
      'one --> everything else (0.0.0.0/0), by one',
      'two --> everything else (0.0.0.0/0), by two',
    ]);
  });
});

describe('the paths of a network', () => {
  it('of the example are those that its file describes', () => {
    const { there, unknown } = allPaths(new Paths(topologyOf(exampleOf().spec)));
    expect(pathLines(there)).toEqual(['production, staging <-> shared', 'production, staging --> everything else (0.0.0.0/0), by shared']);
    expect(pathLines(unknown)).toEqual([]);
    expect(checkPaths(exampleOf().spec)).toEqual([]);
  });

  it('of two routing domains are those within each', () => {
    const vpc = (segment: string, base: string) => ({
      segment,
      cidr: `${base}.0/24`,
      subnets: {
        workload: { a: `${base}.0/28`, b: `${base}.16/28` },
        attachment: { a: `${base}.32/28`, b: `${base}.48/28` },
      },
      attachment: 'attachment',
      routes: { workload: ['0.0.0.0/0'] },
    });
    const { spec } = exampleOf(
      JSON.stringify({
        network: 'private-domains',
        account: '111122223333',
        region: 'eu-west-1',
        segments: { production: {}, nonproduction: {} },
        vpcs: { orders: vpc('production', '10.0.0'), billing: vpc('production', '10.0.1'), trial: vpc('nonproduction', '10.1.0') },
      }),
    );
    expect(pathLines(allPaths(new Paths(topologyOf(spec))).there)).toEqual(['segment production <-> segment production']);
  });

  it('are cut where a longer route cuts a subnet', () => {
    const topology = topologyWith({ one, two }, { ...both, red: gatewayTableWith(['two'], { '10.2.0.128/25': 'blackhole' }) });
    expect(pathLines(allPaths(new Paths(topology)).there)).toEqual([
      'two.app.a (the rest of 10.2.0.0/24), two tier app zone b <-> one',
      'two.app.a (10.2.0.128/25) --> one',
    ]);
  });
});

describe('what is hardly meant in a network file', () => {
  const reasonsOf = (text: string): string[] => checkPaths(exampleOf(text).spec).map(({ reason, path }) => `${reason} ${path.join('.')}`);

  it('is a tier in a zone where the attachment has no subnet', () => {
    expect(reasonsOf(exampleWith(['b: 10.2.16.0/20', 'b: 10.2.16.0/20, c: 10.2.32.0/20']))).toEqual([
      'zone-without-attachment vpcs.staging.subnets.private.c',
    ]);
  });

  it('is a blackhole for what comes back, at its line', () => {
    expect(reasonsOf(exampleWith(['blackholes: [10.1.0.0/16]', 'blackholes: [10.1.0.0/16, 10.0.0.0/16]']))).toEqual([
      'blackholed-return segments.staging.blackholes.1',
    ]);
  });

  it('is a route that is missing on the way back', () => {
    expect(reasonsOf(exampleWith(['private: [10.1.0.0/16, 10.2.0.0/16]', 'private: [10.1.0.0/16]']))).toEqual([
      'one-way vpcs.shared.routes.private',
    ]);
  });

  it('is a route to which nothing answers, and a gateway route that no packet meets', () => {
    const found = reasonsOf(
      exampleWith(
        ['private: [10.1.0.0/16, 10.2.0.0/16]', 'private: [10.1.0.0/16, 10.2.0.0/16, 192.168.0.0/16]'],
        ['  staging:\n    blackholes', '  spare:\n    routes: [{ to: 172.16.0.0/12, vpc: shared }]\n  staging:\n    blackholes'],
      ),
    );
    expect(found).toEqual(['unused-route vpcs.shared.routes.private.2', 'unused-gateway-route segments.spare.routes.0']);
  });

  it('is a loop, which is told with the route that sends back, and in words', () => {
    const text = exampleWith(
      ['    reaches: [production, staging]', '    reaches: [production, staging]\n    routes: [{ to: 0.0.0.0/0, vpc: shared }]'],
      ['      private: [10.1.0.0/16, 10.2.0.0/16]', '      private: [10.1.0.0/16, 10.2.0.0/16]\n      attachment: [172.16.0.0/12]'],
    );
    const loops = checkPaths(exampleOf(text).spec).filter(({ reason }) => reason === 'loop');
    expect(loops).toMatchObject([{ path: ['vpcs', 'shared', 'routes', 'attachment', 0], to: ['172.16.0.0/12'] }]);
    expect(loops.map(findingInWords)[0]).toContain('packets to 172.16.0.0/12 go round between the gateway and shared.');
  });
});

describe('the loops that an edit adds', () => {
  const exit = vpcWith({ block: '10.9.0.0/16', segment: 'red', carriers: { '10.0.0.0/8': 'gateway' } });
  const looping = topologyWith({ one, exit }, { red: gatewayTableWith(['one'], { '0.0.0.0/0': 'exit' }) });

  it('are none where they were there before', () => {
    expect(loopsOf(new Paths(looping))).toHaveLength(1);
    expect(addedLoops(looping, looping)).toEqual([]);
  });

  it('are those of a route that it adds', () => {
    const before = applied(looping, { kind: 'gateway-route', table: 'red', to: cidr('0.0.0.0/0'), leads: undefined });
    expect(addedLoops(before, looping)).toMatchObject([{ to: ['10.0.0.0/8'] }]);
  });

  it('are the further destinations of a circle that was there', () => {
    const wider = applied(looping, { kind: 'route', vpc: 'exit', table: 'att', to: cidr('172.16.0.0/12'), target: { kind: 'gateway' } });
    expect(addedLoops(looping, wider).map(({ to }) => to)).toEqual([['172.16.0.0/12']]);
  });
});

describe('VPCs of the same addresses', () => {
  const twin = vpcWith({ block: '10.1.0.0/16', segment: 'blue' });

  it('are allowed in two segments that are kept apart', () => {
    expect(joinedOverlaps(topologyWith({ one, twin }, { red: gatewayTableWith(['one']), blue: gatewayTableWith(['twin']) }))).toEqual([]);
  });

  it('are not where one table leads to both', () => {
    const shared = vpcWith({ block: '10.9.0.0/16', segment: 'green' });
    const tables = { red: gatewayTableWith(['one']), blue: gatewayTableWith(['twin']), green: gatewayTableWith(['one', 'twin']) };
    expect(joinedOverlaps(topologyWith({ one, twin, shared }, tables))).toEqual([{ vpc: 'twin', other: 'one', table: 'green' }]);
  });

  it('are allowed where a VPC between them sends nothing back', () => {
    const exit = vpcWith({ block: '10.9.0.0/16', segment: 'blue' });
    const tables = { red: gatewayTableWith(['one'], { '0.0.0.0/0': 'exit' }), blue: gatewayTableWith(['twin']) };
    expect(joinedOverlaps(topologyWith({ one, twin, exit }, tables))).toEqual([]);
  });

  it('are not where a VPC between them sends back to the gateway', () => {
    const exit = vpcWith({ block: '10.9.0.0/16', segment: 'blue', carriers: { '10.0.0.0/8': 'gateway' } });
    const tables = { red: gatewayTableWith(['one'], { '0.0.0.0/0': 'exit' }), blue: gatewayTableWith(['twin']) };
    expect(joinedOverlaps(topologyWith({ one, twin, exit }, tables))).toEqual([{ vpc: 'twin', other: 'one', table: 'red' }]);
  });
});

describe('the moments of a change', () => {
  const before = topologyWith(
    { one, two, exit: vpcWith({ block: '10.9.0.0/16', segment: 'blue' }), other: vpcWith({ block: '10.8.0.0/16', segment: 'blue' }) },
    { red: gatewayTableWith(['two'], { '0.0.0.0/0': 'exit' }), blue: gatewayTableWith(['one']) },
  );
  const to = cidr('0.0.0.0/0');
  const removed = applied(before, { kind: 'gateway-route', table: 'red', to, leads: undefined });
  const after = applied(removed, { kind: 'gateway-route', table: 'red', to, leads: { attachment: 'other' } });

  it('interrupt what leaves by a route that is deleted before it is made again', () => {
    const found = disturbances([before, removed, after]);
    expect(found.map(({ moment, interrupted, opened }) => [moment, pathLines(interrupted), pathLines(opened)])).toEqual([
      [1, ['one --> everything else (0.0.0.0/0), by exit'], []],
    ]);
  });

  it('interrupt nothing where two halves of the destination carry the traffic meanwhile', () => {
    const halves = ['0.0.0.0/1', '128.0.0.0/1'].map(cidr);
    const moments = [before];
    const then = (change: Parameters<typeof applied>[1]) => moments.push(applied(moments.at(-1) ?? before, change));
    for (const half of halves) then({ kind: 'gateway-route', table: 'red', to: half, leads: { attachment: 'other' } });
    then({ kind: 'gateway-route', table: 'red', to, leads: undefined });
    then({ kind: 'gateway-route', table: 'red', to, leads: { attachment: 'other' } });
    for (const half of halves) then({ kind: 'gateway-route', table: 'red', to: half, leads: undefined });
    expect(disturbances(moments)).toEqual([]);
  });

  it('open a path where a blackhole goes before the VPC that it guards has moved', () => {
    const guarded = applied(before, { kind: 'gateway-route', table: 'red', to: cidr('10.2.0.0/16'), leads: 'blackhole' });
    const open = applied(guarded, { kind: 'gateway-route', table: 'red', to: cidr('10.2.0.0/16'), leads: undefined });
    expect(disturbances([guarded, open, guarded]).map(({ opened }) => pathLines(opened))).toEqual([['one --> two']]);
  });

  it('interrupt what is sent to a subnet that is replaced, also where it sends nothing', () => {
    const silent = topologyWith({ one, two: vpcWith({ block: '10.2.0.0/16', segment: 'blue', hosts: {} }) }, both);
    const without = applied(silent, { kind: 'subnet', vpc: 'two', subnet: 'app-a', to: undefined });
    expect(disturbances([silent, without, silent]).map(({ interrupted }) => pathLines(interrupted))).toEqual([['one --> two zone a']]);
  });

  it('make no place of a subnet that carries the attachment before and after, and nothing in between', () => {
    const whole = topologyWith({ one, two }, both);
    const detached = applied(whole, { kind: 'attachment', vpc: 'two', to: undefined });
    expect(disturbances([whole, detached, whole]).map(({ interrupted }) => pathLines(interrupted))).toEqual([['two <-> one']]);
    const watch = new Watch(whole, whole);
    watch.at(detached);
    expect(pathLines(watch.at(applied(whole, { kind: 'association', vpc: 'two', table: undefined })).interrupted)).toEqual(['two --> one']);
  });

  it('turn from one to the next by what begins and by what is over, and not by what goes on', () => {
    const three = vpcWith({ block: '10.3.0.0/16', segment: 'blue' });
    const whole = topologyWith({ one, two, three }, { red: gatewayTableWith(['two', 'three']), blue: gatewayTableWith(['one']) });
    const propagation = (vpc: string, enabled: boolean) => ({ kind: 'propagation', table: 'red', vpc, enabled }) as const;
    const first = applied(whole, propagation('two', false));
    const second = applied(first, propagation('three', false));
    const third = applied(second, propagation('two', true));
    const watch = new Watch(whole, whole);
    const turn = (from: typeof whole, to: typeof whole) => {
      const found = watch.turn(from, to);
      return found && [pathLines(found.interrupted), pathLines(found.over)];
    };
    expect(turn(whole, first)).toEqual([['one --> two'], []]);
    expect(turn(first, second)).toEqual([['one --> three'], []]);
    expect(turn(second, third)).toEqual([[], ['one --> two']]);
    expect(turn(third, applied(third, propagation('two', true)))).toBeUndefined();
  });

  it('say what an edit changes', () => {
    const { appear, go } = difference(before, after);
    expect([pathLines(appear), pathLines(go)]).toEqual([
      ['one --> other', 'one --> everything else (0.0.0.0/0), by other'],
      ['one --> exit', 'one --> everything else (0.0.0.0/0), by exit'],
    ]);
  });
});

describe('destinations, nested', () => {
  it('leave a block what they do not cover, however many are in one another', () => {
    const prefixes = new Prefixes(['10.0.0.0/8', '10.0.0.0/25', '10.0.0.0/26', '10.0.0.64/26'].map(cidr));
    expect(prefixes.within(cidr('10.0.0.0/24')).map((index) => prefixes.blocks[index]?.text)).toEqual([
      '10.0.0.0/8',
      '10.0.0.0/26',
      '10.0.0.64/26',
    ]);
  });

  it('cut a block into the classes that have addresses of it', () => {
    const prefixes = new Prefixes(['10.0.0.0/8', '10.0.0.0/25', '10.0.0.0/26', '10.0.0.64/26', '10.0.0.128/25'].map(cidr));
    const named = (block: string) => prefixes.within(cidr(block)).map((index) => prefixes.blocks[index]?.text ?? 'none');
    // The two quarters have all of the first half.
    expect(named('10.0.0.0/24')).toEqual(['10.0.0.0/26', '10.0.0.64/26', '10.0.0.128/25']);
    expect(named('10.0.0.0/23')).toEqual(['10.0.0.0/8', '10.0.0.0/26', '10.0.0.64/26', '10.0.0.128/25']);
    expect(named('10.0.0.0/26')).toEqual(['10.0.0.0/26']);
    expect(named('192.168.0.0/24')).toEqual(['none']);
  });
});

describe('the cost', () => {
  /** Steps over the gateway. */
  const stepsOf = (vpcs: number): number => {
    const paths = new Paths(topologyOf(exampleOf(generateNetwork(vpcs)).spec));
    allPaths(paths);
    return paths.steps;
  };

  it('grows with the VPCs, and not with their pairs', () => {
    expect(stepsOf(120) / stepsOf(60)).toBeLessThan(2.1);
  });

  it('of one changed route is that of the tables that it is in', () => {
    const before = topologyOf(exampleOf(generateNetwork(60)).spec);
    const first = new Paths(before);
    allPaths(first);
    const after = applied(before, { kind: 'gateway-route', table: 'staging', to: cidr('0.0.0.0/0'), leads: 'blackhole' });
    const second = new Paths(after, first.places, first);
    allPaths(second);
    expect(second.steps).toBeLessThanOrEqual(first.steps / 2);
    expect(second.steps).toBeGreaterThan(0);
  });
});
