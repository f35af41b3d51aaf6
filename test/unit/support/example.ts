import { buildGraph } from '../../../orchestrator/graph/graph.ts';
import type { Graph } from '../../../orchestrator/graph/graph.ts';
import { parseNetwork } from '../../../orchestrator/network/read-network.ts';
import type { Network } from '../../../orchestrator/network/read-network.ts';
import { kinds } from '../../../stacks/index.ts';
import { exampleNetwork } from '../../support/networks.ts';
import { valueOf } from './results.ts';

export const file = 'networks/example.yaml';

/** The example, with some of its text replaced. What is to be replaced has to be there. */
export function exampleWith(...changes: readonly (readonly [from: string, to: string])[]): string {
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the example has no ${JSON.stringify(from)}`);
    return text.replace(from, () => to);
  }, exampleNetwork);
}

/** 1-based line of the first place where a text has this. */
export function lineOf(text: string, part: string): number {
  const offset = text.indexOf(part);
  if (offset < 0) throw new Error(`the text has no ${JSON.stringify(part)}`);
  return text.slice(0, offset).split('\n').length;
}

export const exampleOf = (text: string = exampleNetwork): Network => valueOf(parseNetwork(file, text));

export const exampleGraph = (text: string = exampleNetwork): Graph => valueOf(buildGraph(exampleOf(text).spec, kinds));
