import type { NetworkSpec, WrittenNetwork } from './spec.ts';

/**
 * Renames. A stack, and a resource in it, keeps the name that it was deployed with: that is its identity, in the state and in the tags. So everything but the
 * file itself works with these names, and `was` leads from the one to the other. Pure.
 */

/** By the names that the file has by now, those that the things were deployed with. Only of what was renamed. */
export interface Renames {
  readonly segments: ReadonlyMap<string, string>;
  readonly vpcs: ReadonlyMap<string, string>;
  /** By VPC, as the file has it, and then by tier. */
  readonly tiers: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export type Path = readonly (string | number)[];

export interface Rename {
  readonly of: 'segment' | 'vpc' | 'tier';
  /** Of the thing, in the file. */
  readonly path: Path;
  readonly name: string;
  readonly was: string;
}

export const noRenames: Renames = { segments: new Map(), vpcs: new Map(), tiers: new Map() };

export function renamesIn({ segments, vpcs, tiers }: Renames): readonly Rename[] {
  return [
    ...[...segments].map(([name, was]): Rename => ({ of: 'segment', path: ['segments', name], name, was })),
    ...[...vpcs].map(([name, was]): Rename => ({ of: 'vpc', path: ['vpcs', name], name, was })),
    ...[...tiers].flatMap(([vpc, ofVpc]) =>
      [...ofVpc].map(([name, was]): Rename => ({ of: 'tier', path: ['vpcs', vpc, 'subnets', name], name, was })),
    ),
  ];
}

/** What the file says, under its own names, and what these were. */
export function separated(written: WrittenNetwork): { readonly spec: NetworkSpec; readonly renames: Renames } {
  const { segments, vpcs } = written;
  return {
    spec: {
      ...written,
      segments: mapped(segments, ({ was: _, ...segment }) => segment),
      vpcs: mapped(vpcs, ({ was: _, ...vpc }) => ({ ...vpc, subnets: mapped(vpc.subnets, ({ zones }) => zones) })),
    },
    renames: {
      segments: oldNames(segments),
      vpcs: oldNames(vpcs),
      tiers: new Map(Object.entries(vpcs).map(([name, { subnets }]) => [name, oldNames(subnets)])),
    },
  };
}

const mapped = <From, To>(record: Readonly<Record<string, From>>, to: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));

const oldNames = (record: Readonly<Record<string, { readonly was?: string | undefined }>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(record).flatMap(([name, { was }]) => (was === undefined ? [] : [[name, was] as const])));

/** The same network under the names that its parts were deployed with. @param spec under the names of the file */
export function asDeployed(spec: NetworkSpec, renames: Renames): NetworkSpec {
  const segmentOf = (name: string): string => renames.segments.get(name) ?? name;
  const vpcOf = (name: string): string => renames.vpcs.get(name) ?? name;
  return {
    ...spec,
    segments: renamed(spec.segments, segmentOf, (segment) => ({
      ...segment,
      reaches: segment.reaches.map(segmentOf),
      routes: segment.routes.map(({ to, vpc }) => ({ to, vpc: vpcOf(vpc) })),
    })),
    vpcs: renamed(spec.vpcs, vpcOf, (vpc, name) => {
      const tiers = tiersOf(renames, name);
      const tierOf = (tier: string): string => tiers.get(tier) ?? tier;
      return {
        ...vpc,
        segment: segmentOf(vpc.segment),
        subnets: renamed(vpc.subnets, tierOf, (zones) => zones),
        attachment: tierOf(vpc.attachment),
        routes: renamed(vpc.routes, tierOf, (destinations) => destinations),
      };
    }),
  };
}

const renamed = <Value>(
  record: Readonly<Record<string, Value>>,
  as: (name: string) => string,
  to: (value: Value, name: string) => Value,
): Record<string, Value> => Object.fromEntries(Object.entries(record).map(([name, value]) => [as(name), to(value, name)]));

/** The name that the file has by now for what was deployed with this one. */
export function nameNow(renames: ReadonlyMap<string, string>, deployed: string): string {
  for (const [name, was] of renames) if (was === deployed) return name;
  return deployed;
}

/** @param vpc as the file has it */
export const tierNow = (renames: Renames, vpc: string, deployed: string): string => nameNow(tiersOf(renames, vpc), deployed);

const tiersOf = ({ tiers }: Renames, vpc: string): ReadonlyMap<string, string> => tiers.get(vpc) ?? new Map<string, string>();

/** Where the file has what stands at this place of the network as it was deployed. */
export function pathInFile(path: Path, renames: Renames): Path {
  const [part, name, field, tier, ...rest] = path;
  if ((part !== 'segments' && part !== 'vpcs') || typeof name !== 'string') return path;
  const now = nameNow(renames[part], name);
  const isOfTier = part === 'vpcs' && (field === 'subnets' || field === 'routes') && typeof tier === 'string';
  return isOfTier ? [part, now, field, tierNow(renames, now, tier), ...rest] : [part, now, ...path.slice(2)];
}

/** What a person calls a place, by the names of the file or by the deployed ones, as it was deployed: `app.web.a` as `old.web.a`. */
export function placeAsDeployed(place: string, renames: Renames): string {
  const [vpc = '', tier, ...zone] = place.split('.');
  const tiers = tiersOf(renames, nameNow(renames.vpcs, vpc));
  return [renames.vpcs.get(vpc) ?? vpc, ...(tier === undefined ? [] : [tiers.get(tier) ?? tier]), ...zone].join('.');
}
