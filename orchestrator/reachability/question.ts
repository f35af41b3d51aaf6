import { cidr, contains, parseCidr } from '../domain/cidr.ts';
import type { Cidr } from '../domain/cidr.ts';
import { exitOf } from './paths.ts';
import type { Addresses, Pair, Paths } from './paths.ts';
import type { Way } from './walk.ts';

/** Some addresses of a subnet. */
export interface End extends Addresses {
  readonly tier: string;
  readonly zone: string;
}

/** What a person names: subnets, or addresses that no VPC has. */
export type Named =
  | { readonly kind: 'subnets'; readonly ends: readonly End[] }
  | { readonly kind: 'outside'; readonly classes: readonly number[] }
  /** An address of a VPC that is in none of its subnets. */
  | { readonly kind: 'no-subnet'; readonly vpc: string }
  | { readonly kind: 'unknown' };

export const internet = 'internet';

/** @param name a VPC, `vpc.tier`, `vpc.tier.zone`, an address, a block, or `internet` */
export function named(paths: Paths, name: string): Named {
  const block = blockOf(name);
  if (block !== undefined) return ofBlock(paths, block);
  const [vpcName = '', tier, zone, ...more] = name.split('.');
  const vpc = paths.topology.vpcs.get(vpcName);
  if (vpc === undefined || more.length > 0) return { kind: 'unknown' };
  const isStation = new Set(paths.places.stations.map((station) => `${station.vpc} ${station.subnet}`));
  const subnets = [...vpc.subnets].filter(
    ([subnet, own]) =>
      // A tier that only carries the attachment is meant where it is named, and not with the whole VPC.
      (tier === undefined ? isStation.has(`${vpcName} ${subnet}`) : own.tier === tier) && (zone === undefined || own.zone === zone),
  );
  const ends = subnets.flatMap(([subnet, own]) =>
    paths.places.prefixes.within(own.block).map((to): End => ({ vpc: vpcName, subnet, tier: own.tier, zone: own.zone, to })),
  );
  return ends.length === 0 ? { kind: 'unknown' } : { kind: 'subnets', ends };
}

function blockOf(name: string): Cidr | undefined {
  const parsed = parseCidr(name === internet ? '0.0.0.0/0' : name.includes('/') ? name : `${name}/32`);
  return typeof parsed === 'string' ? undefined : parsed;
}

function ofBlock({ topology, places: { prefixes } }: Paths, block: Cidr): Named {
  // The internet is what no narrower destination has.
  if (block.prefixLength === 0) return { kind: 'outside', classes: [prefixes.indexOf(cidr('0.0.0.0/0'))] };
  const ends: End[] = [];
  let inVpc: string | undefined;
  for (const [vpc, { blocks, subnets }] of topology.vpcs) {
    if (!blocks.some((own) => contains(own, block))) continue;
    inVpc = vpc;
    for (const [subnet, { tier, zone, block: own }] of subnets)
      if (contains(own, block) || contains(block, own))
        for (const to of prefixes.within(contains(own, block) ? block : own)) ends.push({ vpc, subnet, tier, zone, to });
  }
  if (ends.length > 0) return { kind: 'subnets', ends };
  return inVpc === undefined ? { kind: 'outside', classes: prefixes.within(block) } : { kind: 'no-subnet', vpc: inVpc };
}

/** The answer for one subnet and one other, or the outside. */
export type Answer =
  | ({ readonly kind: 'pair'; readonly from: End; readonly to: End } & Pair)
  | { readonly kind: 'outside'; readonly from: End; readonly to: number; readonly forth: Way; readonly by: string | undefined };

/** The ways of each subnet to each other one that is named, forth and back. Within one VPC nothing is asked of the gateway. */
export function answers(paths: Paths, from: readonly End[], to: Named): Answer[] {
  if (to.kind === 'outside')
    return from.flatMap((one) =>
      to.classes.map((target): Answer => {
        const forth = paths.wayFrom(one.vpc, one.subnet, target);
        const exit = exitOf(forth.end);
        return { kind: 'outside', from: one, to: target, forth, by: typeof exit === 'object' ? exit.by : undefined };
      }),
    );
  if (to.kind !== 'subnets') return [];
  return from.flatMap((one) =>
    to.ends.flatMap((other): Answer[] =>
      one.vpc === other.vpc && one.subnet === other.subnet ? [] : [{ kind: 'pair', from: one, to: other, ...paths.pair(one, other) }],
    ),
  );
}
