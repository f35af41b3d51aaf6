import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { cidr, contains, overlaps, parseCidr, withoutHostBits } from '../../../orchestrator/domain/cidr.ts';
import { buildGraph } from '../../../orchestrator/graph/graph.ts';
import { checkNetwork } from '../../../orchestrator/network/check-network.ts';
import { parseNetwork } from '../../../orchestrator/network/read-network.ts';
import type { NetworkSpec } from '../../../orchestrator/network/spec.ts';
import { fingerprintOf } from '../../../orchestrator/run/fingerprint.ts';
import type { FingerprintSettings } from '../../../orchestrator/run/fingerprint.ts';
import { kinds } from '../../../stacks/index.ts';
import { exampleNetwork } from '../../support/networks.ts';
import { exampleOf, file } from '../support/example.ts';
import { fc, times } from '../support/property.ts';
import { problemOf, valueOf } from '../support/results.ts';

const octets = (address: number): string => [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

/** The block of this size that has this address in it. */
const blockAt = (address: number, prefix: number): string => `${octets(address - (address % 2 ** (32 - prefix)))}/${prefix}`;

/** The bits that all addresses of a block begin with. Two blocks share an address exactly where one's bits begin with the other's. */
function bitsOf(block: string): string {
  const [address = '', prefix = ''] = block.split('/');
  const bits = address.split('.').map((octet) => Number(octet).toString(2).padStart(8, '0'));
  return bits.join('').slice(0, Number(prefix));
}

const isInside = (inner: string, outer: string): boolean => bitsOf(inner).startsWith(bitsOf(outer));
const meet = (a: string, b: string): boolean => isInside(a, b) || isInside(b, a);

const address = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  fc.integer({ min: 0, max: 2 ** 14 }).map((n) => 10 * 2 ** 24 + n),
);
const anyBlock = fc.tuple(address, fc.integer({ min: 0, max: 32 })).map(([at, prefix]) => blockAt(at, prefix));
/** Of a size for VPCs, and close together. */
const closeBlock = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 18 - 1 }), fc.integer({ min: 16, max: 28 }))
  .map(([at, prefix]) => blockAt(10 * 2 ** 24 + at, prefix));

describe('a CIDR block', () => {
  it('overlaps and contains another as the bits say that they begin with', () => {
    const atEdge = fc
      .tuple(anyBlock, fc.integer({ min: 0, max: 32 }), fc.boolean())
      .map(([a, prefix, isFirst]): [string, string] => [a, blockAt(isFirst ? cidr(a).first : cidr(a).last, prefix)]);
    const pair = fc.oneof(fc.tuple(anyBlock, anyBlock), fc.tuple(closeBlock, closeBlock), atEdge);
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect([overlaps(cidr(a), cidr(b)), overlaps(cidr(b), cidr(a))]).toEqual([meet(a, b), meet(a, b)]);
        expect([contains(cidr(a), cidr(b)), contains(cidr(b), cidr(a))]).toEqual([isInside(b, a), isInside(a, b)]);
      }),
    );
  });

  it('with host bits is told from one without, and has the block that was meant', () => {
    fc.assert(
      fc.property(address, fc.integer({ min: 0, max: 32 }), (at, prefix) => {
        const written = `${octets(at)}/${prefix}`;
        const block = blockAt(at, prefix);
        expect(parseCidr(written)).toEqual(
          written === block ? expect.objectContaining({ text: block, prefixLength: prefix }) : 'host-bits-set',
        );
        expect(withoutHostBits(written)).toBe(block);
        expect(contains(cidr(block), cidr(`${octets(at)}/32`))).toBe(true);
      }),
    );
  });

  it('is read from no text but the one form that it is written in', () => {
    const odd = fc.constantFrom('', '00', '01', '007', ' 1', '1 ', '1e1', '0x1', '-1', '256', '999', '33', '1.1');
    const nearly = fc.tuple(anyBlock, fc.nat(4), odd).map(([block, which, part]) => {
      let at = -1;
      return block.replaceAll(/\d+/g, (number) => ((at += 1) === which ? part : number));
    });
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string(), anyBlock), (text) => {
        const parsed = parseCidr(text);
        if (typeof parsed !== 'string') expect(`${octets(parsed.first)}/${parsed.prefixLength}`).toBe(text);
      }),
    );
  });
});

interface Vpc {
  segment: string;
  cidr: string;
  subnets: Record<string, Record<string, string>>;
  attachment: string;
  routes?: Record<string, string[]>;
}

interface Segment {
  reaches?: string[];
  isolated?: boolean;
  blackholes?: string[];
  routes?: { to: string; vpc: string }[];
}

interface Written {
  network: string;
  account: string;
  region: string;
  segments: Record<string, Segment | null>;
  vpcs: Record<string, Vpc>;
}

const name = fc.oneof(fc.stringMatching(/^[a-z][a-z0-9-]{0,5}[a-z0-9]$/), fc.constantFrom('constructor', 'true', 'null', 'y', 'a'));

/** Blocks of their own for each tier and zone: equal parts of the VPC's. */
const vpcOf = (block: string, segments: readonly string[]): fc.Arbitrary<Vpc> =>
  fc
    .record({
      segment: fc.constantFrom(...segments),
      tiers: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
      zones: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }),
      destinations: fc.uniqueArray(anyBlock, { maxLength: 3 }),
    })
    .map(({ segment, tiers, zones, destinations }) => {
      const { first, prefixLength } = cidr(block);
      const size = Math.min(28, prefixLength + 4);
      const subnet = (index: number): string => blockAt(first + index * 2 ** (32 - size), size);
      const outside = destinations.filter((to) => !isInside(to, block));
      return {
        segment,
        cidr: block,
        subnets: Object.fromEntries(
          tiers.map((tier, t) => [tier, Object.fromEntries(zones.map((zone, z) => [zone, subnet(t * zones.length + z)]))]),
        ),
        attachment: tiers[tiers.length - 1] ?? '',
        ...(outside.length === 0 ? {} : { routes: { [tiers[0] ?? '']: outside } }),
      };
    });

const segmentOf = (segments: readonly string[], vpcs: readonly string[]): fc.Arbitrary<Segment | null> =>
  fc
    .record(
      {
        reaches: fc.shuffledSubarray([...segments]),
        isolated: fc.boolean(),
        blackholes: fc.uniqueArray(anyBlock, { maxLength: 2 }),
        routes: fc.uniqueArray(fc.record({ to: anyBlock, vpc: fc.constantFrom(...vpcs) }), { maxLength: 2, selector: ({ to }) => to }),
      },
      { requiredKeys: [] },
    )
    .map((segment) => {
      const { blackholes = [], routes } = segment;
      if (Object.keys(segment).length === 0) return null;
      return { ...segment, ...(routes ? { routes: routes.filter(({ to }) => !blackholes.includes(to)) } : {}) };
    });

/** A network that fits together, of VPCs that each have a block in a /16 of their own. */
const validNetwork: fc.Arbitrary<Written> = fc
  .record({
    network: name,
    segments: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
    vpcs: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
    blocks: fc.uniqueArray(fc.tuple(fc.nat(255), fc.nat(255), fc.integer({ min: 16, max: 24 })), {
      minLength: 4,
      maxLength: 4,
      selector: ([second]) => second,
    }),
  })
  .chain(({ network, segments, vpcs, blocks }) =>
    fc.record({
      network: fc.constant(network),
      account: fc.constant('111122223333'),
      region: fc.constant('eu-west-1'),
      segments: fc.tuple(...segments.map(() => segmentOf(segments, vpcs))).map((all) => byName(segments, all)),
      vpcs: fc
        .tuple(
          ...vpcs.map((_, index) =>
            vpcOf(
              blockAt(10 * 2 ** 24 + (blocks[index]?.[0] ?? 0) * 2 ** 16 + (blocks[index]?.[1] ?? 0) * 2 ** 8, blocks[index]?.[2] ?? 16),
              segments,
            ),
          ),
        )
        .map((all) => byName(vpcs, all)),
    }),
  );

const byName = <T>(names: readonly string[], values: readonly T[]): Record<string, T> =>
  Object.fromEntries(names.map((each, index) => [each, values[index] as T]));

describe('a network that fits together', () => {
  it('is accepted, and says what was written', () => {
    fc.assert(
      fc.property(validNetwork, fc.boolean(), (network, isJson) => {
        const text = isJson ? JSON.stringify(network) : stringify(network);
        const { spec } = valueOf(parseNetwork(file, text));
        expect(spec.vpcs).toMatchObject(network.vpcs);
        for (const [each, segment] of Object.entries(network.segments))
          expect(spec.segments[each]).toMatchObject(segment ?? { reaches: [] });
      }),
    );
  });

  it('finds the line of each of its VPCs and segments', () => {
    fc.assert(
      fc.property(validNetwork, (network) => {
        const text = stringify(network);
        const { lineOf } = valueOf(parseNetwork(file, text));
        const lines = text.split('\n');
        for (const part of ['vpcs', 'segments'] as const)
          for (const each of Object.keys(network[part])) {
            const shown = lines[(lineOf([part, each]) ?? 0) - 1] ?? '';
            expect(Object.keys(parse(shown.trim()) as object)).toEqual([each]);
          }
      }),
    );
  });
});

/** The same network with another name for each VPC, segment and tier that `picks` says, and with what it was. */
function renamed({ segments, vpcs, ...rest }: Written, picks: (name: string) => boolean) {
  const now = (name: string): string => (picks(name) ? `renamed-${name}` : name);
  const was = (name: string) => (picks(name) ? { was: name } : {});
  const each = <From, To>(record: Record<string, From>, to: (value: From, name: string) => To): Record<string, To> =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [now(name), to(value, name)]));
  return {
    ...rest,
    segments: each(segments, (segment, name) => ({
      ...was(name),
      ...segment,
      ...(segment?.reaches && { reaches: segment.reaches.map(now) }),
      ...(segment?.routes && { routes: segment.routes.map(({ to, vpc }) => ({ to, vpc: now(vpc) })) }),
    })),
    vpcs: each(vpcs, (vpc, name) => ({
      ...was(name),
      ...vpc,
      segment: now(vpc.segment),
      subnets: each(vpc.subnets, (zones, tier) => ({ ...was(tier), ...zones })),
      attachment: now(vpc.attachment),
      ...(vpc.routes && { routes: each(vpc.routes, (destinations) => destinations) }),
    })),
  };
}

describe('a network whose parts have other names by now', () => {
  it('has the stacks, the inputs and the references that it was deployed with, in the same order', () => {
    const graphOf = (network: object) => {
      const { spec } = valueOf(parseNetwork(file, stringify(network)));
      const { nodes } = valueOf(buildGraph(spec, kinds));
      const told = nodes.map((node) => {
        const fingerprint = fingerprintOf(node, settings, (stack, output) => `${stack} ${output}`);
        return { name: node.name, inputs: node.inputs, references: node.references, fingerprint };
      });
      return { spec, told };
    };
    fc.assert(
      fc.property(validNetwork, fc.func(fc.boolean()), (network, picks) => {
        expect(JSON.stringify(graphOf(renamed(network, picks)))).toBe(JSON.stringify(graphOf(network)));
      }),
    );
  });

  it('has the line of each part by the name that it was deployed with', () => {
    fc.assert(
      fc.property(validNetwork, fc.func(fc.boolean()), (network, picks) => {
        const text = stringify(renamed(network, picks));
        const { lineOf, spec } = valueOf(parseNetwork(file, text));
        const lines = text.split('\n');
        for (const [vpc, { subnets }] of Object.entries(spec.vpcs))
          for (const [tier, zones] of Object.entries(subnets))
            for (const [zone, block] of Object.entries(zones))
              expect(lines[(lineOf(['vpcs', vpc, 'subnets', tier, zone]) ?? 0) - 1]?.trim()).toBe(`${zone}: ${block}`);
      }),
      times(0.5),
    );
  });
});

const settings: FingerprintSettings = { settings: {}, programOf: (kind) => kind, engine: '', secrets: '' };

/** One mistake in a network that fits together: what it is refused for, and the words that have to name it. */
interface Mistake {
  readonly reason: string;
  readonly names: readonly string[];
}

/** Changes the network that it is given. `undefined` where this network has no place for it. */
const mistakes: Readonly<Record<string, (network: Written, pick: (length: number) => number) => Mistake | undefined>> = {
  'a VPC in a segment that is not there': ({ vpcs }, pick) => {
    const vpc = oneOf(Object.values(vpcs), pick);
    vpc.segment = 'nowhere';
    return { reason: 'unknown-segment', names: ['"nowhere"'] };
  },
  'a segment that reaches one that is not there': ({ segments }, pick) => {
    const [key, segment] = oneOf(Object.entries(segments), pick);
    segments[key] = { ...segment, reaches: [...(segment?.reaches ?? []), 'nowhere'] };
    return { reason: 'unknown-segment', names: ['"nowhere"'] };
  },
  'a segment that reaches another twice': ({ segments }, pick) => {
    const [key, segment] = oneOf(Object.entries(segments), pick);
    const reaches = segment?.reaches ?? [];
    const other = oneOf(Object.keys(segments), pick);
    segments[key] = { ...segment, reaches: [other, ...reaches.filter((each) => each !== other), other] };
    return { reason: 'duplicate', names: [`segment ${other} is listed twice`] };
  },
  'a route by a VPC that is not there': ({ segments }, pick) => {
    const [key, segment] = oneOf(Object.entries(segments), pick);
    segments[key] = { ...segment, routes: [{ to: '203.0.113.0/24', vpc: 'nowhere' }] };
    return { reason: 'unknown-vpc', names: ['"nowhere"'] };
  },
  'a route that is a blackhole as well': ({ segments, vpcs }, pick) => {
    const [key, segment] = oneOf(Object.entries(segments), pick);
    const to = segment?.blackholes?.[0] ?? '203.0.113.0/24';
    segments[key] = { ...segment, blackholes: [to], routes: [{ to, vpc: oneOf(Object.keys(vpcs), pick) }] };
    return { reason: 'route-and-blackhole', names: [to, `"${key}"`] };
  },
  'an attachment in a tier that is not there': ({ vpcs }, pick) => {
    const [key, vpc] = oneOf(Object.entries(vpcs), pick);
    vpc.attachment = 'nowhere';
    return { reason: 'unknown-tier', names: [`"${key}"`, '"nowhere"'] };
  },
  'routes of a tier that is not there': ({ vpcs }, pick) => {
    const [key, vpc] = oneOf(Object.entries(vpcs), pick);
    vpc.routes = { ...vpc.routes, nowhere: ['203.0.113.0/24'] };
    return { reason: 'unknown-tier', names: [`"${key}"`, '"nowhere"'] };
  },
  'a destination inside the VPC itself': ({ vpcs }, pick) => {
    const [key, vpc] = oneOf(Object.entries(vpcs), pick);
    const inside = oneOf(Object.values(oneOf(Object.values(vpc.subnets), pick)), pick);
    vpc.routes = { [oneOf(Object.keys(vpc.subnets), pick)]: [inside] };
    return { reason: 'route-inside-vpc', names: [inside, `"${key}"`, vpc.cidr] };
  },
  'a subnet outside its VPC': ({ vpcs }, pick) => {
    const [key, vpc] = oneOf(Object.entries(vpcs), pick);
    const [tier, zones] = oneOf(Object.entries(vpc.subnets), pick);
    const zone = oneOf(Object.keys(zones), pick);
    const { first, last } = cidr(vpc.cidr);
    // Right before it, or right behind it.
    const outside = blockAt(pick(2) === 0 ? first - 16 : last + 1, 28);
    zones[zone] = outside;
    return { reason: 'subnet-outside-vpc', names: [`${tier} ${zone}`, outside, `"${key}"`] };
  },
  'two subnets that overlap': ({ vpcs }, pick) => {
    const [key, vpc] = oneOf(Object.entries(vpcs), pick);
    const subnets = Object.entries(vpc.subnets).flatMap(([tier, zones]) => Object.keys(zones).map((zone) => ({ tier, zone, zones })));
    const one = oneOf(subnets, pick);
    const other = oneOf(
      subnets.filter((subnet) => subnet !== one),
      pick,
    ) as typeof one | undefined;
    if (!other) return undefined;
    const block = one.zones[one.zone] ?? '';
    const { last, prefixLength } = cidr(block);
    other.zones[other.zone] = blockAt(last, Math.min(28, prefixLength + pick(3)));
    return { reason: 'subnets-overlap', names: [`${one.tier} ${one.zone}`, `${other.tier} ${other.zone}`, `"${key}"`] };
  },
  'two VPCs that overlap': ({ segments, vpcs }, pick) => {
    const names = Object.keys(vpcs);
    const one = oneOf(names, pick);
    const block = blockAt(cidr(vpcs[one]?.cidr ?? '').last, 28);
    const segment = vpcs[one]?.segment ?? '';
    // Where they are kept apart they may have the same addresses.
    segments[segment] = { ...segments[segment], isolated: false };
    vpcs['another'] = { segment, cidr: block, subnets: { all: { a: block } }, attachment: 'all' };
    return { reason: 'vpcs-overlap', names: ['"another"', `"${one}"`] };
  },
  'a block with host bits': ({ vpcs }, pick) => {
    const [key, vpc] = oneOf(Object.entries(vpcs), pick);
    const { first, prefixLength } = cidr(vpc.cidr);
    const meant = vpc.cidr;
    vpc.cidr = `${octets(first + 1 + pick(14))}/${prefixLength}`;
    return { reason: 'invalid-value', names: [`vpcs.${key}.cidr`, vpc.cidr, meant] };
  },
};

function oneOf<T>(all: readonly T[], pick: (length: number) => number): T {
  return all[pick(all.length)] as T;
}

describe('one mistake in a network that fits together', () => {
  it.each(Object.keys(mistakes))('is found, named, and the only one that is told: %s', (which) => {
    fc.assert(
      fc.property(validNetwork, fc.infiniteStream(fc.nat(1000)), (valid, stream) => {
        const network = structuredClone(valid);
        const mistake = mistakes[which]?.(network, (length) => (length === 0 ? 0 : (stream.next().value ?? 0) % length));
        fc.pre(mistake !== undefined);
        const text = stringify(network);
        const problem = problemOf(parseNetwork(file, text));
        expect(problem.reason).toBe(mistake.reason);
        for (const named of mistake.names) expect(problem.message).toContain(named);
        expect(problem.line).toBeLessThanOrEqual(text.split('\n').length);
        expect(problem.next).not.toBe('');
      }),
      times(0.5),
    );
  });

  it('is found where a name stands twice, at the second', () => {
    fc.assert(
      fc.property(validNetwork, fc.nat(100), fc.constantFrom('vpcs', 'segments'), (network, pick, part) => {
        const lines = stringify(network).split('\n');
        const twice = oneOf(Object.keys(network[part as 'vpcs']), (length) => pick % length);
        const end = lines.findIndex((line, index) => index > lines.indexOf(`${part}:`) && /^\S|^$/.test(line));
        const key = stringify({ [twice]: 1 }).split(':')[0] ?? '';
        lines.splice(end, 0, `  ${key}: {}`);
        expect(problemOf(parseNetwork(file, lines.join('\n')))).toMatchObject({
          reason: 'duplicate-name',
          message: `"${twice}" stands here a second time`,
          line: end + 1,
        });
      }),
    );
  });
});

describe('blocks of VPCs, wherever they are', () => {
  const { spec } = exampleOf();
  const [vpc] = Object.values(spec.vpcs) as [NetworkSpec['vpcs'][string]];
  const withBlocks = (blocks: readonly string[]): NetworkSpec => ({
    ...spec,
    vpcs: Object.fromEntries(blocks.map((block, index) => [`v${index}`, { ...vpc, cidr: block, subnets: {}, routes: {} }])),
  });
  const overlapping = (blocks: readonly string[]) => checkNetwork(withBlocks(blocks)).filter(({ reason }) => reason === 'vpcs-overlap');

  it('are refused exactly where two of them share an address, and those that are named are those that have to move', () => {
    fc.assert(
      fc.property(fc.array(closeBlock, { maxLength: 8 }), (blocks) => {
        const findings = overlapping(blocks);
        const named = findings.map(({ path }) => Number(String(path[1]).slice(1)));
        const others = blocks.filter((_, index) => !named.includes(index));
        expect(others.some((a, index) => others.slice(index + 1).some((b) => meet(a, b)))).toBe(false);
        for (const { message } of findings) {
          const [a = '', b = ''] = [...message.matchAll(/\((\S+)\)/g)].map(([, block = '']) => block);
          expect([message, meet(a, b)]).toEqual([message, true]);
        }
      }),
    );
  });

  it('of subnets are refused for every two that share an address, and for each that is not inside', () => {
    fc.assert(
      fc.property(closeBlock, fc.array(closeBlock, { maxLength: 6 }), (block, all) => {
        const zones = Object.fromEntries(all.map((each, index) => [String.fromCharCode(97 + index), each]));
        const changed = { ...vpc, cidr: block, subnets: { attachment: zones }, routes: {} };
        const found = checkNetwork({ ...spec, segments: { shared: spec.segments['shared'] as never }, vpcs: { only: changed } });
        const count = (reason: string): number => found.filter((finding) => finding.reason === reason).length;
        const pairs = all.flatMap((a, index) => all.slice(index + 1).filter((b) => meet(a, b)));
        expect([count('subnets-overlap'), count('subnet-outside-vpc')]).toEqual([
          pairs.length,
          all.filter((each) => !isInside(each, block)).length,
        ]);
      }),
    );
  });
});

describe('any text for a network file', () => {
  /** Not an exception, whatever it is: the value, or problems that a person can act on. */
  const expectResult = (text: string): void => {
    const result = parseNetwork(file, text);
    if (result.ok) return;
    expect(result.problems.length).toBeGreaterThan(0);
    for (const { reason, message, next, line = 1 } of result.problems) {
      expect([reason, message, next]).not.toContain('');
      expect(line).toBeGreaterThan(0);
      expect(line).toBeLessThanOrEqual(text.split('\n').length);
    }
  };

  const piece = fc.constantFrom(
    ...[
      '\n',
      '\n  ',
      ': ',
      '- ',
      '? ',
      '[',
      ']',
      '{',
      '}',
      ', ',
      '&a ',
      '*a',
      '!!map ',
      '!!set ',
      '!!binary ',
      '!x ',
      '| ',
      '>\n',
      '"',
      "'",
      '#',
      '---\n',
    ],
    ...[
      '...\n',
      '<<: *a',
      '%YAML 1.2\n',
      '\t',
      '\r\n',
      '\ufeff',
      '\u0000',
      '\u2028',
      '\ud800',
      '0x1',
      '.nan',
      '1e999',
      'null',
      '~',
      '__proto__',
      'constructor',
    ],
    ...[
      'network',
      'vpcs',
      'segments',
      'account',
      'region',
      'a',
      '10.0.0.0/16',
      'reaches',
      'routes',
      'subnets',
      'tags',
      'defaults',
      'recovery',
      'incident',
    ],
  );

  it('is read or refused in words: text, and the signs of YAML in any order', () => {
    const any = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
    );
    fc.assert(fc.property(any, expectResult), times(4));
  });

  it('is read or refused in words: the example, with some of it taken away and other text put there', () => {
    const edit = fc.tuple(fc.nat(exampleNetwork.length), fc.nat(12), fc.array(piece, { maxLength: 3 }));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        expectResult(
          edits.reduce((text, [at, length, pieces]) => text.slice(0, at) + pieces.join('') + text.slice(at + length), exampleNetwork),
        );
      }),
      times(2),
    );
  });

  it('is read or refused in words: a network in which any value is another one', () => {
    const odd = fc.oneof(fc.jsonValue(), fc.constantFrom('(', '[', '45m', '1h', '10.0.0.0/99', '-0', 1e308, 'INC-[0-9]+'));
    const place = fc.array(fc.nat(20), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(validNetwork, place, odd, fc.boolean(), (network, path, value, isKey) => {
        const whole = {
          ...structuredClone(network),
          recovery: { incident: 'x', staleness: '30s' },
          defaults: { tags: { a: 'b' } },
          gateway: { asn: 64512 },
        };
        let at: Record<string, unknown> = whole;
        for (const [index, step] of path.entries()) {
          const keys = Object.keys(at);
          const key = keys[step % Math.max(1, keys.length)] ?? 'new';
          const inner = at[key];
          if (index < path.length - 1 && typeof inner === 'object' && inner !== null) {
            at = inner as Record<string, unknown>;
            continue;
          }
          if (isKey && !Array.isArray(at)) at[JSON.stringify(value)] = inner;
          else at[key] = value;
          break;
        }
        expectResult(JSON.stringify(whole));
      }),
      times(2),
    );
  });

  it('is read or refused in words at any depth, and not looked at where it is nested deeply', () => {
    const signs = fc.constantFrom<readonly [string, string]>(
      ['[', ']'],
      ['{a: ', '}'],
      ['- ', ''],
      ['? ', ''],
      ['a: ', ''],
      ['[a: ', ']'],
      ['&a [', ']'],
    );
    const depth = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 8000 }));
    fc.assert(
      fc.property(signs, depth, fc.boolean(), ([open, close], times, isClosed) => {
        const text = `network: a\nvpcs:\n  ${open.repeat(times)}x${isClosed ? close.repeat(times) : ''}\n`;
        expectResult(text);
        // Not tried at all, as what builds it would call itself so often.
        if (times > 64) expect(problemOf(parseNetwork(file, text)).message).toBe('not YAML: nested too deeply');
      }),
      times(0.5),
    );
  });
});
