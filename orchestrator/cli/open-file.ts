import { resolveTarget } from '../aws/target.ts';
import type { Target } from '../aws/target.ts';
import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse, Refusal } from '../domain/problem.ts';
import { buildGraph } from '../graph/graph.ts';
import type { Graph } from '../graph/graph.ts';
import type { Network } from '../network/read-network.ts';
import type { Emit } from '../run/events.ts';
import { noTarget } from '../ui/target.ts';
import { kindsOf } from './kinds.ts';
import { chooseNetwork } from './choose-network.ts';
import type { CommonFlags, Context } from './context.ts';

/** A network file that was read and checked, and its graph: all that needs nothing but the file. */
export interface OpenedFile {
  readonly network: Network;
  readonly graph: Graph;
  readonly target: Target;
}

export async function openFile(context: Context, flags: CommonFlags, command: string, emit: Emit): Promise<OpenedFile> {
  const { network, lab } = await chooseNetwork(context, flags.network);
  const graph = orRefuse(buildGraph(network.spec, kindsOf(context), context.env), exitCodes.usage);
  const target = await resolveTarget(network.spec, lab, context.env);
  if (!target.ok) throw new Refusal(exitCodes.preflightRefused, ...target.problems.map((fault) => noTarget(fault, network)));
  emit({
    type: 'target',
    command,
    network: network.spec.network,
    file: network.file,
    account: network.spec.account,
    region: network.spec.region,
    target: target.value.kind,
  });
  return { network, graph, target: target.value };
}
