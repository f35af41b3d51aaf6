import type { Problem } from '../domain/problem.ts';
import { buildGraph } from '../graph/graph.ts';
import type { Graph } from '../graph/graph.ts';
import { parseNetwork } from '../network/read-network.ts';
import type { Network } from '../network/read-network.ts';
import type { Interrupted } from '../recovery/interrupted.ts';
import type { Question } from '../recovery/questions.ts';
import type { Context } from './context.ts';
import { kindsOf } from './kinds.ts';
import type { OpenedFile } from './open-file.ts';

export interface Meaning {
  readonly graph: Graph;
  readonly network: Network;
  /** Why the journaled file is not the one that is gone by. */
  readonly refused?: string;
}

/** What the interrupted run meant, by the network file that it journaled; today's where it journaled none, or one that is refused today. */
export function meaningOf(
  context: Pick<Context, 'ports'>,
  { opening }: Pick<Interrupted, 'opening'>,
  file: Pick<OpenedFile, 'graph' | 'network'>,
): Meaning {
  const today = { graph: file.graph, network: file.network };
  if (!opening) return today;
  const network = parseNetwork(opening.networkFile.path, opening.networkFile.text);
  if (!network.ok) return { ...today, refused: whyOf(network.problems) };
  const graph = buildGraph(network.value.spec, kindsOf(context));
  return graph.ok ? { graph: graph.value, network: network.value } : { ...today, refused: whyOf(graph.problems) };
}

const whyOf = (problems: readonly Problem[]): string => problems.map(({ message }) => message).join('; ');

/** @param refused why the journaled network file cannot be gone by */
export function programQuestion(
  short: string,
  { opening, run }: Pick<Interrupted, 'opening' | 'run'>,
  refused: string | undefined,
): Question {
  const commit = opening?.commit;
  const what =
    refused === undefined
      ? 'the code in stacks/ is not what it was'
      : `the code of today refuses the network file (${refused}) that was used`;
  return {
    question: `${short}: ${what} in run ${run}${commit === undefined ? '' : ` (commit ${commit})`}. With which is the plan to be made that has to agree?`,
    answers: [
      ...(commit === undefined
        ? []
        : [
            {
              means: 'with the code of then, from a checkout of it',
              command: `git worktree add ../holdfast-${commit.slice(0, 8)} ${commit} && cd ../holdfast-${commit.slice(0, 8)} && npm ci && npm run recover -- ${short}`,
            },
          ]),
      { means: 'with the code of today', command: `npm run recover -- ${short} --changed-program` },
    ],
  };
}
