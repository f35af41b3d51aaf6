import { tokens } from '../../../orchestrator/aws/resource-types/tokens.ts';
import type { NetworkSpec } from '../../../orchestrator/network/spec.ts';
import { parseCheckpoint } from '../../../orchestrator/state/checkpoints.ts';
import type { StackState } from '../../../orchestrator/state/checkpoints.ts';

export interface Resource {
  readonly type: keyof typeof tokens;
  readonly name: string;
  readonly cidrBlock?: string;
  /** Replaced, and to be deleted still. */
  readonly condemned?: true;
}

/** The state of a stack of the example with these resources. @param isWhole false: its first deploy did not come to its end */
export function stateOf(short: string, resources: readonly Resource[], isWhole = true): StackState {
  const stack = `example.${short}`;
  const own = { urn: `urn:pulumi:${stack}::holdfast::pulumi:pulumi:Stack::${stack}`, type: 'pulumi:pulumi:Stack', custom: false };
  const body = JSON.stringify({
    version: 3,
    checkpoint: {
      latest: {
        resources: [
          { ...own, outputs: isWhole ? { done: true } : {} },
          ...resources.map(({ type, name, cidrBlock, condemned }) => ({
            urn: `urn:pulumi:${stack}::holdfast::${tokens[type]}::${name}`,
            type: tokens[type],
            custom: true,
            id: name,
            inputs: cidrBlock === undefined ? {} : { cidrBlock },
            ...(condemned ? { delete: true } : {}),
          })),
        ],
      },
    },
  });
  const content = parseCheckpoint(body);
  if ('reason' in content) throw new Error(content.detail);
  return { stack, short, key: short, etag: short, body, modified: new Date(0), ...content };
}

export const statesOf = (...states: readonly StackState[]): ReadonlyMap<string, StackState> =>
  new Map(states.map((state) => [state.stack, state]));

/** What the programs of gateway and VPCs make of a network, as far as names and blocks go. */
export function deployed({ segments, vpcs }: NetworkSpec): ReadonlyMap<string, StackState> {
  return statesOf(
    stateOf('transit-gateway', [
      { type: 'gateway', name: 'gateway' },
      ...Object.keys(segments).map((segment): Resource => ({ type: 'gatewayTable', name: `segment-${segment}` })),
    ]),
    ...Object.entries(vpcs).map(([vpc, { cidr, subnets }]) =>
      stateOf(`vpc.${vpc}`, [
        { type: 'vpc', name: 'vpc', cidrBlock: cidr },
        ...Object.entries(subnets).flatMap(([tier, zones]): Resource[] => [
          { type: 'routeTable', name: `routes-${tier}` },
          ...Object.entries(zones).map(([zone, cidrBlock]): Resource => ({ type: 'subnet', name: `subnet-${tier}-${zone}`, cidrBlock })),
        ]),
        { type: 'attachment', name: 'attachment' },
      ]),
    ),
  );
}
