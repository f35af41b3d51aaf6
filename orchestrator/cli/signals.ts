import type { Emit } from '../run/events.ts';
import { describeDraining, describeInterrupting, describeRefusedSignal } from '../ui/signals.ts';

export interface Stopping {
  /** Aborted by the first signal, which is its reason: nothing new starts. */
  readonly draining: AbortSignal;
  /** Aborted by the second: the engine is interrupted too. */
  readonly interrupting: AbortSignal;
  /** Sees which stacks are at work, so that it can be said what is at stake. */
  readonly follow: (emit: Emit) => Emit;
  readonly dispose: () => void;
}

/** The first SIGINT, SIGTERM or SIGHUP drains, the second interrupts the engine, a third is refused. */
export function listenForSignals(emit: Emit): Stopping {
  const draining = new AbortController();
  const interrupting = new AbortController();
  const atWork = new Set<string>();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (!draining.signal.aborted) {
      draining.abort(signal);
      emit({ type: 'draining', message: describeDraining(signal) });
    } else if (!interrupting.signal.aborted) {
      interrupting.abort(signal);
      emit({ type: 'draining', message: describeInterrupting(signal) });
    } else emit({ type: 'draining', message: describeRefusedSignal(signal, [...atWork]) });
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  // A terminal that is closed, a connection that breaks: whoever is gone did not ask for the engine to be killed.
  process.on('SIGHUP', onSignal);
  return {
    draining: draining.signal,
    interrupting: interrupting.signal,
    follow: (next) => (event) => {
      if (event.type === 'stack-started') atWork.add(event.stack);
      if (event.type === 'stack-ended') atWork.delete(event.stack);
      next(event);
    },
    dispose: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
      process.off('SIGHUP', onSignal);
    },
  };
}
