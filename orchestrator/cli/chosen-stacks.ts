import { exitCodes } from '../domain/exit-codes.ts';
import { orRefuse } from '../domain/problem.ts';
import { withDependents, withUpstreams } from '../graph/graph.ts';
import { selectStacks } from '../graph/select.ts';
import { candidatesOf } from './names-in-file.ts';
import type { NamedFile } from './names-in-file.ts';

export interface WideningFlags {
  readonly withUpstreams: boolean;
  readonly withDependents: boolean;
}

/**
 * The stacks that a person named, and what the flags add to them.
 * @throws Refusal where a pattern matches nothing
 */
export function chosenStacks(file: NamedFile, patterns: readonly string[], flags: WideningFlags): ReadonlySet<string> {
  const { graph, network } = file;
  const stacks = graph.nodes.map(({ name }) => name);
  const named = orRefuse(selectStacks(candidatesOf(file, stacks), patterns, network.file), exitCodes.usage);
  const up = flags.withUpstreams ? withUpstreams(graph, named) : named;
  return flags.withDependents ? withDependents(graph, up) : up;
}
