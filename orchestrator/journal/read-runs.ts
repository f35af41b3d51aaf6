import { runPrefix, runsPrefix } from '../state/layout.ts';
import type { ObjectStore } from '../state/object-store.ts';
import { readObject } from '../state/read-json.ts';
import { runEventSchema } from './events.ts';
import type { JournalEvent } from './events.ts';

export interface ReadRun {
  readonly run: string;
  readonly opened: Extract<JournalEvent, { type: 'run-opened' }> | undefined;
  readonly ended: Extract<JournalEvent, { type: 'run-ended' }> | undefined;
  /** Each writer's as it wrote them, and those of several by their clocks. */
  readonly events: readonly JournalEvent[];
  /** Events that cannot be read, each with why. */
  readonly unreadable: readonly string[];
}

/** Names of all runs of the network, oldest first: a name starts with its time. */
export async function allRuns(store: ObjectStore, network: string): Promise<string[]> {
  return [...(await store.folders(runsPrefix(network)))].sort();
}

/** The journal of one run. A run of which nothing is there is one without events. */
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
  const events = inOrder(read.flatMap((item) => ('type' in item ? [item] : [])));
  return {
    run,
    opened: events.find((event) => event.type === 'run-opened'),
    ended: events.findLast((event) => event.type === 'run-ended'),
    events,
    unreadable: read.flatMap((item) => ('why' in item ? [`${item.key}: ${item.why}`] : [])),
  };
}

/** A clock that was set back changes nothing in the order of its own writer. */
function inOrder(events: readonly JournalEvent[]): JournalEvent[] {
  const clocks = new Map<string, string>();
  return [...events]
    .sort((a, b) => a.sequence - b.sequence || (a.writer < b.writer ? -1 : 1))
    .map((event) => {
      const last = clocks.get(event.writer) ?? event.at;
      const at = last < event.at ? event.at : last;
      clocks.set(event.writer, at);
      return { at, event };
    })
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
    .map(({ event }) => event);
}
