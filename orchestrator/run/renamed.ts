import { tokens } from '../aws/resource-types/tokens.ts';
import { cidr, isSameBlock, overlaps, parseCidr } from '../domain/cidr.ts';
import type { Cidr } from '../domain/cidr.ts';
import { fullName, parseStackName } from '../domain/stack-name.ts';
import { nameNow, renamesIn, tierNow } from '../network/renames.ts';
import type { Path, Rename, Renames } from '../network/renames.ts';
import { ownOf } from '../network/spec.ts';
import type { NetworkSpec } from '../network/spec.ts';
import type { StackState } from '../state/checkpoints.ts';
import { readDeployment } from '../state/deployment.ts';
import type { Deployment, StateResource } from '../state/deployment.ts';

/**
 * What a network file says of names and blocks, against what is deployed. To the engine a thing whose name changed is another thing: without `was` it would
 * be made a second time, beside the first or in its way. Pure.
 */
export type NameFault =
  /** What `was` names never was. */
  | { readonly kind: 'never-was'; readonly path: Path; readonly of: Rename['of']; readonly name: string; readonly was: string }
  /** A VPC that is not deployed has addresses of one that is deployed and has left the file. */
  | {
      readonly kind: 'vpc-renamed';
      readonly path: Path;
      readonly name: string;
      readonly block: string;
      /** The name that the other was deployed with. */
      readonly other: string;
      readonly otherBlock: string;
    }
  /** A VPC that is made has addresses that another one has until the end of the edit. */
  | {
      readonly kind: 'vpc-overlaps';
      readonly path: Path;
      readonly name: string;
      readonly block: string;
      readonly other: string;
      readonly otherBlock: string;
    }
  /** A VPC that is not deployed, and one that has left the file, of which the addresses are not known. */
  | { readonly kind: 'vpc-unread'; readonly path: Path; readonly name: string; readonly other: string }
  /** A tier that is not deployed has the very subnets of one that is deployed and has left the file. */
  | {
      readonly kind: 'tier-renamed';
      readonly path: Path;
      readonly vpc: string;
      readonly name: string;
      readonly other: string;
      readonly blocks: readonly string[];
    }
  /** A subnet is made while another one of the VPC that has some of its addresses is still there, which AWS refuses. */
  | {
      readonly kind: 'subnet-overlaps';
      readonly path: Path;
      readonly vpc: string;
      readonly tier: string;
      readonly zone: string;
      readonly block: string;
      /** The other one, by its name in the stack: `subnet-private-a`. */
      readonly other: string;
      readonly otherBlock: string;
    };

export interface NamesRequest {
  /** As deployed. */
  readonly spec: NetworkSpec;
  readonly renames: Renames;
  readonly states: ReadonlyMap<string, StackState>;
  /** Full names of stacks that may have what no state says. */
  readonly unknown: ReadonlySet<string>;
  /** Full names of stacks that were ever begun. */
  readonly begun: ReadonlySet<string>;
}

export function nameFaults(request: NamesRequest): readonly NameFault[] {
  return [
    ...neverWas(request),
    ...Object.keys(request.spec.vpcs).flatMap((vpc) => [...vpcFaults(request, vpc), ...subnetFaults(request, vpc)]),
  ];
}

const stackOf = ({ spec: { network } }: NamesRequest, kind: string, instance?: string): string =>
  fullName({ network, kind, ...(instance === undefined ? {} : { instance }) });

const isThere = ({ states, unknown }: NamesRequest, stack: string): boolean => states.has(stack) || unknown.has(stack);

/** Undefined where the stack has none, or it cannot be read. */
function deploymentOf({ states }: NamesRequest, stack: string): Deployment | undefined {
  const state = states.get(stack);
  const read = state && readDeployment(state.body);
  return read?.ok === true ? read.deployment : undefined;
}

/** Or is just making it. */
const has = ({ resources, operations }: Deployment, name: string): boolean =>
  [...resources, ...operations.map(({ resource }) => resource)].some((resource) => resource.name === name);

function neverWas(request: NamesRequest): NameFault[] {
  const { renames } = request;
  return renamesIn(renames)
    .filter(({ of, path, was }) => {
      const vpc = of === 'vpc' ? was : (renames.vpcs.get(String(path[1])) ?? String(path[1]));
      const stack = of === 'segment' ? stackOf(request, 'transit-gateway') : stackOf(request, 'vpc', vpc);
      if (!isThere(request, stack) && !request.begun.has(stack)) return true;
      const deployment = deploymentOf(request, stack);
      // A stack that was destroyed, or did not come to its end since, is made as the file says, under the names that it had.
      if (of === 'vpc' || deployment === undefined || !hasOutputs(request, stack)) return false;
      return !has(deployment, of === 'segment' ? `segment-${was}` : `routes-${was}`);
    })
    .map(({ of, path, name, was }) => ({ kind: 'never-was', path: [...path, 'was'], of, name, was }));
}

const hasOutputs = ({ states }: NamesRequest, stack: string): boolean => Object.keys(states.get(stack)?.outputs ?? {}).length > 0;

function vpcFaults(request: NamesRequest, vpc: string): NameFault[] {
  const block = cidr(ownOf(request.spec.vpcs, vpc)?.cidr ?? '');
  const isNew = !isThere(request, stackOf(request, 'vpc', vpc));
  const leaving = leavingBlocks(request);
  // One that keeps its block is not made.
  if (!isNew && !leaving.some((each) => each.vpc === vpc)) return [];
  const own = { path: ['vpcs', vpc], name: nameNow(request.renames.vpcs, vpc) };
  return leaving.flatMap(({ vpc: other, block: otherBlock, hasLeft }): NameFault[] => {
    if (other === vpc) return [];
    if (otherBlock === 'unread') return isNew ? [{ kind: 'vpc-unread', ...own, other }] : [];
    if (!overlaps(block, otherBlock)) return [];
    const kind = isNew && hasLeft ? 'vpc-renamed' : 'vpc-overlaps';
    return [{ kind, ...own, block: block.text, other, otherBlock: otherBlock.text }];
  });
}

/** Of VPCs that are deployed, or may be, and have left the file, or have another block in it. */
function leavingBlocks(request: NamesRequest) {
  const { spec, states, unknown } = request;
  return [...new Set([...states.keys(), ...unknown])].flatMap(
    (stack): { readonly vpc: string; readonly block: Cidr | 'unread'; readonly hasLeft: boolean }[] => {
      const { kind, instance: vpc } = parseStackName(stack) ?? {};
      if (kind !== 'vpc' || vpc === undefined) return [];
      const wanted = ownOf(spec.vpcs, vpc);
      const deployment = deploymentOf(request, stack);
      const own = deployment && vpcIn(deployment);
      const block = own && blockOf(own);
      if (wanted !== undefined) return block === undefined || isSameBlock(block, cidr(wanted.cidr)) ? [] : [{ vpc, block, hasLeft: false }];
      return own !== undefined || unknown.has(stack) ? [{ vpc, block: block ?? 'unread', hasLeft: true }] : [];
    },
  );
}

const vpcIn = ({ resources }: Deployment): StateResource | undefined =>
  resources.find(({ type, condemned }) => type === tokens.vpc && !condemned);

/** Undefined where the state does not say it. */
function blockOf({ inputs, outputs }: StateResource): Cidr | undefined {
  const text = outputs['cidrBlock'] ?? inputs['cidrBlock'];
  const parsed = typeof text === 'string' ? parseCidr(text) : 'malformed';
  return typeof parsed === 'string' ? undefined : parsed;
}

interface Subnet {
  readonly tier: string;
  readonly zone: string;
  readonly block: Cidr;
}

/** A subnet that is made, and one that is there until the end of the edit and overlaps it. */
interface Meeting {
  readonly made: Subnet;
  readonly other: Subnet;
}

function subnetFaults(request: NamesRequest, vpc: string): NameFault[] {
  const { spec, renames } = request;
  const wanted = ownOf(spec.vpcs, vpc);
  const deployment = deploymentOf(request, stackOf(request, 'vpc', vpc));
  const own = deployment && vpcIn(deployment);
  // In a VPC that is replaced all subnets are new, and none is in the way.
  if (!wanted || !deployment || !own || !isSameBlock(blockOf(own), cidr(wanted.cidr))) return [];
  const meetings = meetingsOf(wanted, deployment);
  const isRename = ({ made, other }: Meeting): boolean =>
    made.zone === other.zone &&
    isSameBlock(made.block, other.block) &&
    !has(deployment, `routes-${made.tier}`) &&
    ownOf(wanted.subnets, other.tier) === undefined;
  const name = nameNow(renames.vpcs, vpc);
  const at = (tier: string) => ({ path: ['vpcs', vpc, 'subnets', tier], vpc: name });
  const renamed = meetings.filter(isRename);
  const tiers = new Map(renamed.map(({ made, other }) => [`${made.tier} ${other.tier}`, [made.tier, other.tier] as const]));
  return [
    ...[...tiers.values()].map(([tier, other]): NameFault => ({
      kind: 'tier-renamed',
      ...at(tier),
      name: tierNow(renames, name, tier),
      other,
      blocks: renamed.filter((pair) => pair.made.tier === tier && pair.other.tier === other).map(({ made }) => made.block.text),
    })),
    ...meetings
      .filter((pair) => !isRename(pair))
      .map(({ made: { tier, zone, block }, other }): NameFault => {
        const { path, ...rest } = at(tier);
        return {
          kind: 'subnet-overlaps',
          ...rest,
          path: [...path, zone],
          tier: tierNow(renames, name, tier),
          zone,
          block: block.text,
          other: `subnet-${other.tier}-${other.zone}`,
          otherBlock: other.block.text,
        };
      }),
  ];
}

function meetingsOf(wanted: NetworkSpec['vpcs'][string], { resources }: Deployment): readonly Meeting[] {
  const asked = Object.entries(wanted.subnets).flatMap(([tier, zones]) =>
    Object.entries(zones).map(([zone, text]): Subnet => ({ tier, zone, block: cidr(text) })),
  );
  const there = resources.filter(({ type }) => type === tokens.subnet).flatMap(subnetOf);
  const isSame = (one: Subnet, other: Subnet): boolean =>
    one.tier === other.tier && one.zone === other.zone && isSameBlock(one.block, other.block);
  const isKept = (subnet: Subnet & { readonly condemned: boolean }): boolean =>
    !subnet.condemned && asked.some((each) => isSame(each, subnet));
  const leaving = there.filter((subnet) => !isKept(subnet));
  return asked
    .filter((subnet) => !there.some((each) => !each.condemned && isSame(each, subnet)))
    .flatMap((made) => leaving.filter(({ block }) => overlaps(block, made.block)).map((other) => ({ made, other })));
}

function subnetOf(resource: StateResource): (Subnet & { readonly condemned: boolean })[] {
  const [, tier, zone] = /^subnet-(.+)-([a-z])$/.exec(resource.name) ?? [];
  const block = blockOf(resource);
  return tier === undefined || zone === undefined || block === undefined ? [] : [{ tier, zone, block, condemned: resource.condemned }];
}
