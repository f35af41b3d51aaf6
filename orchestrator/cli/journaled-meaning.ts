import type { Problem } from '../domain/problem.ts';
import { buildGraph } from '../graph/graph.ts';
import type { Graph } from '../graph/graph.ts';
import { parseNetwork } from '../network/read-network.ts';
import type { Network } from '../network/read-network.ts';
import type { Program } from '../ownership/stack-record.ts';
import type { Interrupted } from '../recovery/interrupted.ts';
import type { Question } from '../recovery/questions.ts';
import type { Context } from './context.ts';
import { kindsOf } from './kinds.ts';
import type { OpenedFile } from './open-file.ts';

export interface Meaning {
  readonly graph: Graph;
  readonly network: Network;
  /** Why the run's own file is not the one that is gone by. */
  readonly refused?: string;
}

/** What the interrupted run meant, by the network file that its record names; today's where it names none, or one that is refused today. @param text of that file */
export function meaningOf(
  context: Pick<Context, 'ports'>,
  program: Program | undefined,
  text: string | undefined,
  file: Pick<OpenedFile, 'graph' | 'network'>,
): Meaning {
  const today = { graph: file.graph, network: file.network };
  if (!program) return today;
  if (text === undefined) return { ...today, refused: 'it is not in the bucket any more' };
  const network = parseNetwork(program.path, text);
  if (!network.ok) return { ...today, refused: whyOf(network.problems) };
  const graph = buildGraph(network.value.spec, kindsOf(context));
  return graph.ok ? { graph: graph.value, network: network.value } : { ...today, refused: whyOf(graph.problems) };
}

const whyOf = (problems: readonly Problem[]): string => problems.map(({ message }) => message).join('; ');

/** @param refused why the journaled network file cannot be gone by */
export function programQuestion(
  short: string,
  { program, run }: Pick<Interrupted, 'program' | 'run'>,
  refused: string | undefined,
): Question {
  const commit = program?.commit;
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
