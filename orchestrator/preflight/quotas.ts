import { quotas } from '../aws/quotas.ts';
import type { Need, Quota, QuotaAnswer } from '../aws/quotas.ts';
import type { Looked } from '../aws/looked.ts';
import { topologyOf } from '../reachability/from-network.ts';
import { listedRoutes } from '../reachability/topology.ts';
import type { NetworkSpec } from '../network/spec.ts';
import { inLines, notChecked, ok, warn } from './check.ts';
import type { CheckOutcome } from './check.ts';

/** What the account may have of what the network comes to. */
export interface QuotasFact {
  readonly answers: readonly QuotaAnswer[];
  /** Why the VPCs of the region could not be counted. */
  readonly uncounted?: Extract<Looked<number>, { ok: false }>;
}

/** What one network file comes to, without the VPCs: those of others count too. */
export function needsOf(spec: NetworkSpec): readonly Need[] {
  const topology = topologyOf(spec);
  const vpcs = [...topology.vpcs];
  const most = (quota: Quota, countOf: (vpc: (typeof vpcs)[number][1]) => number): Need[] => {
    const [first, ...others] = vpcs.map(([vpc, each]): Need => ({ quota, count: countOf(each), vpc }));
    return first === undefined ? [] : [others.reduce((a, b) => (b.count > a.count ? b : a), first)];
  };
  const gatewayTables = [...topology.gatewayTables.values()];
  return [
    ...most('subnets', ({ subnets }) => subnets.size),
    // The main table, which AWS makes, is one of them.
    ...most('routeTables', ({ tables }) => tables.size + 1),
    ...most('routes', ({ tables }) => Math.max(0, ...[...tables.values()].map(({ routes }) => routes.length))),
    { quota: 'gatewayTables', count: gatewayTables.length },
    { quota: 'gatewayRoutes', count: gatewayTables.reduce((sum, table) => sum + listedRoutes(topology, table).length, 0) },
  ];
}

const titles: Readonly<Record<Quota, (need: Need) => string>> = {
  vpcs: ({ count }) => `${count} VPCs in the region, with those that exist`,
  subnets: ({ count, vpc }) => `${count} subnets in ${vpc ?? 'one VPC'}`,
  routeTables: ({ count, vpc }) => `${count} route tables in ${vpc ?? 'one VPC'}, with its main one`,
  routes: ({ count, vpc }) => `${count} routes in one table of ${vpc ?? 'one VPC'}`,
  gatewayTables: ({ count }) => `${count} route tables on the gateway, one for each segment`,
  gatewayRoutes: ({ count }) => `${count} routes in the gateway's tables, those that AWS learns among them`,
};

/** Warns: AWS refuses what is over, the stack ends settled, and the same command goes on once the account may have more. */
export function checkQuotas({ answers, uncounted }: QuotasFact): CheckOutcome {
  const over = answers.flatMap(({ need, allowed }) =>
    allowed.ok && need.count > allowed.value
      ? [`${titles[need.quota](need)}: the account may have ${allowed.value} (${quotas[need.quota].service}, ${quotas[need.quota].code})`]
      : [],
  );
  const unknown = [
    ...answers.flatMap(({ need, allowed }) =>
      allowed.ok ? [] : [`${titles[need.quota](need)}: ${allowed.action ?? ''}: ${allowed.code}`],
    ),
    ...(uncounted === undefined ? [] : [`how many VPCs the region has: ${uncounted.action ?? ''}: ${uncounted.code}`]),
  ];
  if (over.length > 0)
    return {
      ...warn('', 'AWS would refuse what is over. Ask for more first: https://console.aws.amazon.com/servicequotas/'),
      ...inLines(['the network needs more than the quotas of the account allow', ...over, ...unknown.map((line) => `not known: ${line}`)]),
    };
  if (unknown.length > 0) return notChecked(unknown.join('; '));
  return ok('the account may have all that the file says');
}
