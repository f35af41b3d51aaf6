import { ComponentResource } from '@pulumi/pulumi';
import { Provider } from '@pulumi/aws/provider.js';
import type { Reference, StackNode } from '../../orchestrator/graph/graph.ts';
import { tagsOf } from '../../orchestrator/pulumi/program.ts';
import { openPeer } from './plain.ts';

/**
 * The same resources, under the same tags, as one big stack. What is a stack of its own elsewhere is a component here, of a type of its own: the
 * programs name their resources once a stack. What is a reference elsewhere is an output and a dependency here, so that the engine itself has the whole order.
 */

const { graph, settings, up } = await openPeer();

async function program(): Promise<Record<string, unknown>> {
  const provider = new Provider('aws', { region: settings.region as never, allowedAccountIds: [settings.account] });
  const outputs = new Map<string, Readonly<Record<string, unknown>>>();
  const components = new Map<string, ComponentResource>();
  for (const node of graph.nodes) {
    const parent = new ComponentResource(`holdfast:${node.short.replaceAll('.', ':')}`, node.short, {}, { provider });
    components.set(node.name, parent);
    // A reference is an order, also where no id is passed on: a route to the gateway wants the attachment first, and AWS refuses it until then.
    const dependsOn = node.upstreams.flatMap((upstream) => components.get(upstream) ?? []);
    outputs.set(
      node.name,
      await node.kind.program({
        inputs: node.inputs,
        references: referencesOf(node, outputs),
        tags: tagsOf(node, settings),
        installation: settings.installation,
        options: { provider, parent, dependsOn },
      }),
    );
  }
  return Object.fromEntries(graph.nodes.map(({ name, short }) => [short, outputs.get(name)]));
}

/** As a program is given what it reads: a value, or a function by key or instance. */
function referencesOf(node: StackNode, made: ReadonlyMap<string, Readonly<Record<string, unknown>>>): Readonly<Record<string, unknown>> {
  const read = ({ stack, outputs }: Reference): Readonly<Record<string, unknown>> =>
    Object.fromEntries(
      Object.entries(outputs).map(([name, keys]) => {
        const value = made.get(stack)?.[name];
        return [name, keys === undefined ? value : (key: string) => (value as Readonly<Record<string, unknown>>)[key]];
      }),
    );
  return Object.fromEntries(
    Object.entries(node.kind.references).map(([reference, { each }]) => {
      const targets = node.references.filter((target) => target.reference === reference);
      const byInstance = (instance: string): unknown => targets.filter((target) => target.instance === instance).map(read)[0];
      return [reference, each === true ? byInstance : targets.map(read)[0]];
    }),
  );
}

await up(`${settings.network}.all`, program);
