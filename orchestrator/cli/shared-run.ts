import { exitCodes } from '../domain/exit-codes.ts';
import type { ExitCode } from '../domain/exit-codes.ts';
import { messageOf, Refusal } from '../domain/problem.ts';
import { shortOf } from '../domain/stack-name.ts';
import type { StackNode } from '../graph/graph.ts';
import { endedWell, verbOf } from '../run/apply.ts';
import type { Emit, StackResult } from '../run/events.ts';
import { endUnwritten, notJoined, overtaken } from '../ui/shared-run.ts';
import { outcomesOf, SharedRun } from '../run/shared-run.ts';
import type { SharedRunSettings } from '../run/shared-run.ts';

/** A part of a run that several processes share, as one process has it. */
export interface SharedPartOfRun {
  readonly run: SharedRun;
  /** What of `selected` waits for other parts, and all that stands on it. */
  readonly waiting: (
    nodes: readonly Pick<StackNode, 'name' | 'short' | 'upstreams'>[],
    selected: ReadonlySet<string>,
  ) => { readonly ends: readonly StackResult[]; readonly exitCode: ExitCode };
  /** Says how the stacks ended; where that cannot be written, the parts after this one wait, and it is told. */
  readonly end: (ends: readonly StackResult[], emit: Emit) => Promise<void>;
}

/**
 * Joins before the state is read. A bucket that fails is for preflight to name: what failed here counts only where that finds nothing.
 * @returns the refusal where it failed
 * @throws Refusal where another run has begun since
 */
export async function joinRun(settings: SharedRunSettings): Promise<SharedPartOfRun | Refusal> {
  const { name } = settings;
  try {
    const run = await SharedRun.join(settings);
    if ('refused' in run) throw new Refusal(exitCodes.lockedByOther, overtaken(name, run.refused));
    const outcomes = outcomesOf(await run.parts());
    return {
      run,
      waiting: (nodes, selected) => waiting(nodes, selected, outcomes, name),
      end: (ends, emit) => run.end(ends).catch((cause: unknown) => emit({ type: 'note', message: endUnwritten(name, messageOf(cause)) })),
    };
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    return new Refusal(exitCodes.preflightRefused, notJoined(name, messageOf(cause)));
  }
}

function waiting(
  nodes: readonly Pick<StackNode, 'name' | 'short' | 'upstreams'>[],
  selected: ReadonlySet<string>,
  outcomes: ReturnType<typeof outcomesOf>,
  name: string,
): { readonly ends: readonly StackResult[]; readonly exitCode: ExitCode } {
  const causes = new Map<string, string>();
  for (const { name: stack, upstreams } of nodes) {
    if (!selected.has(stack)) continue;
    for (const upstream of upstreams) {
      const outcome = outcomes.get(upstream);
      const cause = selected.has(upstream)
        ? causes.get(upstream)
        : outcome === undefined || outcome === 'not-ended'
          ? `${shortOf(upstream)} has not ended in run ${name}`
          : endedWell({ outcome })
            ? undefined
            : `${shortOf(upstream)} ${verbOf({ outcome })} in run ${name}`;
      if (cause !== undefined && !causes.has(stack)) causes.set(stack, cause);
    }
  }
  const ends = nodes.flatMap(({ name: stack, short }): StackResult[] => {
    const because = causes.get(stack);
    return because === undefined ? [] : [{ stack, short, end: { outcome: 'skipped', because }, seconds: 0 }];
  });
  return { ends, exitCode: ends.length > 0 ? exitCodes.preflightRefused : exitCodes.done };
}
