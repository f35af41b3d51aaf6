import { runPrefix, runsPrefix } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { readObject } from '../state/read-json.ts';
import { runEventSchema } from './events.ts';
import type { JournalEvent } from './events.ts';
import { inReplayOrder, replay } from './run-state.ts';
import type { RunState } from './run-state.ts';

export interface ReadRun {
  readonly run: string;
  readonly state: RunState;
  /** In the order of replay. */
  readonly events: readonly JournalEvent[];
  /** Events that cannot be read, each with why: what they licensed is not known. */
  readonly unreadable: readonly string[];
}

/** Names of all runs of the network, oldest first: a name starts with its time. */
export async function allRuns(store: ObjectStore, network: string): Promise<string[]> {
  return [...(await store.folders(runsPrefix(network)))].sort();
}

/** The journal of one run, replayed. A run of which nothing is there is one without events. */
export async function readRun(store: ObjectStore, network: string, run: string): Promise<ReadRun> {
  const objects = await store.list(runPrefix(network, run));
  const read = await Promise.all(
    objects.map(async ({ key }) => {
      const stored = await store.get(key);
      if (!stored) return { key, why: 'it is gone' };
      const event = readObject(stored.body, runEventSchema);
      return event.ok ? event.value : { key, why: event.why };
    }),
  );
  const events = inReplayOrder(read.flatMap((item) => ('type' in item ? [item] : [])));
  return {
    run,
    state: replay(run, events),
    events,
    unreadable: read.flatMap((item) => ('why' in item ? [`${item.key}: ${item.why}`] : [])),
  };
}
