import { ComponentResource, output } from '@pulumi/pulumi';
import { Provider } from '@pulumi/aws/provider.js';
import type { StackNode } from '../../orchestrator/graph/graph.ts';
import { tagsOf } from '../../orchestrator/pulumi/program.ts';
import { openPeer } from './plain.ts';

/**
 * The same resources, under the same tags, as one big stack. What is a stack of its own elsewhere is a component here, of a type of its own: the
 * programs name their resources once a stack. What is a reference elsewhere is an output here, so that the engine itself has the whole order.
 */

const { graph, settings, up } = await openPeer();

async function program(): Promise<Record<string, unknown>> {
  const provider = new Provider('aws', { region: settings.region as never, allowedAccountIds: [settings.account] });
  const outputs = new Map<string, Readonly<Record<string, unknown>>>();
  for (const node of graph.nodes) {
    const parent = new ComponentResource(`holdfast:${node.short.replaceAll('.', ':')}`, node.short, {}, { provider });
    outputs.set(
      node.name,
      await node.kind.program({
        inputs: node.inputs,
        references: referencesOf(node, outputs),
        tags: tagsOf(node, settings),
        installation: settings.installation,
        options: { provider, parent },
      }),
    );
  }
  return Object.fromEntries(graph.nodes.map(({ name, short }) => [short, outputs.get(name)]));
}

function referencesOf(node: StackNode, outputs: ReadonlyMap<string, Readonly<Record<string, unknown>>>) {
  return Object.fromEntries(
    Object.entries(node.references).map(([reference, stack]) => [
      reference,
      Object.fromEntries(
        Object.keys(node.kind.references[reference]?.outputs ?? {}).map((name) => [name, output(outputs.get(stack)?.[name])]),
      ),
    ]),
  ) as never;
}

await up(`${settings.network}.all`, program);
