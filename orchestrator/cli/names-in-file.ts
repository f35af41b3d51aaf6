import { parseStackName, shortName, shortOf } from '../domain/stack-name.ts';
import type { Candidate } from '../graph/select.ts';
import { nameNow } from '../network/renames.ts';
import type { Network } from '../network/read-network.ts';
import type { OpenedFile } from './open-file.ts';

export type NamedFile = Pick<OpenedFile, 'graph'> & { readonly network: Pick<Network, 'file' | 'renames'> };

/** The name that the file has by now for what a stack is of; nothing where it is the one that it was deployed with: `app` of `example.vpc.web`. */
export function nameInFile({ graph, network }: NamedFile, stack: string): { readonly nameInFile?: string } {
  const namedBy = graph.byName.get(stack)?.kind.namedBy;
  const instance = parseStackName(stack)?.instance;
  if (namedBy === undefined || instance === undefined) return {};
  const name = nameNow(network.renames[namedBy], instance);
  return name === instance ? {} : { nameInFile: name };
}

/** Stacks as a person may name them: as they were deployed, and as the file has them. @param stacks full names */
export function candidatesOf(file: NamedFile, stacks: Iterable<string>): Candidate[] {
  return [...stacks].map((stack) => {
    const name = parseStackName(stack);
    const { nameInFile: instance } = nameInFile(file, stack);
    const also = name && instance !== undefined ? { also: shortName({ ...name, instance }) } : {};
    return { name: stack, short: shortOf(stack), ...also };
  });
}
