import type { Problem } from '../domain/problem.ts';
import { buildGraph } from '../graph/graph.ts';
import type { Graph } from '../graph/graph.ts';
import { parseNetwork } from '../network/read-network.ts';
import type { Network } from '../network/read-network.ts';
import type { Program } from '../ownership/stack-record.ts';
import type { Context } from './context.ts';
import { kindsOf } from './kinds.ts';
import type { OpenedFile } from './open-file.ts';

export interface Meaning {
  readonly graph: Graph;
  readonly network: Network;
  /** Why the run's own file is not the one that is gone by. */
  readonly refused?: string;
}

/** What the interrupted run meant, by the network file that its record names; today's where it names none, or one that is refused today. @param text of that file */
export function meaningOf(
  context: Pick<Context, 'ports'>,
  program: Program | undefined,
  text: string | undefined,
  file: Pick<OpenedFile, 'graph' | 'network'>,
): Meaning {
  const today = { graph: file.graph, network: file.network };
  if (!program) return today;
  if (text === undefined) return { ...today, refused: 'it is not in the bucket any more' };
  const network = parseNetwork(program.path, text);
  if (!network.ok) return { ...today, refused: whyOf(network.problems) };
  const graph = buildGraph(network.value.spec, kindsOf(context));
  return graph.ok ? { graph: graph.value, network: network.value } : { ...today, refused: whyOf(graph.problems) };
}

const whyOf = (problems: readonly Problem[]): string => problems.map(({ message }) => message).join('; ');
