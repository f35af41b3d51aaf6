import { fullName, shortName } from '../domain/stack-name.ts';
import { notOk, ok } from '../domain/problem.ts';
import type { Result } from '../domain/problem.ts';
import type { NetworkSpec } from '../network/spec.ts';
import type { StackKind } from '../pulumi/kind.ts';

/** One stack that the network asks for. */
export interface StackNode {
  /** Full name, as Pulumi has it: `example.vpc.shared`. */
  readonly name: string;
  readonly short: string;
  readonly kind: StackKind;
  readonly inputs: unknown;
  /** In the order of the kind. */
  readonly references: readonly Reference[];
  /** Full names of the stacks that it reads, each once. */
  readonly upstreams: readonly string[];
}

/** One stack that another one reads. */
export interface Reference {
  /** Its name in the kind of the stack that reads. */
  readonly reference: string;
  /** Full name of the stack that is read. */
  readonly stack: string;
  /** Where the reference is to several stacks: by what the program tells them apart. */
  readonly instance?: string;
  /** Name of each output that is read to the keys of it, where it is a map; undefined where it is none. */
  readonly outputs: Readonly<Record<string, readonly string[] | undefined>>;
}

/** The stacks of a network in an order in which every stack comes after what it reads. */
export interface Graph {
  readonly network: string;
  readonly nodes: readonly StackNode[];
  readonly byName: ReadonlyMap<string, StackNode>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The graph of a network: made of declared references and nothing else. A cycle, or a reference to a stack that is not there, is a problem. */
export function buildGraph(spec: NetworkSpec, kinds: readonly StackKind[], env: Environment = process.env): Result<Graph> {
  const network = spec.network;
  const nodes = kinds.flatMap((kind) =>
    kind.instances(spec, env).map(({ instance, inputs, references }): StackNode => {
      const name = { network, kind: kind.kind, ...(instance === undefined ? {} : { instance }) };
      const read = Object.entries(kind.references).flatMap(([reference, type]) =>
        [references[reference] ?? []].flat().map(({ instance: of, keys }): Reference => ({
          reference,
          stack: fullName({ network, kind: type.kind, ...(of === undefined ? {} : { instance: of }) }),
          ...(type.each === true && of !== undefined ? { instance: of } : {}),
          outputs: Object.fromEntries(Object.keys(type.outputs).map((output) => [output, keys?.[output]])),
        })),
      );
      return {
        name: fullName(name),
        short: shortName(name),
        kind,
        inputs,
        references: read,
        upstreams: [...new Set(read.map(({ stack }) => stack))],
      };
    }),
  );
  const byName = new Map(nodes.map((node) => [node.name, node]));
  for (const node of nodes)
    for (const { reference, stack } of node.references)
      if (!byName.has(stack))
        return notOk({
          reason: 'missing-upstream',
          message: `stack ${node.short} reads ${reference} from ${stack}, which the network does not have`,
          next: `Check the references of kind "${node.kind.kind}" in stacks/.`,
        });
  const order = dependencyOrder(nodes.map(({ name, upstreams }) => ({ name, upstreams })));
  if (!order.ok)
    return notOk({
      reason: 'cycle',
      message: `the stacks read from one another in a circle: ${order.cycle.join(' -> ')}`,
      next: 'Take one of these references away in stacks/.',
    });
  return ok({ network, nodes: order.names.flatMap((name) => byName.get(name) ?? []), byName });
}

/** @throws where it is not in the graph: who asks has it from there */
export function nodeOf(graph: Graph, name: string): StackNode {
  const node = graph.byName.get(name);
  if (!node) throw new Error(`${name} is not in the graph`);
  return node;
}

interface Vertex {
  readonly name: string;
  readonly upstreams: readonly string[];
}

type Order = { readonly ok: true; readonly names: readonly string[] } | { readonly ok: false; readonly cycle: readonly string[] };

/** Depth first, in the order given, so that the same network always comes in the same order. Upstreams that are not among the vertices do not count. */
export function dependencyOrder(vertices: readonly Vertex[]): Order {
  const byName = new Map(vertices.map((vertex) => [vertex.name, vertex]));
  const names: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  // An explicit stack: a chain of stacks made by hand may be deeper than the call stack.
  for (const start of vertices) {
    const path: { vertex: Vertex; next: number }[] = state.has(start.name) ? [] : [{ vertex: start, next: 0 }];
    if (path.length > 0) state.set(start.name, 'open');
    while (path.length > 0) {
      const top = path[path.length - 1];
      if (!top) break;
      const upstream = top.vertex.upstreams[top.next];
      top.next += 1;
      if (upstream === undefined) {
        state.set(top.vertex.name, 'done');
        names.push(top.vertex.name);
        path.pop();
        continue;
      }
      const vertex = byName.get(upstream);
      if (!vertex || state.get(upstream) === 'done') continue;
      if (state.get(upstream) === 'open') {
        const open = path.map((entry) => entry.vertex.name);
        return { ok: false, cycle: [...open.slice(open.indexOf(upstream)), upstream] };
      }
      state.set(upstream, 'open');
      path.push({ vertex, next: 0 });
    }
  }
  return { ok: true, names };
}

/** `names` and everything that they read, directly or through others. */
export function withUpstreams(
  graph: { readonly byName: ReadonlyMap<string, Pick<StackNode, 'upstreams'>> },
  names: Iterable<string>,
): Set<string> {
  return closure(names, (name) => graph.byName.get(name)?.upstreams ?? []);
}

/** `names` and everything that reads them, directly or through others. */
export function withDependents(graph: Graph, names: Iterable<string>): Set<string> {
  const dependents = new Map<string, string[]>();
  for (const node of graph.nodes)
    for (const upstream of node.upstreams) dependents.set(upstream, [...(dependents.get(upstream) ?? []), node.name]);
  return closure(names, (name) => dependents.get(name) ?? []);
}

function closure(names: Iterable<string>, neighbours: (name: string) => readonly string[]): Set<string> {
  const found = new Set<string>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    open.push(...neighbours(name));
  }
  return found;
}
