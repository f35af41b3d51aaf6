import type { Graph } from '../graph/graph.ts';

/** What Mermaid takes for a name. */
export const nodeId = (name: string): string => name.replaceAll(/[^a-zA-Z0-9]/g, '_');

/** Mermaid, which GitHub and most wikis draw: https://mermaid.js.org/syntax/flowchart.html */
export function toMermaid(graph: Graph): string {
  return [
    'flowchart LR',
    ...graph.nodes.map((node) => `  ${nodeId(node.name)}["${node.short}"]`),
    ...graph.nodes.flatMap((node) => node.upstreams.map((upstream) => `  ${nodeId(upstream)} --> ${nodeId(node.name)}`)),
  ].join('\n');
}
