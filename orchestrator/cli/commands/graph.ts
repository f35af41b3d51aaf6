import { exitCodes } from '../../domain/exit-codes.ts';
import { orRefuse } from '../../domain/problem.ts';
import { toJson } from '../../graph/draw.ts';
import { toMermaid } from '../../ui/mermaid.ts';
import { buildGraph } from '../../graph/graph.ts';
import { kinds } from '../../../stacks/index.ts';
import { chooseNetwork } from '../choose-network.ts';
import type { CommonFlags, Context } from '../context.ts';
import { print, printJson, report } from '../report.ts';

/** Needs the network file and nothing else: no session, no bucket, no engine. */
export async function graph(this: Context, flags: CommonFlags & { readonly format: 'mermaid' | 'json' }): Promise<void> {
  await report(this, flags, async () => {
    const { network } = await chooseNetwork(this, flags.network);
    const built = orRefuse(buildGraph(network.spec, kinds), exitCodes.usage);
    if (flags.json || flags.format === 'json') printJson(this, toJson(built), 2);
    else print(this, toMermaid, built);
    return exitCodes.done;
  });
}
