import { visible } from '../domain/foreign.ts';
import type { Graph } from '../graph/graph.ts';

/** What Mermaid takes for a name. */
export const nodeId = (name: string): string => name.replaceAll(/[^a-zA-Z0-9]/g, '_');

/** Between quotes: https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters */
const label = (name: string): string => visible(name).replaceAll(/["<>#]/g, (mark) => `#${mark.charCodeAt(0)};`);

/** Mermaid, which GitHub and most wikis draw: https://mermaid.js.org/syntax/flowchart.html */
export function toMermaid(graph: Graph): string {
  return [
    'flowchart LR',
    ...graph.nodes.map((node) => `  ${nodeId(node.name)}["${label(node.short)}"]`),
    ...graph.nodes.flatMap((node) => node.upstreams.map((upstream) => `  ${nodeId(upstream)} --> ${nodeId(node.name)}`)),
  ].join('\n');
}
