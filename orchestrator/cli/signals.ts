import type { Emit } from '../run/events.ts';

export interface Stopping {
  /** Aborted by the first signal: nothing new starts. */
  readonly draining: AbortSignal;
  /** Aborted by the second: the engine is interrupted too. */
  readonly interrupting: AbortSignal;
  readonly dispose: () => void;
}

/** The first SIGINT or SIGTERM drains, the second interrupts the engine, a third is refused. */
export function listenForSignals(emit: Emit): Stopping {
  const draining = new AbortController();
  const interrupting = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (!draining.signal.aborted) {
      draining.abort();
      emit({
        type: 'draining',
        message: `${signal}: nothing new starts; what runs is let end. Once more interrupts the engine in the middle of its steps.`,
      });
      return;
    }
    if (!interrupting.signal.aborted) {
      interrupting.abort();
      emit({
        type: 'draining',
        message: `${signal}: the engine is interrupted; it ends the calls that are under way and writes what it knows.`,
      });
      return;
    }
    emit({
      type: 'draining',
      message: `${signal}: refused. The engine is still writing down what AWS has done; killing it now leaves stacks held. Wait, or look from another terminal: npm run status`,
    });
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    draining: draining.signal,
    interrupting: interrupting.signal,
    dispose: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
