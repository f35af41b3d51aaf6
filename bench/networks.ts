import { readFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';
import { buildGraph } from '../orchestrator/graph/graph.ts';
import type { Graph } from '../orchestrator/graph/graph.ts';
import { generateNetwork } from '../orchestrator/network/generate.ts';
import { parseNetwork } from '../orchestrator/network/read-network.ts';
import { kinds } from '../stacks/index.ts';
import type { Case } from './plan.ts';

/** What is deployed, and what becomes of its file in each case. */

/** Stacks of the example network, which is deployed where that many are asked for. */
export const exampleStacks = 13;

interface NetworkText {
  vpcs: Record<string, { segment: string; cidr: string; subnets: object; attachment: string; routes: Record<string, string[]> }>;
}

/** Of a generated network: the gateway and three segments, and three for each VPC. */
export const stacksOf = (vpcs: number): number => 4 + 3 * vpcs;

/** @param stacks as `stacksOf` has them */
export async function networkOf(stacks: number): Promise<string> {
  if (stacks === exampleStacks) return await readFile(new URL('../networks/example.yaml', import.meta.url), 'utf8');
  return generateNetwork((stacks - stacksOf(0)) / (stacksOf(1) - stacksOf(0)));
}

/** The network file that a case is run with. */
export function networkFor(which: Case, text: string): string {
  switch (which) {
    case 'first':
    case 'noop':
      return text;
    case 'change':
      return edited(text, ({ vpcs }) => {
        const routes = lastOf(vpcs).routes;
        const tier = Object.keys(routes)[0] ?? '';
        routes[tier] = [...(routes[tier] ?? []), '172.31.0.0/16'];
      });
    case 'add':
      return edited(text, ({ vpcs }) => {
        // The last block that a generated network can come to.
        vpcs['added'] = {
          segment: lastOf(vpcs).segment,
          cidr: '10.255.240.0/20',
          subnets: { private: { a: '10.255.240.0/22', b: '10.255.244.0/22' } },
          attachment: 'private',
          routes: { private: ['0.0.0.0/0'] },
        };
      });
  }
}

function edited(text: string, edit: (network: NetworkText) => void): string {
  const network = parse(text) as NetworkText;
  edit(network);
  return stringify(network);
}

function lastOf<Value>(record: Record<string, Value>): Value {
  const last = Object.values(record).at(-1);
  if (last === undefined) throw new Error('the network has no VPC');
  return last;
}

export function graphOf(text: string): Graph {
  const network = parseNetwork('bench.yaml', text);
  if (!network.ok) throw new Error(JSON.stringify(network.problems));
  const graph = buildGraph(network.value.spec, kinds);
  if (!graph.ok) throw new Error(JSON.stringify(graph.problems));
  return graph.value;
}

/**
 * Full names of the stacks that a case gives something to do: new ones, and those that the file now asks something else of. None of the cases
 * changes an output that another stack reads.
 */
export function stacksToRun(which: Case, text: string): ReadonlySet<string> {
  const before = which === 'first' ? undefined : graphOf(text).byName;
  const { nodes } = graphOf(networkFor(which, text));
  const isNew = ({ name, inputs }: (typeof nodes)[number]): boolean => {
    const known = before?.get(name);
    return known === undefined || JSON.stringify(known.inputs) !== JSON.stringify(inputs);
  };
  return new Set(nodes.filter(isNew).map(({ name }) => name));
}
