import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse } from '../domain/problem.ts';
import { withDependents, withUpstreams } from '../graph/graph.ts';
import type { Graph } from '../graph/graph.ts';
import { selectStacks } from '../graph/select.ts';
import type { Network } from '../network/read-network.ts';

export interface WideningFlags {
  readonly withUpstreams: boolean;
  readonly withDependents: boolean;
}

/**
 * The stacks that a person named, and what the flags add to them.
 * @throws Refusal where a pattern matches nothing
 */
export function chosenStacks(
  { graph, network }: { readonly graph: Graph; readonly network: Pick<Network, 'file'> },
  patterns: readonly string[],
  flags: WideningFlags,
): ReadonlySet<string> {
  const named = orRefuse(selectStacks(graph.nodes, patterns, network.file), exitCodes.usage);
  const up = flags.withUpstreams ? withUpstreams(graph, named) : named;
  return flags.withDependents ? withDependents(graph, up) : up;
}
