import { overlaps } from '../domain/cidr.ts';
import type { Topology, Vpc } from './topology.ts';

/** Two VPCs of the same addresses that the gateway may have to tell apart, and cannot. */
export interface JoinedOverlap {
  readonly vpc: string;
  readonly other: string;
  /** The gateway table from which both can be reached, or from which one reaches the other. */
  readonly table: string;
}

/**
 * Blocks may overlap where no path could join them, as in two segments that are kept apart. What could join them is a table that has routes to both, also
 * behind a VPC that sends what comes in back to the gateway; of longest matches nothing is asked, as the next route may change them.
 */
export function joinedOverlaps(topology: Topology): JoinedOverlap[] {
  const pairs = overlappingPairs(topology);
  if (pairs.length === 0) return [];
  const behind = new Map<string, ReadonlySet<string>>();
  for (const table of topology.gatewayTables.keys()) behind.set(table, vpcsBehind(topology, table));
  const tableOf = (name: string): string | undefined => {
    const association = topology.vpcs.get(name)?.attachment?.association;
    return association?.kind === 'table' ? association.table : undefined;
  };
  return pairs.flatMap(([vpc, other]): JoinedOverlap[] => {
    const joins = [...behind].find(
      ([table, reached]) =>
        (reached.has(vpc) && reached.has(other)) ||
        (tableOf(vpc) === table && reached.has(other)) ||
        (tableOf(other) === table && reached.has(vpc)),
    );
    return joins === undefined ? [] : [{ vpc, other, table: joins[0] }];
  });
}

/** The one that comes first in address, or is wider, second. Sorted, so that 500 VPCs without an overlap are one pass. */
function overlappingPairs({ vpcs }: Topology): [string, string][] {
  const blocks = [...vpcs]
    .flatMap(([vpc, { blocks: own }]) => own.map((block) => ({ vpc, block })))
    .sort((a, b) => a.block.first - b.block.first || a.block.prefixLength - b.block.prefixLength);
  const pairs = new Map<string, [string, string]>();
  let open: typeof blocks = [];
  for (const current of blocks) {
    open = open.filter(({ block }) => overlaps(block, current.block));
    for (const { vpc } of open) if (vpc !== current.vpc) pairs.set(`${current.vpc}\n${vpc}`, [current.vpc, vpc]);
    open.push(current);
  }
  return [...pairs.values()];
}

/** Every VPC that a packet at this table may be sent to, at once or by VPCs that send it back to the gateway. */
function vpcsBehind(topology: Topology, first: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const tables = [first];
  for (const name of tables) {
    const table = topology.gatewayTables.get(name);
    for (const vpcName of [...(table?.propagations ?? []), ...(table?.routes ?? []).flatMap(({ attachment }) => attachment ?? [])]) {
      const vpc = topology.vpcs.get(vpcName);
      if (vpc?.attachment === undefined) continue;
      reached.add(vpcName);
      const { association } = vpc.attachment;
      if (association.kind === 'table' && sendsBack(vpc) && !tables.includes(association.table)) tables.push(association.table);
    }
  }
  return reached;
}

const sendsBack = ({ attachment, subnets, tables }: Vpc): boolean =>
  [...(attachment?.subnets.values() ?? [])].some((name) => {
    const table = tables.get(subnets.get(name)?.table ?? '');
    return table?.unread === true || (table?.routes.some(({ target }) => target.kind === 'gateway') ?? false);
  });
