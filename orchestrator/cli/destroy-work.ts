import type { Work } from '../run/stack-run.ts';
import type { StackState } from '../state/checkpoints.ts';
import { firstGuessSeconds } from '../state/durations.ts';
import { cloudSecrets } from '../state/secrets.ts';
import { dependentsOf } from './blocked.ts';
import type { OpenedState } from './open.ts';
import type { OpenedFile } from './open-file.ts';

/** All of a stack is deleted, and then its record in the engine's own list. @param after full names of the stacks that have to end well before */
export function destroyWork(
  doomed: StackState,
  { graph, network }: OpenedFile,
  { states, durations }: Pick<OpenedState, 'states' | 'durations'>,
  after: readonly string[],
): Work {
  const { stack, short, resources, body } = doomed;
  return {
    stack,
    short,
    kind: graph.byName.get(stack)?.kind.title ?? 'not in the network file',
    operation: 'destroy',
    after,
    reads: [],
    guards: dependentsOf(stack, graph.nodes, states.values()),
    last: true,
    needed: true,
    total: resources,
    forecastSeconds: durations.get(stack) ?? firstGuessSeconds,
    run: (engine, options) =>
      engine.destroy({
        stack,
        program: () => Promise.resolve(),
        exists: true,
        secrets: cloudSecrets(network.spec.state.secrets, body),
        ...options,
      }),
    program: undefined,
    succeeded: () => ({ outcome: 'destroyed', deleted: resources }),
  };
}
