import type { ApplyRequest } from '../run/apply.ts';
import type { Emit } from '../run/events.ts';
import { changedSince, readPendingOperations } from '../state/checkpoints.ts';
import type { StackState } from '../state/checkpoints.ts';
import type { Context } from './context.ts';
import { defaultParallel } from './flags.ts';
import type { OpenedFile, OpenedSession } from './open.ts';
import type { Stopping } from './signals.ts';

interface ApplyFlags {
  readonly parallel?: number;
  readonly verbose: boolean;
}

/** What `up` and `destroy` ask alike of a run; what they do to each stack is theirs to add. */
export function applySettings(
  stage: ApplyRequest['stage'],
  context: Context,
  file: OpenedFile,
  aws: OpenedSession,
  states: ReadonlyMap<string, StackState>,
  flags: ApplyFlags,
  stopping: Stopping,
  emit: Emit,
): Omit<ApplyRequest, 'work' | 'engine'> {
  return {
    stage,
    store: aws.store,
    owner: aws.owner(stage),
    session: aws.live,
    minimumSessionSeconds: file.network.spec.session.minimum,
    changedSincePlan: (stacks) => changedSince(aws.store, file.network.spec.network, states, stacks),
    pendingOperations: (stack) => readPendingOperations(aws.store, stack),
    parallel: flags.parallel ?? defaultParallel(),
    verbose: flags.verbose,
    emit,
    now: context.now,
    draining: stopping.draining,
    interrupting: stopping.interrupting,
  };
}
