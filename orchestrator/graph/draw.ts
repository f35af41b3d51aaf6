import type { Graph } from './graph.ts';

export function toJson(graph: Graph) {
  return {
    schema: 1,
    network: graph.network,
    stacks: graph.nodes.map((node) => ({
      stack: node.name,
      kind: node.kind.kind,
      upstreams: node.upstreams,
      references: node.references.map(({ reference, stack, outputs }) => ({ reference, stack, outputs: Object.keys(outputs) })),
    })),
  };
}
